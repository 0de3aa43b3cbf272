#include "tui/call_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"
#include "tui/chart.h"
#include "tui/short_name.h"
#include "tui/stack.h"

enum {
    FIGURE_WIDTH = 10,
    SHARE_COLUMN = 1,
    SHARE_WIDTH = 7,
    INDENT_CELLS = 2,
    SITES_LOOKED_AT = 64
};

/* The most wanted first: those that do not fit are left out, but never the one sorted by. */
static const enum ms_site_figure wanted[] = {
    MS_SITE_FIGURE_LIVE,    MS_SITE_FIGURE_COUNT,    MS_SITE_FIGURE_ALLOCATED,
    MS_SITE_FIGURE_AT_PEAK, MS_SITE_FIGURE_GROWTH,   MS_SITE_FIGURE_TEMPORARY,
    MS_SITE_FIGURE_WASTE,   MS_SITE_FIGURE_CPU,      MS_SITE_FIGURE_CPU_SAMPLES,
    MS_SITE_FIGURE_IO_WAIT, MS_SITE_FIGURE_IO_BYTES, MS_SITE_FIGURE_IO_CALLS,
};

struct columns {
    enum ms_site_figure figures[MS_SITE_FIGURE_TOTAL];
    int count;
    int bar_column, bar_width; /* width 0: none */
    int self_column;           /* 0: none */
    int figures_column, name_column;
};

static bool has_self(const struct ms_tui *tui)
{
    return tui->hotspots.shape != MS_CALL_CALLERS;
}

static struct columns columns_of(const struct ms_tui *tui, int width)
{
    const enum ms_site_figure sort = (enum ms_site_figure)tui->hotspots.listing.order;
    struct columns columns = {.count = 1};
    int column = SHARE_COLUMN + SHARE_WIDTH;
    if (width >= 72) {
        columns.bar_column = column + 1;
        columns.bar_width = width >= 160 ? 18 : width >= 110 ? 12 : 9;
        column += columns.bar_width + 1;
    }
    columns.figures_column = column;
    const int names = width >= 160 ? 80 : width >= 72 ? width / 2 : width * 11 / 20;
    int room = width - column - names - FIGURE_WIDTH; /* beyond that of the order */
    column += FIGURE_WIDTH;
    columns.figures[0] = sort;
    if (has_self(tui) && room >= FIGURE_WIDTH) {
        columns.self_column = column;
        column += FIGURE_WIDTH;
        room -= FIGURE_WIDTH;
    }
    for (size_t i = 0; i < MS_SITE_FIGURE_TOTAL && room >= FIGURE_WIDTH; i++) {
        if (wanted[i] != sort &&
            ms_site_figure_info(wanted[i])->kind == ms_site_figure_info(sort)->kind) {
            columns.figures[columns.count++] = wanted[i];
            column += FIGURE_WIDTH;
            room -= FIGURE_WIDTH;
        }
    }
    columns.name_column = column + 2;
    return columns;
}

char *ms_call_table_figure(char *out, size_t size, const struct ms_call_row *row,
                           enum ms_site_figure figure, bool self)
{
    const double number = self ? row->self[figure] : row->inclusive[figure];
    const struct ms_value value = {.number = number, .available = !isnan(number)};
    const size_t sign = row->estimated && value.available ? 1 : 0;
    out[0] = '~';
    ms_format_value(out + sign, size - sign, value, ms_site_figure_info(figure)->unit);
    return out;
}

void ms_call_indents(const struct ms_call_tree *tree, uint8_t *out)
{
    const size_t count = ms_call_tree_rows(tree);
    size_t path[UINT8_MAX + 1] = {0}; /* the last row of each depth */
    bool lone[UINT8_MAX + 1] = {false};
    for (size_t i = 0; i < count; i++) {
        const uint32_t depth = ms_call_tree_row(tree, i)->depth;
        const uint32_t at = depth < UINT8_MAX ? depth : UINT8_MAX;
        /* Alone when no other row of its depth comes before one that is further out. */
        size_t next = i + 1;
        const bool first = i == 0 || ms_call_tree_row(tree, i - 1)->depth < depth;
        while (first && next < count && ms_call_tree_row(tree, next)->depth > depth) {
            next++;
        }
        lone[at] =
            first && depth > 0 && (next >= count || ms_call_tree_row(tree, next)->depth < depth);
        path[at] = i;
        if (at == 0) {
            out[i] = 0;
        } else {
            const uint8_t outer = out[path[at - 1]];
            const bool chain = lone[at] && at > 1 && lone[at - 1];
            out[i] = chain || outer == UINT8_MAX ? outer : (uint8_t)(outer + 1);
        }
    }
}

