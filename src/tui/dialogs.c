/* Questions over the picture: write a file, leave, send a signal, sort by what. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "export/export.h"
#include "model/format.h"
#include "tui/screen.h"

struct ms_area ms_dialog_area(const struct ms_view *view, int rows, int columns)
{
    if (columns > view->columns - 2) {
        columns = view->columns - 2;
    }
    if (rows > view->rows - 2) {
        rows = view->rows - 2;
    }
    const int row = (view->rows - rows) / 2;
    return (struct ms_area){.row = row > 0 ? row : 0,
                            .column = (view->columns - columns) / 2,
                            .rows = rows,
                            .columns = columns};
}

/* --- export --- */

char *ms_tui_file_name(char *out, size_t size, const char *program, const struct ms_model *model,
                       const char *suffix)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char name[64];
    size_t length = 0;
    const char *slash = strrchr(program, '/');
    for (const char *from = slash != NULL ? slash + 1 : program;
         *from != '\0' && length + 1 < sizeof name; from++) {
        name[length++] = strchr(safe, *from) != NULL ? *from : '_';
    }
    name[length] = '\0';
    const struct ms_process *process = ms_model_program(model);
    const int pid = process != NULL ? (int)process->pid : 0;
    const uint64_t unix_ns =
        ms_model_start_unix_ns(model) + ms_model_now_ns(model) - ms_model_start_ns(model);
    const time_t seconds = (time_t)(unix_ns / MS_SECOND_NS);
    struct tm parts;
    char stamp[32] = "0";
    if (localtime_r(&seconds, &parts) != NULL) {
        strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts);
    }
    snprintf(out, size, "memscope-%s-%d-%s%s", length > 0 ? name : "program", pid, stamp, suffix);
    return out;
}

static void init_export(struct ms_tui *tui, const struct ms_view *view)
{
    tui->state = (struct ms_dialog_state){.asked = false};
    char path[256];
    ms_entry_set(&tui->state.path,
                 ms_tui_file_name(path, sizeof path, tui->program, view->model, ".json"));
}

/* What became of the command; only what was on the screen counts as told. */
static void draw_outcome(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         struct ms_area area)
{
    const struct ms_tui_status *status = view->status;
    struct ms_dialog_state *state = &tui->state;
    const char *message = status->message != NULL ? status->message : "";
    if (!state->asked || message[0] == '\0') {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_theme_text(grid, area,
                      "The file extension sets the format; Tab switches to the next. "
                      "Enter writes everything up to the moment shown, Esc cancels.");
    } else if (!status->message_is_error && strncmp(message, "written: ", 9) != 0) {
        ms_theme_text(grid, area, message);
    } else if (!status->message_is_error) {
        state->done_shown = true;
        ms_grid_pen(grid, MS_COLOUR_BALANCED, 0);
        ms_theme_text(grid, area, "Written. Enter or Esc closes.");
    } else if (strstr(message, MS_HOLDS_EXISTING) != NULL) {
        state->exists_shown = true;
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, MS_ATTRIBUTE_BOLD);
        ms_theme_text(grid, area,
                      "This file exists. Enter overwrites it, Esc cancels; or change "
                      "the path.");
    } else {
        ms_grid_pen(grid, MS_COLOUR_ERROR, 0);
        ms_theme_text(grid, area, message);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_export(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    char title[128];
    snprintf(title, sizeof title, "export: %s",
             ms_export_what(ms_export_by_path(tui->state.path.text)));
    const struct ms_area area = ms_theme_frame(tui, grid, ms_dialog_area(view, 6, 76), title);
    const char *path = tui->state.path.text;
    const int room = area.columns - 7;
    const int width = ms_grid_text_width(grid, path);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, area.row, area.column, 5, "path");
    ms_grid_pen(grid, MS_COLOUR_SELECTED, MS_ATTRIBUTE_BOLD);
    const int used = ms_grid_put_bytes(grid, area.row, area.column + 5, room, path, strlen(path),
                                       width > room ? width - room : 0);
    ms_grid_put(grid, area.row, area.column + 5 + used, 1, ms_theme_ascii(tui) ? "_" : "\u2588");
    struct ms_area text = area;
    text.row += 2;
    text.rows -= 2;
    draw_outcome(tui, view, grid, text);
}

/* Another ending for the same name. */
static void next_format(struct ms_entry *path)
{
    const enum ms_export now = ms_export_by_path(path->text);
    const size_t suffix = strlen(ms_export_suffix(now));
    const bool named = path->length >= suffix &&
                       strcmp(path->text + path->length - suffix, ms_export_suffix(now)) == 0;
    const enum ms_export next = (enum ms_export)((now + 1) % MS_EXPORT_TOTAL);
    char text[sizeof path->text + 32];
    snprintf(text, sizeof text, "%.*s%s", (int)(path->length - (named ? suffix : 0)), path->text,
             ms_export_suffix(next));
    ms_entry_set(path, text);
}

