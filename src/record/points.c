#include "record/points.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "model/history.h"

/* Instead of the rows that follow. */
enum { IN_STEPS = 1 << MS_POINTS_ROWS };

/* Up to it two points differ by less than 2^31 steps. */
#define LARGEST_SMALL_POINT 0x1.fffffep19f

#define MAGNITUDE_BITS UINT32_C(0x7fffffff)
#define INFINITE_BITS  UINT32_C(0x7f800000)
#define NAN_BITS       UINT32_C(0x7fc00000) /* all alike */

static inline uint32_t raw_bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline uint32_t bits_of(float value)
{
    const uint32_t bits = raw_bits_of(value);
    return (bits & MAGNITUDE_BITS) > INFINITE_BITS ? NAN_BITS : bits;
}

static float value_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static float of_steps(int64_t steps)
{
    return (float)((double)steps / MS_HISTORY_STEPS);
}

/* --- writing --- */

/*
 * The loops over all points are made so that the compiler takes several at a time: no branch, no
 * call, nothing of 8 bytes.
 */

/* Which bits differ in any of them. */
static uint32_t find_differing(const float *points, size_t count)
{
    const uint32_t first = raw_bits_of(points[0]);
    uint32_t differ = 0;
    for (size_t i = 1; i < count; i++) {
        differ |= raw_bits_of(points[i]) ^ first;
    }
    return differ;
}

static bool any_magnitude_above(const float *points, size_t count, uint32_t magnitude)
{
    uint32_t above = 0;
    for (size_t i = 0; i < count; i++) {
        above |= (int32_t)(raw_bits_of(points[i]) & MAGNITUDE_BITS) > (int32_t)magnitude;
    }
    return above != 0;
}

/* All NaN alike. */
static const float *alike(struct ms_points_writer *writer, const float *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        writer->alike[i] = value_of(bits_of(points[i]));
    }
    return writer->alike;
}

/* Small points as integers, if they are; *any is all of them, ORed. -0 is none. */
static bool find_steps(struct ms_points_writer *writer, const float *restrict points, size_t count,
                       uint32_t *any)
{
    int32_t *const restrict steps = writer->steps;
    uint32_t inexact = 0;
    uint32_t all = 0;
    for (size_t i = 0; i < count; i++) {
        const float exact = points[i] * MS_HISTORY_STEPS;
        steps[i] = (int32_t)exact;
        inexact |= raw_bits_of((float)steps[i]) ^ raw_bits_of(exact);
        all |= (uint32_t)steps[i];
    }
    *any = all;
    return inexact == 0;
}

/* Returns all of them, ORed. */
static uint32_t find_differences(struct ms_points_writer *writer, size_t count, unsigned shift)
{
    const int32_t *const restrict steps = writer->steps;
    uint32_t *const restrict changes = writer->changes;
    uint32_t all = 0;
    for (size_t i = 1; i < count; i++) {
        const int32_t change = (steps[i] >> shift) - (steps[i - 1] >> shift);
        const uint32_t coded = (uint32_t)change << 1 ^ (uint32_t)(change >> 31);
        changes[i - 1] = coded;
        all |= coded;
    }
    return all;
}

/* Bytes of `count` varints. */
static size_t count_bytes(const uint32_t *changes, size_t count)
{
    uint32_t more = 0; /* than one each */
    for (size_t i = 0; i < count; i++) {
        more += (uint32_t)(changes[i] >> 7 != 0) + (uint32_t)(changes[i] >> 14 != 0) +
                (uint32_t)(changes[i] >> 21 != 0) + (uint32_t)(changes[i] >> 28 != 0);
    }
    return count + more;
}

/* Whether so many varints, of which this is all ORed, take fewer bytes than so many. */
static bool is_shorter(const uint32_t *changes, size_t count, uint32_t all, size_t limit)
{
    const size_t each = all >> 7 == 0 ? 1 : all >> 14 == 0 ? 2 : all >> 21 == 0 ? 3 : 5;
    return count * each < limit || count_bytes(changes, count) < limit;
}

static void put_differences(const struct ms_points_writer *writer, struct ms_pack *pack,
                            size_t count, unsigned shift, uint32_t all)
{
    const uint32_t *const changes = writer->changes;
    uint8_t *at = ms_pack_room(pack, (count + 1) * MS_VARINT_BYTES_MAX);
    if (at == NULL) {
        return;
    }
    *at++ = IN_STEPS;
    *at++ = (uint8_t)shift;
    if (all < 0x80) {
        for (size_t i = 0; i + 1 < count; i++) {
            at[i] = (uint8_t)changes[i];
        }
        at += count - 1;
    } else {
        for (size_t i = 0; i + 1 < count; i++) {
            at = ms_put_varint(at, changes[i]);
        }
    }
    pack->used = (size_t)(at - pack->bytes);
}

/* False when they are no steps, or take `limit` bytes or more. */
static bool write_small_steps(struct ms_points_writer *writer, struct ms_pack *pack,
                              const float *points, size_t count, size_t limit)
{
    uint32_t any;
    if (!find_steps(writer, points, count, &any)) {
        return false;
    }
    const unsigned shift = any != 0 ? (unsigned)__builtin_ctz(any) : 0;
    const uint32_t all = find_differences(writer, count, shift);
    if (!is_shorter(writer->changes, count - 1, all, limit - 2)) {
        return false;
    }
    put_differences(writer, pack, count, shift, all);
    return true;
}

