/* Screen 1: a card for every thread, or a row when there is no room for cards. */
#include <stdio.h>
#include <string.h>

#include "tui/screen.h"

static void draw_empty(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_area body = view->layout.body;
    const struct ms_area text = {.row = body.row + body.rows / 3,
                                 .column = 4,
                                 .rows = body.rows - body.rows / 3,
                                 .columns = body.columns - 8};
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (tui->threads.filter.length > 0) {
        ms_theme_text(grid, text, "No thread matches the filter. Esc clears it.");
    } else if (view->status->session != MS_TUI_ENDED) {
        ms_theme_text(grid, text,
                      "No thread has been seen yet. The program is starting; its "
                      "threads appear here within a second.");
    } else {
        ms_theme_text(grid, text,
                      "No thread was seen before the program ended. Screen 9 shows "
                      "what it wrote.");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_legend(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const int row = view->layout.legend_row;
    if (row < 0) {
        return;
    }
    int column = 1;
    for (int role = 0; role < MS_ROLE_TOTAL; role++) {
        if (role == MS_ROLE_WAITING && ms_findings_waiting_unavailable() != NULL) {
            continue;
        }
        ms_theme_put_role(grid, row, column, (enum ms_role)role, false);
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        column += 2 + ms_grid_put(grid, row, column + 2, view->columns - column - 2,
                                  ms_role_word((enum ms_role)role));
        column += 2;
    }
    if (view->columns < 72) {
        return;
    }
    char sort[96];
    snprintf(sort, sizeof sort, "sort: %s %s",
             ms_metric_info((enum ms_metric)tui->threads.order)->name,
             tui->threads.ascending ? "up" : "down");
    ms_grid_put(grid, row, view->columns - (int)strlen(sort) - 1, 60, sort);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    ms_thread_list_update(&tui->threads, view->model, view->findings, &tui->scope);
    if (tui->threads.rows.count == 0) {
        draw_empty(tui, view, grid);
    } else if (view->layout.table) {
        ms_table_draw(tui, view, grid);
    } else {
        ms_cards_draw(tui, view, grid);
    }
    draw_legend(tui, view, grid);
    ms_listing_draw_filter(tui, view, grid, &tui->threads, ms_model_thread_count(view->model),
                           "threads", MS_ALERTS_HINT);
}

static long page(const struct ms_view *view)
{
    const struct ms_layout *layout = &view->layout;
    return layout->table ? (layout->body.rows > 2 ? layout->body.rows - 1 : 1)
                         : layout->cards_down * layout->card_columns;
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input,
                  uint64_t now_ns)
{
    const struct ms_layout *layout = &view->layout;
    size_t place = 0;
    if (layout->table) {
        if (input->row <= layout->body.row || input->row >= layout->body.row + layout->body.rows) {
            return;
        }
        place = (size_t)(input->row - layout->body.row - 1);
    } else {
        const int shown = layout->cards_down * layout->card_columns;
        int card = 0;
        for (; card < shown; card++) {
            const struct ms_area area = ms_layout_card(layout, card);
            if (input->row >= area.row && input->row < area.row + area.rows &&
                input->column >= area.column && input->column < area.column + area.columns) {
                break;
            }
        }
        if (card == shown) {
            return;
        }
        place = (size_t)card;
    }
    if (tui->threads.rows.top + place >= tui->threads.rows.count) {
        return;
    }
    ms_rows_select(&tui->threads.rows, tui->threads.rows.top + place, now_ns);
    if (input->mouse_action == MS_MOUSE_DOUBLE_CLICK) {
        ms_tui_focus_thread(tui, view, (uint32_t)tui->threads.rows.selected);
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    const uint64_t now_ns = ms_model_now_ns(view->model);
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input, now_ns);
        return;
    }
    const long across = view->layout.table ? 1 : view->layout.card_columns;
    if (ms_listing_act(&tui->threads, &ms_thread_orders, action, across, page(view), now_ns)) {
        return;
    }
    switch (action) {
    case MS_ACTION_LEFT:
        ms_rows_move(&tui->threads.rows, -1, now_ns);
        break;
    case MS_ACTION_RIGHT:
        ms_rows_move(&tui->threads.rows, 1, now_ns);
        break;
    case MS_ACTION_ENTER:
        if (tui->threads.rows.count > 0) {
            ms_tui_focus_thread(tui, view, (uint32_t)tui->threads.rows.selected);
        }
        break;
    case MS_ACTION_SORT_CPU:
        ms_listing_sort_by(&tui->threads, MS_METRIC_CPU_PCT);
        break;
    case MS_ACTION_SORT_MEMORY:
        ms_listing_sort_by(&tui->threads, MS_METRIC_PEAK_BYTES);
        break;
    case MS_ACTION_SORT_TIME:
        ms_listing_sort_by(&tui->threads, MS_METRIC_RUN_TIME);
        break;
    case MS_ACTION_SHAPE:
        tui->table = !tui->table;
        break;
    default:
        break;
    }
}

static struct ms_listing *listing(struct ms_tui *tui)
{
    return &tui->threads;
}

const struct ms_screen ms_screen_overview = {.place = MS_PLACE_OVERVIEW,
                                             .digit = '1',
                                             .tab = "Over",
                                             .orders = &ms_thread_orders,
                                             .listing = listing,
                                             .draw = draw,
                                             .key = key};
