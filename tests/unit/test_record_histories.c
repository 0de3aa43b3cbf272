/* Points of histories: whatever a history keeps is read back to the last bit; damage is told. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record/histories.h"

enum { TICKS = 400, AS_STEPS = 16 };

static const struct ms_history_name names[] = {
    {MS_HISTORY_OF_SYSTEM, 0, 0}, {MS_HISTORY_OF_SYSTEM, 0, 1}, {MS_HISTORY_OF_SYSTEM, 0, 2},
    {MS_HISTORY_OF_SUM, 0, 0},    {MS_HISTORY_OF_SUM, 0, 1},    {MS_HISTORY_OF_SUM, 0, 2},
    {MS_HISTORY_OF_SUM, 0, 3},    {MS_HISTORY_OF_SUM, 0, 4},    {MS_HISTORY_OF_SUM, 0, 5},
    {MS_HISTORY_OF_SUM, 0, 6},    {MS_HISTORY_OF_SUM, 0, 7},    {MS_HISTORY_OF_SUM, 0, 8},
};
enum { SORTS = sizeof names / sizeof names[0] };

static struct ms_model *model_with_histories(void)
{
    struct ms_model *model = ms_model_new(UINT64_C(100000000), 0, 0);
    assert_non_null(model);
    assert_int_equal(ms_model_begin_histories(model), 0);
    return model;
}

/* What figures do, and what none should. */
static double value(size_t sort, uint64_t tick)
{
    static const double edges[] = {DBL_MAX,   -INFINITY, 0x1p53, -FLT_MAX,  -0.0,       FLT_MIN,
                                   -8191.999, 8192.001,  -1e30,  0x1p-1074, -0x1p24 - 1};
    switch (sort) {
    case 0: /* percent, below and above 0 */
        return sin((double)tick / 9) * 100;
    case 1: /* pages: many low bits are 0 */
        return (double)((tick % 37) << 12) - 0x1p16;
    case 2: /* nothing is known for a while */
        return tick % 7 == 3 || tick > 390 ? NAN : (double)tick / 3;
    case 3: /* always the same */
        return -12.5;
    case 4:
        return edges[tick % (sizeof edges / sizeof edges[0])];
    case 5: /* more than steps can say, among those that they can */
        return tick == 200 ? INFINITY : (double)tick;
    case 6: /* as far apart as steps can be */
        return tick % 2 == 0 ? 0x1p41 : -0x1p41;
    case 7: /* as far apart as small ones */
        return tick % 2 == 0 ? 0x1.fffffep19 : -0x1.fffffep19;
    case 8: /* a little further */
        return tick % 2 == 0 ? 0x1p20 : -0x1p20;
    case 9: /* a rate, of which nothing is known at first */
        return tick < 3 ? NAN : (double)(tick % 11) * 0.125;
    case 10: /* so is this one, and then nothing happens */
        return tick < 3 ? NAN : 0;
    default: /* never known */
        return NAN;
    }
}

static void fill(struct ms_model *model)
{
    for (size_t sort = 0; sort < SORTS; sort++) {
        struct ms_history *history = ms_model_history(model, &names[sort]);
        assert_non_null(history);
        for (uint64_t tick = 0; tick < TICKS; tick++) {
            assert_int_equal(ms_history_append(history, tick, value(sort, tick)), 0);
        }
    }
}

static void assert_same_points(struct ms_model *one, struct ms_model *other, size_t sort,
                               enum ms_resolution resolution, size_t count)
{
    float points[2][TICKS];
    ms_history_copy(ms_model_history(one, &names[sort]), resolution, 0, count, points[0]);
    ms_history_copy(ms_model_history(other, &names[sort]), resolution, 0, count, points[1]);
    for (size_t i = 0; i < count; i++) {
        const float of_one = points[0][i];
        const float of_other = points[1][i];
        if (!(isnan(of_one) && isnan(of_other)) && memcmp(&of_one, &of_other, sizeof of_one) != 0) {
            fail_msg("sort %zu, resolution %d, point %zu: %a, not %a", sort, (int)resolution, i,
                     (double)of_other, (double)of_one);
        }
    }
}

