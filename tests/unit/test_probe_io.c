/* I/O as the probe counts it: which calls are timed, what they stand for, what descriptors are. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/account.h"
#include "probe/io.h"
#include "probe/map.h"
#include "probe_region.h"
#include "wire/clock.h"

static struct ms_thread_state *thread;
static struct ms_region_thread_io *lines;

static int start(void **state)
{
    (void)state;
    const struct ms_tracking tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32};
    thread = probe_region_start(&tracking);
    return thread == NULL || ms_io_enter() != thread || (lines = thread->io.lines) == NULL ? -1 : 0;
}

/* A call as a hook makes it; `ns`: how long it seems to have lasted. Returns the calls that it
 * stands for: 0 when it was not timed. */
static uint32_t call(uint32_t kind, int descriptor, uint64_t ns, uint64_t bytes)
{
    struct ms_io_call call = {.kind = kind};
    if (--thread->io.until_timed[kind] <= 0) {
        ms_io_begin_timed(thread, &call, descriptor);
    }
    ms_own_add(&lines->calls[call.kind], 1);
    ms_own_add(&lines->bytes[call.kind], bytes);
    if (call.weight == 0) {
        return 0;
    }
    call.begin_ns = ms_monotonic_ns() - ns;
    ms_io_end_timed(thread, &call, NULL, bytes);
    return call.weight;
}

static void lines_are_the_threads(void **state)
{
    (void)state;
    assert_ptr_equal(lines, ms_area_at(MS_AREA_THREAD_IO, thread->index));
    assert_int_equal(lines->serial, thread->serial);
}

/* Fast calls one after the other: few are timed, and those stand for about all of them. */
static void fast_calls_are_sampled_without_bias(void **state)
{
    (void)state;
    const uint64_t calls = 2000000;
    uint64_t slow = 0;
    double weighed_slow = 0;
    for (uint64_t i = 0; i < calls; i++) {
        /* Every third lasts long, in step with the program. */
        const uint32_t weight = call(MS_REGION_IO_READ, -1, i % 3 == 0 ? 3000 : 0, 7);
        slow += i % 3 == 0;
        weighed_slow += i % 3 == 0 ? weight : 0;
    }
    const uint64_t timed = lines->timed_calls[MS_REGION_IO_READ];
    assert_int_equal(lines->calls[MS_REGION_IO_READ], calls);
#if !defined(__SANITIZE_THREAD__)   /* no call is fast under it */
    assert_true(timed < calls / 4); /* a machine that stands still pays for more */
#endif
    assert_true(timed > calls / 128);
    const double weighed = (double)lines->weighed_calls[MS_REGION_IO_READ];
    assert_true(weighed > 0.95 * (double)calls && weighed < 1.05 * (double)calls);
    assert_true(weighed_slow > 0.93 * (double)slow && weighed_slow < 1.07 * (double)slow);
    /* Not more than: the machine may be busy with others. */
    assert_true((double)lines->weighed_ns[MS_REGION_IO_READ] >= 3000 * weighed_slow);
}

/* Calls that last or come far apart pay for being timed, each of them. */
static void slow_calls_are_all_timed(void **state)
{
    (void)state;
    const uint64_t before = lines->timed_calls[MS_REGION_IO_SEND];
    for (int i = 0; i < 200; i++) {
        const uint64_t until_ns = ms_monotonic_ns() + 20000;
        while (ms_monotonic_ns() < until_ns) {
        }
        assert_true(call(MS_REGION_IO_SEND, -1, 0, 1));
    }
    assert_int_equal(lines->timed_calls[MS_REGION_IO_SEND] - before, 200);
    for (int i = 0; i < 1000; i++) {
        assert_true(call(MS_REGION_IO_SYNC, -1, 0, 0)); /* these always */
    }
}

static void as_was_asked(void **state)
{
    (void)state;
    struct ms_io_state *io = &thread->io;
    const struct ms_io_state before = *io;
    ms_region->config.io = MS_IO_ALL;
    io->until_timed[MS_REGION_IO_RECEIVE] = 0;
    for (int i = 0; i < 10000; i++) {
        assert_true(call(MS_REGION_IO_RECEIVE, -1, 0, 1));
    }
    ms_region->config.io = MS_IO_COUNT;
    for (int i = 0; i < 10000; i++) {
        assert_false(call(MS_REGION_IO_RECEIVE, -1, 0, 1));
    }
    assert_int_equal(lines->calls[MS_REGION_IO_RECEIVE], 20000);
    ms_region->config.io = MS_IO_OFF;
    io->lines = NULL;
    assert_null(ms_io_enter());
    ms_region->config.io = MS_IO_SAMPLE;
    *io = before;
}

