/*
 * Screen 4: two figures against each other, a point for each second of each thread, the line that
 * fits best and the pairs that go together the most. What is in focus is bright, the rest dim
 * behind it.
 */
#include "tui/correlations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pairs are looked for again after this long, and the longer the more points there are. */
#define PAIRS_EVERY_NS MS_SECOND_NS
#define PAIRS_POINT_NS UINT64_C(200000)
#define PAIRS_HOLD_NS  (5 * MS_SECOND_NS)

static const unsigned windows[] = {10, 30, 60, 120, 300, 600, 1800, 3600};
enum { WINDOWS = sizeof windows / sizeof windows[0], WINDOW_DEFAULT = 2 };

/* Length of the window. */
static unsigned correlations_seconds(const struct ms_correlations_view *correlations)
{
    return windows[correlations->window];
}

static bool same_axis(struct ms_axis a, struct ms_axis b)
{
    return a.of == b.of && a.series == b.series;
}

size_t ms_correlations_pair(const struct ms_correlations_view *correlations)
{
    for (size_t i = 0; i < correlations->pair_count; i++) {
        const struct ms_pair *pair = &correlations->pairs[i];
        if ((same_axis(pair->x, correlations->x) && same_axis(pair->y, correlations->y)) ||
            (same_axis(pair->x, correlations->y) && same_axis(pair->y, correlations->x))) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void init(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    if (tui->correlations == NULL) {
        tui->correlations = calloc(1, sizeof *tui->correlations);
        if (tui->correlations == NULL) {
            return;
        }
        *tui->correlations = (struct ms_correlations_view){
            .x = {MS_SERIES_OF_THREAD, MS_SERIES_ALLOCATED_PER_S},
            .y = {MS_SERIES_OF_THREAD, MS_SERIES_CPU_PCT},
            .third = {MS_SERIES_OF_THREAD, MS_SERIES_IO_CALLS_PER_S},
            .intensity = true,
            .trend = true,
            .window = WINDOW_DEFAULT,
        };
    }
}

void ms_correlations_view_free(struct ms_correlations_view *correlations)
{
    if (correlations != NULL) {
        ms_plot_points_fini(&correlations->points);
        ms_plot_points_fini(&correlations->behind);
        ms_plot_fini(&correlations->plot);
        free(correlations);
    }
}

/* Points are of threads or of processes: a thread in focus stands for its process then, and a call
 * site has no figures over time. */
static struct ms_scope scope_of(const struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_scope scope = tui->scope;
    scope.site_id = 0;
    if (tui->correlations->x.of == MS_SERIES_OF_PROCESS && scope.thread_id != 0) {
        const struct ms_thread *thread = ms_model_thread_by_id(view->model, scope.thread_id);
        scope = (struct ms_scope){.process_id = thread != NULL ? thread->process_id : 0};
    }
    return scope;
}

static void update_pairs(struct ms_correlations_view *correlations, const struct ms_view *view,
                         const struct ms_scope *scope)
{
    const uint64_t now_ns = ms_model_now_ns(view->model);
    const unsigned seconds = correlations_seconds(correlations);
    const bool same = correlations->pairs_made_ns != 0 &&
                      correlations->pairs_of == correlations->x.of &&
                      correlations->pairs_seconds == seconds &&
                      memcmp(&correlations->pairs_scope, scope, sizeof *scope) == 0;
    const uint64_t wait_ns = PAIRS_EVERY_NS + correlations->points.scatter.count * PAIRS_POINT_NS;
    if (same &&
        (now_ns - correlations->pairs_made_ns < wait_ns || now_ns < correlations->pairs_hold_ns)) {
        return;
    }
    correlations->pairs_made_ns = now_ns;
    correlations->pairs_of = correlations->x.of;
    correlations->pairs_seconds = seconds;
    correlations->pairs_scope = *scope;
    correlations->pair_count = ms_pairs_of(view->model, scope, correlations->x.of, seconds,
                                           correlations->pairs, MS_CORRELATIONS_PAIRS_MAX);
    for (size_t i = 0; i < correlations->pair_count; i++) { /* CPU against something */
        struct ms_pair *pair = &correlations->pairs[i];
        const struct ms_axis x = pair->x;
        if (x.series == (x.of == MS_SERIES_OF_THREAD ? (int)MS_SERIES_CPU_PCT
                                                     : (int)MS_PROCESS_SERIES_CPU_PCT)) {
            pair->x = pair->y;
            pair->y = x;
        }
    }
    ms_pattern_text(view->model, scope, seconds, correlations->pattern,
                    sizeof correlations->pattern);
}

/* Takes over what the model has now. */
static void correlations_update(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_correlations_view *correlations = tui->correlations;
    const struct ms_scope all = {.process_id = 0};
    const struct ms_scope scope = scope_of(tui, view);
    const unsigned seconds = correlations_seconds(correlations);
    ms_plot_points_update(&correlations->points, view->model, &scope, correlations->x,
                          correlations->y, correlations->third, seconds);
    if (!ms_scope_is_all(&scope)) {
        ms_plot_points_update(&correlations->behind, view->model, &all, correlations->x,
                              correlations->y, correlations->third, seconds);
    }
    update_pairs(correlations, view, &scope);
}

/* --- drawing --- */

static int put_axis(struct ms_grid *grid, int row, int column, int room, const char *key,
                    struct ms_axis axis, double high)
{
    const struct ms_plot_scale scale = ms_plot_scale_of(axis, high);
    ms_grid_pen(grid, MS_COLOUR_KEY, MS_ATTRIBUTE_BOLD);
    int used = ms_grid_put(grid, row, column, room, key);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    used += ms_grid_printf(grid, row, column + used, room - used, " %s%s%s%s",
                           ms_series_info(axis.of, axis.series)->heading,
                           scale.unit[0] != '\0' ? " (" : "", scale.unit,
                           scale.unit[0] != '\0' ? ")" : "");
    return used + 3;
}

/* Which figures, of whom, and over how long. */
static void draw_heading(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         int row)
{
    const struct ms_correlations_view *correlations = tui->correlations;
    const struct ms_scatter *scatter = &correlations->points.scatter;
    const unsigned seconds = correlations_seconds(correlations);
    const bool processes = correlations->x.of == MS_SERIES_OF_PROCESS;
    char window[16];
    char scope[64];
    int column = 1;
    column += put_axis(grid, row, column, view->columns - column, "x", correlations->x,
                       correlations->plot.x.high);
    column += put_axis(grid, row, column, view->columns - column, "y", correlations->y,
                       correlations->plot.y.high);
    if (seconds < 60) {
        snprintf(window, sizeof window, "%u s", seconds);
    } else {
        snprintf(window, sizeof window, "%u min", seconds / 60);
    }
    const struct ms_thread *thread = ms_model_thread_by_id(view->model, tui->scope.thread_id);
    const struct ms_process *process = ms_model_process_by_id(view->model, tui->scope.process_id);
    if (!processes && thread != NULL) {
        snprintf(scope, sizeof scope, "%.40s alone", thread->name);
    } else if (processes) {
        snprintf(scope, sizeof scope, "%s",
                 process != NULL || thread != NULL ? "one process" : "all processes");
    } else {
        snprintf(scope, sizeof scope, scatter->threads == 1 ? "%zu thread" : "%zu threads pooled",
                 scatter->threads);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    const int room = view->columns - column - 1;
    if (room >= 12) {
        ms_grid_printf(grid, row, column, room, "%s, last %s", scope, window);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* "M memory C cpu ..."; the letters alone where there is no room for the words. */
static int draw_roles(struct ms_grid *grid, int row, int column, int room)
{
    const int begin = column;
    int width = 0;
    for (int role = 0; role < MS_ROLE_TOTAL; role++) {
        width += 4 + (int)strlen(ms_role_word((enum ms_role)role));
    }
    for (int role = 0; role < MS_ROLE_TOTAL && column - begin + 2 <= room; role++) {
        ms_theme_put_role(grid, row, column, (enum ms_role)role, false);
        column += 2;
        if (width <= room) {
            ms_grid_pen(grid, MS_COLOUR_DIM, 0);
            column += 2 + ms_grid_put(grid, row, column, room, ms_role_word((enum ms_role)role));
        }
    }
    return column - begin;
}

/* What letters and colours mean, and how many points lie on each other. */
static void draw_legend(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row)
{
    const struct ms_correlations_view *correlations = tui->correlations;
    const int end = view->columns - 1;
    int column = 1;
    char text[64] = "";
    if (correlations->plot.beyond > 0) {
        snprintf(text, sizeof text, "%u beyond the edge, up to %u share a cell",
                 (unsigned)correlations->plot.beyond, (unsigned)correlations->plot.most_in_cell);
    } else if (correlations->plot.most_in_cell > 1) {
        snprintf(text, sizeof text, "up to %u points share a cell",
                 (unsigned)correlations->plot.most_in_cell);
    }
    const int width = (int)strlen(text) + 2;
    if (correlations->intensity) {
        column +=
            2 + ms_plot_draw_legend(
                    tui, grid, row, column, end - column,
                    ms_series_info(correlations->third.of, correlations->third.series)->heading);
    }
    if (correlations->x.of == MS_SERIES_OF_THREAD &&
        (correlations->plot.letters || !correlations->intensity)) {
        column += draw_roles(grid, row, column, end - column - width);
    }
    if (column + width <= end) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, end - width + 2, width, text);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_empty(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area)
{
    const struct ms_correlations_view *correlations = tui->correlations;
    const bool gone = tui->scope.thread_id != 0 &&
                      ms_model_thread_by_id(view->model, tui->scope.thread_id) == NULL;
    char text[256];
    if (gone) {
        snprintf(text, sizeof text,
                 "What was in focus has been merged with others of its name. Esc "
                 "leaves the focus.");
    } else {
        snprintf(
            text, sizeof text,
            "No second of this window has both %s and %s: the program is too young, was "
            "not running then, or a data source is missing. - widens the window, x and y choose "
            "other metrics.",
            ms_series_info(correlations->x.of, correlations->x.series)->heading,
            ms_series_info(correlations->y.of, correlations->y.series)->heading);
    }
    area.row += area.rows / 3;
    area.rows -= area.rows / 3;
    const int axis = area.columns >= 36 ? 9 : 3; /* of the others' points */
    area.column += axis;
    area.columns -= axis + 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    const int taken = ms_theme_text(grid, area, text);
    for (int row = 0; row < taken; row++) { /* points of what is not in focus lie there */
        ms_grid_printf(grid, area.row + row, area.column - 1, area.columns + 2, "%*s",
                       area.columns + 2, "");
    }
    ms_theme_text(grid, area, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_points(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        struct ms_area area)
{
    struct ms_correlations_view *correlations = tui->correlations;
    const struct ms_scope scope = scope_of(tui, view);
    const bool all = ms_scope_is_all(&scope);
    const struct ms_plot_of of = {
        .x = correlations->x,
        .y = correlations->y,
        .points = &correlations->points.scatter,
        .behind = all ? NULL : &correlations->behind.scatter,
        .version = (correlations->points.version << 32) + (all ? 0 : correlations->behind.version),
        .intensity = correlations->intensity,
        .trend = correlations->trend,
    };
    const bool empty = correlations->points.scatter.count == 0;
    if (!empty || (!all && correlations->behind.scatter.count > 0)) {
        ms_plot_draw(tui, view, grid, area, &correlations->plot, &of);
    }
    if (empty) {
        draw_empty(tui, view, grid, area);
    }
}

static bool has_room_for_points(const struct ms_view *view)
{
    return view->layout.message_row - view->layout.body.row >= 7;
}

static void draw_small(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area body)
{
    const struct ms_correlations_view *correlations = tui->correlations;
    if (has_room_for_points(view)) {
        body.rows--;
        draw_points(tui, view, grid, body);
        body.row += body.rows;
        body.rows = 1;
    }
    ms_correlations_draw_fit(tui, grid, body.row, 1, view->columns - 2);
    if (body.rows > 1) {
        char equation[160];
        ms_plot_equation(&correlations->plot, &correlations->points, equation, sizeof equation);
        ms_grid_put(grid, body.row + 1, 1, view->columns - 2, equation);
    }
    if (body.rows > 2) {
        body.row += 2;
        body.rows -= 2;
        ms_grid_pen(grid, MS_COLOUR_TITLE, 0);
        body.column = 1;
        body.columns -= 2;
        ms_theme_text(grid, body, correlations->pattern);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    }
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const int end = view->layout.message_row;
    struct ms_area body = view->layout.body;
    body.rows = end - body.row;
    if (tui->correlations == NULL) {
        ms_grid_put(grid, body.row + 1, 2, body.columns - 2, "out of memory for this screen");
        return;
    }
    correlations_update(tui, view);
    struct ms_area inner = body;
    inner.row++;
    inner.rows--;
    if (view->columns < 72 || body.rows < 9) {
        draw_small(tui, view, grid, inner);
    } else {
        const int panel = view->columns >= 110 ? 46 : view->columns >= 80 ? 36 : 32;
        struct ms_area right = inner;
        right.column = view->columns - panel;
        right.columns = panel;
        inner.columns -= panel;
        draw_points(tui, view, grid, inner);
        ms_correlations_draw_panel(tui, view, grid, right);
    }
    draw_heading(tui, view, grid, body.row); /* knows the units after the points */
    if (view->layout.tabs_row < 0) {
        ms_title_put_scope(tui, view, grid, end, 1, view->columns / 2);
    } else if (has_room_for_points(view)) {
        draw_legend(tui, view, grid, end);
    }
}

/* --- keys --- */

static void take_pair(struct ms_tui *tui, const struct ms_view *view, size_t index)
{
    struct ms_correlations_view *correlations = tui->correlations;
    if (index < correlations->pair_count) {
        correlations->x = correlations->pairs[index].x;
        correlations->y = correlations->pairs[index].y;
        correlations->pair_chosen = true;
        correlations->pairs_hold_ns = ms_model_now_ns(view->model) + PAIRS_HOLD_NS;
    }
}

static void move(struct ms_tui *tui, const struct ms_view *view, enum ms_action action)
{
    const size_t count = tui->correlations->pair_count;
    const size_t page = 8;
    const size_t at = ms_correlations_pair(tui->correlations);
    if (count == 0) {
        return;
    }
    size_t to = 0;
    switch (action) {
    case MS_ACTION_UP:
        to = at == SIZE_MAX || at == 0 ? 0 : at - 1;
        break;
    case MS_ACTION_DOWN:
        to = at == SIZE_MAX ? 0 : at + 1;
        break;
    case MS_ACTION_PAGE_UP:
        to = at == SIZE_MAX || at < page ? 0 : at - page;
        break;
    case MS_ACTION_PAGE_DOWN:
        to = at == SIZE_MAX ? 0 : at + page;
        break;
    case MS_ACTION_LAST:
        to = count - 1;
        break;
    case MS_ACTION_NEXT_PAIR:
        to = at == SIZE_MAX ? 0 : (at + 1) % count;
        break;
    default:
        break;
    }
    take_pair(tui, view, to < count ? to : count - 1);
}

static void choose_axis(struct ms_tui *tui, const struct ms_view *view, enum ms_axis_choice which)
{
    tui->correlations->choosing = which;
    ms_tui_open_dialog(tui, view, &ms_dialog_axis);
}

/* One thread after the other alone, in the order of the overview. */
static void step_thread(struct ms_tui *tui, const struct ms_view *view, long by)
{
    struct ms_rows *rows = &tui->threads.rows;
    ms_rows_move(rows, tui->scope.thread_id != 0 ? by : 0, ms_model_now_ns(view->model));
    if (rows->count > 0) {
        tui->scope = (struct ms_scope){.thread_id = (uint32_t)rows->selected};
    }
}

static void step_window(struct ms_correlations_view *correlations, enum ms_action action)
{
    if (action == MS_ACTION_WINDOW_RESET) {
        correlations->window = WINDOW_DEFAULT;
    } else if (action == MS_ACTION_NARROW) {
        correlations->window -= correlations->window > 0 ? 1 : 0;
    } else {
        correlations->window += correlations->window + 1 < WINDOWS ? 1 : 0;
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)input;
    (void)command;
    if (tui->correlations == NULL) {
        return;
    }
    correlations_update(tui, view); /* keys may come before the first drawing */
    switch (action) {
    case MS_ACTION_CANCEL:
        tui->scope = (struct ms_scope){.process_id = 0};
        break;
    case MS_ACTION_AXIS_X:
        choose_axis(tui, view, MS_AXIS_CHOICE_X);
        break;
    case MS_ACTION_AXIS_Y:
        choose_axis(tui, view, MS_AXIS_CHOICE_Y);
        break;
    case MS_ACTION_AXIS_THIRD:
        choose_axis(tui, view, MS_AXIS_CHOICE_THIRD);
        break;
    case MS_ACTION_TREND:
        tui->correlations->trend = !tui->correlations->trend;
        break;
    case MS_ACTION_NEXT_THREAD:
    case MS_ACTION_PREVIOUS_THREAD:
        step_thread(tui, view, action == MS_ACTION_NEXT_THREAD ? 1 : -1);
        break;
    case MS_ACTION_WIDEN:
    case MS_ACTION_NARROW:
    case MS_ACTION_WINDOW_RESET:
        step_window(tui->correlations, action);
        break;
    case MS_ACTION_UP:
    case MS_ACTION_DOWN:
    case MS_ACTION_PAGE_UP:
    case MS_ACTION_PAGE_DOWN:
    case MS_ACTION_FIRST:
    case MS_ACTION_LAST:
    case MS_ACTION_NEXT_PAIR:
        move(tui, view, action);
        break;
    default:
        break;
    }
}

const struct ms_screen ms_screen_correlations = {.place = MS_PLACE_CORRELATIONS,
                                                 .digit = '4',
                                                 .tab = "Corr",
                                                 .init = init,
                                                 .draw = draw,
                                                 .key = key};
