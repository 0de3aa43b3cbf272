/* The life of a watched process: when it is heard of, its ticks, its end. */
#include <errno.h>

#include "collect/seen.h"
#include "collect/target_parts.h"
#include "wire/clock.h"

static void free_watchers(struct ms_target *target, struct ms_descriptor_budget *budget)
{
    ms_watched_threads_free(target->threads, budget);
    ms_watched_sites_free(target->sites);
    ms_watched_misuse_free(target->misuse);
    ms_watched_io_free(target->io);
    ms_watched_resources_free(target->resources);
    target->threads = NULL;
    target->sites = NULL;
    target->misuse = NULL;
    target->io = NULL;
    target->resources = NULL;
}

/* What fills the model's part of it. 0 or -ENOMEM. */
static int make_watchers(struct ms_target *target, const struct ms_target_room *room)
{
    target->threads = ms_watched_threads_new(target->process_id);
    target->sites = ms_watched_sites_new(target->process_id, target->pid, room->code);
    target->misuse = ms_watched_misuse_new(target->process_id);
    target->io = ms_watched_io_new();
    target->resources = ms_watched_resources_new();
    if (target->threads == NULL || target->sites == NULL || target->misuse == NULL ||
        target->io == NULL || target->resources == NULL) {
        return -ENOMEM;
    }
    ms_watched_threads_share(target->threads, room->thread_sources);
    return 0;
}

/* `error`: of its region. */
static void say_seen_at_first(const struct ms_target *target, struct ms_process *process, int error)
{
    if (!target->probe_expected) {
        ms_say_seen(process, MS_SEEN_NONE,
                    "the program was started without the probe: 'memscope-top doctor' says why");
    } else if (error != 0) {
        ms_say_seen(process, MS_SEEN_NONE, "its counters cannot be read: %s",
                    error == -EPROTONOSUPPORT ? "they are of another version"
                                              : "the shared memory is damaged");
    } else {
        ms_say_seen(process, MS_SEEN_PARTIAL, "the probe has not started yet");
    }
}

int ms_target_begin(struct ms_target *target, const struct ms_target_room *room,
                    uint32_t process_id, pid_t pid, const struct ms_region_mapping *mapping,
                    uint32_t slot, uint64_t now_ns)
{
    *target = (struct ms_target){.process_id = process_id,
                                 .pid = pid,
                                 .heard_ns = now_ns,
                                 .slow_rest_ns = MS_TARGET_SLOW_NS,
                                 .same_namespace = true,
                                 .probe_expected = (room->session->flags & MS_SESSION_PROBED) != 0};
    struct ms_process *process =
        make_watchers(target, room) == 0 ? ms_model_add_process(room->model, process_id) : NULL;
    if (process == NULL) {
        free_watchers(target, room->budget);
        return -ENOMEM;
    }
    if (slot != 0 && mapping != NULL) {
        target->slot_mapping = *mapping;
    }
    process->pid = pid;
    process->exit_status = -2;
    process->trace.because = "";
    process->start_ns = now_ns;
    process->start_unix_ns = ms_target_unix_ns(room->session, now_ns);
    int result = 0;
    if (mapping != NULL) {
        result = ms_region_view_init(&target->view, mapping, slot);
        target->has_view = result == 0;
    }
    if (process_id == MS_PROCESS_ID(1, 0)) {
        ms_target_take_session_identity(process, room->session);
    }
    if (ms_proc_process_open(&target->proc, pid) != 0) {
        target->proc_gone = true;
        target->gone_ns = now_ns;
        process->threads_unread =
            "/proc did not show the process: it ended too soon, or is hidden (hidepid)";
    } else if (process_id != MS_PROCESS_ID(1, 0)) {
        ms_target_read_identity(target, process);
        process->start_ns = now_ns;
        process->start_unix_ns = ms_target_unix_ns(room->session, now_ns);
        target->parent_pid = ms_proc_parent(pid); /* now, while its forefathers are there */
        ms_target_find_parent(target, room);
    }
    if (target->has_view) {
        struct ms_region_facts facts; /* its children, read before it, look for who was there */
        ms_region_view_facts(&target->view, &facts);
        ms_target_take_start(process, room, &facts);
    }
    say_seen_at_first(target, process, result);
    return result;
}

int ms_target_tick(struct ms_target *target, const struct ms_target_room *room, uint64_t now_ns)
{
    struct ms_process *process =
        target->finished ? NULL : ms_model_process_mutable(room->model, target->process_id);
    if (process == NULL) {
        return 0;
    }
    bool slow =
        target->ticks < MS_TARGET_EAGER_TICKS || now_ns >= target->slow_ns + target->slow_rest_ns;
    if (slow) {
        target->slow_ns = now_ns;
    }
    target->ticks++;
    if (target->has_view) {
        const bool all = slow && !ms_target_sites_stand_still(target, process, now_ns);
        ms_target_read_region(target, room, process, now_ns, all, false);
    }
    if (target->ticks == 2 && target->process_id == MS_PROCESS_ID(1, 0) && !target->proc_gone &&
        !target->exe_told) {
        ms_target_read_exe(target, process);
    }
    int result = ms_target_read_proc(target, room, process, now_ns, slow);
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
        ms_target_read_region(target, room, process, now_ns, true, target->ended);
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
        ms_target_read_region(target, room, process, end_ns, true, true);
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
    ms_target_take_final(target, process, final);
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
    free_watchers(target, room->budget);
    ms_proc_process_close(&target->proc, room->budget);
    target->has_view = false;
    ms_region_mapping_close(&target->slot_mapping);
}