static void errors_and_waits_are_apart(void **state)
{
    (void)state;
    const uint64_t errors = lines->errors[MS_REGION_IO_SEND];
    ms_io_failed(lines, MS_REGION_IO_SEND, EAGAIN);
    ms_io_failed(lines, MS_REGION_IO_SEND, EINPROGRESS);
    ms_io_failed(lines, MS_REGION_IO_SEND, EPIPE);
    assert_int_equal(lines->would_block[MS_REGION_IO_SEND], 2);
    assert_int_equal(lines->errors[MS_REGION_IO_SEND] - errors, 1);
}

static void descriptors_are_asked_once_and_forgotten(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const int file = open("/dev/null", O_RDWR);
    errno = 55;
    assert_int_equal(ms_io_kind_of(pair[0], MS_REGION_IO_READ), MS_REGION_IO_RECEIVE);
    assert_int_equal(ms_io_kind_of(file, MS_REGION_IO_WRITE), MS_REGION_IO_WRITE);
    assert_int_equal(ms_io_kind_of(-1, MS_REGION_IO_WRITE), MS_REGION_IO_WRITE);
    assert_int_equal(errno, 55);
    assert_int_equal(ms_io_descriptors[pair[0]], MS_IO_SOCKET);
    assert_int_equal(ms_io_descriptors[file], MS_IO_FILE);
    assert_int_equal(dup2(pair[0], file), file); /* not through our hook: still a file */
    assert_int_equal(ms_io_kind_of(file, MS_REGION_IO_WRITE), MS_REGION_IO_WRITE);
    ms_io_forget((uint32_t)file, (uint32_t)file);
    assert_int_equal(ms_io_kind_of(file, MS_REGION_IO_WRITE), MS_REGION_IO_SEND);
    ms_io_forget(0, UINT32_MAX);
    assert_int_equal(ms_io_descriptors[pair[0]], MS_IO_UNKNOWN);
    close(file);
    close(pair[0]);
    close(pair[1]);
}

/* What was closed behind our back is found out at one of the next looks. */
static void staleness_is_bounded(void **state)
{
    (void)state;
    int pair[2];
    const int file = open("/dev/null", O_RDWR);
    assert_int_equal(ms_io_kind_of(file, MS_REGION_IO_WRITE), MS_REGION_IO_WRITE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(dup2(pair[0], file), file);
    int calls = 0;
    while (ms_io_kind_of(file, MS_REGION_IO_WRITE) == MS_REGION_IO_WRITE && calls < 100000) {
        (void)call(MS_REGION_IO_WRITE, file, 0, 1);
        calls++;
    }
    assert_in_range(calls, 1, 20000);
    close(file);
    close(pair[0]);
    close(pair[1]);
}

static uint64_t samples_of_sites(uint64_t *calls, uint64_t *bytes)
{
    const uint32_t taken = ms_region->areas[MS_AREA_IO_SITES].taken;
    uint64_t samples = 0;
    *calls = *bytes = 0;
    for (uint32_t i = 1; i < taken; i++) {
        const struct ms_region_io_site *site = ms_area_at(MS_AREA_IO_SITES, i);
        assert_int_equal(MS_IO_SITE_SERIAL(site->identity), thread->serial);
        samples += site->samples;
        *calls += site->calls;
        *bytes += site->bytes;
    }
    return samples;
}

/* Every timed call is at a site, but those of poll; when there is no room, it is said. */
static void sites_add_up(void **state)
{
    (void)state;
    uint64_t calls, bytes, timed = 0, weighed = 0;
    (void)call(MS_REGION_IO_POLL, -1, 0, 0);
    for (int kind = 0; kind < MS_REGION_IO_POLL; kind++) {
        timed += lines->timed_calls[kind];
        weighed += lines->weighed_calls[kind];
    }
    assert_int_equal(samples_of_sites(&calls, &bytes), timed);
    assert_int_equal(calls, weighed);
    ms_region->areas[MS_AREA_IO_SITES].capacity = ms_region->areas[MS_AREA_IO_SITES].taken;
    thread->io.heads[0] = 0;
    for (unsigned i = 0; i < MS_IO_SITE_HEADS; i++) {
        thread->io.heads[i] = 0;
    }
    (void)call(MS_REGION_IO_SYNC, -1, 0, 0);
    assert_int_equal(ms_region->losses.io_sites_missing, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_threads),
        cmocka_unit_test(fast_calls_are_sampled_without_bias),
        cmocka_unit_test(slow_calls_are_all_timed),
        cmocka_unit_test(as_was_asked),
        cmocka_unit_test(errors_and_waits_are_apart),
        cmocka_unit_test(descriptors_are_asked_once_and_forgotten),
        cmocka_unit_test(staleness_is_bounded),
        cmocka_unit_test(sites_add_up),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
