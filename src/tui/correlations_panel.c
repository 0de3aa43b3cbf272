/* The right side of screen 4: the pairs of figures that go together the most, and what r says. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/chart.h"
#include "tui/correlations.h"

enum { STATISTICS_ROWS = 8, FEW_POINTS = 30 };

static const char *heading(struct ms_axis axis)
{
    return ms_series_info(axis.of, axis.series)->heading;
}

static void draw_pair(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area line,
                      const struct ms_pair *pair, bool chosen)
{
    const int bar = line.columns >= 42 ? 10 : line.columns >= 34 ? 6 : 0;
    const enum ms_colour colour = chosen              ? MS_COLOUR_SELECTED
                                  : pair->fit.defined ? MS_COLOUR_DEFAULT
                                                      : MS_COLOUR_DIM;
    int column = line.column;
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, line.row, column, 1, chosen ? ms_theme_pointer(tui) : " ");
    column += 2;
    if (pair->fit.defined) {
        ms_grid_printf(grid, line.row, column, 6, "%+.2f%s", pair->fit.pearson_r,
                       pair->fit.n < FEW_POINTS ? "?" : "");
    } else {
        ms_grid_put(grid, line.row, column, 5, "  n/a");
    }
    column += 6;
    if (bar > 0 && pair->fit.defined) {
        ms_grid_pen(grid, pair->fit.pearson_r < 0 ? MS_COLOUR_ALERT_MEDIUM : MS_COLOUR_GRAPH, 0);
        ms_chart_bar(grid, tui->glyphs, line.row, column, bar, fabs(pair->fit.pearson_r));
    }
    column += bar > 0 ? bar + 1 : 0;
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_printf(grid, line.row, column, line.column + line.columns - column, "%s ~ %s",
                   heading(pair->x), heading(pair->y));
}

static void draw_pairs(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area)
{
    const struct ms_correlations_view *correlations = tui->correlations;
    const size_t chosen = ms_correlations_pair(correlations);
    const size_t shown = area.rows > 1 ? (size_t)area.rows - 1 : 0;
    const bool below = chosen != SIZE_MAX && chosen >= shown;
    const size_t top = below && correlations->pair_chosen ? chosen - shown + 1 : 0;
    ms_theme_heading(tui, grid, area.row, area.column, area.columns, "strongest pairs (|r|)");
    for (size_t i = 0; i < shown && top + i < correlations->pair_count; i++) {
        const struct ms_area line = {.row = area.row + 1 + (int)i,
                                     .column = area.column,
                                     .rows = 1,
                                     .columns = area.columns};
        /* What is drawn is in the list, even if it is far from the strongest. */
        const size_t at = below && i + 1 == shown ? chosen : top + i;
        draw_pair(tui, grid, line, &correlations->pairs[at], at == chosen);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

int ms_correlations_draw_fit(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                             int room)
{
    const struct ms_correlation *fit = &tui->correlations->points.scatter.fit;
    const char *square = ms_theme_ascii(tui) ? "r2" : "r\u00b2";
    int used = 0;
    if (!fit->defined) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        used = ms_grid_printf(grid, row, column, room, "r n/a, n %zu: %s", fit->n,
                              ms_plot_why_none(fit));
    } else {
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
        used = ms_grid_printf(grid, row, column, room, "r %+.2f  %s %.2f  n %zu", fit->pearson_r,
                              square, fit->pearson_r * fit->pearson_r, fit->n);
        if (fit->n < FEW_POINTS) {
            ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
            used += ms_grid_put(grid, row, column + used, room - used, " < 30: few");
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return used;
}

/* A text in the area; returns the rows left of it. */
static struct ms_area put_text(struct ms_grid *grid, struct ms_area area, enum ms_colour colour,
                               const char *text)
{
    if (area.rows > 0 && text[0] != '\0') {
        ms_grid_pen(grid, colour, 0);
        const int rows = ms_theme_text(grid, area, text);
        area.row += rows;
        area.rows -= rows;
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return area;
}

static void draw_statistics(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area)
{
    const struct ms_correlations_view *correlations = tui->correlations;
    char equation[160];
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_rule(tui, grid, area.row++, area.column, area.columns);
    ms_correlations_draw_fit(tui, grid, area.row++, area.column + 1, area.columns - 1);
    area.column++;
    area.columns--;
    area.rows -= 2;
    ms_plot_equation(&correlations->plot, &correlations->points, equation, sizeof equation);
    area = put_text(grid, area, MS_COLOUR_DEFAULT, equation);
    area = put_text(grid, area, MS_COLOUR_TITLE, correlations->pattern);
    if (area.rows >= 1) {
        put_text(grid, area, MS_COLOUR_DIM, "r is linear association, not cause");
    }
}

void ms_correlations_draw_panel(const struct ms_tui *tui, const struct ms_view *view,
                                struct ms_grid *grid, struct ms_area area)
{
    (void)view;
    struct ms_area pairs = area;
    const int statistics = area.rows >= 12 ? STATISTICS_ROWS : area.rows >= 7 ? 3 : 2;
    const int needed = (int)tui->correlations->pair_count + 1;
    pairs.rows = area.rows - statistics < needed ? area.rows - statistics : needed;
    draw_pairs(tui, grid, pairs);
    area.row += pairs.rows;
    area.rows -= pairs.rows;
    draw_statistics(tui, grid, area);
}
