/*
 * Screen p: the processes of the session, as the tree that fork and exec made or as a flat list.
 * Every row has the figures of its process alone; a folded one those of its whole branch.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"
#include "tui/screen.h"

enum column {
    COLUMN_START,
    COLUMN_CPU,
    COLUMN_LIVE,
    COLUMN_PEAK,
    COLUMN_RATE,
    COLUMN_RSS,
    COLUMN_THREADS,
    COLUMN_AGE,
    COLUMN_ALLOCATIONS,
    COLUMNS
};

static const struct {
    const char *name, *heading, *meaning;
    int width;
} table[COLUMNS] = {
    [COLUMN_START] = {"start", "", "the order in which they began", 0},
    [COLUMN_CPU] = {"cpu_percent", "CPU%", "processor time, of one core", 7},
    [COLUMN_LIVE] = {"current_bytes", "LIVE", "requested bytes of blocks that are live", 9},
    [COLUMN_PEAK] = {"peak_bytes", "PEAK", "highest live bytes; of a branch the sum of its peaks",
                     9},
    [COLUMN_RATE] = {"allocations_per_s", "ALLOCS/s", "blocks allocated per second", 9},
    [COLUMN_RSS] = {"rss_bytes", "RSS", "resident memory; shared pages count with each", 9},
    [COLUMN_THREADS] = {"threads", "THR", "threads that live", 5},
    [COLUMN_AGE] = {"duration", "TIME", "since its start, or how long it ran", 9},
    [COLUMN_ALLOCATIONS] = {"allocations", "ALLOCS", "blocks allocated so far", 9},
};

enum { PID_WIDTH = 8, STATE_WIDTH = 9, SEEN_WIDTH = 8, NAME_WIDTH_MIN = 14, INDENT = 2 };

static const char *order_name(size_t order)
{
    return table[order].name;
}

static const char *order_meaning(size_t order)
{
    return table[order].meaning;
}

static const struct ms_orders orders = {
    .count = COLUMNS, .name = order_name, .meaning = order_meaning};

/* --- what is folded --- */

static uint32_t *find_folded(struct ms_processes_state *state, uint32_t id)
{
    for (size_t i = 0; i < state->folded_count; i++) {
        if (state->folded[i] == id) {
            return &state->folded[i];
        }
    }
    return NULL;
}

static bool is_folded(const struct ms_processes_state *state, uint32_t id)
{
    for (size_t i = 0; i < state->folded_count; i++) {
        if (state->folded[i] == id) {
            return true;
        }
    }
    return false;
}

static void set_folded(struct ms_processes_state *state, uint32_t id, bool folded)
{
    uint32_t *place = find_folded(state, id);
    if (place != NULL && !folded) {
        *place = state->folded[--state->folded_count];
    } else if (place == NULL && folded) {
        if (state->folded_count == MS_FOLDED_MAX) { /* the one folded longest ago */
            memmove(state->folded, state->folded + 1, (MS_FOLDED_MAX - 1) * sizeof *state->folded);
            state->folded_count--;
        }
        state->folded[state->folded_count++] = id;
    }
}

/* --- figures --- */

static bool shows_branch(const struct ms_processes_state *state, const struct ms_tree_row *row)
{
    return !state->flat && row->rows > 1 && is_folded(state, row->process_id);
}

static uint64_t age_ns(const struct ms_process *process, uint64_t now_ns)
{
    if (process->merged > 0) {
        return process->merged_life_ns;
    }
    const uint64_t end_ns = process->end_ns != 0 ? process->end_ns : now_ns;
    return end_ns > process->start_ns ? end_ns - process->start_ns : 0;
}

/* NaN: there is none. */
static double branch_figure(const struct ms_branch *branch, enum column column)
{
    switch (column) {
    case COLUMN_CPU:
        return branch->cpu_pct;
    case COLUMN_LIVE:
        return (double)ms_heap_current_bytes(&branch->heap);
    case COLUMN_PEAK:
        return (double)branch->heap.peak_bytes;
    case COLUMN_RATE:
        return branch->allocations_per_s;
    case COLUMN_RSS:
        return branch->alive > 0 ? (double)branch->rss_bytes : NAN;
    case COLUMN_THREADS:
        return branch->threads;
    case COLUMN_ALLOCATIONS:
        return (double)branch->heap.allocations;
    default:
        return NAN;
    }
}

