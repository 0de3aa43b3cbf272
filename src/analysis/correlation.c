#include "analysis/correlation.h"

#include <math.h>

/* Running means: a sum of squares would lose small changes of large figures. */
void ms_correlation_add(struct ms_correlation_sums *sums, double x, double y)
{
    if (!isfinite(x) || !isfinite(y)) {
        return;
    }
    sums->n++;
    const double before_x = x - sums->mean_x;
    const double before_y = y - sums->mean_y;
    sums->mean_x += before_x / (double)sums->n;
    sums->mean_y += before_y / (double)sums->n;
    sums->sxx += before_x * (x - sums->mean_x);
    sums->syy += before_y * (y - sums->mean_y);
    sums->sxy += before_x * (y - sums->mean_y);
}

struct ms_correlation ms_correlation_of(const struct ms_correlation_sums *sums)
{
    struct ms_correlation result = {.n = sums->n};
    if (sums->n < 3 || !(sums->sxx > 0) || !(sums->syy > 0)) {
        return result;
    }
    const double r = sums->sxy / (sqrt(sums->sxx) * sqrt(sums->syy));
    if (!isfinite(r)) {
        return result;
    }
    result.defined = true;
    result.pearson_r = fmax(-1.0, fmin(1.0, r));
    result.slope = sums->sxy / sums->sxx;
    result.intercept = sums->mean_y - result.slope * sums->mean_x;
    return result;
}

struct ms_correlation ms_correlate(const double *x, const double *y, size_t count)
{
    struct ms_correlation_sums sums = {0};
    for (size_t i = 0; i < count; i++) {
        ms_correlation_add(&sums, x[i], y[i]);
    }
    return ms_correlation_of(&sums);
}
