/* See target.h. */
#include "collect/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/seen.h"
#include "collect/tracking.h"
#include "wire/clock.h"

#define SLOW_NS (500 * MS_NS_PER_MS)
#define MAPS_NS (1000 * MS_NS_PER_MS)
/* Of many contexts in use sites are read less often: at first one part in so many of the time. */
#define SITES_SHARE         400u
#define SITES_AT_LEAST_NS   (1500 * MS_NS_PER_MS)
#define SITES_STILL_NS      (5 * MS_NS_PER_S)
#define MAPS_STILL_NS       (10 * MS_NS_PER_S) /* of a process that does nothing */
#define FOREFATHERS_AT_MOST 8
#define HEARD_APART_NS      (100 * MS_NS_PER_MS)
#define EAGER_TICKS         5 /* the first ticks read everything: the first screen has it */

static uint64_t unix_ns_of(const struct ms_message_session *session, uint64_t time_ns)
{
    return session->start_unix_ns + (time_ns - session->start_ns);
}

static void keep_arguments(struct ms_process *process, const char *text, size_t bytes)
{
    if (bytes == 0) {
        return;
    }
    char *copy = malloc(bytes + 1);
    if (copy != NULL) {
        memcpy(copy, text, bytes);
        copy[bytes] = '\0';
        free(process->arguments);
        process->arguments = copy;
        process->arguments_bytes = bytes;
    }
}

static void read_identity(struct ms_target *target, struct ms_process *process)
{
    char text[65536];
    char exe[sizeof process->exe];
    ms_proc_process_exe(&target->proc, exe, sizeof exe);
    size_t bytes = ms_proc_process_arguments(&target->proc, text, sizeof text);
    /* Looked at last: what /proc showed may be the program that it became. */
    if (target->has_view && ms_region_view_state(&target->view) == MS_REGION_EXEC) {
        return;
    }
    if (exe[0] != '\0') {
        memcpy(process->exe, exe, sizeof exe);
    }
    keep_arguments(process, text, bytes);
}

/* The session message knows the program before /proc does, and after. */
static void take_session_identity(struct ms_process *process,
                                  const struct ms_message_session *session)
{
    size_t bytes =
        session->text_bytes < sizeof session->text ? session->text_bytes : sizeof session->text;
    size_t exe_bytes = session->exe_bytes < bytes ? session->exe_bytes : bytes;
    (void)snprintf(process->exe, sizeof process->exe, "%.*s", (int)exe_bytes, session->text);
    keep_arguments(process, session->text + exe_bytes, bytes - exe_bytes);
    process->start_ns = session->start_ns;
    process->start_unix_ns = session->start_unix_ns;
}

/* The latest process of that pid that began no later: pids are reused. When a process began is
 * known to be when it was heard of, at first, and then two that were heard of at once are in no
 * order. */
static uint32_t find_parent(const struct ms_model *model, uint32_t own_id, pid_t parent_pid,
                            uint64_t start_ns)
{
    const struct ms_process *best = NULL;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->pid == parent_pid && process->id != own_id &&
            process->start_ns <= start_ns + HEARD_APART_NS &&
            (process->end_ns == 0 || process->end_ns >= start_ns || process->replaced_by_exec) &&
            (best == NULL || process->start_ns >= best->start_ns)) {
            best = process;
        }
    }
    return best == NULL ? 0 : best->id;
}

static void take_start(struct ms_process *process, const struct ms_target_room *room,
                       const struct ms_region_facts *facts)
{
    if (facts->start_ns != 0 && facts->start_ns < process->start_ns) {
        process->start_ns = facts->start_ns;
        process->start_unix_ns = unix_ns_of(room->session, facts->start_ns);
    }
}

