#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/history.h"

#define TENTH UINT64_C(100000000)

static void test_reads_newest_points_oldest_first(void **state)
{
    (void)state;
    struct ms_history *history = ms_history_new(TENTH);
    for (uint64_t t = 0; t < 5; t++) {
        assert_int_equal(ms_history_append(history, t, (double)t * 10), 0);
    }
    double out[8];
    assert_int_equal(ms_history_read(history, MS_RESOLUTION_FINE, 8, out), 5);
    assert_true(isnan(out[0]) && isnan(out[1]) && isnan(out[2]));
    for (int i = 0; i < 5; i++) {
        assert_true(out[3 + i] == i * 10);
    }
    uint64_t first;
    uint64_t end;
    ms_history_range(history, &first, &end);
    assert_int_equal(first, 0);
    assert_int_equal(end, 5);
    ms_history_free(history);
}

static void test_coarser_point_is_mean_of_what_it_covers(void **state)
{
    (void)state;
    struct ms_history *history = ms_history_new(TENTH);
    for (uint64_t t = 0; t < 35; t++) {
        assert_int_equal(ms_history_append(history, t, t == 12 ? NAN : (double)t), 0);
    }
    double out[4];
    assert_int_equal(ms_history_read_at(history, MS_RESOLUTION_SECOND, 0, 4, out), 4);
    assert_true(fabs(out[0] - 4.5) < 1e-6);
    assert_true(fabs(out[1] - (145.0 - 12) / 9) <= 0.5 / MS_HISTORY_STEPS);
    assert_true(fabs(out[2] - 24.5) < 1e-6);
    assert_true(fabs(out[3] - 32.0) < 1e-6); /* 30..34: the mean so far */
    assert_int_equal(ms_history_read(history, MS_RESOLUTION_TEN_SECONDS, 1, out), 1);
    ms_history_free(history);
}

static void test_points_are_kept_in_steps_and_large_ones_in_24_bits(void **state)
{
    (void)state;
    static const double values[] = {1.0 / 3, -1.0 / 3, 0.0004, 8191.99999, 8192.3, 1e9 + 1, 99.99};
    struct ms_history *history = ms_history_new(TENTH);
    double out[7];
    for (uint64_t t = 0; t < 7; t++) {
        assert_int_equal(ms_history_append(history, t, values[t]), 0);
    }
    assert_int_equal(ms_history_read(history, MS_RESOLUTION_FINE, 7, out), 7);
    for (size_t i = 0; i < 4; i++) {
        assert_true(fabs(out[i] - values[i]) <= 0.5 / MS_HISTORY_STEPS);
        assert_true(out[i] * MS_HISTORY_STEPS == round(out[i] * MS_HISTORY_STEPS));
    }
    assert_true(out[2] == 0 && !signbit(out[2]));
    assert_true(out[4] == (double)8192.3f && out[5] == (double)(float)(1e9 + 1));
    assert_int_equal((int)round(out[6] * 1000), 99990); /* two decimals stay as they were */
    ms_history_free(history);
}

/* Who writes it down as soon as it is whole writes what it stays. */
static void test_a_mean_is_in_steps_while_it_is_formed(void **state)
{
    (void)state;
    struct ms_history *history = ms_history_new(TENTH);
    float before;
    float after;
    for (uint64_t t = 0; t < 10; t++) {
        assert_int_equal(ms_history_append(history, t, t == 3 ? NAN : (double)t), 0);
    }
    ms_history_copy(history, MS_RESOLUTION_SECOND, 0, 1, &before);
    assert_int_equal(ms_history_append(history, 10, 1), 0);
    ms_history_copy(history, MS_RESOLUTION_SECOND, 0, 1, &after);
    assert_true(before == after && before == roundf(before * MS_HISTORY_STEPS) / MS_HISTORY_STEPS);
    ms_history_free(history);
}

static void test_skipped_ticks_are_missing(void **state)
{
    (void)state;
    struct ms_history *history = ms_history_new(TENTH);
    ms_history_append(history, 7, 1);
    ms_history_append(history, 10, 2);
    double out[4];
    assert_int_equal(ms_history_read(history, MS_RESOLUTION_FINE, 4, out), 2);
    assert_true(out[0] == 1 && isnan(out[1]) && isnan(out[2]) && out[3] == 2);
    assert_int_equal(ms_history_read_at(history, MS_RESOLUTION_FINE, 0, 4, out), 0);
    /* A gap longer than the ring holds nothing but what came after it. */
    ms_history_append(history, UINT64_C(1) << 40, 3);
    assert_int_equal(ms_history_read(history, MS_RESOLUTION_FINE, 4, out), 1);
    assert_true(isnan(out[2]) && out[3] == 3);
    for (uint64_t t = 1; t < 1000; t++) { /* and then it grows again */
        ms_history_append(history, (UINT64_C(1) << 40) + t, (double)t);
    }
    assert_int_equal(ms_history_read(history, MS_RESOLUTION_FINE, 4, out), 4);
    assert_true(out[0] == 996 && out[3] == 999);
    ms_history_free(history);
}

