#include "record/histories.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "model/restore.h"

#define ROWS 4u /* bytes of a float */

/* Instead of the rows that follow: points as integers, in steps of the history. */
enum { IN_STEPS = 1 << ROWS };

struct writing {
    struct ms_pack *pack;
    enum ms_resolution resolution;
    uint64_t first, end;
    bool begun;
    float points[MS_HISTORIES_POSITIONS_MAX];
    uint32_t changes[MS_HISTORIES_POSITIONS_MAX];
    int64_t steps[MS_HISTORIES_POSITIONS_MAX];
};

static uint32_t bits_of(float value)
{
    uint32_t bits;
    if (isnan(value)) {
        value = (float)NAN; /* all alike */
    }
    memcpy(&bits, &value, sizeof(bits));
    return bits;
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

/* Points as integers, if they are; *shift how many low bits are 0 in all of them. */
static bool find_steps(struct writing *writing, const float *points, size_t count, unsigned *shift)
{
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_in_steps(points[i], &writing->steps[i])) {
            return false;
        }
        any |= (uint64_t)writing->steps[i];
    }
    *shift = any != 0 ? (unsigned)__builtin_ctzll(any) : 0;
    return true;
}

/* Writes those behind the first one when they take less than `most` bytes. */
static bool write_steps(struct writing *writing, size_t count, unsigned shift, size_t most)
{
    struct ms_pack *pack = writing->pack;
    uint8_t *const first = ms_pack_room(pack, (count + 1) * MS_VARINT_BYTES_MAX);
    uint8_t *at = first;
    int64_t before = writing->steps[0] >> shift;
    if (at == NULL) {
        return false;
    }
    *at++ = IN_STEPS;
    *at++ = (uint8_t)shift;
    for (size_t i = 1; i < count && (size_t)(at - first) < most; i++) {
        const int64_t steps = writing->steps[i] >> shift;
        at = ms_put_varint(at, ms_zigzag(steps - before));
        before = steps;
    }
    if ((size_t)(at - first) >= most) {
        return false;
    }
    pack->used += (size_t)(at - first);
    return true;
}

static void write_bits(struct writing *writing, uint8_t mask, size_t count)
{
    ms_pack_bytes(writing->pack, &mask, 1);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint8_t *bytes = (mask >> row & 1) != 0 ? ms_pack_room(writing->pack, count - 1) : NULL;
        for (size_t i = 0; bytes != NULL && i + 1 < count; i++) {
            bytes[i] = (uint8_t)(writing->changes[i] >> 8 * row);
        }
        writing->pack->used += bytes != NULL ? count - 1 : 0;
    }
}

static void write_points(struct writing *writing, const float *points, size_t count)
{
    uint32_t differ = 0;
    uint32_t before = bits_of(points[0]);
    for (size_t i = 1; i < count; i++) {
        const uint32_t bits = bits_of(points[i]);
        writing->changes[i - 1] = bits ^ before;
        differ |= bits ^ before;
        before = bits;
    }
    uint8_t mask = 0;
    size_t bytes = 1;
    for (uint32_t row = 0; row < ROWS; row++) {
        if ((differ >> 8 * row & 0xff) != 0) {
            mask = (uint8_t)(mask | 1u << row);
            bytes += count - 1;
        }
    }
    unsigned shift;
    ms_pack_f32(writing->pack, points[0]);
    if (mask == 0 || !find_steps(writing, points, count, &shift) ||
        !write_steps(writing, count, shift, bytes)) {
        write_bits(writing, mask, count);
    }
}

/* Which of the points there are; of coarse ones those from the first to the last that is known. */
static void find_span(const struct writing *writing, const struct ms_history *history,
                      uint64_t *first, uint64_t *end)
{
    *first = writing->first;
    *end = writing->end;
    if (writing->resolution == MS_RESOLUTION_FINE) {
        uint64_t held_first;
        uint64_t held_end;
        ms_history_range(history, &held_first, &held_end);
        *first = held_first > *first ? held_first : *first;
        *end = held_end < *end ? held_end : *end;
        return;
    }
    const float *points = writing->points;
    while (*first < *end && isnan(points[*first - writing->first])) {
        ++*first;
    }
    while (*end > *first && isnan(points[*end - 1 - writing->first])) {
        --*end;
    }
}

static int write_history(void *context, const struct ms_history_name *name,
                         const struct ms_history *history)
{
    struct writing *writing = context;
    uint64_t first;
    uint64_t end;
    if (writing->resolution != MS_RESOLUTION_FINE) {
        ms_history_copy(history, writing->resolution, writing->first, writing->end - writing->first,
                        writing->points);
    }
    find_span(writing, history, &first, &end);
    if (first >= end) {
        return 0;
    }
    struct ms_pack *pack = writing->pack;
    if (!writing->begun) {
        ms_pack_u64(pack, writing->resolution);
        ms_pack_u64(pack, writing->first);
        ms_pack_u64(pack, writing->end - writing->first);
        writing->begun = true;
    }
    const float *points = writing->points;
    if (writing->resolution == MS_RESOLUTION_FINE) {
        ms_history_copy(history, writing->resolution, first, end - first, writing->points);
    } else {
        points += first - writing->first;
    }
    ms_pack_u64(pack, (uint64_t)name->of + 1);
    ms_pack_u64(pack, name->id);
    ms_pack_u64(pack, name->series);
    ms_pack_u64(pack, first - writing->first);
    ms_pack_u64(pack, end - first);
    write_points(writing, points, end - first);
    return pack->failed ? -ENOMEM : 0;
}

