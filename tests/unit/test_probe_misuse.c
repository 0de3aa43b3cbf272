/* The table of misuses: every one is counted once, by whoever saw it, or said to be missing. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "probe/account.h"
#include "probe/context.h"
#include "probe/map.h"
#include "probe/misuse.h"
#include "probe_region.h"

static struct ms_thread_state *thread;

static int start(void **state)
{
    (void)state;
    const struct ms_tracking tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32};
    thread = probe_region_start(&tracking);
    return thread == NULL ? -1 : 0;
}

static struct ms_region_misuse *table(uint32_t *count)
{
    *count = ms_region->areas[MS_AREA_MISUSES].capacity;
    return ms_area_at(MS_AREA_MISUSES, 0);
}

static void empty(void)
{
    uint32_t count;
    struct ms_region_misuse *all = table(&count);
    for (uint32_t i = 1; i < count; i++) {
        all[i] = (struct ms_region_misuse){0};
    }
    ms_region->losses.misuse_missing = 0;
    ms_region->misuses = 0;
}

/* Elements in use; their counts and bytes added up. */
static uint32_t used(uint64_t *counted, uint64_t *bytes)
{
    uint32_t count;
    const struct ms_region_misuse *all = table(&count);
    uint32_t elements = 0;
    *counted = *bytes = 0;
    for (uint32_t i = 1; i < count; i++) {
        elements += all[i].identity != 0;
        *counted += all[i].count;
        *bytes += all[i].bytes;
    }
    return elements;
}

static const struct ms_region_misuse *only_one(void)
{
    uint32_t count;
    const struct ms_region_misuse *all = table(&count);
    const struct ms_region_misuse *found = NULL;
    for (uint32_t i = 1; i < count; i++) {
        assert_true(all[i].identity == 0 || found == NULL);
        found = all[i].identity != 0 ? &all[i] : found;
    }
    assert_non_null(found);
    return found;
}

/* A block of the calling thread's whose context has this stack. */
static struct ms_block_claim block_of(uint32_t stack, enum ms_block_kind kind)
{
    uint32_t context = ms_context_of(thread, stack, 0);
    return (struct ms_block_claim){
        .known = true, .owner = {.context = context, .kind = kind, .requested_bytes = 10}};
}

static const struct ms_release by_free = {NULL, MS_RELEASER_FREE};

static void says_what_where_and_who(void **state)
{
    (void)state;
    empty();
    struct ms_block_claim claim = block_of(77, MS_BLOCK_NEW);
    assert_true(ms_misuse_is(&claim, MS_RELEASER_FREE));
    ms_misuse_seen(thread, &claim, &by_free);
    const struct ms_region_misuse *misuse = only_one();
    uint64_t first_ns = misuse->first_ns;
    ms_misuse_seen(thread, &claim, &by_free);
    assert_ptr_equal(only_one(), misuse);
    assert_int_equal(MS_MISUSE_KIND(misuse->identity), MS_MISUSED_OTHER_FAMILY);
    assert_int_equal(MS_MISUSE_BLOCK_KIND(misuse->identity), MS_BLOCK_NEW);
    assert_int_equal(MS_MISUSE_RELEASER(misuse->identity), MS_RELEASER_FREE);
    assert_int_equal(MS_MISUSE_ALLOCATED(misuse->identity), 77);
    assert_int_equal(MS_MISUSE_RELEASED(misuse->identity), 0);
    assert_int_equal(misuse->count, 2);
    assert_int_equal(misuse->samples, 2);
    assert_int_equal(misuse->bytes, 20);
    assert_int_equal(misuse->first_ns, first_ns);
    assert_in_range(misuse->last_ns, first_ns, UINT64_MAX);
    assert_int_equal(misuse->first_thread, (uint64_t)thread->index << 32 | thread->serial);
    assert_int_equal(ms_region->misuses, 2);
}

static void damage_comes_before_kind(void **state)
{
    (void)state;
    empty();
    struct ms_block_claim claim = block_of(77, MS_BLOCK_NEW);
    claim.owner.damaged = true;
    assert_true(ms_misuse_is(&claim, MS_RELEASER_DELETE));
    ms_misuse_seen(thread, &claim, &by_free);
    assert_int_equal(MS_MISUSE_KIND(only_one()->identity), MS_MISUSED_OVERRUN);
}

/* By whoever, a thread without a record too; the context may be another's since. */
static void freed_again(void **state)
{
    (void)state;
    empty();
    struct ms_block_claim claim = block_of(78, MS_BLOCK_MALLOC);
    claim.known = false;
    assert_false(ms_misuse_is(&claim, MS_RELEASER_FREE));
    claim.freed_before = true;
    assert_true(ms_misuse_is(&claim, MS_RELEASER_FREE));
    claim.owner.generation++;
    ms_misuse_seen(NULL, &claim, &by_free);
    assert_int_equal(MS_MISUSE_KIND(only_one()->identity), MS_MISUSED_FREED_AGAIN);
    assert_int_equal(MS_MISUSE_ALLOCATED(only_one()->identity), 0);
    assert_int_equal(only_one()->first_thread, 0);
    empty();
    atomic_store(&ms_wiped->blocks_unseen, 1);
    ms_misuse_seen(thread, &claim, &by_free);
    atomic_store(&ms_wiped->blocks_unseen, 0);
    uint64_t counted;
    uint64_t bytes;
    assert_int_equal(used(&counted, &bytes), 0);
}

static void full_table_is_said(void **state)
{
    (void)state;
    empty();
    uint32_t capacity;
    (void)table(&capacity);
    uint64_t counted;
    uint64_t bytes;
    for (uint32_t stack = 1; stack <= 2 * capacity; stack++) {
        struct ms_block_claim claim = block_of(stack, MS_BLOCK_NEW);
        ms_misuse_seen(thread, &claim, &by_free);
    }
    assert_in_range(used(&counted, &bytes), capacity * 9 / 10, capacity - 1);
    assert_int_equal(counted + ms_region->losses.misuse_missing, 2 * capacity);
    assert_int_equal(bytes, 10 * counted);
}

enum { THREADS = 4, ROUNDS = 20000, STACKS = 50 };
static struct ms_block_claim claims[STACKS];

static void *see_all(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        ms_misuse_seen(NULL, &claims[i % STACKS], &by_free);
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    empty();
    for (uint32_t i = 0; i < STACKS; i++) {
        claims[i] = block_of(i + 1, MS_BLOCK_NEW_ARRAY);
    }
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, see_all, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    uint64_t counted;
    uint64_t bytes;
    assert_int_equal(used(&counted, &bytes), STACKS);
    assert_int_equal(counted, THREADS * ROUNDS);
    assert_int_equal(bytes, 10 * THREADS * ROUNDS);
    assert_int_equal(ms_region->losses.misuse_missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_where_and_who),
        cmocka_unit_test(damage_comes_before_kind),
        cmocka_unit_test(freed_again),
        cmocka_unit_test(full_table_is_said),
        cmocka_unit_test(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
