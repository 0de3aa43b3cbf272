/*
 * Screen p: the processes of the session, as the tree that fork and exec made or as a flat list.
 * Every row has the figures of its process alone; a folded one those of its whole branch.
 */
#include "tui/processes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"

enum { PID_WIDTH = 8, STATE_WIDTH = 9, SEEN_WIDTH = 8, NAME_WIDTH_MIN = 14, INDENT = 2 };

/* --- drawing --- */

struct widths {
    bool columns[MS_PROCESSES_COLUMNS];
    bool pid, state, seen;
    int name, figures; /* width of the names, where the figures begin */
};

static struct widths widths_of(const struct ms_processes_state *state, int width)
{
    static const enum ms_processes_column wanted[] = {
        MS_PROCESSES_LIVE, MS_PROCESSES_CPU,     MS_PROCESSES_PEAK, MS_PROCESSES_RATE,
        MS_PROCESSES_RSS,  MS_PROCESSES_THREADS, MS_PROCESSES_AGE,  MS_PROCESSES_ALLOCATIONS};
    struct widths widths = {.pid = width >= 36, .state = width >= 52};
    const enum ms_processes_column sorted = (enum ms_processes_column)state->listing.order;
    const int name = width * 3 / 10 > NAME_WIDTH_MIN ? width * 3 / 10 : NAME_WIDTH_MIN;
    int room = width - 2 - name - (widths.pid ? PID_WIDTH : 0) - (widths.state ? STATE_WIDTH : 0);
    if (sorted != MS_PROCESSES_START && room >= ms_processes_columns[sorted].width) {
        widths.columns[sorted] = true;
        room -= ms_processes_columns[sorted].width;
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const enum ms_processes_column column = wanted[i];
        if (!widths.columns[column] && room >= ms_processes_columns[column].width) {
            widths.columns[column] = true;
            room -= ms_processes_columns[column].width;
        }
    }
    if (room >= SEEN_WIDTH) {
        widths.seen = true;
        room -= SEEN_WIDTH;
    }
    widths.name = name + room;
    widths.figures = 2 + widths.name;
    return widths;
}

static void draw_head(const struct ms_processes_state *state, struct ms_grid *grid, int row,
                      const struct widths *widths)
{
    int column = widths->figures;
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int i = 0; i < ms_grid_columns(grid); i++) {
        ms_grid_put_char(grid, row, i, L' ');
    }
    ms_grid_put(grid, row, 2, widths->name, "PROCESS");
    if (widths->pid) {
        ms_grid_printf(grid, row, column, PID_WIDTH, "%*s", PID_WIDTH - 1, "PID");
        column += PID_WIDTH;
    }
    if (widths->state) {
        ms_grid_put(grid, row, column, STATE_WIDTH, "STATE");
        column += STATE_WIDTH;
    }
    for (int i = 0; i < MS_PROCESSES_COLUMNS; i++) {
        if (!widths->columns[i]) {
            continue;
        }
        const bool sorted = (size_t)i == state->listing.order;
        ms_grid_pen(grid, sorted ? MS_COLOUR_TITLE : MS_COLOUR_DIM,
                    MS_ATTRIBUTE_UNDERLINE | (sorted ? MS_ATTRIBUTE_BOLD : 0u));
        ms_grid_printf(grid, row, column, ms_processes_columns[i].width, "%*s",
                       ms_processes_columns[i].width - 1, ms_processes_columns[i].heading);
        column += ms_processes_columns[i].width;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    if (widths->seen) {
        ms_grid_put(grid, row, column + 1, SEEN_WIDTH, "SEEN");
    }
}

/* Lines that lead to the row; returns the cells taken. */
static int draw_lines(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                      int width, const struct ms_tree_row *at)
{
    const struct ms_tree *tree = &tui->processes.tree;
    const bool ascii = ms_theme_ascii(tui);
    const int used = (int)at->depth * INDENT;
    const int shift = used > width / 2 ? used - width / 2 : 0; /* the nearest levels are shown */
    int cell = used;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    for (const struct ms_tree_row *level = at; level->parent != SIZE_MAX && cell > shift;
         level = &tree->rows[level->parent]) {
        cell -= INDENT;
        const char *line;
        if (level == at) {
            line = at->by_exec ? (ascii ? "`>" : "\u2514\u25b8")
                   : at->last  ? (ascii ? "`-" : "\u2514\u2500")
                               : (ascii ? "|-" : "\u251c\u2500");
        } else {
            line = level->last ? "  " : ascii ? "| " : "\u2502 ";
        }
        if (cell >= shift) {
            ms_grid_put(grid, row, column + cell - shift, INDENT, line);
        }
    }
    return used - shift;
}

