/*
 * The short way of an event: what malloc and free execute when nothing special is the case.
 * Everything that is rare leaves it by a call of a cold function of account.c. Included where it is
 * compiled into a hook, and by account.c, which has the longer ways.
 */
#ifndef MS_PROBE_EVENT_H
#define MS_PROBE_EVENT_H

#include <stdatomic.h>

#include "probe/account.h"
#include "probe/detail.h"
#include "probe/live.h"
#include "probe/map.h"
#include "probe/trace.h"
#include "probe/wiped.h"

#define MS_INLINE static inline __attribute__((always_inline))

/* The remote line says that a peak may have been passed, or that it has not. Cold. */
MS_HIDDEN void ms_peak_reached(uint64_t own_bytes, uint64_t *peak, uint64_t *seen,
                               const struct ms_remote *remote);

/* The context of an allocation when it is not to be had from the cache. Cold. */
MS_HIDDEN uint32_t ms_context_slowly(struct ms_thread_state *state, const struct ms_caller *caller,
                                     struct ms_read_set *found);
/* The same in other modes than exact, and inside the probe (in a signal handler). Cold. */
MS_HIDDEN uint32_t ms_context_otherwise(struct ms_thread_state *state,
                                        const struct ms_caller *caller, uint64_t bytes,
                                        uintptr_t here);

/* Enters a block without a tag; returns its waste. Cold. */
MS_HIDDEN uint64_t ms_enter_side(const struct ms_thread_state *state, void *block, size_t bytes,
                                 uint32_t side_word);

/* A reallocation, or a context that is sampled. Cold. */
MS_HIDDEN void ms_allocated_specially(struct ms_thread_state *state,
                                      struct ms_region_context *context, uint64_t bytes,
                                      enum ms_block_kind kind);

MS_INLINE struct ms_region_context *ms_context_at(struct ms_region_header *region, uint32_t index)
{
    return (struct ms_region_context *)((char *)region +
                                        region->areas[MS_AREA_CONTEXTS].offset_bytes) +
           index;
}

MS_INLINE const struct ms_region_owner *ms_owner_at(const struct ms_region_header *region,
                                                    uint32_t context)
{
    return (const struct ms_region_owner *)((const char *)region +
                                            region->areas[MS_AREA_OWNERS].offset_bytes) +
           context;
}

/*
 * Exact peak although others free: the remote line only lowers live bytes, so it needs reading
 * only when the own line, with what was last seen of the remote one, says "new peak".
 */
MS_INLINE void ms_follow_peak(uint64_t own_bytes, uint64_t *peak, uint64_t *seen,
                              const struct ms_remote *remote)
{
    if (MS_UNLIKELY((int64_t)(own_bytes - *seen) > (int64_t)*peak)) {
        ms_peak_reached(own_bytes, peak, seen, remote);
    }
}

/* Live bytes of the process change by the calling thread. */
MS_INLINE void ms_change_live(struct ms_thread_state *state, uint64_t bytes)
{
    ms_own_add((uint64_t *)&state->unpublished_bytes, bytes);
    int64_t step = state->publish_step_bytes;
    if (MS_UNLIKELY((uint64_t)(state->unpublished_bytes + step) > (uint64_t)(2 * step))) {
        ms_live_publish_thread(state);
    }
}

/*
 * The first change of a context in a peak epoch: what it had live when the epoch began. The value
 * before the epoch, so that a signal in between stores the same value again.
 */
MS_INLINE void ms_enter_epoch(struct ms_region_context *context)
{
    uint32_t epoch = atomic_load_explicit(&ms_wiped->peak_epoch, memory_order_relaxed);
    if (MS_UNLIKELY(context->peak_epoch != epoch)) {
        context->live_at_peak_bytes = context->bytes_allocated - context->bytes_freed;
        atomic_signal_fence(memory_order_seq_cst);
        __atomic_store_n(&context->peak_epoch, epoch, __ATOMIC_RELEASE);
    }
}

/*
 * An event of a class, into the histogram when there is one already; with one, events of the home
 * class are counted in it like others, since a branch on the class would be mispredicted. False:
 * there is none, and the class is not home.
 */
