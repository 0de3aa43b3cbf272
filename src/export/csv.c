#include "export/csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/bottleneck.h"
#include "analysis/efficiency.h"
#include "analysis/insights.h"
#include "analysis/judge.h"
#include "analysis/leaks.h"
#include "analysis/types.h"
#include "export/chosen.h"
#include "export/csv_row.h"
#include "export/json_parts.h"
#include "export/span.h"
#include "export/top.h"
#include "model/format.h"
#include "model/metric.h"

#define TIMELINE_POINTS  600u /* as in JSON */
#define TIMELINE_THREADS 50u
#define PROGRESS_EVERY   256u /* rows */

/* What all tables are written from. */
struct table {
    struct ms_csv csv;
    const struct ms_model *model;
    const struct ms_export_options *options;
    struct ms_chosen chosen;
};

static int write_metric_cells(struct table *table, const struct ms_thread *thread)
{
    for (int i = 0; i < MS_METRIC_TOTAL; i++) {
        const enum ms_metric metric = (enum ms_metric)i;
        const enum ms_unit unit = ms_metric_info(metric)->unit;
        if (unit == MS_UNIT_COUNT || unit == MS_UNIT_BYTES || unit == MS_UNIT_INDEX) {
            uint64_t integer = 0;
            const bool available = ms_metric_integer_of_thread(thread, metric, &integer);
            ms_csv_u64_or_none(&table->csv, available, integer);
        } else {
            const struct ms_value value =
                ms_metric_of_thread(thread, metric, ms_model_now_ns(table->model));
            ms_csv_fixed(&table->csv, value.available ? value.number : (double)NAN,
                         unit == MS_UNIT_RATIO ? 6 : 3);
        }
    }
    return 0;
}

static int write_threads(struct table *table)
{
    struct ms_csv *csv = &table->csv;
    const struct ms_baseline baseline = ms_baseline_of(table->model);
    ms_csv_headings(csv, "id,process_id,tid,name,tracked,role,alert,efficiency_score,bottleneck");
    for (int i = 0; i < MS_METRIC_TOTAL; i++) {
        ms_csv_text(csv, ms_metric_info((enum ms_metric)i)->name);
    }
    ms_csv_headings(csv, "start_ns,ended,merged");
    ms_csv_end(csv);
    for (size_t i = 0; i < ms_model_thread_count(table->model); i++) {
        const struct ms_thread *thread = ms_model_thread(table->model, i);
        if (!ms_chosen_has_thread(&table->chosen, thread->id)) {
            continue;
        }
        const struct ms_judgement judgement =
            ms_judge_against(&table->options->thresholds, &baseline, thread);
        ms_csv_u64(csv, thread->id);
        ms_csv_u64(csv, thread->process_id);
        ms_csv_u64_or_none(csv, thread->tid > 0, (uint64_t)thread->tid);
        ms_csv_bytes(csv, thread->name, strnlen(thread->name, sizeof(thread->name)));
        ms_csv_bool(csv, thread->tracked && thread->probed);
        ms_csv_text(csv, ms_role_name(judgement.role));
        ms_csv_text(csv, ms_alert_name(judgement.alert));
        ms_csv_fixed(csv, ms_efficiency_of_thread(table->model, thread).score, 1);
        ms_csv_text(csv, ms_bottleneck_name(ms_bottleneck_of_thread(table->model, thread).kind));
        write_metric_cells(table, thread);
        const uint64_t start_ns = ms_model_start_ns(table->model);
        ms_csv_fixed(csv,
                     thread->start_ns != 0 ? (double)(int64_t)(thread->start_ns - start_ns)
                                           : (double)NAN,
                     0);
        ms_csv_bool(csv, thread->end_ns != 0);
        ms_csv_u64(csv, thread->merged);
        ms_csv_end(csv);
    }
    return 0;
}

