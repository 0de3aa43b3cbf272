/* What the reader of the trace counts, and what it refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../fuzz/fuzz_trace.c"

#define EVENTS 4

struct packet {
    struct ms_trace_batch batch;
    struct ms_trace_event events[EVENTS];
};

/* Two allocations, two frees. */
static struct packet sound(uint32_t serial, uint64_t first)
{
    struct packet packet = {.batch = {.magic = MS_TRACE_MAGIC,
                                      .version = MS_TRACE_VERSION,
                                      .region = 1,
                                      .thread = serial,
                                      .serial = serial,
                                      .event_count = EVENTS,
                                      .first_event = first}};
    for (int i = 0; i < EVENTS; i++) {
        uint64_t kind = i < 2 ? MS_TRACE_ALLOCATION : MS_TRACE_FREE;
        packet.events[i].bytes_and_kind = 100 | kind << MS_TRACE_KIND_SHIFT;
    }
    return packet;
}

static void gaps_are_losses(void **state)
{
    (void)state;
    struct ms_trace_reader *reader = ms_trace_reader_new();
    const uint64_t firsts[] = {10, 14, 25}; /* 7 never came; before the first is not ours to say */
    for (int i = 0; i < 3; i++) {
        struct packet packet = sound(3, firsts[i]);
        ms_trace_reader_take(reader, &packet, sizeof packet);
    }
    struct packet other = sound(4, 0);
    other.events[1].bytes_and_kind = 0;
    ms_trace_reader_take(reader, &other, sizeof other);
    const struct ms_trace_counts *counts = ms_trace_reader_counts(reader);
    assert_int_equal(counts->batches, 4);
    assert_int_equal(counts->packet_bytes, 4 * sizeof other);
    assert_int_equal(counts->allocations, 7);
    assert_int_equal(counts->frees, 8);
    assert_int_equal(counts->lost, 8);
    assert_int_equal(counts->threads, 2);
    const struct ms_trace_thread *thread = ms_trace_reader_thread(reader, 1, 0, 3, 3);
    assert_non_null(thread);
    assert_int_equal(thread->lost, 7);
    assert_int_equal(thread->allocations, 6);
    assert_int_equal(thread->next_event, 29);
    assert_null(ms_trace_reader_thread(reader, 1, 0, 3, 5));
    ms_trace_reader_free(reader);
}

static void what_is_no_batch_is_refused(void **state)
{
    (void)state;
    struct ms_trace_reader *reader = ms_trace_reader_new();
    struct packet packet = sound(1, 100);
    ms_trace_reader_take(reader, &packet, sizeof packet);
    uint64_t refused = 0;
    for (size_t bytes = 0; bytes < sizeof packet; bytes++) {
        ms_trace_reader_take(reader, &packet, bytes);
        assert_int_equal(ms_trace_reader_counts(reader)->refused, ++refused);
    }
    struct packet wrong[5];
    for (int i = 0; i < 5; i++) {
        wrong[i] = sound(1, 104);
    }
    wrong[0].batch.magic++;
    wrong[1].batch.version++;
    wrong[2].batch.event_count = UINT32_MAX;
    wrong[3].batch.first_event = UINT64_MAX; /* numbers would go over */
    wrong[4].batch.first_event = 50;         /* and they do not go back */
    for (int i = 0; i < 5; i++) {
        ms_trace_reader_take(reader, &wrong[i], sizeof wrong[i]);
        assert_int_equal(ms_trace_reader_counts(reader)->refused, ++refused);
    }
    assert_int_equal(ms_trace_reader_counts(reader)->batches, 1);
    ms_trace_reader_free(reader);
}

static void threads_are_bounded(void **state)
{
    (void)state;
    struct ms_trace_reader *reader = ms_trace_reader_new();
    for (uint32_t serial = 1; serial <= MS_TRACE_THREADS_MAX + 1000; serial++) {
        struct packet packet = sound(serial, 0);
        ms_trace_reader_take(reader, &packet, sizeof packet);
    }
    const struct ms_trace_counts *counts = ms_trace_reader_counts(reader);
    assert_int_equal(counts->threads, MS_TRACE_THREADS_MAX);
    assert_int_equal(counts->allocations, 2 * (MS_TRACE_THREADS_MAX + 1000));
    assert_non_null(ms_trace_reader_thread(reader, 1, 0, 1, 1));
    assert_null(
        ms_trace_reader_thread(reader, 1, 0, MS_TRACE_THREADS_MAX + 1, MS_TRACE_THREADS_MAX + 1));
    ms_trace_reader_free(reader);
}

static void reads_what_is_there_and_not_more_than_asked(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    struct ms_trace_reader *reader = ms_trace_reader_new();
    ms_trace_reader_open(reader, ends[0]);
    assert_int_equal(ms_trace_reader_read(reader, 1 << 20), 0);
    struct packet packet = sound(1, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(send(ends[1], &packet, sizeof packet, 0), sizeof packet);
        packet.batch.first_event += EVENTS;
    }
    assert_int_equal(ms_trace_reader_read(reader, sizeof packet + 1), 0);
    assert_int_equal(ms_trace_reader_counts(reader)->batches, 2);
    close(ends[1]);
    assert_int_equal(ms_trace_reader_read(reader, 1 << 20), -ECONNRESET);
    assert_int_equal(ms_trace_reader_counts(reader)->batches, 5);
    assert_int_equal(ms_trace_reader_descriptor(reader), -1);
    ms_trace_reader_free(reader);
}

static void times_are_near_the_base(void **state)
{
    (void)state;
    const struct ms_trace_batch batch = {.base_ns = (UINT64_C(5) << 32) + 10};
    const struct ms_trace_event before = {.time_ns = UINT32_MAX};
    const struct ms_trace_event after = {.time_ns = 30};
    assert_int_equal(ms_trace_event_time_ns(&batch, &before), (UINT64_C(5) << 32) - 1);
    assert_int_equal(ms_trace_event_time_ns(&batch, &after), (UINT64_C(5) << 32) + 30);
}

static void damaged_batches(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    uint8_t input[4096];
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof input; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            input[i] = (uint8_t)(seed >> 56);
        }
        assert_int_equal(LLVMFuzzerTestOneInput(input, (size_t)(seed >> 32) % sizeof input), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_losses),
        cmocka_unit_test(what_is_no_batch_is_refused),
        cmocka_unit_test(threads_are_bounded),
        cmocka_unit_test(reads_what_is_there_and_not_more_than_asked),
        cmocka_unit_test(times_are_near_the_base),
        cmocka_unit_test(damaged_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
