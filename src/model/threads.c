#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"
#include "model/restore.h"
#include "model/thread_records.h"

/* So many ended threads keep their histories, for the plots of a program of short threads. */
#define ENDED_WITH_HISTORY 200u
/* Past so many alive, those of whom nothing moves take turns: /proc is read in turns as well. */
#define RATED_PER_TICK 500u

struct ms_thread *ms_model_add_thread(struct ms_model *model, uint32_t process_id)
{
    struct ms_past *past = calloc(1, sizeof(*past));
    if (past == NULL) {
        return NULL;
    }
    struct ms_thread_record *record = ms_thread_record_new(&model->threads, &model->threads.alive,
                                                           process_id, model->threads.next_id + 1);
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
        return &ms_thread_list_at(&threads->alive, index)->thread;
    }
    index -= threads->alive.count;
    if (index < threads->merged.count) {
        return &ms_thread_list_at(&threads->merged, index)->thread;
    }
    return &ms_thread_list_at(&threads->ended, index - threads->merged.count)->thread;
}

/* Alive threads lie in order of their ids. */
static size_t position_alive(const struct ms_thread_list *alive, uint32_t id)
{
    size_t low = 0;
    size_t high = alive->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ms_thread_list_at(alive, middle)->thread.id < id) {
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
        ms_thread_record_drop_histories(
            ms_thread_list_at(&threads->ended, threads->ended.count - 1 - ENDED_WITH_HISTORY));
        threads->ended_with_history = ENDED_WITH_HISTORY;
    }
}

void ms_model_end_thread(struct ms_model *model, uint32_t id, uint64_t end_ns)
{
    struct ms_threads *threads = &model->threads;
    struct ms_thread_record *record = ms_threads_find(threads, id);
    if (record == NULL || record->past == NULL || ms_thread_list_reserve(&threads->ended) != 0) {
        return;
    }
    ms_thread_list_remove(&threads->alive, position_alive(&threads->alive, id));
    ms_thread_list_push(&threads->ended, record);
    free(record->past);
    record->past = NULL;
    record->stamp = model->stamp;
    touch_ended(model, id);
    record->thread.end_ns = end_ns != 0 ? end_ns : 1;
    ms_rates_none(&record->thread.rates);
    keep_newest_histories(threads);
}

struct ms_thread *ms_model_restore_thread(struct ms_model *model, uint32_t id, uint32_t process_id,
                                          enum ms_thread_place place)
{
    struct ms_threads *threads = &model->threads;
    struct ms_thread_list *list = place == MS_PLACE_ALIVE   ? &threads->alive
                                  : place == MS_PLACE_ENDED ? &threads->ended
                                                            : &threads->merged;
    const bool ordered = place != MS_PLACE_ALIVE || list->count == 0 ||
                         ms_thread_list_at(list, list->count - 1)->thread.id < id;
    struct ms_past *past = place == MS_PLACE_ALIVE ? calloc(1, sizeof(*past)) : NULL;
    if (id == 0 || !ordered || !ms_model_has_room(model) || ms_threads_find(threads, id) != NULL ||
        (place == MS_PLACE_ALIVE && past == NULL)) {
        free(past);
        return NULL;
    }
    struct ms_thread_record *record = ms_thread_record_new(threads, list, process_id, id);
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
    ms_threads_drop_gone(threads, &threads->alive);
    ms_threads_drop_gone(threads, &threads->merged);
    ms_threads_drop_gone(threads, &threads->ended);
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
        struct ms_thread_record *record = ms_thread_list_at(&model->threads.alive, i);
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
