/* Hash map from a number to a number, both not 0. Grows; nothing is ever removed. */
#ifndef MS_COLLECT_ID_MAP_H
#define MS_COLLECT_ID_MAP_H

#include <stddef.h>
#include <stdint.h>

struct ms_id_map_entry {
    uint32_t key; /* 0: empty */
    uint32_t value;
};

struct ms_id_map { /* all zero: empty */
    struct ms_id_map_entry *entries;
    size_t capacity; /* power of two */
    size_t count;
};

uint32_t ms_id_map_find(const struct ms_id_map *map, uint32_t key); /* 0: not there */
/* Sets or replaces. Returns 0 or -ENOMEM. */
int ms_id_map_set(struct ms_id_map *map, uint32_t key, uint32_t value);
void ms_id_map_free(struct ms_id_map *map);

#endif
