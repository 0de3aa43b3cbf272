/*
 * Points of a series that do not fit its own past: robust z-score
 *
 *   z = (x - median) / spread, spread = MAD / 0.6745        (Iglewicz and Hoaglin 1993)
 *
 * over the window before the point, MAD the median absolute deviation; with MAD 0 the mean absolute
 * deviation x 1.2533 is the spread. The rules by which a z becomes an anomaly are in ANOMALIES of
 * memscope-top(7): the change must matter, last or be far beyond all that was before, and not be
 * what the series did twice already.
 */
#ifndef MS_ANALYSIS_ANOMALY_H
#define MS_ANALYSIS_ANOMALY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

#define MS_ANOMALY_WINDOW     300u /* seconds of past that a point is compared with */
#define MS_ANOMALY_LEAST_PAST 60u  /* seconds that there must be of it */
#define MS_ANOMALY_TWICE_Z    6.0  /* two seconds in a row, or one that is farther than that: */
#define MS_ANOMALY_ONCE_Z     10.0
#define MS_ANOMALY_LONGEST    60u /* seconds; then the new level is the usual one */
#define MS_ANOMALY_LOOKS_MAX  4000u
#define MS_ANOMALIES_KEPT     1000u

/* z of x against `count` points of the past (NaN are left out); NaN with fewer than 20 of them, or
 * when they are all equal and x is, too. +-INFINITY: they are all equal and x is not. `deviation`:
 * the spread. Both may be NULL. */
double ms_robust_z(const double *past, size_t count, double x, double *median, double *deviation);

struct ms_anomaly {
    uint64_t at_ns;  /* of the model's time: when it began */
    uint64_t end_ns; /* 0: it goes on */
    enum ms_series_of of;
    int series;                     /* of that table */
    uint32_t process_id, thread_id; /* 0: of the machine; of a process */
    double value, median, z;        /* the most extreme of it */
};

struct ms_anomalies; /* opaque: watches the series of threads, processes and the machine */

struct ms_anomalies *ms_anomalies_new(void);            /* NULL: no memory */
void ms_anomalies_free(struct ms_anomalies *anomalies); /* accepts NULL */
/* Once a tick; looks once a second, at most at MS_ANOMALY_LOOKS_MAX series a look, in turn. Returns
 * 0 or -ENOMEM: then something new is not watched. */
int ms_anomalies_update(struct ms_anomalies *anomalies, const struct ms_model *model);
/* Newest first; the newest MS_ANOMALIES_KEPT are kept. */
size_t ms_anomalies_count(const struct ms_anomalies *anomalies);
const struct ms_anomaly *ms_anomalies_at(const struct ms_anomalies *anomalies, size_t index);
/* "CPU of worker-3 97 %, usually 12 % (z 8.1)"; not neutralised. */
char *ms_anomaly_text(const struct ms_anomaly *anomaly, const struct ms_model *model, char *out,
                      size_t size);

#endif
