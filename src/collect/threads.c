/* See threads.h. */
#include "collect/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect/id_map.h"
#include "collect/proc_text.h"
#include "collect/proc_thread.h"
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

/*
 * What of an entry of a flow table is in the model under the owner's name. It stays there when the
 * owner is merged with others of its name: only what comes later is of no known owner.
 */
struct credited {
    uint32_t serial;
    uint64_t blocks, bytes;
};

struct watched {
    uint32_t model_id;
    uint32_t record; /* 0: only /proc knows it */
    uint32_t serial;
    pid_t tid;
    bool ended;
    bool present; /* listed in `present` */
    bool flows_changed;
    bool flow_of_unknown; /* some of its flows were of owners that were not known at the time */
    struct credited *credited; /* MS_FLOW_ENTRIES + 1; NULL: it has freed for nobody yet */
    uint32_t name_version;
    uint64_t change; /* of the record, when it was read */
    struct ms_heap heap;
    struct ms_proc_thread files;
    uint64_t start_ticks;
    uint64_t read_ns;     /* last read of /proc; 0: never */
    uint32_t quiet_reads; /* in a row that showed that it had not run */
};

struct ms_watched_threads {
    uint32_t process_id;
    struct watched **by_record; /* index: record */
    uint32_t record_count;
    struct watched **present; /* alive, or ended a moment ago and maybe still in /proc; by tid */
    size_t present_count, present_capacity;
    size_t sorted_count;        /* of `present`: those behind are new */
    struct ms_id_map by_serial; /* serial of a record -> thread of the model */
    pid_t *tids;
    size_t tid_capacity;
    uint32_t listed; /* how many the process had when they were listed */
    uint64_t ended_voluntary, ended_involuntary;
    uint64_t ever;
    struct ms_thread_sources *sources; /* of all processes, or these: */
    struct ms_thread_sources alone;
    uint64_t run_ns;      /* of the process at the last tick */
    uint32_t still_ticks; /* in a row in which that stood still */
    /* How often each thread is read: ticks since then, when `turns` of them read all. */
    uint64_t rate_since_ns;
    uint32_t rate_ticks, turns;
    /* The name of the thread that /proc names after the program that it executed, until then. */
    struct {
        uint32_t model_id; /* 0: there was none */
        char name[MS_NAME_MAX];
    } before_exec;
    pid_t inherited_tid; /* of the first thread, when the program was executed by another; 0: not */
    struct ms_kernel_thread inherited;
};

struct ms_watched_threads *ms_watched_threads_new(uint32_t process_id)
{
    struct ms_watched_threads *threads = calloc(1, sizeof *threads);
    if (threads != NULL) {
        threads->process_id = process_id;
        ms_thread_sources_init(&threads->alone);
        threads->alone.counting.none = true;
        threads->sources = &threads->alone;
    }
    return threads;
}

void ms_watched_threads_share(struct ms_watched_threads *threads, struct ms_thread_sources *sources)
{
    threads->sources = sources;
}

static bool is_current(const struct ms_watched_threads *threads, const struct watched *watched)
{
    return watched->record != 0 && watched->record < threads->record_count &&
           threads->by_record[watched->record] == watched;
}

static void free_watched(struct watched *watched)
{
    if (watched != NULL) {
        free(watched->credited);
        free(watched);
    }
}

static void free_if_unused(const struct ms_watched_threads *threads, struct watched *watched)
{
    if (!watched->present && !is_current(threads, watched)) {
        free_watched(watched);
    }
}

void ms_watched_threads_free(struct ms_watched_threads *threads,
                             struct ms_descriptor_budget *budget)
{
    if (threads == NULL) {
        return;
    }
    for (size_t i = 0; i < threads->present_count; i++) {
        struct watched *watched = threads->present[i];
        ms_proc_thread_close(&watched->files, budget, threads->sources);
        watched->present = false;
        free_if_unused(threads, watched);
    }
    for (uint32_t i = 0; i < threads->record_count; i++) {
        free_watched(threads->by_record[i]);
    }
    free(threads->by_record);
    free(threads->present);
    free(threads->tids);
    ms_id_map_free(&threads->by_serial);
    free(threads);
}

static uint64_t not_after(uint64_t time_ns, uint64_t now_ns)
{
    return time_ns == 0 || time_ns > now_ns ? now_ns : time_ns;
}

