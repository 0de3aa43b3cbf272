/*
 * A lively made-up session, by the model's own writing functions: threads that come, move, end and
 * are merged by the thousand, processes that exec, end and are merged, a machine whose disks and
 * GPUs come and go, sources that are refused. The same for each seed.
 */
#ifndef TEST_RECORD_SESSION_H
#define TEST_RECORD_SESSION_H

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "model/restore.h"

#define SESSION_START_NS UINT64_C(1000000000000)
#define SESSION_TICK_NS  UINT64_C(100000000)

struct session {
    struct ms_model *model;
    uint64_t random, now_ns, tick;
    uint32_t next_process;
    unsigned threads;          /* that live at a time, about */
    unsigned threads_a_tick;   /* that come and go besides */
    unsigned processes_a_tick; /* that come, and end two ticks later */
};

static inline uint64_t session_draw(struct session *session, uint64_t below)
{
    session->random ^= session->random << 13;
    session->random ^= session->random >> 7;
    session->random ^= session->random << 17;
    return session->random % below;
}

static inline void session_text(struct session *session, char *out, size_t size, const char *kind)
{
    (void)snprintf(out, size, "%s-%" PRIu64, kind, session_draw(session, 40));
}

static inline struct ms_process *session_process(struct session *session)
{
    struct ms_process *process = ms_model_add_process(session->model, ++session->next_process);
    if (process == NULL) {
        abort();
    }
    process->pid = (pid_t)(1000 + session->next_process);
    process->parent_id = session->next_process > 1 ? 1 : 0;
    process->start_ns = session->now_ns - 50;
    process->trace.because = "";
    process->tracking.known = true;
    process->tracking.asked.mode = MS_TRACK_AUTO;
    session_text(session, process->exe, sizeof process->exe, "/usr/bin/tool");
    if (session_draw(session, 3) != 0) {
        static const char arguments[] = "tool\0--flag";
        process->arguments = malloc(sizeof arguments);
        if (process->arguments == NULL) {
            abort();
        }
        memcpy(process->arguments, arguments, sizeof arguments);
        process->arguments_bytes = sizeof arguments - 1;
    }
    return process;
}

static inline void session_thread_begins(struct session *session, uint32_t process_id)
{
    struct ms_thread *thread = ms_model_add_thread(session->model, process_id);
    if (thread == NULL) {
        abort();
    }
    thread->tid = (pid_t)(100000 + thread->id);
    thread->probed = session_draw(session, 4) != 0;
    thread->tracked = thread->probed;
    thread->start_ns = session->now_ns - session_draw(session, SESSION_TICK_NS);
    session_text(session, thread->name, sizeof thread->name, "worker");
}

static inline void session_io(struct session *session, struct ms_thread_io *io)
{
    io->have = true;
    for (int kind = 0; kind < MS_IO_KIND_TOTAL; kind++) {
        struct ms_io_figures *figures = &io->of[kind];
        if (session_draw(session, 3) == 0) {
            figures->calls += 3;
            figures->bytes += session_draw(session, 10000);
            figures->timed_calls++;
            figures->timed_ns += session_draw(session, 1000000);
            figures->wait_ns = (double)figures->timed_ns * 3.1;
        }
    }
    io->in_flight = session_draw(session, 2) != 0;
    io->in_flight_kind = MS_IO_KIND_SEND;
    io->in_flight_since_ns = io->in_flight ? session->now_ns - 5 : 0;
}

static inline void session_thread_works(struct session *session, uint32_t id, bool active)
{
    struct ms_thread *thread = ms_model_thread_mutable(session->model, id);
    if (thread == NULL) {
        abort();
    }
    struct ms_kernel_thread *kernel = &thread->kernel;
    kernel->have |= MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_SWITCHES;
    kernel->often_read_ns = session->now_ns;
    if (session->tick % 5 == 0) {
        kernel->slowly_read_ns = session->now_ns;
    }
    if (!active) {
        kernel->state = 'S';
        return;
    }
    kernel->stat_read_ns = session->now_ns;
    kernel->have |= session_draw(session, 50) == 0 ? MS_HAVE_IO | MS_HAVE_COUNTERS : 0;
    kernel->run_ns += session_draw(session, SESSION_TICK_NS);
    kernel->run_queue_wait_ns += session_draw(session, 1000000);
    kernel->user_ns = kernel->run_ns / 2;
    kernel->system_ns = kernel->run_ns / 3;
    kernel->voluntary_switches += session_draw(session, 20);
    kernel->minor_faults += session_draw(session, 9);
    kernel->state = 'R';
    kernel->last_core = (int32_t)session_draw(session, 8);
    kernel->counters.cycles += session_draw(session, 1000000);
    kernel->counters.cache_misses = MS_NO_COUNTER;
    if (thread->tracked) {
        thread->heap.allocations += session_draw(session, 1000);
        thread->heap.bytes_allocated += session_draw(session, 1000000);
        thread->heap.bytes_freed = thread->heap.bytes_allocated / 2;
        thread->heap.peak_bytes = thread->heap.bytes_allocated;
    }
    if (session_draw(session, 4) == 0) {
        session_io(session, &thread->io);
    }
    if (session_draw(session, 97) == 0) {
        session_text(session, thread->name, sizeof thread->name, "renamed");
    }
}

