/* Bootstrap memory. */
#include "probe/arena.h"

#include <stdatomic.h>

_Alignas(64) unsigned char ms_arena_memory[MS_ARENA_BYTES];

static _Atomic uint32_t first_header; /* offset + 1 of the first header: 0 = none yet */
static _Atomic size_t used;

void *ms_arena_take(size_t bytes, size_t alignment, bool ours)
{
    const size_t header_bytes = sizeof(struct ms_arena_block);
    if (alignment < 16) {
        alignment = 16;
    }
    if (bytes > MS_ARENA_BYTES || alignment > MS_ARENA_BYTES) {
        return NULL;
    }
    size_t start = atomic_load_explicit(&used, memory_order_relaxed);
    size_t block;
    size_t end;
    do {
        uintptr_t base = (uintptr_t)ms_arena_memory;
        block = ((base + start + header_bytes + alignment - 1) & ~(alignment - 1)) - base;
        end = (block + (bytes == 0 ? 1 : bytes) + 15) & ~(size_t)15;
        if (end > MS_ARENA_BYTES) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak_explicit(&used, &start, end, memory_order_relaxed,
                                                    memory_order_relaxed));
    struct ms_arena_block *header = ms_arena_header(ms_arena_memory + block);
    header->bytes = (uint32_t)bytes;
    header->live = 1;
    header->ours = ours;
    /* Alignment may leave a gap in front of a header: a list, newest first, finds them all. */
    uint32_t here = (uint32_t)(block - header_bytes) + 1;
    uint32_t first = atomic_load_explicit(&first_header, memory_order_relaxed);
    do {
        header->offset = first;
    } while (!atomic_compare_exchange_weak_explicit(&first_header, &first, here,
                                                    memory_order_release, memory_order_relaxed));
    return ms_arena_memory + block;
}

struct ms_arena_block *ms_arena_next(const struct ms_arena_block *after)
{
    uint32_t offset =
        after == NULL ? atomic_load_explicit(&first_header, memory_order_acquire) : after->offset;
    return offset == 0 ? NULL : (struct ms_arena_block *)(ms_arena_memory + offset - 1);
}
