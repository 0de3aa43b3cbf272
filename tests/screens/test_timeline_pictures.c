/* Screen 3: rows on one axis of time, the window, the cursor, an enlarged row, focus. */
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

static void test_all(void **state)
{
    (void)state;
    struct world world;
    open_machine(&world, MS_GLYPHS_BRAILLE, 8);
    world_keys(&world, "3");
    check_sizes(&world, "timelines");
    world_key(&world, '~');
    picture_check(&world, "timelines-block", 40, 120);
    world_key(&world, '~');
    picture_check(&world, "timelines-ascii", 40, 120);
    world_keys(&world, "t");
    picture_check(&world, "timelines-ascii-lines", 40, 120);
    world_close(&world);
}

static void test_zoomed(void **state)
{
    (void)state;
    struct world world;
    open_machine(&world, MS_GLYPHS_BRAILLE, 8);
    world_keys(&world, "3\n");
    check_sizes(&world, "timelines-zoomed");
    world_keys(&world, "tt");
    picture_check(&world, "timelines-stacked", 24, 80);
    world_keys(&world, "~");
    picture_check(&world, "timelines-stacked-block", 24, 80);
    world_keys(&world, "jjt");
    picture_check(&world, "timelines-zoomed-limit", 24, 80);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_zoomed),
    };
    return cmocka_run_group_tests_name("timeline pictures", tests, NULL, NULL);
}
