/* Structs as tables of fields: what changed is written, read back, and mapped between versions. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record_coverage.h"

#include "record/fields.h"

struct part {
    uint64_t calls;
    double wait_ns;
};

struct thing {
    uint32_t id;
    bool known;
    char state;
    int32_t core;
    int64_t balance;
    uint16_t port;
    char name[16];
    struct part parts[3];
    float load[2];
    enum { RED, GREEN, BLUE } colour;
    void *pointer;
};

#define F(member) MS_FIELD(struct thing, member)
static const struct ms_field rows[] = {
    F(id),
    F(known),
    F(state),
    F(core),
    F(balance),
    F(port),
    F(name),
    MS_FIELD_EACH(struct thing, parts, calls),
    MS_FIELD_EACH(struct thing, parts, wait_ns),
    MS_FIELD_ARRAY(struct thing, load),
    MS_FIELD_ENUM(struct thing, colour, BLUE + 1),
};
static const struct ms_left_out left_out[] = {
    MS_LEFT_OUT(struct thing, pointer, "says nothing to another process"),
};
static const struct ms_fields fields = MS_FIELDS(struct thing, "thing", rows, left_out);

static const struct thing example = {
    .id = UINT32_MAX,
    .known = true,
    .state = 'R',
    .core = -1,
    .balance = INT64_MIN,
    .port = 65535,
    .name = "worker",
    .parts = {{1, 0.5}, {UINT64_MAX, -0.0}, {3, 1e300}},
    .load = {1.5f, -2},
    .colour = BLUE,
};

static struct ms_fields_map *map_between(const struct ms_fields *in_file,
                                         const struct ms_fields *ours)
{
    struct ms_pack pack = {0};
    int error;
    ms_fields_describe(&pack, in_file);
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    struct ms_fields_map *map = ms_fields_map_new(&unpack, ours, &error);
    assert_int_equal(error, 0);
    assert_non_null(map);
    assert_true(ms_unpack_done(&unpack) && !unpack.failed);
    ms_pack_free(&pack);
    return map;
}

/* Writes a change by one table and reads it by another. */
static void carry(const struct ms_fields *from, const void *before, const void *now,
                  const struct ms_fields *to, void *out)
{
    struct ms_pack pack = {0};
    struct ms_fields_map *map = map_between(from, to);
    (void)ms_fields_write(&pack, from, before, now);
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    assert_int_equal(ms_fields_read(&unpack, map, out), 0);
    assert_true(unpack.at == unpack.end);
    ms_fields_map_free(map);
    ms_pack_free(&pack);
}

static void fail_on_difference(void *context, const struct ms_field *field, uint32_t element)
{
    (void)context;
    fail_msg("%s of element %u differs", field->name, element);
}

static void test_everything_comes_back_from_nothing(void **state)
{
    (void)state;
    struct thing out = {.pointer = &out, .id = 77, .name = "old"};
    struct ms_fields_map *map = map_between(&fields, &fields);
    ms_fields_begin(map, &out);
    ms_fields_map_free(map);
    carry(&fields, NULL, &example, &fields, &out);
    assert_int_equal(ms_fields_compare(&fields, &example, &out, fail_on_difference, NULL), 0);
    assert_ptr_equal(out.pointer, &out);
    assert_true(signbit(out.parts[1].wait_ns)); /* bits, not values */
}

