/* Batches of one process on a real socket: order, handlers in the middle, a number taken away. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/thread.h"
#include "probe/trace.h"
#include "probe/wiped.h"
#include "probe_region.h"
#include "wire/clock.h"
#include "wire/trace.h"

#define FROM_HANDLER 7u /* context of the events of a handler, others have 1 */

static int reading;
static struct {
    uint64_t allocations[8], missing, batches;
    uint64_t last[8]; /* address of the last event of a context */
    bool in_order;
} seen;

static uint64_t next_event; /* UINT64_MAX: whatever the first batch of a test says */

static void take_batch(const struct ms_trace_batch *batch, size_t bytes)
{
    assert_true(ms_trace_batch_check(batch, bytes));
    assert_int_equal(batch->pid, getpid());
    assert_int_equal(batch->region, 5);
    seen.missing += next_event == UINT64_MAX ? 0 : batch->first_event - next_event;
    next_event = batch->first_event + batch->event_count;
    seen.batches++;
    const struct ms_trace_event *events = (const struct ms_trace_event *)(batch + 1);
    for (uint32_t i = 0; i < batch->event_count; i++) {
        if (ms_trace_event_kind(&events[i]) == MS_TRACE_MISSING) {
            seen.missing++;
            continue;
        }
        uint32_t context = events[i].context & 7;
        seen.in_order = seen.in_order && events[i].address > seen.last[context];
        seen.last[context] = events[i].address;
        seen.allocations[context]++;
        assert_true(ms_monotonic_ns() - ms_trace_event_time_ns(batch, &events[i]) <
                    60 * MS_NS_PER_S);
    }
}

static void drain(void)
{
    static _Alignas(8) unsigned char packet[256 << 10];
    ssize_t got;
    while ((got = recv(reading, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        take_batch((const void *)packet, (size_t)got);
    }
}

static uint64_t lost(void)
{
    return atomic_load(&ms_region->trace_lost);
}

static uint32_t trace_state(void)
{
    return atomic_load(&ms_region->trace_state);
}

/* A socket of its own for every test, and counters from zero. */
static int begin(void **state)
{
    (void)state;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return -1;
    }
    drain();
    close(reading);
    ms_trace_end();
    ms_trace_begin(ends[1], 5);
    reading = ends[0];
    ms_region->config.trace_events_max = 0;
    ms_region->config.trace_wait_ms = 0;
    atomic_store(&ms_region->trace_state, MS_TRACE_ON);
    atomic_store(&ms_region->trace_lost, 0);
    atomic_store(&ms_region->trace_events, 0);
    memset(&seen, 0, sizeof seen);
    seen.in_order = true;
    next_event = UINT64_MAX;
    return 0;
}

static int start(void **state)
{
    if (probe_region_map(0, 0) != 0) {
        return -1;
    }
    ms_region->config.trace_allowed = 1;
    if (!probe_process_begin()) {
        return -1;
    }
    reading = -1;
    (void)state;
    return ms_thread_enter() == NULL ? -1 : 0;
}

static void append(uint64_t number, uint32_t context)
{
    ms_trace_allocated(ms_thread_state, (void *)(uintptr_t)number, 16, context);
}

static void every_event_comes_in_order(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= 20000; number++) {
        append(number, 1);
        if (number % 1000 == 0) {
            drain();
        }
    }
    ms_trace_flush(ms_thread_state);
    drain();
    assert_int_equal(seen.allocations[1], 20000);
    assert_int_equal(seen.missing, 0);
    assert_true(seen.in_order);
    assert_int_equal(lost(), 0);
    assert_int_equal(atomic_load(&ms_region->trace_events), 20000);
    assert_true(seen.batches <= 20);
}

static void a_full_socket_counts_what_is_lost(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= 100000; number++) {
        append(number, 1);
    }
    ms_trace_flush(ms_thread_state);
    drain();
    append(100001, 1); /* tells where it goes on */
    ms_trace_flush(ms_thread_state);
    drain();
    assert_true(lost() > 50000);
    assert_int_equal(seen.missing, lost());
    assert_int_equal(seen.allocations[1] + lost(), 100001);
    assert_int_equal(atomic_load(&ms_region->trace_events), seen.allocations[1]);
    assert_true(seen.in_order);
}

static void the_wait_has_an_end(void **state)
{
    (void)state;
    ms_region->config.trace_wait_ms = 50;
    uint64_t begin_ns = ms_monotonic_ns();
    for (uint64_t number = 1; number <= 100000; number++) {
        append(number, 1);
    }
    uint64_t took_ns = ms_monotonic_ns() - begin_ns;
    assert_true(took_ns >= 50 * MS_NS_PER_MS);
    assert_true(took_ns < 60 * MS_NS_PER_S);
    assert_int_equal(trace_state(), MS_TRACE_IMPATIENT);
    ms_trace_flush(ms_thread_state);
}

static volatile uint64_t handled;

static void on_timer(int number)
{
    (void)number;
    for (int i = 0; i < 3; i++) {
        handled++;
        append(handled, FROM_HANDLER);
    }
}

