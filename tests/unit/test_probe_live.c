/*
 * Live bytes of the process, its peak, and who held it: what is published when, the beginning of
 * epochs, and what contexts say of the last one, as the viewer's reader reads it.
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
#include "wire/clock.h"

#define CONTEXTS         8u
#define OF_SECOND        6u /* contexts from here on are the second thread's */
#define BLOCKS           2000u
#define EVENTS           40000u
#define CONCURRENT       4u
#define CONCURRENT_STEPS 20000

static struct ms_thread_state *thread, *second;
static struct ms_region_view view;
static uint32_t context_index[CONTEXTS];

/* The state of a thread that ended without saying so: any thread may play it. */
static void *leave_state(void *argument)
{
    *(struct ms_thread_state **)argument = ms_thread_enter();
    return NULL;
}

static int start(void **state)
{
    (void)state;
    static const struct ms_tracking tracking = {.mode = MS_MODE_COUNT_ONLY, .stack_depth = 8};
    pthread_t other;
    thread = probe_region_start(&tracking);
    if (thread == NULL || pthread_create(&other, NULL, leave_state, &second) != 0 ||
        pthread_join(other, NULL) != 0 || second == NULL) {
        return -1;
    }
    const struct ms_region_mapping mapping = {(const unsigned char *)ms_region,
                                              ms_region->file_bytes};
    return ms_region_view_init(&view, &mapping, 0);
}

/* Every test: a process of one thread with nothing live, and fresh contexts. */
static int begin(void **state)
{
    (void)state;
    static uint32_t stack;
    struct ms_region_header *region = ms_region;
    atomic_store(&region->live_bytes, 0);
    atomic_store(&region->peak_bytes, 0);
    atomic_store(&region->epoch_bytes, 0);
    atomic_store(&region->epoch_ns, 0);
    atomic_store(&ms_wiped->threads_alive, 1);
    ms_live_begin();
    thread->unpublished_bytes = second->unpublished_bytes = 0;
    thread->publish_step_bytes = second->publish_step_bytes = 4096;
    thread->tracking.events_until_look = second->tracking.events_until_look = INT32_MAX;
    for (uint32_t i = 0; i < CONTEXTS; i++) {
        context_index[i] = ms_context_of(i < OF_SECOND ? thread : second, ++stack, 0);
        if (context_index[i] == 0) {
            return -1;
        }
    }
    return 0;
}

static int64_t live(void)
{
    return atomic_load(&ms_region->live_bytes);
}

static int64_t peak(void)
{
    return atomic_load(&ms_region->peak_bytes);
}

static uint32_t epoch(void)
{
    assert_int_equal(atomic_load(&ms_region->peak_epoch), atomic_load(&ms_wiped->peak_epoch));
    return atomic_load(&ms_region->peak_epoch);
}

static int64_t step(void)
{
    assert_int_equal(atomic_load(&ms_wiped->publish_step_bytes),
                     atomic_load(&ms_region->publish_step_bytes));
    return atomic_load(&ms_wiped->publish_step_bytes);
}

/* Addresses that nobody has stand for the blocks. */
static void *take(uint32_t number, uint64_t bytes)
{
    static uintptr_t next;
    static const struct ms_caller nobody;
    struct ms_thread_state *state = number < OF_SECOND ? thread : second;
    void *block = (void *)(next += 16);
    state->root_context = context_index[number];
    ms_block_allocated(state, &nobody, block, bytes, MS_BLOCK_MALLOC);
    return block;
}

static struct ms_region_context_copy as_read(uint32_t number)
{
    struct ms_region_context_copy copy;
    assert_true(ms_region_view_context(&view, context_index[number], epoch(), &copy));
    return copy;
}

static uint64_t at_peak(uint32_t number)
{
    return as_read(number).at_peak_bytes;
}

static void small_changes_are_kept_until_they_pass_the_step(void **state)
{
    (void)state;
    for (int64_t sign = 1; sign >= -1; sign -= 2) {
        int64_t before = live();
        ms_change_live(thread, (uint64_t)(4096 * sign));
        assert_int_equal(live(), before);
        assert_int_equal(thread->unpublished_bytes, 4096 * sign);
        ms_change_live(thread, (uint64_t)-sign);
        ms_change_live(thread, (uint64_t)sign);
        assert_int_equal(live(), before);
        ms_change_live(thread, (uint64_t)sign);
        assert_int_equal(live(), before + 4097 * sign);
        assert_int_equal(thread->unpublished_bytes, 0);
    }
    ms_change_live(thread, 10);
    ms_live_publish_thread(thread); /* as at the end of a thread */
    assert_int_equal(live(), 10);
    ms_live_publish(-10);
    assert_int_equal(live(), 0);
}

