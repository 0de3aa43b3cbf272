/*
 * Ended threads that are too many become one for each name of their process; those of processes
 * that are merged go to what these become. What they did goes along, so that sums stay.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"
#include "model/thread_records.h"

static void add_counter(uint64_t *sum, uint64_t counter)
{
    *sum = *sum == MS_NO_COUNTER || counter == MS_NO_COUNTER ? MS_NO_COUNTER : *sum + counter;
}

/* What is of a moment (state, core, node, affinity) is nobody's when several are one. */
static void kernel_add(struct ms_kernel_thread *sum, const struct ms_kernel_thread *kernel)
{
    const uint32_t momentary = MS_HAVE_NODE | MS_HAVE_AFFINITY;
    sum->have &= kernel->have & ~momentary;
    sum->refused |= kernel->refused;
#define ADD(figure) sum->figure += kernel->figure;
    MS_KERNEL_SUMS(ADD)
    ADD(run_ns)
    ADD(run_queue_wait_ns)
    ADD(migrations)
    ADD(counters.enabled_ns)
    ADD(counters.running_ns)
#undef ADD
    add_counter(&sum->counters.cycles, kernel->counters.cycles);
    add_counter(&sum->counters.instructions, kernel->counters.instructions);
    add_counter(&sum->counters.cache_references, kernel->counters.cache_references);
    add_counter(&sum->counters.cache_misses, kernel->counters.cache_misses);
    add_counter(&sum->counters.branches, kernel->counters.branches);
    add_counter(&sum->counters.branch_misses, kernel->counters.branch_misses);
}

static uint32_t name_hash(uint32_t process_id, const char *name)
{
    return ms_hash_bytes(name, strnlen(name, MS_NAME_MAX), process_id);
}

static struct ms_thread_record *find_merged(const struct ms_threads *threads, uint32_t process_id,
                                            const char *name)
{
    size_t cursor = 0;
    uint32_t position;
    while (
        ms_index_next(&threads->merged_by_name, name_hash(process_id, name), &cursor, &position)) {
        struct ms_thread_record *record = ms_thread_list_at(&threads->merged, position);
        if (record->thread.process_id == process_id &&
            strncmp(record->thread.name, name, MS_NAME_MAX) == 0) {
            return record;
        }
    }
    return NULL;
}

/* The thread that stands for all of this name in the process, which may not be the thread's. */
static struct ms_thread_record *merged_for(struct ms_model *model, uint32_t process_id,
                                           const struct ms_thread *thread)
{
    struct ms_threads *threads = &model->threads;
    struct ms_thread_record *record = find_merged(threads, process_id, thread->name);
    if (record != NULL) {
        return record;
    }
    const char *name = thread->name;
    if (threads->merged.count >= MS_MERGED_NAMES_MAX) {
        name = "";
        record = find_merged(threads, process_id, name);
        if (record != NULL) {
            return record;
        }
    }
    record = ms_thread_record_new(threads, &threads->merged, process_id, threads->next_id + 1);
    if (record == NULL) {
        return NULL;
    }
    memcpy(record->thread.name, name, strnlen(name, MS_NAME_MAX - 1));
    record->thread.start_ns = thread->start_ns;
    record->thread.kernel.have = thread->kernel.have;
    ms_thread_mark(model, record);
    if (ms_index_add(&threads->merged_by_name, name_hash(process_id, name),
                     (uint32_t)(threads->merged.count - 1)) != 0) {
        threads->merged.count--;
        ms_threads_leave_id(threads, record->thread.id);
        ms_thread_record_free(record);
        return NULL;
    }
    return record;
}

static void merge_figures(struct ms_model *model, struct ms_thread_record *record,
                          const struct ms_thread *from)
{
    struct ms_thread *into = &record->thread;
    ms_thread_mark(model, record);
    const uint64_t peak_bytes = into->heap.peak_bytes > from->heap.peak_bytes
                                    ? into->heap.peak_bytes
                                    : from->heap.peak_bytes;
    ms_heap_add(&into->heap, &from->heap);
    into->heap.peak_bytes = peak_bytes;
    into->own_deallocations += from->own_deallocations;
    into->own_bytes_freed += from->own_bytes_freed;
    into->at_peak_bytes += from->at_peak_bytes;
    into->at_peak_known = into->at_peak_known || from->at_peak_known;
    kernel_add(&into->kernel, &from->kernel);
    ms_thread_io_add(&into->io, &from->io);
    into->tracked = into->tracked || from->tracked;
    into->probed = into->probed || from->probed;
    into->start_ns = from->start_ns < into->start_ns ? from->start_ns : into->start_ns;
    into->end_ns = from->end_ns > into->end_ns ? from->end_ns : into->end_ns;
    into->merged_life_ns += from->merged > 0                ? from->merged_life_ns
                            : from->end_ns > from->start_ns ? from->end_ns - from->start_ns
                                                            : 0;
    into->merged += from->merged > 0 ? from->merged : 1;
}

