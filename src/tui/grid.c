/*
 * Cells and text. Text is neutralised piece by piece on its way in, so its length has no limit
 * and no byte of it can be a control character on the terminal.
 */
#include "tui/grid.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"

#define SIDE_MAX  1000 /* of rows and columns: a terminal that claims more is lying */
#define PRINT_MAX 1024
#define BLANK     L' '

struct ms_grid {
    int rows, columns;
    struct ms_cell *cells;
    bool ascii;
    uint8_t colour, attributes;
};

static int clamp_side(int side)
{
    return side < 1 ? 1 : side > SIDE_MAX ? SIDE_MAX : side;
}

struct ms_grid *ms_grid_new(int rows, int columns)
{
    struct ms_grid *grid = calloc(1, sizeof *grid);
    if (grid != NULL && ms_grid_resize(grid, rows, columns) != 0) {
        free(grid);
        return NULL;
    }
    return grid;
}

void ms_grid_free(struct ms_grid *grid)
{
    if (grid != NULL) {
        free(grid->cells);
        free(grid);
    }
}

int ms_grid_resize(struct ms_grid *grid, int rows, int columns)
{
    rows = clamp_side(rows);
    columns = clamp_side(columns);
    struct ms_cell *cells = calloc((size_t)rows * (size_t)columns, sizeof *cells);
    if (cells == NULL) {
        return -ENOMEM;
    }
    free(grid->cells);
    grid->cells = cells;
    grid->rows = rows;
    grid->columns = columns;
    ms_grid_clear(grid);
    return 0;
}

void ms_grid_clear(struct ms_grid *grid)
{
    const size_t count = (size_t)grid->rows * (size_t)grid->columns;
    for (size_t i = 0; i < count; i++) {
        grid->cells[i] = (struct ms_cell){.character = BLANK};
    }
    grid->colour = MS_COLOUR_DEFAULT;
    grid->attributes = 0;
}

void ms_grid_copy(struct ms_grid *grid, const struct ms_grid *from)
{
    ms_grid_clear(grid);
    for (int row = 0; row < grid->rows && row < from->rows; row++) {
        for (int column = 0; column < grid->columns && column < from->columns; column++) {
            struct ms_cell *cell = &grid->cells[row * grid->columns + column];
            *cell = *ms_grid_at(from, row, column);
            if (grid->ascii && cell->character > 126) {
                cell->character = '?';
            }
        }
    }
}

int ms_grid_rows(const struct ms_grid *grid)
{
    return grid->rows;
}

int ms_grid_columns(const struct ms_grid *grid)
{
    return grid->columns;
}

static bool inside(const struct ms_grid *grid, int row, int column)
{
    return row >= 0 && row < grid->rows && column >= 0 && column < grid->columns;
}

const struct ms_cell *ms_grid_at(const struct ms_grid *grid, int row, int column)
{
    return inside(grid, row, column) ? &grid->cells[row * grid->columns + column] : NULL;
}

void ms_grid_set_ascii(struct ms_grid *grid, bool ascii)
{
    grid->ascii = ascii;
}

void ms_grid_pen(struct ms_grid *grid, enum ms_colour colour, unsigned attributes)
{
    grid->colour = (uint8_t)colour;
    grid->attributes = (uint8_t)attributes;
}

static void set(struct ms_grid *grid, int row, int column, wchar_t character)
{
    if (inside(grid, row, column)) {
        grid->cells[row * grid->columns + column] = (struct ms_cell){
            .character = character, .colour = grid->colour, .attributes = grid->attributes};
    }
}

/* Half of a wide character that is overwritten leaves a blank, not a lone half. */
static void mend_halves(struct ms_grid *grid, int row, int column, int width)
{
    struct ms_cell *line = &grid->cells[row * grid->columns];
    if (column > 0 && line[column].character == 0) {
        line[column - 1].character = BLANK;
    }
    if (column + width < grid->columns && line[column + width].character == 0) {
        line[column + width].character = BLANK;
    }
}

/* Puts one printable character of `width` cells; one that sticks out at the right becomes blank. */
static void put_wide(struct ms_grid *grid, int row, int column, wchar_t character, int width)
{
    if (!inside(grid, row, column)) {
        return;
    }
    if (column + width > grid->columns) {
        character = BLANK;
        width = 1;
    }
    mend_halves(grid, row, column, width);
    set(grid, row, column, character);
    if (width == 2) {
        set(grid, row, column + 1, 0);
    }
}

