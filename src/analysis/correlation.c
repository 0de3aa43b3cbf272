#include "analysis/correlation.h"

#include <math.h>

struct ms_correlation ms_correlate(const double *x, const double *y, size_t count)
{
    struct ms_correlation result = {0};
    double mean_x = 0;
    double mean_y = 0;
    double sxx = 0;
    double syy = 0;
    double sxy = 0;
    /* Running means: a sum of squares would lose small changes of large figures. */
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            continue;
        }
        result.n++;
        const double before_x = x[i] - mean_x;
        const double before_y = y[i] - mean_y;
        mean_x += before_x / (double)result.n;
        mean_y += before_y / (double)result.n;
        sxx += before_x * (x[i] - mean_x);
        syy += before_y * (y[i] - mean_y);
        sxy += before_x * (y[i] - mean_y);
    }
    if (result.n < 3 || !(sxx > 0) || !(syy > 0)) {
        return result;
    }
    const double r = sxy / (sqrt(sxx) * sqrt(syy));
    if (!isfinite(r)) {
        return result;
    }
    result.defined = true;
    result.pearson_r = fmax(-1.0, fmin(1.0, r));
    result.slope = sxy / sxx;
    result.intercept = mean_y - result.slope * mean_x;
    return result;
}
