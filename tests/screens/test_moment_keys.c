/* What keys and clicks wish of time, and what they refuse in the past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"

static struct ms_tui_time present_time;

static int set_up(void **state)
{
    static struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_BRAILLE);
    world_run(&world, 50);
    present_time = (struct ms_tui_time){.speed = 1,
                                        .start_ns = 1000 * MS_SECOND_NS,
                                        .first_ns = 1000 * MS_SECOND_NS,
                                        .at_ns = ms_model_now_ns(world.model),
                                        .last_ns = ms_model_now_ns(world.model)};
    world.status.time = &present_time;
    free(world_draw(&world));
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

static void go_away(struct world *world)
{
    present_time.away = present_time.runs = true;
    present_time.last_ns = present_time.at_ns + 60 * MS_SECOND_NS;
    free(world_draw(world));
}

static void check_wish(struct world *world, int key, enum ms_time_what what, int64_t by)
{
    world_key(world, key);
    assert_int_equal(world->command.type, MS_COMMAND_TIME);
    assert_int_equal(world->command.time.what, what);
    assert_int_equal(what == MS_TIME_MOVE ? world->command.time.by_ns : world->command.time.by, by);
}

static void test_steps(void **state)
{
    struct world *world = *state;
    static const char screens[] = "012456fYp9";
    for (size_t i = 0; screens[i] != '\0'; i++) {
        world_key(world, screens[i]);
        check_wish(world, ',', MS_TIME_STEP, -1);
        check_wish(world, '.', MS_TIME_STEP, 1);
        check_wish(world, MS_KEY_SHIFT_LEFT, MS_TIME_MOVE, -10 * (int64_t)MS_SECOND_NS);
        check_wish(world, MS_KEY_CTRL_RIGHT, MS_TIME_MOVE, 60 * (int64_t)MS_SECOND_NS);
        check_wish(world, MS_KEY_CTRL('e'), MS_TIME_LAST, 0);
    }
    world_key(world, '3'); /* there they move the cursor */
    world_key(world, ',');
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
}

static void test_keys_of_time(void **state)
{
    struct world *world = *state;
    world_key(world, 'r');
    check_wish(world, MS_KEY_LEFT, MS_TIME_MOVE, -(int64_t)MS_SECOND_NS);
    check_wish(world, MS_KEY_RIGHT, MS_TIME_MOVE, (int64_t)MS_SECOND_NS);
    check_wish(world, MS_KEY_PAGE_UP, MS_TIME_MOVE, -60 * (int64_t)MS_SECOND_NS);
    check_wish(world, MS_KEY_HOME, MS_TIME_FIRST, 0);
    check_wish(world, MS_KEY_END, MS_TIME_LAST, 0);
    check_wish(world, ']', MS_TIME_MARK, 1);
    check_wish(world, '[', MS_TIME_MARK, -1);
    check_wish(world, 'n', MS_TIME_ANOMALY, 1);
    check_wish(world, 'N', MS_TIME_ANOMALY, -1);
    check_wish(world, '+', MS_TIME_SPEED, 1);
    check_wish(world, '-', MS_TIME_SPEED, -1);
    check_wish(world, 'p', MS_TIME_PEAK, 0);
    check_wish(world, '3', MS_TIME_SHARE, 0);
    assert_true(world->command.time.share > 0.299 && world->command.time.share < 0.301);
    go_away(world);
    check_wish(world, ' ', MS_TIME_PLAY, 0);
    world_key(world, MS_KEY_TAB); /* the keys stay while screens change */
    assert_true(world_shows(world, "[2 Rank]"));
    check_wish(world, MS_KEY_LEFT, MS_TIME_MOVE, -(int64_t)MS_SECOND_NS);
    check_wish(world, MS_KEY_ESCAPE, MS_TIME_LAST, 0);
    world_key(world, '1'); /* they are left */
    assert_true(world_shows(world, "[1 Over]"));
}

/* Enter leaves the keys, not the moment; Esc on a list leaves that at the very last. */
static void test_stay_and_come_back(void **state)
{
    struct world *world = *state;
    go_away(world);
    world_keys(world, "r\n");
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    check_wish(world, ' ', MS_TIME_PLAY, 0);
    world_keys(world, "/worker\n");
    world_key(world, MS_KEY_ESCAPE);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    check_wish(world, MS_KEY_ESCAPE, MS_TIME_LAST, 0);
    present_time.file = true;
    present_time.runs = false;
    world_key(world, MS_KEY_ESCAPE);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
}

static void test_what_needs_the_present(void **state)
{
    struct world *world = *state;
    go_away(world);
    static const char keys[] = "KMb";
    for (size_t i = 0; keys[i] != '\0'; i++) {
        world_key(world, keys[i]);
        assert_int_equal(world->command.type, MS_COMMAND_NOT_IN_THE_PAST);
    }
    world_keys(world, "9i");
    assert_int_equal(world->command.type, MS_COMMAND_NOT_IN_THE_PAST);
    world_key(world, 'R'); /* records from now on, whatever is shown */
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    assert_true(world_shows(world, "record"));
    world_key(world, MS_KEY_ESCAPE);
    present_time.file = true;
    world_key(world, 'R');
    assert_int_equal(world->command.type, MS_COMMAND_NOT_IN_THE_PAST);
}

/* Keys of time are left by what only a screen knows, which is then about this moment. */
static void test_keys_of_the_screen(void **state)
{
    struct world *world = *state;
    go_away(world);
    world_keys(world, "re");
    assert_true(world_shows(world, "Enter Write"));
    world_key(world, MS_KEY_ESCAPE);
    world_keys(world, "rD");
    assert_true(world_shows(world, "> Diff"));
    assert_false(world_shows(world, "Left -1s"));
    world_keys(world, "rM");
    assert_int_equal(world->command.type, MS_COMMAND_NOT_IN_THE_PAST);
    world_keys(world, "r'");
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    assert_true(world_shows(world, "Left -1s"));
    check_wish(world, '9', MS_TIME_SHARE, 0);
}

