/*
 * A made-up session for tests of recordings: processes, threads and call sites come, change, go and
 * are merged, as drawn from a seed. Two of one seed do the same, tick by tick.
 */
#ifndef MS_TESTS_RECORDED_SESSION_H
#define MS_TESTS_RECORDED_SESSION_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "model/model.h"
#include "model/module.h"

#define RECORD_SESSION_INTERVAL_NS UINT64_C(100000000)
#define RECORD_SESSION_START_NS    UINT64_C(5000000000)

struct record_session {
    struct ms_model *model;
    uint64_t random;
    uint64_t tick;
    uint32_t next_process;
    uint32_t alive[64]; /* ids of threads */
    uint32_t alive_count;
    uint32_t processes[32]; /* alive, but the program */
    uint32_t process_count;
    uint32_t sites[64];
    uint32_t site_count;
    const struct ms_frame *frames[64];
    uint32_t frame_count;
    uint32_t threads_most; /* 1..64 */
    uint32_t sites_most;   /* 1..64 */
    uint32_t short_lived;  /* processes that come and go in every tick */
};

static inline uint32_t record_session_draw(struct record_session *session, uint32_t below)
{
    session->random = session->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(session->random >> 33) % below;
}

static inline struct ms_process *record_session_process(struct record_session *session)
{
    char name[32];
    const uint64_t now_ns = RECORD_SESSION_START_NS + session->tick * RECORD_SESSION_INTERVAL_NS;
    struct ms_process *process = ms_model_add_process(session->model, ++session->next_process);
    snprintf(name, sizeof name, "prog%u", session->next_process % 7);
    snprintf(process->exe, sizeof process->exe, "/usr/bin/%s", name);
    process->arguments = malloc(32);
    process->arguments_bytes =
        (size_t)snprintf(process->arguments, 32, "%s%csecret-%u", name, 0, session->next_process) +
        1;
    process->pid = 100 + (pid_t)session->next_process;
    process->parent_id = session->next_process > 1 ? 1 : 0;
    process->start_ns = now_ns;
    process->start_unix_ns = UINT64_C(1700000000000000000) + now_ns;
    process->kernel.have_memory = true;
    process->trace.because = "";
    return process;
}

static inline void record_session_thread(struct record_session *session, uint32_t process_id)
{
    struct ms_thread *thread = ms_model_add_thread(session->model, process_id);
    snprintf(thread->name, sizeof thread->name, "worker-%u", thread->id % 5);
    thread->tid = 1000 + (pid_t)thread->id;
    thread->tracked = thread->probed = record_session_draw(session, 8) != 0;
    thread->start_ns = RECORD_SESSION_START_NS + session->tick * RECORD_SESSION_INTERVAL_NS;
    thread->kernel.have = MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_IO;
    session->alive[session->alive_count++] = thread->id;
}

static inline void record_session_site(struct record_session *session)
{
    const struct ms_frame *stack[6];
    char name[40];
    const uint32_t depth = 1 + record_session_draw(session, 6);
    for (uint32_t i = 0; i < depth; i++) {
        if (session->frame_count < 64 && record_session_draw(session, 3) == 0) {
            struct ms_frame *frame = ms_model_add_frame(session->model);
            snprintf(name, sizeof name, "function_%u", session->frame_count);
            frame->address = 0x1000 + 16u * session->frame_count;
            frame->file_offset = frame->address;
            frame->module = ms_model_string(session->model, "/usr/bin/prog1");
            frame->crate = frame->file = ms_model_string(session->model, "");
            frame->function = ms_model_string(session->model, name);
            session->frames[session->frame_count++] = frame;
        }
        stack[i] = session->frames[record_session_draw(session, session->frame_count)];
    }
    struct ms_site *site = ms_model_add_site(session->model, 1, stack, depth, 0);
    if (session->site_count < 64) {
        session->sites[session->site_count++] = site->id;
    }
}