static double own_figure(const struct ms_process *process, uint32_t threads, enum column column,
                         uint64_t now_ns)
{
    const bool heap = process->seen != MS_SEEN_NONE;
    switch (column) {
    case COLUMN_START:
        return -(double)process->start_ns;
    case COLUMN_CPU:
        return process->cpu_pct;
    case COLUMN_LIVE:
        return heap ? (double)ms_heap_current_bytes(&process->totals) : NAN;
    case COLUMN_PEAK:
        return !heap                 ? NAN
               : process->merged > 0 ? (double)process->merged_peak_bytes
                                     : (double)process->totals.peak_bytes;
    case COLUMN_RATE:
        return process->allocations_per_s;
    case COLUMN_RSS:
        return process->end_ns == 0 && process->kernel.have_memory
                   ? (double)process->kernel.rss_bytes
                   : NAN;
    case COLUMN_THREADS:
        return process->end_ns == 0 ? (double)threads : NAN;
    case COLUMN_AGE:
        return (double)age_ns(process, now_ns);
    case COLUMN_ALLOCATIONS:
        return heap ? (double)process->totals.allocations : NAN;
    case COLUMNS:
        break;
    }
    return NAN;
}

struct sorting {
    const struct ms_processes_state *state;
    uint64_t now_ns;
    const uint32_t *held; /* ids in the order that stands still; NULL: none does */
    size_t held_count;
};

static double figure_of(const struct ms_process *process, const struct ms_tree_row *row,
                        const struct sorting *sorting, enum column column)
{
    return shows_branch(sorting->state, row) && column != COLUMN_AGE && column != COLUMN_START
               ? branch_figure(&row->branch, column)
               : own_figure(process, row->threads, column, sorting->now_ns);
}

static double sort_key(const struct ms_process *process, const struct ms_tree_row *row,
                       const void *context)
{
    const struct sorting *sorting = context;
    for (size_t i = 0; i < sorting->held_count; i++) {
        if (sorting->held[i] == process->id) {
            return sorting->state->listing.ascending ? (double)i : -(double)i;
        }
    }
    if (sorting->held != NULL) {
        return NAN; /* new: behind */
    }
    return figure_of(process, row, sorting, (enum column)sorting->state->listing.order);
}

/* --- rows --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void state_text(const struct ms_process *process, char *out, size_t size)
{
    if (process->merged > 0) {
        snprintf(out, size, "%u over", process->merged);
    } else if (process->end_ns == 0) {
        snprintf(out, size, "running");
    } else if (process->replaced_by_exec) {
        snprintf(out, size, "exec'ed");
    } else if (process->exit_status >= 0) {
        snprintf(out, size, "exit %d", (int)process->exit_status);
    } else if (process->exit_status == -1) {
        snprintf(out, size, "signal %u", process->exit_signal);
    } else {
        snprintf(out, size, "ended ?");
    }
}

static const char *seen_text(const struct ms_process *process)
{
    static const char *const words[] = {
        [MS_SEEN_FULL] = "full", [MS_SEEN_PARTIAL] = "in part", [MS_SEEN_NONE] = "none"};
    return words[process->seen];
}

/* As it calls itself ("postgres: writer"), without the folders; else the name of its file. */
static int name_text(const struct ms_process *process, char *out, size_t size)
{
    const char *name = base_name(process->exe);
    if (process->arguments != NULL && process->arguments[0] != '\0' && process->merged == 0) {
        const char *own = process->arguments;
        const size_t path_bytes = strcspn(own, " ");
        const char *slash = memrchr(own, '/', path_bytes);
        name = slash != NULL && slash + 1 < own + path_bytes ? slash + 1 : own;
    }
    return snprintf(out, size, "%.255s", name[0] != '\0' ? name : "?");
}

