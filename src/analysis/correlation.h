/*
 * Pearson r and least squares of two series of equal length; pairs with a NaN are left out.
 * r = Sxy / sqrt(Sxx Syy); slope = Sxy / Sxx; intercept = mean(y) - slope mean(x).
 */
#ifndef MS_ANALYSIS_CORRELATION_H
#define MS_ANALYSIS_CORRELATION_H

#include <stdbool.h>
#include <stddef.h>

struct ms_correlation {
    size_t n;     /* pairs used */
    bool defined; /* false: n < 3 or a constant series; then r is n/a */
    double pearson_r, slope, intercept;
};

/* The same point by point; zeroed is empty. Points with a NaN or an infinity are left out. */
struct ms_correlation_sums {
    size_t n;
    double mean_x, mean_y, sxx, syy, sxy;
};
void ms_correlation_add(struct ms_correlation_sums *sums, double x, double y);
struct ms_correlation ms_correlation_of(const struct ms_correlation_sums *sums);

struct ms_correlation ms_correlate(const double *x, const double *y, size_t count);

#endif
