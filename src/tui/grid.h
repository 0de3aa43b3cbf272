/*
 * A picture of the screen: rows x columns of cells. Screens draw into it, ncurses or a test shows
 * it. Writing outside is allowed and does nothing, so a screen needs no clipping of its own.
 */
#ifndef MS_TUI_GRID_H
#define MS_TUI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

enum ms_colour { /* roles, alerts and chrome; a scheme maps them to terminal colours */
                 MS_COLOUR_DEFAULT,
                 MS_COLOUR_DIM,
                 MS_COLOUR_TITLE,
                 MS_COLOUR_TAB,
                 MS_COLOUR_TAB_ACTIVE,
                 MS_COLOUR_SELECTED,
                 MS_COLOUR_KEY,
                 MS_COLOUR_WAITING,
                 MS_COLOUR_MEMORY,
                 MS_COLOUR_CPU,
                 MS_COLOUR_IO,
                 MS_COLOUR_BALANCED,
                 MS_COLOUR_LIGHT,
                 MS_COLOUR_ALERT_HIGH,
                 MS_COLOUR_ALERT_MEDIUM,
                 MS_COLOUR_GRAPH,
                 MS_COLOUR_GRAPH_HIGH,
                 MS_COLOUR_ERROR,
                 MS_COLOUR_COUNT
};

enum {
    MS_ATTRIBUTE_BOLD = 1,
    MS_ATTRIBUTE_REVERSE = 2,
    MS_ATTRIBUTE_DIM = 4,
    MS_ATTRIBUTE_UNDERLINE = 8
};

struct ms_cell {
    wchar_t character; /* 0: right half of a wide character */
    uint8_t colour;    /* enum ms_colour */
    uint8_t attributes;
};

struct ms_grid; /* opaque */

struct ms_grid *ms_grid_new(int rows, int columns);
void ms_grid_free(struct ms_grid *grid);
int ms_grid_resize(struct ms_grid *grid, int rows, int columns); /* clears; 0 or -ENOMEM */
void ms_grid_clear(struct ms_grid *grid);
int ms_grid_rows(const struct ms_grid *grid);
int ms_grid_columns(const struct ms_grid *grid);
const struct ms_cell *ms_grid_at(const struct ms_grid *grid, int row,
                                 int column); /* NULL: outside */

/* Text beyond ASCII becomes '?' in the following puts (a terminal or a user without Unicode). */
void ms_grid_set_ascii(struct ms_grid *grid, bool ascii);
/* Takes over the cells of another grid, in ASCII when that is set; what only one of the two has is left out or blank. */
void ms_grid_copy(struct ms_grid *grid, const struct ms_grid *from);

/* Pen for the following puts. */
void ms_grid_pen(struct ms_grid *grid, enum ms_colour colour, unsigned attributes);
/* Puts hostile text, neutralised, at most `width` cells, returns cells used. */
int ms_grid_put(struct ms_grid *grid, int row, int column, int width, const char *text);
int ms_grid_printf(struct ms_grid *grid, int row, int column, int width, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same for `count` bytes without a NUL at the end, leaving out the first `skip` cells. */
int ms_grid_put_bytes(struct ms_grid *grid, int row, int column, int width, const char *bytes,
                      size_t count, int skip);
/* Changes the look of cells that are there already. */
void ms_grid_paint(struct ms_grid *grid, int row, int column, int width, enum ms_colour colour,
                   unsigned attributes);
/* Cells that the text needs when neutralised. */
int ms_grid_text_width(const struct ms_grid *grid, const char *text);
void ms_grid_put_char(struct ms_grid *grid, int row, int column, wchar_t character);

/* The grid as UTF-8 text, rows joined by newlines, trailing blanks cut; caller frees. For tests
 * and --plain. */
char *ms_grid_text(const struct ms_grid *grid);

#endif
