#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/output.h"

static void check_line(const struct ms_output *output, size_t index, const char *expected)
{
    size_t bytes;
    const char *line = ms_output_line(output, index, &bytes);
    assert_int_equal(bytes, strlen(expected));
    assert_memory_equal(line, expected, bytes);
}

static void test_line_ends(void **state)
{
    (void)state;
    static const char text[] = "one\r\ntwo\n\nprogress 1\rdone\nkept\r\r\nraw \033[0m\001";
    const size_t total = sizeof(text) - 1;
    /* However the bytes are cut, the lines are the same. */
    for (size_t part = 1; part <= total; part++) {
        struct ms_output *output = ms_output_new();
        for (size_t at = 0; at < total; at += part) {
            const size_t count = total - at < part ? total - at : part;
            assert_int_equal(ms_output_append(output, text + at, count), 0);
        }
        assert_int_equal(ms_output_line_count(output), 6);
        check_line(output, 0, "one");
        check_line(output, 1, "two");
        check_line(output, 2, "");
        check_line(output, 3, "done");
        check_line(output, 4, "kept");
        check_line(output, 5, "raw \033[0m\001");
        check_line(output, 6, "");
        assert_int_equal(ms_output_total_bytes(output), total);
        ms_output_free(output);
    }
}

static void test_lines_are_bounded(void **state)
{
    (void)state;
    struct ms_output *output = ms_output_new();
    for (unsigned i = 0; i < MS_OUTPUT_LINES_MAX + 50; i++) {
        char line[32];
        const int count = snprintf(line, sizeof(line), "line %u\n", i);
        assert_int_equal(ms_output_append(output, line, (size_t)count), 0);
    }
    assert_int_equal(ms_output_line_count(output), MS_OUTPUT_LINES_MAX);
    assert_int_equal(ms_output_dropped_lines(output), 50);
    check_line(output, 0, "line 50");
    check_line(output, MS_OUTPUT_LINES_MAX - 1, "line 20049");
    ms_output_free(output);
}

static void test_bytes_are_bounded(void **state)
{
    (void)state;
    struct ms_output *output = ms_output_new();
    static char block[100000];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 200; i++) { /* 20 MB without one line end */
        assert_int_equal(ms_output_append(output, block, sizeof(block)), 0);
    }
    uint64_t held = 0;
    for (size_t i = 0; i < ms_output_line_count(output); i++) {
        size_t bytes;
        ms_output_line(output, i, &bytes);
        assert_true(bytes <= 65536);
        held += bytes;
    }
    assert_true(held <= MS_OUTPUT_BYTES_MAX + 65536u);
    assert_true(held >= MS_OUTPUT_BYTES_MAX - 65536u);
    assert_int_equal(ms_output_total_bytes(output), 20000000);
    assert_int_equal(held + ms_output_dropped_lines(output) * 65536, 20000000);
    ms_output_add_dropped(output, 7);
    assert_int_equal(ms_output_dropped_bytes(output), 7);
    ms_output_free(output);
    ms_output_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_lines_are_bounded),
        cmocka_unit_test(test_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
