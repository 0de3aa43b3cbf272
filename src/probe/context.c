/* Contexts: taken from the area in slabs per thread, found through an open-addressing map. */
#include "probe/context.h"

#include <stdatomic.h>
#include <string.h>

#include "probe/intern.h"
#include "probe/map.h"
#include "probe/wiped.h"

#define FIRST_MAP_BITS 9u /* 512 entries, one page */
#define SLAB_FIRST     4u
#define SLAB_MAX       32u

/*
 * The region is read once, before any index into it: a handler that interrupts us may fork, and the
 * child goes on here with indexes of the parent's region, whose place stays accessible.
 */
static struct ms_region_header *region_now(void)
{
    return __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
}

static struct ms_region_context *context_at(struct ms_region_header *region, uint32_t index)
{
    return ms_region_element(region, MS_AREA_CONTEXTS, index);
}

/* Call sites leave room for the root contexts of threads to come. */
static uint32_t sites_capacity(const struct ms_region_header *region)
{
    uint32_t capacity = region->areas[MS_AREA_CONTEXTS].capacity;
    uint32_t kept = region->areas[MS_AREA_THREADS].capacity;
    return capacity - (kept < capacity / 4 ? kept : capacity / 4);
}

static uint32_t contexts_taken(const struct ms_region_header *region)
{
    return atomic_load_explicit(&region->areas[MS_AREA_CONTEXTS].taken, memory_order_relaxed);
}

/* Free list: a version in the upper half keeps two takers from being mistaken for one. */
static uint32_t take_free(struct ms_region_header *region)
{
    uint64_t head = atomic_load_explicit(&ms_wiped->free_contexts, memory_order_acquire);
    while ((uint32_t)head != 0) {
        uint32_t next =
            __atomic_load_n(&context_at(region, (uint32_t)head)->next, __ATOMIC_RELAXED);
        uint64_t changed = ((head >> 32) + 1) << 32 | next;
        if (atomic_compare_exchange_weak_explicit(&ms_wiped->free_contexts, &head, changed,
                                                  memory_order_acq_rel, memory_order_acquire)) {
            return (uint32_t)head;
        }
    }
    return 0;
}

static void give_free(struct ms_region_header *region, uint32_t index)
{
    uint64_t head = atomic_load_explicit(&ms_wiped->free_contexts, memory_order_relaxed);
    uint64_t changed;
    do {
        __atomic_store_n(&context_at(region, index)->next, (uint32_t)head, __ATOMIC_RELAXED);
        changed = ((head >> 32) + 1) << 32 | index;
    } while (!atomic_compare_exchange_weak_explicit(&ms_wiped->free_contexts, &head, changed,
                                                    memory_order_acq_rel, memory_order_relaxed));
}

static uint32_t take_context(struct ms_region_header *region, struct ms_context_map *map, bool root)
{
    if (map->slab_next != map->slab_end) {
        return map->slab_next++;
    }
    uint32_t index = take_free(region);
    if (index != 0) {
        return index;
    }
    uint32_t count = map->slab_size == 0 ? SLAB_FIRST : map->slab_size * 2;
    count = count < SLAB_MAX ? count : SLAB_MAX;
    if (contexts_taken(region) + count <= sites_capacity(region)) {
        index = ms_area_take(MS_AREA_CONTEXTS, count);
    }
    if (index == 0 && root) {
        count = 1;
        index = ms_area_take(MS_AREA_CONTEXTS, count);
    }
    if (index == 0 || !ms_area_open(MS_AREA_OWNERS, index + count)) {
        return 0;
    }
    map->slab_size = count;
    map->slab_next = index + 1;
    map->slab_end = index + count;
    return index;
}

static uint32_t make_context(struct ms_thread_state *state, uint32_t stack, uint8_t rate)
{
    struct ms_region_header *region = region_now();
    uint32_t index = region != NULL ? take_context(region, &state->contexts, stack == 0) : 0;
    if (index != 0) {
        struct ms_region_context *context = context_at(region, index);
        context->stack = stack;
        context->rate = rate;
        context->next = state->record->first_context;
        state->record->first_context = index;
        struct ms_region_owner *owner = ms_region_element(region, MS_AREA_OWNERS, index);
        owner->generation = context->generation;
        owner->rate = rate;
        __atomic_store_n(&owner->thread, state->index, __ATOMIC_RELEASE);
        __atomic_store_n(&context->thread, state->index, __ATOMIC_RELEASE);
    }
    return index;
}

