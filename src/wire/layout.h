/*
 * Where the areas of a region lie. The keeper lays a region out, the probe and the viewers check
 * what they were given with the same arithmetic before they believe any offset in it.
 */
#ifndef MS_WIRE_LAYOUT_H
#define MS_WIRE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/region.h"

/* Bytes of a whole region file: main region and all spare slots. A sparse file of this size. */
uint64_t ms_region_file_bytes(void);

/* Header and areas of the main region (`slot` 0) or of a slot. */
uint64_t ms_region_bytes(uint32_t slot);

/* Where slot 0 (the main region) .. MS_REGION_SLOTS begins in the file. */
uint64_t ms_region_slot_offset(uint32_t slot);

/* A mapped part of the file: mremap with old size 0 maps it again from any page on, and further. */
struct ms_region_window {
    uint64_t from, bytes;
};

/*
 * Makes `window` the next one on the way from there to `slot`: it begins inside the old one and has
 * at most `max_bytes` (at least those of two slots), for limited address spaces. False, and
 * unchanged, when the slot lies in it.
 */
bool ms_region_window_next(struct ms_region_window *window, uint32_t slot, uint64_t max_bytes);

/*
 * Writes into `header`, which must be zero, what a reader checks, and a copy of `config`. Calls
 * nothing: also for a child between fork and its first allocation. The state stays MS_REGION_FREE.
 */
void ms_region_format(struct ms_region_header *header, uint32_t slot,
                      const struct ms_probe_config *config);

/*
 * Checks a header that somebody else wrote: magic, version, every area inside region_bytes,
 * element sizes as in this build, region inside a file of `file_bytes`. `header` should be a
 * private copy of the page. Returns 0, -EPROTO (not a region, or damaged) or -EPROTONOSUPPORT
 * (another version).
 */
int ms_region_check(const struct ms_region_header *header, uint64_t file_bytes);

#endif