static inline struct record_session record_session_new(uint64_t seed)
{
    struct record_session session = {
        .random = seed, .threads_most = 24, .sites_most = 40, .short_lived = 0};
    session.model = ms_model_new(RECORD_SESSION_INTERVAL_NS, RECORD_SESSION_START_NS,
                                 UINT64_C(1700000000000000000));
    struct ms_frame *main_frame = ms_model_add_frame(session.model);
    const char *none = ms_model_string(session.model, "");
    main_frame->address = main_frame->file_offset = 0x500;
    main_frame->module = ms_model_string(session.model, "/usr/bin/prog1");
    main_frame->crate = main_frame->file = none;
    main_frame->function = ms_model_string(session.model, "main");
    session.frames[session.frame_count++] = main_frame;
    struct ms_system *system = ms_model_system_mutable(session.model);
    snprintf(system->host, sizeof system->host, "testhost");
    system->cores = 2;
    system->memory_total_bytes = UINT64_C(8) << 30;
    record_session_process(&session);
    record_session_thread(&session, 1);
    return session;
}

/* Some are sampled, and some have more than the figures of all. */
static inline void record_session_use(struct record_session *session, uint32_t thread_id,
                                      uint32_t site_id, uint32_t allocations, uint32_t freed)
{
    struct ms_usage *usage = ms_model_sampled_usage_mutable(session->model, thread_id, site_id,
                                                            site_id % 5 == 4 ? 1 : 0);
    struct ms_usage_extra extra;
    if (usage == NULL) {
        return;
    }
    usage->allocations += allocations;
    usage->bytes_allocated += allocations * UINT64_C(48);
    usage->deallocations += freed;
    usage->bytes_freed += freed * UINT64_C(48);
    if (site_id % 3 == 0) {
        ms_usage_get_extra(usage, &extra);
        extra.sizes.events[allocations % 4] += allocations;
        extra.lifetimes.events[freed % 6] += freed;
        extra.reallocations += freed % 3;
        extra.samples += usage->rate != 0 ? 1 : 0;
        (void)ms_usage_put_extra(usage, &extra);
    }
}

/* One thread works; its process has the sum. */
static inline void record_session_work(struct record_session *session, uint32_t thread_id)
{
    struct ms_thread *thread = ms_model_thread_mutable(session->model, thread_id);
    const uint32_t allocations = record_session_draw(session, 50);
    const uint32_t freed = record_session_draw(session, allocations + 1);
    struct ms_process *process = ms_model_process_mutable(session->model, thread->process_id);
    thread->kernel.run_ns += record_session_draw(session, 100000000);
    thread->kernel.user_ns = thread->kernel.run_ns / 2;
    thread->kernel.read_calls += record_session_draw(session, 10);
    thread->kernel.read_chars_bytes += record_session_draw(session, 100000);
    process->kernel.user_ns += 1000000;
    process->kernel.rss_bytes = (UINT64_C(10) + record_session_draw(session, 3)) << 20;
    if (!thread->tracked) {
        return;
    }
    thread->heap.allocations += allocations;
    thread->heap.bytes_allocated += allocations * UINT64_C(48);
    thread->heap.deallocations += freed;
    thread->heap.bytes_freed += freed * UINT64_C(48);
    process->totals.allocations += allocations;
    process->totals.bytes_allocated += allocations * UINT64_C(48);
    process->totals.deallocations += freed;
    process->totals.bytes_freed += freed * UINT64_C(48);
    if (session->site_count > 0 && thread->process_id == 1) {
        const uint32_t site = session->sites[record_session_draw(session, session->site_count)];
        record_session_use(session, thread_id, site, allocations, freed);
        const struct ms_work work = {.cpu_samples = 1, .cpu_ns = 1000000};
        if (record_session_draw(session, 4) == 0) {
            (void)ms_model_add_work(session->model, thread_id, site, &work);
        }
    }
}

static inline void record_session_end_thread(struct record_session *session, uint32_t at)
{
    ms_model_end_thread(session->model, session->alive[at],
                        RECORD_SESSION_START_NS + session->tick * RECORD_SESSION_INTERVAL_NS);
    session->alive[at] = session->alive[--session->alive_count];
}

