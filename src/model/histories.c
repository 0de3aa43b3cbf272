#include "model/histories.h"

#include <errno.h>

#include "model/internal.h"

/* What has histories: a row of `series` pointers. */
struct row {
    struct ms_history **histories;
    enum ms_history_of of;
    uint32_t id, series;
    uint32_t first_series;
};

typedef int each_row(void *context, const struct row *row);

static int each_of_machine(struct ms_model *model, each_row *each, void *context)
{
    struct ms_system *system = &model->system;
    const struct row sum = {model->sum_history, MS_HISTORY_OF_SUM, 0, MS_PROCESS_SERIES_COUNT, 0};
    const struct row machine = {system->history, MS_HISTORY_OF_SYSTEM, 0, MS_SYSTEM_SERIES_COUNT,
                                0};
    int result = each(context, &sum);
    result = result == 0 ? each(context, &machine) : result;
    for (uint32_t i = 0; i < system->cores && i < MS_CORES_MAX && result == 0; i++) {
        const struct row core = {&system->core_history[i], MS_HISTORY_OF_CORE, i, 1, 0};
        result = each(context, &core);
    }
    for (uint32_t i = 0; i < system->gpu_count && result == 0; i++) {
        const struct row load = {&system->gpus[i].history, MS_HISTORY_OF_GPU, i, 1, 0};
        const struct row memory = {&system->gpus[i].memory_history, MS_HISTORY_OF_GPU, i, 1, 1};
        result = each(context, &load);
        result = result == 0 ? each(context, &memory) : result;
    }
    return result;
}

static int each_of_threads(const struct ms_thread_list *list, size_t first, each_row *each,
                           void *context)
{
    int result = 0;
    for (size_t i = first; i < list->count && result == 0; i++) {
        struct ms_thread *thread = &list->records[list->first + i]->thread;
        const struct row row = {thread->history, MS_HISTORY_OF_THREAD, thread->id, MS_SERIES_COUNT,
                                0};
        result = each(context, &row);
    }
    return result;
}

/* The rows of a model in which there may be histories. */
static int each_of_model(struct ms_model *model, each_row *each, void *context)
{
    int result = each_of_machine(model, each, context);
    for (size_t i = 0; i < model->process_count && result == 0; i++) {
        struct ms_process *process = &model->processes[i]->process;
        const struct row row = {process->history, MS_HISTORY_OF_PROCESS, process->id,
                                MS_PROCESS_SERIES_COUNT, 0};
        result = process->merged == 0 ? each(context, &row) : 0;
    }
    const struct ms_threads *threads = &model->threads;
    if (result == 0) {
        result = each_of_threads(&threads->alive, 0, each, context);
    }
    if (result == 0) {
        result = each_of_threads(&threads->ended,
                                 threads->ended.count - threads->ended_with_history, each, context);
    }
    return result;
}

struct reading {
    int (*each)(void *context, const struct ms_history_name *name,
                const struct ms_history *history);
    void *context;
};

static int read_row(void *context, const struct row *row)
{
    const struct reading *reading = context;
    int result = 0;
    for (uint32_t i = 0; i < row->series && result == 0; i++) {
        if (row->histories[i] != NULL) {
            const struct ms_history_name name = {row->of, row->id, row->first_series + i};
            result = reading->each(reading->context, &name, row->histories[i]);
        }
    }
    return result;
}

int ms_model_each_history(const struct ms_model *model,
                          int (*each)(void *context, const struct ms_history_name *name,
                                      const struct ms_history *history),
                          void *context)
{
    struct reading reading = {each, context};
    /* The rows are pointers to what may be written; reading does not. */
    return each_of_model((struct ms_model *)(uintptr_t)model, read_row, &reading);
}

static int begin_row(void *context, const struct row *row)
{
    struct ms_model *model = context;
    if (!ms_model_has_room(model)) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < row->series; i++) {
        if (row->histories[i] == NULL) {
            row->histories[i] = ms_model_new_history(model);
            if (row->histories[i] == NULL) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

int ms_model_begin_histories(struct ms_model *model)
{
    return each_of_model(model, begin_row, model);
}

static int end_row(void *context, const struct row *row)
{
    (void)context;
    int error = 0;
    for (uint32_t i = 0; i < row->series; i++) {
        if (row->histories[i] == NULL) {
            continue;
        }
        if (ms_history_is_empty(row->histories[i])) {
            ms_history_free(row->histories[i]);
            row->histories[i] = NULL;
        } else if (ms_history_resume(row->histories[i]) != 0) {
            error = -ENOMEM;
        }
    }
    return error;
}

int ms_model_end_histories(struct ms_model *model)
{
    return each_of_model(model, end_row, NULL);
}

static struct ms_history **histories_of(struct ms_model *model, const struct ms_history_name *name,
                                        uint32_t *count)
{
    struct ms_system *system = &model->system;
    struct ms_process_record *process;
    struct ms_thread_record *thread;
    *count = 0;
    switch (name->of) {
    case MS_HISTORY_OF_SUM:
        *count = MS_PROCESS_SERIES_COUNT;
        return model->sum_history;
    case MS_HISTORY_OF_SYSTEM:
        *count = MS_SYSTEM_SERIES_COUNT;
        return system->history;
    case MS_HISTORY_OF_CORE:
        *count = name->id < MS_CORES_MAX ? 1 : 0;
        return *count != 0 ? &system->core_history[name->id] : NULL;
    case MS_HISTORY_OF_GPU:
        return NULL; /* they lie apart */
    case MS_HISTORY_OF_PROCESS:
        process = ms_process_record_of(model, name->id);
        *count = MS_PROCESS_SERIES_COUNT;
        return process != NULL ? process->process.history : NULL;
    case MS_HISTORY_OF_THREAD:
        thread = ms_threads_find(&model->threads, name->id);
        *count = MS_SERIES_COUNT;
        return thread != NULL ? thread->thread.history : NULL;
    case MS_HISTORY_OF_TOTAL:
        break;
    }
    return NULL;
}

struct ms_history *ms_model_history(struct ms_model *model, const struct ms_history_name *name)
{
    if (name->of == MS_HISTORY_OF_GPU) {
        const struct ms_system *system = &model->system;
        if (name->id >= system->gpu_count || name->series > 1) {
            return NULL;
        }
        const struct ms_gpu *gpu = &system->gpus[name->id];
        return name->series == 0 ? gpu->history : gpu->memory_history;
    }
    uint32_t count;
    struct ms_history **histories = histories_of(model, name, &count);
    return histories != NULL && name->series < count ? histories[name->series] : NULL;
}
