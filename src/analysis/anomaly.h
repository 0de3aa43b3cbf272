/*
 * Points of a series that do not fit its own past: robust z-score
 *
 *   z = 0.6745 (x - median) / MAD        (Iglewicz and Hoaglin 1993)
 *
 * over the window before the point, MAD the median absolute deviation; with MAD 0 the mean absolute
 * deviation x 0.7979 takes its place (x 1.2533 / 0.6745 of the same source). |z| > 3.5 is an
 * anomaly when the change matters as well: see `least`. The formula is in ANOMALIES of
 * memscope-top(7).
 */
#ifndef MS_ANALYSIS_ANOMALY_H
#define MS_ANALYSIS_ANOMALY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/* z of x against `count` points of the past (NaN are left out); NaN with fewer than 20 of them, or
 * when they are all equal and x is, too. +-INFINITY: they are all equal and x is not. */
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
/* Once a tick; looks once a second, at most 1,000 series a look. Returns 0 or -ENOMEM. */
int ms_anomalies_update(struct ms_anomalies *anomalies, const struct ms_model *model);
/* Newest first; the newest 1,000 are kept. */
size_t ms_anomalies_count(const struct ms_anomalies *anomalies);
const struct ms_anomaly *ms_anomalies_at(const struct ms_anomalies *anomalies, size_t index);
/* "CPU of worker-3 97 %, usually 12 % (z 8.1)"; not neutralised. */
char *ms_anomaly_text(const struct ms_anomaly *anomaly, const struct ms_model *model, char *out,
                      size_t size);

#endif
