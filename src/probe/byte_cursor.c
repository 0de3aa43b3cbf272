/* Little-endian numbers and LEB128, as DWARF writes them. */
#include "probe/byte_cursor.h"

#include <string.h>

uint64_t ms_read_unsigned(struct ms_byte_cursor *cursor, unsigned bytes)
{
    uint64_t value = 0;
    if (cursor->bad || (size_t)(cursor->end - cursor->at) < bytes) {
        cursor->bad = true;
        return 0;
    }
    memcpy(&value, cursor->at, bytes);
    cursor->at += bytes;
    return value;
}

int64_t ms_read_signed(struct ms_byte_cursor *cursor, unsigned bytes)
{
    uint64_t value = ms_read_unsigned(cursor, bytes);
    unsigned shift = 64 - 8 * bytes;
    return (int64_t)(value << shift) >> shift;
}

uint64_t ms_read_uleb(struct ms_byte_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint64_t byte = ms_read_unsigned(cursor, 1);
        if (shift < 64) {
            value |= (byte & 0x7f) << shift;
        }
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    cursor->bad = true;
    return 0;
}

int64_t ms_read_sleb(struct ms_byte_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70;) {
        uint64_t byte = ms_read_unsigned(cursor, 1);
        if (shift < 64) {
            value |= (byte & 0x7f) << shift;
        }
        shift += 7;
        if ((byte & 0x80) == 0) {
            if ((byte & 0x40) != 0 && shift < 64) {
                value |= UINT64_MAX << shift;
            }
            return (int64_t)value;
        }
    }
    cursor->bad = true;
    return 0;
}

void ms_skip_bytes(struct ms_byte_cursor *cursor, uint64_t bytes)
{
    if (cursor->bad || bytes > (uint64_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        return;
    }
    cursor->at += bytes;
}
