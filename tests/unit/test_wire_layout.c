/* Region layout: what the keeper formats, everyone else accepts; anything else is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/layout.h"

static struct ms_region_header formatted(uint32_t slot)
{
    const struct ms_probe_config config = {
        .tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32}};
    struct ms_region_header header;
    memset(&header, 0, sizeof header);
    ms_region_format(&header, slot, &config);
    return header;
}

static void every_region_of_the_file_is_accepted(void **state)
{
    (void)state;
    for (uint32_t slot = 0; slot <= MS_REGION_SLOTS; slot++) {
        struct ms_region_header header = formatted(slot);
        assert_int_equal(ms_region_check(&header, ms_region_file_bytes()), 0);
        assert_int_equal(header.slot, slot);
        assert_int_equal(header.config.tracking.stack_depth, 32);
        assert_int_equal(header.state, MS_REGION_FREE);
    }
}

static void regions_do_not_overlap_and_end_inside_the_file(void **state)
{
    (void)state;
    uint64_t end = 0;
    for (uint32_t slot = 0; slot <= MS_REGION_SLOTS; slot++) {
        struct ms_region_header header = formatted(slot);
        assert_int_equal(ms_region_slot_offset(slot), end);
        assert_int_equal(header.region_bytes, ms_region_bytes(slot));
        end += header.region_bytes;
    }
    assert_int_equal(end, ms_region_file_bytes());
}

static void the_main_region_stays_below_its_bound(void **state)
{
    (void)state;
    assert_true(ms_region_bytes(0) <= UINT64_C(256) << 20);
    assert_true(ms_region_bytes(1) <= UINT64_C(8) << 20);
}

/* Each begins inside the one before, none is large, the last one holds the slot. */
static void windows_lead_to_every_slot(void **state)
{
    (void)state;
    const uint64_t starts[] = {MS_PAGE_BYTES, ms_region_bytes(0)};
    const uint64_t max_bytes = UINT64_C(16) << 20;
    for (uint32_t slot = 1; slot <= MS_REGION_SLOTS; slot++) {
        for (size_t i = 0; i < 2; i++) {
            struct ms_region_window before = {0, starts[i]};
            struct ms_region_window window = before;
            while (ms_region_window_next(&window, slot, max_bytes)) {
                assert_true(window.from >= before.from);
                assert_true(window.from < before.from + before.bytes);
                assert_true(window.from + window.bytes > before.from + before.bytes);
                assert_true(window.bytes <= max_bytes);
                assert_int_equal(window.from % MS_PAGE_BYTES, 0);
                before = window;
            }
            const uint64_t first = ms_region_slot_offset(slot);
            assert_true(window.from <= first);
            assert_int_equal(window.from + window.bytes, first + ms_region_bytes(slot));
        }
    }
}

static void damage_is_refused(void **state)
{
    (void)state;
    const uint64_t bytes = ms_region_file_bytes();
    struct ms_region_header copy = formatted(0);
    assert_int_equal(ms_region_check(&copy, bytes - MS_PAGE_BYTES), -EPROTO);
    copy.version++;
    assert_int_equal(ms_region_check(&copy, bytes), -EPROTONOSUPPORT);
    copy = formatted(0);
    copy.magic ^= 1;
    assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
    copy = formatted(0);
    copy.slot = MS_REGION_SLOTS + 1;
    assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        copy = formatted(0);
        copy.areas[area].offset_bytes += 8;
        assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
        copy = formatted(0);
        copy.areas[area].capacity++;
        assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
        copy = formatted(0);
        copy.areas[area].element_bytes = 0;
        assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_region_of_the_file_is_accepted),
        cmocka_unit_test(regions_do_not_overlap_and_end_inside_the_file),
        cmocka_unit_test(the_main_region_stays_below_its_bound),
        cmocka_unit_test(windows_lead_to_every_slot),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
