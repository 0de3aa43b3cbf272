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
