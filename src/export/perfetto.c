#include "export/perfetto.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/json_parts.h"
#include "export/span.h"
#include "export/stacks.h"
#include "export/top.h"
#include "model/format.h"
#include "model/marks.h"

#define POINTS_MAX         3600u
#define PROCESSES_MAX      50u
#define THREADS_MAX        50u
#define FIRST_FREE_PID     4194304u /* no Linux process has such a number */
#define NO_THREAD          0u
#define LEAST_SIGNIFICANCE 1e-9
#define TRACE_EVENTS_MAX   100000u /* single ones of --trace: 16 MB */
#define PROGRESS_EVERY     256u    /* of them */

struct trace {
    const struct ms_model *model;
    const struct ms_export_options *options;
    struct ms_json_writer json;
    struct ms_span span;
    struct ms_chosen chosen; /* threads */
    pid_t *tids;             /* of all threads, sorted */
    size_t tid_count;
    uint64_t trace_events; /* written */
    bool cancelled;
    uint64_t done, all; /* tracks, for progress */
};

/* What an event begins with; its object stays open. */
static void begin(struct trace *trace, const char *phase, const char *name, uint64_t pid,
                  uint64_t tid)
{
    ms_json_line(&trace->json);
    ms_json_object_begin(&trace->json);
    ms_json_member_string(&trace->json, "ph", phase);
    ms_json_member_string(&trace->json, "name", name);
    ms_json_member_u64(&trace->json, "pid", pid);
    ms_json_member_u64(&trace->json, "tid", tid);
}

static void member_us(struct trace *trace, const char *key, uint64_t ns)
{
    ms_json_key(&trace->json, key);
    ms_json_fixed(&trace->json, (double)ns / 1e3, 3);
}

/* A moment of the model; what was before the session is at its beginning. */
static uint64_t since_start(const struct trace *trace, uint64_t ns)
{
    const uint64_t start_ns = ms_model_start_ns(trace->model);
    return ns > start_ns ? ns - start_ns : 0;
}

static void begin_args(struct trace *trace)
{
    ms_json_key(&trace->json, "args");
    ms_json_object_begin(&trace->json);
}

static void end_args(struct trace *trace)
{
    ms_json_object_end(&trace->json);
    ms_json_object_end(&trace->json);
}

static void write_name(struct trace *trace, const char *kind, uint64_t pid, uint64_t tid,
                       const char *name)
{
    begin(trace, "M", kind, pid, tid);
    begin_args(trace);
    ms_json_member_string(&trace->json, "name", name);
    end_args(trace);
}

/* Its pid, unless another one had it before (exec, or long ago), or it stands for several. */
static uint64_t pid_of(const struct trace *trace, const struct ms_process *process)
{
    for (size_t i = 0; i < ms_model_process_count(trace->model); i++) {
        const struct ms_process *other = ms_model_process(trace->model, i);
        if (other == process) {
            break;
        }
        if (other->pid == process->pid) {
            return FIRST_FREE_PID + process->id;
        }
    }
    return process->pid > 0 ? (uint64_t)process->pid : FIRST_FREE_PID + process->id;
}

static uint64_t pid_of_id(const struct trace *trace, uint32_t process_id)
{
    const struct ms_process *process = ms_model_process_by_id(trace->model, process_id);
    return process != NULL ? pid_of(trace, process) : FIRST_FREE_PID;
}

static int compare_tids(const void *a, const void *b)
{
    const pid_t left = *(const pid_t *)a;
    const pid_t right = *(const pid_t *)b;
    return left < right ? -1 : left > right;
}

static int sort_tids(struct trace *trace)
{
    trace->tid_count = ms_model_thread_count(trace->model);
    trace->tids = calloc(trace->tid_count + 1, sizeof *trace->tids);
    if (trace->tids == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < trace->tid_count; i++) {
        trace->tids[i] = ms_model_thread(trace->model, i)->tid;
    }
    qsort(trace->tids, trace->tid_count, sizeof *trace->tids, compare_tids);
    return 0;
}