/* False when it is not that many steps; NaN is not. */
static bool is_in_steps(float point, int64_t *steps)
{
    static const double most = 0x1p52;
    const double exact = (double)point * MS_HISTORY_STEPS;
    if (!(exact > -most && exact < most)) {
        return false;
    }
    *steps = (int64_t)exact;
    return bits_of(of_steps(*steps)) == bits_of(point);
}

/* As write_small_steps, of any points. */
static bool write_large_steps(struct ms_points_writer *writer, struct ms_pack *pack,
                              const float *points, size_t count, size_t limit)
{
    int64_t *const steps = writer->large_steps;
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_in_steps(points[i], &steps[i])) {
            return false;
        }
        any |= (uint64_t)steps[i];
    }
    const unsigned shift = any != 0 ? (unsigned)__builtin_ctzll(any) : 0;
    uint8_t *const first = ms_pack_room(pack, (count + 1) * MS_VARINT_BYTES_MAX);
    uint8_t *at = first;
    if (at == NULL) {
        return false;
    }
    *at++ = IN_STEPS;
    *at++ = (uint8_t)shift;
    for (size_t i = 1; i < count && (size_t)(at - first) < limit; i++) {
        at = ms_put_varint(at, ms_zigzag((steps[i] >> shift) - (steps[i - 1] >> shift)));
    }
    if ((size_t)(at - first) >= limit) {
        return false;
    }
    pack->used += (size_t)(at - first);
    return true;
}

static void write_rows(struct ms_points_writer *writer, struct ms_pack *pack, const float *points,
                       size_t count, uint8_t mask)
{
    uint32_t *const restrict changes = writer->changes;
    for (size_t i = 0; i + 1 < count; i++) {
        changes[i] = raw_bits_of(points[i + 1]) ^ raw_bits_of(points[i]);
    }
    for (uint32_t row = 0; row < MS_POINTS_ROWS; row++) {
        uint8_t *const restrict bytes =
            (mask >> row & 1) != 0 ? ms_pack_room(pack, count - 1) : NULL;
        for (size_t i = 0; bytes != NULL && i + 1 < count; i++) {
            bytes[i] = (uint8_t)(changes[i] >> 8 * row);
        }
        pack->used += bytes != NULL ? count - 1 : 0;
    }
}

void ms_points_write(struct ms_points_writer *writer, struct ms_pack *pack, const float *points,
                     size_t count)
{
    const bool has_large = any_magnitude_above(points, count, raw_bits_of(LARGEST_SMALL_POINT));
    const bool has_nan = has_large && any_magnitude_above(points, count, INFINITE_BITS);
    if (has_nan) {
        points = alike(writer, points, count);
    }
    const uint32_t differ = find_differing(points, count);
    uint8_t mask = 0;
    size_t bytes = 1;
    for (uint32_t row = 0; row < MS_POINTS_ROWS; row++) {
        if ((differ >> 8 * row & 0xff) != 0) {
            mask = (uint8_t)(mask | 1u << row);
            bytes += count - 1;
        }
    }
    ms_pack_f32(pack, points[0]);
    if (mask != 0 && !has_nan &&
        (has_large ? write_large_steps(writer, pack, points, count, bytes)
                   : write_small_steps(writer, pack, points, count, bytes))) {
        return;
    }
    ms_pack_bytes(pack, &mask, 1);
    if (mask != 0) {
        write_rows(writer, pack, points, count, mask);
    }
}

/* --- reading --- */

static int read_steps(struct ms_unpack *unpack, struct ms_points *points)
{
    points->shift = (unsigned)ms_unpack_upto(unpack, 63);
    for (size_t i = 1; i < points->count; i++) {
        points->steps[i] = ms_unpack_i64(unpack);
    }
    return unpack->failed || !is_in_steps(points->first, &points->steps[0]) ? -EBADMSG : 0;
}

int ms_points_read(struct ms_unpack *unpack, struct ms_points *points, size_t count)
{
    static const uint8_t zeros[MS_POINTS_MAX];
    points->count = count;
    points->first = ms_unpack_f32(unpack);
    const uint8_t *mask = ms_unpack_bytes(unpack, 1);
    if (mask == NULL || *mask > IN_STEPS) {
        return -EBADMSG;
    }
    points->in_steps = *mask == IN_STEPS;
    if (points->in_steps) {
        return read_steps(unpack, points);
    }
    for (uint32_t row = 0; row < MS_POINTS_ROWS; row++) {
        const bool there = (*mask >> row & 1) != 0;
        points->rows[row] = there ? ms_unpack_bytes(unpack, count - 1) : zeros;
        if (points->rows[row] == NULL) {
            return -EBADMSG;
        }
    }
    return 0;
}

void ms_points_get(const struct ms_points *points, float *out, size_t count)
{
    const uint8_t *const *rows = points->rows;
    uint32_t bits = bits_of(points->first);
    uint64_t steps = points->in_steps ? (uint64_t)points->steps[0] : 0;
    out[0] = points->first;
    for (size_t i = 1; i < count && points->in_steps; i++) {
        steps += (uint64_t)points->steps[i] << points->shift;
        out[i] = of_steps((int64_t)steps);
    }
    for (size_t i = 1; i < count && !points->in_steps; i++) {
        bits ^= (uint32_t)rows[0][i - 1] | (uint32_t)rows[1][i - 1] << 8 |
                (uint32_t)rows[2][i - 1] << 16 | (uint32_t)rows[3][i - 1] << 24;
        out[i] = value_of(bits);
    }
}
