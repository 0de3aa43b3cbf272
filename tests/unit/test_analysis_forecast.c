#include "analysis/forecast.h"
#include "analysis_session.h"

static uint64_t seed;

static double uniform(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

#define LIMIT_BYTES 1000e6

/* The forecast of memory.max when the group's memory went like `shape`, in bytes. */
static struct ms_forecast forecast_after(double (*shape)(unsigned second), unsigned seconds)
{
    struct session session = session_new();
    struct ms_cgroup *cgroup = &session.process->resources.cgroup;
    struct ms_forecast found[MS_LIMIT_TOTAL];
    cgroup->have = true;
    cgroup->cpus = (double)NAN;
    cgroup->memory_max_bytes = (uint64_t)LIMIT_BYTES;
    cgroup->processes_max = MS_NO_LIMIT;
    seed = 5;
    for (unsigned second = 0; second < seconds; second++) {
        cgroup->memory_bytes = (uint64_t)shape(second);
        for (int i = 0; i < 10; i++) {
            session_tick(&session);
        }
    }
    assert_int_equal(ms_forecast_of(session.model, session.process, found), 1);
    assert_int_equal(found[0].kind, MS_LIMIT_CGROUP_MEMORY);
    session_free(&session);
    return found[0];
}

static double ramp(unsigned second)
{
    return 100e6 + 2e6 * second;
}

static double noisy_ramp(unsigned second)
{
    return 100e6 + 2e6 * second + 40e6 * uniform();
}

static double noise(unsigned second)
{
    (void)second;
    return 300e6 + 100e6 * uniform();
}

static double flat(unsigned second)
{
    (void)second;
    return 300e6;
}

static double saw(unsigned second)
{
    return 200e6 + 10e6 * (second % 17);
}

static double leaking_saw(unsigned second)
{
    return 100e6 + 2e6 * second + 3e6 * (second % 10);
}

static double saturating(unsigned second)
{
    return 800e6 * (1 - exp(-(double)second / 40));
}

static double shrinking(unsigned second)
{
    return 900e6 - 2e6 * second;
}

static double outliers(unsigned second)
{
    return 100e6 + 2e6 * second + (second % 9 == 0 ? 300e6 : 0);
}

static void test_ramps(void **state)
{
    (void)state;
    double (*const ramps[])(unsigned) = {ramp, noisy_ramp, leaking_saw, outliers};
    for (size_t i = 0; i < sizeof(ramps) / sizeof(ramps[0]); i++) {
        /* 2 MB a second over 200 s. */
        const struct ms_forecast found = forecast_after(ramps[i], 200);
        const double left = (LIMIT_BYTES - found.used) / 2e6;
        CLOSE(found.slope_per_s, 2e6, 0.05 * 2e6);
        CLOSE(found.seconds_left, left, 0.05 * left);
        assert_true(found.low_s <= found.seconds_left && found.seconds_left <= found.high_s);
        assert_true(found.confidence > 0 && found.confidence <= 1);
    }
    const struct ms_forecast sure = forecast_after(ramp, 200);
    assert_true(sure.confidence > 0.99);
    assert_string_equal(
        sure.sentence,
        "memory limit of the control group of 1.00GB in about 4 min (4 min to 4 min), 50 % used");
}

static void test_quiet_when_it_does_not_grow(void **state)
{
    (void)state;
    double (*const quiet[])(unsigned) = {flat, noise, saw, shrinking};
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        const struct ms_forecast found = forecast_after(quiet[i], 200);
        assert_true(isinf(found.seconds_left) || found.confidence < 0.3);
    }
    assert_true(isinf(forecast_after(flat, 200).seconds_left));
    assert_true(isinf(forecast_after(noise, 200).seconds_left));
    assert_true(isinf(forecast_after(shrinking, 200).seconds_left));
    assert_non_null(strstr(forecast_after(flat, 200).sentence, "30 % used, not growing"));
}

/* What saturates below the limit is not foreseen to reach it soon. */
static void test_saturation(void **state)
{
    (void)state;
    const struct ms_forecast found = forecast_after(saturating, 200);
    /* By its mean slope it would be there in a minute or so. */
    assert_true(found.seconds_left > 600);
}

static void test_too_early(void **state)
{
    (void)state;
    const struct ms_forecast found = forecast_after(ramp, 15);
    assert_true(isnan(found.seconds_left) && isnan(found.slope_per_s));
    assert_int_equal((int)found.confidence, 0);
    assert_non_null(strstr(found.sentence, "too early"));
    /* Half a window is half as sure. */
    CLOSE(forecast_after(ramp, 81).confidence, 0.5, 0.05);
}

static void test_theil_sen_by_hand(void **state)
{
    (void)state;
    const double x[] = {0, 1, 2, 3, 4};
    const double y[] = {0, 1, 2, 3, 100};
    double slope;
    double low;
    double high;
    assert_true(ms_theil_sen(x, y, 5, &slope, &low, &high));
    /* 1 six times, then 97, 49, 33, 25: the middle of ten is (1 + 1) / 2. */
    CLOSE(slope, 1, 1e-12);
    assert_true(low <= slope && slope <= high);
    assert_false(ms_theil_sen(x, y, 4, &slope, &low, &high));
    const double same[] = {1, 1, 1, 1, 1};
    assert_false(ms_theil_sen(same, y, 5, &slope, &low, &high));
}

static void test_which_limits_there_are(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_process *process = session.process;
    struct ms_forecast found[MS_LIMIT_TOTAL];
    assert_int_equal(ms_forecast_of(session.model, process, found), 0);
    process->resources.limits = (struct ms_resource_limits){
        .have = true, .address_space_bytes = 1000, .data_bytes = MS_NO_LIMIT, .files = 100};
    process->resources.files.have = true;
    process->resources.files.all = 98;
    process->kernel.virtual_bytes = 500;
    session_tick(&session);
    assert_int_equal(ms_forecast_of(session.model, process, found), 2);
    /* Nothing grows: the fullest first. */
    assert_int_equal(found[0].kind, MS_LIMIT_FILES);
    assert_int_equal(found[1].kind, MS_LIMIT_ADDRESS_SPACE);
    ms_model_system_mutable(session.model)->memory_total_bytes = 1000;
    ms_model_system_mutable(session.model)->memory_available_bytes = 10;
    assert_int_equal(ms_forecast_of(session.model, process, found), 3);
    assert_int_equal(found[0].kind, MS_LIMIT_MACHINE_MEMORY);
    process->end_ns = START + MS_SECOND_NS;
    assert_int_equal(ms_forecast_of(session.model, process, found), 0);
    session_free(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ramps),
        cmocka_unit_test(test_quiet_when_it_does_not_grow),
        cmocka_unit_test(test_saturation),
        cmocka_unit_test(test_too_early),
        cmocka_unit_test(test_theil_sen_by_hand),
        cmocka_unit_test(test_which_limits_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
