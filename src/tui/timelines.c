/*
 * Screen 3: everything that there is a history of, on one axis of time. The window follows the
 * present until somebody looks at something: then it stands, and time goes on behind it.
 */
#include "tui/timelines.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"

#define CACHE_MAX      640u
#define ROW_HEIGHT_MAX 6
#define BANDS_MAX      8

static void init(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    if (tui->timelines != NULL) {
        return;
    }
    struct ms_timelines_view *timelines = calloc(1, sizeof *timelines);
    if (timelines == NULL) {
        return;
    }
    timelines->cache = calloc(CACHE_MAX, sizeof *timelines->cache);
    if (timelines->cache == NULL) {
        free(timelines);
        return;
    }
    timelines->cache_capacity = CACHE_MAX;
    ms_rows_init(&timelines->rows);
    tui->timelines = timelines;
    ms_timelines_widen(timelines, view->model, 0);
}

void ms_timelines_view_free(struct ms_timelines_view *timelines)
{
    if (timelines != NULL) {
        ms_timelines_points_free(timelines);
        ms_rows_fini(&timelines->rows);
        free(timelines);
    }
}

/* Lines that the cores may take, so that they do not push out everything else. */
static int bands_max(const struct ms_view *view)
{
    const int third = view->layout.body.rows / 3;
    return third > BANDS_MAX ? BANDS_MAX : third < 1 ? 1 : third;
}

static const struct ms_timelines_row *marked_row(const struct ms_timelines_view *timelines)
{
    return timelines->rows.position < timelines->count ? &timelines->list[timelines->rows.position]
                                                       : NULL;
}

/* Where the chart is, and what rows there are. */
static void update(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_timelines_view *timelines = tui->timelines;
    const int left = timelines->zoomed ? ms_timelines_zoom_left(view->columns)
                                       : ms_timelines_left(view->columns);
    const int right = timelines->zoomed ? 1 : ms_timelines_right(view->columns);
    timelines->chart.column = left;
    timelines->chart.columns = view->columns - left - right;
    timelines->span = ms_timelines_span_of(timelines, view->model,
                                           ms_chart_points(tui->glyphs, timelines->chart.columns));
    ms_timelines_rows_make(tui, view, bands_max(view));
}

