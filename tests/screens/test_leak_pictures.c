/* Screen 6: likely leaks, what was not freed, and misuse; filtered by focus and text. */
#include "picture.h"

static void add_misuses(struct world *world)
{
    const uint64_t seen_ns = ms_model_now_ns(world->model) - 12 * MS_SECOND_NS;
    struct ms_misuse *misuse = ms_model_misuse_mutable(world->model, 1, MS_MISUSE_DOUBLE_FREE,
                                                       world->sites[1], world->sites[0]);
    misuse->count = 3;
    misuse->bytes = 288;
    misuse->thread_id = world->threads[3];
    misuse->first_seen_ns = misuse->last_seen_ns = seen_ns;
    misuse = ms_model_misuse_mutable(world->model, 1, MS_MISUSE_MISMATCH, world->sites[2], 0);
    misuse->count = 41;
    misuse->bytes = 4100;
    misuse->thread_id = world->threads[5];
    misuse->first_seen_ns = misuse->last_seen_ns = seen_ns;
    misuse->how = "new[] released by free";
    misuse = ms_model_misuse_mutable(world->model, 1, MS_MISUSE_OTHER_LIBRARY, world->sites[2],
                                     world->sites[3]);
    misuse->count = 1280;
    misuse->samples = 20;
    misuse->provenance = MS_SAMPLED;
    misuse->first_seen_ns = misuse->last_seen_ns = seen_ns;
}

/* Time passes while a thread keeps 40 of the 400 blocks of 96 bytes that it allocates a tick. */
static void run_leaking(struct world *world, unsigned ticks)
{
    for (unsigned i = 1; i <= ticks; i++) {
        struct ms_usage *usage =
            ms_model_usage_mutable(world->model, world->leaking_thread, world->leaking_site);
        assert_non_null(usage);
        usage->allocations += 400;
        usage->bytes_allocated += 400 * 96;
        usage->deallocations += 360;
        usage->bytes_freed += 360 * 96;
        world_run(world, 1);
    }
}

static void open_leaking(struct world *world)
{
    world_open(world, ACTORS, MS_GLYPHS_BRAILLE);
    world_add_thread(world, "leaker", 4300);
    const struct ms_frame *frames[] = {
        world_frame(world, "malloc", "", 0),
        world_frame(world, "session_open", "/src/app/session.c", 61),
        world_frame(world, "accept_loop", "/src/app/server.c", 240),
        world_frame(world, "start_thread", "", 0),
    };
    world->leaking_site = ms_model_add_site(world->model, 1, frames, 4, 0)->id;
    world->leaking_thread = world->threads[ACTORS];
}

static void test_too_early_then_likely(void **state)
{
    (void)state;
    struct world world;
    open_leaking(&world);
    run_leaking(&world, 40);
    world_key(&world, '6');
    picture_check(&world, "leaks-early", 24, 80);
    run_leaking(&world, 600);
    picture_check_sizes(&world, "leaks-likely", 8);
    world_keys(&world, "/tag.c\n");
    picture_check(&world, "leaks-filter", 24, 80);
    world_close(&world);
}

static void test_not_freed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BLOCK);
    world_run(&world, 300);
    world_keys(&world, "6t");
    picture_check(&world, "leaks-not-freed-yet", 24, 80);
    world_end(&world, 0, 0);
    world_run(&world, 20);
    picture_check_sizes(&world, "leaks-not-freed", 8);
    world_close(&world);
}

static void test_misuse(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    world_run(&world, 300);
    world_keys(&world, "6tt");
    picture_check(&world, "leaks-no-misuse", 24, 80);
    add_misuses(&world);
    picture_check_sizes(&world, "leaks-misuse", 8);
    world_keys(&world, "G");
    picture_check(&world, "leaks-misuse-last", 24, 80);
    world_close(&world);
}

/* Enter opens the call site, with those of the list behind it; Esc comes back. */
static void test_enter_opens_the_call_site(void **state)
{
    (void)state;
    struct world world;
    open_leaking(&world);
    run_leaking(&world, 640);
    world_keys(&world, "6\n");
    picture_check_says(&world, "1 of 5", true);
    picture_check_says(&world, "focus: parse_row", true);
    world_key(&world, MS_KEY_ESCAPE);
    picture_check_says(&world, "[likely leaks 5]", true);
    picture_check_says(&world, "focus:", false);
    world_close(&world);
}

/* Of a misuse both places, as far as they are known. */
static void test_enter_opens_both_places_of_a_misuse(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    world_run(&world, 300);
    add_misuses(&world);
    world_keys(&world, "6tt\n");
    picture_check_says(&world, "focus: strdup_tag", true);
    world_key(&world, MS_KEY_ESCAPE);
    world_keys(&world, "j\n");
    picture_check_says(&world, "1 of 2", true);
    world_key(&world, ']');
    picture_check_says(&world, "2 of 2", true);
    world_key(&world, MS_KEY_ESCAPE);
    picture_check_says(&world, "misuse 3]", true);
    world_close(&world);
}

/* Focus on a thread: only what that thread does. Esc leaves the focus. */
static void test_focus(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    world_run(&world, 300);
    add_misuses(&world);
    world_keys(&world, "\n6tt");
    picture_check(&world, "leaks-misuse-focus", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    char *all = world_draw(&world);
    assert_non_null(strstr(all, "double free"));
    assert_null(strstr(all, "focus:"));
    free(all);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_early_then_likely),
        cmocka_unit_test(test_not_freed),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_enter_opens_the_call_site),
        cmocka_unit_test(test_enter_opens_both_places_of_a_misuse),
        cmocka_unit_test(test_focus),
    };
    return cmocka_run_group_tests_name("leak pictures", tests, NULL, NULL);
}
