/* Every glyph level fills cells from the bottom in its own number of steps. */
#include "tui/chart.h"

#include <math.h>
#include <stdbool.h>
#include <wchar.h>

#define BRAILLE_BASE 0x2800
#define BLOCK_BASE   0x2580 /* + 1..8: eighths from below */
#define BLOCK_LEFT   0x2590 /* - 1..8: eighths from the left, minus 8 of 8 */

static int steps_of(enum ms_glyphs glyphs)
{
    return glyphs == MS_GLYPHS_BRAILLE ? 4 : glyphs == MS_GLYPHS_BLOCK ? 8 : 8;
}

size_t ms_chart_points(enum ms_glyphs glyphs, int columns)
{
    return columns <= 0 ? 0 : (size_t)columns * (glyphs == MS_GLYPHS_BRAILLE ? 2 : 1);
}

void ms_chart_bar(struct ms_grid *grid, enum ms_glyphs glyphs, int row, int column, int width,
                  double fraction)
{
    const int inner = width - 2;
    if (inner < 1) {
        return;
    }
    if (!(fraction > 0)) {
        fraction = 0;
    } else if (fraction > 1) {
        fraction = 1;
    }
    const bool fine = glyphs != MS_GLYPHS_ASCII;
    const int per_cell = fine ? 8 : 1;
    int filled = (int)lround(fraction * inner * per_cell);
    if (filled == 0 && fraction > 0.001) {
        filled = fine ? 1 : 0;
    }
    ms_grid_put_char(grid, row, column, L'[');
    for (int i = 0; i < inner; i++) {
        const int part = filled - i * per_cell;
        if (part >= per_cell) {
            ms_grid_put_char(grid, row, column + 1 + i, fine ? L'\u2588' : L'|');
        } else if (part > 0) {
            ms_grid_put_char(grid, row, column + 1 + i, (wchar_t)(BLOCK_LEFT - part));
        }
    }
    ms_grid_put_char(grid, row, column + width - 1, L']');
}

/* Steps that a point fills in an area of `rows` rows; 0: nothing is known. */
static int height_of(double point, double low, double high, int rows, int steps)
{
    if (isnan(point)) {
        return 0;
    }
    const int full = rows * steps;
    if (!(high > low)) {
        return 1;
    }
    const double height = round((point - low) / (high - low) * full);
    return height < 1 ? 1 : height > full ? full : (int)height;
}

static int clamp_steps(int height, int below, int steps)
{
    const int left = height - below;
    return left < 0 ? 0 : left > steps ? steps : left;
}

/* Braille numbers its dots down the left column, then the right, the lowest pair last. */
static wchar_t braille(int left, int right)
{
    static const int left_dots[] = {0, 0x40, 0x44, 0x46, 0x47};
    static const int right_dots[] = {0, 0x80, 0xa0, 0xb0, 0xb8};
    return (wchar_t)(BRAILLE_BASE + left_dots[left] + right_dots[right]);
}

static wchar_t ascii_cell(int steps, bool sparkline)
{
    static const wchar_t levels[] = L" ..:-=+*#";
    static const wchar_t edges[] = L" ...:::##";
    return (sparkline ? levels : edges)[steps];
}

void ms_chart_area(struct ms_grid *grid, enum ms_glyphs glyphs, struct ms_area area,
                   const double *points, size_t count, double low, double high)
{
    const int steps = steps_of(glyphs);
    const int per_cell = glyphs == MS_GLYPHS_BRAILLE ? 2 : 1;
    const size_t room = ms_chart_points(glyphs, area.columns);
    const size_t blank = count < room ? room - count : 0;
    for (int column = 0; column < area.columns; column++) {
        int heights[2] = {0, 0};
        for (int i = 0; i < per_cell; i++) {
            const size_t place = (size_t)(column * per_cell + i);
            if (place >= blank) {
                const size_t index = place - blank + (count > room ? count - room : 0);
                heights[i] = height_of(points[index], low, high, area.rows, steps);
            }
        }
        for (int row = 0; row < area.rows; row++) {
            const int below = (area.rows - 1 - row) * steps;
            const int first = clamp_steps(heights[0], below, steps);
            const int second = clamp_steps(heights[1], below, steps);
            if (first == 0 && second == 0) {
                continue;
            }
            const wchar_t cell = glyphs == MS_GLYPHS_BRAILLE ? braille(first, second)
                                 : glyphs == MS_GLYPHS_BLOCK ? (wchar_t)(BLOCK_BASE + first)
                                                             : ascii_cell(first, area.rows == 1);
            ms_grid_put_char(grid, area.row + row, area.column + column, cell);
        }
    }
}

