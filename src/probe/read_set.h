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

/* A proven stack. `context` is the one of the thread numbered `serial`, at sampling rate `rate`. */
struct ms_read_set {
    uint64_t hash; /* 0: unused. Written last */
    uint32_t stack;
    uint32_t context;
    uint32_t serial;
    uint32_t rate;
    uint64_t reserved;
};

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

/* All zero is an empty cache. Lies in memory that is wiped on fork. */
struct ms_read_sets {
    struct ms_read_set *sets;
    uint32_t *guesses; /* by (return address, stack pointer), two each: places in `layouts` */
    uint32_t *known;   /* by seed: places in `layouts` */
    uint64_t *layouts; /* one after the other; place 0 is no layout */
    uint32_t bits;     /* of the number of sets; 0: no memory yet */
    uint32_t layouts_used;
    uint32_t stored; /* since the memory was taken */
    uint32_t generation;
    uint32_t depth;
    uint64_t salt; /* of generation and depth */
};

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

/* Random for each process image, odd. Set by ms_read_set_init. */
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

/* Where the two guesses for a caller are. */
static inline uint32_t *ms_read_set_guess(const struct ms_read_sets *cache,
                                          uintptr_t return_address, uintptr_t stack_pointer)
{
    uint64_t mixed = (return_address ^ stack_pointer << 20) * UINT64_C(0x9e3779b97f4a7c15);
    return cache->guesses + (mixed >> (64 - cache->bits)) * 2;
}

/*
 * The set that the caller's stack proves, or NULL. `low`, `high`: bounds of the thread's stack. The
 * cache must be of the current generation and depth: ms_read_sets_renew.
 */
static inline struct ms_read_set *ms_read_set_find(const struct ms_read_sets *cache,
                                                   uintptr_t return_address,
                                                   uintptr_t stack_pointer, uintptr_t frame_pointer,
                                                   uintptr_t low, uintptr_t high)
{
    const uint32_t *guess = ms_read_set_guess(cache, return_address, stack_pointer);
    for (unsigned way = 0; way < 2; way++) {
        const struct ms_read_set_layout *layout =
            (const struct ms_read_set_layout *)(cache->layouts + guess[way]);
        if (layout->return_address != return_address || stack_pointer < low ||
            stack_pointer + layout->reach_bytes > high) {
            continue;
        }
        uint64_t hash = ms_read_set_hash(layout, cache->salt, stack_pointer, frame_pointer);
        struct ms_read_set *set = cache->sets + ((hash >> (64 - cache->bits)) & ~UINT64_C(1));
        if (MS_LIKELY(set[0].hash == hash)) {
            return &set[0];
        }
        if (MS_LIKELY(set[1].hash == hash)) {
            return &set[1];
        }
    }
    return NULL;
}

/* Makes the cache one of `generation` and `depth`; what it holds of others is not found. */
MS_HIDDEN void ms_read_sets_renew(struct ms_read_sets *cache, uint32_t generation, uint32_t depth);

/*
 * Stores what a walk from (return_address, stack_pointer, frame_pointer) has read and found. Does
 * nothing when it cannot be stored.
 */
MS_HIDDEN void ms_read_set_store(struct ms_read_sets *cache, const struct ms_read_set_draft *draft,
                                 uintptr_t return_address, uintptr_t stack_pointer,
                                 uintptr_t frame_pointer, const struct ms_read_set *found);

#endif
