/* What flows.c and flow_nodes.c share: a matrix while it is made. */
#ifndef MS_ANALYSIS_FLOW_MATRIX_H
#define MS_ANALYSIS_FLOW_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/flow_index.h"
#include "analysis/flows.h"
#include "model/index.h"

/* A thread, and the node that it is of. */
struct ms_flow_member {
    uint32_t thread_id, node;
    uint64_t crossed; /* blocks that it gave and took */
};

/* What there is to know of a process before its threads are put into groups. */
struct ms_flow_unnamed {
    uint32_t process_id;
    uint32_t main_id; /* 0: not seen */
    uint32_t count;   /* threads that have the name of the main thread, or none */
};

struct ms_flow_matrix {
    struct ms_flow_node *nodes;
    size_t node_count, node_capacity;
    struct ms_index nodes_by_key;
    struct ms_flow_member *members;
    size_t member_count, member_capacity;
    struct ms_index members_by_thread;
    struct ms_flow_pair *parts;
    size_t part_count, part_capacity;
    struct ms_flow_edge *edges;
    size_t edge_count, edge_capacity;
    struct ms_flow_unnamed *unnamed;
    size_t unnamed_count, unnamed_capacity;
    struct ms_index unnamed_by_process;
    struct ms_flow_range range; /* of threads and flows that are gone through */
    struct ms_flow_totals totals;
    struct ms_scope scope;
    bool by_name;
    char why_none[160];
};

/* Room for one more element of `bytes` each. 0 or -ENOMEM. */
int ms_flow_grow(void **array, size_t count, size_t *capacity, size_t bytes);
void ms_flow_add(struct ms_flow_sum *sum, const struct ms_flow_sum *part);

/* Thread number `at` of the range; NULL: of another process than the scope's. */
const struct ms_thread *ms_flow_thread_at(const struct ms_flow_matrix *matrix,
                                          const struct ms_model *model, size_t at);
/* It freed, or blocks of it were freed. */
bool ms_flow_is_active(const struct ms_thread *thread);
bool ms_flow_in_scope(const struct ms_flow_matrix *matrix, const struct ms_thread *thread);

/* Finds the main threads and counts; returns how many threads have anything to show. */
size_t ms_flow_survey(struct ms_flow_matrix *matrix, const struct ms_model *model);

/* The node of a thread, which is added to it when it is new; MS_FLOW_NO_NODE without memory. */
uint32_t ms_flow_join(struct ms_flow_matrix *matrix, const struct ms_model *model,
                      const struct ms_flow_past *past, const struct ms_thread *thread);
/* The node of all owners in a process that are not told apart. */
uint32_t ms_flow_others(struct ms_flow_matrix *matrix, uint32_t process_id);
bool ms_flow_is_others(const struct ms_flow_node *node);
/* NULL: it is in no node. */
struct ms_flow_member *ms_flow_member_of(const struct ms_flow_matrix *matrix, uint32_t thread_id);

/* Bits of the key of a node that is no single thread. */
#define MS_FLOW_GROUP_KEY  (UINT64_C(1) << 63)
#define MS_FLOW_OTHERS_KEY (UINT64_C(1) << 62)

#endif
