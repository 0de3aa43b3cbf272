/* The lines that say who a thread is and what it does right now. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/focus.h"
#include "tui/verdicts.h"

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
        char name[MS_PROCESS_NAME_MAX];
        column +=
            3 + ms_grid_printf(grid, row, column + 3, view->columns, "of %.40s [%d]",
                               ms_process_name(process, name, sizeof name), (int)process->pid);
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

/* "core 5 (node 0)" */
static int put_core(struct ms_grid *grid, int row, int column, const struct ms_thread *thread)
{
    char text[48];
    const struct ms_kernel_thread *kernel = &thread->kernel;
    if ((kernel->have & MS_HAVE_CPU) == 0 || thread->end_ns != 0) {
        return column;
    }
    if ((kernel->have & MS_HAVE_NODE) != 0) {
        snprintf(text, sizeof text, "%d (node %d)", kernel->last_core, kernel->node);
    } else {
        snprintf(text, sizeof text, "%d", kernel->last_core);
    }
    return pair(grid, row, column, "core", text);
}

static void draw_cpu(const struct ms_view *view, struct ms_grid *grid, int row,
                     const struct ms_thread *thread)
{
    char text[MS_FORMAT_MAX];
    if ((thread->kernel.have & (MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_SWITCHES)) == 0) {
        char because[200];
        char why[sizeof because + 8];
        ms_metric_unavailable_because(view->model, thread, MS_METRIC_CPU_PCT, because,
                                      sizeof because);
        snprintf(why, sizeof why, "n/a: %s", because);
        pair(grid, row, 1, "cpu and switches", why);
        return;
    }
    int column = metric_pair(view, grid, row, 1, thread, "cpu", MS_METRIC_CPU_PCT, "%");
    column = metric_pair(view, grid, row, column, thread, "user", MS_METRIC_USER_PCT, "%");
    column = metric_pair(view, grid, row, column, thread, "sys", MS_METRIC_SYSTEM_PCT, "%");
    column = put_core(grid, row, column, thread);
    column =
        metric_pair(view, grid, row, column, thread, "run queue", MS_METRIC_RUN_QUEUE_PCT, "%");
    column = metric_pair(view, grid, row, column, thread, "switches", MS_METRIC_SWITCH_RATE, "/s");
    if ((thread->kernel.have & MS_HAVE_SWITCHES) != 0) {
        ms_format_count(text, sizeof text, (double)thread->kernel.voluntary_switches);
        column = pair(grid, row, column, "waits", text);
        ms_format_count(text, sizeof text, (double)thread->kernel.involuntary_switches);
        column = pair(grid, row, column, "preemptions", text);
    }
    column = metric_pair(view, grid, row, column, thread, "user", MS_METRIC_USER_MS, "");
    metric_pair(view, grid, row, column, thread, "sys", MS_METRIC_SYSTEM_MS, "");
}

/* The word once, however many figures it is for, and one "n/a" when none of them is known. */
struct figure {
    const char *word;
    enum ms_metric metric;
    const char *suffix;
};

static int put_group(const struct ms_view *view, struct ms_grid *grid, int row, int column,
                     const struct ms_thread *thread, const char *name, const struct figure *figures,
                     size_t count)
{
    bool known = false;
    for (size_t i = 0; i < count && !known; i++) {
        known =
            ms_metric_of_thread(thread, figures[i].metric, ms_model_now_ns(view->model)).available;
    }
    if (!known) {
        return pair(grid, row, column, name, "n/a");
    }
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        char word[32];
        snprintf(word, sizeof word, "%s%s%s", first ? name : "", first ? " " : "", figures[i].word);
        if (ms_metric_of_thread(thread, figures[i].metric, ms_model_now_ns(view->model))
                .available) {
            column = metric_pair(view, grid, row, column, thread, word, figures[i].metric,
                                 figures[i].suffix);
            first = false;
        }
    }
    return column;
}

static void draw_io(const struct ms_view *view, struct ms_grid *grid, int row,
                    const struct ms_thread *thread)
{
    static const struct figure io[] = {
        {"read", MS_METRIC_READ_RATE, ""},      {"written", MS_METRIC_WRITE_RATE, ""},
        {"calls", MS_METRIC_IO_RATE, "/s"},     {"wait", MS_METRIC_IO_WAIT_PCT, "%"},
        {"a read", MS_METRIC_READ_LATENCY, ""}, {"a write", MS_METRIC_WRITE_LATENCY, ""}};
    static const struct figure network[] = {{"in", MS_METRIC_RECEIVED_RATE, ""},
                                            {"out", MS_METRIC_SENT_RATE, ""}};
    static const struct figure faults[] = {{"minor", MS_METRIC_MINOR_FAULT_RATE, "/s"},
                                           {"major", MS_METRIC_MAJOR_FAULT_RATE, "/s"}};
    int column = put_group(view, grid, row, 1, thread, "io", io, view->columns >= 100 ? 6 : 4);
    column = put_group(view, grid, row, column, thread, "net", network, 2);
    put_group(view, grid, row, column, thread, "faults", faults, 2);
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

int ms_focus_draw_head(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area, const struct ms_thread *thread)
{
    const struct ms_judgement *judgement = ms_findings_of(view->findings, thread->id);
    int row = area.row;
    if (area.rows < 10 && tui->pane == MS_PANE_COUNTERS) { /* which say it all */
        draw_identity(view, grid, row, thread, judgement);
        return 1;
    }
    draw_identity(view, grid, row++, thread, judgement);
    draw_role(view, grid, row++, judgement);
    draw_cpu(view, grid, row++, thread);
    draw_heap(view, grid, row++, thread);
    if (area.rows >= 12) {
        draw_io(view, grid, row++, thread);
    }
    if (area.rows >= 10) {
        row += ms_verdict_draw(grid,
                               (struct ms_area){.row = row,
                                                .rows = area.rows < 24        ? 1
                                                        : view->columns < 140 ? 3
                                                                              : 2,
                                                .columns = view->columns},
                               ms_verdict_of(tui, view, thread));
    }
    return row - area.row;
}
