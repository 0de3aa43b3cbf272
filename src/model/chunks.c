#include "model/chunks.h"

#include <stdlib.h>
#include <string.h>

void *ms_chunks_add(struct ms_chunks *chunks)
{
    const size_t chunk = chunks->count / MS_CHUNK_ELEMENTS;
    if (chunk == chunks->chunk_capacity) {
        const size_t capacity = chunks->chunk_capacity != 0 ? chunks->chunk_capacity * 2 : 8;
        char **table = reallocarray(chunks->chunks, capacity, sizeof(*table));
        if (table == NULL) {
            return NULL;
        }
        memset(table + chunks->chunk_capacity, 0,
               (capacity - chunks->chunk_capacity) * sizeof(*table));
        chunks->chunks = table;
        chunks->chunk_capacity = capacity;
    }
    if (chunks->chunks[chunk] == NULL) {
        chunks->chunks[chunk] = malloc(MS_CHUNK_ELEMENTS * chunks->element_bytes);
        if (chunks->chunks[chunk] == NULL) {
            return NULL;
        }
    }
    void *element = ms_chunks_at(chunks, chunks->count);
    memset(element, 0, chunks->element_bytes);
    chunks->count++;
    return element;
}

void ms_chunks_drop_last(struct ms_chunks *chunks)
{
    chunks->count--;
}

void ms_chunks_free(struct ms_chunks *chunks)
{
    for (size_t i = 0; i < chunks->chunk_capacity; i++) {
        free(chunks->chunks[i]);
    }
    free(chunks->chunks);
    chunks->chunks = NULL;
    chunks->chunk_capacity = 0;
    chunks->count = 0;
}
