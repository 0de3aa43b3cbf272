/* F2: settings as rows; a change holds at once and goes out as a command. */
#include "picture.h"

static void all_settings(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    world_run(&world, 100);
    world_key(&world, MS_KEY_F2);
    picture_check(&world, "setup", 24, 80);
    picture_check(&world, "setup", 40, 120);
    picture_check(&world, "setup", 8, 40);
    world_close(&world);
}

static void typed_values_are_checked(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    world_run(&world, 100);
    world_key(&world, 'S');
    world_key(&world, MS_KEY_ENTER);
    world_key(&world, MS_KEY_CTRL('u'));
    world_keys(&world, "fast");
    picture_check(&world, "setup-typing", 24, 80);
    world_key(&world, MS_KEY_ENTER);
    assert_int_equal(world.command.type, MS_COMMAND_NONE);
    picture_check(&world, "setup-refused", 24, 80);
    world_key(&world, MS_KEY_ENTER);
    world_key(&world, MS_KEY_CTRL('u'));
    world_keys(&world, "2.5");
    world_key(&world, MS_KEY_ENTER);
    assert_int_equal(world.command.type, MS_COMMAND_SETTINGS);
    assert_true(ms_tui_settings(world.tui)->values[MS_SETTING_REFRESH] == 2.5);
    world_key(&world, 'd');
    assert_true(ms_tui_settings(world.tui)->values[MS_SETTING_REFRESH] == 0.25);
    world_key(&world, MS_KEY_ESCAPE);
    assert_int_equal(world.command.type, MS_COMMAND_NONE);
    world_close(&world);
}

static void what_keys_changed_is_written_too(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    world_run(&world, 100);
    world_key(&world, 't');
    world_key(&world, 'C');
    world_key(&world, 'P');
    world_key(&world, 'W');
    assert_int_equal(world.command.type, MS_COMMAND_WRITE_CONFIG);
    const double *values = ms_tui_settings(world.tui)->values;
    assert_true(values[MS_SETTING_SHAPE] == 1);
    assert_true(values[MS_SETTING_SCHEME] == 1);
    assert_true(values[MS_SETTING_SORT] == MS_METRIC_CPU_PCT);
    assert_true(values[MS_SETTING_GLYPHS] == 0); /* the terminal's, nobody chose them */
    world_key(&world, '~');
    world_key(&world, 'W');
    assert_true(values[MS_SETTING_GLYPHS] == 1 + MS_GLYPHS_BRAILLE);
    world_close(&world);
}

/* Columns, order and shape of the table are what the settings say. */
static void columns_are_chosen(void **state)
{
    (void)state;
    struct world world;
    char why[200];
    struct ms_settings settings;
    world_open(&world, ACTORS, MS_GLYPHS_ASCII);
    ms_tui_free(world.tui);
    ms_settings_default(&settings);
    assert_true(ms_settings_set(&settings, MS_SETTING_COLUMNS, "major_faults allocations", why,
                                sizeof why));
    assert_true(ms_settings_set(&settings, MS_SETTING_SHAPE, "table", why, sizeof why));
    assert_true(ms_settings_set(&settings, MS_SETTING_SORT, "allocations", why, sizeof why));
    world.tui = ms_tui_new(&(struct ms_tui_options){
        .glyphs = MS_GLYPHS_ASCII, .settings = &settings, .program = "./app"});
    world_run(&world, 100);
    picture_check(&world, "setup-columns", 24, 80);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_settings),
        cmocka_unit_test(typed_values_are_checked),
        cmocka_unit_test(what_keys_changed_is_written_too),
        cmocka_unit_test(columns_are_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
