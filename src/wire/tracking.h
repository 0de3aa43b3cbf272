/*
 * What a probe is to track: what viewers want, how the keeper tells it to a process that counts,
 * and what the probe makes of it by itself. Part of a region's header (wire/region.h). The
 * functions check it wherever it comes from somebody else; they are pure.
 */
#ifndef MS_WIRE_TRACKING_H
#define MS_WIRE_TRACKING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MS_SELECTION_MAX   256u
#define MS_STACK_DEPTH_MAX 128u
#define MS_STEPS_KEPT      8u

enum ms_mode {
    MS_MODE_OFF,
    MS_MODE_COUNT_ONLY, /* every event counted on its thread, no stacks */
    MS_MODE_EXACT,      /* every event counted on its thread and call stack */
    MS_MODE_SAMPLED     /* threads exact; call stacks of an unbiased sample, see MS_RATE */
};

/*
 * A sampling rate: an interval in bytes or in allocations. Each byte (allocation) is a sampling
 * point with probability 1 / interval. By bytes, a block of at least half the interval is always
 * taken and stands for itself; a smaller one is taken with probability bytes / interval and stands
 * for interval bytes in interval / bytes blocks. By allocations, a block that is taken stands for
 * `interval` blocks of its size. Both are unbiased.
 */
#define MS_RATE_ALLOCATIONS        (UINT64_C(1) << 63)
#define MS_RATE_INTERVAL(rate)     ((rate) & ~MS_RATE_ALLOCATIONS)
#define MS_RATE_INTERVAL_BYTES_MAX (UINT64_C(1) << 40)
#define MS_RATE_DEFAULT_BYTES      (UINT64_C(512) << 10)

/* What is to be tracked. Set at the start and changed by viewers while the program runs. */
struct ms_tracking {
    uint32_t mode;        /* enum ms_mode */
    uint32_t stack_depth; /* 1..MS_STACK_DEPTH_MAX */
    uint32_t automatic;   /* the probe steps down by itself: struct ms_region_step */
    uint32_t trace;       /* every event goes in batches over the trace socket, too */
    uint64_t sample_rate; /* MS_MODE_SAMPLED (and where automatic steps to it): see above */
    char selection[MS_SELECTION_MAX]; /* --threads list, "" = all; see wire/selection.h */
};

/* What is done about calls of I/O functions. */
enum ms_io_counting {
    MS_IO_SAMPLE, /* all are counted, some are timed and looked at for their callers */
    MS_IO_OFF,
    MS_IO_COUNT, /* counted only */
    MS_IO_ALL    /* all are timed and looked at */
};

/*
 * Written by the keeper before hand-over and whenever a viewer asks for another tracking; a child
 * that claims a slot copies the main header's. The keeper writes the main header first, then
 * the slots that are ready; a child reads the main header again after it has said that it is ready,
 * so a change misses nobody. `changes` is odd while `tracking` is being written.
 */
struct ms_probe_config {
    _Atomic uint32_t changes;
    _Atomic uint32_t steps; /* by the probe: how often it stepped down by itself */
    uint32_t follow_children;
    uint32_t trace_allowed; /* a trace socket exists: the keeper was asked for one at the start */
    uint32_t trace_buffer_bytes; /* of one thread, MS_TRACE_BUFFER_BYTES_MIN to _MAX; 0: default */
    uint32_t trace_wait_ms;      /* how long a full socket may hold the program up; 0: not at all */
    uint64_t trace_events_max;   /* of one process, then its trace ends; 0: no limit */
    uint32_t io;                 /* enum ms_io_counting; does not change */
    uint32_t reserved;
    struct ms_tracking tracking;
};

enum ms_stepped_reason {
    MS_STEPPED_NOT,
    MS_STEPPED_STACKS_FULL,   /* the table of call stacks is filling up */
    MS_STEPPED_CONTEXTS_FULL, /* the table of contexts is filling up */
    MS_STEPPED_SLOW_WALKS     /* most stacks were not found in the cache of the thread */
};

/*
 * A step down that the probe made under `automatic`: from then on this holds instead of what
 * `tracking` says, until the keeper writes another tracking (of_changes differs).
 */
struct ms_region_step {
    uint64_t at_ns;
    uint64_t sample_rate;
    uint32_t of_changes;
    uint32_t reason; /* enum ms_stepped_reason; written last */
    uint32_t mode;
    uint32_t stack_depth;
    uint32_t number; /* from 1 since the tracking was set */
    uint32_t reserved;
};

_Static_assert(sizeof(struct ms_tracking) % 8 == 0, "copied by words");

/* Puts the `parts` (enum ms_tracking_part) of `from` into `to`. */
void ms_tracking_merge(struct ms_tracking *to, const struct ms_tracking *from, uint32_t parts);

/*
 * Why `tracking` cannot be followed, in words; NULL when it can. `trace_allowed`: there is a socket
 * for the trace.
 */
const char *ms_tracking_refusal(const struct ms_tracking *tracking, bool trace_allowed);

#endif
