/* See unit_scopes.h. */
#include "collect/unit_scopes.h"

#include <dwarf.h>
#include <stdlib.h>

enum { DEPTH_AT_MOST = 512, RANGES_PER_DIE = 65536, SCOPES_AT_MOST = 1 << 22 };

struct ms_unit_scopes {
    struct ms_unit_scope *scopes;
    uint32_t count, capacity;
    struct ms_range_map ranges;
};

/* A DIE whose children are being walked. */
struct level {
    Dwarf_Die die;
    uint32_t scope; /* that its children lie in, 0: none */
};

static uint32_t add_scope(struct ms_unit_scopes *scopes, const struct ms_unit_scope *scope)
{
    if (scopes->count == scopes->capacity) {
        uint32_t capacity = scopes->capacity == 0 ? 64 : scopes->capacity * 2;
        struct ms_unit_scope *grown =
            capacity > SCOPES_AT_MOST ? NULL : realloc(scopes->scopes, capacity * sizeof *grown);
        if (grown == NULL) {
            return 0;
        }
        scopes->scopes = grown;
        scopes->capacity = capacity;
    }
    scopes->scopes[scopes->count++] = *scope;
    return scopes->count;
}

/* 0: there is none. */
static uint32_t number_plus_1(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 && value < UINT32_MAX
               ? (uint32_t)value + 1
               : 0;
}

/* The scope that the children of `die` lie in; `outer` is that of the DIE itself. */
static uint32_t take_die(struct ms_unit_scopes *scopes, Dwarf_Die *die, int tag, uint32_t outer)
{
    Dwarf_Addr base;
    Dwarf_Addr start;
    Dwarf_Addr end;
    ptrdiff_t cursor = 0;
    uint32_t number = 0;
    for (int i = 0;
         i < RANGES_PER_DIE && (cursor = dwarf_ranges(die, cursor, &base, &start, &end)) > 0; i++) {
        if (start >= end) {
            continue;
        }
        if (number == 0) {
            struct ms_unit_scope scope = {.die = dwarf_dieoffset(die)};
            if (tag == DW_TAG_inlined_subroutine) {
                scope.parent = outer;
                scope.call_file = number_plus_1(die, DW_AT_call_file);
                uint32_t line = number_plus_1(die, DW_AT_call_line);
                scope.call_line = line == 0 ? 0 : line - 1;
            }
            number = add_scope(scopes, &scope);
        }
        if (number == 0 || ms_range_map_add(&scopes->ranges, start, end, number) != 0) {
            break;
        }
    }
    return number != 0 ? number : outer;
}

static bool may_hold_code(int tag)
{
    switch (tag) {
    case DW_TAG_subroutine_type:
    case DW_TAG_array_type:
    case DW_TAG_variant_part:
    case DW_TAG_call_site:
    case DW_TAG_GNU_call_site:
    case DW_TAG_GNU_formal_parameter_pack:
    case DW_TAG_GNU_template_parameter_pack:
        return false;
    default:
        return true;
    }
}

/*
 * To what follows a DIE whose children were walked to their end. Where there is no DW_AT_sibling,
 * dwarf_siblingof would walk them again, at each level: but the end of their list, which it leaves
 * in `last`, is just before what is looked for. `end`: of the unit.
 */
static bool step_behind(Dwarf_Die *parent, const Dwarf_Die *last, const char *end)
{
    const char *closing = last->addr;
    if (dwarf_hasattr(parent, DW_AT_sibling) || closing == NULL || closing >= end ||
        *closing != '\0') {
        Dwarf_Die next = {0};
        bool found = dwarf_siblingof(parent, &next) == 0;
        *parent = next;
        return found;
    }
    *parent = (Dwarf_Die){.addr = (char *)last->addr + 1, .cu = parent->cu};
    return closing + 1 < end && closing[1] != '\0';
}

static void walk(struct ms_unit_scopes *scopes, Dwarf_Die *unit, const char *end)
{
    static struct level levels[DEPTH_AT_MOST];
    Dwarf_Die die;
    unsigned depth = 0;
    uint32_t scope = 0;
    if (dwarf_child(unit, &die) != 0) {
        return;
    }
    for (;;) {
        int tag = dwarf_tag(&die);
        if (tag == DW_TAG_invalid) {
            return;
        }
        uint32_t inside = scope;
        if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine ||
            tag == DW_TAG_entry_point) {
            inside = take_die(scopes, &die, tag, tag == DW_TAG_inlined_subroutine ? scope : 0);
        }
        Dwarf_Die child;
        if (depth < DEPTH_AT_MOST && dwarf_haschildren(&die) > 0 && may_hold_code(tag) &&
            dwarf_child(&die, &child) == 0) {
            levels[depth++] = (struct level){die, scope};
            die = child;
            scope = inside;
            continue;
        }
        Dwarf_Die next = {0};
        int result = dwarf_siblingof(&die, &next);
        if (result < 0) {
            return;
        }
        bool more = result == 0;
        for (die = next; !more;) {
            if (depth == 0) {
                return;
            }
            Dwarf_Die last = die;
            depth--;
            die = levels[depth].die;
            scope = levels[depth].scope;
            more = step_behind(&die, &last, end);
        }
    }
}

struct ms_unit_scopes *ms_unit_scopes_read(Dwarf_Die *unit)
{
    struct ms_unit_scopes *scopes = calloc(1, sizeof *scopes);
    if (scopes == NULL) {
        return NULL;
    }
    Dwarf_Off next;
    size_t header_bytes;
    Dwarf_Off offset = dwarf_dieoffset(unit);
    Dwarf_Off start = offset - dwarf_cuoffset(unit);
    if (dwarf_nextcu(dwarf_cu_getdwarf(unit->cu), start, &next, &header_bytes, NULL, NULL, NULL) ==
            0 &&
        next > offset) {
        walk(scopes, unit, (const char *)unit->addr + (next - offset));
    }
    if (ms_range_map_settle(&scopes->ranges) != 0) {
        ms_unit_scopes_free(scopes);
        return NULL;
    }
    return scopes;
}

void ms_unit_scopes_free(struct ms_unit_scopes *scopes)
{
    if (scopes != NULL) {
        ms_range_map_free(&scopes->ranges);
        free(scopes->scopes);
        free(scopes);
    }
}

uint32_t ms_unit_scopes_find(const struct ms_unit_scopes *scopes, Dwarf_Addr address)
{
    return ms_range_map_find(&scopes->ranges, address);
}

const struct ms_unit_scope *ms_unit_scopes_at(const struct ms_unit_scopes *scopes, uint32_t number)
{
    return &scopes->scopes[number - 1];
}
