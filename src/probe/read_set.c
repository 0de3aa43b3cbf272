/* Storing read sets: the layout first, shared by all sets that have it, then the set. */
#include "probe/read_set.h"

#include <stddef.h>
#include <string.h>

#include "probe/map.h"
#include "probe/wiped.h"

/* Sizes that a cache goes through, the next one when it was filled several times over. */
#define FIRST_BITS           7u /* 15.5 KiB in all */
#define LAST_BITS            15u
#define GROWTH_BITS          3u
#define FILLINGS_BEFORE_NEXT 2u
/* Of all threads together; a thread that comes late keeps a small cache. */
#define ALL_CACHES_MAX_BYTES (UINT64_C(64) << 20)

#define LAYOUT_WORDS_PER_SET 8u
#define FIRST_PLACE          (sizeof(struct ms_read_set_layout) / sizeof(uint64_t))
#define OFFSET_MAX           UINT16_MAX

uint64_t ms_read_set_factor[MS_READ_SET_WORDS_MAX];

static uint64_t next_random(uint64_t *state)
{
    uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash += value;
    return next_random(&hash);
}

void ms_read_set_init(uint64_t random)
{
    for (uint32_t i = 0; i < MS_READ_SET_WORDS_MAX; i++) {
        ms_read_set_factor[i] = next_random(&random) | 1;
    }
}

static uint64_t table_bytes(unsigned bits)
{
    return (sizeof(struct ms_read_set) + (MS_READ_SET_GUESSES + 1) * sizeof(uint32_t) +
            sizeof(uint64_t) * LAYOUT_WORDS_PER_SET)
           << bits;
}

static bool take_memory(struct ms_read_sets *cache)
{
    unsigned before = ms_read_set_bits(cache->memory);
    unsigned bits = before == 0 ? FIRST_BITS : before + GROWTH_BITS;
    bits = bits < LAST_BITS ? bits : LAST_BITS;
    uint64_t bytes = table_bytes(bits);
    cache->stored = 0; /* when refused, asked again after as many more */
    if (bits == before ||
        atomic_load_explicit(&ms_wiped->read_sets_bytes, memory_order_relaxed) + bytes >
            ALL_CACHES_MAX_BYTES) {
        return false;
    }
    char *memory = ms_private_pages(bytes, true);
    if (memory == NULL) {
        return false;
    }
    atomic_fetch_add_explicit(&ms_wiped->read_sets_bytes, bytes, memory_order_relaxed);
    cache->memory = (uintptr_t)memory | bits;
    cache->layouts_used = FIRST_PLACE;
    return true;
}

bool ms_read_sets_renew(struct ms_read_sets *cache, uint32_t generation, uint32_t depth)
{
    if (cache->memory == 0) {
        return false;
    }
    cache->generation = generation;
    cache->salt = mix(mix(ms_read_set_factor[0], generation), depth);
    return true;
}

void ms_read_sets_grow(struct ms_read_sets *cache)
{
    unsigned bits = ms_read_set_bits(cache->memory);
    if ((bits == 0 || cache->stored > FILLINGS_BEFORE_NEXT << bits) && take_memory(cache)) {
        cache->generation = 0;
    }
}

/* Copies offsets, and adds them to the seed. False: one is too far out. */
static bool add_offsets(struct ms_read_set_layout *layout, const uint32_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t end = (from[i] + 1) * (uint32_t)sizeof(uintptr_t);
        if (from[i] > OFFSET_MAX) {
            return false;
        }
        layout->reach_bytes = end > layout->reach_bytes ? end : layout->reach_bytes;
        layout->seed += (from[i] + 1) * ms_read_set_factor[layout->words];
        layout->offset[layout->words++] = (uint16_t)from[i];
    }
    return true;
}

