/*
 * Size classes and lifetime classes of blocks, and how many blocks were in each. The classes are
 * those in which the probe counts; src/collect checks that they are.
 */
#ifndef MS_MODEL_HISTOGRAM_H
#define MS_MODEL_HISTOGRAM_H

#include <stdint.h>

#define MS_HISTOGRAM_SIZES     16u
#define MS_HISTOGRAM_LIFETIMES 15u
#define MS_HISTOGRAM_CLASSES   16u /* room for either */

struct ms_histogram {
    uint64_t events[MS_HISTOGRAM_CLASSES];
};

/*
 * Upper bound of a class: a size class holds blocks of up to so many requested bytes, a lifetime
 * class blocks that lived for less than so many nanoseconds. UINT64_MAX: there is none.
 */
uint64_t ms_size_class_bound_bytes(unsigned size_class);
uint64_t ms_lifetime_class_bound_ns(unsigned lifetime_class);

void ms_histogram_add(struct ms_histogram *sum, const struct ms_histogram *histogram);
uint64_t ms_histogram_events(const struct ms_histogram *histogram);

#endif
