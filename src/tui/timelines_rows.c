/* Which rows screen 3 has: those of what is in focus, then those of the machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/timelines.h"

enum row_kind { KIND_SUM = 1, KIND_PROCESS, KIND_THREAD, KIND_SYSTEM, KIND_CORES, KIND_GPU };

static const enum ms_source thread_sources[MS_SERIES_COUNT] = {
    [MS_SERIES_CPU_PCT] = MS_SOURCE_SCHEDSTAT,
    [MS_SERIES_CURRENT_BYTES] = MS_SOURCE_PROBE,
    [MS_SERIES_ALLOCATED_PER_S] = MS_SOURCE_PROBE,
    [MS_SERIES_IO_CALLS_PER_S] = MS_SOURCE_THREAD_IO,
    [MS_SERIES_IO_BYTES_PER_S] = MS_SOURCE_THREAD_IO,
    [MS_SERIES_RUN_QUEUE_PCT] = MS_SOURCE_SCHEDSTAT,
    [MS_SERIES_NETWORK_PER_S] = MS_SOURCE_PROBE_IO,
};

static const enum ms_source process_sources[MS_PROCESS_SERIES_COUNT] = {
    [MS_PROCESS_SERIES_CPU_PCT] = MS_SOURCE_SCHEDSTAT,
    [MS_PROCESS_SERIES_CURRENT_BYTES] = MS_SOURCE_PROBE,
    [MS_PROCESS_SERIES_RSS_BYTES] = MS_SOURCE_MEMORY_MAP,
    [MS_PROCESS_SERIES_ALLOCATED_PER_S] = MS_SOURCE_PROBE,
    [MS_PROCESS_SERIES_IO_CALLS_PER_S] = MS_SOURCE_THREAD_IO,
    [MS_PROCESS_SERIES_READ_PER_S] = MS_SOURCE_THREAD_IO,
    [MS_PROCESS_SERIES_WRITTEN_PER_S] = MS_SOURCE_THREAD_IO,
    [MS_PROCESS_SERIES_RECEIVED_PER_S] = MS_SOURCE_SOCKETS,
    [MS_PROCESS_SERIES_SENT_PER_S] = MS_SOURCE_SOCKETS,
    [MS_PROCESS_SERIES_RUN_QUEUE_PCT] = MS_SOURCE_SCHEDSTAT,
    [MS_PROCESS_SERIES_FAULTS_PER_S] = MS_SOURCE_THREAD_STAT,
    [MS_PROCESS_SERIES_VIRTUAL_BYTES] = MS_SOURCE_MEMORY_MAP,
    [MS_PROCESS_SERIES_CGROUP_BYTES] = MS_SOURCE_CGROUP,
    [MS_PROCESS_SERIES_CGROUP_TASKS] = MS_SOURCE_CGROUP,
    [MS_PROCESS_SERIES_OPEN_FILES] = MS_SOURCE_OPEN_FILES,
    [MS_PROCESS_SERIES_GPU_PCT] = MS_SOURCE_NVIDIA_GPU,
    [MS_PROCESS_SERIES_GPU_BYTES] = MS_SOURCE_NVIDIA_GPU,
};

/* What changes most and is asked for most comes first. */
static const enum ms_process_series process_order[] = {
    MS_PROCESS_SERIES_CPU_PCT,        MS_PROCESS_SERIES_CURRENT_BYTES,
    MS_PROCESS_SERIES_RSS_BYTES,      MS_PROCESS_SERIES_ALLOCATED_PER_S,
    MS_PROCESS_SERIES_READ_PER_S,     MS_PROCESS_SERIES_WRITTEN_PER_S,
    MS_PROCESS_SERIES_IO_CALLS_PER_S, MS_PROCESS_SERIES_RECEIVED_PER_S,
    MS_PROCESS_SERIES_SENT_PER_S,     MS_PROCESS_SERIES_RUN_QUEUE_PCT,
    MS_PROCESS_SERIES_FAULTS_PER_S,   MS_PROCESS_SERIES_GPU_PCT,
    MS_PROCESS_SERIES_GPU_BYTES,      MS_PROCESS_SERIES_OPEN_FILES,
    MS_PROCESS_SERIES_CGROUP_BYTES,   MS_PROCESS_SERIES_CGROUP_TASKS,
    MS_PROCESS_SERIES_VIRTUAL_BYTES,
};
_Static_assert(sizeof process_order / sizeof process_order[0] == MS_PROCESS_SERIES_COUNT,
               "every series of a process has a row");

