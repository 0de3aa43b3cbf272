/* See range_map.h. */
#include "collect/range_map.h"

#include <errno.h>
#include <stdlib.h>

#define RANGES_AT_MOST (1u << 24)

int ms_range_map_add(struct ms_range_map *map, uint64_t start, uint64_t end, uint32_t value)
{
    if (start >= end) {
        return 0;
    }
    if (map->range_count == map->range_capacity) {
        size_t capacity = map->range_capacity == 0 ? 64 : map->range_capacity * 2;
        if (capacity > RANGES_AT_MOST) {
            return -E2BIG;
        }
        struct ms_range *grown = realloc(map->ranges, capacity * sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        map->ranges = grown;
        map->range_capacity = capacity;
    }
    map->ranges[map->range_count] =
        (struct ms_range){start, end, value, (uint32_t)map->range_count};
    map->range_count++;
    return 0;
}

/* Outer ranges before those that they contain. */
static int compare(const void *left, const void *right)
{
    const struct ms_range *a = left;
    const struct ms_range *b = right;
    if (a->start != b->start) {
        return a->start < b->start ? -1 : 1;
    }
    if (a->end != b->end) {
        return a->end > b->end ? -1 : 1;
    }
    return (a->order > b->order) - (a->order < b->order);
}

static void add_segment(struct ms_range_map *map, uint64_t start, uint32_t value)
{
    size_t count = map->segment_count;
    if (count > 0 && map->segments[count - 1].start == start) {
        map->segments[count - 1].value = value;
        return;
    }
    if (count > 0 && map->segments[count - 1].value == value) {
        return;
    }
    map->segments[map->segment_count++] = (struct ms_range_segment){start, value};
}

/* Closes what ended at or before `address`: below it on the stack the next longer one goes on. */
static void close_until(struct ms_range_map *map, const struct ms_range **open, size_t *depth,
                        uint64_t address)
{
    while (*depth > 0 && open[*depth - 1]->end <= address) {
        uint64_t end = open[--*depth]->end;
        while (*depth > 0 && open[*depth - 1]->end <= end) {
            --*depth;
        }
        add_segment(map, end, *depth > 0 ? open[*depth - 1]->value : 0);
    }
}

int ms_range_map_settle(struct ms_range_map *map)
{
    size_t count = map->range_count;
    const struct ms_range **open = malloc((count + 1) * sizeof(*open));
    map->segments = malloc((2 * count + 1) * sizeof *map->segments);
    if (open == NULL || map->segments == NULL) {
        free(open);
        ms_range_map_free(map);
        return -ENOMEM;
    }
    if (count > 0) {
        qsort(map->ranges, count, sizeof *map->ranges, compare);
    }
    size_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        close_until(map, open, &depth, map->ranges[i].start);
        open[depth++] = &map->ranges[i];
        add_segment(map, map->ranges[i].start, map->ranges[i].value);
    }
    close_until(map, open, &depth, UINT64_MAX);
    free(open);
    free(map->ranges);
    map->ranges = NULL;
    map->range_count = map->range_capacity = 0;
    struct ms_range_segment *fitted =
        realloc(map->segments, (map->segment_count + 1) * sizeof *fitted);
    map->segments = fitted == NULL ? map->segments : fitted;
    return 0;
}

uint32_t ms_range_map_find(const struct ms_range_map *map, uint64_t address)
{
    size_t low = 0;
    size_t high = map->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->segments[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : map->segments[low - 1].value;
}

void ms_range_map_free(struct ms_range_map *map)
{
    free(map->ranges);
    free(map->segments);
    *map = (struct ms_range_map){0};
}
