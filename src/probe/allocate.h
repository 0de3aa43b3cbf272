/*
 * The one way by which hooks allocate: malloc, new and the aligned forms differ in the real
 * function and in what the block is called.
 */
#ifndef MS_PROBE_ALLOCATE_H
#define MS_PROBE_ALLOCATE_H

#include "probe/arena.h"
#include "probe/event.h"
#include "probe/init.h"
#include "probe/thread.h"

/* State of the calling thread, or NULL: the call is to pass through. */
static inline struct ms_thread_state *ms_current_thread(void)
{
    struct ms_thread_state *state = ms_thread_state;
    return MS_LIKELY(state != NULL && state->key != 0) ? state : ms_thread_enter();
}

/* An allocation that is not counted: for want of a thread record, or not selected. */
static inline void ms_pass_untracked(struct ms_thread_state *state)
{
    if (state == NULL) {
        ms_count_untracked();
    } else {
        ms_untracked_event(state);
    }
}

/* malloc for the slow gates: real or arena. */
MS_HIDDEN void *ms_allocate_uncounted(enum ms_gate gate, size_t bytes, size_t alignment);

/* Frees a block of the arena: takes it out of the books. */
MS_HIDDEN void ms_free_arena(void *block);

/*
 * Zeroless malloc of `bytes` for the program, counted on `caller`; NULL with the real function's
 * errno, not yet counted as failed. For the hooks that matter; the others call ms_allocate.
 */
MS_INLINE void *ms_allocate_inline(const struct ms_caller *caller, size_t bytes,
                                   enum ms_block_kind kind)
{
    enum ms_gate gate = ms_gate();
    if (MS_UNLIKELY(gate != MS_GATE_COUNT)) {
        return ms_allocate_uncounted(gate, bytes, 16);
    }
    struct ms_thread_state *state = ms_current_thread();
    if (MS_UNLIKELY(state == NULL || !state->tracked)) {
        ms_pass_untracked(state);
        return ms_real.malloc(bytes);
    }
    size_t request = ms_size_with_tag(bytes);
    void *block = ms_real.malloc(request);
    if (MS_UNLIKELY(block == NULL && request != bytes)) {
        block = ms_real.malloc(bytes);
    }
    if (MS_LIKELY(block != NULL)) {
        ms_event_allocated(state, *caller, block, bytes, kind, false);
    }
    return block;
}
MS_HIDDEN void *ms_allocate(const struct ms_caller *caller, size_t bytes, enum ms_block_kind kind);

/*
 * free for the program, delete and delete[], with the sized and aligned forms of each. To be called
 * last in an exported function, so that it is jumped to: its caller is then the program.
 */
MS_HIDDEN void ms_release(void *block);
MS_HIDDEN void ms_release_new(void *block);
MS_HIDDEN void ms_release_new_array(void *block);

/* A failed call of the calling thread. Keeps errno. */
MS_HIDDEN void ms_allocation_failed(const struct ms_caller *caller);

/* Aligned allocation, counted; 0 or the error number of the real function. */
MS_HIDDEN int ms_allocate_aligned(const struct ms_caller *caller, void **to, size_t alignment,
                                  size_t bytes, enum ms_block_kind kind);

#endif
