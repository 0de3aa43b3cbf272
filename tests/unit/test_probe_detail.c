/*
 * Histograms and estimates of contexts, written by the probe and read by the viewer's reader: what
 * goes in comes out, class by class, also when there is no room for it.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collect/region_reader.h"
#include "probe/context.h"
#include "probe/event.h"
#include "probe_region.h"

#define REMOTE_THREADS 4u
#define REMOTE_ROUNDS  2000u

static const uint64_t size_bounds[MS_SIZE_CLASSES] = MS_SIZE_CLASS_BOUNDS;
static struct ms_thread_state *thread;
static struct ms_region_view view;
static uint32_t details_capacity;

/* The context of the running test; all events of the thread are counted in it. */
static uint32_t context_index;
static struct ms_region_context *context;

static int start(void **state)
{
    (void)state;
    static const struct ms_tracking tracking = {.mode = MS_MODE_COUNT_ONLY, .stack_depth = 8};
    thread = probe_region_start(&tracking);
    if (thread == NULL) {
        return -1;
    }
    details_capacity = ms_region->areas[MS_AREA_DETAILS].capacity;
    const struct ms_region_mapping mapping = {(const unsigned char *)ms_region,
                                              ms_region->file_bytes};
    return ms_region_view_init(&view, &mapping, 0);
}

static void use_context(uint8_t rate)
{
    static uint32_t stack;
    context_index = ms_context_of(thread, ++stack, rate);
    assert_int_not_equal(context_index, 0);
    context = ms_area_at(MS_AREA_CONTEXTS, context_index);
    thread->root_context = context_index;
}

/* Every test has a context of its own, and room for details. */
static int begin(void **state)
{
    (void)state;
    ms_region->areas[MS_AREA_DETAILS].capacity = details_capacity;
    atomic_store(&ms_region->losses.details_missing, 0);
    use_context(0);
    return 0;
}

static void fill_details(void)
{
    struct ms_region_area *area = &ms_region->areas[MS_AREA_DETAILS];
    area->capacity = atomic_load(&area->taken);
}

static uint64_t missing(void)
{
    return atomic_load(&ms_region->losses.details_missing);
}

static struct ms_region_context_copy as_read(void)
{
    struct ms_region_context_copy copy;
    assert_true(ms_region_view_context(&view, context_index, 1, &copy));
    return copy;
}

/* Addresses that nobody has stand for the blocks. */
static void *take(uint64_t bytes)
{
    static uintptr_t next;
    static const struct ms_caller nobody;
    void *block = (void *)(next += 16);
    ms_block_allocated(thread, &nobody, block, bytes, MS_BLOCK_MALLOC);
    return block;
}

/* Taken and freed `ticks` later. */
static void lives(uint64_t bytes, uint32_t ticks)
{
    thread->tracking.events_until_look = INT32_MAX;
    void *block = take(bytes);
    thread->tracking.tick = (thread->tracking.tick + ticks) & MS_TAG_TICK_MASK;
    ms_block_freed(thread, block, NULL);
}

static void size_classes_end_at_their_bounds(void **state)
{
    (void)state;
    assert_int_equal(ms_size_class(0), 0);
    assert_int_equal(ms_size_class(1), 0);
    for (unsigned c = 0; c < MS_SIZE_CLASSES; c++) {
        uint64_t bound = size_bounds[c];
        assert_int_equal(ms_size_class(bound), c);
        if (c + 1 < MS_SIZE_CLASSES) {
            assert_int_equal(ms_size_class(bound + 1), c + 1);
            assert_int_equal(ms_size_class(bound - 1), c);
        }
    }
    for (uint64_t bytes = 0; bytes < 300000; bytes++) {
        unsigned c = 0;
        while (size_bounds[c] < bytes) {
            c++;
        }
        assert_int_equal(ms_size_class(bytes), c);
    }
}