static inline void record_session_end_process(struct record_session *session, uint32_t id)
{
    struct ms_process *process = ms_model_process_mutable(session->model, id);
    for (uint32_t i = session->alive_count; i > 0; i--) {
        const struct ms_thread *thread =
            ms_model_thread_by_id(session->model, session->alive[i - 1]);
        if (thread->process_id == id) {
            record_session_end_thread(session, i - 1);
        }
    }
    process->end_ns = RECORD_SESSION_START_NS + session->tick * RECORD_SESSION_INTERVAL_NS;
    process->exit_status = (int32_t)(id % 3);
}

static inline void record_session_lives(struct record_session *session)
{
    for (uint32_t i = 0; i < session->short_lived; i++) {
        const struct ms_process *process = record_session_process(session);
        record_session_thread(session, process->id);
        record_session_work(session, session->alive[session->alive_count - 1]);
        record_session_end_process(session, process->id);
    }
    if (session->process_count < 4 && record_session_draw(session, 20) == 0) {
        const struct ms_process *process = record_session_process(session);
        session->processes[session->process_count++] = process->id;
    } else if (session->process_count > 0 && record_session_draw(session, 40) == 0) {
        const uint32_t at = record_session_draw(session, session->process_count);
        record_session_end_process(session, session->processes[at]);
        session->processes[at] = session->processes[--session->process_count];
    }
    if (session->alive_count < session->threads_most && record_session_draw(session, 3) == 0) {
        const uint32_t at = record_session_draw(session, session->process_count + 1);
        record_session_thread(session, at == 0 ? 1 : session->processes[at - 1]);
    } else if (session->alive_count > 1 && record_session_draw(session, 5) == 0) {
        record_session_end_thread(session, record_session_draw(session, session->alive_count));
    }
    if (session->site_count < session->sites_most && record_session_draw(session, 4) == 0) {
        record_session_site(session);
    }
}

/* The next tick of the session, 100 ms later. */
static inline void record_session_tick(struct record_session *session)
{
    session->tick++;
    const uint64_t now_ns = RECORD_SESSION_START_NS + session->tick * RECORD_SESSION_INTERVAL_NS;
    record_session_lives(session);
    for (uint32_t i = 0; i < session->alive_count; i++) {
        if (record_session_draw(session, 3) != 0) {
            record_session_work(session, session->alive[i]);
        }
    }
    if (session->alive_count > 1 && record_session_draw(session, 3) == 0) {
        struct ms_flow *flow = ms_model_flow_mutable(session->model, 1, session->alive[0],
                                                     session->alive[session->alive_count - 1]);
        flow->blocks += 1;
        flow->bytes += 48;
    }
    if (session->site_count > 1 && record_session_draw(session, 50) == 0) {
        struct ms_misuse *misuse =
            ms_model_misuse_mutable(session->model, 1, MS_MISUSE_MISMATCH, session->sites[0],
                                    session->sites[session->site_count - 1]);
        misuse->count++;
        misuse->how = "new[] released by free";
        misuse->last_seen_ns = now_ns;
    }
    if (record_session_draw(session, 4) == 0) {
        char text[40];
        const int bytes = snprintf(text, sizeof text, "at %u,%s", (unsigned)session->tick,
                                   record_session_draw(session, 3) == 0 ? "" : " done\n");
        (void)ms_output_append(ms_model_output_mutable(session->model), text, (size_t)bytes);
    }
    struct ms_system *system = ms_model_system_mutable(session->model);
    system->cpu_pct = record_session_draw(session, 100);
    system->memory_available_bytes = UINT64_C(1) << 30;
    for (uint32_t i = 0; i < system->cores; i++) {
        system->core[i].pct = (float)record_session_draw(session, 100);
    }
    (void)ms_model_tick_end(session->model, now_ns);
}

static inline void record_session_free(struct record_session *session)
{
    ms_model_free(session->model);
}

#endif
