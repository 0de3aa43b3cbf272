/* Who owns a block, and the sums that follow from it: everything but the short way. */
#include "probe/account.h"

#include <stdatomic.h>

#include "probe/arena.h"
#include "probe/caller_stack.h"
#include "probe/context.h"
#include "probe/event.h"
#include "probe/intern.h"
#include "probe/live.h"
#include "probe/misuse.h"
#include "probe/modules.h"
#include "probe/now.h"
#include "probe/side_table.h"
#include "probe/system_call.h"
#include "probe/unseen.h"

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

void ms_peak_reached(uint64_t own_bytes, uint64_t *peak, uint64_t *seen,
                     const struct ms_remote *remote)
{
    *seen = ms_remote_bytes_freed(remote);
    int64_t live = (int64_t)(own_bytes - *seen);
    if (live > (int64_t)*peak) {
        own_raise(peak, (uint64_t)live);
    }
}

static void count_loss(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

uint32_t ms_context_slowly(struct ms_thread_state *state, const struct ms_caller *caller,
                           struct ms_read_set *found)
{
    const struct ms_thread_tracking *tracking = &state->tracking;
    struct ms_read_set set = {.holder = ms_read_set_holder(state->serial, tracking->rate)};
    if (ms_region == NULL) {
        return state->root_context; /* a fork in a handler, and no slot for the child */
    }
    set.stack = found != NULL ? found->stack
                              : ms_stack_capture(&state->stack, caller, tracking->stack_depth);
    set.context = set.stack == 0 ? 0 : ms_context_of(state, set.stack, tracking->rate);
    if (set.context == 0) {
        count_loss(&ms_region->losses.coarsened_events);
        return state->root_context;
    }
    if (found != NULL) {
        /* A siglongjmp in between must not leave this context under another holder. */
        found->holder = 0;
        atomic_signal_fence(memory_order_seq_cst);
        found->context = set.context;
        atomic_signal_fence(memory_order_seq_cst);
        found->holder = set.holder;
    } else {
        ms_stack_remember(&state->stack, caller, tracking->stack_depth, &set);
    }
    return set.context;
}

/* A thread without a state has not looked: it goes by the wish. */
static bool is_traced(const struct ms_thread_state *state)
{
    const struct ms_probe_config *config = &ms_region->config;
    return state != NULL ? state->tracking.trace
                         : config->tracking.trace != 0 && config->trace_allowed != 0;
}

uint32_t ms_context_otherwise(struct ms_thread_state *state, const struct ms_caller *caller,
                              uint64_t bytes, uintptr_t here)
{
    struct ms_thread_tracking *tracking = &state->tracking;
    bool wanted = tracking->mode == MS_MODE_EXACT ||
                  (tracking->mode == MS_MODE_SAMPLED && ms_tracking_samples(tracking, bytes));
    if (!wanted) {
        return state->root_context;
    }
    if (state->busy_stack_pointer != 0 && !ms_busy_is_stale(state, here)) {
        count_loss(&ms_region->losses.busy_events);
        return state->root_context;
    }
    state->busy_stack_pointer = here;
    atomic_signal_fence(memory_order_seq_cst);
    struct ms_read_set *found = ms_stack_find(&state->stack, *caller, tracking->stack_depth);
    uint32_t context =
        found != NULL && found->holder == ms_read_set_holder(state->serial, tracking->rate)
            ? found->context
            : ms_context_slowly(state, caller, found);
    atomic_signal_fence(memory_order_seq_cst);
    state->busy_stack_pointer = 0;
    return context;
}

static void enter_aside(void *block, const struct ms_side_entry *entry)
{
    if (!ms_side_table_insert(&ms_wiped->side_table, (uintptr_t)block, entry)) {
        atomic_store_explicit(&ms_wiped->blocks_unseen, 1, memory_order_relaxed);
        count_loss(&ms_region->losses.side_table_full);
    }
}

uint64_t ms_enter_side(const struct ms_thread_state *state, void *block, size_t bytes,
                       uint32_t side_word)
{
    size_t usable = ms_allocator.usable_size ? ms_real.malloc_usable_size(block) : bytes;
    struct ms_side_entry entry = {.owner = side_word,
                                  .tick = state->tracking.tick,
                                  .requested_bytes = bytes,
                                  .waste_bytes = usable > bytes ? usable - bytes : 0};
    if (!ms_allocator.usable_size || usable <= MS_TAG_USABLE_MAX) {
        __atomic_store_n(&ms_small_aside, 1, __ATOMIC_RELAXED);
    }
    enter_aside(block, &entry);
    return entry.waste_bytes;
}

void ms_allocated_specially(struct ms_thread_state *state, struct ms_region_context *context,
                            uint64_t bytes, enum ms_block_kind kind)
{
    if (context->rate != 0) {
        ms_estimate_allocated(context, bytes);
    }
    if (kind == MS_BLOCK_REALLOC) {
        ms_own_add(&context->reallocations, 1);
        ms_own_add(&state->record->own.reallocations, 1);
    }
}

void ms_block_allocated(struct ms_thread_state *state, const struct ms_caller *caller, void *block,
                        size_t bytes, enum ms_block_kind kind)
{
    ms_event_allocated(state, *caller, block, bytes, kind, false);
}

typedef uint64_t __attribute__((may_alias)) flow_owner_word;
_Static_assert(offsetof(struct ms_region_flow, owner_thread) == 0 &&
                   offsetof(struct ms_region_flow, owner_serial) == 4 &&
                   __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the owner of a flow is one word");

/*
 * The flow entry of an owner; the table is written by its thread alone. Both words that name the
 * owner are set at once: a handler that frees for somebody else may come in between and take the
 * entry.
 */
static void count_flow(struct ms_region_thread *record, uint32_t owner, uint32_t serial,
                       uint64_t bytes)
{
    struct ms_region_flow *flow = &record->flows_rest;
    const uint64_t wanted = (uint64_t)serial << 32 | owner;
    for (uint32_t i = 0; i < MS_FLOW_ENTRIES; i++) {
        struct ms_region_flow *entry = &record->flows[(owner + i) % MS_FLOW_ENTRIES];
        flow_owner_word *word = (flow_owner_word *)&entry->owner_thread;
        uint64_t there = *word;
        if (there == 0 && __atomic_compare_exchange_n(word, &there, wanted, false, __ATOMIC_RELEASE,
                                                      __ATOMIC_RELAXED)) {
            there = wanted;
        }
        if (there == wanted) {
            flow = entry;
            break;
        }
    }
    ms_own_add(&flow->bytes, bytes);
    ms_own_add(&flow->blocks, 1);
}

/* Is the calling thread the one that may add to the `sole` counters? Nobody else ever will be. */
static bool is_sole(struct ms_remote *remote, const struct ms_thread_state *state)
{
    uint32_t sole = atomic_load_explicit(&remote->sole_thread, memory_order_relaxed);
    if (state == NULL || (sole != 0 && sole != state->index)) {
        return false;
    }
    return sole != 0 || atomic_compare_exchange_strong(&remote->sole_thread, &sole, state->index);
}

/* Bytes first, count last: who sees the count sees the bytes. */
static void debit_remote(struct ms_remote *remote, const struct ms_thread_state *state,
                         uint64_t bytes, uint64_t waste)
{
    if (MS_LIKELY(is_sole(remote, state))) {
        ms_own_add(&remote->sole_bytes_freed, bytes);
        ms_own_add(&remote->sole_waste_freed_bytes, waste);
        atomic_thread_fence(memory_order_release);
        ms_own_add(&remote->sole_deallocations, 1);
        return;
    }
    atomic_fetch_add_explicit(&remote->bytes_freed, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&remote->waste_freed_bytes, waste, memory_order_relaxed);
    atomic_fetch_add_explicit(&remote->deallocations, 1, memory_order_release);
}

static void enter_epoch_remotely(struct ms_region_context *context)
{
    uint32_t epoch = atomic_load_explicit(&ms_wiped->peak_epoch, memory_order_relaxed);
    if (atomic_load_explicit(&context->remote.peak_epoch, memory_order_acquire) != epoch) {
        uint64_t freed = ms_remote_bytes_freed(&context->remote);
        atomic_store_explicit(&context->freed_at_peak_bytes, freed, memory_order_relaxed);
        atomic_store_explicit(&context->remote.peak_epoch, epoch, memory_order_release);
    }
}

/* How long a block lived. Another thread's clock may be ahead: then ours is read anew. */
static uint32_t age_ticks(struct ms_thread_state *state, uint32_t born)
{
    uint32_t age = (state->tracking.tick - born) & MS_TAG_TICK_MASK;
    if (age > MS_TAG_TICK_MASK / 2) {
        ms_tracking_look(state);
        age = (state->tracking.tick - born) & MS_TAG_TICK_MASK;
    }
    return age;
}

static void debit_other(struct ms_region_header *region, struct ms_thread_state *state,
                        struct ms_region_owner owner, const struct ms_tag_owner *block)
{
    struct ms_region_context *context = ms_context_at(region, block->context);
    struct ms_region_thread *record = ms_region_element(region, MS_AREA_THREADS, owner.thread);
    uint32_t serial = record->serial;
    uint64_t bytes = block->requested_bytes;
    enter_epoch_remotely(context);
    debit_remote(&context->remote, state, bytes, block->waste_bytes);
    if (owner.rate != 0) {
        ms_estimate_freed_remotely(context, bytes);
    }
    if (state != NULL) {
        ms_lifetime_remote(context, ms_lifetime_class(age_ticks(state, block->tick)));
    }
    /* The record last: once it has nothing live, its contexts have nothing live either. */
    debit_remote(&record->remote, state, bytes, block->waste_bytes);
    if (state == NULL) {
        ms_live_publish(-(int64_t)bytes);
        return;
    }
    ms_own_add(&state->record->own.frees_for_others, 1);
    ms_own_add(&state->record->own.bytes_freed_for_others, bytes);
    count_flow(state->record, owner.thread, serial, bytes);
    ms_change_live(state, -bytes);
}

static void debit_own(struct ms_region_header *region, struct ms_thread_state *state,
                      const void *block, const struct ms_tag_owner *owner)
{
    struct ms_region_context *context = ms_context_at(region, owner->context);
    uint64_t bytes = owner->requested_bytes;
    unsigned class = ms_lifetime_class(age_ticks(state, owner->tick));
    ms_enter_epoch(context);
    ms_debit_own(state, state->record, context, block, bytes, owner->waste_bytes);
    if (!ms_count_class(region, atomic_load_explicit(&context->lifetimes, memory_order_relaxed),
                        context->lifetime_home, class)) {
        ms_lifetime_elsewhere(context, class);
    }
    if (context->rate != 0) {
        ms_estimate_freed(context, bytes);
    }
    ms_change_live(state, -bytes);
}

MS_INLINE void debit_inline(struct ms_thread_state *state, const void *block,
                            const struct ms_block_claim *claim)
{
    struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    if (region == NULL) {
        return;
    }
    if (MS_UNLIKELY(is_traced(state)) && (claim->known || (state != NULL && state->tracked))) {
        ms_trace_freed(state, block, claim->known ? claim->owner.requested_bytes : 0,
                       claim->known ? claim->owner.context : 0, claim->at_ns);
    }
    if (!claim->known) {
        if (state != NULL && state->tracked) {
            ms_own_add(&state->record->own.foreign_frees, 1);
        }
        return;
    }
    const struct ms_tag_owner *owner = &claim->owner;
    if (owner->damaged) {
        count_loss(&region->losses.damaged_tags);
    }
    struct ms_region_owner of = {0};
    if (owner->context <
        atomic_load_explicit(&region->areas[MS_AREA_OWNERS].published, memory_order_relaxed)) {
        of = *ms_owner_at(region, owner->context);
    }
    uint32_t thread = of.thread;
    if (thread == 0 || of.generation != owner->generation) {
        count_loss(&region->losses.stale_tags);
        return;
    }
    if (state == NULL || thread != state->index) {
        debit_other(region, state, of, owner);
        return;
    }
    debit_own(region, state, block, owner);
}

static __attribute__((noinline)) void debit(struct ms_thread_state *state, const void *block,
                                            const struct ms_block_claim *claim)
{
    debit_inline(state, block, claim);
}

static inline uint64_t key_of(const struct ms_thread_state *state)
{
    return state != NULL ? state->key : ms_wiped->key;
}

static bool claim_side(void *block, struct ms_block_claim *claim)
{
    struct ms_side_entry entry;
    if (!ms_side_table_used(&ms_wiped->side_table) ||
        !ms_side_table_remove(&ms_wiped->side_table, (uintptr_t)block, &entry)) {
        return false;
    }
    claim->owner = (struct ms_tag_owner){.context = ms_tag_context(entry.owner),
                                         .generation = ms_tag_generation(entry.owner),
                                         .tick = entry.tick,
                                         .kind = ms_tag_side_kind(entry.owner),
                                         .requested_bytes = entry.requested_bytes,
                                         .waste_bytes = entry.waste_bytes};
    return true;
}

static inline bool is_anybodys(const struct ms_region_header *region,
                               const struct ms_tag_owner *owner)
{
    if (region == NULL ||
        owner->context >=
            atomic_load_explicit(&region->areas[MS_AREA_OWNERS].published, memory_order_relaxed)) {
        return false;
    }
    const struct ms_region_owner *of = ms_owner_at(region, owner->context);
    return of->thread != 0 && of->generation == owner->generation;
}

/*
 * A foreign block that a realloc keeps may end in bytes that look like a tag: what is not a tag of
 * ours for certain stays as it is.
 */
static inline bool is_somebodys(const struct ms_tag_owner *owner)
{
    struct ms_region_header *region = ms_region;
    if (is_anybodys(region, owner)) {
        return true;
    }
    if (region != NULL) {
        count_loss(&region->losses.stale_tags);
    }
    return false;
}

static void take_tag(void *block, size_t usable, struct ms_block_claim *claim)
{
    claim->tagged = true;
    claim->known = true;
    claim->usable = usable;
    claim->words = ms_tag_save(block, usable);
    ms_tag_mark_freed(block, usable);
}

/* No block was given out past us, and none was inherited over a fork. */
static bool all_blocks_are_ours(void)
{
    return ms_region != NULL && ms_sees_all_blocks(ms_region) &&
           atomic_load_explicit(&ms_region_generation, memory_order_relaxed) == 1;
}

/* What neither tag nor table knows: was it freed before, or is its tag overwritten in part? */
static __attribute__((noinline, cold)) void take_otherwise(uint64_t key, void *block, size_t usable,
                                                           struct ms_block_claim *claim)
{
    uint32_t side_word;
    /* A block that may carry a tag was none of the table, unless small ones are in it. */
    if ((usable == 0 || ms_small_aside != 0) &&
        ms_side_table_removed(&ms_wiped->side_table, (uintptr_t)block, &side_word)) {
        claim->freed_before = true;
        claim->owner = (struct ms_tag_owner){.context = ms_tag_context(side_word),
                                             .generation = ms_tag_generation(side_word),
                                             .kind = ms_tag_side_kind(side_word)};
        return;
    }
    struct ms_tag_owner owner;
    enum ms_tag_trace trace =
        usable == 0 ? MS_TAG_NO_TRACE
                    : ms_tag_read_otherwise(key, block, usable, all_blocks_are_ours(), &owner);
    if (trace == MS_TAG_OF_FREED) {
        claim->owner = owner;
        claim->freed_before = true;
    } else if (trace == MS_TAG_OVERWRITTEN && is_anybodys(ms_region, &owner)) {
        claim->owner = owner;
        take_tag(block, usable, claim);
    }
}

/* Each field by itself: clearing all of it would be most of the work of some callers. */
static inline void begin_claim(struct ms_block_claim *claim)
{
    claim->known = false;
    claim->tagged = false;
    claim->freed_before = false;
}

/* Takes the block out of the books: of its tag, which is marked, or of the table. */
MS_INLINE void take_claim(uint64_t key, void *block, struct ms_block_claim *claim)
{
    size_t usable = ms_taggable_usable(block);
    bool sound = usable != 0 && ms_tag_read(key, block, usable, &claim->owner);
    if (sound && is_somebodys(&claim->owner)) {
        take_tag(block, usable, claim);
        return;
    }
    claim->known = claim_side(block, claim);
    if (!claim->known && !sound) {
        take_otherwise(key, block, usable, claim);
    }
}

void ms_block_freed(struct ms_thread_state *state, void *block, const struct ms_release *release)
{
    struct ms_block_claim claim;
    uint64_t key = key_of(state);
    if (key == 0) {
        return;
    }
    begin_claim(&claim);
    claim.at_ns = 0;
    take_claim(key, block, &claim);
    uint32_t stands_for = 0;
    /* The short way counts towards the next look only blocks that may carry a tag. */
    if (state != NULL && (state->tracking.events_until_look -= !claim.tagged) <= 0) {
        ms_tracking_look(state);
        stands_for = state->tracking.stands_for;
    }
    if (release != NULL) {
        ms_misuse_watch(state, &claim, release, stands_for);
    }
    debit_inline(state, block, &claim);
}

void ms_block_claim(struct ms_thread_state *state, void *block, struct ms_block_claim *claim,
                    const struct ms_release *release)
{
    uint64_t key = key_of(state);
    begin_claim(claim);
    claim->at_ns = ms_region != NULL && is_traced(state) ? ms_now_ns() : 0;
    if (key == 0) {
        return;
    }
    take_claim(key, block, claim);
    if (release != NULL) {
        ms_misuse_watch(state, claim, release, 0);
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
        const struct ms_tag_owner *owner = &claim->owner;
        uint32_t owner_word = ms_tag_owner_word(owner->context, owner->generation);
        struct ms_side_entry entry = {.owner = ms_tag_side_word(owner_word, owner->kind),
                                      .tick = owner->tick,
                                      .requested_bytes = owner->requested_bytes,
                                      .waste_bytes = owner->waste_bytes};
        enter_aside(block, &entry);
    }
}

void ms_block_forget(void *block, const struct ms_block_claim *claim)
{
    size_t usable = claim->tagged ? ms_taggable_usable(block) : 0;
    if (usable != 0 && usable == claim->usable) {
        ms_tag_clear(block, usable);
    }
}

void ms_block_set_kind(void *block, enum ms_block_kind kind)
{
    struct ms_thread_state *state = ms_thread_state;
    struct ms_block_claim claim;
    if (block == NULL || ms_wiped == NULL || key_of(state) == 0) {
        return;
    }
    ms_block_claim(state, block, &claim, NULL);
    claim.owner.kind = kind;
    claim.words.first &= ~(UINT64_C(3) << MS_TAG_KIND_SHIFT);
    claim.words.first |= (uint64_t)kind << MS_TAG_KIND_SHIFT;
    ms_block_restore(block, &claim);
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
    bool exact = state->tracking.mode == MS_MODE_EXACT && caller != NULL;
    uint32_t index = exact ? ms_context_for(state, *caller, 0) : state->root_context;
    __atomic_fetch_add(&ms_context_at(region, index)->failed_calls, 1, __ATOMIC_RELAXED);
    ms_own_add(&state->record->own.failed_calls, 1);
}

void ms_count_untracked(void)
{
    struct ms_region_header *region = ms_region;
    if (ms_wiped != NULL) {
        atomic_store_explicit(&ms_wiped->blocks_unseen, 1, memory_order_relaxed);
    }
    if (region != NULL) {
        count_loss(&region->losses.untracked_allocations);
    }
}

void ms_account_arena(struct ms_thread_state *state)
{
    struct ms_region_header *region = ms_region;
    struct ms_region_context *root = ms_context_at(region, state->root_context);
    for (struct ms_arena_block *block = ms_arena_next(NULL); block != NULL;
         block = ms_arena_next(block)) {
        if (block->ours || block->key != 0) {
            continue;
        }
        count_loss(&region->losses.early_allocations);
        block->context = state->root_context;
        block->key = state->key;
        block->tick = state->tracking.tick;
        ms_count_allocation(state, region, state->record, root, block->bytes, 0, MS_BLOCK_MALLOC);
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
                                       .owner = {.context = header->context,
                                                 .tick = header->tick,
                                                 .requested_bytes = header->bytes}};
        debit(state, block, &claim);
    }
}