MS_INLINE bool ms_count_class(struct ms_region_header *region, uint32_t detail, uint8_t home,
                              unsigned class)
{
    if (detail - 1 >= MS_DETAIL_NONE_LEFT - 1) {
        return MS_LIKELY(home == class + 1) || detail == MS_DETAIL_NONE_LEFT;
    }
    union ms_region_detail *details =
        (union ms_region_detail *)((char *)region + region->areas[MS_AREA_DETAILS].offset_bytes);
    ms_own_add((uint64_t *)&details[detail].histogram.events[class], 1);
    return true;
}

MS_INLINE void ms_count_allocation(struct ms_thread_state *state, struct ms_region_header *region,
                                   struct ms_region_thread *record,
                                   struct ms_region_context *context, uint64_t bytes,
                                   uint64_t waste, enum ms_block_kind kind)
{
    unsigned class = ms_size_class(bytes);
    ms_own_add(&record->own.allocations, 1);
    ms_own_add(&record->own.bytes_allocated, bytes);
    ms_own_add(&record->own.waste_allocated_bytes, waste);
    ms_enter_epoch(context);
    ms_own_add(&context->allocations, 1);
    ms_own_add(&context->bytes_allocated, bytes);
    ms_own_add(&context->waste_allocated_bytes, waste);
    if (MS_UNLIKELY(!ms_count_class(region, context->sizes, context->size_home, class))) {
        ms_size_elsewhere(context, class);
    }
    if (MS_UNLIKELY(context->rate != 0 || kind == MS_BLOCK_REALLOC)) {
        ms_allocated_specially(state, context, bytes, kind);
    }
    ms_follow_peak(record->own.bytes_allocated - record->own.bytes_freed, &record->own.peak_bytes,
                   &record->own.remote_seen_bytes, &record->remote);
    ms_follow_peak(context->bytes_allocated - context->bytes_freed, &context->peak_bytes,
                   &context->remote_seen_bytes, &context->remote);
    ms_change_live(state, bytes);
}

/* Where an allocation is counted. */
MS_INLINE uint32_t ms_context_for(struct ms_thread_state *state, struct ms_caller caller,
                                  uint64_t bytes)
{
    struct ms_thread_tracking *tracking = &state->tracking;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (MS_UNLIKELY(tracking->mode != MS_MODE_EXACT || state->busy_stack_pointer != 0)) {
        if (MS_LIKELY(tracking->mode == MS_MODE_COUNT_ONLY)) {
            return state->root_context;
        }
        const struct ms_caller copy = caller;
        return ms_context_otherwise(state, &copy, bytes, here);
    }
    state->busy_stack_pointer = here;
    atomic_signal_fence(memory_order_seq_cst);
    struct ms_read_set *found = ms_stack_find(&state->stack, caller, tracking->stack_depth);
    uint32_t context;
    if (MS_LIKELY(found != NULL && found->holder == ms_read_set_holder(state->serial, 0))) {
        context = found->context;
    } else {
        const struct ms_caller copy = caller;
        context = ms_context_slowly(state, &copy, found);
    }
    atomic_signal_fence(memory_order_seq_cst);
    state->busy_stack_pointer = 0;
    return context;
}

/* `headers`: the way is MS_WAY_HEADERS. */
MS_INLINE void ms_event_allocated(struct ms_thread_state *state, struct ms_caller caller,
                                  void *block, size_t bytes, enum ms_block_kind kind, bool headers)
{
    /* In this order, as in ms_event_freed. */
    struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    struct ms_region_thread *record = __atomic_load_n(&state->record, __ATOMIC_RELAXED);
    if (MS_UNLIKELY(record == NULL)) {
        return;
    }
    if (MS_UNLIKELY(--state->tracking.events_until_look <= 0)) {
        ms_tracking_look(state);
    }
    uint32_t index = ms_context_for(state, caller, bytes);
    struct ms_region_context *context = ms_context_at(region, index);
    uint32_t owner = ms_tag_owner_word(index, context->generation);
    uint64_t waste;
    size_t usable = headers || ms_allocator.tags
                        ? ms_taggable_usable_fresh(block, headers || ms_allocator.glibc_headers)
                        : 0;
    if (MS_LIKELY(usable >= bytes + MS_TAG_BYTES)) {
        ms_tag_write(state->key, block, usable, bytes, owner, kind, state->tracking.tick);
        waste = usable - MS_TAG_BYTES - bytes;
    } else {
        waste = ms_enter_side(state, block, bytes, ms_tag_side_word(owner, kind));
    }
    ms_count_allocation(state, region, record, context, bytes, waste, kind);
    state->last_block = (uintptr_t)block;
    if (MS_UNLIKELY(state->tracking.trace)) {
        ms_trace_allocated(state, block, bytes, index);
    }
}

