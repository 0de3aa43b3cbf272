/* What keys and clicks make the screens ask for, and that no key and no size breaks them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "world.h"

static int set_up(void **state)
{
    static struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_run(&world, 50);
    free(world_draw(&world));
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

static void test_quit_asks_while_it_runs(void **state)
{
    struct world *world = *state;
    static const int quits[] = {'q', 'Q', MS_KEY_CTRL('c'), MS_KEY_F10};
    for (size_t i = 0; i < sizeof quits / sizeof quits[0]; i++) {
        world_key(world, quits[i]);
        assert_int_equal(world->command.type, MS_COMMAND_NONE);
        assert_true(world_shows(world, "the program is still running"));
        world_key(world, i % 2 == 0 ? MS_KEY_ESCAPE : 'c');
        assert_int_equal(world->command.type, MS_COMMAND_NONE);
        assert_false(world_shows(world, "the program is still running"));
    }
    world_keys(world, "qk");
    assert_int_equal(world->command.type, MS_COMMAND_KILL_QUIT);
    world_keys(world, "qd");
    assert_int_equal(world->command.type, MS_COMMAND_DETACH_QUIT);
}

static void test_quit_leaves_when_ended(void **state)
{
    struct world *world = *state;
    world_end(world, 0, 0);
    world_key(world, 'q');
    assert_int_equal(world->command.type, MS_COMMAND_QUIT);
}

static void test_quit_from_focus_goes_back_first(void **state)
{
    struct world *world = *state;
    world_key(world, MS_KEY_ENTER);
    assert_true(world_shows(world, "call sites by live bytes"));
    world_key(world, 'q');
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    assert_false(world_shows(world, "call sites by live bytes"));
    world_key(world, MS_KEY_ENTER);
    world_key(world, MS_KEY_CTRL('c'));
    assert_true(world_shows(world, "the program is still running"));
}

static void test_escape_never_leaves(void **state)
{
    struct world *world = *state;
    world_end(world, 0, 0);
    for (int i = 0; i < 4; i++) {
        world_key(world, MS_KEY_ESCAPE);
        assert_int_equal(world->command.type, MS_COMMAND_NONE);
    }
}

static void outcome(struct world *world, const char *message, bool error)
{
    world->status.message = message;
    world->status.message_is_error = error;
    free(world_draw(world));
    world->status.message = ""; /* cleared by the next key */
    world->status.message_is_error = false;
}

static void test_export_asks_before_it_overwrites(void **state)
{
    struct world *world = *state;
    world_key(world, 'e');
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_EXPORT);
    assert_false(world->command.overwrite);
    assert_string_equal(world->command.path, "memscope-app-4242-20251121-015325.json");
    /* Enter again before the answer was on the screen must not overwrite. */
    world_key(world, MS_KEY_ENTER);
    assert_false(world->command.overwrite);
    outcome(world, "exists already: x.json", true);
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_EXPORT);
    assert_true(world->command.overwrite);
    outcome(world, "written: x.json", false);
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    assert_false(world_shows(world, "export: everything as JSON"));
}

static void test_format_follows_the_ending(void **state)
{
    struct world *world = *state;
    world_key(world, 'e');
    assert_true(world_shows(world, "everything as JSON"));
    world_key(world, MS_KEY_TAB);
    assert_false(world_shows(world, "everything as JSON"));
    assert_false(world_shows(world, ".json"));
    world_key(world, MS_KEY_CTRL('u'));
    world_keys(world, "q.csv");
    assert_true(world_shows(world, "one table"));
    world_key(world, MS_KEY_ENTER);
    assert_string_equal(world->command.path, "q.csv");
    outcome(world, "writing q.csv 43 %, 3 s left (x cancels)", false);
    world_key(world, MS_KEY_ESCAPE);
}

static void test_export_path_is_edited(void **state)
{
    struct world *world = *state;
    world_key(world, 'e');
    outcome(world, "exists already: x.json", true);
    world_key(world, MS_KEY_CTRL('u'));
    world_keys(world, "/tmp/q?e.j");
    world_key(world, 0x65e5);
    world_key(world, 'x');
    world_key(world, MS_KEY_BACKSPACE);
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_EXPORT);
    assert_false(world->command.overwrite);
    assert_string_equal(world->command.path, "/tmp/q?e.j\xe6\x97\xa5");
    outcome(world, "not written: No space left on device", true);
    assert_true(world_shows(world, "export: everything as JSON"));
    world_key(world, MS_KEY_ENTER);
    assert_false(world->command.overwrite);
    world_key(world, MS_KEY_CTRL('u'));
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
}

