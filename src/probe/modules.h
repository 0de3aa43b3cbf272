/*
 * Which module a program counter lies in, its unwind tables, and its entry in MS_AREA_MODULES.
 *
 * Modules are told apart by what they are (place, size, build id or name), not by address alone:
 * another library loaded where one was unloaded is another module. Records are never freed.
 */
#ifndef MS_PROBE_MODULES_H
#define MS_PROBE_MODULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "probe/eh_frame.h"
#include "probe/real.h"
#include "wire/region.h"

/* A loaded object as the dynamic linker describes it. Borrowed from the linker. */
struct ms_loaded_object {
    uintptr_t base;
    uintptr_t end;
    uintptr_t load_bias;
    const uint8_t *eh_frame_header; /* NULL: none */
    const char *name;               /* "" for the main program */
};

struct ms_module {
    struct ms_loaded_object object; /* `name` is not to be used: it may be gone */
    struct ms_eh_frame frames;      /* header NULL: no unwind information */
    uint64_t identity;
    uint8_t build_id_bytes;
    uint8_t build_id[MS_BUILD_ID_MAX];
    _Atomic uint32_t checked; /* generation at which the record was last found to hold */
    _Atomic uint64_t region;  /* generation of the entry in the high half, its index in the low */
    struct ms_module *next;
};

/*
 * Generation of the set of executable mappings, from 1; and the one at which the current region was
 * empty, below which all indexes into the region are void. Read by every walk.
 */
extern MS_HIDDEN _Atomic uint32_t ms_module_generation;
extern MS_HIDDEN _Atomic uint32_t ms_region_generation;

/* Finds the linker's lookup function, the vDSO, the program and its path. Once, in the constructor. */
MS_HIDDEN void ms_modules_init(void);

/*
 * The module of `pc`, or NULL: none (JIT code), or MS_MODULES_MAX were seen already. Lock-free
 * where the C library has _dl_find_object (glibc 2.35); before, it takes the loader's lock as the
 * C++ unwinder does, and none of ours.
 */
MS_HIDDEN struct ms_module *ms_module_find(uintptr_t pc);
#define MS_MODULES_MAX 4095u

/* Index of the module in MS_AREA_MODULES of the current region, stored when needed; 0: no room. */
MS_HIDDEN uint32_t ms_module_region_index(struct ms_module *module);

/* The two sources of ms_module_find, for tests. False: no object holds `pc`, or not available. */
MS_HIDDEN bool ms_object_by_linker(uintptr_t pc, struct ms_loaded_object *object);
MS_HIDDEN bool ms_object_by_iteration(uintptr_t pc, struct ms_loaded_object *object);

#endif
