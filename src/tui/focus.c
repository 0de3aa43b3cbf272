/* One thread: who it is, what it does, its last minute or another view of it, and where in the code
 * its memory is from. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/figures.h"
#include "model/format.h"
#include "tui/classes.h"
#include "tui/focus.h"
#include "tui/screen.h"
#include "tui/short_name.h"
#include "tui/stack.h"

#define SITES_MAX 64

/* Columns of the list of sites, from the right. */
static void draw_site(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                      int row, const struct ms_usage *usage, const struct ms_thread *thread,
                      bool chosen)
{
    char name[4096];
    char shown[1024];
    char place[256];
    char bytes[MS_FORMAT_MAX];
    char count[MS_FORMAT_MAX];
    ms_stack_site_name(ms_model_site_by_id(view->model, usage->site_id), name, sizeof name, place,
                       sizeof place);
    const uint64_t current = ms_usage_current_bytes(usage);
    const uint64_t part = tui->sites_by_total ? usage->bytes_allocated : current;
    const uint64_t whole =
        tui->sites_by_total ? thread->heap.bytes_allocated : ms_heap_current_bytes(&thread->heap);
    /* What is estimated from a sample says so. */
    bytes[0] = '~';
    ms_format_bytes(bytes + (usage->rate != 0), sizeof bytes - 1, (double)part);
    ms_format_count(count, sizeof count, (double)usage->allocations);
    char share[16] = "n/a";
    if (whole > 0) {
        /* Estimates, and counters that are read a moment apart: no share is more than all. */
        snprintf(share, sizeof share, "%.0f%%", fmin(100.0 * (double)part / (double)whole, 100));
    }
    const int figures = view->columns >= 60 ? 28 : 9;
    const int place_width = view->columns >= 72 ? view->columns / 4 : 0;
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT,
                chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    const int name_width = view->columns - figures - place_width - 3;
    ms_short_name(shown, sizeof shown, name, name_width, ms_theme_ascii(tui));
    ms_grid_put(grid, row, 2, name_width, shown);
    if (figures > 20) {
        ms_grid_printf(grid, row, view->columns - figures, figures, "%9s%10s%7s", bytes, count,
                       share);
    } else {
        ms_grid_printf(grid, row, view->columns - figures, figures, "%8s", bytes);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, row, view->columns - figures - place_width, place_width - 1, place);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_sites_heading(const struct ms_tui *tui, const struct ms_view *view,
                               struct ms_grid *grid, int row)
{
    ms_theme_heading(tui, grid, row, 0, view->columns,
                     view->columns < 72 ? tui->sites_by_total ? "sites, allocated" : "sites, live"
                     : tui->sites_by_total ? "call sites by allocated bytes (t: by live)"
                                           : "call sites by live bytes (t: by allocated)");
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    const char *bytes = tui->sites_by_total ? "total" : "live";
    if (view->columns >= 72) {
        ms_grid_printf(grid, row, view->columns - 28, 28, "%9s%10s%7s  ", bytes, "allocs", "share");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_sites(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row, int end, const struct ms_thread *thread)
{
    const struct ms_usage *usages[SITES_MAX];
    draw_sites_heading(tui, view, grid, row++);
    const size_t all = ms_model_thread_usages(
        view->model, thread->id, tui->sites_by_total ? MS_USAGE_ALLOCATED : MS_USAGE_CURRENT,
        usages, SITES_MAX);
    const size_t count = all < SITES_MAX ? all : SITES_MAX;
    if (count == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, 2, view->columns - 3,
                    !thread->tracked || !thread->probed
                        ? "none: this thread is not tracked"
                        : "none: this thread has not allocated anything yet");
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    if (tui->site_chosen >= count) {
        tui->site_chosen = count - 1;
    }
    const int room = end - row;
    const bool stack = room >= 8;
    int lines = stack ? room - 6 < 8 ? room - 6 : 8 : room;
    if ((size_t)lines > count) {
        lines = (int)count;
    }
    size_t top = tui->site_chosen >= (size_t)lines ? tui->site_chosen - (size_t)lines + 1 : 0;
    for (int i = 0; i < lines; i++) {
        draw_site(tui, view, grid, row + i, usages[top + (size_t)i], thread,
                  top + (size_t)i == tui->site_chosen);
    }
    const struct ms_site *site =
        ms_model_site_by_id(view->model, usages[tui->site_chosen]->site_id);
    if (stack && site != NULL && site->depth > 0) {
        ms_stack_draw(tui, grid, row + lines, end, "call stack of the selected site", site);
    }
}

/* Returns the rows taken: what a few call sites leave. */
static int draw_classes(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, int end, const struct ms_thread *thread)
{
    const struct ms_usage *usages[SITES_MAX];
    const struct ms_usage *marked = NULL;
    const size_t all = ms_model_thread_usages(
        view->model, thread->id, tui->sites_by_total ? MS_USAGE_ALLOCATED : MS_USAGE_CURRENT,
        usages, SITES_MAX);
    const size_t count = all < SITES_MAX ? all : SITES_MAX;
    if (tui->pane == MS_PANE_SITE && count > 0) {
        marked = usages[tui->site_chosen < count ? tui->site_chosen : count - 1];
    }
    const int list = end - row >= 12 ? 5 : end - row >= 7 ? 2 : 0;
    const int room = end - row - list;
    struct ms_area area = {.row = row,
                           .rows = room < MS_CLASSES_ROWS_MAX ? room : MS_CLASSES_ROWS_MAX,
                           .columns = view->layout.body.columns};
    ms_classes_draw(tui, view, grid, area, thread, marked);
    return area.rows;
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    ms_thread_list_update(&tui->threads, view->model, view->findings, &tui->scope);
    const struct ms_area body = view->layout.body;
    const int end = view->layout.message_row;
    const struct ms_thread *thread = ms_tui_selected(tui, view);
    if (thread == NULL) {
        ms_grid_put(grid, body.row + 1, 2, body.columns - 2,
                    "This thread is gone: beyond 10,000, ended threads are merged. Esc goes back.");
        return;
    }
    int row = body.row +
              ms_focus_draw_head(tui, view, grid,
                                 (struct ms_area){.row = body.row, .rows = end - body.row}, thread);
    const struct ms_area area = {.row = row, .rows = end - row, .columns = body.columns};
    const bool heap = thread->tracked && thread->probed;
    if (tui->pane == MS_PANE_COUNTERS) {
        ms_focus_draw_counters(tui, view, grid, area, thread);
        return;
    }
    if (tui->pane == MS_PANE_SCATTER) {
        row += ms_focus_draw_scatter(tui, view, grid, area, thread);
    } else if (tui->pane != MS_PANE_GRAPHS && heap) {
        row += draw_classes(tui, view, grid, row, end, thread);
    } else {
        row += ms_focus_draw_graphs(tui, view, grid, area, thread);
    }
    if (end - row >= 2) {
        draw_sites(tui, view, grid, row, end, thread);
    }
}

static void step(struct ms_tui *tui, const struct ms_view *view, long by)
{
    ms_rows_move(&tui->threads.rows, by, ms_model_now_ns(view->model));
    tui->site_chosen = 0;
    tui->scope = (struct ms_scope){.thread_id = (uint32_t)tui->threads.rows.selected};
}

/* The call sites of the thread as they are listed, the marked one first. */
static size_t sites_from_marked(const struct ms_tui *tui, const struct ms_view *view,
                                uint32_t *site_ids, size_t *all)
{
    const struct ms_usage *usages[SITES_MAX];
    *all = ms_model_thread_usages(view->model, (uint32_t)tui->threads.rows.selected,
                                  tui->sites_by_total ? MS_USAGE_ALLOCATED : MS_USAGE_CURRENT,
                                  usages, SITES_MAX);
    const size_t count = *all < SITES_MAX ? *all : SITES_MAX;
    for (size_t i = 0; i < count; i++) {
        const size_t from = tui->site_chosen < count ? tui->site_chosen : count - 1;
        site_ids[i] = usages[(from + i) % count]->site_id;
    }
    return count;
}

static void open_or_edit(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                         struct ms_command *command)
{
    uint32_t site_ids[SITES_MAX];
    size_t all = 0;
    const size_t count = sites_from_marked(tui, view, site_ids, &all);
    const struct ms_site *site = count > 0 ? ms_model_site_by_id(view->model, site_ids[0]) : NULL;
    if (site != NULL && action == MS_ACTION_ENTER) {
        ms_tui_open_sites(tui, view, site_ids, count, all);
    } else if (site != NULL) {
        ms_tui_edit(view, site->id, ms_stack_level(site, ms_stack_culprit(site)), 0, command);
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)input;
    const size_t page = 8;
    if (tui->pane == MS_PANE_COUNTERS && ms_focus_scroll_counters(tui, action)) {
        return;
    }
    switch (action) {
    case MS_ACTION_BACK:
        tui->scope = (struct ms_scope){.process_id = 0};
        ms_tui_open(tui, view, tui->focus_from != NULL ? tui->focus_from : &ms_screen_overview);
        break;
    case MS_ACTION_NEXT_THREAD:
    case MS_ACTION_RIGHT:
        step(tui, view, 1);
        break;
    case MS_ACTION_PREVIOUS_THREAD:
    case MS_ACTION_LEFT:
        step(tui, view, -1);
        break;
    case MS_ACTION_UP:
        tui->site_chosen -= tui->site_chosen > 0 ? 1 : 0;
        break;
    case MS_ACTION_DOWN:
        tui->site_chosen++;
        break;
    case MS_ACTION_PAGE_UP:
        tui->site_chosen -= tui->site_chosen > page ? page : tui->site_chosen;
        break;
    case MS_ACTION_PAGE_DOWN:
        tui->site_chosen += page;
        break;
    case MS_ACTION_FIRST:
        tui->site_chosen = 0;
        break;
    case MS_ACTION_LAST:
        tui->site_chosen = SITES_MAX;
        break;
    case MS_ACTION_ENTER:
    case MS_ACTION_EDIT:
        open_or_edit(tui, view, action, command);
        break;
    case MS_ACTION_PANE:
        tui->pane = (tui->pane + 1) % MS_PANE_COUNT;
        break;
    case MS_ACTION_SHAPE:
        tui->sites_by_total = !tui->sites_by_total;
        break;
    default:
        break;
    }
}

const struct ms_screen ms_screen_focus = {
    .place = MS_PLACE_FOCUS, .tab = "Focus", .draw = draw, .key = key};
