/* Program headers and the dynamic section, as the linker left them in memory. */
#include "probe/loaded_object.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>

#include "wire/region.h"

#define CHAIN_MAX 4096u

/* The linker relocates these addresses in place, except in objects whose section it maps
 * read-only. */
static uintptr_t address(const struct ms_object_tables *tables, ElfW(Addr) value)
{
    return value < tables->bias ? value + tables->bias : value;
}

static void note_entry(struct ms_object_tables *tables, const ElfW(Dyn) * entry)
{
    switch (entry->d_tag) {
    case DT_SYMTAB:
        tables->symbols = (ElfW(Sym) *)address(tables, entry->d_un.d_ptr);
        break;
    case DT_STRTAB:
        tables->names = (const char *)address(tables, entry->d_un.d_ptr);
        break;
    case DT_GNU_HASH:
        tables->gnu_hash = (const uint32_t *)address(tables, entry->d_un.d_ptr);
        break;
    case DT_RELA:
        tables->relocations[0] = (const ElfW(Rela) *)address(tables, entry->d_un.d_ptr);
        break;
    case DT_RELASZ:
        tables->counts[0] = entry->d_un.d_val / sizeof(ElfW(Rela));
        break;
    case DT_JMPREL:
        tables->relocations[1] = (const ElfW(Rela) *)address(tables, entry->d_un.d_ptr);
        break;
    case DT_PLTRELSZ:
        tables->counts[1] = entry->d_un.d_val / sizeof(ElfW(Rela));
        break;
    default:
        break;
    }
}

bool ms_object_tables_read(const struct dl_phdr_info *object, struct ms_object_tables *tables)
{
    const ElfW(Dyn) *entry = NULL;
    *tables = (struct ms_object_tables){.bias = object->dlpi_addr,
                                        .base = UINTPTR_MAX,
                                        .headers = object->dlpi_phdr,
                                        .header_count = object->dlpi_phnum};
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        uintptr_t end = start + segment->p_memsz;
        if (segment->p_type == PT_DYNAMIC) {
            entry = (const ElfW(Dyn) *)start;
        } else if (segment->p_type == PT_GNU_RELRO) {
            tables->read_only = start & ~(uintptr_t)(MS_PAGE_BYTES - 1);
            tables->read_only_end = end & ~(uintptr_t)(MS_PAGE_BYTES - 1);
        } else if (segment->p_type == PT_LOAD) {
            tables->base = start < tables->base ? start : tables->base;
            tables->end = end > tables->end ? end : tables->end;
        }
    }
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        note_entry(tables, entry);
    }
    for (unsigned kind = 0; kind < 2; kind++) {
        tables->counts[kind] = tables->relocations[kind] == NULL ? 0 : tables->counts[kind];
    }
    return tables->symbols != NULL && tables->names != NULL;
}

static bool is_function(const struct ms_object_tables *tables, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = &tables->symbols[index];
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC) &&
           strcmp(tables->names + symbol->st_name, name) == 0;
}

ElfW(Sym) * ms_object_definition(const struct ms_object_tables *tables, const char *name)
{
    const uint32_t *table = tables->gnu_hash;
    if (table == NULL || table[0] == 0) {
        return NULL;
    }
    uint32_t hash = 5381;
    for (const char *at = name; *at != '\0'; at++) {
        hash = hash * 33 + (unsigned char)*at;
    }
    /* Buckets, first symbol in the table, words of the filter (twice as wide), its shift. */
    const uint32_t *buckets = table + 4 + (size_t)table[2] * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chains = buckets + table[0];
    uint32_t index = buckets[hash % table[0]];
    if (index < table[1]) {
        return NULL;
    }
    for (unsigned steps = 0; steps < CHAIN_MAX; steps++, index++) {
        uint32_t link = chains[index - table[1]];
        if ((link | 1u) == (hash | 1u) && is_function(tables, index, name)) {
            return &tables->symbols[index];
        }
        if ((link & 1u) != 0) {
            break;
        }
    }
    return NULL;
}

int ms_object_protection(const struct ms_object_tables *tables, uintptr_t address)
{
    for (size_t i = 0; i < tables->header_count; i++) {
        const ElfW(Phdr) *segment = &tables->headers[i];
        uintptr_t start = tables->bias + segment->p_vaddr;
        if (segment->p_type != PT_LOAD || address < start || address - start >= segment->p_memsz) {
            continue;
        }
        if (address >= tables->read_only && address < tables->read_only_end) {
            return PROT_READ;
        }
        return ((segment->p_flags & PF_R) != 0 ? PROT_READ : 0) |
               ((segment->p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
               ((segment->p_flags & PF_X) != 0 ? PROT_EXEC : 0);
    }
    return 0;
}
