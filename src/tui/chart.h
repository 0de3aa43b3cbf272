/*
 * Bars, sparklines and area graphs in braille, blocks or ASCII. NaN is drawn as nothing; a value
 * that is known always leaves a mark, so that 0 and "unknown" look different.
 */
#ifndef MS_TUI_CHART_H
#define MS_TUI_CHART_H

#include <stddef.h>

#include "tui/grid.h"
#include "tui/layout.h"
#include "tui/tui.h"

/* Frame and `fraction` (0..1, NaN: empty) of it filled, in the pen of the grid. */
void ms_chart_bar(struct ms_grid *grid, enum ms_glyphs glyphs, int row, int column, int width,
                  double fraction);

/* Points that an area of this many columns shows. */
size_t ms_chart_points(enum ms_glyphs glyphs, int columns);

/* Draws `count` points right-aligned into the area, `low` at its bottom and `high` at its top.
 * One row of it is a sparkline. */
void ms_chart_area(struct ms_grid *grid, enum ms_glyphs glyphs, struct ms_area area,
                   const double *points, size_t count, double low, double high);

/* The same as a line, without what is below it. */
void ms_chart_line(struct ms_grid *grid, enum ms_glyphs glyphs, struct ms_area area,
                   const double *points, size_t count, double low, double high);

/* The same as shades of whole cells: what is high is dense, 0 is a dot. */
void ms_chart_strip(struct ms_grid *grid, enum ms_glyphs glyphs, struct ms_area area,
                    const double *points, size_t count, double low, double high);

/* Several one above the other, from 0 to `high`; each has `count` points, a colour and a glyph of
 * its own. Four looks there are. NaN counts for nothing. */
void ms_chart_stacked(struct ms_grid *grid, enum ms_glyphs glyphs, struct ms_area area,
                      const double *const *parts, const enum ms_colour *colours, size_t part_count,
                      size_t count, double high);
wchar_t ms_chart_part(enum ms_glyphs glyphs, size_t part);

/* Highest known point; NaN when none is known. */
double ms_chart_highest(const double *points, size_t count);

/* A scale of its own for a sparkline: the least range is a tenth of the value, so that a flat line
 * looks flat. */
void ms_chart_scale(const double *points, size_t count, double *low, double *high);

/* Means of `in_count` values over `out_count` equal stretches; NaN where a stretch holds none. */
void ms_chart_resample(const double *in, size_t in_count, double *out, size_t out_count);

/* The next round number at or above `value`; 1 when that is not positive. */
double ms_chart_round_up(double value);

#endif
