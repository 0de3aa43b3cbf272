/*
 * Bytes of a recording: a buffer that grows while it is written, and a bounded view that is read.
 * Numbers are little-endian base-128 varints; signed ones are zigzag-coded; doubles and floats are
 * their IEEE 754 bits in 8 and 4 little-endian bytes; text is its length and its bytes.
 *
 * Both keep the first failure and do nothing after it: callers ask once, at the end. A view never
 * reads past its end, and what it gives after a failure is 0 or "".
 */
#ifndef MS_RECORD_PACK_H
#define MS_RECORD_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_pack { /* all 0: empty */
    uint8_t *bytes;
    size_t used, capacity;
    bool failed; /* no memory */
};

void ms_pack_free(struct ms_pack *pack);
void ms_pack_clear(struct ms_pack *pack); /* keeps the memory */

/* Where `count` bytes may be written, behind what there is; NULL: failed. Who has written there
 * sets `used`. */
uint8_t *ms_pack_grow(struct ms_pack *pack, size_t count);
static inline uint8_t *ms_pack_room(struct ms_pack *pack, size_t count)
{
    const bool fits = pack->bytes != NULL && count <= pack->capacity - pack->used;
    return fits && !pack->failed ? pack->bytes + pack->used : ms_pack_grow(pack, count);
}

enum { MS_VARINT_BYTES_MAX = 10 };
/* Returns where the next byte goes. */
static inline uint8_t *ms_put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static inline uint64_t ms_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline void ms_pack_u64(struct ms_pack *pack, uint64_t value)
{
    uint8_t *const at = ms_pack_room(pack, MS_VARINT_BYTES_MAX);
    if (at != NULL) {
        pack->used = (size_t)(ms_put_varint(at, value) - pack->bytes);
    }
}

static inline void ms_pack_i64(struct ms_pack *pack, int64_t value)
{
    ms_pack_u64(pack, ms_zigzag(value));
}

/* The lowest `count` bytes, at most 8, the lowest first. */
void ms_pack_bits(struct ms_pack *pack, uint64_t bits, unsigned count);
void ms_pack_f64(struct ms_pack *pack, double value);
void ms_pack_f32(struct ms_pack *pack, float value);
void ms_pack_bytes(struct ms_pack *pack, const void *bytes, size_t count); /* without a length */
void ms_pack_text(struct ms_pack *pack, const char *text, size_t bytes);

struct ms_unpack {
    const uint8_t *at, *end;
    bool failed; /* cut short, or a varint of more than 64 bits */
};

struct ms_unpack ms_unpack_of(const void *bytes, size_t count);
bool ms_unpack_done(const struct ms_unpack *unpack); /* at the end, or failed */
uint64_t ms_unpack_u64(struct ms_unpack *unpack);
/* The same, a failure when it is above `most`: for counts and indices. */
uint64_t ms_unpack_upto(struct ms_unpack *unpack, uint64_t most);
int64_t ms_unpack_i64(struct ms_unpack *unpack);
uint64_t ms_unpack_bits(struct ms_unpack *unpack, unsigned count);
double ms_unpack_f64(struct ms_unpack *unpack);
float ms_unpack_f32(struct ms_unpack *unpack);
const uint8_t *ms_unpack_bytes(struct ms_unpack *unpack, size_t count); /* NULL: failed */
/* Not NUL-terminated; *bytes its length. Points into the view. */
const char *ms_unpack_text(struct ms_unpack *unpack, size_t *bytes);

#endif
