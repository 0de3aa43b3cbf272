/* Command line and environment to struct ms_options, by the one table. */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/options_table.h"
#include "export/csv.h"
#include "model/format.h"
#include "wire/clock.h"
#include "wire/message.h"
#include "wire/selection.h"

enum option_id {
#define OPTION_ID(id, name, letter, argument, standard, help) OPTION_##id,
    MS_OPTIONS(OPTION_ID)
#undef OPTION_ID
        OPTION_TOTAL
};

struct option_row {
    const char *name;
    int letter;
    const char *argument;
};

static const struct option_row rows[OPTION_TOTAL] = {
#define OPTION_ROW(id, name, letter, argument, standard, help) {name, letter, argument},
    MS_OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

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

static bool read_yes_no(const char *text, bool *out)
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

/* Settings that environment or command line gave, a bit for each: the file does not change them. */
#define OVER_FILE(setting) (UINT64_C(1) << (setting))
_Static_assert(MS_SETTING_TOTAL <= 64, "a bit for each setting");

/* An option that is a setting: the same values are valid. */
static int set_setting(const char *option, enum ms_setting setting, const char *value,
                       struct ms_options *options)
{
    char why[200];
    if (!ms_settings_set(&options->settings, setting, value, why, sizeof why)) {
        fprintf(stderr, "memscope-top: --%s: '%s' is not valid; %s\n", option, value, why);
        return -EINVAL;
    }
    options->settings_given |= OVER_FILE(setting);
    return 0;
}

static int set_number(enum option_id id, const char *value, struct ms_options *options)
{
    double number;
    switch (id) {
    case OPTION_PID:
        if (!read_number(value, 1, 4194304, &number) || number != floor(number)) {
            return complain("pid", value, "the number of a process");
        }
        options->pid = (pid_t)number;
        options->request = MS_REQUEST_JOIN;
        return 0;
    case OPTION_DEPTH:
        if (!read_number(value, 1, MS_DEPTH_MAX, &number) || number != floor(number)) {
            return complain("depth", value, "a number of frames from 1 to 128");
        }
        options->tracking.depth = (uint32_t)number;
        return 0;
    case OPTION_TRACE_BUFFER:
        if (!read_number(value, 4, 128, &number) || number != floor(number)) {
            return complain("trace-buffer", value, "a number of KiB from 4 to 128");
        }
        options->trace_buffer_bytes = (unsigned)number * 1024;
        return 0;
    case OPTION_TRACE_LIMIT:
        if (!read_number(value, 1, 9e15, &number) || number != floor(number)) {
            return complain("trace-limit", value, "a number of events from 1 on");
        }
        options->trace_events_max = (uint64_t)number;
        return 0;
    case OPTION_INTERVAL:
        return set_setting("interval", MS_SETTING_INTERVAL, value, options);
    case OPTION_CPU_SAMPLES:
        return set_setting("cpu-samples", MS_SETTING_CPU_SAMPLES,
                           strcmp(value, "off") == 0 ? "0" : value, options);
    case OPTION_DELAY:
        return set_setting("delay", MS_SETTING_REFRESH, value, options);
    default:
        if (!read_number(value, 0.001, 1e9, &number)) {
            return complain("duration", value, "seconds above 0");
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
        return complain("max-size", value, "no, or at least 1M, as 200M or 4G");
    }
    options->max_bytes = (uint64_t)(number * factor);
    return 0;
}

static int add_rule(enum option_id id, const char *value, enum ms_rule_of of,
                    struct ms_rule rules[MS_RULES_MAX], size_t *count)
{
    char error[256];
    if (*count == MS_RULES_MAX) {
        return complain(rows[id].name, value, "16 rules at most");
    }
    if (ms_rule_parse(value, of, &rules[*count], error, sizeof error) != 0) {
        fprintf(stderr, "memscope-top: --%s: %s\n", rows[id].name, error);
        return -EINVAL;
    }
    (*count)++;
    return 0;
}

/* What is written, and what of it. */
static int set_report_text(enum option_id id, const char *value, struct ms_options *options)
{
    char error[256];
    const enum ms_export format = ms_export_by_name(rows[id].name);
    if (*value == '\0') {
        return complain(rows[id].name, value, rows[id].argument);
    }
    if (format != MS_EXPORT_TOTAL) {
        options->export_path[format] = value;
        return 0;
    }
    switch (id) {
    case OPTION_OUTPUT:
        options->output_path = value;
        return 0;
    case OPTION_MAX_SIZE:
        return set_max_size(value, options);
    case OPTION_AT:
        options->at = value;
        return 0;
    case OPTION_JSON_LINES:
        options->json_lines_path = value;
        return 0;
    case OPTION_SECTIONS:
        if (ms_sections_parse(value, &options->sections, error, sizeof error) != 0) {
            fprintf(stderr, "memscope-top: --sections: %s\n", error);
            return -EINVAL;
        }
        return 0;
    case OPTION_ONLY:
        return add_rule(id, value, MS_RULE_OF_THREAD, options->thread_rules,
                        &options->thread_rule_count);
    case OPTION_FAIL_ON:
        return add_rule(id, value, MS_RULE_OF_SESSION, options->fail_rules,
                        &options->fail_rule_count);
    case OPTION_TABLE:
        options->csv_table = value;
        return ms_csv_table_by_name(value) != MS_CSV_TOTAL
                   ? 0
                   : complain("table", value,
                              "threads, processes, sites, leaks, flows, types, timeline, insights "
                              "or trace");
    case OPTION_JSON_SET:
        options->json_set_prefix = value;
        return 0;
    case OPTION_WEIGHT:
        options->weight = ms_weight_by_name(value);
        return options->weight != MS_WEIGHT_TOTAL_COUNT
                   ? 0
                   : complain("weight", value, "peak, live, total, count or cpu");
    default:
        options->title = value;
        return 0;
    }
}

static int set_text(enum option_id id, const char *value, struct ms_options *options)
{
    switch (id) {
    case OPTION_TEE:
        options->tee_path = value;
        return *value != '\0' ? 0 : complain("tee", value, "the name of a file");
    case OPTION_SUPPRESSIONS:
        options->suppressions_path = value;
        return *value != '\0' ? 0 : complain("suppressions", value, "the name of a file");
    case OPTION_DEBUG_LOG:
        options->debug_log_path = value;
        return *value != '\0' ? 0 : complain("debug-log", value, "the name of a file");
    case OPTION_SYMBOL_CACHE:
        options->symbol_cache = value;
        return *value == '/' || strcmp(value, "no") == 0
                   ? 0
                   : complain("symbol-cache", value, "no, or a folder that begins with /");
    case OPTION_THREADS:
        return set_threads(value, &options->tracking);
    case OPTION_SAMPLE:
        return ms_sample_rate_read(value, &options->tracking.rate)
                   ? 0
                   : complain("sample", value,
                              "bytes as 512K or 1M, or a share of allocations as 10%");
    case OPTION_IO:
        return read_io(value, &options->io) ? 0
                                            : complain("io", value, "off, count, sample or all");
    case OPTION_CHILDREN:
        return read_yes_no(value, &options->children) ? 0
                                                      : complain("children", value, "yes or no");
    case OPTION_TRACE_FULL:
        options->trace_waits = strcmp(value, "wait") == 0;
        return options->trace_waits || strcmp(value, "count") == 0
                   ? 0
                   : complain("trace-full", value, "count or wait");
    case OPTION_STDIN:
        options->stdin_from_terminal = strcmp(value, "tty") == 0;
        return options->stdin_from_terminal || strcmp(value, "null") == 0
                   ? 0
                   : complain("stdin", value, "null or tty");
    case OPTION_SORT:
        return set_setting("sort", MS_SETTING_SORT, value, options);
    case OPTION_CONFIG:
        options->config_path = value;
        return *value != '\0' ? 0 : complain("config", value, "no, or the name of a file");
    case OPTION_FILTER:
        options->filter = value;
        return 0;
    default:
        return set_report_text(id, value, options);
    }
}

static int set_switch(enum option_id id, struct ms_options *options)
{
    switch (id) {
    case OPTION_EXACT:
    case OPTION_AUTO:
    case OPTION_COUNT:
    case OPTION_OFF:
    case OPTION_TRACE:
        break; /* settle_mode: they exclude each other */
    case OPTION_PLAIN:
        options->plain = true;
        break;
    case OPTION_QUIET:
        options->quiet = true;
        break;
    case OPTION_FORCE:
        options->force = true;
        break;
    case OPTION_NO_ARGS:
        options->hide_arguments = true;
        break;
    case OPTION_READONLY:
        options->readonly = true;
        break;
    case OPTION_DEBUGINFOD:
        options->debuginfod = true;
        break;
    case OPTION_NO_COLOR:
        options->colours = false;
        return set_setting(rows[id].name, MS_SETTING_SCHEME, "mono", options);
    case OPTION_NO_UNICODE:
        return set_setting(rows[id].name, MS_SETTING_GLYPHS, "ascii", options);
    case OPTION_NO_MOUSE:
        return set_setting(rows[id].name, MS_SETTING_MOUSE, "no", options);
    case OPTION_HELP:
        options->request = MS_REQUEST_HELP;
        break;
    default:
        options->request = MS_REQUEST_VERSION;
        break;
    }
    return 0;
}

static int set_option(enum option_id id, const char *value, struct ms_options *options)
{
    switch (id) {
    case OPTION_PID:
    case OPTION_DEPTH:
    case OPTION_TRACE_BUFFER:
    case OPTION_TRACE_LIMIT:
    case OPTION_INTERVAL:
    case OPTION_CPU_SAMPLES:
    case OPTION_DELAY:
    case OPTION_DURATION:
        return set_number(id, value, options);
    default:
        return rows[id].argument != NULL ? set_text(id, value, options) : set_switch(id, options);
    }
}

/* "no-color" -> "MEMSCOPE_NO_COLOR" */
static void variable_name(const char *option, char *out, size_t size)
{
    snprintf(out, size, "MEMSCOPE_%s", option);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '-') {
            *c = '_';
        } else if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
}

/* What would change the action (--pid, --help) is not taken from the environment. */
static bool from_environment(enum option_id id)
{
    return id != OPTION_PID && id != OPTION_HELP && id != OPTION_VERSION;
}

/* Options that were given, one bit for each. */
struct given {
    uint64_t environment, arguments;
};
#define GIVEN(id) (UINT64_C(1) << OPTION_##id)
_Static_assert(OPTION_TOTAL <= 64, "a bit for each option");

static int read_environment(struct ms_options *options, struct given *given)
{
    for (int id = 0; id < OPTION_TOTAL; id++) {
        char name[64];
        variable_name(rows[id].name, name, sizeof name);
        const char *value = getenv(name);
        if (value == NULL || *value == '\0' || !from_environment((enum option_id)id)) {
            continue;
        }
        bool on = true;
        if (rows[id].argument == NULL && !read_yes_no(value, &on)) {
            fprintf(stderr, "memscope-top: %s: '%s' is not valid; give yes or no\n", name, value);
            return -EINVAL;
        }
        int result = on ? set_option((enum option_id)id, value, options) : 0;
        if (result != 0) {
            return result;
        }
        given->environment |= on ? UINT64_C(1) << id : 0;
    }
    const char *no_colour = getenv("NO_COLOR");
    return no_colour != NULL && *no_colour != '\0' ? set_switch(OPTION_NO_COLOR, options) : 0;
}

static int read_arguments(int argc, char **argv, struct ms_options *options, struct given *given)
{
    struct option long_options[OPTION_TOTAL + 1] = {0};
    char letters[2 * OPTION_TOTAL + 3] = "+:";
    char *letter = letters + 2;
    for (int id = 0; id < OPTION_TOTAL; id++) {
        bool argument = rows[id].argument != NULL;
        long_options[id] = (struct option){rows[id].name, argument, NULL, 256 + id};
        if (rows[id].letter != 0) {
            *letter++ = (char)rows[id].letter;
            if (argument) {
                *letter++ = ':';
            }
        }
    }
    opterr = 0;
    int found;
    while ((found = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
        if (found == '?' || found == ':') {
            fprintf(stderr, "memscope-top: %s: %s; see memscope-top --help\n", argv[optind - 1],
                    found == ':' ? "needs a value" : "no such option");
            return -EINVAL;
        }
        int id = found - 256;
        for (int row = 0; found < 256 && row < OPTION_TOTAL; row++) {
            if (rows[row].letter == found) {
                id = row;
            }
        }
        int result = set_option((enum option_id)id, optarg, options);
        given->arguments |= UINT64_C(1) << id;
        if (result != 0 || options->request == MS_REQUEST_HELP ||
            options->request == MS_REQUEST_VERSION) {
            return result;
        }
    }
    return 0;
}

static const struct {
    enum option_id id;
    enum ms_tracking_mode mode;
} mode_options[] = {
    /* --auto comes before --sample, which then is what it steps to */
    {OPTION_AUTO, MS_TRACK_AUTO},   {OPTION_SAMPLE, MS_TRACK_SAMPLED},
    {OPTION_EXACT, MS_TRACK_EXACT}, {OPTION_COUNT, MS_TRACK_COUNTERS},
    {OPTION_TRACE, MS_TRACK_TRACE}, {OPTION_OFF, MS_TRACK_OFF},
};

/* The mode that `given` options ask for, if any. -EINVAL after a line when they ask for two. */
static int choose_mode(uint64_t given, struct ms_tracking_settings *tracking, bool *chosen)
{
    int first = -1;
    *chosen = false;
    for (size_t i = 0; i < sizeof mode_options / sizeof mode_options[0]; i++) {
        const enum option_id id = mode_options[i].id;
        if ((given & UINT64_C(1) << id) == 0 || (first == OPTION_AUTO && id == OPTION_SAMPLE)) {
            continue;
        }
        if (*chosen) {
            fprintf(stderr, "memscope-top: --%s and --%s exclude each other; give one of them\n",
                    rows[first].name, rows[id].name);
            return -EINVAL;
        }
        first = (int)id;
        tracking->mode = mode_options[i].mode;
        *chosen = true;
    }
    return 0;
}

/* The command line goes before the environment. */
static int settle_tracking(struct ms_options *options, const struct given *given)
{
    bool chosen;
    int result = choose_mode(given->arguments, &options->tracking, &chosen);
    options->tracking_parts =
        (chosen ? MS_TRACKING_MODE : 0u) |
        ((given->arguments & GIVEN(SAMPLE)) != 0 ? MS_TRACKING_RATE : 0u) |
        ((given->arguments & GIVEN(DEPTH)) != 0 ? MS_TRACKING_DEPTH : 0u) |
        ((given->arguments & GIVEN(THREADS)) != 0 ? MS_TRACKING_SELECTION : 0u);
    if (result == 0 && !chosen) {
        result = choose_mode(given->environment, &options->tracking, &chosen);
    }
    return result;
}

static double setting_of(const struct ms_options *options, enum ms_setting setting)
{
    return options->settings.values[setting];
}

/*
 * The configuration file, below what was given. That it is not there is an error only when it was
 * named; what F2 Setup writes it makes then.
 */
static int settle_settings(struct ms_options *options)
{
    char usual[MS_CONFIG_PATH_MAX];
    char error[512];
    const bool named = options->config_path != NULL && strcmp(options->config_path, "no") != 0;
    const char *path = options->config_path;
    if (path == NULL) {
        path = ms_config_usual_path(usual, sizeof usual);
    }
    struct ms_settings file;
    ms_settings_default(&file);
    int result = strcmp(path, "no") == 0 || *path == '\0'
                     ? 0
                     : ms_config_read(path, &file, error, sizeof error);
    if (result != 0 && (named || (result != -ENOENT && result != -ENOTDIR))) {
        char shown[512];
        ms_format_safe(shown, sizeof shown, path, strlen(path), true);
        char why[1024];
        ms_format_safe(why, sizeof why, error, strlen(error), true);
        fprintf(stderr, "memscope-top: %s: %s (--config=no goes without it)\n", shown, why);
        return -EINVAL;
    }
    for (int setting = 0; setting < MS_SETTING_TOTAL; setting++) {
        if ((options->settings_given & OVER_FILE(setting)) != 0) {
            file.values[setting] = options->settings.values[setting];
        }
    }
    options->settings = file;
    options->interval_ns =
        (uint64_t)(setting_of(options, MS_SETTING_INTERVAL) * (double)MS_NS_PER_MS);
    options->cpu_samples_hz = (unsigned)setting_of(options, MS_SETTING_CPU_SAMPLES);
    options->delay_ns =
        (options->settings_given & OVER_FILE(MS_SETTING_REFRESH)) != 0
            ? (uint64_t)(setting_of(options, MS_SETTING_REFRESH) * (double)MS_NS_PER_S)
            : 0;
    return 0;
}

/* `set`: a program, something to change, and nothing that needs a viewer. */
static int settle_set(const struct ms_options *options, const struct given *given)
{
    const uint64_t fits = GIVEN(PID) | GIVEN(THREADS) | GIVEN(DEPTH) | GIVEN(EXACT) |
                          GIVEN(SAMPLE) | GIVEN(AUTO) | GIVEN(COUNT) | GIVEN(OFF) | GIVEN(TRACE) |
                          GIVEN(QUIET) | GIVEN(DEBUG_LOG);
    if (options->pid == 0) {
        fputs("memscope-top: set needs -p PID\n", stderr);
        return -EINVAL;
    }
    for (int id = 0; id < OPTION_TOTAL; id++) {
        if ((given->arguments & ~fits & UINT64_C(1) << id) != 0) {
            fprintf(stderr,
                    "memscope-top: set changes what is tracked and leaves: leave --%s out\n",
                    rows[id].name);
            return -EINVAL;
        }
    }
    if (options->tracking_parts == 0) {
        fputs("memscope-top: set: give what to change: --exact, --sample, --auto, --count-only, "
              "--off, --trace, --depth or --threads\n",
              stderr);
        return -EINVAL;
    }
    return 0;
}

static int settle_join(const struct ms_options *options, int argc, char **argv)
{
    if (optind < argc) {
        fprintf(stderr, "memscope-top: -p joins a running program; leave '%s' out\n", argv[optind]);
        return -EINVAL;
    }
    if (options->readonly && options->tracking_parts != 0) {
        fputs("memscope-top: --readonly changes nothing: leave it out, or what is to be tracked\n",
              stderr);
        return -EINVAL;
    }
    return 0;
}

/* A word of ours that is no program to run, behind which options go on; MS_COMMAND_TOTAL: none. */
static enum ms_cli_command command_of(const char *word)
{
    int command = 0;
    while (command < MS_COMMAND_TOTAL && strcmp(ms_cli_commands[command].name, word) != 0) {
        command++;
    }
    return (enum ms_cli_command)command;
}

/* Files and options of a command may stand in any order; with a program its own come last. */
static int read_command(int argc, char **argv, const struct ms_cli_command_row *command,
                        struct ms_options *options, struct given *given)
{
    size_t files = 0;
    int result = 0;
    optind++;
    while (result == 0 && optind <= argc) {
        result = read_arguments(argc, argv, options, given);
        if (command->files == 0 || optind >= argc || files == MS_COMMAND_FILES_MAX) {
            break;
        }
        options->files[files++] = argv[optind++];
    }
    if (result != 0 || options->request == MS_REQUEST_HELP ||
        options->request == MS_REQUEST_VERSION) {
        return result;
    }
    options->request = command->request;
    options->arguments = command->files != 0 ? options->files : argv + optind;
    if (command->files != files || (command->files != 0 && optind < argc)) {
        fprintf(stderr, "memscope-top: usage: memscope-top %s %s\n", command->name,
                command->arguments);
        return -EINVAL;
    }
    return 0;
}

/* Without a command the first word is the program. */
static int read_all_arguments(int argc, char **argv, struct ms_options *options,
                              struct given *given)
{
    int result = read_arguments(argc, argv, options, given);
    if (result != 0 || options->request == MS_REQUEST_HELP ||
        options->request == MS_REQUEST_VERSION || optind >= argc) {
        return result;
    }
    const bool ended_by_dashes = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
    const enum ms_cli_command command =
        ended_by_dashes ? MS_COMMAND_TOTAL : command_of(argv[optind]);
    if (command != MS_COMMAND_TOTAL) {
        return read_command(argc, argv, &ms_cli_commands[command], options, given);
    }
    if (options->request == MS_REQUEST_LIST) {
        options->request = MS_REQUEST_RUN;
    }
    options->arguments = argv + optind;
    return 0;
}

static int settle_record(const struct ms_options *options)
{
    if (options->request == MS_REQUEST_RECORD &&
        (options->pid != 0) == (options->arguments[0] != NULL)) {
        fputs("memscope-top: record: give the program, or -p PID of one that runs: "
              "memscope-top record [-o FILE] [--] PROGRAM [ARG...]\n",
              stderr);
        return -EINVAL;
    }
    return 0;
}

int ms_options_parse(int argc, char **argv, struct ms_options *options)
{
    *options = (struct ms_options){
        .request = MS_REQUEST_LIST,
        .tracking = {.mode = MS_TRACK_EXACT,
                     .depth = MS_DEPTH_DEFAULT,
                     .rate = {.interval = MS_SAMPLE_BYTES_DEFAULT}},
        .children = true,
        .colours = true,
        .max_bytes = UINT64_C(1000000000),
        .sections = MS_SECTIONS_ALL,
    };
    ms_settings_default(&options->settings);
    struct given given = {0};
    int result = read_environment(options, &given);
    if (result == 0) {
        result = read_all_arguments(argc, argv, options, &given);
    }
    if (result != 0 || options->request == MS_REQUEST_HELP ||
        options->request == MS_REQUEST_VERSION) {
        return result;
    }
    result = settle_tracking(options, &given);
    if (result != 0) {
        return result;
    }
    if (options->request == MS_REQUEST_SET || options->request == MS_REQUEST_JOIN) {
        result = settle_join(options, argc, argv);
        return result == 0 && options->request == MS_REQUEST_SET ? settle_set(options, &given)
                                                                 : result;
    }
    result = settle_settings(options);
    return result != 0 ? result : settle_record(options);
}
