/* The matrix itself: rows allocated, columns freed; numbers when they fit, else shades. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/flows.h"

enum { NUMBER_WIDTH = 7, SHADE_WIDTH = 3, NAME_MAX_WIDTH = 18, NAME_MIN_WIDTH = 13, LEVELS = 4 };

struct shape {
    int name_width, cell_width, cells; /* columns that are seen */
    bool numbers;
};

static struct shape shape_of(const struct ms_flows_view *flows, int columns)
{
    struct shape shape = {.name_width = NAME_MIN_WIDTH};
    const int count = (int)flows->shown_count;
    for (size_t i = 0; i < flows->shown_count; i++) {
        const struct ms_flow_node *node = ms_flow_node(flows->matrix, flows->shown[i]);
        const int width = (int)strlen(ms_flow_node_name(node)) + 5;
        shape.name_width = width > shape.name_width ? width : shape.name_width;
    }
    if (shape.name_width > NAME_MAX_WIDTH) {
        shape.name_width = NAME_MAX_WIDTH;
    }
    if (shape.name_width > columns / 3) {
        shape.name_width = columns / 3;
    }
    const int room = columns - shape.name_width - 1;
    shape.numbers = count * NUMBER_WIDTH <= room || room / SHADE_WIDTH < 4;
    shape.cell_width = shape.numbers ? NUMBER_WIDTH : SHADE_WIDTH;
    shape.cells = room / shape.cell_width;
    shape.cells = shape.cells < count ? shape.cells : count;
    return shape;
}

/* The most that a thread freed of another's, of what is shown; the diagonal is no measure. */
static double highest_of(const struct ms_flows_view *flows)
{
    double highest = 0;
    for (size_t i = 0; i < flows->pair_count; i++) {
        const struct ms_flow_row *row = &flows->pairs[i];
        const double figure = ms_flow_figure((enum ms_flow_order)flows->listing.order, &row->sum,
                                             ms_flow_node(flows->matrix, row->from));
        if (row->from != row->to && figure > highest) {
            highest = figure;
        }
    }
    return highest;
}

static int level_of(double figure, double highest)
{
    const double part = highest > 0 ? figure / highest : 1;
    return figure <= 0 ? 1 : part >= 0.5 ? LEVELS : part >= 0.1 ? 3 : part >= 0.01 ? 2 : 1;
}

static const char *shade(enum ms_glyphs glyphs, int level)
{
    static const char *const shades[][LEVELS] = {
        [MS_GLYPHS_BRAILLE] = {"\u2802\u2802", "\u2806\u2806", "\u2836\u2836", "\u28ff\u28ff"},
        [MS_GLYPHS_BLOCK] = {"\u2591\u2591", "\u2592\u2592", "\u2593\u2593", "\u2588\u2588"},
        [MS_GLYPHS_ASCII] = {"..", "::", "++", "##"},
    };
    return shades[glyphs][level - 1];
}

static void draw_cell(const struct ms_tui *tui, struct ms_grid *grid, const struct shape *shape,
                      int row, int column, uint32_t from, uint32_t to, double highest, bool marked)
{
    const struct ms_flows_view *flows = tui->flows;
    const enum ms_flow_order order = (enum ms_flow_order)flows->listing.order;
    struct ms_flow_sum sum;
    char text[32] = "";
    int level = 0;
    if (ms_flow_cell(flows, from, to, &sum)) {
        const double figure = ms_flow_figure(order, &sum, ms_flow_node(flows->matrix, from));
        level = level_of(figure, highest);
        if (shape->numbers) {
            ms_flow_format(text, sizeof text, order, figure);
        } else {
            snprintf(text, sizeof text, "%s", shade(tui->glyphs, level));
        }
    } else if (from == to || !shape->numbers) {
        snprintf(text, sizeof text, ms_theme_ascii(tui) ? "." : "\u00b7");
    }
    const enum ms_colour colour = from == to || level == 0 ? MS_COLOUR_DIM
                                  : level == LEVELS        ? MS_COLOUR_GRAPH_HIGH
                                  : level >= 2             ? MS_COLOUR_GRAPH
                                                           : MS_COLOUR_DEFAULT;
    const int width = ms_grid_text_width(grid, text);
    ms_grid_pen(grid, colour, level == LEVELS && from != to ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, column + shape->cell_width - width, width, text);
    if (marked) {
        ms_grid_pen(grid, MS_COLOUR_SELECTED, MS_ATTRIBUTE_REVERSE);
        if (width == 0) {
            ms_grid_put(grid, row, column + shape->cell_width - 1, 1, " ");
        }
        ms_grid_paint(grid, row, column + shape->cell_width - (width > 0 ? width : 1),
                      width > 0 ? width : 1, MS_COLOUR_SELECTED, MS_ATTRIBUTE_REVERSE);
    }
}