static int write_processes(struct table *table)
{
    struct ms_csv *csv = &table->csv;
    static const char *const seen[] = {
        [MS_SEEN_FULL] = "full", [MS_SEEN_PARTIAL] = "partial", [MS_SEEN_NONE] = "none"};
    ms_csv_headings(csv, "id,parent_id,pid,name,exe,seen,ended,exit_status,signal,allocations,"
                         "deallocations,bytes_allocated,bytes_freed,current_bytes,peak_bytes,"
                         "rss_bytes,peak_rss_bytes,user_ns,system_ns");
    ms_csv_end(csv);
    for (size_t i = 0; i < ms_model_process_count(table->model); i++) {
        const struct ms_process *process = ms_model_process(table->model, i);
        const struct ms_heap *heap = &process->totals;
        const struct ms_process_kernel *kernel = &process->kernel;
        const bool heap_seen = process->seen != MS_SEEN_NONE;
        const bool have_cpu = kernel->have_memory || kernel->user_ns + kernel->system_ns > 0;
        char name[MS_PROCESS_NAME_MAX];
        ms_csv_u64(csv, process->id);
        ms_csv_u64_or_none(csv, process->parent_id != 0, process->parent_id);
        ms_csv_u64(csv, (uint64_t)process->pid);
        ms_csv_text(csv, ms_process_name(process, name, sizeof(name)));
        ms_csv_text(csv, process->exe);
        ms_csv_text(csv, seen[process->seen]);
        ms_csv_bool(csv, process->end_ns != 0);
        ms_csv_u64_or_none(csv, process->end_ns != 0 && process->exit_status >= 0,
                           (uint64_t)process->exit_status);
        ms_csv_u64_or_none(csv, process->end_ns != 0 && process->exit_status == -1,
                           process->exit_signal);
        ms_csv_u64_or_none(csv, heap_seen, heap->allocations);
        ms_csv_u64_or_none(csv, heap_seen, heap->deallocations);
        ms_csv_u64_or_none(csv, heap_seen, heap->bytes_allocated);
        ms_csv_u64_or_none(csv, heap_seen, heap->bytes_freed);
        ms_csv_u64_or_none(csv, heap_seen, ms_heap_current_bytes(heap));
        ms_csv_u64_or_none(csv, heap_seen, heap->peak_bytes);
        ms_csv_u64_or_none(csv, kernel->have_memory, kernel->rss_bytes);
        ms_csv_u64_or_none(csv, kernel->peak_rss_bytes > 0, kernel->peak_rss_bytes);
        ms_csv_u64_or_none(csv, have_cpu, kernel->user_ns);
        ms_csv_u64_or_none(csv, have_cpu, kernel->system_ns);
        ms_csv_end(csv);
    }
    return 0;
}

/* "main;work;malloc": outermost first, as flame graph tools have it. */
static void write_stack(struct ms_csv *csv, const struct ms_site *site)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (size_t i = site->depth; out != NULL && i-- > 0;) {
        const struct ms_frame *chain[64];
        size_t count = 0;
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL && count < 64;
             frame = frame->inlined_by) {
            chain[count++] = frame;
        }
        while (count-- > 0) {
            char name[1024];
            fprintf(out, "%s%s", ftell(out) > 0 ? ";" : "",
                    ms_format_frame(name, sizeof(name), chain[count]));
        }
    }
    if (out == NULL || fclose(out) != 0) {
        ms_csv_none(csv);
    } else {
        ms_csv_bytes(csv, text, bytes);
    }
    free(text);
}

static int write_sites(struct table *table)
{
    struct ms_csv *csv = &table->csv;
    const size_t count = ms_model_site_count(table->model);
    ms_csv_headings(csv, "id,process_id,function,file,line,module,current_bytes,peak_bytes,"
                         "allocations,deallocations,bytes_allocated,bytes_freed,temporary,"
                         "waste_bytes,cpu_ms,io_wait_ms,truncated,stack");
    ms_csv_end(csv);
    for (size_t i = 0; i < count; i++) {
        const struct ms_site *site = ms_model_site(table->model, i);
        const struct ms_frame *frame = ms_site_culprit_frame(site);
        if (i % PROGRESS_EVERY == 0 && table->options->progress != NULL &&
            !table->options->progress(table->options->context, i, count)) {
            return -ECANCELED;
        }
        struct ms_chosen_work work;
        if ((site->flags & MS_SITE_NOT_SAMPLED) != 0 ||
            !ms_chosen_at_site(&table->chosen, table->model, site, &work)) {
            continue;
        }
        const struct ms_heap *heap = &work.heap;
        ms_csv_u64(csv, site->id);
        ms_csv_u64(csv, site->process_id);
        ms_csv_text(csv, frame != NULL ? frame->function : "");
        ms_csv_text(csv, frame != NULL ? frame->file : "");
        ms_csv_u64_or_none(csv, frame != NULL && frame->line != 0, frame != NULL ? frame->line : 0);
        ms_csv_text(csv, frame != NULL ? frame->module : "");
        ms_csv_u64(csv, ms_heap_current_bytes(heap));
        ms_csv_u64(csv, heap->peak_bytes);
        ms_csv_u64(csv, heap->allocations);
        ms_csv_u64(csv, heap->deallocations);
        ms_csv_u64(csv, heap->bytes_allocated);
        ms_csv_u64(csv, heap->bytes_freed);
        ms_csv_u64(csv, heap->temporary);
        ms_csv_u64(csv, heap->waste_bytes);
        ms_csv_fixed(csv, work.has_work ? (double)work.cpu_ns / 1e6 : (double)NAN, 3);
        ms_csv_fixed(csv, work.has_work ? (double)work.io_wait_ns / 1e6 : (double)NAN, 3);
        ms_csv_text(csv, ms_json_truncated(site));
        write_stack(csv, site);
        ms_csv_end(csv);
    }
    return 0;
}