static bool is_empty_usage(const struct ms_final_usage *usage)
{
    static const struct ms_final_usage none;
    return memcmp(usage, &none, sizeof none) == 0;
}

/* Those that a process does not have: X(member). */
#define THREAD_SUMS(X) X(run_ns) X(run_queue_wait_ns) X(migrations)

/* What is shown and what /proc says differ by what was inherited. */
static void to_raw(const struct ms_watched_threads *threads, pid_t tid,
                   struct ms_kernel_thread *kernel)
{
#define ADD(member) kernel->member += threads->inherited.member;
    if (threads->inherited_tid != 0 && threads->inherited_tid == tid) {
        MS_KERNEL_SUMS(ADD)
        THREAD_SUMS(ADD)
    }
#undef ADD
}

static void to_own(const struct ms_watched_threads *threads, pid_t tid,
                   struct ms_kernel_thread *kernel)
{
#define TAKE_OFF(member)                                                                           \
    kernel->member -=                                                                              \
        kernel->member < threads->inherited.member ? kernel->member : threads->inherited.member;
    if (threads->inherited_tid != 0 && threads->inherited_tid == tid) {
        MS_KERNEL_SUMS(TAKE_OFF)
        THREAD_SUMS(TAKE_OFF)
    }
#undef TAKE_OFF
}

static void take_final_usage(struct ms_thread *thread, const struct ms_final_usage *usage)
{
    struct ms_kernel_thread *kernel = &thread->kernel;
    kernel->have |= MS_HAVE_CPU | MS_HAVE_SWITCHES;
    kernel->state = 'X';
    kernel->user_ns = usage->user_ns;
    kernel->system_ns = usage->system_ns;
    kernel->minor_faults = usage->minor_faults;
    kernel->major_faults = usage->major_faults;
    kernel->voluntary_switches = usage->voluntary_switches;
    kernel->involuntary_switches = usage->involuntary_switches;
    if ((kernel->have & MS_HAVE_RUN_QUEUE) != 0 &&
        usage->user_ns + usage->system_ns > kernel->run_ns) {
        kernel->run_ns = usage->user_ns + usage->system_ns;
    }
}

/* `usage` NULL: the thread could not say; what was read last stays, with its age. */
static void end_watched(struct ms_watched_threads *threads, struct ms_model *model,
                        struct ms_descriptor_budget *budget, struct watched *watched,
                        uint64_t end_ns, const struct ms_final_usage *usage)
{
    struct ms_thread *thread = ms_model_thread_mutable(model, watched->model_id);
    ms_proc_thread_close(&watched->files, budget, threads->sources);
    watched->ended = true;
    if (thread == NULL) {
        return;
    }
    if (usage != NULL && !is_empty_usage(usage)) {
        to_raw(threads, watched->tid, &thread->kernel);
        take_final_usage(thread, usage);
        to_own(threads, watched->tid, &thread->kernel);
        thread->last_seen_before_end_ns = 0;
    } else {
        uint64_t seen_ns = watched->read_ns == 0 ? thread->start_ns : watched->read_ns;
        thread->last_seen_before_end_ns = end_ns > seen_ns ? end_ns - seen_ns : 1;
        thread->kernel.state = thread->kernel.state == 0 ? 0 : 'X';
    }
    threads->ended_voluntary += thread->kernel.voluntary_switches;
    threads->ended_involuntary += thread->kernel.involuntary_switches;
    ms_model_end_thread(model, watched->model_id, end_ns);
}

