/*
 * What a thread tracks: when it looks, what it takes over from the keeper, which blocks a sample
 * takes, and the steps down that the probe makes by itself. Threads are states without a thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/account.h"
#include "probe_region.h"
#include "wire/clock.h"

#define TABLE_UNIT 1000u

static struct ms_thread_state thread, second;
static struct ms_region_thread record, second_record;

static const struct ms_tracking exact = {.mode = MS_MODE_EXACT, .stack_depth = 32};

/* As the keeper writes it. */
static void wish(const struct ms_tracking *tracking)
{
    atomic_fetch_add(&ms_region->config.changes, 1);
    ms_region->config.tracking = *tracking;
    atomic_fetch_add(&ms_region->config.changes, 1);
}

static void begin_thread(struct ms_thread_state *state, struct ms_region_thread *of,
                         uint32_t serial, const char *name)
{
    memset(state, 0, sizeof *state);
    memset(of, 0, sizeof *of);
    state->record = of;
    state->serial = serial;
    state->tid = 7000 + serial;
    ms_tracking_begin(state, name);
    state->key = ms_wiped->key;
}

static int start(void **state)
{
    (void)state;
    return probe_region_start(&exact) == NULL ? -1 : 0;
}

/* Every test: nothing is full, nobody stepped down, no rate is known, one thread. */
static int begin(void **state)
{
    (void)state;
    struct ms_region_header *region = ms_region;
    region->config.tracking = exact;
    atomic_store(&region->config.changes, 0);
    atomic_store(&region->config.steps, 0);
    memset(region->step, 0, sizeof region->step);
    for (uint32_t i = 0; i < MS_RATES_MAX; i++) {
        atomic_store(&region->rates[i], 0);
    }
    atomic_store(&region->losses.rates_missing, 0);
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        region->areas[area].capacity = 32 * TABLE_UNIT;
        atomic_store(&region->areas[area].taken, 0);
    }
    begin_thread(&thread, &record, 1, "main");
    return 0;
}

/* Events until the thread has looked. */
static int32_t events_to_look(void)
{
    uint64_t before_ns = thread.tracking.look_ns;
    int32_t events = 0;
    do {
        ms_untracked_event(&thread);
        events++;
    } while (thread.tracking.look_ns == before_ns);
    return events;
}

static void slow_thread_looks_at_every_event(void **state)
{
    (void)state;
    thread.tracking.look_interval = MS_CLOCK_EVENTS;
    thread.tracking.events_until_look = MS_CLOCK_EVENTS;
    thread.tracking.look_ns -= MS_NS_PER_S; /* those events took a second */
    assert_int_equal(events_to_look(), MS_CLOCK_EVENTS);
    for (unsigned i = 0; i < 10; i++) {
        thread.tracking.look_ns -= MS_NS_PER_MS;
        assert_int_equal(events_to_look(), 1);
    }
}

/* In between: about as many events as come in half a tick. */
static void look_interval_follows_the_events(void **state)
{
    (void)state;
    thread.tracking.look_interval = MS_CLOCK_EVENTS;
    thread.tracking.look_ns = ms_monotonic_ns() - MS_CLOCK_EVENTS * MS_NS_PER_MS / 10;
    ms_tracking_look(&thread);
    assert_in_range(thread.tracking.look_interval, 1, 5);
    assert_int_equal(thread.tracking.events_until_look, thread.tracking.look_interval);
}

static void busy_thread_looks_every_64_events(void **state)
{
    (void)state;
    assert_int_equal(events_to_look(), 1);
    unsigned looks = 0;
    while (thread.tracking.look_interval != MS_CLOCK_EVENTS && looks < 10000) {
        (void)events_to_look();
        looks++;
    }
    assert_in_range(looks, 5, 9999); /* 1, 2, 4... 64 apart, unless the machine was busy */
    unsigned sum = 0;
    for (unsigned i = 0; i < 64; i++) {
        const unsigned events = (unsigned)events_to_look();
        assert_in_range(events, 1, MS_CLOCK_EVENTS);
        sum += events;
    }
    /* Not always as far apart: a look is not to meet a program at the same place each time. */
    assert_in_range(sum, 64, 64 * MS_CLOCK_EVENTS - 64);
    assert_true(thread.tracking.look_interval <= (int32_t)MS_CLOCK_EVENTS);
    assert_int_equal(thread.tracking.tick,
                     (thread.tracking.look_ns >> MS_TICK_SHIFT) & MS_TAG_TICK_MASK);
}