static int write_leaks(struct table *table)
{
    struct ms_csv *csv = &table->csv;
    const struct ms_findings *findings = table->options->findings;
    const struct ms_leaks *leaks = findings != NULL ? ms_findings_leaks(findings) : NULL;
    ms_csv_headings(csv, "site_id,process_id,function,file,line,live_bytes,live_blocks,"
                         "leaked_bytes,leaked_blocks,slope_bytes_per_s,windows,confidence,"
                         "suppressed,reason");
    ms_csv_end(csv);
    for (size_t i = 0; leaks != NULL && i < ms_leaks_count(leaks); i++) {
        const struct ms_leak *leak = ms_leaks_at(leaks, i);
        const struct ms_site *site = ms_model_site_by_id(table->model, leak->site_id);
        const struct ms_frame *frame = site != NULL ? ms_site_culprit_frame(site) : NULL;
        ms_csv_u64(csv, leak->site_id);
        ms_csv_u64(csv, leak->process_id);
        ms_csv_text(csv, frame != NULL ? frame->function : "");
        ms_csv_text(csv, frame != NULL ? frame->file : "");
        ms_csv_u64_or_none(csv, frame != NULL && frame->line != 0, frame != NULL ? frame->line : 0);
        ms_csv_u64(csv, leak->live_bytes);
        ms_csv_u64(csv, leak->live_blocks);
        ms_csv_u64(csv, leak->leaked_bytes);
        ms_csv_u64(csv, leak->leaked_blocks);
        ms_csv_fixed(csv, leak->slope_bytes_per_s, 3);
        ms_csv_u64(csv, leak->windows);
        ms_csv_fixed(csv, leak->confidence, 3);
        ms_csv_bool(csv, leak->suppressed);
        ms_csv_text(csv, leak->reason);
        ms_csv_end(csv);
    }
    return 0;
}

static void write_end_of_flow(struct table *table, uint32_t thread_id)
{
    const struct ms_thread *thread = ms_model_thread_by_id(table->model, thread_id);
    ms_csv_u64_or_none(&table->csv, thread_id != 0, thread_id);
    ms_csv_bytes(&table->csv, thread != NULL ? thread->name : "",
                 thread != NULL ? strnlen(thread->name, sizeof(thread->name)) : 0);
}

static int write_flows(struct table *table)
{
    struct ms_csv *csv = &table->csv;
    ms_csv_headings(csv, "process_id,from_thread,from_name,to_thread,to_name,blocks,bytes");
    ms_csv_end(csv);
    for (size_t i = 0; i < ms_model_flow_count(table->model); i++) {
        const struct ms_flow *flow = ms_model_flow(table->model, i);
        if (flow->blocks == 0) {
            continue;
        }
        ms_csv_u64(csv, flow->process_id);
        write_end_of_flow(table, flow->from_thread);
        write_end_of_flow(table, flow->to_thread);
        ms_csv_u64(csv, flow->blocks);
        ms_csv_u64(csv, flow->bytes);
        ms_csv_end(csv);
    }
    return 0;
}

static int write_types(struct table *table)
{
    struct ms_csv *csv = &table->csv;
    struct ms_types *types = ms_json_types_of(table->model);
    if (types == NULL) {
        return -ENOMEM;
    }
    ms_csv_headings(csv, "type,family,language,element,current_bytes,current_blocks,"
                         "bytes_allocated,allocations,sites,provenance,unknown_because");
    ms_csv_end(csv);
    for (size_t i = 0; i < ms_types_count(types); i++) {
        const struct ms_type_row *row = ms_types_at(types, i);
        ms_csv_text(csv, row->name);
        ms_csv_text(csv, ms_type_family_name(row->family));
        ms_csv_text(csv, ms_type_language_name(row->language));
        ms_csv_text(csv, row->element);
        ms_csv_u64(csv, row->current_bytes);
        ms_csv_u64(csv, row->current_blocks);
        ms_csv_u64(csv, row->bytes_allocated);
        ms_csv_u64(csv, row->allocations);
        ms_csv_u64(csv, row->sites);
        ms_csv_text(csv, ms_type_trust_name(row->trust));
        ms_csv_text(csv, ms_type_unknown_reason(row->unknown));
        ms_csv_end(csv);
    }
    ms_types_free(types);
    return 0;
}

