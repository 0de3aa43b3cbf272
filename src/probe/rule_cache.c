/* Tables of rules, each four times as large as the one it replaces; entries move up when used. */
#include "probe/rule_cache.h"

#include <errno.h>
#include <stddef.h>

#include "probe/intern.h"
#include "probe/map.h"

enum { KEY_UNUSED, KEY_WRITING, KEY_VOID };

#define FIRST_BITS  10u
#define LAST_BITS   20u
#define GROWTH_BITS 2u

#define CFA_WORDS_MAX  0xffffffu
#define SLOT_WORDS_MAX 0x3ffffu

struct ms_rule_table *_Atomic ms_rule_table;

/* Set by the thread that makes the next table; the others go on with what there is. */
static _Atomic uint32_t growing;

static uint64_t key_pc(uint64_t key)
{
    return (key & MS_RULE_EXACT) != 0 ? key & ~MS_RULE_EXACT : key - 1;
}

/* Words below the CFA at which a register is saved; 0: cannot be said so. */
static uint64_t slot_words(const struct ms_cfi_row *row, unsigned number)
{
    int64_t offset = row->value[number];
    if (row->kind[number] != MS_CFI_OFFSET || offset >= 0 || offset % 8 != 0 ||
        -offset / 8 > (int64_t)SLOT_WORDS_MAX) {
        return 0;
    }
    return (uint64_t)(-offset / 8);
}

uint64_t ms_rule_of_row(const struct ms_cfi_row *row)
{
    uint8_t frame_kind = row->kind[MS_ARCH_FP];
    uint64_t frame_words = slot_words(row, MS_ARCH_FP);
    uint64_t return_words = slot_words(row, MS_ARCH_RA);
    if (row->kind[MS_ARCH_RA] == MS_CFI_UNDEFINED) {
        return MS_RULE_OUTERMOST;
    }
    if (row->signal_frame || row->cfa_by_expression || row->cfa_value <= 0 ||
        row->cfa_value % 8 != 0 || row->cfa_value / 8 > (int64_t)CFA_WORDS_MAX ||
        (row->cfa_register != MS_ARCH_SP && row->cfa_register != MS_ARCH_FP) ||
        row->kind[MS_ARCH_SP] != MS_CFI_UNSPECIFIED || return_words == 0 ||
        (MS_ARCH_RA_IS_PC && return_words != 1)) {
        return MS_RULE_ROW;
    }
    if (frame_words == 0 && frame_kind != MS_CFI_UNSPECIFIED && frame_kind != MS_CFI_SAME) {
        return MS_RULE_ROW;
    }
    /* Interrupted in an epilogue: what was popped is still there, below the stack pointer. */
    if (row->cfa_register == MS_ARCH_SP && (int64_t)frame_words > row->cfa_value / 8) {
        return MS_RULE_ROW;
    }
    uint64_t kind = row->cfa_register == MS_ARCH_SP ? MS_RULE_STACK : MS_RULE_FRAME;
    return kind | (uint64_t)(row->cfa_value / 8) << 3 | frame_words << 27 | return_words << 45;
}

static struct ms_rule_table *table_new(uint32_t bits, struct ms_rule_table *older)
{
    size_t bytes = ((UINT64_C(1) << bits) + MS_RULE_PROBES) * sizeof(struct ms_rule_entry);
    struct ms_rule_table *table = ms_private_pages(bytes + MS_PAGE_BYTES, false);
    if (table == NULL) {
        return NULL;
    }
    table->shift = 64 - bits;
    table->older = older;
    table->entries = (struct ms_rule_entry *)((char *)table + MS_PAGE_BYTES);
    return table;
}

int ms_rule_cache_init(void)
{
    struct ms_rule_table *table = table_new(FIRST_BITS, NULL);
    if (table == NULL) {
        return -ENOMEM;
    }
    atomic_store_explicit(&ms_rule_table, table, memory_order_release);
    return 0;
}

static void grow(struct ms_rule_table *full)
{
    uint32_t bits = 64 - full->shift;
    if (bits >= LAST_BITS || atomic_exchange_explicit(&growing, 1, memory_order_acquire) != 0) {
        return;
    }
    if (atomic_load_explicit(&ms_rule_table, memory_order_acquire) == full) {
        struct ms_rule_table *table = table_new(bits + GROWTH_BITS, full);
        if (table != NULL) {
            atomic_store_explicit(&ms_rule_table, table, memory_order_release);
        }
    }
    atomic_store_explicit(&growing, 0, memory_order_release);
}

/*
 * Two threads may insert the same key at once; then it stands there twice, with the same rule and
 * the same pc id, which is as good.
 */