static void change_is_taken_over_at_the_next_look(void **state)
{
    (void)state;
    assert_int_equal(thread.tracking.mode, MS_MODE_EXACT);
    assert_int_equal(thread.tracking.stack_depth, 32);
    wish(&(struct ms_tracking){.mode = MS_MODE_COUNT_ONLY, .stack_depth = 9, .automatic = 1});
    thread.tracking.events_until_look = 3;
    ms_untracked_event(&thread);
    ms_untracked_event(&thread);
    assert_int_equal(thread.tracking.mode, MS_MODE_EXACT);
    thread.stack.sets.generation = 5;
    ms_untracked_event(&thread);
    assert_int_equal(thread.tracking.mode, MS_MODE_COUNT_ONLY);
    assert_int_equal(thread.tracking.stack_depth, 9);
    assert_true(thread.tracking.automatic);
    assert_int_equal(thread.stack.sets.generation, 0); /* stacks of another depth */
    /* Nothing is taken over twice. */
    thread.stack.sets.generation = 5;
    ms_tracking_look(&thread);
    assert_int_equal(thread.stack.sets.generation, 5);
}

static void half_written_wish_is_left_alone(void **state)
{
    (void)state;
    atomic_fetch_add(&ms_region->config.changes, 1);
    ms_region->config.tracking.mode = MS_MODE_OFF;
    ms_tracking_look(&thread);
    ms_tracking_renamed(&thread, "main");
    assert_int_equal(thread.tracking.mode, MS_MODE_EXACT);
    assert_true(thread.tracked);
    ms_region->config.tracking.mode = MS_MODE_COUNT_ONLY;
    atomic_fetch_add(&ms_region->config.changes, 1);
    ms_tracking_look(&thread);
    assert_int_equal(thread.tracking.mode, MS_MODE_COUNT_ONLY);
}

static void depth_is_kept_within_its_limits(void **state)
{
    (void)state;
    static const struct {
        uint32_t wished, got;
    } depths[] = {{0, 1}, {1, 1}, {128, MS_STACK_DEPTH_MAX}, {UINT32_MAX, MS_STACK_DEPTH_MAX}};
    for (unsigned i = 0; i < 4; i++) {
        wish(&(struct ms_tracking){.mode = MS_MODE_EXACT, .stack_depth = depths[i].wished});
        ms_tracking_look(&thread);
        assert_int_equal(thread.tracking.stack_depth, depths[i].got);
    }
}

static void selection_is_by_name_order_and_tid(void **state)
{
    (void)state;
    struct ms_tracking wishes = exact;
    strcpy(wishes.selection, "worker*,tid:7004");
    wish(&wishes);
    ms_tracking_look(&thread); /* goes by the name in the record: none here */
    assert_false(thread.tracked);
    assert_false(record.tracked);
    begin_thread(&second, &second_record, 2, "worker-1");
    assert_true(second.tracked && second_record.tracked);
    begin_thread(&second, &second_record, 3, "writer");
    assert_false(second.tracked);
    begin_thread(&second, &second_record, 4, "writer");
    assert_true(second.tracked);
    /* A new name decides anew. */
    ms_tracking_renamed(&thread, "worker-9");
    assert_true(thread.tracked && record.tracked);
    ms_tracking_renamed(&thread, "boss");
    assert_false(thread.tracked || record.tracked);
    strcpy(wishes.selection, "odd");
    wish(&wishes);
    begin_thread(&second, &second_record, 1, "first");
    assert_false(second.tracked); /* the order counts from 0 */
    begin_thread(&second, &second_record, 2, "second");
    assert_true(second.tracked);
    wishes.mode = MS_MODE_OFF;
    wish(&wishes);
    ms_tracking_look(&second);
    assert_false(second.tracked || second_record.tracked);
}

