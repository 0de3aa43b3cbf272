/* The axis of screen 3: how long the window is, where it stands, and times in words. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/format.h"
#include "tui/timelines.h"

#define WINDOW_DEFAULT 2

static const struct {
    unsigned seconds;
    const char *text;
} windows[] = {
    {10, "10 s"},   {30, "30 s"},    {60, "1 min"},    {120, "2 min"},
    {300, "5 min"}, {600, "10 min"}, {1800, "30 min"}, {3600, "1 h"},
    {10800, "3 h"}, {21600, "6 h"},  {43200, "12 h"},  {86400, "24 h"},
};
enum { WINDOWS = sizeof windows / sizeof windows[0] };

/* Points that each resolution holds; see history.h. */
static const uint64_t held_points[MS_RESOLUTION_COUNT] = {6000, 3600, 8640};

static uint64_t window_ticks(const struct ms_timelines_view *timelines,
                             const struct ms_model *model)
{
    const uint64_t interval_ns = ms_model_interval_ns(model);
    const uint64_t ns = windows[timelines->window].seconds * MS_SECOND_NS;
    const uint64_t ticks = interval_ns > 0 ? ns / interval_ns : 1;
    return ticks > 0 ? ticks : 1;
}

/* One past the last tick shown. */
static uint64_t end_of(const struct ms_timelines_view *timelines, const struct ms_model *model)
{
    const uint64_t ticks = ms_model_ticks(model);
    return timelines->pinned && timelines->end_tick < ticks ? timelines->end_tick : ticks;
}

struct ms_timelines_span ms_timelines_span_of(const struct ms_timelines_view *timelines,
                                              const struct ms_model *model, size_t points)
{
    const uint64_t end = end_of(timelines, model);
    const uint64_t ticks = window_ticks(timelines, model);
    const uint64_t now = ms_model_ticks(model);
    const uint64_t back = now - (end > ticks ? end - ticks : 0);
    struct ms_timelines_span span = {
        .stretch = 1, .now_ticks = now, .interval_ns = ms_model_interval_ns(model)};
    points = points > MS_TIMELINES_SLOTS_MAX ? MS_TIMELINES_SLOTS_MAX : points > 0 ? points : 1;
    uint64_t step = 1;
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        span.resolution = (enum ms_resolution)i;
        step = ms_history_step(span.interval_ns, span.resolution);
        /* What was before the session counts for nothing: it is in no resolution. */
        if (back < held_points[i] * step) {
            break;
        }
    }
    const uint64_t wanted = ticks / step > 0 ? ticks / step : 1;
    span.per = (wanted + points - 1) / points;
    span.stretch = points > wanted ? points / (size_t)wanted : 1;
    span.slot_ticks = span.per * step;
    span.points = points;
    const uint64_t slots = (points + span.stretch - 1) / span.stretch;
    span.end = end > 0 ? (end - 1) / span.slot_ticks + 1 : 0;
    span.first = span.end > slots ? span.end - slots : 0;
    return span;
}

void ms_timelines_follow(struct ms_timelines_view *timelines)
{
    timelines->pinned = false;
    timelines->cursor_set = false;
}

/* Nothing is before the session, and what is to come follows the present. */
static void pin(struct ms_timelines_view *timelines, const struct ms_model *model, uint64_t end)
{
    const uint64_t ticks = ms_model_ticks(model);
    const uint64_t oldest = ms_model_first_tick(model) + window_ticks(timelines, model);
    timelines->end_tick = end < oldest ? oldest : end;
    timelines->pinned = true;
    if (timelines->end_tick >= ticks) {
        timelines->end_tick = ticks;
        timelines->pinned = timelines->cursor_set;
    }
}

/* A cursor that nobody sees would leave all rows without a figure. */
static void drop_lost_cursor(struct ms_timelines_view *timelines, const struct ms_model *model)
{
    const uint64_t end = end_of(timelines, model);
    const uint64_t ticks = window_ticks(timelines, model);
    if (timelines->cursor_tick >= end || timelines->cursor_tick + ticks < end) {
        timelines->cursor_set = false;
        timelines->pinned = timelines->pinned && timelines->end_tick < ms_model_ticks(model);
    }
}

