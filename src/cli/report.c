/* A page of text about a recording, and what its rules say. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/replayed.h"
#include "cli/reports.h"
#include "cli/rules.h"
#include "cli/session.h"

/* The page, and any report that was asked for besides. */
static int write_page(const struct ms_replayed *replayed)
{
    const struct ms_options *options = replayed->options;
    const struct ms_model *model = ms_replay_model(replayed->replay);
    const struct ms_export_options wanted = ms_reports_options(options, replayed->findings);
    const int error = ms_export_write(stdout, MS_EXPORT_TEXT, model, &wanted);
    if (error != 0) {
        fprintf(stderr, "memscope-top: standard output: %s\n", ms_export_error(error));
        return MS_EXIT_FAILURE;
    }
    const int status = ms_reports_write(options, model, replayed->findings, replayed->recording,
                                        options->force, NULL);
    return ms_rules_check(options, model, replayed->findings, status);
}

int ms_report(const struct ms_options *options)
{
    struct ms_replayed replayed;
    int status = ms_replayed_open(&replayed, options);
    status = status == 0 ? ms_replayed_go_through(&replayed) : status;
    status = status == 0 ? write_page(&replayed) : status;
    ms_replayed_close(&replayed);
    return status;
}