/* Until the first thread is tracked, events take no way at all. */
static void first_tracked_thread_opens_the_way(void **state)
{
    (void)state;
    struct ms_tracking wishes = {.mode = MS_MODE_OFF, .stack_depth = 32};
    ms_way = MS_WAY_NOTHING;
    wish(&wishes);
    ms_tracking_look(&thread);
    assert_int_equal(ms_way, MS_WAY_NOTHING);
    wish(&exact);
    ms_tracking_look(&thread);
    assert_int_equal(ms_way, MS_WAY_GENERAL);
    wish(&wishes);
    ms_tracking_look(&thread);
    assert_int_equal(ms_way, MS_WAY_GENERAL); /* blocks of before may still come */
}

static void sample_at(uint64_t rate)
{
    wish(&(struct ms_tracking){.mode = MS_MODE_SAMPLED, .stack_depth = 32, .sample_rate = rate});
    ms_tracking_look(&thread);
}

static void assert_near(double found, double expected, double tolerance)
{
    if (found < expected * (1 - tolerance) || found > expected * (1 + tolerance)) {
        fail_msg("%.6g is not within %.2f %% of %.6g", found, 100 * tolerance, expected);
    }
}

/*
 * Each block of `bytes` is taken with probability bytes / interval, in a program that allocates in
 * a period. Half a million samples of a size: a bias of 1 % is three times what chance does.
 */
static void bytes_are_sampled_without_bias(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {8, 12, 24, 31};
    uint64_t taken[4] = {0};
    const uint64_t rounds = 1000000;
    const double interval = 64;
    sample_at(64);
    for (uint64_t i = 0; i < rounds; i++) {
        for (unsigned size = 0; size < 4; size++) {
            taken[size] += ms_tracking_samples(&thread.tracking, sizes[size]);
        }
    }
    double sum = 0;
    for (unsigned size = 0; size < 4; size++) {
        assert_near((double)taken[size] * interval, (double)(rounds * sizes[size]), 0.008);
        sum += (double)taken[size] * interval;
    }
    assert_near(sum, (double)rounds * (8 + 12 + 24 + 31), 0.001);
}

static void allocations_are_sampled_without_bias(void **state)
{
    (void)state;
    static const uint64_t intervals[] = {1, 2, 3, 10, 101};
    for (unsigned i = 0; i < 5; i++) {
        const uint64_t count = 20000 * intervals[i];
        uint64_t taken[2] = {0};
        sample_at(MS_RATE_ALLOCATIONS | intervals[i]);
        for (uint64_t n = 0; n < count; n++) {
            /* A large block is one block, and no more likely than a small one. */
            taken[n % 2] += ms_tracking_samples(&thread.tracking, n % 2 == 0 ? 1 : 1 << 20);
        }
        assert_near((double)(taken[0] + taken[1]), 20000, 0.006);
        assert_near((double)taken[0], 10000, 0.03);
    }
}

static void half_the_interval_is_always_taken(void **state)
{
    (void)state;
    sample_at(1000);
    int64_t until_sample = thread.tracking.until_sample;
    for (uint64_t bytes = 500; bytes < 3000; bytes++) {
        assert_true(ms_tracking_samples(&thread.tracking, bytes));
    }
    assert_true(ms_tracking_samples(&thread.tracking, UINT64_MAX));
    /* They stand for themselves: the small ones in between are as likely as without them. */
    assert_true(thread.tracking.until_sample == until_sample);
    uint64_t taken = 0;
    for (unsigned i = 0; i < 100; i++) {
        taken += ms_tracking_samples(&thread.tracking, 499);
    }
    assert_in_range(taken, 40, 60);
    /* A block of 0 bytes counts as one byte. */
    taken = 0;
    for (unsigned i = 0; i < 100000; i++) {
        taken += ms_tracking_samples(&thread.tracking, 0);
    }
    assert_in_range(taken, 95, 105);
}

/*
 * Of many threads that do little, each event is as likely to be taken as any: the first interval of
 * a thread is sampled at its rate, at its beginning and at its end.
 */