static void peak_is_the_highest_published(void **state)
{
    (void)state;
    ms_live_publish(100000);
    ms_live_publish(-50000);
    assert_int_equal(peak(), 100000);
    ms_live_publish(50000);
    assert_int_equal(peak(), 100000);
    ms_live_publish(1);
    assert_int_equal(peak(), 100001);
    ms_live_publish(-200000); /* blocks from before the first count */
    assert_int_equal(live(), -99999);
    assert_int_equal(peak(), 100001);
}

/* 0.1 % of the peak, shared by the threads; written only when it matters. */
static void step_follows_the_peak(void **state)
{
    (void)state;
    ms_live_publish(4000000);
    assert_int_equal(step(), 4096);
    ms_live_publish(4000000);
    assert_int_equal(step(), 8000);
    ms_live_publish(1000000);
    assert_int_equal(step(), 8000); /* not an eighth more */
    ms_live_publish(1000);
    assert_int_equal(step(), 9001);
    atomic_store(&ms_wiped->threads_alive, 2);
    ms_live_publish(1000);
    assert_int_equal(step(), 4501);
    atomic_store(&ms_wiped->threads_alive, 1000);
    ms_live_publish(1000);
    assert_int_equal(step(), 4096);
    atomic_store(&ms_wiped->threads_alive, 0); /* the last one is ending */
    ms_live_publish(1000);
    assert_int_equal(step(), 9004);
    /* A thread takes the step over when it publishes. */
    assert_int_equal(thread->publish_step_bytes, 4096);
    ms_live_publish_thread(thread);
    assert_int_equal(thread->publish_step_bytes, 9004);
    ms_change_live(thread, 9004);
    assert_int_equal(thread->unpublished_bytes, 9004);
}

static void epoch_begins_one_percent_above_the_last(void **state)
{
    (void)state;
    uint32_t first = epoch();
    ms_live_publish(65535);
    assert_int_equal(epoch(), first);
    assert_int_equal(atomic_load(&ms_region->epoch_bytes), 0);
    ms_live_publish(1);
    assert_int_equal(epoch(), first + 1);
    assert_int_equal(atomic_load(&ms_region->epoch_bytes), 65536);
    assert_in_range(ms_monotonic_ns() - atomic_load(&ms_region->epoch_ns), 0, 60 * MS_NS_PER_S);
    ms_live_publish(655);
    assert_int_equal(epoch(), first + 1);
    ms_live_publish(1);
    assert_int_equal(epoch(), first + 2);
    assert_int_equal(atomic_load(&ms_region->epoch_bytes), 66192);
    ms_live_publish(-60000);
    ms_live_publish(60000);
    assert_int_equal(epoch(), first + 2);
    ms_live_publish(10000);
    assert_int_equal(epoch(), first + 3);
    assert_int_equal(atomic_load(&ms_region->epoch_bytes), peak());
}

/* What is freed after the peak was held at the peak; what was freed before it was not. */
static void frees_after_the_peak_change_nothing(void **state)
{
    (void)state;
    void *early = take(0, 30000);
    void *kept = take(0, 100000);
    ms_block_freed(thread, early, NULL);
    void *last = take(1, 50000); /* the peak, this block included */
    assert_int_equal(atomic_load(&ms_region->epoch_bytes), 150000);
    struct ms_region_context_copy copy = as_read(0);
    assert_int_equal(copy.at_peak_bytes, 100000);
    assert_false(copy.at_peak_fixed); /* what is live now: nothing has changed since */
    ms_block_freed(thread, kept, NULL);
    ms_block_freed(thread, last, NULL);
    (void)take(2, 20000);
    copy = as_read(0);
    assert_int_equal(copy.at_peak_bytes, 100000);
    assert_true(copy.at_peak_fixed);
    assert_int_equal(at_peak(1), 50000);
    assert_int_equal(at_peak(2), 0);
    assert_int_equal(copy.bytes_freed, 130000);
    assert_int_equal(at_peak(3), 0);
}

static void remote_frees_count_by_when_they_came(void **state)
{
    (void)state;
    void *first = take(0, 40000);
    void *kept = take(0, 60000);
    void *alone = take(1, 70000);
    ms_block_freed(second, first, NULL);
    void *peak_maker = take(2, 90000);
    uint32_t now = epoch();
    assert_int_equal(at_peak(0), 60000);
    ms_block_freed(second, kept, NULL);
    ms_block_freed(NULL, alone, NULL); /* by a thread that has no state */
    ms_block_freed(thread, peak_maker, NULL);
    assert_int_equal(epoch(), now);
    assert_int_equal(at_peak(0), 60000);
    assert_int_equal(at_peak(1), 70000);
    assert_int_equal(at_peak(2), 90000);
    /* The owner's next event does not change what the others freed until the peak. */
    (void)take(0, 5000);
    assert_int_equal(at_peak(0), 60000);
    assert_int_equal(as_read(0).bytes_allocated - as_read(0).bytes_freed, 5000);
}