/* Found by words or field by field: the same bytes, and the shadow is what was written. */
static void test_an_index_writes_the_same(void **state)
{
    (void)state;
    struct ms_fields_index *index = ms_fields_index_new(&fields);
    struct thing now = example;
    struct thing shadow = {0};
    for (int round = 0; round < 4; round++) {
        struct ms_pack expected[2] = {{0}};
        struct ms_pack written[2] = {{0}};
        const size_t changed = ms_fields_write(&expected[0], &fields, &shadow, &now);
        const size_t all = ms_fields_write(&expected[1], &fields, NULL, &now);
        assert_int_equal(ms_fields_write_by(&written[0], index, &shadow, &now), changed);
        assert_int_equal(ms_fields_write_whole_by(&written[1], index, &now), all);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(written[i].used, expected[i].used);
            assert_memory_equal(written[i].bytes, expected[i].bytes, expected[i].used);
            ms_pack_free(&expected[i]);
            ms_pack_free(&written[i]);
        }
        assert_int_equal(ms_fields_compare(&fields, &shadow, &now, fail_on_difference, NULL), 0);
        now.balance += round;
        now.port = (uint16_t)(now.port * 7);
        now.parts[round % 3].wait_ns = -1.5;
        now.load[1] = NAN;
        now.name[round] = '\0';
        now.pointer = &now; /* no field */
    }
    ms_fields_index_free(index);
}

static void test_only_what_differs_is_written(void **state)
{
    (void)state;
    struct ms_pack pack = {0};
    struct thing now = example;
    assert_int_equal(ms_fields_write(&pack, &fields, &example, &now), 0);
    assert_int_equal(pack.used, 1); /* the 0 at the end */
    now.parts[2].calls += 5;
    now.port = 1;                 /* wraps around: a difference of -65534 */
    memset(now.name + 8, 'x', 4); /* behind the end of the text */
    ms_pack_clear(&pack);
    assert_int_equal(ms_fields_write(&pack, &fields, &example, &now), 2);
    assert_in_range(pack.used, 5, 8);
    ms_pack_free(&pack);

    struct thing out = example;
    carry(&fields, &example, &now, &fields, &out);
    assert_int_equal(out.parts[2].calls, 8);
    assert_int_equal(out.parts[1].calls, UINT64_MAX);
    assert_int_equal(out.port, 1);
    assert_string_equal(out.name, "worker");
}

static void test_bits_of_nan_are_kept_and_any_two_are_the_same(void **state)
{
    (void)state;
    struct thing now = example;
    const uint64_t bits = UINT64_C(0x7ff8000000abcdef);
    memcpy(&now.parts[0].wait_ns, &bits, sizeof bits);
    now.load[1] = NAN;
    struct thing out = example;
    carry(&fields, &example, &now, &fields, &out);
    assert_memory_equal(&out.parts[0].wait_ns, &bits, sizeof bits);
    assert_true(isnan(out.load[1]));
    out.parts[0].wait_ns = (double)NAN;
    assert_int_equal(ms_fields_compare(&fields, &now, &out, fail_on_difference, NULL), 0);
}

struct seen {
    const char *name;
    uint32_t element;
};

static void note(void *context, const struct ms_field *field, uint32_t element)
{
    *(struct seen *)context = (struct seen){field->name, element};
}

static void test_comparison_names_field_and_element(void **state)
{
    (void)state;
    struct thing other = example;
    struct seen seen = {0};
    other.parts[1].wait_ns = 3;
    assert_int_equal(ms_fields_compare(&fields, &example, &other, note, &seen), 1);
    assert_string_equal(seen.name, "parts[].wait_ns");
    assert_int_equal(seen.element, 1);
}

/* The same kind of thing in a later version. */
struct later {
    double share; /* new */
    char name[4]; /* shorter */
    uint64_t id;  /* wider, moved */
    int32_t balance;
    struct part parts[5]; /* two more */
    uint32_t state_now;   /* renamed */
    double load[1];       /* more precise, one less */
    char port[8];         /* of another sort */
    float fresh;
};
#define L(member) MS_FIELD(struct later, member)
static const struct ms_field later_rows[] = {
    L(share),
    L(name),
    L(id),
    L(balance),
    MS_FIELD_EACH(struct later, parts, wait_ns),
    MS_FIELD_EACH(struct later, parts, calls),
    L(state_now),
    MS_FIELD_ARRAY(struct later, load),
    L(port),
    L(fresh),
};
static const struct ms_fields later_fields = MS_FIELDS_ALL(struct later, "thing", later_rows);

