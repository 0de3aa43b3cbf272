#include "analysis/pairs.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_SECONDS 3600u

static size_t seconds_within(unsigned seconds)
{
    return seconds < 1 ? 1 : seconds < MOST_SECONDS ? seconds : MOST_SECONDS;
}

/* The seconds of one thing, read series by series; a buffer for each series of its table. */
struct reader {
    const struct ms_model *model;
    size_t seconds;
    uint64_t first; /* position of the first second */
    double *points; /* series x seconds */
};

static int reader_open(struct reader *reader, const struct ms_model *model, unsigned seconds,
                       int series)
{
    const uint64_t step = ms_history_step(ms_model_interval_ns(model), MS_RESOLUTION_SECOND);
    /* The last tick may have begun a second that has hardly a point yet: only whole ones count. */
    const uint64_t end = ms_model_ticks(model) / step;
    reader->model = model;
    reader->seconds = seconds_within(seconds);
    if (reader->seconds > end) {
        reader->seconds = (size_t)end;
    }
    reader->first = end - reader->seconds;
    reader->points = calloc((reader->seconds > 0 ? reader->seconds : 1) * (size_t)series,
                            sizeof(*reader->points));
    return reader->points != NULL ? 0 : -ENOMEM;
}

static double *points_of(const struct reader *reader, int slot)
{
    return reader->points + (size_t)slot * reader->seconds;
}

static void read_into(const struct reader *reader, int slot, const struct ms_history *history)
{
    double *points = points_of(reader, slot);
    if (history != NULL) {
        ms_history_read_at(history, MS_RESOLUTION_SECOND, reader->first, reader->seconds, points);
        return;
    }
    for (size_t i = 0; i < reader->seconds; i++) {
        points[i] = (double)NAN;
    }
}

static uint64_t time_of(const struct reader *reader, size_t second)
{
    const uint64_t interval_ns = ms_model_interval_ns(reader->model);
    const uint64_t step = ms_history_step(interval_ns, MS_RESOLUTION_SECOND);
    return ms_model_start_ns(reader->model) + (reader->first + second) * step * interval_ns;
}

/* What is in scope, thread by thread or process by process. */
struct things {
    const struct ms_model *model;
    const struct ms_scope *scope;
    enum ms_series_of of;
    size_t next;
};

struct thing {
    uint32_t thread_id;
    struct ms_history *const *history;
};

static bool next_thing(struct things *things, struct thing *thing)
{
    const struct ms_model *model = things->model;
    while (things->of == MS_SERIES_OF_THREAD && things->next < ms_model_thread_count(model)) {
        const struct ms_thread *thread = ms_model_thread(model, things->next++);
        if (ms_scope_has_thread(things->scope, model, thread)) {
            *thing = (struct thing){.thread_id = thread->id, .history = thread->history};
            return true;
        }
    }
    while (things->of == MS_SERIES_OF_PROCESS && things->next < ms_model_process_count(model)) {
        const struct ms_process *process = ms_model_process(model, things->next++);
        if (ms_scope_has_process(things->scope, model, process)) {
            *thing = (struct thing){.history = process->history};
            return true;
        }
    }
    if (things->of == MS_SERIES_OF_SYSTEM && things->next == 0) {
        things->next = 1;
        *thing = (struct thing){.history = ms_model_system(model)->history};
        return true;
    }
    return false;
}

static int compare_newest_first(const void *a, const void *b)
{
    const struct ms_point *left = a;
    const struct ms_point *right = b;
    if (left->at_ns != right->at_ns) {
        return left->at_ns > right->at_ns ? -1 : 1;
    }
    return left->thread_id < right->thread_id ? -1 : left->thread_id > right->thread_id;
}

static int keep_point(struct ms_scatter *scatter, size_t *capacity, const struct ms_point *point)
{
    if (scatter->count == *capacity) {
        const size_t grown = *capacity > 0 ? 2 * *capacity : 256;
        struct ms_point *points = reallocarray(scatter->points, grown, sizeof(*points));
        if (points == NULL) {
            return -ENOMEM;
        }
        scatter->points = points;
        *capacity = grown;
    }
    scatter->points[scatter->count++] = *point;
    return 0;
}

static int add_thing(struct ms_scatter *scatter, size_t *capacity, const struct reader *reader,
                     const struct thing *thing)
{
    const double *x = points_of(reader, 0);
    const double *y = points_of(reader, 1);
    const double *intensity = points_of(reader, 2);
    const size_t before = scatter->count;
    for (size_t i = 0; i < reader->seconds; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            continue;
        }
        const struct ms_point point = {.x = x[i],
                                       .y = y[i],
                                       .intensity = intensity[i],
                                       .thread_id = thing->thread_id,
                                       .at_ns = time_of(reader, i)};
        if (keep_point(scatter, capacity, &point) != 0) {
            return -ENOMEM;
        }
    }
    scatter->threads += scatter->count > before && thing->thread_id != 0 ? 1 : 0;
    return 0;
}

