/* Functions of a file by address, from its ELF symbols. Zeroed: empty. */
#ifndef MS_COLLECT_SYMBOL_TABLE_H
#define MS_COLLECT_SYMBOL_TABLE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/range_map.h"

#define MS_SYMBOL_TABLE_MAX (4 << 20) /* symbols; more are left out */

struct ms_symbol {
    uint64_t start, end; /* exclusive */
    const char *name;    /* borrowed */
    bool global;
};

struct ms_symbol_table {
    struct ms_symbol *symbols;
    size_t count, capacity;
    struct ms_range_map ranges;
    bool read; /* for its owner */
};

/* Takes it when it names a defined function. `start` stands for the address in `entry`. */
void ms_symbol_table_add(struct ms_symbol_table *table, const GElf_Sym *entry, uint64_t start,
                         const char *name);
/* To be called once, after all were added. `complete`: the table has local functions too, so that
 * what has no size reaches to the next. */
void ms_symbol_table_settle(struct ms_symbol_table *table, bool complete);
/* As in the file (mangled); "" none. */
const char *ms_symbol_table_find(const struct ms_symbol_table *table, uint64_t address);
void ms_symbol_table_free(struct ms_symbol_table *table);

#endif
