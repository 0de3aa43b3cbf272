/* Screen 0: insights, the machine, memory and limits, files and network, and what is missing. */
#include "picture.h"
#include "world_machine.h"

static void test_insights(void **state)
{
    (void)state;
    struct world world;
    world_machine_begin(&world, MS_GLYPHS_BLOCK, 8);
    world_keys(&world, "0");
    picture_check_sizes(&world, "system-insights", 8);
    world_close(&world);
}

static void test_pages(void **state)
{
    (void)state;
    struct world world;
    world_machine_begin(&world, MS_GLYPHS_BLOCK, 8);
    world_keys(&world, "0t");
    picture_check_sizes(&world, "system-machine", 8);
    world_keys(&world, "G");
    picture_check(&world, "system-machine-last", 24, 80);
    world_keys(&world, "t");
    picture_check_sizes(&world, "system-memory", 8);
    world_keys(&world, "t");
    picture_check_sizes(&world, "system-network", 8);
    world_keys(&world, "t");
    picture_check_sizes(&world, "system-sources", 8);
    world_key(&world, '~');
    picture_check(&world, "system-sources-ascii", 24, 80);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_insights),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests_name("system pictures", tests, NULL, NULL);
}
