/*
 * Words of a region, which somebody may be writing to, or may have written in bad faith: each is
 * loaded once. Every load from a region goes through these. For src/collect/region_*.c only.
 */
#ifndef MS_COLLECT_REGION_WORDS_H
#define MS_COLLECT_REGION_WORDS_H

#include <string.h>

#include "collect/region_reader.h"

/* Volatile keeps the compiler from reading a hostile word twice; an aligned load is not torn. */
#define LOAD(pointer) (*(const volatile __typeof__(*(pointer)) *)(pointer))

static inline uint32_t acquired_u32(uint32_t value)
{
    atomic_thread_fence(memory_order_acquire);
    return value;
}

static inline uint64_t acquired_u64(uint64_t value)
{
    atomic_thread_fence(memory_order_acquire);
    return value;
}

static inline uint64_t add_saturating(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static inline uint64_t subtract_floor(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* A copy that other threads may be writing to: word by word, each once. Multiples of 8 bytes. */
static inline void copy_words(void *to, const void *from, size_t bytes)
{
    const uint64_t *source = from;
    for (size_t i = 0; i < bytes / sizeof(uint64_t); i++) {
        uint64_t word = LOAD(&source[i]);
        memcpy((unsigned char *)to + i * sizeof word, &word, sizeof word);
    }
}

static inline const struct ms_region_header *header_of(const struct ms_region_view *view)
{
    return (const struct ms_region_header *)(const void *)view->base;
}

static inline uint32_t published_of(const struct ms_region_view *view, enum ms_area_id area)
{
    uint32_t published = acquired_u32(LOAD(&header_of(view)->areas[area].published));
    return published < view->area_capacity[area] ? published : view->area_capacity[area];
}

/* Element `index` of an area, or NULL: index 0 and what is not published do not exist. */
static inline const void *element(const struct ms_region_view *view, enum ms_area_id area,
                                  uint32_t index, size_t bytes)
{
    if (index == 0 || index >= published_of(view, area)) {
        return NULL;
    }
    return view->base + view->area_offset[area] + (uint64_t)index * bytes;
}

/* A thread's own counters. Frees come before allocations, so that a block that is freed between two
 * loads was also seen allocated. */
void ms_region_read_own(const struct ms_thread_own *own, struct ms_heap *heap);

/* What others freed, sole and shared counters together; before the own ones are read. */
struct ms_region_remote_copy {
    uint64_t deallocations, bytes_freed, waste_freed_bytes;
};
struct ms_region_remote_copy ms_region_read_remote(const struct ms_remote *remote);

#endif
