/*
 * What is known about the allocator behind us, and from it where a tag may be. Decided once at the
 * start by where the functions come from and by trying them; when in doubt no block is tagged.
 */
#ifndef MS_PROBE_ALLOCATOR_H
#define MS_PROBE_ALLOCATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"
#include "probe/tag.h"
#include "wire/region.h"

struct ms_allocator {
    bool tags;          /* blocks may be tagged */
    bool glibc_headers; /* glibc's chunk header lies before each block (tried, not assumed) */
    bool usable_size;   /* malloc_usable_size belongs to the same allocator */
    bool aligned_alloc_any_size; /* aligned_alloc takes sizes that are no multiple */
    bool foreign_new;            /* some form of new or delete is not the C++ runtime's */
    enum ms_untagged_reason reason;
    /* Set before the examination when it is not glibc's: */
    bool known;              /* jemalloc, tcmalloc or mimalloc */
    bool sized_free_past_us; /* no request may be enlarged */
    /* Where tagged blocks have been. [0] main arena of glibc, [1] its others and other allocators.
     */
    uintptr_t low[2];
    uintptr_t high[2];
};

extern MS_HIDDEN struct ms_allocator ms_allocator;

/* Decides all of the above; allocates and frees a few blocks of the real allocator. */
MS_HIDDEN void ms_allocator_examine(void);

/* Widens low/high to a block just allocated. Cold. */
MS_HIDDEN void ms_allocator_widen(unsigned arena, uintptr_t start, uintptr_t end);

/* Does `function` lie in the object that malloc comes from? */
MS_HIDDEN bool ms_allocator_defines(void *function);

/* By the name of that object: is it libc? */
MS_HIDDEN bool ms_allocator_is_glibc(void);

/* Path of the object that malloc comes from; NULL when unknown. */
MS_HIDDEN const char *ms_allocator_path(void);

/* What to ask for so that a tag fits; the size itself when the block is not to carry one. */
static inline size_t ms_size_with_tag(size_t bytes)
{
    if (MS_UNLIKELY(bytes > MS_TAG_USABLE_MAX - MS_TAG_BYTES) || !ms_allocator.tags) {
        return bytes;
    }
    if (!ms_allocator.glibc_headers && bytes > 1024) {
        /* Four classes to the doubling: a tag must not push a block into the next one. */
        unsigned shift = 61u - (unsigned)__builtin_clzll(bytes - 1);
        size_t spacing = (size_t)1 << shift;
        size_t left = (spacing - (bytes & (spacing - 1))) & (spacing - 1);
        if (left < MS_TAG_BYTES) {
            return bytes;
        }
    }
    return bytes + MS_TAG_BYTES;
}

static inline size_t ms_usable_for_tag(size_t usable)
{
    return usable < MS_TAG_BYTES || usable > MS_TAG_USABLE_MAX || (usable & 7) != 0 ? 0 : usable;
}

/* Of a block of glibc whose size word is `size`; 0: none that carries a tag. Reads nothing. */
static inline __attribute__((always_inline)) size_t ms_header_usable(const void *block,
                                                                     uint64_t size)
{
    size_t usable = (size & ~UINT64_C(15)) - 8;
    unsigned arena = (unsigned)(size >> 2) & 1;
    if (MS_UNLIKELY(((uintptr_t)block & 15) != 0 || (size & 10) != 0 ||
                    usable - 24 > MS_TAG_USABLE_MAX - 24 ||
                    (uintptr_t)block < ms_allocator.low[arena] ||
                    (uintptr_t)block + usable > ms_allocator.high[arena])) {
        return 0;
    }
    return usable;
}

/*
 * Usable size of a block that may carry a tag, else 0. Safe for any pointer that the real free
 * would survive: with glibc nothing but the word in front of it is read, which free reads too,
 * and the place of the tag must lie where tagged blocks have been. Allocators that check what they
 * are asked about would report the wrong call of a program that frees a wrong pointer: only those
 * that are known not to are asked, and only about places where they have put blocks.
 */
static inline size_t ms_taggable_usable(const void *block)
{
    if (MS_UNLIKELY(((uintptr_t)block & 15) != 0 || !ms_allocator.tags)) {
        return 0;
    }
    if (MS_LIKELY(ms_allocator.glibc_headers)) {
        return ms_header_usable(block, ((const ms_tag_word *)block)[-1]);
    }
    if (MS_UNLIKELY((uintptr_t)block < ms_allocator.low[1] ||
                    (uintptr_t)block >= ms_allocator.high[1])) {
        return 0;
    }
    return ms_usable_for_tag(ms_real.malloc_usable_size((void *)block));
}

/* The same for a block that was just allocated: always right, never refused for its place. */
static inline __attribute__((always_inline)) size_t ms_taggable_usable_fresh(const void *block,
                                                                             bool headers)
{
    if (headers) {
        uint64_t size = ((const ms_tag_word *)block)[-1];
        size_t usable = (size & ~UINT64_C(15)) - 8;
        unsigned arena = (unsigned)(size >> 2) & 1;
        if ((size & 10) != 0 || usable > MS_TAG_USABLE_MAX) {
            return 0;
        }
        uintptr_t start = (uintptr_t)block;
        if (MS_UNLIKELY(start < ms_allocator.low[arena] ||
                        start + usable > ms_allocator.high[arena])) {
            ms_allocator_widen(arena, start, start + usable);
        }
        return usable;
    }
    if (((uintptr_t)block & 15) != 0 || ms_allocator.glibc_headers) {
        return 0;
    }
    size_t usable = ms_usable_for_tag(ms_real.malloc_usable_size((void *)block));
    if (usable != 0 && MS_UNLIKELY((uintptr_t)block < ms_allocator.low[1] ||
                                   (uintptr_t)block >= ms_allocator.high[1])) {
        ms_allocator_widen(1, (uintptr_t)block, (uintptr_t)block + usable);
    }
    return usable;
}

#endif
