#include "analysis/ranking.h"
#include "analysis/rule.h"
#include "analysis_session.h"

#include <errno.h>
#include <inttypes.h>

static char error[256];

static double value_of(const char *text, enum ms_rule_of of)
{
    struct ms_rule rule;
    assert_int_equal(ms_rule_parse(text, of, &rule, error, sizeof error), 0);
    assert_string_equal(rule.text, text);
    return rule.value;
}

static const char *error_of(const char *text, enum ms_rule_of of)
{
    struct ms_rule rule;
    assert_int_equal(ms_rule_parse(text, of, &rule, error, sizeof error), -EINVAL);
    return error;
}

static void test_values_are_taken_in_the_unit_of_the_metric(void **state)
{
    (void)state;
    CLOSE(value_of("peak_bytes>1M", MS_RULE_OF_SESSION), 1e6, 0);
    CLOSE(value_of("peak_bytes > 1.5MB ", MS_RULE_OF_SESSION), 1.5e6, 0);
    CLOSE(value_of("peak_bytes>2Mi", MS_RULE_OF_SESSION), 2097152, 0);
    CLOSE(value_of("allocations>=20k", MS_RULE_OF_SESSION), 20000, 0);
    CLOSE(value_of("temporary_percent<50%", MS_RULE_OF_SESSION), 50, 0);
    CLOSE(value_of("duration_ms>2s", MS_RULE_OF_SESSION), 2000, 0);
    CLOSE(value_of("duration_ms>250", MS_RULE_OF_SESSION), 250, 0);
    CLOSE(value_of("read_mean_us>2ms", MS_RULE_OF_THREAD), 2000, 1e-9);
    CLOSE(value_of("read_mean_us>1500ns", MS_RULE_OF_THREAD), 1.5, 1e-9);
    CLOSE(value_of("freed_ratio<90%", MS_RULE_OF_THREAD), 0.9, 1e-12);
    CLOSE(value_of("growth_bytes_per_s<-3kB/s", MS_RULE_OF_THREAD), -3000, 0);
    CLOSE(value_of("efficiency_score<80", MS_RULE_OF_THREAD), 80, 0);
}

static void test_each_comparison(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ms_comparison comparison;
    } rows[] = {{"threads<1", MS_LESS},   {"threads <= 1", MS_AT_MOST},
                {"threads>1", MS_MORE},   {" threads>=1", MS_AT_LEAST},
                {"threads==1", MS_EQUAL}, {"threads!=1", MS_UNEQUAL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ms_rule rule;
        assert_int_equal(
            ms_rule_parse(rows[i].text, MS_RULE_OF_SESSION, &rule, error, sizeof error), 0);
        assert_int_equal(rule.comparison, rows[i].comparison);
        assert_int_equal(rule.metric, MS_SESSION_METRIC_THREADS);
    }
}

static void test_what_is_wrong_is_said(void **state)
{
    (void)state;
    assert_string_equal(error_of("likly_leak_byte>1M", MS_RULE_OF_SESSION),
                        "'likly_leak_byte' is no metric; the nearest metric of a session is "
                        "likely_leak_bytes");
    assert_string_equal(error_of("eficiency<80", MS_RULE_OF_THREAD),
                        "'eficiency' is no metric; the nearest metric of threads is "
                        "efficiency_score");
    assert_non_null(strstr(error_of("cpu_percent>80", MS_RULE_OF_SESSION),
                           "'cpu_percent' is a metric of threads; the nearest"));
    assert_string_equal(error_of("allocations>5M%", MS_RULE_OF_SESSION),
                        "'5M%' is not a value of allocations; give a number, as 1000 or 1k");
    assert_string_equal(error_of("peak_bytes>3s", MS_RULE_OF_SESSION),
                        "'3s' is not a value of peak_bytes; give bytes, as 1M or 512Ki");
    static const char *const none[] = {"",       "peak_bytes",    "peak_bytes 1M", ">1M",
                                       "a b>1M", "peak_bytes=1M", "\033[2J>1"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_non_null(strstr(error_of(none[i], MS_RULE_OF_SESSION), "is not a rule; give METRIC"));
        assert_null(strchr(error, '\033'));
    }
    static const char *const bad[] = {"threads>",    "threads>inf", "threads>nan",   "threads>0x10",
                                      "threads>1MM", "threads>1kM", "threads>1e999", "threads>--1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_non_null(strstr(error_of(bad[i], MS_RULE_OF_SESSION), "is not a value of threads"));
    }
}

