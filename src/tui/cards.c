/* Cards: who a thread is, its CPU, its heap, and its last minute. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/chart.h"
#include "tui/screen.h"
#include "tui/verdicts.h"

#define SPARK_POINTS_MAX 1024
#define SPARK_LABEL      5  /* cells for the word after a sparkline */
#define BUSY_LABEL       12 /* and for what the thread is busy with */

static bool has_heap(const struct ms_thread *thread)
{
    return thread->tracked && thread->probed;
}

static void process_and_tid(const struct ms_view *view, const struct ms_thread *thread, char *out,
                            size_t size, int room)
{
    const struct ms_process *process = ms_model_process_by_id(view->model, thread->process_id);
    if (ms_model_process_count(view->model) < 2 || process == NULL) {
        snprintf(out, size, "tid %d", (int)thread->tid);
        return;
    }
    char name[MS_PROCESS_NAME_MAX];
    snprintf(out, size, "%.15s[%d] tid %d", ms_process_name(process, name, sizeof name),
             (int)process->pid, (int)thread->tid);
    if ((int)strlen(out) > room) {
        snprintf(out, size, "%d/%d", (int)process->pid, (int)thread->tid);
    }
}

static void draw_card_title(const struct ms_tui *tui, const struct ms_view *view,
                            struct ms_grid *grid, struct ms_area card,
                            const struct ms_thread *thread)
{
    const struct ms_judgement *judgement = ms_findings_of(view->findings, thread->id);
    const bool chosen = thread->id == tui->threads.rows.selected;
    const bool dim = ms_tui_is_dim(tui, view, thread);
    const int right = card.column + card.columns - 1; /* the last column is a gap */
    char where[64];
    process_and_tid(view, thread, where, sizeof where, card.columns / 2);
    const int where_width = ms_grid_text_width(grid, where);
    const int where_column = right - where_width - 3; /* alert behind it */
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_rule(tui, grid, card.row, card.column, card.columns - 1);
    ms_grid_printf(grid, card.row, where_column - 1, where_width + 2, " %s ", where);
    if (chosen) {
        ms_grid_pen(grid, MS_COLOUR_SELECTED, MS_ATTRIBUTE_BOLD);
        ms_grid_put(grid, card.row, card.column, 1, ms_theme_pointer(tui));
    }
    ms_grid_put_char(grid, card.row, card.column + 1, L' ');
    ms_theme_put_role(grid, card.row, card.column + 2, judgement->role, dim);
    ms_grid_pen(grid,
                chosen ? MS_COLOUR_SELECTED
                : dim  ? MS_COLOUR_DIM
                       : MS_COLOUR_DEFAULT,
                dim ? 0 : MS_ATTRIBUTE_BOLD);
    ms_grid_put_char(grid, card.row, card.column + 3, L' ');
    const int name_column = card.column + 4;
    const int used = ms_grid_put(grid, card.row, name_column, where_column - name_column - 3,
                                 thread->name[0] != '\0' ? thread->name : "(no name)");
    ms_grid_put_char(grid, card.row, name_column + used, L' ');
    if (!dim) {
        ms_theme_put_alert(grid, card.row, right - 2, judgement->alert);
    }
}

static void draw_cpu(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     struct ms_area card, const struct ms_thread *thread)
{
    const int row = card.row + 1;
    const struct ms_value cpu =
        ms_metric_of_thread(thread, MS_METRIC_CPU_PCT, ms_model_now_ns(view->model));
    char figure[MS_FORMAT_MAX];
    ms_format_value(figure, sizeof figure, cpu, MS_UNIT_PERCENT);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, card.column + 1, 4, "cpu");
    if (thread->end_ns != 0) {
        char ago[MS_FORMAT_MAX];
        const uint64_t now_ns = ms_model_now_ns(view->model);
        ms_format_elapsed(ago, sizeof ago, now_ns > thread->end_ns ? now_ns - thread->end_ns : 0);
        if (thread->merged > 0) {
            ms_grid_printf(grid, row, card.column + 5, card.columns - 6,
                           "%6s%s of %u ended threads", figure, cpu.available ? "% mean" : "",
                           thread->merged);
        } else {
            ms_grid_printf(grid, row, card.column + 5, card.columns - 6, "%6s%s, ended %s ago",
                           figure, cpu.available ? "% mean" : "", ago);
        }
        return;
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    ms_grid_printf(grid, row, card.column + 5, 8, "%6s%s", figure, cpu.available ? "%" : "");
    ms_grid_pen(grid, cpu.available && cpu.number > 80 ? MS_COLOUR_GRAPH_HIGH : MS_COLOUR_GRAPH, 0);
    ms_chart_bar(grid, tui->glyphs, row, card.column + 13, card.columns - 14,
                 cpu.available ? cpu.number / 100 : NAN);
}

