/* Threads of a process as /proc lists and shows them: which are read when, and how deep. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect/proc_text.h"
#include "collect/threads_watched.h"
#include "wire/clock.h"

/*
 * At most so many threads of all processes are looked at in one tick; more of them take turns. One
 * that has slept through QUIET_READS looks is looked at with the full reads only: when it wakes up
 * it is seen half a second late at most, with all that it did since.
 */
enum {
    READS_PER_TICK = 500,
    STATS_PER_TICK = 64, /* more threads than that have their stat read with the full reads only */
    TICKS_PER_FULL_READ = 5,
    TICKS_PER_SLOW_READ = 10, /* of affinity, and of counters of the processor */
    TICKS_PER_STAT_ANYWAY = 20,
    /* Of a process whose clock of CPU time says that none of its threads has run. */
    TICKS_PER_STILL_READ = 30,
    QUIET_READS = 10
};

static int compare_present(const void *left, const void *right)
{
    const struct ms_watched_thread *a = *(struct ms_watched_thread *const *)left;
    const struct ms_watched_thread *b = *(struct ms_watched_thread *const *)right;
    if (a->tid != b->tid) {
        return (a->tid > b->tid) - (a->tid < b->tid);
    }
    return (a->serial > b->serial) - (a->serial < b->serial);
}

/* /proc counts from boot, sleep included; we count without it. What slept since the thread began is
 * not known: it began no earlier than its process, which knows better. */
static uint64_t start_ns_of(uint64_t start_ticks, uint64_t process_start_ns, uint64_t now_ns)
{
    const int64_t awake_ns = (int64_t)(start_ticks * ms_proc_tick_ns()) - ms_asleep_ns();
    const uint64_t began_ns = awake_ns > 0 ? (uint64_t)awake_ns : 0;
    return ms_not_after(began_ns > process_start_ns ? began_ns : process_start_ns, now_ns);
}

static int read_proc(struct ms_watched_threads *threads, struct ms_model *model,
                     struct ms_descriptor_budget *budget, int tasks,
                     struct ms_watched_thread *watched, const struct ms_region_view *view,
                     unsigned depth, uint64_t now_ns)
{
    struct ms_thread *thread = ms_model_thread_mutable(model, watched->model_id);
    char name[64] = "";
    if (thread == NULL) {
        return 0;
    }
    bool first = watched->read_ns == 0;
    uint64_t run_ns = thread->kernel.run_ns;
    const struct ms_proc_thread_place place = {.budget = budget,
                                               .sources = threads->sources,
                                               .system = ms_model_system(model),
                                               .tasks = tasks,
                                               .tid = watched->tid,
                                               .now_ns = now_ns};
    /* A short life may see no second reading. */
    depth |= first ? (unsigned)(MS_THREAD_STAT | MS_THREAD_FULL | MS_THREAD_STATUS) : 0;
    ms_watched_to_raw(threads, watched->tid, &thread->kernel);
    int result = ms_proc_thread_read(&watched->files, &place, depth, &thread->kernel, name,
                                     &watched->start_ticks);
    ms_watched_to_own(threads, watched->tid, &thread->kernel);
    if (result != 0) {
        return result;
    }
    watched->read_ns = now_ns;
    bool slept = (thread->kernel.have & MS_HAVE_RUN_QUEUE) != 0 && thread->kernel.run_ns == run_ns;
    watched->quiet_reads = slept && !first ? watched->quiet_reads + 1 : 0;
    /* After the reading, as where tids are listed. */
    ms_watched_take_name(threads, thread, name, sizeof name,
                         view != NULL && ms_region_view_state(view) == MS_REGION_EXEC);
    if (first && watched->record == 0 && watched->start_ticks != 0) {
        const struct ms_process *process = ms_model_process_by_id(model, thread->process_id);
        thread->start_ns =
            start_ns_of(watched->start_ticks, process != NULL ? process->start_ns : 0, now_ns);
    }
    return 0;
}

/*
 * Records are read before /proc: a thread that began with its record and ended in between is one
 * that only /proc knew. The next reading of records finds it, so it is kept until then.
 */
static bool may_have_a_record(struct ms_watched_threads *threads, struct ms_watched_thread *watched,
                              bool probed, uint64_t now_ns)
{
    if (!probed || watched->ended || watched->record != 0 || watched->gone_ns != 0) {
        return false;
    }
    watched->gone_ns = now_ns;
    threads->listed = 0; /* so that they are listed again */
    return true;
}