static struct ms_process_tracking *tracking_of(struct world *world)
{
    struct ms_process_tracking *tracking = &ms_model_process_mutable(world->model, 1)->tracking;
    tracking->known = true;
    tracking->asked = (struct ms_tracking_settings){
        .mode = MS_TRACK_EXACT, .depth = 32, .rate = {.interval = 512 << 10}, .threads = "main"};
    return tracking;
}

static void test_tracking_is_edited_and_applied(void **state)
{
    struct world *world = *state;
    tracking_of(world);
    world_key(world, 'M');
    assert_true(world_shows(world, "what is tracked"));
    world_keys(world, "s"); /* sampled */
    world_key(world, MS_KEY_DOWN);
    world_keys(world, "16");
    world_key(world, MS_KEY_DOWN);
    world_key(world, MS_KEY_RIGHT);
    world_key(world, MS_KEY_DOWN);
    world_key(world, MS_KEY_CTRL('u'));
    world_keys(world, "job*,q");
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_TRACKING);
    assert_int_equal(world->command.tracking.mode, MS_TRACK_SAMPLED);
    assert_int_equal(world->command.tracking.depth, 16);
    assert_int_equal(world->command.tracking.rate.interval, 1 << 20);
    assert_string_equal(world->command.tracking.threads, "job*,q");
    assert_false(world_shows(world, "what is tracked"));
}

static void test_tracking_left_alone(void **state)
{
    struct world *world = *state;
    tracking_of(world);
    world_keys(world, "Mo");
    world_key(world, MS_KEY_ESCAPE);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    assert_false(world_shows(world, "what is tracked"));
    world_key(world, 'M');
    world_key(world, MS_KEY_ENTER); /* begins with what is asked for now */
    assert_int_equal(world->command.tracking.mode, MS_TRACK_EXACT);
    assert_string_equal(world->command.tracking.threads, "main");
    world_end(world, 0, 0);
    world_key(world, 'M');
    assert_false(world_shows(world, "what is tracked"));
}

static void test_tracking_stays_within_bounds(void **state)
{
    struct world *world = *state;
    tracking_of(world);
    world_keys(world, "Mt"); /* was not started with --trace */
    for (int i = 0; i < 10; i++) {
        world_key(world, MS_KEY_RIGHT);
    }
    world_key(world, MS_KEY_DOWN);
    world_keys(world, "999");
    for (int i = 0; i < 20; i++) {
        world_key(world, MS_KEY_RIGHT);
    }
    world_keys(world, "jl%");
    for (int i = 0; i < 20; i++) {
        world_key(world, MS_KEY_LEFT);
    }
    world_key(world, 'j');
    for (int i = 0; i < 300; i++) {
        world_key(world, 'w');
    }
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.tracking.mode, MS_TRACK_SAMPLED);
    assert_int_equal(world->command.tracking.depth, MS_DEPTH_MAX);
    assert_true(world->command.tracking.rate.of_allocations);
    assert_int_equal(world->command.tracking.rate.interval, 1000);
    assert_in_range(strlen(world->command.tracking.threads), 200, MS_THREADS_LIST_MAX - 1);
}

static void test_signals(void **state)
{
    struct world *world = *state;
    world_keys(world, "Kj\n");
    assert_int_equal(world->command.type, MS_COMMAND_SIGNAL);
    assert_int_equal(world->command.signal, SIGINT);
    assert_int_equal(world->command.process_id, 1);
    world_key(world, 'K');
    world_key(world, MS_KEY_ESCAPE);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    /* From the rankings as well: to the process of the marked thread. */
    assert_non_null(ms_model_add_process(world->model, 7));
    ms_model_process_mutable(world->model, 7)->pid = 7007;
    struct ms_thread *other = ms_model_add_thread(world->model, 7);
    other->tracked = other->probed = true;
    other->heap.peak_bytes = 1u << 30;
    world_run(world, 2);
    world_keys(world, "2gK\n");
    assert_int_equal(world->command.type, MS_COMMAND_SIGNAL);
    assert_int_equal(world->command.process_id, 7);
    /* The heading of a role is no thread: what the menu names is the program. */
    world_keys(world, "tgK\n");
    assert_int_equal(world->command.process_id, 1);
}

/* What is asked of a program that cannot be asked any more is not passed over in silence. */
static void check_told(struct world *world, int key, const char *why)
{
    world_key(world, key);
    assert_int_equal(world->command.type, MS_COMMAND_TELL);
    assert_non_null(strstr(world->command.why, why));
}

static void test_ended_program_cannot_be_touched(void **state)
{
    struct world *world = *state;
    world_end(world, 0, 0);
    check_told(world, 'K', "the program has ended");
    check_told(world, 'M', "the program has ended");
}

