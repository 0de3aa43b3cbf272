/*
 * The tag: 16 bytes at the end of a block's usable size that say who owns the block. Its address
 * is (block + usable size - 16), so that whoever frees the block finds it without a table, and the
 * block itself stays where the allocator put it.
 *
 *   first word                                  second word
 *   bits  0..3   1001                           bits  0..21  context
 *         4..11  canary                               22..29  generation of the context
 *        12..13  kind: malloc, new, realloc, new[]
 *        14..41  tick of birth                        30..39  task slot, upper 10 bits
 *        42..47  task slot, lower 6 bits              40..63  check
 *        48..63  slack: usable size - 16 - requested size
 *
 * The check covers block address, slack, the rest of the second word and the key of the process; it
 * decides whether this is a tag at all. The canary follows from the same hash. It comes first in
 * memory, so an overrun by a few bytes damages the canary and leaves the owner readable. The low
 * bits 1001 can be no allocator's chunk size: free() of a pointer into a block still ends in the
 * allocator's own message. Slack fits 16 bits because tagged blocks end at 64 KiB.
 */
#ifndef MS_PROBE_TAG_H
#define MS_PROBE_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/region.h"

#define MS_TAG_BYTES      ((size_t)16)
#define MS_TAG_USABLE_MAX ((size_t)65536)

#define MS_TAG_CONTEXTS  (UINT32_C(1) << 22)
#define MS_TAG_TICK_MASK ((UINT32_C(1) << MS_TICK_BITS) - 1)

_Static_assert(MS_CONTEXTS_MAX < MS_TAG_CONTEXTS && MS_TICK_BITS == 28, "a tag holds them");

typedef uint64_t __attribute__((may_alias)) ms_tag_word;

/* What a valid tag says. `requested_bytes` is what the program asked for. */
struct ms_tag_owner {
    uint32_t context;
    uint8_t generation;
    uint32_t tick; /* of birth */
    enum ms_block_kind kind;
    size_t requested_bytes;
    size_t waste_bytes;
    bool damaged; /* the canary is gone, the owner is not; kind and tick may be wrong */
};

/* Both words of a tag, to put them back when a realloc fails. */
struct ms_tag_words {
    uint64_t first;
    uint64_t second;
};

#define MS_TAG_MARK       UINT64_C(9)
#define MS_TAG_OWNER_MASK UINT64_C(0xffffffffff)
#define MS_TAG_KIND_SHIFT 12u

/*
 * What a release changes in the second word. The check is inverted, and the upper bits of the task
 * slot move only bits 55..63 of the hash: neither kind of tag can be read as the other. As an
 * immediate operand of one instruction.
 */
#define MS_TAG_FREED (~UINT64_C(0x7fffffff))

static inline ms_tag_word *ms_tag_at(const void *block, size_t usable)
{
    return (ms_tag_word *)((uintptr_t)block + usable - MS_TAG_BYTES);
}