static const enum ms_source system_sources[MS_SYSTEM_SERIES_COUNT] = {
    [MS_SYSTEM_SERIES_CPU_PCT] = MS_SOURCE_CORES,
    [MS_SYSTEM_SERIES_AVAILABLE_BYTES] = MS_SOURCE_CORES,
    [MS_SYSTEM_SERIES_LOAD_1] = MS_SOURCE_CORES,
    [MS_SYSTEM_SERIES_STALL_CPU_PCT] = MS_SOURCE_PRESSURE,
    [MS_SYSTEM_SERIES_STALL_MEMORY_PCT] = MS_SOURCE_PRESSURE,
    [MS_SYSTEM_SERIES_STALL_IO_PCT] = MS_SOURCE_PRESSURE,
    [MS_SYSTEM_SERIES_IO_WAIT_PCT] = MS_SOURCE_CORES,
    [MS_SYSTEM_SERIES_DISK_PER_S] = MS_SOURCE_DISKS,
    [MS_SYSTEM_SERIES_INTERFACES_PER_S] = MS_SOURCE_INTERFACES,
};

const char *ms_timelines_why(const struct ms_timelines_row *row, const struct ms_model *model)
{
    const struct ms_source_state *state = ms_model_source(model, row->source);
    if (state->condition == MS_SOURCE_UNAVAILABLE && state->because[0] != '\0') {
        return state->because;
    }
    if (row->source == MS_SOURCE_NVIDIA_GPU || row->source == MS_SOURCE_DRM_GPU) {
        return "it uses no GPU";
    }
    if (row->source == MS_SOURCE_CGROUP && state->because[0] == '\0') {
        return "its control group does not report this";
    }
    if (row->source == MS_SOURCE_SOCKETS || row->source == MS_SOURCE_PROBE_IO) {
        return state->because[0] != '\0' ? state->because : "no connection was seen";
    }
    return state->because[0] != '\0' ? state->because : "no data in this window";
}

static uint64_t row_id(enum row_kind kind, uint64_t owner, uint64_t series)
{
    return (uint64_t)kind << 56 | owner << 16 | series;
}

/* Reads the row's points and keeps it, unless it has none and those are not wanted. */
static void take(struct ms_timelines_view *timelines, struct ms_timelines_row *row)
{
    if (timelines->count == MS_TIMELINES_ROWS_MAX) {
        return;
    }
    row->points = ms_timelines_points_of(timelines, row->id);
    if (row->points == NULL) {
        return;
    }
    ms_timelines_points_read(row->points, row->histories, row->history_count, &timelines->span);
    for (uint64_t slot = timelines->span.first; slot < timelines->span.end && !row->known; slot++) {
        row->known = !isnan(ms_timelines_mean_at(row->points, &timelines->span, slot));
    }
    if (!row->known && !timelines->why) {
        timelines->unavailable++;
        return;
    }
    timelines->list[timelines->count++] = *row;
}

