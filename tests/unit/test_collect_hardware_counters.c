/* Groups of counters: their parser on what kernels write, and the whole way with events that every
 * kernel has in place of a processor's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collect/hardware_counters.h"
#include "collect/thread_sources.h"
#include "model/metric.h"

static const uint8_t all[] = {0, 1, 2, 3, 4, 5};
static const struct ms_hardware_counters nothing;

static void test_values_are_scaled_by_the_time_they_ran(void **state)
{
    (void)state;
    struct ms_hardware_counters counters = nothing;
    const uint64_t whole[] = {6, 1000, 1000, 10, 20, 30, 40, 50, 60};
    assert_true(ms_counters_parse(whole, 9, all, 6, &nothing, &counters));
    assert_int_equal(counters.cycles, 10);
    assert_int_equal(counters.instructions, 20);
    assert_int_equal(counters.cache_references, 30);
    assert_int_equal(counters.cache_misses, 40);
    assert_int_equal(counters.branches, 50);
    assert_int_equal(counters.branch_misses, 60);

    const uint64_t third[] = {2, 3000, 1000, 1000000, 2000000};
    counters = nothing;
    assert_true(ms_counters_parse(third, 5, all, 2, &nothing, &counters));
    assert_int_equal(counters.cycles, 3000000);
    assert_int_equal(counters.instructions, 6000000);
    assert_true(counters.cache_misses == MS_NO_COUNTER && counters.branches == MS_NO_COUNTER);

    const uint64_t later[] = {2, 6000, 5000, 1100000, 2000000}; /* scaled less than before */
    assert_true(ms_counters_parse(later, 5, all, 2, &nothing, &counters));
    assert_int_equal(counters.cycles, 3000000); /* a count does not shrink */

    const uint64_t huge[] = {1, UINT64_MAX, 1, UINT64_MAX - 1};
    counters = nothing;
    assert_true(ms_counters_parse(huge, 4, all, 1, &nothing, &counters));
    assert_true(counters.cycles == MS_NO_COUNTER - 1);
}

static void test_what_makes_no_sense_is_no_figure(void **state)
{
    (void)state;
    struct ms_hardware_counters counters = {.cycles = 7};
    const uint64_t words[] = {6, 1000, 1000, 10, 20, 30, 40, 50, 60};
    for (size_t count = 0; count < 9; count++) {
        uint64_t *exact = malloc(count * sizeof *exact + 1); /* a sanitizer sees a step too far */
        assert_non_null(exact);
        memcpy(exact, words, count * sizeof *exact);
        assert_false(ms_counters_parse(exact, count, all, 6, &nothing, &counters));
        free(exact);
    }
    assert_false(ms_counters_parse(words, 9, all, 5, &nothing, &counters)); /* not our group */
    const uint64_t never[] = {1, 1000, 0, 0};
    assert_false(ms_counters_parse(never, 4, all, 1, &nothing, &counters)); /* ran uncounted */
    assert_int_equal(counters.cycles, 7);
    const uint64_t slept[] = {1, 0, 0, 0};
    assert_true(ms_counters_parse(slept, 4, all, 1, &nothing, &counters));
    assert_int_equal(counters.cycles, 7);
    const uint8_t bad[] = {9};
    const uint64_t one[] = {1, 5, 5, 5};
    assert_true(ms_counters_parse(one, 4, bad, 1, &nothing, &counters));
    assert_true(counters.cycles == MS_NO_COUNTER);
}

static void test_a_new_group_goes_on_counting(void **state)
{
    (void)state;
    const struct ms_hardware_counters before = {
        .cycles = 100, .instructions = 200, .branches = 5, .cache_misses = MS_NO_COUNTER};
    struct ms_hardware_counters counters = before;
    const uint64_t words[] = {2, 10, 10, 1, 2};
    assert_true(ms_counters_parse(words, 5, all, 2, &before, &counters));
    assert_int_equal(counters.cycles, 101);
    assert_int_equal(counters.instructions, 202);
    assert_true(counters.branches == MS_NO_COUNTER);
}

/* What every kernel counts, so that the group is a real one. */
static const struct ms_counter_event software[MS_COUNTER_EVENTS] = {
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS},
};

static void touch_pages(size_t count)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory =
        mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    (void)madvise(memory, count * page, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < count; i++) {
        *(volatile char *)(memory + i * page) = 1;
    }
    (void)munmap(memory, count * page);
}

static void test_a_real_group(void **state)
{
    (void)state;
    struct ms_descriptor_budget budget = {.limit = 100};
    struct ms_counting counting;
    struct ms_thread_counting thread;
    struct ms_hardware_counters counters = {0};
    ms_counting_init(&counting);
    counting.events = software;
    ms_thread_counting_init(&thread);
    struct ms_model *model = ms_model_new(100, 0, 0);
    if (!ms_thread_counting_read(&counting, &thread, &budget, gettid(), &counters)) {
        assert_int_not_equal(counting.error, 0); /* not here: then why is told */
        ms_counting_tell(&counting, model);
        assert_int_equal(ms_model_source(model, MS_SOURCE_HARDWARE_COUNTERS)->condition,
                         MS_SOURCE_UNAVAILABLE);
        ms_model_free(model);
        return;
    }
    assert_int_equal(budget.open, 6);
    assert_int_equal(counting.counted, 1);
    const struct ms_hardware_counters before = counters;
    touch_pages(300);
    assert_true(ms_thread_counting_read(&counting, &thread, &budget, gettid(), &counters));
    /* Page faults, here; a sanitizer has its own, one for each page of a shadow the most. */
#if defined(__SANITIZE_THREAD__)
    assert_true(counters.cycles - before.cycles >= 300);
#else
    assert_in_range(counters.cycles - before.cycles, 300, 400);
#endif
    assert_true(counters.instructions > before.instructions); /* nanoseconds, here */
    assert_true(counters.running_ns > 0 && counters.running_ns <= counters.enabled_ns);
    ms_counting_tell(&counting, model);
    assert_int_equal(ms_model_source(model, MS_SOURCE_HARDWARE_COUNTERS)->condition,
                     MS_SOURCE_AVAILABLE);

    counting.wanted = 3; /* there is no room for the others */
    assert_true(ms_thread_counting_read(&counting, &thread, &budget, gettid(), &counters));
    assert_true(counters.cycles >= before.cycles + 300);
    assert_true(counters.cache_misses == MS_NO_COUNTER);
    assert_int_equal(budget.open, 2);
    ms_thread_counting_close(&counting, &thread, &budget);
    assert_int_equal(budget.open, 0);
    assert_int_equal(counting.counted, 0);
    ms_model_free(model);
}

