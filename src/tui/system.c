/*
 * Screen 0: insights and, on further pages, what the machine has, what the memory of the process
 * consists of, its files and connections, and what cannot be told and why.
 */
#include "tui/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANVAS_ROWS 1200

static const struct {
    const char *name, *short_name;
    void (*fill)(struct ms_sheet *sheet); /* NULL: a list of its own */
} pages[MS_SYSTEM_PAGES] = {
    [MS_SYSTEM_INSIGHTS] = {"insights", "insights", NULL},
    [MS_SYSTEM_MACHINE] = {"machine", "mach", ms_system_machine_page},
    [MS_SYSTEM_MEMORY] = {"memory and limits", "mem", ms_system_memory_page},
    [MS_SYSTEM_NETWORK] = {"files and network", "net", ms_system_network_page},
    [MS_SYSTEM_SOURCES] = {"sources", "src", ms_system_sources_page},
};

static void init(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    if (tui->system != NULL) {
        return;
    }
    struct ms_system_view *system = calloc(1, sizeof *system);
    if (system == NULL) {
        return;
    }
    system->canvas = ms_grid_new(1, 80);
    if (system->canvas == NULL) {
        free(system);
        return;
    }
    ms_rows_init(&system->rows);
    tui->system = system;
}

void ms_system_view_free(struct ms_system_view *system)
{
    if (system != NULL) {
        ms_insights_free(&system->insights);
        ms_rows_fini(&system->rows);
        ms_grid_free(system->canvas);
        free(system);
    }
}

const struct ms_process *ms_system_process(const struct ms_tui *tui, const struct ms_model *model)
{
    const struct ms_scope *scope = &tui->scope;
    const struct ms_thread *thread = ms_model_thread_by_id(model, scope->thread_id);
    const struct ms_site *site = ms_model_site_by_id(model, scope->site_id);
    const uint32_t id = scope->process_id != 0 ? scope->process_id
                        : thread != NULL       ? thread->process_id
                        : site != NULL         ? site->process_id
                                               : 0;
    return id != 0 ? ms_model_process_by_id(model, id) : ms_model_program(model);
}

/* Columns of the pages' names, for drawing and clicks; returns the page at `column`, or -1. */
static int put_pages(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     int row, int column_clicked)
{
    const struct ms_system_view *system = tui->system;
    const bool wide = view->columns >= 80;
    int column = 1;
    for (int page = 0; page < MS_SYSTEM_PAGES; page++) {
        char text[64];
        const bool here = page == (int)system->page;
        const char *name = wide || here ? pages[page].name : pages[page].short_name;
        char count[24] = "";
        if (page == MS_SYSTEM_INSIGHTS && system->insights.count > 0) {
            snprintf(count, sizeof count, " %zu", system->insights.count);
        } else if (page == MS_SYSTEM_SOURCES) {
            snprintf(count, sizeof count, wide ? ", %zu missing" : " %zu",
                     ms_system_sources_missing(view->model));
        }
        snprintf(text, sizeof text, "%c%s%s%c", here ? '[' : ' ', name, count, here ? ']' : ' ');
        const int width = (int)strlen(text);
        if (column_clicked >= column && column_clicked < column + width) {
            return page;
        }
        if (grid != NULL) {
            ms_grid_pen(grid, here ? MS_COLOUR_TAB_ACTIVE : MS_COLOUR_DIM,
                        here ? MS_ATTRIBUTE_BOLD : 0);
            ms_grid_put(grid, row, column, view->columns - column, text);
        }
        column += width;
    }
    if (grid != NULL) {
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    }
    return -1;
}

