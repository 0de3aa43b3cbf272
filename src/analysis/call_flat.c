/*
 * The flat shape. Walks all paths once as a tree, from the outermost functions in because paths
 * have most in common there, and notes of each function the nodes at which it is met for the first
 * time on its path: their ranges of sites do not overlap, so a function that calls itself is
 * counted once.
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
static int meet(struct walk *walk, uint32_t function, uint32_t lo, uint32_t ended, uint32_t hi)
{
    struct ms_call_layout *layout = walk->layout;
    if (make_room(walk, function) != 0) {
        return -ENOMEM;
    }
    const bool again = walk->on_path[function]++ > 0;
    /* What was cut off is no function. */
    if (function == MS_CALL_CUT || function == MS_CALL_NO_CFI || (again && ended == lo)) {
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
    layout->occurrences[layout->occurrence_count++] =
        (struct ms_call_occurrence){function, lo, ended, again ? lo : hi};
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
        error = function == 0 ? -ENOMEM : meet(walk, function, rank, rank + at.end, rank + 1);
        layout->steps++;
    }
    for (at = layout->positions[index]; error == 0 && !at.end;) {
        walk->on_path[ms_call_path_take(layout->functions, &path, &at)]--;
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
        error = meet(walk, child.function, child.lo, child.ended, child.hi);
        error = error != 0 ? error : walk_below(walk, i);
        if (error == 0) {
            walk->on_path[child.function]--;
        }
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

/* One node for each function. */
static void add_rows(struct ms_call_layout *layout)
{
    for (uint32_t i = 0; i < layout->occurrence_count;) {
        const struct ms_call_occurrence *first = &layout->occurrences[i];
        uint32_t end = i;
        while (end < layout->occurrence_count &&
               layout->occurrences[end].function == first->function) {
            end++;
        }
        layout->nodes[layout->node_count++] = (struct ms_call_node){
            .key = ms_call_key(layout, layout->nodes[0].key, first->function),
            .function = first->function,
            .site_id = ms_model_site(layout->model, layout->order[first->lo])->id,
            .first_child = i,
            .children = end - i,
        };
        i = end;
    }
    layout->nodes[0].first_child = 1;
    layout->nodes[0].children = layout->node_count - 1;
}

int ms_call_layout_flatten(struct ms_call_layout *layout)
{
    struct walk walk = {.layout = layout};
    int error = walk_below(&walk, 0);
    free(walk.on_path);
    if (error != 0) {
        return error;
    }
    const size_t functions = layout->functions->list.count + 1;
    uint32_t *first = calloc(functions + 2, sizeof(*first));
    error = first != NULL ? sort_occurrences(layout, first, functions) : -ENOMEM;
    free(first);
    struct ms_call_node *nodes =
        error == 0 ? reallocarray(layout->nodes, functions + 2, sizeof(*nodes)) : NULL;
    if (nodes == NULL) {
        return -ENOMEM;
    }
    layout->nodes = nodes;
    layout->node_capacity = (uint32_t)functions + 2;
    layout->node_count = 1;
    add_rows(layout);
    return 0;
}
