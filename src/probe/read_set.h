/*
 * Stacks that need no walk: read sets that a walk of this thread has proven before.
 *
 * A walk is a function of the caller's registers, the unwind rules and the stack words it reads:
 * every return address, and every saved frame pointer that an outer frame's CFA is reckoned from.
 * A *layout* says where those words lie, counted from the stack pointer. When the words at the
 * places of a layout are those of an earlier walk with that layout, under the same rules, a walk
 * would read the same again and find the same stack. Words are compared by a 64-bit hash with
 * random factors; frame pointers relative to the stack pointer, so that a recursion at another
 * depth, or another thread of the same code, is the same read set.
 *
 * Which layout to try is a guess from (return address, stack pointer); a wrong guess costs time,
 * never a wrong stack. All words are read at once, so the stack must be known to be readable as far
 * as the layout reaches: only within the bounds of the thread's own stack.
 *
 * Never stored: stacks with a frame stepped over by its row (signal frames, expressions), and those
 * that ended for want of unwind information or room. One thread, under its busy mark.
 */
#ifndef MS_PROBE_READ_SET_H
#define MS_PROBE_READ_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"
#include "wire/region.h"

#define MS_READ_SET_WORDS_MAX (2u * MS_STACK_DEPTH_MAX + 2u)

/* A proven stack, and the context of one thread at one sampling rate. */
struct ms_read_set {
    uint64_t hash;   /* 0: unused. Written last */
    uint64_t holder; /* ms_read_set_holder */
    uint32_t stack;
    uint32_t context;
    uint64_t reserved; /* two to a line */
};

/* Whose `context` it is. */
static inline uint64_t ms_read_set_holder(uint32_t serial, uint8_t rate)
{
    return (uint64_t)rate << 32 | serial;
}

/* Offsets are in words from the stack pointer, an even number of them. */
struct ms_read_set_layout {
    uint64_t seed;
    uint64_t return_address;
    uint64_t frame_pointer_factor; /* of the caller's frame pointer; 0: not read */
    uint64_t stack_pointer_factor; /* sum of the factors of all frame pointers */
    uint32_t reach_bytes;          /* end of the outermost word */
    uint32_t words;
    uint16_t offset[];
};

/*
 * All zero is an empty cache. Lies in memory that is wiped on fork, which may happen in a handler
 * in the middle of a look-up: so everything is found from the one word `memory`, read once, and the
 * tables themselves stay readable.
 */
struct ms_read_sets {
    uintptr_t memory;    /* of all tables, page aligned; the low bits: log2 of the number of sets */
    uint64_t salt;       /* of generation and depth */
    uint32_t generation; /* of the modules; 0: nothing can be found */
    uint32_t layouts_used;
    uint32_t stored; /* since the memory was taken */
};

#define MS_READ_SET_BITS_MASK ((uintptr_t)63)

static inline unsigned ms_read_set_bits(uintptr_t memory)
{
    return (unsigned)(memory & MS_READ_SET_BITS_MASK);
}

/* The tables, one behind the other: sets, guesses (so many for each), known, layouts. */
#define MS_READ_SET_GUESSES 6u

static inline char *ms_read_set_table(uintptr_t memory, uintptr_t bytes_before)
{
    return (char *)(memory & ~MS_READ_SET_BITS_MASK) + (bytes_before << ms_read_set_bits(memory));
}
static inline struct ms_read_set *ms_read_set_pair(uintptr_t memory, uint64_t hash)
{
    struct ms_read_set *sets = (struct ms_read_set *)ms_read_set_table(memory, 0);
    return sets + (hash >> (64 - ms_read_set_bits(memory)) & ~UINT64_C(1));
}
/* Places in `layouts` to try for a caller. */
static inline uint32_t *ms_read_set_guesses(uintptr_t memory, uintptr_t return_address,
                                            uintptr_t stack_pointer)
{
    uint64_t mixed = (return_address ^ stack_pointer << 20) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t *guesses = (uint32_t *)ms_read_set_table(memory, sizeof(struct ms_read_set));
    return guesses + (mixed >> (64 - ms_read_set_bits(memory))) * MS_READ_SET_GUESSES;
}
/* Places in `layouts` by seed. */
static inline uint32_t *ms_read_set_known(uintptr_t memory)
{
    return (uint32_t *)ms_read_set_table(memory, sizeof(struct ms_read_set) +
                                                     MS_READ_SET_GUESSES * sizeof(uint32_t));
}
/* Layouts, one after the other; place 0 is no layout. */
static inline uint64_t *ms_read_set_layouts(uintptr_t memory)
{
    return (uint64_t *)ms_read_set_table(memory, sizeof(struct ms_read_set) +
                                                     (MS_READ_SET_GUESSES + 1) * sizeof(uint32_t));
}

