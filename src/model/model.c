#include "model/model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/internal.h"
#include "model/restore.h"

struct ms_model *ms_model_new(uint64_t interval_ns, uint64_t start_ns, uint64_t start_unix_ns)
{
    struct ms_model *model = calloc(1, sizeof(*model));
    if (model == NULL) {
        return NULL;
    }
    model->interval_ns = interval_ns != 0 ? interval_ns : MS_SECOND_NS / 10;
    model->start_ns = start_ns;
    model->start_unix_ns = start_unix_ns;
    model->now_ns = start_ns;
    ms_machine_unknown(&model->system);
    model->sites.records.element_bytes = sizeof(struct ms_site_record);
    model->frames.element_bytes = sizeof(struct ms_frame);
    model->named.element_bytes = sizeof(uint32_t);
    model->stamp = 1;
    model->usages.records.element_bytes = sizeof(struct ms_usage_record);
    ms_activities_init(model);
    model->flows.records.element_bytes = sizeof(struct ms_flow);
    model->misuses.records.element_bytes = sizeof(struct ms_misuse);
    model->modules.element_bytes = sizeof(struct ms_module);
    model->output = ms_output_new();
    if (model->output == NULL) {
        free(model);
        return NULL;
    }
    return model;
}

void ms_process_record_free(struct ms_process_record *record)
{
    for (int i = 0; i < MS_PROCESS_SERIES_COUNT; i++) {
        ms_history_free(record->process.history[i]);
    }
    free(record->process.resources.network.connections);
    free(record->process.arguments);
    free(record);
}

void ms_model_free(struct ms_model *model)
{
    if (model == NULL) {
        return;
    }
    for (size_t i = 0; i < model->process_count; i++) {
        ms_process_record_free(model->processes[i]);
    }
    free(model->processes);
    for (int i = 0; i < MS_PROCESS_SERIES_COUNT; i++) {
        ms_history_free(model->sum_history[i]);
    }
    ms_index_free(&model->processes_by_id);
    ms_threads_free(&model->threads);
    ms_usages_free(&model->usages);
    ms_activities_free(&model->activities);
    ms_flows_free(&model->flows);
    ms_misuses_free(&model->misuses);
    ms_marks_free(&model->marks);
    ms_chunks_free(&model->modules);
    ms_sites_free(model);
    ms_machine_free(&model->system);
    ms_output_free(model->output);
    free(model);
}

uint64_t ms_model_now_ns(const struct ms_model *model)
{
    return model->now_ns;
}

uint64_t ms_model_start_ns(const struct ms_model *model)
{
    return model->start_ns;
}

uint64_t ms_model_start_unix_ns(const struct ms_model *model)
{
    return model->start_unix_ns;
}

uint64_t ms_model_interval_ns(const struct ms_model *model)
{
    return model->interval_ns;
}

uint64_t ms_model_ticks(const struct ms_model *model)
{
    return model->ticks;
}

uint64_t ms_model_first_tick(const struct ms_model *model)
{
    return model->first_tick;
}

const struct ms_system *ms_model_system(const struct ms_model *model)
{
    return &model->system;
}

struct ms_system *ms_model_system_mutable(struct ms_model *model)
{
    return &model->system;
}

const struct ms_output *ms_model_output(const struct ms_model *model)
{
    return model->output;
}

struct ms_output *ms_model_output_mutable(struct ms_model *model)
{
    return model->output;
}

size_t ms_model_process_count(const struct ms_model *model)
{
    return model->process_count;
}

const struct ms_process *ms_model_process(const struct ms_model *model, size_t index)
{
    return &model->processes[index]->process;
}

const struct ms_process *ms_model_program(const struct ms_model *model)
{
    const struct ms_process *program =
        model->process_count > 0 ? &model->processes[0]->process : NULL;
    for (size_t i = 1; i < model->process_count && program->replaced_by_exec; i++) {
        const struct ms_process *later = &model->processes[i]->process;
        if (later->pid == program->pid) {
            program = later;
        }
    }
    return program;
}

struct ms_process_record *ms_process_record_of(const struct ms_model *model, uint32_t id)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&model->processes_by_id, ms_hash_pair(id, 0), &cursor, &position)) {
        if (model->processes[position]->process.id == id) {
            return model->processes[position];
        }
    }
    return NULL;
}

struct ms_process *ms_model_process_mutable(struct ms_model *model, uint32_t id)
{
    struct ms_process_record *record = ms_process_record_of(model, id);
    if (record == NULL) {
        return NULL;
    }
    record->stamp = model->stamp;
    return &record->process;
}

const struct ms_process *ms_model_process_by_id(const struct ms_model *model, uint32_t id)
{
    const struct ms_process_record *record = ms_process_record_of(model, id);
    return record != NULL ? &record->process : NULL;
}

struct ms_process *ms_model_add_process(struct ms_model *model, uint32_t id)
{
    if (model->process_count == model->process_capacity) {
        const size_t capacity = model->process_capacity != 0 ? 2 * model->process_capacity : 8;
        struct ms_process_record **processes =
            reallocarray(model->processes, capacity, sizeof(*processes));
        if (processes == NULL) {
            return NULL;
        }
        model->processes = processes;
        model->process_capacity = capacity;
    }
    struct ms_process_record *record = calloc(1, sizeof(*record));
    if (record == NULL || ms_index_add(&model->processes_by_id, ms_hash_pair(id, 0),
                                       (uint32_t)model->process_count) != 0) {
        free(record);
        return NULL;
    }
    record->process.id = id;
    record->process.exit_status = -2;
    record->stamp = model->stamp;
    ms_process_rates_none(&record->process);
    model->processes[model->process_count++] = record;
    return &record->process;
}