/* Compares `present` with what /proc lists: drops who is gone, adds who is new. */
static int match_tids(struct ms_watched_threads *threads, struct ms_model *model,
                      struct ms_descriptor_budget *budget, size_t tid_count, bool probed,
                      uint64_t now_ns)
{
    size_t kept = 0;
    size_t at = 0;
    size_t known = threads->present_count;
    int result = 0;
    for (size_t i = 0; i < known; i++) {
        struct ms_watched_thread *watched = threads->present[i];
        while (at < tid_count && threads->tids[at] < watched->tid && result == 0) {
            /* Appended behind `known`, so the part being compacted is left alone. */
            result = ms_watched_thread_new(threads, model, threads->tids[at], now_ns) == NULL
                         ? -ENOMEM
                         : 0;
            at++;
        }
        bool taken_over = i + 1 < known && threads->present[i + 1]->tid == watched->tid;
        if (at < tid_count && threads->tids[at] == watched->tid && !taken_over) {
            watched->gone_ns = 0;
            threads->present[kept++] = watched;
            at++;
            continue;
        }
        if (!taken_over && may_have_a_record(threads, watched, probed, now_ns)) {
            threads->present[kept++] = watched;
            continue;
        }
        if (!watched->ended) {
            const uint64_t end_ns = watched->gone_ns != 0 ? watched->gone_ns : now_ns;
            ms_watched_thread_end(threads, model, budget, watched, end_ns, NULL);
        }
        watched->present = false;
        ms_watched_thread_free_unused(threads, watched);
    }
    for (; at < tid_count && result == 0; at++) {
        result =
            ms_watched_thread_new(threads, model, threads->tids[at], now_ns) == NULL ? -ENOMEM : 0;
    }
    size_t added = threads->present_count - known;
    if (added > 0) {
        memmove(threads->present + kept, threads->present + known,
                added * sizeof(*threads->present));
    }
    threads->present_count = kept + added;
    return result;
}

/* Brings `present` up to what /proc lists. */
static int list_tids(struct ms_watched_threads *threads, struct ms_model *model,
                     struct ms_descriptor_budget *budget, const struct ms_proc_process *process,
                     const struct ms_region_view *view, bool executed, uint64_t now_ns)
{
    ssize_t tid_count = ms_proc_process_tids(process, &threads->tids, &threads->tid_capacity);
    if (tid_count < 0) {
        ms_thread_sources_note(threads->sources, MS_SOURCE_THREAD_STAT, (int)tid_count);
        return tid_count == -ENOMEM ? -ENOMEM : 0;
    }
    /* After the list, so that what it shows was there before exec. */
    if (view != NULL && !executed && ms_region_view_state(view) == MS_REGION_EXEC) {
        return 0;
    }
    if (threads->sorted_count != threads->present_count) {
        qsort(threads->present, threads->present_count, sizeof(*threads->present), compare_present);
    }
    threads->listed = process->threads;
    int result = match_tids(threads, model, budget, (size_t)tid_count, view != NULL, now_ns);
    if (threads->present_count > 1) { /* there may be no array yet */
        qsort(threads->present, threads->present_count, sizeof(*threads->present), compare_present);
    }
    threads->sorted_count = threads->present_count;
    return result;
}

#define BEYOND_STAT ((unsigned)(MS_THREAD_FULL | MS_THREAD_STATUS | MS_THREAD_COUNTED))

/* Every thread has its turn once in so many ticks, others in other ticks. */
static bool has_turn(size_t thread, uint64_t tick, uint32_t ticks)
{
    return thread % ticks == tick % ticks;
}

static unsigned depth_at(size_t thread, uint64_t tick, uint32_t turns, uint32_t in_all)
{
    unsigned depth = 0;
    if (has_turn(thread, tick, turns * TICKS_PER_FULL_READ)) {
        depth |= (unsigned)(MS_THREAD_FULL | MS_THREAD_STAT);
    }
    if (has_turn(thread, tick, turns * TICKS_PER_SLOW_READ)) {
        depth |= (unsigned)(MS_THREAD_STATUS | MS_THREAD_COUNTED | MS_THREAD_STAT);
    }
    if (has_turn(thread, tick, turns * TICKS_PER_STAT_ANYWAY)) {
        depth |= (unsigned)MS_THREAD_ANYWAY;
    }
    if (in_all <= STATS_PER_TICK) {
        depth |= (unsigned)MS_THREAD_STAT;
    }
    return depth;
}

