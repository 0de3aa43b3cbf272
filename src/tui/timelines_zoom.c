/* One row of screen 3 on the whole screen: with a scale, its figures, and who it is made of. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/timelines.h"

#define LEFT_WIDTH       10
#define PART_KIND        UINT64_C(9)
#define BAND_KIND        UINT64_C(10)
#define LEGEND_ROWS      1
#define STACKED_ROWS_MIN 6

int ms_timelines_zoom_left(int columns)
{
    (void)columns;
    return LEFT_WIDTH;
}

static void draw_scale(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area chart,
                       enum ms_unit unit, double high)
{
    char text[MS_FORMAT_MAX];
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    for (int line = 0; line < chart.rows; line++) {
        ms_grid_put_char(grid, chart.row + line, chart.column - 1,
                         ms_theme_ascii(tui) ? L'|' : L'\u2502');
    }
    const int marks = chart.rows >= 13 ? 4 : chart.rows >= 7 ? 2 : 1;
    for (int i = 0; i <= marks && chart.rows > 1; i++) {
        ms_timelines_value(high * i / marks, unit, text, sizeof text);
        ms_grid_printf(grid, chart.row + (chart.rows - 1) * (marks - i) / marks, 0, LEFT_WIDTH - 1,
                       "%*s", LEFT_WIDTH - 1, text);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static int put_figure(struct ms_grid *grid, int row, int column, const char *word, double value,
                      enum ms_unit unit)
{
    char text[MS_FORMAT_MAX];
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_put(grid, row, column, ms_grid_columns(grid) - column, word) + 1;
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    ms_timelines_value(value, unit, text, sizeof text);
    return column + ms_grid_put(grid, row, column, ms_grid_columns(grid) - column, text) + 2;
}

/* "RSS  612MB   min 410MB  mean 580MB  max 640MB   resident memory" */
static void draw_head(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                      int row, const struct ms_timelines_row *shown,
                      const struct ms_timelines_figures *figures)
{
    char text[MS_FORMAT_MAX];
    ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_BOLD);
    int column = 1 + ms_grid_put(grid, row, 1, 12, shown->heading) + 1;
    ms_timelines_value(ms_timelines_shown(tui->timelines, shown), shown->unit, text, sizeof text);
    column += ms_grid_put(grid, row, column, 12, text) + 2;
    column = put_figure(grid, row, column, "min", figures->lowest, shown->unit);
    column = put_figure(grid, row, column, "mean", figures->mean, shown->unit);
    column = put_figure(grid, row, column, "max", figures->highest, shown->unit);
    if (!isnan(shown->limit)) {
        column = put_figure(grid, row, column, "limit", shown->limit, shown->unit);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, column, view->columns - column - 1, shown->what);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Series of threads that a series of the process is the sum of; -1: none. */
static int parts_series(const struct ms_timelines_row *row)
{
    if (row->of != MS_SERIES_OF_PROCESS) {
        return -1;
    }
    switch (row->series) {
    case MS_PROCESS_SERIES_CPU_PCT:
        return MS_SERIES_CPU_PCT;
    case MS_PROCESS_SERIES_CURRENT_BYTES:
        return MS_SERIES_CURRENT_BYTES;
    case MS_PROCESS_SERIES_ALLOCATED_PER_S:
        return MS_SERIES_ALLOCATED_PER_S;
    case MS_PROCESS_SERIES_IO_CALLS_PER_S:
        return MS_SERIES_IO_CALLS_PER_S;
    case MS_PROCESS_SERIES_RUN_QUEUE_PCT:
        return MS_SERIES_RUN_QUEUE_PCT;
    default:
        return -1;
    }
}

