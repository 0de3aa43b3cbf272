#include "record/thread_columns.h"

#include <errno.h>

#include "model/restore.h"

static size_t group_at(size_t first, size_t count)
{
    return count - first < MS_COLUMN_THINGS ? count - first : MS_COLUMN_THINGS;
}

void ms_thread_columns_write(struct ms_columns *columns, const struct ms_model *model,
                             struct ms_pack *pack)
{
    const size_t count = ms_model_thread_count(model);
    const void *threads[MS_COLUMN_THINGS];
    for (size_t first = 0; first < count; first += MS_COLUMN_THINGS) {
        const size_t group = group_at(first, count);
        for (size_t i = 0; i < group; i++) {
            threads[i] = ms_model_thread(model, first + i);
        }
        ms_columns_write(columns, pack, threads, group);
    }
}

int ms_thread_columns_read(struct ms_model *model, struct ms_unpack *unpack,
                           const struct ms_fields_map *map)
{
    const size_t count = ms_model_thread_count(model);
    void *threads[MS_COLUMN_THINGS];
    for (size_t first = 0; first < count; first += MS_COLUMN_THINGS) {
        const size_t group = group_at(first, count);
        for (size_t i = 0; i < group; i++) {
            threads[i] = ms_model_restored_thread(model, ms_model_thread(model, first + i)->id);
            ms_fields_begin(map, threads[i]);
        }
        const int error = ms_columns_read(unpack, map, threads, group);
        if (error != 0) {
            return error;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (ms_model_process_by_id(model, thread->process_id) == NULL ||
            (ms_model_thread_past(thread) == NULL) != (thread->end_ns != 0)) {
            return -EBADMSG;
        }
    }
    return 0;
}
