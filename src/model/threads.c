#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"
#include "model/restore.h"

/* So many ended threads keep their histories, for the plots of a program of short threads. */
#define ENDED_WITH_HISTORY 200u
/* Past so many alive, those of whom nothing moves take turns: /proc is read in turns as well. */
#define RATED_PER_TICK 500u

struct ms_thread_record *ms_threads_find(const struct ms_threads *threads, uint32_t id)
{
    const size_t page = id / MS_ID_PAGE;
    if (page >= threads->page_count || threads->pages[page] == NULL) {
        return NULL;
    }
    return threads->pages[page]->records[id % MS_ID_PAGE];
}

static int enter_id(struct ms_threads *threads, uint32_t id, struct ms_thread_record *record)
{
    const size_t page = id / MS_ID_PAGE;
    if (page >= threads->page_count) {
        size_t count = threads->page_count != 0 ? 2 * threads->page_count : 4;
        count = page < count ? count : page + 1;
        struct ms_id_page **pages = reallocarray(threads->pages, count, sizeof(*pages));
        if (pages == NULL) {
            return -ENOMEM;
        }
        memset(pages + threads->page_count, 0, (count - threads->page_count) * sizeof(*pages));
        threads->pages = pages;
        threads->page_count = count;
    }
    if (threads->pages[page] == NULL) {
        threads->pages[page] = calloc(1, sizeof(*threads->pages[page]));
        if (threads->pages[page] == NULL) {
            return -ENOMEM;
        }
    }
    threads->pages[page]->records[id % MS_ID_PAGE] = record;
    threads->pages[page]->used++;
    return 0;
}

static void leave_id(struct ms_threads *threads, uint32_t id)
{
    struct ms_id_page **page = &threads->pages[id / MS_ID_PAGE];
    (*page)->records[id % MS_ID_PAGE] = NULL;
    if (--(*page)->used == 0) {
        free(*page);
        *page = NULL;
    }
}

static int list_reserve(struct ms_thread_list *list)
{
    if (list->first + list->count < list->capacity) {
        return 0;
    }
    if (list->first > list->capacity / 2) {
        memmove(list->records, list->records + list->first, list->count * sizeof(*list->records));
        list->first = 0;
        return 0;
    }
    const size_t capacity = list->capacity != 0 ? 2 * list->capacity : 64;
    struct ms_thread_record **records = reallocarray(list->records, capacity, sizeof(*records));
    if (records == NULL) {
        return -ENOMEM;
    }
    list->records = records;
    list->capacity = capacity;
    return 0;
}

static struct ms_thread_record *list_at(const struct ms_thread_list *list, size_t index)
{
    return list->records[list->first + index];
}

/* list_reserve() was called. */
static void list_push(struct ms_thread_list *list, struct ms_thread_record *record)
{
    list->records[list->first + list->count++] = record;
}

static void list_remove(struct ms_thread_list *list, size_t index)
{
    struct ms_thread_record **records = list->records + list->first;
    memmove(records + index, records + index + 1, (list->count - index - 1) * sizeof(*records));
    list->count--;
}

static void drop_histories(struct ms_thread_record *record)
{
    for (int i = 0; i < MS_SERIES_COUNT; i++) {
        ms_history_free(record->thread.history[i]);
        record->thread.history[i] = NULL;
    }
}

static void record_free(struct ms_thread_record *record)
{
    if (record != NULL) {
        drop_histories(record);
        free(record->past);
        free(record);
    }
}

static struct ms_thread_record *new_record(struct ms_threads *threads, struct ms_thread_list *list,
                                           uint32_t process_id, uint32_t id)
{
    struct ms_thread_record *record = calloc(1, sizeof(*record));
    if (record == NULL || list_reserve(list) != 0 || enter_id(threads, id, record) != 0) {
        free(record);
        return NULL;
    }
    if (threads->next_id < id) {
        threads->next_id = id;
    }
    record->thread.id = id;
    record->thread.process_id = process_id;
    record->thread.kernel.last_core = -1;
    record->thread.kernel.node = -1;
    record->first_usage = MS_NO_USAGE;
    record->first_activity = MS_NO_ACTIVITY;
    ms_rates_none(&record->thread.rates);
    list_push(list, record);
    return record;
}

struct ms_thread *ms_model_add_thread(struct ms_model *model, uint32_t process_id)
{
    struct ms_past *past = calloc(1, sizeof(*past));
    if (past == NULL) {
        return NULL;
    }
    struct ms_thread_record *record =
        new_record(&model->threads, &model->threads.alive, process_id, model->threads.next_id + 1);
    if (record == NULL) {
        free(past);
        return NULL;
    }
    record->past = past;
    record->stamp = model->stamp;
    return &record->thread;
}