static void set_ranges(struct ms_scatter *scatter)
{
    double highest = 0;
    scatter->low_x = scatter->high_x = scatter->low_y = scatter->high_y = (double)NAN;
    for (size_t i = 0; i < scatter->count; i++) {
        const struct ms_point *point = &scatter->points[i];
        scatter->low_x = fmin(scatter->low_x, point->x);
        scatter->high_x = fmax(scatter->high_x, point->x);
        scatter->low_y = fmin(scatter->low_y, point->y);
        scatter->high_y = fmax(scatter->high_y, point->y);
        highest = fmax(highest, point->intensity);
    }
    for (size_t i = 0; i < scatter->count; i++) {
        double *intensity = &scatter->points[i].intensity;
        *intensity = isfinite(*intensity) && highest > 0 ? fmax(0, *intensity / highest)
                     : isfinite(*intensity)              ? 0
                                                         : (double)NAN;
    }
}

static struct ms_correlation fit_of(const struct ms_scatter *scatter)
{
    struct ms_correlation_sums sums = {0};
    for (size_t i = 0; i < scatter->count; i++) {
        ms_correlation_add(&sums, scatter->points[i].x, scatter->points[i].y);
    }
    return ms_correlation_of(&sums);
}

int ms_scatter_of(const struct ms_model *model, const struct ms_scope *scope, struct ms_axis x,
                  struct ms_axis y, struct ms_axis intensity, unsigned seconds, size_t most,
                  struct ms_scatter *out)
{
    struct reader reader;
    struct things things = {.model = model, .scope = scope, .of = x.of};
    struct thing thing;
    size_t capacity = 0;
    *out = (struct ms_scatter){0};
    int error = x.of == y.of ? reader_open(&reader, model, seconds, 3) : -EINVAL;
    if (error != 0) {
        return error;
    }
    while (error == 0 && next_thing(&things, &thing)) {
        read_into(&reader, 0, thing.history[x.series]);
        read_into(&reader, 1, thing.history[y.series]);
        read_into(&reader, 2, intensity.of == x.of ? thing.history[intensity.series] : NULL);
        error = add_thing(out, &capacity, &reader, &thing);
    }
    free(reader.points);
    if (error != 0) {
        ms_scatter_free(out);
        return error;
    }
    if (out->count > 0) {
        qsort(out->points, out->count, sizeof(*out->points), compare_newest_first);
    }
    out->count = out->count < most ? out->count : most;
    set_ranges(out);
    out->fit = fit_of(out);
    return 0;
}

void ms_scatter_free(struct ms_scatter *scatter)
{
    free(scatter->points);
    *scatter = (struct ms_scatter){0};
}

int ms_pair_fit(const struct ms_model *model, const struct ms_history *x,
                const struct ms_history *y, unsigned seconds, struct ms_correlation *out)
{
    struct reader reader;
    *out = (struct ms_correlation){0};
    const int error = reader_open(&reader, model, seconds, 2);
    if (error == 0) {
        read_into(&reader, 0, x);
        read_into(&reader, 1, y);
        *out = ms_correlate(points_of(&reader, 0), points_of(&reader, 1), reader.seconds);
        free(reader.points);
    }
    return error;
}

/* Bytes of sockets are among those that were read and written: no discovery. `x` < `y`. */
static bool one_by_definition(enum ms_series_of of, int x, int y)
{
    static const struct {
        enum ms_series_of of;
        int x, y;
    } known[] = {
        {MS_SERIES_OF_THREAD, MS_SERIES_IO_BYTES_PER_S, MS_SERIES_NETWORK_PER_S},
        {MS_SERIES_OF_PROCESS, MS_PROCESS_SERIES_READ_PER_S, MS_PROCESS_SERIES_RECEIVED_PER_S},
        {MS_SERIES_OF_PROCESS, MS_PROCESS_SERIES_WRITTEN_PER_S, MS_PROCESS_SERIES_SENT_PER_S},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].of == of && known[i].x == x && known[i].y == y) {
            return true;
        }
    }
    return false;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct ms_pair *left = a;
    const struct ms_pair *right = b;
    if (left->fit.defined != right->fit.defined) {
        return left->fit.defined ? -1 : 1;
    }
    const double of_left = fabs(left->fit.pearson_r);
    const double of_right = fabs(right->fit.pearson_r);
    if (left->fit.defined && of_left != of_right) {
        return of_left > of_right ? -1 : 1;
    }
    if (left->x.series != right->x.series) {
        return left->x.series < right->x.series ? -1 : 1;
    }
    return left->y.series < right->y.series ? -1 : left->y.series > right->y.series;
}

