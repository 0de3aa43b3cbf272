/*
 * Every screen at several sizes, compared with the exact text in tests/screens/expected.
 * MS_UPDATE_EXPECTED=1 writes those files anew: look at the difference before keeping it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "picture.h"

static void test_overview(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_run(&world, 720);
    picture_check_sizes(&world, "overview", 12);
    struct ms_process *process = ms_model_process_mutable(world.model, 1);
    process->stacks = (struct ms_stack_check){.walked = 90000, .proven = 6000000};
    picture_check(&world, "overview-unchecked", 40, 120);
    process->stacks.rechecked = 5800;
    picture_check(&world, "overview-checked", 40, 120);
    process->stacks.differed = 2;
    picture_check(&world, "overview-wrong-stacks", 24, 80);
    picture_check(&world, "overview-wrong-stacks", 12, 40);
    process->stacks = (struct ms_stack_check){0};
    world_key(&world, '~');
    picture_check(&world, "overview-block", 24, 80);
    world_close(&world);
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    world_run(&world, 720);
    picture_check_sizes(&world, "overview-ascii", 12);
    world_close(&world);
}

static void test_numbers_of_threads(void **state)
{
    (void)state;
    static const struct {
        size_t threads;
        const char *name;
    } cases[] = {{0, "threads-none"}, {1, "threads-one"}, {500, "threads-500"}};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        world_open(&world, cases[i].threads, MS_GLYPHS_BRAILLE);
        world_run(&world, 50);
        picture_check(&world, cases[i].name, 24, 80);
        picture_check(&world, cases[i].name, 8, 40);
        picture_check(&world, cases[i].name, 5, 30);
        if (cases[i].threads == 500) {
            world_keys(&world, "tG");
            picture_check(&world, "threads-500-table-end", 24, 80);
            picture_check(&world, "threads-500-table-end", 60, 200);
        }
        world_close(&world);
    }
}

/* Of many threads each is read by turns, and the screen says how often. */
static void test_threads_read_by_turns(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 500, MS_GLYPHS_BRAILLE);
    ms_model_process_mutable(world.model, 1)->thread_read_hz = 9.7; /* as good as 10 */
    world_run(&world, 50);
    picture_check(&world, "threads-500", 24, 80);
    ms_model_process_mutable(world.model, 1)->thread_read_hz = 2.5;
    picture_check(&world, "threads-by-turns", 24, 80);
    picture_check(&world, "threads-by-turns", 40, 120);
    picture_check(&world, "threads-by-turns", 8, 40);
    world_close(&world);
}

static void test_ended(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_run(&world, 100);
    world_end(&world, 3, 0);
    world_run(&world, 50);
    picture_check(&world, "exited", 24, 80);
    world_key(&world, MS_KEY_ENTER);
    picture_check(&world, "exited-focus", 24, 80);
    world.status.exit_signal = 9;
    world_key(&world, MS_KEY_ESCAPE);
    picture_check(&world, "killed", 24, 80);
    world_close(&world);
}

static void test_focus(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_run(&world, 720);
    world_key(&world, MS_KEY_ENTER);
    picture_check_sizes(&world, "focus", 12);
    world_keys(&world, "v");
    picture_check_sizes(&world, "focus-classes", 12);
    world_keys(&world, "jv");
    picture_check_sizes(&world, "focus-site-classes", 12);
    world_keys(&world, "v]t");
    picture_check(&world, "focus-next", 24, 80);
    world_keys(&world, "~~");
    picture_check(&world, "focus-ascii", 24, 80);
    world_keys(&world, "v");
    picture_check(&world, "focus-ascii-classes", 24, 80);
    world_close(&world);
}

static void test_untracked_and_unavailable(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 3, MS_GLYPHS_BRAILLE);
    ms_model_thread_mutable(world.model, world.threads[0])->tracked = false;
    struct ms_thread *thread = ms_model_thread_mutable(world.model, world.threads[1]);
    thread->probed = thread->tracked = false;
    thread->kernel.have = 0;
    struct ms_process *process = ms_model_process_mutable(world.model, 1);
    process->seen = MS_SEEN_PARTIAL;
    snprintf(process->seen_because, sizeof process->seen_because,
             "the program is linked with an allocator of its own");
    world.status.own_cpu_pct = NAN;
    world_run(&world, 50);
    picture_check(&world, "untracked", 24, 80);
    world_keys(&world, "G\n");
    picture_check(&world, "untracked-focus", 24, 80);
    world_close(&world);
}

static void test_several_processes(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 4, MS_GLYPHS_BRAILLE);
    struct ms_process *child = ms_model_add_process(world.model, 2);
    child->pid = 4300;
    child->parent_id = 1;
    snprintf(child->exe, sizeof child->exe, "/usr/bin/child");
    ms_model_thread_mutable(world.model, world.threads[3])->process_id = 2;
    world_run(&world, 50);
    picture_check(&world, "processes", 24, 80);
    world_key(&world, 't');
    picture_check(&world, "processes-table", 24, 80);
    world_close(&world);
}

