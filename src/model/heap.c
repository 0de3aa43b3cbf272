#include "model/heap.h"

void ms_heap_add(struct ms_heap *sum, const struct ms_heap *heap)
{
    sum->allocations += heap->allocations;
    sum->deallocations += heap->deallocations;
    sum->bytes_allocated += heap->bytes_allocated;
    sum->bytes_freed += heap->bytes_freed;
    sum->peak_bytes += heap->peak_bytes;
    sum->reallocations += heap->reallocations;
    sum->failed_calls += heap->failed_calls;
    sum->temporary += heap->temporary;
    sum->waste_bytes += heap->waste_bytes;
    sum->frees_for_others += heap->frees_for_others;
    sum->bytes_freed_for_others += heap->bytes_freed_for_others;
    sum->foreign_frees += heap->foreign_frees;
    sum->mmap_bytes += heap->mmap_bytes;
    sum->munmap_bytes += heap->munmap_bytes;
}
