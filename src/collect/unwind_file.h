/*
 * An ELF file as the unwinder needs it: mapped, with its segments, the table of its unwind rules
 * and its build id. Only for processes that may die of a file that is cut while it is read.
 */
#ifndef MS_COLLECT_UNWIND_FILE_H
#define MS_COLLECT_UNWIND_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/region.h"

#define MS_UNWIND_SEGMENTS 16u

struct ms_unwind_segment {
    uint64_t address, file_offset, bytes; /* as linked; bytes in the file */
    bool writable, executable;
};

struct ms_unwind_file {
    const uint8_t *data;
    size_t bytes;
    bool mapped;
    struct ms_unwind_segment segments[MS_UNWIND_SEGMENTS];
    uint32_t segment_count;
    uint64_t first, end; /* addresses of all segments */
    uint64_t header;     /* address of .eh_frame_hdr, 0: no rules that can be searched */
    uint64_t table, entries;
    uint8_t build_id_bytes;
    uint8_t build_id[MS_BUILD_ID_MAX];
};

/* Takes over nothing; `descriptor` may be closed. False: no file that one could use. */
bool ms_unwind_file_open(struct ms_unwind_file *file, int descriptor);
/* An image in memory that stays, such as the vDSO. */
bool ms_unwind_file_open_image(struct ms_unwind_file *file, const void *image, size_t bytes);
void ms_unwind_file_close(struct ms_unwind_file *file);

/*
 * Bytes at an address as linked that are the same in every process; with `as_linked` what is
 * written to when a process runs, too. False: not known.
 */
bool ms_unwind_file_read(const struct ms_unwind_file *file, uint64_t address, bool as_linked,
                         void *out, size_t bytes);
/* Address as linked of a place in the file that is mapped as code; false: in no such segment. */
bool ms_unwind_file_address(const struct ms_unwind_file *file, uint64_t file_offset,
                            uint64_t *address);

#endif
