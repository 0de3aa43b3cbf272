#include "tui/scatter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BRAILLE_BASE 0x2800

/* A picture of many points is read anew more rarely: 1 % of a core at most goes into it. */
#define READ_EVERY_NS MS_SECOND_NS
#define READ_POINT_NS UINT64_C(40000)
#define POINTS_MAX    200000u

enum { DOTS_ACROSS = 2, DOTS_DOWN = 4, ROWS_MAX = 512 };

/* Bit of a dot in a braille character, by its row and column. */
static const uint8_t dot_bits[DOTS_DOWN][DOTS_ACROSS] = {
    {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

static bool same_axis(struct ms_axis a, struct ms_axis b)
{
    return a.of == b.of && a.series == b.series;
}

void ms_plot_points_update(struct ms_plot_points *points, const struct ms_model *model,
                           const struct ms_scope *scope, struct ms_axis x, struct ms_axis y,
                           struct ms_axis third, unsigned seconds)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    const uint64_t age_ns = now_ns - points->made_ns;
    const bool same = points->version != 0 && same_axis(points->x, x) && same_axis(points->y, y) &&
                      same_axis(points->third, third) && points->seconds == seconds &&
                      memcmp(&points->scope, scope, sizeof *scope) == 0;
    if (same && age_ns < READ_EVERY_NS + points->scatter.count * READ_POINT_NS) {
        return;
    }
    struct ms_scatter scatter = {.count = 0};
    if (ms_scatter_of(model, scope, x, y, third, seconds, POINTS_MAX, &scatter) != 0) {
        return;
    }
    ms_scatter_free(&points->scatter);
    *points = (struct ms_plot_points){.scatter = scatter,
                                      .version = points->version + 1,
                                      .made_ns = now_ns,
                                      .scope = *scope,
                                      .x = x,
                                      .y = y,
                                      .third = third,
                                      .seconds = seconds};
}

void ms_plot_points_fini(struct ms_plot_points *points)
{
    ms_scatter_free(&points->scatter);
    points->version = 0;
}

struct ms_plot_scale ms_plot_scale_of(struct ms_axis axis, double high)
{
    static const struct {
        double divisor;
        const char *prefix;
    } steps[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    static const char *const units[] = {
        [MS_UNIT_PERCENT] = "%", [MS_UNIT_BYTES] = "B",        [MS_UNIT_COUNT] = "",
        [MS_UNIT_US] = "us",     [MS_UNIT_RATE] = "/s",        [MS_UNIT_RATIO] = "",
        [MS_UNIT_MS] = "ms",     [MS_UNIT_BYTES_PER_S] = "B/s"};
    const int unit = ms_series_info(axis.of, axis.series)->unit;
    const bool known = unit >= 0 && (size_t)unit < sizeof units / sizeof units[0];
    const char *name = known && units[unit] != NULL ? units[unit] : "";
    struct ms_plot_scale scale = {.divisor = 1};
    const char *prefix = "";
    for (size_t i = 0; unit != MS_UNIT_PERCENT && i < sizeof steps / sizeof steps[0]; i++) {
        if (high >= steps[i].divisor) {
            scale.divisor = steps[i].divisor;
            prefix = steps[i].prefix;
            break;
        }
    }
    snprintf(scale.unit, sizeof scale.unit, "%s%s", prefix, name);
    return scale;
}

void ms_plot_fini(struct ms_plot *plot)
{
    free(plot->cells);
    plot->cells = NULL;
    plot->capacity = 0;
}

/* Steps of 1, 2, 2.5 or 5 times a power of ten, about `wanted` of them. */
static double round_step(double span, int wanted)
{
    static const double factors[] = {1, 2, 2.5, 5, 10};
    const double rough = span / (wanted > 0 ? wanted : 1);
    const double power = pow(10, floor(log10(rough)));
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        if (rough <= factors[i] * power * (1 + 1e-9)) {
            return factors[i] * power;
        }
    }
    return 10 * power;
}

/* From 0 unless all points lie far from it. */
static struct ms_plot_range range_of(double low, double high, int wanted)
{
    struct ms_plot_range range = {.low = 0, .high = 1, .step = 1};
    if (!isfinite(low) || !isfinite(high) || (low >= 0 && high <= 0)) {
        return range;
    }
    if (low > 0 && low < 0.6 * high) {
        low = 0;
    }
    if (high <= low) { /* all are equal: in the middle */
        const double around = fabs(high) / 10;
        low -= around;
        high += around;
    }
    range.step = round_step(high - low, wanted);
    range.low = floor(low / range.step + 1e-9) * range.step;
    range.high = ceil(high / range.step - 1e-9) * range.step;
    return range;
}

static int compare_figures(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/*
 * The highest figure, unless the highest 2 % lie so far above the rest that these would be squeezed
 * into a corner: then where the rest ends. Looks at 1,000 points at most.
 */
static double end_of(const struct ms_scatter *points, bool upwards, double highest)
{
    enum { LOOKED_AT = 1000 };
    double figures[LOOKED_AT];
    const size_t step = points->count / LOOKED_AT + 1;
    size_t count = 0;
    for (size_t i = 0; i < points->count && count < LOOKED_AT; i += step) {
        figures[count++] = upwards ? points->points[i].y : points->points[i].x;
    }
    if (count < 20) {
        return highest;
    }
    qsort(figures, count, sizeof figures[0], compare_figures);
    const double usual = figures[count - 1 - count / 50 - 1];
    return usual > 0 && highest > 4 * usual ? usual : highest;
}

static void ranges_of(struct ms_plot *plot, const struct ms_plot_of *of)
{
    double low_x = of->points->low_x;
    double high_x = end_of(of->points, false, of->points->high_x);
    double low_y = of->points->low_y;
    double high_y = end_of(of->points, true, of->points->high_y);
    if (of->behind != NULL && of->behind->count > 0) { /* fmin and fmax leave a NaN out */
        low_x = fmin(low_x, of->behind->low_x);
        high_x = fmax(high_x, end_of(of->behind, false, of->behind->high_x));
        low_y = fmin(low_y, of->behind->low_y);
        high_y = fmax(high_y, end_of(of->behind, true, of->behind->high_y));
    }
    plot->x = range_of(low_x, high_x, plot->columns / 12);
    plot->y = range_of(low_y, high_y, plot->rows / 3);
}

/* The dot of a figure counted from the low end, at the edge when it lies beyond; -1: NaN. */
static int dot_of(double figure, struct ms_plot_range range, int dots)
{
    if (isnan(figure)) {
        return -1;
    }
    if (figure < range.low || figure > range.high) {
        return figure < range.low ? 0 : dots - 1;
    }
    const int dot = (int)((figure - range.low) / (range.high - range.low) * dots);
    return dot < dots ? dot : dots - 1;
}

static struct ms_plot_cell *cell_of(struct ms_plot *plot, const struct ms_point *point,
                                    uint8_t *bit)
{
    const int x = dot_of(point->x, plot->x, plot->columns * DOTS_ACROSS);
    const int up = dot_of(point->y, plot->y, plot->rows * DOTS_DOWN);
    if (x < 0 || up < 0) {
        return NULL;
    }
    const int y = plot->rows * DOTS_DOWN - 1 - up;
    *bit = dot_bits[y % DOTS_DOWN][x % DOTS_ACROSS];
    return &plot->cells[(y / DOTS_DOWN) * plot->columns + x / DOTS_ACROSS];
}

static void sort_into_cells(struct ms_plot *plot, const struct ms_view *view,
                            const struct ms_plot_of *of)
{
    uint8_t bit = 0;
    uint32_t thread_id = 0; /* points of a thread come together, mostly */
    enum ms_role role = MS_ROLE_TOTAL;
    for (size_t i = 0; of->behind != NULL && i < of->behind->count; i++) {
        struct ms_plot_cell *cell = cell_of(plot, &of->behind->points[i], &bit);
        if (cell != NULL) {
            cell->behind++;
            cell->behind_dots |= bit;
        }
    }
    for (size_t i = 0; i < of->points->count; i++) {
        const struct ms_point *point = &of->points->points[i];
        struct ms_plot_cell *cell = cell_of(plot, point, &bit);
        if (cell == NULL) {
            continue;
        }
        if (point->thread_id != thread_id) {
            thread_id = point->thread_id;
            role = ms_findings_of(view->findings, thread_id)->role;
        }
        cell->count++;
        cell->dots |= bit;
        plot->beyond += point->x > plot->x.high || point->y > plot->y.high;
        if (thread_id != 0 && cell->of_role[role] < UINT16_MAX) {
            cell->of_role[role]++;
        }
        if (!isnan(point->intensity) && !(cell->intensity >= point->intensity)) {
            cell->intensity = (float)point->intensity;
        }
    }
}

/* Letters while no more than a third of the cells in use hold more than two points, and to tell
 * what is in focus from what lies behind it. */
static void count_sharing(struct ms_plot *plot, bool behind)
{
    size_t used = 0;
    size_t crowded = 0;
    plot->most_in_cell = 0;
    for (int i = 0; i < plot->rows * plot->columns; i++) {
        const uint32_t count = plot->cells[i].count;
        used += count > 0;
        crowded += count > 2;
        if (count > plot->most_in_cell) {
            plot->most_in_cell = count;
        }
    }
    plot->letters = behind || crowded * 3 <= used;
}

static void take_points(struct ms_plot *plot, const struct ms_view *view,
                        const struct ms_plot_of *of, int rows, int columns)
{
    if (plot->cells != NULL && plot->version == of->version && plot->rows == rows &&
        plot->columns == columns) {
        return;
    }
    const size_t count = (size_t)rows * (size_t)columns;
    if (count > plot->capacity) {
        struct ms_plot_cell *cells = realloc(plot->cells, count * sizeof *cells);
        if (cells == NULL) {
            return;
        }
        plot->cells = cells;
        plot->capacity = count;
    }
    plot->rows = rows;
    plot->columns = columns;
    plot->version = of->version;
    plot->beyond = 0;
    for (size_t i = 0; i < count; i++) {
        plot->cells[i] = (struct ms_plot_cell){.intensity = NAN};
    }
    ranges_of(plot, of);
    sort_into_cells(plot, view, of);
    count_sharing(plot, of->behind != NULL);
}

/* The pen for an intensity of 0 to 1; NaN: not known. */
static void plot_pen(const struct ms_tui *tui, struct ms_grid *grid, double intensity)
{
    static const enum ms_colour colours[] = {MS_COLOUR_GRAPH, MS_COLOUR_BALANCED,
                                             MS_COLOUR_ALERT_MEDIUM, MS_COLOUR_ALERT_HIGH};
    const int quarter = !(intensity >= 0.25) ? 0 : intensity >= 0.75 ? 3 : intensity >= 0.5 ? 2 : 1;
    /* What colours cannot tell is told by weight. */
    const unsigned mono = quarter == 3   ? MS_ATTRIBUTE_BOLD | MS_ATTRIBUTE_REVERSE
                          : quarter == 2 ? MS_ATTRIBUTE_BOLD | MS_ATTRIBUTE_UNDERLINE
                          : quarter == 1 ? MS_ATTRIBUTE_BOLD
                                         : 0;
    const unsigned coloured = quarter >= 2 ? MS_ATTRIBUTE_BOLD : 0;
    ms_grid_pen(grid, isnan(intensity) ? MS_COLOUR_DEFAULT : colours[quarter],
                tui->scheme == MS_SCHEME_MONO ? mono : coloured);
}

int ms_plot_draw_legend(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                        int room, const char *heading)
{
    const int begin = column;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_printf(grid, row, column, room, "colour: %s low ", heading);
    for (int i = 0; i < 4 && column - begin < room; i++) {
        plot_pen(tui, grid, i / 4.0);
        ms_grid_put_char(grid, row, column++, ms_theme_ascii(tui) ? L'#' : L'\u25a0');
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_put(grid, row, column, room - (column - begin), " high");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return column - begin;
}

/* Quadrants of a cell, upper left first, as block elements. */
static wchar_t quadrants(uint8_t dots)
{
    static const wchar_t glyphs[] =
        L" \u2598\u259d\u2580\u2596\u258c\u259e\u259b\u2597\u259a\u2590\u259c\u2584\u2599\u259f"
        L"\u2588";
    const int index = ((dots & 0x03) != 0 ? 1 : 0) | ((dots & 0x18) != 0 ? 2 : 0) |
                      ((dots & 0x44) != 0 ? 4 : 0) | ((dots & 0xa0) != 0 ? 8 : 0);
    return glyphs[index];
}

static wchar_t glyph_of(enum ms_glyphs glyphs, uint8_t dots, uint32_t count)
{
    switch (glyphs) {
    case MS_GLYPHS_BRAILLE:
        return (wchar_t)(BRAILLE_BASE + dots);
    case MS_GLYPHS_BLOCK:
        return quadrants(dots);
    case MS_GLYPHS_ASCII:
        break;
    }
    return count < 2 ? L'.' : count < 4 ? L':' : count < 8 ? L'+' : count < 16 ? L'*' : L'#';
}

static enum ms_role role_of(const struct ms_plot_cell *cell)
{
    enum ms_role most = MS_ROLE_TOTAL;
    for (int role = 0; role < MS_ROLE_TOTAL; role++) {
        if (cell->of_role[role] > (most == MS_ROLE_TOTAL ? 0 : cell->of_role[most])) {
            most = (enum ms_role)role;
        }
    }
    return most;
}

static void draw_cell(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                      const struct ms_plot *plot, const struct ms_plot_cell *cell, bool intensity)
{
    wchar_t glyph = L' ';
    if (cell->count == 0) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        glyph = ms_theme_ascii(tui) ? L'.' : glyph_of(tui->glyphs, cell->behind_dots, cell->behind);
    } else {
        const enum ms_role role = role_of(cell);
        if (intensity) {
            plot_pen(tui, grid, cell->intensity);
        } else {
            ms_grid_pen(grid, role < MS_ROLE_TOTAL ? ms_theme_role(role) : MS_COLOUR_GRAPH, 0);
        }
        glyph = !plot->letters         ? glyph_of(tui->glyphs, cell->dots, cell->count)
                : role < MS_ROLE_TOTAL ? (wchar_t)ms_role_letter(role)
                : ms_theme_ascii(tui)  ? L'o'
                                       : L'\u2022';
    }
    ms_grid_put_char(grid, row, column, glyph);
}

/* Rows of dots, counted from above, that the line passes in a column of dots; false: none. */
static bool line_rows(const struct ms_plot *plot, const struct ms_correlation *fit, int dot,
                      double *first, double *last)
{
    const double width = (plot->x.high - plot->x.low) / (plot->columns * DOTS_ACROSS);
    const double height = (plot->y.high - plot->y.low) / (plot->rows * DOTS_DOWN);
    const double left = fit->intercept + fit->slope * (plot->x.low + dot * width);
    const double right = left + fit->slope * width;
    *first = (plot->y.high - fmax(left, right)) / height;
    *last = (plot->y.high - fmin(left, right)) / height;
    return *last >= 0 && *first < plot->rows * DOTS_DOWN;
}

static wchar_t line_glyph(const struct ms_tui *tui, uint8_t dots, bool steep, bool rising)
{
    if (tui->glyphs == MS_GLYPHS_BRAILLE) {
        return (wchar_t)(BRAILLE_BASE + dots);
    }
    if (!steep) {
        return ms_theme_line(tui);
    }
    return ms_theme_ascii(tui) ? (rising ? L'/' : L'\\') : (rising ? L'\u2571' : L'\u2572');
}

/* In the cells that hold no point. */
static void draw_line(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area inner,
                      const struct ms_plot *plot, const struct ms_correlation *fit)
{
    const double cell_slope = fit->slope * (plot->x.high - plot->x.low) /
                              (plot->y.high - plot->y.low) * plot->rows / plot->columns;
    ms_grid_pen(grid, MS_COLOUR_TITLE, 0);
    for (int column = 0; column < plot->columns; column++) {
        uint8_t dots[ROWS_MAX] = {0};
        for (int half = 0; half < DOTS_ACROSS; half++) {
            double first = 0;
            double last = 0;
            if (!line_rows(plot, fit, column * DOTS_ACROSS + half, &first, &last)) {
                continue;
            }
            const int end = plot->rows * DOTS_DOWN - 1;
            const int lowest = last > end ? end : (int)last;
            for (int dot = first < 0 ? 0 : (int)first; dot <= lowest; dot++) {
                dots[dot / DOTS_DOWN] |= dot_bits[dot % DOTS_DOWN][half];
            }
        }
        for (int row = 0; row < plot->rows; row++) {
            const struct ms_plot_cell *cell = &plot->cells[row * plot->columns + column];
            if (dots[row] != 0 && cell->count == 0) {
                ms_grid_put_char(
                    grid, inner.row + row, inner.column + column,
                    line_glyph(tui, dots[row], fabs(cell_slope) > 0.7, cell_slope > 0));
            }
        }
    }
}

static void draw_vertical_axis(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area inner,
                               struct ms_plot_range range, double divisor)
{
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    for (int row = 0; row < inner.rows; row++) {
        ms_grid_put_char(grid, inner.row + row, inner.column - 1,
                         ms_theme_ascii(tui) ? L'|' : L'\u2502');
    }
    int free_above = inner.row + inner.rows;
    for (int i = 0; i <= (int)lround((range.high - range.low) / range.step); i++) {
        const double at = range.low + i * range.step;
        const double share = (at - range.low) / (range.high - range.low);
        const int row = inner.row + inner.rows - 1 - (int)lround(share * (inner.rows - 1));
        if (row < free_above) {
            ms_grid_printf(grid, row, inner.column - 1 - MS_PLOT_LABEL_WIDTH, MS_PLOT_LABEL_WIDTH,
                           "%*g", MS_PLOT_LABEL_WIDTH - 1, at / divisor);
            free_above = row;
        }
    }
}

static void draw_horizontal_axis(const struct ms_tui *tui, struct ms_grid *grid,
                                 struct ms_area inner, struct ms_plot_range range,
                                 struct ms_plot_scale scale)
{
    const int row = inner.row + inner.rows;
    const int end = inner.column + inner.columns;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put_char(grid, row, inner.column - 1, ms_theme_ascii(tui) ? L'+' : L'\u2514');
    ms_theme_rule(tui, grid, row, inner.column, inner.columns);
    int free_from = inner.column - MS_PLOT_LABEL_WIDTH;
    for (int i = 0; i <= (int)lround((range.high - range.low) / range.step); i++) {
        char text[32];
        const double at = range.low + i * range.step;
        const bool last = at >= range.high - range.step / 2;
        const int length =
            snprintf(text, sizeof text, "%g%s%s", at / scale.divisor,
                     last && scale.unit[0] != '%' ? " " : "", last ? scale.unit : "");
        const double share = (at - range.low) / (range.high - range.low);
        int column = inner.column + (int)lround(share * (inner.columns - 1)) - length / 2;
        column = column < inner.column - 1 ? inner.column - 1 : column;
        column = column + length > end ? end - length : column;
        if (column >= free_from) {
            ms_grid_put(grid, row + 1, column, length, text);
            free_from = column + length + 1;
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

void ms_plot_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                  struct ms_area area, struct ms_plot *plot, const struct ms_plot_of *of)
{
    const struct ms_area inner = {.row = area.row,
                                  .column = area.column + MS_PLOT_LABEL_WIDTH + 1,
                                  .rows = area.rows - 2,
                                  .columns = area.columns - MS_PLOT_LABEL_WIDTH - 2};
    if (inner.rows < 1 || inner.rows > ROWS_MAX || inner.columns < 10) {
        return;
    }
    take_points(plot, view, of, inner.rows, inner.columns);
    if (plot->cells == NULL || plot->rows != inner.rows || plot->columns != inner.columns) {
        return;
    }
    draw_vertical_axis(tui, grid, inner, plot->y, ms_plot_scale_of(of->y, plot->y.high).divisor);
    draw_horizontal_axis(tui, grid, inner, plot->x, ms_plot_scale_of(of->x, plot->x.high));
    for (int row = 0; row < plot->rows; row++) {
        for (int column = 0; column < plot->columns; column++) {
            const struct ms_plot_cell *cell = &plot->cells[row * plot->columns + column];
            if (cell->count > 0 || cell->behind > 0) {
                draw_cell(tui, grid, inner.row + row, inner.column + column, plot, cell,
                          of->intensity);
            }
        }
    }
    if (of->trend && of->points->fit.defined) {
        draw_line(tui, grid, inner, plot, &of->points->fit);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

char *ms_plot_equation(const struct ms_plot *plot, const struct ms_plot_points *points, char *out,
                       size_t size)
{
    const struct ms_correlation *fit = &points->scatter.fit;
    out[0] = '\0';
    if (fit->defined) {
        const struct ms_plot_scale across = ms_plot_scale_of(
            points->x, plot->cells != NULL ? plot->x.high : points->scatter.high_x);
        const struct ms_plot_scale up = ms_plot_scale_of(
            points->y, plot->cells != NULL ? plot->y.high : points->scatter.high_y);
        const double intercept = fit->intercept / up.divisor;
        snprintf(out, size, "%s%s%s = %.3g x %s%s%s %c %.3g",
                 ms_series_info(points->y.of, points->y.series)->heading,
                 up.unit[0] != '\0' ? " " : "", up.unit, fit->slope * across.divisor / up.divisor,
                 ms_series_info(points->x.of, points->x.series)->heading,
                 across.unit[0] != '\0' ? " " : "", across.unit, intercept < 0 ? '-' : '+',
                 fabs(intercept));
    }
    return out;
}

const char *ms_plot_why_none(const struct ms_correlation *fit)
{
    return fit->defined ? "" : fit->n < 3 ? "fewer than 3 points" : "one is constant";
}