/* A block of the calling thread's own, off the books. For the slow way. */
MS_INLINE void ms_debit_own(struct ms_thread_state *state, struct ms_region_thread *record,
                            struct ms_region_context *context, const void *block, uint64_t bytes,
                            uint64_t waste)
{
    ms_own_add(&record->own.bytes_freed, bytes);
    ms_own_add(&record->own.deallocations, 1);
    ms_own_add(&record->own.waste_freed_bytes, waste);
    ms_own_add(&context->bytes_freed, bytes);
    ms_own_add(&context->deallocations, 1);
    ms_own_add(&context->waste_freed_bytes, waste);
    if (state->last_block == (uintptr_t)block) {
        state->last_block = 0;
        ms_own_add(&record->own.temporary, 1);
        ms_own_add(&context->temporary, 1);
    }
}

/* A block without a tag when no such block is in the side table: nobody's. */
MS_INLINE bool ms_foreign_freed(const struct ms_thread_state *state,
                                struct ms_region_thread *record)
{
    if (state->tracked) {
        ms_own_add(&record->own.foreign_frees, 1);
    }
    return true;
}

/*
 * A free of a sound tag of the calling thread, when nothing else is due: looks first, then counts,
 * and calls nothing (with `headers`), which keeps the whole of it in registers. So does one of a
 * block that is nobody's. False: nothing was changed, the slow way is to be taken. `block` is not
 * NULL.
 */
MS_INLINE bool ms_event_freed(void *block, bool headers, enum ms_releaser releaser)
{
    /* In this order: a fork in a handler in between leaves the region old or the record NULL. */
    struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    struct ms_thread_state *state = ms_thread_state;
    if (MS_UNLIKELY(state == NULL)) {
        return false;
    }
    struct ms_region_thread *record = __atomic_load_n(&state->record, __ATOMIC_RELAXED);
    size_t usable = headers ? ms_header_usable(block, ((const ms_tag_word *)block)[-1])
                            : ms_taggable_usable(block);
    if (MS_UNLIKELY(record == NULL || usable == 0 || --state->tracking.events_until_look <= 0 ||
                    state->tracking.trace)) {
        return false;
    }
    const ms_tag_word *tag = ms_tag_at(block, usable);
    uint64_t second = tag[1];
    uint64_t first = tag[0];
    uint64_t slack = first >> 48;
    uint64_t hash = ms_tag_hash(state->key, (uintptr_t)block, second & MS_TAG_OWNER_MASK, slack);
    uint32_t index = ms_tag_context((uint32_t)second);
    if (MS_UNLIKELY((hash ^ second) >> 40 != 0)) {
        return ms_small_aside == 0 && !ms_tag_may_tell(second) && ms_foreign_freed(state, record);
    }
    if (MS_UNLIKELY(!ms_tag_as_expected(first, hash, releaser) ||
                    index >= atomic_load_explicit(&region->areas[MS_AREA_OWNERS].published,
                                                  memory_order_relaxed))) {
        return false;
    }
    uint64_t owner;
    __builtin_memcpy(&owner, ms_owner_at(region, index), sizeof owner);
    struct ms_region_context *context = ms_context_at(region, index);
    uint64_t bytes = usable - MS_TAG_BYTES - slack;
    unsigned class =
        ms_lifetime_class((state->tracking.tick - ms_tag_tick(first)) & MS_TAG_TICK_MASK);
    if (MS_UNLIKELY(owner != (state->owner_word | (second >> 22 & 0xff)) ||
                    state->unpublished_bytes + state->publish_step_bytes < (int64_t)bytes ||
                    context->peak_epoch !=
                        atomic_load_explicit(&ms_wiped->peak_epoch, memory_order_relaxed) ||
                    !ms_count_class(region,
                                    atomic_load_explicit(&context->lifetimes, memory_order_relaxed),
                                    context->lifetime_home, class))) {
        return false;
    }
    ms_tag_mark_freed(block, usable);
    ms_debit_own(state, record, context, block, bytes, slack);
    ms_own_add((uint64_t *)&state->unpublished_bytes, -bytes);
    return true;
}

#endif
