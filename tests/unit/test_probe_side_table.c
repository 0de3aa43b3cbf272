/* The address table: nothing lost, nothing found twice, room used again, many threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/side_table.h"

#define BLOCKS  40000u
#define THREADS 4u
#define ROUNDS  60u

static struct ms_side_entry entry_for(uint32_t number)
{
    return (struct ms_side_entry){number + 1, number & 0xff, number * 3ull, number & 7};
}

static void insert(struct ms_side_table *table, uintptr_t block, uint32_t number)
{
    struct ms_side_entry entry = entry_for(number);
    assert_true(ms_side_table_insert(table, block, &entry));
}

static void remove_expecting(struct ms_side_table *table, uintptr_t block, uint32_t number)
{
    struct ms_side_entry want = entry_for(number);
    struct ms_side_entry found;
    assert_true(ms_side_table_remove(table, block, &found));
    assert_memory_equal(&found, &want, sizeof found);
    assert_false(ms_side_table_remove(table, block, &found));
}

static void grows_and_finds_all(void **state)
{
    (void)state;
    static struct ms_side_table table;
    struct ms_side_entry found;
    assert_false(ms_side_table_used(&table));
    assert_false(ms_side_table_remove(&table, 4096, &found));
    for (uint32_t i = 0; i < BLOCKS; i++) {
        insert(&table, 0x10000000 + (uintptr_t)i * 4096, i);
    }
    assert_true(ms_side_table_used(&table));
    for (uint32_t i = 0; i < BLOCKS; i++) {
        uint32_t number = (uint32_t)(i * UINT64_C(7919) % BLOCKS);
        remove_expecting(&table, 0x10000000 + (uintptr_t)number * 4096, number);
    }
    assert_false(ms_side_table_remove(&table, 0x10000000, &found));
}

/* What was taken out is remembered until its address is entered again. */
static void removed_block_is_remembered(void **state)
{
    (void)state;
    static struct ms_side_table table;
    uint32_t owner;
    assert_false(ms_side_table_removed(&table, 0, &owner));
    assert_false(ms_side_table_removed(&table, 0x5000, &owner));
    insert(&table, 0x5000, 41);
    assert_false(ms_side_table_removed(&table, 0x5000, &owner));
    remove_expecting(&table, 0x5000, 41);
    assert_true(ms_side_table_removed(&table, 0x5000, &owner));
    assert_int_equal(owner, 42);
    assert_false(ms_side_table_removed(&table, 0x6000, &owner));
    insert(&table, 0x5000, 43);
    assert_false(ms_side_table_removed(&table, 0x5000, &owner));
}

/* Blocks come and go for ever; the table stays as large as the most that lived at once. */
static void room_is_used_again(void **state)
{
    (void)state;
    static struct ms_side_table table;
    for (uint32_t i = 0; i < 100; i++) {
        insert(&table, 16 + (uintptr_t)i * 16, i);
    }
    uint32_t levels = atomic_load(&table.levels);
    for (uint32_t i = 0; i < 200000; i++) {
        remove_expecting(&table, 16 + (uintptr_t)i * 16, i);
        insert(&table, 16 + (uintptr_t)(i + 100) * 16, i + 100);
    }
    assert_int_equal(atomic_load(&table.levels), levels);
}

/* Freed past us and allocated again, for ever: one entry, the newest, and no growth. */
static void entering_again_replaces(void **state)
{
    (void)state;
    static struct ms_side_table table;
    for (uint32_t i = 0; i < 100000; i++) {
        insert(&table, 0x40000000 + (uintptr_t)(i % 10) * 4096, i);
    }
    assert_int_equal(atomic_load(&table.levels), 1);
    for (uint32_t i = 0; i < 10; i++) {
        remove_expecting(&table, 0x40000000 + (uintptr_t)i * 4096, 99990 + i);
    }
}

static struct ms_side_table shared;

static void *come_and_go(void *argument)
{
    uintptr_t base = ((uintptr_t)argument + 1) << 32;
    uintptr_t wrong = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < 500; i++) {
            struct ms_side_entry entry = entry_for(i + round);
            wrong += !ms_side_table_insert(&shared, base + i * 64, &entry);
        }
        for (uint32_t i = 0; i < 500; i++) {
            struct ms_side_entry found;
            wrong += !ms_side_table_remove(&shared, base + i * 64, &found);
            wrong += found.owner != entry_for(i + round).owner;
        }
    }
    return (void *)wrong;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, (void *)i), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

static _Atomic uint32_t winners;

static void *remove_the_same(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < 5000; i++) {
        struct ms_side_entry found;
        if (ms_side_table_remove(&shared, 0x7000000000 + (uintptr_t)i * 16, &found)) {
            atomic_fetch_add(&winners, 1);
        }
    }
    return NULL;
}

/* Two frees of one block at once: one of them owns it. */
static void one_of_two_gets_the_block(void **state)
{
    (void)state;
    pthread_t threads[2];
    for (uint32_t i = 0; i < 5000; i++) {
        insert(&shared, 0x7000000000 + (uintptr_t)i * 16, i);
    }
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, remove_the_same, NULL), 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&winners), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_finds_all),
        cmocka_unit_test(removed_block_is_remembered),
        cmocka_unit_test(room_is_used_again),
        cmocka_unit_test(entering_again_replaces),
        cmocka_unit_test(threads_do_not_disturb_each_other),
        cmocka_unit_test(one_of_two_gets_the_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
