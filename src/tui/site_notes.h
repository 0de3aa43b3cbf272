/* What the screen of a call site says about it in words. */
#ifndef MS_TUI_SITE_NOTES_H
#define MS_TUI_SITE_NOTES_H

#include "tui/screen.h"

/* What is missing of it and what to do, else whose it is; then what type its blocks are of and how
 * that is known. Into at most `rows` rows; returns how many were used. */
int ms_site_notes_draw(const struct ms_view *view, struct ms_grid *grid, int row, int rows,
                       const struct ms_site *site);

#endif