/* Who writes changes down looks at all threads alive, but not at thousands that have ended. */
static void touch_ended(struct ms_model *model, uint32_t id)
{
    struct ms_threads *threads = &model->threads;
    if (threads->touched_stamp != model->stamp) {
        threads->touched_stamp = model->stamp;
        threads->touched_count = 0;
        threads->touched_lost = false;
    }
    if (threads->touched_count == threads->touched_capacity) {
        const size_t capacity = threads->touched_capacity != 0 ? 2 * threads->touched_capacity : 64;
        uint32_t *touched = reallocarray(threads->touched, capacity, sizeof(*touched));
        if (touched == NULL) {
            threads->touched_lost = true;
            return;
        }
        threads->touched = touched;
        threads->touched_capacity = capacity;
    }
    threads->touched[threads->touched_count++] = id;
}

void ms_thread_mark(struct ms_model *model, struct ms_thread_record *record)
{
    if (record->stamp != model->stamp) {
        record->stamp = model->stamp;
        if (record->past == NULL) {
            touch_ended(model, record->thread.id);
        }
    }
}

struct ms_thread *ms_model_thread_mutable(struct ms_model *model, uint32_t id)
{
    struct ms_thread_record *record = ms_threads_find(&model->threads, id);
    if (record == NULL || record->thread.merged != 0) {
        return NULL;
    }
    ms_thread_mark(model, record);
    return &record->thread;
}

const struct ms_thread *ms_model_thread_by_id(const struct ms_model *model, uint32_t id)
{
    const struct ms_thread_record *record = ms_threads_find(&model->threads, id);
    return record != NULL ? &record->thread : NULL;
}

size_t ms_model_alive_count(const struct ms_model *model)
{
    return model->threads.alive.count;
}

size_t ms_model_thread_count(const struct ms_model *model)
{
    return model->threads.alive.count + model->threads.merged.count + model->threads.ended.count;
}

const struct ms_thread *ms_model_thread(const struct ms_model *model, size_t index)
{
    const struct ms_threads *threads = &model->threads;
    if (index < threads->alive.count) {
        return &list_at(&threads->alive, index)->thread;
    }
    index -= threads->alive.count;
    if (index < threads->merged.count) {
        return &list_at(&threads->merged, index)->thread;
    }
    return &list_at(&threads->ended, index - threads->merged.count)->thread;
}

