/*
 * Screen D: what changed since a mark, by call site or by thread, each figure beside what it goes
 * up and down by itself. What differs less is said to be the same.
 */
#include "tui/diff.h"

#include <stdio.h>

#include "model/format.h"
#include "tui/stack.h"

enum { DETAIL_ROWS_MAX = 12, TOTALS_FROM = 9, KINDS_FROM = 6 /* rows of the body */ };

struct column {
    const char *heading;
    int width;
    int screen_from; /* columns of the screen from which it is shown */
};

enum { VERDICT, CHANGE, BEFORE, AFTER, NOISE, COLUMNS };
static const struct column columns[COLUMNS] = {
    [VERDICT] = {"", 7, 0},    [CHANGE] = {"CHANGE", 10, 0}, [BEFORE] = {"BEFORE", 9, 60},
    [AFTER] = {"AFTER", 9, 0}, [NOISE] = {"NOISE", 8, 72},
};

static int body_rows(const struct ms_view *view)
{
    return view->layout.message_row - view->layout.body.row;
}

/* Rows above the list: since when, totals, kinds, headings. */
static int head_rows(const struct ms_view *view)
{
    return 2 + (body_rows(view) >= KINDS_FROM) + (body_rows(view) >= TOTALS_FROM);
}

static int list_rows(const struct ms_view *view, size_t items)
{
    const int room = body_rows(view) - head_rows(view);
    const int detail = room / 2 < DETAIL_ROWS_MAX ? room / 2 : DETAIL_ROWS_MAX;
    const int most = room > 8 ? room - detail : room;
    return (int)items < most ? (int)items : most;
}

static enum ms_colour colour_of(enum ms_diff_verdict verdict)
{
    switch (verdict) {
    case MS_DIFF_SAME:
        return MS_COLOUR_DIM;
    case MS_DIFF_GREW:
    case MS_DIFF_NEW:
        return MS_COLOUR_ALERT_MEDIUM;
    default:
        return MS_COLOUR_DEFAULT;
    }
}

