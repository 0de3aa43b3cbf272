/* From the words of a region header to those of the model, and what nonsense there becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collect/tracking.h"
#include "collect_region_image.h"

static struct ms_region_header *header;
static struct ms_region_view view;
static struct ms_process_tracking tracking;

static int set_up(void **state)
{
    (void)state;
    uint64_t bytes;
    header = image_new(&bytes);
    if (header == NULL) {
        return -1;
    }
    const struct ms_region_mapping mapping = {.base = (const void *)header, .bytes = bytes};
    tracking = (struct ms_process_tracking){0};
    return ms_region_view_init(&view, &mapping, 0);
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(header, ms_region_bytes(0));
}

static bool take(void)
{
    struct ms_region_tracking_copy copy;
    ms_region_view_tracking(&view, &copy);
    return ms_watched_tracking(&copy, &tracking);
}

static const char *text(void)
{
    static char out[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX];
    return ms_tracking_text(out, sizeof out, &tracking);
}

static void test_what_was_asked_for(void **state)
{
    (void)state;
    assert_string_equal(text(), ""); /* not known */
    assert_true(take());
    assert_int_equal(tracking.asked.mode, MS_TRACK_EXACT);
    assert_string_equal(text(), "");
    header->config.tracking.mode = MS_MODE_SAMPLED;
    header->config.tracking.sample_rate = MS_RATE_ALLOCATIONS | 10;
    header->config.tracking.stack_depth = 8;
    strcpy(header->config.tracking.selection, "worker*");
    uint64_t before = ms_region_view_tracking_peek(&view);
    header->config.changes = 2;
    assert_true(ms_region_view_tracking_peek(&view) != before);
    assert_true(take());
    assert_int_equal(tracking.changes, 1);
    assert_string_equal(text(), "sampled 10%, depth 8, threads worker*");
}

static void test_half_written_keeps_the_old(void **state)
{
    (void)state;
    assert_true(take());
    header->config.changes = 3;
    header->config.tracking.mode = MS_MODE_OFF;
    assert_false(take());
    assert_int_equal(tracking.asked.mode, MS_TRACK_EXACT);
}

static void step(uint32_t number, uint32_t of_changes, uint32_t mode, uint32_t depth)
{
    header->step[number % MS_STEPS_KEPT] =
        (struct ms_region_step){.at_ns = 1000 + number,
                                .sample_rate = MS_RATE_DEFAULT_BYTES,
                                .of_changes = of_changes,
                                .reason = MS_STEPPED_STACKS_FULL,
                                .mode = mode,
                                .stack_depth = depth};
    header->config.steps = number + 1;
}

static void test_the_newest_step_holds_until_another_wish(void **state)
{
    (void)state;
    header->config.tracking.automatic = 1;
    assert_true(take());
    assert_string_equal(text(), "auto");
    step(0, 0, MS_MODE_EXACT, 16);
    assert_true(take());
    assert_string_equal(text(), "depth 16 (auto: the table of call stacks fills up)");
    for (uint32_t number = 1; number < 10; number++) {
        step(number, 0, MS_MODE_SAMPLED, 8);
    }
    assert_true(take());
    assert_string_equal(text(), "sampled 512K, depth 8 (auto: the table of call stacks fills up)");
    assert_int_equal(tracking.steps, 10);
    assert_int_equal(tracking.steps_kept, MS_STEPS_KEPT);
    assert_int_equal(tracking.step[0].at_ns, 1002);
    assert_int_equal(tracking.step[MS_STEPS_KEPT - 1].at_ns, 1009);
    header->config.changes = 2;
    assert_true(take());
    assert_string_equal(text(), "auto");
    assert_int_equal(tracking.steps, 10);
}

static void test_nonsense_is_brought_into_bounds(void **state)
{
    (void)state;
    memset(&header->config.tracking, 0xff, sizeof header->config.tracking);
    header->config.steps = UINT32_MAX;
    memset(header->step, 0xff, sizeof header->step);
    header->config.changes = UINT32_MAX - 1;
    assert_true(take());
    assert_int_equal(tracking.asked.mode, MS_TRACK_OFF);
    assert_int_equal(tracking.asked.depth, MS_DEPTH_MAX);
    assert_true(tracking.asked.rate.interval <= MS_SAMPLE_INTERVAL_MAX);
    assert_true(strlen(tracking.asked.threads) < MS_THREADS_LIST_MAX);
    assert_true(strlen(text()) < MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX);
    header->config.tracking.mode = MS_MODE_SAMPLED;
    header->config.tracking.sample_rate = 0;
    assert_true(take());
    assert_int_equal(tracking.asked.rate.interval, 1);
}

static void test_there_and_back(void **state)
{
    (void)state;
    for (int mode = 0; mode < MS_TRACK_MODES; mode++) {
        const struct ms_tracking_settings settings = {
            .mode = (enum ms_tracking_mode)mode,
            .depth = 5,
            .rate = {.interval = 7, .of_allocations = mode % 2 == 0},
            .threads = "main,x*"};
        struct ms_tracking wire;
        struct ms_tracking_settings back;
        ms_tracking_of_settings(&wire, &settings);
        ms_settings_of_tracking(&back, &wire);
        assert_int_equal(back.mode, mode);
        assert_int_equal(back.depth, 5);
        assert_int_equal(back.rate.interval, 7);
        assert_int_equal(back.rate.of_allocations, settings.rate.of_allocations);
        assert_string_equal(back.threads, "main,x*");
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_asked_for),
        TEST(test_half_written_keeps_the_old),
        TEST(test_the_newest_step_holds_until_another_wish),
        TEST(test_nonsense_is_brought_into_bounds),
        TEST(test_there_and_back),
    };
    return cmocka_run_group_tests_name("collect tracking", tests, NULL, NULL);
}