static void test_a_later_version_takes_what_both_know(void **state)
{
    (void)state;
    struct later out;
    memset(&out, 0xee, sizeof out);
    struct ms_fields_map *map = map_between(&fields, &later_fields);
    ms_fields_begin(map, &out);
    ms_fields_map_free(map);
    carry(&fields, NULL, &example, &later_fields, &out);
    assert_true(isnan(out.share) && isnan(out.fresh));
    assert_string_equal(out.name, "wor");
    assert_int_equal(out.id, UINT32_MAX);
    assert_int_equal(out.balance, 0); /* the lower half of INT64_MIN */
    assert_int_equal(out.parts[2].calls, 3);
    assert_true(out.parts[2].wait_ns == 1e300);
    assert_int_equal(out.parts[4].calls, 0);
    assert_true(isnan(out.parts[4].wait_ns));
    assert_int_equal(out.state_now, 0);
    assert_true(out.load[0] == 1.5);
    assert_string_equal(out.port, "");

    struct thing now = example;
    now.id = 5; /* less than before: the difference is right in 64 bits, too */
    carry(&fields, &example, &now, &later_fields, &out);
    assert_int_equal(out.id, 5);
}

static void test_an_earlier_version_skips_what_it_does_not_know(void **state)
{
    (void)state;
    struct later now = {
        .share = 1, .name = "abc", .id = 9, .parts = {{1, 1}, {2, 2}, {3, 3}, {4, 4}}};
    now.fresh = 2;
    struct thing out = {0};
    carry(&later_fields, NULL, &now, &fields, &out);
    assert_int_equal(out.id, 9);
    assert_string_equal(out.name, "abc");
    assert_int_equal(out.parts[2].calls, 3);
}

static void test_text_is_left_with_its_end(void **state)
{
    (void)state;
    struct thing now = example;
    memset(now.name, 'y', sizeof now.name);
    struct thing out = example;
    carry(&fields, &example, &now, &fields, &out);
    assert_string_equal(out.name, "yyyyyyyyyyyyyyy");
}

static void test_values_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    const uint8_t two = 2;
    struct thing now = example;
    memcpy(&now.known, &two, 1);
    const struct ms_field wrong[] = {F(id), MS_FIELD_UPTO(struct thing, known, 0)};
    const struct ms_fields wrong_fields = MS_FIELDS_ALL(struct thing, "thing", wrong);
    struct ms_pack pack = {0};
    struct thing out = {0};
    struct ms_fields_map *map = map_between(&wrong_fields, &fields);
    (void)ms_fields_write(&pack, &wrong_fields, NULL, &now);
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    assert_int_equal(ms_fields_read(&unpack, map, &out), -EBADMSG);
    assert_false(out.known);
    ms_fields_map_free(map);
    ms_pack_free(&pack);
}

/* Every prefix and every changed byte of a description and of a change: an error or a value. */
static void test_hostile_bytes(void **state)
{
    (void)state;
    struct ms_pack description = {0};
    struct ms_pack change = {0};
    ms_fields_describe(&description, &fields);
    (void)ms_fields_write(&change, &fields, NULL, &example);
    for (size_t at = 0; at < description.used; at++) {
        int error;
        uint8_t *copy = malloc(description.used);
        assert_non_null(copy);
        memcpy(copy, description.bytes, description.used);
        struct ms_unpack unpack = ms_unpack_of(copy, at);
        assert_null(ms_fields_map_new(&unpack, &fields, &error));
        assert_int_equal(error, -EBADMSG);
        copy[at] ^= 0x80;
        unpack = ms_unpack_of(copy, description.used);
        ms_fields_map_free(ms_fields_map_new(&unpack, &fields, &error));
        free(copy);
    }
    struct ms_fields_map *map = map_between(&fields, &fields);
    for (size_t at = 0; at < change.used; at++) {
        for (unsigned value = 0; value < 256; value += 15) {
            struct thing out = {0};
            uint8_t *copy = malloc(change.used);
            assert_non_null(copy);
            memcpy(copy, change.bytes, change.used);
            struct ms_unpack unpack = ms_unpack_of(copy, at);
            assert_int_equal(ms_fields_read(&unpack, map, &out), -EBADMSG);
            out = (struct thing){0};
            copy[at] = (uint8_t)value;
            unpack = ms_unpack_of(copy, change.used);
            (void)ms_fields_read(&unpack, map, &out);
            assert_int_equal(out.name[sizeof out.name - 1], 0);
            assert_in_range(out.colour, RED, BLUE);
            free(copy);
        }
    }
    ms_fields_map_free(map);
    ms_pack_free(&description);
    ms_pack_free(&change);
}

