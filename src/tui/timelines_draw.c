/* Rows of screen 3: what it is, what it is at the cursor or now, its chart, its peak. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"
#include "tui/timelines.h"

#define HEADING_WIDTH 11
#define VALUE_WIDTH   9
#define PEAK_WIDTH    10

int ms_timelines_left(int columns)
{
    return columns >= 60 ? 1 + HEADING_WIDTH + VALUE_WIDTH + 1 : HEADING_WIDTH + VALUE_WIDTH;
}

int ms_timelines_right(int columns)
{
    return columns >= 60 ? PEAK_WIDTH + 1 : 0;
}

char *ms_timelines_value(double value, enum ms_unit unit, char *out, size_t size)
{
    char figure[MS_FORMAT_MAX - 4];
    ms_format_value(figure, sizeof figure, ms_value_of(value), unit);
    snprintf(out, size, "%s%s", figure,
             isnan(value)              ? ""
             : unit == MS_UNIT_PERCENT ? "%"
             : unit == MS_UNIT_RATE    ? "/s"
                                       : "");
    return out;
}

/*
 * The top of the scale: it grows when something is higher, and shrinks only when less than half of
 * it is used, so that charts do not jump with every tick.
 */
double ms_timelines_scale(const struct ms_timelines_row *row, double highest)
{
    struct ms_timelines_points *points = row->points;
    if (!isnan(row->top) && !(highest > row->top)) {
        return row->top;
    }
    const bool near = row->limit > highest && row->limit < 2 * highest;
    double wanted = ms_chart_round_up(near ? row->limit : highest);
    wanted = wanted < row->least_top ? row->least_top : wanted;
    if (points->scale < wanted || points->scale > 2 * wanted) {
        points->scale = wanted;
    }
    return points->scale;
}

double ms_timelines_shown(const struct ms_timelines_view *timelines,
                          const struct ms_timelines_row *row)
{
    const struct ms_timelines_span *span = &timelines->span;
    if (timelines->cursor_set) {
        return ms_timelines_mean_at(row->points, span, timelines->cursor_tick / span->slot_ticks);
    }
    /* The newest slot may have no figure yet when a source is slower than the ticks. */
    for (uint64_t back = 1; back <= 2 && span->end >= back; back++) {
        const double value = ms_timelines_mean_at(row->points, span, span->end - back);
        if (!isnan(value)) {
            return value;
        }
    }
    return NAN;
}

enum ms_colour ms_timelines_colour(const struct ms_tui *tui, const struct ms_timelines_row *row)
{
    if (row->machine && !ms_scope_is_all(&tui->scope)) {
        return MS_COLOUR_DIM;
    }
    switch (row->unit) {
    case MS_UNIT_PERCENT:
        return MS_COLOUR_CPU;
    case MS_UNIT_BYTES:
        return MS_COLOUR_MEMORY;
    case MS_UNIT_BYTES_PER_S:
    case MS_UNIT_RATE:
        return MS_COLOUR_IO;
    default:
        return MS_COLOUR_GRAPH;
    }
}

void ms_timelines_draw_marks(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                             const struct ms_timelines_figures *figures)
{
    const struct ms_timelines_view *timelines = tui->timelines;
    const struct ms_timelines_span *span = &timelines->span;
    if (!isnan(figures->highest) && figures->highest > figures->lowest) {
        const int peak =
            ms_timelines_cell_of(span, figures->highest_slot * span->slot_ticks, area.columns);
        if (peak >= 0) {
            for (int line = 0; line < area.rows; line++) {
                ms_grid_paint(grid, area.row + line, area.column + peak, 1, MS_COLOUR_GRAPH_HIGH,
                              MS_ATTRIBUTE_BOLD);
            }
        }
    }
    if (!timelines->cursor_set) {
        return;
    }
    const int cursor = ms_timelines_cell_of(span, timelines->cursor_tick, area.columns);
    for (int line = 0; cursor >= 0 && line < area.rows; line++) {
        const struct ms_cell *cell = ms_grid_at(grid, area.row + line, area.column + cursor);
        if (cell != NULL && (cell->character == L' ' || cell->character == 0)) {
            ms_grid_pen(grid, MS_COLOUR_SELECTED, 0);
            ms_grid_put_char(grid, area.row + line, area.column + cursor,
                             ms_theme_ascii(tui) ? L'|' : L'\u2502');
        }
        ms_grid_paint(grid, area.row + line, area.column + cursor, 1, MS_COLOUR_SELECTED,
                      MS_ATTRIBUTE_REVERSE);
    }
}