static void test_rings_are_bounded_and_keep_the_newest(void **state)
{
    (void)state;
    struct ms_history *history = ms_history_new(TENTH);
    const uint64_t ticks = 50000;
    for (uint64_t t = 0; t < ticks; t++) {
        assert_int_equal(ms_history_append(history, t, (double)t), 0);
    }
    static double out[9000];
    const size_t fine = ms_history_read(history, MS_RESOLUTION_FINE, 9000, out);
    assert_in_range(fine, 6000, 6001);
    for (size_t i = 9000 - fine; i < 9000; i++) {
        assert_true(out[i] == (double)(ticks - 9000 + i));
    }
    assert_in_range(ms_history_read(history, MS_RESOLUTION_SECOND, 9000, out), 3600, 3601);
    assert_true(fabs(out[8999] - 49994.5) < 0.01);
    assert_int_equal(ms_history_read(history, MS_RESOLUTION_TEN_SECONDS, 9000, out), 500);
    uint64_t first;
    uint64_t end;
    ms_history_range(history, &first, &end);
    assert_int_equal(end, ticks);
    assert_in_range(end - first, 6000, 6001);
    ms_history_free(history);
}

/* Runs of equal and of changing values, gaps, and a start in the middle, against plain arrays. */
static void test_against_a_plain_array(void **state)
{
    (void)state;
    enum { TICKS = 20000, START = 1237 };
    static double expected[START + TICKS];
    for (uint32_t seed = 1; seed <= 5; seed++) {
        struct ms_history *history = ms_history_new(TENTH);
        uint32_t random = seed * 2654435761u;
        double value = 0;
        for (uint64_t t = 0; t < START + TICKS; t++) {
            random = random * 1664525u + 1013904223u;
            const uint32_t draw = random >> 16;
            if (draw % 97 < seed * seed) {
                value = (double)(draw % 1000);
            }
            expected[t] = draw % 501 == 0 ? NAN : value;
            if (t < START || draw % 307 == 0) {
                expected[t] = NAN; /* no such tick */
            } else {
                assert_int_equal(ms_history_append(history, t, expected[t]), 0);
            }
        }
        uint64_t first;
        uint64_t end;
        ms_history_range(history, &first, &end);
        static double out[START + TICKS];
        ms_history_read_at(history, MS_RESOLUTION_FINE, 0, START + TICKS, out);
        for (uint64_t t = 0; t < START + TICKS; t++) {
            if (t < first || isnan(expected[t])) {
                assert_true(isnan(out[t]));
            } else {
                assert_true(out[t] == expected[t]);
            }
        }
        assert_in_range(end - first, 6000, 6001);
        ms_history_free(history);
    }
}

static void assert_reads_alike(const struct ms_history *one, const struct ms_history *other)
{
    static double points[2][9000];
    for (int r = 0; r < MS_RESOLUTION_COUNT; r++) {
        ms_history_read(one, (enum ms_resolution)r, 9000, points[0]);
        ms_history_read(other, (enum ms_resolution)r, 9000, points[1]);
        for (int i = 0; i < 9000; i++) {
            if (!(isnan(points[0][i]) && isnan(points[1][i])) && points[0][i] != points[1][i]) {
                fail_msg("resolution %d, point %d: %g and %g", r, i, points[0][i], points[1][i]);
            }
        }
    }
    uint64_t range[2][2];
    ms_history_range(one, &range[0][0], &range[0][1]);
    ms_history_range(other, &range[1][0], &range[1][1]);
    assert_int_equal(range[0][0], range[1][0]);
    assert_int_equal(range[0][1], range[1][1]);
}

static void copy_points(struct ms_history *to, const struct ms_history *from,
                        enum ms_resolution resolution, uint64_t first, uint64_t end)
{
    static float points[9000];
    assert_true(end >= first && end - first <= 9000);
    ms_history_copy(from, resolution, first, end - first, points);
    assert_int_equal(ms_history_fill(to, resolution, first, points, end - first), 0);
}

