/* Settings from text and back, and what they become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tui/settings.h"

static void defaults_are_those_of_the_judgements(void **state)
{
    (void)state;
    struct ms_settings settings;
    ms_settings_default(&settings);
    const struct ms_thresholds ours = ms_settings_thresholds(&settings);
    const struct ms_thresholds theirs = ms_thresholds_default();
    assert_int_equal(ours.relative, theirs.relative);
    assert_int_equal(ours.memory_peak_bytes, theirs.memory_peak_bytes);
    assert_int_equal(ours.memory_allocations, theirs.memory_allocations);
    assert_int_equal(ours.io_operations, theirs.io_operations);
    assert_int_equal(ours.balanced_allocations, theirs.balanced_allocations);
    assert_int_equal(ours.alert_high_bytes, theirs.alert_high_bytes);
    assert_int_equal(ours.alert_medium_bytes, theirs.alert_medium_bytes);
    assert_int_equal(ours.role_window_ns, theirs.role_window_ns);
    assert_int_equal(ours.role_hold_ns, theirs.role_hold_ns);
    assert_true(ours.waiting_pct == theirs.waiting_pct && ours.cpu_pct == theirs.cpu_pct);
    assert_true(ours.alert_high_cpu_pct == theirs.alert_high_cpu_pct);
    assert_true(ours.alert_medium_cpu_pct == theirs.alert_medium_cpu_pct);
    assert_true(ours.role_margin == theirs.role_margin);
}

static void every_text_is_read_again(void **state)
{
    (void)state;
    struct ms_settings settings;
    struct ms_settings again;
    char text[2048];
    char why[200];
    ms_settings_default(&settings);
    for (int step = 0; step < 9; step++) {
        ms_settings_default(&again);
        for (int id = 0; id < MS_SETTING_TOTAL; id++) {
            ms_settings_step(&settings, (enum ms_setting)id, step % 4 == 3 ? -1 : 1);
            ms_settings_text(&settings, (enum ms_setting)id, text, sizeof text);
            assert_true(ms_settings_set(&again, (enum ms_setting)id, text, why, sizeof why));
            assert_true(again.values[id] == settings.values[id]);
        }
    }
}

static void numbers_step_by_one_two_five(void **state)
{
    (void)state;
    struct ms_settings settings;
    ms_settings_default(&settings);
    double *value = &settings.values[MS_SETTING_MEMORY_PEAK];
    static const double up[] = {20, 50, 100, 200};
    for (size_t i = 0; i < 4; i++) {
        ms_settings_step(&settings, MS_SETTING_MEMORY_PEAK, 1);
        assert_true(*value == up[i]);
    }
    static const double down[] = {100, 50, 20, 10, 5, 2, 1, 0.5};
    for (size_t i = 0; i < 8; i++) {
        ms_settings_step(&settings, MS_SETTING_MEMORY_PEAK, -1);
        assert_true(*value == down[i]);
    }
    /* Never out of bounds. */
    for (int i = 0; i < 20; i++) {
        ms_settings_step(&settings, MS_SETTING_REFRESH, -1);
    }
    assert_true(settings.values[MS_SETTING_REFRESH] == 0.1);
}

static void what_is_not_valid_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        enum ms_setting setting;
        const char *text, *word;
    } bad[] = {
        {MS_SETTING_REFRESH, "0", "0.1 to 60"},
        {MS_SETTING_REFRESH, "nan", "number"},
        {MS_SETTING_REFRESH, "1x", "number"},
        {MS_SETTING_SCHEME, "pink", "colour-blind"},
        {MS_SETTING_MOUSE, "", "no|yes"},
        {MS_SETTING_IO, "256", "0 to 255"},
        {MS_SETTING_IO, "1.5", "0 to 255"},
        {MS_SETTING_IO, "mauve", "name of a colour"},
        {MS_SETTING_SORT, "beauty", "peak_bytes"},
        {MS_SETTING_COLUMNS, " , ", "names"},
        {MS_SETTING_COLUMNS, "cpu_percent beauty", "'beauty'"},
    };
    struct ms_settings settings;
    struct ms_settings before;
    char why[200];
    ms_settings_default(&settings);
    memcpy(&before, &settings, sizeof before);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(ms_settings_set(&settings, bad[i].setting, bad[i].text, why, sizeof why));
        assert_non_null(strstr(why, bad[i].word));
        assert_memory_equal(&settings, &before, sizeof before);
    }
}

static void columns_are_taken_once_each(void **state)
{
    (void)state;
    struct ms_settings settings;
    char why[200];
    ms_settings_default(&settings);
    assert_true(ms_settings_set(&settings, MS_SETTING_COLUMNS, "peak_bytes, cpu_percent peak_bytes",
                                why, sizeof why));
    assert_int_equal(settings.column_count, 2);
    assert_int_equal(settings.columns[0], MS_METRIC_PEAK_BYTES);
    assert_int_equal(settings.columns[1], MS_METRIC_CPU_PCT);
    assert_false(ms_settings_is_default(&settings, MS_SETTING_COLUMNS));
}

static void colours_are_those_of_the_scheme_but_the_named_ones(void **state)
{
    (void)state;
    struct ms_settings settings;
    char why[200];
    int colours[MS_COLOUR_COUNT];
    ms_settings_default(&settings);
    assert_true(ms_settings_set(&settings, MS_SETTING_CPU, "orange", why, sizeof why));
    assert_true(ms_settings_set(&settings, MS_SETTING_IO, "33", why, sizeof why));
    ms_settings_colours(&settings, colours);
    assert_int_equal(colours[MS_COLOUR_CPU], 208);
    assert_int_equal(colours[MS_COLOUR_IO], 33);
    assert_int_equal(colours[MS_COLOUR_MEMORY], MS_COLOUR_OF_SCHEME);
    assert_int_equal(colours[MS_COLOUR_DEFAULT], MS_COLOUR_OF_SCHEME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_judgements),
        cmocka_unit_test(every_text_is_read_again),
        cmocka_unit_test(numbers_step_by_one_two_five),
        cmocka_unit_test(what_is_not_valid_changes_nothing),
        cmocka_unit_test(columns_are_taken_once_each),
        cmocka_unit_test(colours_are_those_of_the_scheme_but_the_named_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
