/*
 * Screen 2: threads in the order of any figure, with their share of the sum, how far they are from
 * the mean of all and what holds them up; overall, or within each role.
 */
#include "tui/rankings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/chart.h"
#include "tui/verdicts.h"

enum {
    VALUE_WIDTH = 9,
    RATIO_WIDTH = 7,
    IN_ROLE_WIDTH = 6,
    SHARE_WIDTH = 7,
    BAR_WIDTH = 12,
    SPARK_WIDTH = 13,
    SPARK_POINTS_MAX = 256,
    TID_WIDTH = 9,
    BOTTLENECK_WIDTH = 15,
    SCORE_WIDTH = 5,
    DETAIL_ROWS = 5,       /* a heading and two sentences of two rows each in 80 columns, */
    DETAIL_ROWS_NARROW = 6 /* and of three and two in fewer */
};

/* Where each column begins; 0: there is no room for it. */
struct columns {
    int name, name_width;
    int tid, value, bar, bar_width, share, ratio, in_role, spark, spark_width, bottleneck, score;
};

/* Figures of a moment, and sums that grow: those have the history of what they are the sum of. */
static int series_of(int by)
{
    static const struct {
        enum ms_metric metric;
        int series;
    } kin[] = {{MS_METRIC_PEAK_BYTES, MS_SERIES_CURRENT_BYTES},
               {MS_METRIC_AT_PEAK_BYTES, MS_SERIES_CURRENT_BYTES},
               {MS_METRIC_GROWTH, MS_SERIES_CURRENT_BYTES},
               {MS_METRIC_BYTES_ALLOCATED, MS_SERIES_ALLOCATED_PER_S},
               {MS_METRIC_USER_MS, MS_SERIES_CPU_PCT},
               {MS_METRIC_SYSTEM_MS, MS_SERIES_CPU_PCT},
               {MS_METRIC_RUN_QUEUE_MS, MS_SERIES_RUN_QUEUE_PCT},
               {MS_METRIC_IO_OPERATIONS, MS_SERIES_IO_CALLS_PER_S},
               {MS_METRIC_READ_BYTES, MS_SERIES_IO_BYTES_PER_S},
               {MS_METRIC_WRITE_BYTES, MS_SERIES_IO_BYTES_PER_S}};
    for (int i = 0; i < MS_SERIES_COUNT; i++) {
        if (strcmp(ms_series_info(MS_SERIES_OF_THREAD, i)->name, ms_rank_name(by)) == 0) {
            return i;
        }
    }
    for (size_t i = 0; i < sizeof kin / sizeof kin[0]; i++) {
        if ((int)kin[i].metric == by) {
            return kin[i].series;
        }
    }
    return MS_SERIES_COUNT;
}

/* Takes room for a column when there is enough. */
static bool take(int *room, int width)
{
    if (*room < width) {
        return false;
    }
    *room -= width;
    return true;
}

static struct columns columns_of(const struct ms_rankings_view *rankings, int width)
{
    const bool wide = width >= 60;
    struct columns columns = {.name = wide ? 12 : 10};
    int room = width - columns.name - (wide ? 14 : 12) - VALUE_WIDTH;
    const bool history = series_of(rankings->ranking.by) < MS_SERIES_COUNT;
    /* Of which one of several there is neither a mean nor a sum. */
    const bool means = ms_rank_unit(rankings->ranking.by) != MS_UNIT_INDEX;
    const bool ratio = means && take(&room, RATIO_WIDTH);
    const bool in_role = take(&room, IN_ROLE_WIDTH);
    const bool share = rankings->shares && take(&room, SHARE_WIDTH);
    const bool bar = take(&room, BAR_WIDTH);
    const bool spark = history && take(&room, SPARK_WIDTH);
    const bool bottleneck = take(&room, BOTTLENECK_WIDTH);
    const bool score = rankings->ranking.by != MS_RANK_EFFICIENCY && take(&room, SCORE_WIDTH);
    const bool tid = take(&room, TID_WIDTH);
    const int more_name = room > 10 ? 10 : room;
    const int more_bar = bar && room - more_name > 0 ? (room - more_name) / (spark ? 2 : 1) : 0;
    columns.name_width = (wide ? 14 : 12) + more_name;
    int at = columns.name + columns.name_width;
    columns.tid = tid ? at : 0;
    at += tid ? TID_WIDTH : 0;
    columns.value = at;
    at += VALUE_WIDTH;
    columns.bar = bar ? at + 1 : 0;
    columns.bar_width = BAR_WIDTH - 1 + more_bar;
    at += bar ? BAR_WIDTH + more_bar : 0;
    columns.share = share ? at : 0;
    at += share ? SHARE_WIDTH : 0;
    columns.ratio = ratio ? at : 0;
    at += ratio ? RATIO_WIDTH : 0;
    columns.in_role = in_role ? at : 0;
    at += in_role ? IN_ROLE_WIDTH : 0;
    columns.spark = spark ? at + 1 : 0;
    columns.spark_width = SPARK_WIDTH - 1 + (spark ? room - more_name - more_bar : 0);
    at += spark ? columns.spark_width + 1 : 0;
    columns.bottleneck = bottleneck ? at + 1 : 0;
    at += bottleneck ? BOTTLENECK_WIDTH : 0;
    columns.score = score ? at : 0;
    return columns;
}

