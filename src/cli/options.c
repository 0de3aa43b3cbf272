/* Command line and environment to struct ms_options, by the one table. */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options_table.h"
#include "model/metric.h"
#include "wire/clock.h"
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
    const char *standard;
    const char *help;
};

static const struct option_row rows[OPTION_TOTAL] = {
#define OPTION_ROW(id, name, letter, argument, standard, help)                                     \
    {name, letter, argument, standard, help},
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

static bool metric_exists(const char *name)
{
    for (int metric = 0; metric < MS_METRIC_TOTAL; metric++) {
        if (strcmp(ms_metric_info((enum ms_metric)metric)->name, name) == 0) {
            return true;
        }
    }
    return false;
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
        if (!read_number(value, 1, MS_STACK_DEPTH_MAX, &number) || number != floor(number)) {
            return complain("depth", value, "a number of frames from 1 to 128");
        }
        options->stack_depth = (unsigned)number;
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
        if (!read_number(value, 20, 10000, &number)) {
            return complain("interval", value, "milliseconds from 20 to 10000");
        }
        options->interval_ns = (uint64_t)(number * (double)MS_NS_PER_MS);
        return 0;
    case OPTION_DELAY:
        if (!read_number(value, 0.1, 60, &number)) {
            return complain("delay", value, "seconds from 0.1 to 60");
        }
        options->delay_ns = (uint64_t)(number * (double)MS_NS_PER_S);
        return 0;
    default:
        if (!read_number(value, 0.001, 1e9, &number)) {
            return complain("duration", value, "seconds above 0");
        }
        options->duration_ns = (uint64_t)(number * (double)MS_NS_PER_S);
        return 0;
    }
}

static int set_text(enum option_id id, const char *value, struct ms_options *options)
{
    switch (id) {
    case OPTION_JSON:
        options->json_path = value;
        return *value != '\0' ? 0 : complain("json", value, "the name of a file");
    case OPTION_TEE:
        options->tee_path = value;
        return *value != '\0' ? 0 : complain("tee", value, "the name of a file");
    case OPTION_DEBUG_LOG:
        options->debug_log_path = value;
        return *value != '\0' ? 0 : complain("debug-log", value, "the name of a file");
    case OPTION_THREADS:
        options->selection = value;
        return ms_selection_valid(value)
                   ? 0
                   : complain("threads", value,
                              "names or globs, tid:N, main, even or odd, separated by commas");
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
        options->sort = value;
        return metric_exists(value)
                   ? 0
                   : complain("sort", value, "a metric such as peak_bytes (see the man page)");
    default:
        options->filter = value;
        return 0;
    }
}

static int set_switch(enum option_id id, struct ms_options *options)
{
    switch (id) {
    case OPTION_COUNT:
        options->count_only = true;
        break;
    case OPTION_TRACE:
        options->trace = true;
        break;
    case OPTION_PLAIN:
        options->plain = true;
        break;
    case OPTION_QUIET:
        options->quiet = true;
        break;
    case OPTION_NO_ARGS:
        options->hide_arguments = true;
        break;
    case OPTION_READONLY:
        options->readonly = true;
        break;
    case OPTION_NO_COLOR:
        options->colours = false;
        break;
    case OPTION_NO_UNICODE:
        options->unicode = false;
        break;
    case OPTION_NO_MOUSE:
        options->mouse = false;
        break;
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

static int read_environment(struct ms_options *options)
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
    }
    const char *no_colour = getenv("NO_COLOR");
    if (no_colour != NULL && *no_colour != '\0') {
        options->colours = false;
    }
    return 0;
}

static int read_arguments(int argc, char **argv, struct ms_options *options)
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
        if (result != 0 || options->request == MS_REQUEST_HELP ||
            options->request == MS_REQUEST_VERSION) {
            return result;
        }
    }
    return 0;
}

int ms_options_parse(int argc, char **argv, struct ms_options *options)
{
    *options = (struct ms_options){
        .request = MS_REQUEST_LIST,
        .selection = "",
        .stack_depth = 32,
        .children = true,
        .interval_ns = 100 * MS_NS_PER_MS,
        .colours = true,
        .unicode = true,
        .mouse = true,
    };
    int result = read_environment(options);
    if (result == 0) {
        result = read_arguments(argc, argv, options);
    }
    if (result != 0 || options->request == MS_REQUEST_HELP ||
        options->request == MS_REQUEST_VERSION) {
        return result;
    }
    bool ended_by_dashes = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
    if (options->request == MS_REQUEST_JOIN) {
        if (optind < argc) {
            fprintf(stderr, "memscope-top: -p joins a running program; leave '%s' out\n",
                    argv[optind]);
            return -EINVAL;
        }
    } else if (optind < argc && !ended_by_dashes && strcmp(argv[optind], "doctor") == 0) {
        options->request = MS_REQUEST_DOCTOR;
        options->arguments = argv + optind + 1;
    } else if (optind < argc) {
        options->request = MS_REQUEST_RUN;
        options->arguments = argv + optind;
    }
    return 0;
}

void ms_options_usage(FILE *out)
{
    fputs("usage: memscope-top [options] [--] PROGRAM [ARG...]   run it and watch it live\n"
          "       memscope-top -p PID                           join a program again\n"
          "       memscope-top doctor [PROGRAM]                 what could be seen of it, and why "
          "not\n"
          "       memscope-top --help                           all options\n",
          out);
}

void ms_options_help(FILE *out)
{
    ms_options_usage(out);
    fputs("\noptions:\n", out);
    for (int id = 0; id < OPTION_TOTAL; id++) {
        char left[48];
        char letter[8] = "    ";
        if (rows[id].letter != 0) {
            snprintf(letter, sizeof letter, "-%c, ", rows[id].letter);
        }
        snprintf(left, sizeof left, "%s--%s%s%s", letter, rows[id].name,
                 rows[id].argument != NULL ? " " : "",
                 rows[id].argument != NULL ? rows[id].argument : "");
        fprintf(out, "  %-28s %s", left, rows[id].help);
        if (*rows[id].standard != '\0') {
            fprintf(out, " (%s)", rows[id].standard);
        }
        fputc('\n', out);
    }
    fputs(
        "\nOptions end at the first word that is none. MEMSCOPE_JSON, MEMSCOPE_DEPTH ... in the\n"
        "environment stand for --json, --depth ...\n"
        "exit status: the program's own; 128+N when signal N ended it; 127 not found; 126 cannot\n"
        "be run; 125 memscope-top itself failed; 2 wrong usage; 0 after leaving it running.\n",
        out);
}
