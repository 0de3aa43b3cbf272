#include "analysis/bottleneck.h"
#include "analysis_session.h"

/* Programs of known natures, and what holds them up. */
static const struct {
    const char *nature;
    struct doing doing;
    bool timed; /* the time of calls is known */
    enum ms_bottleneck_kind kind;
} natures[] = {
    {"gzip: computes, reads large pieces",
     {.user = 0.95, .system = 0.03, .files = 0.04, .read_bytes = 5e7},
     true,
     MS_BOTTLENECK_CPU},
    {"the same without the time of calls",
     {.user = 0.95, .system = 0.03, .files = 0.04, .read_bytes = 5e7},
     false,
     MS_BOTTLENECK_CPU},
    {"a compiler: some allocation is no bottleneck",
     {.user = 0.9, .system = 0.1, .allocations = 3e5, .temporary = 1e5, .faults = 3e4},
     true,
     MS_BOTTLENECK_CPU},
    {"dd with fsync: hardly on a core",
     {.user = 0.01, .system = 0.07, .files = 0.97, .read_bytes = 2e7},
     true,
     MS_BOTTLENECK_IO},
    {"cat from the page cache: all of its calls on a core",
     {.user = 0.02, .system = 0.96, .files = 0.95, .read_bytes = 5e9},
     true,
     MS_BOTTLENECK_IO},
    {"a server under load",
     {.user = 0.2, .system = 0.7, .sockets = 0.68, .poll = 0.1, .socket_bytes = 1e8},
     true,
     MS_BOTTLENECK_NETWORK},
    {"an allocator loop",
     {.user = 0.99, .allocations = 8e6, .temporary = 8e6},
     true,
     MS_BOTTLENECK_MEMORY},
    {"a program of many small objects: allocation is a fifth of its time",
     {.user = 0.95, .allocations = 2e6, .temporary = 1e6},
     true,
     MS_BOTTLENECK_CPU},
    {"first touch of fresh pages",
     {.user = 0.3, .system = 0.7, .faults = 5e5},
     false,
     MS_BOTTLENECK_MEMORY},
    {"the same where a hypervisor makes each fault slow: the kernel's time tells",
     {.user = 0.11, .system = 0.85, .faults = 1.5e5},
     true,
     MS_BOTTLENECK_MEMORY},
    {"as many faults, and the time is the program's own",
     {.user = 0.7, .system = 0.26, .faults = 1.5e5},
     true,
     MS_BOTTLENECK_CPU},
    {"time of the kernel that so few faults do not explain",
     {.user = 0.11, .system = 0.85, .faults = 2e4},
     true,
     MS_BOTTLENECK_CPU},
    {"some faults of a server, whose calls explain the kernel's time",
     {.user = 0.3, .system = 0.6, .sockets = 0.58, .poll = 0.1, .socket_bytes = 1e8, .faults = 6e4},
     true,
     MS_BOTTLENECK_NETWORK},
    {"one of two spinners on one core", {.user = 0.5, .run_queue = 0.5}, true, MS_BOTTLENECK_CORES},
    {"sleep", {.user = 0}, false, MS_BOTTLENECK_IDLE},
    {"a server that nobody asks",
     {.user = 0.001, .poll = 0.99, .switches = 2},
     true,
     MS_BOTTLENECK_IDLE},
    {"a reader that receive nothing", {.sockets = 0.99}, true, MS_BOTTLENECK_IDLE},
    {"a lock convoy: off a core, switching all the time",
     {.user = 0.1, .system = 0.05, .switches = 20000},
     false,
     MS_BOTTLENECK_UNKNOWN},
    {"computes and reads in turn",
     {.user = 0.45, .system = 0.02, .files = 0.45, .read_bytes = 1e8},
     true,
     MS_BOTTLENECK_BALANCED},
};

