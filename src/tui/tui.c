/* State of the view: made, drawn, and what screens and dialogs open. */
#include "tui/tui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"
#include "model/module.h"
#include "tui/diff.h"
#include "tui/screen.h"
#include "tui/stack.h"
#include "tui/time_bar.h"

const struct ms_screen *const ms_screens[] = {
    &ms_screen_overview,  &ms_screen_rankings, &ms_screen_timelines, &ms_screen_correlations,
    &ms_screen_hotspots,  &ms_screen_leaks,    &ms_screen_flows,     &ms_screen_types,
    &ms_screen_processes, &ms_screen_output,   &ms_screen_system,    NULL,
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

struct ms_view ms_tui_view(const struct ms_tui *tui, const struct ms_model *model,
                           const struct ms_findings *findings, const struct ms_tui_status *status,
                           int rows, int columns)
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
        ms_tui_view(tui, model, findings, status, ms_grid_rows(grid), ms_grid_columns(grid));
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