/* Leaving asks about the program that runs now, whatever is shown. */
static void test_quit(void **state)
{
    struct world *world = *state;
    go_away(world);
    world_key(world, 'q');
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    assert_true(world_shows(world, "the program is still running"));
    world_key(world, MS_KEY_ESCAPE);
    present_time.runs = false;
    world_key(world, 'q');
    assert_int_equal(world->command.type, MS_COMMAND_QUIT);
}

/* From what is paused, not from the present that went on meanwhile. */
static void test_step_from_a_pause(void **state)
{
    struct world *world = *state;
    world_key(world, ' ');
    free(world_draw(world));
    const uint64_t paused_ns = ms_model_now_ns(world->model);
    world_run(world, 20);
    check_wish(world, ',', MS_TIME_AT, -1);
    assert_int_equal(world->command.time.at_ns, paused_ns);
    assert_false(world_shows(world, "PAUSED"));
}

static void test_click_on_the_bar(void **state)
{
    struct world *world = *state;
    go_away(world);
    struct ms_input click = {.key = MS_KEY_MOUSE, .mouse_action = MS_MOUSE_CLICK, .row = 20};
    click.column = 0;
    world_input(world, click);
    assert_int_equal(world->command.type, MS_COMMAND_TIME);
    assert_int_equal(world->command.time.what, MS_TIME_SHARE);
    assert_true(world->command.time.share <= 0);
    click.column = 79; /* the end is the present */
    world_input(world, click);
    assert_int_equal(world->command.time.what, MS_TIME_LAST);
    click.column = 40;
    world_input(world, click);
    assert_true(world->command.time.share > 0.4 && world->command.time.share < 0.6);
}

static void outcome(struct world *world, const char *message, bool error)
{
    world->status.message = message;
    world->status.message_is_error = error;
    free(world_draw(world));
    world->status.message = "";
    world->status.message_is_error = false;
}

static void test_record(void **state)
{
    struct world *world = *state;
    world_key(world, 'R');
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_RECORD);
    assert_false(world->command.overwrite);
    assert_string_equal(world->command.path, "memscope-app-4242-20251121-015325.memscope");
    world_key(world, MS_KEY_ENTER); /* before the answer was on the screen */
    assert_false(world->command.overwrite);
    outcome(world, "not recorded: x: it exists already", true);
    world_key(world, MS_KEY_ENTER);
    assert_true(world->command.overwrite);
    present_time.recording = "x";
    assert_true(world_shows(world, "It is completed when the program ends"));
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    assert_false(world_shows(world, "It is completed"));
    assert_true(world_shows(world, "REC 0B"));
    world_key(world, 'R');
    assert_true(world_shows(world, "Enter Stop"));
    world_key(world, MS_KEY_ESCAPE);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    world_keys(world, "R\n");
    assert_int_equal(world->command.type, MS_COMMAND_RECORD_STOP);
    assert_false(world_shows(world, "Enter Stop"));
    present_time.recording_ends = true; /* nothing is there to stop any more */
    world_key(world, 'R');
    assert_true(world_shows(world, "Enter Close"));
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    present_time.recording_ends = false;
}

static void test_mark(void **state)
{
    struct world *world = *state;
    world_keys(world, "b\n");
    assert_int_equal(world->command.type, MS_COMMAND_MARK);
    assert_string_equal(world->command.path, "");
    /* Words take a while; the mark is of when b was pressed. */
    const uint64_t pressed_ns = ms_model_now_ns(world->model);
    world_key(world, 'b');
    world_run(world, 30);
    world_key(world, MS_KEY_ENTER);
    assert_int_equal(world->command.time.at_ns, pressed_ns);
    world_keys(world, "bqrR, 1");
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
    world_key(world, MS_KEY_ENTER);
    assert_string_equal(world->command.path, "qrR, 1");
    world_key(world, 'b');
    world_key(world, MS_KEY_ESCAPE);
    assert_int_equal(world->command.type, MS_COMMAND_NONE);
}

/* Every screen forgets the model that it showed, and draws the other one. */
static void test_another_model(void **state)
{
    struct world *world = *state;
    static const char screens[] = "1234567890fYp";
    struct world other;
    world_open(&other, ACTORS, MS_GLYPHS_BRAILLE);
    world_run(&other, 90);
    for (size_t i = 0; screens[i] != '\0'; i++) {
        world_key(world, screens[i]);
        free(world_draw(world));
        world_key(world, MS_KEY_DOWN);
        free(world_draw(world));
    }
    ms_model_free(world->model);
    ms_findings_free(world->findings);
    world->model = other.model;
    world->findings = other.findings;
    ms_tui_another_model(world->tui);
    for (size_t i = 0; screens[i] != '\0'; i++) {
        world_key(world, screens[i]);
        world_key(world, MS_KEY_DOWN);
        free(world_draw(world));
    }
    assert_true(world_shows(world, "4242"));
    ms_tui_free(other.tui);
    ms_grid_free(other.grid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_steps),
        TEST(test_keys_of_time),
        TEST(test_stay_and_come_back),
        TEST(test_what_needs_the_present),
        TEST(test_keys_of_the_screen),
        TEST(test_quit),
        TEST(test_step_from_a_pause),
        TEST(test_click_on_the_bar),
        TEST(test_record),
        TEST(test_mark),
        TEST(test_another_model),
    };
    return cmocka_run_group_tests_name("keys of time", tests, NULL, NULL);
}
