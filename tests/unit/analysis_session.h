/* A made-up session whose threads do known amounts of things each tick; for unit tests. */
#ifndef TESTS_UNIT_ANALYSIS_SESSION_H
#define TESTS_UNIT_ANALYSIS_SESSION_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

#define START            UINT64_C(1000000000000)
#define TENTH            (MS_SECOND_NS / 10)
#define PROCESS          7u
#define CLOSE(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

struct session {
    struct ms_model *model;
    struct ms_process *process;
    uint64_t ticks;
};

static inline struct session session_new(void)
{
    struct session session = {.model = ms_model_new(TENTH, START, 0)};
    assert_non_null(session.model);
    session.process = ms_model_add_process(session.model, PROCESS);
    assert_non_null(session.process);
    session.process->pid = 100;
    session.process->start_ns = START;
    session.process->seen = MS_SEEN_FULL;
    session.process->kernel.have_memory = true;
    (void)snprintf(session.process->exe, sizeof(session.process->exe), "/usr/bin/app");
    ms_model_system_mutable(session.model)->cores = 4;
    return session;
}

static inline struct ms_thread *session_thread(struct session *session, const char *name)
{
    struct ms_thread *thread = ms_model_add_thread(session->model, PROCESS);
    assert_non_null(thread);
    thread->tid = 100 + (pid_t)thread->id;
    thread->probed = thread->tracked = true;
    thread->start_ns = START;
    (void)snprintf(thread->name, sizeof(thread->name), "%s", name);
    thread->kernel.have = MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_SWITCHES | MS_HAVE_IO;
    return thread;
}

/* What a thread does in each second. */
struct doing {
    double user, system, run_queue;  /* seconds */
    double files, sockets, poll;     /* seconds in calls */
    double read_bytes, socket_bytes; /* bytes */
    double allocations, temporary;   /* blocks of 64 bytes */
    double faults, switches;
};

static inline void call(struct ms_thread *thread, enum ms_io_kind kind, double seconds,
                        double bytes)
{
    struct ms_io_figures *figures = &thread->io.of[kind];
    if (seconds > 0 || bytes > 0) {
        figures->calls++;
        figures->timed_calls++;
        figures->bytes += (uint64_t)bytes;
        figures->wait_ns += seconds * 1e9;
        figures->timed_ns += (uint64_t)(seconds * 1e9);
    }
}

static inline void work(struct ms_thread *thread, const struct doing *doing, double seconds)
{
    struct ms_kernel_thread *kernel = &thread->kernel;
    kernel->user_ns += (uint64_t)(doing->user * seconds * 1e9);
    kernel->system_ns += (uint64_t)(doing->system * seconds * 1e9);
    kernel->run_ns = kernel->user_ns + kernel->system_ns;
    kernel->run_queue_wait_ns += (uint64_t)(doing->run_queue * seconds * 1e9);
    kernel->minor_faults += (uint64_t)(doing->faults * seconds);
    kernel->voluntary_switches += (uint64_t)(doing->switches * seconds);
    kernel->read_calls += doing->read_bytes > 0 || doing->socket_bytes > 0 ? 1 : 0;
    kernel->read_chars_bytes += (uint64_t)((doing->read_bytes + doing->socket_bytes) * seconds);
    thread->heap.allocations += (uint64_t)(doing->allocations * seconds);
    thread->heap.deallocations += (uint64_t)(doing->allocations * seconds);
    thread->heap.temporary += (uint64_t)(doing->temporary * seconds);
    thread->heap.bytes_allocated += 64 * (uint64_t)(doing->allocations * seconds);
    thread->heap.bytes_freed += 64 * (uint64_t)(doing->allocations * seconds);
    call(thread, MS_IO_KIND_READ, doing->files * seconds, doing->read_bytes * seconds);
    call(thread, MS_IO_KIND_RECEIVE, doing->sockets * seconds, doing->socket_bytes * seconds);
    call(thread, MS_IO_KIND_POLL, doing->poll * seconds, 0);
}

/* The process has what its threads do. */
static inline void session_tick(struct session *session)
{
    struct ms_process_kernel *kernel = &session->process->kernel;
    kernel->user_ns = kernel->system_ns = kernel->minor_faults = 0;
    session->process->totals = (struct ms_heap){0};
    for (size_t i = 0; i < ms_model_thread_count(session->model); i++) {
        const struct ms_thread *thread = ms_model_thread(session->model, i);
        if (thread->process_id == PROCESS) {
            kernel->user_ns += thread->kernel.user_ns;
            kernel->system_ns += thread->kernel.system_ns;
            kernel->minor_faults += thread->kernel.minor_faults;
            ms_heap_add(&session->process->totals, &thread->heap);
        }
    }
    session->ticks++;
    assert_int_equal(ms_model_tick_end(session->model, START + session->ticks * TENTH), 0);
}

/* `seconds` in which one thread does this and all others nothing. */
static inline void session_run(struct session *session, struct ms_thread *thread,
                               const struct doing *doing, unsigned seconds)
{
    const uint32_t id = thread->id;
    for (unsigned i = 0; i < 10 * seconds; i++) {
        work(ms_model_thread_mutable(session->model, id), doing, 0.1);
        session_tick(session);
    }
}

static inline void session_free(struct session *session)
{
    ms_model_free(session->model);
}

#endif