uint32_t ms_context_make_root(struct ms_thread_state *state)
{
    return make_context(state, 0, 0);
}

#define CONTEXT_BITS 22u
#define CONTEXT_MASK ((UINT64_C(1) << CONTEXT_BITS) - 1)
_Static_assert(MS_RATES_MAX <= 1u << (32 - CONTEXT_BITS), "rates fit an entry");

static uint32_t place_of(uint64_t key, uint32_t bits)
{
    return (uint32_t)((key >> CONTEXT_BITS) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
}

static void enter(uint64_t *entries, uint32_t bits, uint64_t entry)
{
    uint32_t place = place_of(entry, bits);
    while (entries[place] != 0) {
        place = (place + 1) & ((1u << bits) - 1);
    }
    entries[place] = entry;
}

/* Keeps the map at most half full. */
static bool make_room(struct ms_context_map *map)
{
    if (map->entries != NULL && map->used < 1u << (map->bits - 1)) {
        return true;
    }
    uint32_t bits = map->entries == NULL ? FIRST_MAP_BITS : map->bits + 1;
    uint64_t *fresh = ms_private_pages(sizeof(uint64_t) << bits, false);
    if (fresh == NULL) {
        return false;
    }
    for (uint32_t i = 0; map->entries != NULL && i < 1u << map->bits; i++) {
        if (map->entries[i] != 0) {
            enter(fresh, bits, map->entries[i]);
        }
    }
    map->entries = fresh;
    map->bits = bits;
    return true;
}

uint32_t ms_context_of(struct ms_thread_state *state, uint32_t stack, uint8_t rate)
{
    struct ms_context_map *map = &state->contexts;
    uint64_t key = (uint64_t)stack << 32 | (uint64_t)rate << CONTEXT_BITS;
    if (map->entries != NULL) {
        uint32_t place = place_of(key, map->bits);
        while (map->entries[place] != 0) {
            if ((map->entries[place] & ~CONTEXT_MASK) == key) {
                return (uint32_t)(map->entries[place] & CONTEXT_MASK);
            }
            place = (place + 1) & ((1u << map->bits) - 1);
        }
    }
    if (!make_room(map)) {
        return 0;
    }
    uint32_t context = make_context(state, stack, rate);
    const struct ms_region_header *region = region_now();
    if (context != 0 && region != NULL) {
        enter(map->entries, map->bits, key | context);
        map->used++;
        const struct ms_region_area *stacks = &region->areas[MS_AREA_STACKS];
        ms_tracking_table_filled(state, MS_AREA_CONTEXTS, contexts_taken(region),
                                 sites_capacity(region));
        ms_tracking_table_filled(state, MS_AREA_STACKS,
                                 atomic_load_explicit(&stacks->taken, memory_order_relaxed),
                                 stacks->capacity);
    }
    return context;
}

void ms_context_map_clear(struct ms_context_map *map)
{
    if (map->entries != NULL) {
        memset(map->entries, 0, sizeof(uint64_t) << map->bits);
    }
    map->used = 0;
}

void ms_context_release(uint32_t first)
{
    struct ms_region_header *region = region_now();
    for (uint32_t index = first; index != 0;) {
        struct ms_region_context *context = context_at(region, index);
        uint32_t next = context->next;
        uint8_t generation = (uint8_t)(context->generation + 1);
        struct ms_region_owner *owner = ms_region_element(region, MS_AREA_OWNERS, index);
        __atomic_store_n(&owner->thread, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&context->thread, 0, __ATOMIC_RELEASE);
        memset(context, 0, sizeof *context);
        __atomic_store_n(&context->generation, generation, __ATOMIC_RELEASE);
        give_free(region, index);
        index = next;
    }
}
