/* Flows of threads are sorted by the cell that they fall into, then each cell is summed up. */
#include "analysis/flows.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/flow_index.h"
#include "analysis/flow_past.h"
#include "model/index.h"

enum { UNNAMED_ALONE_MAX = 64 };
#define GROUP_KEY  (UINT64_C(1) << 63)
#define OTHERS_KEY (UINT64_C(1) << 62)

/* A thread, and the node that it is of. */
struct member {
    uint32_t thread_id, node;
    uint64_t crossed; /* blocks that it gave and took */
};

/* What there is to know of a process before its threads are put into groups. */
struct unnamed {
    uint32_t process_id;
    uint32_t main_id; /* 0: not seen */
    uint32_t count;   /* threads that have the name of the main thread, or none */
};

struct ms_flow_matrix {
    struct ms_flow_node *nodes;
    size_t node_count, node_capacity;
    struct ms_index nodes_by_key;
    struct member *members;
    size_t member_count, member_capacity;
    struct ms_index members_by_thread;
    struct ms_flow_pair *parts;
    size_t part_count, part_capacity;
    struct ms_flow_edge *edges;
    size_t edge_count, edge_capacity;
    struct unnamed *unnamed;
    size_t unnamed_count, unnamed_capacity;
    struct ms_index unnamed_by_process;
    struct ms_flow_range range; /* of threads and flows that are gone through */
    struct ms_flow_totals totals;
    struct ms_scope scope;
    bool by_name;
    char why_none[160];
};

/* NULL: of another process than the scope's. */
static const struct ms_thread *thread_at(const struct ms_flow_matrix *matrix,
                                         const struct ms_model *model, size_t at)
{
    const struct ms_thread *thread = ms_flow_range_thread(&matrix->range, model, at);
    return matrix->scope.process_id == 0 || matrix->scope.process_id == thread->process_id ? thread
                                                                                           : NULL;
}

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

/* Room for one more of `bytes` each. */
static int grow(void **array, size_t count, size_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return 0;
    }
    const size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = reallocarray(*array, wanted, bytes);
    if (grown == NULL) {
        return -ENOMEM;
    }
    *array = grown;
    *capacity = wanted;
    return 0;
}

void ms_flow_role_name(const char *name, char out[MS_FLOW_NAME_MAX])
{
    size_t used = 0;
    for (size_t i = 0; name[i] != '\0' && used + 1 < MS_FLOW_NAME_MAX; i++) {
        const bool digit = isdigit((unsigned char)name[i]) != 0;
        if (!digit) {
            out[used++] = name[i];
        } else if (used == 0 || i == 0 || isdigit((unsigned char)name[i - 1]) == 0) {
            out[used++] = '*';
        }
    }
    out[used] = '\0';
}

static void add(struct ms_flow_sum *sum, const struct ms_flow_sum *part)
{
    sum->blocks += part->blocks;
    sum->bytes += part->bytes;
    sum->blocks_per_s += part->blocks_per_s;
    sum->bytes_per_s += part->bytes_per_s;
}

static struct unnamed *unnamed_of(struct ms_flow_matrix *matrix, uint32_t process_id)
{
    const uint32_t hash = ms_hash_pair(process_id, 0);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&matrix->unnamed_by_process, hash, &cursor, &position)) {
        if (matrix->unnamed[position].process_id == process_id) {
            return &matrix->unnamed[position];
        }
    }
    if (grow((void **)&matrix->unnamed, matrix->unnamed_count, &matrix->unnamed_capacity,
             sizeof *matrix->unnamed) != 0 ||
        ms_index_add(&matrix->unnamed_by_process, hash, (uint32_t)matrix->unnamed_count) != 0) {
        return NULL;
    }
    struct unnamed *unnamed = &matrix->unnamed[matrix->unnamed_count++];
    *unnamed = (struct unnamed){.process_id = process_id};
    return unnamed;
}

static bool is_active(const struct ms_thread *thread)
{
    return thread->heap.deallocations != 0 || thread->heap.frees_for_others != 0;
}

static bool is_unnamed(const struct ms_model *model, const struct unnamed *unnamed,
                       const struct ms_thread *thread)
{
    const struct ms_thread *main_thread = ms_model_thread_by_id(model, unnamed->main_id);
    return thread->name[0] == '\0' ||
           (main_thread != NULL && strncmp(thread->name, main_thread->name, MS_NAME_MAX) == 0);
}

