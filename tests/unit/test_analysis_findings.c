#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/findings.h"

#define START UINT64_C(1000000000000)
#define TENTH (MS_SECOND_NS / 10)
#define MB    UINT64_C(1000000)

struct session {
    struct ms_model *model;
    struct ms_findings *findings;
    uint64_t ticks;
};

static struct session session_new(bool relative)
{
    struct ms_thresholds thresholds = ms_thresholds_default();
    thresholds.relative = relative;
    struct session session = {
        .model = ms_model_new(TENTH, START, 0),
        .findings = ms_findings_new(&thresholds, NULL),
    };
    assert_non_null(session.findings);
    assert_non_null(ms_model_add_process(session.model, 128));
    return session;
}

static void session_free(struct session *session)
{
    ms_findings_free(session->findings);
    ms_model_free(session->model);
}

static struct ms_thread *thread_new(struct session *session)
{
    struct ms_thread *thread = ms_model_add_thread(session->model, 128);
    assert_non_null(thread);
    thread->probed = thread->tracked = true;
    thread->start_ns = START + session->ticks * TENTH;
    thread->kernel.have = MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_IO;
    return thread;
}

/* One tick in which the thread uses so much CPU. */
static void tick(struct session *session, struct ms_thread *thread, double cpu_pct)
{
    if (thread != NULL) {
        thread->kernel.run_ns += (uint64_t)((double)TENTH * cpu_pct / 100);
    }
    session->ticks++;
    assert_int_equal(ms_model_tick_end(session->model, START + session->ticks * TENTH), 0);
    assert_int_equal(ms_findings_update(session->findings, session->model), 0);
}

static enum ms_role role_of(const struct session *session, const struct ms_thread *thread)
{
    return ms_findings_of(session->findings, thread->id)->role;
}

/* Ticks until the role is `role`, with at most `limit` of them. */
static unsigned ticks_until(struct session *session, struct ms_thread *thread, double cpu_pct,
                            enum ms_role role, unsigned limit)
{
    unsigned count = 0;
    while (role_of(session, thread) != role && count < limit) {
        tick(session, thread, cpu_pct);
        count++;
    }
    return count;
}

static void test_role_needs_three_seconds(void **state)
{
    (void)state;
    struct session session = session_new(true);
    struct ms_thread *thread = thread_new(&session);
    assert_int_equal(role_of(&session, thread), MS_ROLE_LIGHTWEIGHT);
    /* Two ticks until there is a CPU figure, then 30 of them. */
    assert_in_range(ticks_until(&session, thread, 90, MS_ROLE_CPU, 100), 30, 33);
    const struct ms_judgement *judgement = ms_findings_of(session.findings, thread->id);
    assert_non_null(strstr(judgement->role_reason, "CPU 90.0% > 25% in 10 s"));
    /* 10 s of silence empty the window below 22.5 %: 7.5 s, then 3 s. */
    assert_in_range(ticks_until(&session, thread, 0, MS_ROLE_LIGHTWEIGHT, 300), 95, 110);
    session_free(&session);
}

static void test_role_does_not_flutter_near_its_limit(void **state)
{
    (void)state;
    struct session session = session_new(true);
    struct ms_thread *thread = thread_new(&session);
    /* 26 % is beyond 25 but not by 10 %. */
    assert_int_equal(ticks_until(&session, thread, 26, MS_ROLE_CPU, 300), 300);
    assert_true(ticks_until(&session, thread, 30, MS_ROLE_CPU, 300) < 300);
    /* And once there, 24 % is not below 25 by 10 %. */
    assert_int_equal(ticks_until(&session, thread, 24, MS_ROLE_LIGHTWEIGHT, 300), 300);
    assert_non_null(strstr(ms_findings_of(session.findings, thread->id)->role_reason,
                           "CPU 24.0% < 25% in 10 s (kept"));
    assert_true(ticks_until(&session, thread, 20, MS_ROLE_LIGHTWEIGHT, 300) < 300);
    session_free(&session);
}