/* "work-1", "wor-12" for "worker-12": the end of a name tells threads apart. */
static void shorten(const char *name, char out[NUMBER_WIDTH])
{
    const size_t room = NUMBER_WIDTH - 1;
    const size_t bytes = strlen(name);
    size_t tail = 0;
    bool plain = true;
    for (size_t i = 0; i < bytes; i++) {
        plain = plain && name[i] >= ' ' && name[i] <= '~';
    }
    while (tail < bytes && tail < room - 3 &&
           strchr("0123456789*", name[bytes - tail - 1]) != NULL) {
        tail++;
    }
    if (tail > 0 && tail < bytes && tail < room - 3 && name[bytes - tail - 1] == '-') {
        tail++;
    }
    if (bytes <= room || tail == 0 || !plain) {
        out[ms_format_safe(out, NUMBER_WIDTH, name, bytes, true)] = '\0';
        return;
    }
    memcpy(out, name, room - tail);
    memcpy(out + room - tail, name + bytes - tail, tail + 1);
}

static void draw_heading(const struct ms_tui *tui, struct ms_grid *grid, const struct shape *shape,
                         int row, int column)
{
    const struct ms_flows_view *flows = tui->flows;
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int i = 0; i < shape->name_width + shape->cells * shape->cell_width; i++) {
        ms_grid_put_char(grid, row, column + i, L' ');
    }
    ms_grid_put(grid, row, column, shape->name_width,
                shape->name_width >= 12 ? "OWNER\\FREER" : "");
    for (int i = 0; i < shape->cells; i++) {
        const size_t position = flows->left_column + (size_t)i;
        const struct ms_flow_node *node = ms_flow_node(flows->matrix, flows->shown[position]);
        const int at = column + shape->name_width + i * shape->cell_width;
        const bool marked = position == flows->column;
        ms_grid_pen(grid, marked ? MS_COLOUR_TITLE : MS_COLOUR_DIM,
                    MS_ATTRIBUTE_UNDERLINE | (marked ? MS_ATTRIBUTE_BOLD : 0u));
        if (shape->numbers) {
            char name[NUMBER_WIDTH];
            shorten(ms_flow_node_name(node), name);
            const int width = ms_grid_text_width(grid, name);
            ms_grid_put(grid, row, at + shape->cell_width - width, width, name);
        } else {
            ms_grid_printf(grid, row, at, shape->cell_width, "%3zu", position + 1);
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void scroll(struct ms_flows_view *flows, size_t rows, size_t columns)
{
    if (flows->row < flows->top_row) {
        flows->top_row = flows->row;
    } else if (rows > 0 && flows->row >= flows->top_row + rows) {
        flows->top_row = flows->row - rows + 1;
    }
    if (flows->column < flows->left_column) {
        flows->left_column = flows->column;
    } else if (columns > 0 && flows->column >= flows->left_column + columns) {
        flows->left_column = flows->column - columns + 1;
    }
    if (flows->top_row + rows > flows->shown_count) {
        flows->top_row = flows->shown_count > rows ? flows->shown_count - rows : 0;
    }
    if (flows->left_column + columns > flows->shown_count) {
        flows->left_column = flows->shown_count > columns ? flows->shown_count - columns : 0;
    }
}

void ms_flow_matrix_draw(struct ms_tui *tui, struct ms_grid *grid, struct ms_area area)
{
    struct ms_flows_view *flows = tui->flows;
    const struct shape shape = shape_of(flows, area.columns);
    const size_t rows = area.rows > 1 ? (size_t)(area.rows - 1) : 0;
    scroll(flows, rows, (size_t)shape.cells);
    draw_heading(tui, grid, &shape, area.row, area.column);
    const double highest = highest_of(flows);
    for (size_t i = 0; i < rows && flows->top_row + i < flows->shown_count; i++) {
        const size_t position = flows->top_row + i;
        const uint32_t from = flows->shown[position];
        const struct ms_flow_node *node = ms_flow_node(flows->matrix, from);
        const int row = area.row + 1 + (int)i;
        const bool marked = position == flows->row;
        const enum ms_colour colour = marked        ? MS_COLOUR_SELECTED
                                      : node->ended ? MS_COLOUR_DIM
                                                    : MS_COLOUR_DEFAULT;
        ms_grid_pen(grid, colour, marked ? MS_ATTRIBUTE_BOLD : 0);
        ms_grid_put(grid, row, area.column, 1, marked ? ms_theme_pointer(tui) : " ");
        int used = 2;
        if (!shape.numbers) {
            used += ms_grid_printf(grid, row, area.column + used, 4, "%2zu ", position + 1);
        }
        ms_grid_put(grid, row, area.column + used, shape.name_width - used,
                    ms_flow_node_name(node));
        for (int cell = 0; cell < shape.cells; cell++) {
            const size_t to = flows->left_column + (size_t)cell;
            draw_cell(tui, grid, &shape, row,
                      area.column + shape.name_width + cell * shape.cell_width, from,
                      flows->shown[to], highest, marked && to == flows->column);
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static size_t position_of(const struct ms_flows_view *flows, uint64_t key, size_t otherwise)
{
    for (size_t i = 0; i < flows->shown_count; i++) {
        if (ms_flow_node(flows->matrix, flows->shown[i])->key == key) {
            return i;
        }
    }
    return otherwise < flows->shown_count ? otherwise : 0;
}

void ms_flow_matrix_follow(struct ms_flows_view *flows)
{
    if (flows->row_key == 0 && flows->listing.rows.count > 0) {
        const struct ms_flow_row *top = ms_flow_row_of(flows, flows->listing.rows.ids[0]);
        if (top != NULL) {
            flows->row = position_of(flows, ms_flow_node(flows->matrix, top->from)->key, 0);
            flows->column = position_of(flows, ms_flow_node(flows->matrix, top->to)->key, 0);
            return;
        }
    }
    flows->row = position_of(flows, flows->row_key, flows->row);
    flows->column = position_of(flows, flows->column_key, flows->column);
}

static size_t step(size_t at, long by, size_t count)
{
    if (by < 0) {
        return at > (size_t)-by ? at - (size_t)-by : 0;
    }
    return at + (size_t)by < count ? at + (size_t)by : count - 1;
}

static void mark(struct ms_flows_view *flows, size_t row, size_t column)
{
    flows->row = row;
    flows->column = column;
    flows->row_key = ms_flow_node(flows->matrix, flows->shown[row])->key;
    flows->column_key = ms_flow_node(flows->matrix, flows->shown[column])->key;
}

bool ms_flow_matrix_act(struct ms_flows_view *flows, enum ms_action action, long page)
{
    long down = 0;
    long right = 0;
    const long all = (long)flows->shown_count;
    switch (action) {
    case MS_ACTION_UP:
        down = -1;
        break;
    case MS_ACTION_DOWN:
        down = 1;
        break;
    case MS_ACTION_LEFT:
        right = -1;
        break;
    case MS_ACTION_RIGHT:
        right = 1;
        break;
    case MS_ACTION_PAGE_UP:
        down = -page;
        break;
    case MS_ACTION_PAGE_DOWN:
        down = page;
        break;
    case MS_ACTION_FIRST:
        down = -all;
        right = -all;
        break;
    case MS_ACTION_LAST:
        down = all;
        right = all;
        break;
    default:
        return false;
    }
    if (all > 0) {
        mark(flows, step(flows->row, down, flows->shown_count),
             step(flows->column, right, flows->shown_count));
    }
    return true;
}

bool ms_flow_matrix_click(struct ms_flows_view *flows, struct ms_area area, int row, int column)
{
    const struct shape shape = shape_of(flows, area.columns);
    const int line = row - area.row - 1;
    const int right = column - area.column - shape.name_width;
    if (line < 0 || row >= area.row + area.rows || column < area.column) {
        return false;
    }
    const size_t to = flows->left_column + (right >= 0 ? (size_t)(right / shape.cell_width) : 0);
    const size_t from = flows->top_row + (size_t)line;
    if (from >= flows->shown_count || to >= flows->shown_count) {
        return false;
    }
    mark(flows, from, right >= 0 ? to : flows->column);
    return true;
}
