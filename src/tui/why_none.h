/* Why there are no call sites, or no call stack of one: sentences that several screens say. */
#ifndef MS_TUI_WHY_NONE_H
#define MS_TUI_WHY_NONE_H

#include "tui/screen.h"

/* When what is tracked of the process in focus, else of the program, leaves nothing to show; false:
 * that is no reason. */
bool ms_why_no_stacks(const struct ms_tui *tui, const struct ms_model *model, char *out,
                      size_t size);

/* Why nothing in focus has CPU time or I/O. */
void ms_why_no_work(const struct ms_tui *tui, const struct ms_model *model,
                    enum ms_site_figure_kind kind, char *out, size_t size);

/* Of a site without a stack; no full stop. */
const char *ms_why_no_stack(const struct ms_model *model, const struct ms_site *site);

#endif
