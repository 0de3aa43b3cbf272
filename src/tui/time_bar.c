/* The bar of time: what is recorded, the moment that is shown, marks, what stands out, and the keys
 * that lead from one moment to another. */
#include "tui/time_bar.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/format.h"
#include "model/model.h"

#define NEAR_NS MS_SECOND_NS /* a mark so near is the one that one looks at */

static uint64_t since(uint64_t later_ns, uint64_t earlier_ns)
{
    return later_ns > earlier_ns ? later_ns - earlier_ns : 0;
}

/* "1:23", "1:02:03" */
static char *duration(char *out, size_t size, uint64_t ns)
{
    const unsigned long long s = ns / MS_SECOND_NS;
    if (s < 3600) {
        snprintf(out, size, "%llu:%02llu", s / 60, s % 60);
    } else {
        snprintf(out, size, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    }
    return out;
}

static char *clock_text(char *out, size_t size, const struct ms_tui_time *time)
{
    const time_t seconds =
        (time_t)((time->start_unix_ns + since(time->at_ns, time->start_ns)) / MS_SECOND_NS);
    struct tm parts;
    if (localtime_r(&seconds, &parts) == NULL || strftime(out, size, "%H:%M:%S", &parts) == 0) {
        snprintf(out, size, "?");
    }
    return out;
}

/* "2 min 03 s" */
static char *age_text(char *out, size_t size, uint64_t ns)
{
    const unsigned long long s = ns / MS_SECOND_NS;
    if (s < 60) {
        snprintf(out, size, "%.1f s", (double)ns / (double)MS_SECOND_NS);
    } else if (s < 3600) {
        snprintf(out, size, "%llu min %02llu s", s / 60, s % 60);
    } else {
        snprintf(out, size, "%llu h %02llu min", s / 3600, s / 60 % 60);
    }
    return out;
}

char *ms_time_text(const struct ms_tui_time *time, int columns, char *out, size_t size)
{
    char clock[32];
    char age[32];
    char of[32];
    clock_text(clock, sizeof clock, time);
    if (time->file) {
        duration(age, sizeof age, since(time->at_ns, time->first_ns));
        duration(of, sizeof of, since(time->last_ns, time->first_ns));
        if (columns >= 100) {
            snprintf(out, size, "%s of %s, %s", age, of, clock);
        } else {
            snprintf(out, size, "%s of %s", age, of);
        }
    } else if (columns >= 100) {
        snprintf(out, size, "%s, %s ago", clock,
                 age_text(age, sizeof age, since(time->last_ns, time->at_ns)));
    } else if (columns >= 60) {
        snprintf(out, size, "%s -%s", clock,
                 duration(age, sizeof age, since(time->last_ns, time->at_ns)));
    } else {
        snprintf(out, size, "-%s", duration(age, sizeof age, since(time->last_ns, time->at_ns)));
    }
    return out;
}

/* --- the track --- */

struct track {
    int column, width;
    char left[32], right[32];
};

static struct track track_of(const struct ms_view *view)
{
    const struct ms_tui_time *time = view->status->time;
    struct track track = {.column = 1};
    if (time->file) {
        const bool whole = view->layout.time_rows > 1;
        duration(track.left, sizeof track.left, whole ? 0 : since(time->at_ns, time->first_ns));
        duration(track.right, sizeof track.right, since(time->last_ns, time->first_ns));
    } else {
        const uint64_t back_ns =
            since(time->last_ns, view->layout.time_rows > 1 ? time->first_ns : time->at_ns);
        track.left[0] = '-';
        duration(track.left + 1, sizeof track.left - 1, back_ns);
        snprintf(track.right, sizeof track.right, "now");
    }
    const int left = (int)strlen(track.left);
    track.column = 1 + left + 1;
    track.width = view->columns - track.column - (int)strlen(track.right) - 2;
    track.width = track.width > 1 ? track.width : 1;
    return track;
}

/* Cell of a time; -1: it is not on the bar. */
static int cell_of(const struct ms_tui_time *time, int width, uint64_t at_ns)
{
    const uint64_t whole_ns = since(time->last_ns, time->first_ns);
    if (at_ns < time->first_ns || at_ns > time->last_ns) {
        return -1;
    }
    return whole_ns == 0
               ? width - 1
               : (int)((double)(at_ns - time->first_ns) / (double)whole_ns * (double)(width - 1));
}

static void put(struct ms_grid *grid, int row, int column, bool ascii, const char *glyph,
                const char *plain, enum ms_colour colour, unsigned attributes)
{
    ms_grid_pen(grid, colour, attributes);
    ms_grid_put(grid, row, column, 1, ascii ? plain : glyph);
}

static void draw_track(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row)
{
    const struct ms_tui_time *time = view->status->time;
    const struct track track = track_of(view);
    const bool ascii = ms_theme_ascii(tui);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, 1, track.column, track.left);
    ms_grid_put(grid, row, track.column + track.width + 1, 12, track.right);
    const int coarse = cell_of(time, track.width, time->coarse_until_ns);
    for (int i = 0; i < track.width; i++) {
        const bool is_coarse = i < coarse || (time->coarse_until_ns > time->last_ns);
        put(grid, row, track.column + i, ascii, is_coarse ? "\u00b7" : "\u2500",
            is_coarse ? "." : "-", MS_COLOUR_DIM, 0);
    }
    /* What is rarer and more wanted covers the rest. */
    for (int marks = 0; marks <= 1; marks++) {
        for (size_t i = 0; i < time->event_count; i++) {
            const int cell = cell_of(time, track.width, time->events[i].at_ns);
            if (cell >= 0 && time->events[i].anomaly == (marks == 0)) {
                put(grid, row, track.column + cell, ascii, marks ? "\u25bc" : "!",
                    marks ? "v" : "!", marks ? MS_COLOUR_KEY : MS_COLOUR_ALERT_HIGH,
                    MS_ATTRIBUTE_BOLD);
            }
        }
        const int peak = time->peak_ns != 0 ? cell_of(time, track.width, time->peak_ns) : -1;
        if (marks == 0 && peak >= 0) {
            put(grid, row, track.column + peak, ascii, "\u25b2", "^", MS_COLOUR_GRAPH_HIGH,
                MS_ATTRIBUTE_BOLD);
        }
    }
    const int here = time->away ? cell_of(time, track.width, time->at_ns) : track.width - 1;
    if (here >= 0) {
        put(grid, row, track.column + here, ascii, "\u25cf", "O", MS_COLOUR_SELECTED,
            MS_ATTRIBUTE_BOLD);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* The mark that is looked at, or what the signs on the bar mean. */
static int put_mark(const struct ms_view *view, struct ms_grid *grid, int row, int column)
{
    const struct ms_tui_time *time = view->status->time;
    const struct ms_time_event *nearest = NULL;
    uint64_t distance_ns = NEAR_NS + 1;
    for (size_t i = 0; i < time->event_count; i++) {
        const struct ms_time_event *event = &time->events[i];
        const uint64_t away_ns =
            event->at_ns > time->at_ns ? event->at_ns - time->at_ns : time->at_ns - event->at_ns;
        if (!event->anomaly && away_ns < distance_ns) {
            nearest = event;
            distance_ns = away_ns;
        }
    }
    if (nearest == NULL) {
        return 0;
    }
    ms_grid_pen(grid, MS_COLOUR_KEY, 0);
    return ms_grid_printf(grid, row, column, view->columns - column, "mark%s%s  ",
                          nearest->text[0] != '\0' ? ": " : "", nearest->text);
}

static void draw_words(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row)
{
    const struct ms_tui_time *time = view->status->time;
    char text[96];
    char state[32];
    int column = 1;
    if (!time->away) {
        ms_grid_pen(grid, MS_COLOUR_BALANCED, MS_ATTRIBUTE_BOLD);
        column += ms_grid_put(grid, row, column, view->columns - column,
                              time->why != NULL ? time->why : "live");
    } else {
        snprintf(state, sizeof state, time->playing ? "%gx" : "stopped", time->speed);
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, MS_ATTRIBUTE_BOLD);
        column += ms_grid_printf(grid, row, column, view->columns - column, "%s%s",
                                 !time->playing        ? ""
                                 : ms_theme_ascii(tui) ? "> "
                                                       : "\u25b6 ",
                                 state);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        column += 2;
        column += ms_grid_put(grid, row, column, view->columns - column,
                              ms_time_text(time, 100, text, sizeof text));
    }
    column += 2;
    column += put_mark(view, grid, row, column);
    if (time->file && time->anomalies_until_ns < time->last_ns) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        column += ms_grid_printf(
            grid, row, column, view->columns - column, "! so far up to %s  ",
            duration(text, sizeof text, since(time->anomalies_until_ns, time->first_ns)));
    }
    const char *hint = tui->dialog == &ms_dialog_time
                           ? (time->file ? "v mark  ^ peak  ! anomaly" : "Esc: back to live")
                       : time->file ? "r: time keys"
                                    : "r: time keys, ^E: live";
    const int width = (int)strlen(hint);
    if (column + width + 1 < view->columns) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, view->columns - width - 1, width, hint);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