static void test_output(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 2, MS_GLYPHS_BRAILLE);
    struct ms_output *output = ms_model_output_mutable(world.model);
    world_run(&world, 20);
    world_key(&world, '9');
    picture_check(&world, "output-none", 24, 80);
    static const char text[] = "\033[1;32mgreen\033[0m and \033]0;title\007plain\r\n"
                               "tab\tstop\tand \xe6\x97\xa5\xe6\x9c\xac\ttab\n"
                               "\033[2J\033[Hclear\bed \xff\xfe broken \xc2\x9b"
                               "31m\n";
    ms_output_append(output, text, sizeof text - 1);
    for (int i = 0; i < 60; i++) {
        char line[64];
        const int bytes = snprintf(line, sizeof line, "line %d of the output%s\n", i,
                                   i % 20 == 7 ? ", ERROR" : "");
        ms_output_append(output, line, (size_t)bytes);
    }
    picture_check(&world, "output-end", 24, 80);
    world_key(&world, 'g');
    picture_check_sizes(&world, "output-start", 12);
    world_size(&world, 24, 80);
    world_keys(&world, "/error");
    picture_check(&world, "output-typing", 24, 80);
    world_keys(&world, "\nn");
    picture_check(&world, "output-found", 24, 80);
    world_close(&world);
    world_open(&world, 2, MS_GLYPHS_BRAILLE);
    ms_output_set_captured(ms_model_output_mutable(world.model), false);
    world_key(&world, '9');
    picture_check(&world, "output-elsewhere", 24, 80);
    world_close(&world);
}

static void test_help_and_dialogs(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_run(&world, 720);
    world_key(&world, '?');
    picture_check_sizes(&world, "help", 12);
    world_keys(&world, "/sort\n");
    picture_check(&world, "help-search", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    world_keys(&world, "p?");
    picture_check(&world, "help-processes", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    world_keys(&world, "3?/rows that have\n");
    picture_check(&world, "help-long", 24, 80); /* to its end */
    world_key(&world, MS_KEY_ESCAPE);
    world_key(&world, '1');
    world_key(&world, 'e');
    picture_check_sizes(&world, "export", 12);
    world_key(&world, MS_KEY_ESCAPE);
    world_key(&world, 'q');
    picture_check_sizes(&world, "quit", 12);
    world_key(&world, MS_KEY_ESCAPE);
    world_key(&world, 'K');
    picture_check(&world, "signal", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    world_key(&world, 's');
    picture_check_sizes(&world, "sort", 12);
    world_keys(&world, "mm"); /* the second figure after the chosen one that begins with an m */
    picture_check(&world, "sort-by-letter", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    world_keys(&world, "/work");
    picture_check(&world, "filter-typing", 24, 80);
    world_key(&world, MS_KEY_ENTER);
    picture_check(&world, "filter", 24, 80);
    world_close(&world);
}

static void test_tracking(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    struct ms_process_tracking *tracking = &ms_model_process_mutable(world.model, 1)->tracking;
    *tracking = (struct ms_process_tracking){
        .known = true,
        .asked = {.mode = MS_TRACK_AUTO, .depth = 32, .rate = {.interval = 512 << 10}}};
    world_run(&world, 50);
    world_key(&world, 'M');
    picture_check_sizes(&world, "tracking", 12);
    world_key(&world, MS_KEY_DOWN);
    world_keys(&world, "1");
    picture_check(&world, "tracking-depth", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    tracking->steps = 2;
    tracking->steps_kept = 1;
    tracking->step[0] = (struct ms_step_down){.at_ns = 1,
                                              .sampled = true,
                                              .depth = 8,
                                              .rate = {.interval = 512 << 10},
                                              .because = "the table of call stacks fills up",
                                              .in_force = true};
    picture_check_sizes(&world, "stepped-down", 12);
    picture_check(&world, "stepped-down", 8, 40);
    world_key(&world, 'M');
    world_keys(&world, "G");
    world_keys(&world, "worker-*");
    picture_check_sizes(&world, "tracking-threads", 12);
    world_close(&world);
}

static void test_paused(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_run(&world, 300);
    world_key(&world, ' ');
    free(world_draw(&world));
    world_run(&world, 90);
    picture_check(&world, "paused", 24, 80);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overview),
        cmocka_unit_test(test_numbers_of_threads),
        cmocka_unit_test(test_threads_read_by_turns),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_focus),
        cmocka_unit_test(test_untracked_and_unavailable),
        cmocka_unit_test(test_several_processes),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_help_and_dialogs),
        cmocka_unit_test(test_tracking),
        cmocka_unit_test(test_paused),
    };
    return cmocka_run_group_tests_name("pictures", tests, NULL, NULL);
}
