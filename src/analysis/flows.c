/* Flows of threads are sorted by the cell that they fall into, then each cell is summed up. */
#include "analysis/flows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/flow_matrix.h"
#include "analysis/flow_past.h"

struct ms_flow_matrix *ms_flow_matrix_new(void)
{
    return calloc(1, sizeof(struct ms_flow_matrix));
}

void ms_flow_matrix_free(struct ms_flow_matrix *matrix)
{
    if (matrix != NULL) {
        free(matrix->nodes);
        free(matrix->members);
        free(matrix->parts);
        free(matrix->edges);
        free(matrix->unnamed);
        ms_index_free(&matrix->nodes_by_key);
        ms_index_free(&matrix->members_by_thread);
        ms_index_free(&matrix->unnamed_by_process);
        free(matrix);
    }
}

static int add_flow(struct ms_flow_matrix *matrix, const struct ms_model *model,
                    const struct ms_flow_past *past, const struct ms_flow *flow)
{
    const struct ms_thread *from = ms_model_thread_by_id(model, flow->from_thread);
    const struct ms_thread *to = ms_model_thread_by_id(model, flow->to_thread);
    struct ms_flow_pair part = {.from_thread = flow->from_thread,
                                .to_thread = flow->to_thread,
                                .sum = {.blocks = flow->blocks, .bytes = flow->bytes}};
    part.from = from != NULL ? ms_flow_join(matrix, model, past, from)
                             : ms_flow_others(matrix, flow->process_id);
    part.to = to != NULL ? ms_flow_join(matrix, model, past, to)
                         : ms_flow_others(matrix, flow->process_id);
    if (part.from == MS_FLOW_NO_NODE || part.to == MS_FLOW_NO_NODE ||
        ms_flow_grow((void **)&matrix->parts, matrix->part_count, &matrix->part_capacity,
                     sizeof *matrix->parts) != 0) {
        return -ENOMEM;
    }
    const bool merged = (from != NULL && from->merged > 0) || (to != NULL && to->merged > 0);
    if (!merged) {
        ms_flow_past_rate_flow(past, model, flow, &part.sum);
    }
    matrix->parts[matrix->part_count++] = part;
    const uint32_t ends[] = {flow->from_thread, flow->to_thread};
    for (size_t i = 0; i < 2; i++) {
        struct ms_flow_member *member = ms_flow_member_of(matrix, ends[i]);
        if (member != NULL) {
            member->crossed += flow->blocks;
        }
    }
    return 0;
}

static int compare_cells(const struct ms_flow_pair *a, const struct ms_flow_pair *b)
{
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return a->to < b->to ? -1 : a->to > b->to;
}

static int compare_by_from_thread(const void *left, const void *right)
{
    const struct ms_flow_pair *a = left;
    const struct ms_flow_pair *b = right;
    const int order = compare_cells(a, b);
    return order != 0 ? order
                      : (a->from_thread > b->from_thread) - (a->from_thread < b->from_thread);
}

static int compare_by_to_thread(const void *left, const void *right)
{
    const struct ms_flow_pair *a = left;
    const struct ms_flow_pair *b = right;
    const int order = compare_cells(a, b);
    return order != 0 ? order : (a->to_thread > b->to_thread) - (a->to_thread < b->to_thread);
}

/* 1 / sum of squared shares, over the threads of one end; the parts are sorted by that. */
static double effective_threads(const struct ms_flow_pair *parts, size_t count, bool of_to)
{
    double all = 0;
    double squares = 0;
    for (size_t i = 0; i < count;) {
        const uint32_t thread = of_to ? parts[i].to_thread : parts[i].from_thread;
        double blocks = 0;
        for (; i < count && (of_to ? parts[i].to_thread : parts[i].from_thread) == thread; i++) {
            blocks += (double)parts[i].sum.blocks;
        }
        all += blocks;
        squares += blocks * blocks;
    }
    return squares > 0 ? all * all / squares : 0;
}

