/*
 * Plain text: figures in words, the five lines that stay in the scrollback, and the neutralising
 * of hostile names for a terminal.
 */
#ifndef MS_EXPORT_TEXT_H
#define MS_EXPORT_TEXT_H

#include <stdio.h>

#include "analysis/findings.h"
#include "model/model.h"

/*
 * The summary at the end: exit status, peak, top sites, leaks, losses, file written (`findings` and
 * `file` may be NULL). At most nine lines. Terminal-safe.
 */
void ms_text_summary(FILE *out, const struct ms_model *model, const struct ms_findings *findings,
                     const char *file);

/* One line of --plain: time, threads, live, rate, cpu, rss, tracking when not exact. Terminal-safe,
 * newline included. */
void ms_text_status_line(FILE *out, const struct ms_model *model);

#endif
