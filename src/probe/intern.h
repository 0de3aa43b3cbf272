/*
 * Names for program counters and stacks: equal content, equal id, whoever stores it first.
 *
 * Insert-only hash tables of one-line buckets, in levels that are opened as the ones before fill
 * up. A full bucket stays full, so an element can only be in one place: two threads (or a thread
 * and its own signal handler) that store the same content at once get the same id. No locks. The
 * tables lie in memory that is wiped on fork, as their ids belong to the parent's region.
 */
#ifndef MS_PROBE_INTERN_H
#define MS_PROBE_INTERN_H

#include <stdint.h>

#include "probe/real.h"
#include "wire/region.h"

/*
 * Id in MS_AREA_PCS of `address` in the module with index `module` in MS_AREA_MODULES (0: none).
 * 0: no room.
 */
MS_HIDDEN uint32_t ms_intern_pc(uintptr_t address, uint32_t module);

/* Hash of a stack's pc ids, from 0, one after the other: made during the walk, where it is free. */
static inline uint64_t ms_stack_hash(uint64_t hash, uint32_t pc_id)
{
    hash = (hash ^ pc_id) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

/*
 * Id in MS_AREA_STACKS of `words`: the header word, then MS_STACK_DEPTH(words[0]) pc ids, of which
 * `hash` is the hash. When there is no room, outer frames are left out (words[0] is changed to say
 * so) until a stack is found or fits; 0: none does.
 */
MS_HIDDEN uint32_t ms_intern_stack(uint32_t *words, uint64_t hash);

/*
 * Element of an area of `region`, which the caller has read from ms_region once: a fork in a signal
 * handler changes that pointer under the interrupted code, while the memory stays accessible.
 */
static inline void *ms_region_element(struct ms_region_header *region, enum ms_area_id area,
                                      uint32_t index)
{
    const struct ms_region_area *a = &region->areas[area];
    return (char *)region + a->offset_bytes + (uint64_t)index * a->element_bytes;
}

/* The region is another and empty: forgets that areas were full. */
MS_HIDDEN void ms_intern_after_fork(void);

#endif
