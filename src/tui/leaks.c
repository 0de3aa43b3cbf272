/*
 * Screen 6: three lists that are kept apart, because they say different things: what is likely a
 * leak while the program runs, what was not freed when a process ended, and misuse of memory.
 */
#include "tui/leaks.h"

#include <stdio.h>

#include "model/format.h"
#include "tui/stack.h"
#include "tui/time_bar.h"
#include "tui/why_none.h"

/* The three kinds with how many there are of each, so that none is overlooked. */
static void draw_kinds(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row)
{
    const bool wide = view->columns >= 72;
    int column = 1;
    for (int kind = 0; kind < MS_LEAKS_KINDS; kind++) {
        const bool here = kind == (int)tui->leaks->kind;
        size_t count = here ? tui->leaks->all
                       : kind == MS_LEAKS_NOT_FREED
                           ? tui->leaks->not_freed_all
                           : ms_leaks_view_items(tui, view, (enum ms_leaks_kind)kind);
        if (here && kind == MS_LEAKS_NOT_FREED) {
            count = tui->leaks->not_freed_all;
        }
        ms_grid_pen(grid, here ? MS_COLOUR_TAB_ACTIVE : MS_COLOUR_DIM,
                    here ? MS_ATTRIBUTE_BOLD : 0);
        column += ms_grid_printf(grid, row, column, view->columns - column, "%c%s %zu%c",
                                 here ? '[' : ' ',
                                 wide ? ms_leaks_kinds[kind].tab : ms_leaks_kinds[kind].short_tab,
                                 count, here ? ']' : ' ') +
                  1;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (wide) {
        ms_grid_put(grid, row, view->columns - 16, 15, "t: next list");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

struct column {
    const char *heading;
    int width;
    int screen_from; /* columns of the screen from which it is shown */
    enum ms_leaks_order order;
};

static const struct column columns_of[MS_LEAKS_KINDS][6] = {
    [MS_LEAKS_LIKELY] = {{"SURE", 6, 0, MS_LEAKS_BY_SURE},
                         {"LEAKED", 9, 0, MS_LEAKS_BY_BYTES},
                         {"PER S", 10, 60, MS_LEAKS_BY_SLOPE},
                         {"BLOCKS", 8, 80, MS_LEAKS_BY_BLOCKS},
                         {"SINCE", 10, 72, MS_LEAKS_BY_AGE}},
    [MS_LEAKS_NOT_FREED] = {{"BYTES", 9, 0, MS_LEAKS_BY_BYTES},
                            {"BLOCKS", 8, 0, MS_LEAKS_BY_BLOCKS}},
    [MS_LEAKS_MISUSE] = {{"TIMES", 8, 0, MS_LEAKS_BY_BLOCKS},
                         {"BYTES", 9, 60, MS_LEAKS_BY_BYTES},
                         {"SINCE", 10, 72, MS_LEAKS_BY_AGE}},
};

static void figure_text(const struct ms_leaks_item *item, enum ms_leaks_order order, char *out,
                        size_t size)
{
    char text[MS_FORMAT_MAX];
    const char *about = item->estimated ? "~" : "";
    switch (order) {
    case MS_LEAKS_BY_SURE:
        snprintf(out, size, "%.0f%%", 100 * item->confidence);
        break;
    case MS_LEAKS_BY_SLOPE:
        ms_format_bytes_rate(out, size, item->slope_bytes_per_s);
        break;
    case MS_LEAKS_BY_BYTES:
        if (item->bytes == 0 && item->misuse != NULL) {
            snprintf(out, size, "n/a");
            break;
        }
        snprintf(out, size, "%s%s", about, ms_format_bytes(text, sizeof text, (double)item->bytes));
        break;
    case MS_LEAKS_BY_BLOCKS:
        snprintf(out, size, "%s%s", about,
                 ms_format_count(text, sizeof text, (double)item->blocks));
        break;
    default:
        ms_format_elapsed(out, size, item->age_ns);
        break;
    }
}

/* Returns the column behind the figures. */
static int draw_head(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     int row)
{
    const struct ms_leaks_view *leaks = tui->leaks;
    int at = 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int i = 0; i < view->columns; i++) {
        ms_grid_put_char(grid, row, i, L' ');
    }
    for (const struct column *column = columns_of[leaks->kind]; column->heading != NULL; column++) {
        if (view->columns >= column->screen_from) {
            const bool sorted = (size_t)column->order == leaks->listing.order;
            ms_grid_pen(grid, sorted ? MS_COLOUR_TITLE : MS_COLOUR_DIM,
                        MS_ATTRIBUTE_UNDERLINE | (sorted ? MS_ATTRIBUTE_BOLD : 0u));
            ms_grid_printf(grid, row, at, column->width, "%*s", column->width, column->heading);
            at += column->width;
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    ms_grid_put(grid, row, at + 2, view->columns - at - 2,
                leaks->kind == MS_LEAKS_MISUSE ? "WHAT, ALLOCATED AT, RELEASED AT"
                                               : "ALLOCATED AT");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return at + 2;
}

/* Whose it is, at the right end, when there are several. Returns the cells left for the rest. */
static int draw_process(const struct ms_view *view, struct ms_grid *grid, int row, int width,
                        const struct ms_leaks_item *item)
{
    const struct ms_site *site = ms_model_site_by_id(
        view->model, item->site_id != 0 ? item->site_id : item->released_site_id);
    const struct ms_process *process =
        site != NULL ? ms_model_process_by_id(view->model, site->process_id) : NULL;
    if (process == NULL || width < 50 || ms_model_process_count(view->model) < 2) {
        return width;
    }
    char text[64];
    ms_tui_process_text(process, text, sizeof text);
    const int used = ms_grid_text_width(grid, text);
    ms_grid_put(grid, row, view->columns - used, used, text);
    return width - used - 2;
}

static void draw_what(const struct ms_view *view, struct ms_grid *grid, int row, int column,
                      const struct ms_leaks_item *item)
{
    char name[512];
    char place[256];
    const int width = draw_process(view, grid, row, view->columns - column, item);
    const struct ms_site *site = ms_model_site_by_id(view->model, item->site_id);
    if (item->misuse != NULL) {
        char released[512];
        ms_stack_site_name(site, name, sizeof name, place, sizeof place);
        ms_stack_site_name(ms_model_site_by_id(view->model, item->released_site_id), released,
                           sizeof released, place, sizeof place);
        ms_grid_printf(grid, row, column, width, "%s  %s > %s", ms_misuse_word(item->misuse->kind),
                       item->site_id != 0 ? name : "(not known)",
                       item->released_site_id != 0 ? released : "(not known)");
        return;
    }
    ms_stack_site_name(site, name, sizeof name, place, sizeof place);
    const int used = ms_grid_put(grid, row, column, width, name);
    if (place[0] != '\0' && used + 4 < width) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, column + used + 2, width - used - 2, place);
    }
}

static void draw_row(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     int row, const struct ms_leaks_item *item)
{
    const struct ms_leaks_view *leaks = tui->leaks;
    const bool chosen = item->id == leaks->listing.rows.selected;
    const bool error = item->misuse != NULL && item->misuse->kind != MS_MISUSE_OTHER_LIBRARY;
    const enum ms_colour colour = chosen             ? MS_COLOUR_SELECTED
                                  : item->suppressed ? MS_COLOUR_DIM
                                  : error            ? MS_COLOUR_ALERT_MEDIUM
                                                     : MS_COLOUR_DEFAULT;
    int at = 1;
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    for (const struct column *column = columns_of[leaks->kind]; column->heading != NULL; column++) {
        char text[MS_FORMAT_MAX + 4];
        if (view->columns >= column->screen_from) {
            figure_text(item, column->order, text, sizeof text);
            ms_grid_printf(grid, row, at, column->width, "%*s", column->width, text);
            at += column->width;
        }
    }
    draw_what(view, grid, row, at + 2, item);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_empty(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row)
{
    char text[512];
    const struct ms_area area = {.row = row + 1,
                                 .column = 4,
                                 .rows = view->layout.message_row - row - 1,
                                 .columns = view->columns - 8};
    switch (tui->leaks->kind) {
    case MS_LEAKS_LIKELY:
        if (!ms_why_no_stacks(tui, view->model, text, sizeof text)) {
            ms_leaks_why_none(ms_findings_leaks(view->findings), view->model, text, sizeof text);
        }
        break;
    case MS_LEAKS_NOT_FREED:
        snprintf(text, sizeof text, "%s",
                 tui->leaks->not_freed_all > 0
                     ? ""
                     : "No ended process left memory unfreed. What is live now is "
                       "on screen 5; a process that calls exec does not count as ended.");
        break;
    default:
        snprintf(text, sizeof text,
                 "No double free, mismatch or overrun was seen, and no library frees what another "
                 "allocated.");
        break;
    }
    if (tui->leaks->listing.filter.length > 0 && tui->leaks->all > 0) {
        snprintf(text, sizeof text, "Nothing matches the filter. Esc clears it.");
    } else if (!ms_scope_is_all(&tui->scope) &&
               ms_leaks_view_items(tui, view, tui->leaks->kind) > 0) {
        snprintf(text, sizeof text, "Nothing in focus. Esc leaves the focus.");
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_text(grid, area, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Why it is listed, and the call stacks. */
static void draw_detail(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, int end, const struct ms_leaks_item *item)
{
    char why[MS_LEAK_REASON_MAX + 64] = "";
    if (item->leak != NULL) {
        snprintf(why, sizeof why, "%s%s", item->suppressed ? "suppressed; " : "",
                 item->leak->reason);
    } else if (item->misuse != NULL) {
        snprintf(why, sizeof why, "%s",
                 item->misuse->how[0] != '\0' ? item->misuse->how
                                              : ms_misuse_meaning(item->misuse->kind));
    } else if (item->suppressed) {
        snprintf(why, sizeof why, "suppressed");
    }
    if (why[0] != '\0' && row < end) {
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        const struct ms_area area = {
            .row = row, .column = 1, .rows = end - row, .columns = view->columns - 2};
        row += ms_theme_text(grid, area, why);
    }
    const struct ms_site *site = ms_model_site_by_id(view->model, item->site_id);
    const struct ms_site *released = ms_model_site_by_id(view->model, item->released_site_id);
    const int half = released != NULL ? row + (end - row) / 2 : end;
    if (row + 1 < end) {
        row = ms_stack_draw(tui, grid, row, half, "allocated at", site);
    }
    if (released != NULL && row + 1 < end) {
        ms_stack_draw(tui, grid, row, end, "released at", released);
    }
}

/* Of the past: from when on it was judged, as what grows slowly shows only in long. */
static const char *judged_hint(const struct ms_view *view, char *out, size_t size)
{
    const struct ms_tui_time *time = view->status->time;
    /* The begin of a session is within a second of its first tick. */
    if (!ms_time_away(view) || time->judged_from_ns < time->first_ns + MS_SECOND_NS ||
        time->at_ns <= time->judged_from_ns) {
        return "t next list  / filter";
    }
    snprintf(out, size, "judged by the %u s before%s",
             (unsigned)((time->at_ns - time->judged_from_ns) / MS_SECOND_NS),
             view->columns >= 100 ? " this moment; memscope-top report judges all" : "");
    return out;
}

static int list_rows(const struct ms_view *view, size_t items)
{
    const int room = view->layout.message_row - view->layout.body.row - 2;
    const int half = room > 8 ? room / 2 : room;
    return (int)items < half ? (int)items : half;
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct ms_leaks_view *leaks = tui->leaks;
    int row = view->layout.body.row;
    if (leaks == NULL) {
        ms_grid_put(grid, row, 1, view->columns - 1, "Out of memory for this screen.");
        return;
    }
    char hint[96];
    ms_leaks_view_update(tui, view);
    draw_kinds(tui, view, grid, row++);
    struct ms_rows *rows = &leaks->listing.rows;
    if (rows->count == 0) {
        draw_empty(tui, view, grid, row);
    } else {
        const int shown = list_rows(view, rows->count);
        struct ms_leaks_item item;
        ms_rows_scroll(rows, (size_t)shown, 1);
        draw_head(tui, view, grid, row++);
        for (int i = 0; i < shown && rows->top + (size_t)i < rows->count; i++, row++) {
            if (ms_leaks_view_item(tui, view, rows->ids[rows->top + (size_t)i], &item)) {
                draw_row(tui, view, grid, row, &item);
            }
        }
        const int end = view->layout.message_row;
        if (row + 2 < end && ms_leaks_view_item(tui, view, rows->selected, &item)) {
            draw_detail(tui, view, grid, row, end, &item);
        }
    }
    ms_listing_draw_filter(tui, view, grid, &leaks->listing, leaks->all,
                           ms_leaks_kinds[leaks->kind].unit, judged_hint(view, hint, sizeof hint));
}

static void next_kind(struct ms_leaks_view *leaks)
{
    leaks->kept[leaks->kind] = (enum ms_leaks_order)leaks->listing.order;
    leaks->kind = (enum ms_leaks_kind)((leaks->kind + 1) % MS_LEAKS_KINDS);
    ms_listing_sort_by(&leaks->listing, leaks->kept[leaks->kind]);
    leaks->listing.rows.chosen = false;
    leaks->listing.rows.top = 0;
}

/* Call sites of the list from the marked one on, round its end; of a misuse both of its places. */
static void open_marked(struct ms_tui *tui, const struct ms_view *view)
{
    const struct ms_rows *rows = &tui->leaks->listing.rows;
    uint32_t ids[MS_SITE_STEPS_MAX];
    size_t count = 0;
    struct ms_leaks_item item;
    if (!ms_leaks_view_item(tui, view, rows->selected, &item)) {
        return;
    }
    if (item.misuse != NULL) {
        const uint32_t places[] = {item.site_id, item.released_site_id};
        for (size_t i = 0; i < 2; i++) {
            if (places[i] != 0) {
                ids[count++] = places[i];
            }
        }
        ms_tui_open_sites(tui, view, ids, count, count);
        return;
    }
    for (; count < rows->count && count < MS_SITE_STEPS_MAX; count++) {
        ids[count] = (uint32_t)rows->ids[(rows->position + count) % rows->count];
    }
    ms_tui_open_sites(tui, view, ids, count, rows->count);
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input)
{
    struct ms_rows *rows = &tui->leaks->listing.rows;
    const int first = view->layout.body.row + 2;
    const int line = input->row - first;
    if (line >= 0 && line < list_rows(view, rows->count)) {
        ms_rows_select(rows, rows->top + (size_t)line, ms_model_now_ns(view->model));
        if (input->mouse_action == MS_MOUSE_DOUBLE_CLICK) {
            open_marked(tui, view);
        }
    } else if (input->row == view->layout.body.row) {
        next_kind(tui->leaks);
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    struct ms_leaks_view *leaks = tui->leaks;
    if (leaks == NULL) {
        return;
    }
    ms_leaks_view_update(tui, view); /* keys may come before the first drawing */
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input);
        return;
    }
    const long page = list_rows(view, leaks->listing.rows.count);
    if (ms_listing_act(&leaks->listing, &ms_leaks_orders, action, 1, page > 0 ? page : 1,
                       ms_model_now_ns(view->model))) {
        return;
    }
    if (action == MS_ACTION_SHAPE) {
        next_kind(leaks);
    } else if (action == MS_ACTION_ENTER) {
        open_marked(tui, view);
    }
}

static struct ms_listing *listing(struct ms_tui *tui)
{
    return tui->leaks != NULL ? &tui->leaks->listing : NULL;
}

const struct ms_screen ms_screen_leaks = {.place = MS_PLACE_LEAKS,
                                          .digit = '6',
                                          .tab = "Leak",
                                          .orders = &ms_leaks_orders,
                                          .listing = listing,
                                          .init = ms_leaks_view_open,
                                          .draw = draw,
                                          .key = key};