void ms_target_find_parent(struct ms_target *target, const struct ms_target_room *room)
{
    struct ms_process *process =
        target->parent_pid > 0 ? ms_model_process_mutable(room->model, target->process_id) : NULL;
    if (process == NULL || target->parent_found) {
        return;
    }
    pid_t pid = target->parent_pid;
    uint32_t found = find_parent(room->model, process->id, pid, process->start_ns);
    target->parent_found = found != 0;
    for (int level = 0; found == 0 && process->parent_id == 0 && level < FOREFATHERS_AT_MOST;
         level++) {
        pid = target->same_namespace ? ms_proc_parent(pid) : 0;
        found = pid > 1 ? find_parent(room->model, process->id, pid, process->start_ns) : 0;
    }
    if (found != 0) {
        process->parent_id = found;
    }
}

int ms_target_begin(struct ms_target *target, const struct ms_target_room *room,
                    uint32_t process_id, pid_t pid, const struct ms_region_mapping *mapping,
                    uint32_t slot, uint64_t now_ns)
{
    *target = (struct ms_target){.process_id = process_id,
                                 .pid = pid,
                                 .heard_ns = now_ns,
                                 .slow_rest_ns = SLOW_NS,
                                 .same_namespace = true,
                                 .probe_expected = (room->session->flags & MS_SESSION_PROBED) != 0};
    if (slot != 0 && mapping != NULL) {
        target->slot_mapping = *mapping;
    }
    struct ms_process *process = ms_model_add_process(room->model, process_id);
    target->threads = ms_watched_threads_new(process_id);
    target->sites = ms_watched_sites_new(process_id, pid, room->code);
    target->misuse = ms_watched_misuse_new(process_id);
    target->io = ms_watched_io_new();
    target->resources = ms_watched_resources_new();
    if (process == NULL || target->threads == NULL || target->sites == NULL ||
        target->misuse == NULL || target->io == NULL || target->resources == NULL) {
        return -ENOMEM;
    }
    ms_watched_threads_share(target->threads, room->thread_sources);
    process->pid = pid;
    process->exit_status = -2;
    process->trace.because = "";
    process->start_ns = now_ns;
    process->start_unix_ns = unix_ns_of(room->session, now_ns);
    int result = 0;
    if (mapping != NULL) {
        result = ms_region_view_init(&target->view, mapping, slot);
        target->has_view = result == 0;
    }
    if (process_id == MS_PROCESS_ID(1, 0)) {
        take_session_identity(process, room->session);
    }
    if (ms_proc_process_open(&target->proc, pid) != 0) {
        target->proc_gone = true;
        target->gone_ns = now_ns;
        process->threads_unread =
            "/proc did not show the process: it ended too soon, or is hidden (hidepid)";
    } else if (process_id != MS_PROCESS_ID(1, 0)) {
        read_identity(target, process);
        process->start_ns = now_ns;
        process->start_unix_ns = unix_ns_of(room->session, now_ns);
        target->parent_pid = ms_proc_parent(pid); /* now, while its forefathers are there */
        ms_target_find_parent(target, room);
    }
    if (target->has_view) {
        struct ms_region_facts facts; /* its children, read before it, look for who was there */
        ms_region_view_facts(&target->view, &facts);
        take_start(process, room, &facts);
    }
    if (!target->probe_expected) {
        ms_say_seen(process, MS_SEEN_NONE,
                    "the program was started without the probe: 'memscope-top doctor' says why");
    } else if (result != 0) {
        ms_say_seen(process, MS_SEEN_NONE, "its counters cannot be read: %s",
                    result == -EPROTONOSUPPORT ? "they are of another version"
                                               : "the shared memory is damaged");
    } else {
        ms_say_seen(process, MS_SEEN_PARTIAL, "the probe has not started yet");
    }
    return result;
}

