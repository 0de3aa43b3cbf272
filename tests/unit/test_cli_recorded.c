/* What is said of a recording that lost some of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/recorded.h"

static const char *told(uint64_t dropped, uint64_t coarse_until_ns)
{
    static char text[MS_RECORDED_LOSSES_MAX];
    const struct ms_blocks_state at_end = {.dropped_blocks = dropped,
                                           .coarse_until_ns = coarse_until_ns};
    return ms_recorded_losses(text, &at_end, UINT64_C(5000000000));
}

static void test_what_is_missing_is_told(void **state)
{
    (void)state;
    assert_string_equal(told(0, 0), "");
    assert_string_equal(told(0, UINT64_C(5000000000)), "");
    assert_string_equal(told(1, 0), ", 1 block lost because the disk was too slow");
    assert_string_equal(told(12, 0), ", 12 blocks lost because the disk was too slow");
    assert_string_equal(told(0, UINT64_C(65000000000)),
                        ", the first 00:01:00 at a coarser resolution to limit the size");
    assert_string_equal(told(2, UINT64_C(65000000000)),
                        ", 2 blocks lost because the disk was too slow, the first 00:01:00 at a "
                        "coarser resolution to limit the size");
    assert_true(strlen(told(UINT64_MAX, UINT64_MAX)) < MS_RECORDED_LOSSES_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_missing_is_told),
    };
    return cmocka_run_group_tests_name("recorded", tests, NULL, NULL);
}
