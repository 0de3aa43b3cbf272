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
    if (tui->filter.length > 0) {
        ms_theme_text(grid, text, "No thread fits the filter. Esc clears it.");
    } else if (view->status->session == MS_TUI_LIVE) {
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
    snprintf(sort, sizeof sort, "sort: %s %s", ms_metric_info(tui->list.sort)->name,
             tui->list.ascending ? "up" : "down");
    ms_grid_put(grid, row, view->columns - (int)strlen(sort) - 1, 60, sort);
}

/* Filter and hints, or whatever is to be said, which title.c draws over this. */
static void draw_filter(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const int row = view->layout.message_row;
    static const char hint[] = "? help  Enter focus  e export";
    const int hint_width = (int)sizeof hint - 1;
    int used = 1;
    if (tui->filter.length > 0) {
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        used +=
            ms_grid_printf(grid, row, 1, view->columns - 1, "filter: %s  (%zu of %zu threads)",
                           tui->filter.text, tui->list.count, ms_model_thread_count(view->model));
    } else if (view->columns >= 60) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        used += ms_grid_put(grid, row, 1, 20, "filter: none");
    }
    if (!tui->list.follow) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        used += ms_grid_put(grid, row, used + 2, 24, "selection stays put (F)") + 2;
    }
    if (used + 2 + hint_width < view->columns) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, view->columns - hint_width - 1, hint_width, hint);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    ms_list_update(&tui->list, view->model, view->findings, tui->filter.text);
    if (tui->list.count == 0) {
        draw_empty(tui, view, grid);
    } else if (view->layout.table) {
        ms_table_draw(tui, view, grid);
    } else {
        ms_cards_draw(tui, view, grid);
    }
    draw_legend(tui, view, grid);
    draw_filter(tui, view, grid);
}

static void sort_by(struct ms_tui *tui, int metric)
{
    tui->list.sort = (enum ms_metric)((metric + MS_METRIC_TOTAL) % MS_METRIC_TOTAL);
    tui->list.ascending = false;
    ms_list_release(&tui->list);
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
    if (tui->list.top + place >= tui->list.count) {
        return;
    }
    ms_list_select(&tui->list, tui->list.top + place, now_ns);
    if (input->mouse_action == MS_MOUSE_DOUBLE_CLICK) {
        ms_tui_open(tui, view, &ms_screen_focus);
    }
}

static bool move(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                 uint64_t now_ns)
{
    const long across = view->layout.table ? 1 : view->layout.card_columns;
    const long all = (long)tui->list.count;
    long by = 0;
    switch (action) {
    case MS_ACTION_UP:
        by = -across;
        break;
    case MS_ACTION_DOWN:
        by = across;
        break;
    case MS_ACTION_LEFT:
        by = -1;
        break;
    case MS_ACTION_RIGHT:
        by = 1;
        break;
    case MS_ACTION_PAGE_UP:
        by = -page(view);
        break;
    case MS_ACTION_PAGE_DOWN:
        by = page(view);
        break;
    case MS_ACTION_FIRST:
        by = -all;
        break;
    case MS_ACTION_LAST:
        by = all;
        break;
    default:
        return false;
    }
    ms_list_move(&tui->list, by, now_ns);
    return true;
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
    if (move(tui, view, action, now_ns)) {
        return;
    }
    switch (action) {
    case MS_ACTION_ENTER:
        if (tui->list.count > 0) {
            ms_list_select(&tui->list, tui->list.position, now_ns);
            ms_tui_open(tui, view, &ms_screen_focus);
        }
        break;
    case MS_ACTION_CANCEL:
        ms_entry_set(&tui->filter, "");
        break;
    case MS_ACTION_FILTER:
        memcpy(tui->filter_before, tui->filter.text, sizeof tui->filter_before);
        tui->typing = MS_TYPING_FILTER;
        break;
    case MS_ACTION_SORT:
        ms_tui_open_dialog(tui, view, &ms_dialog_sort);
        break;
    case MS_ACTION_SORT_NEXT:
        sort_by(tui, (int)tui->list.sort + 1);
        break;
    case MS_ACTION_SORT_PREVIOUS:
        sort_by(tui, (int)tui->list.sort - 1);
        break;
    case MS_ACTION_SORT_INVERT:
        tui->list.ascending = !tui->list.ascending;
        ms_list_release(&tui->list);
        break;
    case MS_ACTION_SORT_CPU:
        sort_by(tui, MS_METRIC_CPU_PCT);
        break;
    case MS_ACTION_SORT_MEMORY:
        sort_by(tui, MS_METRIC_PEAK_BYTES);
        break;
    case MS_ACTION_SORT_TIME:
        sort_by(tui, MS_METRIC_RUN_TIME);
        break;
    case MS_ACTION_FOLLOW:
        tui->list.follow = !tui->list.follow;
        break;
    case MS_ACTION_SHAPE:
        tui->table = !tui->table;
        break;
    default:
        break;
    }
}

const struct ms_screen ms_screen_overview = {
    .place = MS_PLACE_OVERVIEW, .digit = '1', .tab = "Over", .draw = draw, .key = key};
