/* Why a thread metric has no value; see metric.h. */
#include <stdio.h>
#include <string.h>

#include "model/metric.h"

bool ms_source_is_of_threads(enum ms_source source)
{
    for (int metric = 0; metric < MS_METRIC_TOTAL; metric++) {
        if (ms_metric_source((enum ms_metric)metric) == source) {
            return true;
        }
    }
    return false;
}

/* What of enum ms_thread_have a source gives; 0: another's. */
static uint32_t gives(enum ms_source source)
{
    switch (source) {
    case MS_SOURCE_THREAD_STAT:
        return MS_HAVE_CPU;
    case MS_SOURCE_SCHEDSTAT:
        return MS_HAVE_RUN_QUEUE;
    case MS_SOURCE_THREAD_STATUS:
        return MS_HAVE_SWITCHES;
    case MS_SOURCE_THREAD_SCHED:
        return MS_HAVE_MIGRATIONS;
    case MS_SOURCE_THREAD_IO:
        return MS_HAVE_IO;
    case MS_SOURCE_NUMA:
        return MS_HAVE_NODE;
    case MS_SOURCE_HARDWARE_COUNTERS:
        return MS_HAVE_COUNTERS;
    default:
        return 0;
    }
}

static bool gave(const struct ms_thread *thread, enum ms_source source)
{
    if (source == MS_SOURCE_PROBE) {
        return thread->probed && thread->tracked;
    }
    if (source == MS_SOURCE_PROBE_IO) {
        return thread->io.have;
    }
    return (thread->kernel.have & gives(source)) != 0;
}

static const char *say(char *out, size_t size, const char *text)
{
    if (text[0] == '\0') { /* as a rule */
        out[0] = '\0';
    } else {
        (void)snprintf(out, size, "%s", text);
    }
    return out;
}

/* The source gives nothing to anybody, or nobody asked; NULL: it does. */
static const char *of_source(const struct ms_model *model, enum ms_source source)
{
    const struct ms_source_state *state = ms_model_source(model, source);
    if (state->condition == MS_SOURCE_UNAVAILABLE && state->because[0] != '\0') {
        return state->because;
    }
    return NULL;
}

static const char *of_probe(const struct ms_thread *thread)
{
    return thread->probed ? "the thread was not selected to be tracked"
                          : "the probe has no record of the thread";
}

static const char *of_thread(const struct ms_model *model, const struct ms_thread *thread,
                             enum ms_source source)
{
    if (source == MS_SOURCE_PROBE) {
        return of_probe(thread);
    }
    const char *because = of_source(model, source);
    if (because != NULL) {
        return because;
    }
    if (thread->merged > 0) {
        return "it stands for several threads, of which not all had it";
    }
    if ((thread->kernel.refused & gives(source)) != 0) {
        return "the kernel shows it to root and the owner only: the process runs as another user, "
               "or is not dumpable";
    }
    const struct ms_process *process = ms_model_process_by_id(model, thread->process_id);
    if (gives(source) != 0 && process != NULL && process->threads_unread != NULL) {
        return process->threads_unread;
    }
    const struct ms_source_state *state = ms_model_source(model, source);
    if (state->condition == MS_SOURCE_PARTIAL && state->because[0] != '\0') {
        return state->because;
    }
    if (state->condition == MS_SOURCE_NOT_ASKED) {
        return "nothing has read it yet";
    }
    return thread->end_ns != 0 ? "the thread ended before it was read" : "it was not read yet";
}

const char *ms_source_unavailable_because(const struct ms_model *model,
                                          const struct ms_thread *thread, enum ms_source source,
                                          char *out, size_t size)
{
    return say(out, size, gave(thread, source) ? "" : of_thread(model, thread, source));
}

/* The source gives something of this thread, but not this. */
static const char *of_figure(const struct ms_thread *thread, enum ms_metric metric)
{
    const bool ended = thread->end_ns != 0;
    switch (metric) {
    case MS_METRIC_FREED_RATIO:
        return "it has allocated nothing";
    case MS_METRIC_AT_PEAK_BYTES:
        return "its process has had no peak of 64 KiB yet";
    case MS_METRIC_READ_LATENCY:
    case MS_METRIC_WRITE_LATENCY:
    case MS_METRIC_SYNC_LATENCY:
        return "no such call of it was timed";
    case MS_METRIC_IN_FLIGHT_MS:
        return ended ? "the thread has ended" : "it is in no such call";
    case MS_METRIC_GROWTH:
    case MS_METRIC_IN_FLIGHT:
        return ended ? "the thread has ended" : "it was read once so far";
    case MS_METRIC_CORE:
    case MS_METRIC_CORES_ALLOWED:
        return thread->merged > 0 ? "it stands for several threads"
               : ended            ? "the thread ended before it was read"
                                  : "it was not read yet";
    case MS_METRIC_IPC:
        return "no cycle of it was counted in the last second";
    case MS_METRIC_CYCLES:
    case MS_METRIC_INSTRUCTIONS:
    case MS_METRIC_CACHE_MISSES:
    case MS_METRIC_CACHE_MISS_PCT:
    case MS_METRIC_BRANCH_MISSES:
    case MS_METRIC_BRANCH_MISS_PCT:
    case MS_METRIC_MEMORY_TRAFFIC:
        return "the processor does not count it, or nothing of it in the last second";
    default:
        return ended ? "how long the thread lived is not known" : "it was read once so far";
    }
}

/* cpu_percent comes from stat where schedstat has none. */
static bool gave_metric(const struct ms_thread *thread, enum ms_metric metric)
{
    if (metric == MS_METRIC_FREES_FOR_OTHERS || metric == MS_METRIC_BYTES_FOR_OTHERS) {
        return thread->probed;
    }
    return gave(thread, ms_metric_source(metric)) ||
           (metric == MS_METRIC_CPU_PCT && gave(thread, MS_SOURCE_THREAD_STAT));
}

static const char *of_all(const struct ms_model *model, enum ms_metric metric)
{
    const enum ms_source source = ms_metric_source(metric);
    const struct ms_thread *example = NULL;
    const size_t count = ms_model_thread_count(model);
    for (size_t i = 0; i < count; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (ms_metric_of_thread(thread, metric, ms_model_now_ns(model)).available) {
            return "";
        }
        if (example == NULL || gave_metric(thread, metric)) {
            example = thread; /* who has the source tells more than who has not */
        }
    }
    if (example == NULL) {
        return "no thread was seen";
    }
    if (gave_metric(example, metric) && example->end_ns != 0 &&
        (metric == MS_METRIC_GROWTH || metric == MS_METRIC_IN_FLIGHT)) {
        return "no thread is alive";
    }
    if (gave_metric(example, metric)) {
        return of_figure(example, metric);
    }
    if (source == MS_SOURCE_PROBE) {
        const char *because = of_source(model, source);
        return because != NULL ? because : "the probe has not counted it for any thread";
    }
    return of_thread(model, example, source);
}

const char *ms_metric_unavailable_because(const struct ms_model *model,
                                          const struct ms_thread *thread, enum ms_metric metric,
                                          char *out, size_t size)
{
    if (thread == NULL) {
        return say(out, size, of_all(model, metric));
    }
    if (ms_metric_of_thread(thread, metric, ms_model_now_ns(model)).available) {
        return say(out, size, "");
    }
    return say(out, size,
               gave_metric(thread, metric) ? of_figure(thread, metric)
                                           : of_thread(model, thread, ms_metric_source(metric)));
}
