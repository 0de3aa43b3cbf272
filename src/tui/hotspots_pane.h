/* Below the rows of screen 5: the stack and all figures of the marked row, or its source. */
#ifndef MS_TUI_HOTSPOTS_PANE_H
#define MS_TUI_HOTSPOTS_PANE_H

#include "tui/screen.h"

const char *ms_hotspots_word(enum ms_site_figure figure); /* "at peak" */

/* The marked row, or NULL; *index is its position in the tree. */
const struct ms_call_row *ms_hotspots_marked(const struct ms_tui *tui, size_t *index);

/* Source lines of a row's function, the most first. Costs time with the sites below the row, so of
 * many of them it is done now and then only. */
const struct ms_hotspots_lines *ms_hotspots_lines_of(struct ms_tui *tui, const struct ms_view *view,
                                                     const struct ms_call_row *row, size_t index);

void ms_hotspots_pane_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                           struct ms_area area);

#endif
