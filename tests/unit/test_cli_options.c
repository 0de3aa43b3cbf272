/* The command line: where options end, what the environment may say, what is refused. */
#include <errno.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/options.h"
#include "wire/message.h"

static struct ms_options options;

static int parse(char **argv)
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    optind = 0; /* getopt starts anew */
    return ms_options_parse(argc, argv, &options);
}
#define PARSE(...) parse((char *[]){(char *)"memscope-top", __VA_ARGS__, NULL})

static void program_keeps_its_own_options(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--depth", "12", "./app", "--json", "x", "-V"), 0);
    assert_int_equal(options.request, MS_REQUEST_RUN);
    assert_int_equal(options.tracking.depth, 12);
    assert_null(options.export_path[MS_EXPORT_JSON]);
    assert_string_equal(options.arguments[0], "./app");
    assert_string_equal(options.arguments[3], "-V");
}

static void doctor_is_a_word_unless_after_dashes(void **state)
{
    (void)state;
    assert_int_equal(PARSE("doctor", "ls"), 0);
    assert_int_equal(options.request, MS_REQUEST_DOCTOR);
    assert_string_equal(options.arguments[0], "ls");
    assert_int_equal(PARSE("--", "doctor"), 0);
    assert_int_equal(options.request, MS_REQUEST_RUN);
}

static void nothing_named_lists(void **state)
{
    (void)state;
    assert_int_equal(parse((char *[]){(char *)"memscope-top", NULL}), 0);
    assert_int_equal(options.request, MS_REQUEST_LIST);
}

static void joining_takes_no_program(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-p", "4242"), 0);
    assert_int_equal(options.request, MS_REQUEST_JOIN);
    assert_int_equal(options.pid, 4242);
    assert_int_equal(options.interval_ns, 100000000); /* the settings hold for it, too */
    assert_int_equal(PARSE("-p", "4242", "./app"), -EINVAL);
}

static void bad_values_are_refused(void **state)
{
    (void)state;
    char *const bad[][2] = {
        {(char *)"--depth", (char *)"0"},          {(char *)"--depth", (char *)"129"},
        {(char *)"--depth", (char *)"12x"},        {(char *)"--interval", (char *)"nan"},
        {(char *)"--interval", (char *)"5"},       {(char *)"-d", (char *)"0"},
        {(char *)"--duration", (char *)"-1"},      {(char *)"-p", (char *)"1.5"},
        {(char *)"--children", (char *)"perhaps"}, {(char *)"--stdin", (char *)"file"},
        {(char *)"--sort", (char *)"beauty"},      {(char *)"--json", (char *)""},
        {(char *)"--sample", (char *)"0"},         {(char *)"--sample", (char *)"101%"},
        {(char *)"--sample", (char *)"0%"},        {(char *)"--sample", (char *)"1.5"},
        {(char *)"--sample", (char *)"12Q"},       {(char *)"--sample", (char *)"4096G"},
        {(char *)"--sample", (char *)"inf"},       {(char *)"--sample", (char *)"-1"},
        {(char *)"--threads", (char *)"tid:x"},    {(char *)"--no-such", (char *)"1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(PARSE(bad[i][0], bad[i][1], "./app"), -EINVAL);
    }
    assert_int_equal(PARSE("--depth"), -EINVAL);
}

static void environment_gives_defaults_and_the_command_line_wins(void **state)
{
    (void)state;
    setenv("MEMSCOPE_DEPTH", "7", 1);
    setenv("MEMSCOPE_NO_MOUSE", "yes", 1);
    assert_int_equal(PARSE("./app"), 0);
    assert_int_equal(options.tracking.depth, 7);
    assert_true(options.settings.values[MS_SETTING_MOUSE] == 0);
    assert_int_equal(PARSE("--depth=9", "./app"), 0);
    assert_int_equal(options.tracking.depth, 9);
    setenv("MEMSCOPE_NO_MOUSE", "perhaps", 1);
    assert_int_equal(PARSE("./app"), -EINVAL);
    unsetenv("MEMSCOPE_DEPTH");
    unsetenv("MEMSCOPE_NO_MOUSE");
}

/* Defaults, the file, the environment, the command line: the later ones win. */
static void the_configuration_file_is_below_all_else(void **state)
{
    (void)state;
    char path[] = "/tmp/memscope-test-options-XXXXXX";
    const int file = mkstemp(path);
    static const char text[] = "[screen]\nrefresh_s = 3\nmouse = no\n[rates]\ninterval_ms = 500\n"
                               "[screen]\nsort = allocations\n";
    assert_int_equal(write(file, text, sizeof text - 1), sizeof text - 1);
    close(file);
    setenv("MEMSCOPE_CONFIG", path, 1);
    setenv("MEMSCOPE_INTERVAL", "200", 1);
    assert_int_equal(PARSE("--sort=cpu_percent", "./app"), 0);
    const double *values = options.settings.values;
    assert_true(values[MS_SETTING_REFRESH] == 3);
    assert_true(values[MS_SETTING_MOUSE] == 0);
    assert_true(values[MS_SETTING_SORT] == MS_METRIC_CPU_PCT);
    assert_int_equal(options.interval_ns, 200000000);
    assert_int_equal(options.delay_ns, 0); /* --plain has a default of its own */
    assert_int_equal(PARSE("-p", "4242"), 0);
    assert_true(options.settings.values[MS_SETTING_REFRESH] == 3);
    assert_int_equal(options.interval_ns, 200000000);
    assert_int_equal(PARSE("--config=no", "-d", "1", "./app"), 0);
    assert_true(options.settings.values[MS_SETTING_MOUSE] == 1);
    assert_int_equal(options.delay_ns, 1000000000);
    unlink(path);
    assert_int_equal(PARSE("./app"), -EINVAL); /* named, and not there */
    assert_int_equal(PARSE("--help"), 0);
    unsetenv("MEMSCOPE_CONFIG");
    unsetenv("MEMSCOPE_INTERVAL");
}

static void no_color_turns_colours_off(void **state)
{
    (void)state;
    assert_int_equal(PARSE("./app"), 0);
    assert_true(options.colours);
    setenv("NO_COLOR", "1", 1);
    assert_int_equal(PARSE("./app"), 0);
    assert_false(options.colours);
    unsetenv("NO_COLOR");
}

static void rates_are_bytes_or_shares(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t interval;
        bool of_allocations;
    } rates[] = {{"1", 1, false},        {"512K", 512 << 10, false}, {"0.5k", 512, false},
                 {"2M", 2 << 20, false}, {"1G", 1 << 30, false},     {"10%", 10, true},
                 {"0.1%", 1000, true},   {"100%", 1, true},          {"33%", 3, true}};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        assert_int_equal(PARSE("--sample", (char *)rates[i].text, "./app"), 0);
        assert_int_equal(options.tracking.mode, MS_TRACK_SAMPLED);
        assert_int_equal(options.tracking.rate.interval, rates[i].interval);
        assert_int_equal(options.tracking.rate.of_allocations, rates[i].of_allocations);
    }
}

