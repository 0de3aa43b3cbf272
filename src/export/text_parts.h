/* Lines that the summary at the end and the page of text share. All terminal-safe. For src/export
 * only. */
#ifndef MS_EXPORT_TEXT_PARTS_H
#define MS_EXPORT_TEXT_PARTS_H

#include <stddef.h>
#include <stdio.h>

#include "model/model.h"

/* Neutralised, and cut with "..." past 59 bytes. */
char *ms_text_name(char *out, size_t size, const char *name);
/* "app exited with status 0 after 00:01:12 (and 2 more processes)" */
void ms_text_status(FILE *out, const struct ms_model *model, const struct ms_process *process);
/* "  peak 24.1MB (within 20kB), 84.1k allocations, 1.2GB allocated, 3.2MB not freed" */
void ms_text_totals(FILE *out, const struct ms_model *model, const struct ms_heap *totals);
/* "  events lost 0, ..." */
void ms_text_losses(FILE *out, const struct ms_losses *losses);
/* Each nothing when there is nothing to say. */
void ms_text_misuse(FILE *out, const struct ms_model *model);
void ms_text_tracking(FILE *out, const struct ms_model *model, const char *before,
                      const char *after);
void ms_text_trace(FILE *out, const struct ms_model *model, const char *before);
void ms_text_wrong_stacks(FILE *out, const struct ms_model *model);
/* Processes that had anything live: the peak of a session is the sum of theirs, which need not have
 * been at one time. */
size_t ms_text_peaks(const struct ms_model *model);

#endif
