/* Threads, processes and the time, from a recording: see restore.h. */
#include "model/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

/* Both are the first members of their records. */
static const struct ms_thread_record *record_of(const struct ms_thread *thread)
{
    return (const struct ms_thread_record *)(const void *)thread;
}

static struct ms_thread_record *record_of_mutable(struct ms_thread *thread)
{
    return (struct ms_thread_record *)(void *)thread;
}

static const struct ms_process_record *process_record(const struct ms_process *process)
{
    return (const struct ms_process_record *)(const void *)process;
}

static struct ms_process_record *process_record_mutable(struct ms_process *process)
{
    return (struct ms_process_record *)(void *)process;
}

struct ms_thread *ms_model_restored_thread(struct ms_model *model, uint32_t id)
{
    struct ms_thread_record *record = ms_threads_find(&model->threads, id);
    if (record == NULL) {
        return NULL;
    }
    ms_thread_mark(model, record);
    return &record->thread;
}

size_t ms_model_merged_count(const struct ms_model *model)
{
    return model->threads.merged.count;
}

uint64_t ms_model_threads_removed(const struct ms_model *model)
{
    return model->threads.removed;
}

uint64_t ms_model_processes_removed(const struct ms_model *model)
{
    return model->processes_removed;
}

uint32_t ms_model_thread_stamp(const struct ms_thread *thread)
{
    return record_of(thread)->stamp;
}

uint32_t ms_model_process_stamp(const struct ms_process *process)
{
    return process_record(process)->stamp;
}

bool ms_model_threads_touched(const struct ms_model *model, uint32_t since, const uint32_t **ids,
                              size_t *count)
{
    const struct ms_threads *threads = &model->threads;
    const bool any = threads->touched_stamp >= since;
    *ids = threads->touched;
    *count = any ? threads->touched_count : 0;
    return !any || (threads->touched_stamp == since && !threads->touched_lost);
}

struct ms_inside ms_model_inside(const struct ms_model *model)
{
    return (struct ms_inside){
        .now_ns = model->now_ns,
        .ticks = model->ticks,
        .first_tick = model->first_tick,
        .next_thread_id = model->threads.next_id,
        .turn = model->threads.turn,
        .merged_programs = model->merged_programs,
        .ended_with_history = (uint32_t)model->threads.ended_with_history,
    };
}

void ms_model_put_inside(struct ms_model *model, const struct ms_inside *inside)
{
    model->now_ns = inside->now_ns;
    model->ticks = inside->ticks;
    model->first_tick = inside->first_tick;
    if (inside->next_thread_id > model->threads.next_id) {
        model->threads.next_id = inside->next_thread_id;
    }
    model->threads.turn = inside->turn;
    model->merged_programs = inside->merged_programs;
    model->threads.ended_with_history = inside->ended_with_history < model->threads.ended.count
                                            ? inside->ended_with_history
                                            : model->threads.ended.count;
}

struct ms_process_inside ms_model_process_inside(const struct ms_process *process)
{
    const struct ms_process_record *record = process_record(process);
    return (struct ms_process_inside){
        .attributed_epoch = record->attributed_epoch,
        .attributed_at_end = record->attributed_at_end,
        .stands_for_many = record->stands_for_many,
        .run_queue_pct = record->run_queue_pct,
        .network_ns = record->network_ns,
        .network_received_bytes = record->network_received_bytes,
        .network_sent_bytes = record->network_sent_bytes,
    };
}

void ms_model_put_process_inside(struct ms_process *process, const struct ms_process_inside *inside)
{
    struct ms_process_record *record = process_record_mutable(process);
    record->attributed_epoch = inside->attributed_epoch;
    record->attributed_at_end = inside->attributed_at_end;
    record->stands_for_many = inside->stands_for_many;
    record->run_queue_pct = inside->run_queue_pct;
    record->network_ns = inside->network_ns;
    record->network_received_bytes = inside->network_received_bytes;
    record->network_sent_bytes = inside->network_sent_bytes;
}

bool ms_model_thread_is_flat(const struct ms_thread *thread)
{
    return record_of(thread)->flat;
}

void ms_model_put_thread_flat(struct ms_thread *thread, bool flat)
{
    record_of_mutable(thread)->flat = flat;
}

const struct ms_past *ms_model_thread_past(const struct ms_thread *thread)
{
    return record_of(thread)->past;
}

struct ms_past *ms_model_thread_past_mutable(struct ms_thread *thread)
{
    return record_of_mutable(thread)->past;
}

const struct ms_past *ms_model_process_past(const struct ms_process *process)
{
    return &process_record(process)->past;
}

