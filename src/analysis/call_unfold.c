/* Unfolding by figures, and unfolding again what got other names. */
#include <errno.h>

#include "analysis/call_parts.h"

#define NODES_MAX 10000u /* that are unfolded at once without being asked for one by one */

static int unfold_node(struct ms_call_tree *tree, struct ms_call_layout *layout, uint32_t node)
{
    if (layout->nodes[node].children > 0 || !layout->nodes[node].expandable) {
        return 0;
    }
    const int error = ms_call_unfolded_add(&tree->unfolded, layout->nodes[node].key);
    return error != 0 ? error : ms_call_layout_split(layout, node);
}

static uint32_t node_of_key(const struct ms_call_layout *layout, uint64_t key)
{
    for (uint32_t i = 1; i < layout->node_count; i++) {
        if (layout->nodes[i].key == key) {
            return i;
        }
    }
    return MS_CALL_NONE;
}

/* Down along the largest child, as long as the next one has less than half of it. */
static int unfold_hot(struct ms_call_tree *tree, struct ms_call_layout *layout)
{
    uint32_t node = node_of_key(layout, tree->hot_key);
    while (node != MS_CALL_NONE) {
        const int error = unfold_node(tree, layout, node);
        if (error != 0) {
            return error;
        }
        const struct ms_call_node above = layout->nodes[node];
        double largest = 0;
        double second = 0;
        node = MS_CALL_NONE;
        for (uint32_t i = 0; i < above.children; i++) {
            const double value = ms_call_node_figure(layout, &layout->nodes[above.first_child + i],
                                                     tree->options.sort, &tree->known);
            if (value > largest) {
                second = largest;
                largest = value;
                node = above.first_child + i;
            } else if (value > second) {
                second = value;
            }
        }
        if (2 * second >= largest) {
            return 0;
        }
    }
    return 0;
}

static bool has_share(const struct ms_call_layout *layout, const struct ms_call_node *node,
                      double share, const struct ms_call_known *known)
{
    for (int i = 0; i < MS_SITE_FIGURE_TOTAL; i++) {
        const enum ms_site_figure figure = (enum ms_site_figure)i;
        const double all = ms_call_node_figure(layout, &layout->nodes[0], figure, known);
        if (figure != MS_SITE_FIGURE_GROWTH && all > 0 &&
            ms_call_node_figure(layout, node, figure, known) >= share * all) {
            return true;
        }
    }
    return false;
}

int ms_call_unfold_wanted(struct ms_call_tree *tree, struct ms_call_layout *layout)
{
    int error = 0;
    if (layout->shape == MS_CALL_FLAT) {
        return 0;
    }
    if (tree->unfold_hot) {
        error = unfold_hot(tree, layout);
    }
    for (uint32_t i = 1; error == 0 && (tree->unfold_all || tree->unfold_share > 0) &&
                         i < layout->node_count && layout->node_count < NODES_MAX;
         i++) {
        if (tree->unfold_all ||
            has_share(layout, &layout->nodes[i], tree->unfold_share, &tree->known)) {
            error = unfold_node(tree, layout, i);
        }
    }
    return error;
}

/*
 * The node was at `frame` of one of its sites: on the path that this site has now, everything as
 * far as that frame is unfolded.
 */
static int unfold_path_to(struct ms_call_tree *tree, const struct ms_call_node *node)
{
    struct ms_call_layout *layout = tree->layout;
    /* Merging may have moved it, but only towards the front, or taken it away. */
    const size_t position = ms_model_site_position(layout->model, node->site_id);
    if (position == SIZE_MAX) {
        return 0;
    }
    struct ms_call_path path = ms_call_layout_path(layout, (uint32_t)position);
    if (ms_call_path_culprit(&tree->functions, path.site, &path.culprit) != 0) {
        return -ENOMEM;
    }
    uint64_t key = layout->nodes[0].key;
    for (struct ms_call_position at = ms_call_path_start(&path); !at.end;) {
        const bool beyond = path.from_callees ? at.frame < node->frame : at.frame > node->frame;
        if (beyond) {
            return 0;
        }
        const uint32_t function = ms_call_path_take(&tree->functions, &path, &at);
        if (function == 0) {
            return -ENOMEM;
        }
        key = ms_call_key(layout, key, function);
        if (ms_call_unfolded_add(&tree->unfolded, key) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

int ms_call_unfold_renamed(struct ms_call_tree *tree, const struct ms_call_options *options)
{
    const struct ms_call_layout *layout = tree->layout;
    if (layout == NULL || layout->shape != options->shape || layout->shape == MS_CALL_FLAT ||
        layout->fold_libraries != options->fold_libraries) {
        return 0;
    }
    for (uint32_t i = 1; i < layout->node_count; i++) {
        /* What was folded since then is not to come back. */
        if (layout->nodes[i].children > 0 &&
            ms_call_unfolded_has(&tree->unfolded, layout->nodes[i].key)) {
            const int error = unfold_path_to(tree, &layout->nodes[i]);
            if (error != 0) {
                return error;
            }
        }
    }
    return 0;
}
