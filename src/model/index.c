#include "model/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool ms_index_next(const struct ms_index *index, uint32_t hash, size_t *cursor, uint32_t *position)
{
    if (index->capacity == 0) {
        return false;
    }
    const size_t mask = index->capacity - 1;
    for (;;) {
        const struct ms_index_slot *slot = &index->slots[(hash + *cursor) & mask];
        if (slot->position == 0) {
            return false;
        }
        (*cursor)++;
        if (slot->hash == hash) {
            *position = slot->position - 1;
            return true;
        }
    }
}

static void place(struct ms_index_slot *slots, size_t capacity, struct ms_index_slot slot)
{
    size_t at = slot.hash & (capacity - 1);
    while (slots[at].position != 0) {
        at = (at + 1) & (capacity - 1);
    }
    slots[at] = slot;
}

static int grow(struct ms_index *index)
{
    const size_t capacity = index->capacity != 0 ? index->capacity * 2 : 64;
    struct ms_index_slot *slots = calloc(capacity, sizeof(*slots));
    if (slots == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < index->capacity; i++) {
        if (index->slots[i].position != 0) {
            place(slots, capacity, index->slots[i]);
        }
    }
    free(index->slots);
    index->slots = slots;
    index->capacity = capacity;
    return 0;
}

int ms_index_add(struct ms_index *index, uint32_t hash, uint32_t position)
{
    if (3 * (index->count + 1) > 2 * index->capacity) {
        const int error = grow(index);
        if (error != 0) {
            return error;
        }
    }
    place(index->slots, index->capacity,
          (struct ms_index_slot){.position = position + 1, .hash = hash});
    index->count++;
    return 0;
}

static struct ms_index_slot *find(const struct ms_index *index, uint32_t hash, uint32_t position)
{
    if (index->capacity == 0) {
        return NULL;
    }
    const size_t mask = index->capacity - 1;
    for (size_t at = hash & mask; index->slots[at].position != 0; at = (at + 1) & mask) {
        if (index->slots[at].position == position + 1 && index->slots[at].hash == hash) {
            return &index->slots[at];
        }
    }
    return NULL;
}

/* Later members of the run move into the hole, so that no walk stops early. */
void ms_index_remove(struct ms_index *index, uint32_t hash, uint32_t position)
{
    const struct ms_index_slot *slot = find(index, hash, position);
    if (slot == NULL) {
        return;
    }
    const size_t mask = index->capacity - 1;
    size_t hole = (size_t)(slot - index->slots);
    for (size_t at = (hole + 1) & mask; index->slots[at].position != 0; at = (at + 1) & mask) {
        const size_t home = index->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            index->slots[hole] = index->slots[at];
            hole = at;
        }
    }
    index->slots[hole].position = 0;
    index->count--;
}

void ms_index_move(struct ms_index *index, uint32_t hash, uint32_t from, uint32_t to)
{
    struct ms_index_slot *slot = find(index, hash, from);
    if (slot != NULL) {
        slot->position = to + 1;
    }
}

void ms_index_clear(struct ms_index *index)
{
    if (index->capacity != 0) {
        memset(index->slots, 0, index->capacity * sizeof(*index->slots));
    }
    index->count = 0;
}

void ms_index_free(struct ms_index *index)
{
    free(index->slots);
    *index = (struct ms_index){0};
}

static uint32_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(x ^ (x >> 32));
}

uint32_t ms_hash_pair(uint32_t a, uint32_t b)
{
    return mix((uint64_t)a << 32 | b);
}

uint32_t ms_hash_bytes(const char *bytes, size_t count, uint32_t seed)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed; /* FNV-1a */
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return mix(hash);
}
