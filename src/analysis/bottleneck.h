/*
 * What holds a thread or a process up: one word and the evidence. Pure; the formula is in
 * BOTTLENECKS of memscope-top(7).
 *
 * A thread's wall time over the last seconds is split into shares: on a core, runnable without a
 * core, in I/O calls on files, in calls on sockets, waiting for locks (when lock figures exist),
 * idle (the rest, polling included). The largest that is above its threshold names the bottleneck;
 * shares that are near to each other make it "balanced"; nothing but idle makes it "idle"; what
 * cannot be told for want of sources is "unknown" and says which.
 */
#ifndef MS_ANALYSIS_BOTTLENECK_H
#define MS_ANALYSIS_BOTTLENECK_H

#include "analysis/findings.h"
#include "model/model.h"

/* X(id, json_name, word) */
/* clang-format off */
#define MS_BOTTLENECKS(X)                                                                          \
    X(CPU,      "cpu",      "CPU")                                                                 \
    X(CORES,    "cores",    "too few cores")                                                       \
    X(MEMORY,   "memory",   "memory")                                                              \
    X(IO,       "io",       "I/O")                                                                 \
    X(NETWORK,  "network",  "network")                                                             \
    X(GPU,      "gpu",      "GPU")                                                                 \
    X(LOCKS,    "locks",    "locks")                                                               \
    X(BALANCED, "balanced", "balanced")                                                            \
    X(IDLE,     "idle",     "idle")                                                                \
    X(UNKNOWN,  "unknown",  "unknown")
/* clang-format on */

enum ms_bottleneck_kind {
#define MS_BOTTLENECK_ID(id, name, word) MS_BOTTLENECK_##id,
    MS_BOTTLENECKS(MS_BOTTLENECK_ID)
#undef MS_BOTTLENECK_ID
        MS_BOTTLENECK_TOTAL
};
const char *ms_bottleneck_name(enum ms_bottleneck_kind kind); /* JSON */
const char *ms_bottleneck_word(enum ms_bottleneck_kind kind);

/* Shares of wall time, or of capacity, 0..1; NaN: not known. Also the resource balance. */
struct ms_resource_shares {
    double cpu;       /* on a core; of a process: of the cores that it may use */
    double run_queue; /* runnable without a core */
    double memory;    /* share of CPU time spent in allocating, or of the limit: see `evidence` */
    double io, network, gpu, locks;
};

struct ms_bottleneck {
    enum ms_bottleneck_kind kind;
    struct ms_resource_shares shares;
    char evidence[200]; /* "on a core 97 % of the last 10 s" */
};

struct ms_bottleneck ms_bottleneck_of_thread(const struct ms_model *model,
                                             const struct ms_thread *thread);
struct ms_bottleneck ms_bottleneck_of_process(const struct ms_model *model,
                                              const struct ms_process *process);

#endif