/*
 * Has no thread run since each was read at every depth? What was read then still holds. Only the
 * clock of the process tells, and in one call of the system.
 */
static bool stands_still(struct ms_watched_threads *threads, const struct ms_proc_process *process)
{
    const uint32_t turns = threads->turns > 0 ? threads->turns : 1;
    const bool ran = process->run_ns == 0 || process->run_ns != threads->run_ns;
    threads->run_ns = process->run_ns;
    threads->still_ticks = ran ? 0 : threads->still_ticks + 1;
    return threads->still_ticks > turns * TICKS_PER_SLOW_READ;
}

static void note_unmoved(struct ms_model *model, struct ms_watched_thread *watched, unsigned depth,
                         uint64_t now_ns)
{
    struct ms_thread *thread = ms_model_thread_mutable(model, watched->model_id);
    if (thread == NULL) {
        return;
    }
    struct ms_kernel_thread *kernel = &thread->kernel;
    watched->read_ns = now_ns;
    kernel->often_read_ns = now_ns;
    kernel->stat_read_ns = now_ns;
    kernel->slowly_read_ns = (depth & MS_THREAD_FULL) != 0 ? now_ns : kernel->slowly_read_ns;
    kernel->counters_read_ns = (depth & MS_THREAD_COUNTED) != 0 ? now_ns : kernel->counters_read_ns;
}

/* Ticks may come late: what is told is what was done. */
static void tell_rate(struct ms_watched_threads *threads, struct ms_model *model, uint32_t turns,
                      uint64_t now_ns)
{
    struct ms_process *process = ms_model_process_mutable(model, threads->process_id);
    if (process == NULL || threads->present_count == 0) {
        return;
    }
    const uint64_t elapsed_ns = now_ns - threads->rate_since_ns;
    if (turns != threads->turns) {
        process->thread_read_hz = (double)MS_NS_PER_S / (double)ms_model_interval_ns(model) / turns;
    } else if (++threads->rate_ticks < turns || elapsed_ns < MS_NS_PER_S) {
        return;
    } else {
        process->thread_read_hz =
            (double)threads->rate_ticks * (double)MS_NS_PER_S / (double)elapsed_ns / turns;
    }
    threads->turns = turns;
    threads->rate_ticks = 0;
    threads->rate_since_ns = now_ns;
}

int ms_watched_threads_proc(struct ms_watched_threads *threads, struct ms_model *model,
                            struct ms_descriptor_budget *budget,
                            const struct ms_proc_process *process,
                            const struct ms_region_view *view, bool executed, uint64_t now_ns,
                            uint64_t tick)
{
    /* As many as before, no new record: mostly the same ones. The list is dear. */
    bool same = process->threads != 0 && process->threads == threads->listed &&
                threads->sorted_count == threads->present_count;
    const bool still = stands_still(threads, process);
    /* The probe tells of threads that are new. */
    const uint32_t ticks_per_list = view == NULL ? TICKS_PER_FULL_READ : TICKS_PER_SLOW_READ;
    int result = 0;
    if (!same || (tick % ticks_per_list == 0 && !still)) {
        result = list_tids(threads, model, budget, process, view, executed, now_ns);
    }
    struct ms_thread_sources *sources = threads->sources;
    const uint32_t count = (uint32_t)threads->present_count;
    sources->threads += count;
    const uint32_t in_all = sources->threads_before > count ? sources->threads_before : count;
    const uint32_t turns = in_all > 0 ? (in_all - 1) / READS_PER_TICK + 1 : 1;
    for (size_t i = 0; i < threads->present_count; i++) {
        struct ms_watched_thread *watched = threads->present[i];
        const unsigned depth = depth_at(i, tick, turns, in_all);
        const bool awake = watched->quiet_reads < QUIET_READS && has_turn(i, tick, turns);
        const bool first = watched->read_ns == 0;
        if (watched->ended || watched->gone_ns != 0 ||
            ((depth & BEYOND_STAT) == 0 && !awake && !first)) {
            continue;
        }
        if (still && !first && !has_turn(i, tick, turns * TICKS_PER_STILL_READ)) {
            note_unmoved(model, watched, depth, now_ns);
        } else {
            (void)read_proc(threads, model, budget, process->tasks, watched, view,
                            depth | (still ? (unsigned)MS_THREAD_ANYWAY : 0), now_ns);
        }
    }
    tell_rate(threads, model, turns, now_ns);
    return result;
}
