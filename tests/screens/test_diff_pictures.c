/* Screen D: what changed since a mark, by call site and by thread; without marks, without a past.
 */
#include "picture.h"

#include "analysis/diff.h"

/* What the session would tell: the world as it was when the mark was set, and as it is now. */
struct told {
    struct world before;
    struct world *now;
    struct ms_diff *diff;
    size_t marks;
    size_t asked_back;
    struct ms_tui_changes changes;
};

static const struct ms_tui_changes *changes_of(void *context, size_t marks_back)
{
    struct told *told = context;
    told->asked_back = marks_back;
    told->changes = (struct ms_tui_changes){
        .diff = told->diff,
        .why = told->diff == NULL ? "No history yet." : NULL,
        .marks = told->marks,
        .marks_back = marks_back < told->marks ? marks_back : told->marks,
        .mark = "before the load\033[2J",
        .before_ns = ms_model_now_ns(told->before.model),
    };
    return &told->changes;
}

static void set_live(struct world *world, uint32_t thread, const char *function, uint64_t blocks)
{
    const struct ms_frame *frames[] = {
        world_frame(world, function, "/src/app/cache.cpp", 40),
        world_frame(world, "main", "/src/app/main.cpp", 12),
    };
    struct ms_usage *usage = ms_model_usage_mutable(
        world->model, thread, ms_model_add_site(world->model, 1, frames, 2, 0)->id);
    assert_non_null(usage);
    usage->allocations = 2 * blocks;
    usage->deallocations = blocks;
    usage->bytes_allocated = 2 * blocks * 1000;
    usage->bytes_freed = blocks * 1000;
    usage->peak_bytes = blocks * 1000;
}

static void open_told(struct told *told, struct world *now, size_t marks)
{
    *told = (struct told){.now = now, .marks = marks};
    world_open(&told->before, 3, MS_GLYPHS_BRAILLE);
    world_open(now, 3, MS_GLYPHS_BRAILLE);
    set_live(&told->before, told->before.threads[1], "cache_fill(Cache&)", 2000);
    set_live(now, now->threads[1], "cache_fill(Cache&)", 9000);
    set_live(&told->before, told->before.threads[1], "index_old(Index&)", 700);
    set_live(now, now->threads[2], "index_new(Index&)", 800);
    world_run(&told->before, 20);
    world_run(now, 60);
    told->diff = ms_diff_new(&(struct ms_diff_side){.model = told->before.model},
                             &(struct ms_diff_side){.model = now->model, .same_session = true});
    assert_non_null(told->diff);
    const struct ms_tui_options options = {.glyphs = MS_GLYPHS_BRAILLE,
                                           .program = "./app",
                                           .changes = changes_of,
                                           .changes_context = told};
    ms_tui_free(now->tui);
    now->tui = ms_tui_new(&options);
    assert_non_null(now->tui);
}

static void close_told(struct told *told)
{
    ms_diff_free(told->diff);
    world_close(&told->before);
    world_close(told->now);
}

static void test_call_sites_and_threads(void **state)
{
    (void)state;
    struct world world;
    struct told told;
    open_told(&told, &world, 2);
    world_keys(&world, "5D");
    picture_check_sizes(&world, "diff", 8);
    world_key(&world, 't');
    picture_check_sizes(&world, "diff-threads", 8);
    world_keys(&world, "t>>>");
    picture_check(&world, "diff-by-blocks", 24, 80);
    world_keys(&world, "/new\n");
    picture_check(&world, "diff-filter", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    world_key(&world, MS_KEY_ESCAPE);
    assert_true(world_shows(&world, "[5 Hot]"));
    close_told(&told);
}

static void test_marks(void **state)
{
    (void)state;
    struct world world;
    struct told told;
    open_told(&told, &world, 2);
    world_size(&world, 24, 80);
    world_key(&world, 'D');
    assert_true(world_shows(&world, "since mark 2 of 2"));
    world_key(&world, '[');
    assert_true(world_shows(&world, "since mark 1 of 2"));
    assert_int_equal(told.asked_back, 1);
    world_keys(&world, "[[[");
    assert_true(world_shows(&world, "since the start"));
    world_keys(&world, "]]]");
    assert_true(world_shows(&world, "since mark 2 of 2"));
    close_told(&told);
}

static void test_opens_call_sites_and_threads(void **state)
{
    (void)state;
    struct world world;
    struct told told;
    open_told(&told, &world, 1);
    world_size(&world, 24, 80);
    world_keys(&world, "D/cache_fill\n\n");
    assert_true(world_shows(&world, "call stack, "));
    assert_true(world_shows(&world, "cache_fill"));
    world_key(&world, MS_KEY_ESCAPE);
    assert_true(world_shows(&world, "since mark 1 of 1"));
    world_key(&world, MS_KEY_ESCAPE); /* the filter */
    world_keys(&world, "t\n");
    assert_true(world_shows(&world, "> Focus") || world_shows(&world, "tid "));
    world_key(&world, MS_KEY_ESCAPE);
    assert_true(world_shows(&world, "since mark 1 of 1"));
    /* What is gone is nowhere else to be opened. */
    world_keys(&world, "t/index_old\n");
    assert_true(world_shows(&world, "gone"));
    world_key(&world, '\n');
    assert_true(world_shows(&world, "since mark 1 of 1"));
    close_told(&told);
}

static void test_nothing_to_compare_with(void **state)
{
    (void)state;
    struct world world;
    struct told told;
    open_told(&told, &world, 0);
    world_key(&world, 'D');
    picture_check(&world, "diff-no-marks", 24, 80);
    ms_diff_free(told.diff);
    told.diff = NULL;
    picture_check_sizes(&world, "diff-none", 8);
    close_told(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_sites_and_threads),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_opens_call_sites_and_threads),
        cmocka_unit_test(test_nothing_to_compare_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
