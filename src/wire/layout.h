/*
 * Where the areas of a region lie. The keeper lays a region out, the probe and the viewers check
 * what they were given with the same arithmetic before they believe any offset in it.
 */
#ifndef MS_WIRE_LAYOUT_H
#define MS_WIRE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "wire/region.h"

/* Bytes of a whole region file: main region and all spare slots. A sparse file of this size. */
uint64_t ms_region_file_bytes(void);

/*
 * Writes the header of the main region and of every slot into the mapping `file` of
 * ms_region_file_bytes() bytes, which must be zero. `config` is copied into each. No errors.
 */
void ms_region_format(void *file, const struct ms_probe_config *config);

/*
 * Checks a header that somebody else wrote: magic, version, every area inside region_bytes,
 * element sizes as in this build, region inside a file of `file_bytes`. `header` should be a
 * private copy of the page. Returns 0, -EPROTO (not a region, or damaged) or -EPROTONOSUPPORT
 * (another version).
 */
int ms_region_check(const struct ms_region_header *header, uint64_t file_bytes);

/* Offset of slot 0 (main) .. MS_REGION_SLOTS from the start of the file. `header` is checked. */
uint64_t ms_region_slot_offset(const struct ms_region_header *header, uint32_t slot);

#endif
