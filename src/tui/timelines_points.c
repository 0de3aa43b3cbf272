/* What was read of histories: a slot that is over is read once, whatever is drawn how often. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tui/timelines.h"

#define READ_AT_ONCE 256u
/* Ticks behind the end of a slot from which on it does not change: a tick may come late. */
#define SETTLE_TICKS 2u

struct ms_timelines_points *ms_timelines_points_of(struct ms_timelines_view *timelines, uint64_t id)
{
    struct ms_timelines_points *unused = NULL;
    for (size_t i = 0; i < timelines->cache_count; i++) {
        struct ms_timelines_points *points = &timelines->cache[i];
        if (points->id == id) {
            points->used = true;
            return points;
        }
        unused = points->id == 0 ? points : unused;
    }
    if (unused == NULL) {
        if (timelines->cache_count == timelines->cache_capacity) {
            return NULL;
        }
        unused = &timelines->cache[timelines->cache_count++];
    }
    if (unused->mean == NULL) {
        unused->mean = malloc(3 * MS_TIMELINES_SLOTS_MAX * sizeof *unused->mean);
        if (unused->mean == NULL) {
            return NULL;
        }
    }
    *unused = (struct ms_timelines_points){.id = id,
                                           .mean = unused->mean,
                                           .lowest = unused->mean + MS_TIMELINES_SLOTS_MAX,
                                           .highest = unused->mean + 2 * MS_TIMELINES_SLOTS_MAX,
                                           .used = true};
    return unused;
}

void ms_timelines_points_sweep(struct ms_timelines_view *timelines)
{
    for (size_t i = 0; i < timelines->cache_count; i++) {
        if (!timelines->cache[i].used) {
            timelines->cache[i].id = 0;
        }
        timelines->cache[i].used = false;
    }
}

void ms_timelines_points_free(struct ms_timelines_view *timelines)
{
    for (size_t i = 0; i < timelines->cache_count; i++) {
        free(timelines->cache[i].mean);
    }
    free(timelines->cache);
}

static void read_slot(struct ms_timelines_points *points, const struct ms_history *const *histories,
                      size_t count, uint64_t slot)
{
    double values[READ_AT_ONCE];
    double sum = 0;
    double lowest = INFINITY;
    double highest = -INFINITY;
    size_t known = 0;
    for (size_t h = 0; h < count; h++) {
        for (uint64_t done = 0; histories[h] != NULL && done < points->per;) {
            const size_t left = (size_t)(points->per - done);
            const size_t here = left < READ_AT_ONCE ? left : READ_AT_ONCE;
            ms_history_read_at(histories[h], points->resolution, slot * points->per + done, here,
                               values);
            for (size_t i = 0; i < here; i++) {
                if (!isnan(values[i])) {
                    sum += values[i];
                    lowest = values[i] < lowest ? values[i] : lowest;
                    highest = values[i] > highest ? values[i] : highest;
                    known++;
                }
            }
            done += here;
        }
    }
    const size_t at = slot % MS_TIMELINES_SLOTS_MAX;
    points->mean[at] = known > 0 ? (float)(sum / (double)known) : NAN;
    points->lowest[at] = known > 0 ? (float)lowest : NAN;
    points->highest[at] = known > 0 ? (float)highest : NAN;
}

void ms_timelines_points_read(struct ms_timelines_points *points,
                              const struct ms_history *const *histories, size_t count,
                              const struct ms_timelines_span *span)
{
    if (points->resolution != span->resolution || points->per != span->per ||
        points->begin > span->end || points->end < span->first) {
        points->resolution = span->resolution;
        points->per = span->per;
        points->begin = points->end = span->first;
        points->scale = 0;
    }
    while (points->begin > span->first) {
        read_slot(points, histories, count, --points->begin);
    }
    const uint64_t settled =
        span->now_ticks > SETTLE_TICKS ? (span->now_ticks - SETTLE_TICKS) / span->slot_ticks : 0;
    for (uint64_t slot = points->end; slot < span->end; slot++) {
        read_slot(points, histories, count, slot);
    }
    const uint64_t end = span->end < settled ? span->end : settled;
    points->end = end > points->end ? end : points->end;
    if (points->begin + MS_TIMELINES_SLOTS_MAX < span->end) {
        points->begin = span->end - MS_TIMELINES_SLOTS_MAX;
    }
    if (points->end > points->begin + MS_TIMELINES_SLOTS_MAX) {
        points->end = points->begin + MS_TIMELINES_SLOTS_MAX;
    }
}

double ms_timelines_mean_at(const struct ms_timelines_points *points,
                            const struct ms_timelines_span *span, uint64_t slot)
{
    const bool inside = slot >= span->first && slot < span->end;
    return inside ? (double)points->mean[slot % MS_TIMELINES_SLOTS_MAX] : (double)NAN;
}

void ms_timelines_points_put(const struct ms_timelines_points *points,
                             const struct ms_timelines_span *span, double *out)
{
    for (size_t i = 0; i < span->points; i++) {
        const uint64_t back = (span->points - 1 - i) / span->stretch + 1;
        out[i] =
            span->end >= back ? ms_timelines_mean_at(points, span, span->end - back) : (double)NAN;
    }
}

struct ms_timelines_figures ms_timelines_figures_of(const struct ms_timelines_points *points,
                                                    const struct ms_timelines_span *span)
{
    struct ms_timelines_figures figures = {.lowest = NAN, .mean = NAN, .highest = NAN};
    double sum = 0;
    size_t known = 0;
    for (uint64_t slot = span->first; slot < span->end; slot++) {
        const size_t at = slot % MS_TIMELINES_SLOTS_MAX;
        if (isnan(points->mean[at])) {
            continue;
        }
        if (!((double)points->lowest[at] >= figures.lowest)) {
            figures.lowest = (double)points->lowest[at];
        }
        if (!((double)points->highest[at] <= figures.highest)) {
            figures.highest = (double)points->highest[at];
            figures.highest_slot = slot;
        }
        sum += (double)points->mean[at];
        known++;
    }
    figures.mean = known > 0 ? sum / (double)known : (double)NAN;
    return figures;
}
