/* Events of a trace, coded one after the other: all come back, in few bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/trace_coder.h"

static uint32_t seed = 99;

static uint32_t below(uint32_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % limit;
}

enum { EVENTS = 50000, LIVE = 2000 };

/* A program with a few hundred call sites; addresses come as malloc gives them: freed last, first.
 */
static void make_events(struct ms_trace_record *events, uint32_t sites)
{
    static struct ms_trace_record live[LIVE];
    static uint64_t freed[64][LIVE];
    size_t freed_count[64] = {0};
    size_t count = 0;
    uint64_t now_ns = 1000000000;
    uint64_t end = 0x55555555a000;
    for (size_t i = 0; i < EVENTS; i++) {
        struct ms_trace_record event;
        now_ns += 60 + below(400);
        if (count == LIVE || (count > 0 && below(2) == 0)) {
            const size_t at =
                below(5) != 0 && count > 8 ? count - 1 - below(8) : below((uint32_t)count);
            event = live[at];
            live[at] = live[--count];
            event.is_free = true;
            event.by_thread_id = below(10) == 0 ? 9 : event.thread_id;
            freed[event.bytes / 16][freed_count[event.bytes / 16]++] = event.address;
        } else {
            event = (struct ms_trace_record){.process_id = 128, .thread_id = 1 + below(4)};
            event.site_id = 1 + below(below(4) == 0 ? sites : 20);
            event.by_thread_id = event.thread_id;
            event.bytes = event.site_id % 7 == 0 ? 1 + below(1000) : 16 * (1 + event.site_id % 40);
            size_t *kept = &freed_count[event.bytes / 16];
            event.address = *kept > 0 ? freed[event.bytes / 16][--*kept] : end;
            end += event.address == end ? (event.bytes / 16 + 2) * 16 : 0;
            live[count++] = event;
        }
        event.time_ns = now_ns;
        events[i] = event;
    }
}

static void assert_same(const struct ms_trace_record *a, const struct ms_trace_record *b)
{
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->address, b->address);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->process_id, b->process_id);
    assert_int_equal(a->thread_id, b->thread_id);
    assert_int_equal(a->site_id, b->site_id);
    assert_int_equal(a->by_thread_id, b->by_thread_id);
    assert_int_equal(a->is_free, b->is_free);
}

struct check {
    const struct ms_trace_record *events;
    size_t next, most;
};

static bool check_next(void *context, const struct ms_trace_record *event)
{
    struct check *check = context;
    assert_same(&check->events[check->next++], event);
    return check->next < check->most;
}

static void test_all_events_come_back_in_six_bytes_each(void **state)
{
    (void)state;
    struct ms_trace_record *events = calloc(EVENTS, sizeof *events);
    struct ms_trace_coder *coder = ms_trace_coder_new();
    struct ms_pack pack = {0};
    uint64_t lost = 0;
    assert_non_null(events);
    assert_non_null(coder);
    make_events(events, 300);
    for (int block = 0; block < 2; block++) {
        ms_pack_clear(&pack);
        ms_trace_coder_begin(coder);
        ms_pack_u64(&pack, 7);
        for (size_t i = 0; i < EVENTS; i++) {
            ms_trace_coder_write(coder, &pack, &events[i]);
        }
        struct check check = {events, 0, SIZE_MAX};
        struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
        assert_int_equal(ms_trace_block_read(&unpack, &lost, check_next, &check), 0);
        assert_int_equal(check.next, EVENTS);
        assert_int_equal(lost, 7);
    }
    print_message("%.2f bytes an event\n", (double)pack.used / EVENTS);
    assert_in_range(pack.used, 3 * EVENTS, 6 * EVENTS);
    struct check check = {events, 0, 100};
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    assert_int_equal(ms_trace_block_read(&unpack, &lost, check_next, &check), 0);
    assert_int_equal(check.next, 100);
    ms_trace_coder_free(coder);
    ms_pack_free(&pack);
    free(events);
}

struct order {
    uint64_t last_ns, last_of_thread[3], seen;
};