/* Program and arguments, as they would be typed. */
static void command_text(const struct ms_process *process, char *out, size_t size)
{
    const char *name = base_name(process->exe);
    int used = name_text(process, out, size);
    if (process->merged > 0) {
        snprintf(out, size, "%.255s x %u", name[0] != '\0' ? name : "(other programs)",
                 process->merged);
        return;
    }
    const char *at = process->arguments;
    const char *end = at != NULL ? at + process->arguments_bytes : NULL;
    at = at != NULL ? at + strnlen(at, process->arguments_bytes) + 1 : NULL; /* argv[0] */
    while (at != NULL && at < end && used >= 0 && (size_t)used + 1 < size) {
        used += snprintf(out + used, size - (size_t)used, " %s", at);
        at += strlen(at) + 1;
    }
}

static bool fits(const struct ms_process *process, const char *filter)
{
    char text[512];
    if (filter[0] == '\0') {
        return true;
    }
    command_text(process, text, sizeof text);
    if (strcasestr(text, filter) != NULL) {
        return true;
    }
    snprintf(text, sizeof text, "%d %s", (int)process->pid, seen_text(process));
    if (strcasestr(text, filter) != NULL) {
        return true;
    }
    state_text(process, text, sizeof text);
    return strcasestr(text, filter) != NULL;
}

static const struct ms_tree_row *row_of(const struct ms_processes_state *state, uint64_t id)
{
    for (size_t i = 0; i < state->tree.count; i++) {
        if (state->tree.rows[i].process_id == id) {
            return &state->tree.rows[i];
        }
    }
    return NULL;
}

/* Under a filter the way to what fits is shown too, whatever is folded. */
static void list_tree(struct ms_processes_state *state, const struct ms_model *model, uint64_t *ids)
{
    const struct ms_tree *tree = &state->tree;
    const char *filter = state->listing.filter.text;
    const bool filtered = state->listing.filter.length > 0;
    size_t count = 0;
    if (!filtered) {
        for (size_t i = 0; i < tree->count;) {
            const struct ms_tree_row *row = &tree->rows[i];
            ids[count++] = row->process_id;
            i += shows_branch(state, row) ? row->rows : 1;
        }
        ms_rows_take(&state->listing.rows, ids, count);
        return;
    }
    bool *wanted = calloc(tree->count + 1, sizeof *wanted);
    for (size_t i = tree->count; wanted != NULL && i-- > 0;) {
        const struct ms_tree_row *row = &tree->rows[i];
        const struct ms_process *process = ms_model_process_by_id(model, row->process_id);
        wanted[i] = wanted[i] || (process != NULL && fits(process, filter));
        if (wanted[i] && row->parent != SIZE_MAX) {
            wanted[row->parent] = true;
        }
    }
    for (size_t i = 0; wanted != NULL && i < tree->count; i++) {
        if (wanted[i]) {
            ids[count++] = tree->rows[i].process_id;
        }
    }
    free(wanted);
    ms_rows_take(&state->listing.rows, ids, count);
}

static void list_flat(struct ms_processes_state *state, const struct ms_model *model,
                      const struct sorting *sorting)
{
    struct ms_row_key *keys = calloc(state->tree.count + 1, sizeof *keys);
    size_t count = 0;
    for (size_t i = 0; keys != NULL && i < state->tree.count; i++) {
        const struct ms_tree_row *row = &state->tree.rows[i];
        const struct ms_process *process = ms_model_process_by_id(model, row->process_id);
        if (process == NULL || !fits(process, state->listing.filter.text)) {
            continue;
        }
        const double figure = sort_key(process, row, sorting);
        keys[count++] = (struct ms_row_key){.id = process->id,
                                            .figure = figure,
                                            .known = !isnan(figure),
                                            .last = process->end_ns != 0};
    }
    if (keys != NULL) {
        ms_rows_sort(&state->listing.rows, keys, count, state->listing.ascending, sorting->now_ns);
    }
    free(keys);
}

