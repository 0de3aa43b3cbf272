/* Nodes of a matrix of flows: which threads are one row, and which stand alone. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/flow_matrix.h"
#include "analysis/flow_past.h"

enum { UNNAMED_ALONE_MAX = 64 };

const struct ms_thread *ms_flow_thread_at(const struct ms_flow_matrix *matrix,
                                          const struct ms_model *model, size_t at)
{
    const struct ms_thread *thread = ms_flow_range_thread(&matrix->range, model, at);
    return matrix->scope.process_id == 0 || matrix->scope.process_id == thread->process_id ? thread
                                                                                           : NULL;
}

int ms_flow_grow(void **array, size_t count, size_t *capacity, size_t bytes)
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

void ms_flow_add(struct ms_flow_sum *sum, const struct ms_flow_sum *part)
{
    sum->blocks += part->blocks;
    sum->bytes += part->bytes;
    sum->blocks_per_s += part->blocks_per_s;
    sum->bytes_per_s += part->bytes_per_s;
}

static struct ms_flow_unnamed *unnamed_of(struct ms_flow_matrix *matrix, uint32_t process_id)
{
    const uint32_t hash = ms_hash_pair(process_id, 0);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&matrix->unnamed_by_process, hash, &cursor, &position)) {
        if (matrix->unnamed[position].process_id == process_id) {
            return &matrix->unnamed[position];
        }
    }
    if (ms_flow_grow((void **)&matrix->unnamed, matrix->unnamed_count, &matrix->unnamed_capacity,
                     sizeof *matrix->unnamed) != 0 ||
        ms_index_add(&matrix->unnamed_by_process, hash, (uint32_t)matrix->unnamed_count) != 0) {
        return NULL;
    }
    struct ms_flow_unnamed *unnamed = &matrix->unnamed[matrix->unnamed_count++];
    *unnamed = (struct ms_flow_unnamed){.process_id = process_id};
    return unnamed;
}

bool ms_flow_is_active(const struct ms_thread *thread)
{
    return thread->heap.deallocations != 0 || thread->heap.frees_for_others != 0;
}

static bool is_unnamed(const struct ms_model *model, const struct ms_flow_unnamed *unnamed,
                       const struct ms_thread *thread)
{
    const struct ms_thread *main_thread = ms_model_thread_by_id(model, unnamed->main_id);
    return thread->name[0] == '\0' ||
           (main_thread != NULL && strncmp(thread->name, main_thread->name, MS_NAME_MAX) == 0);
}

size_t ms_flow_survey(struct ms_flow_matrix *matrix, const struct ms_model *model)
{
    size_t active = 0;
    matrix->unnamed_count = 0;
    ms_index_clear(&matrix->unnamed_by_process);
    for (size_t i = matrix->range.first_thread; i < matrix->range.end_thread; i++) {
        const struct ms_thread *thread = ms_flow_thread_at(matrix, model, i);
        const struct ms_process *process =
            thread != NULL ? ms_model_process_by_id(model, thread->process_id) : NULL;
        if (process != NULL && thread->merged == 0 && thread->tid == process->pid) {
            struct ms_flow_unnamed *unnamed = unnamed_of(matrix, thread->process_id);
            if (unnamed != NULL) {
                unnamed->main_id = thread->id;
            }
        }
    }
    for (size_t i = matrix->range.first_thread; i < matrix->range.end_thread; i++) {
        const struct ms_thread *thread = ms_flow_thread_at(matrix, model, i);
        if (thread != NULL && ms_flow_is_active(thread)) {
            struct ms_flow_unnamed *unnamed = unnamed_of(matrix, thread->process_id);
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
    const struct ms_flow_unnamed *unnamed = unnamed_of(matrix, thread->process_id);
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
    if (ms_flow_grow((void **)&matrix->nodes, matrix->node_count, &matrix->node_capacity,
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

uint32_t ms_flow_others(struct ms_flow_matrix *matrix, uint32_t process_id)
{
    bool made;
    return node_of_key(matrix, MS_FLOW_OTHERS_KEY | process_id, process_id, "others", &made);
}

struct ms_flow_member *ms_flow_member_of(const struct ms_flow_matrix *matrix, uint32_t thread_id)
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

bool ms_flow_in_scope(const struct ms_flow_matrix *matrix, const struct ms_thread *thread)
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
    if (ms_flow_in_scope(matrix, thread)) {
        struct ms_flow_sum own = {.blocks = thread->own_deallocations,
                                  .bytes = thread->own_bytes_freed};
        if (thread->end_ns == 0) {
            ms_flow_past_rate_own(past, model, thread, &own);
        }
        ms_flow_add(&node->own, &own);
    }
}

uint32_t ms_flow_join(struct ms_flow_matrix *matrix, const struct ms_model *model,
                      const struct ms_flow_past *past, const struct ms_thread *thread)
{
    const struct ms_flow_member *known = ms_flow_member_of(matrix, thread->id);
    if (known != NULL) {
        return known->node;
    }
    if (ms_flow_grow((void **)&matrix->members, matrix->member_count, &matrix->member_capacity,
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
        position = node_of_key(matrix, MS_FLOW_GROUP_KEY | hash, thread->process_id, name, &made);
    } else {
        position = node_of_key(matrix, thread->id, thread->process_id, thread->name, &made);
    }
    if (position != MS_FLOW_NO_NODE) {
        struct ms_flow_node *node = &matrix->nodes[position];
        node->thread_id = made ? thread->id : node->thread_id;
        add_thread(matrix, model, past, node, thread);
        matrix->members[matrix->member_count++] =
            (struct ms_flow_member){.thread_id = thread->id, .node = position};
    }
    return position;
}

bool ms_flow_is_others(const struct ms_flow_node *node)
{
    return (node->key & (MS_FLOW_GROUP_KEY | MS_FLOW_OTHERS_KEY)) == MS_FLOW_OTHERS_KEY;
}
