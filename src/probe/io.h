/*
 * Calls of I/O functions, counted by thread and, as far as they are looked at, by caller.
 *
 * Every call that returns is counted by its own thread in lines of its own. The time of a call is
 * taken, and its call stack, as long as that takes no more than a small share of the time that has
 * passed since the last one of its kind: so of calls that come tens of microseconds apart or last
 * that long all are timed. Of calls that come faster one in MS_IO_STRIDE is, chosen by chance. Both
 * chances are known before the call, so weighing each timed call by 1 / chance is unbiased.
 *
 * A call may not return: its thread may be cancelled in it, or a handler may jump out. Until then
 * nothing is open but the mark that says which call the thread is in, and the next one overwrites
 * that. All of it may run in a signal handler; nothing here allocates, locks or changes errno.
 */
#ifndef MS_PROBE_IO_H
#define MS_PROBE_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"
#include "wire/region.h"

struct ms_caller;
struct ms_thread_state;

#define MS_IO_STRIDE          64u       /* fast calls for each that is timed */
#define MS_IO_TIMING_NS       128       /* what timing a call costs, about */
#define MS_IO_TIMING_SHARE    128       /* one in so many nanoseconds of a kind may go into it */
#define MS_IO_CREDIT_FIRST_NS 2048      /* enough for the first calls of each kind and thread */
#define MS_IO_CREDIT_MAX_NS   (1 << 18) /* saved in times without calls */
#define MS_IO_SITE_HEADS      64u

/* Part of the state of a thread; zero is its beginning. */
struct ms_io_state {
    struct ms_region_thread_io *lines;        /* NULL: nothing is counted, or not yet */
    bool refused;                             /* no room for the lines: not asked for again */
    int32_t until_timed[MS_REGION_IO_KINDS];  /* calls that are only counted before the next */
    uint32_t weight[MS_REGION_IO_KINDS];      /* of that one */
    uint64_t timed_at_ns[MS_REGION_IO_KINDS]; /* end of the last timed one; 0: none was yet */
    int32_t credit_ns[MS_REGION_IO_KINDS];    /* that may go into timing */
    uint8_t since_asked;                      /* timed calls since a descriptor was asked about */
    uint16_t sites;                           /* elements taken */
    uint32_t heads[MS_IO_SITE_HEADS];         /* elements of MS_AREA_IO_SITES, by hash */
};

/* A call from its beginning to its end. */
struct ms_io_call {
    uint32_t kind;     /* enum ms_region_io_kind */
    uint32_t weight;   /* 0: not timed */
    uint64_t begin_ns; /* when timed */
};

/*
 * What descriptors are, as far as anybody asked. Shared by all threads and, in a vfork child, with
 * the parent; what is stale is found out at one of the next looks, unless no system call may be
 * made any more.
 */
#define MS_IO_DESCRIPTORS 65536u
enum ms_io_descriptor { MS_IO_UNKNOWN, MS_IO_FILE, MS_IO_SOCKET };
extern MS_HIDDEN unsigned char ms_io_descriptors[MS_IO_DESCRIPTORS];

/* The descriptors `first` to `last` may be something else from now on. */
MS_HIDDEN void ms_io_forget(uint32_t first, uint32_t last);

/* Whether a descriptor that is not in the table is a socket. Cold. */
MS_HIDDEN bool ms_io_ask(int descriptor);

/* `base`: READ or WRITE. Of a socket they are RECEIVE and SEND. */
static inline uint32_t ms_io_kind_of(int descriptor, uint32_t base)
{
    unsigned char known = MS_LIKELY((unsigned)descriptor < MS_IO_DESCRIPTORS)
                              ? __atomic_load_n(&ms_io_descriptors[descriptor], __ATOMIC_RELAXED)
                              : MS_IO_UNKNOWN;
    bool socket = MS_LIKELY(known != MS_IO_UNKNOWN) ? known == MS_IO_SOCKET : ms_io_ask(descriptor);
    return base + (socket ? 2u : 0u);
}

/* A thread that counts no I/O yet: does it now? Cold. */
MS_HIDDEN struct ms_thread_state *ms_io_enter(void);

/*
 * The call is one to be timed: begins it. `descriptor` is asked about again from time to time when
 * `base` depends on it, -1: it does not. Cold.
 */
MS_HIDDEN void ms_io_begin_timed(struct ms_thread_state *state, struct ms_io_call *call,
                                 int descriptor);

/* A timed call is over, which was counted already; `bytes` as there. Cold. */
MS_HIDDEN void ms_io_end_timed(struct ms_thread_state *state, const struct ms_io_call *call,
                               const struct ms_caller *caller, uint64_t bytes);

/* A call failed with `error`, and was counted as a call. Cold. */
MS_HIDDEN void ms_io_failed(struct ms_region_thread_io *lines, uint32_t kind, int error);

/* The thread ends: it is in no call. */
MS_HIDDEN void ms_io_ended(struct ms_thread_state *state);

#endif
