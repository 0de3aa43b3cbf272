/* Metrics, processes, threads and flows of the JSON report. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/json_parts.h"
#include "model/figures.h"
#include "model/format.h"
#include "model/metric.h"

void ms_json_member_string(struct ms_json_writer *writer, const char *name, const char *text)
{
    ms_json_key(writer, name);
    ms_json_string(writer, text);
}

void ms_json_member_text_or_null(struct ms_json_writer *writer, const char *name, const char *text)
{
    ms_json_key(writer, name);
    if (text[0] != '\0') {
        ms_json_string(writer, text);
    } else {
        ms_json_null(writer);
    }
}

void ms_json_member_u64(struct ms_json_writer *writer, const char *name, uint64_t value)
{
    ms_json_key(writer, name);
    ms_json_u64(writer, value);
}

void ms_json_member_u64_or_null(struct ms_json_writer *writer, const char *name, bool available,
                                uint64_t value)
{
    ms_json_key(writer, name);
    if (available) {
        ms_json_u64(writer, value);
    } else {
        ms_json_null(writer);
    }
}

void ms_json_member_bool(struct ms_json_writer *writer, const char *name, bool value)
{
    ms_json_key(writer, name);
    ms_json_bool(writer, value);
}

void ms_json_member_fixed(struct ms_json_writer *writer, const char *name, double value)
{
    ms_json_key(writer, name);
    ms_json_fixed(writer, value, 3);
}

void ms_json_heap_totals(struct ms_json_writer *writer, const struct ms_heap *heap, bool available,
                         uint64_t peak_error_bytes)
{
    const struct {
        const char *name;
        uint64_t value;
    } members[] = {
        {"allocations", heap->allocations},
        {"deallocations", heap->deallocations},
        {"bytes_allocated", heap->bytes_allocated},
        {"bytes_freed", heap->bytes_freed},
        {"current_bytes", ms_heap_current_bytes(heap)},
        {"peak_bytes", heap->peak_bytes},
        {"peak_error_bytes", peak_error_bytes},
        {"foreign_frees", heap->foreign_frees},
        {"reallocations", heap->reallocations},
        {"failed_calls", heap->failed_calls},
        {"temporary", heap->temporary},
        {"waste_bytes", heap->waste_bytes},
        {"mmap_bytes", heap->mmap_bytes},
        {"munmap_bytes", heap->munmap_bytes},
    };
    ms_json_object_begin(writer);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        ms_json_member_u64_or_null(writer, members[i].name, available, members[i].value);
    }
    ms_json_object_end(writer);
}

static void write_metric(struct ms_json_writer *writer, const char *scope, const char *name,
                         const char *unit, enum ms_provenance provenance, const char *error,
                         const char *because, const char *meaning)
{
    static const char *const provenances[] = {
        [MS_MEASURED] = "measured",
        [MS_DERIVED] = "derived",
        [MS_SAMPLED] = "sampled",
        [MS_UNAVAILABLE] = "unavailable",
    };
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "scope", scope);
    ms_json_member_string(writer, "name", name);
    ms_json_member_string(writer, "unit", unit);
    ms_json_member_string(writer, "provenance", provenances[provenance]);
    ms_json_member_text_or_null(writer, "error", error);
    ms_json_member_text_or_null(writer, "unavailable_because", because);
    ms_json_member_string(writer, "meaning", meaning);
    ms_json_object_end(writer);
}

static void write_thread_metric(struct ms_json_writer *writer, const struct ms_model *model,
                                enum ms_metric metric)
{
    const struct ms_metric_info *info = ms_metric_info(metric);
    char because[256];
    ms_metric_unavailable_because(model, NULL, metric, because, sizeof(because));
    const bool sampled = because[0] == '\0' && info->provenance == MS_SAMPLED;
    write_metric(writer, "thread", info->name, ms_unit_name(info->unit),
                 because[0] != '\0' ? MS_UNAVAILABLE : info->provenance,
                 sampled ? "estimated from those calls whose time was taken" : "", because,
                 info->meaning);
}

static void write_at_peak_metrics(struct ms_json_writer *writer, const struct ms_model *model)
{
    static const char none[] = "nothing that is seen has had 64 KiB live yet";
    static const char meaning[] =
        "what was live at the last peak of the process that was 1 % above the one before";
    uint64_t error_bytes = 0;
    bool any = false;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_peak *peak = &ms_model_process(model, i)->peak;
        error_bytes = peak->error_bytes > error_bytes ? peak->error_bytes : error_bytes;
        any = any || peak->epoch != 0;
    }
    char error[64] = "";
    if (any) {
        (void)snprintf(error, sizeof(error), "sum within +-%" PRIu64 " bytes", error_bytes);
    }
    const enum ms_provenance provenance = any ? MS_DERIVED : MS_UNAVAILABLE;
    write_metric(writer, "process", "at_peak", ms_unit_name(MS_UNIT_BYTES), provenance, error,
                 any ? "" : none, meaning);
    write_metric(writer, "site", "at_peak_bytes", ms_unit_name(MS_UNIT_BYTES), provenance, error,
                 any ? "" : none, meaning);
}

static void write_site_metrics(struct ms_json_writer *writer, const struct ms_model *model)
{
    static const struct {
        const char *name;
        enum ms_unit unit;
        const char *meaning;
    } rows[] = {
        {"current_bytes", MS_UNIT_BYTES, "requested bytes of live blocks allocated here"},
        {"allocations", MS_UNIT_COUNT, "blocks allocated here"},
        {"deallocations", MS_UNIT_COUNT, "blocks allocated here and freed, by any thread"},
        {"bytes_allocated", MS_UNIT_BYTES, "requested bytes allocated here"},
        {"bytes_freed", MS_UNIT_BYTES, "requested bytes allocated here and freed"},
        {"waste_bytes", MS_UNIT_BYTES, "bytes that the allocator rounded live blocks up by"},
        {"temporary", MS_UNIT_COUNT, "blocks freed before their thread allocated again"},
        {"reallocations", MS_UNIT_COUNT, "blocks resized here"},
        {"failed_calls", MS_UNIT_COUNT, "allocation calls that returned no memory"},
        {"size_classes", MS_UNIT_COUNT, "blocks by requested size"},
        {"lifetime_classes", MS_UNIT_COUNT, "freed blocks by how long they lived"},
    };
    bool sampled = false;
    for (size_t i = 0; i < ms_model_usage_count(model) && !sampled; i++) {
        sampled = ms_model_usage(model, i)->rate != 0;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_metric(writer, "site", rows[i].name, ms_unit_name(rows[i].unit),
                     sampled ? MS_SAMPLED : MS_MEASURED,
                     sampled ? "of each site: sampled.relative_error, none where that is null" : "",
                     "", rows[i].meaning);
    }
}

void ms_json_metrics(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_array_begin(writer);
    for (int i = 0; i < MS_METRIC_TOTAL; i++) {
        write_thread_metric(writer, model, (enum ms_metric)i);
    }
    write_metric(writer, "thread", "waiting_percent", ms_unit_name(MS_UNIT_PERCENT), MS_UNAVAILABLE,
                 "", ms_findings_waiting_unavailable(), "wall time in contended waits");
    uint64_t error_bytes = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const uint64_t bytes = ms_model_process(model, i)->peak_error_bytes;
        error_bytes = bytes > error_bytes ? bytes : error_bytes;
    }
    char error[64];
    (void)snprintf(error, sizeof(error), "within +-%" PRIu64 " bytes", error_bytes);
    write_metric(writer, "process", "peak_bytes", ms_unit_name(MS_UNIT_BYTES), MS_DERIVED, error,
                 "", "highest sum of current_bytes over the threads of a process");
    write_metric(writer, "site", "peak_bytes", ms_unit_name(MS_UNIT_BYTES), MS_DERIVED,
                 "upper bound", "",
                 "sum of the peaks that each thread had at the site; exact when there is one");
    write_at_peak_metrics(writer, model);
    write_site_metrics(writer, model);
    ms_json_line(writer);
    ms_json_array_end(writer);
}

static void write_arguments(struct ms_json_writer *writer, const struct ms_process *process,
                            bool hide)
{
    if (hide || process->arguments == NULL) {
        ms_json_null(writer);
        return;
    }
    ms_json_array_begin(writer);
    const char *at = process->arguments;
    const char *end = at + process->arguments_bytes;
    while (at < end) {
        const size_t bytes = strnlen(at, (size_t)(end - at));
        ms_json_bytes(writer, at, bytes);
        at += bytes + 1;
    }
    ms_json_array_end(writer);
}

static void write_end_status(struct ms_json_writer *writer, const struct ms_process *process)
{
    const bool ended = process->end_ns != 0;
    ms_json_member_bool(writer, "ended", ended);
    ms_json_member_u64_or_null(writer, "exit_status", ended && process->exit_status >= 0,
                               (uint64_t)process->exit_status);
    ms_json_member_u64_or_null(writer, "signal", ended && process->exit_status == -1,
                               process->exit_signal);
    ms_json_member_bool(writer, "core_dumped", process->core_dumped);
    ms_json_member_bool(writer, "replaced_by_exec", process->replaced_by_exec);
}

static void write_process_kernel(struct ms_json_writer *writer, const struct ms_process *process)
{
    const struct ms_process_kernel *kernel = &process->kernel;
    ms_json_member_u64_or_null(writer, "rss_bytes", kernel->have_memory, kernel->rss_bytes);
    ms_json_member_u64_or_null(writer, "pss_bytes", kernel->have_pss, kernel->pss_bytes);
    ms_json_member_u64_or_null(writer, "peak_rss_bytes", kernel->peak_rss_bytes > 0,
                               kernel->peak_rss_bytes);
    const bool have_cpu = kernel->have_memory || kernel->user_ns + kernel->system_ns > 0;
    ms_json_member_u64_or_null(writer, "user_ns", have_cpu, kernel->user_ns);
    ms_json_member_u64_or_null(writer, "system_ns", have_cpu, kernel->system_ns);
    ms_json_member_u64_or_null(writer, "io_operations", kernel->have_io,
                               kernel->read_calls + kernel->write_calls);
    ms_json_member_u64_or_null(writer, "read_bytes", kernel->have_io, kernel->read_chars_bytes);
    ms_json_member_u64_or_null(writer, "write_bytes", kernel->have_io, kernel->write_chars_bytes);
}

static void write_process(struct ms_json_writer *writer, const struct ms_model *model,
                          const struct ms_process *process, const struct ms_figures *figures,
                          const struct ms_tree *tree, bool hide_arguments)
{
    static const char *const seen[] = {
        [MS_SEEN_FULL] = "full",
        [MS_SEEN_PARTIAL] = "partial",
        [MS_SEEN_NONE] = "none",
    };
    const uint64_t end_ns = process->end_ns != 0 ? process->end_ns : ms_model_now_ns(model);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "id", process->id);
    ms_json_member_u64_or_null(writer, "parent_id", process->parent_id != 0, process->parent_id);
    ms_json_key(writer, "pid");
    ms_json_i64(writer, process->pid);
    ms_json_member_text_or_null(writer, "exe", process->exe);
    ms_json_key(writer, "argv");
    write_arguments(writer, process, hide_arguments);
    ms_json_member_u64_or_null(writer, "start_unix_ns", process->start_unix_ns != 0,
                               process->start_unix_ns);
    ms_json_member_u64_or_null(writer, "duration_ns",
                               process->start_ns != 0 && end_ns >= process->start_ns,
                               end_ns - process->start_ns);
    write_end_status(writer, process);
    ms_json_process_kin(writer, process);
    ms_json_member_string(writer, "seen", seen[process->seen]);
    ms_json_member_text_or_null(writer, "seen_because", process->seen_because);
    ms_json_process_judgements(writer, model, process);
    ms_json_member_text_or_null(writer, "allocator", process->allocator);
    ms_json_key(writer, "thread_read_hz");
    ms_json_fixed(writer, process->thread_read_hz > 0 ? process->thread_read_hz : NAN, 2);
    write_process_kernel(writer, process);
    ms_json_member_u64_or_null(writer, "probe_bytes", process->seen != MS_SEEN_NONE,
                               process->probe_bytes);
    ms_json_key(writer, "tracking");
    ms_json_tracking(writer, model, &process->tracking);
    ms_json_process_figures(writer, model, process, figures);
    ms_json_key(writer, "totals");
    ms_json_heap_totals(writer, &process->totals, process->seen != MS_SEEN_NONE,
                        process->peak_error_bytes);
    ms_json_member_fixed(writer, "gpu_percent", process->gpu_pct);
    ms_json_member_u64_or_null(writer, "gpu_memory_bytes", process->have_gpu, process->gpu_bytes);
    ms_json_key(writer, "resources");
    ms_json_resources(writer, model, process);
    ms_json_key(writer, "branch");
    ms_json_branch(writer, tree, process->id);
    ms_json_object_end(writer);
}

void ms_json_processes(struct ms_json_writer *writer, const struct ms_model *model,
                       bool hide_arguments)
{
    struct ms_tree tree = {0};
    (void)ms_tree_update(&tree, model, NULL, NULL, false); /* without memory: null */
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        struct ms_figures figures;
        ms_kept_figures_of_process(writer->figures, model, process->id, &figures);
        ms_json_line(writer);
        write_process(writer, model, process, &figures, &tree, hide_arguments);
    }
    ms_tree_fini(&tree);
    ms_json_line(writer);
    ms_json_array_end(writer);
}