static size_t cell_length(const struct ms_flow_matrix *matrix, size_t first)
{
    size_t end = first + 1;
    while (end < matrix->part_count &&
           compare_cells(&matrix->parts[first], &matrix->parts[end]) == 0) {
        end++;
    }
    return end - first;
}

static int sum_up_cells(struct ms_flow_matrix *matrix)
{
    if (matrix->part_count == 0) {
        return 0;
    }
    qsort(matrix->parts, matrix->part_count, sizeof *matrix->parts, compare_by_from_thread);
    for (size_t first = 0; first < matrix->part_count;) {
        const struct ms_flow_pair *parts = &matrix->parts[first];
        const size_t count = cell_length(matrix, first);
        struct ms_flow_edge edge = {.from = parts->from, .to = parts->to};
        for (size_t i = 0; i < count; i++) {
            ms_flow_add(&edge.sum, &parts[i].sum);
        }
        edge.from_threads = effective_threads(parts, count, false);
        ms_flow_add(&matrix->totals.crossed, &edge.sum);
        if (edge.from == edge.to) {
            ms_flow_add(&matrix->nodes[edge.from].mutual, &edge.sum);
        } else if (ms_flow_grow((void **)&matrix->edges, matrix->edge_count, &matrix->edge_capacity,
                                sizeof *matrix->edges) == 0) {
            ms_flow_add(&matrix->nodes[edge.from].given, &edge.sum);
            ms_flow_add(&matrix->nodes[edge.to].taken, &edge.sum);
            matrix->edges[matrix->edge_count++] = edge;
        } else {
            return -ENOMEM;
        }
        first += count;
    }
    qsort(matrix->parts, matrix->part_count, sizeof *matrix->parts, compare_by_to_thread);
    size_t edge = 0;
    for (size_t first = 0; first < matrix->part_count;) {
        const size_t count = cell_length(matrix, first);
        if (matrix->parts[first].from != matrix->parts[first].to) {
            matrix->edges[edge++].to_threads =
                effective_threads(&matrix->parts[first], count, true);
        }
        first += count;
    }
    return 0;
}

static int compare_edges(const void *left, const void *right)
{
    const struct ms_flow_edge *a = left;
    const struct ms_flow_edge *b = right;
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return a->to < b->to ? -1 : a->to > b->to;
}

struct order {
    uint64_t rank;
    uint32_t position;
};

