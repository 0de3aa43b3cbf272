/* A thread as its record and /proc tell of it: one thread, whichever of the two knows it first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "collect/threads.h"
#include "collect_region_image.h"
#include "collect_tree.h"

enum { PROCESS = 128 };

/* The image has the records of 7001 and 7002; what /proc/PID/task lists is the test's. */
struct watched {
    struct ms_region_mapping mapping;
    struct ms_region_view view;
    struct ms_region_thread *records;
    struct ms_model *model;
    struct ms_watched_threads *threads;
    struct ms_descriptor_budget budget;
    struct ms_proc_process process;
    uint64_t tick;
};

static void list_tid(struct watched *watched, const char *tid)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s/comm", tid);
    tree_put(name, "thread\n");
    watched->process.threads++;
}

static void unlist_tid(struct watched *watched, const char *tid)
{
    char name[64];
    char folder[128];
    (void)snprintf(name, sizeof name, "%s/comm", tid);
    tree_remove(name);
    (void)snprintf(folder, sizeof folder, "%s/%s", tree, tid);
    assert_int_equal(rmdir(folder), 0);
    watched->process.threads--;
}

static void begin(struct watched *watched)
{
    *watched = (struct watched){.budget = {.limit = 64}};
    tree_begin();
    void *file = image_new(&watched->mapping.bytes);
    assert_non_null(file);
    image_fill(file, "/bin/program");
    watched->mapping.base = file;
    watched->records = image_area(file, MS_AREA_THREADS);
    assert_int_equal(ms_region_view_init(&watched->view, &watched->mapping, 0), 0);
    watched->model = ms_model_new(100000000, 0, 0);
    assert_non_null(ms_model_add_process(watched->model, PROCESS));
    watched->threads = ms_watched_threads_new(PROCESS);
    watched->process = (struct ms_proc_process){
        .pid = getpid(), .folder = -1, .tasks = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    assert_true(watched->process.tasks >= 0);
    list_tid(watched, "7001");
    list_tid(watched, "7002");
}

static void end(struct watched *watched)
{
    ms_watched_threads_free(watched->threads, &watched->budget);
    assert_int_equal(watched->budget.open, 0);
    ms_model_free(watched->model);
    close(watched->process.tasks);
    munmap((void *)(uintptr_t)watched->mapping.base, watched->mapping.bytes);
    tree_end();
}

static void look_at_records(struct watched *watched, uint64_t now_ns)
{
    assert_int_equal(ms_watched_threads_records(watched->threads, watched->model, &watched->budget,
                                                &watched->view, now_ns, true),
                     0);
}

static void look_at_proc(struct watched *watched, bool probed, uint64_t now_ns)
{
    assert_int_equal(ms_watched_threads_proc(watched->threads, watched->model, &watched->budget,
                                             &watched->process, probed ? &watched->view : NULL,
                                             false, now_ns, watched->tick++),
                     0);
}

static const struct ms_thread *thread_of(const struct watched *watched, pid_t tid)
{
    const struct ms_thread *found = NULL;
    for (size_t i = 0; i < ms_model_thread_count(watched->model); i++) {
        const struct ms_thread *thread = ms_model_thread(watched->model, i);
        if (thread->tid == tid) {
            assert_null(found);
            found = thread;
        }
    }
    assert_non_null(found);
    return found;
}

static void test_record_and_proc_are_one_thread(void **state)
{
    (void)state;
    struct watched watched;
    begin(&watched);
    look_at_proc(&watched, true, 5000);
    assert_int_equal(ms_model_thread_count(watched.model), 2);
    assert_false(thread_of(&watched, 7002)->probed);
    look_at_records(&watched, 6000);
    look_at_proc(&watched, true, 6000);
    assert_int_equal(ms_model_thread_count(watched.model), 2);
    assert_true(thread_of(&watched, 7002)->probed);
    assert_int_equal(thread_of(&watched, 7002)->heap.allocations, 50);
    end(&watched);
}

/*
 * It began after the records were read, was seen in /proc, and was gone by the next look there. It
 * is not ended yet: what it allocated, and what it used to the last, is in a record that is read
 * next.
 */
static void test_thread_gone_before_its_record_was_read(void **state)
{
    (void)state;
    struct watched watched;
    begin(&watched);
    look_at_records(&watched, 5000);
    list_tid(&watched, "7003");
    look_at_proc(&watched, true, 5000);
    const uint32_t id = thread_of(&watched, 7003)->id;
    unlist_tid(&watched, "7003");
    look_at_proc(&watched, true, 6000);
    assert_int_equal(thread_of(&watched, 7003)->end_ns, 0);

    image_thread(&watched.records[3], 7003, 3, 70, "short");
    watched.records[3].end_ns = 5500;
    watched.records[3].final_usage.user_ns = 123;
    watched.records[3].state = MS_THREAD_GONE;
    image_publish((void *)(uintptr_t)watched.mapping.base, MS_AREA_THREADS, 4);
    look_at_records(&watched, 7000);
    look_at_proc(&watched, true, 7000);
    assert_int_equal(ms_model_thread_count(watched.model), 3);
    const struct ms_thread *ended = thread_of(&watched, 7003);
    assert_int_equal(ended->id, id);
    assert_int_equal(ended->heap.allocations, 70);
    assert_int_equal(ended->kernel.user_ns, 123);
    assert_int_equal(ended->end_ns, 5500);
    assert_int_equal(ended->last_seen_before_end_ns, 0);
    end(&watched);
}

/* No record came: it ended when it was first missed, and is looked for at the next tick, not later.
 */
static void test_thread_gone_without_a_record(void **state)
{
    (void)state;
    struct watched watched;
    begin(&watched);
    look_at_records(&watched, 5000);
    list_tid(&watched, "7003");
    look_at_proc(&watched, true, 5000);
    unlist_tid(&watched, "7003");
    look_at_proc(&watched, true, 6000);
    look_at_records(&watched, 7000);
    look_at_proc(&watched, true, 7000);
    assert_int_equal(thread_of(&watched, 7003)->end_ns, 6000);
    assert_int_equal(ms_model_thread_count(watched.model), 3);
    end(&watched);
}

/* One that was missed and is listed again is alive: the same, and reported from then on. */
static void test_thread_that_was_missed_once(void **state)
{
    (void)state;
    struct watched watched;
    begin(&watched);
    look_at_records(&watched, 5000);
    list_tid(&watched, "7003");
    look_at_proc(&watched, true, 5000);
    const uint32_t id = thread_of(&watched, 7003)->id;
    unlist_tid(&watched, "7003");
    look_at_proc(&watched, true, 6000);
    list_tid(&watched, "7003");
    look_at_proc(&watched, true, 7000);
    assert_int_equal(thread_of(&watched, 7003)->id, id);
    assert_int_equal(thread_of(&watched, 7003)->end_ns, 0);
    /* Missed again: its time counts from then. */
    unlist_tid(&watched, "7003");
    look_at_proc(&watched, true, 8000);
    look_at_proc(&watched, true, 9000);
    assert_int_equal(thread_of(&watched, 7003)->end_ns, 8000);
    end(&watched);
}

/* A record tells the end of its thread, and without a probe nobody else does: no waiting for one.
 */
static void test_thread_whose_end_nobody_else_tells(void **state)
{
    (void)state;
    struct watched watched;
    begin(&watched);
    look_at_proc(&watched, false, 5000);
    unlist_tid(&watched, "7002");
    look_at_proc(&watched, false, 6000);
    assert_int_equal(thread_of(&watched, 7002)->end_ns, 6000);
    assert_int_equal(thread_of(&watched, 7001)->end_ns, 0);
    end(&watched);

    begin(&watched);
    look_at_records(&watched, 5000);
    look_at_proc(&watched, true, 5000);
    unlist_tid(&watched, "7002");
    look_at_proc(&watched, true, 6000);
    assert_int_equal(thread_of(&watched, 7002)->end_ns, 6000);
    end(&watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_and_proc_are_one_thread),
        cmocka_unit_test(test_thread_gone_before_its_record_was_read),
        cmocka_unit_test(test_thread_gone_without_a_record),
        cmocka_unit_test(test_thread_that_was_missed_once),
        cmocka_unit_test(test_thread_whose_end_nobody_else_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
