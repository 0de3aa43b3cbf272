/*
 * What a context keeps beyond its lines: histograms of sizes and lifetimes as far as its events are
 * not all of one class, and what a sampled context stands for. In MS_AREA_DETAILS; taken when
 * needed, by any thread, without locks. When there is no room, the figure is marked as incomplete.
 */
#ifndef MS_PROBE_DETAIL_H
#define MS_PROBE_DETAIL_H

#include <stdint.h>

#include "probe/real.h"
#include "wire/region.h"

/* Class of a block of `bytes` requested bytes: see MS_SIZE_CLASS_BOUNDS. */
static inline unsigned ms_size_class(uint64_t bytes)
{
    /* By the number of bits of (bytes - 1), at least 4. */
    static const uint8_t of_bits[65] = {
        [0] = 0,   [1] = 0,   [2] = 0,   [3] = 0,   [4] = 0,          [5] = 1,   [6] = 2,
        [7] = 3,   [8] = 4,   [9] = 5,   [10] = 6,  [11] = 7,         [12] = 8,  [13] = 9,
        [14] = 10, [15] = 11, [16] = 11, [17] = 12, [18] = 12,        [19] = 13, [20] = 13,
        [21] = 14, [22] = 14, [23] = 14, [24] = 14, [25 ... 64] = 15,
    };
    return of_bits[64 - __builtin_clzll((bytes - (bytes != 0)) | 1)];
}

/* Class of a lifetime in ticks, of MS_TICK_BITS bits: see MS_LIFETIME_CLASSES. */
_Static_assert(MS_LIFETIME_CLASSES == MS_TICK_BITS / 2 + 1, "no class is beyond the last");
static inline unsigned ms_lifetime_class(uint32_t ticks)
{
    return (unsigned)(32 - __builtin_clz(ticks << 1 | 1)) >> 1;
}

/* An event of the calling thread's own context, of another class than home. Cold. */
MS_HIDDEN void ms_size_elsewhere(struct ms_region_context *context, unsigned class);
MS_HIDDEN void ms_lifetime_elsewhere(struct ms_region_context *context, unsigned class);

/* A block of `context` that another thread freed. */
MS_HIDDEN void ms_lifetime_remote(struct ms_region_context *context, unsigned class);

/* Blocks of a sampled context (rate != 0): what one of `bytes` stands for is added. */
MS_HIDDEN void ms_estimate_allocated(struct ms_region_context *context, uint64_t bytes);
MS_HIDDEN void ms_estimate_freed(struct ms_region_context *context, uint64_t bytes);
MS_HIDDEN void ms_estimate_freed_remotely(struct ms_region_context *context, uint64_t bytes);

#endif
