/* Screen 3: rows on one axis of time, the window, the cursor, an enlarged row, focus. */
#include "picture.h"
#include "world_machine.h"

static void test_all(void **state)
{
    (void)state;
    struct world world;
    world_machine_begin(&world, MS_GLYPHS_BRAILLE, 8);
    world_keys(&world, "3");
    picture_check_sizes(&world, "timelines", 8);
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
    world_machine_begin(&world, MS_GLYPHS_BRAILLE, 8);
    world_keys(&world, "3\n");
    picture_check_sizes(&world, "timelines-zoomed", 8);
    world_keys(&world, "tt");
    picture_check(&world, "timelines-stacked", 24, 80);
    world_keys(&world, "~");
    picture_check(&world, "timelines-stacked-block", 24, 80);
    world_keys(&world, "jjt");
    picture_check(&world, "timelines-zoomed-limit", 24, 80);
    world_close(&world);
}

/* The cursor holds the window while time goes on; every row shows its figure of then. */
static void test_cursor(void **state)
{
    (void)state;
    struct world world;
    world_machine_begin(&world, MS_GLYPHS_ASCII, 8);
    world_keys(&world, "3,,,,,");
    picture_check(&world, "timelines-cursor", 24, 80);
    picture_check_says(&world, "cursor at 00:01:04 of the run", true);
    world_machine_run(&world, 100);
    picture_check_says(&world, "cursor at 00:01:04 of the run", true);
    picture_check(&world, "timelines-cursor-later", 24, 80);
    world_keys(&world, "+g"); /* it is not in the window any more */
    picture_check_says(&world, "cursor at", false);
    picture_check_says(&world, "up to 00:00:29 of the run", true);
    world_keys(&world, ",=");
    picture_check_says(&world, "cursor at", true);
    world_keys(&world, "G");
    picture_check_says(&world, "cursor at", false);
    picture_check_says(&world, "now", true);
    world_close(&world);
}

/* A click sets the cursor where it was, the wheel changes the window, two clicks enlarge. */
static void test_mouse(void **state)
{
    (void)state;
    struct world world;
    world_machine_begin(&world, MS_GLYPHS_BLOCK, 8);
    world_keys(&world, "3");
    picture_check_says(&world, "window 1 min", true);
    struct ms_input input = {.key = MS_KEY_MOUSE, .row = 8, .column = 40};
    input.mouse_action = MS_MOUSE_WHEEL_DOWN;
    world_input(&world, input);
    picture_check_says(&world, "window 2 min", true);
    input.mouse_action = MS_MOUSE_WHEEL_UP;
    world_input(&world, input);
    picture_check_says(&world, "window 1 min", true);
    input.mouse_action = MS_MOUSE_CLICK;
    world_input(&world, input);
    picture_check_says(&world, "cursor at", true);
    picture_check(&world, "timelines-clicked", 24, 80);
    input.mouse_action = MS_MOUSE_DOUBLE_CLICK;
    world_input(&world, input);
    picture_check_says(&world, " min ", true); /* of the enlarged row */
    world_close(&world);
}

/* Into the past by panning, to the begin, and back; the past is not left by time going on. */
static void test_pan(void **state)
{
    (void)state;
    struct world world;
    world_machine_begin(&world, MS_GLYPHS_ASCII, 8);
    world_keys(&world, "3+hh");
    picture_check_says(&world, "up to 00:01:02 of the run", true);
    world_keys(&world, "g");
    picture_check_says(&world, "up to 00:00:29 of the run", true);
    picture_check(&world, "timelines-begin", 24, 80);
    world_keys(&world, "llllllllllll");
    picture_check_says(&world, "up to", false);
    world_keys(&world, "------------");
    picture_check_says(&world, "window 24 h", true);
    world_keys(&world, "=");
    picture_check_says(&world, "window 1 min", true);
    world_close(&world);
}

/* Older than what the finest points reach back to: the same screen from coarser ones. */
static void test_long_past(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 1, MS_GLYPHS_BLOCK);
    world_machine_open(&world, 2);
    world_machine_run(&world, 9000); /* 15 min: more than the finest points hold */
    world_keys(&world, "3g");
    picture_check(&world, "timelines-old", 24, 80);
    world_keys(&world, "-----");
    picture_check(&world, "timelines-hour", 24, 80);
    world_close(&world);
}

/* What could not be read is a gap, not 0; what never was is counted, and says why when asked. */
static void test_gaps_and_the_unavailable(void **state)
{
    (void)state;
    struct world world;
    world_machine_begin(&world, MS_GLYPHS_ASCII, 8);
    struct ms_process *process = ms_model_process_mutable(world.model, 1);
    process->kernel.have_memory = false;
    world_machine_run(&world, 100);
    process->kernel.have_memory = true;
    world_machine_run(&world, 100);
    world_keys(&world, "3");
    picture_check(&world, "timelines-gap", 24, 80);
    picture_check_says(&world, "rows unavailable (u: why)", true);
    picture_check_says(&world, "libnvidia-ml.so.1", false);
    world_keys(&world, "u");
    picture_check_says(&world, "libnvidia-ml.so.1", true);
    picture_check_says(&world, "rows unavailable", false);
    world_close(&world);
}

/* A thousand cores fold to bands; enlarged there are more bands. */
static void test_many_cores(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BLOCK);
    world_machine_open(&world, 1024);
    world_machine_run(&world, 300);
    world_keys(&world, "3jjjjjjjjjjjjjjjj");
    picture_check(&world, "timelines-1024-cores", 24, 80);
    world_keys(&world, "z");
    picture_check(&world, "timelines-1024-cores-zoomed", 24, 80);
    world_close(&world);
}

/* In focus: the rows of the thread; those of the machine stay, dimmed. */
static void test_focus(void **state)
{
    (void)state;
    struct world world;
    world_machine_begin(&world, MS_GLYPHS_ASCII, 8);
    world_keys(&world, "\n3");
    picture_check(&world, "timelines-focus", 24, 80);
    picture_check_says(&world, "RSS", false);
    bool dim = false;
    for (int row = 0; row < 24; row++) {
        const struct ms_cell *cell = ms_grid_at(world.grid, row, 1);
        dim = dim || (cell->character == L'm' && cell->colour == MS_COLOUR_DIM);
    }
    assert_true(dim); /* machine CPU */
    world_key(&world, MS_KEY_ESCAPE);
    picture_check_says(&world, "RSS", true);
    world_close(&world);
}

/* Something unusual is marked, and n goes to it and says what it is. */
static void test_anomalies(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    world_machine_open(&world, 4);
    world_machine_run(&world, 1200);
    struct ms_system *system = ms_model_system_mutable(world.model);
    for (int tick = 0; tick < 100; tick++) {
        world_machine_tick(&world);
        world_machine_process(&world);
        system->pressure.memory.some_avg10_pct = 80;
        world_run(&world, 1);
    }
    world_keys(&world, "3n");
    picture_check_says(&world, "PSI mem", true);
    picture_check_says(&world, "80", true);
    picture_check(&world, "timelines-anomaly", 40, 120);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_zoomed),
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_mouse),
        cmocka_unit_test(test_pan),
        cmocka_unit_test(test_long_past),
        cmocka_unit_test(test_gaps_and_the_unavailable),
        cmocka_unit_test(test_many_cores),
        cmocka_unit_test(test_focus),
        cmocka_unit_test(test_anomalies),
    };
    return cmocka_run_group_tests_name("timeline pictures", tests, NULL, NULL);
}
