/* Screen 2: threads in the order of a figure. */
#include "model/metric.h"
#include "picture.h"
#include "world_series.h"

static void test_rankings(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS + 4, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 720);
    world_key(&world, '2');
    picture_check(&world, "rankings", 24, 80);
    picture_check(&world, "rankings", 40, 120);
    picture_check(&world, "rankings", 60, 200);
    picture_check(&world, "rankings", 12, 40);
    picture_check(&world, "rankings", 8, 40);
    world_keys(&world, "~");
    picture_check(&world, "rankings-block", 24, 80);
    world_keys(&world, "~");
    picture_check(&world, "rankings-ascii", 24, 80);
    world_keys(&world, "~t");
    picture_check(&world, "rankings-roles", 24, 80);
    picture_check(&world, "rankings-roles", 40, 120);
    picture_check(&world, "rankings-roles", 8, 40);
    world_keys(&world, "gh");
    picture_check(&world, "rankings-folded", 24, 80);
    world_keys(&world, "lt/worker\n");
    picture_check(&world, "rankings-filter", 24, 80);
    world_keys(&world, "/\025nobody\n");
    picture_check(&world, "rankings-filter-none", 24, 80);
    world_close(&world);
}

/* Threads that ended are in their place, until a leaves them out; then nobody is left. */
static void test_ended(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 100);
    ms_model_end_thread(world.model, world.threads[5], ms_model_now_ns(world.model));
    world_keys(&world, "2");
    world_series_run(&world, 30);
    assert_true(world_shows(&world, "worker-3"));
    world_key(&world, 'a');
    assert_false(world_shows(&world, "worker-3"));
    assert_true(world_shows(&world, "7 threads alive"));
    world_end(&world, 0, 0);
    world_run(&world, 20);
    assert_true(world_shows(&world, "No thread is alive. a shows the ended ones."));
    world_close(&world);
}

/* The order, its heading, mean and ratio follow the figure that is chosen. */
static void test_orders(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 100);
    world_keys(&world, "2sg\n");
    assert_true(world_shows(&world, "cpu_percent  CPU time"));
    assert_true(world_shows(&world, "1 C !! parser-0"));
    assert_false(world_shows(&world, "SHARE")); /* no sum of rates */
    world_key(&world, 'I');
    assert_true(world_shows(&world, "lowest first"));
    world_keys(&world, "IsG\n");
    assert_true(world_shows(&world, "efficiency_score"));
    world_close(&world);
}

/* A figure that no thread has: why, not a list of nothing. */
static void test_unavailable(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 3, MS_GLYPHS_BRAILLE);
    ms_model_source_set(world.model, MS_SOURCE_HARDWARE_COUNTERS, MS_SOURCE_UNAVAILABLE,
                        "this machine has no such counters");
    world_run(&world, 20);
    world_keys(&world, "2");
    for (int i = 0; i < MS_METRIC_CYCLES - MS_METRIC_PEAK_BYTES; i++) {
        world_key(&world, '>');
    }
    assert_true(world_shows(&world, "cycles is unavailable: "));
    assert_true(world_shows(&world, "this machine has no such counters"));
    world_close(&world);
}

/* Enter focuses and Esc comes back here; ranks stay those among all while one is in focus. */
static void test_focus(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 100);
    world_keys(&world, "2jj\n");
    assert_true(world_shows(&world, "[2 Rank > Focus]"));
    world_keys(&world, "2");
    assert_true(world_shows(&world, "worker-2, tid 4246"));
    assert_true(world_shows(&world, "8 threads"));
    /* The one in focus is bright, the others dim. */
    int dim = 0;
    int bright = 0;
    for (int row = 0; row < ms_grid_rows(world.grid); row++) {
        const struct ms_cell *role = ms_grid_at(world.grid, row, 7);
        const bool is_role = role->character != L' ' && strchr("WMCIBL", (int)role->character);
        if (is_role && row > 6 && row < 15) {
            dim += role->colour == MS_COLOUR_DIM;
            bright += role->colour != MS_COLOUR_DIM;
        }
    }
    assert_int_equal(bright, 1);
    assert_int_equal(dim, 7);
    world_keys(&world, "\n");
    world_key(&world, MS_KEY_ESCAPE);
    assert_true(world_shows(&world, "[2 Rank]"));
    world_close(&world);
}

/* A click marks a thread, a second one opens it; on a heading it folds the role. */
static void test_mouse(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 100);
    world_keys(&world, "2t");
    free(world_draw(&world));
    const struct ms_input heading = {.key = MS_KEY_MOUSE, .row = 7, .column = 5};
    world_input(&world, heading);
    world_input(&world, heading);
    assert_true(world_shows(&world, "+ M memory"));
    const struct ms_input thread = {.key = MS_KEY_MOUSE, .row = 9, .column = 20};
    world_input(&world, thread);
    world_input(&world, thread);
    assert_true(world_shows(&world, "> Focus]"));
    world_close(&world);
}

static void test_no_threads_and_all_sizes(void **state)
{
    (void)state;
    for (size_t threads = 0; threads <= 300; threads += 100) {
        struct world world;
        world_open(&world, threads, MS_GLYPHS_BRAILLE);
        world_run(&world, 15);
        world_keys(&world, "2");
        for (int rows = 1; rows < 60; rows += 3) {
            for (int columns = 1; columns < 220; columns += 13) {
                world_size(&world, rows, columns);
                free(world_draw(&world));
                world_keys(&world, "tG");
            }
        }
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rankings),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_unavailable),
        cmocka_unit_test(test_focus),
        cmocka_unit_test(test_mouse),
        cmocka_unit_test(test_no_threads_and_all_sizes),
    };
    return cmocka_run_group_tests_name("ranking pictures", tests, NULL, NULL);
}
