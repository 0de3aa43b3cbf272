/* The rows of a call tree as a table: shares and figures at the left, names behind them. */
#ifndef MS_TUI_CALL_TABLE_H
#define MS_TUI_CALL_TABLE_H

#include "tui/screen.h"

/* A figure of a row as text, "~" before what is estimated; n/a when it is not known. */
char *ms_call_table_figure(char *out, size_t size, const struct ms_call_row *row,
                           enum ms_site_figure figure, bool self);

/*
 * Levels that each row of the tree is drawn indented by: a chain in which everyone has but one
 * below it stays in one column, so that deep stacks do not walk off the screen. `out` has room for
 * all rows of the tree.
 */
void ms_call_indents(const struct ms_call_tree *tree, uint8_t *out);

/* Draws the heading into the first row of the area and rows of the tree below. */
void ms_call_table_draw(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area);

/* Column of the sign that folds and unfolds the row. */
int ms_call_table_sign_column(const struct ms_tui *tui, int columns, size_t index);

#endif
