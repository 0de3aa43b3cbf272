/* Two views of a thread in focus: its own seconds as points, and all its figures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"
#include "tui/focus.h"
#include "tui/scatter.h"
#include "tui/verdicts.h"

enum { SECONDS = 300, NAME_WIDTH = 30, VALUE_WIDTH = 11 };

struct ms_focus_view {
    struct ms_plot_points points;
    struct ms_plot plot;
};

void ms_focus_view_free(struct ms_focus_view *focus)
{
    if (focus != NULL) {
        ms_plot_points_fini(&focus->points);
        ms_plot_fini(&focus->plot);
        free(focus);
    }
}

static void draw_no_points(struct ms_grid *grid, struct ms_area area,
                           const struct ms_thread *thread)
{
    const bool heap = thread->tracked && thread->probed;
    area.row += 2;
    area.column = 3;
    area.columns -= 6;
    area.rows -= 2;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_text(grid, area,
                  !heap                 ? "No points: the allocations of this thread are not "
                                          "tracked. Screen 4 has other metrics."
                  : thread->end_ns != 0 ? "No points: no history is kept of this thread."
                                        : "No points yet: one appears each second.");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_scatter_heading(const struct ms_tui *tui, struct ms_grid *grid,
                                 struct ms_area area, const struct ms_focus_view *focus)
{
    const struct ms_scatter *scatter = &focus->points.scatter;
    char text[128];
    char beyond[32] = "";
    snprintf(text, sizeof text, "CPU (%%) across, allocated (%s) upwards, %d min",
             ms_plot_scale_of(focus->points.y, focus->plot.y.high).unit, SECONDS / 60);
    ms_theme_heading(tui, grid, area.row, 0, area.columns, text);
    if (focus->plot.beyond > 0) {
        snprintf(beyond, sizeof beyond, ", %u beyond", (unsigned)focus->plot.beyond);
    }
    if (scatter->fit.defined) {
        snprintf(text, sizeof text, " r %+.2f, n %zu%s ", scatter->fit.pearson_r, scatter->fit.n,
                 beyond);
    } else {
        snprintf(text, sizeof text, " r n/a, n %zu%s ", scatter->fit.n, beyond);
    }
    const int width = (int)strlen(text);
    if (width + 48 < area.columns) {
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
        ms_grid_put(grid, area.row, area.columns - width - 1, width, text);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

int ms_focus_draw_scatter(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                          struct ms_area area, const struct ms_thread *thread)
{
    static const struct ms_axis x = {MS_SERIES_OF_THREAD, MS_SERIES_CPU_PCT};
    static const struct ms_axis y = {MS_SERIES_OF_THREAD, MS_SERIES_ALLOCATED_PER_S};
    static const struct ms_axis third = {MS_SERIES_OF_THREAD, MS_SERIES_IO_CALLS_PER_S};
    const struct ms_scope scope = {.thread_id = thread->id};
    tui->focus = tui->focus != NULL ? tui->focus : calloc(1, sizeof *tui->focus);
    if (tui->focus == NULL || area.rows < 6) {
        return 0;
    }
    struct ms_focus_view *focus = tui->focus;
    area.rows -= area.rows >= 16 ? 5 : area.rows >= 11 ? 2 : 0; /* for call sites */
    ms_plot_points_update(&focus->points, view->model, &scope, x, y, third, SECONDS);
    const struct ms_scatter *scatter = &focus->points.scatter;
    if (scatter->count == 0) {
        ms_theme_heading(tui, grid, area.row, 0, area.columns, "its own seconds as points");
        draw_no_points(grid, area, thread);
        return area.rows;
    }
    const struct ms_plot_of of = {.x = x,
                                  .y = y,
                                  .points = scatter,
                                  .version = focus->points.version,
                                  .intensity = true,
                                  .trend = true};
    const struct ms_area inner = {
        .row = area.row + 1, .rows = area.rows - 1, .columns = area.columns};
    ms_plot_draw(tui, view, grid, inner, &focus->plot, &of);
    draw_scatter_heading(tui, grid, area, focus);
    if (area.columns >= 72) { /* over the points, where they seldom are */
        ms_plot_draw_legend(tui, grid, inner.row, area.columns - 34, 33, "I/O calls");
    }
    return area.rows;
}

