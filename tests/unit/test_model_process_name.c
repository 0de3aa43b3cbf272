/* What a process is called: what people typed, not the file that a link led to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/model.h"

static void check(const char *exe, char *arguments, uint32_t merged, const char *expected)
{
    static struct ms_process process;
    char name[MS_PROCESS_NAME_MAX];
    snprintf(process.exe, sizeof process.exe, "%s", exe);
    process.arguments = arguments;
    process.merged = merged;
    assert_string_equal(ms_process_name(&process, name, sizeof name), expected);
}

static void named_as_it_was_called(void **state)
{
    (void)state;
    check("/usr/bin/redis-check-rdb", "redis-server", 0, "redis-server");
    check("/usr/bin/redis-check-rdb", "/usr/bin/redis-server", 0, "redis-server");
    check("/usr/lib/postgresql/15/bin/postgres", "postgres: main: walwriter ", 0, "postgres");
    check("/usr/bin/bash", "-bash", 0, "bash");
    check("/opt/my app/bin/a tool", "/opt/my app/bin/a tool", 0, "a tool");
}

static void named_by_its_file_otherwise(void **state)
{
    (void)state;
    check("/usr/bin/cc1", NULL, 0, "cc1");
    check("/usr/bin/cc1", "", 0, "cc1");
    check("/usr/bin/cc1", " odd", 0, "cc1");
    check("/usr/bin/cc1", "other", 12, "cc1"); /* merged ones by their file */
    check("/usr/lib/chromium/chromium", "/proc/self/exe", 0, "chromium");
    check("/usr/bin/runc", "/dev/fd/5", 0, "runc");
    check("", NULL, 0, "?");
    check("", "/", 0, "/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(named_as_it_was_called),
                                       cmocka_unit_test(named_by_its_file_otherwise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
