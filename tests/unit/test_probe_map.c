/* The region of a process, whoever comes in between: what is given back, what is wanted of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/map_parts.h"
#include "probe_interrupted.h"
#include "probe_region.h"

#define STRIDE 7u /* every instruction would take seconds; the stretch that matters is longer */

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

static struct ms_probe_config of_file, of_child;

static void want(struct ms_probe_config *config, uint32_t changes)
{
    atomic_store(&config->changes, changes - 1);
    memset(&config->tracking, (int)changes, sizeof config->tracking);
    atomic_store(&config->changes, changes);
}

/* As the keeper does: the header of the file first. */
static void keeper_wants_more(void)
{
    want(&of_file, 6);
    want(&of_child, 6);
}

static void child_follows(void)
{
    ms_map_follow_config(&of_child, &of_file);
}

/*
 * The child has a copy of what was wanted when it was forked, and the keeper did not know of it at
 * the next change. Wherever it is when the one after that comes, that is what it ends up with.
 */
static void test_child_misses_no_change(void **state)
{
    (void)state;
    bool interrupted = true;
    for (uint32_t instructions = 1; interrupted; instructions++) {
        want(&of_child, 2);
        want(&of_file, 4);
        interrupted = interrupted_after(instructions, child_follows, keeper_wants_more, NULL);
        assert_int_equal(atomic_load(&of_child.changes), 6);
        assert_memory_equal(&of_child.tracking, &of_file.tracking, sizeof of_child.tracking);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_given_back_once),
        cmocka_unit_test(test_what_is_kept_can_be_opened),
        cmocka_unit_test(test_child_misses_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
