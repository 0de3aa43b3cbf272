/* What threads did at call stacks besides allocating: sums, merging, bounds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

#define START UINT64_C(5000000000000)
#define TENTH (MS_SECOND_NS / 10)

static struct ms_model *model_new(void)
{
    struct ms_model *model = ms_model_new(TENTH, START, UINT64_C(1700000000000000000));
    assert_non_null(model);
    return model;
}

static struct ms_process *process(struct ms_model *model, uint32_t id, const char *exe)
{
    struct ms_process *made = ms_model_add_process(model, id);
    assert_non_null(made);
    made->pid = (pid_t)(10000 + id);
    (void)snprintf(made->exe, sizeof(made->exe), "%s", exe);
    made->start_ns = START + id;
    made->trace.because = "";
    return made;
}

static uint32_t thread(struct ms_model *model, uint32_t process_id, const char *name)
{
    struct ms_thread *made = ms_model_add_thread(model, process_id);
    assert_non_null(made);
    (void)snprintf(made->name, sizeof(made->name), "%s", name);
    return made->id;
}

static const struct ms_frame *frame(struct ms_model *model, const char *function)
{
    struct ms_frame *made = ms_model_add_frame(model);
    assert_non_null(made);
    made->function = ms_model_string(model, function);
    return made;
}

static uint32_t site(struct ms_model *model, uint32_t process_id, const struct ms_frame *leaf)
{
    const struct ms_site *made = ms_model_add_site(model, process_id, &leaf, 1, MS_SITE_ACTIVITY);
    assert_non_null(made);
    return made->id;
}

static void sample(struct ms_model *model, uint32_t thread_id, uint32_t site_id, uint64_t samples)
{
    const struct ms_work work = {.cpu_samples = samples, .cpu_ns = samples * 20000000};
    assert_int_equal(ms_model_add_work(model, thread_id, site_id, &work), 0);
}

static void read_file(struct ms_model *model, uint32_t thread_id, uint32_t site_id, uint64_t calls)
{
    const struct ms_work work = {.io_calls = calls,
                                 .io_bytes = calls * 512,
                                 .io_wait_ns = calls * 1000,
                                 .io_samples = calls};
    assert_int_equal(ms_model_add_work(model, thread_id, site_id, &work), 0);
}

static void tick(struct ms_model *model, uint64_t number)
{
    assert_int_equal(ms_model_tick_end(model, START + number * TENTH), 0);
}

/* Sums by site, by thread and over everything; also checks that all chains hold together. */
static struct ms_work sum_of(const struct ms_model *model)
{
    struct ms_work all = {0};
    struct ms_work of_sites = {0};
    struct ms_work of_threads = {0};
    for (size_t i = 0; i < ms_model_activity_count(model); i++) {
        ms_work_add(&all, &ms_model_activity(model, i)->work);
    }
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *at = ms_model_site(model, i);
        struct ms_work sum = {0};
        const struct ms_activity *activity = NULL;
        while ((activity = ms_model_site_activity(model, at->id, activity)) != NULL) {
            assert_int_equal(activity->site_id, at->id);
            const struct ms_thread *user = ms_model_thread_by_id(model, activity->thread_id);
            assert_non_null(user);
            assert_int_equal(user->process_id, at->process_id);
            ms_work_add(&sum, &activity->work);
        }
        if (at->work != NULL) {
            assert_memory_equal(&sum, at->work, sizeof sum);
        }
        ms_work_add(&of_sites, &sum);
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const uint32_t id = ms_model_thread(model, i)->id;
        const struct ms_activity *activity = NULL;
        while ((activity = ms_model_thread_activity(model, id, activity)) != NULL) {
            assert_int_equal(activity->thread_id, id);
            ms_work_add(&of_threads, &activity->work);
        }
    }
    assert_memory_equal(&of_sites, &all, sizeof all);
    assert_memory_equal(&of_threads, &all, sizeof all);
    return all;
}

static void work_adds_up_by_site_and_thread(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    process(model, 1, "/bin/app");
    const uint32_t main_thread = thread(model, 1, "main");
    const uint32_t worker = thread(model, 1, "worker");
    const uint32_t hot = site(model, 1, frame(model, "hot"));
    const uint32_t reads = site(model, 1, frame(model, "reads"));
    const uint64_t before = ms_model_work_version(model, MS_WORK_CPU);
    sample(model, main_thread, hot, 3);
    sample(model, worker, hot, 4);
    sample(model, worker, hot, 1);
    assert_int_equal(ms_model_work_version(model, MS_WORK_CPU), before + 1);
    read_file(model, worker, reads, 10);
    tick(model, 1);
    assert_int_equal(ms_model_activity_count(model), 3);
    const struct ms_work *work = ms_model_site_by_id(model, hot)->work;
    assert_int_equal(work->cpu_samples, 8);
    assert_int_equal(work->cpu_ns, 160000000);
    assert_int_equal(work->io_calls, 0);
    assert_int_equal(ms_model_site_by_id(model, reads)->work->io_bytes, 5120);
    assert_int_equal(sum_of(model).cpu_samples, 8);
    ms_model_free(model);
}

