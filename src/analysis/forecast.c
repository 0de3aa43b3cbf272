#include "analysis/forecast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/median.h"
#include "model/format.h"

#define BINS         60u /* that the seconds of the window are averaged to */
#define POINTS_LEAST 5u
#define LEVEL_95     1.959964

static const struct {
    const char *name, *word;
} kinds[MS_LIMIT_TOTAL] = {
#define MS_LIMIT_ROW(id, name_, word_, what) [MS_LIMIT_##id] = {name_, word_},
    MS_LIMITS(MS_LIMIT_ROW)
#undef MS_LIMIT_ROW
};

const char *ms_limit_name(enum ms_limit_kind kind)
{
    return kinds[kind].name;
}

const char *ms_limit_word(enum ms_limit_kind kind)
{
    return kinds[kind].word;
}

bool ms_theil_sen(const double *x, const double *y, size_t count, double *slope, double *low,
                  double *high)
{
    if (count < POINTS_LEAST) {
        return false;
    }
    double *slopes = malloc(count * (count - 1) / 2 * sizeof(*slopes));
    size_t pairs = 0;
    for (size_t i = 0; slopes != NULL && i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (x[j] != x[i]) {
                slopes[pairs++] = (y[j] - y[i]) / (x[j] - x[i]);
            }
        }
    }
    if (pairs == 0) {
        free(slopes);
        return false;
    }
    /* Sen 1968: ranks of the interval by the variance of Kendall's statistic. */
    const double n = (double)count;
    const double width = LEVEL_95 * sqrt(n * (n - 1) * (2 * n + 5) / 18);
    const double lower = floor(((double)pairs - width) / 2);
    const double upper = ceil(((double)pairs + width) / 2);
    *slope = ms_median(slopes, pairs);
    *low = ms_select(slopes, pairs, lower > 0 ? (size_t)lower : 0);
    *high = ms_select(slopes, pairs, upper < (double)pairs ? (size_t)upper : pairs - 1);
    free(slopes);
    return true;
}

/* The past of a figure, in means of equal spans. */
struct past {
    size_t count;
    double x[BINS], y[BINS]; /* seconds before now (negative); the figure */
    double seconds;          /* that they span */
};

static void read_past(struct past *past, const struct ms_model *model,
                      const struct ms_history *history)
{
    enum { PER_BIN = MS_FORECAST_WINDOW / BINS };
    double seconds[MS_FORECAST_WINDOW];
    past->count = 0;
    past->seconds = 0;
    if (history == NULL) {
        return;
    }
    const uint64_t step = ms_history_step(ms_model_interval_ns(model), MS_RESOLUTION_SECOND);
    const double second = (double)(step * ms_model_interval_ns(model)) / 1e9;
    ms_history_read(history, MS_RESOLUTION_SECOND, MS_FORECAST_WINDOW, seconds);
    for (size_t bin = 0; bin < BINS; bin++) {
        double sum = 0;
        double at = 0;
        size_t known = 0;
        for (size_t i = bin * PER_BIN; i < (bin + 1) * PER_BIN; i++) {
            if (isfinite(seconds[i])) {
                sum += seconds[i];
                at += (double)i;
                known++;
            }
        }
        if (known > 0) {
            past->x[past->count] = (at / (double)known - (MS_FORECAST_WINDOW - 1)) * second;
            past->y[past->count++] = sum / (double)known;
        }
    }
    if (past->count > 0) {
        past->seconds = past->x[past->count - 1] - past->x[0];
    }
}

/* 1 - variance of what a line of this slope leaves / variance, at least 0. */
static double fit_of(const struct past *past, double slope)
{
    double mean_y = 0;
    double mean_rest = 0;
    double all = 0;
    double rest = 0;
    for (size_t i = 0; i < past->count; i++) {
        mean_y += past->y[i] / (double)past->count;
        mean_rest += (past->y[i] - slope * past->x[i]) / (double)past->count;
    }
    for (size_t i = 0; i < past->count; i++) {
        const double left = past->y[i] - slope * past->x[i] - mean_rest;
        all += (past->y[i] - mean_y) * (past->y[i] - mean_y);
        rest += left * left;
    }
    return all > 0 ? fmax(0, 1 - rest / all) : 0;
}

/* The last third alone: what saturates must not be taken for what goes on. */
static void last_third(struct past *past)
{
    const size_t kept = past->count / 3;
    for (size_t i = 0; i < kept; i++) {
        past->x[i] = past->x[past->count - kept + i];
        past->y[i] = past->y[past->count - kept + i];
    }
    past->count = kept;
}

