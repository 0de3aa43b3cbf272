/*
 * The flat shape. Walks all paths once as a tree, and notes of each function the nodes at which it
 * is met for the first time on its path: their ranges of sites do not overlap, so a function that
 * calls itself is counted once.
 */
#include <errno.h>
#include <stdlib.h>

#include "analysis/call_layout.h"

struct walk {
    struct ms_call_layout *layout;
    uint32_t *on_path; /* by function: how many times */
    size_t capacity;
};

static int make_room(struct walk *walk, uint32_t function)
{
    if (function < walk->capacity) {
        return 0;
    }
    const size_t room = (size_t)function + function / 2 + 64;
    uint32_t *grown = reallocarray(walk->on_path, room, sizeof(*grown));
    if (grown == NULL) {
        return -ENOMEM;
    }
    for (size_t i = walk->capacity; i < room; i++) {
        grown[i] = 0;
    }
    walk->on_path = grown;
    walk->capacity = room;
    return 0;
}

/* Enters a function on the path. */
static int meet(struct walk *walk, uint32_t function, uint32_t lo, uint32_t hi)
{
    struct ms_call_layout *layout = walk->layout;
    if (make_room(walk, function) != 0) {
        return -ENOMEM;
    }
    /* What was cut off is no function. */
    const bool skip = function == MS_CALL_CUT || function == MS_CALL_NO_CFI;
    if (walk->on_path[function]++ > 0 || skip) {
        return 0;
    }
    if (layout->occurrence_count == layout->occurrence_capacity) {
        const uint32_t room = layout->occurrence_capacity * 2 + 1024;
        struct ms_call_occurrence *grown = reallocarray(layout->occurrences, room, sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        layout->occurrences = grown;
        layout->occurrence_capacity = room;
    }
    layout->occurrences[layout->occurrence_count++] = (struct ms_call_occurrence){function, lo, hi};
    return 0;
}

/* The rest of the path of a site that has no more company. */
static int walk_alone(struct walk *walk, uint32_t rank)
{
    struct ms_call_layout *layout = walk->layout;
    const uint32_t index = layout->order[rank];
    const struct ms_call_path path = ms_call_layout_path(layout, index);
    struct ms_call_position at = layout->positions[index];
    int error = 0;
    while (error == 0 && !at.end) {
        const uint32_t function = ms_call_path_take(layout->functions, &path, &at);
        error = function == 0 ? -ENOMEM : meet(walk, function, rank, rank + 1);
        layout->steps++;
    }
    for (at = layout->positions[index]; !at.end;) {
        const uint32_t function = ms_call_path_take(layout->functions, &path, &at);
        if (function != 0 && function < walk->capacity && walk->on_path[function] > 0) {
            walk->on_path[function]--;
        }
    }
    return error;
}

/* As deep as a stack is: 128 frames with what is inlined there. The children go when done. */
static int walk_below(struct walk *walk, uint32_t node)
{
    struct ms_call_layout *layout = walk->layout;
    const struct ms_call_node above = layout->nodes[node];
    if (above.hi - above.ended == 1) {
        return walk_alone(walk, above.ended);
    }
    if (above.hi == above.ended) {
        return 0;
    }
    const uint32_t mark = layout->node_count;
    int error = ms_call_layout_split(layout, node);
    const uint32_t end = layout->node_count;
    for (uint32_t i = mark; error == 0 && i < end; i++) {
        const struct ms_call_node child = layout->nodes[i];
        error = meet(walk, child.function, child.lo, child.hi);
        error = error != 0 ? error : walk_below(walk, i);
        walk->on_path[child.function] -= error == 0;
    }
    layout->node_count = mark;
    return error;
}

/* Occurrences in the order of their functions, as counted in `first` (one more than functions). */
static int sort_occurrences(struct ms_call_layout *layout, uint32_t *first, size_t functions)
{
    struct ms_call_occurrence *sorted =
        malloc(((size_t)layout->occurrence_count + 1) * sizeof(*sorted));
    if (sorted == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < layout->occurrence_count; i++) {
        first[layout->occurrences[i].function + 1]++;
    }
    for (size_t i = 1; i <= functions; i++) {
        first[i] += first[i - 1];
    }
    for (uint32_t i = 0; i < layout->occurrence_count; i++) {
        sorted[first[layout->occurrences[i].function]++] = layout->occurrences[i];
    }
    free(layout->occurrences);
    layout->occurrences = sorted;
    layout->occurrence_capacity = layout->occurrence_count + 1;
    return 0;
}

/* One node for each function; `roots` lists what allocates itself. */
static int add_rows(struct ms_call_layout *layout, const struct ms_call_node *roots, uint32_t count)
{
    for (uint32_t i = 0; i < layout->occurrence_count;) {
        uint32_t end = i;
        while (end < layout->occurrence_count &&
               layout->occurrences[end].function == layout->occurrences[i].function) {
            end++;
        }
        const uint32_t function = layout->occurrences[i].function;
        struct ms_call_node *node = &layout->nodes[layout->node_count++];
        *node = (struct ms_call_node){
            .key = ms_call_key(layout, layout->nodes[0].key, function),
            .function = function,
            .site = layout->order[layout->occurrences[i].lo],
            .first_child = i,
            .children = end - i,
        };
        layout->child_of[function] = layout->node_count;
        i = end;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct ms_call_node *node = &layout->nodes[layout->child_of[roots[i].function] - 1];
        node->lo = roots[i].lo;
        node->ended = node->hi = roots[i].hi;
    }
    for (uint32_t i = 1; i < layout->node_count; i++) {
        layout->child_of[layout->nodes[i].function] = 0;
    }
    layout->nodes[0].first_child = 1;
    layout->nodes[0].children = layout->node_count - 1;
    return 0;
}

/* Makes room for the rows and turns occurrences into them. */
static int finish(struct ms_call_layout *layout, const struct ms_call_node *roots, uint32_t count)
{
    const size_t functions = layout->functions->list.count + 1;
    uint32_t *first = calloc(functions + 2, sizeof(*first));
    if (first == NULL || sort_occurrences(layout, first, functions) != 0) {
        free(first);
        return -ENOMEM;
    }
    free(first);
    struct ms_call_node *nodes = reallocarray(layout->nodes, functions + 2, sizeof(*nodes));
    uint32_t *child_of = calloc(functions + 1, sizeof(*child_of));
    if (nodes != NULL) {
        layout->nodes = nodes;
        layout->node_capacity = (uint32_t)functions + 2;
    }
    if (nodes == NULL || child_of == NULL) {
        free(child_of);
        return -ENOMEM;
    }
    free(layout->child_of);
    layout->child_of = child_of;
    layout->child_of_capacity = functions + 1;
    layout->node_count = 1;
    return add_rows(layout, roots, count);
}

int ms_call_layout_flatten(struct ms_call_layout *layout)
{
    struct walk walk = {.layout = layout};
    int error = ms_call_layout_split(layout, 0);
    const uint32_t count = layout->node_count - 1;
    struct ms_call_node *roots = malloc(((size_t)count + 1) * sizeof(*roots));
    error = roots == NULL ? -ENOMEM : error;
    for (uint32_t i = 0; error == 0 && i < count; i++) {
        roots[i] = layout->nodes[i + 1];
        error = meet(&walk, roots[i].function, roots[i].lo, roots[i].hi);
        error = error != 0 ? error : walk_below(&walk, i + 1);
        walk.on_path[roots[i].function] -= error == 0;
    }
    error = error != 0 ? error : finish(layout, roots, count);
    free(roots);
    free(walk.on_path);
    return error;
}