/* Alive threads lie in order of their ids. */
static size_t position_alive(const struct ms_thread_list *alive, uint32_t id)
{
    size_t low = 0;
    size_t high = alive->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (list_at(alive, middle)->thread.id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* After one more has ended. */
static void keep_newest_histories(struct ms_threads *threads)
{
    if (++threads->ended_with_history > ENDED_WITH_HISTORY) {
        drop_histories(list_at(&threads->ended, threads->ended.count - 1 - ENDED_WITH_HISTORY));
        threads->ended_with_history = ENDED_WITH_HISTORY;
    }
}

void ms_model_end_thread(struct ms_model *model, uint32_t id, uint64_t end_ns)
{
    struct ms_threads *threads = &model->threads;
    struct ms_thread_record *record = ms_threads_find(threads, id);
    if (record == NULL || record->past == NULL || list_reserve(&threads->ended) != 0) {
        return;
    }
    list_remove(&threads->alive, position_alive(&threads->alive, id));
    list_push(&threads->ended, record);
    free(record->past);
    record->past = NULL;
    record->stamp = model->stamp;
    touch_ended(model, id);
    record->thread.end_ns = end_ns != 0 ? end_ns : 1;
    ms_rates_none(&record->thread.rates);
    keep_newest_histories(threads);
}

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
        struct ms_thread_record *record = list_at(&threads->merged, position);
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
    record = new_record(threads, &threads->merged, process_id, threads->next_id + 1);
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
        leave_id(threads, record->thread.id);
        record_free(record);
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
    struct ms_thread_record *oldest = list_at(&threads->ended, 0);
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
    leave_id(threads, oldest->thread.id);
    record_free(oldest);
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
        const struct ms_thread *thread = &list_at(&threads->merged, i)->thread;
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
        struct ms_thread_record *record = list_at(list, i);
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

static void drop_gone(struct ms_threads *threads, struct ms_thread_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct ms_thread_record *record = list_at(list, i);
        if (record->gone) {
            leave_id(threads, record->thread.id);
            record_free(record);
            threads->removed++;
        } else {
            list->records[list->first + kept++] = record;
        }
    }
    list->count = kept;
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
    drop_gone(threads, &threads->merged);
    drop_gone(threads, &threads->ended);
    if (threads->ended_with_history > threads->ended.count) {
        threads->ended_with_history = threads->ended.count;
    }
    qsort(merges, *count, sizeof(*merges), compare_merges);
    return index_merged(threads) != 0 ? -ENOMEM : error;
}

struct ms_thread *ms_model_restore_thread(struct ms_model *model, uint32_t id, uint32_t process_id,
                                          enum ms_thread_place place)
{
    struct ms_threads *threads = &model->threads;
    struct ms_thread_list *list = place == MS_PLACE_ALIVE   ? &threads->alive
                                  : place == MS_PLACE_ENDED ? &threads->ended
                                                            : &threads->merged;
    const bool ordered = place != MS_PLACE_ALIVE || list->count == 0 ||
                         list_at(list, list->count - 1)->thread.id < id;
    struct ms_past *past = place == MS_PLACE_ALIVE ? calloc(1, sizeof(*past)) : NULL;
    if (id == 0 || !ordered || ms_threads_find(threads, id) != NULL ||
        (place == MS_PLACE_ALIVE && past == NULL)) {
        free(past);
        return NULL;
    }
    struct ms_thread_record *record = new_record(threads, list, process_id, id);
    if (record == NULL) {
        free(past);
        return NULL;
    }
    record->past = past;
    ms_thread_mark(model, record);
    if (place == MS_PLACE_ENDED) { /* others that end in the same tick may have histories */
        keep_newest_histories(threads);
    }
    return &record->thread;
}

void ms_model_forget_threads(struct ms_model *model, const uint32_t *ids, size_t count)
{
    struct ms_threads *threads = &model->threads;
    for (size_t i = 0; i < count; i++) {
        struct ms_thread_record *record = ms_threads_find(threads, ids[i]);
        if (record == NULL) {
            continue;
        }
        ms_thread_detach(model, record);
        record->gone = true;
    }
    drop_gone(threads, &threads->alive);
    drop_gone(threads, &threads->merged);
    drop_gone(threads, &threads->ended);
    if (threads->ended_with_history > threads->ended.count) {
        threads->ended_with_history = threads->ended.count;
    }
}

/* A process waits for cores as much as its threads alive do together. */
static void add_to_process(struct ms_model *model, const struct ms_thread *thread)
{
    struct ms_process_record *record = ms_process_record_of(model, thread->process_id);
    const double pct = thread->rates.run_queue_wait_pct;
    if (record != NULL && !isnan(pct)) {
        record->run_queue_pct = (isnan(record->run_queue_pct) ? 0 : record->run_queue_pct) + pct;
    }
}

int ms_threads_tick(struct ms_model *model, uint64_t tick, uint64_t repeat)
{
    int error = 0;
    for (size_t i = 0; i < model->process_count; i++) {
        model->processes[i]->run_queue_pct = (double)NAN;
    }
    const size_t turns = model->threads.alive.count / RATED_PER_TICK + 1;
    const size_t turn = model->threads.turn++ % turns;
    for (size_t i = 0; i < model->threads.alive.count; i++) {
        struct ms_thread_record *record = list_at(&model->threads.alive, i);
        if (!record->flat || i % turns == turn) {
            ms_thread_rate(record, model->now_ns);
        }
        add_to_process(model, &record->thread);
        struct ms_thread *thread = &record->thread;
        const double current =
            thread->probed && thread->tracked ? (double)ms_heap_current_bytes(&thread->heap) : NAN;
        const double values[MS_SERIES_COUNT] = {
            [MS_SERIES_CPU_PCT] = thread->rates.cpu_pct,
            [MS_SERIES_CURRENT_BYTES] = current,
            [MS_SERIES_ALLOCATED_PER_S] = thread->rates.bytes_allocated_per_s,
            [MS_SERIES_IO_CALLS_PER_S] = thread->rates.io_calls_per_s,
            [MS_SERIES_IO_BYTES_PER_S] = thread->rates.io_bytes_per_s,
            [MS_SERIES_RUN_QUEUE_PCT] = thread->rates.run_queue_wait_pct,
            [MS_SERIES_NETWORK_PER_S] =
                thread->rates.received_bytes_per_s + thread->rates.sent_bytes_per_s,
        };
        for (int s = 0; s < MS_SERIES_COUNT; s++) {
            if (ms_model_append(model, &thread->history[s], tick, repeat, values[s]) != 0) {
                error = -ENOMEM;
            }
        }
    }
    return error;
}

static void list_free(struct ms_thread_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        record_free(list_at(list, i));
    }
    free(list->records);
}

void ms_threads_free(struct ms_threads *threads)
{
    list_free(&threads->alive);
    list_free(&threads->merged);
    list_free(&threads->ended);
    for (size_t i = 0; i < threads->page_count; i++) {
        if (threads->pages[i] != NULL) { /* high ids leave millions of them empty */
            free(threads->pages[i]);
        }
    }
    free(threads->pages);
    free(threads->touched);
    ms_index_free(&threads->merged_by_name);
}
