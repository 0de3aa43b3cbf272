/* One thread: who it is, what it does, its last minute, and where in the code its memory is from.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/figures.h"
#include "model/format.h"
#include "tui/chart.h"
#include "tui/classes.h"
#include "tui/screen.h"
#include "tui/short_name.h"
#include "tui/stack.h"

#define WINDOW_S         60
#define FINE_POINTS_MAX  6000
#define GRAPH_POINTS_MAX 2000
#define SITES_MAX        64
#define SCALE_WIDTH      7 /* cells left of a graph */

/* "1,234,567": all digits, for what is exact. */
static const char *grouped(char *out, size_t size, uint64_t number)
{
    char digits[24];
    const int count = snprintf(digits, sizeof digits, "%" PRIu64, number);
    size_t length = 0;
    for (int i = 0; i < count && length + 2 < size; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            out[length++] = ',';
        }
        out[length++] = digits[i];
    }
    out[length] = '\0';
    return out;
}

static void draw_identity(const struct ms_view *view, struct ms_grid *grid, int row,
                          const struct ms_thread *thread, const struct ms_judgement *judgement)
{
    ms_grid_pen(grid, ms_theme_role(judgement->role), MS_ATTRIBUTE_BOLD);
    ms_grid_put_char(grid, row, 1, (wchar_t)ms_role_letter(judgement->role));
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    int column = 3 + ms_grid_put(grid, row, 3, view->columns - 24,
                                 thread->name[0] != '\0' ? thread->name : "(no name)");
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += 3 + ms_grid_printf(grid, row, column + 3, view->columns, "tid %d", (int)thread->tid);
    const struct ms_process *process = ms_model_process_by_id(view->model, thread->process_id);
    if (process != NULL && ms_model_process_count(view->model) > 1) {
        const char *slash = strrchr(process->exe, '/');
        column += 3 + ms_grid_printf(grid, row, column + 3, view->columns, "of %.40s [%d]",
                                     slash != NULL ? slash + 1 : process->exe, (int)process->pid);
    }
    if (thread->end_ns != 0) {
        char ago[MS_FORMAT_MAX];
        const uint64_t now_ns = ms_model_now_ns(view->model);
        ms_format_elapsed(ago, sizeof ago, now_ns > thread->end_ns ? now_ns - thread->end_ns : 0);
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        ms_grid_printf(grid, row, column + 3, view->columns, "ended %s ago", ago);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_role(const struct ms_view *view, struct ms_grid *grid, int row,
                      const struct ms_judgement *judgement)
{
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, 1, 5, "role");
    ms_grid_pen(grid, ms_theme_role(judgement->role), 0);
    int column = 6 + ms_grid_put(grid, row, 6, 16, ms_role_word(judgement->role));
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column +=
        2 + ms_grid_put(grid, row, column + 2, view->columns - column - 2, judgement->role_reason);
    if (judgement->alert != MS_ALERT_NORMAL && view->columns - column > 20) {
        const bool high = judgement->alert == MS_ALERT_HIGH;
        ms_grid_pen(grid, high ? MS_COLOUR_ALERT_HIGH : MS_COLOUR_ALERT_MEDIUM, MS_ATTRIBUTE_BOLD);
        ms_grid_printf(grid, row, column + 3, view->columns - column - 3, "alert %s: %s",
                       ms_alert_name(judgement->alert), judgement->alert_reason);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* A dim word and its figure, or nothing when they do not fit. */
static int pair(struct ms_grid *grid, int row, int column, const char *word, const char *figure)
{
    const int room = ms_grid_columns(grid) - column;
    if (column > 1 && (int)(strlen(word) + 1 + strlen(figure)) > room) {
        return column;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_put(grid, row, column, room, word) + 1;
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return column + ms_grid_put(grid, row, column, ms_grid_columns(grid) - column, figure) + 2;
}

static int metric_pair(const struct ms_view *view, struct ms_grid *grid, int row, int column,
                       const struct ms_thread *thread, const char *word, enum ms_metric metric,
                       const char *suffix)
{
    char figure[MS_FORMAT_MAX];
    char text[MS_FORMAT_MAX + 16];
    const struct ms_value value = ms_metric_of_thread(thread, metric, ms_model_now_ns(view->model));
    ms_format_value(figure, sizeof figure, value, ms_metric_info(metric)->unit);
    snprintf(text, sizeof text, "%s%s", figure, value.available ? suffix : "");
    return pair(grid, row, column, word, text);
}

static void draw_cpu(const struct ms_view *view, struct ms_grid *grid, int row,
                     const struct ms_thread *thread)
{
    char text[MS_FORMAT_MAX];
    int column = metric_pair(view, grid, row, 1, thread, "cpu", MS_METRIC_CPU_PCT, "%");
    column = metric_pair(view, grid, row, column, thread, "user", MS_METRIC_USER_MS, "");
    column = metric_pair(view, grid, row, column, thread, "sys", MS_METRIC_SYSTEM_MS, "");
    if ((thread->kernel.have & MS_HAVE_CPU) != 0 && thread->end_ns == 0) {
        snprintf(text, sizeof text, "%d", thread->kernel.last_core);
        column = pair(grid, row, column, "core", text);
    }
    if ((thread->kernel.have & MS_HAVE_SWITCHES) != 0) {
        ms_format_count(text, sizeof text, (double)thread->kernel.voluntary_switches);
        column = pair(grid, row, column, "waits", text);
        ms_format_count(text, sizeof text, (double)thread->kernel.involuntary_switches);
        column = pair(grid, row, column, "preempted", text);
    } else {
        column = pair(grid, row, column, "switches", "n/a");
    }
    metric_pair(view, grid, row, column, thread, "io", MS_METRIC_IO_RATE, "/s");
}

static void draw_heap(const struct ms_view *view, struct ms_grid *grid, int row,
                      const struct ms_thread *thread)
{
    if (!thread->tracked || !thread->probed) {
        pair(grid, row, 1, "heap",
             thread->probed ? "untracked: this thread was not selected"
                            : "untracked: the probe has no record of this thread");
        return;
    }
    const bool wide = view->columns >= 100;
    char text[48];
    char peak[48];
    const uint64_t current = ms_heap_current_bytes(&thread->heap);
    if (view->columns >= 60) {
        char number[32];
        char number_peak[32];
        snprintf(text, sizeof text, "%s B", grouped(number, sizeof number, current));
        snprintf(peak, sizeof peak, "%s B",
                 grouped(number_peak, sizeof number_peak, thread->heap.peak_bytes));
    } else {
        ms_format_bytes(text, sizeof text, (double)current);
        ms_format_bytes(peak, sizeof peak, (double)thread->heap.peak_bytes);
    }
    int column = pair(grid, row, 1, "heap", text);
    column = pair(grid, row, column, "peak", peak);
    ms_format_bytes_rate(text, sizeof text, thread->rates.growth_bytes_per_s);
    if (thread->end_ns == 0) {
        column = pair(grid, row, column - 1, "", text);
        column =
            metric_pair(view, grid, row, column, thread, "allocs", MS_METRIC_ALLOCATION_RATE, "/s");
    }
    if (wide || thread->end_ns != 0) {
        grouped(text, sizeof text, thread->heap.allocations);
        column = pair(grid, row, column, "allocs in all", text);
        grouped(text, sizeof text, thread->heap.deallocations);
        pair(grid, row, column, "freed", text);
    }
}

/* The last minute of a series, one point per place of the graph. */
static size_t last_minute(const struct ms_view *view, const struct ms_history *history,
                          enum ms_glyphs glyphs, int columns, double *points)
{
    const uint64_t interval_ns = ms_model_interval_ns(view->model);
    size_t fine = (size_t)(WINDOW_S * MS_SECOND_NS / (interval_ns > 0 ? interval_ns : 1));
    fine = fine < 1 ? 1 : fine > FINE_POINTS_MAX ? FINE_POINTS_MAX : fine;
    size_t count = ms_chart_points(glyphs, columns);
    if (count > GRAPH_POINTS_MAX) {
        count = GRAPH_POINTS_MAX;
    }
    double values[FINE_POINTS_MAX];
    if (history == NULL || ms_history_read(history, MS_RESOLUTION_FINE, fine, values) == 0) {
        return 0;
    }
    ms_chart_resample(values, fine, points, count);
    return count;
}

static void draw_graph(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area, const struct ms_thread *thread, enum ms_series series)
{
    double points[GRAPH_POINTS_MAX];
    const struct ms_area inner = {.row = area.row + 1,
                                  .column = SCALE_WIDTH + 1,
                                  .rows = area.rows - 1,
                                  .columns = area.columns - SCALE_WIDTH - 2};
    const bool cpu = series == MS_SERIES_CPU_PCT;
    ms_theme_heading(tui, grid, area.row, 0, area.columns, cpu ? "cpu %" : "live heap");
    const size_t count =
        last_minute(view, thread->history[series], tui->glyphs, inner.columns, points);
    if (count == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, inner.row, inner.column, inner.columns,
                    thread->end_ns != 0 ? "no history is kept of this thread"
                                        : "no figures yet: they are n/a or the thread is new");
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    const double highest = ms_chart_highest(points, count);
    const double high =
        cpu ? (highest > 100 ? ms_chart_round_up(highest) : 100) : ms_chart_round_up(highest);
    char top[MS_FORMAT_MAX];
    if (cpu) {
        snprintf(top, sizeof top, "%.0f", high);
    } else {
        ms_format_bytes(top, sizeof top, high);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_printf(grid, inner.row, 0, SCALE_WIDTH, "%*s", SCALE_WIDTH - 1, top);
    if (inner.rows > 1) {
        ms_grid_printf(grid, inner.row + inner.rows - 1, 0, SCALE_WIDTH, "%*s", SCALE_WIDTH - 1,
                       "0");
    }
    for (int row = 0; row < inner.rows; row++) {
        ms_grid_put_char(grid, inner.row + row, SCALE_WIDTH,
                         ms_theme_ascii(tui) ? L'|' : L'\u2502');
    }
    ms_grid_pen(grid, thread->end_ns != 0 ? MS_COLOUR_DIM : MS_COLOUR_GRAPH, 0);
    ms_chart_area(grid, tui->glyphs, inner, points, count, 0, high);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_time_axis(struct ms_grid *grid, int row, int columns, bool ended)
{
    const int left = SCALE_WIDTH + 1;
    const int width = columns - left - 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    for (int i = 0; i < 4; i++) {
        ms_grid_printf(grid, row, left + width * i / 4, 6, "-%ds", WINDOW_S - WINDOW_S * i / 4);
    }
    ms_grid_put(grid, row, left + width - 3, 3, ended ? "end" : "now");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Columns of the list of sites, from the right. */
static void draw_site(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                      int row, const struct ms_usage *usage, const struct ms_thread *thread,
                      bool chosen)
{
    char name[4096];
    char shown[1024];
    char place[256];
    char bytes[MS_FORMAT_MAX];
    char count[MS_FORMAT_MAX];
    ms_stack_site_name(ms_model_site_by_id(view->model, usage->site_id), name, sizeof name, place,
                       sizeof place);
    const uint64_t current = ms_usage_current_bytes(usage);
    const uint64_t part = tui->sites_by_total ? usage->bytes_allocated : current;
    const uint64_t whole =
        tui->sites_by_total ? thread->heap.bytes_allocated : ms_heap_current_bytes(&thread->heap);
    /* What is estimated from a sample says so. */
    bytes[0] = '~';
    ms_format_bytes(bytes + (usage->rate != 0), sizeof bytes - 1, (double)part);
    ms_format_count(count, sizeof count, (double)usage->allocations);
    char share[16] = "n/a";
    if (whole > 0) {
        /* Estimates, and counters that are read a moment apart: no share is more than all. */
        snprintf(share, sizeof share, "%.0f%%", fmin(100.0 * (double)part / (double)whole, 100));
    }
    const int figures = view->columns >= 60 ? 28 : 9;
    const int place_width = view->columns >= 72 ? view->columns / 4 : 0;
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT,
                chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    const int name_width = view->columns - figures - place_width - 3;
    ms_short_name(shown, sizeof shown, name, name_width, ms_theme_ascii(tui));
    ms_grid_put(grid, row, 2, name_width, shown);
    if (figures > 20) {
        ms_grid_printf(grid, row, view->columns - figures, figures, "%9s%10s%7s", bytes, count,
                       share);
    } else {
        ms_grid_printf(grid, row, view->columns - figures, figures, "%8s", bytes);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, view->columns - figures - place_width, place_width - 1, place);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_sites_heading(const struct ms_tui *tui, const struct ms_view *view,
                               struct ms_grid *grid, int row)
{
    ms_theme_heading(tui, grid, row, 0, view->columns,
                     view->columns < 72 ? tui->sites_by_total ? "sites, allocated" : "sites, live"
                     : tui->sites_by_total ? "call sites by allocated bytes (t: by live)"
                                           : "call sites by live bytes (t: by allocated)");
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    const char *bytes = tui->sites_by_total ? "total" : "live";
    if (view->columns >= 72) {
        ms_grid_printf(grid, row, view->columns - 28, 28, "%9s%10s%7s  ", bytes, "allocs", "share");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_sites(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row, int end, const struct ms_thread *thread)
{
    const struct ms_usage *usages[SITES_MAX];
    draw_sites_heading(tui, view, grid, row++);
    const size_t all = ms_model_thread_usages(
        view->model, thread->id, tui->sites_by_total ? MS_USAGE_ALLOCATED : MS_USAGE_CURRENT,
        usages, SITES_MAX);
    const size_t count = all < SITES_MAX ? all : SITES_MAX;
    if (count == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, 2, view->columns - 3,
                    !thread->tracked || !thread->probed
                        ? "none: the probe does not track this thread"
                        : "none: this thread has not allocated anything yet");
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    if (tui->site_chosen >= count) {
        tui->site_chosen = count - 1;
    }
    const int room = end - row;
    const bool stack = room >= 8;
    int lines = stack ? room - 6 < 8 ? room - 6 : 8 : room;
    if ((size_t)lines > count) {
        lines = (int)count;
    }
    size_t top = tui->site_chosen >= (size_t)lines ? tui->site_chosen - (size_t)lines + 1 : 0;
    for (int i = 0; i < lines; i++) {
        draw_site(tui, view, grid, row + i, usages[top + (size_t)i], thread,
                  top + (size_t)i == tui->site_chosen);
    }
    const struct ms_site *site =
        ms_model_site_by_id(view->model, usages[tui->site_chosen]->site_id);
    if (stack && site != NULL && site->depth > 0) {
        ms_stack_draw(tui, grid, row + lines, end, "call stack of the marked site", site);
    }
}

/* Rows of each of the two graphs: what the call sites leave, 0 when that is too little. */
static int graph_rows_of(const struct ms_view *view, const struct ms_thread *thread, int left)
{
    const size_t sites = ms_model_thread_usages(view->model, thread->id, MS_USAGE_CURRENT, NULL, 0);
    const int axis = 1;
    const int heading = 1;
    const int stack = left >= 24 ? 7 : 0;
    const int list = sites < 1 ? 1 : sites < 8 ? (int)sites : 8;
    const int rows = (left - axis - heading - list - stack) / 2;
    return left < 12 ? 0 : rows < 3 ? 3 : rows > 10 ? 10 : rows;
}

/* Returns the rows taken: what a few call sites leave. */
static int draw_classes(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, int end, const struct ms_thread *thread)
{
    const struct ms_usage *usages[SITES_MAX];
    const struct ms_usage *marked = NULL;
    const size_t all = ms_model_thread_usages(
        view->model, thread->id, tui->sites_by_total ? MS_USAGE_ALLOCATED : MS_USAGE_CURRENT,
        usages, SITES_MAX);
    const size_t count = all < SITES_MAX ? all : SITES_MAX;
    if (tui->pane == MS_PANE_SITE && count > 0) {
        marked = usages[tui->site_chosen < count ? tui->site_chosen : count - 1];
    }
    const int list = end - row >= 12 ? 5 : end - row >= 7 ? 2 : 0;
    const int room = end - row - list;
    struct ms_area area = {.row = row,
                           .rows = room < MS_CLASSES_ROWS_MAX ? room : MS_CLASSES_ROWS_MAX,
                           .columns = view->layout.body.columns};
    ms_classes_draw(tui, view, grid, area, thread, marked);
    return area.rows;
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    ms_thread_list_update(&tui->threads, view->model, view->findings, &tui->scope);
    const struct ms_area body = view->layout.body;
    const int end = view->layout.message_row;
    const struct ms_thread *thread = ms_tui_selected(tui, view);
    if (thread == NULL) {
        ms_grid_put(grid, body.row + 1, 2, body.columns - 2,
                    "This thread is gone: ended threads beyond 10,000 are merged. Esc goes back.");
        return;
    }
    const struct ms_judgement *judgement = ms_findings_of(view->findings, thread->id);
    int row = body.row;
    draw_identity(view, grid, row++, thread, judgement);
    draw_role(view, grid, row++, judgement);
    draw_cpu(view, grid, row++, thread);
    draw_heap(view, grid, row++, thread);
    const int graph_rows = graph_rows_of(view, thread, end - row);
    if (tui->pane != MS_PANE_GRAPHS && thread->tracked && thread->probed) {
        row += draw_classes(tui, view, grid, row, end, thread);
    } else if (graph_rows > 0) {
        struct ms_area area = {.row = row, .rows = graph_rows, .columns = body.columns};
        draw_graph(tui, view, grid, area, thread, MS_SERIES_CPU_PCT);
        area.row += graph_rows;
        draw_graph(tui, view, grid, area, thread, MS_SERIES_CURRENT_BYTES);
        row = area.row + graph_rows;
        draw_time_axis(grid, row++, body.columns, thread->end_ns != 0);
    }
    if (end - row >= 2) {
        draw_sites(tui, view, grid, row, end, thread);
    }
}

static void step(struct ms_tui *tui, const struct ms_view *view, long by)
{
    ms_rows_move(&tui->threads.rows, by, ms_model_now_ns(view->model));
    tui->site_chosen = 0;
    tui->scope = (struct ms_scope){.thread_id = (uint32_t)tui->threads.rows.selected};
}

/* The call sites of the thread as they are listed, the marked one first. */
static size_t sites_from_marked(const struct ms_tui *tui, const struct ms_view *view,
                                uint32_t *site_ids, size_t *all)
{
    const struct ms_usage *usages[SITES_MAX];
    *all = ms_model_thread_usages(view->model, (uint32_t)tui->threads.rows.selected,
                                  tui->sites_by_total ? MS_USAGE_ALLOCATED : MS_USAGE_CURRENT,
                                  usages, SITES_MAX);
    const size_t count = *all < SITES_MAX ? *all : SITES_MAX;
    for (size_t i = 0; i < count; i++) {
        const size_t from = tui->site_chosen < count ? tui->site_chosen : count - 1;
        site_ids[i] = usages[(from + i) % count]->site_id;
    }
    return count;
}

static void open_or_edit(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                         struct ms_command *command)
{
    uint32_t site_ids[SITES_MAX];
    size_t all = 0;
    const size_t count = sites_from_marked(tui, view, site_ids, &all);
    const struct ms_site *site = count > 0 ? ms_model_site_by_id(view->model, site_ids[0]) : NULL;
    if (site != NULL && action == MS_ACTION_ENTER) {
        ms_tui_open_sites(tui, view, site_ids, count, all);
    } else if (site != NULL) {
        ms_tui_edit(view, site->id, ms_stack_level(site, ms_stack_culprit(site)), 0, command);
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)input;
    const size_t page = 8;
    switch (action) {
    case MS_ACTION_BACK:
        tui->scope = (struct ms_scope){.process_id = 0};
        ms_tui_open(tui, view, &ms_screen_overview);
        break;
    case MS_ACTION_NEXT_THREAD:
    case MS_ACTION_RIGHT:
        step(tui, view, 1);
        break;
    case MS_ACTION_PREVIOUS_THREAD:
    case MS_ACTION_LEFT:
        step(tui, view, -1);
        break;
    case MS_ACTION_UP:
        tui->site_chosen -= tui->site_chosen > 0 ? 1 : 0;
        break;
    case MS_ACTION_DOWN:
        tui->site_chosen++;
        break;
    case MS_ACTION_PAGE_UP:
        tui->site_chosen -= tui->site_chosen > page ? page : tui->site_chosen;
        break;
    case MS_ACTION_PAGE_DOWN:
        tui->site_chosen += page;
        break;
    case MS_ACTION_FIRST:
        tui->site_chosen = 0;
        break;
    case MS_ACTION_LAST:
        tui->site_chosen = SITES_MAX;
        break;
    case MS_ACTION_ENTER:
    case MS_ACTION_EDIT:
        open_or_edit(tui, view, action, command);
        break;
    case MS_ACTION_PANE:
        tui->pane = (tui->pane + 1) % MS_PANE_COUNT;
        break;
    case MS_ACTION_SHAPE:
        tui->sites_by_total = !tui->sites_by_total;
        break;
    default:
        break;
    }
}

const struct ms_screen ms_screen_focus = {
    .place = MS_PLACE_FOCUS, .tab = "Focus", .draw = draw, .key = key};
