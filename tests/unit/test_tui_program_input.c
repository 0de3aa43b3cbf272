/* Typing to the program: keys become the bytes that a terminal sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/program_input.h"
#include "tui/tui.h"

static void sends(int key, const char *expected)
{
    char bytes[MS_PROGRAM_INPUT_MAX];
    ms_program_input(key, bytes);
    assert_string_equal(bytes, expected);
}

static void characters_are_utf8(void **state)
{
    (void)state;
    sends('a', "a");
    sends(0xe9, "\xc3\xa9");
    sends(0x20ac, "\xe2\x82\xac");
    sends(0x1f600, "\xf0\x9f\x98\x80");
}

static void control_keys_are_bytes(void **state)
{
    (void)state;
    sends(MS_KEY_CTRL('c'), "\003");
    sends(MS_KEY_ENTER, "\r");
    sends(MS_KEY_BACKSPACE, "\177");
    sends(MS_KEY_ESCAPE, "\033");
}

static void moves_are_sequences_and_the_rest_is_silent(void **state)
{
    (void)state;
    sends(MS_KEY_UP, "\033[A");
    sends(MS_KEY_PAGE_DOWN, "\033[6~");
    sends(MS_KEY_F10, "");
    sends(MS_KEY_MOUSE, "");
    sends(MS_KEY_NONE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_utf8),
        cmocka_unit_test(control_keys_are_bytes),
        cmocka_unit_test(moves_are_sequences_and_the_rest_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