static void foresee(struct ms_forecast *forecast, const struct past *all)
{
    double slope;
    double low;
    double high;
    double recent;
    double recent_low;
    double recent_high;
    forecast->slope_per_s = forecast->seconds_left = (double)NAN;
    forecast->low_s = forecast->high_s = (double)NAN;
    forecast->confidence = 0;
    if (all->seconds < MS_FORECAST_LEAST_S ||
        !ms_theil_sen(all->x, all->y, all->count, &slope, &low, &high)) {
        return;
    }
    struct past third = *all;
    last_third(&third);
    if (ms_theil_sen(third.x, third.y, third.count, &recent, &recent_low, &recent_high) &&
        recent_high < slope) {
        slope = recent;
        low = recent_low;
        high = recent_high;
    }
    forecast->slope_per_s = slope;
    const double room = fmax(0, forecast->limit - forecast->used);
    const bool grows = low > 0;
    forecast->seconds_left = grows ? room / slope : (double)INFINITY;
    forecast->low_s = high > 0 ? room / high : (double)INFINITY;
    forecast->high_s = grows ? room / low : (double)INFINITY;
    forecast->confidence =
        grows ? fit_of(all, slope) * fmin(1, all->seconds / (0.9 * MS_FORECAST_WINDOW)) : 0;
}

static char *span_text(char *out, size_t size, double seconds)
{
    if (seconds < 120) {
        (void)snprintf(out, size, "%.0f s", seconds);
    } else if (seconds < 7200) {
        (void)snprintf(out, size, "%.0f min", seconds / 60);
    } else if (seconds < 172800) {
        (void)snprintf(out, size, "%.1f h", seconds / 3600);
    } else {
        (void)snprintf(out, size, "%.0f days", seconds / 86400);
    }
    return out;
}

static bool in_bytes(enum ms_limit_kind kind)
{
    return kind != MS_LIMIT_FILES && kind != MS_LIMIT_THREADS;
}

static void write_sentence(struct ms_forecast *forecast)
{
    char limit[MS_FORMAT_MAX];
    char left[32];
    char low[32];
    char high[32];
    char *out = forecast->sentence;
    const size_t size = sizeof(forecast->sentence);
    (void)(in_bytes(forecast->kind) ? ms_format_bytes(limit, sizeof(limit), forecast->limit)
                                    : ms_format_count(limit, sizeof(limit), forecast->limit));
    const double used_pct = 100 * forecast->used / forecast->limit;
    if (isnan(forecast->seconds_left)) {
        (void)snprintf(out, size, "%s of %s: %.0f %% used; too early for a forecast",
                       ms_limit_word(forecast->kind), limit, used_pct);
    } else if (isinf(forecast->seconds_left)) {
        (void)snprintf(out, size, "%s of %s: %.0f %% used, not growing",
                       ms_limit_word(forecast->kind), limit, used_pct);
    } else {
        (void)snprintf(out, size, "%s of %s in about %s (%s to %s), %.0f %% used",
                       ms_limit_word(forecast->kind), limit,
                       span_text(left, sizeof(left), forecast->seconds_left),
                       span_text(low, sizeof(low), forecast->low_s),
                       span_text(high, sizeof(high), forecast->high_s), used_pct);
    }
}

/* What a limit is about; `history` of `used`, or of the room that is left when `of_rest`. */
struct limit {
    double used, limit;
    const struct ms_history *history;
    bool of_rest;
};

static double limit_of(uint64_t limit)
{
    return limit == MS_NO_LIMIT ? (double)NAN : (double)limit;
}

static struct limit gpu_limit(const struct ms_model *model, const struct ms_process *process)
{
    const struct ms_system *system = ms_model_system(model);
    struct limit limit = {.limit = (double)NAN};
    for (size_t i = 0; i < system->gpu_count; i++) {
        const struct ms_gpu *gpu = &system->gpus[i];
        for (size_t u = 0; u < gpu->user_count && u < MS_GPU_USERS_MAX; u++) {
            if (gpu->users[u].process_id == process->id && gpu->memory_total_bytes > 0 &&
                !gpu->lost) {
                limit.used = (double)gpu->memory_used_bytes;
                limit.limit = (double)gpu->memory_total_bytes;
                limit.history = gpu->memory_history;
            }
        }
    }
    return limit;
}

