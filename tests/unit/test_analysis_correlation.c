#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/correlation.h"

#define CLOSE(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

/* Anscombe (1973): four sets that look nothing alike and have the same line and r. */
static void test_anscombes_quartet(void **state)
{
    (void)state;
    static const double x123[11] = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
    static const double x4[11] = {8, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8};
    static const double y[4][11] = {
        {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68},
        {9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74},
        {7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73},
        {6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.50, 5.56, 7.91, 6.89},
    };
    for (int i = 0; i < 4; i++) {
        const struct ms_correlation found = ms_correlate(i < 3 ? x123 : x4, y[i], 11);
        assert_true(found.defined);
        assert_int_equal(found.n, 11);
        CLOSE(found.pearson_r, 0.816, 0.005);
        CLOSE(found.slope, 0.500, 0.005);
        CLOSE(found.intercept, 3.00, 0.005);
    }
}

static void test_undefined(void **state)
{
    (void)state;
    static const double rising[] = {1, 2, 3, 4};
    static const double constant[] = {5, 5, 5, 5};
    assert_false(ms_correlate(rising, constant, 4).defined);
    assert_false(ms_correlate(constant, rising, 4).defined);
    assert_false(ms_correlate(rising, rising, 2).defined);
    assert_false(ms_correlate(rising, rising, 0).defined);
    assert_int_equal(ms_correlate(rising, constant, 4).n, 4);
    const double holes[] = {1, NAN, 3, INFINITY};
    const struct ms_correlation found = ms_correlate(holes, rising, 4);
    assert_int_equal(found.n, 2);
    assert_false(found.defined);
}

static void test_pairs_with_a_hole_are_left_out(void **state)
{
    (void)state;
    const double x[] = {1, 2, NAN, 3, 4, 100};
    const double y[] = {-2, -4, 7, -6, -8, NAN};
    const struct ms_correlation found = ms_correlate(x, y, 6);
    assert_int_equal(found.n, 4);
    CLOSE(found.pearson_r, -1, 1e-12);
    CLOSE(found.slope, -2, 1e-12);
    CLOSE(found.intercept, 0, 1e-12);
}

static void test_small_changes_of_large_figures(void **state)
{
    (void)state;
    double x[100];
    double y[100];
    for (int i = 0; i < 100; i++) {
        x[i] = 1e12 + i;
        y[i] = 3 * i;
    }
    const struct ms_correlation found = ms_correlate(x, y, 100);
    CLOSE(found.pearson_r, 1, 1e-9);
    CLOSE(found.slope, 3, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anscombes_quartet),
        cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_pairs_with_a_hole_are_left_out),
        cmocka_unit_test(test_small_changes_of_large_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
