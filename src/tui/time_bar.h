/* The bar of time below the screens, see time_bar.c. */
#ifndef MS_TUI_TIME_BAR_H
#define MS_TUI_TIME_BAR_H

#include "tui/screen.h"

/* Another moment than the present is shown. */
bool ms_time_away(const struct ms_view *view);
/* "1:23 of 5:00", "13:05:12, 2 min 03 s ago", as the columns of the screen have room. */
char *ms_time_text(const struct ms_tui_time *time, int columns, char *out, size_t size);

void ms_time_bar_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid);
/* True: the click was on it. */
bool ms_time_bar_click(const struct ms_view *view, const struct ms_input *input,
                       struct ms_command *command);
/* True: the action was one of time. */
bool ms_time_act(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                 const struct ms_input *input, struct ms_command *command);

#endif
