/* Nothing that could harm a terminal gets into a cell, and columns stay right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tui/grid.h"

static void assert_text(const struct ms_grid *grid, const char *expected)
{
    char *text = ms_grid_text(grid);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_puts_and_clips(void **state)
{
    (void)state;
    struct ms_grid *grid = ms_grid_new(2, 10);
    assert_int_equal(ms_grid_put(grid, 0, 2, 4, "abcdef"), 4);
    assert_int_equal(ms_grid_put(grid, 1, 8, 9, "xyz"), 3);
    ms_grid_put(grid, -1, 0, 5, "no");
    ms_grid_put(grid, 7, 0, 5, "no");
    ms_grid_put(grid, 1, -2, 5, "123");
    assert_text(grid, "  abcd\n3       xy\n");
    ms_grid_free(grid);
}

static void test_hostile_text_is_neutralised(void **state)
{
    (void)state;
    struct ms_grid *grid = ms_grid_new(1, 60);
    ms_grid_put(grid, 0, 0, 60,
                "a\033[2Jb\r\n\t\x7f\xc2\x9b"
                "31m\xff\xe2\x80\xae"
                "c");
    for (int column = 0; column < 60; column++) {
        const wchar_t character = ms_grid_at(grid, 0, column)->character;
        assert_true(character >= 0x20 && character != 0x7f);
        assert_false(character >= 0x80 && character < 0xa0);
        assert_false(character == 0x202e);
    }
    assert_text(grid, "a?[2Jb?????31m??c\n");
    ms_grid_put_char(grid, 0, 0, L'\033');
    assert_int_equal(ms_grid_at(grid, 0, 0)->character, L'?');
    ms_grid_free(grid);
}

static void test_very_long_text(void **state)
{
    (void)state;
    enum { LONG = 4096 };
    char *text = malloc(LONG + 1);
    assert_non_null(text);
    /* Three-byte characters, so that pieces never end where characters do. */
    for (int i = 0; i + 3 <= LONG; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3);
    }
    text[LONG / 3 * 3] = '\0';
    struct ms_grid *grid = ms_grid_new(1, 1000);
    assert_int_equal(ms_grid_put(grid, 0, 0, 1000, text), 1000);
    for (int column = 0; column < 1000; column++) {
        assert_int_equal(ms_grid_at(grid, 0, column)->character, 0x20ac);
    }
    ms_grid_free(grid);
    free(text);
}

static void test_wide_and_combining(void **state)
{
    (void)state;
    struct ms_grid *grid = ms_grid_new(1, 8);
    /* Two wide characters need four cells; a third does not fit into the fifth. */
    assert_int_equal(ms_grid_put(grid, 0, 0, 5, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"), 4);
    assert_int_equal(ms_grid_at(grid, 0, 1)->character, 0);
    assert_int_equal(ms_grid_text_width(grid, "e\xcc\x81x"), 2);
    assert_text(grid, "\xe6\x97\xa5\xe6\x9c\xac\n");
    /* Overwriting one half leaves no other half behind. */
    ms_grid_put(grid, 0, 1, 1, "x");
    assert_text(grid, " x\xe6\x9c\xac\n");
    ms_grid_put(grid, 0, 2, 1, "y");
    assert_text(grid, " xy\n");
    ms_grid_free(grid);
}

static void test_ascii(void **state)
{
    (void)state;
    struct ms_grid *grid = ms_grid_new(1, 8);
    ms_grid_set_ascii(grid, true);
    assert_int_equal(ms_grid_put(grid, 0, 0, 8, "\xc3\xa9\xe6\x97\xa5z"), 3);
    assert_text(grid, "?\?z\n");
    ms_grid_free(grid);
}

static void test_bytes_with_skip(void **state)
{
    (void)state;
    struct ms_grid *grid = ms_grid_new(1, 8);
    assert_int_equal(ms_grid_put_bytes(grid, 0, 0, 8, "abcdef", 5, 2), 3);
    assert_text(grid, "cde\n");
    ms_grid_free(grid);
}

static void test_sizes(void **state)
{
    (void)state;
    struct ms_grid *grid = ms_grid_new(0, -4);
    assert_int_equal(ms_grid_rows(grid), 1);
    assert_int_equal(ms_grid_columns(grid), 1);
    assert_null(ms_grid_at(grid, 0, 1));
    assert_int_equal(ms_grid_resize(grid, 3, 1000000), 0);
    assert_true(ms_grid_columns(grid) <= 1000);
    struct ms_grid *small = ms_grid_new(2, 2);
    ms_grid_put(grid, 1, 0, 5, "hello");
    ms_grid_copy(small, grid);
    assert_text(small, "\nhe\n");
    ms_grid_free(small);
    ms_grid_free(grid);
}

int main(void)
{
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts_and_clips), cmocka_unit_test(test_hostile_text_is_neutralised),
        cmocka_unit_test(test_very_long_text), cmocka_unit_test(test_wide_and_combining),
        cmocka_unit_test(test_ascii),          cmocka_unit_test(test_bytes_with_skip),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests_name("tui grid", tests, NULL, NULL);
}
