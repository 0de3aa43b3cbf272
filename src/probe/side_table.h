/*
 * Owners of the blocks that carry no tag, by address. Lock-free, for any thread and signal
 * handlers. Two candidate buckets of eight per level; a level that has no place for an entry is
 * followed by one of twice the size. A removed entry leaves a free place, so the table grows with
 * the highest number of live blocks, not with time.
 */
#ifndef MS_PROBE_SIDE_TABLE_H
#define MS_PROBE_SIDE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"

#define MS_SIDE_TABLE_REMOVED 64u
#define MS_SIDE_TABLE_LEVELS 18u /* the last one alone has room for 134 million blocks */

struct ms_side_entry {
    uint32_t owner; /* ms_tag_side_word */
    uint32_t tick;  /* of birth */
    uint64_t requested_bytes;
    uint64_t waste_bytes;
};

struct ms_side_bucket;

/* A block that was taken out: its owner, and above it a part of the hash of its address. */
struct ms_side_removed {
    _Atomic uintptr_t block;
    _Atomic uint64_t owner;
};

/* All zero is an empty table. */
struct ms_side_table {
    struct ms_side_removed removed[MS_SIDE_TABLE_REMOVED]; /* by hash, the last of each */
    _Atomic uint32_t levels; /* in use; only grows */
    struct ms_side_bucket *_Atomic level[MS_SIDE_TABLE_LEVELS];
};

/*
 * Enters a block; an entry of the same address is replaced (it was freed past us). false: no room
 * and no memory for more.
 */
MS_HIDDEN bool ms_side_table_insert(struct ms_side_table *table, uintptr_t block,
                                    const struct ms_side_entry *entry);

/* Takes a block out; of two callers with the same block one gets it. false: not in the table. */
MS_HIDDEN bool ms_side_table_remove(struct ms_side_table *table, uintptr_t block,
                                    struct ms_side_entry *entry);

/*
 * Was the block taken out, and no block of this address entered since? Its owner. Remembers a few:
 * later ones displace it.
 */
MS_HIDDEN bool ms_side_table_removed(const struct ms_side_table *table, uintptr_t block,
                                     uint32_t *owner);

/* Has anything ever been entered? */
static inline bool ms_side_table_used(struct ms_side_table *table)
{
    return atomic_load_explicit(&table->levels, memory_order_acquire) != 0;
}

#endif
