#include <errno.h>
#include <stdlib.h>

#include "analysis/call_parts.h"

/* Keys are well spread as they are. 0 is no key: a path has it once in 2^64. */
static size_t slot_of(const struct ms_call_unfolded *set, uint64_t key)
{
    size_t slot = key & (set->capacity - 1);
    while (set->keys[slot] != 0 && set->keys[slot] != key) {
        slot = (slot + 1) & (set->capacity - 1);
    }
    return slot;
}

bool ms_call_unfolded_has(const struct ms_call_unfolded *set, uint64_t key)
{
    return set->count > 0 && key != 0 && set->keys[slot_of(set, key)] == key;
}

int ms_call_unfolded_add(struct ms_call_unfolded *set, uint64_t key)
{
    if (key == 0 || ms_call_unfolded_has(set, key)) {
        return 0;
    }
    if (2 * (set->count + 1) > set->capacity) {
        struct ms_call_unfolded grown = {.capacity = set->capacity != 0 ? set->capacity * 2 : 64};
        grown.keys = calloc(grown.capacity, sizeof(*grown.keys));
        if (grown.keys == NULL) {
            return -ENOMEM;
        }
        for (size_t i = 0; i < set->capacity; i++) {
            if (set->keys[i] != 0) {
                grown.keys[slot_of(&grown, set->keys[i])] = set->keys[i];
            }
        }
        free(set->keys);
        grown.count = set->count;
        *set = grown;
    }
    set->keys[slot_of(set, key)] = key;
    set->count++;
    return 0;
}

void ms_call_unfolded_remove(struct ms_call_unfolded *set, uint64_t key)
{
    if (!ms_call_unfolded_has(set, key)) {
        return;
    }
    size_t hole = slot_of(set, key);
    set->keys[hole] = 0;
    set->count--;
    /* What was put further on because of it comes back. */
    for (size_t slot = (hole + 1) & (set->capacity - 1); set->keys[slot] != 0;
         slot = (slot + 1) & (set->capacity - 1)) {
        const uint64_t moved = set->keys[slot];
        set->keys[slot] = 0;
        set->keys[slot_of(set, moved)] = moved;
    }
}

void ms_call_unfolded_clear(struct ms_call_unfolded *set)
{
    free(set->keys);
    *set = (struct ms_call_unfolded){0};
}
