/* Hash tables of 64-bit slots: 32 bits of the hash, then the index of the element in its area. */
#include "probe/intern.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "probe/map.h"

#define BUCKET_SLOTS  8u
#define LEVELS        5u
#define FIRST_BUCKETS 64u
#define LEVEL_GROWTH_SHIFT                                                                         \
    3u /* each level is eight times the one before: 2.4 million slots in all */

struct bucket {
    _Atomic uint64_t slots[BUCKET_SLOTS]; /* 0: unused. Once set never changed. */
} __attribute__((aligned(MS_LINE_BYTES)));

struct table {
    struct bucket *_Atomic levels[LEVELS];
};

/* What is to be found or stored. */
struct element {
    struct ms_region_header *region;
    uint64_t hash;
    const uint32_t *words; /* a stack; NULL: a pc */
    uintptr_t address;
    uint32_t module;
};

static struct table pcs;
static struct table stacks;
/* Elements of this many words and more found no room in the area (0: none was refused yet). */
static _Atomic uint32_t stacks_refused_words;
static _Atomic uint32_t pcs_refused;

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static uint64_t hash_pc_ids(const uint32_t *words, uint32_t depth)
{
    uint64_t hash = 0;
    for (uint32_t i = 1; i <= depth; i++) {
        hash = ms_stack_hash(hash, words[i]);
    }
    return hash;
}

static bool same(const struct element *element, uint32_t index)
{
    if (element->words == NULL) {
        const struct ms_region_pc *pc = ms_region_element(element->region, MS_AREA_PCS, index);
        return pc->address == element->address && pc->module == element->module;
    }
    const uint32_t *stored = ms_region_element(element->region, MS_AREA_STACKS, index);
    return stored[0] == element->words[0] &&
           memcmp(stored + 1, element->words + 1, MS_STACK_DEPTH(stored[0]) * sizeof *stored) == 0;
}

static uint32_t store_pc(const struct element *element)
{
    if (atomic_load_explicit(&pcs_refused, memory_order_relaxed) != 0) {
        return 0;
    }
    uint32_t index = ms_area_take(MS_AREA_PCS, 1);
    if (index == 0) {
        atomic_store_explicit(&pcs_refused, 1, memory_order_relaxed);
        return 0;
    }
    struct ms_region_pc *pc = ms_region_element(element->region, MS_AREA_PCS, index);
    pc->module = element->module;
    atomic_store_explicit((_Atomic uint64_t *)&pc->address, element->address, memory_order_release);
    return index;
}

static uint32_t store_stack(const struct element *element)
{
    uint32_t count = 1 + MS_STACK_DEPTH(element->words[0]);
    uint32_t refused = atomic_load_explicit(&stacks_refused_words, memory_order_relaxed);
    if (refused != 0 && count >= refused) {
        return 0;
    }
    uint32_t index = ms_area_take(MS_AREA_STACKS, count);
    if (index == 0) {
        atomic_store_explicit(&stacks_refused_words, count, memory_order_relaxed);
        return 0;
    }
    uint32_t *stored = ms_region_element(element->region, MS_AREA_STACKS, index);
    memcpy(stored + 1, element->words + 1, (count - 1) * sizeof *stored);
    atomic_store_explicit((_Atomic uint32_t *)stored, element->words[0], memory_order_release);
    return index;
}

/* The buckets of a level, opened if they are not; NULL: no memory. */
static struct bucket *level_open(struct table *table, uint32_t level)
{
    struct bucket *buckets = atomic_load_explicit(&table->levels[level], memory_order_acquire);
    if (buckets != NULL) {
        return buckets;
    }
    size_t bytes = (size_t)(FIRST_BUCKETS << (LEVEL_GROWTH_SHIFT * level)) * sizeof *buckets;
    struct bucket *fresh = ms_private_pages(bytes, true);
    if (fresh == NULL) {
        return NULL;
    }
    /* Whoever comes second gives its pages up: untouched, and at most once per thread and level. */
    return atomic_compare_exchange_strong(&table->levels[level], &buckets, fresh) ? fresh : buckets;
}

/*
 * Looks through one bucket. Returns the id; 0 with *full: go on to the next level; 0 without: the
 * element was not there and could not be stored. `*fresh` is the element's index once it is stored.
 */
static uint32_t search_bucket(struct bucket *bucket, const struct element *element, uint32_t *fresh,
                              bool *full)
{
    uint64_t tag = element->hash & ~(uint64_t)UINT32_MAX;
    *full = false;
    for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
        uint64_t slot = atomic_load_explicit(&bucket->slots[i], memory_order_acquire);
        if (slot == 0) {
            if (*fresh == 0) {
                *fresh = element->words != NULL ? store_stack(element) : store_pc(element);
            }
            if (*fresh == 0) {
                return 0;
            }
            if (atomic_compare_exchange_strong(&bucket->slots[i], &slot, tag | *fresh)) {
                return *fresh;
            }
        }
        if (((slot ^ tag) >> 32) == 0 && same(element, (uint32_t)slot)) {
            return (uint32_t)slot;
        }
    }
    *full = true;
    return 0;
}

static uint32_t intern(struct table *table, const struct element *element)
{
    uint32_t fresh = 0;
    for (uint32_t level = 0; level < LEVELS; level++) {
        struct bucket *buckets = level_open(table, level);
        if (buckets == NULL) {
            return 0;
        }
        uint32_t count = FIRST_BUCKETS << (LEVEL_GROWTH_SHIFT * level);
        bool full;
        uint32_t id = search_bucket(&buckets[element->hash & (count - 1)], element, &fresh, &full);
        if (id != 0 || !full) {
            return id;
        }
    }
    return 0;
}

uint32_t ms_intern_pc(uintptr_t address, uint32_t module)
{
    struct element element = {.region = ms_region,
                              .hash = mix(mix(module, address), address),
                              .address = address,
                              .module = module};
    return element.region != NULL ? intern(&pcs, &element) : 0;
}

uint32_t ms_intern_stack(uint32_t *words, uint64_t hash)
{
    struct ms_region_header *region = ms_region;
    if (region == NULL) {
        return 0;
    }
    uint32_t depth = MS_STACK_DEPTH(words[0]);
    uint32_t flags = words[0] - depth;
    for (;;) {
        words[0] = flags | depth;
        struct element element = {.region = region, .hash = mix(hash, words[0]), .words = words};
        uint32_t id = intern(&stacks, &element);
        if (id != 0 || depth <= 1) {
            return id;
        }
        depth /= 2;
        hash = hash_pc_ids(words, depth);
        flags = MS_STACK_COARSENED; /* why the full stack ended is no longer part of it */
    }
}

/*
 * The tables were wiped, but an event that a handler interrupted to fork may have gone on since and
 * entered what is not in this process's region: fresh pages.
 */
static void start_anew(struct table *table)
{
    for (uint32_t level = 0; level < LEVELS; level++) {
        atomic_store_explicit(&table->levels[level], NULL, memory_order_release);
    }
}

void ms_intern_after_fork(void)
{
    start_anew(&pcs);
    start_anew(&stacks);
    atomic_store_explicit(&stacks_refused_words, 0, memory_order_relaxed);
    atomic_store_explicit(&pcs_refused, 0, memory_order_relaxed);
}
