/* A thread as its record and /proc tell of it: one thread, whichever of the two knows it first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "collect_tree.h"
#include "collect_watched.h"

/* The image has the records of 7001 and 7002; what /proc/PID/task lists is the test's. */
static struct watched process;
static struct ms_region_thread *records;
static struct ms_proc_process listing;
static uint64_t ticks;

static void list_tid(const char *tid)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s/comm", tid);
    tree_put(name, "thread\n");
    listing.threads++;
}

static void unlist_tid(const char *tid)
{
    char name[64];
    char folder[128];
    (void)snprintf(name, sizeof name, "%s/comm", tid);
    tree_remove(name);
    (void)snprintf(folder, sizeof folder, "%s/%s", tree, tid);
    assert_int_equal(rmdir(folder), 0);
    listing.threads--;
}

static int begin(void **state)
{
    (void)state;
    if (!watched_begin(&process)) {
        return -1;
    }
    tree_begin();
    records = image_area(process.file, MS_AREA_THREADS);
    ticks = 0;
    listing = (struct ms_proc_process){
        .pid = getpid(), .folder = -1, .tasks = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    list_tid("7001");
    list_tid("7002");
    return listing.tasks < 0;
}

static int end(void **state)
{
    (void)state;
    watched_end(&process);
    close(listing.tasks);
    tree_end();
    return process.budget.open != 0;
}

static void look_at_records(uint64_t now_ns)
{
    assert_int_equal(watched_threads(&process, now_ns), 0);
}

static void look_at_proc(bool probed, uint64_t now_ns)
{
    assert_int_equal(ms_watched_threads_proc(process.threads, process.model, &process.budget,
                                             &listing, probed ? &process.view : NULL, false, now_ns,
                                             ticks++),
                     0);
}

static const struct ms_thread *thread_of(pid_t tid)
{
    const struct ms_thread *found = NULL;
    for (size_t i = 0; i < ms_model_thread_count(process.model); i++) {
        const struct ms_thread *thread = ms_model_thread(process.model, i);
        if (thread->tid == tid) {
            assert_null(found);
            found = thread;
        }
    }
    assert_non_null(found);
    return found;
}

/* Listed at 5000, when the records had been read without it, and gone at 6000. Returns its id. */
static uint32_t appear_and_go(const char *name, pid_t tid)
{
    look_at_records(5000);
    list_tid(name);
    look_at_proc(true, 5000);
    const uint32_t id = thread_of(tid)->id;
    unlist_tid(name);
    look_at_proc(true, 6000);
    return id;
}

static void test_record_and_proc_are_one_thread(void **state)
{
    (void)state;
    look_at_proc(true, 5000);
    assert_int_equal(ms_model_thread_count(process.model), 2);
    assert_false(thread_of(7002)->probed);
    look_at_records(6000);
    look_at_proc(true, 6000);
    assert_int_equal(ms_model_thread_count(process.model), 2);
    assert_true(thread_of(7002)->probed);
    assert_int_equal(thread_of(7002)->heap.allocations, 50);
}

/*
 * It began after the records were read, was seen in /proc, and was gone by the next look there. It
 * is not ended yet: what it allocated, and what it used to the last, is in a record that is read
 * next.
 */
static void test_thread_gone_before_its_record_was_read(void **state)
{
    (void)state;
    const uint32_t id = appear_and_go("7003", 7003);
    assert_int_equal(thread_of(7003)->end_ns, 0);

    image_thread(&records[3], 7003, 3, 70, "short");
    records[3].end_ns = 5500;
    records[3].final_usage.user_ns = 123;
    records[3].state = MS_THREAD_GONE;
    image_publish(process.file, MS_AREA_THREADS, 4);
    look_at_records(7000);
    look_at_proc(true, 7000);
    assert_int_equal(ms_model_thread_count(process.model), 3);
    const struct ms_thread *ended = thread_of(7003);
    assert_int_equal(ended->id, id);
    assert_int_equal(ended->heap.allocations, 70);
    assert_int_equal(ended->kernel.user_ns, 123);
    assert_int_equal(ended->end_ns, 5500);
    assert_int_equal(ended->last_seen_before_end_ns, 0);
}

/* No record came: it ended when it was first missed. */
static void test_thread_gone_without_a_record(void **state)
{
    (void)state;
    (void)appear_and_go("7003", 7003);
    look_at_records(7000);
    look_at_proc(true, 7000);
    assert_int_equal(thread_of(7003)->end_ns, 6000);
    assert_int_equal(ms_model_thread_count(process.model), 3);
}

/* One that was missed and is listed again is alive: the same, and reported from then on. */
static void test_thread_that_was_missed_once(void **state)
{
    (void)state;
    const uint32_t id = appear_and_go("7003", 7003);
    list_tid("7003");
    look_at_proc(true, 7000);
    assert_int_equal(thread_of(7003)->id, id);
    assert_int_equal(thread_of(7003)->end_ns, 0);
    /* Missed again: its time counts from then. */
    unlist_tid("7003");
    look_at_proc(true, 8000);
    look_at_proc(true, 9000);
    assert_int_equal(thread_of(7003)->end_ns, 8000);
}

/* Without a probe there is no record to wait for. */
static void test_thread_without_a_probe(void **state)
{
    (void)state;
    look_at_proc(false, 5000);
    unlist_tid("7002");
    look_at_proc(false, 6000);
    assert_int_equal(thread_of(7002)->end_ns, 6000);
    assert_int_equal(thread_of(7001)->end_ns, 0);
}

/* Its record is known, and did not tell of its end: there is nothing to wait for either. */
static void test_thread_whose_record_is_behind(void **state)
{
    (void)state;
    look_at_records(5000);
    look_at_proc(true, 5000);
    unlist_tid("7002");
    look_at_proc(true, 6000);
    assert_int_equal(thread_of(7002)->end_ns, 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_record_and_proc_are_one_thread, begin, end),
        cmocka_unit_test_setup_teardown(test_thread_gone_before_its_record_was_read, begin, end),
        cmocka_unit_test_setup_teardown(test_thread_gone_without_a_record, begin, end),
        cmocka_unit_test_setup_teardown(test_thread_that_was_missed_once, begin, end),
        cmocka_unit_test_setup_teardown(test_thread_without_a_probe, begin, end),
        cmocka_unit_test_setup_teardown(test_thread_whose_record_is_behind, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
