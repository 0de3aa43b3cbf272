/*
 * Array that grows by whole chunks: elements never move and growing never copies them, so that a
 * million of them cost no second million while growing. For src/model, src/analysis and
 * src/collect.
 */
#ifndef MS_MODEL_CHUNKS_H
#define MS_MODEL_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#define MS_CHUNK_ELEMENTS 1024u

struct ms_chunks {
    size_t element_bytes;
    size_t count;
    size_t chunk_capacity; /* of the table below; doubled when full */
    char **chunks;
};

/* Appends a zeroed element and returns it; NULL without memory. */
void *ms_chunks_add(struct ms_chunks *chunks);
/* Forgets the last element; its chunk is kept for the next one. */
void ms_chunks_drop_last(struct ms_chunks *chunks);
void ms_chunks_free(struct ms_chunks *chunks);

/* `index` < count. */
static inline void *ms_chunks_at(const struct ms_chunks *chunks, size_t index)
{
    return chunks->chunks[index / MS_CHUNK_ELEMENTS] +
           (index % MS_CHUNK_ELEMENTS) * chunks->element_bytes;
}

#endif
