/* See thread_records.h. */
#include "model/thread_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ms_thread_record *ms_threads_find(const struct ms_threads *threads, uint32_t id)
{
    const struct ms_thread_page *page = ms_id_page(&threads->pages, id);
    return page != NULL ? page->records[id % MS_ID_PAGE] : NULL;
}

static int enter_id(struct ms_threads *threads, uint32_t id, struct ms_thread_record *record)
{
    struct ms_thread_page *page = ms_id_page_make(&threads->pages, id, sizeof(*page));
    if (page == NULL) {
        return -ENOMEM;
    }
    page->records[id % MS_ID_PAGE] = record;
    page->used++;
    return 0;
}

void ms_threads_leave_id(struct ms_threads *threads, uint32_t id)
{
    struct ms_thread_page *page = ms_id_page(&threads->pages, id);
    page->records[id % MS_ID_PAGE] = NULL;
    if (--page->used == 0) {
        ms_id_page_drop(&threads->pages, id);
    }
}

int ms_thread_list_reserve(struct ms_thread_list *list)
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

void ms_thread_list_push(struct ms_thread_list *list, struct ms_thread_record *record)
{
    list->records[list->first + list->count++] = record;
}

void ms_thread_list_remove(struct ms_thread_list *list, size_t index)
{
    struct ms_thread_record **records = list->records + list->first;
    memmove(records + index, records + index + 1, (list->count - index - 1) * sizeof(*records));
    list->count--;
}

void ms_thread_record_drop_histories(struct ms_thread_record *record)
{
    for (int i = 0; i < MS_SERIES_COUNT; i++) {
        ms_history_free(record->thread.history[i]);
        record->thread.history[i] = NULL;
    }
}

void ms_thread_record_free(struct ms_thread_record *record)
{
    if (record != NULL) {
        ms_thread_record_drop_histories(record);
        free(record->past);
        free(record);
    }
}

struct ms_thread_record *ms_thread_record_new(struct ms_threads *threads,
                                              struct ms_thread_list *list, uint32_t process_id,
                                              uint32_t id)
{
    struct ms_thread_record *record = calloc(1, sizeof(*record));
    if (record == NULL || ms_thread_list_reserve(list) != 0 || enter_id(threads, id, record) != 0) {
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
    ms_thread_list_push(list, record);
    return record;
}

void ms_threads_drop_gone(struct ms_threads *threads, struct ms_thread_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct ms_thread_record *record = ms_thread_list_at(list, i);
        if (record->gone) {
            ms_threads_leave_id(threads, record->thread.id);
            ms_thread_record_free(record);
            threads->removed++;
        } else {
            list->records[list->first + kept++] = record;
        }
    }
    list->count = kept;
    if (threads->ended_with_history > threads->ended.count) {
        threads->ended_with_history = threads->ended.count;
    }
}

static void list_free(struct ms_thread_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        ms_thread_record_free(ms_thread_list_at(list, i));
    }
    free(list->records);
}

void ms_threads_free(struct ms_threads *threads)
{
    list_free(&threads->alive);
    list_free(&threads->merged);
    list_free(&threads->ended);
    ms_id_pages_free(&threads->pages);
    free(threads->touched);
    ms_index_free(&threads->merged_by_name);
}
