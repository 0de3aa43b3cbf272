/* The rows of a call tree: their order, and what each says when it is asked for. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_parts.h"

static int reserve(void *array, size_t count, size_t element_bytes)
{
    void **of = array;
    void *grown = reallocarray(*of, count, element_bytes);
    if (grown == NULL) {
        return -ENOMEM;
    }
    *of = grown;
    return 0;
}

int ms_call_rows_reserve(struct ms_call_tree *tree, const struct ms_call_layout *layout)
{
    if (layout->sites >= tree->rank_capacity) {
        const size_t room = layout->sites + layout->sites / 8 + MS_CALL_BLOCK;
        if (reserve(&tree->rank_values, room, sizeof(*tree->rank_values)) != 0 ||
            reserve(&tree->greatest, room / MS_CALL_BLOCK + 1, sizeof(*tree->greatest)) != 0) {
            return -ENOMEM;
        }
        tree->rank_capacity = room;
    }
    if (layout->node_count <= tree->node_capacity) {
        return 0;
    }
    const size_t room = layout->node_count + layout->node_count / 4 + 64;
    if (reserve(&tree->values, room, sizeof(*tree->values)) != 0 ||
        reserve(&tree->shown, room, sizeof(*tree->shown)) != 0 ||
        reserve(&tree->held, room, sizeof(*tree->held)) != 0 ||
        reserve(&tree->row_of, room, sizeof(*tree->row_of)) != 0 ||
        reserve(&tree->visible, room, sizeof(*tree->visible)) != 0 ||
        reserve(&tree->rows, room, sizeof(*tree->rows)) != 0 ||
        reserve(&tree->filled, room, sizeof(*tree->filled)) != 0) {
        return -ENOMEM;
    }
    tree->node_capacity = room;
    return 0;
}

void ms_call_rows_free(struct ms_call_tree *tree)
{
    free(tree->values);
    free(tree->shown);
    free(tree->held);
    free(tree->row_of);
    free(tree->visible);
    free(tree->rows);
    free(tree->filled);
    free(tree->rank_values);
    free(tree->greatest);
}

void ms_call_rows_reset(struct ms_call_tree *tree)
{
    for (uint32_t i = 0; i < tree->layout->node_count; i++) {
        tree->shown[i] = i;
        tree->held[i] = MS_CALL_NONE;
    }
}

struct ms_call_place *ms_call_rows_places(const struct ms_call_tree *tree, size_t *count)
{
    struct ms_call_place *places = calloc(tree->row_count + 1, sizeof(*places));
    *count = places != NULL && tree->layout != NULL ? tree->row_count : 0;
    for (size_t i = 0; i < *count; i++) {
        places[i] = (struct ms_call_place){.key = tree->layout->nodes[tree->visible[i]].key,
                                           .row = (uint32_t)i};
    }
    return places;
}

static int compare_places(const void *left, const void *right)
{
    const struct ms_call_place *a = left;
    const struct ms_call_place *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

void ms_call_rows_hold(struct ms_call_tree *tree, struct ms_call_place *places, size_t count)
{
    qsort(places, count, sizeof(*places), compare_places);
    for (uint32_t i = 0; i < tree->layout->node_count; i++) {
        const struct ms_call_place wanted = {.key = tree->layout->nodes[i].key};
        const struct ms_call_place *found =
            bsearch(&wanted, places, count, sizeof(*places), compare_places);
        tree->held[i] = found != NULL ? found->row : MS_CALL_NONE;
    }
}

static bool is_flat(const struct ms_call_layout *layout, const struct ms_call_node *node)
{
    return layout->shape == MS_CALL_FLAT && node != layout->nodes;
}

double ms_call_node_figure(const struct ms_call_layout *layout, const struct ms_call_node *node,
                           enum ms_site_figure figure, const struct ms_call_known *known)
{
    struct ms_call_sums sums = {0};
    if (!is_flat(layout, node)) {
        ms_call_sums_add_range(&sums, layout, node->lo, node->hi);
        return ms_call_figure(&sums, figure, known);
    }
    for (uint32_t i = 0; i < node->children; i++) {
        const struct ms_call_occurrence *at = &layout->occurrences[node->first_child + i];
        sums.of[figure] += layout->sums[at->hi].of[figure] - layout->sums[at->lo].of[figure];
        if (figure == MS_SITE_FIGURE_GROWTH) {
            sums.of[MS_SITE_FIGURE_LIVE] += layout->sums[at->hi].of[MS_SITE_FIGURE_LIVE] -
                                            layout->sums[at->lo].of[MS_SITE_FIGURE_LIVE];
        }
    }
    return ms_call_figure(&sums, figure, known);
}

/* What is not known yet cannot be sorted by: what is live comes close. */
static enum ms_site_figure order_of(const struct ms_call_tree *tree)
{
    const enum ms_site_figure sort = tree->options.sort;
    const bool unknown = (sort == MS_SITE_FIGURE_GROWTH && isnan(tree->known.growth_s)) ||
                         (sort == MS_SITE_FIGURE_AT_PEAK && !tree->known.at_peak);
    return unknown ? MS_SITE_FIGURE_LIVE : sort;
}

