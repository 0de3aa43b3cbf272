/* Screen 0: insights, the machine, memory and limits, files and network, and what is missing. */
#include "picture.h"
#include "world_machine.h"

static void open_machine(struct world *world, enum ms_glyphs glyphs, uint32_t cores)
{
    world_open(world, ACTORS, glyphs);
    world_machine_open(world, cores);
    world_machine_run(world, 700);
}

static void check_sizes(struct world *world, const char *name)
{
    picture_check(world, name, 24, 80);
    picture_check(world, name, 40, 120);
    picture_check(world, name, 8, 40);
}

static void test_insights(void **state)
{
    (void)state;
    struct world world;
    open_machine(&world, MS_GLYPHS_BLOCK, 8);
    world_keys(&world, "0");
    check_sizes(&world, "system-insights");
    world_close(&world);
}

static void test_pages(void **state)
{
    (void)state;
    struct world world;
    open_machine(&world, MS_GLYPHS_BLOCK, 8);
    world_keys(&world, "0t");
    check_sizes(&world, "system-machine");
    world_keys(&world, "G");
    picture_check(&world, "system-machine-last", 24, 80);
    world_keys(&world, "t");
    check_sizes(&world, "system-memory");
    world_keys(&world, "t");
    check_sizes(&world, "system-network");
    world_keys(&world, "t");
    check_sizes(&world, "system-sources");
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
