/* What the files of the focus screen share: its lines above, and the views between them and the
 * call sites. All return the rows taken. */
#ifndef MS_TUI_FOCUS_H
#define MS_TUI_FOCUS_H

#include "tui/screen.h"

int ms_focus_draw_head(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area, const struct ms_thread *thread);
/* What a few call sites leave of the area, nothing when that is too little. */
int ms_focus_draw_graphs(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         struct ms_area area, const struct ms_thread *thread);
/* Its own seconds: CPU across, bytes allocated upwards, I/O as colour. */
int ms_focus_draw_scatter(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                          struct ms_area area, const struct ms_thread *thread);
/* Every figure of the table, or why there is none. */
void ms_focus_draw_counters(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                            struct ms_area area, const struct ms_thread *thread);
/* False: the action does not scroll. */
bool ms_focus_scroll_counters(struct ms_tui *tui, enum ms_action action);

#endif
