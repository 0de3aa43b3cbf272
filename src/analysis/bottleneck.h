/*
 * What holds a thread or a process up: one word and the evidence. Pure; the formula is in
 * BOTTLENECKS of memscope-top(7).
 *
 * The wall time over the last MS_WINDOW_NS (see time_use.h) is split into computing, waiting for a
 * core, calls on files, calls on sockets, waiting for locks (when lock figures exist) and the rest,
 * polling included. The largest names the bottleneck when it is MS_HELD_UP_LEAST of a thread's
 * time. Computing that is mostly allocating and faulting is "memory". Two that are near to each
 * other make it "balanced"; nothing but rest makes it "idle", or "unknown" when the rest may be
 * waits that nobody measures: the evidence says so.
 */
#ifndef MS_ANALYSIS_BOTTLENECK_H
#define MS_ANALYSIS_BOTTLENECK_H

#include "analysis/findings.h"
#include "analysis/time_use.h"
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

#define MS_HELD_UP_LEAST    0.25  /* of the wall time of one thread: what names a bottleneck */
#define MS_HELD_UP_CORES    0.20  /* of wall time, and of the time that it could run */
#define MS_HELD_UP_NEAR     0.80  /* of the largest: a second one that makes it balanced */
#define MS_HELD_UP_SWITCHES 100.0 /* a second: more of them are no idleness */
/* What ms_memory_intensity takes for an allocation (the yardstick of efficiency) and for a page
 * fault, in seconds of CPU time. What a fault takes differs by machine, tenfold where a hypervisor
 * has tables of its own, so kernel time that nothing else explains counts as well, up to the most.
 */
#define MS_MEMORY_ALLOCATION_S 100e-9
#define MS_MEMORY_FAULT_S      1.25e-6
#define MS_MEMORY_FAULT_MOST_S 10e-6

/*
 * Shares, 0..1; NaN: not known. Also the resource balance. Of a thread: of wall time; time in which
 * the kernel works for a call counts as `cpu` and as `io` or `network`, so they need not add up. Of
 * a process: `cpu` of the cores that it may use; run_queue, io and network of the time that its
 * threads computed, waited for cores or were in such calls, taken together.
 */
struct ms_resource_shares {
    double cpu;       /* on a core */
    double run_queue; /* runnable without a core */
    double memory;    /* ms_memory_intensity; not a share of time */
    double io, network, gpu, locks;
};

struct ms_bottleneck {
    enum ms_bottleneck_kind kind;
    struct ms_resource_shares shares;
    char evidence[200]; /* "on a core 97 % of the last 10 s" */
};

struct ms_bottleneck ms_bottleneck_of_thread(const struct ms_model *model,
                                             const struct ms_thread *thread);
/* The same for who has that of ms_time_use_of_thread already. */
struct ms_bottleneck ms_bottleneck_of_thread_use(const struct ms_model *model,
                                                 const struct ms_thread *thread,
                                                 const struct ms_time_use *use);
struct ms_bottleneck ms_bottleneck_of_process(const struct ms_model *model,
                                              const struct ms_process *process);

/*
 * How much computing is memory management, 0 to 1: x / (1 + x) of x = 2 (allocations 100 ns + minor
 * page faults c) / CPU time, c = kernel time that no call explains / minor page faults, at
 * least 1.25 us, also where that kernel time is not known, at most 10 us. A judgement, not a
 * measured time.
 */
double ms_memory_intensity(const struct ms_time_use *use);

#endif
