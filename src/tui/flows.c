/* Screen f: who frees whose memory, as a matrix or as a list, and what pattern that is. */
#include "tui/flows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"

enum { FIGURE_WIDTH = 10 };

static const char *arrow(const struct ms_tui *tui)
{
    return ms_theme_ascii(tui) ? "-->" : "\u2500\u2500\u25b6";
}

/* "  ──▶  " between two names that each get half of the room. */
static void draw_ends(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                      int width, const struct ms_flow_row *pair)
{
    const struct ms_flows_view *flows = tui->flows;
    const char *from = ms_flow_node_name(ms_flow_node(flows->matrix, pair->from));
    const char *to = ms_flow_node_name(ms_flow_node(flows->matrix, pair->to));
    const int room = (width - 5) / 2;
    ms_grid_put(grid, row, column, room, from);
    ms_grid_put(grid, row, column + room + 1, 3, arrow(tui));
    ms_grid_put(grid, row, column + room + 5, room, to);
}

static void draw_pair_head(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                           int ends_width, const enum ms_flow_order *columns, int count)
{
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int i = 0; i < area.columns; i++) {
        ms_grid_put_char(grid, area.row, area.column + i, L' ');
    }
    ms_grid_put(grid, area.row, area.column + 2, ends_width / 2, "ALLOCATED BY");
    ms_grid_put(grid, area.row, area.column + 2 + (ends_width - 5) / 2 + 5, ends_width / 2,
                "FREED BY");
    for (int i = 0; i < count; i++) {
        const bool sorted = columns[i] == (enum ms_flow_order)tui->flows->listing.order;
        ms_grid_pen(grid, sorted ? MS_COLOUR_TITLE : MS_COLOUR_DIM,
                    MS_ATTRIBUTE_UNDERLINE | (sorted ? MS_ATTRIBUTE_BOLD : 0u));
        ms_grid_printf(grid, area.row, area.column + area.columns - (count - i) * FIGURE_WIDTH,
                       FIGURE_WIDTH, "%*s", FIGURE_WIDTH - 1, ms_flow_order_heading(columns[i]));
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* The figures that fit beside the names, the one that is sorted by among them. */
static int pair_columns(const struct ms_tui *tui, int width, enum ms_flow_order *columns)
{
    static const enum ms_flow_order wanted[] = {
        MS_FLOW_ORDER_BLOCKS,     MS_FLOW_ORDER_SHARE, MS_FLOW_ORDER_BYTE_RATE,
        MS_FLOW_ORDER_BLOCK_RATE, MS_FLOW_ORDER_BYTES,
    };
    int count = (width - 24) / FIGURE_WIDTH;
    count = count < 1 ? 1 : count > MS_FLOW_ORDER_COUNT ? MS_FLOW_ORDER_COUNT : count;
    bool sorted = false;
    for (int i = 0; i < count; i++) {
        columns[i] = wanted[i];
        sorted = sorted || wanted[i] == (enum ms_flow_order)tui->flows->listing.order;
    }
    if (!sorted) {
        columns[count - 1] = (enum ms_flow_order)tui->flows->listing.order;
    }
    return count;
}

/* Pairs as rows; `marks`: the selected one is marked, and the list is scrolled to it. */
static void draw_pairs(struct ms_tui *tui, struct ms_grid *grid, struct ms_area area, bool marks)
{
    struct ms_flows_view *flows = tui->flows;
    struct ms_rows *rows = &flows->listing.rows;
    enum ms_flow_order columns[MS_FLOW_ORDER_COUNT];
    const int count = pair_columns(tui, area.columns, columns);
    const int ends_width = area.columns - count * FIGURE_WIDTH - 2;
    const size_t shown = area.rows > 1 ? (size_t)(area.rows - 1) : 0;
    if (marks) {
        ms_rows_scroll(rows, shown, 1);
    }
    draw_pair_head(tui, grid, area, ends_width, columns, count);
    const size_t top = marks ? rows->top : 0;
    for (size_t i = 0; i < shown && top + i < rows->count; i++) {
        const struct ms_flow_row *pair = ms_flow_row_of(flows, rows->ids[top + i]);
        const int row = area.row + 1 + (int)i;
        if (pair == NULL) {
            continue;
        }
        const struct ms_flow_node *from = ms_flow_node(flows->matrix, pair->from);
        const bool marked = marks && pair->id == rows->selected;
        const bool ended = from->ended && ms_flow_node(flows->matrix, pair->to)->ended;
        ms_grid_pen(grid,
                    marked  ? MS_COLOUR_SELECTED
                    : ended ? MS_COLOUR_DIM
                            : MS_COLOUR_DEFAULT,
                    marked ? MS_ATTRIBUTE_BOLD : 0);
        ms_grid_put(grid, row, area.column, 1, marked ? ms_theme_pointer(tui) : " ");
        draw_ends(tui, grid, row, area.column + 2, ends_width, pair);
        for (int c = 0; c < count; c++) {
            char text[MS_FORMAT_MAX + 2];
            const double figure = ms_flow_figure(columns[c], &pair->sum, from);
            ms_flow_format(text, sizeof text, columns[c], figure);
            ms_grid_printf(grid, row, area.column + area.columns - (count - c) * FIGURE_WIDTH,
                           FIGURE_WIDTH, "%*s", FIGURE_WIDTH - 1, text);
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void say_rates(const struct ms_flow_sum *sum, char *out, size_t size)
{
    char blocks[MS_FORMAT_MAX];
    char bytes[MS_FORMAT_MAX];
    out[0] = '\0';
    if (!isnan(sum->blocks_per_s)) {
        snprintf(out, size, "  %s blocks/s  %s/s",
                 ms_format_count(blocks, sizeof blocks, sum->blocks_per_s),
                 ms_format_bytes(bytes, sizeof bytes, sum->bytes_per_s));
    }
}

/* The marked cell in words. */
static void draw_marked(const struct ms_tui *tui, struct ms_grid *grid, int row, int width)
{
    const struct ms_flows_view *flows = tui->flows;
    const uint32_t from = flows->shown[flows->row];
    const uint32_t to = flows->shown[flows->column];
    const struct ms_flow_node *owner = ms_flow_node(flows->matrix, from);
    struct ms_flow_sum sum;
    char blocks[MS_FORMAT_MAX];
    char bytes[MS_FORMAT_MAX];
    char share[MS_FORMAT_MAX];
    char rates[80];
    const bool any = ms_flow_cell(flows, from, to, &sum);
    ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_BOLD);
    int used = 1;
    used += ms_grid_put(grid, row, used, width / 3, ms_flow_node_name(owner));
    used += 1 + ms_grid_put(grid, row, used + 1, 3, arrow(tui));
    used += 1 + ms_grid_put(grid, row, used + 1, width / 3,
                            from == to && !owner->group
                                ? "itself"
                                : ms_flow_node_name(ms_flow_node(flows->matrix, to)));
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    if (!any) {
        ms_grid_put(grid, row, used + 2, width - used - 2, "nothing");
        return;
    }
    say_rates(&sum, rates, sizeof rates);
    char part[64];
    if (owner->threads == 0) {
        snprintf(part, sizeof part, "owners beyond %u", MS_FLOW_OWNERS_TOLD_APART);
    } else if (from == to && owner->group) {
        snprintf(part, sizeof part, "%s for each other",
                 ms_format_count(bytes, sizeof bytes, (double)owner->mutual.blocks));
    } else {
        const double figure = ms_flow_figure(MS_FLOW_ORDER_SHARE, &sum, owner);
        ms_flow_format(share, sizeof share, MS_FLOW_ORDER_SHARE, figure);
        snprintf(part, sizeof part, width >= 100 ? "%s of its freed blocks" : "%s", share);
    }
    ms_grid_printf(grid, row, used + 2, width - used - 2, "%s blocks (%s)  %s%s",
                   ms_format_count(blocks, sizeof blocks, (double)sum.blocks), part,
                   ms_format_bytes(bytes, sizeof bytes, (double)sum.bytes), rates);
}

static void draw_summary(const struct ms_tui *tui, struct ms_grid *grid, int row, int width)
{
    const struct ms_flows_view *flows = tui->flows;
    const struct ms_flow_totals *totals = ms_flow_matrix_totals(flows->matrix);
    const double all = (double)(totals->own.blocks + totals->crossed.blocks);
    char own[MS_FORMAT_MAX];
    char crossed[MS_FORMAT_MAX];
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    const int used =
        1 + ms_grid_printf(grid, row, 1, width - 2,
                           "%s blocks (%.3g%%) freed by another thread, %s by their own",
                           ms_format_count(crossed, sizeof crossed, (double)totals->crossed.blocks),
                           all > 0 ? 100 * (double)totals->crossed.blocks / all : 0,
                           ms_format_count(own, sizeof own, (double)totals->own.blocks));
    char right[64];
    snprintf(right, sizeof right, "%s, by %s", ms_flow_orders.name(flows->listing.order),
             ms_flow_is_by_name(flows->matrix) ? "name" : "thread");
    if (used + 3 + (int)strlen(right) < width) {
        ms_grid_put(grid, row, width - 1 - (int)strlen(right), 60, right);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* "a, b --> hub", "a --> b --> c", "a, b, c": as blocks go. */
static void draw_pattern_nodes(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                               int width, const struct ms_flow_pattern *pattern)
{
    const uint32_t count = pattern->node_count;
    const int end = column + width;
    for (uint32_t i = 0; i < count; i++) {
        const bool set = pattern->kind == MS_FLOW_PATTERN_SHARED_CACHE ||
                         pattern->kind == MS_FLOW_PATTERN_EXCHANGE ||
                         pattern->kind == MS_FLOW_PATTERN_WORK_STEALING;
        const bool in = pattern->kind == MS_FLOW_PATTERN_FAN_IN && i + 1 < count;
        const bool out = i > 1 && (pattern->kind == MS_FLOW_PATTERN_FAN_OUT ||
                                   pattern->kind == MS_FLOW_PATTERN_POOL);
        if (i > 0 && (set || in || out)) {
            column += ms_grid_put(grid, row, column, end - column, ", ");
        } else if (i > 0) {
            column += 2 + ms_grid_put(grid, row, column + 1, end - column - 1, arrow(tui));
        }
        const struct ms_flow_node *node = ms_flow_node(tui->flows->by_name, pattern->nodes[i]);
        column += ms_grid_put(grid, row, column, end - column, ms_flow_node_name(node));
    }
}

/* Each with its evidence; returns rows used. */
static int draw_patterns(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area)
{
    const struct ms_flows_view *flows = tui->flows;
    int used = 0;
    for (size_t i = 0; i < flows->pattern_count && used < area.rows; i++) {
        const struct ms_flow_pattern *pattern = &flows->patterns[i];
        char words[64];
        snprintf(words, sizeof words, "%s (%d%% sure)", ms_flow_pattern_words(pattern->kind),
                 (int)(pattern->confidence * 100 + 0.5));
        ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_BOLD);
        int column = area.column;
        column += ms_grid_put(grid, area.row + used, column, area.columns, words) + 2;
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        draw_pattern_nodes(tui, grid, area.row + used, column, area.column + area.columns - column,
                           pattern);
        used++;
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        used += ms_theme_text(grid,
                              (struct ms_area){.row = area.row + used,
                                               .column = area.column + 2,
                                               .rows = area.rows - used,
                                               .columns = area.columns - 2},
                              pattern->evidence);
    }
    if (flows->pattern_count == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        char none[240];
        snprintf(none, sizeof none, "None is named. %s", flows->why_no_pattern);
        used += ms_theme_text(grid, area, none);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return used;
}

static void draw_patterns_below(const struct ms_tui *tui, struct ms_grid *grid, int row, int end,
                                int width)
{
    if (end - row < 2) {
        return;
    }
    ms_theme_heading(tui, grid, row, 0, width, "patterns");
    draw_patterns(
        tui, grid,
        (struct ms_area){.row = row + 1, .column = 1, .rows = end - row - 1, .columns = width - 2});
}

/* Where the matrix is, of a body of this size: it gets what its rows need, up to half or so. */
static struct ms_area matrix_area(const struct ms_flows_view *flows, struct ms_area body)
{
    const bool summary = body.rows >= 6;
    const int around = summary ? 2 : 1; /* and the marked cell */
    int rows = (int)flows->shown_count + 1;
    const int most = body.rows >= 14 ? (body.rows - around) / 2 : body.rows - around;
    rows = rows > most ? most : rows;
    return (struct ms_area){.row = body.row + (summary ? 1 : 0),
                            .column = body.column,
                            .rows = rows > 0 ? rows : 0,
                            .columns = body.columns};
}

static void draw_matrix(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_flows_view *flows = tui->flows;
    const struct ms_area body = view->layout.body;
    const struct ms_area area = matrix_area(flows, body);
    const int end = body.row + body.rows;
    int row = area.row + area.rows;
    if (area.row > body.row) {
        draw_summary(tui, grid, body.row, body.columns);
    }
    ms_flow_matrix_draw(tui, grid, area);
    if (row < end) {
        draw_marked(tui, grid, row++, body.columns);
    }
    const int left = end - row;
    int pairs = (int)flows->listing.rows.count;
    const int most = left >= 8 ? left / 3 : left - 4; /* patterns and their heading get the rest */
    pairs = pairs > most ? most : pairs;
    if (pairs > 1) {
        draw_pairs(
            tui, grid,
            (struct ms_area){.row = row, .column = 0, .rows = pairs + 1, .columns = body.columns},
            false);
        row += pairs + 1;
    }
    draw_patterns_below(tui, grid, row, end, body.columns);
}

static void draw_list(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_area body = view->layout.body;
    const int summary = body.rows >= 6 ? 1 : 0;
    const int rows = body.rows >= 12 ? body.rows * 3 / 5 : body.rows - summary;
    if (summary > 0) {
        draw_summary(tui, grid, body.row, body.columns);
    }
    draw_pairs(tui, grid,
               (struct ms_area){
                   .row = body.row + summary, .column = 0, .rows = rows, .columns = body.columns},
               true);
    draw_patterns_below(tui, grid, body.row + summary + rows, body.row + body.rows, body.columns);
}

static void draw_empty(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_flows_view *flows = tui->flows;
    const struct ms_area body = view->layout.body;
    const char *why = flows == NULL ? "Out of memory for this screen."
                      : flows->listing.filter.length > 0
                          ? "No flow matches the filter. Esc clears it."
                          : ms_flow_why_none(flows->matrix);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_text(grid,
                  (struct ms_area){.row = body.row + body.rows / 3,
                                   .column = 4,
                                   .rows = body.rows - body.rows / 3,
                                   .columns = body.columns - 8},
                  why);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct ms_flows_view *flows = tui->flows;
    if (flows != NULL) {
        ms_flows_view_update(tui, view->model);
    }
    if (flows == NULL || flows->pair_count == 0 || flows->shown_count == 0) {
        draw_empty(tui, view, grid);
    } else if (flows->list) {
        draw_list(tui, view, grid);
    } else {
        draw_matrix(tui, view, grid);
    }
    if (flows != NULL) {
        ms_listing_draw_filter(tui, view, grid, &flows->listing, ms_flow_edges(flows->matrix),
                               "pairs", "t matrix/list  v by name  Enter focus");
    }
}

/* The thread that allocated; once that is in focus, the one that freed. */
static void focus(struct ms_tui *tui, const struct ms_view *view)
{
    const struct ms_flows_view *flows = tui->flows;
    const struct ms_flow_row *pair = ms_flow_row_of(flows, flows->listing.rows.selected);
    if (flows->shown_count == 0 || (flows->list && pair == NULL)) {
        return;
    }
    const uint32_t from = flows->list ? pair->from : flows->shown[flows->row];
    const uint32_t to = flows->list ? pair->to : flows->shown[flows->column];
    uint32_t thread_id = ms_flow_node(flows->matrix, from)->thread_id;
    if (thread_id == 0 || thread_id == tui->scope.thread_id) {
        thread_id = ms_flow_node(flows->matrix, to)->thread_id;
    }
    if (thread_id != 0) {
        ms_tui_focus_thread(tui, view, thread_id);
    }
}

static void regroup(struct ms_flows_view *flows)
{
    flows->grouping = ms_flow_is_by_name(flows->matrix) ? MS_FLOW_BY_THREAD : MS_FLOW_BY_NAME;
    flows->updated_ns = 0;
    flows->row_key = flows->column_key = 0;
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input)
{
    struct ms_flows_view *flows = tui->flows;
    const struct ms_area body = view->layout.body;
    bool hit = false;
    if (!flows->list) {
        hit = flows->shown_count > 0 &&
              ms_flow_matrix_click(flows, matrix_area(flows, body), input->row, input->column);
    } else {
        const int line = input->row - body.row - (body.rows >= 6 ? 2 : 1);
        const int shown = (body.rows >= 12 ? body.rows * 3 / 5 : body.rows - 1) - 1;
        hit = line >= 0 && line < shown;
        if (hit) {
            ms_rows_select(&flows->listing.rows, flows->listing.rows.top + (size_t)line,
                           ms_model_now_ns(view->model));
        }
    }
    if (hit && input->mouse_action == MS_MOUSE_DOUBLE_CLICK) {
        focus(tui, view);
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    struct ms_flows_view *flows = tui->flows;
    if (flows == NULL || flows->updated_ns == 0) {
        return; /* nothing was drawn yet */
    }
    const long page = view->layout.body.rows > 2 ? view->layout.body.rows / 2 : 1;
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input);
        return;
    }
    if (!flows->list && ms_flow_matrix_act(flows, action, page)) {
        return;
    }
    if (ms_listing_act(&flows->listing, &ms_flow_orders, action, 1, page,
                       ms_model_now_ns(view->model))) {
        return;
    }
    switch (action) {
    case MS_ACTION_ENTER:
        focus(tui, view);
        break;
    case MS_ACTION_SHAPE:
        flows->list = !flows->list;
        break;
    case MS_ACTION_PANE:
        regroup(flows);
        break;
    default:
        break;
    }
}

static struct ms_listing *listing(struct ms_tui *tui)
{
    return tui->flows != NULL ? &tui->flows->listing : NULL;
}

const struct ms_screen ms_screen_flows = {.place = MS_PLACE_FLOWS,
                                          .digit = 'f',
                                          .tab = "Flow",
                                          .orders = &ms_flow_orders,
                                          .listing = listing,
                                          .draw = draw,
                                          .key = key};
