/*
 * The tag: 16 bytes at the end of a block's usable size that say who owns the block. Its address
 * is (block + usable size - 16), so that whoever frees the block finds it without a table, and the
 * block itself stays where the allocator put it.
 *
 *   first word                                  second word
 *   bits  0..3   1001                           bits  0..31  context
 *         4..15  canary                               32..39  generation of the context
 *        16..17  kind: malloc, new, new[]             40..63  check
 *        18..31  coarse time (0: not kept)
 *        32..47  task slot (0: none)
 *        48..63  slack: usable size - 16 - requested size
 *
 * The check covers block address, context, generation, slack and the key of the process; it
 * decides whether this is a tag at all. The canary also covers kind, time and task. It comes first
 * in memory, so an overrun by a byte or two damages the canary and leaves the owner readable. The
 * low bits 1001 can be no allocator's chunk size: free() of a pointer into a block still ends in
 * the allocator's own message. Slack fits 16 bits because tagged blocks end at 64 KiB.
 */
#ifndef MS_PROBE_TAG_H
#define MS_PROBE_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_TAG_BYTES      ((size_t)16)
#define MS_TAG_USABLE_MAX ((size_t)65536)

enum ms_block_kind { MS_BLOCK_MALLOC, MS_BLOCK_NEW, MS_BLOCK_NEW_ARRAY };

typedef uint64_t __attribute__((may_alias)) ms_tag_word;

/* What a valid tag says. `requested_bytes` is what the program asked for. */
struct ms_tag_owner {
    uint32_t context;
    uint32_t generation; /* 8 bits */
    size_t requested_bytes;
    size_t waste_bytes;
    enum ms_block_kind kind;
    bool damaged; /* the canary is gone, the owner is not */
};

/* Both words of a tag, to put them back when a realloc fails. */
struct ms_tag_words {
    uint64_t first;
    uint64_t second;
};

#define MS_TAG_MARK UINT64_C(9)

static inline ms_tag_word *ms_tag_at(const void *block, size_t usable)
{
    return (ms_tag_word *)((uintptr_t)block + usable - MS_TAG_BYTES);
}

static inline uint64_t ms_tag_hash(uint64_t key, uintptr_t block, uint64_t owner, uint64_t slack)
{
    uint64_t hash = (block ^ key) + owner * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= slack * UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 31;
    return hash * UINT64_C(0xff51afd7ed558ccd);
}

static inline uint64_t ms_tag_first(uint64_t hash, uint64_t inner)
{
    uint64_t canary = ((hash >> 12) + (inner >> 16) * UINT64_C(0x9e3779b1)) & 0xfff;
    return inner | canary << 4 | MS_TAG_MARK;
}

/* Writes a tag. Usable size: a multiple of 8, 16..MS_TAG_USABLE_MAX, >= requested + 16. */
static inline void ms_tag_write(uint64_t key, void *block, size_t usable, size_t requested,
                                uint32_t context, uint32_t generation, enum ms_block_kind kind)
{
    uint64_t owner = context | (uint64_t)(generation & 0xff) << 32;
    uint64_t slack = usable - MS_TAG_BYTES - requested;
    uint64_t hash = ms_tag_hash(key, (uintptr_t)block, owner, slack);
    ms_tag_word *tag = ms_tag_at(block, usable);
    tag[0] = ms_tag_first(hash, slack << 48 | (uint64_t)kind << 16);
    tag[1] = owner | hash >> 40 << 40;
}

/* Reads the tag of a block of `usable` bytes (16..MS_TAG_USABLE_MAX); false: there is none. */
static inline bool ms_tag_read(uint64_t key, const void *block, size_t usable,
                               struct ms_tag_owner *to)
{
    const ms_tag_word *tag = ms_tag_at(block, usable);
    uint64_t second = tag[1];
    uint64_t owner = second & UINT64_C(0xffffffffff);
    uint64_t first = tag[0];
    uint64_t slack = first >> 48;
    uint64_t hash = ms_tag_hash(key, (uintptr_t)block, owner, slack);
    if ((hash ^ second) >> 40 != 0 || (uint32_t)owner == 0 || slack > usable - MS_TAG_BYTES) {
        return false;
    }
    to->context = (uint32_t)owner;
    to->generation = (uint32_t)(owner >> 32);
    to->waste_bytes = slack;
    to->requested_bytes = usable - MS_TAG_BYTES - slack;
    to->kind = (enum ms_block_kind)(first >> 16 & 3);
    to->damaged = first != ms_tag_first(hash, first & ~UINT64_C(0xffff));
    return true;
}

/* A cleared tag is none: context 0. */
static inline void ms_tag_clear(void *block, size_t usable)
{
    ms_tag_at(block, usable)[1] = 0;
}

struct ms_tag_words ms_tag_save(const void *block, size_t usable);
void ms_tag_restore(void *block, size_t usable, const struct ms_tag_words *words);

#endif
