/* What options mean together: those that are mutually exclusive, and settings of the file below
 * them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/config.h"
#include "cli/options_rows.h"
#include "model/format.h"
#include "wire/clock.h"
#include "wire/message.h"

static const struct {
    enum ms_option_id id;
    enum ms_tracking_mode mode;
} mode_options[] = {
    /* --auto comes before --sample, which then is what it steps to */
    {MS_OPTION_AUTO, MS_TRACK_AUTO},   {MS_OPTION_SAMPLE, MS_TRACK_SAMPLED},
    {MS_OPTION_EXACT, MS_TRACK_EXACT}, {MS_OPTION_COUNT, MS_TRACK_COUNTERS},
    {MS_OPTION_TRACE, MS_TRACK_TRACE}, {MS_OPTION_OFF, MS_TRACK_OFF},
};

/* The mode that `given` options ask for, if any. -EINVAL after a line when they ask for two. */
static int choose_mode(uint64_t given, struct ms_tracking_settings *tracking, bool *chosen)
{
    int first = -1;
    *chosen = false;
    for (size_t i = 0; i < sizeof mode_options / sizeof mode_options[0]; i++) {
        const enum ms_option_id id = mode_options[i].id;
        if ((given & MS_GIVEN(id)) == 0 || (first == MS_OPTION_AUTO && id == MS_OPTION_SAMPLE)) {
            continue;
        }
        if (*chosen) {
            fprintf(stderr, "memscope-top: --%s and --%s are mutually exclusive; give only one\n",
                    ms_option_rows[first].name, ms_option_rows[id].name);
            return -EINVAL;
        }
        first = (int)id;
        tracking->mode = mode_options[i].mode;
        *chosen = true;
    }
    return 0;
}

/* The command line goes before the environment. */
static int settle_tracking(struct ms_options *options, const struct ms_options_given *given)
{
    bool chosen;
    int result = choose_mode(given->arguments, &options->tracking, &chosen);
    options->tracking_parts =
        (chosen ? MS_TRACKING_MODE : 0u) |
        ((given->arguments & MS_GIVEN(MS_OPTION_SAMPLE)) != 0 ? MS_TRACKING_RATE : 0u) |
        ((given->arguments & MS_GIVEN(MS_OPTION_DEPTH)) != 0 ? MS_TRACKING_DEPTH : 0u) |
        ((given->arguments & MS_GIVEN(MS_OPTION_THREADS)) != 0 ? MS_TRACKING_SELECTION : 0u);
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
        fprintf(stderr, "memscope-top: %s: %s (--config=no ignores it)\n", shown, why);
        return -EINVAL;
    }
    for (int setting = 0; setting < MS_SETTING_TOTAL; setting++) {
        if ((options->settings_given & MS_OVER_FILE(setting)) != 0) {
            file.values[setting] = options->settings.values[setting];
        }
    }
    options->settings = file;
    options->interval_ns =
        (uint64_t)(setting_of(options, MS_SETTING_INTERVAL) * (double)MS_NS_PER_MS);
    options->cpu_samples_hz = (unsigned)setting_of(options, MS_SETTING_CPU_SAMPLES);
    options->delay_ns =
        (options->settings_given & MS_OVER_FILE(MS_SETTING_REFRESH)) != 0
            ? (uint64_t)(setting_of(options, MS_SETTING_REFRESH) * (double)MS_NS_PER_S)
            : 0;
    return 0;
}

/* `set`: a program, something to change, and nothing that needs a viewer. */
static int settle_set(const struct ms_options *options, const struct ms_options_given *given)
{
    const uint64_t fits =
        MS_GIVEN(MS_OPTION_PID) | MS_GIVEN(MS_OPTION_THREADS) | MS_GIVEN(MS_OPTION_DEPTH) |
        MS_GIVEN(MS_OPTION_EXACT) | MS_GIVEN(MS_OPTION_SAMPLE) | MS_GIVEN(MS_OPTION_AUTO) |
        MS_GIVEN(MS_OPTION_COUNT) | MS_GIVEN(MS_OPTION_OFF) | MS_GIVEN(MS_OPTION_TRACE) |
        MS_GIVEN(MS_OPTION_QUIET) | MS_GIVEN(MS_OPTION_DEBUG_LOG);
    if (options->pid == 0) {
        fputs("memscope-top: set needs -p PID\n", stderr);
        return -EINVAL;
    }
    for (int id = 0; id < MS_OPTION_TOTAL; id++) {
        if ((given->arguments & ~fits & MS_GIVEN(id)) != 0) {
            fprintf(stderr, "memscope-top: set only changes tracking; leave out --%s\n",
                    ms_option_rows[id].name);
            return -EINVAL;
        }
    }
    if (options->tracking_parts == 0) {
        fputs("memscope-top: set: say what to change: --exact, --sample, --auto, --count-only, "
              "--off, --trace, --depth or --threads\n",
              stderr);
        return -EINVAL;
    }
    return 0;
}

