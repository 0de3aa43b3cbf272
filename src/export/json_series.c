/* Timeline and correlations of the JSON report. */
#include <math.h>
#include <stdbool.h>

#include "analysis/pairs.h"
#include "export/json_parts.h"
#include "export/span.h"
#include "export/top.h"
#include "model/metric.h"

#define TIMELINE_POINTS    600u
#define POINTS_AT_ONCE     128u
#define TIMELINE_PROCESSES 50u
#define TIMELINE_THREADS   50u
#define CORRELATED_PAIRS   5u    /* strongest ones, of the threads of the program pooled */
#define CORRELATED_POINTS  3600u /* of a second each */
#define CORRELATED_THREADS 20u

/* Whose a series is; 0 and -1: of none. */
struct owner {
    uint32_t process_id, thread_id;
    int64_t core, gpu;
};

static void write_series(struct ms_json_writer *writer, const char *metric,
                         const struct owner *owner, const struct ms_history *history,
                         const struct ms_span *span)
{
    if (history == NULL) {
        return;
    }
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "metric", metric);
    ms_json_member_u64_or_null(writer, "process_id", owner->process_id != 0, owner->process_id);
    ms_json_member_u64_or_null(writer, "thread_id", owner->thread_id != 0, owner->thread_id);
    if (owner->core >= 0) {
        ms_json_member_u64(writer, "core", (uint64_t)owner->core);
    }
    if (owner->gpu >= 0) {
        ms_json_member_u64(writer, "gpu", (uint64_t)owner->gpu);
    }
    ms_json_key(writer, "values");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < span->count; i += POINTS_AT_ONCE) {
        const size_t left = span->count - i;
        const size_t count = left < POINTS_AT_ONCE ? left : POINTS_AT_ONCE;
        double points[POINTS_AT_ONCE];
        ms_span_points(history, span, i, count, points);
        for (size_t p = 0; p < count; p++) {
            ms_json_fixed(writer, points[p], 3);
        }
    }
    ms_json_array_end(writer);
    ms_json_object_end(writer);
}

/* Of the machine only what it tells. */
static void write_if_known(struct ms_json_writer *writer, const char *metric,
                           const struct owner *owner, const struct ms_history *history,
                           const struct ms_span *span)
{
    if (history != NULL && ms_span_knows(history, span)) {
        write_series(writer, metric, owner, history, span);
    }
}

static void write_machine(struct ms_json_writer *writer, const struct ms_system *system,
                          const struct ms_span *span)
{
    const struct owner machine = {.core = -1, .gpu = -1};
    for (int s = 0; s < MS_SYSTEM_SERIES_COUNT; s++) {
        write_if_known(writer, ms_series_info(MS_SERIES_OF_SYSTEM, s)->name, &machine,
                       system->history[s], span);
    }
    for (uint32_t i = 0; i < system->cores && i < MS_CORES_MAX; i++) {
        const struct owner core = {.core = i, .gpu = -1};
        write_if_known(writer, "core_percent", &core, system->core_history[i], span);
    }
    for (size_t i = 0; i < system->gpu_count && system->gpus != NULL; i++) {
        const struct owner gpu = {.core = -1, .gpu = (int64_t)i};
        write_if_known(writer, "gpu_busy_percent", &gpu, system->gpus[i].history, span);
        write_if_known(writer, "gpu_used_bytes", &gpu, system->gpus[i].memory_history, span);
    }
}

void ms_json_timeline(struct ms_json_writer *writer, const struct ms_model *model)
{
    const struct ms_span span = ms_span_of(model, TIMELINE_POINTS);
    const uint64_t interval_ns = ms_model_interval_ns(model);
    ms_json_object_begin(writer);
    ms_json_member_u64_or_null(writer, "interval_ns", span.count > 0,
                               ms_span_width_ns(&span, interval_ns));
    ms_json_key(writer, "t_ns");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < span.count; i++) {
        ms_json_u64(writer, ms_span_point_ns(&span, i, interval_ns));
    }
    ms_json_array_end(writer);
    ms_json_key(writer, "series");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_process_count(model) && i < TIMELINE_PROCESSES; i++) {
        const struct ms_process *process = ms_model_process(model, i);
        const struct owner owner = {.process_id = process->id, .core = -1, .gpu = -1};
        for (int s = 0; s < MS_PROCESS_SERIES_COUNT; s++) {
            write_series(writer, ms_series_info(MS_SERIES_OF_PROCESS, s)->name, &owner,
                         process->history[s], &span);
        }
    }
    const struct ms_thread *top[TIMELINE_THREADS];
    const size_t count = ms_top_threads(model, writer->chosen, top, TIMELINE_THREADS);
    for (size_t i = 0; i < count; i++) {
        const struct owner owner = {
            .process_id = top[i]->process_id, .thread_id = top[i]->id, .core = -1, .gpu = -1};
        for (int s = 0; s < MS_SERIES_COUNT; s++) {
            write_series(writer, ms_series_info(MS_SERIES_OF_THREAD, s)->name, &owner,
                         top[i]->history[s], &span);
        }
    }
    write_machine(writer, ms_model_system(model), &span);
    ms_json_line(writer);
    ms_json_array_end(writer);
    ms_json_object_end(writer);
}

