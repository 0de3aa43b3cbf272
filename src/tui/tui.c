/* State of the view, and which screen or dialog gets a key. */
#include "tui/tui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"
#include "model/module.h"
#include "tui/diff.h"
#include "tui/program_input.h"
#include "tui/screen.h"
#include "tui/stack.h"
#include "tui/time_bar.h"

const struct ms_screen *const ms_screens[] = {
    &ms_screen_overview,  &ms_screen_rankings, &ms_screen_timelines, &ms_screen_correlations,
    &ms_screen_hotspots,  &ms_screen_leaks,    &ms_screen_flows,     &ms_screen_types,
    &ms_screen_processes, &ms_screen_output,   &ms_screen_system,    NULL,
};

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

struct ms_tui *ms_tui_new(const struct ms_tui_options *options)
{
    struct ms_tui *tui = calloc(1, sizeof *tui);
    if (tui == NULL) {
        return NULL;
    }
    tui->frozen = ms_grid_new(24, 80);
    if (tui->frozen == NULL) {
        free(tui);
        return NULL;
    }
    tui->glyphs_of_terminal = options->glyphs;
    if (options->settings != NULL) {
        tui->settings = *options->settings;
    } else {
        ms_settings_default(&tui->settings);
    }
    tui->readonly = options->readonly;
    tui->stdin_from_terminal = options->stdin_from_terminal;
    snprintf(tui->program, sizeof tui->program, "%s",
             options->program != NULL ? options->program : "");
    tui->screen = &ms_screen_overview;
    tui->source = options->source;
    tui->source_context = options->source_context;
    tui->changes = options->changes;
    tui->changes_context = options->changes_context;
    ms_listing_init(&tui->hotspots.listing, MS_SITE_FIGURE_LIVE);
    tui->output.follow = true;
    tui->output.match = UINT64_MAX;
    ms_listing_init(&tui->threads, MS_METRIC_PEAK_BYTES);
    ms_listing_init(&tui->processes.listing, 0);
    if (options->filter != NULL) {
        ms_entry_set(&tui->threads.filter, options->filter);
    }
    ms_setup_apply(tui);
    return tui;
}

void ms_tui_free(struct ms_tui *tui)
{
    if (tui != NULL) {
        ms_listing_fini(&tui->threads);
        ms_listing_fini(&tui->processes.listing);
        ms_tree_fini(&tui->processes.tree);
        ms_listing_fini(&tui->hotspots.listing);
        ms_call_tree_free(tui->hotspots.tree);
        free(tui->hotspots.indents);
        ms_leaks_view_free(tui->leaks);
        ms_types_view_free(tui->types);
        ms_diff_view_free(tui->diff);
        ms_flows_view_free(tui->flows);
        ms_timelines_view_free(tui->timelines);
        ms_system_view_free(tui->system);
        ms_rankings_view_free(tui->rankings);
        ms_correlations_view_free(tui->correlations);
        ms_focus_view_free(tui->focus);
        ms_verdicts_free(tui->verdicts);
        ms_grid_free(tui->frozen);
        free(tui);
    }
}

bool ms_tui_typing(const struct ms_tui *tui)
{
    return tui->typing != MS_TYPING_NONE ||
           (tui->dialog == &ms_dialog_export && !tui->state.asked) ||
           tui->dialog == &ms_dialog_record || tui->dialog == &ms_dialog_mark ||
           tui->dialog == &ms_dialog_tracking;
}

enum ms_glyphs ms_tui_glyphs(const struct ms_tui *tui)
{
    return tui->glyphs;
}

enum ms_scheme ms_tui_scheme(const struct ms_tui *tui)
{
    return tui->scheme;
}

bool ms_tui_mouse(const struct ms_tui *tui)
{
    return tui->mouse;
}

const struct ms_settings *ms_tui_settings(const struct ms_tui *tui)
{
    return &tui->settings;
}

void ms_tui_open(struct ms_tui *tui, const struct ms_view *view, const struct ms_screen *screen)
{
    tui->screen = screen;
    if (tui->dialog != &ms_dialog_time) {
        tui->dialog = NULL;
    }
    tui->typing = MS_TYPING_NONE;
    tui->site_chosen = 0;
    if (screen->init != NULL) {
        screen->init(tui, view);
    }
}

