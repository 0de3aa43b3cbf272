/* One call site: its figures, its whole stack, the source, its blocks and who uses it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "model/format.h"
#include "tui/chart.h"
#include "tui/classes.h"
#include "tui/screen.h"
#include "tui/short_name.h"
#include "tui/site_notes.h"
#include "tui/site_work.h"
#include "tui/source_pane.h"
#include "tui/stack.h"

enum {
    HEAD_ROWS = 2, /* above the words */
    SMALL_ROWS = 6,
    MEDIUM_ROWS = 12,
    LARGE_ROWS = 24,
    PANE_ROWS_MIN = 5,
    TWO_PANES = 20,
    THREE_PANES = 32,
    USERS_MAX = 32,
    WORDS_ROWS = 3
};

/* A thread's part of the site. */
struct user {
    uint32_t thread_id;
    uint64_t live_bytes, allocated_bytes, allocations;
};

/* Of the threads in focus. */
struct sums {
    struct ms_heap heap;
    uint64_t at_peak_bytes;
    bool estimated;
    struct user users[USERS_MAX]; /* the most live first */
    size_t user_count, users_all;
};

void ms_tui_open_sites(struct ms_tui *tui, const struct ms_view *view, const uint32_t *ids,
                       size_t count, size_t all)
{
    struct ms_site_state *site = &tui->site;
    if (count == 0 || count > MS_SITE_STEPS_MAX) {
        return;
    }
    memcpy(site->ids, ids, count * sizeof *ids);
    site->count = count;
    site->all = all;
    site->at = 0;
    site->level_chosen = false;
    site->top = 0;
    site->from = tui->screen;
    site->scope_before = tui->scope;
    tui->scope.site_id = ids[0];
    ms_tui_open(tui, view, &ms_screen_site);
}

static const struct ms_site *site_of(const struct ms_tui *tui, const struct ms_view *view)
{
    return tui->site.count > 0 ? ms_model_site_by_id(view->model, tui->site.ids[tui->site.at])
                               : NULL;
}

static uint32_t marked_level(const struct ms_tui *tui, const struct ms_view *view,
                             const struct ms_site *site)
{
    const uint32_t levels = ms_stack_levels(site);
    const uint32_t level =
        tui->site.level_chosen ? tui->site.level : ms_stack_own(site, view->model);
    return level < levels ? level : levels > 0 ? levels - 1 : 0;
}

/* Threads by live bytes; one that was sampled at several rates comes more than once. */
static void add_user(struct sums *sums, const struct ms_usage *usage)
{
    struct user user = {.thread_id = usage->thread_id};
    size_t at = 0;
    while (at < sums->user_count && sums->users[at].thread_id != usage->thread_id) {
        at++;
    }
    if (at < sums->user_count) {
        user = sums->users[at];
        sums->user_count--;
        memmove(sums->users + at, sums->users + at + 1,
                (sums->user_count - at) * sizeof *sums->users);
    } else {
        sums->users_all++;
    }
    user.live_bytes += ms_usage_current_bytes(usage);
    user.allocated_bytes += usage->bytes_allocated;
    user.allocations += usage->allocations;
    at = sums->user_count;
    while (at > 0 && sums->users[at - 1].live_bytes < user.live_bytes) {
        at--;
    }
    if (at == USERS_MAX) {
        return;
    }
    const size_t behind = sums->user_count < USERS_MAX ? sums->user_count - at : USERS_MAX - 1 - at;
    memmove(sums->users + at + 1, sums->users + at, behind * sizeof *sums->users);
    sums->users[at] = user;
    sums->user_count += sums->user_count < USERS_MAX ? 1 : 0;
}

static void sum_up(const struct ms_tui *tui, const struct ms_view *view, const struct ms_site *site,
                   struct sums *sums)
{
    const struct ms_process *process = ms_model_process_by_id(view->model, site->process_id);
    const struct ms_usage *usage = NULL;
    *sums = (struct sums){.user_count = 0};
    while ((usage = ms_model_site_usage(view->model, site->id, usage)) != NULL) {
        if (tui->scope.thread_id != 0 && tui->scope.thread_id != usage->thread_id) {
            continue;
        }
        ms_usage_add_to_heap(usage, &sums->heap);
        sums->at_peak_bytes += process != NULL ? ms_usage_at_peak_bytes(usage, &process->peak) : 0;
        sums->estimated = sums->estimated || usage->rate != 0;
        add_user(sums, usage);
    }
}