static void modes_exclude_each_other(void **state)
{
    (void)state;
    assert_int_equal(PARSE("./app"), 0);
    assert_int_equal(options.tracking.mode, MS_TRACK_EXACT);
    assert_int_equal(PARSE("--auto", "--sample=1M", "./app"), 0);
    assert_int_equal(options.tracking.mode, MS_TRACK_AUTO);
    assert_int_equal(options.tracking.rate.interval, 1 << 20);
    char *const bad[][2] = {{(char *)"--sample=1M", (char *)"--count-only"},
                            {(char *)"--exact", (char *)"--auto"},
                            {(char *)"--trace", (char *)"--sample=10%"},
                            {(char *)"--trace", (char *)"--count-only"},
                            {(char *)"--off", (char *)"--exact"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(PARSE(bad[i][0], bad[i][1], "./app"), -EINVAL);
        assert_int_equal(PARSE(bad[i][1], bad[i][0], "./app"), -EINVAL);
    }
}

static void mode_of_the_command_line_goes_before_the_environment(void **state)
{
    (void)state;
    setenv("MEMSCOPE_SAMPLE", "2M", 1);
    assert_int_equal(PARSE("./app"), 0);
    assert_int_equal(options.tracking.mode, MS_TRACK_SAMPLED);
    assert_int_equal(PARSE("--count-only", "./app"), 0);
    assert_int_equal(options.tracking.mode, MS_TRACK_COUNTERS);
    assert_int_equal(PARSE("--auto", "./app"), 0);
    assert_int_equal(options.tracking.mode, MS_TRACK_AUTO);
    assert_int_equal(options.tracking.rate.interval, 2 << 20);
    setenv("MEMSCOPE_COUNT_ONLY", "yes", 1);
    assert_int_equal(PARSE("./app"), -EINVAL);
    unsetenv("MEMSCOPE_COUNT_ONLY");
    unsetenv("MEMSCOPE_SAMPLE");
}

static void joining_changes_only_what_the_command_line_says(void **state)
{
    (void)state;
    setenv("MEMSCOPE_DEPTH", "7", 1);
    assert_int_equal(PARSE("-p", "42"), 0);
    assert_int_equal(options.tracking_parts, 0);
    assert_int_equal(PARSE("-p", "42", "--sample=1M"), 0);
    assert_int_equal(options.tracking_parts, MS_TRACKING_MODE | MS_TRACKING_RATE);
    assert_int_equal(PARSE("-p", "42", "--depth=8", "--threads=main"), 0);
    assert_int_equal(options.tracking_parts, MS_TRACKING_DEPTH | MS_TRACKING_SELECTION);
    assert_string_equal(options.tracking.threads, "main");
    assert_int_equal(PARSE("-p", "42", "--readonly", "--depth=8"), -EINVAL);
    unsetenv("MEMSCOPE_DEPTH");
}

static void set_needs_a_program_and_something_to_change(void **state)
{
    (void)state;
    assert_int_equal(PARSE("set", "-p", "42", "--depth=8"), 0);
    assert_int_equal(options.request, MS_REQUEST_SET);
    assert_int_equal(options.pid, 42);
    assert_int_equal(PARSE("-p", "42", "--auto", "set"), 0);
    assert_int_equal(options.request, MS_REQUEST_SET);
    assert_int_equal(PARSE("set", "--depth=8"), -EINVAL);
    assert_int_equal(PARSE("set", "-p", "42"), -EINVAL);
    assert_int_equal(PARSE("set", "-p", "42", "--depth=8", "--json=x"), -EINVAL);
    assert_int_equal(PARSE("set", "-p", "42", "--depth=8", "word"), -EINVAL);
    assert_int_equal(PARSE("--", "set", "-p"), 0);
    assert_int_equal(options.request, MS_REQUEST_RUN);
}

static void what_a_command_never_writes_is_refused(void **state)
{
    (void)state;
    assert_int_equal(PARSE("view", "x.memscope", "--json=x"), -EINVAL);
    assert_int_equal(PARSE("verify", "--fail-on=misuses>0", "x.memscope"), -EINVAL);
    assert_int_equal(PARSE("diff", "a", "b", "--csv=x"), -EINVAL);
    assert_int_equal(PARSE("diff", "a", "b", "--fail-on=misuses>0"), -EINVAL);
    assert_int_equal(PARSE("diff", "a", "b", "--json=x", "--html=y", "--text=z"), 0);
    assert_int_equal(PARSE("view", "x.memscope"), 0);
    assert_int_equal(PARSE("report", "x.memscope", "--fail-on=misuses>0"), 0);
    assert_int_equal(PARSE("view", "x.memscope", "--at=peak"), 0);
    assert_int_equal(PARSE("record", "--at=peak", "./app"), -EINVAL);
    assert_int_equal(PARSE("--at=peak", "./app"), -EINVAL);
    assert_int_equal(PARSE("-p", "42", "--at=peak"), -EINVAL);
}

static void a_slip_of_a_command_is_recognized(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *meant;
    } words[] = {
        {"veiw", "view"},     {"exprot", "export"}, {"diffs", "diff"}, {"sat", "set"},
        {"rekord", "record"}, {"make", NULL},       {"cat", NULL},     {"redis-server", NULL},
        {"/view", NULL},      {"v", NULL},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_int_equal(PARSE((char *)words[i].typed, "x"), 0);
        assert_int_equal(options.request, MS_REQUEST_RUN); /* it may be a program */
        if (words[i].meant == NULL) {
            assert_null(options.command_near);
        } else {
            assert_non_null(options.command_near);
            assert_string_equal(options.command_near, words[i].meant);
        }
    }
    assert_int_equal(PARSE("--", "veiw"), 0);
    assert_null(options.command_near);
}

static int quiet_stderr(void **state)
{
    (void)state;
    return freopen("/dev/null", "w", stderr) != NULL ? 0 : -1;
}

int main(void)
{
    unsetenv("NO_COLOR");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_keeps_its_own_options),
        cmocka_unit_test(doctor_is_a_word_unless_after_dashes),
        cmocka_unit_test(nothing_named_lists),
        cmocka_unit_test(joining_takes_no_program),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(environment_gives_defaults_and_the_command_line_wins),
        cmocka_unit_test(rates_are_bytes_or_shares),
        cmocka_unit_test(modes_exclude_each_other),
        cmocka_unit_test(mode_of_the_command_line_goes_before_the_environment),
        cmocka_unit_test(joining_changes_only_what_the_command_line_says),
        cmocka_unit_test(set_needs_a_program_and_something_to_change),
        cmocka_unit_test(what_a_command_never_writes_is_refused),
        cmocka_unit_test(a_slip_of_a_command_is_recognized),
        cmocka_unit_test(the_configuration_file_is_below_all_else),
        cmocka_unit_test(no_color_turns_colours_off),
    };
    return cmocka_run_group_tests(tests, quiet_stderr, NULL);
}
