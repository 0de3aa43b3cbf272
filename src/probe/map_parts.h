/*
 * What the files of the mapped region share: map.c opens it piece by piece, map_start.c maps it,
 * map_fork.c changes it for a child's. For src/probe/map*.c only.
 */
#ifndef MS_PROBE_MAP_PARTS_H
#define MS_PROBE_MAP_PARTS_H

#include <stdatomic.h>

#include "probe/map.h"

struct ms_map_state {
    uint64_t main_mapped_bytes; /* how much of the main region is mapped; it ends the rest */
    /*
     * The main header once more: a forked child needs it to claim its slot when the region it
     * inherited is no longer to be touched. The file itself is closed by then, so the slot is
     * mapped from the page behind it, which is inaccessible, as the slot then is: nothing populates
     * that, mlockall neither.
     */
    struct ms_region_header *file_header;
    _Atomic uint64_t opened_bytes[MS_AREA_COUNT];
    _Atomic int quiet;
    _Atomic bool populates; /* the kernel does so on request */
    /* Of the main region, once the rest of its address space was given back: bytes of each area. */
    uint64_t kept_bytes[MS_AREA_COUNT];
    _Atomic bool given_back;
    _Atomic bool giving_back;
    _Atomic uint32_t openers; /* threads in ms_map_open_area */
};
extern MS_HIDDEN struct ms_map_state ms_map;

static inline uint64_t ms_page_round(uint64_t bytes)
{
    return (bytes + MS_PAGE_BYTES - 1) & ~(uint64_t)(MS_PAGE_BYTES - 1);
}

/* Makes populated, writable pages of an inaccessible range. */
MS_HIDDEN bool ms_map_open_pages(char *at, uint64_t bytes);
/* How much of an area the mapping holds: all, unless a limit left too little room. */
MS_HIDDEN uint64_t ms_map_area_bytes(const struct ms_region_header *region,
                                     const struct ms_region_area *area);
/* Opens the first `need` bytes of an area, and some more. */
MS_HIDDEN bool ms_map_open_area(struct ms_region_header *region, enum ms_area_id id, uint64_t need);
/* Takes over what viewers asked for while a child was forked: the keeper did not know of its slot
 * yet when it wrote to the header of the file. From here on it writes to both. */
MS_HIDDEN void ms_map_follow_config(struct ms_probe_config *own,
                                    const struct ms_probe_config *file);

#endif
