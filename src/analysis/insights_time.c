/* Insights about time and limits: bottlenecks, efficiency, forecasts. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/bottleneck.h"
#include "analysis/efficiency.h"
#include "analysis/forecast.h"
#include "analysis/insight_list.h"

/* Computing, waiting for cores or in calls, in threads: less holds nobody up. */
#define BUSY_LEAST   0.5
#define SCORE_LEAST  50.0
#define SERIOUS_S    600.0
#define WARNING_S    3600.0
#define CONFIDENT    0.6
#define SERIOUS_USED 0.95
#define WARNING_USED 0.85
/* For each second on a core: so many that they explain kernel time. */
#define MANY_FAULTS 4e4

/* The thread of a process that uses most of the CPU; NULL: none is known. */
static const struct ms_thread *busiest(const struct ms_model *model,
                                       const struct ms_process *process, double *cpu)
{
    const struct ms_thread *most = NULL;
    *cpu = 0;
    for (size_t i = 0; i < ms_model_alive_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (thread->process_id == process->id && thread->rates.cpu_pct > *cpu) {
            *cpu = thread->rates.cpu_pct;
            most = thread;
        }
    }
    return most;
}

static void advise(struct ms_insight *insight, enum ms_bottleneck_kind kind,
                   const struct ms_model *model, const struct ms_process *process)
{
    char name[MS_INSIGHT_NAME_MAX];
    double cpu;
    const struct ms_thread *thread = busiest(model, process, &cpu);
    if (thread != NULL) {
        ms_insight_thread_name(thread, name, sizeof(name));
    }
    switch (kind) {
    case MS_BOTTLENECK_CORES:
        (void)snprintf(insight->advice, sizeof(insight->advice),
                       "give it more cores, or run fewer threads than it has cores");
        return;
    case MS_BOTTLENECK_MEMORY:
        (void)snprintf(insight->advice, sizeof(insight->advice),
                       "reuse blocks instead of reallocating; see temporary blocks by call site");
        return;
    case MS_BOTTLENECK_IO:
        (void)snprintf(
            insight->advice, sizeof(insight->advice),
            "make fewer, larger calls, fewer fsync calls, or move them to another thread");
        return;
    case MS_BOTTLENECK_NETWORK:
        (void)snprintf(insight->advice, sizeof(insight->advice),
                       "send fewer, larger messages, or keep several requests in flight");
        return;
    case MS_BOTTLENECK_CPU:
        if (thread != NULL) {
            (void)snprintf(
                insight->advice, sizeof(insight->advice),
                "most of it is %s (%.0f %% of a core): speed that up, or spread its work "
                "over more threads",
                name, cpu);
            return;
        }
        break;
    default:
        break;
    }
    (void)snprintf(insight->advice, sizeof(insight->advice), "see what it is busy with");
}

static void add_bottleneck(struct ms_insight_list *list, const struct ms_process *process)
{
    const struct ms_bottleneck bottleneck = ms_bottleneck_of_process(list->model, process);
    const struct ms_time_use use = ms_time_use_of_process(list->model, process);
    const enum ms_bottleneck_kind kind = bottleneck.kind;
    const double busy = fmax(0, use.cpu) + fmax(0, use.run_queue) + fmax(0, use.files_blocked) +
                        fmax(0, use.sockets_blocked);
    char name[MS_INSIGHT_NAME_MAX];
    if (kind == MS_BOTTLENECK_IDLE || kind == MS_BOTTLENECK_UNKNOWN ||
        kind == MS_BOTTLENECK_BALANCED || busy < BUSY_LEAST) {
        return;
    }
    const bool curable = kind == MS_BOTTLENECK_CORES || kind == MS_BOTTLENECK_MEMORY;
    struct ms_insight *insight = ms_insight_add(list, MS_INSIGHT_BOTTLENECK,
                                                curable ? MS_SEVERITY_WARNING : MS_SEVERITY_NOTE,
                                                (unsigned)kind, process->id);
    if (insight == NULL) {
        return;
    }
    insight->process_id = process->id;
    insight->ns_per_s = kind == MS_BOTTLENECK_CORES     ? use.run_queue * 1e9
                        : kind == MS_BOTTLENECK_IO      ? use.files * 1e9
                        : kind == MS_BOTTLENECK_NETWORK ? use.sockets * 1e9
                                                        : use.cpu * 1e9;
    (void)snprintf(insight->what, sizeof(insight->what), "%s is limited by %s: %s",
                   ms_insight_process_name(process, name, sizeof(name)), ms_bottleneck_word(kind),
                   bottleneck.evidence);
    advise(insight, kind, list->model, process);
}

