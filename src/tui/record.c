/* R and b: record to a file from now on, and set a mark. */
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/screen.h"

/* The line that is typed, its end in sight. */
static void draw_entry(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                       const char *word)
{
    const char *text = tui->state.path.text;
    const int label = (int)strlen(word) + 1;
    const int room = area.columns - label - 2;
    const int width = ms_grid_text_width(grid, text);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, area.row, area.column, label, word);
    ms_grid_pen(grid, MS_COLOUR_SELECTED, MS_ATTRIBUTE_BOLD);
    const int used = ms_grid_put_bytes(grid, area.row, area.column + label, room, text,
                                       strlen(text), width > room ? width - room : 0);
    ms_grid_put(grid, area.row, area.column + label + used, 1,
                ms_theme_ascii(tui) ? "_" : "\u2588");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static struct ms_area below(struct ms_area area, int rows)
{
    area.row += rows;
    area.rows -= rows;
    return area;
}

/* --- record --- */

static const struct ms_tui_time *recording_of(const struct ms_view *view)
{
    const struct ms_tui_time *time = view->status->time;
    return time != NULL && time->recording != NULL ? time : NULL;
}

static void init_record(struct ms_tui *tui, const struct ms_view *view)
{
    char path[256];
    tui->state = (struct ms_dialog_state){.asked = false};
    ms_entry_set(&tui->state.path,
                 ms_tui_file_name(path, sizeof path, tui->program, view->model, ".memscope"));
}

/* `begun`: these keys began it just now; who confirms that does not want to stop it. */
static void draw_state(struct ms_grid *grid, struct ms_area area, const struct ms_tui_time *time,
                       bool begun)
{
    char bytes[MS_FORMAT_MAX];
    ms_format_bytes(bytes, sizeof bytes, (double)time->recording_bytes);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, area.row, area.column, 5, "file");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    ms_grid_put(grid, area.row, area.column + 5, area.columns - 5, time->recording);
    if (time->recording_problem != NULL) {
        ms_grid_pen(grid, MS_COLOUR_ERROR, 0);
        ms_grid_printf(grid, area.row + 2, area.column, area.columns,
                       "%s written, then: %s. Enter discards it.", bytes, time->recording_problem);
    } else if (time->recording_ends) {
        char text[192];
        char waiting[MS_FORMAT_MAX];
        ms_format_bytes(waiting, sizeof waiting, (double)time->recording_waiting_bytes);
        snprintf(text, sizeof text,
                 "Stopped; still writing to disk, %s of %s left. A new recording "
                 "can start after that.",
                 waiting, bytes);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        ms_theme_text(grid, below(area, 2), text);
    } else {
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        char text[192];
        snprintf(text, sizeof text,
                 "%s so far. It is completed when the program ends or you quit%s.", bytes,
                 begun ? "; Enter or Esc closes this dialog"
                       : ", or now with Enter; Esc lets it continue");
        ms_theme_text(grid, below(area, 2), text);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_question(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                          struct ms_area area)
{
    struct ms_dialog_state *state = &tui->state;
    const char *message = view->status->message != NULL ? view->status->message : "";
    draw_entry(tui, grid, area, "file");
    area = below(area, 2);
    if (!state->asked || message[0] == '\0') {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_theme_text(
            grid, area,
            "Records from now on, and the history kept so far. Enter starts, Esc cancels.");
    } else if (strstr(message, MS_HOLDS_EXISTING) != NULL) {
        state->exists_shown = true;
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, MS_ATTRIBUTE_BOLD);
        ms_theme_text(grid, area,
                      "This file exists. Enter overwrites it, Esc cancels; or change the name.");
    } else {
        ms_grid_pen(grid, view->status->message_is_error ? MS_COLOUR_ERROR : MS_COLOUR_DEFAULT, 0);
        ms_theme_text(grid, area, message);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_record(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_tui_time *time = recording_of(view);
    const struct ms_area area = ms_theme_frame(tui, grid, ms_dialog_area(view, 6, 76),
                                               time != NULL ? "recording" : "record");
    if (time != NULL) {
        draw_state(grid, area, time, tui->state.asked);
    } else {
        draw_question(tui, view, grid, area);
    }
}

static void key_record(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                       const struct ms_input *input, struct ms_command *command)
{
    struct ms_dialog_state *state = &tui->state;
    if (action == MS_ACTION_CANCEL || recording_of(view) != NULL) {
        if (action == MS_ACTION_ENTER && !state->asked && !recording_of(view)->recording_ends) {
            command->type = MS_COMMAND_RECORD_STOP;
        }
        tui->dialog = NULL;
    } else if (action == MS_ACTION_ENTER && state->path.length > 0) {
        command->type = MS_COMMAND_RECORD;
        /* A second Enter before the question was on the screen confirms nothing. */
        command->overwrite = state->exists_shown;
        memcpy(command->path, state->path.text, state->path.length + 1);
        state->asked = true;
        state->exists_shown = false;
    } else if (action != MS_ACTION_ENTER &&
               ms_entry_key(&state->path,
                            action == MS_ACTION_PAGE_UP ? MS_KEY_CTRL('u') : input->key)) {
        state->asked = state->exists_shown = false;
    }
}

const struct ms_screen ms_dialog_record = {
    .place = MS_PLACE_RECORD, .init = init_record, .draw = draw_record, .key = key_record};

/* --- mark --- */

/* The moment that was seen when the key was pressed: words take a while. */
static void init_mark(struct ms_tui *tui, const struct ms_view *view)
{
    tui->state = (struct ms_dialog_state){
        .asked = false,
        .at_ns = tui->paused ? tui->paused_ns : ms_model_now_ns(view->model),
    };
}

static void draw_mark(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_area area =
        ms_theme_frame(tui, grid, ms_dialog_area(view, 5, 64), "set a mark");
    draw_entry(tui, grid, area, "text");
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_text(grid, below(area, 1),
                  "May be empty. Enter sets it at the time b was pressed, Esc cancels; the time "
                  "bar (r) leads back to it.");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void key_mark(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                     const struct ms_input *input, struct ms_command *command)
{
    (void)view;
    struct ms_dialog_state *state = &tui->state;
    if (action == MS_ACTION_ENTER) {
        command->type = MS_COMMAND_MARK;
        command->time.at_ns = state->at_ns;
        memcpy(command->path, state->path.text, state->path.length + 1);
    }
    if (action == MS_ACTION_ENTER || action == MS_ACTION_CANCEL) {
        tui->dialog = NULL;
    } else {
        ms_entry_key(&state->path, action == MS_ACTION_PAGE_UP ? MS_KEY_CTRL('u') : input->key);
    }
}

const struct ms_screen ms_dialog_mark = {
    .place = MS_PLACE_MARK, .init = init_mark, .draw = draw_mark, .key = key_mark};