static int compare_order(const void *left, const void *right)
{
    const struct order *a = left;
    const struct order *b = right;
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

/* By the first thread, so that rows do not move; "others" last. */
static int order_nodes(struct ms_flow_matrix *matrix)
{
    const size_t count = matrix->node_count;
    struct order *order = calloc(count + 1, sizeof *order);
    uint32_t *places = calloc(count + 1, sizeof *places);
    struct ms_flow_node *nodes = calloc(count + 1, sizeof *nodes);
    if (order == NULL || places == NULL || nodes == NULL) {
        free(order);
        free(places);
        free(nodes);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_flow_node *node = &matrix->nodes[i];
        order[i] =
            (struct order){.rank = ms_flow_is_others(node) ? MS_FLOW_OTHERS_KEY | node->process_id
                                                           : node->thread_id,
                           .position = (uint32_t)i};
    }
    qsort(order, count, sizeof *order, compare_order);
    ms_index_clear(&matrix->nodes_by_key);
    for (size_t i = 0; i < count; i++) {
        nodes[i] = matrix->nodes[order[i].position];
        places[order[i].position] = (uint32_t)i;
    }
    if (count > 0) {
        memcpy(matrix->nodes, nodes, count * sizeof *nodes);
    }
    for (size_t i = 0; i < matrix->member_count; i++) {
        matrix->members[i].node = places[matrix->members[i].node];
    }
    for (size_t i = 0; i < matrix->part_count; i++) {
        matrix->parts[i].from = places[matrix->parts[i].from];
        matrix->parts[i].to = places[matrix->parts[i].to];
    }
    for (size_t i = 0; i < matrix->edge_count; i++) {
        matrix->edges[i].from = places[matrix->edges[i].from];
        matrix->edges[i].to = places[matrix->edges[i].to];
    }
    if (matrix->edge_count > 0) {
        qsort(matrix->edges, matrix->edge_count, sizeof *matrix->edges, compare_edges);
    }
    free(order);
    free(places);
    free(nodes);
    return 0;
}

/* A node's thread is now its busiest one; groups of one thread are that thread. */
static void finish_nodes(struct ms_flow_matrix *matrix, const struct ms_model *model)
{
    for (size_t i = 0; i < matrix->member_count; i++) {
        const struct ms_flow_member *member = &matrix->members[i];
        struct ms_flow_node *node = &matrix->nodes[member->node];
        const struct ms_flow_member *best = ms_flow_member_of(matrix, node->thread_id);
        if (best == NULL || member->crossed > best->crossed) {
            node->thread_id = member->thread_id;
        }
    }
    for (size_t i = 0; i < matrix->node_count; i++) {
        struct ms_flow_node *node = &matrix->nodes[i];
        const uint64_t told = node->own.blocks + node->mutual.blocks + node->given.blocks;
        const bool whole =
            matrix->scope.thread_id == 0 || matrix->scope.thread_id == node->thread_id;
        const struct ms_thread *thread = ms_model_thread_by_id(model, node->thread_id);
        node->group = node->threads > 1;
        node->not_told_blocks =
            whole && node->deallocations > told ? node->deallocations - told : 0;
        if (ms_flow_is_others(node)) {
            node->ended = false;
            node->not_told_blocks = 0;
            ms_flow_add(&matrix->totals.others, &node->given);
        } else if (!node->group && thread != NULL) {
            memset(node->name, 0, sizeof node->name);
            memcpy(node->name, thread->name, strnlen(thread->name, sizeof node->name - 1));
        }
        matrix->totals.threads += node->threads;
        ms_flow_add(&matrix->totals.own, &node->own);
    }
}

static int fill(struct ms_flow_matrix *matrix, const struct ms_model *model,
                const struct ms_flow_past *past)
{
    for (size_t i = matrix->range.first_thread; i < matrix->range.end_thread; i++) {
        const struct ms_thread *thread = ms_flow_thread_at(matrix, model, i);
        if (thread != NULL && ms_flow_in_scope(matrix, thread) && ms_flow_is_active(thread) &&
            ms_flow_join(matrix, model, past, thread) == MS_FLOW_NO_NODE) {
            return -ENOMEM;
        }
    }
    for (size_t i = matrix->range.first_flow; i < matrix->range.end_flow; i++) {
        const struct ms_flow *flow = ms_flow_range_flow(&matrix->range, model, i);
        if (flow->blocks != 0 && ms_scope_has_flow(&matrix->scope, flow) &&
            add_flow(matrix, model, past, flow) != 0) {
            return -ENOMEM;
        }
    }
    const int error = sum_up_cells(matrix);
    return error != 0 ? error : order_nodes(matrix);
}

static void say_why_none(struct ms_flow_matrix *matrix, const struct ms_model *model)
{
    const struct ms_flow_totals *totals = &matrix->totals;
    const char *why = "";
    bool any_tracked = false;
    for (size_t i = matrix->range.first_thread; i < matrix->range.end_thread && !any_tracked; i++) {
        const struct ms_thread *thread = ms_flow_thread_at(matrix, model, i);
        any_tracked = thread != NULL && thread->tracked;
    }
    if (matrix->scope.site_id != 0) {
        why = "A call site is in focus, and flows are between threads. Esc leaves the focus.";
    } else if (totals->crossed.blocks != 0) {
        why = "";
    } else if (!any_tracked) {
        why = "No thread is tracked, so nobody knows who freed what.";
    } else if (totals->own.blocks == 0) {
        why = "Nothing was freed yet.";
    } else if (matrix->scope.thread_id != 0) {
        why = "This thread frees its own blocks, and nobody else does: nothing flows.";
    } else if (totals->threads == 1) {
        why = "One thread frees memory, and only its own: nothing flows.";
    } else {
        why = "Every thread frees its own blocks: nothing flows.";
    }
    snprintf(matrix->why_none, sizeof matrix->why_none, "%s", why);
}

int ms_flow_matrix_update(struct ms_flow_matrix *matrix, const struct ms_model *model,
                          const struct ms_flow_past *past, const struct ms_scope *scope,
                          enum ms_flow_grouping grouping)
{
    return ms_flow_matrix_update_indexed(matrix, model, NULL, past, scope, grouping);
}

int ms_flow_matrix_update_indexed(struct ms_flow_matrix *matrix, const struct ms_model *model,
                                  const struct ms_flow_index *index,
                                  const struct ms_flow_past *past, const struct ms_scope *scope,
                                  enum ms_flow_grouping grouping)
{
    matrix->node_count = matrix->member_count = matrix->part_count = matrix->edge_count = 0;
    ms_index_clear(&matrix->nodes_by_key);
    ms_index_clear(&matrix->members_by_thread);
    matrix->totals = (struct ms_flow_totals){.threads = 0};
    matrix->scope = *scope;
    matrix->range = ms_flow_range_of(index, model, scope->process_id);
    const size_t active = ms_flow_survey(matrix, model);
    matrix->by_name = grouping == MS_FLOW_BY_NAME ||
                      (grouping == MS_FLOW_AUTOMATIC && active > MS_FLOW_ONE_BY_ONE_MAX);
    const int error = scope->site_id == 0 ? fill(matrix, model, past) : 0;
    if (error != 0) {
        matrix->node_count = matrix->member_count = 0;
        matrix->part_count = matrix->edge_count = 0;
        matrix->totals = (struct ms_flow_totals){.threads = 0};
        snprintf(matrix->why_none, sizeof matrix->why_none, "Out of memory for this screen.");
        return error;
    }
    finish_nodes(matrix, model);
    say_why_none(matrix, model);
    matrix->range.index = NULL;
    return 0;
}

size_t ms_flow_nodes(const struct ms_flow_matrix *matrix)
{
    return matrix->node_count;
}

const struct ms_flow_node *ms_flow_node(const struct ms_flow_matrix *matrix, size_t index)
{
    return &matrix->nodes[index];
}

bool ms_flow_is_by_name(const struct ms_flow_matrix *matrix)
{
    return matrix->by_name;
}

uint32_t ms_flow_node_of(const struct ms_flow_matrix *matrix, uint32_t thread_id)
{
    const struct ms_flow_member *member = ms_flow_member_of(matrix, thread_id);
    return member != NULL ? member->node : MS_FLOW_NO_NODE;
}

size_t ms_flow_edges(const struct ms_flow_matrix *matrix)
{
    return matrix->edge_count;
}

const struct ms_flow_edge *ms_flow_edge(const struct ms_flow_matrix *matrix, size_t index)
{
    return &matrix->edges[index];
}

const struct ms_flow_edge *ms_flow_between(const struct ms_flow_matrix *matrix, uint32_t from,
                                           uint32_t to)
{
    const struct ms_flow_edge wanted = {.from = from, .to = to};
    return matrix->edge_count == 0
               ? NULL
               : bsearch(&wanted, matrix->edges, matrix->edge_count, sizeof wanted, compare_edges);
}

size_t ms_flow_pairs(const struct ms_flow_matrix *matrix)
{
    return matrix->part_count;
}

const struct ms_flow_pair *ms_flow_pair(const struct ms_flow_matrix *matrix, size_t index)
{
    return &matrix->parts[index];
}

const struct ms_flow_totals *ms_flow_matrix_totals(const struct ms_flow_matrix *matrix)
{
    return &matrix->totals;
}

const char *ms_flow_why_none(const struct ms_flow_matrix *matrix)
{
    return matrix->why_none;
}