size_t ms_pairs_of(const struct ms_model *model, const struct ms_scope *scope, enum ms_series_of of,
                   unsigned seconds, struct ms_pair *out, size_t capacity)
{
    const int series = ms_series_count(of);
    struct ms_correlation_sums *sums = calloc((size_t)series * (size_t)series, sizeof(*sums));
    struct ms_pair *pairs = calloc((size_t)series * (size_t)series, sizeof(*pairs));
    struct reader reader = {.points = NULL};
    size_t count = 0;
    if (sums != NULL && pairs != NULL && reader_open(&reader, model, seconds, series) == 0) {
        struct things things = {.model = model, .scope = scope, .of = of};
        struct thing thing;
        while (next_thing(&things, &thing)) {
            for (int i = 0; i < series; i++) {
                read_into(&reader, i, thing.history[i]);
            }
            for (int x = 0; x < series; x++) {
                for (int y = x + 1; y < series; y++) {
                    const double *of_x = points_of(&reader, x);
                    const double *of_y = points_of(&reader, y);
                    for (size_t i = 0; i < reader.seconds; i++) {
                        ms_correlation_add(&sums[x * series + y], of_x[i], of_y[i]);
                    }
                }
            }
        }
        for (int x = 0; x < series; x++) {
            for (int y = x + 1; y < series; y++) {
                if (!one_by_definition(of, x, y)) {
                    pairs[count++] =
                        (struct ms_pair){.x = {of, x},
                                         .y = {of, y},
                                         .fit = ms_correlation_of(&sums[x * series + y])};
                }
            }
        }
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
        count = count < capacity ? count : capacity;
        for (size_t i = 0; i < count; i++) {
            out[i] = pairs[i];
        }
    }
    free(reader.points);
    free(pairs);
    free(sums);
    return count;
}

/* Where most of a figure is: its mean over the seconds; NaN: none known. */
static double mean_y(const struct ms_scatter *scatter)
{
    double sum = 0;
    for (size_t i = 0; i < scatter->count; i++) {
        sum += scatter->points[i].y;
    }
    return scatter->count > 0 ? sum / (double)scatter->count : (double)NAN;
}

static double mean_x(const struct ms_scatter *scatter)
{
    double sum = 0;
    for (size_t i = 0; i < scatter->count; i++) {
        sum += scatter->points[i].x;
    }
    return scatter->count > 0 ? sum / (double)scatter->count : (double)NAN;
}

char *ms_pattern_text(const struct ms_model *model, const struct ms_scope *scope, unsigned seconds,
                      char *out, size_t size)
{
    static const struct ms_axis cpu = {MS_SERIES_OF_THREAD, MS_SERIES_CPU_PCT};
    static const struct ms_axis allocated = {MS_SERIES_OF_THREAD, MS_SERIES_ALLOCATED_PER_S};
    static const struct ms_axis io = {MS_SERIES_OF_THREAD, MS_SERIES_IO_BYTES_PER_S};
    struct ms_scatter memory;
    struct ms_scatter moved;
    out[0] = '\0';
    if (ms_scatter_of(model, scope, cpu, allocated, io, seconds, 100000, &memory) != 0) {
        return out;
    }
    if (ms_scatter_of(model, scope, cpu, io, io, seconds, 100000, &moved) != 0) {
        ms_scatter_free(&memory);
        return out;
    }
    const double used = mean_x(moved.count > memory.count ? &moved : &memory);
    const double per_s = mean_y(&moved);
    if (moved.fit.defined && moved.fit.n >= 10 && moved.fit.pearson_r >= 0.6 && per_s >= 1e6) {
        (void)snprintf(out, size, "data-moving: CPU goes with bytes read and written, r %.2f",
                       moved.fit.pearson_r);
    } else if (memory.fit.defined && memory.fit.n >= 10 && memory.fit.pearson_r >= 0.6) {
        (void)snprintf(out, size, "allocating: CPU goes with bytes allocated, r %.2f",
                       memory.fit.pearson_r);
    } else if (used >= 25) {
        (void)snprintf(out, size,
                       "compute-bound: CPU %.0f %% on average, going with neither I/O nor "
                       "allocation",
                       used);
    }
    ms_scatter_free(&memory);
    ms_scatter_free(&moved);
    return out;
}