static bool is_of_several(const struct trace *trace, pid_t tid)
{
    const pid_t *one =
        bsearch(&tid, trace->tids, trace->tid_count, sizeof *trace->tids, compare_tids);
    const size_t at = one != NULL ? (size_t)(one - trace->tids) : 0;
    return one != NULL &&
           ((at > 0 && one[-1] == tid) || (at + 1 < trace->tid_count && one[1] == tid));
}

/* Threads that are alive have their own tid, those before them that had it another number. */
static uint64_t tid_of(const struct trace *trace, const struct ms_thread *thread)
{
    const bool again = thread->end_ns != 0 && is_of_several(trace, thread->tid);
    return thread->tid > 0 && !again ? (uint64_t)thread->tid : FIRST_FREE_PID + thread->id;
}

static void write_counter(struct trace *trace, uint64_t pid, const char *name, const char *category,
                          int unit, const struct ms_history *history)
{
    double before = NAN;
    const uint64_t interval_ns = ms_model_interval_ns(trace->model);
    for (size_t i = 0; i < trace->span.count && history != NULL; i++) {
        const double value = ms_span_point(history, &trace->span, i);
        const bool same = fabs(value - before) <= LEAST_SIGNIFICANCE * fabs(before);
        if (isnan(value) || (same && i + 1 < trace->span.count)) {
            continue;
        }
        before = value;
        begin(trace, "C", name, pid, NO_THREAD);
        ms_json_member_string(&trace->json, "cat", category);
        member_us(trace, "ts", ms_span_point_ns(&trace->span, i, interval_ns));
        begin_args(trace);
        ms_json_key(&trace->json, ms_unit_name((enum ms_unit)unit));
        ms_json_double(&trace->json, value);
        end_args(trace);
    }
    trace->cancelled = trace->cancelled || (trace->options->progress != NULL &&
                                            !trace->options->progress(trace->options->context,
                                                                      trace->done++, trace->all));
}

static void write_process(struct trace *trace, size_t index)
{
    char name[MS_STACK_NAME_MAX];
    const struct ms_process *process = ms_model_process(trace->model, index);
    const uint64_t pid = pid_of(trace, process);
    write_name(trace, "process_name", pid, NO_THREAD,
               ms_stacks_process(trace->model, process->id, name));
    for (int s = 0; s < MS_PROCESS_SERIES_COUNT && index < PROCESSES_MAX; s++) {
        const struct ms_series_info *info = ms_series_info(MS_SERIES_OF_PROCESS, s);
        write_counter(trace, pid, info->heading, info->name, info->unit, process->history[s]);
    }
}

static void write_machine(struct trace *trace)
{
    const struct ms_system *system = ms_model_system(trace->model);
    write_name(trace, "process_name", FIRST_FREE_PID, NO_THREAD, "the machine");
    for (int s = 0; s < MS_SYSTEM_SERIES_COUNT; s++) {
        const struct ms_series_info *info = ms_series_info(MS_SERIES_OF_SYSTEM, s);
        write_counter(trace, FIRST_FREE_PID, info->heading, info->name, info->unit,
                      system->history[s]);
    }
}

static void thread_name(const struct ms_thread *thread, char *out, size_t size)
{
    const size_t bytes = strnlen(thread->name, sizeof thread->name);
    ms_format_safe(out, size, bytes > 0 ? thread->name : "?", bytes > 0 ? bytes : 1, true);
}

static void write_thread_counters(struct trace *trace)
{
    const struct ms_thread *top[THREADS_MAX];
    const size_t count = ms_top_threads(trace->model, &trace->chosen, top, THREADS_MAX);
    for (size_t i = 0; i < count && !trace->cancelled; i++) {
        char thread[MS_NAME_MAX];
        char name[MS_NAME_MAX + 64];
        thread_name(top[i], thread, sizeof thread);
        for (int s = 0; s < MS_SERIES_COUNT; s++) {
            const struct ms_series_info *info = ms_series_info(MS_SERIES_OF_THREAD, s);
            snprintf(name, sizeof name, "%s %u %s", thread, (unsigned)top[i]->tid, info->heading);
            write_counter(trace, pid_of_id(trace, top[i]->process_id), name, info->name, info->unit,
                          top[i]->history[s]);
        }
    }
}

