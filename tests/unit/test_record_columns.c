/* Many things at once: whatever they hold is read back, and damage is found or does no harm. */
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

#include "record/columns.h"

struct thing {
    uint32_t id;
    bool known;
    int32_t core;
    int64_t balance;
    uint64_t calls[3];
    char name[16];
    double load;
    float share;
    uint8_t last;
};

#define F(member) MS_FIELD(struct thing, member)
static const struct ms_field rows[] = {
    F(id),   F(known), F(core),  F(balance), MS_FIELD_ARRAY(struct thing, calls),
    F(name), F(load),  F(share), F(last),
};
static const struct ms_fields fields = MS_FIELDS_ALL(struct thing, "thing", rows);
/* Of a version that knows less. */
static const struct ms_field few_rows[] = {F(id), F(balance), F(name)};
static const struct ms_fields few_fields = MS_FIELDS_ALL(struct thing, "thing", few_rows);

static uint64_t seed = 7;

static uint64_t draw(void)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return seed >> 20;
}

/* Nothing, alike, hardly any, steps, like another one, noise, the ends of what there is. */
static uint64_t number(unsigned sort, size_t i, uint64_t other)
{
    switch (sort) {
    case 0:
        return 0;
    case 1:
        return 12345;
    case 2:
        return draw() % 50 == 0 ? draw() : 0;
    case 3:
        return UINT64_C(1) << 40 | i * 1000;
    case 4:
        return other + draw() % 3;
    case 5:
        return draw() << 20 | draw();
    default:
        return draw() % 2 == 0 ? UINT64_MAX : (uint64_t)INT64_MIN;
    }
}

static void fill(struct thing *things, size_t count, unsigned round)
{
    memset(things, 0, count * sizeof *things);
    for (size_t i = 0; i < count; i++) {
        struct thing *thing = &things[i];
        thing->id = (uint32_t)number(round % 7, i, 0);
        thing->known = number(round / 2 % 7, i, 0) % 2 != 0;
        thing->balance = (int64_t)number(round / 3 % 7, i, thing->id);
        thing->core = (int32_t)number(round / 5 % 7, i, (uint64_t)thing->balance);
        for (unsigned k = 0; k < 3; k++) {
            thing->calls[k] = number((round + k) % 7, i, (uint64_t)thing->balance);
        }
        const uint64_t bits = number(round / 4 % 7, i, 1);
        memcpy(&thing->load, &bits, sizeof thing->load);
        thing->share = (float)number(round / 6 % 5, i, 2) / 3;
        thing->last = (uint8_t)number(round / 8 % 7, i, 3);
        if (round % 3 != 0) {
            memcpy(thing->name, round % 3 == 1 ? "worker" : &"abcdefghijklmnop"[i % 16],
                   round % 3 == 1 ? 6 : 1);
        }
    }
}

static struct ms_fields_map *map_to(const struct ms_fields *ours)
{
    struct ms_pack pack = {0};
    int error;
    ms_fields_describe(&pack, &fields);
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    struct ms_fields_map *map = ms_fields_map_new(&unpack, ours, &error);
    assert_non_null(map);
    ms_pack_free(&pack);
    return map;
}

static void write(struct ms_pack *pack, const struct thing *things, size_t count)
{
    const void *at[MS_COLUMN_THINGS];
    struct ms_columns *columns = ms_columns_new(&fields);
    assert_non_null(columns);
    for (size_t i = 0; i < count; i++) {
        at[i] = &things[i];
    }
    ms_columns_write(columns, pack, at, count);
    assert_false(pack->failed);
    ms_columns_free(columns);
}

static int read(struct ms_unpack *unpack, const struct ms_fields_map *map, struct thing *things,
                size_t count)
{
    void *at[MS_COLUMN_THINGS];
    for (size_t i = 0; i < count; i++) {
        memset(&things[i], 0xaa, sizeof things[i]);
        ms_fields_begin(map, &things[i]);
        at[i] = &things[i];
    }
    return ms_columns_read(unpack, map, at, count);
}

static void fail_on_difference(void *context, const struct ms_field *field, uint32_t element)
{
    fail_msg("round %u: %s of element %u differs", *(unsigned *)context, field->name, element);
}

static void test_everything_comes_back(void **state)
{
    static struct thing things[MS_COLUMN_THINGS];
    static struct thing out[MS_COLUMN_THINGS];
    struct ms_fields_map *map = map_to(&fields);
    struct ms_pack pack = {0};
    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        const size_t counts[] = {1, 2, 3, 63, 64, 65, 300, MS_COLUMN_THINGS};
        const size_t count = counts[round % 8];
        fill(things, count, round);
        ms_pack_clear(&pack);
        write(&pack, things, count);
        struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
        assert_int_equal(read(&unpack, map, out, count), 0);
        assert_true(unpack.at == unpack.end);
        for (size_t i = 0; i < count; i++) {
            (void)ms_fields_compare(&fields, &things[i], &out[i], fail_on_difference, &round);
        }
    }
    ms_pack_free(&pack);
    ms_fields_map_free(map);
}

