/* The rows above every body: title, totals (title_totals.c), what is not seen, tabs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/diff.h"
#include "tui/screen.h"
#include "tui/time_bar.h"
#include "tui/title_totals.h"

#define SCOPE_WIDTH 24 /* cells beside the tabs for what is in focus */

static bool any_alive(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        if (ms_model_process(model, i)->end_ns == 0) {
            return true;
        }
    }
    return false;
}

const struct ms_process *ms_title_partly_seen(const struct ms_model *model)
{
    /* What has ended is past while anything lives; afterwards the program itself counts. */
    const bool alive = any_alive(model);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        const bool counts = alive ? process->end_ns == 0 : process == ms_model_program(model);
        if (counts && process->seen != MS_SEEN_FULL) {
            return process;
        }
    }
    return NULL;
}

/* How long the program has run, over all of its execs. */
static uint64_t elapsed_ns(const struct ms_view *view)
{
    const struct ms_model *model = view->model;
    const struct ms_process *program = ms_model_program(model);
    uint64_t start_ns = ms_model_start_ns(model);
    if (program != NULL && ms_model_process(model, 0)->start_ns != 0) {
        start_ns = ms_model_process(model, 0)->start_ns;
    }
    const bool ended =
        view->status->session == MS_TUI_ENDED && program != NULL && program->end_ns != 0;
    const uint64_t until_ns = ended ? program->end_ns : ms_model_now_ns(model);
    return until_ns > start_ns ? until_ns - start_ns : 0;
}

static enum ms_colour mark_of(const struct ms_tui *tui, const struct ms_view *view, char *out,
                              size_t size)
{
    const struct ms_tui_status *status = view->status;
    if (ms_time_away(view)) {
        char text[96];
        snprintf(out, size, "[%s%s]", status->time->file || view->columns < 100 ? "" : "PAST ",
                 ms_time_text(status->time, view->columns, text, sizeof text));
        return MS_COLOUR_ALERT_MEDIUM;
    }
    if (tui->paused) {
        snprintf(out, size, "[PAUSED]");
        return MS_COLOUR_ALERT_MEDIUM;
    }
    if (status->session == MS_TUI_LOST) {
        snprintf(out, size, "[LOST]");
        return MS_COLOUR_ERROR;
    }
    if (status->session == MS_TUI_LIVE) {
        snprintf(out, size, "[LIVE]");
        return MS_COLOUR_BALANCED;
    }
    if (status->exit_signal > 0) {
        const char *name = sigabbrev_np(status->exit_signal);
        if (name != NULL) {
            snprintf(out, size, "[KILLED SIG%s]", name);
        } else {
            snprintf(out, size, "[KILLED signal %d]", status->exit_signal);
        }
        return MS_COLOUR_ERROR;
    }
    if (status->exit_status < 0) {
        snprintf(out, size, "[ENDED, status unknown]");
        return MS_COLOUR_ERROR;
    }
    snprintf(out, size, "[EXITED %d]", status->exit_status);
    return status->exit_status == 0 ? MS_COLOUR_TITLE : MS_COLOUR_ERROR;
}