/* Its life, with what was found out of it. */
static void write_life(struct trace *trace, const struct ms_thread *thread,
                       const struct ms_baseline *baseline)
{
    const uint64_t tid = tid_of(trace, thread);
    char name[MS_NAME_MAX];
    const struct ms_judgement judgement =
        ms_judge_against(&trace->options->thresholds, baseline, thread);
    const uint64_t pid = pid_of_id(trace, thread->process_id);
    const uint64_t from_ns = since_start(trace, thread->start_ns);
    const uint64_t to_ns =
        since_start(trace, thread->end_ns != 0 ? thread->end_ns : ms_model_now_ns(trace->model));
    const bool probed = thread->probed && thread->tracked;
    thread_name(thread, name, sizeof name);
    write_name(trace, "thread_name", pid, tid, name);
    begin(trace, "X", name, pid, tid);
    ms_json_member_string(&trace->json, "cat", "thread");
    member_us(trace, "ts", from_ns);
    member_us(trace, "dur", to_ns > from_ns ? to_ns - from_ns : 0);
    begin_args(trace);
    ms_json_member_u64(&trace->json, "thread_id", thread->id);
    ms_json_member_string(&trace->json, "role", ms_role_name(judgement.role));
    ms_json_member_string(&trace->json, "alert", ms_alert_name(judgement.alert));
    ms_json_member_u64_or_null(&trace->json, "peak_bytes", probed, thread->heap.peak_bytes);
    ms_json_member_u64_or_null(&trace->json, "allocations", probed, thread->heap.allocations);
    ms_json_member_u64(&trace->json, "merged", thread->merged);
    ms_json_member_bool(&trace->json, "ended", thread->end_ns != 0);
    end_args(trace);
}

static void write_lives(struct trace *trace)
{
    const struct ms_baseline baseline = ms_baseline_of(trace->model);
    for (size_t i = 0; i < ms_model_thread_count(trace->model); i++) {
        const struct ms_thread *thread = ms_model_thread(trace->model, i);
        if (ms_chosen_has_thread(&trace->chosen, thread->id)) {
            write_life(trace, thread, &baseline);
        }
    }
}

static void write_instant(struct trace *trace, const char *scope, const char *category,
                          const char *name, uint64_t pid, uint64_t tid, uint64_t at_ns)
{
    begin(trace, "i", name, pid, tid);
    ms_json_member_string(&trace->json, "cat", category);
    ms_json_member_string(&trace->json, "s", scope);
    member_us(trace, "ts", since_start(trace, at_ns));
}

static void write_marks(struct trace *trace)
{
    for (size_t i = 0; i < ms_model_mark_count(trace->model); i++) {
        const struct ms_mark *mark = ms_model_mark(trace->model, i);
        const struct ms_thread *thread =
            mark->thread_id != 0 ? ms_model_thread_by_id(trace->model, mark->thread_id) : NULL;
        write_instant(trace,
                      mark->process_id == 0 ? "g"
                      : thread != NULL      ? "t"
                                            : "p",
                      "mark", mark->text[0] != '\0' ? mark->text : "mark",
                      mark->process_id == 0 ? FIRST_FREE_PID : pid_of_id(trace, mark->process_id),
                      thread != NULL ? tid_of(trace, thread) : NO_THREAD, mark->at_ns);
        ms_json_object_end(&trace->json);
    }
}

