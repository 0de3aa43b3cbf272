/* Who owns a block, and the sums that follow from it. */
#include "probe/account.h"

#include <stdatomic.h>

#include "probe/arena.h"
#include "probe/context.h"
#include "probe/detail.h"
#include "probe/live.h"
#include "probe/map.h"
#include "probe/side_table.h"
#include "probe/trace.h"
#include "probe/wiped.h"
#include "wire/clock.h"

static void own_raise(uint64_t *peak, uint64_t value)
{
    uint64_t old = __atomic_load_n(peak, __ATOMIC_RELAXED);
    while (value > old) {
#if defined(__x86_64__)
        uint64_t expected = old;
        __asm__ volatile("cmpxchgq %2, %1" : "+a"(old), "+m"(*peak) : "r"(value) : "cc");
        if (old == expected) {
            return;
        }
#else
        if (__atomic_compare_exchange_n(peak, &old, value, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            return;
        }
#endif
    }
}

/*
 * Exact peak although others free: the remote line only lowers live bytes, so it needs reading
 * only when the own line, with what was last seen of the remote one, says "new peak".
 */
static inline void follow_peak(uint64_t allocated, uint64_t freed, uint64_t *peak, uint64_t *seen,
                               const struct ms_remote *remote)
{
    uint64_t own = allocated - freed;
    if (MS_UNLIKELY((int64_t)(own - *seen) > (int64_t)*peak)) {
        *seen = atomic_load_explicit(&remote->bytes_freed, memory_order_relaxed);
        int64_t live = (int64_t)(own - *seen);
        if (live > (int64_t)*peak) {
            own_raise(peak, (uint64_t)live);
        }
    }
}

static inline void change_live(struct ms_thread_state *state, uint64_t bytes)
{
    ms_own_add((uint64_t *)&state->unpublished_bytes, bytes);
    int64_t step = atomic_load_explicit(&ms_wiped->publish_step_bytes, memory_order_relaxed);
    if (MS_UNLIKELY((uint64_t)(state->unpublished_bytes + step) > (uint64_t)(2 * step))) {
        ms_live_publish_thread(state);
    }
}

/* A thread without a state has not looked: it goes by the wish. */
static inline bool is_traced(const struct ms_thread_state *state,
                             const struct ms_region_header *region)
{
    return MS_UNLIKELY(state != NULL ? state->tracking.trace
                                     : region->config.tracking.trace != 0 &&
                                           region->config.trace_allowed != 0);
}

static void count_loss(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* A mark left by siglongjmp: the frame that set it is gone when the stack is shorter now. */
static bool busy_is_stale(const struct ms_thread_state *state, uintptr_t here)
{
    return here >= state->busy_stack_pointer && here < state->stack.stack_high &&
           state->busy_stack_pointer >= state->stack.stack_low;
}

static inline struct ms_region_context *context_at(struct ms_region_header *region, uint32_t index)
{
    return (struct ms_region_context *)((char *)region +
                                        region->areas[MS_AREA_CONTEXTS].offset_bytes) +
           index;
}

/* The context of a stack that the cache did not have, or had with another thread's context. */
static __attribute__((noinline)) uint32_t context_of_stack(struct ms_thread_state *state,
                                                           const struct ms_caller *caller,
                                                           struct ms_read_set *found)
{
    const struct ms_thread_tracking *tracking = &state->tracking;
    struct ms_read_set set = {.serial = state->serial, .rate = tracking->rate};
    set.stack = found != NULL ? found->stack
                              : ms_stack_capture(&state->stack, caller, tracking->stack_depth);
    set.context = set.stack == 0 ? 0 : ms_context_of(state, set.stack, tracking->rate);
    if (set.context == 0) {
        return 0;
    }
    if (found != NULL) {
        found->context = set.context;
        found->serial = set.serial;
        found->rate = set.rate;
    } else {
        ms_stack_remember(&state->stack, caller, tracking->stack_depth, &set);
    }
    return set.context;
}

static uint32_t count_on_root(const struct ms_thread_state *state, _Atomic uint64_t *loss)
{
    count_loss(loss);
    return state->root_context;
}

/* Where an allocation is counted. */
static inline uint32_t context_for(struct ms_thread_state *state, struct ms_region_header *region,
                                   const struct ms_caller *caller, size_t bytes)
{
    struct ms_thread_tracking *tracking = &state->tracking;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (MS_UNLIKELY(tracking->mode != MS_MODE_EXACT || caller == NULL) &&
        (tracking->mode != MS_MODE_SAMPLED || caller == NULL ||
         !ms_tracking_samples(tracking, bytes))) {
        return state->root_context;
    }
    if (MS_UNLIKELY(state->busy_stack_pointer != 0) && !busy_is_stale(state, here)) {
        return count_on_root(state, &region->losses.busy_events);
    }
    state->busy_stack_pointer = here;
    atomic_signal_fence(memory_order_seq_cst);
    struct ms_read_set *found = ms_stack_find(&state->stack, caller, tracking->stack_depth);
    uint32_t context;
    if (MS_LIKELY(found != NULL && found->serial == state->serial &&
                  found->rate == tracking->rate)) {
        context = found->context;
    } else {
        context = context_of_stack(state, caller, found);
    }
    atomic_signal_fence(memory_order_seq_cst);
    state->busy_stack_pointer = 0;
    if (MS_UNLIKELY(context == 0)) {
        return count_on_root(state, &region->losses.coarsened_events);
    }
    return context;
}

/*
 * The first change of a context in a peak epoch: what it had live when the epoch began. The value
 * before the epoch, so that a signal in between stores the same value again.
 */
static inline void enter_epoch(struct ms_region_context *context)
{
    uint32_t epoch = atomic_load_explicit(&ms_wiped->peak_epoch, memory_order_relaxed);
    if (MS_UNLIKELY(context->peak_epoch != epoch)) {
        context->live_at_peak_bytes = context->bytes_allocated - context->bytes_freed;
        atomic_signal_fence(memory_order_seq_cst);
        __atomic_store_n(&context->peak_epoch, epoch, __ATOMIC_RELEASE);
    }
}

static void enter_epoch_remotely(struct ms_region_context *context)
{
    uint32_t epoch = atomic_load_explicit(&ms_wiped->peak_epoch, memory_order_relaxed);
    if (atomic_load_explicit(&context->remote_peak_epoch, memory_order_acquire) != epoch) {
        uint64_t freed = atomic_load_explicit(&context->remote.bytes_freed, memory_order_relaxed);
        atomic_store_explicit(&context->freed_at_peak_bytes, freed, memory_order_relaxed);
        atomic_store_explicit(&context->remote_peak_epoch, epoch, memory_order_release);
    }
}

static inline void count_allocation(struct ms_thread_state *state,
                                    struct ms_region_context *context, uint64_t bytes,
                                    uint64_t waste, enum ms_block_kind kind)
{
    struct ms_region_thread *record = state->record;
    unsigned class = ms_size_class(bytes);
    ms_own_add(&record->own.allocations, 1);
    ms_own_add(&record->own.bytes_allocated, bytes);
    ms_own_add(&record->own.waste_allocated_bytes, waste);
    enter_epoch(context);
    ms_own_add(&context->allocations, 1);
    ms_own_add(&context->bytes_allocated, bytes);
    ms_own_add(&context->waste_allocated_bytes, waste);
    if (MS_UNLIKELY(context->size_home != class + 1)) {
        ms_size_elsewhere(context, class);
    }
    if (MS_UNLIKELY(context->rate != 0)) {
        ms_estimate_allocated(context, bytes);
    }
    if (MS_UNLIKELY(kind == MS_BLOCK_REALLOC)) {
        ms_own_add(&context->reallocations, 1);
        ms_own_add(&record->own.reallocations, 1);
    }
    follow_peak(record->own.bytes_allocated, record->own.bytes_freed, &record->own.peak_bytes,
                &record->own.remote_seen_bytes, &record->remote);
    follow_peak(context->bytes_allocated, context->bytes_freed, &context->peak_bytes,
                &context->remote_seen_bytes, &context->remote);
    change_live(state, bytes);
}

static uint64_t enter_side(struct ms_region_header *region, const struct ms_thread_state *state,
                           void *block, size_t bytes, uint32_t owner)
{
    size_t usable = ms_allocator.usable_size ? ms_real.malloc_usable_size(block) : bytes;
    struct ms_side_entry entry = {.owner = owner,
                                  .tick = state->tracking.tick,
                                  .requested_bytes = bytes,
                                  .waste_bytes = usable > bytes ? usable - bytes : 0};
    if (!ms_side_table_insert(&ms_wiped->side_table, (uintptr_t)block, &entry)) {
        count_loss(&region->losses.side_table_full);
    }
    return entry.waste_bytes;
}

void ms_block_allocated(struct ms_thread_state *state, const struct ms_caller *caller, void *block,
                        size_t bytes, enum ms_block_kind kind)
{
    struct ms_region_header *region = ms_region;
    if (MS_UNLIKELY(region == NULL)) {
        return;
    }
    if (MS_UNLIKELY(--state->tracking.events_until_look <= 0)) {
        ms_tracking_look(state);
    }
    uint32_t index = context_for(state, region, caller, bytes);
    struct ms_region_context *context = context_at(region, index);
    uint32_t owner = ms_tag_owner_word(index, context->generation);
    uint64_t waste;
    size_t usable = ms_allocator.tags ? ms_taggable_usable_fresh(block) : 0;
    if (MS_LIKELY(usable >= bytes + MS_TAG_BYTES && bytes < MS_TAG_USABLE_MAX)) {
        ms_tag_write(state->key, block, usable, bytes, owner, kind, state->tracking.tick);
        waste = usable - MS_TAG_BYTES - bytes;
    } else {
        waste = enter_side(region, state, block, bytes, owner);
    }
    count_allocation(state, context, bytes, waste, kind);
    state->last_block = (uintptr_t)block;
    if (MS_UNLIKELY(state->tracking.trace)) {
        ms_trace_allocated(state, block, bytes, index);
    }
}

/* The flow entry of an owner; the table is written by its thread alone. */
static void count_flow(struct ms_region_thread *record, uint32_t owner, uint32_t serial,
                       uint64_t bytes)
{
    struct ms_region_flow *flow = &record->flows_rest;
    for (uint32_t i = 0; i < MS_FLOW_ENTRIES; i++) {
        struct ms_region_flow *entry = &record->flows[(owner + i) % MS_FLOW_ENTRIES];
        if (entry->owner_thread == 0) {
            entry->owner_serial = serial;
            __atomic_store_n(&entry->owner_thread, owner, __ATOMIC_RELEASE);
        }
        if (entry->owner_thread == owner && entry->owner_serial == serial) {
            flow = entry;
            break;
        }
    }
    ms_own_add(&flow->bytes, bytes);
    ms_own_add(&flow->blocks, 1);
}

/* Bytes first, count last: who sees the count sees the bytes. */
static void debit_remote(struct ms_remote *remote, uint64_t bytes, uint64_t waste)
{
    atomic_fetch_add_explicit(&remote->bytes_freed, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&remote->waste_freed_bytes, waste, memory_order_relaxed);
    atomic_fetch_add_explicit(&remote->deallocations, 1, memory_order_release);
}

/* How long a block lived. Another thread's clock may be behind: then ours is read anew. */
static uint32_t age_ticks(struct ms_thread_state *state, uint32_t born)
{
    uint32_t age = (state->tracking.tick - born) & MS_TAG_TICK_MASK;
    if (MS_UNLIKELY(age > MS_TAG_TICK_MASK / 2)) {
        ms_tracking_look(state);
        age = (state->tracking.tick - born) & MS_TAG_TICK_MASK;
    }
    return age;
}

static void debit_other(struct ms_thread_state *state, struct ms_region_context *context,
                        uint32_t owner, const struct ms_block_claim *claim)
{
    struct ms_region_thread *record = ms_area_at(MS_AREA_THREADS, owner);
    uint32_t serial = record->serial;
    uint64_t bytes = claim->bytes;
    enter_epoch_remotely(context);
    debit_remote(&context->remote, bytes, claim->waste_bytes);
    if (MS_UNLIKELY(context->rate != 0)) {
        ms_estimate_freed_remotely(context, bytes);
    }
    if (state != NULL) {
        ms_lifetime_remote(context, ms_lifetime_class(age_ticks(state, claim->tick)));
    }
    /* The record last: once it has nothing live, its contexts have nothing live either. */
    debit_remote(&record->remote, bytes, claim->waste_bytes);
    if (state == NULL) {
        ms_live_publish(-(int64_t)bytes);
        return;
    }
    ms_own_add(&state->record->own.frees_for_others, 1);
    ms_own_add(&state->record->own.bytes_freed_for_others, bytes);
    count_flow(state->record, owner, serial, bytes);
    change_live(state, -bytes);
}

static inline void debit_own(struct ms_thread_state *state, struct ms_region_context *context,
                             const void *block, uint64_t bytes, uint64_t waste, uint32_t born)
{
    struct ms_thread_own *own = &state->record->own;
    unsigned class = ms_lifetime_class((state->tracking.tick - born) & MS_TAG_TICK_MASK);
    ms_own_add(&own->bytes_freed, bytes);
    ms_own_add(&own->deallocations, 1);
    ms_own_add(&own->waste_freed_bytes, waste);
    enter_epoch(context);
    ms_own_add(&context->bytes_freed, bytes);
    ms_own_add(&context->deallocations, 1);
    ms_own_add(&context->waste_freed_bytes, waste);
    if (MS_UNLIKELY(context->lifetime_home != class + 1)) {
        ms_lifetime_elsewhere(context, class);
    }
    if (MS_UNLIKELY(context->rate != 0)) {
        ms_estimate_freed(context, bytes);
    }
    if (state->last_block == (uintptr_t)block) {
        state->last_block = 0;
        ms_own_add(&own->temporary, 1);
        ms_own_add(&context->temporary, 1);
    }
    change_live(state, -bytes);
}

static __attribute__((noinline)) void debit(struct ms_thread_state *state, const void *block,
                                            const struct ms_block_claim *claim)
{
    struct ms_region_header *region = ms_region;
    if (region == NULL) {
        return;
    }
    if (is_traced(state, region) && (claim->known || (state != NULL && state->tracked))) {
        ms_trace_freed(state, block, claim->known ? claim->bytes : 0,
                       claim->known ? claim->context : 0, claim->at_ns);
    }
    if (MS_UNLIKELY(!claim->known)) {
        if (state != NULL && state->tracked) {
            ms_own_add(&state->record->own.foreign_frees, 1);
        }
        return;
    }
    if (MS_UNLIKELY(claim->damaged)) {
        count_loss(&region->losses.damaged_tags);
    }
    if (claim->context >=
        atomic_load_explicit(&region->areas[MS_AREA_CONTEXTS].published, memory_order_relaxed)) {
        count_loss(&region->losses.stale_tags);
        return;
    }
    struct ms_region_context *context = context_at(region, claim->context);
    uint32_t owner = context->thread;
    if (MS_UNLIKELY(owner == 0 || context->generation != claim->generation)) {
        count_loss(&region->losses.stale_tags);
        return;
    }
    if (MS_UNLIKELY(state == NULL || owner != state->index)) {
        debit_other(state, context, owner, claim);
        return;
    }
    debit_own(state, context, block, claim->bytes, claim->waste_bytes, claim->tick);
}

static inline uint64_t key_of(const struct ms_thread_state *state)
{
    return state != NULL ? state->key : ms_wiped->key;
}

static void claim_side(void *block, struct ms_block_claim *claim)
{
    struct ms_side_entry entry;
    if (ms_side_table_used(&ms_wiped->side_table) &&
        ms_side_table_remove(&ms_wiped->side_table, (uintptr_t)block, &entry)) {
        claim->known = true;
        claim->context = ms_tag_context(entry.owner);
        claim->generation = ms_tag_generation(entry.owner);
        claim->tick = entry.tick;
        claim->bytes = entry.requested_bytes;
        claim->waste_bytes = entry.waste_bytes;
    }
}

static inline void take_claim(uint64_t key, void *block, struct ms_block_claim *claim)
{
    struct ms_tag_owner owner;
    size_t usable = ms_taggable_usable(block);
    claim->known = false;
    claim->tagged = false;
    claim->damaged = false;
    if (MS_LIKELY(usable != 0 && ms_tag_read(key, block, usable, &owner))) {
        claim->known = true;
        claim->tagged = true;
        claim->damaged = owner.damaged;
        claim->context = owner.context;
        claim->generation = owner.generation;
        claim->tick = owner.tick;
        claim->bytes = owner.requested_bytes;
        claim->waste_bytes = owner.waste_bytes;
        claim->usable = usable;
    } else {
        claim_side(block, claim);
    }
}

static __attribute__((noinline)) void free_slowly(struct ms_thread_state *state, void *block)
{
    struct ms_block_claim claim = {.at_ns = 0};
    uint64_t key = key_of(state);
    if (key == 0) {
        return;
    }
    take_claim(key, block, &claim);
    if (claim.tagged) {
        ms_tag_clear(block, claim.usable);
    }
    debit(state, block, &claim);
}

static __attribute__((noinline)) void free_untagged(struct ms_thread_state *state, void *block)
{
    struct ms_block_claim claim = {.known = false};
    claim_side(block, &claim);
    debit(state, block, &claim);
}

/* The short way is for a sound tag of a block of the calling thread. */
void ms_block_freed(struct ms_thread_state *state, void *block)
{
    struct ms_region_header *region = ms_region;
    struct ms_tag_owner owner;
    if (MS_UNLIKELY(state == NULL || region == NULL)) {
        free_slowly(state, block);
        return;
    }
    if (MS_UNLIKELY(--state->tracking.events_until_look <= 0)) {
        ms_tracking_look(state);
    }
    size_t usable = ms_taggable_usable(block);
    if (MS_UNLIKELY(usable == 0 || !ms_tag_read(state->key, block, usable, &owner))) {
        free_untagged(state, block);
        return;
    }
    const struct ms_region_area *contexts = &region->areas[MS_AREA_CONTEXTS];
    if (MS_LIKELY(!owner.damaged && owner.context < atomic_load_explicit(&contexts->published,
                                                                         memory_order_relaxed))) {
        struct ms_region_context *context = context_at(region, owner.context);
        if (MS_LIKELY(context->thread == state->index && context->generation == owner.generation)) {
            ms_tag_clear(block, usable);
            debit_own(state, context, block, owner.requested_bytes, owner.waste_bytes, owner.tick);
            if (MS_UNLIKELY(state->tracking.trace)) {
                ms_trace_freed(state, block, owner.requested_bytes, owner.context, 0);
            }
            return;
        }
    }
    free_slowly(state, block);
}

void ms_block_claim(struct ms_thread_state *state, void *block, struct ms_block_claim *claim)
{
    uint64_t key = key_of(state);
    claim->known = false;
    claim->tagged = false;
    claim->damaged = false;
    claim->at_ns = ms_region != NULL && is_traced(state, ms_region) ? ms_monotonic_ns() : 0;
    if (key == 0) {
        return;
    }
    take_claim(key, block, claim);
    if (claim->tagged) {
        claim->words = ms_tag_save(block, claim->usable);
        ms_tag_clear(block, claim->usable);
    }
}

void ms_block_settle(struct ms_thread_state *state, const void *block,
                     const struct ms_block_claim *claim)
{
    if (key_of(state) != 0) {
        debit(state, block, claim);
    }
}

void ms_block_restore(void *block, const struct ms_block_claim *claim)
{
    if (claim->tagged) {
        ms_tag_restore(block, claim->usable, &claim->words);
    } else if (claim->known) {
        struct ms_side_entry entry = {.owner =
                                          ms_tag_owner_word(claim->context, claim->generation),
                                      .tick = claim->tick,
                                      .requested_bytes = claim->bytes,
                                      .waste_bytes = claim->waste_bytes};
        if (!ms_side_table_insert(&ms_wiped->side_table, (uintptr_t)block, &entry)) {
            count_loss(&ms_region->losses.side_table_full);
        }
    }
}

size_t ms_block_usable(struct ms_thread_state *state, void *block)
{
    size_t whole = ms_real.malloc_usable_size == NULL ? 0 : ms_real.malloc_usable_size(block);
    uint64_t key = key_of(state);
    struct ms_tag_owner owner;
    size_t usable = key == 0 ? 0 : ms_taggable_usable(block);
    if (usable != 0 && ms_tag_read(key, block, usable, &owner)) {
        return usable - MS_TAG_BYTES;
    }
    return whole;
}

void ms_count_failed(struct ms_thread_state *state, const struct ms_caller *caller)
{
    struct ms_region_header *region = ms_region;
    if (state == NULL || !state->tracked || region == NULL) {
        return;
    }
    ms_own_add(&state->record->own.failed_calls, 1);
    struct ms_region_context *context = context_at(
        region, state->tracking.mode == MS_MODE_EXACT ? context_for(state, region, caller, 0)
                                                      : state->root_context);
    ms_own_add(&context->failed_calls, 1);
}

void ms_count_untracked(void)
{
    struct ms_region_header *region = ms_region;
    if (region != NULL) {
        count_loss(&region->losses.untracked_allocations);
    }
}

void ms_account_arena(struct ms_thread_state *state)
{
    struct ms_region_context *root = context_at(ms_region, state->root_context);
    for (struct ms_arena_block *block = ms_arena_next(NULL); block != NULL;
         block = ms_arena_next(block)) {
        if (block->ours || block->key != 0) {
            continue;
        }
        count_loss(&ms_region->losses.early_allocations);
        block->context = state->root_context;
        block->key = state->key;
        block->tick = state->tracking.tick;
        count_allocation(state, root, block->bytes, 0, MS_BLOCK_MALLOC);
        if (state->tracking.trace) {
            ms_trace_allocated(state, block + 1, block->bytes, state->root_context);
        }
        if (!block->live) {
            block->live = 1;
            ms_arena_block_freed(state, block + 1);
        }
    }
}

void ms_arena_block_freed(struct ms_thread_state *state, void *block)
{
    struct ms_arena_block *header = ms_arena_header(block);
    uint32_t live = __atomic_exchange_n(&header->live, 0, __ATOMIC_RELAXED);
    if (live != 0 && header->key != 0 && ms_wiped != NULL && header->key == key_of(state)) {
        struct ms_block_claim claim = {.known = true,
                                       .context = header->context,
                                       .tick = header->tick,
                                       .bytes = header->bytes};
        debit(state, block, &claim);
    }
}