/* A timer every 100 us hits append and send in all their places. */
static void handlers_in_the_middle_lose_and_damage_nothing(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    const struct itimerval often = {{0, 100}, {0, 100}};
    setitimer(ITIMER_REAL, &often, NULL);
    uint64_t until_ns = ms_monotonic_ns() + 500 * MS_NS_PER_MS;
    uint64_t number = 0;
    while (ms_monotonic_ns() < until_ns || handled <= 100) {
        append(++number, 1);
        if (number % 1024 == 0) {
            drain();
        }
    }
    const struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    ms_trace_flush(ms_thread_state);
    drain();
    assert_true(handled > 100);
    assert_int_equal(lost(), 0);
    assert_int_equal(seen.missing, 0);
    assert_int_equal(seen.allocations[1], number);
    assert_int_equal(seen.allocations[FROM_HANDLER], handled);
    assert_true(seen.in_order);
}

static sigjmp_buf out;

static void leave(int number)
{
    (void)number;
    siglongjmp(out, 1);
}

/* A handler that leaves an append for good costs what it interrupted, and no more. */
static void jumps_out_of_the_middle(void **state)
{
    (void)state;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    struct ms_thread_state *own = ms_thread_state;
    own->stack.stack_low = here - (1u << 20);
    own->stack.stack_high = here + (1u << 20);
    volatile uint64_t number = 1;
    append(number, 1);
    ms_trace_flush(own);
    drain(); /* what is missing counts from here on: a first batch may be left, too */
    signal(SIGALRM, leave);
    for (volatile int round = 0; round < 200; round++) {
        const struct itimerval once = {{0, 0}, {0, 200}};
        if (sigsetjmp(out, 1) == 0) {
            setitimer(ITIMER_REAL, &once, NULL);
            for (;;) {
                number++;
                append(number, 1);
            }
        }
        drain();
    }
    const struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN);
    append(number + 1, 1);
    ms_trace_flush(own);
    drain();
    assert_true(seen.in_order);
    /* The interrupted call of each round may never have taken a number. */
    assert_true(seen.allocations[1] + lost() <= number + 1);
    assert_true(seen.allocations[1] + seen.missing >= number + 1 - 200);
    assert_true(seen.missing >= lost());
    assert_true(lost() <= 200);
}

static int number_of_socket(ino_t inode)
{
    struct stat status;
    for (int fd = 3; fd < 1024; fd++) {
        if (fd != reading && fstat(fd, &status) == 0 && status.st_ino == inode) {
            return fd;
        }
    }
    return -1;
}

static void a_number_taken_for_another_file_ends_the_trace(void **state)
{
    (void)state;
    int ends[2];
    struct stat status;
    int sockets[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
    assert_int_equal(fstat(sockets[1], &status), 0);
    ms_trace_end();
    ms_trace_begin(sockets[1], 5);
    int number = number_of_socket(status.st_ino);
    assert_true(number >= 48);
    assert_int_equal(fcntl(number, F_GETFD), FD_CLOEXEC);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_int_equal(dup2(ends[1], number), number);
    append(1, 1);
    ms_trace_flush(ms_thread_state);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), -1);
    assert_int_equal(trace_state(), MS_TRACE_CLOSED);
    append(2, 1);
    assert_int_equal(lost(), 2);
    ms_trace_end(); /* what took the number stays open */
    assert_int_equal(fcntl(number, F_GETFD), 0);
    close(number);
    close(ends[0]);
    close(ends[1]);
    close(sockets[0]);
}

static void the_limit_is_exact(void **state)
{
    (void)state;
    ms_region->config.trace_events_max = 5000;
    for (uint64_t number = 1; number <= 10000; number++) {
        append(number, 1);
        drain();
    }
    ms_trace_flush(ms_thread_state);
    drain();
    assert_int_equal(seen.allocations[1], 5000);
    assert_int_equal(trace_state(), MS_TRACE_LIMIT);
    assert_int_equal(lost(), 0);
}

static void no_descriptor_is_said(void **state)
{
    (void)state;
    ms_trace_end();
    struct ms_thread_state *own = ms_thread_state;
    struct ms_trace_buffer *kept = own->trace;
    own->trace = NULL;
    append(1, 1);
    own->trace = kept;
    assert_int_equal(trace_state(), MS_TRACE_NO_DESCRIPTOR);
    assert_int_equal(lost(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_event_comes_in_order, begin),
        cmocka_unit_test_setup(a_full_socket_counts_what_is_lost, begin),
        cmocka_unit_test_setup(the_wait_has_an_end, begin),
        cmocka_unit_test_setup(handlers_in_the_middle_lose_and_damage_nothing, begin),
        cmocka_unit_test_setup(jumps_out_of_the_middle, begin),
        cmocka_unit_test_setup(a_number_taken_for_another_file_ends_the_trace, begin),
        cmocka_unit_test_setup(no_descriptor_is_said, begin),
        cmocka_unit_test_setup(the_limit_is_exact, begin),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