void ms_timelines_widen(struct ms_timelines_view *timelines, const struct ms_model *model, int by)
{
    const uint64_t before = window_ticks(timelines, model);
    const uint64_t end = end_of(timelines, model);
    if (by == 0) {
        timelines->window = WINDOW_DEFAULT;
    } else if (by > 0 && timelines->window + 1 < WINDOWS) {
        timelines->window++;
    } else if (by < 0 && timelines->window > 0) {
        timelines->window--;
    }
    if (timelines->pinned) {
        /* What one looks at stays where it is: the cursor, or else the middle. */
        const uint64_t after = window_ticks(timelines, model);
        const uint64_t start = end > before ? end - before : 0;
        uint64_t at = timelines->cursor_set ? timelines->cursor_tick : start + before / 2;
        at = at > start ? at : start;
        const double share = (double)(at - start) / (double)before;
        pin(timelines, model, at + (uint64_t)((1 - (share < 1 ? share : 1)) * (double)after));
    }
}

void ms_timelines_pan(struct ms_timelines_view *timelines, const struct ms_model *model, int by)
{
    const uint64_t end = end_of(timelines, model);
    const uint64_t ticks = window_ticks(timelines, model);
    const uint64_t step = ticks / 8 > 0 ? ticks / 8 : 1;
    pin(timelines, model, by > 0 ? end + step : end > step ? end - step : 0);
    drop_lost_cursor(timelines, model);
}

void ms_timelines_to_oldest(struct ms_timelines_view *timelines, const struct ms_model *model)
{
    pin(timelines, model, 0);
    drop_lost_cursor(timelines, model);
}

void ms_timelines_set_cursor(struct ms_timelines_view *timelines, const struct ms_model *model,
                             uint64_t tick)
{
    const uint64_t ticks = ms_model_ticks(model);
    const uint64_t window = window_ticks(timelines, model);
    const uint64_t first = ms_model_first_tick(model);
    uint64_t end = end_of(timelines, model);
    tick = tick < first ? first : tick;
    tick = ticks > 0 && tick >= ticks ? ticks - 1 : tick;
    if (tick >= end || tick + window < end) {
        end = tick + window / 2;
    }
    timelines->cursor_set = true;
    timelines->cursor_tick = tick;
    pin(timelines, model, end);
}

void ms_timelines_step_cursor(struct ms_timelines_view *timelines, const struct ms_model *model,
                              int by)
{
    const struct ms_timelines_span *span = &timelines->span;
    const uint64_t step = span->slot_ticks > 0 ? span->slot_ticks : 1;
    uint64_t tick = timelines->cursor_tick;
    if (!timelines->cursor_set) {
        const uint64_t end = end_of(timelines, model);
        tick = end > 0 ? end - 1 : 0;
    } else if (by < 0) {
        tick = tick > step ? tick - step : 0;
    } else {
        tick += step;
    }
    ms_timelines_set_cursor(timelines, model, tick);
}

const char *ms_timelines_window_text(const struct ms_timelines_view *timelines)
{
    return windows[timelines->window].text;
}

uint64_t ms_timelines_elapsed_ns(const struct ms_model *model, uint64_t tick)
{
    const uint64_t at_ns = ms_model_start_ns(model) + tick * ms_model_interval_ns(model);
    uint64_t begin_ns = ms_model_start_ns(model);
    if (ms_model_process_count(model) > 0 && ms_model_process(model, 0)->start_ns != 0) {
        begin_ns = ms_model_process(model, 0)->start_ns;
    }
    return at_ns > begin_ns ? at_ns - begin_ns : 0;
}

/* "12 s", "3 min", "1.5 h" */
static char *length_text(char *out, size_t size, double seconds)
{
    if (seconds < 9.95) {
        snprintf(out, size, "%.1f s", seconds);
    } else if (seconds < 120) {
        snprintf(out, size, "%.0f s", seconds);
    } else if (seconds < 7200) {
        snprintf(out, size, "%.0f min", seconds / 60);
    } else {
        snprintf(out, size, "%.1f h", seconds / 3600);
    }
    return out;
}

char *ms_timelines_time_text(const struct ms_model *model, uint64_t tick, bool wide, char *out,
                             size_t size)
{
    char elapsed[MS_FORMAT_MAX];
    char ago[MS_FORMAT_MAX];
    const uint64_t interval_ns = ms_model_interval_ns(model);
    const uint64_t ticks = ms_model_ticks(model);
    ms_format_elapsed(elapsed, sizeof elapsed, ms_timelines_elapsed_ns(model, tick));
    length_text(ago, sizeof ago,
                (double)(ticks > tick ? (ticks - tick) * interval_ns : 0) / (double)MS_SECOND_NS);
    const time_t seconds =
        (time_t)((ms_model_start_unix_ns(model) + tick * interval_ns) / MS_SECOND_NS);
    struct tm local;
    if (wide && localtime_r(&seconds, &local) != NULL) {
        snprintf(out, size, "%s of the run, %02d:%02d:%02d, %s ago", elapsed, local.tm_hour,
                 local.tm_min, local.tm_sec, ago);
    } else {
        snprintf(out, size, "%s, %s ago", elapsed, ago);
    }
    return out;
}

