/* All reports that the command line asks for, of a live session's end or of a recording. */
#ifndef MS_CLI_REPORTS_H
#define MS_CLI_REPORTS_H

#include "cli/options.h"
#include "record/recording.h"

/* Of the options, for one export; `findings` may be NULL. */
struct ms_export_options ms_reports_options(const struct ms_options *options,
                                            const struct ms_findings *findings);

/* Does the command line ask for any? */
bool ms_reports_wanted(const struct ms_options *options);

/*
 * Writes them, with progress on a terminal, and says on stderr what fails. Returns 0,
 * MS_EXIT_FAILURE when one failed, MS_EXIT_CANCELLED when the user cancelled. `written`: the name
 * of the last one that was written, NULL: none. `overwrite`: files that are there are replaced.
 * `recording`: of the model, for its trace; NULL: none.
 */
int ms_reports_write(const struct ms_options *options, const struct ms_model *model,
                     const struct ms_findings *findings, struct ms_recording *recording,
                     bool overwrite, const char **written);

#endif
