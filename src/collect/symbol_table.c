/* See symbol_table.h. */
#include "collect/symbol_table.h"

#include <stdlib.h>
#include <string.h>

void ms_symbol_table_add(struct ms_symbol_table *table, const GElf_Sym *entry, uint64_t start,
                         const char *name)
{
    int kind = GELF_ST_TYPE(entry->st_info);
    if (name == NULL || name[0] == '\0' || entry->st_shndx == SHN_UNDEF ||
        (kind != STT_FUNC && kind != STT_GNU_IFUNC && kind != STT_NOTYPE)) {
        return;
    }
    if (kind == STT_NOTYPE && (entry->st_size == 0 || name[0] == '$')) {
        return; /* mapping symbols and markers are no functions */
    }
    if (table->count == table->capacity) {
        size_t capacity = table->capacity == 0 ? 256 : table->capacity * 2;
        struct ms_symbol *grown = capacity > MS_SYMBOL_TABLE_MAX
                                      ? NULL
                                      : realloc(table->symbols, capacity * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        table->symbols = grown;
        table->capacity = capacity;
    }
    table->symbols[table->count++] =
        (struct ms_symbol){.start = start,
                           .end = start + entry->st_size,
                           .name = name,
                           .global = GELF_ST_BIND(entry->st_info) != STB_LOCAL};
}

/* The better of two names of one place comes last: global, few underscores in front. */
static int compare_symbols(const void *left, const void *right)
{
    const struct ms_symbol *a = left;
    const struct ms_symbol *b = right;
    if (a->start != b->start) {
        return a->start < b->start ? -1 : 1;
    }
    if (a->end != b->end) {
        return a->end < b->end ? -1 : 1;
    }
    if (a->global != b->global) {
        return a->global ? 1 : -1;
    }
    size_t few = strspn(a->name, "_");
    size_t more = strspn(b->name, "_");
    return few != more ? (few < more) - (few > more) : strcmp(b->name, a->name);
}

void ms_symbol_table_settle(struct ms_symbol_table *table, bool complete)
{
    if (table->count > 0) {
        qsort(table->symbols, table->count, sizeof *table->symbols, compare_symbols);
    }
    for (size_t i = 0; i < table->count; i++) {
        struct ms_symbol *symbol = &table->symbols[i];
        size_t next = i + 1;
        while (next < table->count && table->symbols[next].start == symbol->start) {
            next++;
        }
        if (complete && symbol->end == symbol->start && next == i + 1 && next < table->count) {
            symbol->end = table->symbols[next].start; /* hand-written assembly gives no size */
        }
        if (ms_range_map_add(&table->ranges, symbol->start, symbol->end, (uint32_t)i + 1) != 0) {
            break;
        }
    }
    (void)ms_range_map_settle(&table->ranges);
}

const char *ms_symbol_table_find(const struct ms_symbol_table *table, uint64_t address)
{
    uint32_t number = ms_range_map_find(&table->ranges, address);
    return number == 0 ? "" : table->symbols[number - 1].name;
}

void ms_symbol_table_free(struct ms_symbol_table *table)
{
    free(table->symbols);
    ms_range_map_free(&table->ranges);
}
