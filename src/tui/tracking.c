/* What is tracked: a form with four rows over the picture. The settings go out as a command. */
#include <stdio.h>
#include <string.h>

#include "tui/screen.h"

enum row { ROW_MODE, ROW_DEPTH, ROW_RATE, ROW_THREADS, ROWS };

/* What the arrows step through; anything else is typed. */
static const uint32_t depths[] = {1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, MS_DEPTH_MAX};
static const uint32_t shares[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
#define RATE_BYTES_LEAST (UINT64_C(4) << 10)
#define RATE_BYTES_MOST  (UINT64_C(64) << 20)
#define COUNT_OF(array)  (sizeof(array) / sizeof(array)[0])

static bool trace_possible(const struct ms_view *view)
{
    const struct ms_process *program = ms_model_program(view->model);
    return program != NULL && program->tracking.trace_allowed && ms_model_trace(view->model)->asked;
}

static void init(struct ms_tui *tui, const struct ms_view *view)
{
    const struct ms_process *program = ms_model_program(view->model);
    tui->state = (struct ms_dialog_state){.chosen = ROW_MODE};
    tui->tracking.depth_typed = false;
    tui->tracking.settings =
        (struct ms_tracking_settings){.mode = MS_TRACK_EXACT,
                                      .depth = MS_DEPTH_DEFAULT,
                                      .rate = {.interval = MS_SAMPLE_BYTES_DEFAULT}};
    if (program != NULL && program->tracking.known) {
        tui->tracking.settings = program->tracking.asked;
    }
    ms_entry_set(&tui->tracking.threads, tui->tracking.settings.threads);
}

/* Does the mode make use of the row? */
static bool matters(const struct ms_tracking_settings *settings, enum row row)
{
    switch (row) {
    case ROW_DEPTH:
        return settings->mode >= MS_TRACK_EXACT;
    case ROW_RATE:
        return settings->mode == MS_TRACK_AUTO || settings->mode == MS_TRACK_SAMPLED;
    default:
        return settings->mode != MS_TRACK_OFF || row == ROW_MODE;
    }
}

static void describe(const struct ms_tui *tui, enum row row, char *value, size_t size,
                     const char **name, const char **meaning)
{
    const struct ms_tracking_settings *settings = &tui->tracking.settings;
    switch (row) {
    case ROW_MODE:
        *name = "mode";
        *meaning = ms_tracking_meaning(settings->mode);
        snprintf(value, size, "%s", ms_tracking_word(settings->mode));
        break;
    case ROW_DEPTH:
        *name = "depth";
        *meaning = "frames per call stack, 1 to 128";
        snprintf(value, size, "%u", (unsigned)settings->depth);
        break;
    case ROW_RATE:
        *name = "rate";
        *meaning = settings->rate.of_allocations
                       ? "share of the allocations; %: switch to bytes"
                       : "one sample per so many bytes; %: switch to a share";
        ms_sample_rate_text(value, size, &settings->rate);
        break;
    default:
        *name = "threads";
        *meaning = "names, globs, tid:N, main, even, odd";
        value[0] = '\0';
        break;
    }
}

static void draw_threads(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                         int width, bool chosen)
{
    const char *text = tui->tracking.threads.text;
    const int needed = ms_grid_text_width(grid, text);
    int used = 0;
    if (text[0] == '\0' && !chosen) {
        ms_grid_put(grid, row, column, width, "all");
        return;
    }
    const int room = width - 1;
    used = ms_grid_put_bytes(grid, row, column, room, text, strlen(text),
                             needed > room ? needed - room : 0);
    if (chosen) {
        ms_grid_put(grid, row, column + used, 1, ms_theme_ascii(tui) ? "_" : "\u2588");
    }
}

static void draw_row(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                     enum row row)
{
    enum { NAME_COLUMN = 2, VALUE_COLUMN = 10, VALUE_WIDTH = 14 };
    const bool chosen = tui->state.chosen == (size_t)row;
    const bool dim = !matters(&tui->tracking.settings, row);
    const enum ms_colour colour = chosen ? MS_COLOUR_SELECTED
                                  : dim  ? MS_COLOUR_DIM
                                         : MS_COLOUR_DEFAULT;
    char value[64];
    char framed[80];
    const char *name;
    const char *meaning;
    describe(tui, row, value, sizeof value, &name, &meaning);
    const int line = area.row + (int)row;
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, line, area.column, 1, chosen ? ms_theme_pointer(tui) : " ");
    ms_grid_put(grid, line, area.column + NAME_COLUMN, VALUE_COLUMN - NAME_COLUMN, name);
    const int column = area.column + VALUE_COLUMN;
    const int meaning_column = VALUE_COLUMN + VALUE_WIDTH;
    if (row == ROW_THREADS) {
        const bool wide = area.columns >= 60;
        draw_threads(tui, grid, line, column, wide ? VALUE_WIDTH - 1 : area.columns - VALUE_COLUMN,
                     chosen);
    } else {
        snprintf(framed, sizeof framed, chosen ? "< %s >" : "  %s", value);
        ms_grid_put(grid, line, column, area.columns - VALUE_COLUMN, framed);
    }
    if (area.columns >= 60) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, line, area.column + meaning_column, area.columns - meaning_column,
                    meaning);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_area area =
        ms_theme_frame(tui, grid, ms_dialog_area(view, ROWS + 4, 76), "what is tracked");
    for (int row = 0; row < ROWS && row < area.rows; row++) {
        draw_row(tui, grid, area, (enum row)row);
    }
    const struct ms_process *program = ms_model_program(view->model);
    char now[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX] = "";
    if (program != NULL) {
        ms_tracking_text(now, sizeof now, &program->tracking);
    }
    const bool known = program != NULL && program->tracking.known;
    if (area.rows >= ROWS + 2) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, area.row + ROWS + 1, area.column + 2, area.columns - 2, "now: %s",
                       !known           ? "not known, the probe has not started"
                       : now[0] == '\0' ? "exact, all threads, depth 32"
                                        : now);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    }
}

