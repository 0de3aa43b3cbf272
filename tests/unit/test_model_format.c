#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/format.h"

#define CHECK(expected, call)                                                                      \
    do {                                                                                           \
        char out[64];                                                                              \
        assert_string_equal(expected, call);                                                       \
    } while (0)

static void test_figures(void **state)
{
    (void)state;
    CHECK("0", ms_format_count(out, sizeof(out), 0));
    CHECK("912", ms_format_count(out, sizeof(out), 912));
    CHECK("999", ms_format_count(out, sizeof(out), 999));
    CHECK("1.00k", ms_format_count(out, sizeof(out), 1000));
    CHECK("1.21k", ms_format_count(out, sizeof(out), 1210));
    CHECK("84.1k", ms_format_count(out, sizeof(out), 84123));
    CHECK("1.00M", ms_format_count(out, sizeof(out), 999999));
    CHECK("3.40M", ms_format_count(out, sizeof(out), 3400000));
    CHECK("18.4E", ms_format_count(out, sizeof(out), 18446744073709551615.0));
    CHECK("0B", ms_format_bytes(out, sizeof(out), 0));
    CHECK("418MB", ms_format_bytes(out, sizeof(out), 418e6));
    CHECK("2.10GB", ms_format_bytes(out, sizeof(out), 2.1e9));
    CHECK("+2.10MB/s", ms_format_bytes_rate(out, sizeof(out), 2.1e6));
    CHECK("-912B/s", ms_format_bytes_rate(out, sizeof(out), -912));
    CHECK("n/a", ms_format_bytes(out, sizeof(out), 0.0 / 0.0));
    CHECK("n/a", ms_format_count(out, sizeof(out), 1.0 / 0.0));
    CHECK("00:01:12", ms_format_elapsed(out, sizeof(out), 72 * MS_SECOND_NS));
    CHECK("3d 04:05:06", ms_format_elapsed(out, sizeof(out), 273906 * MS_SECOND_NS));
    CHECK("n/a", ms_format_value(out, sizeof(out), ms_value_none(), MS_UNIT_BYTES));
    CHECK("31.3", ms_format_value(out, sizeof(out), ms_value_of(31.26), MS_UNIT_PERCENT));
    CHECK("0.50", ms_format_value(out, sizeof(out), ms_value_of(0.5), MS_UNIT_RATIO));
    CHECK("1.21", ms_format_count(out, 5, 1210)); /* cut, terminated */
}

static void test_counts_take_six_cells_at_most(void **state)
{
    (void)state;
    char out[64];
    for (double value = 0.001; value < 1.9e19; value *= 1.0137) {
        assert_true(strlen(ms_format_count(out, sizeof(out), value)) <= 6);
        assert_true(strlen(ms_format_bytes(out, sizeof(out), value)) <= 6);
    }
}

static void check_safe(const char *expected, const char *bytes, size_t count, bool utf8)
{
    char out[256];
    const size_t written = ms_format_safe(out, sizeof(out), bytes, count, utf8);
    assert_string_equal(out, expected);
    assert_int_equal(written, strlen(expected));
}
#define SAFE(expected, text, utf8) check_safe(expected, text, sizeof(text) - 1, utf8)