static void take_totals(struct ms_target *target, struct ms_process *process,
                        const struct ms_region_facts *facts, const struct ms_threads_sum *sum)
{
    struct ms_heap totals = sum->heap;
    uint64_t thread_peak_bytes = totals.peak_bytes;
    ms_heap_add(&totals, &facts->folded);
    uint64_t current_bytes = ms_heap_current_bytes(&totals);
    if (current_bytes > target->peak_seen_bytes) {
        target->peak_seen_bytes = current_bytes;
    }
    uint64_t peak_bytes = facts->peak_bytes;
    peak_bytes = thread_peak_bytes > peak_bytes ? thread_peak_bytes : peak_bytes;
    peak_bytes = target->peak_seen_bytes > peak_bytes ? target->peak_seen_bytes : peak_bytes;
    /* The only thread there ever was knows the peak exactly. */
    bool single = sum->ever == 1 && facts->threads_folded == 0 && thread_peak_bytes > 0;
    totals.peak_bytes = single ? thread_peak_bytes : peak_bytes;
    process->totals = totals;
    uint64_t error_bytes;
    if (__builtin_mul_overflow(facts->publish_step_bytes, (uint64_t)sum->alive, &error_bytes)) {
        error_bytes = UINT64_MAX;
    }
    if (single || error_bytes > process->peak_error_bytes) {
        process->peak_error_bytes = single ? 0 : error_bytes;
    }
    process->losses = (struct ms_losses){
        .recorded = totals.allocations + totals.deallocations,
        .lost = facts->untracked_allocations,
        .coarsened = facts->coarsened_events + facts->busy_events,
        .owner_unknown = facts->stale_tags + facts->side_table_full,
        .threads_folded = facts->threads_folded,
        .not_classified = facts->details_missing,
        .rates_refused = facts->rates_missing,
        .misuse_missing = facts->misuse_missing,
        .io_sites_missing = facts->io_sites_missing,
    };
    process->stacks = facts->stacks;
    target->step_error_bytes =
        error_bytes > target->step_error_bytes ? error_bytes : target->step_error_bytes;
    /* The next one is attributed when it is 1 % above this one. */
    process->peak.error_bytes =
        __builtin_add_overflow(target->step_error_bytes, process->peak.bytes / 100, &error_bytes)
            ? UINT64_MAX
            : error_bytes;
}

/* Records, again when some were folded meanwhile: else their figures would be in twice. */
static int read_records(struct ms_target *target, const struct ms_target_room *room,
                        struct ms_region_facts *facts, uint64_t now_ns, bool all)
{
    int result = 0;
    for (int attempt = 0; attempt < 3 && result == 0; attempt++) {
        struct ms_region_facts before;
        ms_region_view_facts(&target->view, &before);
        result = ms_watched_threads_records(target->threads, room->model, room->budget,
                                            &target->view, now_ns, all);
        ms_region_view_facts(&target->view, facts);
        if (facts->threads_folded == before.threads_folded) {
            break;
        }
    }
    return result;
}

static const char *trace_words(uint32_t state)
{
    switch (state) {
    case MS_TRACE_NONE:
    case MS_TRACE_ON:
        return "";
    case MS_TRACE_IMPATIENT:
        return "waited for its reader in vain: since then what finds no room is lost";
    case MS_TRACE_LIMIT:
        return "ended: as many events as asked for";
    case MS_TRACE_NO_DESCRIPTOR:
        return "none: the program may open too few files";
    case MS_TRACE_CLOSED:
        return "ended: the program closed its socket";
    case MS_TRACE_NO_READER:
        return "ended: the keeper is gone";
    case MS_TRACE_QUIET:
        return "ended: the program installed a seccomp filter";
    case MS_TRACE_NO_MEMORY:
        return "in part: no memory for the buffer of a thread";
    default:
        return "ended for an unknown reason";
    }
}

static void take_tracking(struct ms_target *target, struct ms_process *process)
{
    uint64_t now = ms_region_view_tracking_peek(&target->view);
    if (process->tracking.known && now == target->tracking_seen) {
        return;
    }
    struct ms_region_tracking_copy copy;
    ms_region_view_tracking(&target->view, &copy);
    if (ms_watched_tracking(&copy, &process->tracking)) {
        target->tracking_seen = now;
    }
}

