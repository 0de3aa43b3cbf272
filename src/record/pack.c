/* See pack.h. */
#include "record/pack.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void ms_pack_free(struct ms_pack *pack)
{
    free(pack->bytes);
    *pack = (struct ms_pack){0};
}

void ms_pack_clear(struct ms_pack *pack)
{
    pack->used = 0;
    pack->failed = false;
}

uint8_t *ms_pack_grow(struct ms_pack *pack, size_t count)
{
    if (pack->failed) {
        return NULL;
    }
    if (pack->bytes == NULL || count > pack->capacity - pack->used) {
        size_t capacity = pack->capacity != 0 ? pack->capacity : FIRST_CAPACITY;
        while (capacity - pack->used < count) {
            if (capacity > SIZE_MAX / 2) {
                pack->failed = true;
                return NULL;
            }
            capacity *= 2;
        }
        uint8_t *const bytes = realloc(pack->bytes, capacity);
        if (bytes == NULL) {
            pack->failed = true;
            return NULL;
        }
        pack->bytes = bytes;
        pack->capacity = capacity;
    }
    return pack->bytes + pack->used;
}

void ms_pack_bits(struct ms_pack *pack, uint64_t bits, unsigned count)
{
    uint8_t *const at = ms_pack_room(pack, count);
    if (at == NULL) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        at[i] = (uint8_t)(bits >> 8 * i);
    }
    pack->used += count;
}

void ms_pack_f64(struct ms_pack *pack, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    ms_pack_bits(pack, bits, sizeof bits);
}

void ms_pack_f32(struct ms_pack *pack, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    ms_pack_bits(pack, bits, sizeof bits);
}

void ms_pack_bytes(struct ms_pack *pack, const void *bytes, size_t count)
{
    uint8_t *const at = ms_pack_room(pack, count);
    if (at != NULL && count > 0) {
        memcpy(at, bytes, count);
        pack->used += count;
    }
}

void ms_pack_text(struct ms_pack *pack, const char *text, size_t bytes)
{
    ms_pack_u64(pack, bytes);
    ms_pack_bytes(pack, text, bytes);
}

struct ms_unpack ms_unpack_of(const void *bytes, size_t count)
{
    static const uint8_t nothing;
    const uint8_t *const at = bytes != NULL ? bytes : &nothing;
    return (struct ms_unpack){.at = at, .end = at + (bytes != NULL ? count : 0)};
}

bool ms_unpack_done(const struct ms_unpack *unpack)
{
    return unpack->failed || unpack->at == unpack->end;
}

uint64_t ms_unpack_u64(struct ms_unpack *unpack)
{
    uint64_t value = 0;
    const uint8_t *at = unpack->at;
    for (unsigned shift = 0; !unpack->failed && at < unpack->end; shift += 7) {
        const uint8_t byte = *at++;
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            unpack->at = at;
            return value;
        }
    }
    unpack->failed = true;
    return 0;
}

uint64_t ms_unpack_upto(struct ms_unpack *unpack, uint64_t most)
{
    const uint64_t value = ms_unpack_u64(unpack);
    if (value > most) {
        unpack->failed = true;
        return 0;
    }
    return value;
}

int64_t ms_unpack_i64(struct ms_unpack *unpack)
{
    const uint64_t coded = ms_unpack_u64(unpack);
    return (int64_t)((coded >> 1) ^ (0 - (coded & 1)));
}

uint64_t ms_unpack_bits(struct ms_unpack *unpack, unsigned count)
{
    const uint8_t *const at = ms_unpack_bytes(unpack, count);
    uint64_t bits = 0;
    for (unsigned i = 0; at != NULL && i < count; i++) {
        bits |= (uint64_t)at[i] << 8 * i;
    }
    return bits;
}

double ms_unpack_f64(struct ms_unpack *unpack)
{
    const uint64_t bits = ms_unpack_bits(unpack, sizeof bits);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float ms_unpack_f32(struct ms_unpack *unpack)
{
    const uint32_t bits = (uint32_t)ms_unpack_bits(unpack, sizeof bits);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

const uint8_t *ms_unpack_bytes(struct ms_unpack *unpack, size_t count)
{
    if (unpack->failed || count > (size_t)(unpack->end - unpack->at)) {
        unpack->failed = true;
        return NULL;
    }
    const uint8_t *const at = unpack->at;
    unpack->at += count;
    return at;
}

const char *ms_unpack_text(struct ms_unpack *unpack, size_t *bytes)
{
    const uint64_t count = ms_unpack_upto(unpack, SIZE_MAX);
    const uint8_t *const at = ms_unpack_bytes(unpack, (size_t)count);
    *bytes = at != NULL ? (size_t)count : 0;
    return at != NULL ? (const char *)at : "";
}
