#include "model/histogram.h"

#define TICK_NS (UINT64_C(1) << 20)

uint64_t ms_size_class_bound_bytes(unsigned size_class)
{
    static const uint64_t bounds[MS_HISTOGRAM_SIZES] = {
        16,   32,   64,    128,   256,    512,     1024,     2048,
        4096, 8192, 16384, 65536, 262144, 1048576, 16777216, UINT64_MAX,
    };
    return size_class < MS_HISTOGRAM_SIZES ? bounds[size_class] : UINT64_MAX;
}

uint64_t ms_lifetime_class_bound_ns(unsigned lifetime_class)
{
    return lifetime_class + 1 < MS_HISTOGRAM_LIFETIMES ? TICK_NS << (2 * lifetime_class)
                                                       : UINT64_MAX;
}

void ms_histogram_add(struct ms_histogram *sum, const struct ms_histogram *histogram)
{
    for (unsigned i = 0; i < MS_HISTOGRAM_CLASSES; i++) {
        sum->events[i] += histogram->events[i];
    }
}

uint64_t ms_histogram_events(const struct ms_histogram *histogram)
{
    uint64_t events = 0;
    for (unsigned i = 0; i < MS_HISTOGRAM_CLASSES; i++) {
        events += histogram->events[i];
    }
    return events;
}
