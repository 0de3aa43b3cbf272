/* Pressure stall information as kernels write it, cut, made up, and missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/pressure.h"

#define SOME "some avg10=85.59 avg60=28.78 avg300=6.96 total=7988447840\n"
#define FULL "full avg10=0.02 avg60=100.00 avg300=0.05 total=24387174\n"

static bool parse(const char *text, struct ms_stall *stall)
{
    return ms_pressure_parse(text, strlen(text), stall);
}

static void test_both_lines(void **state)
{
    (void)state;
    struct ms_stall stall;
    assert_true(parse(SOME FULL, &stall));
    assert_float_equal(stall.some_avg10_pct, 85.59, 1e-9);
    assert_float_equal(stall.some_avg60_pct, 28.78, 1e-9);
    assert_float_equal(stall.full_avg10_pct, 0.02, 1e-9);
    assert_float_equal(stall.full_avg60_pct, 100, 1e-9);
    assert_true(stall.some_us == 7988447840u);
    assert_true(stall.full_us == 24387174u);
}

static void test_kernels_without_full_for_cpu(void **state)
{
    (void)state;
    struct ms_stall stall;
    assert_true(parse(SOME, &stall));
    assert_float_equal(stall.some_avg10_pct, 85.59, 1e-9);
    assert_true(isnan(stall.full_avg10_pct) && isnan(stall.full_avg60_pct));
}

static void test_hostile(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "some\n",
        "some avg10=1.00\n",
        "some avg10=nan avg60=0.00 avg300=0.00 total=0\n",
        "some avg10=-1.00 avg60=0.00 avg300=0.00 total=0\n",
        "some avg10=1e9 avg60=0.00 avg300=0.00 total=0\n",
        "some avg10=101.00 avg60=0.00 avg300=0.00 total=0\n",
        "some avg10=1.234 avg60=0.00 avg300=0.00 total=0\n",
        "some avg60=0.00 avg10=0.00 avg300=0.00 total=0\n",
        "awesome avg10=1.00 avg60=0.00 avg300=0.00 total=0\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ms_stall stall = {.some_us = 77};
        assert_false(parse(texts[i], &stall));
        assert_true(stall.some_us == 77);
    }
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    const char *whole = SOME FULL;
    for (size_t bytes = 0; bytes <= strlen(whole); bytes++) {
        char *exact = malloc(bytes + 1); /* so that a sanitizer sees a step too far */
        struct ms_stall stall;
        assert_non_null(exact);
        memcpy(exact, whole, bytes);
        assert_int_equal(ms_pressure_parse(exact, bytes, &stall), bytes >= strlen(SOME));
        if (bytes >= strlen(SOME)) {
            assert_int_equal(isnan(stall.full_avg10_pct), bytes < strlen(whole));
        }
        free(exact);
    }
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *folder, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

/* A file that is missing takes its own figures away, not those of the others. */
static void test_folder(void **state)
{
    (void)state;
    char path[] = "/tmp/memscope-pressure-XXXXXX";
    assert_non_null(mkdtemp(path));
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ms_descriptor_budget budget = {.limit = 8};
    struct ms_pressure_files files = MS_PRESSURE_FILES_NONE;
    struct ms_pressure pressure = {.have = true};

    assert_int_equal(ms_pressure_read(&files, &budget, MS_PRESSURE_OF_MACHINE, folder, &pressure),
                     -ENOENT);
    assert_false(pressure.have);
    assert_true(isnan(pressure.cpu.some_avg10_pct));

    write_file(path, "cpu", SOME FULL);
    write_file(path, "memory", SOME FULL);
    write_file(path, "cpu.pressure", SOME FULL);
    assert_int_equal(ms_pressure_read(&files, &budget, MS_PRESSURE_OF_MACHINE, folder, &pressure),
                     0);
    assert_true(pressure.have);
    assert_float_equal(pressure.cpu.some_avg10_pct, 85.59, 1e-9);
    assert_true(isnan(pressure.cpu.full_avg10_pct)); /* not defined for a machine */
    assert_float_equal(pressure.memory.full_avg10_pct, 0.02, 1e-9);
    assert_true(isnan(pressure.io.some_avg10_pct));
    assert_int_equal(budget.open, 2);
    ms_pressure_close(&files, &budget);
    assert_int_equal(budget.open, 0);

    assert_int_equal(ms_pressure_read(&files, &budget, MS_PRESSURE_OF_CGROUP, folder, &pressure),
                     0);
    assert_float_equal(pressure.cpu.full_avg10_pct, 0.02, 1e-9);
    assert_true(isnan(pressure.memory.some_avg10_pct));
    ms_pressure_close(&files, &budget);

    close(folder);
    remove_file(path, "cpu");
    remove_file(path, "memory");
    remove_file(path, "cpu.pressure");
    assert_int_equal(rmdir(path), 0);
}

/* What this machine says is read, or why not is said. */
static void test_this_machine(void **state)
{
    (void)state;
    int folder = open("/proc/pressure", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ms_descriptor_budget budget = {.limit = 8};
    struct ms_pressure_files files = MS_PRESSURE_FILES_NONE;
    struct ms_pressure pressure;
    int result = folder < 0
                     ? -errno
                     : ms_pressure_read(&files, &budget, MS_PRESSURE_OF_MACHINE, folder, &pressure);
    if (result == 0) {
        assert_true(pressure.cpu.some_avg10_pct >= 0 && pressure.cpu.some_avg10_pct <= 100);
    } else {
        assert_true(strlen(ms_pressure_because(result, MS_PRESSURE_OF_MACHINE)) > 10);
    }
    ms_pressure_close(&files, &budget);
    if (folder >= 0) {
        close(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_lines), cmocka_unit_test(test_kernels_without_full_for_cpu),
        cmocka_unit_test(test_hostile),    cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_folder),     cmocka_unit_test(test_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
