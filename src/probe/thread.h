/*
 * Threads as the probe knows them: state in private memory, record in the region.
 *
 * The state lies in MADV_WIPEONFORK memory: in a forked child it is all zero, `key` is 0, and
 * the first hook takes the slow path, which sets the child up.
 */
#ifndef MS_PROBE_THREAD_H
#define MS_PROBE_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/io.h"
#include "probe/real.h"
#include "probe/stack.h"
#include "probe/tracking.h"
#include "wire/region.h"

struct ms_trace_buffer;

/* Stack id and rate -> context of this thread; context.h. All zero is an empty map. */
struct ms_context_map {
    uint64_t *entries; /* stack id << 32 | rate << 22 | context */
    uint32_t bits;     /* of the number of entries */
    uint32_t used;
    uint32_t slab_next; /* contexts in reserve: [slab_next, slab_end) */
    uint32_t slab_end;
    uint32_t slab_size; /* of the last slab */
};

/* The low bits of `use`. Above them, while it is taken over: a number that tells by whom. */
enum ms_state_use {
    MS_STATE_UNUSED, /* never set up */
    MS_STATE_USED,
    MS_STATE_EXITING,
    MS_STATE_TAKEN_OVER, /* by a thread that is setting it up */
    MS_STATE_SPARE       /* its thread found no record */
};
#define MS_STATE_USE_BITS 3u

/* What every event touches comes first. */
struct ms_thread_state {
    uint64_t key; /* check key of the process; 0: not set up here (new, or wiped by fork) */
    struct ms_region_thread *record;
    uint32_t index;      /* of the record in MS_AREA_THREADS */
    uint32_t serial;     /* as in the record: tells whether the record is still this thread's */
    uint64_t owner_word; /* what struct ms_region_owner holds for this thread, generation 0 */
    uint32_t root_context;
    bool tracked;
    int64_t unpublished_bytes;    /* change of live bytes not yet added to the process */
    int64_t publish_step_bytes;   /* beyond which it is; as the thread saw it last */
    uintptr_t last_block;         /* for `temporary`: the block this thread allocated last */
    uintptr_t busy_stack_pointer; /* non-zero: inside the probe, entered at this sp */
    struct ms_thread_tracking tracking;
    struct ms_trace_buffer *trace; /* trace.h; NULL until the first event of a trace */
    struct ms_io_state io;

    uint32_t tid;         /* 0: unknown */
    _Atomic uint32_t use; /* enum ms_state_use, and who took it over */
    struct ms_context_map contexts;
    struct ms_stack_state stack;
};

/* This thread's state; may be NULL or wiped. Initial-exec: never allocates. */
extern MS_HIDDEN __thread struct ms_thread_state *ms_thread_state
    __attribute__((tls_model("initial-exec")));

/*
 * State of the calling thread, made if it has none; NULL when it cannot be had (off, no record,
 * no memory) and the call is to pass through uncounted (the caller counts that).
 * Async-signal-safe; needs under 512 bytes of stack.
 */
MS_HIDDEN struct ms_thread_state *ms_thread_enter(void);

/*
 * Makes this process ready to count: key, pid, start time, state ACTIVE. ms_region and ms_wiped
 * are set. Called by the initialisation and, in a forked child, by its first ms_thread_enter.
 */
MS_HIDDEN void ms_process_set_up(void);

/* What ms_process_set_up tells about this process and its children; once, before it. */
MS_HIDDEN void ms_identity_read(void);

/* Random for each process image, and not the tag key. After ms_identity_read. */
MS_HIDDEN uint64_t ms_identity_random(void);

/*
 * At the start of a thread made by the hooked pthread_create, before its start routine.
 * `stack_low/high`: bounds of its stack when known, else 0.
 */
MS_HIDDEN void ms_thread_begin(uintptr_t stack_low, uintptr_t stack_high);

/* From the thread-specific-data destructor: stores final usage and the end time, marks the
 * record MS_THREAD_EXITING; later frees still count. */
MS_HIDDEN void ms_thread_exiting(void);

/*
 * The thread with kernel id `tid` (0: the calling one) has a new name. Updates the record and
 * whether the thread is tracked. Unknown tid: ignored.
 */
MS_HIDDEN void ms_thread_renamed(uint32_t tid, const char *name);

#endif
