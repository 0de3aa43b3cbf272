/*
 * Where the records of threads lie: each by its id, and in one of three lists in the order in which
 * they came there (alive, ended, and those that stand for merged ones). For src/model only.
 */
#ifndef MS_MODEL_THREAD_RECORDS_H
#define MS_MODEL_THREAD_RECORDS_H

#include "model/internal.h"

/* `index` < list->count. */
static inline struct ms_thread_record *ms_thread_list_at(const struct ms_thread_list *list,
                                                         size_t index)
{
    return list->records[list->first + index];
}

/* Room for one more, 0 or -ENOMEM. */
int ms_thread_list_reserve(struct ms_thread_list *list);
/* Room for it was reserved. */
void ms_thread_list_push(struct ms_thread_list *list, struct ms_thread_record *record);
void ms_thread_list_remove(struct ms_thread_list *list, size_t index);

/* At the end of `list`, with nothing known of it. The id must be new. NULL: no memory. */
struct ms_thread_record *ms_thread_record_new(struct ms_threads *threads,
                                              struct ms_thread_list *list, uint32_t process_id,
                                              uint32_t id);
/* It left its list before, and its id: see below. Accepts NULL. */
void ms_thread_record_free(struct ms_thread_record *record);
void ms_thread_record_drop_histories(struct ms_thread_record *record);

/* Nobody finds it by its id any more. */
void ms_threads_leave_id(struct ms_threads *threads, uint32_t id);
/* Frees those of the list that are `gone`. */
void ms_threads_drop_gone(struct ms_threads *threads, struct ms_thread_list *list);

#endif
