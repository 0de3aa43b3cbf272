/* Lines of the pages of screen 0. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/system.h"

void ms_sheet_heading(struct ms_sheet *sheet, const char *text)
{
    ms_theme_heading(sheet->tui, sheet->grid, sheet->row++, 0, sheet->columns, text);
}

void ms_sheet_text(struct ms_sheet *sheet, int column, enum ms_colour colour, const char *text)
{
    const struct ms_area area = {.row = sheet->row,
                                 .column = column,
                                 .rows = ms_grid_rows(sheet->grid) - sheet->row,
                                 .columns = sheet->columns - column - 1};
    ms_grid_pen(sheet->grid, colour, 0);
    sheet->row += ms_theme_text(sheet->grid, area, text);
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
}

int ms_sheet_pair(struct ms_sheet *sheet, int column, const char *word, const char *figure)
{
    const int needed =
        ms_grid_text_width(sheet->grid, word) + 1 + ms_grid_text_width(sheet->grid, figure);
    if (column > 1 && column + needed >= sheet->columns) {
        sheet->row++;
        column = 1;
    }
    ms_grid_pen(sheet->grid, MS_COLOUR_DIM, 0);
    const int used = ms_grid_put(sheet->grid, sheet->row, column, sheet->columns - column, word);
    column += used > 0 ? used + 1 : 0;
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
    return column + ms_grid_put(sheet->grid, sheet->row, column, sheet->columns - column, figure) +
           2;
}

bool ms_sheet_source(struct ms_sheet *sheet, enum ms_source source)
{
    return ms_sheet_source_of(sheet, "", source);
}

bool ms_sheet_source_of(struct ms_sheet *sheet, const char *name, enum ms_source source)
{
    char text[320];
    const struct ms_source_state *state = ms_model_source(sheet->view->model, source);
    switch (state->condition) {
    case MS_SOURCE_UNAVAILABLE:
        snprintf(text, sizeof text, "%sunavailable: %s", name,
                 state->because[0] != '\0' ? state->because : "no reason is known");
        break;
    case MS_SOURCE_NOT_ASKED:
        snprintf(text, sizeof text, "%s%s", name,
                 state->because[0] != '\0' ? state->because : "not read yet");
        break;
    case MS_SOURCE_PARTIAL:
        snprintf(text, sizeof text, "%spartly: %s", name, state->because);
        break;
    case MS_SOURCE_AVAILABLE:
    default:
        return false;
    }
    ms_sheet_text(sheet, 1, MS_COLOUR_DIM, text);
    return state->condition != MS_SOURCE_PARTIAL;
}

char *ms_sheet_pct(double value, char *out, size_t size)
{
    char figure[MS_FORMAT_MAX];
    ms_format_value(figure, sizeof figure, ms_value_of(value), MS_UNIT_PERCENT);
    snprintf(out, size, "%.16s%s", figure, isnan(value) ? "" : "%");
    return out;
}

char *ms_sheet_rate(double bytes_per_s, char *out, size_t size)
{
    return ms_format_value(out, size, ms_value_of(bytes_per_s), MS_UNIT_BYTES_PER_S);
}
