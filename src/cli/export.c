/* Reports from a recording. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/replayed.h"
#include "cli/reports.h"
#include "cli/rules.h"
#include "cli/session.h"
#include "export/json_lines.h"
#include "model/format.h"

static int write_line(void *context, const struct ms_model *model)
{
    return ms_json_lines_tick(context, model);
}

static void tell_lines(const struct ms_options *options, int error)
{
    char shown[512];
    const char *path =
        strcmp(options->json_lines_path, "-") == 0 ? "standard output" : options->json_lines_path;
    ms_format_safe(shown, sizeof shown, path, strlen(path), true);
    fprintf(stderr, "memscope-top: --json-lines: %s: %s%s\n", shown, ms_export_error(error),
            error == -EEXIST ? "; --force replaces it" : "");
}

static int open_lines(struct ms_replayed *replayed, struct ms_json_lines **lines)
{
    const struct ms_options *options = replayed->options;
    if (options->json_lines_path == NULL) {
        return 0;
    }
    const struct ms_export_options wanted = ms_reports_options(options, NULL);
    const int error =
        ms_json_lines_open(options->json_lines_path, options->force, true, &wanted, lines);
    if (error != 0) {
        tell_lines(options, error);
        return MS_EXIT_FAILURE;
    }
    replayed->ticked = write_line;
    replayed->context = *lines;
    return 0;
}

static int write_all(struct ms_replayed *replayed, struct ms_json_lines **lines)
{
    const struct ms_options *options = replayed->options;
    const struct ms_model *model = ms_replay_model(replayed->replay);
    const int error = ms_json_lines_close(*lines);
    *lines = NULL;
    if (error != 0) {
        tell_lines(options, error);
        return MS_EXIT_FAILURE;
    }
    const int status = ms_reports_write(options, model, replayed->findings, replayed->recording,
                                        options->force, NULL);
    return ms_rules_check(options, model, replayed->findings, status);
}

int ms_export_recording(const struct ms_options *options)
{
    struct ms_replayed replayed;
    struct ms_json_lines *lines = NULL;
    if (!ms_reports_wanted(options) && options->json_lines_path == NULL) {
        fputs("memscope-top: export: name what to write, as --json FILE or --html FILE; "
              "memscope-top --help has them all\n",
              stderr);
        return MS_EXIT_USAGE;
    }
    int status = ms_replayed_open(&replayed, options);
    status = status == 0 ? open_lines(&replayed, &lines) : status;
    status = status == 0 ? ms_replayed_go_through(&replayed) : status;
    status = status == 0 ? write_all(&replayed, &lines) : status;
    const int closed = ms_json_lines_close(lines);
    if (replayed.ticked_failed) {
        tell_lines(options, closed != 0 ? closed : replayed.error);
    }
    ms_replayed_close(&replayed);
    return status;
}