static inline void session_connections(struct session *session, struct ms_network *network)
{
    network->have = true;
    network->read_ns = session->now_ns;
    network->received_bytes += session_draw(session, 100000);
    network->sent_bytes += 7;
    if (network->connections == NULL) {
        network->connections = calloc(MS_CONNECTIONS_KEPT, sizeof *network->connections);
    }
    network->kept = (size_t)session_draw(session, MS_CONNECTIONS_KEPT / 8);
    for (size_t i = 0; i < network->kept; i++) {
        struct ms_connection *connection = &network->connections[i];
        session_text(session, connection->local, sizeof connection->local, "127.0.0.1");
        connection->received_bytes += 100;
        connection->round_trip_us = i % 2 == 0 ? (double)NAN : 12.5;
    }
}

static inline void session_process_works(struct session *session, struct ms_process *process)
{
    static const char *const reasons[] = {"the table of call stacks fills up", "it is too slow"};
    process->seen = (enum ms_seen)session_draw(session, 3);
    process->kernel.have_memory = process->kernel.have_io = true;
    process->kernel.rss_bytes = session_draw(session, 1 << 30);
    process->kernel.user_ns += session_draw(session, SESSION_TICK_NS);
    process->kernel.read_chars_bytes += session_draw(session, 5000);
    process->totals.bytes_allocated += session_draw(session, 1 << 20);
    process->totals.allocations += 10;
    process->losses.coarsened += session_draw(session, 2);
    if (session_draw(session, 10) == 0) {
        session_connections(session, &process->resources.network);
        process->resources.map.parts[MS_MEMORY_PART_HEAP].resident_bytes += 4096;
        process->resources.cgroup.have = true;
        process->resources.cgroup.throttled_ns += 1000;
        process->resources.cgroup.cpus = (double)NAN;
        process->gpu_pct = (double)session_draw(session, 100);
        process->have_gpu = true;
    }
    if (session_draw(session, 30) == 0 && process->tracking.steps_kept < MS_STEP_DOWNS_MAX) {
        struct ms_process_tracking *tracking = &process->tracking;
        tracking->steps++;
        tracking->step[tracking->steps_kept++] =
            (struct ms_step_down){.at_ns = session->now_ns,
                                  .depth = 8,
                                  .because = reasons[session_draw(session, 2)],
                                  .in_force = true};
    }
    if (session_draw(session, 30) == 0) {
        process->threads_unread = process->threads_unread == NULL ? "another namespace" : NULL;
        process->trace.because = "nobody reads";
    }
    if (session_draw(session, 20) == 0) {
        process->peak.epoch++;
        process->peak.bytes += 1000;
        process->peak.at_ns = session->now_ns;
    }
}