/* By what has added up so far, so that the parts do not change places with every tick. */
static double rank_of(const struct ms_thread *thread, int series)
{
    switch (series) {
    case MS_SERIES_CPU_PCT:
        return (double)thread->kernel.run_ns;
    case MS_SERIES_RUN_QUEUE_PCT:
        return (double)thread->kernel.run_queue_wait_ns;
    case MS_SERIES_CURRENT_BYTES:
        return (double)thread->heap.peak_bytes;
    case MS_SERIES_ALLOCATED_PER_S:
        return (double)thread->heap.bytes_allocated;
    default:
        return (double)thread->kernel.read_calls + (double)thread->kernel.write_calls;
    }
}

static size_t top_threads(const struct ms_model *model, uint32_t process_id, int series,
                          const struct ms_thread **top, size_t capacity)
{
    size_t held = 0;
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if ((process_id != 0 && thread->process_id != process_id) ||
            thread->history[series] == NULL) {
            continue;
        }
        size_t at = held;
        while (at > 0 && rank_of(top[at - 1], series) < rank_of(thread, series)) {
            at--;
        }
        if (at < capacity) {
            held = held < capacity ? held + 1 : capacity;
            memmove(&top[at + 1], &top[at], (held - at - 1) * sizeof *top);
            top[at] = thread;
        }
    }
    return held;
}

static const enum ms_colour part_colours[MS_TIMELINES_PARTS] = {MS_COLOUR_CPU, MS_COLOUR_BALANCED,
                                                                MS_COLOUR_IO, MS_COLOUR_LIGHT};

/* Threads with the most, one above the other, and all others on top. False: it has no parts. */
static bool draw_stacked(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         const struct ms_timelines_row *row, struct ms_area chart, int legend_row,
                         double high)
{
    struct ms_timelines_view *timelines = tui->timelines;
    double points[MS_TIMELINES_PARTS][MS_TIMELINES_SLOTS_MAX];
    const double *parts[MS_TIMELINES_PARTS] = {points[0], points[1], points[2], points[3]};
    const struct ms_thread *top[MS_TIMELINES_PARTS - 1];
    const int series = parts_series(row);
    if (series < 0) {
        return false;
    }
    const size_t last = MS_TIMELINES_PARTS - 1;
    const size_t count = top_threads(view->model, row->process_id, series, top, last);
    ms_timelines_points_put(row->points, &timelines->span, points[last]);
    int column = LEFT_WIDTH;
    for (size_t i = 0; i < last; i++) {
        for (size_t p = 0; p < timelines->span.points; p++) {
            points[i][p] = NAN;
        }
        if (i >= count) {
            continue;
        }
        struct ms_timelines_points *held = ms_timelines_points_of(
            timelines, PART_KIND << 56 | (uint64_t)top[i]->id << 16 | (uint64_t)series);
        if (held == NULL) {
            continue;
        }
        const struct ms_history *const *history =
            (const struct ms_history *const *)&top[i]->history[series];
        ms_timelines_points_read(held, history, 1, &timelines->span);
        ms_timelines_points_put(held, &timelines->span, points[i]);
        for (size_t p = 0; p < timelines->span.points; p++) {
            points[last][p] -= isnan(points[i][p]) ? 0 : points[i][p];
        }
        ms_grid_pen(grid, part_colours[i], 0);
        ms_grid_put_char(grid, legend_row, column, ms_chart_part(tui->glyphs, i));
        column += 2 + ms_grid_put(grid, legend_row, column + 2, 16, top[i]->name) + 2;
    }
    ms_grid_pen(grid, part_colours[last], 0);
    ms_grid_put_char(grid, legend_row, column, ms_chart_part(tui->glyphs, last));
    ms_grid_put(grid, legend_row, column + 2, 16, "others");
    ms_chart_stacked(grid, tui->glyphs, chart, parts, part_colours, MS_TIMELINES_PARTS,
                     timelines->span.points, high);
    return true;
}