/* Whose a series is; 0 and -1: of none. */
struct owner {
    uint32_t process_id, thread_id;
    int64_t core, gpu;
};

static void write_series(struct table *table, const struct ms_span *span, const char *metric,
                         const struct ms_history *history, const struct owner *owner)
{
    struct ms_csv *csv = &table->csv;
    for (size_t i = 0; history != NULL && i < span->count; i++) {
        const double value = ms_span_point(history, span, i);
        if (isnan(value)) {
            continue;
        }
        ms_csv_u64(csv, ms_span_point_ns(span, i, ms_model_interval_ns(table->model)));
        ms_csv_text(csv, metric);
        ms_csv_u64_or_none(csv, owner->process_id != 0, owner->process_id);
        ms_csv_u64_or_none(csv, owner->thread_id != 0, owner->thread_id);
        ms_csv_u64_or_none(csv, owner->core >= 0, (uint64_t)owner->core);
        ms_csv_u64_or_none(csv, owner->gpu >= 0, (uint64_t)owner->gpu);
        ms_csv_fixed(csv, value, 3);
        ms_csv_end(csv);
    }
}

static void write_machine(struct table *table, const struct ms_span *span)
{
    const struct owner machine = {.core = -1, .gpu = -1};
    const struct ms_system *system = ms_model_system(table->model);
    for (int s = 0; s < MS_SYSTEM_SERIES_COUNT; s++) {
        write_series(table, span, ms_series_info(MS_SERIES_OF_SYSTEM, s)->name, system->history[s],
                     &machine);
    }
    for (uint32_t i = 0; i < system->cores && i < MS_CORES_MAX; i++) {
        const struct owner core = {.core = i, .gpu = -1};
        write_series(table, span, "core_percent", system->core_history[i], &core);
    }
    for (size_t i = 0; i < system->gpu_count && system->gpus != NULL; i++) {
        const struct owner gpu = {.core = -1, .gpu = (int64_t)i};
        write_series(table, span, "gpu_busy_percent", system->gpus[i].history, &gpu);
        write_series(table, span, "gpu_used_bytes", system->gpus[i].memory_history, &gpu);
    }
}

static int write_timeline(struct table *table)
{
    const struct ms_span span = ms_span_of(table->model, TIMELINE_POINTS);
    ms_csv_headings(&table->csv, "t_ns,metric,process_id,thread_id,core,gpu,value");
    ms_csv_end(&table->csv);
    for (size_t i = 0; i < ms_model_process_count(table->model) && i < TIMELINE_THREADS; i++) {
        const struct ms_process *process = ms_model_process(table->model, i);
        const struct owner owner = {.process_id = process->id, .core = -1, .gpu = -1};
        for (int s = 0; s < MS_PROCESS_SERIES_COUNT; s++) {
            write_series(table, &span, ms_series_info(MS_SERIES_OF_PROCESS, s)->name,
                         process->history[s], &owner);
        }
    }
    const struct ms_thread *top[TIMELINE_THREADS];
    const size_t count = ms_top_threads(table->model, &table->chosen, top, TIMELINE_THREADS);
    for (size_t i = 0; i < count; i++) {
        const struct owner owner = {
            .process_id = top[i]->process_id, .thread_id = top[i]->id, .core = -1, .gpu = -1};
        for (int s = 0; s < MS_SERIES_COUNT; s++) {
            write_series(table, &span, ms_series_info(MS_SERIES_OF_THREAD, s)->name,
                         top[i]->history[s], &owner);
        }
    }
    write_machine(table, &span);
    return 0;
}