void ms_time_bar_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const int row = view->layout.time_row;
    if (row < 0 || view->status->time == NULL) {
        return;
    }
    for (int i = 0; i < view->layout.time_rows; i++) {
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        for (int column = 0; column < view->columns; column++) {
            ms_grid_put_char(grid, row + i, column, L' ');
        }
    }
    draw_track(tui, view, grid, row);
    if (view->layout.time_rows > 1) {
        draw_words(tui, view, grid, row + 1);
    }
}

bool ms_time_bar_click(const struct ms_view *view, const struct ms_input *input,
                       struct ms_command *command)
{
    if (view->layout.time_row < 0 || input->row != view->layout.time_row ||
        view->status->time == NULL) {
        return false;
    }
    const struct track track = track_of(view);
    const int cell = input->column - track.column;
    double share = track.width > 1 ? (double)cell / (double)(track.width - 1) : 1;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    command->type = MS_COMMAND_TIME;
    command->time = share < 1 ? (struct ms_time_wish){.what = MS_TIME_SHARE, .share = share}
                              : (struct ms_time_wish){.what = MS_TIME_LAST};
    return true;
}

/* --- keys --- */

bool ms_time_away(const struct ms_view *view)
{
    return view->status->time != NULL && view->status->time->away;
}

/* The process whose peak is meant: what is in focus, 0: the largest. */
static uint32_t process_in_focus(const struct ms_tui *tui, const struct ms_view *view)
{
    const struct ms_thread *thread = ms_model_thread_by_id(view->model, tui->scope.thread_id);
    return thread != NULL ? thread->process_id : tui->scope.process_id;
}