struct ms_past *ms_model_process_past_mutable(struct ms_process *process)
{
    return &process_record_mutable(process)->past;
}

static uint64_t page_bytes(const struct ms_id_pages *pages, size_t one)
{
    return pages->page_count * one + pages->table_count * MS_ID_TABLE_PAGES * sizeof(void *);
}

static uint64_t thread_bytes(const struct ms_threads *threads)
{
    const uint64_t count = threads->alive.count + threads->merged.count + threads->ended.count;
    return count * (sizeof(struct ms_thread_record) + 2 * sizeof(void *)) +
           threads->alive.count * sizeof(struct ms_past) +
           page_bytes(&threads->pages, sizeof(struct ms_thread_page));
}

static uint64_t site_bytes(const struct ms_sites *sites)
{
    return sites->records.count * (sizeof(struct ms_site_record) + sizeof(uint32_t)) +
           sites->activity * sizeof(struct ms_work) + sites->numbers_held * sizeof(uint32_t) +
           page_bytes(&sites->pages, sizeof(struct ms_site_page));
}

/* In an index, with the stamps of changes. */
enum { FOUND_BYTES = 2 * sizeof(struct ms_index_slot) + sizeof(uint32_t) };

/* About what malloc has given: it decides how much a file may ask for, to a factor of two. */
static uint64_t reckoned_bytes(const struct ms_model *model)
{
    const struct ms_room *room = &model->room;
    return thread_bytes(&model->threads) + site_bytes(&model->sites) +
           model->process_count * (sizeof(struct ms_process_record) +
                                   MS_CONNECTIONS_KEPT * sizeof(struct ms_connection)) +
           model->usages.records.count * (sizeof(struct ms_usage_record) + FOUND_BYTES) +
           room->usage_details *
               (sizeof(struct ms_usage_detail) + 2 * sizeof(struct ms_histogram)) +
           model->activities.records.count * (sizeof(struct ms_activity_record) + FOUND_BYTES) +
           model->flows.records.count * (sizeof(struct ms_flow) + FOUND_BYTES) +
           model->misuses.records.count * (sizeof(struct ms_misuse) + FOUND_BYTES) +
           model->strings.bytes + room->argument_bytes + room->history_bytes;
}

void ms_model_limit_bytes(struct ms_model *model, uint64_t bytes_max)
{
    model->room.bytes_max = bytes_max;
}

bool ms_model_is_refused(const struct ms_model *model)
{
    return model->room.refused;
}

bool ms_model_has_room(struct ms_model *model)
{
    struct ms_room *room = &model->room;
    if (room->bytes_max != 0 && !room->refused) {
        room->refused = reckoned_bytes(model) > room->bytes_max;
    }
    return !room->refused;
}

struct ms_history *ms_model_new_history(struct ms_model *model)
{
    struct ms_history *history = ms_history_new(model->interval_ns);
    if (history != NULL && model->room.bytes_max != 0) {
        ms_history_sum_bytes(history, &model->room.history_bytes);
    }
    return history;
}

struct ms_process *ms_model_restore_process(struct ms_model *model, uint32_t id)
{
    return ms_model_has_room(model) ? ms_model_add_process(model, id) : NULL;
}

int ms_model_put_arguments(struct ms_model *model, struct ms_process *process, const char *text,
                           size_t bytes)
{
    model->room.argument_bytes -= process->arguments_bytes;
    free(process->arguments);
    process->arguments = NULL;
    process->arguments_bytes = 0;
    if (text == NULL) {
        return 0;
    }
    process->arguments = malloc(bytes + 1);
    if (process->arguments == NULL) {
        return -ENOMEM;
    }
    memcpy(process->arguments, text, bytes);
    process->arguments[bytes] = '\0';
    process->arguments_bytes = bytes;
    model->room.argument_bytes += bytes;
    return ms_model_has_room(model) ? 0 : -ENOMEM;
}

int ms_model_forget_processes(struct ms_model *model, const uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ms_process_record *record = ms_process_record_of(model, ids[i]);
        if (record != NULL) {
            (void)ms_model_put_arguments(model, &record->process, NULL, 0);
            record->merged_into = record;
            model->orphans = true;
        }
    }
    return ms_processes_drop_merged(model);
}

bool ms_threads_have_processes(struct ms_model *model)
{
    if (!model->orphans) {
        return true;
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        if (ms_process_record_of(model, ms_model_thread(model, i)->process_id) == NULL) {
            return false;
        }
    }
    model->orphans = false;
    return true;
}