static bool check_order(void *context, const struct ms_trace_record *event)
{
    struct order *order = context;
    assert_true(event->time_ns >= order->last_ns);
    assert_int_equal(event->address, order->last_of_thread[event->by_thread_id] + 1);
    order->last_ns = event->time_ns;
    order->last_of_thread[event->by_thread_id]++;
    order->seen++;
    return true;
}

/* Three threads send batches in turn; several events of one have the same time. */
static void test_threads_are_merged_by_time(void **state)
{
    (void)state;
    struct ms_trace_coder *coder = ms_trace_coder_new();
    struct ms_pack pack = {0};
    struct order order = {0};
    uint64_t times_ns[3] = {100, 50, 70};
    uint64_t numbers[3] = {0};
    uint64_t lost;
    assert_non_null(coder);
    ms_pack_u64(&pack, 0);
    for (unsigned batch = 0; batch < 100; batch++) {
        for (unsigned i = 0; i <= batch % 17; i++) {
            const uint32_t thread = batch % 3;
            times_ns[thread] += below(3);
            const struct ms_trace_record event = {
                .time_ns = times_ns[thread], .address = ++numbers[thread], .by_thread_id = thread};
            ms_trace_coder_write(coder, &pack, &event);
        }
    }
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    assert_int_equal(ms_trace_block_read(&unpack, &lost, check_order, &order), 0);
    assert_int_equal(order.seen, numbers[0] + numbers[1] + numbers[2]);
    ms_trace_coder_free(coder);
    ms_pack_free(&pack);
}

static void test_events_that_fit_nothing(void **state)
{
    (void)state;
    const struct ms_trace_record events[] = {
        {.is_free = true},
        {.is_free = true, .address = 64, .by_thread_id = UINT32_MAX},
        {.address = 64, .bytes = 8, .process_id = 1, .thread_id = 2, .site_id = 3},
        {.address = 64, .bytes = 8, .process_id = 1, .thread_id = 2, .site_id = 3},
        {.address = 64, .bytes = 9, .process_id = 1, .thread_id = 2, .site_id = 3, .is_free = true},
        {.address = 64, .bytes = 9, .process_id = 1, .thread_id = 2, .site_id = 3, .is_free = true},
        {.address = 64, .bytes = 9, .process_id = 1, .thread_id = 2, .site_id = 3},
        {.time_ns = UINT64_MAX,
         .address = UINT64_MAX,
         .bytes = UINT64_MAX,
         .process_id = UINT32_MAX},
    };
    struct ms_trace_coder *coder = ms_trace_coder_new();
    struct ms_pack pack = {0};
    uint64_t lost = 1;
    assert_non_null(coder);
    ms_pack_u64(&pack, 0);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        ms_trace_coder_write(coder, &pack, &events[i]);
    }
    struct check check = {events, 0, SIZE_MAX};
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    assert_int_equal(ms_trace_block_read(&unpack, &lost, check_next, &check), 0);
    assert_int_equal(check.next, sizeof events / sizeof events[0]);
    ms_trace_coder_free(coder);
    ms_pack_free(&pack);
}

static bool take_any(void *context, const struct ms_trace_record *event)
{
    *(uint64_t *)context += event->address;
    return true;
}

static void test_hostile_bytes(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        uint8_t *bytes = malloc(64);
        uint64_t sum = 0;
        assert_non_null(bytes);
        for (int i = 0; i < 64; i++) {
            bytes[i] = (uint8_t)(below(3) == 0 ? below(256) : below(32));
        }
        struct ms_unpack unpack = ms_unpack_of(bytes, 64);
        uint64_t lost;
        const int error = ms_trace_block_read(&unpack, &lost, take_any, &sum);
        assert_true(error == 0 || error == -EBADMSG);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_events_come_back_in_six_bytes_each),
        cmocka_unit_test(test_threads_are_merged_by_time),
        cmocka_unit_test(test_events_that_fit_nothing),
        cmocka_unit_test(test_hostile_bytes),
    };
    return cmocka_run_group_tests_name("record: trace", tests, NULL, NULL);
}
