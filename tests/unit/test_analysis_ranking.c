#include "analysis/ranking.h"
#include "analysis_session.h"

#include "analysis/findings.h"

static const struct ms_scope everything;

static struct ms_thread *with_peak(struct session *session, const char *name, uint64_t peak_bytes)
{
    struct ms_thread *thread = session_thread(session, name);
    thread->heap.peak_bytes = peak_bytes;
    return thread;
}

static struct ms_findings *judged(struct session *session)
{
    const struct ms_thresholds thresholds = ms_thresholds_default();
    struct ms_findings *findings = ms_findings_new(&thresholds, NULL);
    assert_non_null(findings);
    session_tick(session);
    assert_int_equal(ms_findings_update(findings, session->model), 0);
    return findings;
}

static void test_order_ties_and_the_unknown(void **state)
{
    (void)state;
    struct session session = session_new();
    with_peak(&session, "a", 100);
    with_peak(&session, "b", 400);
    with_peak(&session, "c", 400);
    with_peak(&session, "untracked", 999)->tracked = false;
    with_peak(&session, "d", 0);
    struct ms_findings *findings = judged(&session);
    struct ms_ranking ranking;
    assert_int_equal(
        ms_ranking_of(session.model, findings, &everything, MS_METRIC_PEAK_BYTES, true, &ranking),
        0);
    assert_int_equal(ranking.count, 5);
    assert_int_equal(ranking.known, 4);
    const uint32_t ids[] = {2, 3, 1, 5, 4};
    const uint32_t ranks[] = {1, 1, 3, 4, 0};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ranking.rows[i].thread_id, ids[i]);
        assert_int_equal(ranking.rows[i].rank, ranks[i]);
        assert_int_equal(ranking.rows[i].rank_in_role, ranks[i]);
    }
    CLOSE(ranking.mean, 225, 1e-9);
    CLOSE(ranking.median, 250, 1e-9);
    CLOSE(ranking.sum, 900, 1e-9);
    CLOSE(ranking.rows[0].ratio, 400.0 / 225, 1e-9);
    CLOSE(ranking.rows[0].share, 400.0 / 900, 1e-9);
    CLOSE(ranking.rows[3].ratio, 0, 1e-9);
    assert_true(isnan(ranking.rows[4].ratio) && isnan(ranking.rows[4].share));
    assert_false(ranking.rows[4].value.available);
    ms_ranking_free(&ranking);
    ms_findings_free(findings);
    session_free(&session);
}

static void test_within_each_role(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *threads[4];
    const struct ms_thresholds thresholds = ms_thresholds_default();
    struct ms_findings *findings = ms_findings_new(&thresholds, NULL);
    for (size_t i = 0; i < 4; i++) {
        threads[i] = with_peak(&session, "t", 1000 * (i + 1));
    }
    const struct doing computes = {.user = 0.9};
    for (int i = 0; i < 60; i++) {
        work(threads[1], &computes, 0.1);
        work(threads[2], &computes, 0.1);
        session_tick(&session);
        assert_int_equal(ms_findings_update(findings, session.model), 0);
    }
    struct ms_ranking ranking;
    assert_int_equal(
        ms_ranking_of(session.model, findings, &everything, MS_METRIC_PEAK_BYTES, true, &ranking),
        0);
    /* 4: light 1st; 3: cpu 1st; 2: cpu 2nd; 1: light 2nd. */
    const uint32_t in_role[] = {1, 1, 2, 2};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ranking.rows[i].thread_id, 4 - i);
        assert_int_equal(ranking.rows[i].rank_in_role, in_role[i]);
    }
    assert_int_equal(ranking.role_count[MS_ROLE_CPU], 2);
    CLOSE(ranking.role_mean[MS_ROLE_CPU], 2500, 1e-9);
    assert_true(isnan(ranking.role_mean[MS_ROLE_IO]));
    ms_ranking_free(&ranking);
    ms_findings_free(findings);
    session_free(&session);
}

static void test_by_efficiency(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *good = session_thread(&session, "good");
    struct ms_thread *bad = session_thread(&session, "bad");
    session_thread(&session, "idle");
    const struct doing computes = {.user = 0.5};
    const struct doing waits = {.user = 0.1, .run_queue = 0.4};
    for (int i = 0; i < 120; i++) {
        work(good, &computes, 0.1);
        work(bad, &waits, 0.1);
        session_tick(&session);
    }
    struct ms_findings *findings = judged(&session);
    struct ms_ranking ranking;
    assert_int_equal(
        ms_ranking_of(session.model, findings, &everything, MS_RANK_EFFICIENCY, true, &ranking), 0);
    assert_int_equal(ranking.known, 2);
    assert_int_equal(ranking.rows[0].thread_id, 1);
    CLOSE(ranking.rows[0].value.number, 100, 0.1);
    CLOSE(ranking.rows[1].value.number, 20, 0.1);
    assert_true(isnan(ranking.sum) && isnan(ranking.rows[0].share));
    assert_string_equal(ms_rank_name(MS_RANK_EFFICIENCY), "efficiency_score");
    ms_ranking_free(&ranking);
    ms_findings_free(findings);
    session_free(&session);
}

static void test_ended_ones_and_scope(void **state)
{
    (void)state;
    struct session session = session_new();
    with_peak(&session, "a", 100);
    with_peak(&session, "b", 200);
    ms_model_end_thread(session.model, 2, START + 1);
    struct ms_findings *findings = judged(&session);
    struct ms_ranking ranking;
    assert_int_equal(
        ms_ranking_of(session.model, findings, &everything, MS_METRIC_PEAK_BYTES, true, &ranking),
        0);
    assert_int_equal(ranking.count, 1);
    ms_ranking_free(&ranking);
    assert_int_equal(
        ms_ranking_of(session.model, findings, &everything, MS_METRIC_PEAK_BYTES, false, &ranking),
        0);
    assert_int_equal(ranking.count, 2);
    ms_ranking_free(&ranking);
    const struct ms_scope elsewhere = {.process_id = PROCESS + 1};
    assert_int_equal(
        ms_ranking_of(session.model, findings, &elsewhere, MS_METRIC_PEAK_BYTES, false, &ranking),
        0);
    assert_int_equal(ranking.count, 0);
    assert_true(isnan(ranking.mean) && isnan(ranking.median));
    ms_ranking_free(&ranking);
    ms_findings_free(findings);
    session_free(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_ties_and_the_unknown),
        cmocka_unit_test(test_within_each_role),
        cmocka_unit_test(test_by_efficiency),
        cmocka_unit_test(test_ended_ones_and_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
