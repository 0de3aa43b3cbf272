/*
 * Patterns in who frees whose memory, each with its evidence. What is seen are blocks: by whom they
 * were allocated, by whom freed, how long those of a thread lived. Who used a block in between, and
 * blocks that a program recycles without freeing them, nobody sees; so a pool that hands out and
 * takes back is none of these.
 *
 * Threads of like names are one node A, B, ... (MS_FLOW_BY_NAME). F(A,B): blocks of A that B freed.
 * Temporary blocks, which their thread frees before it allocates again, are left out: nobody could
 * have handed them over. dealloc(A): other blocks of A that were freed; freed(B): other blocks that
 * B freed, its own ones included. share = F(A,B) / dealloc(A), or the same in bytes (with temporary
 * ones, which nobody adds up), whichever is more; back = F(B,A) / F(A,B). Threads at an end are
 * effective numbers, see ms_flow_edge. An edge counts with F >= 100 and back <= 0.2, and then
 *
 *   producer/consumer   share >= 0.5
 *   fan-out             the same from 1 thread to at least 2; or one thread of whose blocks others
 *                       free half, none of them half, at least 2
 *   fan-in              share >= 0.5 from at least 2 threads to 1; or one thread of whose frees
 *                       half are of others' blocks, of at least 2 threads
 *   pipeline            at least 3 nodes, each freeing half or more of the blocks of the one before
 *   pool                fan-out of a thread that owns 90 % of all blocks that crossed threads, half
 *                       of whose blocks lived for 268 ms or more: one thread allocates in advance
 *   background release  share < 0.5, but 90 % of what one thread B frees is that of one thread A,
 *                       and B allocates at most a tenth as many blocks as it frees
 *
 * Sets of threads: those of one name that free each other's blocks, and nodes between which
 * back >= 0.25 in both directions. With own_i what thread i freed of its own, temporary ones left
 * out, out_i and in_i what it gave to and took from the others of the set: a_i = own_i + out_i, f_i
 * = own_i + in_i, T = sum of a_i, X = sum of out_i, which must be at least 100 and 2 % of T. mixing
 * = (X / T) / (1 - sum of a_i f_i / T^2), which is 1 when who frees does not depend on who
 * allocated; one-sided = sum |out_i - in_i| / 2X; balance(x) = mean / max of x_i.
 *
 *   shared cache        mixing >= 0.7, one-sided <= 0.3, at least 2 threads give and take, half of
 *                       their blocks lived for 67 ms or more
 *   exchange            the same with blocks that live shorter, or of unknown lives
 *   work stealing       threads of one name; they free at least 30 % themselves; and
 *                       balance(f) >= balance(a) + 0.05: what they took from each other made their
 *                       work more even
 *
 * confidence = strength * n / (n + 100), n blocks; the strength is share * (1 - back) of an edge
 * (least edge of a pipeline), mixing * (1 - one-sided) of a set, at most 1, the gain of balance /
 * 0.2 of stealing; at most 0.99, 0.8 for stealing and 0.7 for pools, which are guessed from less.
 * Below 0.3 nothing is named.
 */
#ifndef MS_ANALYSIS_FLOW_PATTERNS_H
#define MS_ANALYSIS_FLOW_PATTERNS_H

#include "analysis/flows.h"

#define MS_FLOW_PATTERN_BLOCKS_MIN 100u
#define MS_FLOW_PATTERNS_MAX       16u
#define MS_FLOW_PATTERN_NODES_MAX  8u

/* X(id, json_name, words) */
#define MS_FLOW_PATTERN_KINDS(X)                                                                   \
    X(PIPELINE, "pipeline", "pipeline")                                                            \
    X(PRODUCER_CONSUMER, "producer_consumer", "producer/consumer")                                 \
    X(FAN_OUT, "fan_out", "fan-out")                                                               \
    X(FAN_IN, "fan_in", "fan-in")                                                                  \
    X(POOL, "pool", "pool")                                                                        \
    X(RELEASE, "background_release", "background release")                                         \
    X(SHARED_CACHE, "shared_cache", "shared cache")                                                \
    X(EXCHANGE, "exchange", "exchange")                                                            \
    X(WORK_STEALING, "work_stealing", "work stealing")

enum ms_flow_pattern_kind {
#define MS_FLOW_PATTERN_ID(id, name, words) MS_FLOW_PATTERN_##id,
    MS_FLOW_PATTERN_KINDS(MS_FLOW_PATTERN_ID)
#undef MS_FLOW_PATTERN_ID
        MS_FLOW_PATTERN_TOTAL
};

const char *ms_flow_pattern_name(enum ms_flow_pattern_kind kind);  /* JSON */
const char *ms_flow_pattern_words(enum ms_flow_pattern_kind kind); /* screen */

struct ms_flow_pattern {
    enum ms_flow_pattern_kind kind;
    uint32_t process_id;
    double confidence;                         /* 0..1 */
    uint64_t blocks, bytes;                    /* that flowed in it */
    double balance;                            /* of work stealing: of the frees; NaN else */
    double balance_before;                     /* ... of the allocations */
    uint32_t node_count;                       /* at most MS_FLOW_PATTERN_NODES_MAX are listed */
    uint32_t nodes[MS_FLOW_PATTERN_NODES_MAX]; /* of the matrix, who allocates first */
    char evidence[320]; /* in words and numbers; holds names: bytes as the program set them */
};

/*
 * The patterns of a matrix by name, the surest first; at most `capacity` into `out`. Returns how
 * many that are.
 */
size_t ms_flow_patterns(const struct ms_flow_matrix *matrix, const struct ms_model *model,
                        struct ms_flow_pattern *out, size_t capacity);

/* Why none is named, in words. */
void ms_flow_patterns_why_none(const struct ms_flow_matrix *matrix, char *out, size_t size);

#endif