/* A strict order, also of equal ones, so that rows hold still. */
static int compare_nodes(const void *left, const void *right, void *data)
{
    const struct ms_call_tree *tree = data;
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    if (tree->options.hold && tree->held[a] != tree->held[b]) {
        return tree->held[a] < tree->held[b] ? -1 : 1;
    }
    const double of_a = tree->values[a];
    const double of_b = tree->values[b];
    if (of_a != of_b) {
        return (of_a > of_b) != tree->options.ascending ? -1 : 1;
    }
    const struct ms_call_node *nodes = tree->layout->nodes;
    if (nodes[a].function != nodes[b].function) {
        const int names =
            strcmp(ms_call_function_name(ms_call_function_at(&tree->functions, nodes[a].function)),
                   ms_call_function_name(ms_call_function_at(&tree->functions, nodes[b].function)));
        if (names != 0) {
            return names;
        }
    }
    return (nodes[a].key > nodes[b].key) - (nodes[a].key < nodes[b].key);
}

/* From one update to the next the order mostly holds: looking is cheaper than sorting. */
static void sort_children(struct ms_call_tree *tree, const struct ms_call_node *node)
{
    uint32_t *children = tree->shown + node->first_child;
    for (uint32_t i = 1; i < node->children; i++) {
        if (compare_nodes(&children[i - 1], &children[i], tree) > 0) {
            qsort_r(children, node->children, sizeof(*children), compare_nodes, tree);
            return;
        }
    }
}

static void find_greatest(struct ms_call_tree *tree, enum ms_site_figure order)
{
    const struct ms_call_sums *sums = tree->layout->sums;
    const uint32_t *sites = tree->layout->order;
    for (uint32_t rank = 0; rank < tree->layout->sites; rank++) {
        struct ms_call_sums one;
        one.of[order] = sums[rank + 1].of[order] - sums[rank].of[order];
        if (order == MS_SITE_FIGURE_GROWTH) {
            one.of[MS_SITE_FIGURE_LIVE] =
                sums[rank + 1].of[MS_SITE_FIGURE_LIVE] - sums[rank].of[MS_SITE_FIGURE_LIVE];
        }
        const double value = ms_call_figure(&one, order, &tree->known);
        tree->rank_values[rank] = value;
        uint32_t *best = &tree->greatest[rank / MS_CALL_BLOCK];
        if (rank % MS_CALL_BLOCK == 0 || value > tree->rank_values[*best] ||
            (value == tree->rank_values[*best] && sites[rank] < sites[*best])) {
            *best = rank;
        }
    }
}