/* `layout` has room for every word. False: it is no layout that can be stored. */
static bool make_layout(struct ms_read_set_layout *layout, const struct ms_read_set_draft *draft,
                        uintptr_t return_address)
{
    layout->seed = mix(mix(return_address, draft->returns), draft->frames);
    layout->return_address = return_address;
    layout->frame_pointer_factor = 0;
    layout->stack_pointer_factor = 0;
    layout->reach_bytes = 0;
    layout->words = 0;
    if (draft->returns == 0 || !add_offsets(layout, draft->return_offset, draft->returns) ||
        !add_offsets(layout, draft->frame_offset, draft->frames)) {
        return false;
    }
    layout->seed = mix(layout->seed, layout->words);
    for (uint32_t i = draft->returns; i < layout->words; i++) {
        layout->stack_pointer_factor += ms_read_set_factor[i];
    }
    if (draft->caller_frame_pointer) {
        layout->frame_pointer_factor = ms_read_set_factor[MS_READ_SET_WORDS_MAX - 1];
        layout->stack_pointer_factor += layout->frame_pointer_factor;
        layout->seed = mix(layout->seed, 1);
    }
    if (layout->words % 2 != 0) {
        layout->offset[layout->words++] = layout->offset[0];
    }
    return true;
}

/* Place of a layout equal to `layout`, stored if there is none yet. */
static uint32_t keep_layout(struct ms_read_sets *cache, const struct ms_read_set_layout *layout)
{
    uintptr_t memory = cache->memory;
    unsigned bits = ms_read_set_bits(memory);
    uint64_t *layouts = ms_read_set_layouts(memory);
    uint32_t *known = ms_read_set_known(memory) + (layout->seed >> (64 - bits));
    const struct ms_read_set_layout *there = (const struct ms_read_set_layout *)(layouts + *known);
    if (there->seed == layout->seed && there->words == layout->words &&
        there->return_address == layout->return_address) {
        return *known;
    }
    size_t bytes =
        offsetof(struct ms_read_set_layout, offset) + layout->words * sizeof layout->offset[0];
    uint32_t words = (uint32_t)((bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t));
    if (cache->layouts_used + words > LAYOUT_WORDS_PER_SET << bits) {
        /* All over again; the sets stay, they are found by content. */
        memset(ms_read_set_guesses(memory, 0, 0), 0,
               (sizeof(uint32_t) * MS_READ_SET_GUESSES) << bits);
        memset(ms_read_set_known(memory), 0, sizeof(uint32_t) << bits);
        cache->layouts_used = FIRST_PLACE;
        known = ms_read_set_known(memory) + (layout->seed >> (64 - bits));
    }
    uint32_t place = cache->layouts_used;
    memcpy(layouts + place, layout, bytes);
    cache->layouts_used += words;
    *known = place;
    return place;
}

void ms_read_set_guess_first(uint32_t *guesses, uint32_t place)
{
    uint32_t moved = place;
    for (unsigned way = 0; way < MS_READ_SET_GUESSES; way++) {
        uint32_t before = guesses[way];
        guesses[way] = moved;
        if (before == place || before == 0) {
            return;
        }
        moved = before;
    }
}

void ms_read_set_store(struct ms_read_sets *cache, const struct ms_read_set_draft *draft,
                       uintptr_t return_address, uintptr_t stack_pointer, uintptr_t frame_pointer,
                       const struct ms_read_set *found)
{
    union {
        struct ms_read_set_layout layout;
        char bytes[sizeof(struct ms_read_set_layout) + MS_READ_SET_WORDS_MAX * sizeof(uint16_t)];
    } made;
    uintptr_t memory = cache->memory;
    if (memory == 0 || !make_layout(&made.layout, draft, return_address)) {
        return;
    }
    uint32_t place = keep_layout(cache, &made.layout);
    ms_read_set_guess_first(ms_read_set_guesses(memory, return_address, stack_pointer), place);
    uint64_t hash = ms_read_set_hash(&made.layout, cache->salt, stack_pointer, frame_pointer);
    struct ms_read_set *set = ms_read_set_pair(memory, hash);
    if (set[0].hash != 0 && set[0].hash != hash) {
        set[1].hash = 0;
        set[1] = set[0];
    }
    set[0].hash = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    set[0].holder = found->holder;
    set[0].stack = found->stack;
    set[0].context = found->context;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    set[0].hash = hash;
    cache->stored++;
}