static void format_figure(char *out, size_t size, double figure, enum ms_processes_column column)
{
    if (isnan(figure)) {
        snprintf(out, size, "-");
        return;
    }
    switch (column) {
    case MS_PROCESSES_CPU:
        snprintf(out, size, "%.1f", figure);
        break;
    case MS_PROCESSES_LIVE:
    case MS_PROCESSES_PEAK:
    case MS_PROCESSES_RSS:
        ms_format_bytes(out, size, figure);
        break;
    case MS_PROCESSES_AGE:
        if (figure < 100 * (double)MS_SECOND_NS) {
            snprintf(out, size, "%.2fs", figure / (double)MS_SECOND_NS);
        } else {
            ms_format_elapsed(out, size, (uint64_t)figure);
        }
        break;
    case MS_PROCESSES_THREADS:
        snprintf(out, size, "%.0f", figure);
        break;
    default:
        ms_format_count(out, size, figure);
        break;
    }
}

static enum ms_colour state_colour(const struct ms_process *process, enum ms_colour colour)
{
    const bool failed = process->end_ns != 0 && !process->replaced_by_exec &&
                        (process->exit_status == -1 || process->exit_status > 0);
    return failed ? MS_COLOUR_ERROR : colour;
}

static void draw_name(const struct ms_tui *tui, struct ms_grid *grid, int row, int width,
                      const struct ms_tree_row *at, const struct ms_process *process,
                      enum ms_colour colour, bool chosen)
{
    const struct ms_processes_state *state = &tui->processes;
    char command[512];
    int used = 0;
    if (!state->flat) {
        used = draw_lines(tui, grid, row, 2, width, at);
    }
    ms_processes_command(process, command, sizeof command);
    const size_t name_bytes = strcspn(command, " ");
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    if (ms_processes_shows_branch(state, at)) {
        used += ms_grid_put(grid, row, 2 + used, width - used, "+");
    }
    used += ms_grid_put_bytes(grid, row, 2 + used, width - used - 1, command, name_bytes, 0);
    if (ms_processes_shows_branch(state, at)) {
        used += ms_grid_printf(grid, row, 2 + used, width - used - 1, " [+%zu]", at->rows - 1);
    }
    ms_grid_pen(grid, chosen ? colour : MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, 2 + used, width - used - 1, command + name_bytes);
}

static void draw_row(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     int row, const struct widths *widths, const struct ms_tree_row *at,
                     const struct ms_process *process)
{
    const struct ms_processes_state *state = &tui->processes;
    const uint64_t now_ns = ms_model_now_ns(view->model);
    const bool chosen = process->id == state->listing.rows.selected;
    const bool fitting = ms_processes_fits(process, state->listing.filter.text);
    const bool dim = process->end_ns != 0 || !fitting ||
                     !ms_scope_has_process(&tui->scope, view->model, process);
    const enum ms_colour colour = chosen ? MS_COLOUR_SELECTED
                                  : dim  ? MS_COLOUR_DIM
                                         : MS_COLOUR_DEFAULT;
    const unsigned bold = chosen ? MS_ATTRIBUTE_BOLD : 0;
    ms_grid_pen(grid, colour, bold);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    draw_name(tui, grid, row, widths->name, at, process, colour, chosen);
    int column = widths->figures;
    char text[MS_FORMAT_MAX];
    ms_grid_pen(grid, colour, bold);
    if (widths->pid) {
        snprintf(text, sizeof text, process->pid > 0 ? "%d" : "-", (int)process->pid);
        ms_grid_printf(grid, row, column, PID_WIDTH, "%*s", PID_WIDTH - 1, text);
        column += PID_WIDTH;
    }
    if (widths->state) {
        ms_processes_state_text(process, text, sizeof text);
        ms_grid_pen(grid, chosen ? colour : state_colour(process, colour), bold);
        ms_grid_put(grid, row, column, STATE_WIDTH - 1, text);
        column += STATE_WIDTH;
    }
    ms_grid_pen(grid, colour, bold);
    for (int i = 0; i < MS_PROCESSES_COLUMNS; i++) {
        if (widths->columns[i]) {
            format_figure(
                text, sizeof text,
                ms_processes_figure(state, process, at, now_ns, (enum ms_processes_column)i),
                (enum ms_processes_column)i);
            ms_grid_printf(grid, row, column, ms_processes_columns[i].width, "%*s",
                           ms_processes_columns[i].width - 1, text);
            column += ms_processes_columns[i].width;
        }
    }
    if (widths->seen) {
        ms_grid_pen(grid,
                    chosen                          ? colour
                    : process->seen == MS_SEEN_FULL ? colour
                                                    : MS_COLOUR_ALERT_MEDIUM,
                    0);
        ms_grid_put(grid, row, column + 1, SEEN_WIDTH - 1, ms_processes_seen_text(process));
    }
}

