/* Numbers and texts come back as they were written; views end where they end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/pack.h"

static void test_numbers_come_back(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0,      1,          0x7f,      0x80,       0x3fff,
                                       0x4000, UINT32_MAX, INT64_MAX, 1ull << 63, UINT64_MAX};
    static const int64_t signed_numbers[] = {0, -1, 1, 63, -64, 64, INT64_MIN, INT64_MAX};
    struct ms_pack pack = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ms_pack_u64(&pack, numbers[i]);
    }
    for (size_t i = 0; i < sizeof signed_numbers / sizeof *signed_numbers; i++) {
        ms_pack_i64(&pack, signed_numbers[i]);
    }
    ms_pack_f64(&pack, -0.1);
    ms_pack_f64(&pack, (double)NAN);
    ms_pack_f32(&pack, 1e-40f);
    ms_pack_text(&pack, "a\0b", 3);
    ms_pack_text(&pack, "", 0);
    assert_false(pack.failed);

    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_int_equal(ms_unpack_u64(&unpack), numbers[i]);
    }
    for (size_t i = 0; i < sizeof signed_numbers / sizeof *signed_numbers; i++) {
        assert_int_equal(ms_unpack_i64(&unpack), signed_numbers[i]);
    }
    assert_true(ms_unpack_f64(&unpack) == -0.1);
    assert_true(isnan(ms_unpack_f64(&unpack)));
    assert_true(ms_unpack_f32(&unpack) == 1e-40f);
    size_t bytes;
    assert_memory_equal(ms_unpack_text(&unpack, &bytes), "a\0b", 3);
    assert_int_equal(bytes, 3);
    ms_unpack_text(&unpack, &bytes);
    assert_int_equal(bytes, 0);
    assert_true(ms_unpack_done(&unpack));
    assert_false(unpack.failed);
    ms_pack_free(&pack);
}

/* What the document of the format says, byte by byte. */
static void test_written_form(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0xac, 0x02, 0x03, 0x02, 'h', 'i', 0, 0, 0x80, 0x3f};
    struct ms_pack pack = {0};
    ms_pack_u64(&pack, 300);
    ms_pack_i64(&pack, -2);
    ms_pack_text(&pack, "hi", 2);
    ms_pack_f32(&pack, 1.0f);
    assert_int_equal(pack.used, sizeof expected);
    assert_memory_equal(pack.bytes, expected, sizeof expected);
    ms_pack_clear(&pack);
    assert_int_equal(pack.used, 0);
    ms_pack_free(&pack);
}

static void test_cut_anywhere_fails_and_stays_failed(void **state)
{
    (void)state;
    struct ms_pack pack = {0};
    ms_pack_u64(&pack, UINT64_MAX);
    ms_pack_f64(&pack, 1);
    ms_pack_text(&pack, "text", 4);
    for (size_t cut = 0; cut < pack.used; cut++) {
        uint8_t *const exact = malloc(cut > 0 ? cut : 1); /* so that a sanitizer sees one too far */
        assert_non_null(exact);
        memcpy(exact, pack.bytes, cut);
        struct ms_unpack unpack = ms_unpack_of(exact, cut);
        size_t bytes;
        ms_unpack_u64(&unpack);
        ms_unpack_f64(&unpack);
        ms_unpack_text(&unpack, &bytes);
        assert_true(unpack.failed);
        assert_true(ms_unpack_done(&unpack));
        assert_int_equal(bytes, 0);
        assert_int_equal(ms_unpack_u64(&unpack), 0);
        assert_true(ms_unpack_f64(&unpack) == 0);
        assert_null(ms_unpack_bytes(&unpack, 0));
        free(exact);
    }
    ms_pack_free(&pack);
}

static void test_too_large_numbers_fail(void **state)
{
    (void)state;
    static const uint8_t eleven[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
    static const uint8_t above[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 2};
    static const uint8_t length[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 'a'};
    struct ms_unpack unpack = ms_unpack_of(eleven, sizeof eleven);
    assert_int_equal(ms_unpack_u64(&unpack), 0);
    assert_true(unpack.failed);
    unpack = ms_unpack_of(above, sizeof above);
    assert_int_equal(ms_unpack_u64(&unpack), 0);
    assert_true(unpack.failed);
    unpack = ms_unpack_of(length, sizeof length);
    size_t bytes;
    ms_unpack_text(&unpack, &bytes);
    assert_true(unpack.failed);
    unpack = ms_unpack_of("\x05\x05", 2);
    assert_int_equal(ms_unpack_upto(&unpack, 5), 5);
    assert_int_equal(ms_unpack_upto(&unpack, 4), 0);
    assert_true(unpack.failed);
    unpack = ms_unpack_of(NULL, 0);
    assert_true(ms_unpack_done(&unpack));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_come_back),
        cmocka_unit_test(test_written_form),
        cmocka_unit_test(test_cut_anywhere_fails_and_stays_failed),
        cmocka_unit_test(test_too_large_numbers_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
