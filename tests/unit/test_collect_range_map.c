/* Which of nested and overlapping ranges is meant at an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collect/range_map.h"

static void test_nested(void **state)
{
    (void)state;
    struct ms_range_map map = {0};
    assert_int_equal(ms_range_map_add(&map, 100, 200, 1), 0);
    assert_int_equal(ms_range_map_add(&map, 120, 180, 2), 0);
    assert_int_equal(ms_range_map_add(&map, 120, 140, 3), 0);
    assert_int_equal(ms_range_map_add(&map, 300, 400, 4), 0);
    assert_int_equal(ms_range_map_add(&map, 150, 150, 5), 0); /* empty */
    assert_int_equal(ms_range_map_add(&map, 300, 400, 6), 0); /* the last of two equal ones */
    assert_int_equal(ms_range_map_settle(&map), 0);
    const struct {
        uint64_t address;
        uint32_t value;
    } expected[] = {{0, 0},   {99, 0},  {100, 1}, {119, 1}, {120, 3}, {139, 3},       {140, 2},
                    {179, 2}, {180, 1}, {199, 1}, {200, 0}, {300, 6}, {UINT64_MAX, 0}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(ms_range_map_find(&map, expected[i].address), expected[i].value);
    }
    ms_range_map_free(&map);
}

static uint32_t naive(const struct ms_range *ranges, size_t count, uint64_t address)
{
    const struct ms_range *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct ms_range *range = &ranges[i];
        if (address < range->start || address >= range->end) {
            continue;
        }
        if (best == NULL || range->start > best->start ||
            (range->start == best->start && range->end <= best->end)) {
            best = range;
        }
    }
    return best == NULL ? 0 : best->value;
}

/* Any overlap: as a search through all of them says. */
static void test_at_random(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 300; round++) {
        struct ms_range_map map = {0};
        struct ms_range ranges[24];
        size_t count = 1 + (size_t)round % 24;
        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525 + 1013904223;
            uint64_t start = seed >> 24 & 63;
            ranges[i] = (struct ms_range){start, start + (seed >> 16 & 31), (uint32_t)i + 1, 0};
            assert_int_equal(
                ms_range_map_add(&map, ranges[i].start, ranges[i].end, ranges[i].value), 0);
        }
        assert_int_equal(ms_range_map_settle(&map), 0);
        for (uint64_t address = 0; address < 100; address++) {
            assert_int_equal(ms_range_map_find(&map, address), naive(ranges, count, address));
        }
        ms_range_map_free(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