static int settle_join(const struct ms_options *options, const char *word)
{
    if (word != NULL) {
        fprintf(stderr, "memscope-top: -p attaches to a running program; leave out '%s'\n", word);
        return -EINVAL;
    }
    if (options->readonly && options->tracking_parts != 0) {
        fputs(
            "memscope-top: --readonly forbids changing what is tracked; leave out one of the two\n",
            stderr);
        return -EINVAL;
    }
    return 0;
}

static int settle_record(const struct ms_options *options)
{
    if (options->request == MS_REQUEST_RECORD &&
        (options->pid != 0) == (options->arguments[0] != NULL)) {
        fputs("memscope-top: record: give a program to run or -p PID: "
              "memscope-top record [-o FILE] [--] PROGRAM [ARG...]\n",
              stderr);
        return -EINVAL;
    }
    return 0;
}

static int settle_moment(const struct ms_options *options)
{
    const bool live = options->request == MS_REQUEST_RUN || options->request == MS_REQUEST_JOIN ||
                      options->request == MS_REQUEST_RECORD;
    if (live && options->at != NULL) {
        fputs("memscope-top: --at is a moment of a recording: use it with view, export, report or "
              "diff\n",
              stderr);
        return -EINVAL;
    }
    return 0;
}

/*
 * What a command never writes or checks is refused: a report that is not there, or a rule that
 * nobody looked at, would pass for one.
 */
static int settle_outputs(const struct ms_options *options, const struct ms_options_given *given)
{
    const uint64_t of_diff =
        MS_GIVEN(MS_OPTION_JSON) | MS_GIVEN(MS_OPTION_HTML) | MS_GIVEN(MS_OPTION_TEXT);
    const uint64_t outputs = of_diff | MS_GIVEN(MS_OPTION_JSON_SET) |
                             MS_GIVEN(MS_OPTION_JSON_LINES) | MS_GIVEN(MS_OPTION_CSV) |
                             MS_GIVEN(MS_OPTION_PPROF) | MS_GIVEN(MS_OPTION_SPEEDSCOPE) |
                             MS_GIVEN(MS_OPTION_FOLDED) | MS_GIVEN(MS_OPTION_PERFETTO) |
                             MS_GIVEN(MS_OPTION_SVG) | MS_GIVEN(MS_OPTION_FAIL_ON);
    const char *const command = options->request == MS_REQUEST_VIEW     ? "view"
                                : options->request == MS_REQUEST_DIFF   ? "diff"
                                : options->request == MS_REQUEST_VERIFY ? "verify"
                                                                        : NULL;
    const uint64_t refused = options->request == MS_REQUEST_DIFF ? outputs & ~of_diff : outputs;
    for (int id = 0; command != NULL && id < MS_OPTION_TOTAL; id++) {
        if ((given->arguments & refused & MS_GIVEN(id)) != 0) {
            fprintf(stderr, "memscope-top: %s takes no --%s; memscope-top %s does\n", command,
                    ms_option_rows[id].name, id == MS_OPTION_FAIL_ON ? "report" : "export");
            return -EINVAL;
        }
    }
    return 0;
}

int ms_options_settle(struct ms_options *options, const struct ms_options_given *given,
                      const char *word)
{
    int result = settle_tracking(options, given);
    if (result == 0) {
        result = settle_outputs(options, given);
    }
    if (result == 0) {
        result = settle_moment(options);
    }
    if (result != 0) {
        return result;
    }
    if (options->request == MS_REQUEST_SET || options->request == MS_REQUEST_JOIN) {
        result = settle_join(options, word);
        if (result != 0) {
            return result;
        }
    }
    if (options->request == MS_REQUEST_SET) { /* shows nothing: no settings */
        return settle_set(options, given);
    }
    result = settle_settings(options);
    return result != 0 ? result : settle_record(options);
}
