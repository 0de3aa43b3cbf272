/* Tags: what is written is read back, and nothing else is taken for a tag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/tag.h"

#define KEY UINT64_C(0x1234567890abcdef)

static _Alignas(16) unsigned char memory[MS_TAG_USABLE_MAX + 64];

static void every_size_comes_back(void **state)
{
    (void)state;
    for (size_t requested = 0; requested <= MS_TAG_USABLE_MAX - MS_TAG_BYTES; requested += 13) {
        for (size_t slack = 0; slack < 40; slack += 9) {
            size_t usable = ((requested + slack + 7) & ~(size_t)7) + MS_TAG_BYTES;
            if (usable > MS_TAG_USABLE_MAX) {
                continue;
            }
            struct ms_tag_owner owner = {0};
            uint32_t context = ((uint32_t)requested * 2654435761u >> 10) | 1;
            uint32_t tick = (uint32_t)(requested * 40503u + slack) & MS_TAG_TICK_MASK;
            ms_tag_write(KEY, memory, usable, requested, ms_tag_owner_word(context, 0xc3),
                         MS_BLOCK_NEW, tick);
            assert_true(ms_tag_read(KEY, memory, usable, &owner));
            assert_int_equal(owner.context, context);
            assert_int_equal(owner.generation, 0xc3);
            assert_int_equal(owner.tick, tick);
            assert_int_equal(owner.requested_bytes, requested);
            assert_int_equal(owner.requested_bytes + owner.waste_bytes + MS_TAG_BYTES, usable);
            assert_int_equal(owner.kind, MS_BLOCK_NEW);
            assert_false(owner.damaged);
        }
    }
}

static void whole_slack_fits(void **state)
{
    (void)state;
    struct ms_tag_owner owner = {0};
    ms_tag_write(KEY, memory, MS_TAG_USABLE_MAX, 0, 7, MS_BLOCK_MALLOC, 0);
    assert_true(ms_tag_read(KEY, memory, MS_TAG_USABLE_MAX, &owner));
    assert_int_equal(owner.requested_bytes, 0);
    assert_int_equal(owner.waste_bytes, MS_TAG_USABLE_MAX - MS_TAG_BYTES);
}

static void other_key_place_or_size_is_no_tag(void **state)
{
    (void)state;
    struct ms_tag_owner owner = {0};
    ms_tag_write(KEY, memory, 64, 40, ms_tag_owner_word(99, 1), MS_BLOCK_MALLOC, 5);
    assert_false(ms_tag_read(KEY + 1, memory, 64, &owner));
    memcpy(memory + 80, memory, 64);
    assert_false(ms_tag_read(KEY, memory + 80, 64, &owner));
    assert_false(ms_tag_read(KEY, memory, 56, &owner));
    assert_false(ms_tag_read(KEY, memory, 72, &owner));
    assert_true(ms_tag_read(KEY, memory, 64, &owner));
}

static void cleared_is_none_and_saved_comes_back(void **state)
{
    (void)state;
    struct ms_tag_owner owner = {0};
    ms_tag_write(KEY, memory, 64, 40, ms_tag_owner_word(99, 1), MS_BLOCK_MALLOC, 5);
    struct ms_tag_words words = ms_tag_save(memory, 64);
    ms_tag_clear(memory, 64);
    assert_false(ms_tag_read(KEY, memory, 64, &owner));
    ms_tag_restore(memory, 64, &words);
    assert_true(ms_tag_read(KEY, memory, 64, &owner));
    assert_int_equal(owner.context, 99);
}

/* An overrun by up to two bytes leaves the owner and the size readable. */
static void small_overrun_is_seen_as_damage(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        struct ms_tag_owner owner = {0};
        ms_tag_write(KEY, memory, 64, 48, ms_tag_owner_word(99, 1), MS_BLOCK_MALLOC, 3);
        unsigned char before = memory[48];
        memory[48] = (unsigned char)value;
        assert_true(ms_tag_read(KEY, memory, 64, &owner));
        assert_int_equal(owner.requested_bytes, 48);
        assert_int_equal(owner.damaged, value != before);
    }
}

/* In each family what is compared is the kind, and in none of them the canary is forgotten. */
static void kinds_are_of_their_releasers(void **state)
{
    (void)state;
    static const bool belong[4][5] = {
        [MS_BLOCK_MALLOC] = {[MS_RELEASER_FREE] = true, [MS_RELEASER_REALLOC] = true},
        [MS_BLOCK_NEW] = {[MS_RELEASER_DELETE] = true},
        [MS_BLOCK_REALLOC] = {[MS_RELEASER_FREE] = true, [MS_RELEASER_REALLOC] = true},
        [MS_BLOCK_NEW_ARRAY] = {[MS_RELEASER_DELETE_ARRAY] = true},
    };
    for (uint32_t kind = 0; kind < 4; kind++) {
        uint32_t owner = ms_tag_owner_word(99 + kind, 1);
        uint64_t hash = ms_tag_hash(KEY, (uintptr_t)memory, owner, 8);
        ms_tag_write(KEY, memory, 64, 40, owner, (enum ms_block_kind)kind, 77);
        uint64_t first = *ms_tag_at(memory, 64);
        for (uint32_t releaser = 0; releaser <= MS_RELEASER_ANY; releaser++) {
            enum ms_releaser by = (enum ms_releaser)releaser;
            assert_int_equal(ms_tag_as_expected(first, hash, by),
                             by == MS_RELEASER_ANY || belong[kind][by]);
            assert_false(ms_tag_as_expected(first ^ 1, hash, by));
            assert_false(ms_tag_as_expected(first ^ 0x800, hash, by));
        }
    }
}