static const char *shape_words(const struct ms_tui *tui, int room)
{
    static const char *const brief[] = {"BOTTOM-UP", "TOP-DOWN", "FLAT"};
    static const char *const roots[] = {
        [MS_FIGURES_MEMORY] = "BOTTOM-UP: allocating function < its callers",
        [MS_FIGURES_CPU] = "BOTTOM-UP: running function < its callers",
        [MS_FIGURES_IO] = "BOTTOM-UP: function doing I/O < its callers"};
    static const char *const words[] = {"", "TOP-DOWN: main > the functions it calls",
                                        "FLAT: every function, callees included"};
    const enum ms_call_shape shape = tui->hotspots.shape;
    const char *text = shape == MS_CALL_CALLERS ? roots[tui->hotspots.kind] : words[shape];
    return (int)strlen(text) <= room ? text : brief[shape];
}

static const char *sort_sign(const struct ms_tui *tui, bool ascending)
{
    return ms_theme_ascii(tui) ? ascending ? " ^" : " v" : ascending ? "\u2191" : "\u2193";
}

static void draw_heading(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                         const struct columns *columns)
{
    const struct ms_listing *listing = &tui->hotspots.listing;
    const unsigned bold = MS_ATTRIBUTE_UNDERLINE | MS_ATTRIBUTE_BOLD;
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int column = 0; column < area.columns; column++) {
        ms_grid_put_char(grid, area.row, column, L' ');
    }
    ms_grid_printf(grid, area.row, SHARE_COLUMN, SHARE_WIDTH, "%*s", SHARE_WIDTH, "SHARE");
    for (int i = 0; i < columns->count; i++) {
        const struct ms_site_figure_info *info = ms_site_figure_info(columns->figures[i]);
        const int at = columns->figures_column +
                       FIGURE_WIDTH * (i + (i > 0 && columns->self_column != 0 ? 1 : 0));
        char text[16];
        snprintf(text, sizeof text, "%s%s", info->heading,
                 i > 0 ? "" : sort_sign(tui, listing->ascending));
        const int width = ms_grid_text_width(grid, text);
        ms_grid_pen(grid, i == 0 ? MS_COLOUR_TITLE : MS_COLOUR_DIM,
                    i == 0 ? bold : MS_ATTRIBUTE_UNDERLINE);
        ms_grid_put(grid, area.row, at + FIGURE_WIDTH - width, width, text);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    if (columns->self_column != 0) {
        ms_grid_printf(grid, area.row, columns->self_column, FIGURE_WIDTH, "%*s", FIGURE_WIDTH,
                       "SELF");
    }
    const int room = area.columns - columns->name_column - 2;
    ms_grid_put(grid, area.row, columns->name_column + 2, room, shape_words(tui, room));
}

static double share_of(const struct ms_tui *tui, const struct ms_call_row *row)
{
    const struct ms_call_row *total = ms_call_tree_total(tui->hotspots.tree);
    const size_t order = tui->hotspots.listing.order;
    const double whole = total != NULL ? total->inclusive[order] : (double)NAN;
    return whole > 0 ? row->inclusive[order] / whole : (double)NAN;
}

static void draw_share(const struct ms_tui *tui, struct ms_grid *grid, int row,
                       const struct columns *columns, double share)
{
    char text[16] = "n/a";
    if (!isnan(share)) {
        snprintf(text, sizeof text, fabs(share) < 9.9995 ? "%.1f%%" : "%.0f%%", 100 * share);
    }
    ms_grid_printf(grid, row, SHARE_COLUMN, SHARE_WIDTH, "%*s", SHARE_WIDTH, text);
    if (columns->bar_width > 0) {
        ms_grid_pen(grid, share > 0.25 ? MS_COLOUR_GRAPH_HIGH : MS_COLOUR_GRAPH, 0);
        ms_chart_bar(grid, tui->glyphs, row, columns->bar_column, columns->bar_width, share);
    }
}

static int indent_of(const struct ms_tui *tui, const struct columns *columns, int width,
                     size_t index)
{
    const int most = (width - columns->name_column) / 2;
    const int indent =
        INDENT_CELLS * (index < tui->hotspots.indent_capacity ? tui->hotspots.indents[index] : 0);
    return indent < most ? indent : most;
}

