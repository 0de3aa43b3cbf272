/* Anomalies on the rows of screen 3, and the way from one to the next. */
#include <stdio.h>

#include "tui/timelines.h"

static bool timelines_is_of(const struct ms_timelines_row *row, const struct ms_anomaly *anomaly)
{
    if (row->of != anomaly->of || row->series != anomaly->series) {
        return false;
    }
    switch (row->of) {
    case MS_SERIES_OF_THREAD:
        return row->thread_id == anomaly->thread_id;
    case MS_SERIES_OF_PROCESS:
        return row->process_id == 0 || row->process_id == anomaly->process_id;
    case MS_SERIES_OF_SYSTEM:
    default:
        return true;
    }
}

static uint64_t tick_of(const struct ms_model *model, uint64_t at_ns)
{
    const uint64_t start_ns = ms_model_start_ns(model);
    const uint64_t interval_ns = ms_model_interval_ns(model);
    /* Tick n ends n + 1 intervals after the start. */
    const uint64_t ticks =
        at_ns > start_ns && interval_ns > 0 ? (at_ns - start_ns) / interval_ns : 0;
    return ticks > 0 ? ticks - 1 : 0;
}

void ms_timelines_draw_anomalies(const struct ms_view *view, struct ms_grid *grid,
                                 const struct ms_timelines_view *timelines,
                                 const struct ms_timelines_row *row, struct ms_area chart)
{
    const struct ms_anomalies *anomalies = ms_findings_anomalies(view->findings);
    const size_t count = anomalies != NULL ? ms_anomalies_count(anomalies) : 0;
    ms_grid_pen(grid, MS_COLOUR_ALERT_HIGH, MS_ATTRIBUTE_BOLD);
    for (size_t i = 0; i < count; i++) {
        const struct ms_anomaly *anomaly = ms_anomalies_at(anomalies, i);
        if (!timelines_is_of(row, anomaly)) {
            continue;
        }
        const int cell = ms_timelines_cell_of(&timelines->span,
                                              tick_of(view->model, anomaly->at_ns), chart.columns);
        if (cell >= 0) {
            ms_grid_put_char(grid, chart.row, chart.column + cell, L'!');
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Position of the row it is of; the count of rows: none. */
static size_t row_of(const struct ms_timelines_view *timelines, const struct ms_anomaly *anomaly)
{
    size_t i = 0;
    while (i < timelines->count && !timelines_is_of(&timelines->list[i], anomaly)) {
        i++;
    }
    return i;
}

bool ms_timelines_jump(struct ms_timelines_view *timelines, const struct ms_view *view, int by)
{
    const struct ms_anomalies *anomalies = ms_findings_anomalies(view->findings);
    const size_t count = anomalies != NULL ? ms_anomalies_count(anomalies) : 0;
    size_t best = count;
    uint64_t best_tick = 0;
    /* Several may be of one time: those rows follow each other from above. */
    const uint64_t from = timelines->cursor_set ? timelines->cursor_tick : UINT64_MAX;
    const size_t from_row = timelines->cursor_set ? timelines->rows.position : timelines->count;
    size_t best_row = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ms_anomaly *anomaly = ms_anomalies_at(anomalies, i);
        const uint64_t tick = tick_of(view->model, anomaly->at_ns);
        const size_t row = row_of(timelines, anomaly);
        const bool later = tick > from || (tick == from && row > from_row);
        const bool earlier = tick < from || (tick == from && row < from_row);
        if (row == timelines->count || !(by > 0 && timelines->cursor_set ? later : earlier)) {
            continue;
        }
        const bool before_best = tick < best_tick || (tick == best_tick && row < best_row);
        const bool nearer = by > 0 && timelines->cursor_set ? before_best : !before_best;
        if (best == count || nearer) {
            best = i;
            best_tick = tick;
            best_row = row;
        }
    }
    if (best == count) {
        return false;
    }
    ms_timelines_set_cursor(timelines, view->model, best_tick);
    ms_rows_select(&timelines->rows, best_row, ms_model_now_ns(view->model));
    return true;
}

char *ms_timelines_anomaly_text(const struct ms_timelines_view *timelines,
                                const struct ms_view *view, char *out, size_t size)
{
    const struct ms_anomalies *anomalies = ms_findings_anomalies(view->findings);
    const size_t count = anomalies != NULL ? ms_anomalies_count(anomalies) : 0;
    const uint64_t slot_ticks = timelines->span.slot_ticks;
    out[0] = '\0';
    if (!timelines->cursor_set || timelines->rows.position >= timelines->count || slot_ticks == 0) {
        return out;
    }
    const struct ms_timelines_row *row = &timelines->list[timelines->rows.position];
    for (size_t i = 0; i < count; i++) {
        const struct ms_anomaly *anomaly = ms_anomalies_at(anomalies, i);
        const uint64_t first = tick_of(view->model, anomaly->at_ns) / slot_ticks;
        const uint64_t last =
            anomaly->end_ns != 0 ? tick_of(view->model, anomaly->end_ns) / slot_ticks : UINT64_MAX;
        const uint64_t slot = timelines->cursor_tick / slot_ticks;
        if (timelines_is_of(row, anomaly) && slot >= first && slot <= last) {
            return ms_anomaly_text(anomaly, view->model, out, size);
        }
    }
    return out;
}