static void what_is_not_known_gets_nothing(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    process(model, 1, "/bin/app");
    const uint32_t main_thread = thread(model, 1, "main");
    const uint32_t hot = site(model, 1, frame(model, "hot"));
    const struct ms_work work = {.cpu_samples = 1};
    assert_int_equal(ms_model_add_work(model, main_thread + 1, hot, &work), -ESRCH);
    assert_int_equal(ms_model_add_work(model, main_thread, hot + 1, &work), -ESRCH);
    assert_int_equal(ms_model_activity_count(model), 0);
    assert_null(ms_model_site_by_id(model, hot)->work);
    ms_model_free(model);
}

static void threads_that_are_merged_keep_their_work(void **state)
{
    (void)state;
    enum { THREADS = MS_ENDED_THREADS_MAX + 500 };
    struct ms_model *model = model_new();
    process(model, 1, "/bin/app");
    const uint32_t hot = site(model, 1, frame(model, "hot"));
    for (uint32_t i = 0; i < THREADS; i++) {
        const uint32_t id = thread(model, 1, i % 2 == 0 ? "even" : "odd");
        sample(model, id, hot, 1 + i % 2);
        ms_model_end_thread(model, id, START + i);
    }
    tick(model, 1);
    assert_int_equal(sum_of(model).cpu_samples, (uint64_t)THREADS * 3 / 2);
    assert_int_equal(ms_model_site_by_id(model, hot)->work->cpu_samples, (uint64_t)THREADS * 3 / 2);
    assert_int_equal(ms_model_activity_count(model), MS_ENDED_THREADS_MAX + 2);
    ms_model_free(model);
}

static void processes_that_are_merged_keep_their_work(void **state)
{
    (void)state;
    enum { COMPILES = 3000 };
    struct ms_model *model = model_new();
    const struct ms_frame *parse = frame(model, "parse");
    const struct ms_frame *emit = frame(model, "emit");
    process(model, 1, "/usr/bin/make");
    for (uint32_t i = 0; i < COMPILES; i++) {
        struct ms_process *compiler = process(model, 10 + i, "/usr/bin/cc1");
        const uint32_t id = thread(model, compiler->id, "cc1");
        sample(model, id, site(model, compiler->id, i % 2 == 0 ? parse : emit), 10);
        read_file(model, id, site(model, compiler->id, parse), 1);
        compiler->end_ns = compiler->start_ns + 1000;
        compiler->exit_status = 0;
        ms_model_end_thread(model, id, compiler->end_ns);
        if (i % 500 == 0) {
            tick(model, 1 + i / 500);
        }
    }
    tick(model, 100);
    const struct ms_work all = sum_of(model);
    assert_int_equal(all.cpu_samples, 10 * COMPILES);
    assert_int_equal(all.io_calls, COMPILES);
    assert_true(ms_model_process_count(model) < COMPILES);
    ms_model_free(model);
}

/* 210,000 stacks of one sample each, and one that is really hot. */
static void stacks_with_few_samples_go_first(void **state)
{
    (void)state;
    enum { STACKS = 2 * MS_ACTIVITY_SITES_MAX + 10000 };
    struct ms_model *model = model_new();
    process(model, 1, "/bin/app");
    const uint32_t main_thread = thread(model, 1, "main");
    const struct ms_frame *anything = frame(model, "anything");
    const uint32_t hot = site(model, 1, frame(model, "hot"));
    const uint32_t reads = site(model, 1, frame(model, "reads"));
    sample(model, main_thread, hot, 5000);
    read_file(model, main_thread, reads, 7);
    const uint64_t version = ms_model_sites_version(model);
    for (uint32_t i = 0; i < STACKS; i++) {
        sample(model, main_thread, site(model, 1, anything), 1);
        if (i % 10000 == 0) {
            tick(model, 1 + i / 10000);
        }
    }
    tick(model, 100);
    assert_true(ms_model_site_count(model) <= MS_ACTIVITY_SITES_MAX + 10000);
    assert_true(ms_model_sites_version(model) > version);
    assert_int_equal(ms_model_site_by_id(model, hot)->work->cpu_samples, 5000);
    assert_int_equal(ms_model_site_by_id(model, reads)->work->io_calls, 7);
    const struct ms_work all = sum_of(model);
    assert_int_equal(all.cpu_samples, 5000 + STACKS);
    assert_int_equal(all.io_calls, 7);
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_adds_up_by_site_and_thread),
        cmocka_unit_test(what_is_not_known_gets_nothing),
        cmocka_unit_test(threads_that_are_merged_keep_their_work),
        cmocka_unit_test(processes_that_are_merged_keep_their_work),
        cmocka_unit_test(stacks_with_few_samples_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