static inline void session_machine(struct session *session)
{
    struct ms_system *system = ms_model_system_mutable(session->model);
    system->cores = 8;
    system->cpu_pct = (double)session_draw(session, 100);
    system->load_1 = 0.5 * (double)session_draw(session, 100);
    system->memory_total_bytes = 1 << 30;
    system->memory_available_bytes = session_draw(session, 1 << 30);
    for (uint32_t i = 0; i < system->cores; i++) {
        system->core[i].pct = (float)session_draw(session, 100);
    }
    if (session->tick % 7 == 0) {
        system->disk_count = 1 + (size_t)session_draw(session, 4);
        for (size_t i = 0; i < system->disk_count; i++) {
            session_text(session, system->disks[i].name, sizeof system->disks[i].name, "sd");
            system->disks[i].read_bytes_per_s = (double)session_draw(session, 1000);
        }
        system->sensor_count = (size_t)session_draw(session, 3);
        ms_model_source_set(session->model, MS_SOURCE_SENSORS,
                            (enum ms_source_condition)session_draw(session, 4), "refused");
    }
    if (session->tick == 12) {
        system->gpus = calloc(MS_GPUS_MAX, sizeof *system->gpus);
        system->gpu_count = 1;
    } else if (session->tick > 12) {
        system->gpu_count = session->tick > 30 ? 2 : 1;
        struct ms_gpu *gpu = &system->gpus[session_draw(session, system->gpu_count)];
        gpu->nvidia = true;
        gpu->pct = (double)session_draw(session, 100);
        gpu->power_w = (double)NAN;
        gpu->lost = session_draw(session, 5) == 0;
        gpu->read_ns = session->now_ns;
        gpu->memory_total_bytes = 1 << 20;
        gpu->user_count = (size_t)session_draw(session, 4);
        for (size_t i = 0; i < gpu->user_count; i++) {
            gpu->users[i].pid = (pid_t)session_draw(session, 3000);
            gpu->users[i].pct = (double)NAN;
        }
    }
    struct ms_trace *trace = ms_model_trace_mutable(session->model);
    trace->asked = true;
    trace->events += 3;
}

/* Ends some of those alive, the oldest of short ones first, and lets the others work. */
static inline void session_threads(struct session *session)
{
    struct ms_model *model = session->model;
    const uint32_t program = 1;
    for (unsigned i = 0; i < session->threads_a_tick; i++) {
        session_thread_begins(session, program);
    }
    while (ms_model_alive_count(model) > session->threads) {
        const size_t which = (size_t)session_draw(session, ms_model_alive_count(model));
        ms_model_end_thread(model, ms_model_thread(model, which)->id, session->now_ns);
    }
    while (ms_model_alive_count(model) < session->threads) {
        session_thread_begins(session, program);
    }
    for (size_t i = 0; i < ms_model_alive_count(model); i++) {
        const uint32_t id = ms_model_thread(model, i)->id;
        if (session_draw(session, 10) != 0) {
            session_thread_works(session, id, id % 2 == 0 || session_draw(session, 25) == 0);
        }
    }
    /* What others freed of a thread that has ended. */
    const size_t all = ms_model_thread_count(model);
    if (all > ms_model_alive_count(model)) {
        const size_t others = all - ms_model_alive_count(model);
        const size_t which = ms_model_alive_count(model) + (size_t)session_draw(session, others);
        struct ms_thread *thread =
            ms_model_thread_mutable(model, ms_model_thread(model, which)->id);
        if (thread != NULL) {
            thread->heap.bytes_freed += 16;
        }
    }
}

static inline void session_processes(struct session *session)
{
    struct ms_model *model = session->model;
    if (session->next_process == 0) {
        (void)session_process(session);
    }
    for (unsigned i = 0; i < session->processes_a_tick; i++) {
        const struct ms_process *process = session_process(session);
        session_thread_begins(session, process->id);
    }
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *known = ms_model_process(model, i);
        if (known->end_ns != 0) {
            continue;
        }
        struct ms_process *process = ms_model_process_mutable(model, known->id);
        session_process_works(session, process);
        if (process->id > 1 && session->now_ns - process->start_ns > 2 * SESSION_TICK_NS) {
            for (size_t t = 0; t < ms_model_alive_count(model);) {
                const struct ms_thread *thread = ms_model_thread(model, t);
                if (thread->process_id == process->id) {
                    ms_model_end_thread(model, thread->id, session->now_ns);
                } else {
                    t++;
                }
            }
            process->end_ns = session->now_ns;
            process->exit_status = (int32_t)session_draw(session, 3) - 1;
            process->replaced_by_exec = session_draw(session, 9) == 0;
        }
    }
}

static inline struct session session_new(uint64_t seed)
{
    return (struct session){
        .model = ms_model_new(SESSION_TICK_NS, SESSION_START_NS, 77),
        .random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
        .now_ns = SESSION_START_NS,
        .threads = 300,
        .threads_a_tick = 40,
        .processes_a_tick = 2,
    };
}

static inline void session_tick(struct session *session)
{
    session->tick++;
    session->now_ns += SESSION_TICK_NS + session_draw(session, 2000000);
    session->now_ns += session->tick % 11 == 0 ? SESSION_TICK_NS : 0;     /* one is missed */
    session->now_ns += session->tick % 37 == 0 ? 5 * SESSION_TICK_NS : 0; /* several */
    session_processes(session);
    session_threads(session);
    session_machine(session);
    if (ms_model_tick_end(session->model, session->now_ns) != 0) {
        abort();
    }
}

#endif
