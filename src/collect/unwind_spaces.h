/*
 * What samples are unwound over: for each process its address space as far as code is mapped there,
 * and the files that are mapped, which all processes share. For sample_unwinder.c only.
 */
#ifndef MS_COLLECT_UNWIND_SPACES_H
#define MS_COLLECT_UNWIND_SPACES_H

#include <libunwind.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/sample_unwinder.h"
#include "collect/unwind_file.h"

struct ms_unwind_module {
    struct ms_unwind_module_info info;
    struct ms_unwind_file file; /* data NULL: no such file, or not an ELF file */
    uint64_t inode;
};

struct ms_unwind_mapping {
    uint64_t start, end;
    uint64_t bias;
    uint32_t module;
};

struct ms_unwind_space {
    pid_t pid;
    struct ms_unwind_mapping *mappings; /* by start */
    size_t count, capacity;
    unw_addr_space_t unwind; /* NULL: not needed yet */
    uint64_t used;           /* when, to choose which is not needed any more */
};

struct ms_unwinder {
    struct ms_unwind_module **modules; /* by number - 1 */
    size_t module_count, module_capacity;
    struct ms_unwind_space **spaces;
    size_t space_count, space_capacity;
    uint64_t clock;
};

/* NULL: the process is not known. */
struct ms_unwind_space *ms_unwind_space_of(const struct ms_unwinder *unwinder, pid_t pid);
/* The rules that were read of it; they are read again when somebody needs them. */
void ms_unwind_space_forget_rules(struct ms_unwind_space *space);
/* The mapping that begins last at or before an address; NULL: none. */
const struct ms_unwind_mapping *ms_unwind_mapping_before(const struct ms_unwind_space *space,
                                                         uint64_t address);
/* The one with code at an address; NULL: none. */
const struct ms_unwind_mapping *ms_unwind_code_at(const struct ms_unwind_space *space,
                                                  uint64_t address);

#endif
