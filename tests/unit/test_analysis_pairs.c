#include "analysis/pairs.h"
#include "analysis_session.h"

static const struct ms_scope everything;
static const struct ms_axis cpu = {MS_SERIES_OF_THREAD, MS_SERIES_CPU_PCT};
static const struct ms_axis allocated = {MS_SERIES_OF_THREAD, MS_SERIES_ALLOCATED_PER_S};
static const struct ms_axis io_calls = {MS_SERIES_OF_THREAD, MS_SERIES_IO_CALLS_PER_S};

/* Threads whose allocation goes with their CPU time: 64 kB for each percent. */
static struct session correlated(size_t threads, unsigned seconds)
{
    struct session session = session_new();
    for (size_t i = 0; i < threads; i++) {
        session_thread(&session, "worker");
    }
    for (unsigned tick = 0; tick < 10 * seconds; tick++) {
        for (size_t i = 0; i < threads; i++) {
            const double share = (double)((tick / 30 + 3 * i) % 7 + 1) / 10;
            const struct doing doing = {.user = share, .allocations = 1e5 * share};
            work(ms_model_thread_mutable(session.model, (uint32_t)i + 1), &doing, 0.1);
        }
        session_tick(&session);
    }
    return session;
}

static void test_points_of_one_thread(void **state)
{
    (void)state;
    struct session session = correlated(3, 60);
    const struct ms_scope one = {.thread_id = 2};
    struct ms_scatter scatter;
    assert_int_equal(
        ms_scatter_of(session.model, &one, cpu, allocated, io_calls, 50, 1000, &scatter), 0);
    assert_int_equal(scatter.count, 50);
    assert_int_equal(scatter.threads, 1);
    assert_int_equal(scatter.points[0].thread_id, 2);
    /* Newest first, a second apart. */
    assert_int_equal(scatter.points[0].at_ns, START + 59 * MS_SECOND_NS);
    assert_int_equal(scatter.points[0].at_ns - scatter.points[1].at_ns, MS_SECOND_NS);
    assert_true(scatter.fit.defined);
    CLOSE(scatter.fit.pearson_r, 1, 0.001);
    CLOSE(scatter.fit.slope, 64000, 100);
    CLOSE(scatter.fit.intercept, 0, 10000);
    CLOSE(scatter.low_x, 10, 0.1);
    CLOSE(scatter.high_x, 70, 0.1);
    /* No I/O at all: the intensity is known, and 0. */
    CLOSE(scatter.points[7].intensity, 0, 1e-9);
    ms_scatter_free(&scatter);
    session_free(&session);
}

static void test_pooled(void **state)
{
    (void)state;
    struct session session = correlated(3, 60);
    struct ms_scatter scatter;
    assert_int_equal(
        ms_scatter_of(session.model, &everything, cpu, allocated, io_calls, 20, 1000, &scatter), 0);
    assert_int_equal(scatter.count, 60);
    assert_int_equal(scatter.threads, 3);
    ms_scatter_free(&scatter);
    /* At most so many, the newest. */
    assert_int_equal(
        ms_scatter_of(session.model, &everything, cpu, allocated, io_calls, 20, 6, &scatter), 0);
    assert_int_equal(scatter.count, 6);
    assert_int_equal(scatter.points[5].at_ns, START + 58 * MS_SECOND_NS);
    ms_scatter_free(&scatter);
    session_free(&session);
}

static void test_one_pair_of_one_thing(void **state)
{
    (void)state;
    struct session session = correlated(3, 60);
    const struct ms_scope one = {.thread_id = 2};
    struct ms_scatter scatter;
    struct ms_correlation fit;
    /* A second that has just begun, in which all is different, is no point yet. */
    const struct doing odd = {.user = 0.9};
    work(ms_model_thread_mutable(session.model, 2), &odd, 0.1);
    session_tick(&session);
    assert_int_equal(
        ms_scatter_of(session.model, &one, cpu, allocated, io_calls, 3600, 9999, &scatter), 0);
    struct ms_history *const *history = ms_model_thread_by_id(session.model, 2)->history;
    assert_int_equal(
        ms_pair_fit(session.model, history[cpu.series], history[allocated.series], 3600, &fit), 0);
    assert_true(fit.defined);
    assert_int_equal(fit.n, scatter.fit.n);
    CLOSE(fit.pearson_r, scatter.fit.pearson_r, 1e-9);
    CLOSE(fit.slope, scatter.fit.slope, 1e-3);
    assert_int_equal(ms_pair_fit(session.model, history[cpu.series], NULL, 3600, &fit), 0);
    assert_false(fit.defined);
    ms_scatter_free(&scatter);
    session_free(&session);
}

static void test_nothing_to_show(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_scatter scatter;
    char text[100] = "x";
    struct ms_pair pairs[4];
    assert_int_equal(
        ms_scatter_of(session.model, &everything, cpu, allocated, io_calls, 20, 6, &scatter), 0);
    assert_int_equal(scatter.count, 0);
    assert_false(scatter.fit.defined);
    assert_true(isnan(scatter.low_x));
    ms_scatter_free(&scatter);
    assert_string_equal(ms_pattern_text(session.model, &everything, 60, text, sizeof(text)), "");
    assert_int_equal(ms_pairs_of(session.model, &everything, MS_SERIES_OF_THREAD, 60, pairs, 4), 4);
    assert_false(pairs[0].fit.defined);
    session_free(&session);
}

static void test_the_strongest_pair_first(void **state)
{
    (void)state;
    struct session session = correlated(3, 60);
    struct ms_pair pairs[100];
    const size_t count =
        ms_pairs_of(session.model, &everything, MS_SERIES_OF_THREAD, 60, pairs, 100);
    const size_t series = (size_t)MS_SERIES_COUNT;
    /* Bytes of I/O contain those of sockets: that pair is none. */
    assert_int_equal(count, series * (series - 1) / 2 - 1);
    assert_int_equal(pairs[0].x.series, MS_SERIES_CPU_PCT);
    assert_int_equal(pairs[0].y.series, MS_SERIES_ALLOCATED_PER_S);
    for (size_t i = 1; i < count; i++) {
        assert_true(!pairs[i].fit.defined ||
                    (pairs[i - 1].fit.defined &&
                     fabs(pairs[i - 1].fit.pearson_r) >= fabs(pairs[i].fit.pearson_r)));
    }
    char text[100];
    assert_non_null(
        strstr(ms_pattern_text(session.model, &everything, 60, text, sizeof(text)), "allocating"));
    session_free(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_of_one_thread),     cmocka_unit_test(test_pooled),
        cmocka_unit_test(test_one_pair_of_one_thing),    cmocka_unit_test(test_nothing_to_show),
        cmocka_unit_test(test_the_strongest_pair_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