static void update(struct ms_tui *tui, const struct ms_model *model)
{
    struct ms_processes_state *state = &tui->processes;
    struct sorting sorting = {.state = state, .now_ns = ms_model_now_ns(model)};
    /* After the user moved, the order stands still. */
    const bool held = !state->flat && sorting.now_ns < state->listing.rows.hold_until_ns &&
                      state->listing.order != COLUMN_START && state->tree.count > 0;
    uint32_t *before = held ? calloc(state->tree.count, sizeof *before) : NULL;
    for (size_t i = 0; before != NULL && i < state->tree.count; i++) {
        before[i] = state->tree.rows[i].process_id;
        sorting.held_count = i + 1;
    }
    sorting.held = before;
    const int error =
        ms_tree_update(&state->tree, model, sort_key, &sorting, state->listing.ascending);
    free(before);
    sorting.held = NULL;
    sorting.held_count = 0;
    if (error != 0) {
        return;
    }
    if (state->flat) {
        list_flat(state, model, &sorting);
        return;
    }
    uint64_t *ids = calloc(state->tree.count + 1, sizeof *ids);
    if (ids != NULL) {
        list_tree(state, model, ids);
    }
    free(ids);
}

/* --- drawing --- */

struct widths {
    bool columns[COLUMNS];
    bool pid, state, seen;
    int name, figures; /* width of the names, where the figures begin */
};