static void test_short_burst_changes_nothing(void **state)
{
    (void)state;
    struct session session = session_new(true);
    struct ms_thread *thread = thread_new(&session);
    for (int i = 0; i < 200; i++) {
        tick(&session, thread, 1);
    }
    for (int i = 0; i < 400; i++) { /* 2 s of 100 % in every 20 s: 21 % over a window at most */
        tick(&session, thread, i % 200 < 20 ? 100 : 1);
        assert_int_equal(role_of(&session, thread), MS_ROLE_LIGHTWEIGHT);
    }
    session_free(&session);
}

static void test_roles_look_at_the_window(void **state)
{
    (void)state;
    struct session session = session_new(true);
    struct ms_thread *memory = thread_new(&session);
    struct ms_thread *io = thread_new(&session);
    struct ms_thread *balanced = thread_new(&session);
    for (int i = 0; i < 150; i++) {
        memory->heap.allocations += 20;
        memory->heap.bytes_allocated += MB;
        memory->heap.bytes_freed = memory->heap.bytes_allocated - 25 * MB * (i > 30);
        memory->heap.peak_bytes = 25 * MB * (i > 30);
        io->kernel.read_calls += 30;
        balanced->heap.allocations += 15;
        tick(&session, NULL, 0);
    }
    assert_int_equal(role_of(&session, memory), MS_ROLE_MEMORY);
    assert_int_equal(role_of(&session, io), MS_ROLE_IO);
    assert_int_equal(role_of(&session, balanced), MS_ROLE_BALANCED);
    assert_non_null(strstr(ms_findings_of(session.findings, memory->id)->role_reason,
                           "peak 25.0MB > 18.0MB and 2.0"));
    for (int i = 0; i < 150; i++) { /* all idle: nothing was allocated in the window */
        tick(&session, NULL, 0);
    }
    assert_int_equal(role_of(&session, memory), MS_ROLE_LIGHTWEIGHT);
    assert_int_equal(role_of(&session, io), MS_ROLE_LIGHTWEIGHT);
    assert_int_equal(role_of(&session, balanced), MS_ROLE_LIGHTWEIGHT);
    session_free(&session);
}

static struct ms_thread lived(uint64_t peak, uint64_t allocations, double cpu_pct, uint64_t io)
{
    struct ms_thread thread = {
        .id = 1,
        .probed = true,
        .tracked = true,
        .start_ns = START,
        .end_ns = START + 100 * MS_SECOND_NS,
    };
    thread.kernel.have = MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_IO;
    thread.kernel.run_ns = (uint64_t)((double)MS_SECOND_NS * cpu_pct);
    thread.kernel.write_calls = io;
    thread.heap.peak_bytes = peak;
    thread.heap.allocations = allocations;
    return thread;
}

static enum ms_role judged(const struct ms_thread *thread)
{
    const struct ms_thresholds thresholds = ms_thresholds_default();
    const struct ms_baseline baseline = {0};
    return ms_judge_against(&thresholds, &baseline, thread).role;
}

static enum ms_role judged_as(uint64_t peak, uint64_t allocations, double cpu_pct, uint64_t io)
{
    const struct ms_thread thread = lived(peak, allocations, cpu_pct, io);
    return judged(&thread);
}