void ms_losses_add(struct ms_losses *sum, const struct ms_losses *losses)
{
    sum->recorded += losses->recorded;
    sum->lost += losses->lost;
    sum->coarsened += losses->coarsened;
    sum->owner_unknown += losses->owner_unknown;
    sum->threads_folded += losses->threads_folded;
    sum->not_classified += losses->not_classified;
    sum->rates_refused += losses->rates_refused;
    sum->misuse_missing += losses->misuse_missing;
    sum->marks_missing += losses->marks_missing;
    sum->io_sites_missing += losses->io_sites_missing;
}

void ms_model_totals(const struct ms_model *model, struct ms_heap *totals, struct ms_losses *losses)
{
    *totals = (struct ms_heap){0};
    *losses = (struct ms_losses){0};
    for (size_t i = 0; i < model->process_count; i++) {
        const struct ms_process *process = &model->processes[i]->process;
        ms_heap_add(totals, &process->totals);
        ms_losses_add(losses, &process->losses);
    }
}

int ms_model_append(struct ms_model *model, struct ms_history **history, uint64_t tick,
                    uint64_t repeat, double value)
{
    if (*history == NULL) {
        *history = ms_model_new_history(model);
        if (*history == NULL) {
            return -ENOMEM;
        }
    }
    int error = 0;
    for (uint64_t t = tick - repeat; t <= tick; t++) {
        if (ms_history_append(*history, t, value) != 0) {
            error = -ENOMEM;
        }
    }
    return error;
}

const struct ms_history *const *ms_model_sum_history(const struct ms_model *model)
{
    return (const struct ms_history *const *)model->sum_history;
}

/*
 * Ticks are numbered by count as long as they come about in time, so that jitter makes no gaps; one
 * missed tick is covered by the value of the next, a longer gap stays a gap. Returns the number.
 */
static uint64_t number_tick(const struct ms_model *model, uint64_t now_ns, uint64_t *repeat)
{
    *repeat = 0;
    if (now_ns < model->start_ns) {
        return model->ticks;
    }
    const uint64_t due = (now_ns - model->start_ns + model->interval_ns / 2) / model->interval_ns;
    if (due <= model->ticks + 1) {
        return model->ticks;
    }
    *repeat = due == model->ticks + 2 ? 1 : 0;
    return due - 1;
}

/* What follows from the counters of this and earlier ticks: the end of every tick. */
static int derive(struct ms_model *model, uint64_t tick, uint64_t repeat)
{
    int error = ms_threads_tick(model, tick, repeat);
    if (ms_processes_tick(model, tick, repeat) != 0) {
        error = -ENOMEM;
    }
    if (ms_machine_tick(model, tick, repeat) != 0) {
        error = -ENOMEM;
    }
    if (model->ticks == 0) {
        model->first_tick = tick - repeat;
    }
    model->ticks = tick + 1;
    model->stamp++;
    return error;
}

int ms_model_tick_end(struct ms_model *model, uint64_t now_ns)
{
    uint64_t repeat;
    const uint64_t tick = number_tick(model, now_ns, &repeat);
    model->now_ns = now_ns;
    ms_usages_settle(model);
    int error = ms_processes_merge_old(model);
    error = ms_threads_merge_old(model) != 0 ? -ENOMEM : error;
    error = ms_activities_merge_old(model) != 0 ? -ENOMEM : error;
    ms_peaks_attribute(model);
    return derive(model, tick, repeat) != 0 ? -ENOMEM : error;
}

int ms_model_tick_again(struct ms_model *model, uint64_t tick, uint64_t now_ns)
{
    if (tick < model->ticks || tick > UINT64_MAX / 4 || !ms_threads_have_processes(model) ||
        !ms_model_is_whole(model)) {
        return -EBADMSG;
    }
    if (!ms_model_has_room(model)) {
        return -ENOMEM;
    }
    uint64_t repeat;
    if (number_tick(model, now_ns, &repeat) != tick) {
        repeat = 0; /* ticks in between are not known */
    }
    model->now_ns = now_ns;
    ms_usages_settle(model);
    return derive(model, tick, repeat);
}

static bool any_alive(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        if (ms_model_process(model, i)->end_ns == 0) {
            return true;
        }
    }
    return false;
}

const struct ms_process *ms_model_tracking_text(const struct ms_model *model, char *out,
                                                size_t size)
{
    const struct ms_process *program = ms_model_program(model);
    const bool alive = any_alive(model);
    out[0] = '\0';
    if (program != NULL && *ms_tracking_text(out, size, &program->tracking) != '\0') {
        return program;
    }
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        const int used = snprintf(out, size, "pid %d: ", (int)process->pid);
        if ((!alive || process->end_ns == 0) &&
            *ms_tracking_text(out + used, size - (size_t)used, &process->tracking) != '\0') {
            return process;
        }
    }
    out[0] = '\0';
    return NULL;
}