static struct limit data_limit(const struct ms_process *process)
{
    static const enum ms_memory_part parts[] = {MS_MEMORY_PART_HEAP, MS_MEMORY_PART_ANONYMOUS,
                                                MS_MEMORY_PART_STACKS, MS_MEMORY_PART_PROBE};
    const struct ms_memory_map *map = &process->resources.map;
    struct limit limit = {.limit = (double)NAN};
    if (map->have && process->resources.limits.have) {
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
            limit.used += (double)map->parts[parts[i]].mapped_bytes;
        }
        limit.limit = limit_of(process->resources.limits.data_bytes);
        limit.history = process->history[MS_PROCESS_SERIES_VIRTUAL_BYTES];
    }
    return limit;
}

static struct limit limit_of_kind(const struct ms_model *model, const struct ms_process *process,
                                  enum ms_limit_kind kind)
{
    const struct ms_system *system = ms_model_system(model);
    const struct ms_resources *resources = &process->resources;
    const struct limit none = {.limit = (double)NAN};
    switch (kind) {
    case MS_LIMIT_CGROUP_MEMORY:
        return !resources->cgroup.have
                   ? none
                   : (struct limit){.used = (double)resources->cgroup.memory_bytes,
                                    .limit = limit_of(resources->cgroup.memory_max_bytes),
                                    .history = process->history[MS_PROCESS_SERIES_CGROUP_BYTES]};
    case MS_LIMIT_ADDRESS_SPACE:
        return !resources->limits.have || !process->kernel.have_memory
                   ? none
                   : (struct limit){.used = (double)process->kernel.virtual_bytes,
                                    .limit = limit_of(resources->limits.address_space_bytes),
                                    .history = process->history[MS_PROCESS_SERIES_VIRTUAL_BYTES]};
    case MS_LIMIT_DATA:
        return data_limit(process);
    case MS_LIMIT_MACHINE_MEMORY:
        return system->memory_total_bytes == 0
                   ? none
                   : (struct limit){.used = (double)(system->memory_total_bytes -
                                                     system->memory_available_bytes),
                                    .limit = (double)system->memory_total_bytes,
                                    .history = system->history[MS_SYSTEM_SERIES_AVAILABLE_BYTES],
                                    .of_rest = true};
    case MS_LIMIT_FILES:
        return !resources->limits.have || !resources->files.have
                   ? none
                   : (struct limit){.used = resources->files.all,
                                    .limit = limit_of(resources->limits.files),
                                    .history = process->history[MS_PROCESS_SERIES_OPEN_FILES]};
    case MS_LIMIT_THREADS:
        return !resources->cgroup.have
                   ? none
                   : (struct limit){.used = (double)resources->cgroup.processes,
                                    .limit = limit_of(resources->cgroup.processes_max),
                                    .history = process->history[MS_PROCESS_SERIES_CGROUP_TASKS]};
    case MS_LIMIT_GPU_MEMORY:
        return gpu_limit(model, process);
    case MS_LIMIT_TOTAL:
        break;
    }
    return none;
}

static int compare(const void *a, const void *b)
{
    const struct ms_forecast *left = a;
    const struct ms_forecast *right = b;
    const double of_left = isnan(left->seconds_left) ? (double)INFINITY : left->seconds_left;
    const double of_right = isnan(right->seconds_left) ? (double)INFINITY : right->seconds_left;
    if (of_left != of_right) {
        return of_left < of_right ? -1 : 1;
    }
    const double used_left = left->used / left->limit;
    const double used_right = right->used / right->limit;
    if (used_left != used_right) {
        return used_left > used_right ? -1 : 1;
    }
    return left->kind < right->kind ? -1 : left->kind > right->kind;
}

size_t ms_forecast_of(const struct ms_model *model, const struct ms_process *process,
                      struct ms_forecast out[MS_LIMIT_TOTAL])
{
    size_t count = 0;
    for (int kind = 0; process->end_ns == 0 && kind < MS_LIMIT_TOTAL; kind++) {
        const struct limit limit = limit_of_kind(model, process, (enum ms_limit_kind)kind);
        if (!(limit.limit > 0)) {
            continue;
        }
        struct past past;
        read_past(&past, model, limit.history);
        for (size_t i = 0; limit.of_rest && i < past.count; i++) {
            past.y[i] = limit.limit - past.y[i];
        }
        struct ms_forecast *forecast = &out[count++];
        *forecast = (struct ms_forecast){
            .kind = (enum ms_limit_kind)kind, .used = limit.used, .limit = limit.limit};
        foresee(forecast, &past);
        write_sentence(forecast);
    }
    qsort(out, count, sizeof(*out), compare);
    return count;
}
