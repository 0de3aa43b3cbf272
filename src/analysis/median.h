/* The middle of a list, without sorting all of it. For src/analysis. */
#ifndef MS_ANALYSIS_MEDIAN_H
#define MS_ANALYSIS_MEDIAN_H

#include <stddef.h>

/* The element that would be at `rank` (< count) in ascending order; reorders the list. No NaN. */
double ms_select(double *list, size_t count, size_t rank);
/* Mean of the two middle ones when the count is even; reorders the list. NaN of nothing. */
double ms_median(double *list, size_t count);

#endif
