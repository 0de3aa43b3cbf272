/* The past on the screens: title, bar of time, its keys; recording and marks. */
#include "picture.h"

static const struct ms_time_event events[] = {
    {.at_ns = 1020 * MS_SECOND_NS, .text = "before the load"},
    {.at_ns = 1055 * MS_SECOND_NS, .anomaly = true, .text = ""},
    {.at_ns = 1090 * MS_SECOND_NS, .text = "after\033[2J it"},
};

/* A session of two minutes, looked at as it was when the world stopped: a second after the first
 * mark. */
static struct ms_tui_time past(const struct world *world)
{
    return (struct ms_tui_time){
        .away = true,
        .runs = true,
        .speed = 1,
        .start_ns = 1000 * MS_SECOND_NS,
        .start_unix_ns = 1763690000 * MS_SECOND_NS,
        .at_ns = ms_model_now_ns(world->model),
        .first_ns = 1000 * MS_SECOND_NS + WORLD_TICK_NS,
        .last_ns = 1123 * MS_SECOND_NS,
        .peak_ns = 1070 * MS_SECOND_NS,
        .events = events,
        .event_count = 3,
    };
}

static void open_past(struct world *world, struct ms_tui_time *time, enum ms_glyphs glyphs)
{
    world_open(world, ACTORS, glyphs);
    world_run(world, 210);
    *time = past(world);
    world->status.time = time;
}

static void test_past_of_a_live_program(void **state)
{
    (void)state;
    struct world world;
    struct ms_tui_time time;
    open_past(&world, &time, MS_GLYPHS_BRAILLE);
    picture_check_sizes(&world, "past", 8);
    world_key(&world, 'r');
    picture_check_sizes(&world, "past-keys", 8);
    world_key(&world, '?');
    picture_check(&world, "past-help", 40, 120);
    world_close(&world);
}

static void test_ascii(void **state)
{
    (void)state;
    struct world world;
    struct ms_tui_time time;
    open_past(&world, &time, MS_GLYPHS_ASCII);
    time.playing = true;
    time.speed = 10;
    time.coarse_until_ns = 1030 * MS_SECOND_NS;
    picture_check(&world, "past-playing-ascii", 24, 80);
    world_close(&world);
}

static void test_recording(void **state)
{
    (void)state;
    struct world world;
    struct ms_tui_time time;
    open_past(&world, &time, MS_GLYPHS_BRAILLE);
    time.file = true;
    time.runs = false;
    time.anomalies_until_ns = time.last_ns;
    picture_check_sizes(&world, "view", 8);
    time.anomalies_until_ns = 1060 * MS_SECOND_NS; /* not all of it was gone through */
    world_keys(&world, "5");
    picture_check(&world, "view-hotspots", 24, 80);
    time.judged_from_ns = time.at_ns - 12 * MS_SECOND_NS;
    world_keys(&world, "6");
    picture_check(&world, "view-leaks", 24, 80);
    world_close(&world);
}

static void test_bar_of_the_present(void **state)
{
    (void)state;
    struct world world;
    struct ms_tui_time time;
    open_past(&world, &time, MS_GLYPHS_BRAILLE);
    time.away = false;
    time.last_ns = time.at_ns;
    world_key(&world, 'r');
    picture_check(&world, "present-keys", 24, 80);
    world_close(&world);
}

static void test_record_and_mark(void **state)
{
    (void)state;
    struct world world;
    struct ms_tui_time time;
    open_past(&world, &time, MS_GLYPHS_BRAILLE);
    time.away = false;
    world_key(&world, 'R');
    picture_check(&world, "record", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    time.recording = "load.memscope";
    time.recording_bytes = 1234567;
    world_key(&world, 'R');
    picture_check(&world, "record-state", 24, 80);
    time.recording_ends = true;
    time.recording_waiting_bytes = 400000;
    picture_check(&world, "record-ends", 24, 80);
    time.recording_ends = false;
    world_key(&world, MS_KEY_ESCAPE);
    time.recording_problem = "No space left on device";
    picture_check(&world, "record-failed", 8, 40);
    world_keys(&world, "bnow");
    picture_check(&world, "mark", 24, 80);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_past_of_a_live_program),
        cmocka_unit_test(test_ascii),
        cmocka_unit_test(test_recording),
        cmocka_unit_test(test_bar_of_the_present),
        cmocka_unit_test(test_record_and_mark),
    };
    return cmocka_run_group_tests_name("moments", tests, NULL, NULL);
}
