/* Screen p: the tree of processes. */
#include "picture.h"

static void add_process(struct world *world, uint32_t id, uint32_t parent_id, const char *exe,
                        const char *second)
{
    struct ms_process *process = ms_model_add_process(world->model, id);
    process->pid = (pid_t)(4300 + id);
    process->parent_id = parent_id;
    snprintf(process->exe, sizeof process->exe, "/usr/bin/%s", exe);
    char arguments[64];
    const int bytes = snprintf(arguments, sizeof arguments, "%s%c%s", exe, 0, second) + 1;
    process->arguments = malloc((size_t)bytes);
    memcpy(process->arguments, arguments, (size_t)bytes);
    process->arguments_bytes = (size_t)bytes;
    process->start_ns = (1000 + id) * MS_SECOND_NS;
    process->totals = (struct ms_heap){.allocations = 100 * (uint64_t)id,
                                       .bytes_allocated = 100000 * (uint64_t)id,
                                       .bytes_freed = 90000 * (uint64_t)id,
                                       .peak_bytes = 30000 * (uint64_t)id};
    process->kernel = (struct ms_process_kernel){.have_memory = true, .rss_bytes = 4000000};
}

static void end_process(struct world *world, uint32_t id, int status, uint32_t signal)
{
    struct ms_process *process = ms_model_process_mutable(world->model, id);
    process->end_ns = process->start_ns + MS_SECOND_NS / 3 * id;
    process->exit_status = status;
    process->exit_signal = signal;
}

/* make, its shell that became a compiler, a script that failed, one that was killed. */
static void add_family(struct world *world)
{
    add_process(world, 2, 1, "make", "-j2");
    add_process(world, 3, 2, "sh", "-c");
    add_process(world, 4, 2, "gcc-12", "\033[2Jx.c");
    add_process(world, 5, 4, "cc1", "-quiet");
    add_process(world, 6, 4, "as", "-o");
    add_process(world, 7, 2, "busybox", "true");
    add_process(world, 8, 77, "daemon", "--detached");
    struct ms_process *gcc = ms_model_process_mutable(world->model, 4);
    gcc->exec_of = 3;
    gcc->pid = 4303;
    end_process(world, 3, -2, 0);
    ms_model_process_mutable(world->model, 3)->replaced_by_exec = true;
    end_process(world, 5, 1, 0);
    end_process(world, 6, -1, 9);
    end_process(world, 8, -2, 0);
    struct ms_process *unseen = ms_model_process_mutable(world->model, 7);
    unseen->seen = MS_SEEN_NONE;
    snprintf(unseen->seen_because, sizeof unseen->seen_because, "the program is static");
    struct ms_process *many = ms_model_add_process(world->model, 9);
    many->parent_id = 1;
    many->merged = 812;
    many->merged_life_ns = 95 * MS_SECOND_NS;
    many->merged_peak_bytes = 2500000;
    many->start_ns = many->end_ns = 1001 * MS_SECOND_NS;
    many->totals = (struct ms_heap){.allocations = 812000, .peak_bytes = 900000000};
    snprintf(many->exe, sizeof many->exe, "/usr/lib/gcc/cc1plus");
}

static void test_process_tree(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 4, MS_GLYPHS_BRAILLE);
    world_key(&world, 'p');
    picture_check(&world, "tree-alone", 24, 80);
    add_family(&world);
    world_run(&world, 150);
    picture_check(&world, "tree", 24, 80);
    picture_check(&world, "tree", 40, 120);
    picture_check(&world, "tree", 12, 40);
    picture_check(&world, "tree", 8, 40);
    world_keys(&world, "jjjjjjj");
    picture_check(&world, "tree-unseen", 24, 80);
    world_keys(&world, "kkk-");
    picture_check(&world, "tree-folded", 24, 80);
    world_keys(&world, "*");
    picture_check(&world, "tree-open", 40, 120);
    world_keys(&world, "t>>");
    picture_check(&world, "tree-flat", 24, 80);
    world_keys(&world, "t/cc1\n");
    picture_check(&world, "tree-filter", 24, 80);
    world_keys(&world, "/nothing\n");
    picture_check(&world, "tree-filter-none", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    world_keys(&world, "g\n");
    picture_check(&world, "tree-scope", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    world_keys(&world, "p~~");
    picture_check(&world, "tree-ascii", 24, 80);
    world_close(&world);
}

/* A process in focus that is merged with others of its program meanwhile: the screens say so. */
static void test_focus_that_is_gone(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 4, MS_GLYPHS_BRAILLE);
    add_process(&world, 2, 1, "true", "");
    end_process(&world, 2, 0, 0);
    world_run(&world, 10);
    world_keys(&world, "pj\n");
    for (uint32_t id = 3; id < 1500; id++) {
        add_process(&world, id, 1, "true", "");
        end_process(&world, id, 0, 0);
    }
    world_run(&world, 10);
    assert_null(ms_model_process_by_id(world.model, 2));
    static const char screens[] = "56Y";
    for (const char *screen = screens; *screen != '\0'; screen++) {
        world_key(&world, *screen);
        char *drawn = world_draw(&world);
        assert_non_null(strstr(drawn, "focus: (gone)"));
        assert_non_null(strstr(drawn, "was merged with others of its name"));
        free(drawn);
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_tree),
        cmocka_unit_test(test_focus_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