/* The line with the most when that is cheap to tell, else the file. */
static void put_place(const struct ms_tui *tui, const struct ms_call_row *call, size_t index,
                      char *out, size_t size)
{
    struct ms_call_line line;
    out[0] = '\0';
    if (call->frame == NULL || call->folded) {
        return;
    }
    if (call->sites <= SITES_LOOKED_AT &&
        ms_call_tree_lines(tui->hotspots.tree, index, &line, 1) > 0) {
        ms_stack_frame_place(line.frame, out, size);
        return;
    }
    const char *slash = strrchr(call->frame->file, '/');
    snprintf(out, size, "%s", slash != NULL ? slash + 1 : call->frame->file);
}

static void draw_name(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                      int width, const struct ms_call_row *call, size_t index, bool chosen)
{
    const char *filter = tui->hotspots.listing.filter.text;
    const bool hit = filter[0] != '\0' && strcasestr(call->name, filter) != NULL;
    char name[1024];
    char place[256] = "";
    put_place(tui, call, index, place, sizeof place);
    const int place_needed = ms_grid_text_width(grid, place);
    int place_width = place[0] != '\0' && width >= 20 ? place_needed + 2 : 0;
    if (place_width > width / 2) {
        place_width = width >= 40 ? width / 2 : 0;
    }
    ms_short_name(name, sizeof name, call->name, width - place_width, ms_theme_ascii(tui));
    ms_grid_pen(grid,
                chosen         ? MS_COLOUR_SELECTED
                : hit          ? MS_COLOUR_ALERT_MEDIUM
                : call->folded ? MS_COLOUR_DIM
                               : MS_COLOUR_DEFAULT,
                chosen ? MS_ATTRIBUTE_BOLD : 0);
    const int used = ms_grid_put(grid, row, column, width - place_width, name);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (place_width > 2) {
        ms_grid_put(grid, row, column + used + 2, place_width - 2, place);
    }
}

static void draw_row(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area, int row,
                     const struct columns *columns, size_t index)
{
    const struct ms_call_row *call = ms_call_tree_row(tui->hotspots.tree, index);
    const bool chosen = call->key == tui->hotspots.listing.rows.selected;
    const enum ms_colour colour = chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT;
    const unsigned bold = chosen ? MS_ATTRIBUTE_BOLD : 0;
    char text[MS_FORMAT_MAX + 1];
    ms_grid_pen(grid, colour, bold);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    draw_share(tui, grid, row, columns, share_of(tui, call));
    for (int i = 0; i < columns->count; i++) {
        const int at = columns->figures_column +
                       FIGURE_WIDTH * (i + (i > 0 && columns->self_column != 0 ? 1 : 0));
        const bool known = !isnan(call->inclusive[columns->figures[i]]);
        ms_grid_pen(grid, known ? colour : MS_COLOUR_DIM, i == 0 ? bold : 0);
        ms_call_table_figure(text, sizeof text, call, columns->figures[i], false);
        ms_grid_printf(grid, row, at, FIGURE_WIDTH, "%*s", FIGURE_WIDTH, text);
    }
    if (columns->self_column != 0) {
        ms_call_table_figure(text, sizeof text, call, columns->figures[0], true);
        ms_grid_pen(grid, colour, 0);
        ms_grid_printf(grid, row, columns->self_column, FIGURE_WIDTH, "%*s", FIGURE_WIDTH, text);
    }
    const int column = columns->name_column + indent_of(tui, columns, area.columns, index);
    ms_grid_pen(grid, MS_COLOUR_KEY, 0);
    ms_grid_put(grid, row, column, 1, !call->expandable ? " " : call->expanded ? "-" : "+");
    draw_name(tui, grid, row, column + 2, area.columns - column - 2, call, index, chosen);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

int ms_call_table_sign_column(const struct ms_tui *tui, int columns, size_t index)
{
    const struct columns layout = columns_of(tui, columns);
    return layout.name_column + indent_of(tui, &layout, columns, index);
}

void ms_call_table_draw(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area)
{
    const struct columns columns = columns_of(tui, area.columns);
    const struct ms_rows *rows = &tui->hotspots.listing.rows;
    draw_heading(tui, grid, area, &columns);
    for (int i = 0; i + 1 < area.rows && rows->top + (size_t)i < rows->count; i++) {
        draw_row(tui, grid, area, area.row + 1 + i, &columns, rows->top + (size_t)i);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}