static void first_interval_of_a_thread_is_like_any_other(void **state)
{
    (void)state;
    const uint32_t threads = 200000;
    const unsigned events = 8;
    const uint64_t interval = 4096;
    uint32_t taken[8] = {0};
    sample_at(interval);
    for (uint32_t serial = 1; serial <= threads; serial++) {
        second = (struct ms_thread_state){.record = &second_record, .serial = serial};
        ms_tracking_begin(&second, "");
        for (unsigned event = 0; event < events; event++) {
            taken[event] += ms_tracking_samples(&second.tracking, interval / events);
        }
    }
    double sum = 0;
    for (unsigned event = 0; event < events; event++) {
        assert_near(taken[event], (double)threads / events, 0.02);
        sum += taken[event];
    }
    assert_near(sum, threads, 0.004);
}

static void same_rate_has_the_same_index(void **state)
{
    (void)state;
    sample_at(1000);
    assert_int_equal(thread.tracking.rate, 1);
    int64_t until_sample = thread.tracking.until_sample;
    sample_at(2000);
    assert_int_equal(thread.tracking.rate, 2);
    sample_at(MS_RATE_ALLOCATIONS | 1000);
    assert_int_equal(thread.tracking.rate, 3);
    assert_false(thread.tracking.rate_in_bytes);
    assert_int_equal(thread.tracking.rate_interval, 1000);
    sample_at(1000);
    assert_int_equal(thread.tracking.rate, 1);
    assert_true(thread.tracking.rate_in_bytes);
    assert_true(atomic_load(&ms_region->rates[3]) == (MS_RATE_ALLOCATIONS | 1000));
    assert_true(atomic_load(&ms_region->rates[4]) == 0);
    /* The same rate again does not begin a new interval. */
    until_sample = thread.tracking.until_sample;
    sample_at(1000);
    assert_true(thread.tracking.until_sample == until_sample);
    wish(&exact);
    ms_tracking_look(&thread);
    assert_int_equal(thread.tracking.rate, 0);
}

static void full_table_of_rates_refuses_and_counts(void **state)
{
    (void)state;
    for (uint64_t rate = 1; rate < MS_RATES_MAX; rate++) {
        sample_at(1000 * rate);
        assert_int_equal(thread.tracking.rate, rate);
    }
    assert_int_equal(atomic_load(&ms_region->losses.rates_missing), 0);
    sample_at(2000);
    sample_at(5);
    assert_int_equal(atomic_load(&ms_region->losses.rates_missing), 1);
    /* The thread samples at a rate that the region knows, and says which. */
    assert_int_equal(thread.tracking.rate, MS_RATES_MAX - 1);
    assert_int_equal(thread.tracking.rate_interval, 1000 * (MS_RATES_MAX - 1));
    sample_at(3000);
    assert_int_equal(thread.tracking.rate, 3);
    assert_int_equal(atomic_load(&ms_region->losses.rates_missing), 1);
}

static void rate_is_kept_within_its_limits(void **state)
{
    (void)state;
    sample_at(0);
    assert_int_equal(thread.tracking.rate_interval, 512 << 10);
    sample_at(MS_RATE_INTERVAL_BYTES_MAX + 1);
    assert_true(thread.tracking.rate_interval == MS_RATE_INTERVAL_BYTES_MAX);
    sample_at(MS_RATE_ALLOCATIONS | (MS_RATE_INTERVAL_BYTES_MAX + 1));
    assert_true(thread.tracking.rate_interval == MS_RATE_INTERVAL_BYTES_MAX);
    assert_false(thread.tracking.rate_in_bytes);
}

static void begin_automatic(uint32_t depth)
{
    wish(&(struct ms_tracking){
        .mode = MS_MODE_EXACT, .stack_depth = depth, .automatic = 1, .sample_rate = 1000});
    ms_tracking_look(&thread);
}

static uint32_t steps(void)
{
    return atomic_load(&ms_region->config.steps);
}

#define TABLE_CAPACITY (32 * TABLE_UNIT)

static void table_is(enum ms_area_id area, uint32_t thirty_seconds, uint32_t less)
{
    ms_tracking_table_filled(&thread, area, thirty_seconds * TABLE_UNIT - less, TABLE_CAPACITY);
    ms_untracked_event(&thread);
}

