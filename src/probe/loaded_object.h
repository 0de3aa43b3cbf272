/*
 * The dynamic tables of an object that is loaded: what it defines, what it calls, and the places
 * where the addresses of what it calls lie. Reads mapped memory only; takes no lock.
 */
#ifndef MS_PROBE_LOADED_OBJECT_H
#define MS_PROBE_LOADED_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/real.h"

struct ms_object_tables {
    uintptr_t bias;
    uintptr_t base; /* lowest mapped address; end: one past the highest */
    uintptr_t end;
    uintptr_t read_only; /* made read-only after relocation; up to read_only_end */
    uintptr_t read_only_end;
    ElfW(Sym) * symbols;
    const char *names;
    const uint32_t *gnu_hash; /* NULL: none */
    const ElfW(Rela) * relocations[2];
    size_t counts[2];
    const ElfW(Phdr) * headers;
    size_t header_count;
};

/* false: the object has no dynamic symbols. */
MS_HIDDEN bool ms_object_tables_read(const struct dl_phdr_info *object,
                                     struct ms_object_tables *tables);

/* The entry of a function that the object defines itself under that name, or NULL. */
MS_HIDDEN ElfW(Sym) * ms_object_definition(const struct ms_object_tables *tables, const char *name);

/* How the pages at `address` are mapped as long as nobody changed it: PROT_... */
MS_HIDDEN int ms_object_protection(const struct ms_object_tables *tables, uintptr_t address);

#endif
