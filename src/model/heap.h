/*
 * Heap counters as calls are counted everywhere: bytes are requested bytes; a realloc is one
 * deallocation of the old and one allocation of the whole new size; a block belongs to the thread
 * that allocated it, whoever frees it.
 */
#ifndef MS_MODEL_HEAP_H
#define MS_MODEL_HEAP_H

#include <stdint.h>

/* Of a thread, a site, a process; exact. */
struct ms_heap {
    uint64_t allocations;
    uint64_t deallocations; /* of its own blocks, by whomever */
    uint64_t bytes_allocated;
    uint64_t bytes_freed;
    uint64_t peak_bytes;
    uint64_t reallocations;
    uint64_t failed_calls;
    uint64_t temporary;
    uint64_t waste_bytes; /* rounding, of live blocks */
    uint64_t frees_for_others;
    uint64_t bytes_freed_for_others;
    uint64_t foreign_frees;
    uint64_t mmap_bytes;
    uint64_t munmap_bytes;
};

static inline uint64_t ms_heap_current_bytes(const struct ms_heap *heap)
{
    return heap->bytes_allocated > heap->bytes_freed ? heap->bytes_allocated - heap->bytes_freed
                                                     : 0;
}

/* Adds all counters. The peak becomes the sum of peaks: an upper bound of the common one. */
void ms_heap_add(struct ms_heap *sum, const struct ms_heap *heap);

#endif