void ms_tui_open_dialog(struct ms_tui *tui, const struct ms_view *view,
                        const struct ms_screen *dialog)
{
    const bool of_time = tui->dialog == &ms_dialog_time;
    tui->dialog = dialog;
    tui->typing = MS_TYPING_NONE;
    if (dialog->init != NULL) {
        dialog->init(tui, view);
    }
    if (of_time && dialog == &ms_dialog_help) {
        tui->help.place = MS_PLACE_TIME;
    }
}

void ms_tui_focus_thread(struct ms_tui *tui, const struct ms_view *view, uint32_t thread_id)
{
    const uint64_t now_ns = ms_model_now_ns(view->model);
    struct ms_rows *rows = &tui->threads.rows;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->ids[i] == thread_id) {
            ms_rows_select(rows, i, now_ns);
        }
    }
    rows->selected = thread_id; /* even when the filter hides it */
    rows->chosen = true;
    tui->scope = (struct ms_scope){.thread_id = thread_id};
    if (tui->screen != &ms_screen_focus) {
        tui->focus_from = tui->screen;
    }
    ms_tui_open(tui, view, &ms_screen_focus);
}

void ms_tui_edit(const struct ms_view *view, uint32_t site_id, const struct ms_frame *frame,
                 uint32_t line, struct ms_command *command)
{
    const struct ms_site *site = ms_model_site_by_id(view->model, site_id);
    command->type = MS_COMMAND_EDIT;
    command->process_id = site != NULL ? site->process_id : 0;
    command->line = line != 0 || frame == NULL ? line : frame->line;
    snprintf(command->path, sizeof command->path, "%s", frame != NULL ? frame->file : "");
}

char *ms_tui_process_text(const struct ms_process *process, char *out, size_t size)
{
    out[0] = '\0';
    if (process != NULL) {
        char name[MS_PROCESS_NAME_MAX];
        snprintf(out, size, "%.32s [%d]", ms_process_name(process, name, sizeof name),
                 (int)process->pid);
    }
    return out;
}

bool ms_tui_names_come(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_module_count(model); i++) {
        if (ms_model_module(model, i)->names == MS_NAMES_ASKING) {
            return true;
        }
    }
    return false;
}

char *ms_tui_scope_text(const struct ms_tui *tui, const struct ms_model *model, char *out,
                        size_t size)
{
    const struct ms_scope *scope = &tui->scope;
    const struct ms_site *site = ms_model_site_by_id(model, scope->site_id);
    const struct ms_thread *thread = ms_model_thread_by_id(model, scope->thread_id);
    const struct ms_process *process = ms_model_process_by_id(model, scope->process_id);
    out[0] = '\0';
    if (site != NULL && site->depth > 0) {
        ms_format_frame(out, size, ms_stack_level(site, ms_stack_own(site, model)));
    } else if (site != NULL) {
        snprintf(out, size, "(no stack)");
    } else if (thread != NULL) {
        snprintf(out, size, "%s (tid %d)", thread->name, (int)thread->tid);
    } else if (process != NULL) {
        ms_tui_process_text(process, out, size);
    } else if (!ms_scope_is_all(scope)) {
        snprintf(out, size, "(gone)");
    }
    return out;
}

bool ms_tui_is_dim(const struct ms_tui *tui, const struct ms_view *view,
                   const struct ms_thread *thread)
{
    return thread->end_ns != 0 || (!ms_scope_is_all(&tui->scope) &&
                                   !ms_scope_has_thread(&tui->scope, view->model, thread));
}

const struct ms_thread *ms_tui_selected(const struct ms_tui *tui, const struct ms_view *view)
{
    return ms_model_thread_by_id(view->model, (uint32_t)tui->threads.rows.selected);
}

