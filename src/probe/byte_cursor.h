/* Reading numbers from bytes that nobody has vouched for: never outside the bounds, never a fault.
 */
#ifndef MS_PROBE_BYTE_CURSOR_H
#define MS_PROBE_BYTE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/real.h"

/* A position in bounded bytes; `bad` once a read would have left them (reads then give 0). */
struct ms_byte_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

/* Numbers of 1 to 8 bytes. */
MS_HIDDEN uint64_t ms_read_unsigned(struct ms_byte_cursor *cursor, unsigned bytes);
MS_HIDDEN int64_t ms_read_signed(struct ms_byte_cursor *cursor, unsigned bytes);

/* LEB128 of at most 10 bytes; bits above the 64th are dropped. */
MS_HIDDEN uint64_t ms_read_uleb(struct ms_byte_cursor *cursor);
MS_HIDDEN int64_t ms_read_sleb(struct ms_byte_cursor *cursor);

MS_HIDDEN void ms_skip_bytes(struct ms_byte_cursor *cursor, uint64_t bytes);

#endif