/* `owner`: the second word without its check. The upper bits are the good ones. */
static inline uint64_t ms_tag_hash(uint64_t key, uintptr_t block, uint64_t owner, uint64_t slack)
{
    return ((block ^ key) + (owner << 24) + slack) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t ms_tag_canary(uint64_t hash)
{
    return (hash >> 28 & 0xff0) | MS_TAG_MARK;
}

/*
 * In which bits the kind of a block is to equal `releaser`: malloc and realloc differ from both
 * forms of new in the lowest one, and each form of delete is for one of these. Two bits for each.
 */
static inline __attribute__((always_inline)) uint32_t ms_tag_kind_bits(enum ms_releaser releaser)
{
    return 0x0ddu >> (2 * (uint32_t)releaser) & 3;
}
_Static_assert((int)MS_BLOCK_NEW == (int)MS_RELEASER_DELETE &&
                   (int)MS_BLOCK_NEW_ARRAY == (int)MS_RELEASER_DELETE_ARRAY &&
                   ((MS_BLOCK_MALLOC | MS_BLOCK_REALLOC) & 1) == 0,
               "compared");

/*
 * Does the first word say what it should, and a kind of block that `releaser` is for? One
 * comparison.
 */
static inline __attribute__((always_inline)) bool ms_tag_as_expected(uint64_t first, uint64_t hash,
                                                                     enum ms_releaser releaser)
{
    uint64_t bits = ms_tag_kind_bits(releaser);
    uint64_t expected = ms_tag_canary(hash) | ((uint64_t)releaser & bits) << MS_TAG_KIND_SHIFT;
    return ((first ^ expected) & (0xfff | bits << MS_TAG_KIND_SHIFT)) == 0;
}

/* Who owns a block: the low 30 bits of the second word of its tag. */
static inline uint32_t ms_tag_owner_word(uint32_t context, uint8_t generation)
{
    return context | (uint32_t)generation << 22;
}
static inline uint32_t ms_tag_context(uint32_t owner_word)
{
    return owner_word & (MS_TAG_CONTEXTS - 1);
}
static inline uint8_t ms_tag_generation(uint32_t owner_word)
{
    return (uint8_t)(owner_word >> 22);
}
/* In the side table the two bits above hold the kind of the block. */
static inline uint32_t ms_tag_side_word(uint32_t owner_word, enum ms_block_kind kind)
{
    return owner_word | (uint32_t)kind << 30;
}
static inline enum ms_block_kind ms_tag_side_kind(uint32_t side_word)
{
    return (enum ms_block_kind)(side_word >> 30);
}

/* Tick of birth, with bits of other things above: to be masked with MS_TAG_TICK_MASK. */
static inline uint32_t ms_tag_tick(uint64_t first)
{
    return (uint32_t)(first >> 14);
}

/* Writes a tag. Usable size: a multiple of 8, 16..MS_TAG_USABLE_MAX, >= requested + 16. */
static inline void ms_tag_write(uint64_t key, void *block, size_t usable, size_t requested,
                                uint32_t owner_word, enum ms_block_kind kind, uint32_t tick)
{
    uint64_t slack = usable - MS_TAG_BYTES - requested;
    uint64_t hash = ms_tag_hash(key, (uintptr_t)block, owner_word, slack);
    ms_tag_word *tag = ms_tag_at(block, usable);
    tag[0] = slack << 48 | (uint64_t)tick << 14 | (uint64_t)kind << MS_TAG_KIND_SHIFT |
             ms_tag_canary(hash);
    tag[1] = owner_word | hash >> 40 << 40;
}

/* What the words of a tag say; false: it is none. */
static inline bool ms_tag_read_words(uint64_t key, const void *block, size_t usable,
                                     struct ms_tag_words words, struct ms_tag_owner *to)
{
    uint64_t second = words.second;
    uint64_t owner = second & MS_TAG_OWNER_MASK;
    uint64_t first = words.first;
    uint64_t slack = first >> 48;
    uint64_t hash = ms_tag_hash(key, (uintptr_t)block, owner, slack);
    to->context = ms_tag_context((uint32_t)owner);
    if ((hash ^ second) >> 40 != 0 || to->context == 0 || slack > usable - MS_TAG_BYTES) {
        return false;
    }
    to->generation = ms_tag_generation((uint32_t)owner);
    to->tick = ms_tag_tick(first) & MS_TAG_TICK_MASK;
    to->waste_bytes = slack;
    to->requested_bytes = usable - MS_TAG_BYTES - slack;
    to->kind = (enum ms_block_kind)(first >> MS_TAG_KIND_SHIFT & 3);
    to->damaged = (first & 0xfff) != ms_tag_canary(hash);
    return true;
}

/* Reads the tag of a block of `usable` bytes (16..MS_TAG_USABLE_MAX); false: there is none. */
static inline bool ms_tag_read(uint64_t key, const void *block, size_t usable,
                               struct ms_tag_owner *to)
{
    const ms_tag_word *tag = ms_tag_at(block, usable);
    struct ms_tag_words words = {.second = tag[1], .first = tag[0]};
    return ms_tag_read_words(key, block, usable, words, to);
}

/* A cleared tag is none: context 0. */
static inline void ms_tag_clear(void *block, size_t usable)
{
    ms_tag_at(block, usable)[1] = 0;
}

/* The tag of a block that goes to the allocator: none any more, but it tells that it was one. */
static inline void ms_tag_mark_freed(void *block, size_t usable)
{
    ms_tag_at(block, usable)[1] ^= MS_TAG_FREED;
}

/*
 * May a second word that is no tag's be of a block that was freed, or of one whose first word was
 * overwritten? Then ms_tag_read_otherwise decides.
 */
static inline bool ms_tag_may_tell(uint64_t second)
{
    return second != 0 && (((second >> 31) + 1) & 0x1fe) == 0;
}

enum ms_tag_trace { MS_TAG_NO_TRACE, MS_TAG_OF_FREED, MS_TAG_OVERWRITTEN };

/*
 * Where there is no tag: is there one of a block that was freed, or one whose first word was
 * overwritten? Of the latter the slack is found by trying, up to MS_TAG_SLACK_TRIED; it is damaged,
 * kind and tick are not known. So many tries are for blocks that are ours for certain but for
 * that: one other block in 250,000 passes for one of them. `overwritten`: it may be so. Cold.
 */
#define MS_TAG_SLACK_TRIED 64u
enum ms_tag_trace ms_tag_read_otherwise(uint64_t key, const void *block, size_t usable,
                                        bool overwritten, struct ms_tag_owner *to);

struct ms_tag_words ms_tag_save(const void *block, size_t usable);
void ms_tag_restore(void *block, size_t usable, const struct ms_tag_words *words);

#endif