void ms_grid_put_char(struct ms_grid *grid, int row, int column, wchar_t character)
{
    /* ASCII, lines, blocks and braille are most of a picture, and known. */
    const bool narrow = (character >= 0x20 && character < 0x7f) ||
                        (character >= 0x2500 && character < 0x25a0) ||
                        (character >= 0x2800 && character < 0x2900);
    int width = narrow ? 1 : character < 0x20 || character == 0x7f ? -1 : wcwidth(character);
    /* The screens' own glyphs are one cell wide, also where the locale does not know them. */
    if (width < 1 && character >= 0x2000) {
        width = 1;
    }
    if (width < 1) {
        character = L'?';
        width = 1;
    }
    put_wide(grid, row, column, character, width);
}

/* The next character of valid UTF-8. */
static wchar_t decode(const char **text, const char *end)
{
    const unsigned char *byte = (const unsigned char *)*text;
    const size_t left = (size_t)(end - *text);
    size_t length = byte[0] < 0x80 ? 1 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
    if (length > left) {
        *text = end;
        return L'?';
    }
    uint32_t character = length == 1 ? byte[0] : byte[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        character = character << 6 | (byte[i] & 0x3fu);
    }
    *text += length;
    return (wchar_t)character;
}

/* Bytes of `bytes` that make a piece of at most `limit`, cut between characters. */
static size_t piece(const char *bytes, size_t count, size_t limit)
{
    if (count <= limit) {
        return count;
    }
    size_t end = limit;
    while (end > limit - 4 && ((unsigned char)bytes[end] & 0xc0) == 0x80) {
        end--;
    }
    return end;
}

/* One walk over text for measuring (row < 0 draws nothing) and for putting. */
static int walk(struct ms_grid *target, bool ascii, int row, int column, int width,
                const char *bytes, size_t count, int skip)
{
    char safe[256 + 1];
    int used = 0;
    while (count > 0 && used < width) {
        const size_t taken = piece(bytes, count, sizeof safe / 4);
        const size_t length = ms_format_safe(safe, sizeof safe, bytes, taken, !ascii);
        bytes += taken;
        count -= taken;
        const char *at = safe;
        while (at < safe + length && used < width) {
            wchar_t character = decode(&at, safe + length);
            int cells = character < 0x80 ? 1 : wcwidth(character);
            if (cells == 0) {
                continue; /* a combining mark: a cell holds one character */
            }
            if (cells < 0) {
                character = L'?';
                cells = 1;
            }
            if (skip > 0) {
                skip -= cells;
                continue;
            }
            if (used + cells > width) {
                return used;
            }
            if (target != NULL) {
                put_wide(target, row, column + used, character, cells);
            }
            used += cells;
        }
    }
    return used;
}

int ms_grid_put_bytes(struct ms_grid *grid, int row, int column, int width, const char *bytes,
                      size_t count, int skip)
{
    return walk(grid, grid->ascii, row, column, width, bytes, count, skip);
}

int ms_grid_put(struct ms_grid *grid, int row, int column, int width, const char *text)
{
    return walk(grid, grid->ascii, row, column, width, text, strlen(text), 0);
}

int ms_grid_text_width(const struct ms_grid *grid, const char *text)
{
    return walk(NULL, grid->ascii, 0, 0, SIDE_MAX, text, strlen(text), 0);
}

int ms_grid_printf(struct ms_grid *grid, int row, int column, int width, const char *format, ...)
{
    char text[PRINT_MAX];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return length < 0 ? 0 : ms_grid_put(grid, row, column, width, text);
}

void ms_grid_paint(struct ms_grid *grid, int row, int column, int width, enum ms_colour colour,
                   unsigned attributes)
{
    for (int i = 0; i < width; i++) {
        if (inside(grid, row, column + i)) {
            struct ms_cell *cell = &grid->cells[row * grid->columns + column + i];
            cell->colour = (uint8_t)colour;
            cell->attributes = (uint8_t)attributes;
        }
    }
}

static size_t encode(char *out, wchar_t character)
{
    const uint32_t code = (uint32_t)character;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1;) {
        out[i] = (char)(0x80 | (code >> (6 * (length - 1 - i)) & 0x3f));
    }
    out[0] = (char)((0xf00u >> length & 0xff) | code >> (6 * (length - 1)));
    return length;
}

char *ms_grid_text(const struct ms_grid *grid)
{
    char *text = malloc((size_t)grid->rows * ((size_t)grid->columns * 4 + 1) + 1);
    if (text == NULL) {
        return NULL;
    }
    size_t length = 0;
    for (int row = 0; row < grid->rows; row++) {
        size_t end = length; /* after the last character that is not blank */
        for (int column = 0; column < grid->columns; column++) {
            const wchar_t character = ms_grid_at(grid, row, column)->character;
            if (character != 0) {
                length += encode(text + length, character);
            }
            if (character != BLANK && character != 0) {
                end = length;
            }
        }
        length = end;
        text[length++] = '\n';
    }
    text[length] = '\0';
    return text;
}
