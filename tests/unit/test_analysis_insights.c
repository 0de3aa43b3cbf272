#include "analysis/insights.h"
#include "analysis_session.h"

static const struct ms_scope everything;

struct judged {
    struct session session;
    struct ms_findings *findings;
};

static struct judged judged_new(void)
{
    const struct ms_thresholds thresholds = ms_thresholds_default();
    struct judged judged = {.session = session_new(),
                            .findings = ms_findings_new(&thresholds, NULL)};
    assert_non_null(judged.findings);
    return judged;
}

static void judged_free(struct judged *judged)
{
    ms_findings_free(judged->findings);
    session_free(&judged->session);
}

static void run(struct judged *judged, struct ms_thread *thread, const struct doing *doing,
                unsigned seconds)
{
    for (unsigned i = 0; i < 10 * seconds; i++) {
        work(thread, doing, 0.1);
        session_tick(&judged->session);
        assert_int_equal(ms_findings_update(judged->findings, judged->session.model), 0);
    }
}

static struct ms_insights insights_of(const struct judged *judged, const struct ms_scope *scope)
{
    struct ms_insights insights;
    assert_int_equal(ms_insights_of(judged->session.model, judged->findings,
                                    ms_findings_anomalies(judged->findings), scope, &insights),
                     0);
    for (size_t i = 0; i < insights.count; i++) {
        assert_true(insights.rows[i].what[0] != '\0' && insights.rows[i].advice[0] != '\0');
        assert_null(strchr(insights.rows[i].what, '\n'));
        for (size_t k = 0; k < i; k++) {
            assert_true(insights.rows[i].key != insights.rows[k].key);
            assert_true(insights.rows[k].severity >= insights.rows[i].severity);
        }
    }
    return insights;
}

/* The only one there is. */
static struct ms_insight only(const struct judged *judged)
{
    struct ms_insights insights = insights_of(judged, &everything);
    for (size_t i = 0; insights.count != 1 && i < insights.count; i++) {
        print_message("%s\n", insights.rows[i].what);
    }
    assert_int_equal(insights.count, 1);
    const struct ms_insight insight = insights.rows[0];
    ms_insights_free(&insights);
    return insight;
}

static void test_a_calm_program_has_none(void **state)
{
    (void)state;
    struct judged judged = judged_new();
    struct ms_thread *thread = session_thread(&judged.session, "main");
    struct ms_resources *resources = &judged.session.process->resources;
    const struct doing calm = {
        .user = 0.2, .system = 0.05, .allocations = 1000, .temporary = 500, .read_bytes = 1e6};
    resources->limits = (struct ms_resource_limits){
        .have = true, .address_space_bytes = MS_NO_LIMIT, .data_bytes = MS_NO_LIMIT, .files = 1024};
    resources->files.have = true;
    resources->files.all = 12;
    run(&judged, thread, &calm, 120);
    struct ms_insights insights = insights_of(&judged, &everything);
    assert_int_equal(insights.count, 0);
    ms_insights_free(&insights);
    judged_free(&judged);
}

static void test_too_few_cores(void **state)
{
    (void)state;
    struct judged judged = judged_new();
    struct ms_thread *thread = session_thread(&judged.session, "main");
    const struct doing waits = {.user = 0.5, .run_queue = 0.5};
    run(&judged, thread, &waits, 30);
    const struct ms_insight insight = only(&judged);
    assert_int_equal(insight.kind, MS_INSIGHT_BOTTLENECK);
    assert_int_equal(insight.severity, MS_SEVERITY_WARNING);
    assert_int_equal(insight.process_id, PROCESS);
    CLOSE(insight.ns_per_s, 0.5e9, 1e7);
    assert_non_null(strstr(insight.what, "app (pid 100) is limited by too few cores"));
    run(&judged, thread, &waits, 1);
    /* The same thing has the same key. */
    assert_true(only(&judged).key == insight.key);
    judged_free(&judged);
}