static void test_known_natures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(natures) / sizeof(natures[0]); i++) {
        struct session session = session_new();
        struct ms_thread *thread = session_thread(&session, "main");
        thread->io.have = natures[i].timed;
        session_run(&session, thread, &natures[i].doing, 12);
        const struct ms_bottleneck of_thread = ms_bottleneck_of_thread(session.model, thread);
        const struct ms_bottleneck of_process =
            ms_bottleneck_of_process(session.model, session.process);
        if (of_thread.kind != natures[i].kind || of_process.kind != natures[i].kind) {
            print_message("%s: %s (%s), its process %s (%s)\n", natures[i].nature,
                          ms_bottleneck_name(of_thread.kind), of_thread.evidence,
                          ms_bottleneck_name(of_process.kind), of_process.evidence);
        }
        assert_int_equal(of_thread.kind, natures[i].kind);
        assert_int_equal(of_process.kind, natures[i].kind);
        assert_true(of_thread.evidence[0] != '\0' && of_process.evidence[0] != '\0');
        session_free(&session);
    }
}

static void test_idle_is_not_claimed_with_certainty(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "sleeper");
    const struct doing nothing = {.user = 0};
    session_run(&session, thread, &nothing, 12);
    const struct ms_bottleneck found = ms_bottleneck_of_thread(session.model, thread);
    assert_int_equal(found.kind, MS_BOTTLENECK_IDLE);
    assert_non_null(strstr(found.evidence, "idle, or waiting for locks"));
    assert_non_null(strstr(found.evidence, ms_findings_waiting_unavailable()));
    assert_true(isnan(found.shares.locks));
    session_free(&session);
}

static void test_shares(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "main");
    thread->io.have = true;
    const struct doing mixed = {.user = 0.3,
                                .system = 0.1,
                                .run_queue = 0.05,
                                .files = 0.2,
                                .sockets = 0.1,
                                .read_bytes = 1e6,
                                .socket_bytes = 1e6};
    session_run(&session, thread, &mixed, 12);
    const struct ms_resource_shares shares = ms_bottleneck_of_thread(session.model, thread).shares;
    CLOSE(shares.cpu, 0.4, 0.001);
    CLOSE(shares.run_queue, 0.05, 0.001);
    CLOSE(shares.io, 0.2, 0.001);
    CLOSE(shares.network, 0.1, 0.001);
    assert_true(isnan(shares.gpu));
    const struct ms_resource_shares of_process =
        ms_bottleneck_of_process(session.model, session.process).shares;
    /* 0.4 of 4 cores; of 0.3 computing + 0.05 + 0.3 in calls. */
    CLOSE(of_process.cpu, 0.1, 0.001);
    CLOSE(of_process.io, 0.2 / 0.65, 0.001);
    session_free(&session);
}

/* A call that has not come back yet counts as far as it has come. */
static void test_a_call_in_flight(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "writer");
    thread->io.have = true;
    const struct doing nothing = {.user = 0};
    session_run(&session, thread, &nothing, 4);
    thread->io.in_flight = true;
    thread->io.in_flight_kind = MS_IO_KIND_SYNC;
    thread->io.in_flight_since_ns = START + 4 * MS_SECOND_NS;
    session_run(&session, thread, &nothing, 8);
    const struct ms_time_use use = ms_time_use_of_thread(session.model, thread);
    CLOSE(use.files, 8.0 / ((double)use.span_ns / 1e9), 0.01);
    session_free(&session);
}

static void test_why_there_are_too_few_cores(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *a = session_thread(&session, "a");
    struct ms_thread *b = session_thread(&session, "b");
    const struct doing half = {.user = 0.5, .run_queue = 0.5};
    a->kernel.have |= MS_HAVE_AFFINITY;
    b->kernel.have |= MS_HAVE_AFFINITY;
    a->kernel.cores_allowed = b->kernel.cores_allowed = 1;
    for (int i = 0; i < 120; i++) {
        work(a, &half, 0.1);
        work(b, &half, 0.1);
        session_tick(&session);
    }
    struct ms_bottleneck found = ms_bottleneck_of_process(session.model, session.process);
    assert_int_equal(found.kind, MS_BOTTLENECK_CORES);
    assert_non_null(strstr(found.evidence, "its affinity allows 1 of 4 cores"));
    CLOSE(found.shares.cpu, 1, 0.001);
    session.process->resources.cgroup.have = true;
    session.process->resources.cgroup.cpus = 1.5;
    for (int i = 0; i < 120; i++) {
        session.process->resources.cgroup.throttled_ns += TENTH / 4;
        work(a, &half, 0.1);
        work(b, &half, 0.1);
        session_tick(&session);
    }
    found = ms_bottleneck_of_process(session.model, session.process);
    assert_non_null(strstr(found.evidence, "may use 1.5 cores and was throttled 25 %"));
    session_free(&session);
}