static void draw_heap(const struct ms_view *view, struct ms_grid *grid, struct ms_area card,
                      const struct ms_thread *thread)
{
    const int row = card.row + 2;
    const bool ended = thread->end_ns != 0;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, card.column + 1, 4, "heap");
    if (!has_heap(thread)) {
        ms_grid_put(grid, row, card.column + 6, card.columns - 6,
                    thread->probed ? "untracked: not selected" : "untracked: no record of it");
        return;
    }
    char live[MS_FORMAT_MAX];
    char growth[MS_FORMAT_MAX];
    char rate[MS_FORMAT_MAX];
    ms_format_bytes(live, sizeof live, (double)ms_heap_current_bytes(&thread->heap));
    ms_grid_pen(grid, ended ? MS_COLOUR_DIM : MS_COLOUR_DEFAULT, ended ? 0 : MS_ATTRIBUTE_BOLD);
    ms_grid_printf(grid, row, card.column + 5, 7, "%7s", live);
    ms_grid_pen(grid, ended ? MS_COLOUR_DIM : MS_COLOUR_DEFAULT, 0);
    if (ended) {
        char peak[MS_FORMAT_MAX];
        ms_format_bytes(peak, sizeof peak, (double)thread->heap.peak_bytes);
        ms_format_count(rate, sizeof rate, (double)thread->heap.allocations);
        ms_grid_printf(grid, row, card.column + 13, card.columns - 13, "peak %s  %s allocs", peak,
                       rate);
        return;
    }
    const struct ms_value allocations =
        ms_metric_of_thread(thread, MS_METRIC_ALLOCATION_RATE, ms_model_now_ns(view->model));
    ms_format_bytes_rate(growth, sizeof growth, thread->rates.growth_bytes_per_s);
    ms_format_value(rate, sizeof rate, allocations, MS_UNIT_RATE);
    ms_grid_printf(grid, row, card.column + 13, 10, "%10s", growth);
    char text[MS_FORMAT_MAX + 16];
    snprintf(text, sizeof text, "%s allocs%s", rate, allocations.available ? "/s" : "");
    ms_grid_printf(grid, row, card.column + 23, card.columns - 24, "%*s",
                   card.columns - 24 < 15 ? card.columns - 24 : 15, text);
}

/* "io 71%", "net 1.2MB/s", or the bottleneck; "" when there is nothing to tell. */
static void busy_text(struct ms_tui *tui, const struct ms_view *view,
                      const struct ms_thread *thread, char *out, size_t size)
{
    const double worth_telling = 1000; /* bytes per second */
    const struct ms_thread_rates *rates = &thread->rates;
    const double network = rates->received_bytes_per_s + rates->sent_bytes_per_s;
    char figure[MS_FORMAT_MAX];
    out[0] = '\0';
    if (thread->end_ns != 0) {
        return;
    }
    if (rates->io_wait_pct >= 5) {
        snprintf(out, size, "io %.0f%%", rates->io_wait_pct);
    } else if (network >= worth_telling) {
        snprintf(out, size, "net %s/s", ms_format_bytes(figure, sizeof figure, network));
    } else if (rates->io_bytes_per_s >= worth_telling) {
        snprintf(out, size, "io %s/s",
                 ms_format_bytes(figure, sizeof figure, rates->io_bytes_per_s));
    } else {
        const struct ms_verdict *verdict = ms_verdict_of(tui, view, thread);
        const bool cores = verdict != NULL && verdict->bottleneck.kind == MS_BOTTLENECK_CORES;
        snprintf(out, size, "%s", cores ? "few cores" : ms_verdict_bottleneck(verdict));
    }
}

static void draw_sparkline(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                           struct ms_area card, const struct ms_thread *thread)
{
    const bool cpu = (enum ms_metric)tui->threads.order == MS_METRIC_CPU_PCT || !has_heap(thread);
    const struct ms_history *history =
        thread->history[cpu ? MS_SERIES_CPU_PCT : MS_SERIES_CURRENT_BYTES];
    const struct ms_area area = {.row = card.row + 3,
                                 .column = card.column + 1,
                                 .rows = 1,
                                 .columns = card.columns - SPARK_LABEL - BUSY_LABEL - 3};
    double points[SPARK_POINTS_MAX];
    size_t count = ms_chart_points(tui->glyphs, area.columns);
    if (count > SPARK_POINTS_MAX) {
        count = SPARK_POINTS_MAX;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_printf(grid, area.row, area.column + area.columns, SPARK_LABEL, "%5s",
                   cpu ? "cpu" : "heap");
    char busy[48];
    busy_text(tui, view, thread, busy, sizeof busy);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    ms_grid_printf(grid, area.row, area.column + area.columns + SPARK_LABEL + 1, BUSY_LABEL, "%*s",
                   BUSY_LABEL, busy);
    if (history == NULL || ms_history_read(history, MS_RESOLUTION_SECOND, count, points) == 0) {
        return;
    }
    double low = 0;
    double high = 100;
    if (!cpu) {
        ms_chart_scale(points, count, &low, &high);
    }
    ms_grid_pen(grid, thread->end_ns != 0 ? MS_COLOUR_DIM : MS_COLOUR_GRAPH, 0);
    ms_chart_area(grid, tui->glyphs, area, points, count, low, high);
}

void ms_cards_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_layout *layout = &view->layout;
    const size_t shown = (size_t)(layout->cards_down * layout->card_columns);
    ms_rows_scroll(&tui->threads.rows, shown, (size_t)layout->card_columns);
    for (size_t i = 0; i < shown && tui->threads.rows.top + i < tui->threads.rows.count; i++) {
        const struct ms_thread *thread = ms_model_thread_by_id(
            view->model, (uint32_t)tui->threads.rows.ids[tui->threads.rows.top + i]);
        if (thread == NULL) {
            continue;
        }
        const struct ms_area card = ms_layout_card(layout, (int)i);
        draw_card_title(tui, view, grid, card, thread);
        draw_cpu(tui, view, grid, card, thread);
        draw_heap(view, grid, card, thread);
        if (layout->card_rows > 3) {
            draw_sparkline(tui, view, grid, card, thread);
        }
    }
    const size_t end = tui->threads.rows.top + shown;
    if (layout->more_row >= 0 && (end < tui->threads.rows.count || tui->threads.rows.top > 0)) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, layout->more_row, 3, view->columns - 3, "%zu above, %zu below",
                       tui->threads.rows.top,
                       end < tui->threads.rows.count ? tui->threads.rows.count - end : 0);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}