static void add_efficiency(struct ms_insight_list *list, const struct ms_process *process)
{
    const struct ms_time_use use = ms_time_use_of_process(list->model, process);
    const struct ms_efficiency efficiency = ms_efficiency_of_use(&use);
    const double kept = efficiency.parts[MS_EFFICIENCY_CPU];
    char name[MS_INSIGHT_NAME_MAX];
    char faults[MS_FORMAT_MAX];
    /* The other parts have insights of their own: cores, I/O, churn. */
    if (!(kept < SCORE_LEAST / 100) || !(use.cpu >= BUSY_LEAST) || isnan(use.files)) {
        return;
    }
    struct ms_insight *insight =
        ms_insight_add(list, MS_INSIGHT_EFFICIENCY, MS_SEVERITY_NOTE, 0, process->id);
    if (insight == NULL) {
        return;
    }
    insight->process_id = process->id;
    insight->ns_per_s = use.cpu * (1 - kept) * 1e9;
    (void)snprintf(
        insight->what, sizeof(insight->what),
        "%.0f %% of the CPU time of %s is kernel time that no I/O call explains; %s page "
        "faults a second",
        100 * (1 - kept), ms_insight_process_name(process, name, sizeof(name)),
        ms_format_count(faults, sizeof(faults), use.minor_faults));
    (void)snprintf(insight->advice, sizeof(insight->advice), "%s",
                   use.minor_faults / use.cpu > MANY_FAULTS
                       ? "keep memory instead of returning it (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD)"
                       : "look for contended locks and short sleeps");
}

static bool limit_matters(const struct ms_forecast *forecast, const struct ms_process *process,
                          enum ms_severity *severity)
{
    double used = forecast->used / forecast->limit;
    /* The page cache fills a control group and a machine without harm. */
    if (forecast->kind == MS_LIMIT_CGROUP_MEMORY) {
        used =
            process->kernel.have_memory ? (double)process->kernel.rss_bytes / forecast->limit : 0;
    }
    const bool sure = forecast->confidence >= CONFIDENT;
    *severity = MS_SEVERITY_WARNING;
    if (used >= SERIOUS_USED || (sure && forecast->seconds_left < SERIOUS_S)) {
        *severity = MS_SEVERITY_SERIOUS;
        return true;
    }
    return used >= WARNING_USED || (sure && forecast->seconds_left < WARNING_S);
}

static const char *limit_advice(enum ms_limit_kind kind)
{
    switch (kind) {
    case MS_LIMIT_FILES:
        return "close what is no longer needed, or raise the limit: ulimit -n";
    case MS_LIMIT_THREADS:
        return "start fewer threads, or raise pids.max of the control group";
    case MS_LIMIT_CGROUP_MEMORY:
        return "see what grows by call site and in leaks, or raise memory.max of the control group";
    case MS_LIMIT_GPU_MEMORY:
        return "use smaller batches, or free what the GPU no longer needs";
    default:
        return "see what grows by call site and in leaks, or raise the limit";
    }
}

static void add_limits(struct ms_insight_list *list, const struct ms_process *process)
{
    struct ms_forecast forecasts[MS_LIMIT_TOTAL];
    const size_t count = ms_forecast_of(list->model, process, forecasts);
    char name[MS_INSIGHT_NAME_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct ms_forecast *forecast = &forecasts[i];
        const bool of_machine = forecast->kind == MS_LIMIT_MACHINE_MEMORY;
        enum ms_severity severity;
        if (!limit_matters(forecast, process, &severity)) {
            continue;
        }
        /* One for all processes: it is the same memory. */
        struct ms_insight *insight =
            ms_insight_add(list, MS_INSIGHT_LIMIT, severity, (unsigned)forecast->kind,
                           of_machine ? 0 : process->id);
        if (insight == NULL) {
            continue;
        }
        insight->process_id = of_machine ? 0 : process->id;
        const bool bytes = forecast->kind != MS_LIMIT_FILES && forecast->kind != MS_LIMIT_THREADS;
        insight->bytes = bytes ? fmax(0, forecast->limit - forecast->used) : (double)NAN;
        if (of_machine) {
            (void)snprintf(insight->what, sizeof(insight->what), "%s", forecast->sentence);
        } else {
            (void)snprintf(insight->what, sizeof(insight->what), "%.40s: %s",
                           ms_insight_process_name(process, name, sizeof(name)),
                           forecast->sentence);
        }
        (void)snprintf(insight->advice, sizeof(insight->advice), "%s",
                       limit_advice(forecast->kind));
    }
}

void ms_insights_of_time(struct ms_insight_list *list)
{
    for (size_t i = 0; i < ms_model_process_count(list->model); i++) {
        const struct ms_process *process = ms_model_process(list->model, i);
        if (process->end_ns == 0 && ms_scope_has_process(list->scope, list->model, process)) {
            add_bottleneck(list, process);
            add_efficiency(list, process);
            add_limits(list, process);
        }
    }
}
