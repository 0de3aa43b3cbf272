#include "analysis/anomaly.h"
#include "analysis_session.h"

/* Values of a series, made by a generator that is the same in every run. */
static uint64_t seed;

static double uniform(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * 3.14159265358979323846 * uniform());
}

#define SERIES_MAX 200u

/* A session of which only run-queue wait is known, as `shape` makes it each second: of up to
 * SERIES_MAX threads at once. Returns how many anomalies began, and the first of them. */
static size_t anomalies_of(double (*shape)(unsigned second, size_t thread), unsigned seconds,
                           size_t threads, struct ms_anomaly *first)
{
    struct session session = {.model = ms_model_new(MS_SECOND_NS, START, 0)};
    struct ms_anomalies *anomalies = ms_anomalies_new();
    uint64_t waited[SERIES_MAX] = {0};
    assert_non_null(anomalies);
    assert_non_null(ms_model_add_process(session.model, PROCESS));
    for (size_t i = 0; i < threads; i++) {
        struct ms_thread *thread = ms_model_add_thread(session.model, PROCESS);
        thread->kernel.have = MS_HAVE_RUN_QUEUE;
        (void)snprintf(thread->name, sizeof(thread->name), "worker-%zu", i);
    }
    seed = 20261121;
    for (unsigned second = 0; second < seconds; second++) {
        for (size_t i = 0; i < threads; i++) {
            waited[i] += (uint64_t)(shape(second, i) * 1e7);
            ms_model_thread_mutable(session.model, (uint32_t)i + 1)->kernel.run_queue_wait_ns =
                waited[i];
        }
        assert_int_equal(ms_model_tick_end(session.model, START + (second + 1) * MS_SECOND_NS), 0);
        assert_int_equal(ms_anomalies_update(anomalies, session.model), 0);
    }
    /* The process has the sum of its threads, which is another series. */
    size_t count = 0;
    for (size_t i = 0; i < ms_anomalies_count(anomalies); i++) {
        const struct ms_anomaly *anomaly = ms_anomalies_at(anomalies, i);
        if (anomaly->thread_id != 0) {
            count++;
            *first = *anomaly;
        }
    }
    ms_anomalies_free(anomalies);
    ms_model_free(session.model);
    return count;
}

static double flat(unsigned second, size_t thread)
{
    (void)second;
    (void)thread;
    return 12;
}

static double gaussian(unsigned second, size_t thread)
{
    (void)second;
    (void)thread;
    return fmax(0, 200 + 20 * normal());
}

static double exponential(unsigned second, size_t thread)
{
    (void)second;
    (void)thread;
    return -30 * log(uniform());
}

/* Noise that remembers: each second is nine tenths of the one before. */
static double wandering(unsigned second, size_t thread)
{
    static double at[SERIES_MAX];
    at[thread] = second == 0 ? 0 : 0.9 * at[thread] + 20 * normal();
    return fmax(0, 400 + at[thread]);
}

static double ramp(unsigned second, size_t thread)
{
    (void)thread;
    return second + normal();
}

static double step(unsigned second, size_t thread)
{
    (void)thread;
    return (second < 200 ? 12 : 80) + normal();
}

static double there_and_back(unsigned second, size_t thread)
{
    (void)thread;
    return (second < 200 || second >= 230 ? 12 : 80) + normal();
}

/* 5 s of every 30. */
static double pulses(unsigned second, size_t thread)
{
    (void)thread;
    return (second % 30 < 5 ? 80 : 5) + normal();
}

static double half_and_half(unsigned second, size_t thread)
{
    (void)thread;
    return (second % 20 < 10 ? 80 : 5) + normal();
}

static double spike(unsigned second, size_t thread)
{
    (void)thread;
    return (second == 200 ? 90 : 12) + normal();
}

static double small_change(unsigned second, size_t thread)
{
    (void)thread;
    return second < 200 ? 12 : 18;
}

static void test_what_is_none(void **state)
{
    (void)state;
    struct ms_anomaly anomaly;
    assert_int_equal(anomalies_of(flat, 600, 1, &anomaly), 0);
    assert_int_equal(anomalies_of(ramp, 600, 1, &anomaly), 0);
    assert_int_equal(anomalies_of(half_and_half, 600, 1, &anomaly), 0);
    /* Six points of a percent do not matter, however steady it was. */
    assert_int_equal(anomalies_of(small_change, 600, 1, &anomaly), 0);
}

/* False alarms in a million series-seconds, noise that is far larger than what matters. */
static void test_false_alarms(void **state)
{
    (void)state;
    struct ms_anomaly anomaly;
    const struct {
        const char *name;
        double (*shape)(unsigned second, size_t thread);
        double most;
    } noises[] = {
        {"gaussian", gaussian, 2}, {"wandering", wandering, 10}, {"exponential", exponential, 40}};
    for (size_t i = 0; i < sizeof(noises) / sizeof(noises[0]); i++) {
        const size_t found = anomalies_of(noises[i].shape, 2530, SERIES_MAX, &anomaly);
        const double rate = (double)found * 1e6 / (2500.0 * SERIES_MAX);
        print_message("%s noise: %.0f false alarms in a million series-seconds\n", noises[i].name,
                      rate);
        assert_true(rate <= noises[i].most);
    }
}