static void test_what_is_alike_takes_next_to_nothing(void **state)
{
    static struct thing things[MS_COLUMN_THINGS];
    struct ms_pack pack = {0};
    (void)state;
    write(&pack, things, MS_COLUMN_THINGS);
    assert_int_equal(pack.used, 1);
    for (size_t i = 0; i < MS_COLUMN_THINGS; i++) {
        things[i] = (struct thing){.id = 300, .balance = -5, .name = "all", .load = 0.5};
    }
    ms_pack_clear(&pack);
    write(&pack, things, MS_COLUMN_THINGS);
    assert_in_range(pack.used, 1, 32);
    /* What grows by as much from one to the next, and what is as large as another: a byte each. */
    for (size_t i = 0; i < MS_COLUMN_THINGS; i++) {
        things[i].calls[0] = draw();
        things[i].calls[1] = things[i].calls[0] + 1;
        things[i].id = (uint32_t)(1000000 + i);
    }
    const size_t before = pack.used;
    ms_pack_clear(&pack);
    write(&pack, things, MS_COLUMN_THINGS);
    assert_in_range(pack.used, before + MS_COLUMN_THINGS * 8, before + MS_COLUMN_THINGS * 9);
    ms_pack_free(&pack);
}

static void test_a_reader_takes_what_it_knows(void **state)
{
    static struct thing things[MS_COLUMN_THINGS];
    static struct thing out[MS_COLUMN_THINGS];
    struct ms_fields_map *map = map_to(&few_fields);
    struct ms_pack pack = {0};
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        fill(things, 100, round);
        ms_pack_clear(&pack);
        write(&pack, things, 100);
        struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
        assert_int_equal(read(&unpack, map, out, 100), 0);
        assert_true(unpack.at == unpack.end);
        for (size_t i = 0; i < 100; i++) {
            (void)ms_fields_compare(&few_fields, &things[i], &out[i], fail_on_difference, &round);
            assert_int_equal(out[i].last, 0xaa);
        }
    }
    ms_pack_free(&pack);
    ms_fields_map_free(map);
}

/* A bool stays one whatever the bytes are, and nothing is read behind their end. */
static void test_hostile_bytes(void **state)
{
    static struct thing things[MS_COLUMN_THINGS];
    static struct thing out[MS_COLUMN_THINGS];
    struct ms_fields_map *map = map_to(&fields);
    struct ms_pack pack = {0};
    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        const size_t count = 1 + draw() % 70;
        fill(things, count, round);
        ms_pack_clear(&pack);
        write(&pack, things, count);
        const size_t left = draw() % 3 == 0 ? draw() % (pack.used + 1) : pack.used;
        uint8_t *copy = malloc(left + 1);
        memcpy(copy, pack.bytes, left);
        for (uint64_t changes = draw() % 4; changes > 0 && left > 0; changes--) {
            copy[draw() % left] = (uint8_t)draw();
        }
        struct ms_unpack unpack = ms_unpack_of(copy, left);
        const int error = read(&unpack, map, out, count);
        assert_true(error == 0 || error == -EBADMSG);
        for (size_t i = 0; i < count; i++) {
            uint8_t known;
            memcpy(&known, &out[i].known, sizeof known);
            assert_in_range(known, 0, 1);
        }
        free(copy);
    }
    ms_pack_free(&pack);
    ms_fields_map_free(map);
}

static void refuse(const uint8_t *bytes, size_t count)
{
    static struct thing out[4];
    struct ms_fields_map *map = map_to(&fields);
    struct ms_unpack unpack = ms_unpack_of(bytes, count);
    assert_int_equal(read(&unpack, map, out, 4), -EBADMSG);
    ms_fields_map_free(map);
}

static void test_forms_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    const uint8_t no_form[] = {1 << 3 | MS_COLUMN_FORM_TOTAL, 0};
    const uint8_t like_nothing[] = {1 << 3 | MS_COLUMN_LIKE, 1, 0, 0, 0, 0, 0};
    const uint8_t like_itself[] = {1 << 3 | MS_COLUMN_LIKE, 0, 0, 0, 0, 0, 0};
    const uint8_t too_many[] = {1 << 3 | MS_COLUMN_SOME, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
    const uint8_t twice[] = {1 << 3 | MS_COLUMN_SOME, 2, 1, 1, 0, 1, 0};
    const uint8_t no_element[] = {30 << 3 & 0xff, 1, MS_COLUMN_SAME, 1, 0};
    const uint8_t steps_of_text[] = {8 << 3 | MS_COLUMN_STEPS, 0, 0, 0, 0, 0, 0};
    const uint8_t steps_of_float[] = {9 << 3 | MS_COLUMN_STEPS, 0, 0, 0, 0, 0, 0};
    const uint8_t end_with_a_form[] = {MS_COLUMN_EACH};
    refuse(no_form, sizeof no_form);
    refuse(like_nothing, sizeof like_nothing);
    refuse(like_itself, sizeof like_itself);
    refuse(too_many, sizeof too_many);
    refuse(twice, sizeof twice);
    refuse(no_element, sizeof no_element);
    refuse(steps_of_text, sizeof steps_of_text);
    refuse(steps_of_float, sizeof steps_of_float);
    refuse(end_with_a_form, sizeof end_with_a_form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_comes_back),
        cmocka_unit_test(test_what_is_alike_takes_next_to_nothing),
        cmocka_unit_test(test_a_reader_takes_what_it_knows),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_forms_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests_name("record: columns", tests, NULL, NULL);
}