static void take_facts(struct ms_target *target, const struct ms_target_room *room,
                       struct ms_process *process, const struct ms_region_facts *facts)
{
    if (facts->pid != 0) {
        target->same_namespace = facts->pid == (uint32_t)target->pid;
    }
    take_start(process, room, facts);
    const bool parent_told = facts->parent_pid != 0 && facts->parent_pid <= INT32_MAX &&
                             target->parent_pid != (pid_t)facts->parent_pid;
    if (parent_told) {
        target->parent_pid = (pid_t)facts->parent_pid;
    }
    target->exit_noted = facts->exit_noted;
    target->exit_status = facts->exit_status;
    target->exit_ns = facts->exit_ns;
    if (parent_told) { /* else it is looked for when there is another process */
        ms_target_find_parent(target, room);
    }
    if (process->allocator[0] == '\0' && facts->allocator != 0) {
        (void)ms_region_view_string(&target->view, facts->allocator, process->allocator,
                                    sizeof process->allocator);
    }
    if (!target->exe_told && facts->exe != 0) {
        char exe[sizeof process->exe];
        if (ms_region_view_string(&target->view, facts->exe, exe, sizeof exe) > 0) {
            memcpy(process->exe, exe, sizeof exe);
            target->exe_told = true;
        }
    }
    process->probe_bytes = facts->probe_bytes;
    take_tracking(target, process);
    process->trace = (struct ms_process_trace){.begun = facts->trace_state != MS_TRACE_NONE,
                                               .sent = facts->trace_events,
                                               .lost = facts->trace_lost,
                                               .because = trace_words(facts->trace_state)};
}

/* It became a program that the probe did not enter: all there is of it is in /proc. */
static bool executed_for_long(const struct ms_target *target, uint64_t now_ns)
{
    if (ms_region_view_state(&target->view) != MS_REGION_EXEC) {
        return false;
    }
    struct ms_region_facts facts;
    ms_region_view_facts(&target->view, &facts);
    return facts.exec_ns != 0 && now_ns > facts.exec_ns + MS_PROBE_START_NS;
}

/* What is shown and what /proc says differ by what was inherited. */
static void to_raw(const struct ms_target *target, struct ms_process_kernel *kernel)
{
#define ADD(member) kernel->member += target->inherited.member;
    MS_KERNEL_SUMS(ADD)
#undef ADD
}

static void to_own(const struct ms_target *target, struct ms_process_kernel *kernel)
{
#define TAKE_OFF(member)                                                                           \
    kernel->member -=                                                                              \
        kernel->member < target->inherited.member ? kernel->member : target->inherited.member;
    MS_KERNEL_SUMS(TAKE_OFF)
#undef TAKE_OFF
}

void ms_target_inherit(struct ms_target *target, const struct ms_target *older,
                       const struct ms_target_room *room)
{
    struct ms_process *process = ms_model_process_mutable(room->model, target->process_id);
    const struct ms_process *before = ms_model_process_by_id(room->model, older->process_id);
    if (process == NULL || before == NULL || older->pid <= 0) {
        return;
    }
    target->inherited = before->kernel;
    to_raw(older, &target->inherited);
    to_own(target, &process->kernel);
    ms_watched_threads_inherit(target->threads, older->threads, room->model, older->pid);
}

static int read_process(struct ms_target *target, const struct ms_target_room *room,
                        enum ms_proc_depth depth, struct ms_process_kernel *kernel)
{
    to_raw(target, kernel);
    const int result = ms_proc_process_read(&target->proc, room->budget, depth, kernel);
    to_own(target, kernel);
    return result;
}

static int read_kernel(struct ms_target *target, const struct ms_target_room *room,
                       struct ms_process *process, uint64_t now_ns, bool slow)
{
    enum ms_proc_depth depth = slow ? MS_PROC_STATUS : MS_PROC_QUICK;
    const bool turn = room->resources == NULL || ms_shared_map_turn(room->resources, now_ns);
    const uint64_t mark = ms_proc_memory_mark(&process->kernel);
    const uint64_t rest_ns = mark == target->maps_mark ? MAPS_STILL_NS : MAPS_NS;
    if (!turn || now_ns < target->maps_ns + rest_ns) {
        return read_process(target, room, depth, &process->kernel);
    }
    target->maps_ns = now_ns;
    target->maps_mark = mark;
    const uint64_t from_ns = ms_thread_cpu_ns();
    const int result = read_process(target, room, MS_PROC_MAPS, &process->kernel);
    if (room->resources != NULL) {
        ms_shared_map_took(room->resources, now_ns, ms_thread_cpu_ns() - from_ns);
    }
    return result;
}