/* All cores, as many in a line as must be. */
static void draw_bands(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area chart)
{
    struct ms_timelines_view *timelines = tui->timelines;
    const struct ms_system *system = ms_model_system(view->model);
    const uint32_t cores = system->cores < MS_CORES_MAX ? system->cores : MS_CORES_MAX;
    const uint32_t lines = chart.rows > 0 ? (uint32_t)chart.rows : 1;
    const uint32_t each = (cores + lines - 1) / lines;
    double points[MS_TIMELINES_SLOTS_MAX];
    int line = 0;
    for (uint32_t first = 0; first < cores; first += each, line++) {
        const uint32_t last = first + each < cores ? first + each - 1 : cores - 1;
        struct ms_timelines_points *held =
            ms_timelines_points_of(timelines, BAND_KIND << 56 | (uint64_t)first << 16 | last);
        if (held == NULL) {
            continue;
        }
        ms_timelines_points_read(held,
                                 (const struct ms_history *const *)&system->core_history[first],
                                 last - first + 1, &timelines->span);
        ms_timelines_points_put(held, &timelines->span, points);
        char text[MS_FORMAT_MAX];
        snprintf(text, sizeof text, last > first ? "%u-%u" : "%u", first, last);
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, chart.row + line, 0, LEFT_WIDTH - 1, "%*s", LEFT_WIDTH - 1, text);
        ms_grid_pen(grid, MS_COLOUR_CPU, 0);
        const struct ms_area strip = {
            .row = chart.row + line, .column = chart.column, .rows = 1, .columns = chart.columns};
        ms_chart_strip(grid, tui->glyphs, strip, points, timelines->span.points, 0, 100);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_limit(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area chart,
                       double limit, double high)
{
    if (isnan(limit) || limit > high) {
        return;
    }
    const int line = (int)lround((1 - limit / high) * (chart.rows - 1));
    ms_grid_pen(grid, MS_COLOUR_ALERT_HIGH, 0);
    for (int i = 0; i < chart.columns; i++) {
        const struct ms_cell *cell = ms_grid_at(grid, chart.row + line, chart.column + i);
        if (cell != NULL && (cell->character == L' ' || cell->character == 0)) {
            ms_grid_put_char(grid, chart.row + line, chart.column + i, ms_theme_line(tui));
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

void ms_timelines_zoom_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                            const struct ms_timelines_row *row, struct ms_area area)
{
    struct ms_timelines_view *timelines = tui->timelines;
    const struct ms_timelines_figures figures =
        ms_timelines_figures_of(row->points, &timelines->span);
    const double high = ms_timelines_scale(row, figures.highest);
    const bool stacked = timelines->shape == MS_TIMELINES_STACKED && parts_series(row) >= 0 &&
                         area.rows >= STACKED_ROWS_MIN;
    struct ms_area chart = {.row = area.row + 1,
                            .column = LEFT_WIDTH,
                            .rows = area.rows - 1 - (stacked ? LEGEND_ROWS : 0),
                            .columns = area.columns - LEFT_WIDTH - 1};
    timelines->chart = chart;
    draw_head(tui, view, grid, area.row, row, &figures);
    if (!row->known) {
        const struct ms_area words = {
            .row = chart.row, .column = 2, .rows = chart.rows, .columns = area.columns - 4};
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_theme_text(grid, words, ms_timelines_why(row, view->model));
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    if (row->band) {
        draw_bands(tui, view, grid, chart);
    } else {
        draw_scale(tui, grid, chart, row->unit, high);
        if (!stacked || !draw_stacked(tui, view, grid, row, chart, chart.row + chart.rows, high)) {
            double points[MS_TIMELINES_SLOTS_MAX];
            ms_timelines_points_put(row->points, &timelines->span, points);
            ms_grid_pen(grid, ms_timelines_colour(tui, row), 0);
            if (timelines->shape == MS_TIMELINES_LINES) {
                ms_chart_line(grid, tui->glyphs, chart, points, timelines->span.points, 0, high);
            } else {
                ms_chart_area(grid, tui->glyphs, chart, points, timelines->span.points, 0, high);
            }
        }
        draw_limit(tui, grid, chart, row->limit, high);
    }
    ms_timelines_draw_anomalies(view, grid, timelines, row, chart);
    ms_timelines_draw_marks(tui, grid, chart, &figures);
}