/* Point that the place `place` of the area shows; NaN: none. */
static double point_at(const double *points, size_t count, size_t room, size_t place)
{
    const size_t blank = count < room ? room - count : 0;
    if (place < blank) {
        return NAN;
    }
    return points[place - blank + (count > room ? count - room : 0)];
}

/* What a line at step `step` (from 1, from below) of a cell looks like, without braille. */
static wchar_t line_cell(enum ms_glyphs glyphs, int step)
{
    static const wchar_t ascii[] = L"__--''";
    static const wchar_t block[] = L"\u2581\u2581\u2500\u2500\u2594\u2594";
    const int third = (step - 1) * 6 / 8;
    return glyphs == MS_GLYPHS_ASCII ? ascii[third] : block[third];
}

/* One dot of a cell, `step` from 1, from below. */
static int braille_dot(bool right, int step)
{
    static const int dots[2][4] = {{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}};
    return dots[right][step - 1];
}

void ms_chart_line(struct ms_grid *grid, enum ms_glyphs glyphs, struct ms_area area,
                   const double *points, size_t count, double low, double high)
{
    const int steps = steps_of(glyphs);
    const int per_cell = glyphs == MS_GLYPHS_BRAILLE ? 2 : 1;
    const size_t room = ms_chart_points(glyphs, area.columns);
    int before = 0;
    for (size_t place = 0; place < room; place++) {
        const int height =
            height_of(point_at(points, count, room, place), low, high, area.rows, steps);
        const int column = area.column + (int)place / per_cell;
        const bool right = per_cell == 2 && place % 2 == 1;
        /* From the height before, so that a steep line has no holes. */
        int from = before > 0 && before < height ? before + 1 : height;
        int to = before > height ? before - 1 : height;
        from = glyphs == MS_GLYPHS_BRAILLE ? from : height;
        to = glyphs == MS_GLYPHS_BRAILLE ? to : height;
        for (int step = from; height > 0 && step <= to; step++) {
            const int row = area.row + area.rows - 1 - (step - 1) / steps;
            const int within = (step - 1) % steps + 1;
            if (glyphs != MS_GLYPHS_BRAILLE) {
                ms_grid_put_char(grid, row, column, line_cell(glyphs, within));
                continue;
            }
            const struct ms_cell *cell = ms_grid_at(grid, row, column);
            const int there = cell != NULL && cell->character >= BRAILLE_BASE &&
                                      cell->character < BRAILLE_BASE + 256
                                  ? (int)cell->character - BRAILLE_BASE
                                  : 0;
            ms_grid_put_char(grid, row, column,
                             (wchar_t)(BRAILLE_BASE + (there | braille_dot(right, within))));
        }
        before = height;
    }
}

static wchar_t shade_of(enum ms_glyphs glyphs, double share)
{
    static const wchar_t ascii[] = L" .:-=+*#%@";
    static const wchar_t block[] = L" \u00b7\u2591\u2591\u2592\u2592\u2593\u2593\u2588\u2588";
    if (isnan(share)) {
        return L' ';
    }
    const double level = 1 + share * 9;
    const int step = level < 1 ? 1 : level > 9 ? 9 : (int)level;
    return glyphs == MS_GLYPHS_ASCII ? ascii[step] : block[step];
}

