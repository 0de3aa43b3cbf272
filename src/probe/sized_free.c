/*
 * The relocations of every loaded object name what it calls. Exporting these functions ourselves
 * would be simpler, but programs look for them to find out which allocator they run on.
 */
#include "probe/sized_free.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

static const char *const sized_names[] = {
    "sdallocx",      "mi_free_size",    "mi_free_size_aligned", "mi_free_aligned",
    "tc_free_sized", "tc_delete_sized", "tc_deletearray_sized",
};

struct search {
    const void *allocator_base;
    bool found;
};

struct tables {
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * relocations[2]; /* of data, of calls */
    size_t bytes[2];
};

/* The loader relocates these addresses in place, except in objects it maps read-only. */
static const void *address(const struct dl_phdr_info *object, ElfW(Addr) value)
{
    return (const void *)(value < object->dlpi_addr ? value + object->dlpi_addr : value);
}

static bool find_tables(const struct dl_phdr_info *object, struct tables *to)
{
    memset(to, 0, sizeof *to);
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) {
            continue;
        }
        const ElfW(Dyn) *entry =
            (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++) {
            switch (entry->d_tag) {
            case DT_SYMTAB:
                to->symbols = address(object, entry->d_un.d_ptr);
                break;
            case DT_STRTAB:
                to->names = address(object, entry->d_un.d_ptr);
                break;
            case DT_RELA:
                to->relocations[0] = address(object, entry->d_un.d_ptr);
                break;
            case DT_RELASZ:
                to->bytes[0] = entry->d_un.d_val;
                break;
            case DT_JMPREL:
                to->relocations[1] = address(object, entry->d_un.d_ptr);
                break;
            case DT_PLTRELSZ:
                to->bytes[1] = entry->d_un.d_val;
                break;
            default:
                break;
            }
        }
    }
    return to->symbols != NULL && to->names != NULL;
}

static bool names_sized_free(const struct tables *tables, const ElfW(Rela) * relocation)
{
    size_t symbol = ELF64_R_SYM(relocation->r_info);
    if (symbol == 0) {
        return false;
    }
    const char *name = tables->names + tables->symbols[symbol].st_name;
    for (size_t i = 0; i < sizeof sized_names / sizeof sized_names[0]; i++) {
        if (strcmp(name, sized_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int look_into(struct dl_phdr_info *object, size_t size, void *argument)
{
    struct search *search = argument;
    struct tables tables;
    (void)size;
    if ((const void *)object->dlpi_addr == search->allocator_base ||
        !find_tables(object, &tables)) {
        return 0;
    }
    for (int kind = 0; kind < 2; kind++) {
        size_t count = tables.relocations[kind] == NULL
                           ? 0
                           : tables.bytes[kind] / sizeof *tables.relocations[kind];
        for (size_t i = 0; i < count; i++) {
            if (names_sized_free(&tables, &tables.relocations[kind][i])) {
                search->found = true;
                return 1;
            }
        }
    }
    return 0;
}

bool ms_sized_free_in_use(const void *allocator_base)
{
    struct search search = {allocator_base, false};
    dl_iterate_phdr(look_into, &search);
    return search.found;
}