static void lifetime_classes_end_at_powers_of_4(void **state)
{
    (void)state;
    assert_int_equal(ms_lifetime_class(0), 0);
    for (unsigned c = 1; c < MS_LIFETIME_CLASSES; c++) {
        uint32_t bound = UINT32_C(1) << 2 * (c - 1);
        assert_int_equal(ms_lifetime_class(bound), c);
        assert_int_equal(ms_lifetime_class(bound - 1), c - 1);
        assert_int_equal(ms_lifetime_class(bound + bound / 2), c);
    }
    assert_int_equal(ms_lifetime_class(MS_TAG_TICK_MASK), MS_LIFETIME_CLASSES - 1);
}

/* Events of one class need no detail; the class of the first event is what all are taken for. */
static void one_class_needs_no_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        lives(17 + i % 16, 4 + i % 12);
    }
    assert_int_equal(context->size_home, ms_size_class(17) + 1);
    assert_int_equal(context->lifetime_home, ms_lifetime_class(4) + 1);
    assert_int_equal(context->sizes, 0);
    assert_int_equal(atomic_load(&context->lifetimes), 0);
    struct ms_region_context_copy copy = as_read();
    assert_int_equal(copy.sizes.events[ms_size_class(17)], 50);
    assert_int_equal(copy.lifetimes.events[ms_lifetime_class(4)], 50);
}

/* From the second class on a detail counts; home is what the others leave of all events. */
static void second_class_leaves_the_rest_to_home(void **state)
{
    (void)state;
    uint64_t sizes[MS_SIZE_CLASSES] = {0};
    uint64_t lifetimes[MS_LIFETIME_CLASSES] = {0};
    for (unsigned i = 0; i < 500; i++) {
        /* Home alone at first, then in between. */
        uint64_t bytes = i < 20 || i % 5 == 0 ? 100 : size_bounds[i % (MS_SIZE_CLASSES - 1)];
        uint32_t ticks = i < 30 || i % 7 == 0 ? 20 : UINT32_C(1) << i % 27;
        lives(bytes, ticks);
        sizes[ms_size_class(bytes)]++;
        lifetimes[ms_lifetime_class(ticks)]++;
        struct ms_region_context_copy copy = as_read();
        for (unsigned c = 0; c < MS_SIZE_CLASSES; c++) {
            assert_int_equal(copy.sizes.events[c], sizes[c]);
        }
        for (unsigned c = 0; c < MS_LIFETIME_CLASSES; c++) {
            assert_int_equal(copy.lifetimes.events[c], lifetimes[c]);
        }
    }
    assert_int_equal(missing(), 0);
    assert_int_equal(context->size_home, ms_size_class(100) + 1);
    assert_int_not_equal(context->sizes, (uint32_t)atomic_load(&context->lifetimes));
}

static uint64_t sum_of(const struct ms_histogram *histogram)
{
    uint64_t sum = 0;
    for (unsigned c = 0; c < sizeof histogram->events / sizeof *histogram->events; c++) {
        sum += histogram->events[c];
    }
    return sum;
}

/* Without room: each histogram that there is no room for is counted once, and none is made up. */
static void full_area_is_said(void **state)
{
    (void)state;
    fill_details();
    for (unsigned i = 0; i < 10; i++) {
        lives(100, 20);
    }
    struct ms_region_context_copy copy = as_read();
    assert_int_equal(copy.sizes.events[ms_size_class(100)], 10);
    assert_int_equal(missing(), 0);
    lives(5000, 20);
    assert_int_equal(missing(), 1);
    lives(5000, 2000);
    lives(100, 20);
    assert_int_equal(missing(), 2);
    assert_int_equal(context->sizes, MS_DETAIL_NONE_LEFT);
    copy = as_read();
    assert_int_equal(sum_of(&copy.sizes), 0);
    assert_int_equal(sum_of(&copy.lifetimes), 0);
    assert_int_equal(copy.allocations, 13);
    /* Room that comes later is not taken: what was missed would be put down to home. */
    ms_region->areas[MS_AREA_DETAILS].capacity = details_capacity;
    lives(5000, 2000);
    assert_int_equal(missing(), 2);
}

