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

/* A made-up thread whose CPU is twice its MB/s plus 10: the line is found and drawn through it. */
static void test_a_line_is_found(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 1, MS_GLYPHS_ASCII);
    for (int second = 0; second < 60; second++) {
        const int megabytes = 10 + second * 7 % 31;
        for (int tick = 0; tick < 10; tick++) {
            struct ms_thread *thread = ms_model_thread_mutable(world.model, world.threads[0]);
            thread->heap.allocations++;
            thread->heap.bytes_allocated += (uint64_t)megabytes * 100000;
            thread->heap.bytes_freed = thread->heap.bytes_allocated;
            thread->kernel.run_ns += (uint64_t)(2 * megabytes + 10) * 1000000;
            world.tick++;
            ms_model_tick_end(world.model,
                              ms_model_start_ns(world.model) + world.tick * WORLD_TICK_NS);
            ms_findings_update(world.findings, world.model);
        }
    }
    world_key(&world, '4');
    picture_check(&world, "correlations-line", 24, 80);
    assert_true(world_shows(&world, "CPU % = 2 x allocated MB/s + "));
    assert_true(world_shows(&world, "r +1.00"));
    world_key(&world, 't');
    picture_check(&world, "correlations-no-line", 24, 80);
    world_close(&world);
}

/* Figures that nobody has or that never change: n/a and why, not 0. */
static void test_not_available(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 2, MS_GLYPHS_BRAILLE);
    world_keys(&world, "4");
    assert_true(world_shows(&world, "No second of this window has both"));
    world_run(&world, 100);
    world_keys(&world, "ygjjjjjj\n"); /* network, which nothing tells of here */
    assert_true(world_shows(&world, "y network"));
    assert_true(world_shows(&world, "r n/a, n 0: fewer than 3 points"));
    world_keys(&world, "ygjjj\n"); /* I/O calls: none at all */
    assert_true(world_shows(&world, ": one is constant"));
    world_close(&world);
}

/* x, y and i choose figures; those of processes go together. */
static void test_axes(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 300);
    world_keys(&world, "4xgjjjjj\n");
    assert_true(world_shows(&world, "x run queue (%)   y CPU (%)   8 threads pooled"));
    world_keys(&world, "xgjjjjjjjjj\n"); /* of processes: y is of processes, too */
    assert_true(world_shows(&world, "x RSS (MB)   y CPU (%)   all processes"));
    world_keys(&world, "yg\n");
    assert_true(world_shows(&world, "y CPU (%)   8 threads pooled"));
    world_close(&world);
}

/* One thread after the other alone, Esc pools again; what is not in focus lies dim behind. */
static void test_one_thread(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 300);
    world_keys(&world, "4]");
    assert_true(world_shows(&world, "worker-3 alone"));
    world_keys(&world, "]");
    assert_true(world_shows(&world, "worker-1 alone"));
    int dim = 0;
    int bright = 0;
    for (int row = 5; row < 20; row++) {
        for (int column = 8; column < 43; column++) {
            const struct ms_cell *cell = ms_grid_at(world.grid, row, column);
            dim += cell->character > 0x2800 && cell->character < 0x2900 &&
                   cell->colour == MS_COLOUR_DIM;
            bright += cell->character == L'M' && cell->colour != MS_COLOUR_DIM;
        }
    }
    assert_in_range(dim, 5, 200);
    assert_in_range(bright, 5, 200);
    world_key(&world, MS_KEY_ESCAPE);
    assert_true(world_shows(&world, "8 threads pooled"));
    world_close(&world);
}

/* The third figure tells the colour; without it the role does. */
static void test_intensity(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 300);
    world_keys(&world, "4");
    free(world_draw(&world));
    bool high = false;
    bool role = false;
    for (int pass = 0; pass < 2; pass++) {
        for (int row = 5; row < 20; row++) {
            for (int column = 8; column < 43; column++) {
                const enum ms_colour colour = ms_grid_at(world.grid, row, column)->colour;
                high = high || (pass == 0 && colour == MS_COLOUR_ALERT_HIGH);
                assert_false(pass == 0 && colour == MS_COLOUR_MEMORY);
                role = role || (pass == 1 && colour == MS_COLOUR_MEMORY);
            }
        }
        world_keys(&world, "iG\n");
        assert_false(world_shows(&world, "colour: I/O calls"));
    }
    assert_true(high);
    assert_true(role);
    world_close(&world);
}

static void test_windows_and_sizes(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 300);
    world_keys(&world, "4");
    assert_true(world_shows(&world, "last 1 min"));
    world_keys(&world, "----------");
    assert_true(world_shows(&world, "last 60 min"));
    world_keys(&world, "++++++++++");
    assert_true(world_shows(&world, "last 10 s"));
    world_keys(&world, "=");
    assert_true(world_shows(&world, "last 1 min"));
    for (int rows = 1; rows < 70; rows += 3) {
        for (int columns = 1; columns < 240; columns += 11) {
            world_size(&world, rows, columns);
            world_keys(&world, "~c");
            free(world_draw(&world));
            world_keys(&world, "]");
            free(world_draw(&world));
            world_key(&world, MS_KEY_ESCAPE);
        }
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correlations),      cmocka_unit_test(test_a_line_is_found),
        cmocka_unit_test(test_not_available),     cmocka_unit_test(test_axes),
        cmocka_unit_test(test_one_thread),        cmocka_unit_test(test_intensity),
        cmocka_unit_test(test_windows_and_sizes),
    };
    return cmocka_run_group_tests_name("correlation pictures", tests, NULL, NULL);
}
