/* What a watched process counts itself, read from its region. */
#include <string.h>

#include "collect/seen.h"
#include "collect/target_parts.h"
#include "collect/tracking.h"
#include "wire/clock.h"

/* Of many contexts in use sites are read less often: at first one part in so many of the time. */
#define SITES_SHARE       400u
#define SITES_AT_LEAST_NS (1500 * MS_NS_PER_MS)
#define SITES_STILL_NS    (5 * MS_NS_PER_S)

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
    ms_target_take_start(process, room, facts);
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

bool ms_target_executed_for_long(const struct ms_target *target, uint64_t now_ns)
{
    if (ms_region_view_state(&target->view) != MS_REGION_EXEC) {
        return false;
    }
    struct ms_region_facts facts;
    ms_region_view_facts(&target->view, &facts);
    return facts.exec_ns != 0 && now_ns > facts.exec_ns + MS_PROBE_START_NS;
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
    return rest_ns < MS_TARGET_SLOW_NS   ? MS_TARGET_SLOW_NS
           : rest_ns > SITES_AT_LEAST_NS ? SITES_AT_LEAST_NS
                                         : rest_ns;
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

void ms_target_read_region(struct ms_target *target, const struct ms_target_room *room,
                           struct ms_process *process, uint64_t now_ns, bool all, bool last)
{
    struct ms_region_facts facts;
    struct ms_threads_sum sum;
    const uint64_t marks_end = ms_region_view_marks(&target->view);
    (void)read_records(target, room, &facts, now_ns, all);
    take_facts(target, room, process, &facts);
    const struct ms_watched_marks_room marks_room = {
        .model = room->model,
        .view = &target->view,
        .threads = target->threads,
        .process_id = target->process_id,
        .now_ns = now_ns,
        .end = marks_end,
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

bool ms_target_sites_stand_still(struct ms_target *target, struct ms_process *process,
                                 uint64_t now_ns)
{
    const bool known = !target->proc_gone && target->same_namespace && !target->ended;
    const uint64_t run_ns = known ? ms_proc_process_run_ns(&target->proc) : 0;
    if (run_ns != 0 && run_ns == target->sites_run_ns && target->ticks > MS_TARGET_EAGER_TICKS &&
        now_ns < target->sites_ns + SITES_STILL_NS) {
        process->sites_before_ns = process->sites_read_ns;
        process->sites_read_ns = now_ns;
        return true;
    }
    target->sites_ns = now_ns;
    target->sites_run_ns = run_ns;
    return false;
}
