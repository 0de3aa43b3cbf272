/* How editors are called: words, lines, paths; never by way of a shell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/editor.h"

static const char *joined(const char *editor, const char *path, uint32_t line)
{
    static char out[512];
    struct ms_editor_command command;
    out[0] = '\0';
    assert_int_equal(ms_editor_make_command(&command, editor, path, line), 0);
    for (size_t i = 0; command.words[i] != NULL; i++) {
        const size_t used = strlen(out);
        snprintf(out + used, sizeof out - used, "[%s]", command.words[i]);
    }
    return out;
}

static void test_each_is_told_the_line_its_way(void **state)
{
    (void)state;
    assert_string_equal(joined("vi", "/src/a.c", 12), "[vi][+12][/src/a.c]");
    assert_string_equal(joined("/usr/bin/nano", "/src/a.c", 12), "[/usr/bin/nano][+12][/src/a.c]");
    assert_string_equal(joined("code -w", "/src/a.c", 12), "[code][-w][-g][/src/a.c:12]");
    assert_string_equal(joined("hx", "/src/a.c", 12), "[hx][/src/a.c:12]");
    assert_string_equal(joined("subl", "/src/a.c", 12), "[subl][/src/a.c:12]");
    assert_string_equal(joined("kate", "/src/a.c", 12), "[kate][-l][12][/src/a.c]");
    assert_string_equal(joined("clion", "/src/a.c", 12), "[clion][--line][12][/src/a.c]");
    assert_string_equal(joined("ed", "/src/a.c", 12), "[ed][/src/a.c]");
    assert_string_equal(joined("vi", "/src/a.c", 0), "[vi][/src/a.c]");
}

static void test_words_of_the_editor(void **state)
{
    (void)state;
    assert_string_equal(joined("emacs  -nw\t-q ", "/a", 1), "[emacs][-nw][-q][+1][/a]");
    assert_string_equal(joined(" \t", "/a", 1), "[vi][+1][/a]");
}

static void test_a_path_is_one_argument(void **state)
{
    (void)state;
    assert_string_equal(joined("vi", "/src/a b;rm -rf $HOME `x`.c", 3),
                        "[vi][+3][/src/a b;rm -rf $HOME `x`.c]");
}

static void test_too_much_is_refused(void **state)
{
    (void)state;
    struct ms_editor_command command;
    char many[256] = "vi";
    for (int i = 0; i < 40; i++) {
        strcat(many, " -x");
    }
    assert_int_equal(ms_editor_make_command(&command, many, "/a", 1), -E2BIG);
    static char path[2 * MS_EDITOR_BYTES_MAX];
    memset(path, 'a', sizeof path - 1);
    assert_int_equal(ms_editor_make_command(&command, "vi", path, 1), -E2BIG);
    assert_int_equal(ms_editor_make_command(&command, "code", path, 1), -E2BIG);
}

static void test_choice(void **state)
{
    (void)state;
    unsetenv("VISUAL");
    unsetenv("EDITOR");
    assert_string_equal(ms_editor_choice(), "vi");
    setenv("EDITOR", "nano", 1);
    assert_string_equal(ms_editor_choice(), "nano");
    setenv("VISUAL", " ", 1);
    assert_string_equal(ms_editor_choice(), "nano");
    setenv("VISUAL", "hx", 1);
    assert_string_equal(ms_editor_choice(), "hx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_told_the_line_its_way),
        cmocka_unit_test(test_words_of_the_editor),
        cmocka_unit_test(test_a_path_is_one_argument),
        cmocka_unit_test(test_too_much_is_refused),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests_name("editor", tests, NULL, NULL);
}
