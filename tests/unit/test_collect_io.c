/* I/O of a region into the model: figures of threads, call sites, and what lies is left out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collect/io.h"
#include "collect_watched.h"

static struct watched process;
static struct ms_watched_io *reader;
static struct ms_region_thread_io *lines;
static struct ms_region_io_site *elements;

static int begin(void **state)
{
    (void)state;
    if (!watched_begin(&process)) {
        return -1;
    }
    image_publish(process.file, MS_AREA_THREAD_IO, 3);
    image_publish(process.file, MS_AREA_IO_SITES, 10);
    lines = image_area(process.file, MS_AREA_THREAD_IO);
    elements = image_area(process.file, MS_AREA_IO_SITES);
    reader = ms_watched_io_new();
    return reader == NULL || watched_threads(&process, 5000) != 0;
}

static int end(void **state)
{
    (void)state;
    ms_watched_io_free(reader);
    watched_end(&process);
    return 0;
}

static const struct ms_thread_io *take(uint32_t record, uint64_t now_ns)
{
    struct ms_region_facts facts;
    ms_region_view_facts(&process.view, &facts);
    assert_int_equal(ms_watched_io_threads(reader, process.model, &process.view, process.threads,
                                           &facts, now_ns, true),
                     0);
    const uint32_t id = ms_watched_threads_of_record(process.threads, record);
    return &ms_model_thread_by_id(process.model, id)->io;
}

static void take_sites(bool last)
{
    assert_int_equal(ms_watched_io_sites(reader, process.model, &process.view, process.threads,
                                         process.sites, NULL, last),
                     0);
}

static void figures_and_estimate(void **state)
{
    (void)state;
    struct ms_region_thread_io *line = &lines[1];
    line->calls[MS_REGION_IO_RECEIVE] = 1000;
    line->bytes[MS_REGION_IO_RECEIVE] = 5000;
    line->errors[MS_REGION_IO_RECEIVE] = 10;
    line->would_block[MS_REGION_IO_RECEIVE] = 90;
    line->more_received = 25;
    line->timed_calls[MS_REGION_IO_RECEIVE] = 20;
    line->timed_ns[MS_REGION_IO_RECEIVE] = 400;
    line->weighed_calls[MS_REGION_IO_RECEIVE] = 500;
    line->weighed_ns[MS_REGION_IO_RECEIVE] = 7000;
    line->calls[MS_REGION_IO_WRITE] = 3; /* none of them timed */
    line->serial = 1;
    const struct ms_thread_io *io = take(1, 1000000);
    assert_true(io->have);
    const struct ms_io_figures *received = &io->of[MS_IO_KIND_RECEIVE];
    assert_int_equal(received->calls, 1000);
    assert_int_equal(received->bytes, 5000);
    assert_int_equal(received->errors, 10);
    assert_int_equal(received->would_block, 90);
    assert_int_equal(received->messages, 925);
    assert_int_equal(received->timed_calls, 20);
    assert_int_equal(received->timed_ns, 400);
    assert_true(fabs(received->wait_ns - 14000) < 1e-6);
    assert_true(isnan(io->of[MS_IO_KIND_WRITE].wait_ns));
    assert_true(io->of[MS_IO_KIND_SYNC].wait_ns == 0);
    /* No more than the thread has lived, and never less than before. */
    line->weighed_ns[MS_REGION_IO_RECEIVE] = UINT64_C(1) << 60;
    line->calls[MS_REGION_IO_RECEIVE]++;
    assert_true(fabs(take(1, 2001000)->of[MS_IO_KIND_RECEIVE].wait_ns - 2000000) < 1e-3);
    line->weighed_ns[MS_REGION_IO_RECEIVE] = 0;
    line->calls[MS_REGION_IO_RECEIVE]++;
    assert_true(fabs(take(1, 2001000)->of[MS_IO_KIND_RECEIVE].wait_ns - 2000000) < 1e-3);
}

static void none_is_known_where_nothing_was_done(void **state)
{
    (void)state;
    assert_true(take(2, 6000)->have);
    assert_int_equal(take(2, 6000)->of[MS_IO_KIND_READ].calls, 0);
    assert_int_equal(ms_model_source(process.model, MS_SOURCE_PROBE_IO)->condition,
                     MS_SOURCE_PARTIAL);
}

/* Without room for its lines, when switched off or not tracked, nothing is known of a thread. */
static void not_known_is_not_zero(void **state)
{
    (void)state;
    struct ms_region_header *header = (void *)(uintptr_t)process.mapping.base;
    header->config.io = MS_IO_OFF;
    assert_false(take(2, 6000)->have);
    const struct ms_source_state *source = ms_model_source(process.model, MS_SOURCE_PROBE_IO);
    assert_int_equal(source->condition, MS_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(source->because, "--io=off"));
    header->config.io = MS_IO_SAMPLE;
    header->losses.io_threads_missing = 1;
    assert_false(take(2, 6000)->have);
}

