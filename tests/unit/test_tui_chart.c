/* Bars and graphs at all three glyph levels, and what unknown values look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "tui/chart.h"

static void assert_text(const struct ms_grid *grid, const char *expected)
{
    char *text = ms_grid_text(grid);
    assert_string_equal(text, expected);
    free(text);
}

static void test_bars(void **state)
{
    (void)state;
    struct ms_grid *grid = ms_grid_new(1, 10);
    ms_chart_bar(grid, MS_GLYPHS_ASCII, 0, 0, 10, 0.5);
    assert_text(grid, "[||||    ]\n");
    ms_grid_clear(grid);
    ms_chart_bar(grid, MS_GLYPHS_BLOCK, 0, 0, 6, 0.53125); /* 17 eighths of 32 */
    assert_text(grid, "[██▏ ]\n");
    ms_grid_clear(grid);
    ms_chart_bar(grid, MS_GLYPHS_ASCII, 0, 0, 6, 7);
    assert_text(grid, "[||||]\n");
    ms_grid_clear(grid);
    ms_chart_bar(grid, MS_GLYPHS_ASCII, 0, 0, 6, NAN);
    assert_text(grid, "[    ]\n");
    ms_grid_clear(grid);
    ms_chart_bar(grid, MS_GLYPHS_ASCII, 0, 0, 2, 1);
    assert_text(grid, "\n");
    ms_grid_free(grid);
}

static void test_sparklines(void **state)
{
    (void)state;
    const double points[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct ms_grid *grid = ms_grid_new(1, 9);
    const struct ms_area area = {.rows = 1, .columns = 9};
    ms_chart_area(grid, MS_GLYPHS_BLOCK, area, points, 9, 0, 8);
    assert_text(grid, "▁▁▂▃▄▅▆▇█\n");
    ms_grid_clear(grid);
    ms_chart_area(grid, MS_GLYPHS_ASCII, area, points, 9, 0, 8);
    assert_text(grid, "...:-=+*#\n");
    ms_grid_clear(grid);
    const double pairs[] = {4, 0, NAN, 4, 1, 2};
    ms_chart_area(grid, MS_GLYPHS_BRAILLE, (struct ms_area){.rows = 1, .columns = 3}, pairs, 6, 0,
                  4);
    assert_text(grid, "⣇⢸⣠\n");
    ms_grid_free(grid);
}

static void test_unknown_is_not_zero(void **state)
{
    (void)state;
    const double points[] = {NAN, 0, NAN};
    struct ms_grid *grid = ms_grid_new(2, 5);
    const struct ms_area area = {.rows = 2, .columns = 5};
    ms_chart_area(grid, MS_GLYPHS_BLOCK, area, points, 3, 0, 8);
    assert_text(grid, "\n   ▁\n"); /* right-aligned: the newest is at the edge */
    assert_true(isnan(ms_chart_highest(points, 1)));
    assert_true(ms_chart_highest(points, 3) == 0);
    ms_grid_free(grid);
}

static void test_two_rows(void **state)
{
    (void)state;
    const double points[] = {2, 9, 16, 99};
    struct ms_grid *grid = ms_grid_new(2, 4);
    const struct ms_area area = {.rows = 2, .columns = 4};
    ms_chart_area(grid, MS_GLYPHS_BLOCK, area, points, 4, 0, 16);
    assert_text(grid, " ▁██\n▂███\n");
    ms_grid_free(grid);
}

/* A steep line has no holes, a gap in what is known is one. */
static void test_lines(void **state)
{
    (void)state;
    const double points[] = {0, 0, 16, 16, NAN, NAN, 8, 8};
    struct ms_grid *grid = ms_grid_new(2, 4);
    const struct ms_area area = {.rows = 2, .columns = 4};
    ms_chart_line(grid, MS_GLYPHS_BRAILLE, area, points, 8, 0, 16);
    assert_text(grid, " \u284f\n\u28c0\u2807 \u2809\n");
    ms_grid_free(grid);
}

/* What is high is dense, 0 is a dot, nothing is nothing. */
static void test_strips(void **state)
{
    (void)state;
    const double points[] = {NAN, 0, 25, 50, 75, 100};
    struct ms_grid *grid = ms_grid_new(1, 6);
    const struct ms_area area = {.rows = 1, .columns = 6};
    ms_chart_strip(grid, MS_GLYPHS_BLOCK, area, points, 6, 0, 100);
    assert_text(grid, " \u00b7\u2591\u2592\u2593\u2588\n");
    ms_grid_clear(grid);
    ms_chart_strip(grid, MS_GLYPHS_ASCII, area, points, 6, 0, 100);
    assert_text(grid, " .-+#@\n");
    ms_grid_free(grid);
}

/* Parts add up, each with a look of its own. */
static void test_stacked(void **state)
{
    (void)state;
    const double low[] = {1, 2, NAN};
    const double high[] = {1, 2, 3};
    const double *parts[] = {low, high};
    const enum ms_colour colours[] = {MS_COLOUR_CPU, MS_COLOUR_IO};
    struct ms_grid *grid = ms_grid_new(4, 3);
    const struct ms_area area = {.rows = 4, .columns = 3};
    ms_chart_stacked(grid, MS_GLYPHS_ASCII, area, parts, colours, 2, 3, 4);
    assert_text(grid, " =\n ==\n=#=\n##=\n");
    assert_int_equal(ms_grid_at(grid, 3, 0)->colour, MS_COLOUR_CPU);
    assert_int_equal(ms_grid_at(grid, 0, 1)->colour, MS_COLOUR_IO);
    ms_grid_free(grid);
}

static void test_resample(void **state)
{
    (void)state;
    const double in[] = {1, 3, NAN, 7, NAN, NAN};
    double out[6];
    ms_chart_resample(in, 6, out, 3);
    assert_true(out[0] == 2 && out[1] == 7 && isnan(out[2]));
    ms_chart_resample(in, 3, out, 6);
    assert_true(out[0] == 1 && out[1] == 1 && out[2] == 3 && isnan(out[5]));
}

static void test_round_up(void **state)
{
    (void)state;
    assert_true(fabs(ms_chart_round_up(209e6) - 250e6) < 1);
    assert_true(fabs(ms_chart_round_up(100) - 100) < 1e-9);
    assert_true(fabs(ms_chart_round_up(0.0013) - 0.0015) < 1e-9);
    assert_true(ms_chart_round_up(0) == 1);
    assert_true(ms_chart_round_up(NAN) == 1);
    for (double value = 0.001; value < 1e12; value *= 1.07) {
        assert_true(ms_chart_round_up(value) >= value * 0.999999);
        assert_true(ms_chart_round_up(value) <= value * 1.4);
    }
}

int main(void)
{
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_sparklines),
        cmocka_unit_test(test_unknown_is_not_zero),
        cmocka_unit_test(test_two_rows),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_strips),
        cmocka_unit_test(test_stacked),
        cmocka_unit_test(test_resample),
        cmocka_unit_test(test_round_up),
    };
    return cmocka_run_group_tests_name("tui chart", tests, NULL, NULL);
}