static void write_correlation(struct ms_json_writer *writer, const struct ms_correlation *found,
                              const char *x_name, const char *y_name, const char *scope,
                              uint32_t process_id, uint32_t thread_id)
{
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "x", x_name);
    ms_json_member_string(writer, "y", y_name);
    ms_json_member_string(writer, "scope", scope);
    ms_json_member_u64(writer, "process_id", process_id);
    ms_json_member_u64_or_null(writer, "thread_id", thread_id != 0, thread_id);
    ms_json_key(writer, "pearson_r");
    ms_json_fixed(writer, found->defined ? found->pearson_r : NAN, 6);
    ms_json_member_u64(writer, "n", found->n);
    ms_json_key(writer, "slope");
    ms_json_double(writer, found->defined ? found->slope : NAN);
    ms_json_key(writer, "intercept");
    ms_json_double(writer, found->defined ? found->intercept : NAN);
    ms_json_object_end(writer);
}

static void correlate(struct ms_json_writer *writer, const struct ms_model *model,
                      const struct ms_history *x, const struct ms_history *y, const char *x_name,
                      const char *y_name, uint32_t process_id, uint32_t thread_id)
{
    struct ms_correlation found;
    const int error = ms_pair_fit(model, x, y, CORRELATED_POINTS, &found);
    if (error != 0 && writer->error == 0) {
        writer->error = error;
    }
    write_correlation(writer, &found, x_name, y_name, thread_id != 0 ? "thread" : "process",
                      process_id, thread_id);
}

/* The strongest pairs of figures of the threads of a process, their seconds pooled. */
static void correlate_pooled(struct ms_json_writer *writer, const struct ms_model *model,
                             uint32_t process_id)
{
    const struct ms_scope scope = {.process_id = process_id};
    struct ms_pair pairs[CORRELATED_PAIRS];
    const size_t count =
        ms_pairs_of(model, &scope, MS_SERIES_OF_THREAD, CORRELATED_POINTS, pairs, CORRELATED_PAIRS);
    for (size_t i = 0; i < count && pairs[i].fit.defined; i++) {
        write_correlation(
            writer, &pairs[i].fit, ms_series_info(MS_SERIES_OF_THREAD, pairs[i].x.series)->name,
            ms_series_info(MS_SERIES_OF_THREAD, pairs[i].y.series)->name, "threads", process_id, 0);
    }
}

void ms_json_correlations(struct ms_json_writer *writer, const struct ms_model *model)
{
    static const enum ms_process_series of_process[][2] = {
        {MS_PROCESS_SERIES_CPU_PCT, MS_PROCESS_SERIES_ALLOCATED_PER_S},
        {MS_PROCESS_SERIES_CPU_PCT, MS_PROCESS_SERIES_IO_CALLS_PER_S},
        {MS_PROCESS_SERIES_CURRENT_BYTES, MS_PROCESS_SERIES_CPU_PCT},
    };
    static const enum ms_series of_thread[][2] = {
        {MS_SERIES_CPU_PCT, MS_SERIES_ALLOCATED_PER_S},
        {MS_SERIES_CPU_PCT, MS_SERIES_IO_CALLS_PER_S},
        {MS_SERIES_CURRENT_BYTES, MS_SERIES_CPU_PCT},
    };
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_process_count(model) && i < TIMELINE_PROCESSES; i++) {
        const struct ms_process *process = ms_model_process(model, i);
        for (size_t p = 0; p < sizeof(of_process) / sizeof(of_process[0]); p++) {
            const enum ms_process_series x = of_process[p][0];
            const enum ms_process_series y = of_process[p][1];
            correlate(writer, model, process->history[x], process->history[y],
                      ms_series_info(MS_SERIES_OF_PROCESS, (int)x)->name,
                      ms_series_info(MS_SERIES_OF_PROCESS, (int)y)->name, process->id, 0);
        }
    }
    const struct ms_process *program = ms_model_program(model);
    if (program != NULL) {
        correlate_pooled(writer, model, program->id);
    }
    const struct ms_thread *top[CORRELATED_THREADS];
    const size_t count = ms_top_threads(model, writer->chosen, top, CORRELATED_THREADS);
    for (size_t i = 0; i < count; i++) {
        for (size_t p = 0; p < sizeof(of_thread) / sizeof(of_thread[0]); p++) {
            const enum ms_series x = of_thread[p][0];
            const enum ms_series y = of_thread[p][1];
            correlate(writer, model, top[i]->history[x], top[i]->history[y],
                      ms_series_info(MS_SERIES_OF_THREAD, (int)x)->name,
                      ms_series_info(MS_SERIES_OF_THREAD, (int)y)->name, top[i]->process_id,
                      top[i]->id);
        }
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
}