static int read_proc(struct ms_target *target, const struct ms_target_room *room,
                     struct ms_process *process, uint64_t now_ns, bool slow)
{
    if (target->proc_gone || target->ended) {
        return 0;
    }
    if (room->resources != NULL && !target->proc.zombie) {
        ms_watched_resources_read(target->resources, room->resources, room->model, room->budget,
                                  target->proc.folder, process, now_ns - target->heard_ns, now_ns);
    }
    if (read_kernel(target, room, process, now_ns, slow) == -ESRCH) {
        target->proc_gone = true;
        target->gone_ns = now_ns;
        return 0;
    }
    if (target->proc.zombie && target->gone_ns == 0) {
        target->gone_ns = now_ns;
    }
    if (!target->same_namespace) {
        process->threads_unread = "the process is in another pid namespace: the thread ids that "
                                  "its probe knows are not those of our /proc";
    }
    if (target->proc.zombie || !target->same_namespace) {
        return 0;
    }
    bool executed = target->has_view && executed_for_long(target, now_ns);
    return ms_watched_threads_proc(target->threads, room->model, room->budget, &target->proc,
                                   target->has_view ? &target->view : NULL, executed, now_ns,
                                   target->ticks);
}

/* The peak changes only together with what contexts say of it. */
static void take_peak(struct ms_process *process, const struct ms_region_facts *facts,
                      uint64_t now_ns)
{
    process->sites_before_ns = process->sites_read_ns;
    process->sites_read_ns = now_ns;
    /* The first epoch begins before anything is live, and lasts while that is little. */
    process->peak.epoch = facts->epoch_bytes != 0 ? facts->peak_epoch : 0;
    process->peak.bytes = facts->epoch_bytes;
    process->peak.at_ns = facts->epoch_ns;
}

static uint64_t slow_rest_ns(uint64_t took_ns)
{
    const uint64_t rest_ns = took_ns * SITES_SHARE;
    return rest_ns < SLOW_NS ? SLOW_NS : rest_ns > SITES_AT_LEAST_NS ? SITES_AT_LEAST_NS : rest_ns;
}

static void read_slow_parts(struct ms_target *target, const struct ms_target_room *room,
                            struct ms_process *process, const struct ms_region_facts *facts,
                            uint64_t now_ns, bool last)
{
    const uint64_t from_ns = ms_thread_cpu_ns();
    take_peak(process, facts, now_ns);
    if (room->sites) {
        (void)ms_watched_sites_read(target->sites, room->model, &target->view, target->threads,
                                    room->symbols, facts, last);
    }
    ms_watched_threads_flows(target->threads, room->model, &target->view);
    const struct ms_watched_misuse_room misuse_room = {
        .model = room->model,
        .view = &target->view,
        .threads = target->threads,
        .sites = room->sites ? target->sites : NULL,
        .symbols = room->symbols,
    };
    (void)ms_watched_misuse_read(target->misuse, &misuse_room, facts->misuses, last);
    if (room->sites) {
        (void)ms_watched_io_sites(target->io, room->model, &target->view, target->threads,
                                  target->sites, room->symbols, last);
    }
    target->slow_rest_ns = slow_rest_ns(ms_thread_cpu_ns() - from_ns);
}