/* What is paused is a moment, too: from there, not from the present that went on. */
static void step(struct ms_tui *tui, struct ms_time_wish *wish, int by)
{
    *wish = (struct ms_time_wish){.what = MS_TIME_STEP, .by = by};
    if (tui->paused) {
        *wish = (struct ms_time_wish){.what = MS_TIME_AT, .by = by, .at_ns = tui->paused_ns};
    }
}

bool ms_time_act(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                 const struct ms_input *input, struct ms_command *command)
{
    static const struct {
        enum ms_action action;
        struct ms_time_wish wish;
    } wishes[] = {
        {MS_ACTION_TIME_SECOND_BACK, {.what = MS_TIME_MOVE, .by_ns = -(int64_t)MS_SECOND_NS}},
        {MS_ACTION_TIME_SECOND_ON, {.what = MS_TIME_MOVE, .by_ns = (int64_t)MS_SECOND_NS}},
        {MS_ACTION_TIME_TEN_BACK, {.what = MS_TIME_MOVE, .by_ns = -10 * (int64_t)MS_SECOND_NS}},
        {MS_ACTION_TIME_TEN_ON, {.what = MS_TIME_MOVE, .by_ns = 10 * (int64_t)MS_SECOND_NS}},
        {MS_ACTION_TIME_MINUTE_BACK, {.what = MS_TIME_MOVE, .by_ns = -60 * (int64_t)MS_SECOND_NS}},
        {MS_ACTION_TIME_MINUTE_ON, {.what = MS_TIME_MOVE, .by_ns = 60 * (int64_t)MS_SECOND_NS}},
        {MS_ACTION_TIME_FIRST, {.what = MS_TIME_FIRST}},
        {MS_ACTION_TIME_LAST, {.what = MS_TIME_LAST}},
        {MS_ACTION_TIME_PLAY, {.what = MS_TIME_PLAY}},
        {MS_ACTION_TIME_FASTER, {.what = MS_TIME_SPEED, .by = 1}},
        {MS_ACTION_TIME_SLOWER, {.what = MS_TIME_SPEED, .by = -1}},
        {MS_ACTION_TIME_NEXT_MARK, {.what = MS_TIME_MARK, .by = 1}},
        {MS_ACTION_TIME_PREVIOUS_MARK, {.what = MS_TIME_MARK, .by = -1}},
        {MS_ACTION_TIME_NEXT_ANOMALY, {.what = MS_TIME_ANOMALY, .by = 1}},
        {MS_ACTION_TIME_PREVIOUS_ANOMALY, {.what = MS_TIME_ANOMALY, .by = -1}},
    };
    struct ms_time_wish wish = {.what = MS_TIME_STEP};
    if (action == MS_ACTION_TIME_BACK || action == MS_ACTION_TIME_ON) {
        step(tui, &wish, action == MS_ACTION_TIME_ON ? 1 : -1);
    } else if (action == MS_ACTION_TIME_PEAK) {
        wish =
            (struct ms_time_wish){.what = MS_TIME_PEAK, .process_id = process_in_focus(tui, view)};
    } else if (action == MS_ACTION_TIME_SHARE) {
        wish =
            (struct ms_time_wish){.what = MS_TIME_SHARE, .share = (double)(input->key - '0') / 10};
    } else if (action == MS_ACTION_PAUSE && ms_time_away(view)) {
        wish = (struct ms_time_wish){.what = MS_TIME_PLAY};
    } else {
        size_t i = 0;
        while (i < sizeof wishes / sizeof wishes[0] && wishes[i].action != action) {
            i++;
        }
        if (i == sizeof wishes / sizeof wishes[0]) {
            return false;
        }
        wish = wishes[i].wish;
    }
    tui->paused = false;
    command->type = MS_COMMAND_TIME;
    command->time = wish;
    return true;
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    (void)tui;
    (void)view;
    (void)grid; /* the bar is drawn whenever it is not the present */
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)input;
    if (action == MS_ACTION_ENTER || action == MS_ACTION_CANCEL) {
        tui->dialog = NULL;
    }
    if (action == MS_ACTION_CANCEL && ms_time_away(view) && !view->status->time->file) {
        command->type = MS_COMMAND_TIME;
        command->time = (struct ms_time_wish){.what = MS_TIME_LAST};
    }
}

const struct ms_screen ms_dialog_time = {.place = MS_PLACE_TIME, .draw = draw, .key = key};
