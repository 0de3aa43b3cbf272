#include "export/span.h"

#include <math.h>

struct ms_span ms_span_of(const struct ms_model *model, uint64_t points)
{
    struct ms_span span = {.stride = 1};
    const uint64_t first_tick = ms_model_first_tick(model);
    const uint64_t end_tick = ms_model_ticks(model);
    if (end_tick == 0) {
        return span;
    }
    uint64_t there = 0;
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        span.resolution = (enum ms_resolution)i;
        span.step = ms_history_step(ms_model_interval_ns(model), span.resolution);
        span.first = first_tick / span.step;
        there = (end_tick - 1) / span.step - span.first + 1;
        if (there <= points) {
            break;
        }
    }
    span.stride = (there + points - 1) / points;
    span.count = (size_t)((there + span.stride - 1) / span.stride);
    return span;
}

double ms_span_point(const struct ms_history *history, const struct ms_span *span, size_t index)
{
    double sum = 0;
    unsigned present = 0;
    for (uint64_t i = 0; history != NULL && i < span->stride; i++) {
        double value;
        if (ms_history_read_at(history, span->resolution, span->first + index * span->stride + i, 1,
                               &value) > 0) {
            sum += value;
            present++;
        }
    }
    return present > 0 ? sum / present : NAN;
}

void ms_span_points(const struct ms_history *history, const struct ms_span *span, size_t index,
                    size_t count, double *out)
{
    if (history != NULL && span->stride == 1) {
        (void)ms_history_read_at(history, span->resolution, span->first + index, count, out);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = ms_span_point(history, span, index + i);
    }
}

uint64_t ms_span_width_ns(const struct ms_span *span, uint64_t interval_ns)
{
    return span->step * span->stride * interval_ns;
}

uint64_t ms_span_point_ns(const struct ms_span *span, size_t index, uint64_t interval_ns)
{
    return span->first * span->step * interval_ns + index * ms_span_width_ns(span, interval_ns);
}

bool ms_span_knows(const struct ms_history *history, const struct ms_span *span)
{
    for (size_t i = 0; i < span->count; i++) {
        if (!isnan(ms_span_point(history, span, i))) {
            return true;
        }
    }
    return false;
}