static int pair(struct ms_grid *grid, int row, int column, const char *word, const char *figure)
{
    const int room = ms_grid_columns(grid) - column;
    if ((int)(strlen(word) + 1 + strlen(figure)) > room) {
        return column;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_put(grid, row, column, room, word) + 1;
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return column + ms_grid_put(grid, row, column, ms_grid_columns(grid) - column, figure) + 2;
}

static int bytes_pair(struct ms_grid *grid, int row, int column, const char *word, double bytes,
                      bool estimated)
{
    char text[MS_FORMAT_MAX + 1] = "~";
    ms_format_bytes(text + (estimated ? 1 : 0), MS_FORMAT_MAX, bytes);
    return pair(grid, row, column, word, text);
}

static int count_pair(struct ms_grid *grid, int row, int column, const char *word, double count,
                      const char *suffix)
{
    char number[MS_FORMAT_MAX];
    char text[MS_FORMAT_MAX + 8];
    ms_format_count(number, sizeof number, count);
    snprintf(text, sizeof text, "%s%s", number, suffix);
    return pair(grid, row, column, word, text);
}

static void draw_figures(const struct ms_view *view, struct ms_grid *grid, int row,
                         const struct ms_site *site, const struct sums *sums)
{
    const struct ms_heap *heap = &sums->heap;
    const struct ms_process *process = ms_model_process_by_id(view->model, site->process_id);
    const struct ms_site_rates rates = ms_site_rates_of(view->model, site);
    int column =
        bytes_pair(grid, row, 1, "live", (double)ms_heap_current_bytes(heap), sums->estimated);
    if (process != NULL && process->peak.epoch != 0) {
        column =
            bytes_pair(grid, row, column, "at peak", (double)sums->at_peak_bytes, sums->estimated);
    }
    column = bytes_pair(grid, row, column, "total", (double)heap->bytes_allocated, sums->estimated);
    column = count_pair(grid, row, column, "allocs", (double)heap->allocations, "");
    if (!isnan(rates.allocations_per_s)) {
        column = count_pair(grid, row, column, "now", rates.allocations_per_s, "/s");
    }
    column = count_pair(grid, row, column, "freed", (double)heap->deallocations, "");
    column = count_pair(grid, row, column, "temporary", (double)heap->temporary, "");
    bytes_pair(grid, row, column, "waste", (double)heap->waste_bytes, sums->estimated);
}

static void draw_identity(const struct ms_tui *tui, const struct ms_view *view,
                          struct ms_grid *grid, int row, const struct ms_site *site)
{
    char name[4096] = "(no stack)";
    char cut[2048];
    char which[160] = "";
    if (site->depth > 0) {
        ms_format_frame(name, sizeof name, ms_stack_level(site, ms_stack_own(site, view->model)));
    }
    if (tui->site.all > 1 && tui->site.all > tui->site.count) {
        snprintf(which, sizeof which, "%zu of %zu, %zu in all", tui->site.at + 1, tui->site.count,
                 tui->site.all);
    } else if (tui->site.all > 1) {
        snprintf(which, sizeof which, "%zu of %zu", tui->site.at + 1, tui->site.count);
    }
    if (ms_model_process_count(view->model) > 1 && view->columns >= 60) {
        const size_t used = strlen(which);
        char process[64];
        snprintf(which + used, sizeof which - used, "%s%s", used > 0 ? "  of " : "of ",
                 ms_tui_process_text(ms_model_process_by_id(view->model, site->process_id), process,
                                     sizeof process));
    }
    const int room = view->columns - (int)strlen(which) - 4;
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, MS_ATTRIBUTE_BOLD);
    ms_grid_put(grid, row, 1, room,
                ms_short_name(cut, sizeof cut, name, room, ms_theme_ascii(tui)));
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, view->columns - (int)strlen(which) - 1, (int)sizeof which, which);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_stack(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area, const struct ms_site *site)
{
    const size_t shown = area.rows > 1 ? (size_t)(area.rows - 1) : 1;
    const uint32_t levels = ms_stack_levels(site);
    const uint32_t marked = marked_level(tui, view, site);
    size_t top = tui->site.top;
    if (marked < top) {
        top = marked;
    } else if (marked >= top + shown) {
        top = marked - shown + 1;
    }
    if (top + shown > levels) {
        top = levels > shown ? levels - shown : 0;
    }
    tui->site.top = top;
    char heading[64];
    snprintf(heading, sizeof heading, "call stack, %" PRIu32 " functions", levels);
    ms_theme_heading(tui, grid, area.row, 0, area.columns, heading);
    area.row++;
    area.rows--;
    if (levels == 0) {
        ms_grid_put(grid, area.row, 4, area.columns - 4, "(no stack)");
    } else {
        ms_stack_draw_levels(tui, grid, area, site, (uint32_t)top, marked, true);
    }
}

