/* Another tracking reaches every header that a probe may read, and only a sound one is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/regions.h"
#include "keeper/tracking.h"
#include "wire/layout.h"

static const struct ms_tracking exact = {
    .mode = MS_MODE_EXACT, .stack_depth = 32, .sample_rate = MS_RATE_DEFAULT_BYTES};

static uint32_t changes_of(const struct ms_probe_config *config)
{
    return atomic_load_explicit(&config->changes, memory_order_relaxed);
}

static struct ms_probe_config config_of(const struct ms_region_file *file, uint32_t slot)
{
    struct ms_region_header header;
    assert_int_equal(pread(file->fd, &header, sizeof header, (off_t)ms_region_slot_offset(slot)),
                     sizeof header);
    return header.config;
}

static void expect_changes(struct ms_probe_config config, uint32_t changes)
{
    assert_int_equal(changes_of(&config), changes);
}

/* A child is ready in `slot`, its header as an ancestor's tracking was. */
static void ready(const struct ms_region_file *file, uint32_t slot)
{
    static struct ms_region_header header;
    memset(&header, 0, sizeof header);
    struct ms_probe_config config = {.tracking = exact};
    ms_region_format(&header, slot, &config);
    const off_t at = (off_t)ms_region_slot_offset(slot);
    assert_int_equal(pwrite(file->fd, &header, sizeof header, at), sizeof header);
    uint64_t bit = UINT64_C(1) << (slot - 1) % 64;
    const size_t word = offsetof(struct ms_region_header, slots_ready) + (slot - 1) / 64 * 8;
    assert_int_equal(pwrite(file->fd, &bit, sizeof bit, (off_t)word), sizeof bit);
}

static struct ms_region_file *add_file(struct ms_keeper *keeper)
{
    struct ms_region_file *file = calloc(1, sizeof *file);
    assert_non_null(file);
    file->number = keeper->region_count + 1;
    file->fd = ms_region_create(&keeper->config);
    assert_true(file->fd >= 0);
    keeper->regions[keeper->region_count++] = file;
    return file;
}

static int set_up(void **state)
{
    struct ms_keeper *keeper = calloc(1, sizeof *keeper);
    assert_non_null(keeper);
    keeper->probed = true;
    keeper->config.tracking = exact;
    add_file(keeper);
    add_file(keeper);
    *state = keeper;
    return 0;
}

static int tear_down(void **state)
{
    struct ms_keeper *keeper = *state;
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        ms_region_file_free(keeper->regions[at]);
    }
    free(keeper);
    return 0;
}

static struct ms_message_tracking sampled(void)
{
    return (struct ms_message_tracking){
        .parts = MS_TRACKING_MODE | MS_TRACKING_RATE,
        .tracking = {.mode = MS_MODE_SAMPLED, .sample_rate = MS_RATE_ALLOCATIONS | 10}};
}

static void test_every_header_gets_it(void **state)
{
    struct ms_keeper *keeper = *state;
    ready(keeper->regions[0], 3);
    ready(keeper->regions[1], 64);
    const struct ms_message_tracking wanted = sampled();
    assert_null(ms_tracking_set(keeper, &wanted));
    const struct ms_probe_config configs[] = {
        config_of(keeper->regions[0], 0), config_of(keeper->regions[0], 3),
        config_of(keeper->regions[1], 0), config_of(keeper->regions[1], 64)};
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        assert_int_equal(changes_of(&configs[i]), 2);
        assert_int_equal(configs[i].tracking.mode, MS_MODE_SAMPLED);
        assert_int_equal(configs[i].tracking.stack_depth, 32);
        assert_true(configs[i].tracking.sample_rate == (MS_RATE_ALLOCATIONS | 10));
    }
    assert_int_equal(config_of(keeper->regions[0], 4).tracking.mode, MS_MODE_OFF); /* a hole */
}

static void test_a_later_file_has_it(void **state)
{
    struct ms_keeper *keeper = *state;
    const struct ms_message_tracking wanted = sampled();
    assert_null(ms_tracking_set(keeper, &wanted));
    struct ms_probe_config config = config_of(add_file(keeper), 0);
    assert_int_equal(changes_of(&config), 2);
    assert_int_equal(config.tracking.mode, MS_MODE_SAMPLED);
    const struct ms_message_tracking deeper = {.parts = MS_TRACKING_DEPTH,
                                               .tracking = {.stack_depth = 64}};
    assert_null(ms_tracking_set(keeper, &deeper));
    config = config_of(keeper->regions[2], 0);
    assert_int_equal(changes_of(&config), 4);
    assert_int_equal(config.tracking.mode, MS_MODE_SAMPLED);
    assert_int_equal(config.tracking.stack_depth, 64);
}

static void test_who_ended_keeps_his(void **state)
{
    struct ms_keeper *keeper = *state;
    struct ms_region_file *file = keeper->regions[0];
    ready(file, 1);
    file->watch_count = 2;
    file->watches = calloc(2, sizeof *file->watches);
    assert_non_null(file->watches);
    file->watches[1].state = MS_WATCH_ENDED;
    const struct ms_message_tracking wanted = sampled();
    assert_null(ms_tracking_set(keeper, &wanted));
    expect_changes(config_of(file, 0), 2); /* children of its children read this one */
    expect_changes(config_of(file, 1), 0);
}

static void test_nonsense_changes_nothing(void **state)
{
    struct ms_keeper *keeper = *state;
    struct ms_message_tracking bad[] = {
        {.parts = 0},
        {.parts = MS_TRACKING_PARTS + 1, .tracking = exact},
        {.parts = MS_TRACKING_MODE, .tracking = {.mode = 4}},
        {.parts = MS_TRACKING_MODE, .tracking = {.mode = MS_MODE_EXACT, .automatic = 2}},
        {.parts = MS_TRACKING_MODE, .tracking = {.mode = MS_MODE_SAMPLED, .automatic = 1}},
        {.parts = MS_TRACKING_MODE, .tracking = {.mode = MS_MODE_EXACT, .trace = 1}},
        {.parts = MS_TRACKING_DEPTH, .tracking = {.stack_depth = 0}},
        {.parts = MS_TRACKING_DEPTH, .tracking = {.stack_depth = MS_STACK_DEPTH_MAX + 1}},
        {.parts = MS_TRACKING_RATE, .tracking = {.sample_rate = 0}},
        {.parts = MS_TRACKING_RATE, .tracking = {.sample_rate = MS_RATE_ALLOCATIONS}},
        {.parts = MS_TRACKING_RATE, .tracking = {.sample_rate = MS_RATE_INTERVAL_BYTES_MAX + 1}},
        {.parts = MS_TRACKING_SELECTION, .tracking = {.selection = "tid:x"}},
        {.parts = MS_TRACKING_SELECTION},
    };
    enum { BAD = sizeof bad / sizeof bad[0] };
    memset(bad[BAD - 1].tracking.selection, 'a', sizeof bad[0].tracking.selection);
    for (size_t i = 0; i < BAD; i++) {
        assert_non_null(ms_tracking_set(keeper, &bad[i]));
    }
    expect_changes(config_of(keeper->regions[0], 0), 0);
    assert_int_equal(changes_of(&keeper->config), 0);
    keeper->config.trace_allowed = 1;
    assert_null(ms_tracking_set(keeper, &bad[5]));
    keeper->probed = false;
    const struct ms_message_tracking good = sampled();
    assert_non_null(ms_tracking_set(keeper, &good));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_header_gets_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_later_file_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_ended_keeps_his, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nonsense_changes_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("keeper tracking", tests, NULL, NULL);
}