static void write_metric_of(struct ms_json_writer *writer, const struct ms_thread *thread,
                            enum ms_metric metric, uint64_t now_ns)
{
    const struct ms_metric_info *info = ms_metric_info(metric);
    if (info->unit == MS_UNIT_COUNT || info->unit == MS_UNIT_BYTES || info->unit == MS_UNIT_INDEX) {
        uint64_t integer = 0;
        const bool available = ms_metric_integer_of_thread(thread, metric, &integer);
        ms_json_member_u64_or_null(writer, info->name, available, integer);
        return;
    }
    const struct ms_value value = ms_metric_of_thread(thread, metric, now_ns);
    ms_json_key(writer, info->name);
    ms_json_fixed(writer, value.available ? value.number : NAN,
                  info->unit == MS_UNIT_RATIO ? 6 : 3);
}

/* Sources of figures of threads. Those that give nothing at all are told once, with the metrics. */
struct thread_sources {
    enum ms_source of[MS_SOURCE_TOTAL];
    size_t count;
};

static struct thread_sources thread_sources_of(const struct ms_model *model)
{
    struct thread_sources sources = {.count = 0};
    for (int i = 0; i < MS_SOURCE_TOTAL; i++) {
        const enum ms_source source = (enum ms_source)i;
        const enum ms_source_condition condition = ms_model_source(model, source)->condition;
        if (ms_source_is_of_threads(source) && condition != MS_SOURCE_NOT_ASKED &&
            condition != MS_SOURCE_UNAVAILABLE) {
            sources.of[sources.count++] = source;
        }
    }
    return sources;
}