struct remote_thread {
    void *blocks[REMOTE_ROUNDS];
    unsigned number;
    uint32_t tick;
};

static pthread_barrier_t all_ready;

static uint32_t remote_age(unsigned number, unsigned round)
{
    return UINT32_C(1) << 2 * ((number + 7 + round / 30) % (MS_LIFETIME_CLASSES - 1));
}

static void *free_remotely(void *argument)
{
    struct remote_thread *remote = argument;
    struct ms_thread_state *state = ms_thread_enter();
    state->tracking.events_until_look = INT32_MAX;
    (void)pthread_barrier_wait(&all_ready);
    for (unsigned round = 0; round < REMOTE_ROUNDS; round++) {
        state->tracking.tick = remote->tick + remote_age(remote->number, round);
        ms_block_freed(state, remote->blocks[round], NULL);
    }
    ms_thread_exiting();
    return NULL;
}

static void free_by_many(uint64_t lifetimes[MS_LIFETIME_CLASSES])
{
    static struct remote_thread remotes[REMOTE_THREADS];
    pthread_t threads[REMOTE_THREADS];
    assert_int_equal(pthread_barrier_init(&all_ready, NULL, REMOTE_THREADS), 0);
    thread->tracking.events_until_look = INT32_MAX;
    thread->tracking.tick = 0;
    for (unsigned number = 0; number < REMOTE_THREADS; number++) {
        remotes[number].number = number;
        remotes[number].tick = thread->tracking.tick;
        for (unsigned round = 0; round < REMOTE_ROUNDS; round++) {
            remotes[number].blocks[round] = take(100);
            lifetimes[ms_lifetime_class(remote_age(number, round))]++;
        }
    }
    for (unsigned number = 0; number < REMOTE_THREADS; number++) {
        assert_int_equal(pthread_create(&threads[number], NULL, free_remotely, &remotes[number]),
                         0);
    }
    for (unsigned number = 0; number < REMOTE_THREADS; number++) {
        pthread_join(threads[number], NULL);
    }
    pthread_barrier_destroy(&all_ready);
}

/* Several threads free blocks of one context at once; the owner frees some, too. */
static void lifetimes_of_remote_frees_add_up(void **state)
{
    (void)state;
    for (unsigned repeat = 0; repeat < 5; repeat++) {
        uint64_t lifetimes[MS_LIFETIME_CLASSES] = {0};
        use_context(0);
        free_by_many(lifetimes);
        for (unsigned i = 0; i < 10; i++) {
            lives(100, i % 2 == 0 ? 5 : 0);
            lifetimes[i % 2 == 0 ? ms_lifetime_class(5) : 0]++;
        }
        struct ms_region_context_copy copy = as_read();
        assert_int_equal(copy.deallocations, copy.allocations);
        for (unsigned c = 0; c < MS_LIFETIME_CLASSES; c++) {
            assert_int_equal(copy.lifetimes.events[c], lifetimes[c]);
        }
        assert_int_not_equal(atomic_load(&context->remote_lifetimes) & MS_REMOTE_DETAIL_NONE_LEFT,
                             0);
    }
    assert_int_equal(missing(), 0);
}

static void full_area_is_said_of_remote_frees(void **state)
{
    (void)state;
    uint64_t lifetimes[MS_LIFETIME_CLASSES] = {0};
    fill_details();
    free_by_many(lifetimes);
    assert_in_range(missing(), 1, REMOTE_THREADS); /* threads that find out at once */
    struct ms_region_context_copy copy = as_read();
    assert_int_equal(sum_of(&copy.lifetimes), 0);
    assert_int_equal(copy.deallocations, REMOTE_THREADS * REMOTE_ROUNDS);
}

static uint8_t rate_of(uint64_t rate)
{
    static uint8_t index;
    atomic_store(&ms_region->rates[++index], rate);
    return index;
}