static int merge_oldest(struct ms_model *model, struct ms_merge *merge)
{
    struct ms_threads *threads = &model->threads;
    struct ms_thread_record *oldest = ms_thread_list_at(&threads->ended, 0);
    struct ms_thread_record *into = merged_for(model, oldest->thread.process_id, &oldest->thread);
    if (into == NULL) {
        return -ENOMEM;
    }
    if (ms_usages_merge(model, oldest, into) != 0 ||
        ms_activities_merge(model, oldest, into) != 0) {
        return -ENOMEM;
    }
    merge_figures(model, into, &oldest->thread);
    *merge = (struct ms_merge){.from = oldest->thread.id, .into = into->thread.id};
    threads->ended.first++;
    threads->ended.count--;
    threads->removed++;
    if (threads->ended_with_history > threads->ended.count) {
        threads->ended_with_history = threads->ended.count;
    }
    ms_threads_leave_id(threads, oldest->thread.id);
    ms_thread_record_free(oldest);
    return 0;
}

uint32_t ms_merged_id(const struct ms_merge *merges, size_t count, uint32_t id)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (merges[middle].from < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && merges[low].from == id ? merges[low].into : id;
}

static int compare_merges(const void *a, const void *b)
{
    const uint32_t of_a = ((const struct ms_merge *)a)->from;
    const uint32_t of_b = ((const struct ms_merge *)b)->from;
    return of_a < of_b ? -1 : of_a > of_b;
}

/* Who keeps ids of threads gets the new ones. */
static int tell_merges(struct ms_model *model, struct ms_merge *merges, size_t count)
{
    qsort(merges, count, sizeof(*merges), compare_merges);
    const int error = ms_flows_merge(model, merges, count);
    const int misuses_error = ms_misuses_merge(model, merges, count);
    return error != 0 ? error : misuses_error;
}

int ms_threads_merge_old(struct ms_model *model)
{
    enum { BATCH = 4096 };
    struct ms_threads *threads = &model->threads;
    struct ms_merge *merges = NULL;
    size_t count = 0;
    int error = 0;
    while (error == 0 && threads->ended.count > 0 &&
           (threads->ended.count > MS_ENDED_THREADS_MAX ||
            model->usages.records.count > MS_USAGES_MAX)) {
        if (merges == NULL) {
            merges = reallocarray(NULL, BATCH, sizeof(*merges));
            if (merges == NULL) {
                return -ENOMEM;
            }
        }
        error = merge_oldest(model, &merges[count]);
        count += error == 0 ? 1 : 0;
        if (count == BATCH) {
            error = tell_merges(model, merges, count);
            count = 0;
        }
    }
    if (count > 0) {
        const int told_error = tell_merges(model, merges, count);
        error = error != 0 ? error : told_error;
    }
    free(merges);
    return error;
}

/* Positions have changed. */
static int index_merged(struct ms_threads *threads)
{
    ms_index_clear(&threads->merged_by_name);
    for (size_t i = 0; i < threads->merged.count; i++) {
        const struct ms_thread *thread = &ms_thread_list_at(&threads->merged, i)->thread;
        if (ms_index_add(&threads->merged_by_name, name_hash(thread->process_id, thread->name),
                         (uint32_t)i) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* Gives away what threads of merged processes have; they leave the list later. */
static int empty_list(struct ms_model *model, const struct ms_thread_list *list, size_t count,
                      struct ms_merge *merges, size_t *merged)
{
    for (size_t i = 0; i < count; i++) {
        struct ms_thread_record *record = ms_thread_list_at(list, i);
        const struct ms_process_record *process =
            ms_process_record_of(model, record->thread.process_id);
        if (process == NULL || process->merged_into == NULL) {
            continue;
        }
        struct ms_thread_record *into =
            merged_for(model, process->merged_into->process.id, &record->thread);
        if (into == NULL || ms_usages_merge(model, record, into) != 0 ||
            ms_activities_merge(model, record, into) != 0) {
            return -ENOMEM;
        }
        merge_figures(model, into, &record->thread);
        merges[(*merged)++] = (struct ms_merge){record->thread.id, into->thread.id};
        record->gone = true;
    }
    return 0;
}

int ms_threads_merge_processes(struct ms_model *model, struct ms_merge *merges, size_t *count)
{
    struct ms_threads *threads = &model->threads;
    *count = 0;
    /* Those that are appended meanwhile are of processes that stay. */
    int error = empty_list(model, &threads->merged, threads->merged.count, merges, count);
    if (error == 0) {
        error = empty_list(model, &threads->ended, threads->ended.count, merges, count);
    }
    ms_threads_drop_gone(threads, &threads->merged);
    ms_threads_drop_gone(threads, &threads->ended);
    qsort(merges, *count, sizeof(*merges), compare_merges);
    return index_merged(threads) != 0 ? -ENOMEM : error;
}