static void test_whole_life_limits_and_order(void **state)
{
    (void)state;
    assert_int_equal(judged_as(18 * MB + 1, 1201, 99, 9999), MS_ROLE_MEMORY);
    assert_int_equal(judged_as(18 * MB, 1201, 25, 2000), MS_ROLE_BALANCED);
    assert_int_equal(judged_as(99 * MB, 1200, 25, 0), MS_ROLE_BALANCED);
    assert_int_equal(judged_as(99 * MB, 999, 25, 0), MS_ROLE_LIGHTWEIGHT);
    assert_int_equal(judged_as(99 * MB, 999, 25.1, 9999), MS_ROLE_CPU);
    assert_int_equal(judged_as(0, 5000, 1, 2001), MS_ROLE_IO);
    assert_int_equal(judged_as(0, 5000, 1, 2000), MS_ROLE_BALANCED);
    assert_int_equal(judged_as(0, 1000, 0, 0), MS_ROLE_BALANCED);
    assert_int_equal(judged_as(0, 999, 0, 0), MS_ROLE_LIGHTWEIGHT);
    /* An untracked thread is judged by what is known of it. */
    struct ms_thread dark = lived(99 * MB, 99999, 1, 0);
    dark.tracked = false;
    assert_int_equal(judged(&dark), MS_ROLE_LIGHTWEIGHT);
    const struct ms_thresholds thresholds = ms_thresholds_default();
    const struct ms_baseline baseline = {0};
    const struct ms_judgement judgement = ms_judge_against(&thresholds, &baseline, &dark);
    assert_non_null(strstr(judgement.role_reason, "peak n/a"));
    /* One that stands for a hundred is judged by their mean. */
    struct ms_thread merged = lived(MB, 5000, 1, 5000);
    merged.merged = 100;
    merged.merged_life_ns = 1000 * MS_SECOND_NS;
    assert_int_equal(judged(&merged), MS_ROLE_LIGHTWEIGHT);
    assert_non_null(ms_findings_waiting_unavailable());
}

static struct ms_judgement alert_among(bool relative, uint64_t peak, uint64_t others_peak,
                                       int others)
{
    struct session session = session_new(relative);
    thread_new(&session)->heap.peak_bytes = peak;
    for (int i = 0; i < others; i++) {
        thread_new(&session)->heap.peak_bytes = others_peak;
    }
    tick(&session, NULL, 0);
    struct ms_thresholds thresholds = ms_thresholds_default();
    thresholds.relative = relative;
    const struct ms_judgement judgement =
        ms_judge_whole_life(&thresholds, session.model, ms_model_thread(session.model, 0));
    /* Born in this window: the live alert sees the same figures. */
    assert_int_equal(ms_findings_of(session.findings, 1)->alert, judgement.alert);
    session_free(&session);
    return judgement;
}

/* Of a thread that has all of a core from its birth on, live and as a report has it. */
static void check_busy_for(unsigned ticks, enum ms_alert alert)
{
    struct session session = session_new(true);
    struct ms_thread *busy = thread_new(&session);
    const uint32_t id = busy->id;
    tick(&session, NULL, 0); /* a first look, for the next to be a share of something */
    for (unsigned i = 0; i < ticks; i++) {
        tick(&session, busy, 100);
    }
    assert_int_equal(ms_findings_of(session.findings, id)->alert, alert);
    busy->start_ns += TENTH;
    const struct ms_thresholds *thresholds = ms_findings_thresholds(session.findings);
    assert_int_equal(ms_judge_whole_life(thresholds, session.model, busy).alert, alert);
    session_free(&session);
}

static void test_short_spans_give_no_alert(void **state)
{
    (void)state;
    check_busy_for(1, MS_ALERT_NORMAL);
    check_busy_for(9, MS_ALERT_NORMAL);
    check_busy_for(10, MS_ALERT_HIGH);
    /* What is held is no share of time. */
    assert_int_equal(alert_among(true, 30 * MB, 0, 0).alert, MS_ALERT_HIGH);
}

