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

#include "probe/real.h"
#include "probe/stack.h"
#include "wire/region.h"

struct ms_context_map; /* stack id -> context of this thread; context.h */

struct ms_thread_state {
    uint64_t key; /* check key of the process; 0: not set up here (new, or wiped by fork) */
    struct ms_region_thread *record;
    uint32_t index; /* of the record in MS_AREA_THREADS */
    bool tracked;
    uintptr_t busy_stack_pointer; /* non-zero: inside the probe, entered at this sp */
    int64_t unpublished_bytes;    /* change of live bytes not yet added to the process */
    struct ms_context_map *contexts;
    uintptr_t last_block; /* for `temporary`: the block this thread allocated last */
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