static enum ms_rule_result judge(const char *text, const struct session *session,
                                 const char **because)
{
    struct ms_rule rule;
    assert_int_equal(ms_rule_parse(text, MS_RULE_OF_SESSION, &rule, error, sizeof error), 0);
    return ms_rule_session(&rule, session->model, NULL, NULL, because);
}

static void test_figures_of_a_session(void **state)
{
    (void)state;
    struct session session = session_new();
    session.process->totals = (struct ms_heap){.allocations = 200,
                                               .deallocations = 190,
                                               .bytes_allocated = 5000,
                                               .bytes_freed = 4000,
                                               .peak_bytes = 3000,
                                               .temporary = 50};
    session.process->kernel.peak_rss_bytes = 7000000;
    session.process->kernel.user_ns = 1500 * UINT64_C(1000000);
    session_thread(&session, "main");
    const char *because = "";
    assert_int_equal(judge("peak_bytes>2999", &session, &because), MS_RULE_HOLDS);
    assert_null(because);
    assert_int_equal(judge("peak_bytes>3000", &session, NULL), MS_RULE_HOLDS_NOT);
    assert_int_equal(judge("current_bytes==1000", &session, NULL), MS_RULE_HOLDS);
    assert_int_equal(judge("temporary_percent>=25%", &session, NULL), MS_RULE_HOLDS);
    assert_int_equal(judge("peak_rss_bytes==7M", &session, NULL), MS_RULE_HOLDS);
    assert_int_equal(judge("cpu_ms==1.5s", &session, NULL), MS_RULE_HOLDS);
    assert_int_equal(judge("threads!=1", &session, NULL), MS_RULE_HOLDS_NOT);
    assert_int_equal(judge("processes<=1", &session, NULL), MS_RULE_HOLDS);
    ms_model_free(session.model);
}

static void test_what_is_not_known_holds_never_and_says_why(void **state)
{
    (void)state;
    struct session session = session_new();
    const char *because = NULL;
    assert_int_equal(judge("not_freed_bytes>=0", &session, &because), MS_RULE_UNKNOWN);
    assert_string_equal(because, "no process whose heap was seen has ended");
    assert_int_equal(judge("likely_leaks>=0", &session, &because), MS_RULE_UNKNOWN);
    assert_string_equal(because, "nothing was judged on the way");
    assert_int_equal(judge("temporary_percent>=0", &session, &because), MS_RULE_UNKNOWN);
    assert_string_equal(because, "nothing was allocated");
    session.process->seen = MS_SEEN_NONE;
    snprintf(session.process->seen_because, sizeof session.process->seen_because, "static");
    assert_int_equal(judge("peak_bytes>=0", &session, &because), MS_RULE_UNKNOWN);
    assert_string_equal(because, "static");
    struct ms_process *seen = ms_model_add_process(session.model, PROCESS + 1);
    seen->totals.allocations = 1;
    assert_int_equal(judge("peak_bytes>=0", &session, &because), MS_RULE_HOLDS);
    assert_string_equal(because, "without processes whose heap was not seen");
    ms_model_free(session.model);
}

