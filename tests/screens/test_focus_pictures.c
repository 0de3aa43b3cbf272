/* The focus screen with figures of every kind: its own points, all figures, and where it came from.
 */
#include "model/metric.h"
#include "picture.h"
#include "world_series.h"

static void test_head(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 720);
    world_keys(&world, "/flusher\n\n"); /* it does I/O */
    picture_check(&world, "focus-io", 24, 80);
    picture_check(&world, "focus-io", 40, 120);
    picture_check(&world, "focus-io", 60, 200);
    picture_check(&world, "focus-io", 8, 40);
    world_close(&world);
}

static void test_own_points(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 720);
    world_keys(&world, "\nvvv");
    picture_check(&world, "focus-points", 24, 80);
    picture_check(&world, "focus-points", 40, 120);
    picture_check(&world, "focus-points", 8, 40);
    world_keys(&world, "~~");
    picture_check(&world, "focus-points-ascii", 24, 80);
    world_close(&world);
}

static void test_all_figures(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    ms_model_source_set(world.model, MS_SOURCE_HARDWARE_COUNTERS, MS_SOURCE_UNAVAILABLE,
                        "this machine has no such counters");
    world_series_run(&world, 720);
    world_keys(&world, "\nvvvv");
    picture_check(&world, "focus-figures", 24, 80);
    picture_check(&world, "focus-figures", 40, 120);
    picture_check(&world, "focus-figures", 8, 40);
    world_size(&world, 40, 120);
    /* Every metric of the table can be reached, with its value or the reason why it has none. */
    world_keys(&world, "g");
    for (int metric = 0; metric < MS_METRIC_TOTAL; metric++) {
        char name[64];
        snprintf(name, sizeof name, "\n %s ", ms_metric_info((enum ms_metric)metric)->name);
        assert_true(world_shows(&world, name));
        world_keys(&world, "j");
    }
    assert_true(world_shows(&world, "unavailable: this machine has no such counters"));
    world_close(&world);
}

/* A thread that the probe does not know has no points; the view says why. */
static void test_untracked(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 2, MS_GLYPHS_BRAILLE);
    struct ms_thread *thread = ms_model_thread_mutable(world.model, world.threads[0]);
    thread->probed = thread->tracked = false;
    world_run(&world, 50);
    world_keys(&world, "G\nvvv");
    assert_true(world_shows(&world, "No points: the allocations of this thread are not"));
    world_close(&world);
}

/* A thread that ended before /proc was read: every place says that, none shows a bare n/a. */
static void test_a_thread_that_was_never_read(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    ms_model_source_set(world.model, MS_SOURCE_SCHEDSTAT, MS_SOURCE_AVAILABLE, NULL);
    world_run(&world, 20);
    const size_t last = world.thread_count;
    world_add_thread(&world, "brief", 4999);
    ms_model_thread_mutable(world.model, world.threads[last])->kernel =
        (struct ms_kernel_thread){.have = 0};
    ms_model_end_thread(world.model, world.threads[last], ms_model_now_ns(world.model));
    world_run(&world, 20);
    world_size(&world, 40, 120);
    world_keys(&world, "/brief\n");
    assert_true(world_shows(&world, "cpu    n/a, ended"));
    world_keys(&world, "\n");
    assert_true(world_shows(&world, "cpu and switches n/a: the thread ended before it was read"));
    assert_true(world_shows(&world, "CPU time is not known: the thread ended before it was read"));
    world_keys(&world, "4");
    assert_true(world_shows(&world, "│  No second of this window has both allocated"));
    world_close(&world);
}

static void test_escape_goes_back_to_where_it_was_opened(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 50);
    static const char *const ways[] = {"1\n", "2\n"};
    static const char *const tabs[] = {"[1 Over]", "[2 Rank]"};
    for (size_t i = 0; i < 2; i++) {
        world_keys(&world, ways[i]);
        assert_true(world_shows(&world, "> Focus]"));
        world_key(&world, MS_KEY_ESCAPE);
        assert_true(world_shows(&world, tabs[i]));
        assert_false(world_shows(&world, "focus: "));
    }
    world_close(&world);
}

static void test_sizes(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_series_run(&world, 100);
    world_keys(&world, "\n");
    for (int rows = 1; rows < 70; rows += 3) {
        for (int columns = 1; columns < 240; columns += 11) {
            world_size(&world, rows, columns);
            for (int pane = 0; pane < 5; pane++) {
                world_keys(&world, "v");
                free(world_draw(&world));
            }
        }
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_own_points),
        cmocka_unit_test(test_all_figures),
        cmocka_unit_test(test_untracked),
        cmocka_unit_test(test_a_thread_that_was_never_read),
        cmocka_unit_test(test_escape_goes_back_to_where_it_was_opened),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests_name("focus pictures", tests, NULL, NULL);
}