static void test_description_of_too_many_elements_is_refused(void **state)
{
    (void)state;
    struct ms_pack pack = {0};
    int error;
    ms_pack_text(&pack, "thing", 5);
    ms_pack_u64(&pack, 2);
    for (int i = 0; i < 2; i++) {
        ms_pack_text(&pack, i == 0 ? "id" : "di", 2);
        ms_pack_text(&pack, "u32", 3);
        ms_pack_u64(&pack, 60000);
    }
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    assert_null(ms_fields_map_new(&unpack, &fields, &error));
    assert_int_equal(error, -EBADMSG);
    ms_pack_free(&pack);
}

/* Else a thing that has it 60,000 times would take as long as so many. */
static void test_description_that_tells_a_field_twice_is_refused(void **state)
{
    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        struct ms_pack pack = {0};
        int error;
        ms_pack_text(&pack, "thing", 5);
        ms_pack_u64(&pack, 2);
        for (int i = 0; i < 2; i++) {
            ms_pack_text(&pack, i == 0 || twice != 0 ? "id" : "di", 2);
            ms_pack_text(&pack, "u32", 3);
            ms_pack_u64(&pack, 1);
        }
        struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
        ms_fields_map_free(ms_fields_map_new(&unpack, &fields, &error));
        assert_int_equal(error, twice != 0 ? -EBADMSG : 0);
        ms_pack_free(&pack);
    }
}

static void test_a_member_without_a_row_is_found(void **state)
{
    (void)state;
    assert_int_equal(first_not_covered(&fields), SIZE_MAX);
    struct ms_fields forgotten = fields;
    forgotten.left_out_count = 0;
    assert_in_range(first_not_covered(&forgotten), offsetof(struct thing, colour) + 4,
                    offsetof(struct thing, pointer)); /* padding is not told from what follows */
    struct ms_field without_balance[sizeof rows / sizeof rows[0] - 1];
    memcpy(without_balance, rows, 4 * sizeof rows[0]);
    memcpy(without_balance + 4, rows + 5, sizeof without_balance - 4 * sizeof rows[0]);
    forgotten = fields;
    forgotten.fields = without_balance;
    forgotten.count--;
    assert_in_range(first_not_covered(&forgotten), offsetof(struct thing, core) + 4,
                    offsetof(struct thing, balance));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_comes_back_from_nothing),
        cmocka_unit_test(test_an_index_writes_the_same),
        cmocka_unit_test(test_only_what_differs_is_written),
        cmocka_unit_test(test_bits_of_nan_are_kept_and_any_two_are_the_same),
        cmocka_unit_test(test_comparison_names_field_and_element),
        cmocka_unit_test(test_a_later_version_takes_what_both_know),
        cmocka_unit_test(test_an_earlier_version_skips_what_it_does_not_know),
        cmocka_unit_test(test_text_is_left_with_its_end),
        cmocka_unit_test(test_values_that_make_no_sense_are_refused),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_description_of_too_many_elements_is_refused),
        cmocka_unit_test(test_description_that_tells_a_field_twice_is_refused),
        cmocka_unit_test(test_a_member_without_a_row_is_found),
    };
    return cmocka_run_group_tests_name("record: fields", tests, NULL, NULL);
}
