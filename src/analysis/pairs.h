/*
 * Correlations between the series of the model: points of a scatter plot, its fit, and which pairs
 * of figures go together the most. Pure, apart from the model's histories that it reads.
 *
 * r is over what `points` are: one thread's own seconds, or the seconds of all threads pooled.
 */
#ifndef MS_ANALYSIS_PAIRS_H
#define MS_ANALYSIS_PAIRS_H

#include "analysis/correlation.h"
#include "analysis/findings.h"
#include "model/model.h"
#include "model/scope.h"

struct ms_axis {
    enum ms_series_of of; /* of threads, or of processes (then scope.thread_id is 0) */
    int series;
};

struct ms_point {
    double x, y;
    double intensity;   /* of the third figure, 0..1 of its highest; NaN: not known */
    uint32_t thread_id; /* 0: of a process */
    uint64_t at_ns;     /* of the model's time */
};

struct ms_scatter {
    size_t count;
    struct ms_point *points;
    size_t threads; /* that have points */
    struct ms_correlation fit;
    double low_x, high_x, low_y, high_y;
};

/*
 * Points of a second each over the last `seconds` (at most 3,600), of every thread in scope that
 * lived in it, or of one thread; at most `most` points, the newest. Freed by ms_scatter_free.
 * Returns 0 or -ENOMEM.
 */
int ms_scatter_of(const struct ms_model *model, const struct ms_scope *scope, struct ms_axis x,
                  struct ms_axis y, struct ms_axis intensity, unsigned seconds, size_t most,
                  struct ms_scatter *out);
void ms_scatter_free(struct ms_scatter *scatter);

/*
 * The fit of two series of one thing over its whole seconds, at most the last `seconds`; undefined
 * where a history is NULL. Returns 0 or -ENOMEM.
 */
int ms_pair_fit(const struct ms_model *model, const struct ms_history *x,
                const struct ms_history *y, unsigned seconds, struct ms_correlation *out);

struct ms_pair {
    struct ms_axis x, y;
    struct ms_correlation fit;
};
/*
 * All pairs of series of threads (or of a process when `scope` has no thread and `of` says so),
 * strongest |r| first, those that are undefined last. At most `capacity`; returns how many.
 * Pairs that are one by definition (a figure and its own sum) are left out.
 */
size_t ms_pairs_of(const struct ms_model *model, const struct ms_scope *scope, enum ms_series_of of,
                   unsigned seconds, struct ms_pair *out, size_t capacity);

/* "compute-bound", "data-moving", ... and why; "" when nothing can be said. From r of CPU and
 * allocation rate, of CPU and I/O, and their levels. */
char *ms_pattern_text(const struct ms_model *model, const struct ms_scope *scope, unsigned seconds,
                      char *out, size_t size);

#endif
