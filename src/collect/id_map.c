/* See id_map.h: open addressing, linear probing, at most half full. */
#include "collect/id_map.h"

#include <errno.h>
#include <stdlib.h>

static size_t slot_of(const struct ms_id_map *map, uint32_t key)
{
    uint64_t hash = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(hash >> 32) & (map->capacity - 1);
    while (map->entries[slot].key != 0 && map->entries[slot].key != key) {
        slot = (slot + 1) & (map->capacity - 1);
    }
    return slot;
}

uint32_t ms_id_map_find(const struct ms_id_map *map, uint32_t key)
{
    if (map->capacity == 0 || key == 0) {
        return 0;
    }
    return map->entries[slot_of(map, key)].value;
}

static int grow(struct ms_id_map *map)
{
    struct ms_id_map larger = {.capacity = map->capacity == 0 ? 64 : map->capacity * 2,
                               .count = map->count};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (larger.entries == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key != 0) {
            larger.entries[slot_of(&larger, map->entries[i].key)] = map->entries[i];
        }
    }
    free(map->entries);
    *map = larger;
    return 0;
}

int ms_id_map_set(struct ms_id_map *map, uint32_t key, uint32_t value)
{
    if (key == 0) {
        return 0;
    }
    if (map->count * 2 >= map->capacity) {
        int result = grow(map);
        if (result != 0) {
            return result;
        }
    }
    struct ms_id_map_entry *entry = &map->entries[slot_of(map, key)];
    map->count += entry->key == 0;
    *entry = (struct ms_id_map_entry){.key = key, .value = value};
    return 0;
}

void ms_id_map_free(struct ms_id_map *map)
{
    free(map->entries);
    *map = (struct ms_id_map){0};
}