static void key_export(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                       const struct ms_input *input, struct ms_command *command)
{
    (void)view;
    struct ms_dialog_state *state = &tui->state;
    if (action == MS_ACTION_CANCEL || (action == MS_ACTION_ENTER && state->done_shown)) {
        tui->dialog = NULL;
        return;
    }
    if (action == MS_ACTION_ENTER) {
        if (state->path.length > 0) {
            command->type = MS_COMMAND_EXPORT;
            /* A second Enter before the question was on the screen confirms nothing. */
            command->overwrite = state->exists_shown;
            memcpy(command->path, state->path.text, state->path.length + 1);
            state->asked = true;
            state->exists_shown = false;
        }
        return;
    }
    if (action == MS_ACTION_DOWN) {
        next_format(&state->path);
        state->asked = state->exists_shown = state->done_shown = false;
        return;
    }
    const int typed = action == MS_ACTION_PAGE_UP ? MS_KEY_CTRL('u') : input->key;
    if (ms_entry_key(&state->path, typed)) {
        state->asked = state->exists_shown = state->done_shown = false;
    }
}

const struct ms_screen ms_dialog_export = {
    .place = MS_PLACE_EXPORT, .init = init_export, .draw = draw_export, .key = key_export};

/* --- quit --- */

static void draw_quit(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_area area = ms_theme_frame(
        tui, grid, ms_dialog_area(view, tui->readonly ? 4 : 5, 58), "the program is still running");
    const struct {
        const char *key, *what;
        bool signals;
    } choices[] = {
        {"k", "kill it (SIGTERM, then SIGKILL) and quit", true},
        {"d",
         view->status->session == MS_TUI_LOST ? "leave it running; nothing can attach to it again"
                                              : "detach: leave it running, attach again with -p",
         false},
        {"Esc", "cancel", false},
    };
    int row = area.row;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (choices[i].signals && tui->readonly) {
            continue;
        }
        ms_grid_pen(grid, MS_COLOUR_KEY, MS_ATTRIBUTE_BOLD);
        ms_grid_put(grid, row, area.column + 1, 4, choices[i].key);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        ms_grid_put(grid, row++, area.column + 6, area.columns - 6, choices[i].what);
    }
}

static void key_quit(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                     const struct ms_input *input, struct ms_command *command)
{
    (void)view;
    (void)input;
    if (action == MS_ACTION_KILL && tui->readonly) {
        return;
    }
    if (action == MS_ACTION_KILL) {
        command->type = MS_COMMAND_KILL_QUIT;
    } else if (action == MS_ACTION_DETACH) {
        command->type = MS_COMMAND_DETACH_QUIT;
    } else if (action != MS_ACTION_CANCEL) {
        return;
    }
    tui->dialog = NULL;
}

const struct ms_screen ms_dialog_quit = {
    .place = MS_PLACE_QUIT, .draw = draw_quit, .key = key_quit};

/* --- menus: signal and sort --- */

static void move_in_menu(struct ms_dialog_state *state, enum ms_action action, size_t count)
{
    const size_t page = 8;
    size_t at = state->chosen;
    switch (action) {
    case MS_ACTION_UP:
        at = at > 0 ? at - 1 : 0;
        break;
    case MS_ACTION_DOWN:
        at++;
        break;
    case MS_ACTION_PAGE_UP:
        at = at > page ? at - page : 0;
        break;
    case MS_ACTION_PAGE_DOWN:
        at += page;
        break;
    case MS_ACTION_FIRST:
        at = 0;
        break;
    case MS_ACTION_LAST:
        at = count - 1;
        break;
    default:
        break;
    }
    state->chosen = at < count ? at : count - 1;
}

/* One line of a menu: a name and what it means. */
static void draw_menu_line(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                           int line, bool chosen, int name_width, const char *name,
                           const char *meaning)
{
    const int row = area.row + line;
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT,
                chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, area.column, 1, chosen ? ms_theme_pointer(tui) : " ");
    ms_grid_put(grid, row, area.column + 2, name_width - 1, name);
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, area.column + 2 + name_width, area.columns - name_width - 2, meaning);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static size_t menu_top(size_t chosen, size_t shown)
{
    return chosen >= shown ? chosen - shown + 1 : 0;
}

static const struct {
    int number;
    const char *name, *meaning;
} signals[] = {
    {SIGTERM, "SIGTERM", "ask it to terminate"},
    {SIGINT, "SIGINT", "like Ctrl-C"},
    {SIGHUP, "SIGHUP", "hang up; many servers reload their configuration"},
    {SIGUSR1, "SIGUSR1", "defined by the program"},
    {SIGUSR2, "SIGUSR2", "defined by the program"},
    {SIGSTOP, "SIGSTOP", "stop it"},
    {SIGCONT, "SIGCONT", "let it continue"},
    {SIGQUIT, "SIGQUIT", "terminate it with a core dump"},
    {SIGKILL, "SIGKILL", "kill it at once, without cleanup"},
};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

