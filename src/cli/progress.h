/*
 * One line on a terminal's stderr for what takes over a second: what, how far, how long still. On
 * anything but a terminal it is silent. Ctrl-C cancels: the work ends early, what was there before
 * stays, and memscope-top leaves with MS_EXIT_CANCELLED. One at a time.
 */
#ifndef MS_CLI_PROGRESS_H
#define MS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define MS_EXIT_CANCELLED 130 /* as a shell has it of Ctrl-C */

struct ms_progress {
    const char *what; /* "writing report.json"; ours or neutralised */
    bool shown, terminal;
    uint64_t begun_ns, told_ns;
};

/* From here on Ctrl-C cancels instead of ending memscope-top. */
void ms_progress_begin(struct ms_progress *progress, const char *what);
/* Of type ms_progress of record/recording.h and of struct ms_export_options; `context` is the
 * struct above. false: cancelled. */
bool ms_progress_tell(void *context, uint64_t done, uint64_t all);
/* Takes the line away. */
void ms_progress_end(struct ms_progress *progress);

/* "43 %, 3 s left", or without the time while it is not known. Returns `out`. */
char *ms_progress_text(char *out, unsigned size, uint64_t done, uint64_t all, uint64_t elapsed_ns);

#endif