/* A peak that others make between two events of a context, again and again. */
static void epoch_begins_between_two_events(void **state)
{
    (void)state;
    uint64_t of_first = 0;
    uint64_t of_other = 0;
    for (uint64_t i = 0; i < 20; i++) {
        uint32_t before = epoch();
        (void)take(1, 65536 + i * 10000);
        of_other += 65536 + i * 10000;
        assert_int_equal(epoch(), before + 1);
        assert_int_equal(at_peak(0), of_first);
        assert_int_equal(at_peak(1), of_other);
        uint64_t at_the_peak = of_first;
        (void)take(0, 100 + i);
        of_first += 100 + i;
        ms_block_freed(thread, take(0, 1000), NULL);
        assert_int_equal(epoch(), before + 1);
        assert_int_equal(at_peak(0), at_the_peak);
    }
}

struct block {
    void *address;
    uint64_t bytes;
    uint32_t context;
};

static uint64_t next_random(void)
{
    static uint64_t value = 1;
    value ^= value << 13;
    value ^= value >> 7;
    return value ^= value << 17;
}

/* One random event: a block of a random context, or a free by any thread. */
static void random_event(struct block *blocks, uint32_t *count, uint64_t live_of[CONTEXTS])
{
    if (*count < BLOCKS && next_random() % 100 < 53) {
        struct block *block = &blocks[(*count)++];
        block->context = (uint32_t)(next_random() % CONTEXTS);
        block->bytes = next_random() % 20000;
        live_of[block->context] += block->bytes;
        block->address = take(block->context, block->bytes);
    } else if (*count > 0) {
        struct block *block = &blocks[next_random() % *count];
        uint64_t by = next_random() % 8;
        live_of[block->context] -= block->bytes;
        ms_block_freed(by == 0 ? NULL : by < 5 ? thread : second, block->address, NULL);
        *block = blocks[--*count];
    }
}

/* After any sequence of events each context says what it had when the last epoch began. */
static void every_context_says_what_it_had(void **state)
{
    (void)state;
    static struct block blocks[BLOCKS];
    uint32_t count = 0;
    uint64_t live_of[CONTEXTS] = {0};
    uint64_t had[CONTEXTS] = {0};
    uint32_t first = epoch();
    uint32_t last = first;
    for (uint32_t event = 0; event < EVENTS; event++) {
        random_event(blocks, &count, live_of);
        if (epoch() != last) {
            last = epoch();
            int64_t sum = 0;
            for (uint32_t i = 0; i < CONTEXTS; i++) {
                had[i] = live_of[i];
                sum += (int64_t)had[i];
            }
            assert_int_equal(sum, atomic_load(&ms_region->epoch_bytes) + thread->unpublished_bytes +
                                      second->unpublished_bytes);
        }
        for (uint32_t i = 0; last != first && event % 8 == 0 && i < CONTEXTS; i++) {
            assert_int_equal(at_peak(i), had[i]);
        }
    }
    assert_true(last - first > 100);
}

static void *publish_up_and_down(void *all_ready)
{
    (void)pthread_barrier_wait(all_ready);
    for (int i = 0; i < CONCURRENT_STEPS; i++) {
        ms_live_publish(1000);
    }
    for (int i = 0; i < CONCURRENT_STEPS; i++) {
        ms_live_publish(-1000);
    }
    return NULL;
}

/* Nothing is lost when threads publish at once. */
static void threads_publish_at_once(void **state)
{
    (void)state;
    pthread_t threads[CONCURRENT];
    pthread_barrier_t all_ready;
    assert_int_equal(pthread_barrier_init(&all_ready, NULL, CONCURRENT), 0);
    for (unsigned i = 0; i < CONCURRENT; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, publish_up_and_down, &all_ready), 0);
    }
    for (unsigned i = 0; i < CONCURRENT; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&all_ready);
    assert_int_equal(live(), 0);
    assert_in_range(peak(), CONCURRENT_STEPS * 1000, CONCURRENT * CONCURRENT_STEPS * 1000);
    assert_in_range(atomic_load(&ms_region->epoch_bytes), 65536, peak());
    /* Whoever climbed last, nobody's climb of 1 % was left out. */
    assert_in_range(peak(), 0, atomic_load(&ms_region->epoch_bytes) / 100 * 101 + 100);
    assert_int_equal(atomic_load(&ms_wiped->peak_epoch), epoch());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(small_changes_are_kept_until_they_pass_the_step, begin),
        cmocka_unit_test_setup(peak_is_the_highest_published, begin),
        cmocka_unit_test_setup(step_follows_the_peak, begin),
        cmocka_unit_test_setup(epoch_begins_one_percent_above_the_last, begin),
        cmocka_unit_test_setup(frees_after_the_peak_change_nothing, begin),
        cmocka_unit_test_setup(remote_frees_count_by_when_they_came, begin),
        cmocka_unit_test_setup(epoch_begins_between_two_events, begin),
        cmocka_unit_test_setup(every_context_says_what_it_had, begin),
        cmocka_unit_test_setup(threads_publish_at_once, begin),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
