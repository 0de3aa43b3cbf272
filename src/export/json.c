#include "export/json.h"

#include "export/json_parts.h"

static void write_session(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "start_unix_ns", ms_model_start_unix_ns(model));
    ms_json_member_u64(writer, "duration_ns", ms_model_now_ns(model) - ms_model_start_ns(model));
    ms_json_member_u64(writer, "interval_ns", ms_model_interval_ns(model));
    ms_json_object_end(writer);
}

/* In words, why some of the program is not in the figures; NULL when all of it is. */
static const char *untracked_reason(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->seen != MS_SEEN_FULL && process->seen_because[0] != '\0') {
            return process->seen_because;
        }
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (!thread->tracked) {
            return thread->probed ? "threads that were not selected are not tracked"
                                  : "threads without a record of the probe are not tracked";
        }
    }
    return NULL;
}

static void write_losses(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_losses *losses)
{
    const char *reason = untracked_reason(model);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "recorded", losses->recorded);
    ms_json_member_u64(writer, "lost", losses->lost);
    ms_json_member_u64(writer, "coarsened", losses->coarsened);
    ms_json_member_u64(writer, "owner_unknown", losses->owner_unknown);
    ms_json_member_u64(writer, "threads_folded", losses->threads_folded);
    ms_json_member_u64(writer, "not_classified", losses->not_classified);
    ms_json_member_u64(writer, "rates_refused", losses->rates_refused);
    ms_json_member_u64(writer, "misuse_missing", losses->misuse_missing);
    ms_json_member_u64(writer, "io_sites_missing", losses->io_sites_missing);
    ms_json_member_text_or_null(writer, "untracked_reason", reason != NULL ? reason : "");
    ms_json_object_end(writer);
}

/* null: nothing is traced. */
static void write_trace(struct ms_json_writer *writer, const struct ms_model *model)
{
    const struct ms_trace *trace = ms_model_trace(model);
    const struct ms_trace_totals totals = ms_model_trace_totals(model);
    if (!totals.any) {
        ms_json_null(writer);
        return;
    }
    uint64_t sent = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        sent += ms_model_process(model, i)->trace.sent;
    }
    ms_json_object_begin(writer);
    ms_json_key(writer, "read");
    ms_json_bool(writer, trace->reading);
    ms_json_member_u64(writer, "events", totals.events);
    ms_json_member_u64(writer, "lost", totals.lost);
    ms_json_member_u64(writer, "sent", sent);
    ms_json_member_u64(writer, "batches", trace->batches);
    ms_json_member_u64(writer, "packet_bytes", trace->packet_bytes);
    ms_json_member_u64(writer, "refused", trace->refused);
    ms_json_member_text_or_null(writer, "because", totals.because);
    ms_json_object_end(writer);
}

static void write_totals(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_heap *totals)
{
    bool available = false;
    uint64_t error_bytes = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        available = available || process->seen != MS_SEEN_NONE;
        error_bytes += process->peak_error_bytes;
    }
    ms_json_heap_totals(writer, totals, available, error_bytes);
}

static void write_stacks(struct ms_json_writer *writer, const struct ms_model *model)
{
    struct ms_stack_check sum = {0};
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        ms_stack_check_add(&sum, &ms_model_process(model, i)->stacks);
    }
    ms_json_stack_check(writer, &sum);
}

static void section(struct ms_json_writer *writer, const char *name)
{
    ms_json_line(writer);
    ms_json_key(writer, name);
}

int ms_json_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options)
{
    struct ms_json_writer writer;
    const int error = ms_json_writer_open(&writer, out);
    if (error != 0) {
        return error;
    }
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    struct ms_types *types = ms_json_types_of(model);
    ms_json_object_begin(&writer);
    ms_json_key(&writer, "memscope");
    ms_json_object_begin(&writer);
    ms_json_member_u64(&writer, "schema", MS_JSON_SCHEMA);
    ms_json_member_string(&writer, "version", options->program_version);
    ms_json_object_end(&writer);
    section(&writer, "session");
    write_session(&writer, model);
    section(&writer, "system");
    ms_json_system(&writer, model);
    section(&writer, "sources");
    ms_json_sources(&writer, model);
    section(&writer, "metrics");
    ms_json_metrics(&writer, model);
    section(&writer, "histograms");
    ms_json_histograms(&writer);
    section(&writer, "processes");
    ms_json_processes(&writer, model, options->hide_arguments);
    section(&writer, "threads");
    ms_json_threads(&writer, model, &options->thresholds);
    section(&writer, "sites");
    ms_json_sites(&writer, model, types);
    section(&writer, "types");
    ms_json_types(&writer, types);
    ms_types_free(types);
    section(&writer, "hotspots");
    ms_json_hotspots(&writer, model);
    section(&writer, "modules");
    ms_json_modules(&writer, model);
    section(&writer, "flows");
    ms_json_flows(&writer, model);
    section(&writer, "flow_totals");
    ms_json_flow_totals(&writer, model);
    section(&writer, "flow_patterns");
    ms_json_flow_patterns(&writer, model);
    section(&writer, "misuse");
    ms_json_misuse(&writer, model);
    section(&writer, "leaks");
    ms_json_leaks(&writer, model, options->findings);
    section(&writer, "timeline");
    ms_json_timeline(&writer, model);
    section(&writer, "correlations");
    ms_json_correlations(&writer, model);
    section(&writer, "rankings");
    ms_json_rankings(&writer, model, options->findings);
    section(&writer, "anomalies");
    ms_json_anomalies(&writer, model, options->findings);
    section(&writer, "limits");
    ms_json_limits(&writer, model);
    section(&writer, "insights");
    ms_json_insights(&writer, model, options->findings);
    section(&writer, "losses");
    write_losses(&writer, model, &losses);
    section(&writer, "trace");
    write_trace(&writer, model);
    section(&writer, "stacks");
    write_stacks(&writer, model);
    section(&writer, "totals");
    write_totals(&writer, model, &totals);
    ms_json_line(&writer);
    ms_json_object_end(&writer);
    ms_json_line(&writer);
    return ms_json_writer_close(&writer);
}