static void right(struct ms_grid *grid, int row, int column, int width, const char *text)
{
    ms_grid_printf(grid, row, column, width, "%*s", width, text);
}

static void draw_head(const struct ms_rankings_view *rankings, struct ms_grid *grid, int row,
                      const struct columns *columns)
{
    const int series = series_of(rankings->ranking.by);
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int i = 0; i < ms_grid_columns(grid); i++) {
        ms_grid_put_char(grid, row, i, L' ');
    }
    ms_grid_put(grid, row, columns->name >= 12 ? 2 : 1, 4, "RANK");
    ms_grid_put(grid, row, columns->name, columns->name_width, "THREAD");
    if (columns->tid != 0) {
        right(grid, row, columns->tid, TID_WIDTH, "TID");
    }
    if (columns->share != 0) {
        right(grid, row, columns->share, SHARE_WIDTH, "SHARE");
    }
    if (columns->ratio != 0) {
        right(grid, row, columns->ratio, RATIO_WIDTH, "/MEAN");
    }
    if (columns->in_role != 0) {
        right(grid, row, columns->in_role, IN_ROLE_WIDTH, "ROLE");
    }
    if (columns->spark != 0) {
        ms_grid_put(grid, row, columns->spark, columns->spark_width,
                    ms_series_info(MS_SERIES_OF_THREAD, series)->heading);
    }
    if (columns->bottleneck != 0) {
        ms_grid_put(grid, row, columns->bottleneck, BOTTLENECK_WIDTH - 1, "BOTTLENECK");
    }
    if (columns->score != 0) {
        right(grid, row, columns->score, SCORE_WIDTH, "EFF");
    }
    ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_UNDERLINE | MS_ATTRIBUTE_BOLD);
    right(grid, row, columns->value, VALUE_WIDTH, ms_rank_heading(rankings->ranking.by));
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static char *ratio_text(double ratio, char *out, size_t size)
{
    const double size_of = fabs(ratio);
    if (isnan(ratio)) {
        snprintf(out, size, "-");
    } else if (size_of > 0 && size_of < 0.005) {
        snprintf(out, size, ratio < 0 ? ">-.01x" : "<0.01x");
    } else if (size_of >= 9999.5) {
        snprintf(out, size, ">9999x");
    } else {
        snprintf(out, size,
                 size_of >= 9.95    ? "%.0fx"
                 : size_of >= 0.095 ? "%.1fx"
                                    : "%.2fx",
                 ratio);
    }
    return out;
}

