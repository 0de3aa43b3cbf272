/* Region layout: what the keeper formats, everyone else accepts; anything else is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "wire/layout.h"

static char *file;

static int make_file(void **state)
{
    (void)state;
    file = mmap(NULL, ms_region_file_bytes(), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (file == MAP_FAILED) {
        return -1;
    }
    struct ms_probe_config config = {.mode = MS_MODE_EXACT, .stack_depth = 32};
    ms_region_format(file, &config);
    return 0;
}

static const struct ms_region_header *header_of(uint32_t slot)
{
    const void *at =
        file + ms_region_slot_offset((const struct ms_region_header *)(void *)file, slot);
    return at;
}

static void every_region_of_the_file_is_accepted(void **state)
{
    (void)state;
    for (uint32_t slot = 0; slot <= MS_REGION_SLOTS; slot++) {
        struct ms_region_header copy = *header_of(slot);
        assert_int_equal(ms_region_check(&copy, ms_region_file_bytes()), 0);
        assert_int_equal(copy.slot, slot);
        assert_int_equal(copy.config.stack_depth, 32);
    }
}

static void regions_do_not_overlap_and_end_inside_the_file(void **state)
{
    (void)state;
    uint64_t end = 0;
    for (uint32_t slot = 0; slot <= MS_REGION_SLOTS; slot++) {
        const struct ms_region_header *header = header_of(slot);
        uint64_t offset = ms_region_slot_offset(header, slot);
        assert_int_equal(offset, end);
        end = offset + header->region_bytes;
    }
    assert_int_equal(end, ms_region_file_bytes());
}

static void the_main_region_stays_below_its_bound(void **state)
{
    (void)state;
    assert_true(header_of(0)->region_bytes <= UINT64_C(256) << 20);
}

static void damage_is_refused(void **state)
{
    (void)state;
    const uint64_t bytes = ms_region_file_bytes();
    struct ms_region_header copy = *header_of(0);
    assert_int_equal(ms_region_check(&copy, bytes - MS_PAGE_BYTES), -EPROTO);
    copy.version++;
    assert_int_equal(ms_region_check(&copy, bytes), -EPROTONOSUPPORT);
    copy = *header_of(0);
    copy.magic ^= 1;
    assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
    copy = *header_of(0);
    copy.slot = MS_REGION_SLOTS + 1;
    assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        copy = *header_of(0);
        copy.areas[area].offset_bytes += 8;
        assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
        copy = *header_of(0);
        copy.areas[area].capacity++;
        assert_int_equal(ms_region_check(&copy, bytes), -EPROTO);
        copy = *header_of(0);
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
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, make_file, NULL);
}
