#include "tui/hotspots_pane.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/call_table.h"
#include "tui/source_pane.h"
#include "tui/stack.h"
#include "tui/why_none.h"

#define SITES_DEAR    1000
#define LINES_KEPT_NS (2 * MS_SECOND_NS)
#define SIDE_BY_SIDE  150 /* columns from which stack and source are shown both */

static const char *const figure_words[] = {
    [MS_SITE_FIGURE_LIVE] = "live",           [MS_SITE_FIGURE_AT_PEAK] = "at peak",
    [MS_SITE_FIGURE_ALLOCATED] = "total",     [MS_SITE_FIGURE_COUNT] = "allocs",
    [MS_SITE_FIGURE_TEMPORARY] = "temp",      [MS_SITE_FIGURE_GROWTH] = "growth",
    [MS_SITE_FIGURE_WASTE] = "waste",         [MS_SITE_FIGURE_CPU] = "CPU",
    [MS_SITE_FIGURE_CPU_SAMPLES] = "samples", [MS_SITE_FIGURE_IO_CALLS] = "I/O calls",
    [MS_SITE_FIGURE_IO_BYTES] = "bytes",      [MS_SITE_FIGURE_IO_WAIT] = "in I/O"};

const char *ms_hotspots_word(enum ms_site_figure figure)
{
    return figure_words[figure];
}

const struct ms_call_row *ms_hotspots_marked(const struct ms_tui *tui, size_t *index)
{
    const struct ms_hotspots_state *state = &tui->hotspots;
    if (state->tree == NULL || state->listing.rows.count == 0) {
        return NULL;
    }
    *index = ms_call_tree_find(state->tree, state->listing.rows.selected);
    return *index < ms_call_tree_rows(state->tree) ? ms_call_tree_row(state->tree, *index) : NULL;
}

static uint32_t level_of(const struct ms_site *site, const struct ms_call_row *row, uint32_t first)
{
    const uint32_t levels = ms_stack_levels(site);
    for (uint32_t level = first; row->frame != NULL && level < levels; level++) {
        const struct ms_frame *frame = ms_stack_level(site, level);
        if (frame == row->frame ||
            (frame->function[0] != '\0' && strcmp(frame->function, row->frame->function) == 0)) {
            return level;
        }
    }
    return MS_STACK_NO_LEVEL;
}

/* All figures of the row, those that have no column too. */
static void draw_figures(struct ms_grid *grid, struct ms_area area, const struct ms_call_row *row,
                         enum ms_site_figure_kind kind)
{
    int column = area.column + 1;
    for (int i = 0; i < MS_SITE_FIGURE_TOTAL; i++) {
        char figure[MS_FORMAT_MAX + 1];
        if (ms_site_figure_info((enum ms_site_figure)i)->kind != kind) {
            continue;
        }
        ms_call_table_figure(figure, sizeof figure, row, (enum ms_site_figure)i, false);
        const int needed = (int)(strlen(figure_words[i]) + 1 + strlen(figure));
        if (column + needed > area.column + area.columns) {
            break;
        }
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        column += ms_grid_put(grid, area.row, column, area.columns, figure_words[i]) + 1;
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        column += ms_grid_put(grid, area.row, column, area.columns, figure) + 2;
    }
    const double samples = row->inclusive[MS_SITE_FIGURE_CPU_SAMPLES];
    if (kind == MS_FIGURES_CPU && samples > 0 && column + 8 < area.column + area.columns) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, area.row, column, area.column + area.columns - column, "+- %.0f %%",
                       196 / sqrt(samples));
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    }
}