static void draw_chart(const struct ms_tui *tui, struct ms_grid *grid,
                       const struct ms_timelines_row *row, struct ms_area area, double high)
{
    const struct ms_timelines_view *timelines = tui->timelines;
    double points[MS_TIMELINES_SLOTS_MAX];
    ms_timelines_points_put(row->points, &timelines->span, points);
    const size_t count = timelines->span.points;
    ms_grid_pen(grid, ms_timelines_colour(tui, row), 0);
    if (row->band) {
        ms_chart_strip(grid, tui->glyphs, area, points, count, 0, high);
    } else if (timelines->shape == MS_TIMELINES_LINES) {
        ms_chart_line(grid, tui->glyphs, area, points, count, 0, high);
    } else {
        ms_chart_area(grid, tui->glyphs, area, points, count, 0, high);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_left(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                      const struct ms_timelines_row *row, struct ms_area area, bool marked)
{
    const bool dim = !row->known || (row->machine && !ms_scope_is_all(&tui->scope));
    char text[MS_FORMAT_MAX];
    const int gap = view->columns >= 60 ? 1 : 0;
    ms_grid_pen(grid,
                marked ? MS_COLOUR_SELECTED
                : dim  ? MS_COLOUR_DIM
                       : MS_COLOUR_DEFAULT,
                marked ? MS_ATTRIBUTE_BOLD : 0);
    if (gap > 0) {
        ms_grid_put(grid, area.row, 0, 1, marked ? ms_theme_pointer(tui) : " ");
    }
    ms_grid_put(grid, area.row, gap, HEADING_WIDTH, row->heading);
    if (!row->known) {
        return;
    }
    ms_timelines_value(ms_timelines_shown(tui->timelines, row), row->unit, text, sizeof text);
    ms_grid_printf(grid, area.row, gap + HEADING_WIDTH, VALUE_WIDTH, "%*s", VALUE_WIDTH - gap,
                   text);
    if (area.rows > 1 && !isnan(row->limit)) {
        ms_timelines_value(row->limit, row->unit, text, sizeof text);
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, area.row + 1, gap, HEADING_WIDTH + VALUE_WIDTH, " limit %s", text);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_right(const struct ms_view *view, struct ms_grid *grid,
                       const struct ms_timelines_row *row, struct ms_area area, double high,
                       const struct ms_timelines_figures *figures)
{
    const int width = ms_timelines_right(view->columns);
    char text[MS_FORMAT_MAX];
    if (width == 0) {
        return;
    }
    ms_grid_pen(grid, row->machine ? MS_COLOUR_DIM : MS_COLOUR_DEFAULT, 0);
    ms_timelines_value(figures->highest, row->unit, text, sizeof text);
    ms_grid_printf(grid, area.row, view->columns - width, width, "%*s", width, text);
    if (area.rows > 1) {
        char scale[MS_FORMAT_MAX + 2];
        ms_timelines_value(high, row->unit, text, sizeof text);
        snprintf(scale, sizeof scale, "0-%s", text);
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, area.row + 1, view->columns - width, width, "%*s", width, scale);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

void ms_timelines_draw_row(const struct ms_tui *tui, const struct ms_view *view,
                           struct ms_grid *grid, const struct ms_timelines_row *row,
                           struct ms_area area, bool marked)
{
    const int left = ms_timelines_left(view->columns);
    draw_left(tui, view, grid, row, area, marked);
    if (!row->known) {
        char text[256];
        snprintf(text, sizeof text, "%s", ms_timelines_why(row, view->model));
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, area.row, left, view->columns - left - 1, text);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    const struct ms_timelines_figures figures =
        ms_timelines_figures_of(row->points, &tui->timelines->span);
    const double high = ms_timelines_scale(row, figures.highest);
    const struct ms_area chart = {.row = area.row,
                                  .column = left,
                                  .rows = area.rows,
                                  .columns =
                                      view->columns - left - ms_timelines_right(view->columns)};
    draw_chart(tui, grid, row, chart, high);
    ms_timelines_draw_anomalies(view, grid, tui->timelines, row, chart);
    ms_timelines_draw_marks(tui, grid, chart, &figures);
    draw_right(view, grid, row, area, high, &figures);
}