static void draw_spark(const struct ms_tui *tui, struct ms_grid *grid, int row,
                       const struct columns *columns, const struct ms_thread *thread, int series,
                       bool dim)
{
    double points[SPARK_POINTS_MAX];
    const struct ms_area area = {
        .row = row, .column = columns->spark, .rows = 1, .columns = columns->spark_width - 1};
    size_t count = ms_chart_points(tui->glyphs, area.columns);
    count = count < SPARK_POINTS_MAX ? count : SPARK_POINTS_MAX;
    const struct ms_history *history = thread->history[series];
    if (history == NULL || ms_history_read(history, MS_RESOLUTION_SECOND, count, points) == 0) {
        return;
    }
    double low = 0;
    double high = fmax(100, ms_chart_highest(points, count));
    if (ms_series_info(MS_SERIES_OF_THREAD, series)->unit != MS_UNIT_PERCENT) {
        ms_chart_scale(points, count, &low, &high);
    }
    ms_grid_pen(grid, dim ? MS_COLOUR_DIM : MS_COLOUR_GRAPH, 0);
    ms_chart_area(grid, tui->glyphs, area, points, count, low, high);
}

static void draw_figures(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         int row, const struct columns *columns, const struct ms_ranked *ranked,
                         const struct ms_thread *thread, enum ms_colour colour)
{
    const struct ms_rankings_view *rankings = tui->rankings;
    const bool dim = colour == MS_COLOUR_DIM;
    char text[MS_FORMAT_MAX];
    ms_format_value(text, sizeof text, ranked->value, ms_rank_unit(rankings->ranking.by));
    right(grid, row, columns->value, VALUE_WIDTH, text);
    ms_grid_pen(grid, colour, 0);
    if (columns->share != 0 && !isnan(ranked->share)) {
        snprintf(text, sizeof text, "%.1f%%", 100 * ranked->share);
        right(grid, row, columns->share, SHARE_WIDTH, text);
    }
    if (columns->ratio != 0) {
        right(grid, row, columns->ratio, RATIO_WIDTH, ratio_text(ranked->ratio, text, sizeof text));
    }
    if (columns->in_role != 0 && ranked->rank_in_role > 0) {
        snprintf(text, sizeof text, "%c%u", ms_role_letter(ranked->role),
                 (unsigned)ranked->rank_in_role);
        right(grid, row, columns->in_role, IN_ROLE_WIDTH, text);
    }
    if (columns->bottleneck != 0 || columns->score != 0) {
        const struct ms_verdict *verdict = ms_verdict_of(tui, view, thread);
        if (columns->bottleneck != 0) {
            ms_grid_put(grid, row, columns->bottleneck, BOTTLENECK_WIDTH - 1,
                        verdict != NULL ? ms_bottleneck_word(verdict->bottleneck.kind) : "");
        }
        if (columns->score != 0 && verdict != NULL && !isnan(verdict->efficiency.score)) {
            ms_grid_printf(grid, row, columns->score, SCORE_WIDTH, "%*.0f", SCORE_WIDTH,
                           verdict->efficiency.score);
        }
    }
    if (columns->bar != 0) {
        ms_grid_pen(grid, dim ? MS_COLOUR_DIM : MS_COLOUR_GRAPH, 0);
        ms_chart_bar(grid, tui->glyphs, row, columns->bar, columns->bar_width,
                     ranked->value.available ? ranked->value.number / rankings->highest : NAN);
    }
    if (columns->spark != 0) {
        draw_spark(tui, grid, row, columns, thread, series_of(rankings->ranking.by), dim);
    }
}

