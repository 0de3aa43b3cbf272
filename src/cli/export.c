/* Reports from a recording. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/replayed.h"
#include "cli/reports.h"
#include "cli/rules.h"
#include "cli/session.h"
#include "export/file.h"
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
            error == -EEXIST ? "; --force overwrites it" : "");
}

struct lines {
    struct ms_replayed *replayed;
    int status; /* of going through the recording */
};

/* What fails on the way, or is cancelled, leaves no file. */
static int go_through_with_lines(FILE *out, const void *context)
{
    struct lines *lines = *(struct lines *const *)context;
    struct ms_replayed *replayed = lines->replayed;
    const struct ms_export_options wanted = ms_reports_options(replayed->options, NULL);
    struct ms_json_lines *opened;
    const int error = ms_json_lines_open_stream(out, &wanted, &opened);
    if (error != 0) {
        return error;
    }
    replayed->ticked = write_line;
    replayed->context = opened;
    lines->status = ms_replayed_go_through(replayed);
    const int closed = ms_json_lines_close(opened);
    if (lines->status != 0 && !replayed->ticked_failed) {
        return -ECANCELED; /* told already */
    }
    return closed != 0 ? closed : replayed->error;
}

static int go_through(struct ms_replayed *replayed)
{
    const struct ms_options *options = replayed->options;
    if (options->json_lines_path == NULL) {
        return ms_replayed_go_through(replayed);
    }
    struct lines lines = {.replayed = replayed};
    struct lines *const context = &lines;
    const int error =
        ms_file_write(options->json_lines_path, options->force, go_through_with_lines, &context);
    if (lines.status != 0 && !replayed->ticked_failed) {
        return lines.status;
    }
    if (error != 0) {
        tell_lines(options, error);
        return MS_EXIT_FAILURE;
    }
    return 0;
}

int ms_export_recording(const struct ms_options *options)
{
    struct ms_replayed replayed;
    if (!ms_reports_wanted(options) && options->json_lines_path == NULL) {
        fputs("memscope-top: export: name what to write, as --json FILE or --html FILE; "
              "memscope-top --help has them all\n",
              stderr);
        return MS_EXIT_USAGE;
    }
    int status = ms_replayed_open(&replayed, options);
    status = status == 0 ? go_through(&replayed) : status;
    if (status == 0) {
        const struct ms_model *model = ms_replay_model(replayed.replay);
        status = ms_reports_write(options, model, replayed.findings, replayed.recording,
                                  options->force, NULL);
        status = ms_rules_check(options, model, replayed.findings, status);
    }
    ms_replayed_close(&replayed);
    return status;
}
