/*
 * Address ranges that may nest or overlap, to the one that is meant at an address: where several
 * contain it, the one that starts last, of those the shortest, of those the one added last.
 * Filled first, settled once, then asked: a look-up is a binary search.
 */
#ifndef MS_COLLECT_RANGE_MAP_H
#define MS_COLLECT_RANGE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct ms_range {
    uint64_t start, end; /* exclusive */
    uint32_t value;
    uint32_t order; /* in which it was added */
};

struct ms_range_segment {
    uint64_t start; /* up to the next segment's */
    uint32_t value; /* 0: none */
};

/* Zeroed is empty. */
struct ms_range_map {
    struct ms_range *ranges; /* until settled */
    size_t range_count, range_capacity;
    struct ms_range_segment *segments;
    size_t segment_count;
};

/* `value` is not 0. Empty ranges are left out. Returns 0, -ENOMEM, or -E2BIG past 2^24 ranges. */
int ms_range_map_add(struct ms_range_map *map, uint64_t start, uint64_t end, uint32_t value);
/* Returns 0 or -ENOMEM: then nothing is found. */
int ms_range_map_settle(struct ms_range_map *map);
uint32_t ms_range_map_find(const struct ms_range_map *map, uint64_t address); /* 0: none */
void ms_range_map_free(struct ms_range_map *map);

#endif
