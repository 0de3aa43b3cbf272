/* The configuration file: read, refused with the line, written and read again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/config.h"

static char folder[64];
static char path[128];

static void put(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/memscope-test-config-XXXXXX");
    snprintf(path, sizeof path, "%s/config", mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char old[160];
    snprintf(old, sizeof old, "%s.old", path);
    unlink(old);
    unlink(path);
    return rmdir(folder);
}

static void sets_what_it_says(void **state)
{
    (void)state;
    struct ms_settings settings;
    char error[300];
    ms_settings_default(&settings);
    put("# comment\n\n[screen]\nrefresh_s = 2\n  colours=mono \r\n; too\n"
        "[ thresholds ]\nmemory_peak_mb = 64\nalerts = seed");
    assert_int_equal(ms_config_read(path, &settings, error, sizeof error), 0);
    assert_true(settings.values[MS_SETTING_REFRESH] == 2);
    assert_true(settings.values[MS_SETTING_SCHEME] == 2);
    assert_int_equal(ms_settings_thresholds(&settings).memory_peak_bytes, 64000000);
    assert_false(ms_settings_thresholds(&settings).relative);
    assert_true(ms_settings_is_default(&settings, MS_SETTING_MOUSE));
}

static void says_the_line_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } files[] = {
        {"[screen]\nrefresh_s = fast\n", "line 2: refresh_s: 'fast' is not valid"},
        {"[screen]\n\nbeauty = 1\n", "line 3: there is no setting 'beauty' in [screen]"},
        {"refresh_s = 1\n", "line 1: there is no setting 'refresh_s' in []"},
        {"[screen]\nrefresh_s\n", "line 2: 'refresh_s' is not a setting"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct ms_settings settings;
        char error[300];
        ms_settings_default(&settings);
        put(files[i].text);
        assert_int_equal(ms_config_read(path, &settings, error, sizeof error), -EINVAL);
        assert_memory_equal(error, files[i].error, strlen(files[i].error));
    }
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct ms_settings settings;
    char error[300];
    ms_settings_default(&settings);
    assert_int_equal(ms_config_read(folder, &settings, error, sizeof error), -EINVAL);
    assert_int_equal(ms_config_read("/dev/zero", &settings, error, sizeof error), -EINVAL);
    assert_int_equal(ms_config_read("/nowhere/config", &settings, error, sizeof error), -ENOENT);
    assert_int_equal(mkfifo(path, 0600), 0); /* does not wait for a writer */
    assert_int_equal(ms_config_read(path, &settings, error, sizeof error), -EINVAL);
    unlink(path);
    char line[9000];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    put(line);
    assert_int_equal(ms_config_read(path, &settings, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "longer than"));
}

static void what_is_written_is_read_again_and_the_old_file_kept(void **state)
{
    (void)state;
    struct ms_settings settings;
    struct ms_settings again;
    char error[300];
    char why[200];
    char old[160];
    struct stat status;
    ms_settings_default(&settings);
    assert_true(ms_settings_set(&settings, MS_SETTING_CPU_PCT, "33.5", why, sizeof why));
    assert_true(ms_settings_set(&settings, MS_SETTING_COLUMNS, "cpu_percent", why, sizeof why));
    assert_true(ms_settings_set(&settings, MS_SETTING_WAITING, "terminal", why, sizeof why));
    put("# mine\n");
    assert_int_equal(ms_config_write(path, &settings), 0);
    snprintf(old, sizeof old, "%s.old", path);
    assert_int_equal(stat(old, &status), 0);
    assert_int_equal(status.st_size, 7);
    ms_settings_default(&again);
    assert_int_equal(ms_config_read(path, &again, error, sizeof error), 0);
    assert_memory_equal(again.values, settings.values, sizeof settings.values);
    assert_int_equal(again.column_count, 1);
    /* Defaults are comments, so that a later version may have others. */
    ms_settings_default(&settings);
    assert_int_equal(ms_config_write(path, &settings), 0);
    assert_true(ms_settings_set(&again, MS_SETTING_REFRESH, "9", why, sizeof why));
    assert_int_equal(ms_config_read(path, &again, error, sizeof error), 0);
    assert_true(again.values[MS_SETTING_REFRESH] == 9);
}

static void folders_are_made_and_failures_told(void **state)
{
    (void)state;
    struct ms_settings settings;
    char deep[128];
    ms_settings_default(&settings);
    snprintf(deep, sizeof deep, "%s/a/b/config", folder);
    assert_int_equal(ms_config_write(deep, &settings), 0);
    unlink(deep);
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    rmdir(deep);
    snprintf(deep, sizeof deep, "%s/a", folder);
    rmdir(deep);
    assert_int_equal(ms_config_write("/proc/self/nothing/config", &settings), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sets_what_it_says, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(says_the_line_that_is_wrong, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_written_is_read_again_and_the_old_file_kept,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(folders_are_made_and_failures_told, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