static void test_every_point_comes_back(void **state)
{
    static const size_t counts[] = {TICKS, TICKS / 10, TICKS / 100};
    struct ms_model *model = model_with_histories();
    struct ms_model *other = model_with_histories();
    (void)state;
    fill(model);
    for (int r = 0; r < MS_RESOLUTION_COUNT; r++) {
        struct ms_pack pack = {0};
        assert_int_equal(ms_histories_write(&pack, model, (enum ms_resolution)r, 0, counts[r]), 0);
        struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
        assert_int_equal(ms_histories_read(&unpack, other, (enum ms_resolution)r, counts[r]), 0);
        assert_true(unpack.at == unpack.end);
        ms_pack_free(&pack);
    }
    assert_int_equal(ms_model_end_histories(other), 0);
    for (size_t sort = 0; sort < SORTS; sort++) {
        for (int r = 0; r < MS_RESOLUTION_COUNT; r++) {
            assert_same_points(model, other, sort, (enum ms_resolution)r, counts[r]);
        }
    }
    ms_model_free(model);
    ms_model_free(other);
}

/* What is not known at first does not make the points behind it take more. */
static void test_a_rate_that_is_0_takes_next_to_nothing(void **state)
{
    struct ms_model *model = model_with_histories();
    struct ms_pack pack = {0};
    (void)state;
    struct ms_history *history = ms_model_history(model, &names[0]);
    for (uint64_t tick = 0; tick < TICKS; tick++) {
        assert_int_equal(ms_history_append(history, tick, tick < 3 ? NAN : 0), 0);
    }
    assert_int_equal(ms_histories_write(&pack, model, MS_RESOLUTION_FINE, 0, TICKS), 0);
    assert_in_range(pack.used, 1, 40);
    ms_pack_free(&pack);
    ms_model_free(model);
}

/* One series of three points; the differences behind the first are 1 and -1. */
static int read_hostile(float first, uint8_t form, uint64_t shift)
{
    struct ms_model *model = model_with_histories();
    struct ms_pack pack = {0};
    ms_pack_u64(&pack, MS_RESOLUTION_FINE);
    ms_pack_u64(&pack, 0);
    ms_pack_u64(&pack, 3);
    ms_pack_u64(&pack, MS_HISTORY_OF_SYSTEM + 1);
    ms_pack_u64(&pack, 0);
    ms_pack_u64(&pack, 0);
    ms_pack_u64(&pack, 0);
    ms_pack_u64(&pack, 3);
    ms_pack_f32(&pack, first);
    ms_pack_bytes(&pack, &form, 1);
    ms_pack_u64(&pack, shift);
    ms_pack_i64(&pack, 1);
    ms_pack_i64(&pack, -1);
    ms_pack_u64(&pack, 0);
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    const int error = ms_histories_read(&unpack, model, MS_RESOLUTION_FINE, 3);
    ms_pack_free(&pack);
    ms_model_free(model);
    return error;
}

static void test_what_nobody_writes_is_refused_or_harmless(void **state)
{
    (void)state;
    assert_int_equal(read_hostile(1.5F, AS_STEPS, 0), 0);
    assert_int_equal(read_hostile(1.5F, AS_STEPS, 63), 0);
    assert_int_equal(read_hostile(1.5F, AS_STEPS, 64), -EBADMSG);
    assert_int_equal(read_hostile(1.5F, 2 * AS_STEPS, 0), -EBADMSG); /* not in this version */
    assert_int_equal(read_hostile(NAN, AS_STEPS, 0), -EBADMSG);
    assert_int_equal(read_hostile(-INFINITY, AS_STEPS, 0), -EBADMSG);
    assert_int_equal(read_hostile(0.1F, AS_STEPS, 0), -EBADMSG); /* is no number of steps */
    assert_int_equal(read_hostile(0x1p60F, AS_STEPS, 0), -EBADMSG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_point_comes_back),
        cmocka_unit_test(test_a_rate_that_is_0_takes_next_to_nothing),
        cmocka_unit_test(test_what_nobody_writes_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
