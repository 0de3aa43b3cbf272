/*
 * What must be empty in a forked child, in one place: it lies in MADV_WIPEONFORK memory, so fork,
 * raw clone and anything else that copies the address space lead to the slow path, where
 * `set_up` == 0 says that this process has nothing of its own yet.
 */
#ifndef MS_PROBE_WIPED_H
#define MS_PROBE_WIPED_H

#include <stdatomic.h>
#include <stdint.h>

#include "probe/real.h"
#include "probe/side_table.h"

struct ms_thread_state;
struct ms_trace_buffer;

#define MS_STATE_SLABS     1024u
#define MS_STATES_PER_SLAB 16u

enum ms_set_up { MS_SET_UP_NONE, MS_SET_UP_RUNNING, MS_SET_UP_DONE, MS_SET_UP_OFF };

struct ms_wiped {
    _Atomic uint32_t set_up; /* enum ms_set_up */
    _Atomic uint32_t serials;
    _Atomic uint32_t threads_alive;
    _Atomic uint32_t states_taken;    /* thread states ever made */
    _Atomic uint32_t state_cursor;    /* where the search for a state to use again goes on */
    _Atomic uint32_t record_cursor;   /* the same for records */
    uint64_t key;                     /* of the tags of this process, never 0 */
    _Atomic uint64_t free_contexts;   /* version << 32 | index of the first */
    _Atomic uint64_t read_sets_bytes; /* memory of the caches of all threads */
    _Atomic uint32_t step_busy;       /* a thread is making the process step down */
    struct ms_trace_buffer *_Atomic trace_buffers; /* all of them, linked */
    _Atomic uint32_t blocks_unseen; /* some block was given out without being entered anywhere */
    struct ms_side_table side_table;

    /* Read at every event, written rarely: a line of their own. */
    _Atomic int64_t publish_step_bytes __attribute__((aligned(64)));
    _Atomic uint32_t peak_epoch;
    uint64_t reserved[6];

    struct ms_thread_state *_Atomic slabs[MS_STATE_SLABS];
};

/* NULL until initialisation. */
extern MS_HIDDEN struct ms_wiped *ms_wiped;

#endif
