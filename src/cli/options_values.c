/* What the value of each option means. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options_rows.h"
#include "export/csv.h"
#include "wire/clock.h"
#include "wire/selection.h"

static int complain(const char *name, const char *value, const char *wanted)
{
    fprintf(stderr, "memscope-top: --%s: '%s' is not valid; give %s\n", name, value, wanted);
    return -EINVAL;
}

/* A whole decimal number within bounds; false for anything else. */
static bool read_number(const char *text, double low, double high, double *out)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !isfinite(value) || value < low ||
        value > high) {
        return false;
    }
    *out = value;
    return true;
}

static bool read_io(const char *text, uint32_t *out)
{
    static const char *const words[] = {[MS_IO_SAMPLE] = "sample",
                                        [MS_IO_OFF] = "off",
                                        [MS_IO_COUNT] = "count",
                                        [MS_IO_ALL] = "all"};
    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool ms_option_yes_no(const char *text, bool *out)
{
    if (strcmp(text, "yes") == 0 || strcmp(text, "1") == 0 || strcmp(text, "true") == 0) {
        *out = true;
        return true;
    }
    if (strcmp(text, "no") == 0 || strcmp(text, "0") == 0 || strcmp(text, "false") == 0) {
        *out = false;
        return true;
    }
    return false;
}

/* An option that is a setting: the same values are valid. */
static int set_setting(const char *option, enum ms_setting setting, const char *value,
                       struct ms_options *options)
{
    char why[200];
    if (!ms_settings_set(&options->settings, setting, value, why, sizeof why)) {
        fprintf(stderr, "memscope-top: --%s: '%s' is not valid; %s\n", option, value, why);
        return -EINVAL;
    }
    options->settings_given |= MS_OVER_FILE(setting);
    return 0;
}

static int set_number(enum ms_option_id id, const char *value, struct ms_options *options)
{
    double number;
    switch (id) {
    case MS_OPTION_PID:
        if (!read_number(value, 1, 4194304, &number) || number != floor(number)) {
            return complain("pid", value, "a process id");
        }
        options->pid = (pid_t)number;
        options->request = MS_REQUEST_JOIN;
        return 0;
    case MS_OPTION_DEPTH:
        if (!read_number(value, 1, MS_DEPTH_MAX, &number) || number != floor(number)) {
            return complain("depth", value, "a number of frames from 1 to 128");
        }
        options->tracking.depth = (uint32_t)number;
        return 0;
    case MS_OPTION_TRACE_BUFFER:
        if (!read_number(value, 4, 128, &number) || number != floor(number)) {
            return complain("trace-buffer", value, "a number of KiB from 4 to 128");
        }
        options->trace_buffer_bytes = (unsigned)number * 1024;
        return 0;
    case MS_OPTION_TRACE_LIMIT:
        if (!read_number(value, 1, 9e15, &number) || number != floor(number)) {
            return complain("trace-limit", value, "a number of events, at least 1");
        }
        options->trace_events_max = (uint64_t)number;
        return 0;
    case MS_OPTION_INTERVAL:
        return set_setting("interval", MS_SETTING_INTERVAL, value, options);
    case MS_OPTION_CPU_SAMPLES:
        return set_setting("cpu-samples", MS_SETTING_CPU_SAMPLES,
                           strcmp(value, "off") == 0 ? "0" : value, options);
    case MS_OPTION_DELAY:
        return set_setting("delay", MS_SETTING_REFRESH, value, options);
    default:
        if (!read_number(value, 0.001, 1e9, &number)) {
            return complain("duration", value, "a number of seconds above 0");
        }
        options->duration_ns = (uint64_t)(number * (double)MS_NS_PER_S);
        return 0;
    }
}

static int set_threads(const char *value, struct ms_tracking_settings *tracking)
{
    if (!ms_selection_valid(value)) {
        return complain("threads", value,
                        "names or globs, tid:N, main, even or odd, separated by commas");
    }
    snprintf(tracking->threads, sizeof tracking->threads, "%s",
             strcmp(value, "all") == 0 ? "" : value);
    return 0;
}

static int set_max_size(const char *value, struct ms_options *options)
{
    if (strcmp(value, "no") == 0) {
        options->max_bytes = 0;
        return 0;
    }
    char *end;
    errno = 0;
    const double number = strtod(value, &end);
    static const char suffixes[] = "KMGT";
    double factor = 1;
    const char *suffix = *end != '\0' ? strchr(suffixes, *end) : NULL;
    for (const char *at = suffixes; suffix != NULL && at <= suffix; at++) {
        factor *= 1000;
    }
    const bool whole = *end == '\0' || (suffix != NULL && end[1] == '\0');
    if (errno != 0 || end == value || !whole || !(number * factor >= 1e6) ||
        !(number * factor <= 1e15)) {
        return complain("max-size", value, "no, or a size such as 200M or 4G, at least 1M");
    }
    options->max_bytes = (uint64_t)(number * factor);
    return 0;
}

static int add_rule(enum ms_option_id id, const char *value, enum ms_rule_of of,
                    struct ms_rule rules[MS_RULES_MAX], size_t *count)
{
    char error[256];
    if (*count == MS_RULES_MAX) {
        return complain(ms_option_rows[id].name, value, "at most 16 rules");
    }
    if (ms_rule_parse(value, of, &rules[*count], error, sizeof error) != 0) {
        fprintf(stderr, "memscope-top: --%s: %s\n", ms_option_rows[id].name, error);
        return -EINVAL;
    }
    (*count)++;
    return 0;
}

/* What is written, and what of it. */
static int set_report_text(enum ms_option_id id, const char *value, struct ms_options *options)
{
    char error[256];
    const enum ms_export format = ms_export_by_name(ms_option_rows[id].name);
    if (*value == '\0') {
        return complain(ms_option_rows[id].name, value, ms_option_rows[id].argument);
    }
    if (format != MS_EXPORT_TOTAL) {
        options->export_path[format] = value;
        return 0;
    }
    switch (id) {
    case MS_OPTION_OUTPUT:
        options->output_path = value;
        return 0;
    case MS_OPTION_MAX_SIZE:
        return set_max_size(value, options);
    case MS_OPTION_AT:
        options->at = value;
        return 0;
    case MS_OPTION_JSON_LINES:
        options->json_lines_path = value;
        return 0;
    case MS_OPTION_SECTIONS:
        if (ms_sections_parse(value, &options->sections, error, sizeof error) != 0) {
            fprintf(stderr, "memscope-top: --sections: %s\n", error);
            return -EINVAL;
        }
        return 0;
    case MS_OPTION_ONLY:
        return add_rule(id, value, MS_RULE_OF_THREAD, options->thread_rules,
                        &options->thread_rule_count);
    case MS_OPTION_FAIL_ON:
        return add_rule(id, value, MS_RULE_OF_SESSION, options->fail_rules,
                        &options->fail_rule_count);
    case MS_OPTION_TABLE:
        options->csv_table = value;
        return ms_csv_table_by_name(value) != MS_CSV_TOTAL
                   ? 0
                   : complain("table", value,
                              "threads, processes, sites, leaks, flows, types, timeline, insights "
                              "or trace");
    case MS_OPTION_JSON_SET:
        options->json_set_prefix = value;
        return 0;
    case MS_OPTION_WEIGHT:
        options->weight = ms_weight_by_name(value);
        return options->weight != MS_WEIGHT_TOTAL_COUNT
                   ? 0
                   : complain("weight", value, "peak, live, total, count or cpu");
    default:
        options->title = value;
        return 0;
    }
}

static int set_text(enum ms_option_id id, const char *value, struct ms_options *options)
{
    switch (id) {
    case MS_OPTION_TEE:
        options->tee_path = value;
        return *value != '\0' ? 0 : complain("tee", value, "the name of a file");
    case MS_OPTION_SUPPRESSIONS:
        options->suppressions_path = value;
        return *value != '\0' ? 0 : complain("suppressions", value, "the name of a file");
    case MS_OPTION_DEBUG_LOG:
        options->debug_log_path = value;
        return *value != '\0' ? 0 : complain("debug-log", value, "the name of a file");
    case MS_OPTION_SYMBOL_CACHE:
        options->symbol_cache = value;
        return *value == '/' || strcmp(value, "no") == 0
                   ? 0
                   : complain("symbol-cache", value, "no, or an absolute path");
    case MS_OPTION_THREADS:
        return set_threads(value, &options->tracking);
    case MS_OPTION_SAMPLE:
        return ms_sample_rate_read(value, &options->tracking.rate)
                   ? 0
                   : complain(
                         "sample", value,
                         "bytes such as 512K or 1M, or a share of the allocations such as 10%");
    case MS_OPTION_IO:
        return read_io(value, &options->io) ? 0
                                            : complain("io", value, "off, count, sample or all");
    case MS_OPTION_CHILDREN:
        return ms_option_yes_no(value, &options->children)
                   ? 0
                   : complain("children", value, "yes or no");
    case MS_OPTION_TRACE_FULL:
        options->trace_waits = strcmp(value, "wait") == 0;
        return options->trace_waits || strcmp(value, "count") == 0
                   ? 0
                   : complain("trace-full", value, "count or wait");
    case MS_OPTION_STDIN:
        options->stdin_from_terminal = strcmp(value, "tty") == 0;
        return options->stdin_from_terminal || strcmp(value, "null") == 0
                   ? 0
                   : complain("stdin", value, "null or tty");
    case MS_OPTION_SORT:
        return set_setting("sort", MS_SETTING_SORT, value, options);
    case MS_OPTION_CONFIG:
        options->config_path = value;
        return *value != '\0' ? 0 : complain("config", value, "no, or the name of a file");
    case MS_OPTION_FILTER:
        options->filter = value;
        return 0;
    default:
        return set_report_text(id, value, options);
    }
}

static int set_switch(enum ms_option_id id, struct ms_options *options)
{
    switch (id) {
    case MS_OPTION_EXACT:
    case MS_OPTION_AUTO:
    case MS_OPTION_COUNT:
    case MS_OPTION_OFF:
    case MS_OPTION_TRACE:
        break; /* settle_mode: they are mutually exclusive */
    case MS_OPTION_PLAIN:
        options->plain = true;
        break;
    case MS_OPTION_QUIET:
        options->quiet = true;
        break;
    case MS_OPTION_FORCE:
        options->force = true;
        break;
    case MS_OPTION_NO_ARGS:
        options->hide_arguments = true;
        break;
    case MS_OPTION_READONLY:
        options->readonly = true;
        break;
    case MS_OPTION_DEBUGINFOD:
        options->debuginfod = true;
        break;
    case MS_OPTION_NO_COLOR:
        options->colours = false;
        return set_setting(ms_option_rows[id].name, MS_SETTING_SCHEME, "mono", options);
    case MS_OPTION_NO_UNICODE:
        return set_setting(ms_option_rows[id].name, MS_SETTING_GLYPHS, "ascii", options);
    case MS_OPTION_NO_MOUSE:
        return set_setting(ms_option_rows[id].name, MS_SETTING_MOUSE, "no", options);
    case MS_OPTION_HELP:
        options->request = MS_REQUEST_HELP;
        break;
    default:
        options->request = MS_REQUEST_VERSION;
        break;
    }
    return 0;
}

int ms_option_set(enum ms_option_id id, const char *value, struct ms_options *options)
{
    switch (id) {
    case MS_OPTION_PID:
    case MS_OPTION_DEPTH:
    case MS_OPTION_TRACE_BUFFER:
    case MS_OPTION_TRACE_LIMIT:
    case MS_OPTION_INTERVAL:
    case MS_OPTION_CPU_SAMPLES:
    case MS_OPTION_DELAY:
    case MS_OPTION_DURATION:
        return set_number(id, value, options);
    default:
        return ms_option_rows[id].argument != NULL ? set_text(id, value, options)
                                                   : set_switch(id, options);
    }
}