/* Finds the main threads and counts; returns how many threads have anything to show. */
static size_t survey(struct ms_flow_matrix *matrix, const struct ms_model *model)
{
    size_t active = 0;
    matrix->unnamed_count = 0;
    ms_index_clear(&matrix->unnamed_by_process);
    for (size_t i = matrix->range.first_thread; i < matrix->range.end_thread; i++) {
        const struct ms_thread *thread = thread_at(matrix, model, i);
        const struct ms_process *process =
            thread != NULL ? ms_model_process_by_id(model, thread->process_id) : NULL;
        if (process != NULL && thread->merged == 0 && thread->tid == process->pid) {
            struct unnamed *unnamed = unnamed_of(matrix, thread->process_id);
            if (unnamed != NULL) {
                unnamed->main_id = thread->id;
            }
        }
    }
    for (size_t i = matrix->range.first_thread; i < matrix->range.end_thread; i++) {
        const struct ms_thread *thread = thread_at(matrix, model, i);
        if (thread != NULL && is_active(thread)) {
            struct unnamed *unnamed = unnamed_of(matrix, thread->process_id);
            active += thread->merged > 0 ? thread->merged : 1;
            if (unnamed != NULL && is_unnamed(model, unnamed, thread)) {
                unnamed->count++;
            }
        }
    }
    return active;
}

/* The name under which a thread is grouped; false: it stands alone. */
static bool group_name(struct ms_flow_matrix *matrix, const struct ms_model *model,
                       const struct ms_thread *thread, char name[MS_FLOW_NAME_MAX])
{
    const struct unnamed *unnamed = unnamed_of(matrix, thread->process_id);
    if (!matrix->by_name || thread->id == matrix->scope.thread_id || unnamed == NULL ||
        thread->id == unnamed->main_id ||
        (unnamed->count <= UNNAMED_ALONE_MAX && is_unnamed(model, unnamed, thread))) {
        return false;
    }
    ms_flow_role_name(thread->name, name);
    return true;
}

static struct ms_flow_node *find_node(const struct ms_flow_matrix *matrix, uint64_t key,
                                      uint32_t *position)
{
    size_t cursor = 0;
    while (ms_index_next(&matrix->nodes_by_key, ms_hash_pair((uint32_t)(key >> 32), (uint32_t)key),
                         &cursor, position)) {
        if (matrix->nodes[*position].key == key) {
            return &matrix->nodes[*position];
        }
    }
    return NULL;
}

/* The node of a key, made when there is none; MS_FLOW_NO_NODE without memory. */
static uint32_t node_of_key(struct ms_flow_matrix *matrix, uint64_t key, uint32_t process_id,
                            const char *name, bool *made)
{
    uint32_t position;
    *made = false;
    if (find_node(matrix, key, &position) != NULL) {
        return position;
    }
    if (grow((void **)&matrix->nodes, matrix->node_count, &matrix->node_capacity,
             sizeof *matrix->nodes) != 0 ||
        ms_index_add(&matrix->nodes_by_key, ms_hash_pair((uint32_t)(key >> 32), (uint32_t)key),
                     (uint32_t)matrix->node_count) != 0) {
        return MS_FLOW_NO_NODE;
    }
    struct ms_flow_node *node = &matrix->nodes[matrix->node_count];
    *node = (struct ms_flow_node){.key = key, .process_id = process_id, .ended = true};
    memcpy(node->name, name, strnlen(name, MS_FLOW_NAME_MAX - 1));
    *made = true;
    return (uint32_t)matrix->node_count++;
}

static uint32_t others_of(struct ms_flow_matrix *matrix, uint32_t process_id)
{
    bool made;
    return node_of_key(matrix, OTHERS_KEY | process_id, process_id, "others", &made);
}

static struct member *find_member(const struct ms_flow_matrix *matrix, uint32_t thread_id)
{
    size_t cursor = 0;
    uint32_t position;
    while (
        ms_index_next(&matrix->members_by_thread, ms_hash_pair(thread_id, 0), &cursor, &position)) {
        if (matrix->members[position].thread_id == thread_id) {
            return &matrix->members[position];
        }
    }
    return NULL;
}

static bool is_in_scope(const struct ms_flow_matrix *matrix, const struct ms_thread *thread)
{
    return matrix->scope.thread_id == 0 || matrix->scope.thread_id == thread->id;
}

static void add_thread(struct ms_flow_matrix *matrix, const struct ms_model *model,
                       const struct ms_flow_past *past, struct ms_flow_node *node,
                       const struct ms_thread *thread)
{
    node->threads += thread->merged > 0 ? thread->merged : 1;
    node->ended = node->ended && thread->end_ns != 0;
    node->allocations += thread->heap.allocations;
    node->bytes_allocated += thread->heap.bytes_allocated;
    node->deallocations += thread->heap.deallocations;
    node->bytes_freed += thread->heap.bytes_freed;
    node->temporary += thread->heap.temporary;
    if (is_in_scope(matrix, thread)) {
        struct ms_flow_sum own = {.blocks = thread->own_deallocations,
                                  .bytes = thread->own_bytes_freed};
        if (thread->end_ns == 0) {
            ms_flow_past_rate_own(past, model, thread, &own);
        }
        add(&node->own, &own);
    }
}