/* What blocks stand for: `interval` bytes or blocks each, the large ones for themselves. */
static void sampled_block_stands_for_others(void **state)
{
    (void)state;
    use_context(rate_of(1000));
    ms_estimate_allocated(context, 100);
    struct ms_region_context_copy copy = as_read();
    assert_int_equal(copy.estimate.bytes_allocated, 1000);
    assert_true(copy.estimate.allocations == 10);
    ms_estimate_allocated(context, 500);
    ms_estimate_allocated(context, 70000);
    copy = as_read();
    assert_int_equal(copy.estimate.bytes_allocated, 1000 + 500 + 70000);
    assert_true(copy.estimate.allocations == 12);
    ms_estimate_allocated(context, 499); /* 1000 / 499 blocks, to 1 / 1024 of one */
    copy = as_read();
    assert_int_equal(copy.estimate.bytes_allocated, 1000 + 500 + 70000 + 1000);
    assert_true(copy.estimate.allocations == 12 + 2052.0 / 1024);
    ms_estimate_allocated(context, 0); /* taken as one byte, and has none */
    copy = as_read();
    assert_int_equal(copy.estimate.bytes_allocated, 1000 + 500 + 70000 + 1000);
    assert_true(copy.estimate.allocations == 1012 + 2052.0 / 1024);
    use_context(rate_of(MS_RATE_ALLOCATIONS | 7));
    ms_estimate_allocated(context, 0);
    ms_estimate_allocated(context, 100);
    ms_estimate_allocated(context, 70000);
    copy = as_read();
    assert_int_equal(copy.estimate.bytes_allocated, 7 * (100 + 70000));
    assert_true(copy.estimate.allocations == 21);
}

/* Whoever frees it: a block is taken off with what it was entered for, whatever its size. */
static void estimates_balance_for_every_size(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 1000, 1001, MS_RATE_ALLOCATIONS | 1,
                                     MS_RATE_ALLOCATIONS | 10};
    for (unsigned i = 0; i < 5; i++) {
        use_context(rate_of(rates[i]));
        for (uint64_t bytes = 0; bytes < 2100; bytes++) {
            struct ms_region_context_copy before = as_read();
            ms_estimate_allocated(context, bytes);
            ms_estimate_allocated(context, bytes);
            ms_estimate_freed(context, bytes);
            ms_estimate_freed_remotely(context, bytes);
            struct ms_region_context_copy copy = as_read();
            assert_int_equal(copy.estimate.bytes_allocated, copy.estimate.bytes_freed);
            assert_true(copy.estimate.allocations == copy.estimate.deallocations);
            assert_true(copy.estimate.allocations >= before.estimate.allocations + 2);
            assert_true(copy.estimate.bytes_allocated >=
                        before.estimate.bytes_allocated + 2 * bytes);
        }
    }
}

static void full_area_is_said_of_estimates(void **state)
{
    (void)state;
    fill_details();
    use_context(rate_of(1000));
    lives(100, 0);
    assert_int_equal(missing(), 1);
    struct ms_region_context_copy copy = as_read();
    assert_int_equal(copy.allocations, 1);
    assert_int_equal(copy.estimate.bytes_allocated, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(size_classes_end_at_their_bounds, begin),
        cmocka_unit_test_setup(lifetime_classes_end_at_powers_of_4, begin),
        cmocka_unit_test_setup(one_class_needs_no_room, begin),
        cmocka_unit_test_setup(second_class_leaves_the_rest_to_home, begin),
        cmocka_unit_test_setup(full_area_is_said, begin),
        cmocka_unit_test_setup(lifetimes_of_remote_frees_add_up, begin),
        cmocka_unit_test_setup(full_area_is_said_of_remote_frees, begin),
        cmocka_unit_test_setup(sampled_block_stands_for_others, begin),
        cmocka_unit_test_setup(estimates_balance_for_every_size, begin),
        cmocka_unit_test_setup(full_area_is_said_of_estimates, begin),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