static void take_series(struct ms_timelines_view *timelines, enum row_kind kind, uint32_t owner,
                        enum ms_series_of of, int series, const struct ms_history *const *history,
                        enum ms_source source)
{
    const struct ms_series_info *info = ms_series_info(of, series);
    struct ms_timelines_row row = {
        .id = row_id(kind, owner, (uint64_t)series),
        .what = info->what,
        .unit = (enum ms_unit)info->unit,
        .top = NAN,
        .least_top = info->unit == MS_UNIT_BYTES || info->unit == MS_UNIT_BYTES_PER_S ? 1000 : 1,
        .limit = NAN,
        .histories = history,
        .history_count = 1,
        .machine = of == MS_SERIES_OF_SYSTEM,
        .source = source,
        .of = of,
        .series = series,
        .process_id = of == MS_SERIES_OF_PROCESS ? owner : 0,
        .thread_id = of == MS_SERIES_OF_THREAD ? owner : 0,
    };
    snprintf(row.heading, sizeof row.heading, "%s",
             of == MS_SERIES_OF_SYSTEM && series == MS_SYSTEM_SERIES_CPU_PCT ? "machine CPU"
                                                                             : info->heading);
    if (info->unit == MS_UNIT_PERCENT && of == MS_SERIES_OF_SYSTEM) {
        /* A stall of a few percent matters already, and would not be seen below 100. */
        row.top = series == MS_SYSTEM_SERIES_CPU_PCT ? 100 : (double)NAN;
        row.least_top = 10;
    } else if (info->unit == MS_UNIT_PERCENT && of == MS_SERIES_OF_THREAD) {
        row.top = 100;
    }
    take(timelines, &row);
}

static double or_none(bool have, uint64_t limit)
{
    return have && limit != MS_NO_LIMIT ? (double)limit : (double)NAN;
}

/* What the figure must not go past; NaN: nothing. */
static double limit_of(const struct ms_process *process, enum ms_process_series series)
{
    const struct ms_cgroup *cgroup = &process->resources.cgroup;
    const struct ms_resource_limits *limits = &process->resources.limits;
    switch (series) {
    case MS_PROCESS_SERIES_RSS_BYTES:
    case MS_PROCESS_SERIES_CGROUP_BYTES:
        return or_none(cgroup->have_memory, cgroup->memory_max_bytes);
    case MS_PROCESS_SERIES_CGROUP_TASKS:
        return or_none(cgroup->have_processes, cgroup->processes_max);
    case MS_PROCESS_SERIES_VIRTUAL_BYTES:
        return or_none(limits->have, limits->address_space_bytes);
    case MS_PROCESS_SERIES_OPEN_FILES:
        return or_none(limits->have, limits->files);
    default:
        return NAN;
    }
}

/* `process` NULL: the sums over all of them. */
static void take_process(struct ms_timelines_view *timelines, const struct ms_view *view,
                         const struct ms_process *process)
{
    const struct ms_history *const *sums = ms_model_sum_history(view->model);
    const bool alone = process != NULL || ms_model_process_count(view->model) == 1;
    const struct ms_process *limited = process != NULL ? process : ms_model_program(view->model);
    for (int i = 0; i < MS_PROCESS_SERIES_COUNT; i++) {
        const enum ms_process_series series = process_order[i];
        const size_t before = timelines->count;
        take_series(timelines, process != NULL ? KIND_PROCESS : KIND_SUM,
                    process != NULL ? process->id : 0, MS_SERIES_OF_PROCESS, (int)series,
                    process != NULL ? (const struct ms_history *const *)&process->history[series]
                                    : &sums[series],
                    process_sources[series]);
        if (timelines->count > before && limited != NULL && alone) {
            timelines->list[before].limit = limit_of(limited, series);
        }
    }
}

static void take_thread(struct ms_timelines_view *timelines, const struct ms_thread *thread)
{
    for (int s = 0; s < MS_SERIES_COUNT; s++) {
        take_series(timelines, KIND_THREAD, thread->id, MS_SERIES_OF_THREAD, s,
                    (const struct ms_history *const *)&thread->history[s], thread_sources[s]);
    }
}