/* The node of a thread; MS_FLOW_NO_NODE without memory. */
static uint32_t join(struct ms_flow_matrix *matrix, const struct ms_model *model,
                     const struct ms_flow_past *past, const struct ms_thread *thread)
{
    const struct member *known = find_member(matrix, thread->id);
    if (known != NULL) {
        return known->node;
    }
    if (grow((void **)&matrix->members, matrix->member_count, &matrix->member_capacity,
             sizeof *matrix->members) != 0 ||
        ms_index_add(&matrix->members_by_thread, ms_hash_pair(thread->id, 0),
                     (uint32_t)matrix->member_count) != 0) {
        return MS_FLOW_NO_NODE;
    }
    char name[MS_FLOW_NAME_MAX];
    bool made;
    uint32_t position;
    if (group_name(matrix, model, thread, name)) {
        const uint64_t hash = (uint64_t)ms_hash_bytes(name, strlen(name), 1) << 32 |
                              ms_hash_bytes(name, strlen(name), thread->process_id + 7);
        position = node_of_key(matrix, GROUP_KEY | hash, thread->process_id, name, &made);
    } else {
        position = node_of_key(matrix, thread->id, thread->process_id, thread->name, &made);
    }
    if (position != MS_FLOW_NO_NODE) {
        struct ms_flow_node *node = &matrix->nodes[position];
        node->thread_id = made ? thread->id : node->thread_id;
        add_thread(matrix, model, past, node, thread);
        matrix->members[matrix->member_count++] =
            (struct member){.thread_id = thread->id, .node = position};
    }
    return position;
}

static int add_flow(struct ms_flow_matrix *matrix, const struct ms_model *model,
                    const struct ms_flow_past *past, const struct ms_flow *flow)
{
    const struct ms_thread *from = ms_model_thread_by_id(model, flow->from_thread);
    const struct ms_thread *to = ms_model_thread_by_id(model, flow->to_thread);
    struct ms_flow_pair part = {.from_thread = flow->from_thread,
                                .to_thread = flow->to_thread,
                                .sum = {.blocks = flow->blocks, .bytes = flow->bytes}};
    part.from =
        from != NULL ? join(matrix, model, past, from) : others_of(matrix, flow->process_id);
    part.to = to != NULL ? join(matrix, model, past, to) : others_of(matrix, flow->process_id);
    if (part.from == MS_FLOW_NO_NODE || part.to == MS_FLOW_NO_NODE ||
        grow((void **)&matrix->parts, matrix->part_count, &matrix->part_capacity,
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
        struct member *member = find_member(matrix, ends[i]);
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
            add(&edge.sum, &parts[i].sum);
        }
        edge.from_threads = effective_threads(parts, count, false);
        add(&matrix->totals.crossed, &edge.sum);
        if (edge.from == edge.to) {
            add(&matrix->nodes[edge.from].mutual, &edge.sum);
        } else if (grow((void **)&matrix->edges, matrix->edge_count, &matrix->edge_capacity,
                        sizeof *matrix->edges) == 0) {
            add(&matrix->nodes[edge.from].given, &edge.sum);
            add(&matrix->nodes[edge.to].taken, &edge.sum);
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

static bool is_others(const struct ms_flow_node *node)
{
    return (node->key & (GROUP_KEY | OTHERS_KEY)) == OTHERS_KEY;
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
        order[i] = (struct order){.rank = is_others(node) ? OTHERS_KEY | node->process_id
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
        const struct member *member = &matrix->members[i];
        struct ms_flow_node *node = &matrix->nodes[member->node];
        const struct member *best = find_member(matrix, node->thread_id);
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
        if (is_others(node)) {
            node->ended = false;
            node->not_told_blocks = 0;
            add(&matrix->totals.others, &node->given);
        } else if (!node->group && thread != NULL) {
            memset(node->name, 0, sizeof node->name);
            memcpy(node->name, thread->name, strnlen(thread->name, sizeof node->name - 1));
        }
        matrix->totals.threads += node->threads;
        add(&matrix->totals.own, &node->own);
    }
}

static int fill(struct ms_flow_matrix *matrix, const struct ms_model *model,
                const struct ms_flow_past *past)
{
    for (size_t i = matrix->range.first_thread; i < matrix->range.end_thread; i++) {
        const struct ms_thread *thread = thread_at(matrix, model, i);
        if (thread != NULL && is_in_scope(matrix, thread) && is_active(thread) &&
            join(matrix, model, past, thread) == MS_FLOW_NO_NODE) {
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
        const struct ms_thread *thread = thread_at(matrix, model, i);
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
    const size_t active = survey(matrix, model);
    matrix->by_name = grouping == MS_FLOW_BY_NAME ||
                      (grouping == MS_FLOW_AUTOMATIC && active > MS_FLOW_ONE_BY_ONE_MAX);
    const int error = scope->site_id == 0 ? fill(matrix, model, past) : 0;
    if (error != 0) {
        matrix->node_count = matrix->member_count = 0;
        matrix->part_count = matrix->edge_count = 0;
        matrix->totals = (struct ms_flow_totals){.threads = 0};
        snprintf(matrix->why_none, sizeof matrix->why_none, "There is no memory to show flows.");
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
    const struct member *member = find_member(matrix, thread_id);
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
