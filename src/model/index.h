/*
 * Hash index from a 64-bit hash to positions in an array that the caller owns; open addressing,
 * linear probing. Equality is the caller's: it walks the candidates. For src/model,
 * src/analysis and src/collect.
 */
#ifndef MS_MODEL_INDEX_H
#define MS_MODEL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_index_slot {
    uint32_t position; /* position + 1; 0: empty */
    uint32_t hash;
};

struct ms_index {
    struct ms_index_slot *slots;
    size_t capacity; /* power of two, at most two thirds full */
    size_t count;
};

/* Walks the positions stored under `hash`: start with *cursor = 0, stop when false. */
bool ms_index_next(const struct ms_index *index, uint32_t hash, size_t *cursor, uint32_t *position);
/* Returns 0 or -ENOMEM. */
int ms_index_add(struct ms_index *index, uint32_t hash, uint32_t position);
/* Both do nothing when (hash, position) is not there. */
void ms_index_remove(struct ms_index *index, uint32_t hash, uint32_t position);
void ms_index_move(struct ms_index *index, uint32_t hash, uint32_t from, uint32_t to);
void ms_index_clear(struct ms_index *index);
void ms_index_free(struct ms_index *index);

uint32_t ms_hash_pair(uint32_t a, uint32_t b);
uint32_t ms_hash_bytes(const char *bytes, size_t count, uint32_t seed);

#endif
