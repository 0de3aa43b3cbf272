/*
 * Points of one series, as histories.h writes them: the first one (4 bytes), a byte that says how,
 * and what differs from point to point. Either the XOR of their bits, all first bytes, all second
 * ones and so on, where the bits of that byte say which of these four rows are not all 0 and so are
 * there; or, where that is shorter and all points are such, a difference of integers, in steps of
 * the history. Nothing is rounded here. For src/record/histories.c only.
 */
#ifndef MS_RECORD_POINTS_H
#define MS_RECORD_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/pack.h"

#define MS_POINTS_MAX 10000u /* more than a ring of a history has */

/* Room for those being written: 120 kB. */
struct ms_points_writer {
    union {
        struct {
            uint32_t changes[MS_POINTS_MAX]; /* XOR of bits; or zigzag differences of steps */
            int32_t steps[MS_POINTS_MAX];
        };
        int64_t large_steps[MS_POINTS_MAX];
    };
    float alike[MS_POINTS_MAX]; /* points, with one NaN only */
};

/* points[0 .. count), 0 < count <= MS_POINTS_MAX. */
void ms_points_write(struct ms_points_writer *writer, struct ms_pack *pack, const float *points,
                     size_t count);

enum { MS_POINTS_ROWS = 4 }; /* bytes of a float */

/* Those that were read, as they are in the file. */
struct ms_points {
    size_t count;
    float first;
    bool in_steps;
    unsigned shift;               /* of steps */
    int64_t steps[MS_POINTS_MAX]; /* differences, shifted, behind the first */
    const uint8_t *rows[MS_POINTS_ROWS];
};

/* 0 < count <= MS_POINTS_MAX. 0 or -EBADMSG. Refers to what is unpacked. */
int ms_points_read(struct ms_unpack *unpack, struct ms_points *points, size_t count);
/* The first so many of them. */
void ms_points_get(const struct ms_points *points, float *out, size_t count);

#endif
