/* The screen of a call site whose stack is one of CPU samples or of I/O: what was done there. */
#ifndef MS_TUI_SITE_WORK_H
#define MS_TUI_SITE_WORK_H

#include "tui/screen.h"

/* Nothing was allocated at it, but something else was done. */
static inline bool ms_site_is_work(const struct ms_site *site)
{
    return site->work != NULL && site->heap.allocations == 0;
}

/* One row of figures, of a thread unless that is 0. */
void ms_site_work_draw(const struct ms_view *view, struct ms_grid *grid, int row,
                       const struct ms_site *site, uint32_t thread_id);
/* CPU time, or when there is none time in I/O, in ms. */
double ms_site_work_ms(const struct ms_model *model, const struct ms_site *site,
                       uint32_t thread_id);
/* Its threads, the most CPU time and I/O first. */
void ms_site_work_draw_users(const struct ms_tui *tui, const struct ms_view *view,
                             struct ms_grid *grid, struct ms_area area, const struct ms_site *site);

#endif
