/*
 * History of one figure: a ring per resolution, finest first. Bounded: 10 Hz for 10 minutes, 1 Hz
 * for an hour, 0.1 Hz for a day; rings are allocated as they fill, and runs of equal points take
 * almost nothing. A coarser point is the mean of the ticks it covers. Missing points are NaN.
 * Points are kept to 24 bits, and those below MS_HISTORY_STEPS_BELOW to 1 / MS_HISTORY_STEPS: more
 * than any plot shows, and as much as JSON has.
 */
#ifndef MS_MODEL_HISTORY_H
#define MS_MODEL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_HISTORY_STEPS       1024
#define MS_HISTORY_STEPS_BELOW 8192 /* from there on the 24 bits are coarser */

enum ms_resolution {
    MS_RESOLUTION_FINE,
    MS_RESOLUTION_SECOND,
    MS_RESOLUTION_TEN_SECONDS,
    MS_RESOLUTION_COUNT
};

struct ms_history; /* opaque */

/* `interval_ns` of the finest ring (100 ms by default). NULL: no memory. */
struct ms_history *ms_history_new(uint64_t interval_ns);
void ms_history_free(struct ms_history *history); /* accepts NULL */
/* What it takes is part of *sum from now on, until it is freed. */
void ms_history_sum_bytes(struct ms_history *history, size_t *sum);

/* Appends the value of tick `tick` (counted from 0 since the session began; must not decrease;
 * skipped ticks become NaN), as a float. Returns 0 or -ENOMEM (the point is lost). */
int ms_history_append(struct ms_history *history, uint64_t tick, double value);

/*
 * Fills out[0..count-1] with the newest `count` points of a resolution, oldest first; NaN where
 * there is none. Returns the number of non-NaN points.
 */
size_t ms_history_read(const struct ms_history *history, enum ms_resolution resolution,
                       size_t count, double *out);

/*
 * Same, by position: point `first` and the count - 1 after it. Point p of a resolution covers the
 * ticks p * step .. (p + 1) * step - 1; the newest coarse point is the mean so far.
 */
size_t ms_history_read_at(const struct ms_history *history, enum ms_resolution resolution,
                          uint64_t first, size_t count, double *out);

/* Ticks that a point of this resolution covers, with ticks of `interval_ns`; at least 1. */
uint64_t ms_history_step(uint64_t interval_ns, enum ms_resolution resolution);

/* First tick held in the finest ring, and one past the last. */
void ms_history_range(const struct ms_history *history, uint64_t *first, uint64_t *end);

/* As ms_history_read_at, of floats as they are kept. */
void ms_history_copy(const struct ms_history *history, enum ms_resolution resolution,
                     uint64_t first, size_t count, float *out);

/*
 * Filling from points that were recorded. Puts `count` points at `first` and behind into one
 * resolution; those that it holds or is behind of already are left out, what lies between is
 * missing. Each resolution is filled in order, then ms_history_resume. 0 or -ENOMEM.
 */
int ms_history_fill(struct ms_history *history, enum ms_resolution resolution, uint64_t first,
                    const float *points, size_t count);
/*
 * After the last filling: coarser points that were not filled are made of the fine ones, as far as
 * those reach, and ms_history_append goes on behind the last tick that was filled. Then it reads as
 * if all points had been appended. 0 or -ENOMEM.
 */
int ms_history_resume(struct ms_history *history);
/* Nothing was appended or filled. */
bool ms_history_is_empty(const struct ms_history *history);

#endif