static void step_mode(struct ms_tracking_settings *settings, int by, bool trace)
{
    const int last = trace ? MS_TRACK_TRACE : MS_TRACK_TRACE - 1;
    const int mode = (int)settings->mode + by;
    if (mode >= 0 && mode <= last) {
        settings->mode = (enum ms_tracking_mode)mode;
    }
}

/* The next value of a rising ladder in the direction of `by`, or the same. */
static uint64_t step_on(const uint32_t *ladder, size_t count, uint64_t value, int by)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t rung = by > 0 ? ladder[i] : ladder[count - 1 - i];
        if (by > 0 ? rung > value : rung < value) {
            return rung;
        }
    }
    return value;
}

static void step_rate(struct ms_sample_rate *rate, int by)
{
    if (rate->of_allocations) { /* a larger share is a smaller interval */
        rate->interval = step_on(shares, COUNT_OF(shares), rate->interval, -by);
        return;
    }
    uint64_t least = RATE_BYTES_LEAST;
    if (by > 0) {
        while (least <= rate->interval && least < RATE_BYTES_MOST) {
            least *= 2;
        }
        rate->interval = least > rate->interval ? least : rate->interval;
    } else {
        while (least * 2 < rate->interval) {
            least *= 2;
        }
        rate->interval = least < rate->interval ? least : rate->interval;
    }
}

static void change_unit(struct ms_sample_rate *rate)
{
    rate->of_allocations = !rate->of_allocations;
    rate->interval = rate->of_allocations ? 10 : MS_SAMPLE_BYTES_DEFAULT;
}

static void step_value(struct ms_tui *tui, const struct ms_view *view, int by)
{
    struct ms_tracking_settings *settings = &tui->tracking.settings;
    switch (tui->state.chosen) {
    case ROW_MODE:
        step_mode(settings, by, trace_possible(view));
        break;
    case ROW_DEPTH:
        settings->depth = (uint32_t)step_on(depths, COUNT_OF(depths), settings->depth, by);
        break;
    case ROW_RATE:
        step_rate(&settings->rate, by);
        break;
    default:
        break;
    }
}