static void write_anomalies(struct trace *trace)
{
    const struct ms_anomalies *anomalies = ms_findings_anomalies(trace->options->findings);
    for (size_t i = ms_anomalies_count(anomalies); i-- > 0;) {
        char text[320];
        const struct ms_anomaly *anomaly = ms_anomalies_at(anomalies, i);
        const struct ms_thread *thread =
            anomaly->thread_id != 0 ? ms_model_thread_by_id(trace->model, anomaly->thread_id)
                                    : NULL;
        const bool system = anomaly->of == MS_SERIES_OF_SYSTEM;
        ms_anomaly_text(anomaly, trace->model, text, sizeof text);
        write_instant(trace,
                      system           ? "g"
                      : thread != NULL ? "t"
                                       : "p",
                      "anomaly", text,
                      system ? FIRST_FREE_PID : pid_of_id(trace, anomaly->process_id),
                      thread != NULL ? tid_of(trace, thread) : NO_THREAD, anomaly->at_ns);
        begin_args(trace);
        ms_json_member_fixed(&trace->json, "z", anomaly->z);
        ms_json_member_fixed(&trace->json, "value", anomaly->value);
        ms_json_member_fixed(&trace->json, "median", anomaly->median);
        end_args(trace);
    }
}

static void write_leaks(struct trace *trace)
{
    const struct ms_leaks *leaks = ms_findings_leaks(trace->options->findings);
    for (size_t i = 0; i < ms_leaks_count(leaks); i++) {
        const struct ms_leak *leak = ms_leaks_at(leaks, i);
        const struct ms_site *site = ms_model_site_by_id(trace->model, leak->site_id);
        char frame[1024] = "(no stack)";
        char name[1100];
        if (site != NULL && site->depth > 0) {
            ms_format_frame(frame, sizeof frame, ms_site_culprit_frame(site));
        }
        snprintf(name, sizeof name, "likely leak begins: %s", frame);
        write_instant(trace, "p", "leak", name, pid_of_id(trace, leak->process_id), NO_THREAD,
                      leak->since_ns);
        begin_args(trace);
        ms_json_member_string(&trace->json, "reason", leak->reason);
        ms_json_member_u64(&trace->json, "leaked_bytes", leak->leaked_bytes);
        ms_json_member_u64(&trace->json, "site_id", leak->site_id);
        ms_json_member_bool(&trace->json, "suppressed", leak->suppressed);
        end_args(trace);
    }
}

/* One of --trace, at the thread that made the call. */
static bool write_trace_event(void *context, const struct ms_trace_record *event)
{
    struct trace *trace = context;
    const struct ms_export_options *options = trace->options;
    const struct ms_thread *thread = ms_model_thread_by_id(trace->model, event->by_thread_id);
    const struct ms_site *site = ms_model_site_by_id(trace->model, event->site_id);
    char frame[1024] = "";
    if (!ms_chosen_has_thread(&trace->chosen, event->by_thread_id)) {
        return true;
    }
    if (trace->trace_events == TRACE_EVENTS_MAX) {
        char text[120];
        snprintf(text, sizeof text,
                 "single events end here: the first %u of %" PRIu64 " of the trace",
                 TRACE_EVENTS_MAX, ms_model_trace_totals(trace->model).events);
        write_instant(trace, "g", "trace", text, FIRST_FREE_PID, NO_THREAD, event->time_ns);
        ms_json_object_end(&trace->json);
        return false;
    }
    if (site != NULL && site->depth > 0) {
        ms_format_frame(frame, sizeof frame, ms_site_culprit_frame(site));
    }
    write_instant(trace, thread != NULL ? "t" : "p", "trace",
                  event->is_free ? "free" : "allocation", pid_of_id(trace, event->process_id),
                  thread != NULL ? tid_of(trace, thread) : NO_THREAD, event->time_ns);
    begin_args(trace);
    ms_json_member_u64(&trace->json, "bytes", event->bytes);
    ms_json_member_u64(&trace->json, "address", event->address);
    ms_json_member_u64_or_null(&trace->json, "site_id", event->site_id != 0, event->site_id);
    ms_json_member_text_or_null(&trace->json, "allocated_at", frame);
    end_args(trace);
    trace->cancelled = ++trace->trace_events % PROGRESS_EVERY == 0 && options->progress != NULL &&
                       !options->progress(options->context, trace->done, trace->all);
    return !trace->cancelled && trace->json.error == 0;
}

