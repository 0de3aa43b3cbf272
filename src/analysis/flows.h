/*
 * Flows: who frees whose memory, as a matrix. A row is who allocated, a column who freed; on the
 * diagonal is what was freed by the thread that allocated it. Many threads of like names can be one
 * row. Exact, but for this: a freeing thread tells 32 owners apart; blocks of further ones, and of
 * owners that were merged before, are in the row "others". So a column always adds up to what its
 * threads freed, a row may lack what is in "others".
 *
 * Pure: no clock, no I/O. One thread uses a matrix; what it returns holds until the next update.
 */
#ifndef MS_ANALYSIS_FLOWS_H
#define MS_ANALYSIS_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/flow_index.h"
#include "model/model.h"
#include "model/scope.h"

#define MS_FLOW_OWNERS_TOLD_APART 32u /* by each freeing thread */
#define MS_FLOW_ONE_BY_ONE_MAX    16u /* automatic: more threads than that are shown by name */
#define MS_FLOW_NAME_MAX          64u
#define MS_FLOW_SPAN_NS           (10 * MS_SECOND_NS) /* over which rates are taken */
#define MS_FLOW_NO_NODE           UINT32_MAX

enum ms_flow_grouping {
    MS_FLOW_AUTOMATIC,
    MS_FLOW_BY_THREAD,
    /* Threads of a process whose names differ in digits only are one node: worker-1, worker-2. The
     * main thread and up to 64 threads that have its name, as nobody named them, stay alone. */
    MS_FLOW_BY_NAME
};

struct ms_flow_sum {
    uint64_t blocks, bytes;
    double blocks_per_s, bytes_per_s; /* NaN: not known */
};

/* A row and the column of the same threads. */
struct ms_flow_node {
    uint64_t key; /* the same in every update; not 0 */
    uint32_t process_id;
    uint32_t thread_id; /* of a group: of the member that gave and took the most; 0: others */
    uint32_t threads;   /* that it stands for; 0: others */
    bool group;         /* of several threads, by name */
    bool ended;         /* all of them */
    char name[MS_FLOW_NAME_MAX]; /* bytes as the program set them, digits of a group are * */
    uint64_t allocations, bytes_allocated;
    uint64_t deallocations, bytes_freed; /* of its blocks, by whomever */
    uint64_t temporary;        /* of those, freed by their thread before it allocated again */
    struct ms_flow_sum own;    /* of those: by the thread that allocated the block */
    struct ms_flow_sum mutual; /* by another thread of the same group */
    struct ms_flow_sum given;  /* by other nodes, as far as told apart */
    struct ms_flow_sum taken;  /* blocks of other nodes that it freed */
    uint64_t not_told_blocks;  /* of its own blocks, by threads that do not tell it apart */
};

struct ms_flow_edge {
    uint32_t from, to; /* nodes; never the same, see `mutual` */
    struct ms_flow_sum sum;
    /* Effective numbers of threads at both ends: 1 / sum of squared shares. 4 threads of which one
     * does nearly all are 1, of which all do the same 4. */
    double from_threads, to_threads;
};

/* A flow between two threads, and the nodes that they are of, which may be one. */
struct ms_flow_pair {
    uint32_t from, to;
    uint32_t from_thread, to_thread; /* 0: not told apart */
    struct ms_flow_sum sum;
};

/* Flows of the last seconds, for rates; who wants none does without. */
struct ms_flow_past;                               /* opaque */
struct ms_flow_past *ms_flow_past_new(void);       /* NULL: no memory */
void ms_flow_past_free(struct ms_flow_past *past); /* accepts NULL */
/* Often; does something once a second. At most 50,000 flows are remembered, 12 times. */
void ms_flow_past_update(struct ms_flow_past *past, const struct ms_model *model);

struct ms_flow_matrix; /* opaque */

struct ms_flow_matrix *ms_flow_matrix_new(void);         /* NULL: no memory */
void ms_flow_matrix_free(struct ms_flow_matrix *matrix); /* accepts NULL */

/*
 * Takes over what the model has now. `past` may be NULL: no rates. In the scope of a thread only
 * what it gave and took is in it. Returns 0 or -ENOMEM: then the matrix is empty.
 */
int ms_flow_matrix_update(struct ms_flow_matrix *matrix, const struct ms_model *model,
                          const struct ms_flow_past *past, const struct ms_scope *scope,
                          enum ms_flow_grouping grouping);

/* The same as above; in the scope of a process the cost is that of its threads and flows. */
int ms_flow_matrix_update_indexed(struct ms_flow_matrix *matrix, const struct ms_model *model,
                                  const struct ms_flow_index *index,
                                  const struct ms_flow_past *past, const struct ms_scope *scope,
                                  enum ms_flow_grouping grouping);

/* Nodes that freed or whose blocks were freed; in order of their first thread, "others" last. */
size_t ms_flow_nodes(const struct ms_flow_matrix *matrix);
const struct ms_flow_node *ms_flow_node(const struct ms_flow_matrix *matrix, size_t index);
bool ms_flow_is_by_name(const struct ms_flow_matrix *matrix);
/* Node of a thread; MS_FLOW_NO_NODE: none. */
uint32_t ms_flow_node_of(const struct ms_flow_matrix *matrix, uint32_t thread_id);

/* Sorted by (from, to). */
size_t ms_flow_edges(const struct ms_flow_matrix *matrix);
const struct ms_flow_edge *ms_flow_edge(const struct ms_flow_matrix *matrix, size_t index);
/* NULL: nothing flowed. */
const struct ms_flow_edge *ms_flow_between(const struct ms_flow_matrix *matrix, uint32_t from,
                                           uint32_t to);

/* In no order. */
size_t ms_flow_pairs(const struct ms_flow_matrix *matrix);
const struct ms_flow_pair *ms_flow_pair(const struct ms_flow_matrix *matrix, size_t index);

/* Sums over the scope: blocks freed by their own thread, and by another one. */
struct ms_flow_totals {
    uint32_t threads; /* that freed or whose blocks were freed */
    struct ms_flow_sum own, crossed;
    struct ms_flow_sum others; /* of the crossed ones: of owners not told apart */
};
const struct ms_flow_totals *ms_flow_matrix_totals(const struct ms_flow_matrix *matrix);

/* Why there is no flow, in words; "" when there is one. */
const char *ms_flow_why_none(const struct ms_flow_matrix *matrix);

/* "worker-*" for "worker-12"; the name itself when it has no digits. */
void ms_flow_role_name(const char *name, char out[MS_FLOW_NAME_MAX]);

#endif