/* Points of the chart in a cell. */
static size_t per_cell(const struct ms_timelines_span *span, int width)
{
    const size_t points = width > 0 ? span->points / (size_t)width : 1;
    return points > 0 ? points : 1;
}

int ms_timelines_cell_of(const struct ms_timelines_span *span, uint64_t tick, int width)
{
    const uint64_t slot = span->slot_ticks > 0 ? tick / span->slot_ticks : 0;
    if (slot >= span->end || slot < span->first) {
        return -1;
    }
    const uint64_t from_end = (span->end - slot) * span->stretch;
    const uint64_t cells = (from_end + per_cell(span, width) - 1) / per_cell(span, width);
    return cells > (uint64_t)width ? -1 : width - (int)cells;
}

uint64_t ms_timelines_tick_at(const struct ms_timelines_span *span, int cell, int width)
{
    const uint64_t back =
        ((uint64_t)(width - 1 - cell) * per_cell(span, width)) / span->stretch + 1;
    const uint64_t slot = span->end > back ? span->end - back : 0;
    return slot * span->slot_ticks + span->slot_ticks / 2;
}

/* Seconds between two marks of an axis of which a second takes `cells` cells. */
static double spacing_of(double cells, double least_cells)
{
    static const double lengths[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                     600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
    const size_t count = sizeof lengths / sizeof lengths[0];
    for (size_t i = 0; i < count; i++) {
        if (lengths[i] * cells >= least_cells) {
            return lengths[i];
        }
    }
    return lengths[count - 1];
}

static void back_text(char *out, size_t size, double seconds)
{
    if (seconds < 120) {
        snprintf(out, size, "-%.0fs", seconds);
    } else if (seconds < 7200) {
        snprintf(out, size, seconds > 60 * (int)(seconds / 60) ? "-%.1fm" : "-%.0fm", seconds / 60);
    } else {
        snprintf(out, size, seconds > 3600 * (int)(seconds / 3600) ? "-%.1fh" : "-%.0fh",
                 seconds / 3600);
    }
}

static void put_mark(const struct ms_tui *tui, struct ms_grid *grid, int row, int column, int room,
                     const char *text)
{
    ms_grid_put_char(grid, row, column, ms_theme_ascii(tui) ? L'|' : L'\u2502');
    ms_grid_put(grid, row, column + 1, room - 1, text);
}

void ms_timelines_draw_axis(const struct ms_tui *tui, const struct ms_view *view,
                            struct ms_grid *grid, int row, int column, int width)
{
    const struct ms_timelines_view *timelines = tui->timelines;
    const struct ms_timelines_span *span = &timelines->span;
    const double slot_s = (double)(span->slot_ticks * span->interval_ns) / (double)MS_SECOND_NS;
    const double cell_s = slot_s * (double)per_cell(span, width) / (double)span->stretch;
    if (width < 8 || !(cell_s > 0)) {
        return;
    }
    const bool back = !timelines->pinned;
    const double spacing = spacing_of(1 / cell_s, back ? 10 : 13);
    const uint64_t end_tick = span->end * span->slot_ticks;
    const double end_s =
        back ? 0 : (double)ms_timelines_elapsed_ns(view->model, end_tick) / (double)MS_SECOND_NS;
    int behind = width; /* the mark to the right begins here */
    double mark = back ? 0 : spacing * (double)(uint64_t)(end_s / spacing);
    for (;; mark -= spacing) {
        const int at = width - 1 - (int)((end_s - mark) / cell_s);
        char text[MS_FORMAT_MAX] = "now";
        if (at < 0 || (!back && mark < 0)) {
            break;
        }
        if (!back) {
            ms_format_elapsed(text, sizeof text, (uint64_t)(mark + 0.5) * MS_SECOND_NS);
        } else if (mark < 0) {
            back_text(text, sizeof text, -mark);
        } else if (view->status->session == MS_TUI_ENDED) {
            snprintf(text, sizeof text, "end");
        }
        const int length = (int)strlen(text) + 1;
        if (back && mark >= 0) {
            ms_grid_put(grid, row, column + width - length + 1, length - 1, text);
            behind = width - length;
        } else if (at + length < behind) {
            put_mark(tui, grid, row, column + at, length, text);
            behind = at;
        }
    }
}
