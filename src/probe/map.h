/*
 * The probe's view of its region: opens pages in steps, hands out elements, never touches a page
 * that is not populated. All functions are lock-free, callable from any thread and from signal
 * handlers; the only system calls are of the mmap family, and getpid in a child, and none when
 * ms_map_quiet(). ms_map_region, once at the start, makes others too.
 */
#ifndef MS_PROBE_MAP_H
#define MS_PROBE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"
#include "wire/region.h"

/* The region this process counts in; NULL: off, also in a forked child that found no slot. */
extern MS_HIDDEN struct ms_region_header *ms_region;

/*
 * Maps the region file behind `descriptor` (checked with ms_region_check, seals required), opens
 * the first chunks, closes nothing. Returns 0 or -errno: -ENOMEM when RLIMIT_AS or memory forbids.
 */
MS_HIDDEN int ms_map_region(int descriptor);

/*
 * Takes `count` consecutive elements of `area` and makes their pages usable. Returns the index of
 * the first, or 0 when the area is full or its pages cannot be had. Elements are zero.
 * Readers may see them at once: write the field that makes an element valid last, with release.
 */
MS_HIDDEN uint32_t ms_area_take(enum ms_area_id area, uint32_t count);

/* Takes all elements below `end`: of an area with the indices of another. False: cannot be had. */
MS_HIDDEN bool ms_area_open(enum ms_area_id area, uint32_t end);

/* Address of an element that was taken. No check. */
static inline void *ms_area_at(enum ms_area_id area, uint32_t index)
{
    const struct ms_region_area *a = &ms_region->areas[area];
    return (char *)ms_region + a->offset_bytes + (uint64_t)index * a->element_bytes;
}

/*
 * Private zeroed memory of ours, page granular; `wipe_on_fork` makes it zero again in a child.
 * NULL when it cannot be had (or quiet and the reserve is used up). Never freed.
 */
MS_HIDDEN void *ms_private_pages(size_t bytes, bool wipe_on_fork);

/* Takes the reserve that ms_private_pages lives on once it is quiet. For ms_map_enter_quiet. */
MS_HIDDEN void ms_private_reserve(void);

/* Copies a string into MS_AREA_STRINGS (cut at 4095 bytes). Returns its offset, 0 = no room. */
MS_HIDDEN uint32_t ms_string_store(const char *text);

/*
 * After this no system call is made any more by the slow paths: called before a seccomp filter is
 * installed. A reserve of pages is populated first.
 */
MS_HIDDEN void ms_map_enter_quiet(void);
MS_HIDDEN bool ms_map_quiet(void);

/*
 * Gives back address space that is not used yet, all of it or all but a reserve; what would need it
 * later degrades. False: there is nothing to give, or another thread is at it.
 */
MS_HIDDEN bool ms_map_give_back(bool all);
/* How much address space could be given back at most; 0 after it was. */
MS_HIDDEN uint64_t ms_map_spare_bytes(void);

/*
 * First thing in a forked child (found by its wiped thread state): lays private memory over the
 * region of the parent, takes a spare slot of the inherited file and points `ms_region` at it;
 * without a free slot `ms_region` becomes NULL, and the child is counted as untracked. Lock-free.
 */
MS_HIDDEN void ms_map_after_fork(void);

#endif