/* A call whose beginning was not taken is as old as what was seen of it. */
static void in_flight(void **state)
{
    (void)state;
    lines[1].serial = 1;
    lines[1].in_call = MS_IN_CALL(0, MS_REGION_IO_SEND);
    const struct ms_thread_io *io = take(1, 6000);
    assert_true(io->in_flight);
    assert_int_equal(io->in_flight_kind, MS_IO_KIND_SEND);
    assert_int_equal(io->in_flight_since_ns, 6000);
    assert_int_equal(take(1, 9000)->in_flight_since_ns, 6000);
    lines[1].calls[MS_REGION_IO_SEND] = 1; /* it returned, and this is the next */
    assert_int_equal(take(1, 9000)->in_flight_since_ns, 9000);
    lines[1].in_call = MS_IN_CALL(4000, MS_REGION_IO_POLL);
    assert_int_equal(take(1, 9000)->in_flight_since_ns, 4000);
    lines[1].in_call = 0;
    assert_false(take(1, 9000)->in_flight);
    lines[1].in_call = UINT64_MAX - 7 + 0; /* no such kind */
    assert_false(take(1, 9000)->in_flight);
}

static void put_site(uint32_t index, uint32_t serial, uint32_t kind, uint32_t stack)
{
    elements[index] =
        (struct ms_region_io_site){.identity = MS_IO_SITE_IDENTITY(serial, kind, stack),
                                   .calls = 640,
                                   .bytes = 6400,
                                   .wait_ns = 64000,
                                   .samples = 10};
}

static void sites_grow_and_share_those_of_memory(void **state)
{
    (void)state;
    put_site(1, 1, MS_REGION_IO_READ, 1);
    put_site(2, 2, MS_REGION_IO_WRITE, 1);
    put_site(3, 2, MS_REGION_IO_READ, 5);
    take_sites(false);
    take_sites(false); /* nothing is added twice */
    elements[1].calls += 64;
    elements[1].samples += 1;
    take_sites(true);
    assert_int_equal(ms_model_activity_count(process.model), 3);
    uint64_t calls = 0;
    uint64_t samples = 0;
    for (size_t i = 0; i < 3; i++) {
        const struct ms_activity *activity = ms_model_activity(process.model, i);
        const struct ms_site *site = ms_model_site_by_id(process.model, activity->site_id);
        assert_true((site->flags & MS_SITE_ACTIVITY) != 0);
        assert_true(site->depth == 3 || site->depth == 2);
        calls += activity->work.io_calls;
        samples += activity->work.io_samples;
    }
    assert_int_equal(calls, 3 * 640 + 64);
    assert_int_equal(samples, 31);
}

static void lies_are_left_out(void **state)
{
    (void)state;
    put_site(1, 1, 7, 1);         /* no such kind */
    put_site(2, 77, 0, 1);        /* no such thread */
    put_site(3, 1, 0, 0x1ffffff); /* no such stack: the root, in the end */
    elements[4].samples = 10;     /* nobody's */
    lines[2].serial = UINT64_C(1) << 40;
    lines[1].serial = 99;
    take_sites(false);
    assert_int_equal(ms_model_activity_count(process.model), 0);
    take_sites(true);
    assert_int_equal(ms_model_activity_count(process.model), 1);
    const struct ms_activity *activity = ms_model_activity(process.model, 0);
    assert_true((ms_model_site_by_id(process.model, activity->site_id)->flags & MS_SITE_ROOT) != 0);
    assert_int_equal(take(1, 6000)->of[MS_IO_KIND_READ].calls, 0);
}

static void sums_of_threads(void **state)
{
    (void)state;
    struct ms_thread_io sum = {.have = true, .in_flight = true};
    struct ms_thread_io one = {.have = true};
    one.of[MS_IO_KIND_READ] = (struct ms_io_figures){1, 2, 3, 4, 5, 6, 7, 8};
    ms_thread_io_add(&sum, &one);
    ms_thread_io_add(&sum, &one);
    const struct ms_io_figures twice = {2, 4, 6, 8, 10, 12, 14, 16};
    assert_memory_equal(&sum.of[MS_IO_KIND_READ], &twice, sizeof twice);
    assert_true(sum.have && !sum.in_flight);
    one.have = false;
    ms_thread_io_add(&sum, &one);
    assert_false(sum.have);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_and_estimate, begin, end),
        cmocka_unit_test_setup_teardown(none_is_known_where_nothing_was_done, begin, end),
        cmocka_unit_test_setup_teardown(not_known_is_not_zero, begin, end),
        cmocka_unit_test_setup_teardown(in_flight, begin, end),
        cmocka_unit_test_setup_teardown(sites_grow_and_share_those_of_memory, begin, end),
        cmocka_unit_test_setup_teardown(lies_are_left_out, begin, end),
        cmocka_unit_test(sums_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
