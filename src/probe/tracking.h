/*
 * What a thread tracks at the moment, and the few things it looks at from time to time instead of
 * at every event: the clock and the wishes of viewers (struct ms_probe_config).
 *
 * A thread looks every MS_CLOCK_EVENTS events when it is busy, and more often the slower its
 * events come, down to every one: so a change of mode reaches it within a few events, and a clock
 * costs nothing where events are many.
 */
#ifndef MS_PROBE_TRACKING_H
#define MS_PROBE_TRACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"
#include "wire/region.h"

struct ms_thread_state;

/* Part of the state of a thread. */
struct ms_thread_tracking {
    int32_t events_until_look; /* <= 0: look */
    uint32_t tick;             /* of the last look, MS_TICK_BITS wide */
    uint32_t mode;             /* enum ms_mode, as the steps down left it */
    uint32_t stack_depth;
    uint8_t rate; /* index in rates[] of the region; 0 unless MS_MODE_SAMPLED */
    bool automatic;
    bool trace;
    uint8_t looks_put_off;  /* in a row, because an event was under way */
    int32_t look_interval;  /* events from one look to the next, at most */
    uint32_t look_gap;      /* from the last look to the next */
    uint32_t judge_gap;     /* since a release was looked at for where it comes from */
    uint32_t stands_for;    /* at a look that is one for that, too: events since the last; else 0 */
    uint64_t rate_interval; /* bytes or allocations from one sampling point to the next */
    int64_t until_sample;   /* left of it */
    bool rate_in_bytes;
    uint64_t random;
    uint64_t look_ns;
    uint64_t seen;        /* of the config: changes, and steps << 32 */
    uint64_t stacks_seen; /* since the last judgement of the share of walks, and walks */
    uint64_t walks_seen;
};

/* For a new thread, whose record exists: takes over what is to be tracked. */
MS_HIDDEN void ms_tracking_begin(struct ms_thread_state *state, const char *name);

/* The look: clock, config, pending counters. Async-signal-safe, keeps errno. Cold. */
MS_HIDDEN void ms_tracking_look(struct ms_thread_state *state);

/* Uniform over all 64 bits. */
MS_HIDDEN uint64_t ms_tracking_random(struct ms_thread_tracking *tracking);

/* The thread has a new name: is it still selected? */
MS_HIDDEN void ms_tracking_renamed(struct ms_thread_state *state, const char *name);

/* Is the allocation of `bytes` one of the sample? MS_MODE_SAMPLED only. */
MS_HIDDEN bool ms_tracking_samples(struct ms_thread_tracking *tracking, uint64_t bytes);

/*
 * A table of the region holds `taken` of the `capacity` elements that it may. Under `automatic`
 * this may make the process step down: half the depth as long as it is above 8, then a sample, then
 * coarser ones.
 */
MS_HIDDEN void ms_tracking_table_filled(struct ms_thread_state *state, enum ms_area_id area,
                                        uint32_t taken, uint32_t capacity);

#endif
