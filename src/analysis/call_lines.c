/* The source lines of a function at which the sites of a row allocate or call on. */
#include <stdlib.h>
#include <string.h>

#include "analysis/call_parts.h"

struct line {
    const struct ms_frame *frame;
    struct ms_call_sums sums;
    uint32_t last_rank; /* + 1; a site is counted once, though it may be here by recursion */
};

struct lines {
    struct ms_chunks list;
    struct ms_index by_place;
};

static void count_at(struct lines *lines, const struct ms_call_layout *layout,
                     const struct ms_frame *frame, uint32_t rank)
{
    const uint32_t hash =
        ms_hash_pair(ms_hash_bytes(frame->file, strlen(frame->file), 0), frame->line);
    size_t cursor = 0;
    uint32_t position;
    struct line *line = NULL;
    while (line == NULL && ms_index_next(&lines->by_place, hash, &cursor, &position)) {
        struct line *known = ms_chunks_at(&lines->list, position);
        if (known->frame->line == frame->line && strcmp(known->frame->file, frame->file) == 0) {
            line = known;
        }
    }
    if (line == NULL) {
        line = ms_chunks_add(&lines->list);
        if (line == NULL) {
            return;
        }
        line->frame = frame;
        (void)ms_index_add(&lines->by_place, hash, (uint32_t)lines->list.count - 1);
    }
    if (line->last_rank != rank + 1) {
        line->last_rank = rank + 1;
        ms_call_sums_add_range(&line->sums, layout, rank, rank + 1);
    }
}

/* In a tree where the function is at that depth, in the flat shape wherever it is on the path. */
static void count_site(struct lines *lines, struct ms_call_layout *layout,
                       const struct ms_call_node *node, uint32_t rank)
{
    const bool flat = layout->shape == MS_CALL_FLAT;
    const struct ms_call_path path = ms_call_layout_path(layout, layout->order[rank]);
    struct ms_call_position at = ms_call_path_start(&path);
    for (uint32_t depth = 0; !at.end && (flat || depth <= node->depth); depth++) {
        const struct ms_frame *frame = ms_call_path_frame(&path, at);
        const uint32_t function = ms_call_path_take(layout->functions, &path, &at);
        if (frame != NULL && function == node->function && (flat || depth == node->depth)) {
            count_at(lines, layout, frame, rank);
        }
    }
}

struct ranked {
    double value;
    const struct line *line;
};

static int compare(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;
    if (a->value != b->value) {
        return a->value > b->value ? -1 : 1;
    }
    return a->line->frame->line < b->line->frame->line
               ? -1
               : a->line->frame->line > b->line->frame->line;
}

static void put_out(const struct ms_call_tree *tree, const struct lines *lines,
                    struct ms_call_line *out, size_t capacity)
{
    struct ranked *ranked = malloc((lines->list.count + 1) * sizeof(*ranked));
    if (ranked == NULL) {
        return;
    }
    const struct ms_call_row *total = ms_call_tree_total(tree);
    enum ms_site_figure order = tree->options.sort;
    order = total->inclusive[order] == total->inclusive[order] ? order : MS_SITE_FIGURE_LIVE;
    for (size_t i = 0; i < lines->list.count; i++) {
        const struct line *line = ms_chunks_at(&lines->list, i);
        ranked[i] = (struct ranked){ms_call_figure(&line->sums, order, &tree->known), line};
    }
    qsort(ranked, lines->list.count, sizeof(*ranked), compare);
    for (size_t i = 0; i < lines->list.count && i < capacity; i++) {
        const struct line *line = ranked[i].line;
        out[i] = (struct ms_call_line){line->frame->file, line->frame->line, line->frame, {0}};
        for (int figure = 0; figure < MS_SITE_FIGURE_TOTAL; figure++) {
            out[i].inclusive[figure] =
                ms_call_figure(&line->sums, (enum ms_site_figure)figure, &tree->known);
        }
    }
    free(ranked);
}

size_t ms_call_tree_lines(const struct ms_call_tree *tree, size_t index, struct ms_call_line *out,
                          size_t capacity)
{
    struct ms_call_layout *layout = tree->layout;
    const struct ms_call_node *node = &layout->nodes[tree->visible[index]];
    struct lines lines = {.list = {.element_bytes = sizeof(struct line)}};
    if (layout->shape == MS_CALL_FLAT) {
        for (uint32_t i = 0; i < node->children; i++) {
            const struct ms_call_occurrence *at = &layout->occurrences[node->first_child + i];
            for (uint32_t rank = at->lo; rank < at->hi; rank++) {
                count_site(&lines, layout, node, rank);
            }
        }
    } else {
        for (uint32_t rank = node->lo; rank < node->hi; rank++) {
            count_site(&lines, layout, node, rank);
        }
    }
    put_out(tree, &lines, out, capacity);
    const size_t count = lines.list.count;
    ms_chunks_free(&lines.list);
    ms_index_free(&lines.by_place);
    return count;
}