static void take_cores(struct ms_timelines_view *timelines, const struct ms_system *system,
                       int bands_max)
{
    const uint32_t cores = system->cores < MS_CORES_MAX ? system->cores : MS_CORES_MAX;
    const uint32_t bands = bands_max > 0 ? (uint32_t)bands_max : 1;
    const uint32_t each = (cores + bands - 1) / bands;
    for (uint32_t first = 0; first < cores; first += each) {
        const uint32_t last = first + each < cores ? first + each - 1 : cores - 1;
        struct ms_timelines_row row = {
            .id = row_id(KIND_CORES, first, last),
            .what = each > 1 ? "mean over these cores; the peak is of one of them"
                             : "busy time of a core",
            .unit = MS_UNIT_PERCENT,
            .top = 100,
            .limit = NAN,
            .histories = (const struct ms_history *const *)&system->core_history[first],
            .history_count = last - first + 1,
            .band = cores > bands,
            .first_core = first,
            .last_core = last,
            .machine = true,
            .source = MS_SOURCE_CORES,
            .of = MS_SERIES_OF_SYSTEM,
            .series = -1,
        };
        if (last > first) {
            snprintf(row.heading, sizeof row.heading, "%u-%u", first, last);
        } else {
            snprintf(row.heading, sizeof row.heading, "core %u", first);
        }
        take(timelines, &row);
    }
}

static void take_gpus(struct ms_timelines_view *timelines, const struct ms_system *system)
{
    for (size_t i = 0; i < system->gpu_count && system->gpus != NULL; i++) {
        const struct ms_gpu *gpu = &system->gpus[i];
        struct ms_timelines_row row = {
            .id = row_id(KIND_GPU, i, 0),
            .what = "time in which some kernel ran on this GPU, of any program",
            .unit = MS_UNIT_PERCENT,
            .top = 100,
            .limit = NAN,
            .histories = (const struct ms_history *const *)&gpu->history,
            .history_count = 1,
            .machine = true,
            .source = gpu->nvidia ? MS_SOURCE_NVIDIA_GPU : MS_SOURCE_DRM_GPU,
            .of = MS_SERIES_OF_SYSTEM,
            .series = -1,
        };
        snprintf(row.heading, sizeof row.heading, "GPU %zu", i);
        take(timelines, &row);
        row.id = row_id(KIND_GPU, i, 1);
        row.what = "memory used on this GPU, by any program";
        row.unit = MS_UNIT_BYTES;
        row.top = NAN;
        row.limit = gpu->memory_total_bytes > 0 ? (double)gpu->memory_total_bytes : (double)NAN;
        row.histories = (const struct ms_history *const *)&gpu->memory_history;
        row.known = false;
        snprintf(row.heading, sizeof row.heading, "GPU %zu mem", i);
        take(timelines, &row);
    }
}

static void take_machine(struct ms_timelines_view *timelines, const struct ms_system *system,
                         int bands_max)
{
    for (int s = 0; s < MS_SYSTEM_SERIES_COUNT; s++) {
        take_series(timelines, KIND_SYSTEM, 0, MS_SERIES_OF_SYSTEM, s,
                    (const struct ms_history *const *)&system->history[s], system_sources[s]);
        if (s == MS_SYSTEM_SERIES_CPU_PCT) {
            take_cores(timelines, system, bands_max);
        }
    }
    take_gpus(timelines, system);
}

void ms_timelines_rows_make(struct ms_tui *tui, const struct ms_view *view, int bands_max)
{
    struct ms_timelines_view *timelines = tui->timelines;
    const struct ms_scope *scope = &tui->scope;
    const struct ms_thread *thread = ms_model_thread_by_id(view->model, scope->thread_id);
    const struct ms_site *site = ms_model_site_by_id(view->model, scope->site_id);
    uint32_t process_id = scope->process_id;
    if (process_id == 0 && site != NULL) {
        process_id = site->process_id;
    }
    timelines->count = 0;
    timelines->unavailable = 0;
    if (thread != NULL) {
        take_thread(timelines, thread);
    } else if (process_id != 0) {
        const struct ms_process *process = ms_model_process_by_id(view->model, process_id);
        if (process != NULL) {
            take_process(timelines, view, process);
        }
    } else if (ms_model_sum_history(view->model) != NULL) {
        take_process(timelines, view, NULL);
    }
    take_machine(timelines, ms_model_system(view->model), bands_max);
    ms_timelines_points_sweep(timelines);
    uint64_t ids[MS_TIMELINES_ROWS_MAX];
    for (size_t i = 0; i < timelines->count; i++) {
        ids[i] = timelines->list[i].id;
    }
    ms_rows_take(&timelines->rows, ids, timelines->count);
}