/* What the thread lacks although others have it: by source, or it would be most of the report. */
static void write_unavailable(struct ms_json_writer *writer, const struct ms_model *model,
                              const struct ms_thread *thread, const struct thread_sources *sources)
{
    ms_json_object_begin(writer);
    for (size_t i = 0; i < sources->count; i++) {
        char because[256];
        ms_source_unavailable_because(model, thread, sources->of[i], because, sizeof(because));
        if (because[0] != '\0') {
            ms_json_member_string(writer, ms_source_name(sources->of[i]), because);
        }
    }
    ms_json_object_end(writer);
}

/* Its figures of I/O, switches and migrations are older than those that it left itself. */
static uint64_t io_age_ns(const struct ms_thread *thread)
{
    const uint64_t read_ns = thread->kernel.slowly_read_ns;
    return thread->end_ns > read_ns ? thread->end_ns - read_ns : 0;
}

static void write_thread(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_thread *thread, const struct ms_judgement *judgement,
                         const struct thread_sources *sources)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "id", thread->id);
    ms_json_member_u64(writer, "process_id", thread->process_id);
    ms_json_member_u64_or_null(writer, "tid", thread->tid > 0, (uint64_t)thread->tid);
    ms_json_key(writer, "name");
    ms_json_bytes(writer, thread->name, strnlen(thread->name, sizeof(thread->name)));
    ms_json_member_bool(writer, "tracked", thread->tracked && thread->probed);
    ms_json_member_string(writer, "role", ms_role_name(judgement->role));
    ms_json_member_string(writer, "role_reason", judgement->role_reason);
    ms_json_member_string(writer, "alert", ms_alert_name(judgement->alert));
    ms_json_member_text_or_null(writer, "alert_reason", judgement->alert_reason);
    ms_json_thread_judgements(writer, model, thread);
    for (int i = 0; i < MS_METRIC_TOTAL; i++) {
        write_metric_of(writer, thread, (enum ms_metric)i, ms_model_now_ns(model));
    }
    const struct ms_kernel_thread *kernel = &thread->kernel;
    ms_json_member_text_or_null(writer, "affinity",
                                (kernel->have & MS_HAVE_AFFINITY) != 0 ? kernel->affinity : "");
    ms_json_key(writer, "unavailable");
    write_unavailable(writer, model, thread, sources);
    struct ms_figures figures;
    ms_figures_of_thread(model, thread->id, &figures);
    ms_json_classes(writer, &figures, &thread->heap, thread->probed && thread->tracked);
    ms_json_not_sampled(writer, &figures);
    ms_json_key(writer, "io");
    ms_json_thread_io(writer, model, thread);
    const uint64_t start_ns = ms_model_start_ns(model);
    ms_json_key(writer, "start_ns");
    if (thread->start_ns != 0) {
        ms_json_i64(writer, (int64_t)(thread->start_ns - start_ns));
    } else {
        ms_json_null(writer);
    }
    ms_json_member_bool(writer, "ended", thread->end_ns != 0);
    ms_json_member_u64(writer, "last_seen_before_end_ns", thread->last_seen_before_end_ns);
    ms_json_member_u64_or_null(writer, "io_last_seen_before_end_ns",
                               thread->end_ns != 0 && thread->merged == 0 &&
                                   kernel->slowly_read_ns != 0,
                               io_age_ns(thread));
    ms_json_member_u64(writer, "merged", thread->merged);
    ms_json_object_end(writer);
}