/* A part of the canvas; it has no wide characters but in names, which may be cut at the edge. */
static void copy_lines(struct ms_grid *grid, int row, int rows, const struct ms_grid *from,
                       int first)
{
    for (int line = 0; line < rows; line++) {
        for (int column = 0; column < ms_grid_columns(grid); column++) {
            const struct ms_cell *cell = ms_grid_at(from, first + line, column);
            if (cell != NULL && cell->character != 0 && cell->character != L' ') {
                ms_grid_pen(grid, (enum ms_colour)cell->colour, cell->attributes);
                ms_grid_put_char(grid, row + line, column, cell->character);
            } else if (cell != NULL) {
                ms_grid_paint(grid, row + line, column, 1, (enum ms_colour)cell->colour,
                              cell->attributes);
            }
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static int page_rows(const struct ms_view *view)
{
    const int rows = view->layout.message_row - view->layout.body.row - 1;
    return rows > 0 ? rows : 1;
}

static void draw_page(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid, int row)
{
    struct ms_system_view *system = tui->system;
    size_t *top = &system->tops[system->page];
    const size_t rows = (size_t)page_rows(view);
    if (ms_grid_resize(system->canvas, CANVAS_ROWS, view->columns) != 0) {
        return;
    }
    ms_grid_set_ascii(system->canvas, ms_theme_ascii(tui));
    struct ms_sheet sheet = {
        .tui = tui, .view = view, .grid = system->canvas, .columns = view->columns};
    pages[system->page].fill(&sheet);
    system->lines = (size_t)sheet.row;
    *top = system->lines <= rows ? 0 : *top > system->lines - rows ? system->lines - rows : *top;
    copy_lines(grid, row, (int)rows, system->canvas, (int)*top);
}

static void draw_message(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_system_view *system = tui->system;
    const int row = view->layout.message_row;
    const size_t rows = (size_t)page_rows(view);
    const size_t top = system->tops[system->page];
    int column = 1;
    if (view->layout.tabs_row < 0) {
        column += ms_title_put_scope(tui, view, grid, row, 1, view->columns / 2);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (system->page == MS_SYSTEM_INSIGHTS) {
        ms_grid_put(grid, row, column, view->columns - column - 1,
                    view->columns >= 72 ? "Enter opens what it is about" : "");
    } else if (system->lines > rows) {
        const size_t last = top + rows < system->lines ? top + rows : system->lines;
        ms_grid_printf(grid, row, column, view->columns - column - 1, "lines %zu-%zu of %zu",
                       top + 1, last, system->lines);
    }
    if (view->columns >= 60) {
        ms_grid_put(grid, row, view->columns - 14, 13, "t: next page");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct ms_system_view *system = tui->system;
    int row = view->layout.body.row;
    if (system == NULL) {
        ms_grid_put(grid, row, 1, view->columns - 1, "Out of memory for this screen.");
        return;
    }
    ms_system_insights_update(tui, view);
    put_pages(tui, view, grid, row++, -1);
    if (system->page == MS_SYSTEM_INSIGHTS) {
        ms_system_insights_draw(tui, view, grid, row, view->layout.message_row);
    } else {
        draw_page(tui, view, grid, row);
    }
    draw_message(tui, view, grid);
}

static void turn(struct ms_system_view *system, int by)
{
    system->page =
        (enum ms_system_page)(((int)system->page + by + MS_SYSTEM_PAGES) % MS_SYSTEM_PAGES);
}

static void scroll(struct ms_tui *tui, const struct ms_view *view, long by)
{
    struct ms_system_view *system = tui->system;
    if (system->page == MS_SYSTEM_INSIGHTS) {
        ms_rows_move(&system->rows, by, ms_model_now_ns(view->model));
        return;
    }
    size_t *top = &system->tops[system->page];
    *top = by < 0 && (size_t)-by > *top ? 0 : (size_t)((long)*top + by);
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input)
{
    struct ms_system_view *system = tui->system;
    const int first = view->layout.body.row;
    if (input->row == first) {
        const int page = put_pages(tui, view, NULL, first, input->column);
        system->page = page >= 0 ? (enum ms_system_page)page : system->page;
        return;
    }
    const int line = input->row - first - 1;
    if (system->page == MS_SYSTEM_INSIGHTS && line >= 0 &&
        line < ms_system_insights_rows(tui, first + 1, view->layout.message_row)) {
        ms_rows_select(&system->rows, system->rows.top + (size_t)line,
                       ms_model_now_ns(view->model));
        if (input->mouse_action == MS_MOUSE_DOUBLE_CLICK) {
            ms_system_insights_open(tui, view);
        }
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    struct ms_system_view *system = tui->system;
    if (system == NULL) {
        return;
    }
    ms_system_insights_update(tui, view); /* keys may come before the first drawing */
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input);
        return;
    }
    const long page = page_rows(view) > 1 ? page_rows(view) - 1 : 1;
    switch (action) {
    case MS_ACTION_SHAPE:
    case MS_ACTION_RIGHT:
        turn(system, 1);
        break;
    case MS_ACTION_LEFT:
        turn(system, -1);
        break;
    case MS_ACTION_UP:
        scroll(tui, view, -1);
        break;
    case MS_ACTION_DOWN:
        scroll(tui, view, 1);
        break;
    case MS_ACTION_PAGE_UP:
        scroll(tui, view, -page);
        break;
    case MS_ACTION_PAGE_DOWN:
        scroll(tui, view, page);
        break;
    case MS_ACTION_FIRST:
        scroll(tui, view, -CANVAS_ROWS);
        break;
    case MS_ACTION_LAST:
        scroll(tui, view, CANVAS_ROWS);
        break;
    case MS_ACTION_ENTER:
        if (system->page == MS_SYSTEM_INSIGHTS) {
            ms_system_insights_open(tui, view);
        }
        break;
    case MS_ACTION_CANCEL:
        tui->scope = (struct ms_scope){.process_id = 0};
        break;
    default:
        break;
    }
}

const struct ms_screen ms_screen_system = {
    .place = MS_PLACE_SYSTEM, .digit = '0', .tab = "Sys", .init = init, .draw = draw, .key = key};
