/* Size classes and lifetimes of a thread, a call site, or of both, as bars. */
#ifndef MS_TUI_CLASSES_H
#define MS_TUI_CLASSES_H

#include "tui/screen.h"

/* Rows that are enough for any histogram, heading included. */
#define MS_CLASSES_ROWS_MAX 19

/* `usage` NULL: of the whole thread. Fewer rows: neighbouring classes share a bar. */
void ms_classes_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     struct ms_area area, const struct ms_thread *thread,
                     const struct ms_usage *usage);

/* Of all threads at a site, or only of `thread_id` unless that is 0. */
void ms_classes_draw_site(const struct ms_tui *tui, const struct ms_view *view,
                          struct ms_grid *grid, struct ms_area area, const struct ms_site *site,
                          uint32_t thread_id);

#endif