static int add_present(struct ms_watched_threads *threads, struct watched *watched)
{
    if (threads->present_count == threads->present_capacity) {
        size_t capacity = threads->present_capacity == 0 ? 64 : threads->present_capacity * 2;
        struct watched **grown = realloc(threads->present, capacity * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        threads->present = grown;
        threads->present_capacity = capacity;
    }
    threads->present[threads->present_count++] = watched;
    watched->present = true;
    return 0;
}

static struct watched *find_present(const struct ms_watched_threads *threads, pid_t tid)
{
    size_t low = 0;
    size_t high = threads->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (threads->present[middle]->tid < tid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < threads->sorted_count && threads->present[low]->tid == tid ? threads->present[low]
                                                                            : NULL;
}

static struct watched *new_watched(struct ms_watched_threads *threads, struct ms_model *model,
                                   pid_t tid, uint64_t start_ns)
{
    struct watched *watched = calloc(1, sizeof *watched);
    struct ms_thread *thread =
        watched == NULL ? NULL : ms_model_add_thread(model, threads->process_id);
    if (thread == NULL) {
        free(watched);
        return NULL;
    }
    thread->tid = tid;
    thread->start_ns = start_ns;
    threads->ever++;
    watched->model_id = thread->id;
    watched->tid = tid;
    ms_proc_thread_init(&watched->files);
    if (tid > 0 && add_present(threads, watched) != 0) {
        ms_model_end_thread(model, thread->id, start_ns);
        free(watched);
        return NULL;
    }
    return watched;
}

/* `size` of the array `name`, smaller than that of the model. */
static void copy_name(struct ms_thread *thread, const char *name, size_t size)
{
    size_t bytes = strnlen(name, size);
    memcpy(thread->name, name, bytes);
    memset(thread->name + bytes, 0, sizeof thread->name - bytes);
}

/* A record that nobody used when we looked last, or that has gone to the next thread. */
static struct watched *take_record(struct ms_watched_threads *threads, struct ms_model *model,
                                   uint32_t record, const struct ms_region_thread_copy *copy,
                                   uint64_t now_ns)
{
    struct watched *watched = copy->tid == 0 ? NULL : find_present(threads, (pid_t)copy->tid);
    if (watched == NULL || watched->record != 0 || watched->ended) {
        pid_t tid = copy->tid <= INT32_MAX ? (pid_t)copy->tid : 0;
        watched = new_watched(threads, model, tid, not_after(copy->start_ns, now_ns));
    }
    if (watched != NULL) {
        watched->record = record;
        watched->serial = copy->serial;
        threads->by_record[record] = watched;
        (void)ms_id_map_set(&threads->by_serial, copy->serial, watched->model_id);
    }
    return watched;
}

static void apply_record(struct ms_watched_threads *threads, struct ms_model *model,
                         struct ms_descriptor_budget *budget, struct watched *watched,
                         const struct ms_region_thread_copy *copy, uint64_t now_ns)
{
    watched->flows_changed =
        watched->flows_changed || copy->heap.frees_for_others != watched->heap.frees_for_others;
    watched->heap = copy->heap;
    struct ms_thread *thread = ms_model_thread_mutable(model, watched->model_id);
    if (thread != NULL) {
        thread->heap = copy->heap;
        thread->own_deallocations = copy->own_deallocations;
        thread->own_bytes_freed = copy->own_bytes_freed;
        thread->tracked = copy->tracked;
        thread->probed = true;
        if (copy->name_valid && copy->name[0] != '\0' &&
            (copy->name_version != watched->name_version || thread->name[0] == '\0')) {
            watched->name_version = copy->name_version;
            copy_name(thread, copy->name, sizeof copy->name);
        }
    }
    bool over =
        copy->state == MS_THREAD_EXITING || copy->state == MS_THREAD_GONE || copy->end_ns != 0;
    if (over && !watched->ended) {
        end_watched(threads, model, budget, watched, not_after(copy->end_ns, now_ns),
                    copy->end_ns != 0 ? &copy->final_usage : NULL);
    }
}

static void drop_record(struct ms_watched_threads *threads, struct ms_model *model,
                        struct ms_descriptor_budget *budget, uint32_t record, uint64_t now_ns)
{
    struct watched *watched = threads->by_record[record];
    threads->by_record[record] = NULL;
    if (!watched->ended) {
        end_watched(threads, model, budget, watched, now_ns, NULL);
    }
    free_if_unused(threads, watched);
}

static int grow_records(struct ms_watched_threads *threads, uint32_t count)
{
    if (count <= threads->record_count) {
        return 0;
    }
    struct watched **grown = realloc(threads->by_record, count * sizeof(*grown));
    if (grown == NULL) {
        return -ENOMEM;
    }
    memset(grown + threads->record_count, 0, (count - threads->record_count) * sizeof(*grown));
    threads->by_record = grown;
    threads->record_count = count;
    return 0;
}

static struct ms_flow *flow_from(struct ms_watched_threads *threads, struct ms_model *model,
                                 const struct watched *watched, const struct ms_region_flow *entry)
{
    uint32_t from =
        entry->owner_thread == 0 ? 0 : ms_id_map_find(&threads->by_serial, entry->owner_serial);
    return from == 0 || ms_model_thread_by_id(model, from) == NULL
               ? NULL
               : ms_model_flow_mutable(model, threads->process_id, from, watched->model_id);
}

static uint64_t beyond(uint64_t value, uint64_t part)
{
    return value > part ? value - part : 0;
}

static void read_flows_of(struct ms_watched_threads *threads, struct ms_model *model,
                          const struct ms_region_view *view, struct watched *watched)
{
    struct ms_region_flow flows[MS_FLOW_ENTRIES + 1];
    uint32_t count = ms_region_view_flows(view, watched->record, flows);
    uint64_t other_blocks = 0;
    uint64_t other_bytes = 0;
    if (watched->credited == NULL) {
        watched->credited = calloc(MS_FLOW_ENTRIES + 1, sizeof *watched->credited);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct credited *credited = watched->credited != NULL ? &watched->credited[i] : NULL;
        struct ms_flow *flow = credited != NULL && flows[i].blocks != 0
                                   ? flow_from(threads, model, watched, &flows[i])
                                   : NULL;
        if (flow != NULL) {
            flow->blocks = flows[i].blocks;
            flow->bytes = flows[i].bytes;
            *credited = (struct credited){
                .serial = flows[i].owner_serial, .blocks = flow->blocks, .bytes = flow->bytes};
        } else if (credited != NULL && credited->serial == flows[i].owner_serial) {
            other_blocks += beyond(flows[i].blocks, credited->blocks);
            other_bytes += beyond(flows[i].bytes, credited->bytes);
        } else {
            other_blocks += flows[i].blocks;
            other_bytes += flows[i].bytes;
        }
    }
    /* Also when there are none any more: the owner was too new to be known when they were read. */
    if (other_blocks != 0 || watched->flow_of_unknown) {
        watched->flow_of_unknown = true;
        struct ms_flow *flow =
            ms_model_flow_mutable(model, threads->process_id, 0, watched->model_id);
        if (flow != NULL) {
            flow->blocks = other_blocks;
            flow->bytes = other_bytes;
        }
    }
}

int ms_watched_threads_records(struct ms_watched_threads *threads, struct ms_model *model,
                               struct ms_descriptor_budget *budget,
                               const struct ms_region_view *view, uint64_t now_ns, bool all)
{
    uint32_t count = ms_region_view_published(view, MS_AREA_THREADS);
    int result = grow_records(threads, count);
    for (uint32_t record = 1; result == 0 && record < count; record++) {
        struct watched *watched = threads->by_record[record];
        uint32_t serial;
        uint64_t change;
        struct ms_region_thread_copy copy;
        bool used = ms_region_view_thread_peek(view, record, &serial, &change);
        if (watched != NULL && (!used || watched->serial != serial)) {
            drop_record(threads, model, budget, record, now_ns);
            watched = NULL;
        }
        if (!used || (watched != NULL && (watched->change == change || (watched->ended && !all)))) {
            continue;
        }
        if (!ms_region_view_thread(view, record, &copy) || copy.serial != serial) {
            continue; /* between two threads: next tick */
        }
        if (watched == NULL) {
            watched = take_record(threads, model, record, &copy, now_ns);
        }
        if (watched == NULL) {
            result = -ENOMEM;
            break;
        }
        watched->change = change;
        watched->quiet_reads = 0;
        apply_record(threads, model, budget, watched, &copy, now_ns);
        if (watched->ended && watched->flows_changed &&
            ms_model_thread_by_id(model, watched->model_id) != NULL) {
            /* It may be merged at the end of this tick. Owners that are new are not known yet:
             * the flows stay marked as changed, and are read again with the others. */
            read_flows_of(threads, model, view, watched);
        }
    }
    return result;
}

static int compare_present(const void *left, const void *right)
{
    const struct watched *a = *(struct watched *const *)left;
    const struct watched *b = *(struct watched *const *)right;
    if (a->tid != b->tid) {
        return (a->tid > b->tid) - (a->tid < b->tid);
    }
    return (a->serial > b->serial) - (a->serial < b->serial);
}

/* /proc counts from boot, sleep included; we count without it. */
static uint64_t start_ns_of(uint64_t start_ticks, uint64_t now_ns)
{
    struct timespec boot;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    uint64_t boot_ns = (uint64_t)boot.tv_sec * MS_NS_PER_S + (uint64_t)boot.tv_nsec;
    uint64_t asleep_ns = boot_ns - ms_monotonic_ns();
    uint64_t start_ns = start_ticks * ms_proc_tick_ns();
    return start_ns > asleep_ns ? not_after(start_ns - asleep_ns, now_ns) : now_ns;
}

/* `exec`: the process has called it, and may go on as another one that we shall hear of. */
static void take_name(struct ms_watched_threads *threads, struct ms_thread *thread,
                      const char *name, size_t size, bool exec)
{
    if (name[0] == '\0' || strcmp(name, thread->name) == 0) {
        return;
    }
    if (exec && threads->before_exec.model_id == 0) {
        threads->before_exec.model_id = thread->id;
        memcpy(threads->before_exec.name, thread->name, sizeof thread->name);
    }
    copy_name(thread, name, size);
}

void ms_watched_threads_inherit(struct ms_watched_threads *threads,
                                const struct ms_watched_threads *older,
                                const struct ms_model *model, pid_t pid)
{
    for (size_t i = 0; i < older->present_count; i++) {
        const struct watched *watched = older->present[i];
        const struct ms_thread *thread =
            watched->tid == pid ? ms_model_thread_by_id(model, watched->model_id) : NULL;
        if (thread != NULL) {
            threads->inherited_tid = pid;
            threads->inherited = thread->kernel;
            to_raw(older, pid, &threads->inherited);
        }
    }
}

void ms_watched_threads_executed(struct ms_watched_threads *threads, struct ms_model *model)
{
    struct ms_thread *thread = ms_model_thread_mutable(model, threads->before_exec.model_id);
    if (thread != NULL) {
        memcpy(thread->name, threads->before_exec.name, sizeof thread->name);
    }
    threads->before_exec.model_id = 0;
}

static int read_proc(struct ms_watched_threads *threads, struct ms_model *model,
                     struct ms_descriptor_budget *budget, int tasks, struct watched *watched,
                     const struct ms_region_view *view, unsigned depth, uint64_t now_ns)
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
    to_raw(threads, watched->tid, &thread->kernel);
    int result = ms_proc_thread_read(&watched->files, &place, depth, &thread->kernel, name,
                                     &watched->start_ticks);
    to_own(threads, watched->tid, &thread->kernel);
    if (result != 0) {
        return result;
    }
    watched->read_ns = now_ns;
    bool slept = (thread->kernel.have & MS_HAVE_RUN_QUEUE) != 0 && thread->kernel.run_ns == run_ns;
    watched->quiet_reads = slept && !first ? watched->quiet_reads + 1 : 0;
    /* After the reading, as where tids are listed. */
    take_name(threads, thread, name, sizeof name,
              view != NULL && ms_region_view_state(view) == MS_REGION_EXEC);
    if (first && watched->record == 0 && watched->start_ticks != 0) {
        thread->start_ns = start_ns_of(watched->start_ticks, now_ns);
    }
    return 0;
}

/* Compares `present` with what /proc lists: drops who is gone, adds who is new. */
static int match_tids(struct ms_watched_threads *threads, struct ms_model *model,
                      struct ms_descriptor_budget *budget, size_t tid_count, uint64_t now_ns)
{
    size_t kept = 0;
    size_t at = 0;
    size_t known = threads->present_count;
    int result = 0;
    for (size_t i = 0; i < known; i++) {
        struct watched *watched = threads->present[i];
        while (at < tid_count && threads->tids[at] < watched->tid && result == 0) {
            /* Appended behind `known`, so the part being compacted is left alone. */
            result = new_watched(threads, model, threads->tids[at], now_ns) == NULL ? -ENOMEM : 0;
            at++;
        }
        bool taken_over = i + 1 < known && threads->present[i + 1]->tid == watched->tid;
        if (at < tid_count && threads->tids[at] == watched->tid && !taken_over) {
            threads->present[kept++] = watched;
            at++;
            continue;
        }
        if (!watched->ended) {
            end_watched(threads, model, budget, watched, now_ns, NULL);
        }
        watched->present = false;
        free_if_unused(threads, watched);
    }
    for (; at < tid_count && result == 0; at++) {
        result = new_watched(threads, model, threads->tids[at], now_ns) == NULL ? -ENOMEM : 0;
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
    int result = match_tids(threads, model, budget, (size_t)tid_count, now_ns);
    if (threads->present_count > 1) { /* there may be no array yet */
        qsort(threads->present, threads->present_count, sizeof(*threads->present), compare_present);
    }
    threads->sorted_count = threads->present_count;
    threads->listed = process->threads;
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

static void note_unmoved(struct ms_model *model, struct watched *watched, unsigned depth,
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
        struct watched *watched = threads->present[i];
        const unsigned depth = depth_at(i, tick, turns, in_all);
        const bool awake = watched->quiet_reads < QUIET_READS && has_turn(i, tick, turns);
        const bool first = watched->read_ns == 0;
        if (watched->ended || ((depth & BEYOND_STAT) == 0 && !awake && !first)) {
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

void ms_watched_threads_flows(struct ms_watched_threads *threads, struct ms_model *model,
                              const struct ms_region_view *view)
{
    for (uint32_t i = 1; i < threads->record_count; i++) {
        struct watched *watched = threads->by_record[i];
        if (watched != NULL && watched->flows_changed &&
            ms_model_thread_by_id(model, watched->model_id) != NULL) {
            watched->flows_changed = false;
            read_flows_of(threads, model, view, watched);
        }
    }
}

void ms_watched_threads_end(struct ms_watched_threads *threads, struct ms_model *model,
                            struct ms_descriptor_budget *budget, uint64_t end_ns,
                            const struct ms_final_usage *usage)
{
    const struct ms_final_usage *only = threads->ever == 1 ? usage : NULL;
    for (size_t i = 0; i < threads->present_count; i++) {
        struct watched *watched = threads->present[i];
        if (!watched->ended) {
            end_watched(threads, model, budget, watched, end_ns, only);
        }
        watched->present = false;
        free_if_unused(threads, watched);
    }
    threads->present_count = 0;
    threads->sorted_count = 0;
    for (uint32_t i = 1; i < threads->record_count; i++) {
        struct watched *watched = threads->by_record[i];
        if (watched != NULL && !watched->ended) {
            end_watched(threads, model, budget, watched, end_ns, only);
        }
    }
}

/* The peak of the sum is at least the highest of its parts. */
static void add_heap(struct ms_heap *sum, const struct ms_heap *heap)
{
    const uint64_t peak_bytes =
        heap->peak_bytes > sum->peak_bytes ? heap->peak_bytes : sum->peak_bytes;
    ms_heap_add(sum, heap);
    sum->peak_bytes = peak_bytes;
}

void ms_watched_threads_sum(const struct ms_watched_threads *threads, const struct ms_model *model,
                            struct ms_threads_sum *sum)
{
    *sum = (struct ms_threads_sum){.ever = threads->ever,
                                   .voluntary_switches = threads->ended_voluntary,
                                   .involuntary_switches = threads->ended_involuntary};
    for (uint32_t i = 1; i < threads->record_count; i++) {
        if (threads->by_record[i] != NULL) {
            add_heap(&sum->heap, &threads->by_record[i]->heap);
        }
    }
    for (size_t i = 0; i < threads->present_count; i++) {
        const struct watched *watched = threads->present[i];
        const struct ms_thread *thread =
            watched->ended ? NULL : ms_model_thread_by_id(model, watched->model_id);
        if (thread != NULL) {
            sum->alive++;
            sum->voluntary_switches += thread->kernel.voluntary_switches;
            sum->involuntary_switches += thread->kernel.involuntary_switches;
        }
    }
}

uint32_t ms_watched_threads_of_record(const struct ms_watched_threads *threads, uint32_t record)
{
    const struct watched *watched =
        record < threads->record_count ? threads->by_record[record] : NULL;
    return watched == NULL ? 0 : watched->model_id;
}

uint32_t ms_watched_threads_of_serial(const struct ms_watched_threads *threads, uint32_t serial)
{
    return serial == 0 ? 0 : ms_id_map_find(&threads->by_serial, serial);
}