void ms_json_threads(struct ms_json_writer *writer, const struct ms_model *model,
                     const struct ms_thresholds *thresholds)
{
    const struct ms_baseline baseline = ms_baseline_of(model);
    const struct thread_sources sources = thread_sources_of(model);
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        ms_json_advance(writer, MS_JSON_UNITS_OF_THREAD);
        if (!ms_json_shows_thread(writer, thread->id)) {
            continue;
        }
        const struct ms_judgement judgement = ms_judge_against(thresholds, &baseline, thread);
        ms_json_line(writer);
        write_thread(writer, model, thread, &judgement, &sources);
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
}

void ms_json_flows(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_flow_count(model); i++) {
        const struct ms_flow *flow = ms_model_flow(model, i);
        if (flow->blocks == 0) { /* its blocks have come to be of a thread that is known by now */
            continue;
        }
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "process_id", flow->process_id);
        ms_json_member_u64_or_null(writer, "from_thread", flow->from_thread != 0,
                                   flow->from_thread);
        ms_json_member_u64_or_null(writer, "to_thread", flow->to_thread != 0, flow->to_thread);
        ms_json_member_u64(writer, "blocks", flow->blocks);
        ms_json_member_u64(writer, "bytes", flow->bytes);
        ms_json_object_end(writer);
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
}
