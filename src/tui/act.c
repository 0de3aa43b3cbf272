/* What a key or a click does that is not the own business of a screen or dialog. */
#include <stdio.h>
#include <string.h>

#include "tui/diff.h"
#include "tui/program_input.h"
#include "tui/screen.h"
#include "tui/time_bar.h"

/* The actions that lead to a screen, wherever one is. */
static const struct {
    enum ms_action action;
    const struct ms_screen *screen;
} ways[] = {
    {MS_ACTION_OVERVIEW, &ms_screen_overview},   {MS_ACTION_RANKINGS, &ms_screen_rankings},
    {MS_ACTION_TIMELINES, &ms_screen_timelines}, {MS_ACTION_CORRELATIONS, &ms_screen_correlations},
    {MS_ACTION_HOTSPOTS, &ms_screen_hotspots},   {MS_ACTION_LEAKS, &ms_screen_leaks},
    {MS_ACTION_FLOWS, &ms_screen_flows},         {MS_ACTION_TYPES, &ms_screen_types},
    {MS_ACTION_PROCESSES, &ms_screen_processes}, {MS_ACTION_OUTPUT, &ms_screen_output},
    {MS_ACTION_SYSTEM, &ms_screen_system},       {MS_ACTION_DIFF, &ms_screen_diff},
};

/* The actions that open a dialog, wherever one is. */
static const struct {
    enum ms_action action;
    const struct ms_screen *dialog;
    bool live; /* only of a program that runs, and that we may touch */
} dialogs[] = {
    {MS_ACTION_HELP, &ms_dialog_help, false},     {MS_ACTION_TIME, &ms_dialog_time, false},
    {MS_ACTION_MARK, &ms_dialog_mark, false},     {MS_ACTION_RECORD, &ms_dialog_record, false},
    {MS_ACTION_EXPORT, &ms_dialog_export, false}, {MS_ACTION_SETUP, &ms_dialog_setup, false},
    {MS_ACTION_SIGNAL, &ms_dialog_signal, true},  {MS_ACTION_TRACKING, &ms_dialog_tracking, true},
};

static void quit(struct ms_tui *tui, const struct ms_view *view, struct ms_command *command)
{
    const bool runs =
        ms_time_away(view) ? view->status->time->runs : view->status->session != MS_TUI_ENDED;
    if (runs) {
        ms_tui_open_dialog(tui, view, &ms_dialog_quit);
    } else {
        command->type = MS_COMMAND_QUIT;
    }
}

static void step_screen(struct ms_tui *tui, const struct ms_view *view, int by)
{
    int count = 0;
    int at = 0;
    for (; ms_screens[count] != NULL; count++) {
        at = ms_screens[count] == tui->screen ? count : at;
    }
    ms_tui_open(tui, view, ms_screens[(at + by + count) % count]);
}

static void pause_or_go_on(struct ms_tui *tui, const struct ms_view *view)
{
    tui->paused = !tui->paused;
    tui->frozen_taken = false;
    tui->paused_ns = ms_model_now_ns(view->model);
}

/* While paused the picture stands: only what does not ask for another one works. */
static bool works_paused(enum ms_action action)
{
    switch (action) {
    case MS_ACTION_HELP:
    case MS_ACTION_QUIT:
    case MS_ACTION_PAUSE:
    case MS_ACTION_EXPORT:
    case MS_ACTION_TRACKING:
    case MS_ACTION_SETUP:
    case MS_ACTION_WRITE_CONFIG:
    case MS_ACTION_SCHEME:
    case MS_ACTION_MOUSE:
    case MS_ACTION_REDRAW:
    case MS_ACTION_SUSPEND:
    case MS_ACTION_TIME:
    case MS_ACTION_TIME_BACK:
    case MS_ACTION_TIME_ON:
    case MS_ACTION_TIME_TEN_BACK:
    case MS_ACTION_TIME_TEN_ON:
    case MS_ACTION_TIME_MINUTE_BACK:
    case MS_ACTION_TIME_MINUTE_ON:
    case MS_ACTION_TIME_LAST:
    case MS_ACTION_MARK:
    case MS_ACTION_RECORD:
        return true;
    default:
        return false;
    }
}

/* What changes the program or its recording is not about a moment that is over. */
static bool needs_present(enum ms_action action)
{
    return ms_action_touches_program(action) || action == MS_ACTION_TYPE ||
           action == MS_ACTION_MARK || action == MS_ACTION_RECORD;
}

static bool open_screen(struct ms_tui *tui, const struct ms_view *view, enum ms_action action)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (ways[i].action == action) {
            const struct ms_screen *from = tui->screen;
            ms_tui_open(tui, view, ways[i].screen);
            if (action == MS_ACTION_DIFF && tui->diff != NULL && from->digit != 0) {
                tui->diff->from = from; /* the others are opened from tabs */
            }
            return true;
        }
    }
    return false;
}