static void test_short_of_memory(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "main");
    struct ms_system *system = ms_model_system_mutable(session.model);
    const struct doing little = {.user = 0.05, .system = 0.1};
    system->pressure.have = true;
    system->pressure.memory.some_avg10_pct = 40;
    for (int i = 0; i < 120; i++) {
        work(thread, &little, 0.1);
        thread->kernel.major_faults += 10;
        session_tick(&session);
    }
    assert_int_equal(ms_bottleneck_of_thread(session.model, thread).kind, MS_BOTTLENECK_MEMORY);
    session_free(&session);
}

static void test_a_gpu_that_works_alone(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "main");
    const struct doing little = {.user = 0.2};
    session.process->gpu_pct = 95;
    session_run(&session, thread, &little, 12);
    session.process->gpu_pct = 95;
    const struct ms_bottleneck found = ms_bottleneck_of_process(session.model, session.process);
    assert_int_equal(found.kind, MS_BOTTLENECK_GPU);
    CLOSE(found.shares.gpu, 0.95, 1e-9);
    session_free(&session);
}

static void test_what_is_not_known_is_unknown(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "main");
    const struct doing busy = {.user = 0.9};
    struct ms_bottleneck found = ms_bottleneck_of_thread(session.model, thread);
    assert_int_equal(found.kind, MS_BOTTLENECK_UNKNOWN);
    assert_true(isnan(found.shares.cpu));
    thread->kernel.have = 0;
    ms_model_source_set(session.model, MS_SOURCE_SCHEDSTAT, MS_SOURCE_UNAVAILABLE,
                        "the kernel was built without it");
    session_run(&session, thread, &busy, 12);
    found = ms_bottleneck_of_thread(session.model, thread);
    assert_int_equal(found.kind, MS_BOTTLENECK_UNKNOWN);
    assert_string_equal(found.evidence, "CPU time is not known: the kernel was built without it");
    session_free(&session);
}

/* The probe is heard before /proc is read: what comes a tick late is known soon all the same. */
static void test_figures_that_come_late(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "main");
    const struct doing busy = {.user = 0.9};
    const uint32_t have = thread->kernel.have;
    thread->kernel.have = 0;
    for (unsigned i = 0; i < 8; i++) {
        work(thread, &busy, 0.1);
        session_tick(&session);
        thread->kernel.have = have;
    }
    const struct ms_bottleneck found = ms_bottleneck_of_thread(session.model, thread);
    assert_int_equal(found.kind, MS_BOTTLENECK_CPU);
    CLOSE(found.shares.cpu, 0.9, 0.01);
    session_free(&session);
}

/* An ended process is judged by its life, in which its threads were, whenever they ended. */
static void test_an_ended_process(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(natures) / sizeof(natures[0]); i++) {
        struct session session = session_new();
        struct ms_thread *thread = session_thread(&session, "main");
        thread->io.have = natures[i].timed;
        session_run(&session, thread, &natures[i].doing, 30);
        ms_model_end_thread(session.model, thread->id, START + 30 * MS_SECOND_NS);
        session.process->end_ns = START + 30 * MS_SECOND_NS;
        session_tick(&session);
        const struct ms_bottleneck found = ms_bottleneck_of_process(session.model, session.process);
        if (found.kind != natures[i].kind) {
            print_message("%s, ended: %s (%s)\n", natures[i].nature, ms_bottleneck_name(found.kind),
                          found.evidence);
        }
        assert_int_equal(found.kind, natures[i].kind);
        session_free(&session);
    }
}