static void test_lost_keeper(void **state)
{
    struct world *world = *state;
    world->status.session = MS_TUI_LOST;
    assert_true(world_shows(world, "[LOST]"));
    assert_true(world_shows(world, "keeper lost"));
    check_told(world, 'M', "the keeper is gone");
    world_key(world, 'K');
    assert_true(world_shows(world, "signal to"));
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_SIGNAL);
    world_key(world, 'q');
    assert_true(world_shows(world, "nothing can attach to it again"));
    world_key(world, 'd');
    assert_int_equal(world->command.type, MS_COMMAND_DETACH_QUIT);
    world_end(world, -1, 0);
    assert_true(world_shows(world, "[ENDED, status unknown]"));
}

static void test_readonly_sends_nothing(void **state)
{
    struct world *world = *state;
    ms_tui_free(world->tui);
    const struct ms_tui_options options = {.readonly = true, .program = "app"};
    world->tui = ms_tui_new(&options);
    world_keys(world, "K\n");
    assert_int_not_equal(world->command.type, MS_COMMAND_SIGNAL);
    world_key(world, MS_KEY_ESCAPE);
    world_keys(world, "qk");
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    assert_false(world_shows(world, "Kill"));
    world_key(world, 'd');
    assert_int_equal(world->command.type, MS_COMMAND_DETACH_QUIT);
}

static void test_pause_freezes_the_picture_only(void **state)
{
    struct world *world = *state;
    assert_true(world_shows(world, "00:00:05"));
    world_key(world, ' ');
    char *before = world_draw(world);
    world_run(world, 100);
    world_key(world, 'j');
    char *after = world_draw(world);
    assert_non_null(strstr(after, "[PAUSED]"));
    assert_non_null(strstr(after, "(00:00:10 behind live)"));
    /* All but the two lowest rows stand. */
    const size_t picture = (size_t)(strstr(before, " PAUSED at") - before);
    assert_memory_equal(before, after, picture);
    free(before);
    free(after);
    world_key(world, 'e');
    assert_true(world_shows(world, "export: everything as JSON"));
    world_key(world, MS_KEY_ESCAPE);
    world_key(world, 'q');
    assert_true(world_shows(world, "the program is still running"));
    world_key(world, MS_KEY_ESCAPE);
    world_key(world, 'Z');
    assert_true(world_shows(world, "00:00:15"));
    assert_false(world_shows(world, "PAUSED"));
}

static void test_filter_as_you_type(void **state)
{
    struct world *world = *state;
    world_keys(world, "/WORKER-3q");
    assert_true(world_shows(world, "No thread matches"));
    world_key(world, MS_KEY_BACKSPACE);
    assert_false(world_shows(world, "worker-1"));
    assert_true(world_shows(world, "worker-3"));
    world_key(world, MS_KEY_ENTER);
    assert_false(world_shows(world, "worker-1"));
    world_key(world, MS_KEY_ESCAPE);
    assert_true(world_shows(world, "worker-1"));
    world_keys(world, "/flush");
    world_key(world, MS_KEY_ESCAPE);
    assert_true(world_shows(world, "worker-1"));
}

static void click(struct world *world, enum ms_mouse_action action, int row, int column)
{
    world_input(world,
                (struct ms_input){
                    .key = MS_KEY_MOUSE, .mouse_action = action, .row = row, .column = column});
}

static void test_mouse(void **state)
{
    struct world *world = *state;
    assert_true(world_shows(world, "\u25b8 M worker-1"));
    click(world, MS_MOUSE_CLICK, 5, 50);
    assert_false(world_shows(world, "\u25b8 M worker-1"));
    assert_true(world_shows(world, "\u25b8 M worker-3"));
    click(world, MS_MOUSE_WHEEL_DOWN, 5, 5);
    assert_false(world_shows(world, "\u25b8 M worker-3"));
    click(world, MS_MOUSE_DOUBLE_CLICK, 5, 50);
    assert_true(world_shows(world, "tid 4247"));
    assert_true(world_shows(world, "> Focus"));
    /* The label "Esc Back" of the key bar. */
    char *drawn = world_draw(world);
    const char *bar = strrchr(drawn, '\n');
    while (bar > drawn && bar[-1] != '\n') {
        bar--;
    }
    const int column = (int)(strstr(bar, "Esc Back") - bar);
    free(drawn);
    click(world, MS_MOUSE_CLICK, 23, column + 5);
    assert_false(world_shows(world, "> Focus"));
    click(world, MS_MOUSE_CLICK, 99, 999);
    click(world, MS_MOUSE_CLICK, -1, -1);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
}