static void read_region(struct ms_target *target, const struct ms_target_room *room,
                        struct ms_process *process, uint64_t now_ns, bool all, bool last)
{
    struct ms_region_facts facts;
    struct ms_threads_sum sum;
    (void)read_records(target, room, &facts, now_ns, all);
    take_facts(target, room, process, &facts);
    const struct ms_watched_marks_room marks_room = {
        .model = room->model,
        .view = &target->view,
        .threads = target->threads,
        .process_id = target->process_id,
        .now_ns = now_ns,
    };
    (void)ms_watched_marks_read(&target->marks, &marks_room, last);
    (void)ms_watched_io_threads(target->io, room->model, &target->view, target->threads, &facts,
                                now_ns, all);
    if (all) {
        read_slow_parts(target, room, process, &facts, now_ns, last);
    }
    ms_watched_threads_sum(target->threads, room->model, &sum);
    take_totals(target, process, &facts, &sum);
    process->losses.marks_missing = target->marks.missing;
    ms_judge_seen(target, process, &facts, now_ns);
    if (!target->final_figures) {
        process->kernel.voluntary_switches = sum.voluntary_switches;
        process->kernel.involuntary_switches = sum.involuntary_switches;
    }
}

/*
 * Its region is written by the process alone: when it has not run since sites and flows were read
 * they are the same. After an end, or when its number is of another process, nobody asks.
 */
static bool sites_stand_still(struct ms_target *target, struct ms_process *process, uint64_t now_ns)
{
    const bool known = !target->proc_gone && target->same_namespace && !target->ended;
    const uint64_t run_ns = known ? ms_proc_process_run_ns(&target->proc) : 0;
    if (run_ns != 0 && run_ns == target->sites_run_ns && target->ticks > EAGER_TICKS &&
        now_ns < target->sites_ns + SITES_STILL_NS) {
        process->sites_before_ns = process->sites_read_ns;
        process->sites_read_ns = now_ns;
        return true;
    }
    target->sites_ns = now_ns;
    target->sites_run_ns = run_ns;
    return false;
}

int ms_target_tick(struct ms_target *target, const struct ms_target_room *room, uint64_t now_ns)
{
    struct ms_process *process =
        target->finished ? NULL : ms_model_process_mutable(room->model, target->process_id);
    if (process == NULL) {
        return 0;
    }
    bool slow = target->ticks < EAGER_TICKS || now_ns >= target->slow_ns + target->slow_rest_ns;
    if (slow) {
        target->slow_ns = now_ns;
    }
    target->ticks++;
    if (target->has_view) {
        const bool all = slow && !sites_stand_still(target, process, now_ns);
        read_region(target, room, process, now_ns, all, false);
    }
    if (target->ticks == 2 && target->process_id == MS_PROCESS_ID(1, 0) && !target->proc_gone &&
        !target->exe_told) {
        char exe[sizeof process->exe];
        ms_proc_process_exe(&target->proc, exe, sizeof exe);
        bool exec = target->has_view && ms_region_view_state(&target->view) == MS_REGION_EXEC;
        if (exe[0] != '\0' && !exec) {
            memcpy(process->exe, exe, sizeof exe);
        }
    }
    int result = read_proc(target, room, process, now_ns, slow);
    if (!target->has_view) {
        struct ms_threads_sum sum;
        ms_watched_threads_sum(target->threads, room->model, &sum);
        process->kernel.voluntary_switches = sum.voluntary_switches;
        process->kernel.involuntary_switches = sum.involuntary_switches;
    }
    return result;
}

void ms_target_read_all(struct ms_target *target, const struct ms_target_room *room,
                        uint64_t now_ns)
{
    struct ms_process *process = ms_model_process_mutable(room->model, target->process_id);
    if (!target->finished && process != NULL && target->has_view) {
        read_region(target, room, process, now_ns, true, target->ended);
    }
}