/* Points copied away while the history goes on, fine ones often and coarse ones now and then. */
static void test_filled_in_pieces_reads_as_if_appended(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        struct ms_history *history = ms_history_new(TENTH);
        struct ms_history *filled = ms_history_new(TENTH);
        uint32_t random = seed * 747796405u;
        uint64_t copied[MS_RESOLUTION_COUNT] = {123, 12, 1};
        double value = 0.1;
        assert_true(ms_history_is_empty(filled));
        for (uint64_t t = 123; t < 15000; t++) {
            random = random * 1664525u + 1013904223u;
            if ((random >> 16) % 3 < seed % 3) {
                value = value * 1.37 + 0.1;
                value = value > 1e9 ? 0.1 : value;
            }
            if ((random >> 16) % 211 != 0) {
                assert_int_equal(
                    ms_history_append(history, t, (random >> 16) % 97 == 0 ? (double)NAN : value),
                    0);
            }
            if (t % 300 == 7) {
                ms_history_append(history, t, 5);
                copy_points(filled, history, MS_RESOLUTION_FINE, copied[0], t + 1);
                copied[0] = t + 1;
            }
            if (t % 3000 == 7) {
                copy_points(filled, history, MS_RESOLUTION_SECOND, copied[1], t / 10);
                copy_points(filled, history, MS_RESOLUTION_TEN_SECONDS, copied[2], t / 100);
                copied[1] = t / 10;
                copied[2] = t / 100;
            }
        }
        ms_history_append(history, 15000, 5);
        copy_points(filled, history, MS_RESOLUTION_FINE, copied[0], 15001);
        assert_int_equal(ms_history_resume(filled), 0);
        assert_false(ms_history_is_empty(filled));
        assert_reads_alike(history, filled);
        for (uint64_t t = 15001; t < 16000; t++) {
            ms_history_append(history, t, (double)t / 3);
            ms_history_append(filled, t, (double)t / 3);
        }
        assert_reads_alike(history, filled);
        ms_history_free(history);
        ms_history_free(filled);
    }
}

static void test_filled_with_coarse_points_only_goes_on(void **state)
{
    (void)state;
    struct ms_history *history = ms_history_new(TENTH);
    const float points[] = {1, 2, NAN, 4};
    assert_int_equal(ms_history_fill(history, MS_RESOLUTION_TEN_SECONDS, 3, points, 4), 0);
    assert_int_equal(ms_history_fill(history, MS_RESOLUTION_TEN_SECONDS, 4, points, 3), 0);
    assert_int_equal(ms_history_resume(history), 0);
    double out[5];
    assert_int_equal(ms_history_read_at(history, MS_RESOLUTION_TEN_SECONDS, 3, 5, out), 3);
    assert_true(out[0] == 1 && out[1] == 2 && isnan(out[2]) && out[3] == 4 && isnan(out[4]));
    assert_int_equal(ms_history_append(history, 712, 9), 0);
    assert_int_equal(ms_history_read_at(history, MS_RESOLUTION_TEN_SECONDS, 3, 5, out), 4);
    assert_true(out[3] == 4 && out[4] == 9);
    assert_int_equal(ms_history_read_at(history, MS_RESOLUTION_FINE, 711, 2, out), 1);
    ms_history_free(history);
}

static void test_empty(void **state)
{
    (void)state;
    struct ms_history *history = ms_history_new(TENTH);
    double out[3];
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        assert_int_equal(ms_history_read(history, (enum ms_resolution)i, 3, out), 0);
        assert_true(isnan(out[0]) && isnan(out[1]) && isnan(out[2]));
    }
    assert_int_equal(ms_history_step(TENTH, MS_RESOLUTION_SECOND), 10);
    assert_int_equal(ms_history_step(2 * UINT64_C(1000000000), MS_RESOLUTION_SECOND), 1);
    ms_history_free(history);
    ms_history_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_newest_points_oldest_first),
        cmocka_unit_test(test_coarser_point_is_mean_of_what_it_covers),
        cmocka_unit_test(test_points_are_kept_in_steps_and_large_ones_in_24_bits),
        cmocka_unit_test(test_a_mean_is_in_steps_while_it_is_formed),
        cmocka_unit_test(test_skipped_ticks_are_missing),
        cmocka_unit_test(test_rings_are_bounded_and_keep_the_newest),
        cmocka_unit_test(test_against_a_plain_array),
        cmocka_unit_test(test_filled_in_pieces_reads_as_if_appended),
        cmocka_unit_test(test_filled_with_coarse_points_only_goes_on),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
