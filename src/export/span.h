/* Which points of the histories a report shows, from the beginning of the session to its end. */
#ifndef MS_EXPORT_SPAN_H
#define MS_EXPORT_SPAN_H

#include "model/model.h"

struct ms_span {
    enum ms_resolution resolution;
    uint64_t step;   /* ticks in a point of the resolution */
    uint64_t first;  /* position of the first one */
    uint64_t stride; /* points that one shown stands for: their mean */
    size_t count;
};

/* The finest resolution that covers the session in `points` at most; a very long one is thinned. */
struct ms_span ms_span_of(const struct ms_model *model, uint64_t points);
/* NaN: nothing is known of it. `history` may be NULL. */
double ms_span_point(const struct ms_history *history, const struct ms_span *span, size_t index);
/* `count` of them from `index` on, in less time. */
void ms_span_points(const struct ms_history *history, const struct ms_span *span, size_t index,
                    size_t count, double *out);
/* When it begins, since the session began; and how long it is. */
uint64_t ms_span_point_ns(const struct ms_span *span, size_t index, uint64_t interval_ns);
uint64_t ms_span_width_ns(const struct ms_span *span, uint64_t interval_ns);
bool ms_span_knows(const struct ms_history *history, const struct ms_span *span);

#endif