static void init_signal(struct ms_tui *tui, const struct ms_view *view)
{
    const struct ms_listing *ranked =
        tui->screen == &ms_screen_rankings ? tui->screen->listing(tui) : NULL;
    const uint64_t marked = ranked != NULL ? ranked->rows.selected : 0;
    const struct ms_thread *thread = ranked == NULL ? ms_tui_selected(tui, view)
                                     : marked <= UINT32_MAX /* else it heads a role */
                                         ? ms_model_thread_by_id(view->model, (uint32_t)marked)
                                         : NULL;
    const struct ms_process *program = ms_model_program(view->model);
    const uint32_t id = thread != NULL ? thread->process_id : program != NULL ? program->id : 0;
    const bool of_tree = tui->screen == &ms_screen_processes;
    tui->state = (struct ms_dialog_state){
        .process_id = of_tree ? (uint32_t)tui->processes.listing.rows.selected : id};
}

static void draw_signal(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_process *process = ms_model_process_by_id(view->model, tui->state.process_id);
    char title[96];
    char name[MS_PROCESS_NAME_MAX + 16];
    snprintf(title, sizeof title, "signal to %s", ms_tui_process_text(process, name, sizeof name));
    const struct ms_area area =
        ms_theme_frame(tui, grid, ms_dialog_area(view, SIGNALS + 2, 72), title);
    const size_t shown = area.rows > 0 ? (size_t)area.rows : 0;
    const size_t top = menu_top(tui->state.chosen, shown);
    for (size_t i = 0; i < shown && top + i < SIGNALS; i++) {
        draw_menu_line(tui, grid, area, (int)i, top + i == tui->state.chosen, 12,
                       signals[top + i].name, signals[top + i].meaning);
    }
}

static void key_signal(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                       const struct ms_input *input, struct ms_command *command)
{
    (void)view;
    (void)input;
    if (action == MS_ACTION_ENTER) {
        command->type = MS_COMMAND_SIGNAL;
        command->signal = signals[tui->state.chosen].number;
        command->process_id = tui->state.process_id;
    }
    if (action == MS_ACTION_ENTER || action == MS_ACTION_CANCEL) {
        tui->dialog = NULL;
        return;
    }
    move_in_menu(&tui->state, action, SIGNALS);
}

const struct ms_screen ms_dialog_signal = {
    .place = MS_PLACE_SIGNAL, .init = init_signal, .draw = draw_signal, .key = key_signal};

static void init_sort(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    tui->state = (struct ms_dialog_state){.chosen = tui->screen->listing(tui)->order};
}

void ms_menu_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                  const char *title, const struct ms_orders *orders)
{
    const struct ms_area whole = ms_dialog_area(view, (int)orders->count + 2, 118);
    char text[96];
    (void)snprintf(text, sizeof text, "%s", title);
    if (whole.rows < (int)orders->count + 2) {
        (void)snprintf(text, sizeof text, "%s: %zu of %zu, a letter jumps", title,
                       tui->state.chosen + 1, orders->count);
    }
    const struct ms_area area = ms_theme_frame(tui, grid, whole, text);
    const size_t shown = area.rows > 0 ? (size_t)area.rows : 0;
    const size_t top = menu_top(tui->state.chosen, shown);
    for (size_t i = 0; i < shown && top + i < orders->count; i++) {
        draw_menu_line(tui, grid, area, (int)i, top + i == tui->state.chosen,
                       area.columns >= 60 ? 30 : area.columns - 2, orders->name(top + i),
                       orders->meaning(top + i));
    }
}

/* The next name that begins with the letter. */
static void jump_to_letter(struct ms_dialog_state *state, const struct ms_orders *orders, int key)
{
    for (size_t step = 1; step < orders->count; step++) {
        const size_t at = (state->chosen + step) % orders->count;
        if (orders->name(at)[0] == key) {
            state->chosen = at;
            return;
        }
    }
}

void ms_menu_key(struct ms_tui *tui, enum ms_action action, const struct ms_input *input,
                 const struct ms_orders *orders)
{
    if (action == MS_ACTION_NONE) {
        jump_to_letter(&tui->state, orders, input->key);
    } else {
        move_in_menu(&tui->state, action, orders->count);
    }
}

static void draw_sort(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    ms_menu_draw(tui, view, grid, "sort by", tui->screen->orders);
}

static void key_sort(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                     const struct ms_input *input, struct ms_command *command)
{
    (void)view;
    (void)command;
    if (action == MS_ACTION_ENTER) {
        ms_listing_sort_by(tui->screen->listing(tui), tui->state.chosen);
    }
    if (action == MS_ACTION_ENTER || action == MS_ACTION_CANCEL) {
        tui->dialog = NULL;
        return;
    }
    ms_menu_key(tui, action, input, tui->screen->orders);
}

const struct ms_screen ms_dialog_sort = {
    .place = MS_PLACE_SORT, .init = init_sort, .draw = draw_sort, .key = key_sort};