static void draw_head(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                      int row)
{
    const struct ms_timelines_view *timelines = tui->timelines;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (!timelines->zoomed) {
        char elapsed[MS_FORMAT_MAX] = "now";
        const bool ended = view->status->session == MS_TUI_ENDED;
        if (timelines->cursor_set) {
            ms_format_elapsed(elapsed, sizeof elapsed,
                              ms_timelines_elapsed_ns(view->model, timelines->cursor_tick));
        } else if (ended || timelines->pinned) {
            snprintf(elapsed, sizeof elapsed, ended && !timelines->pinned ? "end" : "latest");
        }
        const int left = timelines->chart.column;
        ms_grid_printf(grid, row, 1, left - 1, "%*s", left - 3, elapsed);
        if (ms_timelines_right(view->columns) > 0) {
            ms_grid_put(grid, row, view->columns - 5, 5, " peak");
        }
    }
    ms_timelines_draw_axis(tui, view, grid, row, timelines->chart.column, timelines->chart.columns);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_message(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_timelines_view *timelines = tui->timelines;
    const int row = view->layout.message_row;
    const bool wide = view->columns >= 72;
    char text[256];
    int column = 1;
    if (view->layout.tabs_row < 0) {
        column += ms_title_put_scope(tui, view, grid, row, 1, view->columns / 2);
    }
    if (timelines->no_anomaly) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        column += ms_grid_put(grid, row, column, view->columns - column - 1,
                              wide ? "no further anomaly in these rows" : "no anomaly") +
                  2;
    }
    if (*ms_timelines_anomaly_text(timelines, view, text, sizeof text) != '\0') {
        ms_grid_pen(grid, MS_COLOUR_ALERT_HIGH, 0);
        column += ms_grid_put(grid, row, column, view->columns - column - 1, text) + 2;
    } else if (timelines->cursor_set) {
        ms_timelines_time_text(view->model, timelines->cursor_tick, wide, text, sizeof text);
        ms_grid_pen(grid, MS_COLOUR_SELECTED, 0);
        column +=
            ms_grid_printf(grid, row, column, view->columns - column - 1, "cursor at %s", text) + 2;
    } else if (timelines->pinned) {
        ms_timelines_time_text(view->model, timelines->end_tick > 0 ? timelines->end_tick - 1 : 0,
                               wide, text, sizeof text);
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        column +=
            ms_grid_printf(grid, row, column, view->columns - column - 1, "up to %s", text) + 2;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_printf(grid, row, column, view->columns - column - 1, "window %s",
                             ms_timelines_window_text(timelines)) +
              2;
    if (timelines->unavailable > 0) {
        snprintf(text, sizeof text, wide ? "%zu row%s unavailable (u: why)" : "%zu%.0s n/a: u",
                 timelines->unavailable, timelines->unavailable == 1 ? "" : "s");
        const int width = (int)strlen(text);
        if (column + width < view->columns) {
            ms_grid_put(grid, row, view->columns - width - 1, width, text);
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* One line for each row from `top` on, and what is left over for the first ones. */
static void share_out(struct ms_timelines_view *timelines, int lines)
{
    const size_t top = timelines->rows.top;
    const size_t shown =
        timelines->count - top < (size_t)lines ? timelines->count - top : (size_t)lines;
    for (size_t i = 0; i < timelines->count; i++) {
        timelines->heights[i] = i >= top && i < top + shown ? 1 : 0;
    }
    int left = lines - (int)shown;
    for (int height = 1; height < ROW_HEIGHT_MAX; height++) {
        for (size_t i = top; i < top + shown; i++) {
            const struct ms_timelines_row *row = &timelines->list[i];
            const bool flat = !row->known || row->band || row->series < 0;
            if (left > 0 && !flat && timelines->heights[i] == height) {
                timelines->heights[i]++;
                left--;
            }
        }
    }
}

static void draw_rows(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid, int row,
                      int end)
{
    struct ms_timelines_view *timelines = tui->timelines;
    ms_rows_scroll(&timelines->rows, (size_t)(end > row ? end - row : 1), 1);
    share_out(timelines, end - row);
    timelines->chart.row = row;
    timelines->chart.rows = end - row;
    for (size_t i = 0; i < timelines->count; i++) {
        timelines->line_rows[i] = -1;
        if (timelines->heights[i] > 0) {
            const struct ms_area area = {
                .row = row, .rows = timelines->heights[i], .columns = view->columns};
            ms_timelines_draw_row(tui, view, grid, &timelines->list[i], area,
                                  i == timelines->rows.position);
            timelines->line_rows[i] = row;
            row += timelines->heights[i];
        }
    }
    const size_t below = timelines->count - timelines->rows.top;
    if (below > (size_t)timelines->chart.rows && view->columns >= 60) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, view->layout.body.row, 1, 9, "+%zu below",
                       below - (size_t)timelines->chart.rows);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    }
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct ms_timelines_view *timelines = tui->timelines;
    const int row = view->layout.body.row;
    const int end = view->layout.message_row;
    if (timelines == NULL) {
        ms_grid_put(grid, row, 1, view->columns - 1, "Out of memory for this screen.");
        return;
    }
    update(tui, view);
    const struct ms_timelines_row *marked = marked_row(timelines);
    if (marked == NULL) {
        const struct ms_area words = {
            .row = row + 1, .column = 4, .rows = end - row - 1, .columns = view->columns - 8};
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_theme_text(grid, words,
                      "No data in this window. G goes back to live, u shows the "
                      "rows without data and why.");
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    } else if (timelines->zoomed) {
        const struct ms_area area = {.row = row, .rows = end - row - 1, .columns = view->columns};
        ms_timelines_zoom_draw(tui, view, grid, marked, area);
        draw_head(tui, view, grid, end - 1);
    } else {
        draw_head(tui, view, grid, row);
        draw_rows(tui, view, grid, row + 1, end);
    }
    draw_message(tui, view, grid);
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input)
{
    struct ms_timelines_view *timelines = tui->timelines;
    const struct ms_area *chart = &timelines->chart;
    if (input->row < view->layout.body.row || input->row >= view->layout.message_row) {
        return;
    }
    for (size_t i = 0; !timelines->zoomed && i < timelines->count; i++) {
        if (timelines->line_rows[i] >= 0 && input->row >= timelines->line_rows[i] &&
            input->row < timelines->line_rows[i] + timelines->heights[i]) {
            ms_rows_select(&timelines->rows, i, ms_model_now_ns(view->model));
        }
    }
    if (input->mouse_action == MS_MOUSE_DOUBLE_CLICK) {
        timelines->zoomed = !timelines->zoomed;
    } else if (input->column >= chart->column && input->column < chart->column + chart->columns) {
        ms_timelines_set_cursor(
            timelines, view->model,
            ms_timelines_tick_at(&timelines->span, input->column - chart->column, chart->columns));
    }
}

/* Out of one thing at a time: the cursor, the enlarged row, the focus. */
static void leave(struct ms_tui *tui)
{
    struct ms_timelines_view *timelines = tui->timelines;
    if (timelines->cursor_set) {
        ms_timelines_follow(timelines);
    } else if (timelines->zoomed) {
        timelines->zoomed = false;
    } else if (timelines->pinned) {
        ms_timelines_follow(timelines);
    } else {
        tui->scope = (struct ms_scope){.process_id = 0};
    }
}

static bool move_rows(struct ms_timelines_view *timelines, const struct ms_view *view,
                      enum ms_action action)
{
    const uint64_t now_ns = ms_model_now_ns(view->model);
    const long page = view->layout.body.rows > 2 ? view->layout.body.rows - 2 : 1;
    switch (action) {
    case MS_ACTION_UP:
        ms_rows_move(&timelines->rows, -1, now_ns);
        return true;
    case MS_ACTION_DOWN:
        ms_rows_move(&timelines->rows, 1, now_ns);
        return true;
    case MS_ACTION_PAGE_UP:
        ms_rows_move(&timelines->rows, -page, now_ns);
        return true;
    case MS_ACTION_PAGE_DOWN:
        ms_rows_move(&timelines->rows, page, now_ns);
        return true;
    default:
        return false;
    }
}

static bool move_window(struct ms_timelines_view *timelines, const struct ms_model *model,
                        enum ms_action action)
{
    switch (action) {
    case MS_ACTION_WIDEN:
        ms_timelines_widen(timelines, model, 1);
        return true;
    case MS_ACTION_NARROW:
        ms_timelines_widen(timelines, model, -1);
        return true;
    case MS_ACTION_WINDOW_RESET:
        ms_timelines_widen(timelines, model, 0);
        return true;
    case MS_ACTION_LEFT:
        ms_timelines_pan(timelines, model, -1);
        return true;
    case MS_ACTION_RIGHT:
        ms_timelines_pan(timelines, model, 1);
        return true;
    case MS_ACTION_FIRST:
        ms_timelines_to_oldest(timelines, model);
        return true;
    case MS_ACTION_LAST:
        ms_timelines_follow(timelines);
        return true;
    case MS_ACTION_CURSOR_BACK:
    case MS_ACTION_CURSOR_ON:
        ms_timelines_step_cursor(timelines, model, action == MS_ACTION_CURSOR_BACK ? -1 : 1);
        return true;
    default:
        return false;
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    struct ms_timelines_view *timelines = tui->timelines;
    if (timelines == NULL) {
        return;
    }
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input);
        return;
    }
    update(tui, view); /* keys may come before the first drawing */
    timelines->no_anomaly = false;
    if (input->key == MS_KEY_MOUSE && (action == MS_ACTION_UP || action == MS_ACTION_DOWN)) {
        ms_timelines_widen(timelines, view->model, action == MS_ACTION_UP ? -1 : 1);
        return;
    }
    if (move_rows(timelines, view, action) || move_window(timelines, view->model, action)) {
        return;
    }
    switch (action) {
    case MS_ACTION_ENTER:
        timelines->zoomed = !timelines->zoomed;
        break;
    case MS_ACTION_SHAPE:
        timelines->shape = (timelines->shape + 1) % MS_TIMELINES_SHAPES;
        break;
    case MS_ACTION_SEARCH_NEXT:
    case MS_ACTION_SEARCH_PREVIOUS:
        timelines->no_anomaly =
            !ms_timelines_jump(timelines, view, action == MS_ACTION_SEARCH_NEXT ? 1 : -1);
        break;
    case MS_ACTION_WHY:
        timelines->why = !timelines->why;
        break;
    case MS_ACTION_CANCEL:
        leave(tui);
        break;
    default:
        break;
    }
}

const struct ms_screen ms_screen_timelines = {.place = MS_PLACE_TIMELINES,
                                              .digit = '3',
                                              .tab = "Time",
                                              .init = init,
                                              .draw = draw,
                                              .key = key};
