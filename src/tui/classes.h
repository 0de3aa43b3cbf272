/* Size classes and lifetimes of a thread, or of it at one site, as bars. */
#ifndef MS_TUI_CLASSES_H
#define MS_TUI_CLASSES_H

#include "tui/screen.h"

/* Rows that are enough for any histogram, heading included. */
#define MS_CLASSES_ROWS_MAX 19

/* `usage` NULL: of the whole thread. Fewer rows: neighbouring classes share a bar. */
void ms_classes_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     struct ms_area area, const struct ms_thread *thread,
                     const struct ms_usage *usage);

#endif