static void stacks_are_full_for(struct ms_thread_state *who)
{
    ms_tracking_table_filled(who, MS_AREA_STACKS, TABLE_CAPACITY, TABLE_CAPACITY);
}

/* Each step when the table is that full and not before; the thread follows at its next event. */
static void steps_in_order_of_their_thresholds(void **state)
{
    (void)state;
    static const struct {
        uint32_t thirty_seconds, mode, depth, interval;
    } expected[] = {{16, MS_MODE_EXACT, 16, 0},
                    {22, MS_MODE_EXACT, 8, 0},
                    {26, MS_MODE_SAMPLED, 8, 1000},
                    {28, MS_MODE_SAMPLED, 8, 4000},
                    {29, MS_MODE_SAMPLED, 8, 16000},
                    {30, MS_MODE_SAMPLED, 8, 64000},
                    {31, MS_MODE_SAMPLED, 8, 256000}};
    begin_automatic(32);
    for (uint32_t i = 0; i < 7; i++) {
        table_is(MS_AREA_STACKS, expected[i].thirty_seconds, 1);
        assert_int_equal(steps(), i);
        table_is(MS_AREA_STACKS, expected[i].thirty_seconds, 0);
        assert_int_equal(steps(), i + 1);
        assert_int_equal(thread.tracking.mode, expected[i].mode);
        assert_int_equal(thread.tracking.stack_depth, expected[i].depth);
        if (expected[i].interval != 0) {
            assert_int_equal(thread.tracking.rate_interval, expected[i].interval);
        }
        const struct ms_region_step *step = &ms_region->step[i];
        assert_int_equal(step->number, i + 1);
        assert_int_equal(step->reason, MS_STEPPED_STACKS_FULL);
        assert_int_equal(step->mode, expected[i].mode);
        assert_int_equal(step->stack_depth, expected[i].depth);
        assert_in_range(ms_monotonic_ns() - step->at_ns, 0, 60 * MS_NS_PER_S);
    }
    table_is(MS_AREA_STACKS, 32, 0); /* nothing coarser is left to try */
    assert_int_equal(steps(), 7);
    /* A thread that begins now begins where the others are. */
    begin_thread(&second, &second_record, 2, "late");
    assert_int_equal(second.tracking.mode, MS_MODE_SAMPLED);
    assert_int_equal(second.tracking.rate_interval, 256000);
    assert_int_equal(second.tracking.stack_depth, 8);
}

static void shallow_stacks_are_sampled_at_once(void **state)
{
    (void)state;
    begin_automatic(8);
    table_is(MS_AREA_CONTEXTS, 16, 0);
    assert_int_equal(thread.tracking.mode, MS_MODE_SAMPLED);
    assert_int_equal(ms_region->step[0].reason, MS_STEPPED_CONTEXTS_FULL);
    begin_automatic(12); /* never below 8 */
    table_is(MS_AREA_CONTEXTS, 16, 0);
    assert_int_equal(thread.tracking.stack_depth, 8);
    assert_int_equal(thread.tracking.mode, MS_MODE_EXACT);
}

static void nothing_steps_unless_it_is_wished(void **state)
{
    (void)state;
    wish(&exact);
    ms_tracking_look(&thread);
    table_is(MS_AREA_STACKS, 32, 0);
    assert_int_equal(steps(), 0);
    /* The wish that the thread has seen and the one that holds: both have to say so. */
    begin_automatic(32);
    wish(&exact);
    stacks_are_full_for(&thread);
    assert_int_equal(steps(), 0);
    wish(&(struct ms_tracking){.mode = MS_MODE_COUNT_ONLY, .stack_depth = 32, .automatic = 1});
    ms_tracking_look(&thread);
    table_is(MS_AREA_STACKS, 32, 0);
    assert_int_equal(steps(), 0); /* there is nothing below counting */
}

