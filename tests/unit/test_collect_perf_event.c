/* What is said when the kernel gives no events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "collect/perf_event.h"

static void test_reasons(void **state)
{
    (void)state;
    static const struct {
        int error, paranoid;
        const char *says;
    } cases[] = {
        {-ENOENT, 2, "virtual machines"},
        {-EOPNOTSUPP, 2, "virtual machines"},
        {-EACCES, 4, "kernel.perf_event_paranoid=4"},
        {-EPERM, 3, "sysctl kernel.perf_event_paranoid=2"},
        {-EACCES, 2, "another user"},
        {-EACCES, INT_MIN, "another user"},
        {-EPERM, 2, "seccomp"},
        {-ENOSYS, 2, "missing"},
        {-EBUSY, 2, "NMI watchdog"},
        {-EMFILE, 2, "ulimit"},
        {-E2BIG, 2, "Argument list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char because[200];
        ms_perf_because(cases[i].error, cases[i].paranoid, because, sizeof because);
        assert_non_null(strstr(because, cases[i].says));
        assert_true(strlen(because) < sizeof because - 1);
    }
}

static void test_clock_or_reason(void **state)
{
    (void)state;
    char because[200];
    const int error = ms_perf_try_clock();
    assert_true(error <= 0);
    if (error != 0) {
        ms_perf_because(error, ms_perf_paranoid(), because, sizeof because);
        assert_true(because[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_clock_or_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