static struct widths widths_of(const struct ms_processes_state *state, int width)
{
    static const enum column wanted[] = {COLUMN_LIVE, COLUMN_CPU,        COLUMN_PEAK,
                                         COLUMN_RATE, COLUMN_RSS,        COLUMN_THREADS,
                                         COLUMN_AGE,  COLUMN_ALLOCATIONS};
    struct widths widths = {.pid = width >= 36, .state = width >= 52};
    const enum column sorted = (enum column)state->listing.order;
    const int name = width * 3 / 10 > NAME_WIDTH_MIN ? width * 3 / 10 : NAME_WIDTH_MIN;
    int room = width - 2 - name - (widths.pid ? PID_WIDTH : 0) - (widths.state ? STATE_WIDTH : 0);
    if (sorted != COLUMN_START && room >= table[sorted].width) {
        widths.columns[sorted] = true;
        room -= table[sorted].width;
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const enum column column = wanted[i];
        if (!widths.columns[column] && room >= table[column].width) {
            widths.columns[column] = true;
            room -= table[column].width;
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
    for (int i = 0; i < COLUMNS; i++) {
        if (!widths->columns[i]) {
            continue;
        }
        const bool sorted = (size_t)i == state->listing.order;
        ms_grid_pen(grid, sorted ? MS_COLOUR_TITLE : MS_COLOUR_DIM,
                    MS_ATTRIBUTE_UNDERLINE | (sorted ? MS_ATTRIBUTE_BOLD : 0u));
        ms_grid_printf(grid, row, column, table[i].width, "%*s", table[i].width - 1,
                       table[i].heading);
        column += table[i].width;
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

static void format_figure(char *out, size_t size, double figure, enum column column)
{
    if (isnan(figure)) {
        snprintf(out, size, "-");
        return;
    }
    switch (column) {
    case COLUMN_CPU:
        snprintf(out, size, "%.1f", figure);
        break;
    case COLUMN_LIVE:
    case COLUMN_PEAK:
    case COLUMN_RSS:
        ms_format_bytes(out, size, figure);
        break;
    case COLUMN_AGE:
        if (figure < 100 * (double)MS_SECOND_NS) {
            snprintf(out, size, "%.2fs", figure / (double)MS_SECOND_NS);
        } else {
            ms_format_elapsed(out, size, (uint64_t)figure);
        }
        break;
    case COLUMN_THREADS:
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
    command_text(process, command, sizeof command);
    const size_t name_bytes = strcspn(command, " ");
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    if (shows_branch(state, at)) {
        used += ms_grid_put(grid, row, 2 + used, width - used, "+");
    }
    used += ms_grid_put_bytes(grid, row, 2 + used, width - used - 1, command, name_bytes, 0);
    if (shows_branch(state, at)) {
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
    const struct sorting sorting = {.state = state, .now_ns = ms_model_now_ns(view->model)};
    const bool chosen = process->id == state->listing.rows.selected;
    const bool fitting = fits(process, state->listing.filter.text);
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
        state_text(process, text, sizeof text);
        ms_grid_pen(grid, chosen ? colour : state_colour(process, colour), bold);
        ms_grid_put(grid, row, column, STATE_WIDTH - 1, text);
        column += STATE_WIDTH;
    }
    ms_grid_pen(grid, colour, bold);
    for (int i = 0; i < COLUMNS; i++) {
        if (widths->columns[i]) {
            format_figure(text, sizeof text, figure_of(process, at, &sorting, (enum column)i),
                          (enum column)i);
            ms_grid_printf(grid, row, column, table[i].width, "%*s", table[i].width - 1, text);
            column += table[i].width;
        }
    }
    if (widths->seen) {
        ms_grid_pen(grid,
                    chosen                          ? colour
                    : process->seen == MS_SEEN_FULL ? colour
                                                    : MS_COLOUR_ALERT_MEDIUM,
                    0);
        ms_grid_put(grid, row, column + 1, SEEN_WIDTH - 1, seen_text(process));
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
        ms_grid_printf(grid, row, 1, width, "heap seen %s: %s",
                       process->seen == MS_SEEN_NONE ? "not at all" : "in part",
                       process->seen_because);
        return;
    }
    char text[1024];
    char allocated[MS_FORMAT_MAX];
    command_text(process, text, sizeof text);
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
    format_figure(live, sizeof live, branch_figure(total, COLUMN_LIVE), COLUMN_LIVE);
    format_figure(peaks, sizeof peaks, branch_figure(total, COLUMN_PEAK), COLUMN_PEAK);
    format_figure(rss, sizeof rss, branch_figure(total, COLUMN_RSS), COLUMN_RSS);
    format_figure(rate, sizeof rate, branch_figure(total, COLUMN_RATE), COLUMN_RATE);
    format_figure(cpu, sizeof cpu, branch_figure(total, COLUMN_CPU), COLUMN_CPU);
    format_figure(allocations, sizeof allocations, branch_figure(total, COLUMN_ALLOCATIONS),
                  COLUMN_ALLOCATIONS);
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
    update(tui, view->model);
    const struct widths widths = widths_of(state, view->columns);
    const int shown = rows_shown(view);
    struct ms_rows *rows = &state->listing.rows;
    ms_rows_scroll(rows, (size_t)shown, 1);
    draw_head(state, grid, body.row, &widths);
    for (int i = 0; i < shown && rows->top + (size_t)i < rows->count; i++) {
        const uint64_t id = rows->ids[rows->top + (size_t)i];
        const struct ms_tree_row *at = row_of(state, id);
        const struct ms_process *process = ms_model_process_by_id(view->model, (uint32_t)id);
        if (at != NULL && process != NULL) {
            draw_row(tui, view, grid, body.row + 1 + i, &widths, at, process);
        }
    }
    if (rows->count == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, body.row + 2, 4, view->columns - 5,
                    "No process fits the filter. Esc clears it.");
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
                       state->flat ? "flat" : "tree", table[state->listing.order].name,
                       state->listing.ascending ? "up" : "down",
                       state->flat ? "" : "; a folded row ([+n]) has the sums of its branch");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    ms_listing_draw_filter(tui, view, grid, &state->listing, state->tree.count, "processes",
                           "Enter looks at it alone  t tree or flat");
}

/* --- keys --- */

static void fold(struct ms_tui *tui, bool folded, uint64_t now_ns)
{
    struct ms_processes_state *state = &tui->processes;
    struct ms_rows *rows = &state->listing.rows;
    const struct ms_tree_row *at = row_of(state, rows->selected);
    if (at == NULL || state->flat) {
        return;
    }
    const bool open = at->rows > 1 && !is_folded(state, at->process_id);
    if (folded == open && at->rows > 1) {
        set_folded(state, at->process_id, folded);
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
            set_folded(state, row->process_id, true);
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
    update(tui, view->model); /* keys may come before the first drawing */
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input, now_ns);
        return;
    }
    const int page = rows_shown(view) > 1 ? rows_shown(view) - 1 : 1;
    if (ms_listing_act(&state->listing, &orders, action, 1, page, now_ns)) {
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
                                              .orders = &orders,
                                              .listing = listing,
                                              .draw = draw,
                                              .key = key};
