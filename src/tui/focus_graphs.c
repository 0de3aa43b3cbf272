/* CPU and live heap of a thread over the last minute. */
#include <math.h>
#include <stdio.h>

#include "model/format.h"
#include "tui/chart.h"
#include "tui/focus.h"

#define WINDOW_S         60
#define FINE_POINTS_MAX  6000
#define GRAPH_POINTS_MAX 2000
#define SCALE_WIDTH      7 /* cells left of a graph */

/* The last minute of a series, one point per place of the graph. */
static size_t last_minute(const struct ms_view *view, const struct ms_history *history,
                          enum ms_glyphs glyphs, int columns, double *points)
{
    const uint64_t interval_ns = ms_model_interval_ns(view->model);
    size_t fine = (size_t)(WINDOW_S * MS_SECOND_NS / (interval_ns > 0 ? interval_ns : 1));
    fine = fine < 1 ? 1 : fine > FINE_POINTS_MAX ? FINE_POINTS_MAX : fine;
    size_t count = ms_chart_points(glyphs, columns);
    if (count > GRAPH_POINTS_MAX) {
        count = GRAPH_POINTS_MAX;
    }
    double values[FINE_POINTS_MAX];
    if (history == NULL || ms_history_read(history, MS_RESOLUTION_FINE, fine, values) == 0) {
        return 0;
    }
    ms_chart_resample(values, fine, points, count);
    return count;
}

static void draw_graph(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area, const struct ms_thread *thread, enum ms_series series)
{
    double points[GRAPH_POINTS_MAX];
    const struct ms_area inner = {.row = area.row + 1,
                                  .column = SCALE_WIDTH + 1,
                                  .rows = area.rows - 1,
                                  .columns = area.columns - SCALE_WIDTH - 2};
    const bool cpu = series == MS_SERIES_CPU_PCT;
    ms_theme_heading(tui, grid, area.row, 0, area.columns, cpu ? "cpu %" : "live heap");
    const size_t count =
        last_minute(view, thread->history[series], tui->glyphs, inner.columns, points);
    if (count == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, inner.row, inner.column, inner.columns,
                    thread->end_ns != 0 ? "no history is kept of this thread"
                                        : "no figures yet: unavailable, or the thread is new");
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    const double highest = ms_chart_highest(points, count);
    const double high =
        cpu ? (highest > 100 ? ms_chart_round_up(highest) : 100) : ms_chart_round_up(highest);
    char top[MS_FORMAT_MAX];
    if (cpu) {
        snprintf(top, sizeof top, "%.0f", high);
    } else {
        ms_format_bytes(top, sizeof top, high);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_printf(grid, inner.row, 0, SCALE_WIDTH, "%*s", SCALE_WIDTH - 1, top);
    if (inner.rows > 1) {
        ms_grid_printf(grid, inner.row + inner.rows - 1, 0, SCALE_WIDTH, "%*s", SCALE_WIDTH - 1,
                       "0");
    }
    for (int row = 0; row < inner.rows; row++) {
        ms_grid_put_char(grid, inner.row + row, SCALE_WIDTH,
                         ms_theme_ascii(tui) ? L'|' : L'\u2502');
    }
    ms_grid_pen(grid, thread->end_ns != 0 ? MS_COLOUR_DIM : MS_COLOUR_GRAPH, 0);
    ms_chart_area(grid, tui->glyphs, inner, points, count, 0, high);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_time_axis(struct ms_grid *grid, int row, int columns, bool ended)
{
    const int left = SCALE_WIDTH + 1;
    const int width = columns - left - 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    for (int i = 0; i < 4; i++) {
        ms_grid_printf(grid, row, left + width * i / 4, 6, "-%ds", WINDOW_S - WINDOW_S * i / 4);
    }
    ms_grid_put(grid, row, left + width - 3, 3, ended ? "end" : "now");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Rows of each of the two graphs: what the call sites leave, 0 when that is too little. */
static int graph_rows_of(const struct ms_view *view, const struct ms_thread *thread, int left)
{
    const size_t sites = ms_model_thread_usages(view->model, thread->id, MS_USAGE_CURRENT, NULL, 0);
    const int axis = 1;
    const int heading = 1;
    const int stack = left >= 24 ? 7 : 0;
    const int list = sites < 1 ? 1 : sites < 8 ? (int)sites : 8;
    const int rows = (left - axis - heading - list - stack) / 2;
    return left < 12 ? 0 : rows < 3 ? 3 : rows > 10 ? 10 : rows;
}

int ms_focus_draw_graphs(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         struct ms_area area, const struct ms_thread *thread)
{
    const int rows = graph_rows_of(view, thread, area.rows);
    if (rows == 0) {
        return 0;
    }
    area.rows = rows;
    draw_graph(tui, view, grid, area, thread, MS_SERIES_CPU_PCT);
    area.row += rows;
    draw_graph(tui, view, grid, area, thread, MS_SERIES_CURRENT_BYTES);
    draw_time_axis(grid, area.row + rows, area.columns, thread->end_ns != 0);
    return 2 * rows + 1;
}
