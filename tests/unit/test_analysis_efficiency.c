#include "analysis/efficiency.h"
#include "analysis_session.h"

/* Seconds of each second; NaN: not known. */
static struct ms_time_use use_of(double user, double system, double run_queue)
{
    return (struct ms_time_use){.span_ns = 10 * MS_SECOND_NS,
                                .threads = 1,
                                .cpu = user + system,
                                .user = user,
                                .system = system,
                                .run_queue = run_queue};
}

static void test_nothing_lost_is_100(void **state)
{
    (void)state;
    const struct ms_time_use use = use_of(0.9, 0, 0);
    const struct ms_efficiency found = ms_efficiency_of_use(&use);
    CLOSE(found.score, 100, 1e-9);
    assert_string_equal(found.sentence, "nothing lost, as far as known");
}

static void test_each_part_by_hand(void **state)
{
    (void)state;
    struct ms_time_use use = use_of(0.3, 0.1, 0.1);
    use.files = 0.7;
    use.files_blocked = 0.6;
    use.temporary = 4e6;
    const struct ms_efficiency found = ms_efficiency_of_use(&use);
    /* 0.7 s of calls explain all kernel time. */
    CLOSE(found.parts[MS_EFFICIENCY_CPU], 1, 1e-12);
    CLOSE(found.parts[MS_EFFICIENCY_WAITING], 0.4 / 0.5, 1e-12);
    CLOSE(found.parts[MS_EFFICIENCY_IO], 0.4 / 1.0, 1e-12);
    /* 4 million at 100 ns weigh 0.4 s, as much as all of its CPU time. */
    CLOSE(found.parts[MS_EFFICIENCY_CHURN], 0.5, 1e-12);
    CLOSE(found.score, 100 * 0.8 * sqrt(0.4) * 0.5, 1e-9);
    assert_string_equal(found.sentence,
                        "allocation churn: 10.0M temporary allocations per second on a core");
}

static void test_kernel_time_counts_when_no_call_explains_it(void **state)
{
    (void)state;
    struct ms_time_use use = use_of(0.5, 0.5, 0);
    use.sockets = 0.5;
    CLOSE(ms_efficiency_of_use(&use).score, 100, 1e-9);
    use.sockets = 0.25;
    CLOSE(ms_efficiency_of_use(&use).parts[MS_EFFICIENCY_CPU], 0.75, 1e-12);
    use.files = use.files_blocked = use.sockets = (double)NAN;
    const struct ms_efficiency unknown = ms_efficiency_of_use(&use);
    CLOSE(unknown.parts[MS_EFFICIENCY_CPU], 0.5, 1e-12);
    assert_true(isnan(unknown.parts[MS_EFFICIENCY_IO]));
    CLOSE(unknown.score, 100 * sqrt(0.5), 1e-9);
    assert_string_equal(unknown.sentence,
                        "CPU use: 50 % of its CPU time is kernel time; not known: I/O");
}

static void test_no_score_for_the_idle_and_the_unknown(void **state)
{
    (void)state;
    const struct ms_time_use idle = use_of(0.0005, 0, 0.0001);
    assert_true(isnan(ms_efficiency_of_use(&idle).score));
    assert_string_equal(ms_efficiency_of_use(&idle).sentence,
                        "no score: it did almost nothing in 10 s");
    const struct ms_time_use unknown = use_of((double)NAN, (double)NAN, (double)NAN);
    assert_true(isnan(ms_efficiency_of_use(&unknown).score));
    assert_string_equal(ms_efficiency_of_use(&unknown).sentence,
                        "no score: its CPU time is not known");
}

/* More of what is lost never makes the score better, and it stays within 0 to 100. */
static void test_bounded_and_monotonic(void **state)
{
    (void)state;
    const double steps[] = {0, 1e-6, 0.001, 0.1, 0.5, 0.9, 1, 10, 1e9};
    const size_t count = sizeof(steps) / sizeof(steps[0]);
    for (int member = 0; member < 4; member++) {
        double last = 101;
        for (size_t i = 0; i < count; i++) {
            struct ms_time_use use = use_of(0.5, member == 0 ? steps[i] : 0.1, 0.01);
            double *const lost[] = {&use.system, &use.run_queue, &use.files_blocked,
                                    &use.temporary};
            *lost[member] = steps[i] * (member == 3 ? 1e7 : 1);
            const double score = ms_efficiency_of_use(&use).score;
            assert_true(score >= 0 && score <= 100);
            assert_true(score <= last + 1e-9);
            last = score;
        }
    }
}

static void test_a_thread_over_its_window_and_its_life(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "worker");
    const struct doing fast = {.user = 0.8};
    const struct doing waits = {.user = 0.5, .run_queue = 0.5};
    session_run(&session, thread, &fast, 15);
    CLOSE(ms_efficiency_of_thread(session.model, thread).score, 100, 0.1);
    session_run(&session, thread, &waits, 15);
    /* The window has forgotten the good seconds. */
    CLOSE(ms_efficiency_of_thread(session.model, thread).score, 50, 0.1);
    ms_model_end_thread(session.model, thread->id, START + 30 * MS_SECOND_NS);
    /* 19.5 s on a core, 7.5 s without. */
    CLOSE(ms_efficiency_of_thread(session.model, thread).score, 100 * 19.5 / 27, 0.1);
    session_free(&session);
}

static void test_a_process_weighs_threads_by_their_time(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *busy = session_thread(&session, "busy");
    struct ms_thread *late = session_thread(&session, "late");
    const struct doing all = {.user = 0.9};
    const struct doing half = {.user = 0.1, .run_queue = 0.1};
    for (int i = 0; i < 150; i++) {
        work(busy, &all, 0.1);
        work(late, &half, 0.1);
        session_tick(&session);
    }
    CLOSE(ms_efficiency_of_thread(session.model, late).score, 50, 0.1);
    CLOSE(ms_efficiency_of_process(session.model, session.process).score, 100 * 1.0 / 1.1, 0.1);
    session_free(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_lost_is_100),
        cmocka_unit_test(test_each_part_by_hand),
        cmocka_unit_test(test_kernel_time_counts_when_no_call_explains_it),
        cmocka_unit_test(test_no_score_for_the_idle_and_the_unknown),
        cmocka_unit_test(test_bounded_and_monotonic),
        cmocka_unit_test(test_a_thread_over_its_window_and_its_life),
        cmocka_unit_test(test_a_process_weighs_threads_by_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
