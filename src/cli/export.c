/*
 * Reports from a recording. All of it is gone through in order, and judged at every tick as a live
 * session is: so judgements are those that the screen had shown.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/at.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/reports.h"
#include "cli/rules.h"
#include "cli/session.h"
#include "export/json_lines.h"
#include "model/format.h"
#include "record/recording.h"

struct exporting {
    const struct ms_options *options;
    char name[512]; /* of the recording, neutralised */
    struct ms_recording *recording;
    struct ms_replay *replay;
    struct ms_suppressions *suppressions;
    struct ms_findings *findings;
    struct ms_json_lines *lines;
    uint64_t until_ns;
    int error; /* 0 or -errno of what a tick needed */
};

/* `anew`: what was judged before belongs to another model. */
static void take_tick(void *context, const struct ms_model *model, bool anew)
{
    struct exporting *exporting = context;
    if (anew || exporting->findings == NULL) {
        const struct ms_thresholds thresholds =
            ms_settings_thresholds(&exporting->options->settings);
        ms_findings_free(exporting->findings);
        exporting->findings = ms_findings_new(&thresholds, exporting->suppressions);
    }
    const int error =
        exporting->findings != NULL ? ms_findings_update(exporting->findings, model) : -ENOMEM;
    exporting->error = exporting->error != 0 ? exporting->error : error;
    if (exporting->lines != NULL && exporting->error == 0) {
        exporting->error = ms_json_lines_tick(exporting->lines, model);
    }
}

static int complain(const struct exporting *exporting, const char *why)
{
    fprintf(stderr, "memscope-top: %s: %s\n", exporting->name, why);
    return MS_EXIT_FAILURE;
}

/* 0 or the exit status to leave with, after a line on stderr. */
static int go_through(struct exporting *exporting)
{
    const struct ms_recording_about about = ms_recording_about(exporting->recording);
    char what[600];
    struct ms_progress progress;
    (void)snprintf(what, sizeof what, "reading %s", exporting->name);
    ms_progress_begin(&progress, what);
    int result = ms_replay_seek(exporting->replay, about.first_tick);
    const uint64_t all_ns = exporting->until_ns - about.first_ns;
    while (result >= 0 && exporting->error == 0) {
        const uint64_t now_ns = ms_model_now_ns(ms_replay_model(exporting->replay));
        if (!ms_progress_tell(&progress, now_ns - about.first_ns, all_ns)) {
            result = -ECANCELED;
        } else if (now_ns >= exporting->until_ns ||
                   (result = ms_replay_step(exporting->replay)) == 0) {
            break;
        }
    }
    ms_progress_end(&progress);
    result = result >= 0 ? exporting->error : result;
    if (result == 0) {
        return 0;
    }
    complain(exporting,
             result == -EBADMSG ? "no moment of it can be read" : ms_export_error(result));
    return result == -ECANCELED ? MS_EXIT_CANCELLED : MS_EXIT_FAILURE;
}

/* As above. What must be right before hours of a recording are gone through. */
static int prepare(struct exporting *exporting)
{
    const struct ms_options *options = exporting->options;
    const struct ms_replay_options replay = {.ticked = take_tick, .context = exporting};
    char why[256];
    if (!ms_reports_wanted(options) && options->json_lines_path == NULL) {
        fputs("memscope-top: export: name what to write, as --json FILE or --html FILE; "
              "memscope-top --help has them all\n",
              stderr);
        return MS_EXIT_USAGE;
    }
    if (options->suppressions_path != NULL &&
        ms_suppressions_read(options->suppressions_path, &exporting->suppressions, why,
                             sizeof why) != 0) {
        fprintf(stderr, "memscope-top: --suppressions: %s\n", why);
        return MS_EXIT_USAGE;
    }
    if (ms_recording_open(options->arguments[0], &exporting->recording, why, sizeof why) != 0) {
        return complain(exporting, why);
    }
    const struct ms_recording_about about = ms_recording_about(exporting->recording);
    if (strcmp(about.condition, "whole") != 0 && !options->quiet) {
        fprintf(stderr, "memscope-top: %s: %s\n", exporting->name, about.condition);
    }
    if (ms_at_find(options->at, exporting->recording, &exporting->until_ns, why, sizeof why) != 0) {
        fprintf(stderr, "memscope-top: --at: %s\n", why);
        return MS_EXIT_USAGE;
    }
    exporting->replay = ms_replay_new(exporting->recording, &replay);
    if (exporting->replay == NULL) {
        return complain(exporting, "out of memory");
    }
    if (options->json_lines_path != NULL) {
        const struct ms_export_options wanted = ms_reports_options(options, NULL);
        const int error = ms_json_lines_open(options->json_lines_path, options->force, &wanted,
                                             &exporting->lines);
        if (error != 0) {
            fprintf(stderr, "memscope-top: --json-lines: %s: %s%s\n", options->json_lines_path,
                    ms_export_error(error), error == -EEXIST ? "; --force replaces it" : "");
            return MS_EXIT_FAILURE;
        }
    }
    return 0;
}

static int write_all(struct exporting *exporting)
{
    const struct ms_options *options = exporting->options;
    const struct ms_model *model = ms_replay_model(exporting->replay);
    const int error = ms_json_lines_close(exporting->lines);
    exporting->lines = NULL;
    if (error != 0) {
        fprintf(stderr, "memscope-top: --json-lines: %s: %s\n", options->json_lines_path,
                ms_export_error(error));
        return MS_EXIT_FAILURE;
    }
    const int status = ms_reports_write(options, model, exporting->findings, options->force, NULL);
    return ms_rules_check(options, model, exporting->findings, status);
}

int ms_export_recording(const struct ms_options *options)
{
    struct exporting exporting = {.options = options};
    const char *path = options->arguments[0];
    ms_format_safe(exporting.name, sizeof exporting.name, path, strlen(path), true);
    int status = prepare(&exporting);
    status = status == 0 ? go_through(&exporting) : status;
    status = status == 0 ? write_all(&exporting) : status;
    (void)ms_json_lines_close(exporting.lines);
    ms_replay_free(exporting.replay);
    ms_recording_close(exporting.recording);
    ms_findings_free(exporting.findings);
    ms_suppressions_free(exporting.suppressions);
    return status;
}
