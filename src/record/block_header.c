/* See block_header.h. */
#include "record/block_header.h"

#include <string.h>
#include <zlib.h>

/* Beyond ASCII and with both kinds of line ends, so that a transfer as text is seen at once. */
static const uint8_t magic[8] = {0x89, 'M', 'S', 'R', '\r', '\n', 0x1a, '\n'};
static const uint8_t footer_magic[8] = {0x89, 'M', 'S', 'E', '\r', '\n', 0x1a, '\n'};
const uint8_t ms_block_sync[MS_BLOCK_SYNC_BYTES] = {0xf5, 'M', 'S', 'B'};

enum { STORED_AS_ZSTD = 1 };

/* Offsets in the headers. */
enum {
    FILE_VERSION = 8,
    FILE_FEATURES = 12,
    FILE_RECORDING = 16,
    FILE_CRC = 28,
    BLOCK_CRC = 4,
    BLOCK_RECORDING = 8,
    BLOCK_TYPE = 16,
    BLOCK_STORED_AS = 18,
    BLOCK_FEATURES = 19,
    BLOCK_STORED_CRC = 20,
    BLOCK_STORED_BYTES = 24,
    BLOCK_RAW_BYTES = 32,
    BLOCK_NUMBER = 40,
    BLOCK_FIRST_TICK = 48,
    BLOCK_LAST_TICK = 56,
    BLOCK_FIRST_NS = 64,
    BLOCK_LAST_NS = 72,
};

const char *ms_block_type_name(enum ms_block_type type)
{
    static const char *const names[MS_BLOCK_TYPE_TOTAL] = {
#define NAME(id, name, what) [MS_BLOCK_##id] = name,
        MS_BLOCK_TYPES(NAME)
#undef NAME
    };
    return type < MS_BLOCK_TYPE_TOTAL ? names[type] : "unknown";
}

static void put(uint8_t *to, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint64_t get(const uint8_t *from, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        value |= (uint64_t)from[i] << 8 * i;
    }
    return value;
}

void ms_put_u64(uint8_t *to, uint64_t value)
{
    put(to, value, 8);
}

uint64_t ms_get_u64(const uint8_t *from)
{
    return get(from, 8);
}

bool ms_block_sizes_fit(uint64_t stored_bytes, uint64_t raw_bytes)
{
    return raw_bytes <= MS_BLOCK_RAW_BYTES_MAX &&
           (raw_bytes <= MS_BLOCK_RAW_BYTES_ANY ||
            raw_bytes / MS_BLOCK_RAW_RATIO_MAX <= stored_bytes);
}

uint32_t ms_block_crc(const void *bytes, uint64_t count)
{
    return (uint32_t)crc32_z(0, bytes, (z_size_t)count);
}

void ms_file_header_write(uint8_t bytes[MS_FILE_HEADER_BYTES], uint64_t recording_id)
{
    memset(bytes, 0, MS_FILE_HEADER_BYTES);
    memcpy(bytes, magic, sizeof magic);
    put(bytes + FILE_VERSION, MS_RECORD_VERSION, 4);
    put(bytes + FILE_RECORDING, recording_id, 8);
    put(bytes + FILE_CRC, ms_block_crc(bytes, FILE_CRC), 4);
}

enum ms_file_header_verdict ms_file_header_read(const uint8_t bytes[MS_FILE_HEADER_BYTES],
                                                uint64_t *recording_id, uint32_t *version)
{
    if (memcmp(bytes, magic, sizeof magic) != 0 ||
        get(bytes + FILE_CRC, 4) != ms_block_crc(bytes, FILE_CRC)) {
        return MS_FILE_HEADER_DAMAGED;
    }
    *recording_id = get(bytes + FILE_RECORDING, 8);
    *version = (uint32_t)get(bytes + FILE_VERSION, 4);
    return *version > MS_RECORD_VERSION || get(bytes + FILE_FEATURES, 4) != 0 ? MS_FILE_HEADER_NEWER
                                                                              : MS_FILE_HEADER_GOOD;
}

void ms_file_footer_write(uint8_t bytes[MS_FILE_FOOTER_BYTES], uint64_t recording_id,
                          uint64_t end_offset)
{
    put(bytes, end_offset, 8);
    put(bytes + 8, recording_id, 8);
    memcpy(bytes + 16, footer_magic, sizeof footer_magic);
}

bool ms_file_footer_read(const uint8_t bytes[MS_FILE_FOOTER_BYTES], uint64_t recording_id,
                         uint64_t *end_offset)
{
    *end_offset = get(bytes, 8);
    return get(bytes + 8, 8) == recording_id &&
           memcmp(bytes + 16, footer_magic, sizeof footer_magic) == 0;
}

/* Over all that follows it. */
static uint32_t header_crc(const uint8_t *bytes)
{
    return ms_block_crc(bytes + BLOCK_RECORDING, MS_BLOCK_HEADER_BYTES - BLOCK_RECORDING);
}

void ms_block_header_write(uint8_t bytes[MS_BLOCK_HEADER_BYTES],
                           const struct ms_block_header *header)
{
    memcpy(bytes, ms_block_sync, MS_BLOCK_SYNC_BYTES);
    put(bytes + BLOCK_RECORDING, header->recording_id, 8);
    put(bytes + BLOCK_TYPE, header->type, 2);
    bytes[BLOCK_STORED_AS] = STORED_AS_ZSTD;
    bytes[BLOCK_FEATURES] = 0;
    put(bytes + BLOCK_STORED_CRC, header->stored_crc, 4);
    put(bytes + BLOCK_STORED_BYTES, header->stored_bytes, 8);
    put(bytes + BLOCK_RAW_BYTES, header->raw_bytes, 8);
    put(bytes + BLOCK_NUMBER, header->number, 8);
    put(bytes + BLOCK_FIRST_TICK, header->first_tick, 8);
    put(bytes + BLOCK_LAST_TICK, header->last_tick, 8);
    put(bytes + BLOCK_FIRST_NS, header->first_ns, 8);
    put(bytes + BLOCK_LAST_NS, header->last_ns, 8);
    put(bytes + BLOCK_CRC, header_crc(bytes), 4);
}

bool ms_block_header_read(const uint8_t bytes[MS_BLOCK_HEADER_BYTES],
                          struct ms_block_header *header)
{
    if (memcmp(bytes, ms_block_sync, MS_BLOCK_SYNC_BYTES) != 0 ||
        get(bytes + BLOCK_CRC, 4) != header_crc(bytes)) {
        return false;
    }
    *header = (struct ms_block_header){
        .recording_id = get(bytes + BLOCK_RECORDING, 8),
        .type = (uint32_t)get(bytes + BLOCK_TYPE, 2),
        .readable = bytes[BLOCK_STORED_AS] == STORED_AS_ZSTD && bytes[BLOCK_FEATURES] == 0,
        .stored_crc = (uint32_t)get(bytes + BLOCK_STORED_CRC, 4),
        .stored_bytes = get(bytes + BLOCK_STORED_BYTES, 8),
        .raw_bytes = get(bytes + BLOCK_RAW_BYTES, 8),
        .number = get(bytes + BLOCK_NUMBER, 8),
        .first_tick = get(bytes + BLOCK_FIRST_TICK, 8),
        .last_tick = get(bytes + BLOCK_LAST_TICK, 8),
        .first_ns = get(bytes + BLOCK_FIRST_NS, 8),
        .last_ns = get(bytes + BLOCK_LAST_NS, 8),
    };
    return header->first_tick <= header->last_tick && header->first_ns <= header->last_ns;
}
