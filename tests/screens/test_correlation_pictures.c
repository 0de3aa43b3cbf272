/* Screen 4: figures against each other. */
#include "picture.h"
#include "world_series.h"

static void test_correlations(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 720);
    world_key(&world, '4');
    picture_check(&world, "correlations", 24, 80);
    picture_check(&world, "correlations", 40, 120);
    picture_check(&world, "correlations", 60, 200);
    picture_check(&world, "correlations", 12, 40);
    picture_check(&world, "correlations", 8, 40);
    world_keys(&world, "~");
    picture_check(&world, "correlations-block", 24, 80);
    world_keys(&world, "~");
    picture_check(&world, "correlations-ascii", 24, 80);
    world_keys(&world, "~+++");
    picture_check(&world, "correlations-few", 24, 80);
    world_keys(&world, "=cct");
    picture_check(&world, "correlations-next", 24, 80);
    world_keys(&world, "i");
    picture_check(&world, "correlations-menu", 24, 80);
    world_keys(&world, "G\n]]");
    picture_check(&world, "correlations-thread", 24, 80);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correlations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