static void draw_source(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        struct ms_area area, const struct ms_site *site, const struct sums *sums)
{
    struct ms_call_line line = {.file = ""};
    const enum ms_site_figure figure = !ms_site_is_work(site)        ? MS_SITE_FIGURE_LIVE
                                       : site->work->cpu_samples > 0 ? MS_SITE_FIGURE_CPU
                                                                     : MS_SITE_FIGURE_IO_WAIT;
    const struct ms_frame *frame = ms_stack_level(site, marked_level(tui, view, site));
    if (frame != NULL) {
        line.file = frame->file;
        line.line = frame->line;
        line.frame = frame;
        line.inclusive[figure] = figure == MS_SITE_FIGURE_LIVE
                                     ? (double)ms_heap_current_bytes(&sums->heap)
                                     : ms_site_work_ms(view->model, site, tui->scope.thread_id);
    }
    ms_source_pane_draw(tui, view, grid, area,
                        ms_model_process_by_id(view->model, site->process_id), &line,
                        frame != NULL ? 1 : 0, figure);
}

static void draw_users(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       struct ms_area area, const struct sums *sums)
{
    char heading[80];
    const uint64_t live = ms_heap_current_bytes(&sums->heap);
    snprintf(heading, sizeof heading, "threads that allocate here: %zu", sums->users_all);
    ms_theme_heading(tui, grid, area.row, 0, area.columns, heading);
    for (size_t i = 0; i < sums->user_count && (int)i + 1 < area.rows; i++) {
        const int row = area.row + 1 + (int)i;
        const struct user *user = &sums->users[i];
        const struct ms_thread *thread = ms_model_thread_by_id(view->model, user->thread_id);
        const double share = live > 0 ? (double)user->live_bytes / (double)live : (double)NAN;
        char bytes[MS_FORMAT_MAX];
        char total[MS_FORMAT_MAX];
        char count[MS_FORMAT_MAX];
        ms_format_bytes(bytes, sizeof bytes, (double)user->live_bytes);
        ms_format_bytes(total, sizeof total, (double)user->allocated_bytes);
        ms_format_count(count, sizeof count, (double)user->allocations);
        const int name_width = area.columns >= 72 ? 32 : area.columns - 24;
        ms_grid_pen(grid, thread != NULL && thread->end_ns == 0 ? MS_COLOUR_DEFAULT : MS_COLOUR_DIM,
                    0);
        ms_grid_printf(grid, row, 2, name_width, "%s (tid %d)", thread != NULL ? thread->name : "?",
                       thread != NULL ? (int)thread->tid : 0);
        int column = 2 + name_width;
        column += ms_grid_printf(grid, row, column, 16, "%9s live", bytes) + 2;
        if (area.columns >= 72) {
            ms_grid_pen(grid, MS_COLOUR_GRAPH, 0);
            ms_chart_bar(grid, tui->glyphs, row, column, 12, share);
            ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
            ms_grid_printf(grid, row, column + 13, area.columns - column - 13,
                           "%9s total %7s allocs", total, count);
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_pane(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                      struct ms_area area, const struct ms_site *site, const struct sums *sums,
                      enum ms_site_pane pane)
{
    switch (pane) {
    case MS_SITE_SOURCE:
        draw_source(tui, view, grid, area, site, sums);
        break;
    case MS_SITE_CLASSES:
        if (ms_site_is_work(site)) {
            break;
        }
        ms_classes_draw_site(tui, view, grid, area, site, tui->scope.thread_id);
        break;
    case MS_SITE_THREADS:
        if (ms_site_is_work(site)) {
            ms_site_work_draw_users(tui, view, grid, area, site);
            break;
        }
        draw_users(tui, view, grid, area, sums);
        break;
    case MS_SITE_PANES:
        break;
    }
}

static bool has_line(const struct ms_tui *tui, const struct ms_view *view,
                     const struct ms_site *site)
{
    const struct ms_frame *frame = ms_stack_level(site, marked_level(tui, view, site));
    return frame != NULL && frame->line != 0;
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_site *site = site_of(tui, view);
    struct sums sums;
    struct ms_area area = {.row = view->layout.body.row,
                           .rows = view->layout.message_row - view->layout.body.row,
                           .columns = view->columns};
    if (site == NULL) {
        ms_grid_put(grid, area.row + 1, 2, area.columns - 2,
                    "This call site is gone. Esc goes back.");
        return;
    }
    sum_up(tui, view, site, &sums);
    draw_identity(tui, view, grid, area.row, site);
    if (ms_site_is_work(site)) {
        ms_site_work_draw(view, grid, area.row + 1, site, tui->scope.thread_id);
    } else {
        draw_figures(view, grid, area.row + 1, site, &sums);
    }
    const int words = area.rows < SMALL_ROWS    ? 0
                      : area.rows < MEDIUM_ROWS ? 1
                      : area.rows < LARGE_ROWS  ? 2
                                                : 4;
    const int head = HEAD_ROWS + ms_site_notes_draw(view, grid, area.row + HEAD_ROWS, words, site);
    area.row += head;
    area.rows -= head;
    const int levels = (int)ms_stack_levels(site) + 1;
    const int half = area.rows / 2 > levels ? levels : area.rows / 2;
    const bool panes = area.rows - half >= PANE_ROWS_MIN && half >= 2;
    struct ms_area part = area;
    part.rows = panes ? half : area.rows;
    if (part.rows >= 2) {
        draw_stack(tui, view, grid, part, site);
    }
    int left = panes ? area.rows - half : 0;
    const int count = left >= THREE_PANES ? 3 : left >= TWO_PANES ? 2 : left > 0 ? 1 : 0;
    part.row += part.rows;
    for (int i = 0; i < count; i++) {
        const enum ms_site_pane pane =
            (enum ms_site_pane)(((int)tui->site.pane + i) % MS_SITE_PANES);
        part.rows = left / (count - i);
        if (pane == MS_SITE_SOURCE && !has_line(tui, view, site) && i + 1 < count) {
            part.rows = WORDS_ROWS;
        }
        left -= part.rows;
        draw_pane(tui, view, grid, part, site, &sums, pane);
        part.row += part.rows;
    }
}

static void step(struct ms_tui *tui, size_t by)
{
    struct ms_site_state *state = &tui->site;
    state->at = (state->at + by) % state->count;
    state->level_chosen = false;
    state->top = 0;
    tui->scope.site_id = state->ids[state->at];
}

static void move(struct ms_tui *tui, const struct ms_view *view, const struct ms_site *site,
                 long by)
{
    const long levels = (long)ms_stack_levels(site);
    long level = (long)marked_level(tui, view, site) + by;
    level = level >= levels ? levels - 1 : level;
    tui->site.level = level > 0 ? (uint32_t)level : 0;
    tui->site.level_chosen = true;
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)input;
    enum { PAGE = 8, ALL = 1 << 20 };
    const struct ms_site *site = site_of(tui, view);
    if (action == MS_ACTION_BACK) {
        tui->scope = tui->site.scope_before;
        ms_tui_open(tui, view, tui->site.from != NULL ? tui->site.from : &ms_screen_overview);
        return;
    }
    if (site == NULL) {
        return;
    }
    switch (action) {
    case MS_ACTION_NEXT_SITE:
    case MS_ACTION_RIGHT:
        step(tui, 1);
        break;
    case MS_ACTION_PREVIOUS_SITE:
    case MS_ACTION_LEFT:
        step(tui, tui->site.count - 1);
        break;
    case MS_ACTION_UP:
        move(tui, view, site, -1);
        break;
    case MS_ACTION_DOWN:
        move(tui, view, site, 1);
        break;
    case MS_ACTION_PAGE_UP:
        move(tui, view, site, -PAGE);
        break;
    case MS_ACTION_PAGE_DOWN:
        move(tui, view, site, PAGE);
        break;
    case MS_ACTION_FIRST:
        move(tui, view, site, -ALL);
        break;
    case MS_ACTION_LAST:
        move(tui, view, site, ALL);
        break;
    case MS_ACTION_PANE:
        tui->site.pane = (tui->site.pane + 1) % MS_SITE_PANES;
        break;
    case MS_ACTION_EDIT:
        ms_tui_edit(view, site->id, ms_stack_level(site, marked_level(tui, view, site)), 0,
                    command);
        break;
    default:
        break;
    }
}

const struct ms_screen ms_screen_site = {
    .place = MS_PLACE_SITE, .tab = "Site", .draw = draw, .key = key};