/* Two threads meet the same full table: one step. */
static void second_thread_makes_no_second_step(void **state)
{
    (void)state;
    begin_automatic(32);
    begin_thread(&second, &second_record, 2, "other");
    stacks_are_full_for(&thread);
    stacks_are_full_for(&second);
    stacks_are_full_for(&thread);
    assert_int_equal(steps(), 1);
    ms_untracked_event(&second); /* looks, and is where the process is */
    assert_int_equal(second.tracking.stack_depth, 16);
    /* While a thread is at it, another leaves it alone. */
    atomic_store(&ms_wiped->step_busy, 1);
    stacks_are_full_for(&second);
    assert_int_equal(steps(), 1);
    atomic_store(&ms_wiped->step_busy, 0);
    stacks_are_full_for(&second);
    assert_int_equal(steps(), 2);
}

static void new_wish_ends_the_steps(void **state)
{
    (void)state;
    begin_automatic(32);
    table_is(MS_AREA_STACKS, 16, 0);
    table_is(MS_AREA_STACKS, 22, 0);
    assert_int_equal(thread.tracking.stack_depth, 8);
    begin_automatic(64);
    assert_int_equal(thread.tracking.stack_depth, 64);
    assert_int_equal(steps(), 2);
    /* From the first threshold on, numbered from 1. */
    table_is(MS_AREA_STACKS, 16, 0);
    assert_int_equal(steps(), 3);
    assert_int_equal(ms_region->step[2].number, 1);
    assert_int_equal(thread.tracking.stack_depth, 32);
}

static void stacks_were(uint64_t walked, uint64_t found)
{
    thread.stack.walks_published += walked;
    thread.stack.found_published += found;
    ms_tracking_look(&thread);
    ms_tracking_look(&thread);
}

/* Over 65536 stacks of a thread: most of them walked, or found. */
static void walking_most_stacks_is_a_reason(void **state)
{
    (void)state;
    begin_automatic(32);
    stacks_were(32768, 32768);
    assert_int_equal(steps(), 0);
    stacks_were(65535, 0);
    assert_int_equal(steps(), 0);
    stacks_were(1, 0);
    assert_int_equal(steps(), 1);
    assert_int_equal(ms_region->step[0].reason, MS_STEPPED_SLOW_WALKS);
    assert_int_equal(thread.tracking.stack_depth, 16);
    stacks_were(32769, 32767);
    assert_int_equal(steps(), 2);
    wish(&exact);
    ms_tracking_look(&thread);
    stacks_were(65536, 0);
    assert_int_equal(steps(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(slow_thread_looks_at_every_event, begin),
        cmocka_unit_test_setup(look_interval_follows_the_events, begin),
        cmocka_unit_test_setup(busy_thread_looks_every_64_events, begin),
        cmocka_unit_test_setup(change_is_taken_over_at_the_next_look, begin),
        cmocka_unit_test_setup(half_written_wish_is_left_alone, begin),
        cmocka_unit_test_setup(depth_is_kept_within_its_limits, begin),
        cmocka_unit_test_setup(selection_is_by_name_order_and_tid, begin),
        cmocka_unit_test_setup(first_tracked_thread_opens_the_way, begin),
        cmocka_unit_test_setup(bytes_are_sampled_without_bias, begin),
        cmocka_unit_test_setup(allocations_are_sampled_without_bias, begin),
        cmocka_unit_test_setup(half_the_interval_is_always_taken, begin),
        cmocka_unit_test_setup(first_interval_of_a_thread_is_like_any_other, begin),
        cmocka_unit_test_setup(same_rate_has_the_same_index, begin),
        cmocka_unit_test_setup(full_table_of_rates_refuses_and_counts, begin),
        cmocka_unit_test_setup(rate_is_kept_within_its_limits, begin),
        cmocka_unit_test_setup(steps_in_order_of_their_thresholds, begin),
        cmocka_unit_test_setup(shallow_stacks_are_sampled_at_once, begin),
        cmocka_unit_test_setup(nothing_steps_unless_it_is_wished, begin),
        cmocka_unit_test_setup(second_thread_makes_no_second_step, begin),
        cmocka_unit_test_setup(new_wish_ends_the_steps, begin),
        cmocka_unit_test_setup(walking_most_stacks_is_a_reason, begin),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
