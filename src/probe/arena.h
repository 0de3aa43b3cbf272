/*
 * Memory before the real allocator can be called: for dlsym and dlopen of our own, and for the
 * program when it allocates before we are relocated. A static array, handed out once; nothing in
 * here uses the PLT, TLS or a relocated address.
 */
#ifndef MS_PROBE_ARENA_H
#define MS_PROBE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/real.h"

#define MS_ARENA_BYTES ((size_t)512 << 10)

/* In front of every arena block. */
struct ms_arena_block {
    uint32_t bytes;
    uint32_t tick;    /* when it was counted: as in a tag */
    uint64_t key;     /* of the process whose counts it is in; 0: in none */
    uint32_t context; /* in which it is counted */
    uint32_t live;    /* 1 until freed */
    uint32_t ours;    /* asked for by the probe, not by the program */
    uint32_t offset;  /* 1 + that of the header before, from the start of the arena; 0: none */
};

extern MS_HIDDEN unsigned char ms_arena_memory[MS_ARENA_BYTES];

static inline bool ms_arena_holds(const void *block)
{
    return (uintptr_t)block - (uintptr_t)ms_arena_memory < MS_ARENA_BYTES;
}

static inline struct ms_arena_block *ms_arena_header(const void *block)
{
    return (struct ms_arena_block *)block - 1;
}

/* Zeroed block aligned to `alignment` (a power of two, at least 16), NULL when it is used up. */
MS_HIDDEN void *ms_arena_take(size_t bytes, size_t alignment, bool ours);

/* The blocks, newest first: pass NULL to begin; NULL at the end. */
MS_HIDDEN struct ms_arena_block *ms_arena_next(const struct ms_arena_block *after);

#endif
