/*
 * Accounting of blocks: which context a block belongs to, and the sums of contexts, threads and
 * process. Safe in signal handlers: a counter of the own thread is changed by one instruction.
 * Nothing here allocates, blocks or changes errno.
 *
 * What may be off after a kill at any instant: one event per thread between the counters of its
 * record and those of its contexts, and figures that a thread publishes at its next look (walks).
 */
#ifndef MS_PROBE_ACCOUNT_H
#define MS_PROBE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/allocator.h"
#include "probe/stack.h"
#include "probe/tag.h"
#include "probe/thread.h"

/* A live block taken out of the books, not yet debited; or not known to us. */
struct ms_block_claim {
    bool known;
    bool tagged;
    bool freed_before;         /* not known: it was, and nothing of ours has used its place since */
    struct ms_tag_owner owner; /* known or freed before */
    uint64_t at_ns; /* for the trace: before a realloc, after which another may have it; 0: now */
    size_t usable;  /* tagged: where the tag was, and its words */
    struct ms_tag_words words;
};

/* Who releases a block. */
struct ms_release {
    const struct ms_caller *caller; /* NULL: not known */
    enum ms_releaser releaser;
};

/*
 * Adds to a counter that only this thread writes; a signal in between loses nothing. Nothing is
 * promised of the order in which others see counters change. On x86-64 they see it as it is in the
 * program, so a reader that takes frees before allocations has seen each freed block allocated.
 * Elsewhere it may for a moment be one event behind, and takes a difference below 0 for 0.
 */
static inline void ms_own_add(uint64_t *counter, uint64_t value)
{
#if defined(__x86_64__)
    __asm__ volatile("addq %1, %0" : "+m"(*counter) : "er"(value) : "cc");
#else
    __atomic_fetch_add(counter, value, __ATOMIC_RELAXED);
#endif
}

static inline uint64_t ms_remote_bytes_freed(const struct ms_remote *remote)
{
    return atomic_load_explicit(&remote->bytes_freed, memory_order_relaxed) +
           __atomic_load_n(&remote->sole_bytes_freed, __ATOMIC_RELAXED);
}

/*
 * A block that the real allocator just gave to a tracked thread: enters it (tag or side table) and
 * counts `bytes`, the requested size, on the calling thread and its context.
 */
MS_HIDDEN void ms_block_allocated(struct ms_thread_state *state, const struct ms_caller *caller,
                                  void *block, size_t bytes, enum ms_block_kind kind);

/*
 * A block that goes to the real free next, the slow way (event.h has the short one). `state` NULL:
 * a thread without a record; its frees still debit the owners. `release` NULL: nothing is known of
 * who calls, so nothing is judged.
 */
MS_HIDDEN void ms_block_freed(struct ms_thread_state *state, void *block,
                              const struct ms_release *release);

/*
 * The three steps of a realloc: before, and after it succeeded or failed. `release` as above.
 */
MS_HIDDEN void ms_block_claim(struct ms_thread_state *state, void *block,
                              struct ms_block_claim *claim, const struct ms_release *release);
MS_HIDDEN void ms_block_settle(struct ms_thread_state *state, const void *block,
                               const struct ms_block_claim *claim);
MS_HIDDEN void ms_block_restore(void *block, const struct ms_block_claim *claim);

/*
 * After a realloc of a thread that is not tracked, which leaves the block uncounted: when it is
 * where it was, it must not look as if it were freed.
 */
MS_HIDDEN void ms_block_forget(void *block, const struct ms_block_claim *claim);

/* The block was allocated as `kind`, although by way of another function. NULL: nothing. */
MS_HIDDEN void ms_block_set_kind(void *block, enum ms_block_kind kind);

/* Requested plus slack as malloc_usable_size may tell the program: the tag's place left out. */
MS_HIDDEN size_t ms_block_usable(struct ms_thread_state *state, void *block);

/* A call that returned no memory; one that passed uncounted for want of a thread record. */
MS_HIDDEN void ms_count_failed(struct ms_thread_state *state, const struct ms_caller *caller);
MS_HIDDEN void ms_count_untracked(void);

/* An event of a thread that is not tracked; from time to time it looks whether that still holds. */
static inline void ms_untracked_event(struct ms_thread_state *state)
{
    if (MS_UNLIKELY(--state->tracking.events_until_look <= 0)) {
        ms_tracking_look(state);
    }
}

/* Blocks of the bootstrap arena: those taken so far, then each free. */
MS_HIDDEN void ms_account_arena(struct ms_thread_state *state);
MS_HIDDEN void ms_arena_block_freed(struct ms_thread_state *state, void *block);

#endif