static struct ms_view view_of(const struct ms_tui *tui, const struct ms_model *model,
                              const struct ms_findings *findings,
                              const struct ms_tui_status *status, int rows, int columns)
{
    const bool bar = tui->dialog == &ms_dialog_time || (status->time != NULL && status->time->away);
    return (struct ms_view){
        .model = model,
        .findings = findings,
        .status = status,
        .layout = (bar ? ms_layout_with_time
                       : ms_layout_of)(rows, columns, ms_model_thread_count(model),
                                       ms_title_partly_seen(model) != NULL, tui->table),
        .rows = rows,
        .columns = columns,
    };
}

static void quit(struct ms_tui *tui, const struct ms_view *view, struct ms_command *command)
{
    const bool runs =
        ms_time_away(view) ? view->status->time->runs : view->status->session == MS_TUI_LIVE;
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

/* Actions that mean the same everywhere; false: the screen's own. */
static bool act_everywhere(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                           struct ms_command *command)
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
    if (tui->dialog == NULL && ms_time_away(view) && needs_present(action) &&
        (action != MS_ACTION_RECORD || view->status->time->file)) {
        command->type = MS_COMMAND_NOT_IN_THE_PAST;
        return true;
    }
    switch (action) {
    case MS_ACTION_HELP:
        ms_tui_open_dialog(tui, view, &ms_dialog_help);
        return true;
    case MS_ACTION_TIME:
        ms_tui_open_dialog(tui, view, &ms_dialog_time);
        return true;
    case MS_ACTION_MARK:
        ms_tui_open_dialog(tui, view, &ms_dialog_mark);
        return true;
    case MS_ACTION_RECORD:
        ms_tui_open_dialog(tui, view, &ms_dialog_record);
        return true;
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
    case MS_ACTION_EXPORT:
        ms_tui_open_dialog(tui, view, &ms_dialog_export);
        return true;
    case MS_ACTION_SIGNAL:
        if (!tui->readonly && view->status->session == MS_TUI_LIVE) {
            ms_tui_open_dialog(tui, view, &ms_dialog_signal);
        }
        return true;
    case MS_ACTION_TRACKING:
        if (!tui->readonly && view->status->session == MS_TUI_LIVE) {
            ms_tui_open_dialog(tui, view, &ms_dialog_tracking);
        }
        return true;
    case MS_ACTION_SETUP:
        ms_tui_open_dialog(tui, view, &ms_dialog_setup);
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
    const struct ms_view view = view_of(tui, model, findings, status, rows, columns);
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
        act(tui, &view, ms_key_action(top->place, input->key), input, command);
    }
}

static void draw_live(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    ms_title_draw(tui, view, grid);
    tui->screen->draw(tui, view, grid);
}

/* The frozen picture is taken by the first drawing after the key, from the data of that moment. */
static void draw_paused(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    if (!tui->frozen_taken &&
        ms_grid_resize(tui->frozen, ms_grid_rows(grid), ms_grid_columns(grid)) == 0) {
        ms_grid_set_ascii(tui->frozen, ms_theme_ascii(tui));
        draw_live(tui, view, tui->frozen);
        tui->frozen_taken = true;
        tui->paused_ns = ms_model_now_ns(view->model);
    }
    ms_grid_copy(grid, tui->frozen);
}

void ms_tui_draw(struct ms_tui *tui, const struct ms_model *model,
                 const struct ms_findings *findings, const struct ms_tui_status *status,
                 struct ms_grid *grid)
{
    ms_flows_watch(tui, model);
    ms_grid_clear(grid);
    ms_grid_set_ascii(grid, ms_theme_ascii(tui));
    const struct ms_view view =
        view_of(tui, model, findings, status, ms_grid_rows(grid), ms_grid_columns(grid));
    if (view.layout.tiny) {
        ms_title_draw_tiny(tui, &view, grid);
        return;
    }
    if (tui->paused) {
        draw_paused(tui, &view, grid);
    } else {
        draw_live(tui, &view, grid);
    }
    if (tui->dialog == NULL || tui->dialog == &ms_dialog_time) {
        ms_time_bar_draw(tui, &view, grid);
    }
    if (tui->dialog != NULL) {
        tui->dialog->draw(tui, &view, grid);
    }
    ms_foot_draw(tui, &view, grid);
}