static void list_visible(struct ms_call_tree *tree, uint32_t parent)
{
    const struct ms_call_node *node = &tree->layout->nodes[parent];
    for (uint32_t i = 0; i < node->children; i++) {
        const uint32_t child = tree->shown[node->first_child + i];
        tree->row_of[child] = (uint32_t)tree->row_count;
        tree->filled[tree->row_count] = false;
        tree->visible[tree->row_count++] = child;
        if (tree->layout->shape != MS_CALL_FLAT) {
            list_visible(tree, child);
        }
    }
}

/* Of equal ones the site that was first. */
static void look_at(const struct ms_call_tree *tree, uint32_t *best, uint32_t rank)
{
    const double *values = tree->rank_values;
    const uint32_t *sites = tree->layout->order;
    if (*best == MS_CALL_NONE || values[rank] > values[*best] ||
        (values[rank] == values[*best] && sites[rank] < sites[*best])) {
        *best = rank;
    }
}

static void find_greatest_between(const struct ms_call_tree *tree, uint32_t *best, uint32_t lo,
                                  uint32_t hi)
{
    while (lo < hi) {
        if (lo % MS_CALL_BLOCK == 0 && hi - lo >= MS_CALL_BLOCK) {
            look_at(tree, best, tree->greatest[lo / MS_CALL_BLOCK]);
            lo += MS_CALL_BLOCK;
        } else {
            look_at(tree, best, lo++);
        }
    }
}

static void fill_figures(const struct ms_call_tree *tree, struct ms_call_row *row,
                         const struct ms_call_node *node)
{
    const struct ms_call_layout *layout = tree->layout;
    struct ms_call_sums inclusive = {0};
    struct ms_call_sums self = {0};
    uint32_t best = MS_CALL_NONE;
    if (is_flat(layout, node)) {
        for (uint32_t i = 0; i < node->children; i++) {
            const struct ms_call_occurrence *at = &layout->occurrences[node->first_child + i];
            ms_call_sums_add_range(&inclusive, layout, at->lo, at->hi);
            ms_call_sums_add_range(&self, layout, at->lo, at->ended);
            find_greatest_between(tree, &best, at->lo, at->hi);
            row->sites += at->hi - at->lo;
        }
    } else {
        ms_call_sums_add_range(&inclusive, layout, node->lo, node->hi);
        find_greatest_between(tree, &best, node->lo, node->hi);
        row->sites = node->hi - node->lo;
    }
    const bool all_self =
        node == layout->nodes || (layout->shape == MS_CALL_CALLERS && node->depth == 0);
    if (all_self) {
        self = inclusive;
    } else if (layout->shape == MS_CALL_CALLEES) {
        ms_call_sums_add_range(&self, layout, node->lo, node->ended);
    }
    row->site_id = best != MS_CALL_NONE ? ms_call_site_id(layout, best) : 0;
    row->estimated = inclusive.of[MS_CALL_ESTIMATED] != 0;
    for (int i = 0; i < MS_SITE_FIGURE_TOTAL; i++) {
        row->inclusive[i] = ms_call_figure(&inclusive, (enum ms_site_figure)i, &tree->known);
        row->self[i] = ms_call_figure(&self, (enum ms_site_figure)i, &tree->known);
    }
}

static void fill_row(const struct ms_call_tree *tree, struct ms_call_row *row,
                     const struct ms_call_node *node)
{
    *row = (struct ms_call_row){.key = node->key, .depth = node->depth, .name = "total"};
    if (node->function != 0) {
        const struct ms_call_function *function =
            ms_call_function_at(&tree->functions, node->function);
        row->folded = function->folded;
        row->frame = function->frame;
        row->name = ms_call_function_name(function);
    }
    row->expandable = node->expandable;
    row->expanded = !is_flat(tree->layout, node) && node->children > 0;
    fill_figures(tree, row, node);
}

