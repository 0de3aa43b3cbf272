#include "tui/source_pane.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/stack.h"

#define MARGIN_WIDTH 10 /* the figure */
#define NUMBER_WIDTH 7
#define TAB_CELLS    4
#define LINE_BYTES   1024

static size_t expand(char *out, size_t size, const char *line, size_t bytes)
{
    size_t length = 0;
    for (size_t i = 0; i < bytes && length + TAB_CELLS < size; i++) {
        if (line[i] != '\t') {
            out[length++] = line[i];
            continue;
        }
        do {
            out[length++] = ' ';
        } while (length % TAB_CELLS != 0);
    }
    return length;
}

/* Blanks that all lines of the window begin with: room for what follows them. */
static int common_indent(const struct ms_source_text *text, uint32_t first, uint32_t end)
{
    int least = INT16_MAX;
    for (uint32_t number = first; number < end; number++) {
        char line[LINE_BYTES];
        size_t bytes = 0;
        const char *found = ms_source_line(text, number, &bytes);
        const size_t length = found != NULL ? expand(line, sizeof line, found, bytes) : 0;
        int blanks = 0;
        while ((size_t)blanks < length && line[blanks] == ' ') {
            blanks++;
        }
        if ((size_t)blanks < length && blanks < least) {
            least = blanks;
        }
    }
    return least == INT16_MAX ? 0 : least;
}

/* The figures of all functions at this line of the file; NaN: it is none of those listed. */
static double figure_at(const struct ms_call_line *lines, size_t count, uint32_t number,
                        enum ms_site_figure figure)
{
    double sum = (double)NAN;
    for (size_t i = 0; i < count; i++) {
        if (lines[i].line == number && strcmp(lines[i].file, lines[0].file) == 0) {
            const double here = lines[i].inclusive[figure];
            sum = isnan(sum) ? here : sum + here;
        }
    }
    return sum;
}

static bool is_listed(const struct ms_call_line *lines, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (lines[i].line == number && strcmp(lines[i].file, lines[0].file) == 0) {
            return true;
        }
    }
    return false;
}

static void draw_line(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area, int row,
                      const struct ms_source_text *text, uint32_t number, int indent, bool marked,
                      double figure, enum ms_unit unit)
{
    char line[LINE_BYTES];
    size_t bytes = 0;
    const char *found = ms_source_line(text, number, &bytes);
    const size_t length = found != NULL ? expand(line, sizeof line, found, bytes) : 0;
    const bool margin = area.columns >= 60;
    int column = area.column;
    if (margin) {
        char amount[MS_FORMAT_MAX] = "";
        if (!isnan(figure)) {
            ms_format_value(amount, sizeof amount,
                            (struct ms_value){.number = figure, .available = true}, unit);
        }
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        ms_grid_printf(grid, row, column, MARGIN_WIDTH, "%*s", MARGIN_WIDTH - 1, amount);
        column += MARGIN_WIDTH;
    }
    ms_grid_pen(grid, marked ? MS_COLOUR_SELECTED : MS_COLOUR_DIM, 0);
    ms_grid_printf(grid, row, column, NUMBER_WIDTH, "%*" PRIu32, NUMBER_WIDTH - 2, number);
    ms_grid_put(grid, row, column + NUMBER_WIDTH - 1, 1, marked ? ms_theme_pointer(tui) : " ");
    column += NUMBER_WIDTH + 1;
    ms_grid_pen(grid, marked ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT,
                marked ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put_bytes(grid, row, column, area.column + area.columns - column, line, length, indent);
}

static void draw_text(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                      const struct ms_source_text *text, const struct ms_call_line *lines,
                      size_t count, enum ms_site_figure figure)
{
    const uint32_t rows = area.rows > 0 ? (uint32_t)area.rows : 0;
    const uint32_t hot = lines[0].line;
    const uint32_t last = text->line_count;
    uint32_t first = hot > rows / 2 ? hot - rows / 2 : 1;
    if (last >= rows && first + rows > last + 1) {
        first = last + 1 - rows;
    }
    const uint32_t end = first + rows < last + 1 ? first + rows : last + 1;
    const int indent = common_indent(text, first, end);
    for (uint32_t number = first; number < end; number++) {
        draw_line(tui, grid, area, area.row + (int)(number - first), text, number, indent,
                  is_listed(lines, count, number), figure_at(lines, count, number, figure),
                  ms_site_figure_info(figure)->unit);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* "source  /src/csv.c:118   also 97, 204": the lines that matter, hottest first. */
static void draw_heading(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                         const struct ms_call_line *lines, size_t count)
{
    char text[1400];
    char path[1200];
    int length = snprintf(text, sizeof text, "source");
    if (count > 0) {
        ms_stack_frame_path(lines[0].frame, path, sizeof path);
        length = snprintf(text, sizeof text, "source  %s", path);
    }
    unsigned others = 0;
    for (size_t i = 1; i < count && others < 4; i++) {
        if (length > 0 && (size_t)length < sizeof text && lines[i].line != lines[0].line &&
            strcmp(lines[i].file, lines[0].file) == 0) {
            length += snprintf(text + length, sizeof text - (size_t)length, "%s%" PRIu32,
                               others++ == 0 ? "  also " : ", ", lines[i].line);
        }
    }
    ms_theme_heading(tui, grid, area.row, area.column, area.columns, text);
}

void ms_source_pane_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         struct ms_area area, const struct ms_process *process,
                         const struct ms_call_line *lines, size_t count, enum ms_site_figure figure)
{
    (void)view;
    char why[1400];
    const struct ms_area inner = {
        .row = area.row + 1, .column = area.column, .rows = area.rows - 1, .columns = area.columns};
    draw_heading(tui, grid, area, lines, count);
    if (count == 0 || lines[0].line == 0 || lines[0].file[0] == '\0') {
        snprintf(why, sizeof why,
                 "no line information: built without -g, or its debug file is not installed");
    } else if (tui->source == NULL || process == NULL) {
        snprintf(why, sizeof why, "source files cannot be read here");
    } else {
        const struct ms_source_text *text =
            tui->source(tui->source_context, process, lines[0].file);
        if (text->why[0] == '\0' && lines[0].line <= text->line_count) {
            draw_text(tui, grid, inner, text, lines, count, figure);
            return;
        }
        if (text->why[0] == '\0') {
            snprintf(why, sizeof why, "%s has %" PRIu32 " lines only: not the file that was built",
                     lines[0].file, text->line_count);
        } else {
            snprintf(why, sizeof why, "%s %s", lines[0].file, text->why);
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    struct ms_area words = inner;
    words.column += 2;
    words.columns -= 3;
    ms_theme_text(grid, words, why);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}
