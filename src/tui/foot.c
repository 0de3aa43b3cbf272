/* The rows below every body: what is to be said, and the keys. */
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/screen.h"
#include "tui/time_bar.h"

void ms_listing_draw_filter(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                            const struct ms_listing *listing, size_t all, const char *word,
                            const char *hint)
{
    const int row = view->layout.message_row;
    const int hint_width = (int)strlen(hint);
    int used = 1;
    if (view->layout.tabs_row < 0) { /* else it has room there */
        used += ms_title_put_scope(tui, view, grid, row, 1, view->columns / 2);
    }
    if (listing->filter.length > 0) {
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        used += ms_grid_printf(grid, row, used, view->columns - used, "filter: %s  (%zu of %zu %s)",
                               listing->filter.text, listing->rows.count, all, word);
    } else if (view->columns >= 60) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        used += ms_grid_put(grid, row, used, 20, "filter: none");
    }
    if (!listing->rows.follow) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        used += ms_grid_put(grid, row, used + 2, 24, "selection stays put (F)") + 2;
    }
    if (used + 2 + hint_width < view->columns) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, view->columns - hint_width - 1, hint_width, hint);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void clear_row(struct ms_grid *grid, int row)
{
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    for (int column = 0; column < ms_grid_columns(grid); column++) {
        ms_grid_put_char(grid, row, column, L' ');
    }
}

static void draw_typing(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row)
{
    const bool filter = tui->typing == MS_TYPING_FILTER;
    const char *text = filter                           ? tui->screen->listing(tui)->filter.text
                       : tui->dialog == &ms_dialog_help ? tui->help.search.text
                                                        : tui->output.search.text;
    const bool advice = view->columns >= 72;
    const int width = view->columns - (advice ? 30 : 2);
    ms_grid_pen(grid, MS_COLOUR_KEY, MS_ATTRIBUTE_BOLD);
    const int used = ms_grid_put(grid, row, 1, width, filter ? "filter: " : "search: ");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    const int text_width = ms_grid_text_width(grid, text);
    const int room = width - used - 1;
    const int after = ms_grid_put_bytes(grid, row, 1 + used, room, text, strlen(text),
                                        text_width > room ? text_width - room : 0);
    ms_grid_put(grid, row, 1 + used + after, 1, ms_theme_ascii(tui) ? "_" : "\u2588");
    if (advice) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, view->columns - 27, 27, "Enter keeps it, Esc clears");
    }
}

static void draw_paused(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row)
{
    char at[MS_FORMAT_MAX];
    char behind[MS_FORMAT_MAX];
    const uint64_t now_ns = ms_model_now_ns(view->model);
    ms_format_elapsed(at, sizeof at, tui->paused_ns - ms_model_start_ns(view->model));
    ms_format_elapsed(behind, sizeof behind, now_ns - tui->paused_ns);
    ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
    if (view->columns >= 72) {
        ms_grid_printf(grid, row, 1, view->columns - 1,
                       "PAUSED at %s, still recording (%s behind live); Space goes on", at, behind);
    } else {
        ms_grid_printf(grid, row, 1, view->columns - 1, "PAUSED, %s behind; Space", behind);
    }
}

/* What there is to say right now covers what the screen itself wrote into this row. */
static void draw_message(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const int row = view->layout.message_row;
    const struct ms_tui_status *status = view->status;
    if (tui->typing != MS_TYPING_NONE && tui->typing != MS_TYPING_SETTING) {
        clear_row(grid, row);
        draw_typing(tui, view, grid, row);
    } else if (status->message != NULL && status->message[0] != '\0') {
        clear_row(grid, row);
        ms_grid_pen(grid, status->message_is_error ? MS_COLOUR_ERROR : MS_COLOUR_TITLE, 0);
        ms_grid_put(grid, row, 1, view->columns - 1, status->message);
    } else if (tui->paused) {
        clear_row(grid, row);
        draw_paused(tui, view, grid, row);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Space pauses the present, and plays the past. */
static const char *label_of(const struct ms_tui *tui, const struct ms_view *view,
                            const struct ms_key_row *key)
{
    if (key->action == MS_ACTION_TIME_PLAY ||
        (key->action == MS_ACTION_PAUSE && ms_time_away(view))) {
        return view->status->time != NULL && view->status->time->playing ? "Stop" : "Play";
    }
    if (tui->dialog == &ms_dialog_record && key->action == MS_ACTION_ENTER && !tui->state.asked &&
        view->status->time != NULL && view->status->time->recording != NULL) {
        return view->status->time->recording_ends ? "Close" : "Stop";
    }
    return tui->paused && key->action == MS_ACTION_PAUSE ? "Go on" : key->label;
}

void ms_foot_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    if (view->layout.keys_row < 0) {
        return;
    }
    draw_message(tui, view, grid);
    const int row = view->layout.keys_row;
    struct ms_key_label labels[MS_KEY_LABELS_MAX];
    const struct ms_screen *top = tui->dialog != NULL ? tui->dialog : tui->screen;
    const size_t count = ms_key_bar(top->place, view->columns, tui->readonly, labels);
    clear_row(grid, row);
    for (size_t i = 0; i < count; i++) {
        const struct ms_key_row *key = labels[i].row;
        ms_grid_pen(grid, MS_COLOUR_KEY, MS_ATTRIBUTE_BOLD);
        const int used = ms_grid_put(grid, row, labels[i].column, labels[i].width, key->name);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        ms_grid_put(grid, row, labels[i].column + used + 1, labels[i].width,
                    label_of(tui, view, key));
    }
}