/* Why the program cannot be touched that way; NULL: it can. */
static const char *untouchable(const struct ms_tui *tui, const struct ms_view *view,
                               enum ms_action action)
{
    const bool tracking = action == MS_ACTION_TRACKING;
    if (tui->readonly) {
        return "not possible with --readonly";
    }
    if (view->status->session == MS_TUI_ENDED) {
        return tracking ? "the program has ended: nothing is being tracked"
                        : "the program has ended: no process to signal";
    }
    return tracking && view->status->session == MS_TUI_LOST
               ? "the keeper is gone: tracking can no longer be changed"
               : NULL;
}

static bool open_dialog(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                        struct ms_command *command)
{
    for (size_t i = 0; i < sizeof dialogs / sizeof dialogs[0]; i++) {
        if (dialogs[i].action == action) {
            const char *why = dialogs[i].live ? untouchable(tui, view, action) : NULL;
            if (why == NULL) {
                ms_tui_open_dialog(tui, view, dialogs[i].dialog);
            } else {
                command->type = MS_COMMAND_TELL;
                command->why = why;
            }
            return true;
        }
    }
    return false;
}

/* Actions that mean the same everywhere; false: the screen's own. */
static bool act_everywhere(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                           struct ms_command *command)
{
    if (open_screen(tui, view, action)) {
        return true;
    }
    if (tui->dialog == NULL && ms_time_away(view) && needs_present(action) &&
        (action != MS_ACTION_RECORD || view->status->time->file)) {
        command->type = MS_COMMAND_NOT_IN_THE_PAST;
        return true;
    }
    if (open_dialog(tui, view, action, command)) {
        return true;
    }
    switch (action) {
    case MS_ACTION_QUIT:
        quit(tui, view, command);
        return true;
    case MS_ACTION_NEXT_SCREEN:
    case MS_ACTION_PREVIOUS_SCREEN:
        step_screen(tui, view, action == MS_ACTION_NEXT_SCREEN ? 1 : -1);
        return true;
    case MS_ACTION_PAUSE:
        pause_or_go_on(tui, view);
        return true;
    case MS_ACTION_WRITE_CONFIG:
        ms_setup_sync(tui);
        command->type = MS_COMMAND_WRITE_CONFIG;
        return true;
    case MS_ACTION_GLYPHS:
        tui->glyphs_by_key = true;
        tui->glyphs = (enum ms_glyphs)((tui->glyphs + 1) % (MS_GLYPHS_ASCII + 1));
        command->type = MS_COMMAND_TERMINAL;
        return true;
    case MS_ACTION_SCHEME:
        tui->scheme = (enum ms_scheme)((tui->scheme + 1) % (MS_SCHEME_MONO + 1));
        command->type = MS_COMMAND_TERMINAL;
        return true;
    case MS_ACTION_MOUSE:
        tui->mouse = !tui->mouse;
        command->type = MS_COMMAND_TERMINAL;
        return true;
    case MS_ACTION_REDRAW:
        command->type = MS_COMMAND_REDRAW;
        return true;
    case MS_ACTION_SUSPEND:
        command->type = MS_COMMAND_SUSPEND;
        return true;
    default:
        return false;
    }
}

/* What means the same in every list but needs more than the list. */
static bool act_on_listing(struct ms_tui *tui, const struct ms_view *view,
                           const struct ms_screen *screen, enum ms_action action,
                           struct ms_command *command)
{
    struct ms_listing *listing = screen->listing(tui);
    if (listing == NULL) {
        return false;
    }
    switch (action) {
    case MS_ACTION_FILTER:
        memcpy(tui->filter_before, listing->filter.text, sizeof tui->filter_before);
        tui->typing = MS_TYPING_FILTER;
        return true;
    case MS_ACTION_SORT:
        ms_tui_open_dialog(tui, view, &ms_dialog_sort);
        return true;
    case MS_ACTION_CANCEL:
        if (listing->filter.length > 0) {
            ms_entry_set(&listing->filter, "");
        } else if (ms_scope_is_all(&tui->scope) && ms_time_away(view) &&
                   !view->status->time->file) {
            return ms_time_act(tui, view, MS_ACTION_TIME_LAST, NULL, command);
        } else {
            tui->scope = (struct ms_scope){.process_id = 0};
        }
        return true;
    default:
        return false;
    }
}

static void act(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    if (tui->dialog == NULL && tui->paused && !works_paused(action)) {
        return;
    }
    if (ms_time_act(tui, view, action, input, command) ||
        act_everywhere(tui, view, action, command)) {
        return;
    }
    const struct ms_screen *top = tui->dialog != NULL ? tui->dialog : tui->screen;
    if (top->listing == NULL || !act_on_listing(tui, view, top, action, command)) {
        top->key(tui, view, action, input, command);
    }
}