static void draw_thread(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, const struct columns *columns, const struct ms_ranked *ranked)
{
    const struct ms_thread *thread = ms_model_thread_by_id(view->model, ranked->thread_id);
    if (thread == NULL) {
        return;
    }
    const bool chosen = thread->id == tui->rankings->listing.rows.selected;
    const bool dim = ms_tui_is_dim(tui, view, thread);
    const enum ms_colour colour = dim      ? MS_COLOUR_DIM
                                  : chosen ? MS_COLOUR_SELECTED
                                           : MS_COLOUR_DEFAULT;
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    const int rank_width = columns->name >= 12 ? 5 : 3;
    if (ranked->rank > 0) {
        ms_grid_printf(grid, row, 1, rank_width + 1, "%*u", rank_width, (unsigned)ranked->rank);
    } else {
        right(grid, row, 1, rank_width, "-");
    }
    ms_theme_put_role(grid, row, columns->name - 5, ranked->role, dim);
    if (!dim) {
        ms_theme_put_alert(grid, row, columns->name - 3,
                           ms_findings_of(view->findings, thread->id)->alert);
    }
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    if (ms_model_process_count(view->model) > 1) {
        const struct ms_process *process = ms_model_process_by_id(view->model, thread->process_id);
        ms_grid_printf(grid, row, columns->name, columns->name_width - 1, "%d/%s",
                       process != NULL ? (int)process->pid : 0, thread->name);
    } else {
        ms_grid_put(grid, row, columns->name, columns->name_width - 1,
                    thread->name[0] != '\0' ? thread->name : "(no name)");
    }
    if (columns->tid != 0) {
        ms_grid_printf(grid, row, columns->tid, TID_WIDTH, "%*d", TID_WIDTH, (int)thread->tid);
    }
    draw_figures(tui, view, grid, row, columns, ranked, thread, colour);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* The heading of a role: how many, and the mean of theirs against that of all. */
static void draw_role(const struct ms_tui *tui, struct ms_grid *grid, int row,
                      const struct columns *columns, enum ms_role role)
{
    const struct ms_rankings_view *rankings = tui->rankings;
    const struct ms_ranking *ranking = &rankings->ranking;
    const bool chosen = rankings->listing.rows.selected == (MS_RANKINGS_ROLE_ROW | (unsigned)role);
    const double mean = ranking->role_mean[role];
    char figure[MS_FORMAT_MAX];
    char ratio[MS_FORMAT_MAX];
    ms_format_value(figure, sizeof figure, isnan(mean) ? ms_value_none() : ms_value_of(mean),
                    ms_rank_unit(ranking->by));
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DIM, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    ms_grid_put(grid, row, 1, 1, (rankings->folded >> role & 1u) != 0 ? "+" : "-");
    ms_theme_put_role(grid, row, 3, role, false);
    ms_grid_pen(grid, ms_theme_role(role), MS_ATTRIBUTE_BOLD);
    int column = 7 + ms_grid_put(grid, row, 5, columns->value - 5, ms_role_word(role));
    const bool words = columns->value - column >= 20;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_printf(grid, row, column, columns->value - column, "%u%s%s mean",
                   (unsigned)ranking->role_count[role], words ? " thread" : "",
                   !words                           ? ","
                   : ranking->role_count[role] == 1 ? ","
                                                    : "s,");
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    right(grid, row, columns->value, VALUE_WIDTH, figure);
    if (columns->ratio != 0) {
        right(grid, row, columns->ratio, RATIO_WIDTH,
              ratio_text(ranking->mean != 0 ? mean / ranking->mean : NAN, ratio, sizeof ratio));
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* What the figure is, and what all threads make of it. Returns the rows taken. */
static int draw_heading(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, bool both)
{
    const struct ms_rankings_view *rankings = tui->rankings;
    const struct ms_ranking *ranking = &rankings->ranking;
    const enum ms_unit unit = ms_rank_unit(ranking->by);
    const struct {
        const char *word;
        double figure;
        bool shown;
    } figures[] = {{"mean", ranking->mean, unit != MS_UNIT_INDEX},
                   {"median", ranking->median, unit != MS_UNIT_INDEX},
                   {"sum", ranking->sum, rankings->shares}};
    ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_BOLD);
    int column = 1 + ms_grid_put(grid, row, 1, view->columns - 1, ms_rank_name(ranking->by));
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (both) {
        ms_grid_printf(grid, row, column + 2, view->columns - column - 2, "%s",
                       ms_rank_meaning(ranking->by));
        row++;
        column = 1;
        column +=
            ms_grid_printf(grid, row, column, view->columns - 1, "%zu thread%s%s", ranking->count,
                           ranking->count == 1 ? "" : "s", rankings->alive ? " alive" : "");
        if (ranking->known < ranking->count) {
            column += ms_grid_printf(grid, row, column, view->columns - column,
                                     ", %zu without a value", ranking->count - ranking->known);
        }
        column += 1;
    }
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        char text[MS_FORMAT_MAX];
        if (!figures[i].shown || ranking->known == 0) {
            continue;
        }
        ms_format_value(text, sizeof text, ms_value_of(figures[i].figure), unit);
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        column += 2 + ms_grid_printf(grid, row, column + 2, view->columns - column - 2, "%s ",
                                     figures[i].word);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
        column += ms_grid_put(grid, row, column, view->columns - column, text);
    }
    const char *order = rankings->by_role ? "within roles" : "overall";
    if (both && column + 4 + (int)strlen(order) < view->columns) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, row, column + 3, view->columns - column - 3, "%s%s", order,
                       rankings->listing.ascending ? ", lowest first" : "");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return both ? 2 : 1;
}

