/* The first page of screen 0: what a person should know, the most serious first. */
#include <stdio.h>

#include "model/format.h"
#include "tui/system.h"

#define MAKE_EVERY_NS MS_SECOND_NS
#define KIND_WIDTH    11

static bool same_scope(const struct ms_scope *a, const struct ms_scope *b)
{
    return a->process_id == b->process_id && a->thread_id == b->thread_id &&
           a->site_id == b->site_id;
}

void ms_system_insights_update(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_system_view *system = tui->system;
    const uint64_t now_ns = ms_model_now_ns(view->model);
    if (system->insights_ns != 0 && now_ns - system->insights_ns < MAKE_EVERY_NS &&
        same_scope(&system->insights_scope, &tui->scope)) {
        return;
    }
    ms_insights_free(&system->insights);
    system->insights = (struct ms_insights){.count = 0};
    if (ms_insights_of(view->model, view->findings, ms_findings_anomalies(view->findings),
                       &tui->scope, &system->insights) != 0) {
        system->insights.count = 0;
    }
    system->insights_scope = tui->scope;
    system->insights_ns = now_ns;
    struct ms_row_key keys[200];
    const size_t count = system->insights.count < 200 ? system->insights.count : 200;
    for (size_t i = 0; i < count; i++) {
        keys[i] = (struct ms_row_key){
            .id = system->insights.rows[i].key, .figure = (double)i, .known = true};
    }
    ms_rows_sort(&system->rows, keys, count, true, now_ns);
}

static const struct ms_insight *insight_of(const struct ms_system_view *system, uint64_t key)
{
    for (size_t i = 0; i < system->insights.count; i++) {
        if (system->insights.rows[i].key == key) {
            return &system->insights.rows[i];
        }
    }
    return NULL;
}

static enum ms_colour colour_of(enum ms_severity severity)
{
    return severity == MS_SEVERITY_SERIOUS   ? MS_COLOUR_ALERT_HIGH
           : severity == MS_SEVERITY_WARNING ? MS_COLOUR_ALERT_MEDIUM
                                             : MS_COLOUR_DEFAULT;
}

static void draw_row(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     int row, const struct ms_insight *insight, bool chosen)
{
    static const char *const marks[] = {"  ", " !", "!!"};
    const bool wide = view->columns >= 60;
    int column = 4;
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT, 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    ms_grid_pen(grid, colour_of(insight->severity), MS_ATTRIBUTE_BOLD);
    ms_grid_put(grid, row, 1, 2, marks[insight->severity]);
    if (wide) {
        ms_grid_pen(grid, colour_of(insight->severity), 0);
        ms_grid_put(grid, row, column, KIND_WIDTH - 1, ms_insight_kind_name(insight->kind));
        column += KIND_WIDTH;
    }
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT,
                chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, column, view->columns - column - 1, insight->what);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* The whole sentence, what it is about, and what to do. */
static void draw_detail(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, int end, const struct ms_insight *insight)
{
    char text[320];
    char figure[MS_FORMAT_MAX];
    snprintf(text, sizeof text, "%s: %s", ms_severity_name(insight->severity),
             ms_insight_kind_name(insight->kind));
    ms_theme_heading(tui, grid, row++, 0, view->columns, text);
    struct ms_area area = {
        .row = row, .column = 1, .rows = end - row, .columns = view->columns - 2};
    area.row += ms_theme_text(grid, area, insight->what);
    area.rows = end - area.row;
    ms_grid_pen(grid, MS_COLOUR_BALANCED, 0);
    area.row += ms_theme_text(grid, area, insight->advice);
    area.rows = end - area.row;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    text[0] = '\0';
    if (insight->bytes > 0) {
        ms_format_bytes(figure, sizeof figure, insight->bytes);
        snprintf(text, sizeof text, "Up to %s could be saved.", figure);
    } else if (insight->ns_per_s > 0) {
        snprintf(text, sizeof text, "Up to %.0f ms of thread time per second could be saved.",
                 insight->ns_per_s / 1e6);
    }
    area.row += ms_theme_text(grid, area, text);
    area.rows = end - area.row;
    ms_theme_text(grid, area,
                  insight->site_id != 0      ? "Enter opens the call site."
                  : insight->thread_id != 0  ? "Enter focuses on the thread."
                  : insight->process_id != 0 ? "Enter focuses on the process."
                                             : "");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

int ms_system_insights_rows(const struct ms_tui *tui, int row, int end)
{
    const int room = end - row;
    const int list = room > 9 ? room - 6 : room;
    const size_t count = tui->system->rows.count;
    return count < (size_t)list ? (int)count : list;
}

void ms_system_insights_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                             int row, int end)
{
    struct ms_system_view *system = tui->system;
    struct ms_rows *rows = &system->rows;
    if (rows->count == 0) {
        const struct ms_area area = {
            .row = row + 1, .column = 4, .rows = end - row - 1, .columns = view->columns - 8};
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_theme_text(grid, area,
                      ms_scope_is_all(&tui->scope)
                          ? "Nothing stands out so far: no bottleneck, no limit close, "
                            "nothing unusual. Judging takes a few seconds. "
                            "t: the machine."
                          : "Nothing stands out in what is in focus. Esc leaves the focus.");
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    const int shown = ms_system_insights_rows(tui, row, end);
    ms_rows_scroll(rows, (size_t)shown, 1);
    for (int i = 0; i < shown && rows->top + (size_t)i < rows->count; i++, row++) {
        const uint64_t key = rows->ids[rows->top + (size_t)i];
        const struct ms_insight *insight = insight_of(system, key);
        if (insight != NULL) {
            draw_row(tui, view, grid, row, insight, key == rows->selected);
        }
    }
    const struct ms_insight *marked = insight_of(system, rows->selected);
    if (marked != NULL && end - row >= 3) {
        draw_detail(tui, view, grid, row, end, marked);
    }
}

void ms_system_insights_open(struct ms_tui *tui, const struct ms_view *view)
{
    const struct ms_insight *marked = insight_of(tui->system, tui->system->rows.selected);
    if (marked == NULL) {
        return;
    }
    if (marked->site_id != 0 && ms_model_site_by_id(view->model, marked->site_id) != NULL) {
        const uint32_t site_id = marked->site_id;
        ms_tui_open_sites(tui, view, &site_id, 1, 1);
    } else if (ms_model_thread_by_id(view->model, marked->thread_id) != NULL) {
        ms_tui_focus_thread(tui, view, marked->thread_id);
    } else if (marked->process_id != 0) {
        tui->scope = (struct ms_scope){.process_id = marked->process_id};
    }
}