static int opened, refuse_from, refuse_with;

/* A descriptor to read from; event by event, until it refuses. */
static int fake_open(struct perf_event_attr *attributes, pid_t tid, int group)
{
    assert_int_equal(attributes->exclude_kernel, 1);
    assert_true(tid > 0 && (group >= 0) == (opened % 6 != 0));
    if (opened % 6 >= refuse_from) {
        opened += 6 - opened % 6; /* the next one is the first of a group */
        return refuse_with;
    }
    opened++;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const uint64_t uncounted[] = {6, 200000000, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(write(ends[1], uncounted, sizeof uncounted), sizeof uncounted);
    close(ends[1]);
    return ends[0];
}

static struct ms_counting fake_counting(int refused_from, int refused_with)
{
    struct ms_counting counting;
    ms_counting_init(&counting);
    counting.open = fake_open;
    opened = 0;
    refuse_from = refused_from;
    refuse_with = refused_with;
    return counting;
}

static void test_a_processor_without_counters_is_asked_once(void **state)
{
    (void)state;
    struct ms_descriptor_budget budget = {.limit = 100};
    struct ms_counting counting = fake_counting(0, -ENOENT);
    struct ms_thread_counting thread;
    struct ms_hardware_counters counters = {0};
    ms_thread_counting_init(&thread);
    for (int i = 0; i < 3; i++) {
        assert_false(ms_thread_counting_read(&counting, &thread, &budget, 1, &counters));
    }
    assert_int_equal(opened, 6);
    assert_int_equal(budget.open, 0);
    struct ms_model *model = ms_model_new(100, 0, 0);
    ms_counting_tell(&counting, model);
    const struct ms_source_state *source = ms_model_source(model, MS_SOURCE_HARDWARE_COUNTERS);
    assert_int_equal(source->condition, MS_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(source->because, "virtual machines"));
    ms_model_free(model);
}

/* As with the NMI watchdog: the group is taken and never gets its turn. */
static void test_a_group_that_never_runs_is_made_smaller(void **state)
{
    (void)state;
    struct ms_descriptor_budget budget = {.limit = 100};
    struct ms_counting counting = fake_counting(6, 0);
    struct ms_thread_counting thread;
    struct ms_hardware_counters counters = {0};
    ms_thread_counting_init(&thread);
    assert_false(ms_thread_counting_read(&counting, &thread, &budget, 1, &counters));
    assert_int_equal(counting.wanted, 0xf); /* no branches */
    assert_int_equal(budget.open, 6);
    ms_thread_counting_close(&counting, &thread, &budget);
    assert_int_equal(budget.open, 0);
}

static void test_who_finds_no_room_waits(void **state)
{
    (void)state;
    struct ms_descriptor_budget budget = {.limit = 48}; /* a quarter of it: two groups */
    struct ms_counting counting = fake_counting(6, 0);
    struct ms_thread_counting threads[5];
    struct ms_hardware_counters counters = {0};
    counting.gave = true;
    for (int i = 0; i < 5; i++) {
        ms_thread_counting_init(&threads[i]);
        counting.wanted = 0x3f;
        (void)ms_thread_counting_read(&counting, &threads[i], &budget, 1, &counters);
    }
    counting.wanted = 0x3f;
    assert_int_equal(counting.counted, 2);
    assert_int_equal(counting.waiting, 3);
    struct ms_model *model = ms_model_new(100, 0, 0);
    ms_counting_tell(&counting, model);
    const struct ms_source_state *source = ms_model_source(model, MS_SOURCE_HARDWARE_COUNTERS);
    assert_int_equal(source->condition, MS_SOURCE_PARTIAL);
    assert_non_null(strstr(source->because, "counted for 2 threads"));
    assert_non_null(strstr(source->because, "3 wait"));
    for (int i = 0; i < 5; i++) {
        ms_thread_counting_close(&counting, &threads[i], &budget);
    }
    assert_int_equal(counting.waiting, 0);
    assert_int_equal(budget.open, 0);
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_scaled_by_the_time_they_ran),
        cmocka_unit_test(test_what_makes_no_sense_is_no_figure),
        cmocka_unit_test(test_a_new_group_goes_on_counting),
        cmocka_unit_test(test_a_real_group),
        cmocka_unit_test(test_a_processor_without_counters_is_asked_once),
        cmocka_unit_test(test_a_group_that_never_runs_is_made_smaller),
        cmocka_unit_test(test_who_finds_no_room_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