/* Why the selected one is not seen in full, else what it was called with. */
static void draw_detail(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row)
{
    const struct ms_process *process =
        ms_model_process_by_id(view->model, (uint32_t)tui->processes.listing.rows.selected);
    if (process == NULL) {
        return;
    }
    const int width = view->columns - 2;
    if (process->seen != MS_SEEN_FULL) {
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        ms_grid_printf(grid, row, 1, width, "heap tracked %s: %s",
                       process->seen == MS_SEEN_NONE ? "not at all" : "in part",
                       process->seen_because);
        return;
    }
    char text[1024];
    char allocated[MS_FORMAT_MAX];
    ms_processes_command(process, text, sizeof text);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_format_count(allocated, sizeof allocated, (double)process->totals.allocations);
    int used = ms_grid_printf(grid, row, 1, width, "%s allocations", allocated);
    if (process->totals.foreign_frees > 0) {
        used += ms_grid_printf(grid, row, 1 + used, width - used,
                               ", %" PRIu64 " frees of blocks it did not allocate",
                               process->totals.foreign_frees);
    }
    ms_grid_printf(grid, row, 1 + used, width - used, "  %s", text);
}

static void draw_total(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row)
{
    const struct ms_branch *total = &tui->processes.tree.total;
    char live[MS_FORMAT_MAX];
    char allocations[MS_FORMAT_MAX];
    char rate[MS_FORMAT_MAX];
    char rss[MS_FORMAT_MAX];
    char peaks[MS_FORMAT_MAX];
    char cpu[MS_FORMAT_MAX];
    /* Here what ended ones have left is no live memory, as it is none in the title. */
    format_figure(live, sizeof live,
                  ms_processes_branch_figure(total, MS_PROCESSES_LIVE) - (double)total->left_bytes,
                  MS_PROCESSES_LIVE);
    format_figure(peaks, sizeof peaks, ms_processes_branch_figure(total, MS_PROCESSES_PEAK),
                  MS_PROCESSES_PEAK);
    format_figure(rss, sizeof rss, ms_processes_branch_figure(total, MS_PROCESSES_RSS),
                  MS_PROCESSES_RSS);
    format_figure(rate, sizeof rate, ms_processes_branch_figure(total, MS_PROCESSES_RATE),
                  MS_PROCESSES_RATE);
    format_figure(cpu, sizeof cpu, ms_processes_branch_figure(total, MS_PROCESSES_CPU),
                  MS_PROCESSES_CPU);
    format_figure(allocations, sizeof allocations,
                  ms_processes_branch_figure(total, MS_PROCESSES_ALLOCATIONS),
                  MS_PROCESSES_ALLOCATIONS);
    ms_grid_pen(grid, MS_COLOUR_TITLE, 0);
    ms_grid_printf(
        grid, row, 1, view->columns - 2,
        "%u running, %u ended  live %s  cpu %s%s  allocs %s (%s/s)  rss %s  sum of peaks "
        "%s",
        total->alive, total->ended, live, cpu, isnan(total->cpu_pct) ? "" : "%", allocations, rate,
        rss, peaks);
}

static int rows_shown(const struct ms_view *view)
{
    const int below = view->layout.body.rows >= 8 ? 2 : view->layout.body.rows >= 4 ? 1 : 0;
    const int shown = view->layout.body.rows - 1 - below;
    return shown > 0 ? shown : 0;
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct ms_processes_state *state = &tui->processes;
    const struct ms_area body = view->layout.body;
    ms_processes_update(tui, view->model);
    const struct widths widths = widths_of(state, view->columns);
    const int shown = rows_shown(view);
    struct ms_rows *rows = &state->listing.rows;
    ms_rows_scroll(rows, (size_t)shown, 1);
    draw_head(state, grid, body.row, &widths);
    for (int i = 0; i < shown && rows->top + (size_t)i < rows->count; i++) {
        const uint64_t id = rows->ids[rows->top + (size_t)i];
        const struct ms_tree_row *at = ms_processes_row(state, id);
        const struct ms_process *process = ms_model_process_by_id(view->model, (uint32_t)id);
        if (at != NULL && process != NULL) {
            draw_row(tui, view, grid, body.row + 1 + i, &widths, at, process);
        }
    }
    if (rows->count == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, body.row + 2, 4, view->columns - 5,
                    "No process matches the filter. Esc clears it.");
    }
    if (body.rows >= 8) {
        draw_detail(tui, view, grid, body.row + body.rows - 2);
    }
    if (body.rows >= 4) {
        draw_total(tui, view, grid, body.row + body.rows - 1);
    }
    if (view->layout.legend_row >= 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, view->layout.legend_row, 1, view->columns - 2, "%s, sort: %s %s%s",
                       state->flat ? "flat" : "tree",
                       ms_processes_columns[state->listing.order].name,
                       state->listing.ascending ? "up" : "down",
                       state->flat ? "" : "; a folded row [+n] shows the sums of its branch");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    ms_listing_draw_filter(tui, view, grid, &state->listing, state->tree.count, "processes",
                           "Enter focus  t tree/flat");
}