static void test_hostile_names(void **state)
{
    (void)state;
    SAFE("worker-1", "worker-1", true);
    SAFE("?[31mred", "\033[31mred", true);
    SAFE("a?b", "a\0b", true);
    SAFE("a??b", "a\r\nb", true);
    SAFE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", true);
    SAFE("???", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", false);
    SAFE("?x", "\xe2\x82x", true);     /* cut sequence */
    SAFE("?", "\xf0\x9f\x98", true);   /* cut at the end */
    SAFE("?x", "\xc0\xaex", true);     /* overlong */
    SAFE("?x", "\xed\xa0\x80x", true); /* surrogate */
    SAFE("?x", "\x80\x80\x80x", true); /* stray continuation */
    SAFE("?31m",
         "\xc2\x9b"
         "31m",
         true); /* C1 CSI */
    SAFE("?31m",
         "\x9b"
         "31m",
         true);                              /* raw 8-bit CSI */
    SAFE("a?txt", "a\xe2\x80\xaetxt", true); /* right-to-left override */
    SAFE("a?b",
         "a\xe2\x80\x8b"
         "b",
         true); /* zero width space */
    SAFE("?a",
         "\xef\xbb\xbf"
         "a",
         true); /* byte order mark */
    SAFE("?", "\x7f", true);
    char out[4];
    assert_int_equal(ms_format_safe(out, sizeof(out), "ab\xe2\x82\xac", 5, true), 2);
    assert_string_equal(out, "ab"); /* cut between characters */
    assert_int_equal(ms_format_safe(out, 1, "ab", 2, true), 0);
    assert_string_equal(out, "");
}

/* Own decoder, so that a mistake of the other one is not shared. Returns the length or 0. */
static size_t decode_strictly(const unsigned char *bytes, size_t count, uint32_t *code)
{
    for (size_t length = 1; length <= 4 && length <= count; length++) {
        uint32_t value;
        if (length == 1) {
            value = bytes[0];
            if (value > 0x7f) {
                continue;
            }
        } else {
            const unsigned marker = 0xffu & (0xff00u >> length);
            if ((bytes[0] & (marker | 0x80u >> length)) != marker) {
                continue;
            }
            value = bytes[0] & (0xffu >> (length + 1));
            for (size_t i = 1; i < length; i++) {
                if (bytes[i] >> 6 != 2) {
                    return 0;
                }
                value = value * 64 + (bytes[i] & 63u);
            }
        }
        const uint32_t least = length == 1 ? 0 : length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
        if (value < least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
            return 0;
        }
        *code = value;
        return length;
    }
    return 0;
}

static void check_output(const char *out, size_t written, bool utf8)
{
    assert_int_equal(strlen(out), written);
    for (size_t at = 0; at < written;) {
        uint32_t code = 0;
        const size_t length = decode_strictly((const unsigned char *)out + at, written - at, &code);
        assert_int_not_equal(length, 0);
        assert_true(code >= 0x20 && (code < 0x7f || code > 0x9f));
        assert_false(code >= 0x200b && code <= 0x200f);
        assert_false(code >= 0x202a && code <= 0x202e);
        assert_false(code >= 0x2066 && code <= 0x2069);
        assert_int_not_equal(code, 0xfeff);
        assert_true(utf8 || code < 0x80);
        at += length;
    }
}

static void test_random_bytes_never_get_through(void **state)
{
    (void)state;
    /* Leads and continuations that come near to the dangerous characters are drawn often. */
    static const unsigned char likely[] = {0xe2, 0x80, 0x81, 0x8b, 0x8f, 0xaa, 0xae, 0xa6, 0xef,
                                           0xbb, 0xbf, 0xc2, 0x9b, 0xed, 0xf0, 0xf4, 0x1b, 'a'};
    uint64_t seed = 88172645463325252u;
    for (int round = 0; round < 300000; round++) {
        char in[24];
        char out[40];
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        const size_t count = seed % sizeof(in);
        uint64_t bits = seed * 0x9e3779b97f4a7c15u;
        for (size_t i = 0; i < count; i++) {
            bits = bits * 6364136223846793005u + 1442695040888963407u;
            const unsigned draw = (unsigned)(bits >> 40);
            in[i] = (char)(draw % 3 == 0 ? draw >> 8 : likely[draw / 3 % sizeof(likely)]);
        }
        const size_t size = 1 + (seed >> 32) % sizeof(out);
        const bool utf8 = (seed >> 20) % 4 != 0;
        const size_t written = ms_format_safe(out, size, in, count, utf8);
        assert_true(written < size);
        check_output(out, written, utf8);
    }
}

static void test_every_character_alone(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        char in[4];
        char out[8];
        size_t length = 4;
        if (code < 0x80) {
            in[0] = (char)code;
            length = 1;
        } else if (code < 0x800) {
            in[0] = (char)(0xc0 | code >> 6);
            in[1] = (char)(0x80 | (code & 0x3f));
            length = 2;
        } else if (code < 0x10000) {
            in[0] = (char)(0xe0 | code >> 12);
            in[1] = (char)(0x80 | (code >> 6 & 0x3f));
            in[2] = (char)(0x80 | (code & 0x3f));
            length = 3;
        } else {
            in[0] = (char)(0xf0 | code >> 18);
            in[1] = (char)(0x80 | (code >> 12 & 0x3f));
            in[2] = (char)(0x80 | (code >> 6 & 0x3f));
            in[3] = (char)(0x80 | (code & 0x3f));
        }
        const size_t written = ms_format_safe(out, sizeof(out), in, length, true);
        check_output(out, written, true);
        assert_true((written == 1 && out[0] == '?') ||
                    (written == length && memcmp(in, out, length) == 0));
    }
}

static void test_frames(void **state)
{
    (void)state;
    char out[64];
    struct ms_frame frame = {.address = 0x7f0012, .module = "", .function = "", .file = ""};
    assert_string_equal(ms_format_frame(out, sizeof(out), &frame), "0x7f0012");
    frame.module = "/usr/lib/libfoo.so.1";
    frame.file_offset = 0x1f;
    assert_string_equal(ms_format_frame(out, sizeof(out), &frame), "libfoo.so.1+0x1f");
    frame.function = "parse(char const*)";
    assert_string_equal(ms_format_frame(out, sizeof(out), &frame), "parse(char const*)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_counts_take_six_cells_at_most),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_random_bytes_never_get_through),
        cmocka_unit_test(test_every_character_alone),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