static void freed_block_is_known_and_none(void **state)
{
    (void)state;
    for (uint32_t context = 1; context < 200000; context++) {
        struct ms_tag_owner owner = {0};
        ms_tag_write(KEY, memory, 64, 41, ms_tag_owner_word(context, (uint8_t)context),
                     MS_BLOCK_NEW_ARRAY, context);
        assert_int_equal(ms_tag_read_otherwise(KEY, memory, 64, true, &owner) == MS_TAG_OF_FREED,
                         false);
        ms_tag_mark_freed(memory, 64);
        assert_false(ms_tag_read(KEY, memory, 64, &owner));
        assert_true(ms_tag_may_tell(ms_tag_at(memory, 64)[1]));
        assert_int_equal(ms_tag_read_otherwise(KEY, memory, 64, true, &owner), MS_TAG_OF_FREED);
        assert_int_equal(owner.context, context);
        assert_int_equal(owner.requested_bytes, 41);
        assert_int_equal(owner.kind, MS_BLOCK_NEW_ARRAY);
    }
}

/* Eight bytes past the end take the whole first word; of those that they were nothing is left. */
static void overwritten_tag_keeps_its_owner(void **state)
{
    (void)state;
    for (size_t requested = 0; requested <= 48; requested++) {
        struct ms_tag_owner owner = {0};
        ms_tag_write(KEY, memory, 64, requested, ms_tag_owner_word(99, 3), MS_BLOCK_NEW, 5);
        ms_tag_at(memory, 64)[0] = UINT64_C(0x4141414141414141);
        assert_false(ms_tag_read(KEY, memory, 64, &owner));
        assert_int_equal(ms_tag_read_otherwise(KEY, memory, 64, true, &owner), MS_TAG_OVERWRITTEN);
        assert_int_equal(owner.context, 99);
        assert_int_equal(owner.generation, 3);
        assert_int_equal(owner.requested_bytes, requested);
        assert_true(owner.damaged);
        assert_int_equal(ms_tag_read_otherwise(KEY, memory, 64, false, &owner), MS_TAG_NO_TRACE);
        ms_tag_at(memory, 64)[1] ^= 1;
        assert_int_equal(ms_tag_read_otherwise(KEY, memory, 64, true, &owner), MS_TAG_NO_TRACE);
    }
    memset(memory, 0, 64);
    struct ms_tag_owner owner;
    assert_int_equal(ms_tag_read_otherwise(KEY, memory, 64, true, &owner), MS_TAG_NO_TRACE);
}

/* The first word must never look like a chunk size to the allocator. */
static void first_word_is_no_chunk_size(void **state)
{
    (void)state;
    for (uint32_t context = 1; context < 5000; context++) {
        ms_tag_write(KEY, memory, 64, 48, ms_tag_owner_word(context, (uint8_t)context),
                     MS_BLOCK_NEW_ARRAY, context);
        assert_int_equal(*ms_tag_at(memory, 64) & 15, 9);
    }
}

static void random_bytes_are_no_tag(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    unsigned taken = 0;
    for (unsigned i = 0; i < 2000000; i++) {
        struct ms_tag_owner owner = {0};
        for (int word = 0; word < 2; word++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            ms_tag_at(memory, 64)[word] = word == 0 ? random & ~(UINT64_C(0xffff) << 48) : random;
        }
        taken += ms_tag_read(KEY, memory, 64, &owner);
        taken += ms_tag_read_otherwise(KEY, memory, 64, true, &owner) != MS_TAG_NO_TRACE;
    }
    /* 24 bits of check: 0.12 expected, three would be a broken hash. */
    assert_true(taken < 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_comes_back),
        cmocka_unit_test(whole_slack_fits),
        cmocka_unit_test(other_key_place_or_size_is_no_tag),
        cmocka_unit_test(cleared_is_none_and_saved_comes_back),
        cmocka_unit_test(small_overrun_is_seen_as_damage),
        cmocka_unit_test(kinds_are_of_their_releasers),
        cmocka_unit_test(freed_block_is_known_and_none),
        cmocka_unit_test(overwritten_tag_keeps_its_owner),
        cmocka_unit_test(first_word_is_no_chunk_size),
        cmocka_unit_test(random_bytes_are_no_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