/* What stands for several counts as several; what is no misuse by itself does not. */
static void test_what_is_counted(void **state)
{
    (void)state;
    struct session session = session_new();
    session.process->totals.allocations = 1;
    session_thread(&session, "one");
    session_thread(&session, "ended ones")->merged = 5;
    ms_model_misuse_mutable(session.model, PROCESS, MS_MISUSE_OTHER_LIBRARY, 0, 0)->count = 7;
    ms_model_misuse_mutable(session.model, PROCESS, MS_MISUSE_DOUBLE_FREE, 0, 0)->count = 2;
    session_tick(&session);
    session_tick(&session);
    assert_int_equal(judge("threads==6", &session, NULL), MS_RULE_HOLDS);
    assert_int_equal(judge("misuses==2", &session, NULL), MS_RULE_HOLDS);
    const uint64_t ns = ms_model_now_ns(session.model) - ms_model_start_ns(session.model);
    char rule[64];
    assert_true(ns > 0);
    snprintf(rule, sizeof rule, "duration_ms==%" PRIu64 "us", ns / 1000);
    assert_int_equal(judge(rule, &session, NULL), MS_RULE_HOLDS);
    ms_model_free(session.model);
}

static void test_threads_that_need_attention(void **state)
{
    (void)state;
    struct session session = session_new();
    const struct ms_thresholds thresholds = ms_thresholds_default();
    struct ms_findings *findings = ms_findings_new(&thresholds, NULL);
    struct ms_rule rule;
    session.process->totals.allocations = 3;
    session_thread(&session, "light")->heap = (struct ms_heap){.allocations = 1};
    session_thread(&session, "idle")->heap = (struct ms_heap){.allocations = 1};
    session_thread(&session, "large")->heap =
        (struct ms_heap){.allocations = 1, .bytes_allocated = 90000000, .peak_bytes = 90000000};
    session_tick(&session);
    assert_int_equal(ms_findings_update(findings, session.model), 0);
    assert_int_equal(
        ms_rule_parse("high_alerts==1", MS_RULE_OF_SESSION, &rule, error, sizeof error), 0);
    assert_int_equal(ms_rule_session(&rule, session.model, findings, NULL, NULL), MS_RULE_HOLDS);
    ms_findings_free(findings);
    ms_model_free(session.model);
}

static bool passes(const char *text, const struct session *session, const struct ms_thread *thread)
{
    struct ms_rule rule;
    assert_int_equal(ms_rule_parse(text, MS_RULE_OF_THREAD, &rule, error, sizeof error), 0);
    return ms_rules_thread(&rule, 1, session->model, NULL, thread);
}

static void test_threads_pass_rules_of_metrics_that_they_have(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "worker");
    thread->heap = (struct ms_heap){.allocations = 10, .bytes_allocated = 500, .peak_bytes = 400};
    assert_true(passes("peak_bytes>=400", &session, thread));
    assert_false(passes("peak_bytes>400", &session, thread));
    /* It did nothing yet, so it has no score: neither less nor more than something. */
    assert_false(passes("efficiency_score<80", &session, thread));
    assert_false(passes("efficiency_score>=80", &session, thread));
    thread->probed = false;
    assert_false(passes("peak_bytes>=0", &session, thread));
    struct ms_rule rules[2];
    assert_int_equal(
        ms_rule_parse("io_operations==0", MS_RULE_OF_THREAD, &rules[0], error, sizeof error), 0);
    assert_int_equal(
        ms_rule_parse("io_operations>0", MS_RULE_OF_THREAD, &rules[1], error, sizeof error), 0);
    assert_true(ms_rules_thread(rules, 1, session.model, NULL, thread));
    assert_false(ms_rules_thread(rules, 2, session.model, NULL, thread));
    assert_true(ms_rules_thread(rules, 0, session.model, NULL, thread));
    ms_model_free(session.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_taken_in_the_unit_of_the_metric),
        cmocka_unit_test(test_each_comparison),
        cmocka_unit_test(test_what_is_wrong_is_said),
        cmocka_unit_test(test_figures_of_a_session),
        cmocka_unit_test(test_what_is_counted),
        cmocka_unit_test(test_threads_that_need_attention),
        cmocka_unit_test(test_what_is_not_known_holds_never_and_says_why),
        cmocka_unit_test(test_threads_pass_rules_of_metrics_that_they_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