static void insert(uint64_t key, struct ms_rule rule, uint32_t generation, struct ms_module *module)
{
    struct ms_rule_table *table = atomic_load_explicit(&ms_rule_table, memory_order_acquire);
    struct ms_rule_entry *entry = ms_rule_entries(table, key);
    for (uint32_t i = 0; i < MS_RULE_PROBES; i++, entry++) {
        uint64_t unused = KEY_UNUSED;
        if (!atomic_compare_exchange_strong(&entry->key, &unused, KEY_WRITING)) {
            continue;
        }
        entry->rule = rule.rule;
        entry->module = module;
        atomic_store_explicit(&entry->state, (uint64_t)generation << 32 | rule.pc_id,
                              memory_order_relaxed);
        atomic_store_explicit(&entry->key, key, memory_order_release);
        uint32_t used = atomic_fetch_add_explicit(&table->used, 1, memory_order_relaxed);
        if (used > UINT64_C(1) << (63 - table->shift)) {
            grow(table);
        }
        return;
    }
    grow(table);
}

static struct ms_rule_entry *find_entry(const struct ms_rule_table *table, uint64_t key)
{
    struct ms_rule_entry *entry = ms_rule_entries(table, key);
    for (uint32_t i = 0; i < MS_RULE_PROBES; i++, entry++) {
        if (atomic_load_explicit(&entry->key, memory_order_acquire) == key) {
            return entry;
        }
    }
    return NULL;
}

int ms_rule_row(uint64_t key, struct ms_cfi_row *row)
{
    const struct ms_module *module = ms_module_find(key_pc(key));
    if (module == NULL || module->frames.header == NULL) {
        return -ENOENT;
    }
    return ms_eh_frame_row(&module->frames, key_pc(key), row);
}

static uint64_t parse(const struct ms_module *module, uint64_t pc)
{
    struct ms_cfi_row row;
    if (module == NULL || module->frames.header == NULL ||
        ms_eh_frame_row(&module->frames, pc, &row) != 0) {
        return MS_RULE_NO_CFI;
    }
    return ms_rule_of_row(&row);
}

/* Stored so that address - 1 always lies inside the instruction. */
static uint32_t intern(uint64_t key, struct ms_module *module)
{
    uint32_t index = module != NULL ? ms_module_region_index(module) : 0;
    return ms_intern_pc(key_pc(key) + 1, index);
}

/* An entry that another table or an older generation left; NULL: nothing known of this key. */
static struct ms_rule_entry *find_any(struct ms_rule_table *newest, uint64_t key)
{
    for (struct ms_rule_table *table = newest; table != NULL; table = table->older) {
        struct ms_rule_entry *entry = find_entry(table, key);
        if (entry != NULL) {
            return entry;
        }
    }
    return NULL;
}

void ms_rule_resolve(uint64_t key, struct ms_rule *found)
{
    uint32_t generation = atomic_load_explicit(&ms_module_generation, memory_order_acquire);
    struct ms_rule_table *newest = atomic_load_explicit(&ms_rule_table, memory_order_acquire);
    struct ms_rule_entry *entry = find_any(newest, key);
    struct ms_module *module;
    if (entry != NULL) {
        uint64_t state = atomic_load_explicit(&entry->state, memory_order_relaxed);
        bool current = (uint32_t)(state >> 32) == generation;
        module = current ? entry->module : ms_module_find(key_pc(key));
        if (module == entry->module) {
            bool in_newest =
                entry >= newest->entries &&
                entry < newest->entries + MS_RULE_PROBES + (UINT64_C(1) << (64 - newest->shift));
            found->rule = entry->rule;
            found->pc_id = current ? (uint32_t)state : intern(key, module);
            if (!current) {
                atomic_store_explicit(&entry->state, (uint64_t)generation << 32 | found->pc_id,
                                      memory_order_relaxed);
            }
            if (!in_newest) {
                insert(key, *found, generation, module);
            }
            return;
        }
        /* Another module lies there now. A reader that holds the old entry sees its old state. */
        atomic_store_explicit(&entry->state, 0, memory_order_relaxed);
        atomic_store_explicit(&entry->key, KEY_VOID, memory_order_release);
    } else {
        module = ms_module_find(key_pc(key));
    }
    found->rule = parse(module, key_pc(key));
    found->pc_id = intern(key, module);
    if (ms_region != NULL) {
        insert(key, *found, generation, module);
    }
}

void ms_rule_cache_after_fork(void)
{
    atomic_store_explicit(&growing, 0, memory_order_relaxed);
}