static void finish(struct ms_target *target, const struct ms_target_room *room,
                   struct ms_process *process, uint64_t end_ns, const struct ms_final_usage *usage)
{
    uint64_t begin_ns = process->start_ns < end_ns ? process->start_ns : end_ns;
    process->start_ns = begin_ns;
    process->end_ns = end_ns == 0 ? 1 : end_ns;
    target->ended = true;
    if (target->has_view) {
        read_region(target, room, process, end_ns, true, true);
    }
    if (room->leaves != NULL) {
        room->leaves(room->leaves_context, target);
    }
    if (process->exit_status == -2 && !process->replaced_by_exec && target->exit_noted) {
        process->exit_status = target->exit_status;
        /* It was over when somebody looked. */
        if (target->exit_ns > process->start_ns && target->exit_ns < process->end_ns) {
            process->end_ns = target->exit_ns;
        }
    }
    ms_watched_threads_end(target->threads, room->model, room->budget, process->end_ns, usage);
    ms_target_release(target, room);
    target->finished = true;
    target->ended_ns = ms_monotonic_ns();
}

static void take_final(struct ms_process_kernel *kernel, const struct ms_process_final *final)
{
    if ((final->have & MS_FINAL_RUSAGE) != 0) {
        kernel->user_ns = final->user_ns;
        kernel->system_ns = final->system_ns;
        kernel->minor_faults = final->minor_faults;
        kernel->major_faults = final->major_faults;
        /* With waited-for children in them they are not this process's own. */
        if ((final->have & MS_FINAL_WAITED) == 0) {
            kernel->peak_rss_bytes = final->peak_rss_bytes;
            kernel->voluntary_switches = final->voluntary_switches;
            kernel->involuntary_switches = final->involuntary_switches;
        }
    }
    if ((final->have & MS_FINAL_IO) != 0) {
        kernel->have_io = true;
        kernel->read_calls = final->read_calls;
        kernel->write_calls = final->write_calls;
        kernel->read_chars_bytes = final->read_chars_bytes;
        kernel->write_chars_bytes = final->write_chars_bytes;
        kernel->read_storage_bytes = final->read_storage_bytes;
        kernel->write_storage_bytes = final->write_storage_bytes;
    }
}

void ms_target_end_message(struct ms_target *target, const struct ms_target_room *room,
                           const struct ms_message_process_end *end)
{
    struct ms_process *process = ms_model_process_mutable(room->model, target->process_id);
    if (process == NULL) {
        return;
    }
    if (end->exit_status != -2) {
        process->exit_status = end->exit_status;
        process->exit_signal = end->signal;
        process->core_dumped = end->core_dumped != 0;
    }
    target->final_figures = (end->final.have & MS_FINAL_RUSAGE) != 0;
    const struct ms_process_final *final = &end->final;
    const struct ms_final_usage usage = {
        .user_ns = final->user_ns,
        .system_ns = final->system_ns,
        .minor_faults = final->minor_faults,
        .major_faults = final->major_faults,
        .voluntary_switches = final->voluntary_switches,
        .involuntary_switches = final->involuntary_switches,
    };
    bool own = target->final_figures && (final->have & MS_FINAL_WAITED) == 0;
    if (!target->finished) {
        finish(target, room, process, end->end_ns, own ? &usage : NULL);
    }
    to_raw(target, &process->kernel);
    take_final(&process->kernel, &end->final);
    to_own(target, &process->kernel);
}

void ms_target_end(struct ms_target *target, const struct ms_target_room *room, uint64_t end_ns,
                   bool by_exec)
{
    struct ms_process *process = ms_model_process_mutable(room->model, target->process_id);
    if (process != NULL && !target->finished) {
        process->replaced_by_exec = by_exec;
        if (by_exec) {
            ms_watched_threads_executed(target->threads, room->model);
        }
        finish(target, room, process, end_ns, NULL);
    }
}

void ms_target_release(struct ms_target *target, const struct ms_target_room *room)
{
    ms_watched_threads_free(target->threads, room->budget);
    ms_watched_sites_free(target->sites);
    ms_watched_misuse_free(target->misuse);
    ms_watched_io_free(target->io);
    target->threads = NULL;
    target->sites = NULL;
    target->misuse = NULL;
    target->io = NULL;
    ms_watched_resources_free(target->resources);
    target->resources = NULL;
    ms_proc_process_close(&target->proc, room->budget);
    target->has_view = false;
    ms_region_mapping_close(&target->slot_mapping);
}