/* What a walk has read, in the making. Frame pointers that are used come last. */
struct ms_read_set_draft {
    uint32_t returns;
    uint32_t frames;
    bool caller_frame_pointer;                      /* the caller's register was used */
    bool complete;                                  /* may be stored */
    uint32_t generation;                            /* of the rules that were used */
    uint32_t return_offset[MS_STACK_DEPTH_MAX + 1]; /* words from the stack pointer */
    uint32_t frame_offset[MS_STACK_DEPTH_MAX + 1];
};

/* Random for each process image, 1 modulo 4. Set by ms_read_set_init. */
extern MS_HIDDEN uint64_t ms_read_set_factor[MS_READ_SET_WORDS_MAX];

MS_HIDDEN void ms_read_set_init(uint64_t random);

static inline uint64_t ms_read_set_hash(const struct ms_read_set_layout *layout, uint64_t salt,
                                        uintptr_t stack_pointer, uintptr_t frame_pointer)
{
    const uintptr_t *stack = (const uintptr_t *)stack_pointer;
    uint64_t even = layout->seed + salt + frame_pointer * layout->frame_pointer_factor;
    uint64_t odd = stack_pointer * layout->stack_pointer_factor;
    const uint16_t *offset = layout->offset;
    const uint64_t *factor = ms_read_set_factor;
    for (const uint16_t *end = offset + layout->words; offset != end; offset += 2, factor += 2) {
        even += stack[offset[0]] * factor[0];
        odd -= stack[offset[1]] * factor[1];
    }
    return (even - odd) | 1;
}

/* Tries one guess; NULL: it was wrong, or reaches out of the stack [low, low + stack_bytes). */
static inline __attribute__((always_inline)) struct ms_read_set *
ms_read_set_try(uintptr_t memory, uint64_t salt, uint32_t guess, uintptr_t return_address,
                uintptr_t stack_pointer, uintptr_t frame_pointer, uintptr_t low,
                uintptr_t stack_bytes)
{
    const struct ms_read_set_layout *layout =
        (const struct ms_read_set_layout *)(ms_read_set_layouts(memory) + guess);
    uintptr_t depth_bytes = stack_pointer - low;
    if (MS_UNLIKELY(layout->return_address != return_address || depth_bytes >= stack_bytes ||
                    layout->reach_bytes > stack_bytes - depth_bytes)) {
        return NULL;
    }
    uint64_t hash = ms_read_set_hash(layout, salt, stack_pointer, frame_pointer);
    struct ms_read_set *set = ms_read_set_pair(memory, hash);
    if (MS_LIKELY(set->hash == hash)) {
        return set;
    }
    set++;
    return MS_LIKELY(set->hash == hash) ? set : NULL;
}

/*
 * Makes the cache one of `generation` and `depth`; what it holds of others is not found any more.
 * False: it has no memory yet.
 */
MS_HIDDEN bool ms_read_sets_renew(struct ms_read_sets *cache, uint32_t generation, uint32_t depth);

/* Makes `place` the first of the guesses, the others move back, the last one may be forgotten. */
MS_HIDDEN void ms_read_set_guess_first(uint32_t *guesses, uint32_t place);

/* Takes memory for the cache when it has none or too little; it is to be renewed then. */
MS_HIDDEN void ms_read_sets_grow(struct ms_read_sets *cache);

/*
 * Stores what a walk from (return_address, stack_pointer, frame_pointer) has read and found. Does
 * nothing when it cannot be stored.
 */
MS_HIDDEN void ms_read_set_store(struct ms_read_sets *cache, const struct ms_read_set_draft *draft,
                                 uintptr_t return_address, uintptr_t stack_pointer,
                                 uintptr_t frame_pointer, const struct ms_read_set *found);

#endif
