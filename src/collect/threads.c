/* The life of a watched thread, and the sums of all of a process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect/threads_watched.h"

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

static bool is_current(const struct ms_watched_threads *threads,
                       const struct ms_watched_thread *watched)
{
    return watched->record != 0 && watched->record < threads->record_count &&
           threads->by_record[watched->record] == watched;
}

static void free_watched(struct ms_watched_thread *watched)
{
    if (watched != NULL) {
        free(watched->credited);
        free(watched);
    }
}

void ms_watched_thread_free_unused(const struct ms_watched_threads *threads,
                                   struct ms_watched_thread *watched)
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
        struct ms_watched_thread *watched = threads->present[i];
        ms_proc_thread_close(&watched->files, budget, threads->sources);
        watched->present = false;
        ms_watched_thread_free_unused(threads, watched);
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

static bool is_empty_usage(const struct ms_final_usage *usage)
{
    static const struct ms_final_usage none;
    return memcmp(usage, &none, sizeof none) == 0;
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

void ms_watched_thread_end(struct ms_watched_threads *threads, struct ms_model *model,
                           struct ms_descriptor_budget *budget, struct ms_watched_thread *watched,
                           uint64_t end_ns, const struct ms_final_usage *usage)
{
    struct ms_thread *thread = ms_model_thread_mutable(model, watched->model_id);
    ms_proc_thread_close(&watched->files, budget, threads->sources);
    watched->ended = true;
    if (thread == NULL) {
        return;
    }
    if (usage != NULL && !is_empty_usage(usage)) {
        ms_watched_to_raw(threads, watched->tid, &thread->kernel);
        take_final_usage(thread, usage);
        ms_watched_to_own(threads, watched->tid, &thread->kernel);
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

static int add_present(struct ms_watched_threads *threads, struct ms_watched_thread *watched)
{
    if (threads->present_count == threads->present_capacity) {
        size_t capacity = threads->present_capacity == 0 ? 64 : threads->present_capacity * 2;
        struct ms_watched_thread **grown = realloc(threads->present, capacity * sizeof(*grown));
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

struct ms_watched_thread *ms_watched_thread_find(const struct ms_watched_threads *threads,
                                                 pid_t tid)
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

struct ms_watched_thread *ms_watched_thread_new(struct ms_watched_threads *threads,
                                                struct ms_model *model, pid_t tid,
                                                uint64_t start_ns)
{
    struct ms_watched_thread *watched = calloc(1, sizeof *watched);
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

void ms_watched_thread_name(struct ms_thread *thread, const char *name, size_t size)
{
    size_t bytes = strnlen(name, size);
    memcpy(thread->name, name, bytes);
    memset(thread->name + bytes, 0, sizeof thread->name - bytes);
}

void ms_watched_threads_end(struct ms_watched_threads *threads, struct ms_model *model,
                            struct ms_descriptor_budget *budget, uint64_t end_ns,
                            const struct ms_final_usage *usage)
{
    const struct ms_final_usage *only = threads->ever == 1 ? usage : NULL;
    for (size_t i = 0; i < threads->present_count; i++) {
        struct ms_watched_thread *watched = threads->present[i];
        if (!watched->ended) {
            ms_watched_thread_end(threads, model, budget, watched, end_ns, only);
        }
        watched->present = false;
        ms_watched_thread_free_unused(threads, watched);
    }
    threads->present_count = 0;
    threads->sorted_count = 0;
    for (uint32_t i = 1; i < threads->record_count; i++) {
        struct ms_watched_thread *watched = threads->by_record[i];
        if (watched != NULL && !watched->ended) {
            ms_watched_thread_end(threads, model, budget, watched, end_ns, only);
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
        const struct ms_watched_thread *watched = threads->present[i];
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
    const struct ms_watched_thread *watched =
        record < threads->record_count ? threads->by_record[record] : NULL;
    return watched == NULL ? 0 : watched->model_id;
}

uint32_t ms_watched_threads_of_serial(const struct ms_watched_threads *threads, uint32_t serial)
{
    return serial == 0 ? 0 : ms_id_map_find(&threads->by_serial, serial);
}