static void draw_since(const struct ms_view *view, struct ms_grid *grid, int row,
                       const struct ms_tui_changes *changes)
{
    char elapsed[MS_FORMAT_MAX];
    char ago[MS_FORMAT_MAX];
    const uint64_t start_ns = ms_model_start_ns(view->model);
    const uint64_t now_ns = ms_model_now_ns(view->model);
    const uint64_t before_ns = changes->before_ns;
    const bool file = view->status->time != NULL && view->status->time->file;
    const bool mark = changes->marks_back < changes->marks;
    int at = 1;
    ms_grid_pen(grid, MS_COLOUR_TITLE, 0);
    if (mark) {
        at += ms_grid_printf(grid, row, at, view->columns - at, "since mark %zu of %zu",
                             changes->marks - changes->marks_back, changes->marks);
    } else {
        at += ms_grid_put(grid, row, at, view->columns - at, "since the start");
    }
    if (mark && changes->mark[0] != '\0') {
        at += ms_grid_put(grid, row, at, view->columns - at, " \"");
        at += ms_grid_put(grid, row, at, view->columns / 3, changes->mark);
        at += ms_grid_put(grid, row, at, view->columns - at, "\"");
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (changes->diff != NULL) {
        ms_format_elapsed(elapsed, sizeof elapsed, before_ns > start_ns ? before_ns - start_ns : 0);
        ms_format_elapsed(ago, sizeof ago, now_ns - before_ns);
        at += ms_grid_printf(grid, row, at, view->columns - at, ", at %s, %s before this", elapsed,
                             ago);
    }
    if (changes->marks == 0) {
        ms_grid_printf(grid, row, at, view->columns - at, "; %s",
                       file ? "there is no earlier mark" : "b sets a mark");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Of everything together, each measure: its change, or that it is the same. */
static void draw_totals(const struct ms_view *view, struct ms_grid *grid, int row,
                        const struct ms_diff *diff)
{
    const struct ms_diff_row *totals = ms_diff_totals(diff);
    int at = 1;
    for (int i = 0; i < MS_DIFF_MEASURE_TOTAL; i++) {
        char text[MS_FORMAT_MAX];
        const enum ms_diff_measure measure = (enum ms_diff_measure)i;
        const bool same = totals->verdict[i] == MS_DIFF_SAME;
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        at += ms_grid_printf(grid, row, at, view->columns - at, "%s ",
                             ms_diff_measure_heading(measure));
        ms_grid_pen(grid, colour_of(totals->verdict[i]), same ? 0 : MS_ATTRIBUTE_BOLD);
        ms_diff_change(text, sizeof text, measure, totals->before[i], totals->after[i]);
        at += ms_grid_put(grid, row, at, view->columns - at, same ? "same" : text) + 2;
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static size_t changed(const struct ms_diff *diff, enum ms_diff_kind kind, size_t measure)
{
    size_t count = 0;
    for (size_t i = 0; i < ms_diff_count(diff, kind); i++) {
        count += ms_diff_row(diff, kind, i)->verdict[measure] != MS_DIFF_SAME;
    }
    return count;
}

static void draw_kinds(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row, const struct ms_diff *diff)
{
    static const char *const words[] = {
        [MS_DIFF_SITES] = "call sites", [MS_DIFF_THREADS] = "threads"};
    int at = 1;
    for (int kind = 0; kind < 2; kind++) {
        const bool here = kind == (int)tui->diff->kind;
        ms_grid_pen(grid, here ? MS_COLOUR_TAB_ACTIVE : MS_COLOUR_DIM,
                    here ? MS_ATTRIBUTE_BOLD : 0);
        at += ms_grid_printf(
                  grid, row, at, view->columns - at, "%c%zu of %zu %s%c", here ? '[' : ' ',
                  changed(diff, (enum ms_diff_kind)kind, tui->diff->listing.order),
                  ms_diff_count(diff, (enum ms_diff_kind)kind), words[kind], here ? ']' : ' ') +
              1;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_printf(grid, row, at, view->columns - at, "changed by %s",
                   ms_diff_measure_what((enum ms_diff_measure)tui->diff->listing.order));
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_head(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                      int row)
{
    int at = 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int i = 0; i < view->columns; i++) {
        ms_grid_put_char(grid, row, i, L' ');
    }
    for (int i = 0; i < COLUMNS; i++) {
        if (view->columns < columns[i].screen_from) {
            continue;
        }
        if (i == VERDICT) {
            ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_UNDERLINE | MS_ATTRIBUTE_BOLD);
            ms_grid_put(
                grid, row, at, columns[i].width,
                tui->diff->listing.order == MS_DIFF_ALLOCATED
                    ? "alloc"
                    : ms_diff_measure_heading((enum ms_diff_measure)tui->diff->listing.order));
            ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
        } else {
            ms_grid_printf(grid, row, at, columns[i].width, "%*s", columns[i].width,
                           columns[i].heading);
        }
        at += columns[i].width;
    }
    ms_grid_put(grid, row, at + 2, view->columns - at - 2,
                tui->diff->kind == MS_DIFF_SITES ? "ALLOCATED AT" : "THREAD");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void column_text(const struct ms_diff_row *row, enum ms_diff_measure measure, int column,
                        char *out, size_t size)
{
    switch (column) {
    case VERDICT:
        snprintf(out, size, "%s", ms_diff_verdict_word(row->verdict[measure]));
        break;
    case CHANGE:
        ms_diff_change(out, size, measure, row->before[measure], row->after[measure]);
        break;
    case BEFORE:
        ms_diff_figure(out, size, measure, row->before[measure]);
        break;
    case AFTER:
        ms_diff_figure(out, size, measure, row->after[measure]);
        break;
    default:
        ms_diff_figure(out, size, measure, row->noise[measure]);
        break;
    }
}

static void draw_row(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     int line, const struct ms_tui_changes *changes, uint64_t id)
{
    char text[512];
    const struct ms_diff_view *view_of_diff = tui->diff;
    const struct ms_diff_row *row = ms_diff_view_row(view_of_diff, changes, id);
    if (row == NULL) {
        return;
    }
    const enum ms_diff_measure measure = (enum ms_diff_measure)view_of_diff->listing.order;
    const bool chosen = id == view_of_diff->listing.rows.selected;
    int at = 1;
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : colour_of(row->verdict[measure]),
                chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, line, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    for (int i = 0; i < COLUMNS; i++) {
        if (view->columns >= columns[i].screen_from) {
            column_text(row, measure, i, text, sizeof text);
            ms_grid_printf(grid, line, at, columns[i].width, i == VERDICT ? "%-*s" : "%*s",
                           columns[i].width, text);
            at += columns[i].width;
        }
    }
    ms_diff_label(changes->diff, view_of_diff->kind, row, text, sizeof text);
    at += 2;
    at += ms_grid_put(grid, line, at, view->columns - at, text);
    const uint32_t many =
        row->after_count > row->before_count ? row->after_count : row->before_count;
    if (many > 1 && at + 4 < view->columns) {
        ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, line, at, view->columns - at, " x%u", many);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_empty(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row, const struct ms_tui_changes *changes)
{
    const struct ms_area area = {.row = row + 1,
                                 .column = 4,
                                 .rows = view->layout.message_row - row - 1,
                                 .columns = view->columns - 8};
    const char *text = "Nothing had allocated, then or now.";
    if (changes->diff == NULL) {
        text = changes->why;
    } else if (tui->diff->all > 0) {
        text = "Nothing matches the filter. Esc clears it.";
    } else if (!ms_scope_is_all(&tui->scope)) {
        text = "Nothing in focus.";
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_text(grid, area, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Where the marked call site is; gone ones have their stack in the model of before. */
static void draw_detail(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, const struct ms_tui_changes *changes)
{
    const struct ms_diff_row *marked =
        ms_diff_view_row(tui->diff, changes, tui->diff->listing.rows.selected);
    if (marked == NULL || tui->diff->kind != MS_DIFF_SITES || row + 1 >= view->layout.message_row) {
        return;
    }
    const bool after = marked->after_count != 0;
    const struct ms_site *site =
        ms_model_site_by_id(after ? ms_diff_after(changes->diff) : ms_diff_before(changes->diff),
                            after ? marked->after_id : marked->before_id);
    ms_stack_draw(tui, grid, row, view->layout.message_row, "allocated at", site);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    int row = view->layout.body.row;
    struct ms_diff_view *diff = tui->diff;
    if (diff == NULL) {
        ms_grid_put(grid, row, 1, view->columns - 1, "Out of memory for this screen.");
        return;
    }
    const struct ms_tui_changes *changes = ms_diff_view_update(tui, view);
    struct ms_rows *rows = &diff->listing.rows;
    draw_since(view, grid, row++, changes);
    if (changes->diff != NULL && body_rows(view) >= TOTALS_FROM) {
        draw_totals(view, grid, row++, changes->diff);
    }
    if (changes->diff != NULL && body_rows(view) >= KINDS_FROM) {
        draw_kinds(tui, view, grid, row++, changes->diff);
    }
    if (rows->count == 0) {
        draw_empty(tui, view, grid, row, changes);
    } else {
        const int count = list_rows(view, rows->count);
        ms_rows_scroll(rows, count > 0 ? (size_t)count : 1, 1);
        draw_head(tui, view, grid, row++);
        for (int i = 0; i < count && rows->top + (size_t)i < rows->count; i++) {
            draw_row(tui, view, grid, row++, changes, rows->ids[rows->top + (size_t)i]);
        }
        draw_detail(tui, view, grid, row, changes);
    }
    ms_listing_draw_filter(tui, view, grid, &diff->listing, diff->all,
                           diff->kind == MS_DIFF_SITES ? "call sites" : "threads",
                           diff->kind == MS_DIFF_SITES ? "t threads  [ ] other mark"
                                                       : "t call sites  [ ] other mark");
}

/* Call sites of the list from the marked one on, round its end, or the marked thread. What is gone
 * is in no screen but this one. */
static void open_marked(struct ms_tui *tui, const struct ms_view *view)
{
    const struct ms_rows *rows = &tui->diff->listing.rows;
    uint32_t ids[MS_SITE_STEPS_MAX];
    size_t count = 0;
    size_t all = 0;
    if (rows->count == 0 || rows->selected > UINT32_MAX) {
        return;
    }
    if (tui->diff->kind == MS_DIFF_THREADS) {
        ms_tui_focus_thread(tui, view, (uint32_t)rows->selected);
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const uint64_t id = rows->ids[(rows->position + i) % rows->count];
        if (id <= UINT32_MAX) {
            all++;
            if (count < MS_SITE_STEPS_MAX) {
                ids[count++] = (uint32_t)id;
            }
        }
    }
    ms_tui_open_sites(tui, view, ids, count, all);
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input)
{
    struct ms_rows *rows = &tui->diff->listing.rows;
    const int line = input->row - view->layout.body.row - head_rows(view);
    if (line >= 0 && line < list_rows(view, rows->count)) {
        ms_rows_select(rows, rows->top + (size_t)line, ms_model_now_ns(view->model));
        if (input->mouse_action == MS_MOUSE_DOUBLE_CLICK) {
            open_marked(tui, view);
        }
    }
}

static void other_rows(struct ms_diff_view *diff)
{
    diff->listing.rows.chosen = false;
    diff->listing.rows.top = 0;
    ms_rows_release(&diff->listing.rows);
}

static void go_back(struct ms_tui *tui, const struct ms_view *view)
{
    if (tui->diff->listing.filter.length > 0) {
        ms_entry_set(&tui->diff->listing.filter, "");
    } else {
        ms_tui_open(tui, view, tui->diff->from != NULL ? tui->diff->from : &ms_screen_overview);
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    struct ms_diff_view *diff = tui->diff;
    if (diff == NULL) {
        if (action == MS_ACTION_BACK) {
            ms_tui_open(tui, view, &ms_screen_overview);
        }
        return;
    }
    const struct ms_tui_changes *changes = ms_diff_view_update(tui, view);
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input);
        return;
    }
    const long page = list_rows(view, diff->listing.rows.count);
    switch (action) {
    case MS_ACTION_BACK:
        go_back(tui, view);
        break;
    case MS_ACTION_ENTER:
        open_marked(tui, view);
        break;
    case MS_ACTION_SHAPE:
        diff->kind = diff->kind == MS_DIFF_SITES ? MS_DIFF_THREADS : MS_DIFF_SITES;
        other_rows(diff);
        break;
    case MS_ACTION_EARLIER_MARK:
        diff->marks_back =
            changes->marks_back < changes->marks ? changes->marks_back + 1 : changes->marks;
        break;
    case MS_ACTION_LATER_MARK:
        diff->marks_back = changes->marks_back > 0 ? changes->marks_back - 1 : 0;
        break;
    default:
        (void)ms_listing_act(&diff->listing, &ms_diff_orders, action, 1, page > 0 ? page : 1,
                             ms_model_now_ns(view->model));
        break;
    }
}

static struct ms_listing *listing(struct ms_tui *tui)
{
    return tui->diff != NULL ? &tui->diff->listing : NULL;
}

const struct ms_screen ms_screen_diff = {.place = MS_PLACE_DIFF,
                                         .tab = "Diff",
                                         .orders = &ms_diff_orders,
                                         .listing = listing,
                                         .init = ms_diff_view_open,
                                         .draw = draw,
                                         .key = key};