static void write_turns_of(struct trace *trace, const struct ms_process *process)
{
    const uint64_t pid = pid_of(trace, process);
    if (process->peak.epoch > 0) {
        write_instant(trace, "p", "peak", "peak", pid, NO_THREAD, process->peak.at_ns);
        begin_args(trace);
        ms_json_member_u64(&trace->json, "bytes", process->peak.bytes);
        ms_json_member_u64(&trace->json, "error_bytes", process->peak.error_bytes);
        end_args(trace);
    }
    for (uint32_t i = 0; i < process->tracking.steps_kept; i++) {
        char text[MS_TRACKING_TEXT_MAX];
        const struct ms_step_down *step = &process->tracking.step[i];
        ms_step_down_text(text, sizeof text, step);
        write_instant(trace, "p", "tracking", text, pid, NO_THREAD, step->at_ns);
        ms_json_object_end(&trace->json);
    }
    if (process->end_ns != 0 && process->merged == 0) {
        write_instant(trace, "p", "end",
                      process->replaced_by_exec    ? "exec"
                      : process->exit_status == -1 ? "killed"
                                                   : "exit",
                      pid, NO_THREAD, process->end_ns);
        begin_args(trace);
        ms_json_member_u64_or_null(&trace->json, "status", process->exit_status >= 0,
                                   (uint64_t)process->exit_status);
        ms_json_member_u64_or_null(&trace->json, "signal", process->exit_status == -1,
                                   process->exit_signal);
        end_args(trace);
    }
}

static void write_about(struct trace *trace)
{
    char text[64];
    ms_json_member_string(&trace->json, "displayTimeUnit", "ms");
    ms_json_key(&trace->json, "otherData");
    ms_json_object_begin(&trace->json);
    snprintf(text, sizeof text, "memscope-top %s", trace->options->program_version);
    ms_json_member_string(&trace->json, "exporter", text);
    ms_json_member_u64(&trace->json, "start_unix_ns", ms_model_start_unix_ns(trace->model));
    ms_json_object_end(&trace->json);
}

static int write_all(struct trace *trace)
{
    const size_t processes = ms_model_process_count(trace->model);
    ms_json_object_begin(&trace->json);
    write_about(trace);
    ms_json_key(&trace->json, "traceEvents");
    ms_json_array_begin(&trace->json);
    for (size_t i = 0; i < processes && !trace->cancelled; i++) {
        write_process(trace, i);
        write_turns_of(trace, ms_model_process(trace->model, i));
    }
    write_lives(trace);
    write_thread_counters(trace);
    write_machine(trace);
    write_marks(trace);
    if (trace->options->findings != NULL) {
        write_anomalies(trace);
        write_leaks(trace);
    }
    const int error =
        trace->options->trace != NULL && !trace->cancelled
            ? trace->options->trace(trace->options->trace_context, write_trace_event, trace)
            : 0;
    ms_json_line(&trace->json);
    ms_json_array_end(&trace->json);
    ms_json_object_end(&trace->json);
    ms_json_line(&trace->json);
    return trace->cancelled ? -ECANCELED : error;
}

int ms_perfetto_write(FILE *out, const struct ms_model *model,
                      const struct ms_export_options *options)
{
    struct trace trace = {
        .model = model, .options = options, .span = ms_span_of(model, POINTS_MAX)};
    const size_t processes = ms_model_process_count(model);
    const size_t threads = ms_model_thread_count(model);
    trace.all = (processes < PROCESSES_MAX ? processes : PROCESSES_MAX) * MS_PROCESS_SERIES_COUNT +
                (threads < THREADS_MAX ? threads : THREADS_MAX) * MS_SERIES_COUNT +
                MS_SYSTEM_SERIES_COUNT;
    int error = ms_chosen_init(&trace.chosen, model, options);
    if (error != 0) {
        return error;
    }
    error = sort_tids(&trace);
    error = error == 0 ? ms_json_writer_open(&trace.json, out) : error;
    if (error == 0) {
        error = write_all(&trace);
        const int closed = ms_json_writer_close(&trace.json);
        error = error != 0 ? error : closed;
    }
    free(trace.tids);
    ms_chosen_fini(&trace.chosen);
    return error;
}