/* Why the marked thread is as it is. */
static int detail_rows(const struct ms_view *view)
{
    return view->columns < 80 ? DETAIL_ROWS_NARROW : DETAIL_ROWS;
}

static void draw_detail(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row)
{
    const uint64_t id = tui->rankings->listing.rows.selected;
    const struct ms_thread *thread =
        id < MS_RANKINGS_ROLE_ROW ? ms_model_thread_by_id(view->model, (uint32_t)id) : NULL;
    const struct ms_verdict *verdict = thread != NULL ? ms_verdict_of(tui, view, thread) : NULL;
    if (verdict == NULL) {
        return;
    }
    char title[MS_NAME_MAX + 32];
    snprintf(title, sizeof title, "%s, tid %d",
             thread->name[0] != '\0' ? thread->name : "(no name)", (int)thread->tid);
    ms_theme_heading(tui, grid, row, 0, view->columns, title);
    ms_verdict_draw(
        grid,
        (struct ms_area){.row = row + 1, .rows = detail_rows(view) - 1, .columns = view->columns},
        verdict);
}

static void draw_empty(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area)
{
    const struct ms_rankings_view *rankings = tui->rankings;
    char text[512];
    char because[256];
    if (rankings->ranking.count == 0 && !ms_scope_is_all(&tui->scope)) {
        snprintf(text, sizeof text, "Nothing in focus has a %sthread. Esc leaves the focus.",
                 rankings->alive ? "live " : "");
    } else if (rankings->ranking.count == 0 && rankings->alive) {
        snprintf(text, sizeof text, "No thread is alive. a shows the ended ones.");
    } else if (rankings->ranking.count == 0) {
        snprintf(text, sizeof text, "No thread has been seen yet.");
    } else if (rankings->ranking.known == 0 && rankings->ranking.by < MS_METRIC_TOTAL) {
        snprintf(text, sizeof text, "%s is unavailable: %s. s or < > chooses another metric.",
                 ms_rank_name(rankings->ranking.by),
                 ms_metric_unavailable_because(view->model, NULL,
                                               (enum ms_metric)rankings->ranking.by, because,
                                               sizeof because));
    } else if (rankings->ranking.known == 0) {
        snprintf(text, sizeof text,
                 "No thread has done enough to be judged. s or < > chooses another metric.");
    } else {
        snprintf(text, sizeof text, "No thread matches the filter. Esc clears it.");
    }
    area.row += area.rows / 4;
    area.rows -= area.rows / 4;
    area.column += 3;
    area.columns -= 6;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_text(grid, area, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* What is not list: headings above, the marked thread below. */
static bool both_headings(const struct ms_view *view)
{
    return view->layout.message_row - view->layout.body.row >= 7;
}

static bool has_detail(const struct ms_view *view)
{
    return view->layout.message_row - view->layout.body.row >= 14;
}

static int first_list_row(const struct ms_view *view)
{
    return view->layout.body.row + (both_headings(view) ? 3 : 2);
}

static int list_rows(const struct ms_view *view)
{
    const int rows = view->layout.message_row - first_list_row(view) -
                     (has_detail(view) ? detail_rows(view) : 0);
    return rows > 0 ? rows : 0;
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct ms_rankings_view *rankings = tui->rankings;
    if (rankings == NULL) {
        ms_grid_put(grid, view->layout.body.row + 1, 2, view->columns - 2,
                    "out of memory for this screen");
        return;
    }
    ms_rankings_view_update(tui, view);
    struct ms_rows *rows = &rankings->listing.rows;
    const int first = first_list_row(view);
    const size_t shown = (size_t)list_rows(view);
    draw_heading(tui, view, grid, view->layout.body.row, both_headings(view));
    if (rows->count == 0 || rankings->ranking.known == 0) {
        draw_empty(
            tui, view, grid,
            (struct ms_area){.row = first - 1, .rows = (int)shown + 1, .columns = view->columns});
    } else {
        const struct columns columns = columns_of(rankings, view->columns);
        draw_head(rankings, grid, first - 1, &columns);
        ms_rows_scroll(rows, shown, 1);
        for (size_t i = 0; i < shown && rows->top + i < rows->count; i++) {
            const uint64_t id = rows->ids[rows->top + i];
            const struct ms_ranked *ranked = ms_rankings_view_row(rankings, id);
            if (id >= MS_RANKINGS_ROLE_ROW) {
                draw_role(tui, grid, first + (int)i, &columns,
                          (enum ms_role)(id - MS_RANKINGS_ROLE_ROW));
            } else if (ranked != NULL) {
                draw_thread(tui, view, grid, first + (int)i, &columns, ranked);
            }
        }
        if (has_detail(view)) {
            draw_detail(tui, view, grid, first + (int)(rows->count < shown ? rows->count : shown));
        }
    }
    ms_listing_draw_filter(tui, view, grid, &rankings->listing, rankings->ranking.count, "threads",
                           MS_ALERTS_HINT);
}

/* --- keys --- */

static void fold(struct ms_rankings_view *rankings, uint64_t id, bool folded)
{
    if (id >= MS_RANKINGS_ROLE_ROW) {
        const unsigned bit = 1u << (id - MS_RANKINGS_ROLE_ROW);
        rankings->folded = folded ? rankings->folded | bit : rankings->folded & ~bit;
        rankings->stale = true;
    }
}

static void enter(struct ms_tui *tui, const struct ms_view *view, uint64_t id)
{
    if (id >= MS_RANKINGS_ROLE_ROW) {
        fold(tui->rankings, id, (tui->rankings->folded >> (id - MS_RANKINGS_ROLE_ROW) & 1u) == 0);
    } else if (id != 0 && ms_model_thread_by_id(view->model, (uint32_t)id) != NULL) {
        ms_tui_focus_thread(tui, view, (uint32_t)id);
    }
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input)
{
    struct ms_rows *rows = &tui->rankings->listing.rows;
    const int line = input->row - first_list_row(view);
    const size_t position = rows->top + (size_t)line;
    if (line < 0 || line >= list_rows(view) || position >= rows->count) {
        return;
    }
    if (rows->ids[position] == rows->selected && rows->chosen) {
        enter(tui, view, rows->selected);
    } else {
        ms_rows_select(rows, position, ms_model_now_ns(view->model));
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    struct ms_rankings_view *rankings = tui->rankings;
    if (rankings == NULL) {
        return;
    }
    ms_rankings_view_update(tui, view); /* keys may come before the first drawing */
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input);
        return;
    }
    const uint64_t id = rankings->listing.rows.selected;
    switch (action) {
    case MS_ACTION_ENTER:
        enter(tui, view, id);
        break;
    case MS_ACTION_LEFT:
    case MS_ACTION_RIGHT:
        fold(rankings, id, action == MS_ACTION_LEFT);
        break;
    case MS_ACTION_SHAPE:
        rankings->by_role = !rankings->by_role;
        rankings->stale = true;
        break;
    case MS_ACTION_ALIVE:
        rankings->alive = !rankings->alive;
        rankings->stale = true;
        break;
    default:
        (void)ms_listing_act(&rankings->listing, &ms_rankings_orders, action, 1,
                             list_rows(view) > 0 ? list_rows(view) : 1,
                             ms_model_now_ns(view->model));
        break;
    }
}

static struct ms_listing *listing(struct ms_tui *tui)
{
    return tui->rankings != NULL ? &tui->rankings->listing : NULL;
}

const struct ms_screen ms_screen_rankings = {.place = MS_PLACE_RANKINGS,
                                             .digit = '2',
                                             .tab = "Rank",
                                             .orders = &ms_rankings_orders,
                                             .listing = listing,
                                             .init = ms_rankings_view_open,
                                             .draw = draw,
                                             .key = key};