static void draw_stack(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area, const struct ms_call_row *row)
{
    const struct ms_site *site = ms_model_site_by_id(view->model, row->site_id);
    char heading[240];
    char whose[80] = "";
    if (site != NULL && ms_model_process_count(view->model) > 1) {
        char process[64];
        snprintf(whose, sizeof whose, " of %s",
                 ms_tui_process_text(ms_model_process_by_id(view->model, site->process_id), process,
                                     sizeof process));
    }
    if (row->sites > 1) {
        snprintf(heading, sizeof heading, "%s%s 1 of %u call sites: the most %s",
                 area.columns < 60 ? "stack" : "call stack", whose, (unsigned)row->sites,
                 ms_site_figure_info((enum ms_site_figure)tui->hotspots.listing.order)->heading);
    } else {
        snprintf(heading, sizeof heading, "call stack%s", whose);
    }
    ms_theme_heading(tui, grid, area.row, area.column, area.columns, heading);
    area.row++;
    area.rows--;
    draw_figures(grid, area, row,
                 ms_site_figure_info((enum ms_site_figure)tui->hotspots.listing.order)->kind);
    area.row++;
    area.rows--;
    if (site == NULL || site->depth == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, area.row, area.column + 4, area.columns - 4,
                    ms_why_no_stack(view->model, site));
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    uint32_t first = ms_stack_culprit(site);
    uint32_t marked = row->folded ? ms_stack_own(site, view->model) : level_of(site, row, first);
    if (marked == MS_STACK_NO_LEVEL) {
        marked = level_of(site, row, 0);
        first = marked != MS_STACK_NO_LEVEL ? 0 : first;
    }
    if (marked != MS_STACK_NO_LEVEL &&
        marked >= first + (uint32_t)(area.rows > 2 ? area.rows : 2)) {
        first = marked - (uint32_t)(area.rows > 2 ? area.rows : 2) + 2;
    }
    ms_stack_draw_levels(tui, grid, area, site, first, marked, false);
}

/* Where the program calls libraries that are one row, at the site with the most; no figures. */
static void take_own_line(struct ms_hotspots_lines *lines, const struct ms_view *view,
                          const struct ms_site *site)
{
    const struct ms_frame *frame = ms_stack_level(site, ms_stack_own(site, view->model));
    if (frame == NULL) {
        return;
    }
    lines->count = 1;
    lines->lines[0] =
        (struct ms_call_line){.file = frame->file, .line = frame->line, .frame = frame};
    for (int i = 0; i < MS_SITE_FIGURE_TOTAL; i++) {
        lines->lines[0].inclusive[i] = (double)NAN;
    }
}

const struct ms_hotspots_lines *ms_hotspots_lines_of(struct ms_tui *tui, const struct ms_view *view,
                                                     const struct ms_call_row *row, size_t index)
{
    struct ms_hotspots_lines *lines = &tui->hotspots.lines;
    const struct ms_site *site = ms_model_site_by_id(view->model, row->site_id);
    const uint64_t now_ns = ms_model_now_ns(view->model);
    if (row->sites > SITES_DEAR && lines->key == row->key &&
        now_ns - lines->at_ns < LINES_KEPT_NS) {
        return lines;
    }
    *lines = (struct ms_hotspots_lines){.key = row->key, .at_ns = now_ns};
    if (row->folded && site != NULL) {
        take_own_line(lines, view, site);
    } else {
        const size_t all =
            ms_call_tree_lines(tui->hotspots.tree, index, lines->lines, MS_HOTSPOTS_LINES_MAX);
        lines->count = all < MS_HOTSPOTS_LINES_MAX ? all : MS_HOTSPOTS_LINES_MAX;
    }
    return lines;
}

static void draw_source(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        struct ms_area area, const struct ms_call_row *row, size_t index)
{
    const struct ms_site *site = ms_model_site_by_id(view->model, row->site_id);
    const struct ms_hotspots_lines *lines = ms_hotspots_lines_of(tui, view, row, index);
    ms_source_pane_draw(tui, view, grid, area,
                        site != NULL ? ms_model_process_by_id(view->model, site->process_id) : NULL,
                        lines->lines, lines->count,
                        (enum ms_site_figure)tui->hotspots.listing.order);
}

void ms_hotspots_pane_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                           struct ms_area area)
{
    size_t index = 0;
    const struct ms_call_row *row = ms_hotspots_marked(tui, &index);
    if (row == NULL || area.rows < 2) {
        return;
    }
    struct ms_area right = area;
    if (tui->hotspots.pane == MS_HOTSPOTS_STACK && view->columns >= SIDE_BY_SIDE) {
        area.columns = view->columns / 2 - 1;
        right.column = view->columns / 2;
        right.columns = view->columns - right.column;
    }
    if (tui->hotspots.pane == MS_HOTSPOTS_STACK) {
        draw_stack(tui, view, grid, area, row);
    }
    if (tui->hotspots.pane == MS_HOTSPOTS_SOURCE || view->columns >= SIDE_BY_SIDE) {
        draw_source(tui, view, grid, right, row, index);
    }
}
