/* Lines of a source file around those that allocate, each of these with its figure. */
#ifndef MS_TUI_SOURCE_PANE_H
#define MS_TUI_SOURCE_PANE_H

#include "tui/screen.h"

/*
 * `lines` are of functions of `process`, the one to show first; those of the same file that lie
 * near are marked, too. `figure` is the one that is written in the margin; rows tell why there is
 * no text when there is none. The heading takes the first row of the area.
 */
void ms_source_pane_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         struct ms_area area, const struct ms_process *process,
                         const struct ms_call_line *lines, size_t count,
                         enum ms_site_figure figure);

#endif