/* "efficiency 71 = CPU use 0.90 x waiting 0.79": what the score is made of. */
static void draw_efficiency(struct ms_grid *grid, int row, const struct ms_verdict *verdict)
{
    const int columns = ms_grid_columns(grid);
    int column = 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_put(grid, row, column, columns, "efficiency ");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    column +=
        ms_grid_printf(grid, row, column, columns - column, "%.0f", verdict->efficiency.score);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_put(grid, row, column, columns - column, ", composed of");
    for (int part = 0; part < MS_EFFICIENCY_TOTAL; part++) {
        const double value = verdict->efficiency.parts[part];
        const struct ms_efficiency_part_info *info =
            ms_efficiency_part_info((enum ms_efficiency_part)part);
        column += 1 + ms_grid_printf(grid, row, column + 1, columns - column, "%s", info->word);
        if (isnan(value)) {
            column += 1 + ms_grid_put(grid, row, column + 1, columns - column, "n/a");
        } else {
            column += 1 + ms_grid_printf(grid, row, column + 1, columns - column, "%.2f", value);
        }
        column += ms_grid_put(grid, row, column, columns - column,
                              part + 1 < MS_EFFICIENCY_TOTAL ? "," : "");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_counter(const struct ms_view *view, struct ms_grid *grid, struct ms_area line,
                         const struct ms_thread *thread, enum ms_metric metric)
{
    const struct ms_metric_info *info = ms_metric_info(metric);
    const struct ms_value value = ms_metric_of_thread(thread, metric, ms_model_now_ns(view->model));
    const int name = line.columns >= 60 ? NAME_WIDTH : line.columns - VALUE_WIDTH - 2;
    char text[256];
    ms_grid_pen(grid, value.available ? MS_COLOUR_DEFAULT : MS_COLOUR_DIM, 0);
    ms_grid_put(grid, line.row, line.column + 1, name - 1, info->name);
    if (value.available) {
        char figure[MS_FORMAT_MAX];
        ms_format_value(figure, sizeof figure, value, info->unit);
        snprintf(text, sizeof text, "%s%s", figure,
                 info->unit == MS_UNIT_PERCENT ? "%"
                 : info->unit == MS_UNIT_RATE  ? "/s"
                                               : "");
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
        ms_grid_printf(grid, line.row, line.column + name, VALUE_WIDTH, "%*s", VALUE_WIDTH, text);
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, line.row, line.column + name + VALUE_WIDTH + 2,
                    line.columns - name - VALUE_WIDTH - 2, info->meaning);
    } else {
        char because[256];
        ms_metric_unavailable_because(view->model, thread, metric, because, sizeof because);
        snprintf(text, sizeof text, "unavailable: %.230s", because);
        ms_grid_put(grid, line.row, line.column + name, line.columns - name, text);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

void ms_focus_draw_counters(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                            struct ms_area area, const struct ms_thread *thread)
{
    char title[64];
    if (area.rows < 2) {
        return;
    }
    const struct ms_verdict *verdict = ms_verdict_of(tui, view, thread);
    if (area.rows >= 6 && verdict != NULL && !isnan(verdict->efficiency.score)) {
        draw_efficiency(grid, area.row, verdict);
        area.row++;
        area.rows--;
    }
    const size_t shown = (size_t)area.rows - 1;
    if (tui->counters_top + shown > MS_METRIC_TOTAL) {
        tui->counters_top = MS_METRIC_TOTAL > shown ? MS_METRIC_TOTAL - shown : 0;
    }
    const size_t top = tui->counters_top;
    snprintf(title, sizeof title, "all figures: %zu to %zu of %d", top + 1,
             top + shown < MS_METRIC_TOTAL ? top + shown : (size_t)MS_METRIC_TOTAL,
             MS_METRIC_TOTAL);
    ms_theme_heading(tui, grid, area.row, 0, area.columns, title);
    for (size_t i = 0; i < shown && top + i < MS_METRIC_TOTAL; i++) {
        const struct ms_area line = {
            .row = area.row + 1 + (int)i, .rows = 1, .columns = area.columns};
        draw_counter(view, grid, line, thread, (enum ms_metric)(top + i));
    }
}

bool ms_focus_scroll_counters(struct ms_tui *tui, enum ms_action action)
{
    const size_t page = 10;
    switch (action) {
    case MS_ACTION_UP:
        tui->counters_top -= tui->counters_top > 0 ? 1 : 0;
        return true;
    case MS_ACTION_DOWN:
        tui->counters_top++;
        return true;
    case MS_ACTION_PAGE_UP:
        tui->counters_top -= tui->counters_top > page ? page : tui->counters_top;
        return true;
    case MS_ACTION_PAGE_DOWN:
        tui->counters_top += page;
        return true;
    case MS_ACTION_FIRST:
        tui->counters_top = 0;
        return true;
    case MS_ACTION_LAST:
        tui->counters_top = MS_METRIC_TOTAL;
        return true;
    default:
        return false;
    }
}