/* Threads that live for two seconds each, one after the other, are one thread's time. */
static void test_short_threads(void **state)
{
    (void)state;
    struct session session = session_new();
    const struct doing writes = {.user = 0.02, .files = 0.9, .read_bytes = 1e6};
    for (unsigned i = 0; i < 15; i++) {
        struct ms_thread *thread = session_thread(&session, "short");
        const uint32_t id = thread->id;
        thread->io.have = true;
        thread->start_ns = START + (uint64_t)2 * i * MS_SECOND_NS;
        session_run(&session, thread, &writes, 2);
        ms_model_end_thread(session.model, id, START + (uint64_t)2 * (i + 1) * MS_SECOND_NS);
    }
    struct ms_time_use use = ms_time_use_of_process(session.model, session.process);
    CLOSE(use.files, 0.9, 0.05);
    CLOSE(use.presence, 1, 0.05);
    assert_int_equal(ms_bottleneck_of_process(session.model, session.process).kind,
                     MS_BOTTLENECK_IO);
    session.process->end_ns = START + 30 * MS_SECOND_NS;
    use = ms_time_use_of_process(session.model, session.process);
    CLOSE(use.files, 0.9, 0.01);
    CLOSE(use.presence, 1, 0.01);
    assert_int_equal(use.threads, 15);
    session_free(&session);
}

/* An ended thread is judged by its life. */
static void test_an_ended_thread(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "main");
    const struct doing busy = {.user = 0.9};
    session_run(&session, thread, &busy, 5);
    ms_model_end_thread(session.model, thread->id, START + 5 * MS_SECOND_NS);
    session_tick(&session);
    const struct ms_bottleneck found =
        ms_bottleneck_of_thread(session.model, ms_model_thread_by_id(session.model, 1));
    assert_int_equal(found.kind, MS_BOTTLENECK_CPU);
    CLOSE(found.shares.cpu, 0.9, 0.001);
    session_free(&session);
}

static void test_memory_intensity(void **state)
{
    (void)state;
    struct ms_time_use use = {.cpu = 0.5, .allocations = 2.5e6, .minor_faults = 0};
    CLOSE(ms_memory_intensity(&use), 0.5, 1e-12);
    use.minor_faults = 2e5;
    CLOSE(ms_memory_intensity(&use), 2.0 / 3, 1e-12);
    /* Of 0.4 s of kernel time no call explains 0.3, 1.5 us for each of the faults. */
    use = (struct ms_time_use){
        .cpu = 0.5, .user = 0.1, .system = 0.4, .computing = 0.4, .minor_faults = 2e5};
    CLOSE(ms_memory_intensity(&use), 1.2 / 2.2, 1e-12);
    /* No more than 10 us each, and 1.25 where the time is not known. */
    use.minor_faults = 1e4;
    CLOSE(ms_memory_intensity(&use), 0.4 / 1.4, 1e-12);
    use.computing = (double)NAN;
    CLOSE(ms_memory_intensity(&use), 0.05 / 1.05, 1e-12);
    use.cpu = 0.001;
    assert_true(isnan(ms_memory_intensity(&use)));
    use = (struct ms_time_use){.cpu = 1, .allocations = (double)NAN, .minor_faults = (double)NAN};
    assert_true(isnan(ms_memory_intensity(&use)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_natures),
        cmocka_unit_test(test_idle_is_not_claimed_with_certainty),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_a_call_in_flight),
        cmocka_unit_test(test_why_there_are_too_few_cores),
        cmocka_unit_test(test_short_of_memory),
        cmocka_unit_test(test_a_gpu_that_works_alone),
        cmocka_unit_test(test_what_is_not_known_is_unknown),
        cmocka_unit_test(test_an_ended_thread),
        cmocka_unit_test(test_figures_that_come_late),
        cmocka_unit_test(test_an_ended_process),
        cmocka_unit_test(test_short_threads),
        cmocka_unit_test(test_memory_intensity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
