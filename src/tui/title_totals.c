/* The rows of totals below the title: figures added up over processes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/figures.h"
#include "model/format.h"
#include "tui/chart.h"
#include "tui/screen.h"
#include "tui/title_totals.h"

static void add(double *sum, double part)
{
    if (!isnan(part)) {
        *sum = isnan(*sum) ? part : *sum + part;
    }
}

struct ms_title_totals ms_title_totals_of(const struct ms_model *model)
{
    struct ms_title_totals totals = {
        .cpu_pct = NAN,
        .rss_bytes = NAN,
        .growth_per_s = NAN,
        .allocations_per_s = NAN,
        .thread_read_hz = NAN,
    };
    double highest_rss = NAN;
    bool alive = false;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        totals.processes++;
        totals.peak_error_bytes += process->peak_error_bytes;
        ms_stack_check_add(&totals.stacks, &process->stacks);
        totals.heap_seen = totals.heap_seen || process->seen != MS_SEEN_NONE;
        if (process->kernel.have_memory && process->kernel.peak_rss_bytes > 0) {
            add(&highest_rss, (double)process->kernel.peak_rss_bytes);
        }
        if (process->end_ns != 0) {
            continue;
        }
        alive = true;
        if (process->thread_read_hz > 0) {
            totals.thread_read_hz = fmin(totals.thread_read_hz, process->thread_read_hz);
        }
        totals.live_bytes += ms_heap_current_bytes(&process->totals);
        add(&totals.cpu_pct, process->cpu_pct);
        add(&totals.growth_per_s, process->growth_per_s);
        add(&totals.allocations_per_s, process->allocations_per_s);
        if (process->kernel.have_memory) {
            add(&totals.rss_bytes, (double)process->kernel.rss_bytes);
        }
    }
    if (isnan(totals.rss_bytes) && totals.processes == 1) {
        totals.rss_bytes = highest_rss;
        totals.rss_is_peak = !isnan(highest_rss);
    }
    ms_model_totals(model, &totals.heap, &totals.losses);
    if (!alive) {
        totals.live_bytes = ms_heap_current_bytes(&totals.heap);
    }
    return totals;
}

/* A word and its figure, the figure brighter, or neither; returns the column after them. */
static int put_pair(struct ms_grid *grid, int row, int column, const char *word, const char *figure,
                    enum ms_colour colour)
{
    const int width = ms_grid_columns(grid) - column;
    if ((int)strlen(word) + 1 + ms_grid_text_width(grid, figure) > width) {
        return column;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_put(grid, row, column, width, word) + 1;
    ms_grid_pen(grid, colour, colour == MS_COLOUR_DEFAULT ? MS_ATTRIBUTE_BOLD : 0);
    column += ms_grid_put(grid, row, column, ms_grid_columns(grid) - column, figure);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return column;
}

const char *ms_title_heap_bytes(char *out, size_t size, const struct ms_title_totals *totals,
                                uint64_t bytes)
{
    return ms_format_bytes(out, size, totals->heap_seen ? (double)bytes : NAN);
}

static void draw_cpu_row(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         const struct ms_title_totals *totals)
{
    const int row = view->layout.totals_row;
    const uint32_t cores = ms_model_system(view->model)->cores;
    const double of_all = cores > 0 ? totals->cpu_pct / cores : NAN;
    const int bar = view->columns >= 100 ? 20 : view->columns >= 72 ? 12 : 0;
    char figure[MS_FORMAT_MAX];
    char text[96];
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, 1, 4, "cpu");
    if (bar > 0) {
        ms_grid_pen(grid, MS_COLOUR_GRAPH, 0);
        ms_chart_bar(grid, tui->glyphs, row, 5, bar, of_all / 100);
    }
    int column = 5 + (bar > 0 ? bar + 1 : 0);
    ms_format_value(figure, sizeof figure, ms_value_of(of_all), MS_UNIT_PERCENT);
    const bool known = !isnan(of_all);
    if (view->columns >= 72) {
        snprintf(text, sizeof text, "%5s%s of %u cores", figure, known ? "%" : "", cores);
    } else {
        snprintf(text, sizeof text, "%s%s of %u", figure, known ? "%" : "", cores);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    column += ms_grid_put(grid, row, column, view->columns - column, text) + 3;
    char live[MS_FORMAT_MAX];
    char growth[MS_FORMAT_MAX];
    ms_title_heap_bytes(live, sizeof live, totals, totals->live_bytes);
    ms_format_bytes_rate(growth, sizeof growth, totals->growth_per_s);
    if (isnan(totals->growth_per_s)) {
        snprintf(text, sizeof text, "%s", live);
    } else {
        snprintf(text, sizeof text, "%s %s", live, growth);
    }
    column = put_pair(grid, row, column, "heap", text, MS_COLOUR_DEFAULT) + 3;
    if (view->columns >= 60) {
        const bool live_rate = !isnan(totals->allocations_per_s);
        ms_format_count(figure, sizeof figure,
                        live_rate           ? totals->allocations_per_s
                        : totals->heap_seen ? (double)totals->heap.allocations
                                            : NAN);
        snprintf(text, sizeof text, "%s%s", figure,
                 live_rate           ? "/s"
                 : totals->heap_seen ? " in all"
                                     : "");
        put_pair(grid, row, column, "allocs", text, MS_COLOUR_DEFAULT);
    }
}

static void peak_text(const struct ms_tui *tui, const struct ms_title_totals *totals,
                      bool short_form, char *out, size_t size)
{
    char peak[MS_FORMAT_MAX];
    char error[MS_FORMAT_MAX];
    /* The peaks of several processes need not have been at one time. */
    const bool bound = totals->processes > 1 && totals->heap_seen;
    const uint64_t highest = totals->heap.peak_bytes + totals->peak_error_bytes;
    ms_title_heap_bytes(peak, sizeof peak, totals, bound ? highest : totals->heap.peak_bytes);
    if (!bound && totals->peak_error_bytes > 0 && totals->heap_seen && !short_form) {
        ms_format_bytes(error, sizeof error, (double)totals->peak_error_bytes);
        snprintf(out, size, "%s %s%s", peak, ms_theme_ascii(tui) ? "+-" : "\u00b1", error);
    } else {
        snprintf(out, size, "%s%s", bound ? "<=" : "", peak);
    }
}

/* False: there is no trace to tell of. */
static bool put_trace(const struct ms_view *view, struct ms_grid *grid, int row, int column)
{
    const struct ms_trace_totals totals = ms_model_trace_totals(view->model);
    if (!totals.any) {
        return false;
    }
    char text[128];
    char events[MS_FORMAT_MAX];
    char lost[MS_FORMAT_MAX];
    char bytes[MS_FORMAT_MAX];
    ms_format_count(events, sizeof events, (double)totals.events);
    ms_format_count(lost, sizeof lost, (double)totals.lost);
    ms_format_bytes(bytes, sizeof bytes, (double)totals.packet_bytes);
    snprintf(text, sizeof text, "%s events, %s lost, %s", events, lost, bytes);
    put_pair(grid, row, column, "trace:", text,
             totals.lost > 0 ? MS_COLOUR_ERROR : MS_COLOUR_DEFAULT);
    return true;
}

/* Whether cached call stacks are right, where there is room to say that they are. */
static void draw_stack_check(const struct ms_view *view, struct ms_grid *grid, int row, int column,
                             const struct ms_stack_check *stacks)
{
    char count[MS_FORMAT_MAX];
    char text[96];
    if (view->columns >= 100 && stacks->differed == 0 && stacks->walked + stacks->proven > 0) {
        ms_format_count(count, sizeof count, (double)stacks->rechecked);
        snprintf(text, sizeof text, stacks->rechecked > 0 ? "%s, 0 wrong" : "not yet", count);
        put_pair(grid, row, column, "stacks verified", text, MS_COLOUR_DEFAULT);
    }
}

/* How often threads are read, when that is not in every tick. Returns the column after it. */
static int put_thread_rate(const struct ms_view *view, struct ms_grid *grid, int row, int column,
                           double thread_read_hz)
{
    const double tick_hz = (double)MS_SECOND_NS / (double)ms_model_interval_ns(view->model);
    if (!(thread_read_hz < 0.75 * tick_hz)) { /* ticks jitter: a little late is no news */
        return column;
    }
    char text[32];
    snprintf(text, sizeof text, "%.1f Hz", thread_read_hz);
    return put_pair(grid, row, column + 3,
                    view->columns >= 100 ? "threads sampled at" : "threads at", text,
                    MS_COLOUR_ALERT_MEDIUM);
}

static void draw_memory_row(const struct ms_tui *tui, const struct ms_view *view,
                            struct ms_grid *grid, const struct ms_title_totals *totals)
{
    const int row = view->layout.totals_row + 1;
    char text[96];
    char figure[MS_FORMAT_MAX];
    ms_format_bytes(text, sizeof text, totals->rss_bytes);
    int column =
        put_pair(grid, row, 1, totals->rss_is_peak ? "max rss" : "rss", text, MS_COLOUR_DEFAULT);
    const bool wide = view->columns >= 72;
    const bool wrong = totals->stacks.differed > 0;
    if (wrong) { /* before what may not find room */
        ms_format_count(text, sizeof text, (double)totals->stacks.differed);
        column = put_pair(grid, row, column + 3, "WRONG STACKS", text, MS_COLOUR_ERROR);
    }
    if (wide || !wrong) {
        peak_text(tui, totals, !wide, text, sizeof text);
        column =
            put_pair(grid, row, column + 3, wide ? "heap peak" : "peak", text, MS_COLOUR_DEFAULT);
    }
    const bool file = view->status->time != NULL && view->status->time->file;
    if (wide && !wrong && !file) { /* nothing is measured while a file is looked at */
        ms_format_value(figure, sizeof figure, ms_value_of(view->status->own_cpu_pct),
                        MS_UNIT_PERCENT);
        snprintf(text, sizeof text, "%s%s cpu", figure,
                 isnan(view->status->own_cpu_pct) ? "" : "%");
        column = put_pair(grid, row, column + 3, "viewer", text, MS_COLOUR_DEFAULT);
    }
    const bool lost = totals->losses.lost > 0;
    if (!lost) { /* else that comes first, as there may be no room for both */
        column = put_thread_rate(view, grid, row, column, totals->thread_read_hz);
    }
    ms_format_count(text, sizeof text, totals->heap_seen ? (double)totals->losses.lost : NAN);
    column = put_pair(grid, row, column + 3, wide ? "events lost" : "lost", text,
                      lost ? MS_COLOUR_ERROR : MS_COLOUR_DEFAULT);
    if (lost) {
        column = put_thread_rate(view, grid, row, column, totals->thread_read_hz);
    }
    if (totals->losses.coarsened > 0) {
        ms_format_count(text, sizeof text, (double)totals->losses.coarsened);
        column = put_pair(grid, row, column + 3, "stacks cut", text, MS_COLOUR_ALERT_MEDIUM);
    }
    if (!put_trace(view, grid, row, column + 3)) {
        draw_stack_check(view, grid, row, column + 3, &totals->stacks);
    }
}

void ms_title_draw_totals(const struct ms_tui *tui, const struct ms_view *view,
                          struct ms_grid *grid, const struct ms_title_totals *totals)
{
    draw_cpu_row(tui, view, grid, totals);
    if (view->layout.totals_rows > 1) {
        draw_memory_row(tui, view, grid, totals);
    }
}
