/*
 * What lies where in one compile unit: functions and the calls inlined into them. Its DIEs are
 * walked once, when the first address of the unit is asked for; then an address is a binary search
 * and a walk along parents. In the symbolizer's process only.
 */
#ifndef MS_COLLECT_UNIT_SCOPES_H
#define MS_COLLECT_UNIT_SCOPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "collect/range_map.h"

struct ms_unit_scope {
    Dwarf_Off die;
    uint32_t parent; /* number of the scope that it is inlined into; 0: it is a function itself */
    /* Where the inlined call stands in the source. */
    uint32_t call_file; /* number in the unit's list + 1, 0: unknown */
    uint32_t call_line; /* 0: unknown */
};

struct ms_unit_scopes; /* opaque */

/* `unit` is the DIE of the unit. Never fails for odd DWARF, which only has fewer scopes then. NULL:
 * no memory. */
struct ms_unit_scopes *ms_unit_scopes_read(Dwarf_Die *unit);
void ms_unit_scopes_free(struct ms_unit_scopes *scopes); /* accepts NULL */

/* The innermost scope at an address (as in the DWARF), 0: none. */
uint32_t ms_unit_scopes_find(const struct ms_unit_scopes *scopes, Dwarf_Addr address);
const struct ms_unit_scope *ms_unit_scopes_at(const struct ms_unit_scopes *scopes, uint32_t number);

#endif
