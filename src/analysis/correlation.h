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

struct ms_correlation ms_correlate(const double *x, const double *y, size_t count);

#endif
