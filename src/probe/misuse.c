/* See misuse.h. A table of one-word identities, found by their hash. */
#include "probe/misuse.h"

#include <stdatomic.h>
#include <stddef.h>

#include "probe/caller_stack.h"
#include "probe/intern.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/unseen.h"

#define PLACES_TRIED 64u

#define STACKS_MAX (UINT32_C(1) << MS_MISUSE_STACK_BITS)

static uint64_t identity_of(enum ms_region_misuse_kind kind, uint32_t allocated, uint32_t released,
                            const struct ms_tag_owner *block, enum ms_releaser releaser)
{
    return (uint64_t)(allocated < STACKS_MAX ? allocated : 0) |
           (uint64_t)(released < STACKS_MAX ? released : 0) << 25 | (uint64_t)kind << 50 |
           (uint64_t)block->kind << 53 | (uint64_t)releaser << 55;
}

/* The element of an identity, taken if it has none; NULL: no room. */
static struct ms_region_misuse *element_of(struct ms_region_header *region, uint64_t identity)
{
    const uint32_t capacity = region->areas[MS_AREA_MISUSES].capacity;
    if (!ms_area_open(MS_AREA_MISUSES, capacity)) {
        return NULL;
    }
    const uint64_t hash = identity * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = 0; i < PLACES_TRIED; i++) {
        uint32_t place = 1 + (uint32_t)((hash >> 32) + i) % (capacity - 1);
        struct ms_region_misuse *element = ms_region_element(region, MS_AREA_MISUSES, place);
        uint64_t there = atomic_load_explicit(&element->identity, memory_order_relaxed);
        if (there == identity ||
            (there == 0 && (atomic_compare_exchange_strong(&element->identity, &there, identity) ||
                            there == identity))) {
            return element;
        }
    }
    return NULL;
}

static void add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static void set_first(_Atomic uint64_t *to, uint64_t value)
{
    uint64_t unset = 0;
    if (atomic_load_explicit(to, memory_order_relaxed) == 0) {
        atomic_compare_exchange_strong(to, &unset, value);
    }
}

static void count(struct ms_region_header *region, const struct ms_thread_state *state,
                  uint64_t identity, uint64_t bytes, uint32_t stands_for)
{
    struct ms_region_misuse *element = element_of(region, identity);
    if (element == NULL) {
        add(&region->losses.misuse_missing, stands_for);
    } else {
        uint64_t now_ns = ms_now_ns();
        set_first(&element->first_ns, now_ns);
        if (state != NULL) {
            set_first(&element->first_thread, (uint64_t)state->index << 32 | state->serial);
        }
        atomic_store_explicit(&element->last_ns, now_ns, memory_order_relaxed);
        add(&element->bytes, bytes * stands_for);
        add(&element->samples, 1);
        atomic_fetch_add_explicit(&element->count, stands_for, memory_order_release);
    }
    atomic_fetch_add_explicit(&region->misuses, 1, memory_order_release);
}

/* Where the block was allocated; 0: not known, or its context is another's by now. */
static uint32_t allocated_stack(struct ms_region_header *region, const struct ms_tag_owner *block)
{
    if (block->context >=
        atomic_load_explicit(&region->areas[MS_AREA_OWNERS].published, memory_order_relaxed)) {
        return 0;
    }
    const struct ms_region_owner *owner = ms_region_element(region, MS_AREA_OWNERS, block->context);
    if (owner->thread == 0 || owner->generation != block->generation) {
        return 0;
    }
    const struct ms_region_context *context =
        ms_region_element(region, MS_AREA_CONTEXTS, block->context);
    return context->stack;
}

void ms_misuse_seen(struct ms_thread_state *state, const struct ms_block_claim *claim,
                    const struct ms_release *release)
{
    struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    /* A block that was given out past us would lie on what we left in the one before: then a first
     * free could look like a second one. */
    if (region == NULL || (!claim->known && !ms_sees_all_blocks(region))) {
        return;
    }
    struct ms_tag_owner block = claim->owner;
    enum ms_region_misuse_kind kind = MS_MISUSED_OTHER_FAMILY;
    if (!claim->known) {
        kind = MS_MISUSED_FREED_AGAIN;
    } else if (block.damaged) {
        kind = MS_MISUSED_OVERRUN;
        block.kind = MS_BLOCK_MALLOC; /* it may be wrong: one overrun, not two */
    }
    uint32_t released = ms_caller_stack(state, release->caller);
    count(region, state,
          identity_of(kind, allocated_stack(region, &block), released, &block, release->releaser),
          block.requested_bytes, 1);
}

/* Module of a pc id; NULL: none. */
static const struct ms_region_module *module_of(struct ms_region_header *region, uint32_t pc_id)
{
    const struct ms_region_pc *pc = ms_region_element(region, MS_AREA_PCS, pc_id);
    uint32_t index = pc_id == 0 ? 0 : pc->module;
    return index == 0 ? NULL : ms_region_element(region, MS_AREA_MODULES, index);
}

void ms_misuse_look(struct ms_thread_state *state, const struct ms_block_claim *claim,
                    const struct ms_release *release, uint32_t stands_for)
{
    struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    if (region == NULL || !ms_caller_may_walk(state, release->caller)) {
        return;
    }
    uint32_t allocated = allocated_stack(region, &claim->owner);
    if (allocated == 0) {
        return;
    }
    const uint32_t *words = ms_region_element(region, MS_AREA_STACKS, allocated);
    uint32_t pc_id = ms_caller_pc(state, release->caller);
    const struct ms_region_module *there = module_of(region, words[1]);
    const struct ms_region_module *here = module_of(region, pc_id);
    if (there == NULL || here == NULL || there == here || there->runtime != 0 ||
        here->runtime != 0) {
        return;
    }
    /* Of both ends only the places matter. */
    const struct ms_tag_owner block = {.kind = MS_BLOCK_MALLOC};
    uint32_t released = ms_caller_stack(state, release->caller);
    count(region, state,
          identity_of(MS_MISUSED_OTHER_LIBRARY, allocated, released, &block, MS_RELEASER_ANY),
          claim->owner.requested_bytes, stands_for);
}