static void test_a_step_is_one(void **state)
{
    (void)state;
    struct ms_anomaly anomaly = {0};
    assert_int_equal(anomalies_of(step, 600, 1, &anomaly), 1);
    assert_int_equal(anomaly.at_ns, START + 200 * MS_SECOND_NS);
    assert_int_equal(anomaly.end_ns, START + (200 + MS_ANOMALY_LONGEST) * MS_SECOND_NS);
    assert_int_equal(anomaly.series, MS_SERIES_RUN_QUEUE_PCT);
    assert_int_equal(anomaly.thread_id, 1);
    CLOSE(anomaly.median, 12, 1);
    CLOSE(anomaly.value, 80, 4);
    assert_true(anomaly.z > 20);
    /* It ends when it is over. */
    assert_int_equal(anomalies_of(there_and_back, 600, 1, &anomaly), 1);
    assert_int_equal(anomaly.at_ns, START + 200 * MS_SECOND_NS);
    assert_int_equal(anomaly.end_ns, START + 230 * MS_SECOND_NS);
}

static void test_a_spike_is_one(void **state)
{
    (void)state;
    struct ms_anomaly anomaly = {0};
    assert_int_equal(anomalies_of(spike, 600, 1, &anomaly), 1);
    assert_int_equal(anomaly.at_ns, START + 200 * MS_SECOND_NS);
    assert_int_equal(anomaly.end_ns, START + 201 * MS_SECOND_NS);
}

/* What comes back every 30 s is told at most once or twice. */
static void test_a_pattern_is_learned(void **state)
{
    (void)state;
    struct ms_anomaly anomaly;
    assert_in_range(anomalies_of(pulses, 3000, 1, &anomaly), 0, 2);
}

static void test_robust_z_by_hand(void **state)
{
    (void)state;
    double past[25];
    double median;
    double deviation;
    for (int i = 0; i < 25; i++) {
        past[i] = i;
    }
    /* Median 12, MAD 6. */
    CLOSE(ms_robust_z(past, 25, 30, &median, &deviation), 0.6745 * 18 / 6, 1e-9);
    CLOSE(median, 12, 1e-9);
    CLOSE(deviation, 6 / 0.6745, 1e-9);
    past[3] = (double)NAN;
    assert_true(isfinite(ms_robust_z(past, 25, 30, NULL, NULL)));
    assert_true(isnan(ms_robust_z(past, 19, 30, NULL, NULL)));
    assert_true(isnan(ms_robust_z(past, 25, (double)NAN, NULL, NULL)));
    for (int i = 0; i < 25; i++) {
        past[i] = 5;
    }
    assert_true(isnan(ms_robust_z(past, 25, 5, NULL, NULL)));
    assert_true(isinf(ms_robust_z(past, 25, 6, NULL, NULL)) > 0);
    assert_true(ms_robust_z(past, 25, 4, NULL, NULL) < 0);
    /* MAD 0: one of 25 is 30, the mean absolute deviation is 1. */
    past[7] = 30;
    CLOSE(ms_robust_z(past, 25, 10, NULL, NULL), 5 / 1.2533, 1e-9);
}

static void test_text(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "worker-3");
    struct ms_anomaly anomaly = {.of = MS_SERIES_OF_THREAD,
                                 .series = MS_SERIES_CPU_PCT,
                                 .process_id = PROCESS,
                                 .thread_id = thread->id,
                                 .value = 97,
                                 .median = 12,
                                 .z = 8.06};
    char text[200];
    assert_string_equal(ms_anomaly_text(&anomaly, session.model, text, sizeof(text)),
                        "CPU of worker-3 97.0 %, usually 12.0 % (z 8.1)");
    anomaly.z = (double)INFINITY;
    anomaly.thread_id = 0;
    anomaly.of = MS_SERIES_OF_PROCESS;
    anomaly.series = MS_PROCESS_SERIES_RSS_BYTES;
    anomaly.value = 3e8;
    anomaly.median = 1e8;
    assert_string_equal(ms_anomaly_text(&anomaly, session.model, text, sizeof(text)),
                        "RSS of app (pid 100) 300MB, usually 100MB");
    session_free(&session);
}

/* A thread that ends takes its anomaly along, and is watched no more. */
static void test_an_anomaly_ends_with_its_thread(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_anomalies *anomalies = ms_anomalies_new();
    struct ms_thread *thread = session_thread(&session, "worker");
    const struct doing little = {.user = 0.1};
    const struct doing much = {.user = 0.9};
    for (int i = 0; i < 630; i++) {
        work(thread, i < 600 ? &little : &much, 0.1);
        session_tick(&session);
        assert_int_equal(ms_anomalies_update(anomalies, session.model), 0);
    }
    bool found = false;
    for (size_t i = 0; i < ms_anomalies_count(anomalies); i++) {
        const struct ms_anomaly *anomaly = ms_anomalies_at(anomalies, i);
        found = found || (anomaly->thread_id != 0 && anomaly->end_ns == 0);
    }
    assert_true(found);
    ms_model_end_thread(session.model, thread->id, START + 63 * MS_SECOND_NS);
    for (int i = 0; i < 10; i++) {
        session_tick(&session);
        assert_int_equal(ms_anomalies_update(anomalies, session.model), 0);
    }
    for (size_t i = 0; i < ms_anomalies_count(anomalies); i++) {
        const struct ms_anomaly *anomaly = ms_anomalies_at(anomalies, i);
        assert_true(anomaly->thread_id == 0 || anomaly->end_ns != 0);
    }
    ms_anomalies_free(anomalies);
    session_free(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_robust_z_by_hand),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_false_alarms),
        cmocka_unit_test(test_a_step_is_one),
        cmocka_unit_test(test_a_spike_is_one),
        cmocka_unit_test(test_a_pattern_is_learned),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_an_anomaly_ends_with_its_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