/* Every key but one is the program's. */
static void type_to_program(struct ms_tui *tui, const struct ms_input *input,
                            struct ms_command *command)
{
    if (input->key == MS_PROGRAM_INPUT_END) {
        tui->typing = MS_TYPING_NONE;
        return;
    }
    char bytes[MS_PROGRAM_INPUT_MAX];
    if (ms_program_input(input->key, bytes) > 0) {
        command->type = MS_COMMAND_INPUT;
        snprintf(command->path, sizeof command->path, "%s", bytes);
    }
}

/* Filter and search are text: keys are letters until Enter or Esc. */
static void type(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input,
                 struct ms_command *command)
{
    const bool filter = tui->typing == MS_TYPING_FILTER;
    const bool help = tui->dialog == &ms_dialog_help;
    const bool setting = tui->typing == MS_TYPING_SETTING;
    struct ms_listing *listing = tui->screen->listing != NULL ? tui->screen->listing(tui) : NULL;
    if (filter && listing == NULL) {
        tui->typing = MS_TYPING_NONE;
        return;
    }
    struct ms_entry *entry = filter    ? &listing->filter
                             : setting ? &tui->setup.entry
                             : help    ? &tui->help.search
                                       : &tui->output.search;
    if (input->key == MS_KEY_ESCAPE) {
        ms_entry_set(entry, filter ? tui->filter_before : "");
        tui->typing = MS_TYPING_NONE;
    } else if (input->key == MS_KEY_ENTER) {
        tui->typing = MS_TYPING_NONE;
        if (setting) {
            ms_setup_typed(tui, command);
        } else if (!filter && !help) {
            tui->output.match = UINT64_MAX;
            act(tui, view, MS_ACTION_SEARCH_NEXT, input, command);
        }
    } else if (input->key == MS_KEY_CTRL('c') || input->key == MS_KEY_F10) {
        tui->typing = MS_TYPING_NONE;
        quit(tui, view, command);
    } else {
        ms_entry_key(entry, input->key);
    }
}

static void mouse(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input,
                  struct ms_command *command)
{
    const struct ms_screen *top = tui->dialog != NULL ? tui->dialog : tui->screen;
    if (input->mouse_action == MS_MOUSE_WHEEL_UP || input->mouse_action == MS_MOUSE_WHEEL_DOWN) {
        const bool up = input->mouse_action == MS_MOUSE_WHEEL_UP;
        if ((top->place & MS_PLACE_MOVES) != 0) {
            act(tui, view, up ? MS_ACTION_UP : MS_ACTION_DOWN, input, command);
        }
        return;
    }
    if ((tui->dialog == NULL || tui->dialog == &ms_dialog_time) &&
        ms_time_bar_click(view, input, command)) {
        tui->paused = false;
        return;
    }
    if (input->row == view->layout.keys_row) {
        struct ms_key_label labels[MS_KEY_LABELS_MAX];
        const size_t count = ms_key_bar(top->place, view->columns, tui->readonly, labels);
        for (size_t i = 0; i < count; i++) {
            if (input->column >= labels[i].column &&
                input->column < labels[i].column + labels[i].width) {
                act(tui, view, labels[i].row->action, input, command);
                return;
            }
        }
        return;
    }
    if (tui->dialog == NULL && !tui->paused) {
        top->key(tui, view, MS_ACTION_NONE, input, command);
    }
}

void ms_tui_key(struct ms_tui *tui, const struct ms_input *input, const struct ms_model *model,
                const struct ms_findings *findings, const struct ms_tui_status *status, int rows,
                int columns, struct ms_command *command)
{
    command->type = MS_COMMAND_NONE;
    if (input->key == MS_KEY_NONE || input->key == MS_KEY_RESIZE) {
        return;
    }
    const struct ms_view view = ms_tui_view(tui, model, findings, status, rows, columns);
    /* Keys may come before the first drawing. */
    if (!tui->paused) {
        ms_thread_list_update(&tui->threads, model, findings, &tui->scope);
    }
    if (tui->typing == MS_TYPING_PROGRAM && input->key != MS_KEY_MOUSE) {
        type_to_program(tui, input, command);
    } else if (tui->typing != MS_TYPING_NONE && input->key != MS_KEY_MOUSE) {
        type(tui, &view, input, command);
    } else if (input->key == MS_KEY_MOUSE) {
        mouse(tui, &view, input, command);
    } else {
        const struct ms_screen *top = tui->dialog != NULL ? tui->dialog : tui->screen;
        enum ms_action action = ms_key_action(top->place, input->key);
        if (action == MS_ACTION_NONE && top == &ms_dialog_time) {
            /* No key of time: one of the screen in this moment, as after Enter. */
            action = ms_key_action(tui->screen->place, input->key);
            tui->dialog = action == MS_ACTION_NONE ? tui->dialog : NULL;
        }
        act(tui, &view, action, input, command);
    }
}