int ms_histories_write(struct ms_pack *pack, const struct ms_model *model,
                       enum ms_resolution resolution, uint64_t first, uint64_t end)
{
    if (first >= end) {
        return 0;
    }
    struct writing writing;
    writing.pack = pack;
    writing.resolution = resolution;
    writing.first =
        end - first > MS_HISTORIES_POSITIONS_MAX ? end - MS_HISTORIES_POSITIONS_MAX : first;
    writing.end = end;
    writing.begun = false;
    const int error = ms_model_each_history(model, write_history, &writing);
    if (writing.begun) {
        ms_pack_u64(pack, 0);
    }
    return error != 0 ? error : pack->failed ? -ENOMEM : 0;
}

struct column {
    struct ms_history_name name;
    uint64_t skipped;
    size_t count;
    float first;
    bool in_steps;
    unsigned shift;                            /* of steps */
    int64_t steps[MS_HISTORIES_POSITIONS_MAX]; /* differences, shifted, behind the first */
    const uint8_t *rows[ROWS];
};

static int read_steps(struct ms_unpack *unpack, struct column *column)
{
    column->shift = (unsigned)ms_unpack_upto(unpack, 63);
    for (size_t i = 1; i < column->count; i++) {
        column->steps[i] = ms_unpack_i64(unpack);
    }
    return unpack->failed || !is_in_steps(column->first, &column->steps[0]) ? -EBADMSG : 0;
}

static int read_column(struct ms_unpack *unpack, uint64_t kind, uint64_t positions,
                       struct column *column)
{
    static const uint8_t zeros[MS_HISTORIES_POSITIONS_MAX];
    if (kind > MS_HISTORY_OF_TOTAL) {
        return -EBADMSG;
    }
    column->name.of = (enum ms_history_of)(kind - 1);
    column->name.id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    column->name.series = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    column->skipped = ms_unpack_upto(unpack, positions);
    column->count = ms_unpack_upto(unpack, positions - column->skipped);
    column->first = ms_unpack_f32(unpack);
    const uint8_t *mask = ms_unpack_bytes(unpack, 1);
    if (mask == NULL || *mask > IN_STEPS || column->count == 0) {
        return -EBADMSG;
    }
    column->in_steps = *mask == IN_STEPS;
    if (column->in_steps) {
        return read_steps(unpack, column);
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        const bool there = (*mask >> row & 1) != 0;
        column->rows[row] = there ? ms_unpack_bytes(unpack, column->count - 1) : zeros;
        if (column->rows[row] == NULL) {
            return -EBADMSG;
        }
    }
    return 0;
}

static void points_of(const struct column *column, size_t count, float *points)
{
    const uint8_t *const *rows = column->rows;
    uint32_t bits = bits_of(column->first);
    uint64_t steps = column->in_steps ? (uint64_t)column->steps[0] : 0;
    points[0] = column->first;
    for (size_t i = 1; i < count && column->in_steps; i++) {
        steps += (uint64_t)column->steps[i] << column->shift;
        points[i] = of_steps((int64_t)steps);
    }
    for (size_t i = 1; i < count && !column->in_steps; i++) {
        bits ^= (uint32_t)rows[0][i - 1] | (uint32_t)rows[1][i - 1] << 8 |
                (uint32_t)rows[2][i - 1] << 16 | (uint32_t)rows[3][i - 1] << 24;
        points[i] = value_of(bits);
    }
}

static int count_history(void *context, const struct ms_history_name *name,
                         const struct ms_history *history)
{
    (void)name;
    (void)history;
    ++*(uint64_t *)context;
    return 0;
}

int ms_histories_read(struct ms_unpack *unpack, struct ms_model *model,
                      enum ms_resolution resolution, uint64_t end)
{
    float points[MS_HISTORIES_POSITIONS_MAX];
    struct column column;
    const uint64_t written = ms_unpack_upto(unpack, MS_RESOLUTION_COUNT - 1);
    const uint64_t first = ms_unpack_upto(unpack, UINT64_MAX / 4);
    const uint64_t positions = ms_unpack_upto(unpack, MS_HISTORIES_POSITIONS_MAX);
    if (unpack->failed || written != (uint64_t)resolution) {
        return -EBADMSG;
    }
    uint64_t budget = 0; /* each history once: else a small block could take hours */
    (void)ms_model_each_history(model, count_history, &budget);
    budget *= positions;
    int error = 0;
    uint64_t kind;
    while ((kind = ms_unpack_u64(unpack)) != 0 && error == 0) {
        error = read_column(unpack, kind, positions, &column);
        const uint64_t from = error == 0 ? first + column.skipped : end;
        struct ms_history *history = from < end ? ms_model_history(model, &column.name) : NULL;
        if (history != NULL && column.count > budget) {
            error = -EBADMSG;
        } else if (history != NULL) {
            budget -= column.count;
            const size_t count = end - from < column.count ? end - from : column.count;
            points_of(&column, count, points);
            error = ms_history_fill(history, resolution, from, points, count);
            error = error == 0 && !ms_model_has_room(model) ? -ENOMEM : error;
        }
    }
    return error != 0 ? error : unpack->failed ? -EBADMSG : 0;
}