void ms_chart_strip(struct ms_grid *grid, enum ms_glyphs glyphs, struct ms_area area,
                    const double *points, size_t count, double low, double high)
{
    const int per_cell = glyphs == MS_GLYPHS_BRAILLE ? 2 : 1;
    const size_t room = ms_chart_points(glyphs, area.columns);
    for (int column = 0; column < area.columns; column++) {
        double sum = 0;
        int known = 0;
        for (int i = 0; i < per_cell; i++) {
            const double point = point_at(points, count, room, (size_t)(column * per_cell + i));
            sum += isnan(point) ? 0 : point;
            known += isnan(point) ? 0 : 1;
        }
        if (known > 0 && high > low) {
            const wchar_t shade = shade_of(glyphs, (sum / known - low) / (high - low));
            for (int row = 0; row < area.rows; row++) {
                ms_grid_put_char(grid, area.row + row, area.column + column, shade);
            }
        }
    }
}

/* Of each part a look of its own: shades where there are some, and the colours in the pen's stead.
 */
static wchar_t part_cell(enum ms_glyphs glyphs, size_t part)
{
    static const wchar_t ascii[] = L"#=:.";
    static const wchar_t block[] = L"\u2588\u2593\u2592\u2591";
    return (glyphs == MS_GLYPHS_ASCII ? ascii : block)[part % 4];
}

wchar_t ms_chart_part(enum ms_glyphs glyphs, size_t part)
{
    return part_cell(glyphs, part);
}

void ms_chart_stacked(struct ms_grid *grid, enum ms_glyphs glyphs, struct ms_area area,
                      const double *const *parts, const enum ms_colour *colours, size_t part_count,
                      size_t count, double high)
{
    const int per_cell = glyphs == MS_GLYPHS_BRAILLE ? 2 : 1;
    const size_t room = ms_chart_points(glyphs, area.columns);
    for (int column = 0; column < area.columns; column++) {
        double sum = 0;
        int below = 0; /* rows of the parts under this one */
        for (size_t part = 0; part < part_count; part++) {
            double mean = 0;
            int known = 0;
            for (int i = 0; i < per_cell; i++) {
                const double point =
                    point_at(parts[part], count, room, (size_t)(column * per_cell + i));
                mean += isnan(point) ? 0 : point;
                known += isnan(point) ? 0 : 1;
            }
            if (known == 0 || !(high > 0)) {
                continue;
            }
            sum += mean / known > 0 ? mean / known : 0;
            double top = round(sum / high * area.rows);
            top = top > area.rows ? area.rows : top;
            ms_grid_pen(grid, colours[part], 0);
            for (; below < (int)top; below++) {
                ms_grid_put_char(grid, area.row + area.rows - 1 - below, area.column + column,
                                 part_cell(glyphs, part));
            }
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

double ms_chart_highest(const double *points, size_t count)
{
    double highest = NAN;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(points[i]) && !(points[i] <= highest)) {
            highest = points[i];
        }
    }
    return highest;
}

void ms_chart_scale(const double *points, size_t count, double *low, double *high)
{
    const double highest = ms_chart_highest(points, count);
    double lowest = highest;
    for (size_t i = 0; i < count; i++) {
        if (points[i] < lowest) {
            lowest = points[i];
        }
    }
    const double range = fmax(highest - lowest, fmax(highest / 10, 1));
    *low = lowest - range / 4;
    *high = lowest + range;
}

void ms_chart_resample(const double *in, size_t in_count, double *out, size_t out_count)
{
    for (size_t i = 0; i < out_count; i++) {
        size_t begin = i * in_count / out_count;
        size_t end = (i + 1) * in_count / out_count;
        if (end == begin && begin < in_count) {
            end = begin + 1; /* fewer values than stretches: each stands for several */
        }
        double sum = 0;
        size_t known = 0;
        for (; begin < end; begin++) {
            if (!isnan(in[begin])) {
                sum += in[begin];
                known++;
            }
        }
        out[i] = known > 0 ? sum / (double)known : NAN;
    }
}

double ms_chart_round_up(double value)
{
    if (!(value > 0) || isinf(value)) {
        return 1;
    }
    const double power = pow(10, floor(log10(value)));
    static const double factors[] = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        if (value <= factors[i] * power * (1 + 1e-9)) {
            return factors[i] * power;
        }
    }
    return 10 * power;
}