static void test_open_files_run_out(void **state)
{
    (void)state;
    struct judged judged = judged_new();
    struct ms_thread *thread = session_thread(&judged.session, "main");
    struct ms_resources *resources = &judged.session.process->resources;
    const struct doing nothing = {.user = 0};
    resources->limits = (struct ms_resource_limits){
        .have = true, .address_space_bytes = MS_NO_LIMIT, .data_bytes = MS_NO_LIMIT, .files = 1024};
    resources->files.have = true;
    for (unsigned second = 0; second < 200; second++) {
        resources->files.all = 20 + 2 * second;
        run(&judged, thread, &nothing, 1);
    }
    struct ms_insights insights = insights_of(&judged, &everything);
    assert_true(insights.count >= 1);
    assert_int_equal(insights.rows[0].kind, MS_INSIGHT_LIMIT);
    assert_int_equal(insights.rows[0].severity, MS_SEVERITY_SERIOUS);
    /* 606 left at 2 a second. */
    assert_non_null(strstr(insights.rows[0].what, "RLIMIT_NOFILE) of 1.02k in about 5 min"));
    ms_insights_free(&insights);
    judged_free(&judged);
}

static void test_churn_names_the_place(void **state)
{
    (void)state;
    struct judged judged = judged_new();
    struct ms_model *model = judged.session.model;
    struct ms_thread *thread = session_thread(&judged.session, "main");
    struct ms_frame *frame = ms_model_add_frame(model);
    frame->function = ms_model_string(model, "parse_row");
    frame->file = ms_model_string(model, "/src/csv.c");
    frame->line = 118;
    frame->module = frame->crate = "";
    const struct ms_frame *frames[] = {frame};
    const struct ms_site *site = ms_model_add_site(model, PROCESS, frames, 1, 0);
    const uint32_t site_id = site->id;
    const struct doing churns = {.user = 0.3, .allocations = 61000, .temporary = 61000};
    for (unsigned i = 0; i < 120; i++) {
        struct ms_usage *usage = ms_model_usage_mutable(model, thread->id, site_id);
        usage->allocations += 6100;
        usage->deallocations += 6100;
        usage->temporary += 6100;
        judged.session.process->sites_before_ns = judged.session.process->sites_read_ns;
        judged.session.process->sites_read_ns = START + (judged.session.ticks + 1) * TENTH;
        work(thread, &churns, 0.1);
        session_tick(&judged.session);
        assert_int_equal(ms_findings_update(judged.findings, model), 0);
    }
    const struct ms_insight insight = only(&judged);
    assert_int_equal(insight.kind, MS_INSIGHT_CHURN);
    assert_int_equal(insight.site_id, site_id);
    assert_string_equal(insight.what,
                        "61.0k temporary allocations a second at parse_row (csv.c:118)");
    assert_string_equal(insight.advice, "reuse the buffer in parse_row (csv.c:118)");
    CLOSE(insight.ns_per_s, 61000 * 100, 1000);
    judged_free(&judged);
}

static void test_losses_and_misuse(void **state)
{
    (void)state;
    struct judged judged = judged_new();
    struct ms_thread *thread = session_thread(&judged.session, "main");
    const struct doing nothing = {.user = 0};
    judged.session.process->losses =
        (struct ms_losses){.recorded = 100000, .lost = 5, .coarsened = 50000};
    struct ms_misuse *misuse =
        ms_model_misuse_mutable(judged.session.model, PROCESS, MS_MISUSE_DOUBLE_FREE, 0, 0);
    misuse->count = 3;
    misuse->how = "";
    misuse = ms_model_misuse_mutable(judged.session.model, PROCESS, MS_MISUSE_OTHER_LIBRARY, 0, 0);
    misuse->count = 9;
    misuse->how = "";
    run(&judged, thread, &nothing, 3);
    struct ms_insights insights = insights_of(&judged, &everything);
    assert_int_equal(insights.count, 3);
    assert_string_equal(insights.rows[0].what, "double free at an unknown place, 3 times");
    assert_non_null(strstr(insights.rows[1].what, "5 calls of app (pid 100) were not counted"));
    assert_non_null(strstr(insights.rows[2].what, "50 % of all, are counted with incomplete"));
    ms_insights_free(&insights);
    const struct ms_scope elsewhere = {.process_id = PROCESS + 1};
    insights = insights_of(&judged, &elsewhere);
    assert_int_equal(insights.count, 0);
    ms_insights_free(&insights);
    judged_free(&judged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_calm_program_has_none),
        cmocka_unit_test(test_too_few_cores),
        cmocka_unit_test(test_open_files_run_out),
        cmocka_unit_test(test_churn_names_the_place),
        cmocka_unit_test(test_losses_and_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