static int write_insights(struct table *table)
{
    static const struct ms_scope all;
    struct ms_csv *csv = &table->csv;
    struct ms_insights insights;
    const struct ms_findings *findings = table->options->findings;
    ms_csv_headings(csv, "kind,severity,process_id,thread_id,site_id,bytes,ns_per_s,what,advice");
    ms_csv_end(csv);
    if (findings == NULL) {
        return 0;
    }
    const int error =
        ms_insights_of(table->model, findings, ms_findings_anomalies(findings), &all, &insights);
    if (error != 0) {
        return error;
    }
    for (size_t i = 0; i < insights.count; i++) {
        const struct ms_insight *insight = &insights.rows[i];
        ms_csv_text(csv, ms_insight_kind_name(insight->kind));
        ms_csv_text(csv, ms_severity_name(insight->severity));
        ms_csv_u64_or_none(csv, insight->process_id != 0, insight->process_id);
        ms_csv_u64_or_none(csv, insight->thread_id != 0, insight->thread_id);
        ms_csv_u64_or_none(csv, insight->site_id != 0, insight->site_id);
        ms_csv_fixed(csv, insight->bytes, 0);
        ms_csv_fixed(csv, insight->ns_per_s, 0);
        ms_csv_text(csv, insight->what);
        ms_csv_text(csv, insight->advice);
        ms_csv_end(csv);
    }
    ms_insights_free(&insights);
    return 0;
}

struct trace_rows {
    struct table *table;
    uint64_t rows, start_ns, end_ns;
    bool cancelled;
};

static bool write_event(void *context, const struct ms_trace_record *event)
{
    struct trace_rows *rows = context;
    struct ms_csv *csv = &rows->table->csv;
    const struct ms_export_options *options = rows->table->options;
    const uint64_t since_ns = event->time_ns > rows->start_ns ? event->time_ns - rows->start_ns : 0;
    if (!ms_chosen_has_thread(&rows->table->chosen, event->by_thread_id)) {
        return true;
    }
    ms_csv_u64(csv, since_ns);
    ms_csv_text(csv, event->is_free ? "free" : "allocation");
    ms_csv_u64_or_none(csv, event->process_id != 0, event->process_id);
    ms_csv_u64_or_none(csv, event->by_thread_id != 0, event->by_thread_id);
    ms_csv_u64_or_none(csv, event->thread_id != 0, event->thread_id);
    ms_csv_u64_or_none(csv, event->site_id != 0, event->site_id);
    ms_csv_u64(csv, event->address);
    ms_csv_u64(csv, event->bytes);
    ms_csv_end(csv);
    rows->cancelled = ferror(csv->out) != 0;
    if (options->progress != NULL && ++rows->rows % PROGRESS_EVERY == 0 &&
        !options->progress(options->context, since_ns, rows->end_ns - rows->start_ns)) {
        rows->cancelled = true;
    }
    return !rows->cancelled;
}

static int write_trace(struct table *table)
{
    struct trace_rows rows = {.table = table,
                              .start_ns = ms_model_start_ns(table->model),
                              .end_ns = ms_model_now_ns(table->model)};
    const struct ms_export_options *options = table->options;
    ms_csv_headings(&table->csv, "t_ns,kind,process_id,thread_id,allocated_by_thread_id,site_id,"
                                 "address,bytes");
    ms_csv_end(&table->csv);
    const int error =
        options->trace != NULL ? options->trace(options->trace_context, write_event, &rows) : 0;
    return rows.cancelled && !ferror(table->csv.out) ? -ECANCELED : error;
}

static const struct {
    const char *name;
    int (*write)(struct table *table);
} tables[MS_CSV_TOTAL] = {
    [MS_CSV_THREADS] = {"threads", write_threads},
    [MS_CSV_PROCESSES] = {"processes", write_processes},
    [MS_CSV_SITES] = {"sites", write_sites},
    [MS_CSV_LEAKS] = {"leaks", write_leaks},
    [MS_CSV_FLOWS] = {"flows", write_flows},
    [MS_CSV_TYPES] = {"types", write_types},
    [MS_CSV_TIMELINE] = {"timeline", write_timeline},
    [MS_CSV_INSIGHTS] = {"insights", write_insights},
    [MS_CSV_TRACE] = {"trace", write_trace},
};

enum ms_csv_table ms_csv_table_by_name(const char *name)
{
    int table = 0;
    while (name != NULL && table < MS_CSV_TOTAL && strcmp(tables[table].name, name) != 0) {
        table++;
    }
    return (enum ms_csv_table)table;
}

int ms_csv_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options)
{
    struct table table = {.csv = {.out = out}, .model = model, .options = options};
    const enum ms_csv_table which = ms_csv_table_by_name(options->csv_table);
    int error = which == MS_CSV_TOTAL ? -EINVAL : ms_chosen_init(&table.chosen, model, options);
    if (error != 0) {
        return error;
    }
    error = tables[which].write(&table);
    ms_chosen_fini(&table.chosen);
    errno = 0;
    if (error == 0 && (fflush(out) != 0 || ferror(out))) {
        error = errno != 0 ? -errno : -EIO;
    }
    return error;
}
