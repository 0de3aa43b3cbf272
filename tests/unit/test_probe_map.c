/* Address space that is given back: once, whoever comes in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/map_parts.h"
#include "probe_interrupted.h"
#include "probe_region.h"

#define STRIDE                                                                                     \
    7u /* every instruction would take seconds; the places that matter are not that few */

static int given;

static void map_anew(void)
{
    if (ms_region != NULL) {
        (void)munmap(ms_region, ms_map.main_mapped_bytes);
        (void)munmap(ms_map.file_header, 2 * MS_PAGE_BYTES);
    }
    ms_map = (struct ms_map_state){0};
    assert_int_equal(probe_region_map(0, 0), 0);
}

static void give_back(void)
{
    given += ms_map_give_back(false) ? 1 : 0;
}

/*
 * Who unmaps a range twice unmaps the second time what the program may have mapped there since. So
 * of two threads (or of a thread and its handler) in mlockall one gives back, wherever the other
 * is.
 */
static void test_is_given_back_once(void **state)
{
    (void)state;
    bool interrupted = true;
    for (uint32_t instructions = 1; interrupted; instructions += STRIDE) {
        map_anew();
        given = 0;
        interrupted = interrupted_after(instructions, give_back, give_back, NULL);
        assert_int_equal(given, 1);
        assert_int_equal(ms_map_spare_bytes(), 0);
    }
}

/* What is kept goes on as before; beyond it there is nothing to be had. */
static void test_what_is_kept_can_be_opened(void **state)
{
    (void)state;
    map_anew();
    assert_true(ms_area_open(MS_AREA_CONTEXTS, 100));
    assert_true(ms_map_give_back(false));
    assert_false(ms_map_give_back(false));
    assert_true(ms_area_open(MS_AREA_CONTEXTS, 8000));
    assert_false(ms_area_open(MS_AREA_CONTEXTS, 100000));
    assert_true(ms_map_give_back(true));
    assert_false(ms_area_open(MS_AREA_CONTEXTS, 50000));
    assert_true(ms_area_open(MS_AREA_CONTEXTS, 8000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_given_back_once),
        cmocka_unit_test(test_what_is_kept_can_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
