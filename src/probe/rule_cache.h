/*
 * From a program counter to its rule word and pc id, for all threads.
 *
 * A rule word says how to get from a frame to its caller's when the CFA is the stack or the frame
 * pointer plus a constant, in 8 bytes. It is made from unwind information only, once per program
 * counter and module. The table is insert-only and lock-free: readers see an entry whole or not
 * at all; it lies in ordinary memory and so is still there in a forked child.
 */
#ifndef MS_PROBE_RULE_CACHE_H
#define MS_PROBE_RULE_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "probe/eh_frame.h"
#include "probe/modules.h"
#include "probe/real.h"

enum ms_rule_kind {
    MS_RULE_STACK = 1, /* CFA = stack pointer + offset */
    MS_RULE_FRAME,     /* CFA = frame pointer + offset */
    MS_RULE_OUTERMOST, /* no caller */
    MS_RULE_NO_CFI,    /* no unwind information */
    MS_RULE_ROW        /* anything else: ms_cfi_step on the row */
};

/*
 * Kind in bits 0-2, then in words of 8 bytes: CFA offset in bits 3-26, slots of the frame pointer
 * (0: unchanged) in 27-44 and of the return address in 45-62, both counted down from the CFA.
 */
static inline enum ms_rule_kind ms_rule_kind(uint64_t rule)
{
    return (enum ms_rule_kind)(rule & 7);
}
static inline uintptr_t ms_rule_cfa_bytes(uint64_t rule)
{
    return (rule >> 3 & 0xffffff) * 8;
}
static inline uintptr_t ms_rule_frame_slot_bytes(uint64_t rule)
{
    return (rule >> 27 & 0x3ffff) * 8;
}
static inline uintptr_t ms_rule_return_slot_bytes(uint64_t rule)
{
#if MS_ARCH_RA_IS_PC
    (void)rule;
    return sizeof(uintptr_t);
#else
    return (rule >> 45 & 0x3ffff) * 8;
#endif
}

/* The rule word of a row. */
MS_HIDDEN uint64_t ms_rule_of_row(const struct ms_cfi_row *row);

/*
 * Keys are program counters as found; MS_RULE_EXACT marks one that was interrupted there, others
 * are return addresses and are looked up one byte before.
 */
#define MS_RULE_EXACT (UINT64_C(1) << 63)

struct ms_rule_entry {
    _Atomic uint64_t key; /* set last; 0: unused, 1: being written, 2: void */
    uint64_t rule;
    _Atomic uint64_t state; /* generation in the high half, pc id in the low */
    struct ms_module *module;
};

struct ms_rule_table {
    uint32_t shift; /* 64 - log2 of the number of entries */
    struct ms_rule_table *older;
    _Atomic uint32_t used;
    struct ms_rule_entry *entries; /* and MS_RULE_PROBES more, so that no search wraps around */
};

#define MS_RULE_PROBES 8u

/* Where the search for a key begins. */
static inline struct ms_rule_entry *ms_rule_entries(const struct ms_rule_table *table, uint64_t key)
{
    return table->entries + (key * UINT64_C(0x9e3779b97f4a7c15) >> table->shift);
}

extern MS_HIDDEN struct ms_rule_table *_Atomic ms_rule_table;

/* What a walk needs of one program counter. `pc_id` 0: no room in the region. */
struct ms_rule {
    uint64_t rule;
    uint32_t pc_id;
};

/* Hot path. False: not there or out of date, see ms_rule_resolve. */
static inline bool ms_rule_find(const struct ms_rule_table *table, uint64_t key,
                                uint32_t generation, struct ms_rule *found)
{
    struct ms_rule_entry *entry = ms_rule_entries(table, key);
    for (uint32_t i = 0; i < MS_RULE_PROBES; i++, entry++) {
        uint64_t at = atomic_load_explicit(&entry->key, memory_order_acquire);
        if (MS_LIKELY(at == key)) {
            uint64_t state = atomic_load_explicit(&entry->state, memory_order_relaxed);
            found->rule = entry->rule;
            found->pc_id = (uint32_t)state;
            return (uint32_t)(state >> 32) == generation;
        }
        if (at == 0) {
            return false;
        }
    }
    return false;
}

/* Makes the first table. 0 or -ENOMEM. */
MS_HIDDEN int ms_rule_cache_init(void);

/*
 * The same after the module of `key` was looked up afresh; parses and interns when needed, and
 * remembers. Never fails: what cannot be remembered is found again next time. About 3 KiB of stack.
 */
MS_HIDDEN void ms_rule_resolve(uint64_t key, struct ms_rule *found);

/* The row behind a MS_RULE_ROW. 0 or -errno as ms_eh_frame_row. */
MS_HIDDEN int ms_rule_row(uint64_t key, struct ms_cfi_row *row);

/* In a forked child: a growth that another thread had begun will not be finished. */
MS_HIDDEN void ms_rule_cache_after_fork(void);

#endif
