/* What the program wrote, written down piece by piece and read back up to a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/output.h"

static void assert_same(const struct ms_output *one, const struct ms_output *other)
{
    assert_int_equal(ms_output_line_count(one), ms_output_line_count(other));
    for (size_t i = 0; i < ms_output_line_count(one); i++) {
        size_t bytes;
        size_t other_bytes;
        const char *line = ms_output_line(one, i, &bytes);
        const char *other_line = ms_output_line(other, i, &other_bytes);
        assert_int_equal(bytes, other_bytes);
        assert_memory_equal(line, other_line, bytes);
    }
    assert_int_equal(ms_output_is_open(one), ms_output_is_open(other));
    assert_int_equal(ms_output_total_bytes(one), ms_output_total_bytes(other));
    assert_int_equal(ms_output_dropped_lines(one), ms_output_dropped_lines(other));
    assert_int_equal(ms_output_dropped_bytes(one), ms_output_dropped_bytes(other));
    assert_int_equal(ms_output_captured(one), ms_output_captured(other));
}

static void say(struct ms_output *output, const char *text)
{
    assert_int_equal(ms_output_append(output, text, strlen(text)), 0);
}

static const char *const pieces[] = {"first\nsecond\r\n", "half a ", "line\nprogress 1%",
                                     "\rprogress 2%",     "",        "\n\n",
                                     "\x1b[31mred\n",     "end"};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

static void test_output_comes_back_as_it_was_at_any_time(void **state)
{
    (void)state;
    struct ms_output *live = ms_output_new();
    struct ms_output_writer writer = {0};
    struct ms_pack pack = {0};
    ms_output_set_captured(live, true);
    for (uint64_t i = 0; i < PIECES; i++) {
        say(live, pieces[i]);
        assert_int_equal(ms_output_write(&writer, live, 100 * (i + 1), &pack), 0);
    }
    for (uint64_t until = 0; until <= PIECES; until++) {
        struct ms_output *then = ms_output_new();
        struct ms_output *read = ms_output_new();
        ms_output_set_captured(then, until > 0);
        for (uint64_t i = 0; i < until; i++) {
            say(then, pieces[i]);
        }
        struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
        assert_int_equal(ms_output_read(read, &unpack, 100 * until + 50), 0);
        assert_same(then, read);
        ms_output_free(then);
        ms_output_free(read);
    }
    ms_output_writer_free(&writer);
    ms_pack_free(&pack);
    ms_output_free(live);
}

static void test_more_than_is_held(void **state)
{
    (void)state;
    struct ms_output *live = ms_output_new();
    struct ms_output *read = ms_output_new();
    struct ms_output_writer writer = {0};
    struct ms_pack pack = {0};
    char line[64];
    for (int i = 0; i < 70000; i++) {
        (void)snprintf(line, sizeof line, "line %d\n", i);
        say(live, line);
        if (i % 9999 == 0 || i == 69999 || i == 20005) {
            ms_output_add_dropped(live, 7);
            ms_pack_clear(&pack);
            assert_int_equal(ms_output_write(&writer, live, 1, &pack), 0);
            struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
            assert_int_equal(ms_output_read(read, &unpack, 1), 0);
            assert_same(live, read);
        }
        if (i == 30000) { /* nobody looks for long: more goes than is held */
            for (int k = 0; k < 50000; k++) {
                say(live, "unseen\n");
            }
        }
    }
    ms_pack_clear(&pack);
    assert_int_equal(ms_output_write(&writer, live, 1, &pack), 0);
    assert_int_equal(pack.used, 0);
    ms_output_writer_free(&writer);
    ms_pack_free(&pack);
    ms_output_free(live);
    ms_output_free(read);
}

static void test_hostile_bytes(void **state)
{
    (void)state;
    struct ms_output *live = ms_output_new();
    struct ms_output_writer writer = {0};
    struct ms_pack pack = {0};
    say(live, "one\ntwo\nthree");
    assert_int_equal(ms_output_write(&writer, live, 5, &pack), 0);
    for (size_t at = 0; at < pack.used; at++) {
        for (unsigned value = 0; value < 256; value += 5) {
            struct ms_output *read = ms_output_new();
            uint8_t *copy = malloc(pack.used);
            assert_non_null(copy);
            memcpy(copy, pack.bytes, pack.used);
            struct ms_unpack unpack = ms_unpack_of(copy, at);
            (void)ms_output_read(read, &unpack, 5);
            copy[at] = (uint8_t)value;
            unpack = ms_unpack_of(copy, pack.used);
            (void)ms_output_read(read, &unpack, 5);
            free(copy);
            ms_output_free(read);
        }
    }
    ms_output_writer_free(&writer);
    ms_pack_free(&pack);
    ms_output_free(live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_comes_back_as_it_was_at_any_time),
        cmocka_unit_test(test_more_than_is_held),
        cmocka_unit_test(test_hostile_bytes),
    };
    return cmocka_run_group_tests_name("record: output", tests, NULL, NULL);
}
