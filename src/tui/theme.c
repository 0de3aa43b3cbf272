/* Colours of roles, and the lines and frames that all screens draw alike. */
#include <string.h>

#include "tui/screen.h"

enum ms_colour ms_theme_role(enum ms_role role)
{
    switch (role) {
    case MS_ROLE_WAITING:
        return MS_COLOUR_WAITING;
    case MS_ROLE_MEMORY:
        return MS_COLOUR_MEMORY;
    case MS_ROLE_CPU:
        return MS_COLOUR_CPU;
    case MS_ROLE_IO:
        return MS_COLOUR_IO;
    case MS_ROLE_BALANCED:
        return MS_COLOUR_BALANCED;
    case MS_ROLE_LIGHTWEIGHT:
    case MS_ROLE_TOTAL:
        break;
    }
    return MS_COLOUR_LIGHT;
}

void ms_theme_put_role(struct ms_grid *grid, int row, int column, enum ms_role role, bool ended)
{
    ms_grid_pen(grid, ended ? MS_COLOUR_DIM : ms_theme_role(role), MS_ATTRIBUTE_BOLD);
    ms_grid_put_char(grid, row, column, (wchar_t)ms_role_letter(role));
}

void ms_theme_put_alert(struct ms_grid *grid, int row, int column, enum ms_alert alert)
{
    if (alert != MS_ALERT_NORMAL) {
        const bool high = alert == MS_ALERT_HIGH;
        ms_grid_pen(grid, high ? MS_COLOUR_ALERT_HIGH : MS_COLOUR_ALERT_MEDIUM, MS_ATTRIBUTE_BOLD);
        ms_grid_put(grid, row, column, 2, high ? "!!" : " !");
    }
}

bool ms_theme_ascii(const struct ms_tui *tui)
{
    return tui->glyphs == MS_GLYPHS_ASCII;
}

wchar_t ms_theme_line(const struct ms_tui *tui)
{
    return ms_theme_ascii(tui) ? L'-' : L'\u2500';
}

const char *ms_theme_pointer(const struct ms_tui *tui)
{
    return ms_theme_ascii(tui) ? ">" : "\u25b8";
}

void ms_theme_rule(const struct ms_tui *tui, struct ms_grid *grid, int row, int column, int width)
{
    for (int i = 0; i < width; i++) {
        ms_grid_put_char(grid, row, column + i, ms_theme_line(tui));
    }
}

void ms_theme_heading(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                      int width, const char *text)
{
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_rule(tui, grid, row, column, width);
    ms_grid_put_char(grid, row, column + 2, L' ');
    ms_grid_pen(grid, MS_COLOUR_TITLE, 0);
    const int used = ms_grid_put(grid, row, column + 3, width - 5, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    ms_grid_put_char(grid, row, column + 3 + used, L' ');
}

struct ms_area ms_theme_frame(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                              const char *title)
{
    static const wchar_t fine[] = L"\u250c\u2510\u2514\u2518\u2500\u2502";
    static const wchar_t plain[] = L"++++-|";
    const wchar_t *glyphs = ms_theme_ascii(tui) ? plain : fine;
    const int right = area.column + area.columns - 1;
    const int bottom = area.row + area.rows - 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    for (int row = area.row; row <= bottom; row++) {
        const bool edge = row == area.row || row == bottom;
        for (int column = area.column; column <= right; column++) {
            ms_grid_put_char(grid, row, column, edge ? glyphs[4] : L' ');
        }
        const int corner = row == area.row ? 0 : 2;
        ms_grid_put_char(grid, row, area.column, edge ? glyphs[corner] : glyphs[5]);
        ms_grid_put_char(grid, row, right, edge ? glyphs[corner + 1] : glyphs[5]);
    }
    ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_BOLD);
    ms_grid_put_char(grid, area.row, area.column + 2, L' ');
    const int used = ms_grid_put(grid, area.row, area.column + 3, area.columns - 6, title);
    ms_grid_put_char(grid, area.row, area.column + 3 + used, L' ');
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return (struct ms_area){.row = area.row + 1,
                            .column = area.column + 2,
                            .rows = area.rows - 2,
                            .columns = area.columns - 4};
}

size_t ms_theme_break(const char *text, int columns)
{
    const size_t end = strnlen(text, (size_t)columns + 1);
    size_t blank = end;
    while (end > (size_t)columns && blank > 0 && text[blank - 1] != ' ') {
        blank--;
    }
    return end <= (size_t)columns ? end : blank > 1 ? blank - 1 : (size_t)columns;
}

int ms_theme_text(struct ms_grid *grid, struct ms_area area, const char *text)
{
    int row = 0;
    while (*text != '\0' && row < area.rows) {
        const size_t end = ms_theme_break(text, area.columns);
        ms_grid_put_bytes(grid, area.row + row, area.column, area.columns, text, end, 0);
        text += end;
        while (*text == ' ') {
            text++;
        }
        row++;
    }
    return row;
}