static void test_alerts(void **state)
{
    (void)state;
    assert_int_equal(alert_among(false, 20 * MB + 1, 0, 0).alert, MS_ALERT_HIGH);
    assert_int_equal(alert_among(false, 20 * MB, 0, 0).alert, MS_ALERT_MEDIUM);
    assert_int_equal(alert_among(false, 15 * MB, 0, 0).alert, MS_ALERT_NORMAL);
    assert_string_equal(alert_among(false, 15 * MB, 0, 0).alert_reason, "");
    assert_string_equal(alert_among(false, 30 * MB, 0, 0).alert_reason, "peak 30.0MB > 20.0MB");
    /* auto: 30 MB among threads of 16 MB is no more than the program's way. */
    assert_int_equal(alert_among(true, 30 * MB, 16 * MB, 5).alert, MS_ALERT_NORMAL);
    assert_int_equal(alert_among(false, 30 * MB, 16 * MB, 5).alert, MS_ALERT_HIGH);
    const struct ms_judgement judgement = alert_among(true, 40 * MB, 16 * MB, 5);
    assert_int_equal(judgement.alert, MS_ALERT_HIGH);
    assert_string_equal(judgement.alert_reason,
                        "peak 40.0MB > 20.0MB and twice the mean of other threads (16.0MB)");
    /* A lone thread has nobody to be compared with. */
    assert_int_equal(alert_among(true, 30 * MB, 0, 0).alert, MS_ALERT_HIGH);
    /* CPU: 30.1 % against others at 20 %, at 10 %, and alone. */
    const struct ms_thresholds thresholds = ms_thresholds_default();
    const struct ms_thread busy = lived(0, 0, 30.1, 0);
    struct ms_baseline baseline = {.cpu_pct_sum = 30.1 + 20, .cpu_pct_count = 2};
    assert_int_equal(ms_judge_against(&thresholds, &baseline, &busy).alert, MS_ALERT_NORMAL);
    baseline.cpu_pct_sum = 30.1 + 10;
    assert_int_equal(ms_judge_against(&thresholds, &baseline, &busy).alert, MS_ALERT_HIGH);
}

static void test_ended_threads_are_judged_by_their_life(void **state)
{
    (void)state;
    struct session session = session_new(true);
    struct ms_thread *thread = thread_new(&session);
    const uint32_t id = thread->id;
    thread_new(&session);
    for (int i = 0; i < 10; i++) { /* a second: too short for a live role */
        tick(&session, thread, 80);
    }
    assert_int_equal(role_of(&session, thread), MS_ROLE_LIGHTWEIGHT);
    ms_model_end_thread(session.model, id, START + session.ticks * TENTH);
    tick(&session, NULL, 0);
    assert_int_equal(ms_findings_of(session.findings, id)->role, MS_ROLE_CPU);
    assert_string_equal(ms_findings_of(session.findings, id)->role_reason, "CPU 80.0% > 25%");
    assert_string_equal(ms_findings_of(session.findings, 999)->role_reason, "not judged yet");
    session_free(&session);
}

static void test_findings_of_merged_threads_are_forgotten(void **state)
{
    (void)state;
    struct session session = session_new(true);
    for (int i = 0; i < 30000; i++) {
        struct ms_thread *thread = thread_new(&session);
        (void)snprintf(thread->name, sizeof(thread->name), "pool-%d", i % 3);
        thread->heap.allocations = 1500;
        ms_model_end_thread(session.model, thread->id, START + session.ticks * TENTH + 5);
        if (i % 500 == 0) {
            tick(&session, NULL, 0);
        }
    }
    tick(&session, NULL, 0);
    const struct ms_thread *merged = ms_model_thread(session.model, 0);
    assert_true(merged->merged > 6000);
    assert_int_equal(ms_findings_of(session.findings, merged->id)->role, MS_ROLE_BALANCED);
    const struct ms_thread *last =
        ms_model_thread(session.model, ms_model_thread_count(session.model) - 1);
    assert_int_equal(ms_findings_of(session.findings, last->id)->role, MS_ROLE_BALANCED);
    assert_int_equal(ms_findings_of(session.findings, 1)->thread_id, 0);
    session_free(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_role_needs_three_seconds),
        cmocka_unit_test(test_role_does_not_flutter_near_its_limit),
        cmocka_unit_test(test_short_burst_changes_nothing),
        cmocka_unit_test(test_roles_look_at_the_window),
        cmocka_unit_test(test_whole_life_limits_and_order),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_short_spans_give_no_alert),
        cmocka_unit_test(test_ended_threads_are_judged_by_their_life),
        cmocka_unit_test(test_findings_of_merged_threads_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
