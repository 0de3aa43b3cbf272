/* Lock-free address table in levels of doubling size. */
#include "probe/side_table.h"

#include <stddef.h>

#include "probe/map.h"

#define PLACES              8u
#define FIRST_LEVEL_BUCKETS 128u /* 1,024 blocks, 32 KiB */
#define PLACE_BUSY          1u   /* being filled: no block has this address */

struct ms_side_bucket {
    _Atomic uintptr_t block[PLACES]; /* one line: what a search reads */
    struct ms_side_entry entry[PLACES];
};

_Static_assert(sizeof(struct ms_side_bucket) == PLACES * 32, "32 bytes a block");

static uint64_t hash_of(uintptr_t block)
{
    uint64_t hash = (uint64_t)block * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
    return hash * UINT64_C(0xd6e8feb86659fd93);
}

static struct ms_side_bucket *candidate(struct ms_side_bucket *level, uint32_t number,
                                        uint64_t hash, unsigned choice)
{
    uint32_t mask = (FIRST_LEVEL_BUCKETS << number) - 1;
    return &level[(uint32_t)(choice == 0 ? hash >> 32 : hash) & mask];
}

static bool fill_place(struct ms_side_bucket *bucket, uintptr_t block,
                       const struct ms_side_entry *entry)
{
    for (unsigned place = 0; place < PLACES; place++) {
        uintptr_t expected = 0;
        if (atomic_load_explicit(&bucket->block[place], memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&bucket->block[place], &expected, PLACE_BUSY,
                                                    memory_order_acquire, memory_order_relaxed)) {
            bucket->entry[place] = *entry;
            atomic_store_explicit(&bucket->block[place], block, memory_order_release);
            return true;
        }
    }
    return false;
}

/* A block that is entered again was freed past us: its old entry is worth nothing. */
static bool replace_stale(struct ms_side_bucket *bucket, uintptr_t block,
                          const struct ms_side_entry *entry)
{
    for (unsigned place = 0; place < PLACES; place++) {
        if (atomic_load_explicit(&bucket->block[place], memory_order_relaxed) == block) {
            bucket->entry[place] = *entry;
            atomic_store_explicit(&bucket->block[place], block, memory_order_release);
            return true;
        }
    }
    return false;
}

/* Makes level `number` (the next one) usable; another thread may have done so already. */
static bool add_level(struct ms_side_table *table, uint32_t number)
{
    if (number >= MS_SIDE_TABLE_LEVELS) {
        return false;
    }
    if (atomic_load_explicit(&table->level[number], memory_order_acquire) == NULL) {
        size_t bytes = sizeof(struct ms_side_bucket) * ((size_t)FIRST_LEVEL_BUCKETS << number);
        struct ms_side_bucket *fresh = ms_private_pages(bytes, true);
        struct ms_side_bucket *expected = NULL;
        if (fresh == NULL) {
            return false;
        }
        /* A thread that comes second leaves its pages untouched: address space, not memory. */
        atomic_compare_exchange_strong(&table->level[number], &expected, fresh);
    }
    uint32_t expected = number;
    atomic_compare_exchange_strong(&table->levels, &expected, number + 1);
    return true;
}

static struct ms_side_removed *removed_at(struct ms_side_table *table, uint64_t hash)
{
    return &table->removed[(hash >> 48) % MS_SIDE_TABLE_REMOVED];
}

static uint64_t removed_word(uint64_t hash, uint32_t owner)
{
    return hash << 32 | owner;
}

bool ms_side_table_removed(const struct ms_side_table *table, uintptr_t block, uint32_t *owner)
{
    uint64_t hash = hash_of(block);
    const struct ms_side_removed *removed = &table->removed[(hash >> 48) % MS_SIDE_TABLE_REMOVED];
    uint64_t word = atomic_load_explicit(&removed->owner, memory_order_relaxed);
    *owner = (uint32_t)word;
    return atomic_load_explicit(&removed->block, memory_order_relaxed) == block && block != 0 &&
           word == removed_word(hash, *owner);
}

bool ms_side_table_insert(struct ms_side_table *table, uintptr_t block,
                          const struct ms_side_entry *entry)
{
    uint64_t hash = hash_of(block);
    struct ms_side_removed *removed = removed_at(table, hash);
    if (atomic_load_explicit(&removed->block, memory_order_relaxed) == block) {
        atomic_store_explicit(&removed->block, 0, memory_order_relaxed);
    }
    for (;;) {
        uint32_t levels = atomic_load_explicit(&table->levels, memory_order_acquire);
        for (uint32_t number = levels; number-- > 0;) {
            struct ms_side_bucket *level =
                atomic_load_explicit(&table->level[number], memory_order_acquire);
            if (level == NULL) {
                return false; /* wiped: a handler that interrupted us forked, and this is the child
                               */
            }
            struct ms_side_bucket *one = candidate(level, number, hash, 0);
            struct ms_side_bucket *other = candidate(level, number, hash, 1);
            if (replace_stale(one, block, entry) || replace_stale(other, block, entry) ||
                fill_place(one, block, entry) || fill_place(other, block, entry)) {
                return true;
            }
        }
        if (!add_level(table, levels)) {
            return false;
        }
    }
}

static bool take_place(struct ms_side_bucket *bucket, uintptr_t block, struct ms_side_entry *entry)
{
    for (unsigned place = 0; place < PLACES; place++) {
        if (atomic_load_explicit(&bucket->block[place], memory_order_acquire) != block) {
            continue;
        }
        *entry = bucket->entry[place];
        uintptr_t expected = block;
        return atomic_compare_exchange_strong_explicit(&bucket->block[place], &expected, 0,
                                                       memory_order_acq_rel, memory_order_relaxed);
    }
    return false;
}

bool ms_side_table_remove(struct ms_side_table *table, uintptr_t block, struct ms_side_entry *entry)
{
    uint64_t hash = hash_of(block);
    if (block <= PLACE_BUSY) {
        return false;
    }
    for (uint32_t number = atomic_load_explicit(&table->levels, memory_order_acquire);
         number-- > 0;) {
        struct ms_side_bucket *level =
            atomic_load_explicit(&table->level[number], memory_order_acquire);
        if (level == NULL) {
            return false;
        }
        if (take_place(candidate(level, number, hash, 0), block, entry) ||
            take_place(candidate(level, number, hash, 1), block, entry)) {
            struct ms_side_removed *removed = removed_at(table, hash);
            atomic_store_explicit(&removed->block, block, memory_order_relaxed);
            atomic_store_explicit(&removed->owner, removed_word(hash, entry->owner),
                                  memory_order_relaxed);
            return true;
        }
    }
    return false;
}