/* Digits make a number, which never leaves its bounds. */
static void type_depth(struct ms_tracking_state *state, int digit)
{
    uint32_t depth = (uint32_t)(digit - '0');
    if (state->depth_typed && state->settings.depth * 10 + depth <= MS_DEPTH_MAX) {
        depth += state->settings.depth * 10;
    }
    if (depth >= 1) {
        state->settings.depth = depth;
        state->depth_typed = true;
    }
}

static void choose_mode(struct ms_tui *tui, const struct ms_view *view, enum ms_action action)
{
    const enum ms_tracking_mode mode = (enum ms_tracking_mode)(action - MS_ACTION_MODE_OFF);
    if (mode != MS_TRACK_TRACE || trace_possible(view)) {
        tui->tracking.settings.mode = mode;
    }
}

/* On the row of threads every character is text. False: the key is none for it. */
static bool type_threads(struct ms_tui *tui, const struct ms_input *input)
{
    struct ms_entry *entry = &tui->tracking.threads;
    const bool character =
        input->key >= ' ' && input->key != MS_KEY_BACKSPACE && input->key < MS_KEY_UP;
    const size_t longest = 4;
    if (tui->state.chosen != ROW_THREADS) {
        return false;
    }
    if (character && entry->length + longest >= MS_THREADS_LIST_MAX) {
        return true;
    }
    return ms_entry_key(entry, input->key);
}

static void apply(struct ms_tui *tui, struct ms_command *command)
{
    const char *threads = tui->tracking.threads.text;
    command->type = MS_COMMAND_TRACKING;
    command->tracking = tui->tracking.settings;
    snprintf(command->tracking.threads, sizeof command->tracking.threads, "%.*s",
             MS_THREADS_LIST_MAX - 1, strcmp(threads, "all") == 0 ? "" : threads);
    tui->dialog = NULL;
}

static void move(struct ms_tui *tui, enum ms_action action)
{
    size_t *chosen = &tui->state.chosen;
    if (action == MS_ACTION_UP || action == MS_ACTION_PAGE_UP) {
        *chosen -= *chosen > 0 ? 1 : 0;
    } else if (action == MS_ACTION_DOWN || action == MS_ACTION_PAGE_DOWN) {
        *chosen += *chosen + 1 < ROWS ? 1 : 0;
    } else if (action == MS_ACTION_FIRST || action == MS_ACTION_LAST) {
        *chosen = action == MS_ACTION_FIRST ? 0 : ROWS - 1;
    }
    tui->tracking.depth_typed = false;
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    if (type_threads(tui, input)) {
        return;
    }
    if (tui->state.chosen == ROW_DEPTH && input->key >= '0' && input->key <= '9') {
        type_depth(&tui->tracking, input->key);
        return;
    }
    switch (action) {
    case MS_ACTION_ENTER:
        apply(tui, command);
        break;
    case MS_ACTION_CANCEL:
        tui->dialog = NULL;
        break;
    case MS_ACTION_LEFT:
    case MS_ACTION_RIGHT:
        step_value(tui, view, action == MS_ACTION_RIGHT ? 1 : -1);
        break;
    case MS_ACTION_MODE_OFF:
    case MS_ACTION_MODE_COUNTERS:
    case MS_ACTION_MODE_EXACT:
    case MS_ACTION_MODE_AUTO:
    case MS_ACTION_MODE_SAMPLED:
    case MS_ACTION_MODE_TRACE:
        choose_mode(tui, view, action);
        break;
    case MS_ACTION_UNIT:
        change_unit(&tui->tracking.settings.rate);
        break;
    default:
        move(tui, action);
        break;
    }
}

const struct ms_screen ms_dialog_tracking = {
    .place = MS_PLACE_TRACKING, .init = init, .draw = draw, .key = key};
