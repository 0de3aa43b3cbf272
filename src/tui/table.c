/* Threads as rows: as many figures as fit, the one that is sorted by always among them. */
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/screen.h"

enum { FIGURE_WIDTH = 10 };

/* Those that fit, of the ones that the settings want, the most wanted first. */
struct columns {
    enum ms_metric metrics[MS_COLUMNS_MAX + 1];
    int count;
    int name_width, tid_column, figures_column;
};

static struct columns columns_of(const struct ms_tui *tui, int width)
{
    struct columns columns = {.count = 0};
    const int tid_width = 9;
    const int lead = 7; /* pointer, role, alert */
    int room = width - lead - tid_width - (width >= 60 ? 16 : 9);
    bool sort_shown = false;
    for (size_t i = 0; i < tui->settings.column_count && room >= FIGURE_WIDTH; i++) {
        columns.metrics[columns.count++] = tui->settings.columns[i];
        sort_shown = sort_shown || tui->settings.columns[i] == (enum ms_metric)tui->threads.order;
        room -= FIGURE_WIDTH;
    }
    if (!sort_shown && columns.count > 0) {
        columns.metrics[columns.count - 1] = (enum ms_metric)tui->threads.order;
    }
    columns.figures_column = width - columns.count * FIGURE_WIDTH;
    columns.tid_column = columns.figures_column - tid_width;
    columns.name_width = columns.tid_column - lead;
    return columns;
}

static void draw_table_head(const struct ms_tui *tui, struct ms_grid *grid, int row,
                            const struct columns *columns)
{
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int column = 0; column < ms_grid_columns(grid); column++) {
        ms_grid_put_char(grid, row, column, L' ');
    }
    ms_grid_put(grid, row, 7, columns->name_width, "THREAD");
    ms_grid_printf(grid, row, columns->tid_column, 8, "%8s", "TID");
    for (int i = 0; i < columns->count; i++) {
        const enum ms_metric metric = columns->metrics[i];
        const bool sorted = metric == (enum ms_metric)tui->threads.order;
        ms_grid_pen(grid, sorted ? MS_COLOUR_TITLE : MS_COLOUR_DIM,
                    MS_ATTRIBUTE_UNDERLINE | (sorted ? MS_ATTRIBUTE_BOLD : 0u));
        ms_grid_printf(grid, row, columns->figures_column + i * FIGURE_WIDTH, FIGURE_WIDTH, "%*s",
                       FIGURE_WIDTH - 1, ms_metric_info(metric)->heading);
    }
}

static void draw_table_row(const struct ms_tui *tui, const struct ms_view *view,
                           struct ms_grid *grid, int row, const struct columns *columns,
                           const struct ms_thread *thread)
{
    const struct ms_judgement *judgement = ms_findings_of(view->findings, thread->id);
    const bool chosen = thread->id == tui->threads.rows.selected;
    const bool dim = ms_tui_is_dim(tui, view, thread);
    const enum ms_colour colour = chosen ? MS_COLOUR_SELECTED
                                  : dim  ? MS_COLOUR_DIM
                                         : MS_COLOUR_DEFAULT;
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    ms_theme_put_role(grid, row, 2, judgement->role, dim);
    if (!dim) {
        ms_theme_put_alert(grid, row, 4, judgement->alert);
    }
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    char where[64];
    snprintf(where, sizeof where, "%d", (int)thread->tid);
    if (ms_model_process_count(view->model) > 1) {
        const struct ms_process *process = ms_model_process_by_id(view->model, thread->process_id);
        ms_grid_printf(grid, row, 7, columns->name_width, "%d/%s",
                       process != NULL ? (int)process->pid : 0, thread->name);
    } else {
        ms_grid_put(grid, row, 7, columns->name_width,
                    thread->name[0] != '\0' ? thread->name : "(no name)");
    }
    ms_grid_printf(grid, row, columns->tid_column, 8, "%8s", where);
    for (int i = 0; i < columns->count; i++) {
        char figure[MS_FORMAT_MAX];
        const struct ms_value value =
            ms_metric_of_thread(thread, columns->metrics[i], ms_model_now_ns(view->model));
        ms_format_value(figure, sizeof figure, value, ms_metric_info(columns->metrics[i])->unit);
        ms_grid_pen(grid, value.available ? colour : MS_COLOUR_DIM, 0);
        ms_grid_printf(grid, row, columns->figures_column + i * FIGURE_WIDTH, FIGURE_WIDTH, "%*s",
                       FIGURE_WIDTH - 1, figure);
    }
}

void ms_table_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_area body = view->layout.body;
    const struct columns columns = columns_of(tui, body.columns);
    const size_t shown = body.rows > 1 ? (size_t)(body.rows - 1) : 0;
    ms_rows_scroll(&tui->threads.rows, shown, 1);
    draw_table_head(tui, grid, body.row, &columns);
    for (size_t i = 0; i < shown && tui->threads.rows.top + i < tui->threads.rows.count; i++) {
        const struct ms_thread *thread = ms_model_thread_by_id(
            view->model, (uint32_t)tui->threads.rows.ids[tui->threads.rows.top + i]);
        if (thread != NULL) {
            draw_table_row(tui, view, grid, body.row + 1 + (int)i, &columns, thread);
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}
