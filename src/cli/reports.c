#include "cli/reports.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/debug_log.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "export/csv.h"
#include "export/json.h"
#include "model/format.h"
#include "wire/clock.h"

/* What all of them are written from. */
struct reports {
    const struct ms_options *options;
    const struct ms_model *model;
    const struct ms_findings *findings;
    struct ms_recording *recording;
    uint64_t trace_events; /* that were read */
    bool overwrite;
    const char *written;
    int status;
};

struct ms_export_options ms_reports_options(const struct ms_options *options,
                                            const struct ms_findings *findings)
{
    return (struct ms_export_options){
        .program_version = MS_VERSION,
        .title = options->title,
        .hide_arguments = options->hide_arguments,
        .sections = options->sections,
        .thread_rules = options->thread_rules,
        .thread_rule_count = options->thread_rule_count,
        .csv_table = options->csv_table,
        .weight = options->weight,
        .thresholds = findings != NULL ? *ms_findings_thresholds(findings)
                                       : ms_settings_thresholds(&options->settings),
        .findings = findings};
}

bool ms_reports_wanted(const struct ms_options *options)
{
    bool any = options->json_set_prefix != NULL;
    for (int format = 0; format < MS_EXPORT_TOTAL; format++) {
        any = any || options->export_path[format] != NULL;
    }
    return any;
}

struct handing_on {
    struct reports *reports;
    bool (*each)(void *context, const struct ms_trace_record *event);
    void *context;
};

static bool count_event(void *context, const struct ms_trace_record *event)
{
    const struct handing_on *handing_on = context;
    handing_on->reports->trace_events++;
    return handing_on->each(handing_on->context, event);
}

/* Up to the moment of the model; at the end there may be some after its last tick. */
static int read_trace(void *context,
                      bool (*each)(void *context, const struct ms_trace_record *event),
                      void *each_context)
{
    struct reports *reports = context;
    struct handing_on handing_on = {reports, each, each_context};
    uint64_t lost;
    const uint64_t last_ns =
        reports->options->at != NULL ? ms_model_now_ns(reports->model) : UINT64_MAX;
    reports->trace_events = 0;
    return ms_recording_trace(reports->recording, 0, last_ns, &lost, count_event, &handing_on);
}

/* What is not in a trace that was written: lost on the way here, or no room for it was left. */
static void tell_trace(const struct reports *reports, const char *path)
{
    const struct ms_trace *trace = ms_model_trace(reports->model);
    const uint64_t lost = ms_model_trace_totals(reports->model).lost;
    if (reports->recording == NULL || !trace->asked) {
        fprintf(stderr, "memscope-top: %s: no trace was recorded: record with --trace\n", path);
        return;
    }
    if (lost > 0) {
        fprintf(stderr, "memscope-top: %s: %" PRIu64 " events of the trace are lost\n", path, lost);
    }
    if (trace->events > reports->trace_events && reports->options->at == NULL) {
        fprintf(stderr,
                "memscope-top: %s: %" PRIu64 " of %" PRIu64
                " events are not in the recording: there was no room for them\n",
                path, trace->events - reports->trace_events, trace->events);
    }
}

static bool write_one(struct reports *reports, enum ms_export format, unsigned document,
                      const char *option, const char *path)
{
    struct ms_export_options options = ms_reports_options(reports->options, reports->findings);
    struct ms_progress progress;
    char shown[512];
    char what[600];
    const char *name = strcmp(path, "-") == 0 ? "standard output" : path;
    ms_format_safe(shown, sizeof shown, name, strlen(name), true);
    (void)snprintf(what, sizeof what, "writing %s", shown);
    options.json_document = document;
    options.progress = ms_progress_tell;
    options.context = &progress;
    if (reports->recording != NULL) {
        options.trace = read_trace;
        options.trace_context = reports;
        const struct ms_recording_about about = ms_recording_about(reports->recording);
        const bool whole = about.going_on || strcmp(about.condition, "whole") == 0;
        options.damage = whole ? NULL : about.condition;
    }
    const uint64_t begun_ns = ms_monotonic_ns();
    ms_progress_begin(&progress, what);
    const int result =
        ms_export_write_file(path, reports->overwrite, format, reports->model, &options);
    ms_progress_end(&progress);
    ms_debug_log("--%s written in %.3f s", option, (double)(ms_monotonic_ns() - begun_ns) / 1e9);
    if (result != 0) {
        fprintf(stderr, "memscope-top: --%s: %s: %s%s\n", option, shown, ms_export_error(result),
                result == -EEXIST ? "; --force overwrites it" : "");
        reports->status = result == -ECANCELED ? MS_EXIT_CANCELLED : MS_EXIT_FAILURE;
    }
    if (result == 0 && format == MS_EXPORT_CSV &&
        ms_csv_table_by_name(options.csv_table) == MS_CSV_TRACE) {
        tell_trace(reports, shown);
    }
    return result == 0;
}

static void write_json_set(struct reports *reports, const char *prefix)
{
    for (unsigned i = 0; i < MS_JSON_DOCUMENT_TOTAL && reports->status != MS_EXIT_CANCELLED; i++) {
        char path[PATH_MAX];
        const int length = snprintf(path, sizeof path, "%s_%s.json", prefix,
                                    ms_json_document_name((enum ms_json_document)i));
        if (length < 0 || (size_t)length >= sizeof path) {
            fputs("memscope-top: --json-set: the name is too long\n", stderr);
            reports->status = MS_EXIT_FAILURE;
            return;
        }
        if (!write_one(reports, MS_EXPORT_JSON, i, "json-set", path)) {
            return; /* so would be the others */
        }
        reports->written = prefix;
    }
}

int ms_reports_write(const struct ms_options *options, const struct ms_model *model,
                     const struct ms_findings *findings, struct ms_recording *recording,
                     bool overwrite, const char **written)
{
    struct reports reports = {.options = options,
                              .model = model,
                              .findings = findings,
                              .recording = recording,
                              .overwrite = overwrite};
    for (int i = 0; i < MS_EXPORT_TOTAL && reports.status != MS_EXIT_CANCELLED; i++) {
        const enum ms_export format = (enum ms_export)i;
        const char *path = options->export_path[i];
        if (path != NULL && write_one(&reports, format, 0, ms_export_name(format), path)) {
            reports.written = path;
        }
    }
    if (options->json_set_prefix != NULL && reports.status != MS_EXIT_CANCELLED) {
        write_json_set(&reports, options->json_set_prefix);
    }
    if (written != NULL) {
        *written = reports.written;
    }
    return reports.status;
}