/* That a file is being written, left of `until`. Returns how many cells it took. */
static int put_recording(const struct ms_view *view, struct ms_grid *grid, int row, int until)
{
    const struct ms_tui_time *time = view->status->time;
    char text[64] = "REC ";
    if (time == NULL || time->recording == NULL) {
        return 0;
    }
    if (time->recording_problem != NULL) {
        snprintf(text, sizeof text, "REC FAILED ");
    } else if (time->recording_ends) {
        snprintf(text, sizeof text, view->columns >= 72 ? "REC ENDS " : "REC ");
    } else if (view->columns >= 72) {
        char bytes[MS_FORMAT_MAX];
        snprintf(text, sizeof text, "REC %s ",
                 ms_format_bytes(bytes, sizeof bytes, (double)time->recording_bytes));
    }
    const int width = (int)strlen(text);
    ms_grid_pen(grid, MS_COLOUR_ERROR, MS_ATTRIBUTE_BOLD);
    ms_grid_put(grid, row, until - width, width, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return width;
}

static int put_mark(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                    int row)
{
    char mark[128];
    const enum ms_colour colour = mark_of(tui, view, mark, sizeof mark);
    const int width = (int)strlen(mark);
    ms_grid_pen(grid, colour, MS_ATTRIBUTE_BOLD);
    ms_grid_put(grid, row, view->columns - width, width, mark);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return width + put_recording(view, grid, row, view->columns - width);
}

static const char *state_word(const struct ms_view *view, const struct ms_process *process)
{
    const bool away = ms_time_away(view);
    bool stopped = false;
    if (view->status->session == MS_TUI_LOST) {
        return "keeper lost";
    }
    if (view->status->session == MS_TUI_ENDED) {
        return "ended";
    }
    for (size_t i = 0; process != NULL && i < ms_model_alive_count(view->model); i++) {
        const struct ms_thread *thread = ms_model_thread(view->model, i);
        if (thread->tid == process->pid) {
            stopped = thread->kernel.state == 'T';
            break;
        }
    }
    /* What it did then says nothing of what it does now. */
    if (away) {
        const bool wide = view->columns >= 100;
        return stopped ? (wide ? "was stopped" : "stopped") : wide ? "was running" : "ran";
    }
    return stopped ? "stopped" : "running";
}

enum { TRACKING_WIDTH_MAX = 40 };

/* Cells that what is tracked should have beside the tabs; 0 when it is as usual. */
static int tracking_width(const struct ms_view *view, const struct ms_grid *grid)
{
    char text[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX];
    if (ms_model_tracking_text(view->model, text, sizeof text) == NULL) {
        return 0;
    }
    const int width = ms_grid_text_width(grid, text) + 1;
    return width < TRACKING_WIDTH_MAX ? width : TRACKING_WIDTH_MAX;
}

/* At the right end of a row, of which `from` columns are taken. Returns how many it took. */
static int put_tracking(const struct ms_view *view, struct ms_grid *grid, int row, int from,
                        int until)
{
    char text[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX];
    const struct ms_process *of = ms_model_tracking_text(view->model, text, sizeof text);
    if (of == NULL) {
        return 0;
    }
    const bool stepped = ms_tracking_step(&of->tracking) != NULL;
    const int needed = ms_grid_text_width(grid, text);
    const int room = until - from;
    const int width = needed < room ? needed : room;
    if (width < 4) {
        return 0;
    }
    ms_grid_pen(grid, stepped ? MS_COLOUR_ALERT_MEDIUM : MS_COLOUR_KEY, 0);
    ms_grid_put(grid, row, until - width, width, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return width + 1;
}

static void draw_title(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const int row = view->layout.title_row;
    int room = view->columns - put_mark(tui, view, grid, row) - 1;
    if (view->layout.tabs_row < 0) { /* else it has room there */
        room -= put_tracking(view, grid, row, room / 2, room);
    }
    const struct ms_model *model = view->model;
    const struct ms_process *process = ms_model_program(model);
    char elapsed[MS_FORMAT_MAX];
    char facts[192];
    ms_format_elapsed(elapsed, sizeof elapsed, elapsed_ns(view));
    const size_t threads = view->status->session == MS_TUI_ENDED ? ms_model_thread_count(model)
                                                                 : ms_model_alive_count(model);
    snprintf(facts, sizeof facts, "pid %d   %s   %s   %zu thread%s",
             process != NULL ? (int)process->pid : 0, elapsed, state_word(view, process), threads,
             threads == 1 ? "" : "s");
    int column = 0;
    const int facts_width = (int)strlen(facts) + 2;
    /* What the program does goes before our own name. */
    static const char ours[] = "memscope-top";
    const int name_width = ms_grid_text_width(grid, tui->program);
    const int least = (name_width < 10 ? name_width : 10) + facts_width;
    if (view->columns >= 80 && (int)sizeof ours + 1 + least <= room) {
        ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_BOLD);
        column += ms_grid_put(grid, row, 0, room, ours) + 2;
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    int name_room = room - column - facts_width;
    if (name_room < 10) {
        name_room = room - column > 10 ? 10 : room - column;
    }
    column += ms_grid_put(grid, row, column, name_room, tui->program) + 2;
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    if (room - column >= (int)strlen(facts)) {
        ms_grid_put(grid, row, column, room - column, facts);
    } else {
        ms_grid_printf(grid, row, column, room - column, "%s %zu thr", elapsed, threads);
    }
}

static void draw_verdict(const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_process *process = ms_title_partly_seen(view->model);
    if (process == NULL || view->layout.verdict_row < 0) {
        return;
    }
    ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
    ms_grid_printf(grid, view->layout.verdict_row, 1, view->columns - 1, "pid %d is seen %s: %s",
                   (int)process->pid,
                   process->seen == MS_SEEN_NONE ? "from outside only" : "in part",
                   process->seen_because);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

int ms_title_put_scope(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row, int column, int room)
{
    char text[512];
    if (ms_scope_is_all(&tui->scope) || room < 12) {
        return 0;
    }
    ms_tui_scope_text(tui, view->model, text, sizeof text);
    ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, MS_ATTRIBUTE_BOLD);
    const int used = ms_grid_printf(grid, row, column, room, "focus: %s", text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return used + 2;
}

/* How much of the tabs is shown: words with a gap between, words without, the active one's only. */
enum tabs { TABS_WIDE, TABS_NARROW, TABS_SHORT };

static int tabs_width(const struct ms_screen *active, enum tabs tabs)
{
    int width = tabs == TABS_NARROW ? 2 : 1;
    for (size_t i = 0; ms_screens[i] != NULL; i++) {
        const bool word = tabs != TABS_SHORT || ms_screens[i] == active;
        width += (tabs == TABS_NARROW ? 2 : 3) + (word ? 1 + (int)strlen(ms_screens[i]->tab) : 0);
    }
    return width;
}

static void draw_tabs(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const int row = view->layout.tabs_row;
    if (row < 0) {
        return;
    }
    int column = 1;
    const struct ms_screen *active =
        tui->screen == &ms_screen_site && tui->site.from != NULL     ? tui->site.from
        : tui->screen == &ms_screen_focus && tui->focus_from != NULL ? tui->focus_from
        : tui->screen == &ms_screen_diff && tui->diff != NULL        ? tui->diff->from
                                                                     : tui->screen;
    active = active != NULL && active->digit != 0 ? active : &ms_screen_overview;
    /* What is in focus and what is tracked matter more than words that one knows. */
    const bool deeper_than_tabs = tui->screen->digit == 0;
    const int beside = (ms_scope_is_all(&tui->scope) ? 0 : SCOPE_WIDTH) +
                       (deeper_than_tabs ? 3 + (int)strlen(tui->screen->tab) : 0) +
                       tracking_width(view, grid);
    enum tabs tabs = TABS_WIDE;
    while (tabs < TABS_SHORT && tabs_width(active, tabs) + beside > view->columns) {
        tabs++;
    }
    bool behind = false; /* the active one: its bracket stands in the gap */
    for (size_t i = 0; ms_screens[i] != NULL; i++) {
        const struct ms_screen *screen = ms_screens[i];
        const bool here = screen == active;
        ms_grid_pen(grid, here ? MS_COLOUR_TAB_ACTIVE : MS_COLOUR_TAB,
                    here ? MS_ATTRIBUTE_BOLD : 0);
        const bool deeper = here && tui->screen->digit == 0;
        const bool word = tabs != TABS_SHORT || here;
        column += ms_grid_printf(grid, row, column, view->columns - column, "%s%c%s%s%s%s",
                                 here     ? "["
                                 : behind ? ""
                                          : " ",
                                 screen->digit, word ? " " : "", word ? screen->tab : "",
                                 deeper ? " > " : "", deeper ? tui->screen->tab : "");
        if (here || tabs != TABS_NARROW) {
            column += ms_grid_put(grid, row, column, 1, here ? "]" : " ");
        }
        behind = here && tabs == TABS_NARROW;
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    if (tui->screen->place != MS_PLACE_FOCUS) { /* which says itself whom it shows */
        column += ms_title_put_scope(tui, view, grid, row, column + 1, view->columns - column - 1);
    }
    put_tracking(view, grid, row, column + 1, view->columns);
}

void ms_title_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_title_totals totals = ms_title_totals_of(view->model);
    draw_title(tui, view, grid);
    ms_title_draw_totals(tui, view, grid, &totals);
    draw_verdict(view, grid);
    draw_tabs(tui, view, grid);
}

void ms_title_draw_tiny(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_title_totals totals = ms_title_totals_of(view->model);
    char live[MS_FORMAT_MAX];
    char cpu[MS_FORMAT_MAX];
    char mark[128];
    ms_title_heap_bytes(live, sizeof live, &totals, totals.live_bytes);
    ms_format_value(cpu, sizeof cpu, ms_value_of(totals.cpu_pct), MS_UNIT_PERCENT);
    mark_of(tui, view, mark, sizeof mark);
    int row = 0;
    if (tui->dialog == &ms_dialog_quit) {
        ms_grid_put(grid, row++, 0, view->columns,
                    tui->readonly ? "d detach  Esc" : "k kill  d detach  Esc");
    }
    ms_grid_printf(grid, row, 0, view->columns, "heap %s cpu %s%s %zu thr %s", live, cpu,
                   isnan(totals.cpu_pct) ? "" : "%", ms_model_alive_count(view->model), mark);
}
