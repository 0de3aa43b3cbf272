/*
 * The fixed parts of a recording's file, as bytes: docs/format.md, "The container". All numbers are
 * little-endian. For src/record only.
 */
#ifndef MS_RECORD_BLOCK_HEADER_H
#define MS_RECORD_BLOCK_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "record/blocks.h"

enum {
    MS_FILE_HEADER_BYTES = 32,
    MS_BLOCK_HEADER_BYTES = 80,
    MS_FILE_FOOTER_BYTES = 24,
    MS_BLOCK_SYNC_BYTES = 4,
    MS_BLOCK_INDEX_BYTES = 8 + MS_BLOCK_HEADER_BYTES, /* of one block in MS_BLOCK_END */
};
extern const uint8_t ms_block_sync[MS_BLOCK_SYNC_BYTES];

/* `recording_id`: drawn for each recording. A block of another one, say in a file that a program
 * wrote out, is none of this one. */
void ms_file_header_write(uint8_t bytes[MS_FILE_HEADER_BYTES], uint64_t recording_id);

enum ms_file_header_verdict {
    MS_FILE_HEADER_GOOD,
    MS_FILE_HEADER_DAMAGED, /* it may be one: blocks will tell */
    MS_FILE_HEADER_NEWER,   /* of a version or with features that we do not know */
};
enum ms_file_header_verdict ms_file_header_read(const uint8_t bytes[MS_FILE_HEADER_BYTES],
                                                uint64_t *recording_id, uint32_t *version);

void ms_file_footer_write(uint8_t bytes[MS_FILE_FOOTER_BYTES], uint64_t recording_id,
                          uint64_t end_offset);
bool ms_file_footer_read(const uint8_t bytes[MS_FILE_FOOTER_BYTES], uint64_t recording_id,
                         uint64_t *end_offset);

struct ms_block_header {
    uint64_t recording_id;
    uint32_t type; /* may be one that we do not know */
    bool readable; /* we know how its bytes are stored */
    uint32_t stored_crc;
    uint64_t stored_bytes, raw_bytes;
    uint64_t number;
    uint64_t first_tick, last_tick, first_ns, last_ns;
};
void ms_block_header_write(uint8_t bytes[MS_BLOCK_HEADER_BYTES],
                           const struct ms_block_header *header);
/* False: it is none, or one that contradicts itself. */
bool ms_block_header_read(const uint8_t bytes[MS_BLOCK_HEADER_BYTES],
                          struct ms_block_header *header);

/* Whether content of so many bytes may be in a payload of so many: else reading it is refused. */
bool ms_block_sizes_fit(uint64_t stored_bytes, uint64_t raw_bytes);

uint32_t ms_block_crc(const void *bytes, uint64_t count);
void ms_put_u64(uint8_t *to, uint64_t value);
uint64_t ms_get_u64(const uint8_t *from);

#endif
