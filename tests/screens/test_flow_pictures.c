/* Screen f at several sizes: matrix, list, patterns, and why there is nothing. */
#include "picture.h"

struct hand_over {
    size_t from, to; /* indices of actors */
    unsigned share_pct;
};

/* So much of what each thread freed was freed by others, the rest by itself. */
static void hand_over(struct world *world, const struct hand_over *flows, size_t count)
{
    for (size_t t = 0; t < world->thread_count; t++) {
        struct ms_thread *thread = ms_model_thread_mutable(world->model, world->threads[t]);
        thread->own_deallocations = thread->heap.deallocations;
        thread->own_bytes_freed = thread->heap.bytes_freed;
    }
    for (size_t i = 0; i < count; i++) {
        struct ms_thread *from =
            ms_model_thread_mutable(world->model, world->threads[flows[i].from]);
        struct ms_thread *to = ms_model_thread_mutable(world->model, world->threads[flows[i].to]);
        struct ms_flow *flow = ms_model_flow_mutable(world->model, 1, from->id, to->id);
        flow->blocks = from->heap.deallocations * flows[i].share_pct / 100;
        flow->bytes = from->heap.bytes_freed * flows[i].share_pct / 100;
        from->own_deallocations -= flow->blocks;
        from->own_bytes_freed -= flow->bytes;
        to->heap.frees_for_others += flow->blocks;
        to->heap.bytes_freed_for_others += flow->bytes;
    }
}

static void run(struct world *world, unsigned seconds, const struct hand_over *flows, size_t count)
{
    for (unsigned i = 0; i < seconds; i++) {
        world_run(world, 10);
        hand_over(world, flows, count);
        free(world_draw(world)); /* rates come from what is seen once a second */
    }
}

static const struct hand_over pipeline[] = {
    {2, 6, 88}, {6, 7, 70}, {3, 4, 9}, {4, 3, 12}, {5, 3, 4}, {5, 0, 1},
};
enum { PIPELINE = sizeof pipeline / sizeof pipeline[0] };

static void test_matrix_and_list(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    run(&world, 20, pipeline, PIPELINE);
    world_key(&world, 'f');
    picture_check_sizes(&world, "flows", 8);
    picture_check(&world, "flows", 60, 200);
    world_keys(&world, "j>");
    picture_check(&world, "flows-bytes", 24, 80);
    world_keys(&world, "t");
    picture_check_sizes(&world, "flows-list", 8);
    world_keys(&world, "j/parser\n");
    picture_check(&world, "flows-list-filter", 24, 80);
    world_close(&world);
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    run(&world, 20, pipeline, PIPELINE);
    world_key(&world, 'f');
    picture_check_sizes(&world, "flows-ascii", 8);
    world_close(&world);
}

/* More threads than cells for numbers; then threads of like names as one. */
static void test_many_threads(void **state)
{
    (void)state;
    struct world world;
    struct hand_over ring[200];
    for (size_t i = 0; i < 200; i++) {
        const size_t thread = ACTORS + i % 40;
        ring[i] = (struct hand_over){thread, ACTORS + (i * 7 + 3) % 40, (unsigned)(i % 5) + 1};
    }
    world_open(&world, ACTORS + 40, MS_GLYPHS_BLOCK);
    for (size_t i = ACTORS; i < ACTORS + 40; i++) {
        struct ms_thread *thread = ms_model_thread_mutable(world.model, world.threads[i]);
        thread->heap.allocations = 40000;
        thread->heap.bytes_allocated = 4000000;
    }
    run(&world, 3, ring, 200);
    world_key(&world, 'f');
    picture_check(&world, "flows-by-name", 24, 80);
    world_key(&world, 'v');
    picture_check(&world, "flows-by-thread", 24, 80);
    picture_check(&world, "flows-by-thread", 60, 200);
    world_keys(&world, "G");
    picture_check(&world, "flows-by-thread-last", 24, 80);
    picture_check(&world, "flows-by-thread-last", 8, 40);
    world_close(&world);
}

/* Focus follows Enter: first who allocated, then who freed. */
static void test_focus(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    run(&world, 5, pipeline, PIPELINE);
    world_keys(&world, "f");
    free(world_draw(&world));
    world_keys(&world, "t");
    free(world_draw(&world));
    world_keys(&world, "\nf");
    picture_check(&world, "flows-focus", 24, 80);
    world_keys(&world, "\n");
    char *picture = world_draw(&world);
    assert_non_null(strstr(picture, "Focus"));
    free(picture);
    world_close(&world);
}

static void check_says(struct world *world, const char *words)
{
    world_size(world, 24, 80);
    char *picture = world_draw(world);
    if (strstr(picture, words) == NULL) {
        fail_msg("no \"%s\" in\n%s", words, picture);
    }
    free(picture);
}

static void test_why_nothing(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 0, MS_GLYPHS_BRAILLE);
    world_key(&world, 'f');
    check_says(&world, "No thread is tracked");
    world_close(&world);
    world_open(&world, 1, MS_GLYPHS_BRAILLE);
    world_key(&world, 'f');
    run(&world, 3, pipeline, 0);
    check_says(&world, "One thread frees memory, and only its own: nothing flows");
    world_close(&world);
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_key(&world, 'f');
    run(&world, 3, pipeline, 0);
    picture_check(&world, "flows-none", 24, 80);
    run(&world, 3, pipeline, PIPELINE);
    world_keys(&world, "/nobody\n");
    check_says(&world, "No flow matches the filter");
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix_and_list),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_focus),
        cmocka_unit_test(test_why_nothing),
    };
    return cmocka_run_group_tests_name("flow pictures", tests, NULL, NULL);
}