void ms_call_rows_update(struct ms_call_tree *tree, bool rebuilt)
{
    const struct ms_call_layout *layout = tree->layout;
    const enum ms_site_figure order = order_of(tree);
    for (uint32_t i = 0; i < layout->node_count; i++) {
        tree->values[i] = ms_call_node_figure(layout, &layout->nodes[i], order, &tree->known);
    }
    for (uint32_t i = 0; i < layout->node_count; i++) {
        if ((i == 0 || layout->shape != MS_CALL_FLAT) && (rebuilt || !tree->options.hold)) {
            sort_children(tree, &layout->nodes[i]);
        }
    }
    tree->row_count = 0;
    list_visible(tree, 0);
    find_greatest(tree, order);
    fill_row(tree, &tree->total, &layout->nodes[0]);
}

size_t ms_call_tree_rows(const struct ms_call_tree *tree)
{
    return tree->row_count;
}

const struct ms_call_row *ms_call_tree_row(const struct ms_call_tree *tree, size_t index)
{
    if (!tree->filled[index]) {
        fill_row(tree, &tree->rows[index], &tree->layout->nodes[tree->visible[index]]);
        tree->filled[index] = true;
    }
    return &tree->rows[index];
}

size_t ms_call_tree_find(const struct ms_call_tree *tree, uint64_t key)
{
    for (size_t i = 0; i < tree->row_count; i++) {
        if (tree->layout->nodes[tree->visible[i]].key == key) {
            return i;
        }
    }
    return SIZE_MAX;
}

size_t ms_call_tree_parent(const struct ms_call_tree *tree, size_t index)
{
    const uint32_t parent = tree->layout->nodes[tree->visible[index]].parent;
    return parent == 0 || parent == MS_CALL_NONE ? SIZE_MAX : tree->row_of[parent];
}

const struct ms_call_row *ms_call_tree_total(const struct ms_call_tree *tree)
{
    return &tree->total;
}

/* Keeps the `capacity` greatest of what is offered, sorted. */
struct chosen {
    uint32_t *site_ids;
    double *values;
    size_t held, capacity;
};

static void offer(struct chosen *chosen, uint32_t site_id, double value)
{
    size_t at = chosen->held;
    while (at > 0 && (value > chosen->values[at - 1] ||
                      (value == chosen->values[at - 1] && site_id < chosen->site_ids[at - 1]))) {
        at--;
    }
    if (at == chosen->capacity) {
        return;
    }
    chosen->held += chosen->held < chosen->capacity;
    const size_t moved = chosen->held - 1 - at;
    memmove(chosen->values + at + 1, chosen->values + at, moved * sizeof(*chosen->values));
    memmove(chosen->site_ids + at + 1, chosen->site_ids + at, moved * sizeof(*chosen->site_ids));
    chosen->values[at] = value;
    chosen->site_ids[at] = site_id;
}

size_t ms_call_tree_sites(const struct ms_call_tree *tree, size_t index, uint32_t *site_ids,
                          size_t capacity)
{
    const struct ms_call_layout *layout = tree->layout;
    const struct ms_call_node *node = &layout->nodes[tree->visible[index]];
    const bool flat = is_flat(layout, node);
    struct chosen chosen = {.site_ids = site_ids, .capacity = capacity};
    chosen.values = malloc((capacity + 1) * sizeof(*chosen.values));
    size_t count = 0;
    if (ms_call_layout_is_stale(layout)) {
        free(chosen.values);
        return 0;
    }
    for (uint32_t i = 0; i < (flat ? node->children : 1); i++) {
        const uint32_t lo = flat ? layout->occurrences[node->first_child + i].lo : node->lo;
        const uint32_t hi = flat ? layout->occurrences[node->first_child + i].hi : node->hi;
        count += hi - lo;
        for (uint32_t rank = lo; rank < hi && chosen.values != NULL && capacity > 0; rank++) {
            offer(&chosen, ms_call_site_id(layout, rank), tree->rank_values[rank]);
        }
    }
    const bool listed = chosen.values != NULL;
    free(chosen.values);
    return listed ? count : 0;
}