/* --- keys --- */

static void fold(struct ms_tui *tui, bool folded, uint64_t now_ns)
{
    struct ms_processes_state *state = &tui->processes;
    struct ms_rows *rows = &state->listing.rows;
    const struct ms_tree_row *at = ms_processes_row(state, rows->selected);
    if (at == NULL || state->flat) {
        return;
    }
    const bool open = at->rows > 1 && !ms_processes_is_folded(state, at->process_id);
    if (folded == open && at->rows > 1) {
        ms_processes_set_folded(state, at->process_id, folded);
        ms_rows_select(rows, rows->position, now_ns);
    } else if (folded && at->parent != SIZE_MAX) { /* to the one it lies below */
        const uint32_t parent = state->tree.rows[at->parent].process_id;
        for (size_t i = 0; i < rows->count; i++) {
            if (rows->ids[i] == parent) {
                ms_rows_select(rows, i, now_ns);
                return;
            }
        }
    } else if (!folded && open) {
        ms_rows_move(rows, 1, now_ns);
    }
}

static void fold_all(struct ms_processes_state *state)
{
    if (state->folded_count > 0) {
        state->folded_count = 0;
        return;
    }
    /* The roots stay open: one closed row would show nothing. */
    for (size_t i = 0; i < state->tree.count; i++) {
        const struct ms_tree_row *row = &state->tree.rows[i];
        if (row->rows > 1 && row->depth > 0) {
            ms_processes_set_folded(state, row->process_id, true);
        }
    }
}

static void enter(struct ms_tui *tui, const struct ms_view *view)
{
    const uint32_t id = (uint32_t)tui->processes.listing.rows.selected;
    if (ms_model_process_by_id(view->model, id) != NULL) {
        tui->scope = (struct ms_scope){.process_id = id};
        ms_rows_release(&tui->threads.rows);
        ms_tui_open(tui, view, &ms_screen_overview);
    }
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input,
                  uint64_t now_ns)
{
    const struct ms_area body = view->layout.body;
    struct ms_rows *rows = &tui->processes.listing.rows;
    const int line = input->row - body.row - 1;
    if (line < 0 || line >= rows_shown(view) || rows->top + (size_t)line >= rows->count) {
        return;
    }
    ms_rows_select(rows, rows->top + (size_t)line, now_ns);
    if (input->mouse_action == MS_MOUSE_DOUBLE_CLICK) {
        enter(tui, view);
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    struct ms_processes_state *state = &tui->processes;
    const uint64_t now_ns = ms_model_now_ns(view->model);
    ms_processes_update(tui, view->model); /* keys may come before the first drawing */
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input, now_ns);
        return;
    }
    const int page = rows_shown(view) > 1 ? rows_shown(view) - 1 : 1;
    if (ms_listing_act(&state->listing, &ms_processes_orders, action, 1, page, now_ns)) {
        return;
    }
    switch (action) {
    case MS_ACTION_LEFT:
    case MS_ACTION_FOLD:
        fold(tui, true, now_ns);
        break;
    case MS_ACTION_RIGHT:
    case MS_ACTION_UNFOLD:
        fold(tui, false, now_ns);
        break;
    case MS_ACTION_UNFOLD_ALL:
        fold_all(state);
        break;
    case MS_ACTION_SHAPE:
        state->flat = !state->flat;
        ms_rows_release(&state->listing.rows);
        break;
    case MS_ACTION_ENTER:
        enter(tui, view);
        break;
    default:
        break;
    }
}

static struct ms_listing *listing(struct ms_tui *tui)
{
    return &tui->processes.listing;
}

const struct ms_screen ms_screen_processes = {.place = MS_PLACE_PROCESSES,
                                              .digit = 'p',
                                              .tab = "Proc",
                                              .orders = &ms_processes_orders,
                                              .listing = listing,
                                              .draw = draw,
                                              .key = key};