static void test_terminal_keys(void **state)
{
    struct world *world = *state;
    world_key(world, '~');
    assert_int_equal(world->command.type, MS_COMMAND_TERMINAL);
    assert_int_equal(ms_tui_glyphs(world->tui), MS_GLYPHS_BLOCK);
    world_key(world, 'C');
    assert_int_equal(ms_tui_scheme(world->tui), MS_SCHEME_COLOUR_BLIND);
    world_key(world, '%');
    assert_false(ms_tui_mouse(world->tui));
    world_key(world, MS_KEY_CTRL('l'));
    assert_int_equal(world->command.type, MS_COMMAND_REDRAW);
    world_key(world, MS_KEY_CTRL('z'));
    assert_int_equal(world->command.type, MS_COMMAND_SUSPEND);
    world_key(world, 'a');
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
}

static void test_hostile_names(void **state)
{
    struct world *world = *state;
    struct ms_thread *thread = ms_model_thread_mutable(world->model, world->threads[5]);
    snprintf(thread->name, sizeof thread->name,
             "a\033]0;owned\007\033[2J\xff\xc2\x9b"
             "1m%%n");
    struct ms_process *process = ms_model_process_mutable(world->model, 1);
    process->seen = MS_SEEN_NONE;
    memset(process->exe, '\033', sizeof process->exe - 1);
    snprintf(process->seen_because, sizeof process->seen_because, "\033[31m\n\r");
    struct ms_process *child = ms_model_add_process(world->model, 2);
    snprintf(child->exe, sizeof child->exe, "/\033[2J\n");
    static const char output[] = "x\033[2J\033]0;t\x07\x01\x02\x7f\xc2\x9b"
                                 "2J\033";
    ms_output_append(ms_model_output_mutable(world->model), output, sizeof output - 1);
    static const char *const keys[] = {"", "t", "\n", "\033", "9", "1", "K", "\033", "q"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        world_keys(world, keys[i]);
        free(world_draw(world));
        for (int row = 0; row < 24; row++) {
            for (int column = 0; column < 80; column++) {
                const wchar_t character = ms_grid_at(world->grid, row, column)->character;
                assert_true(character == 0 || (character >= 0x20 && character < 0x7f) ||
                            character >= 0xa0);
            }
        }
    }
}

/* Keys drawn by a fixed generator, on changing sizes, while threads come and go. */
static void test_any_keys_at_any_size(void **state)
{
    struct world *world = *state;
    static const int special[] = {MS_KEY_UP,        MS_KEY_DOWN,      MS_KEY_LEFT, MS_KEY_RIGHT,
                                  MS_KEY_PAGE_UP,   MS_KEY_PAGE_DOWN, MS_KEY_HOME, MS_KEY_END,
                                  MS_KEY_ENTER,     MS_KEY_ESCAPE,    MS_KEY_TAB,  MS_KEY_BACK_TAB,
                                  MS_KEY_BACKSPACE, MS_KEY_F1,        MS_KEY_F5,   MS_KEY_RESIZE};
    uint32_t seed = 12345;
    for (int i = 0; i < 4000; i++) {
        seed = seed * 1664525u + 1013904223u;
        const uint32_t random = seed >> 8;
        if (random % 11 == 0) {
            world_size(world, (int)(random / 11 % 70) + 1, (int)(random / 1000 % 210) + 1);
        }
        if (random % 13 == 0) {
            click(world, (enum ms_mouse_action)(random / 13 % 4), (int)(random / 100 % 70),
                  (int)(random / 7000 % 210));
        } else {
            world_key(world, random % 2 == 0 ? (int)(random / 2 % 127) : special[random / 2 % 16]);
        }
        if (i % 500 == 250) {
            world_add_thread(world, "late", 9000 + i);
            ms_model_end_thread(world->model, world->threads[i / 500],
                                ms_model_now_ns(world->model));
        }
        if (i % 20 == 0) {
            world_run(world, 1);
        }
        free(world_draw(world));
    }
    assert_int_equal(ms_grid_rows(world->grid) > 0, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_quit_asks_while_it_runs),
        TEST(test_quit_leaves_when_ended),
        TEST(test_quit_from_focus_goes_back_first),
        TEST(test_escape_never_leaves),
        TEST(test_export_asks_before_it_overwrites),
        TEST(test_format_follows_the_ending),
        TEST(test_export_path_is_edited),
        TEST(test_tracking_is_edited_and_applied),
        TEST(test_tracking_left_alone),
        TEST(test_tracking_stays_within_bounds),
        TEST(test_signals),
        TEST(test_ended_program_cannot_be_touched),
        TEST(test_lost_keeper),
        TEST(test_readonly_sends_nothing),
        TEST(test_pause_freezes_the_picture_only),
        TEST(test_filter_as_you_type),
        TEST(test_mouse),
        TEST(test_terminal_keys),
        TEST(test_hostile_names),
        TEST(test_any_keys_at_any_size),
    };
    return cmocka_run_group_tests_name("keys to commands", tests, NULL, NULL);
}
