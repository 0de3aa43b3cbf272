#include "export/stacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "model/format.h"

#define TOLD_EVERY 512u

static bool sites_of_several(const struct ms_model *model)
{
    const size_t count = ms_model_site_count(model);
    for (size_t i = 1; i < count; i++) {
        if (ms_model_site(model, i)->process_id != ms_model_site(model, 0)->process_id) {
            return true;
        }
    }
    return false;
}

int ms_stacks_open(struct ms_stacks *stacks, const struct ms_model *model,
                   const struct ms_export_options *options)
{
    *stacks = (struct ms_stacks){.several = sites_of_several(model)};
    int error = ms_chosen_init(&stacks->chosen, model, options);
    if (error == 0) {
        error = ms_call_functions_open(&stacks->functions);
        if (error != 0) {
            ms_chosen_fini(&stacks->chosen);
        }
    }
    return error;
}

void ms_stacks_close(struct ms_stacks *stacks)
{
    ms_call_functions_close(&stacks->functions);
    ms_chosen_fini(&stacks->chosen);
    free(stacks->functions_of);
}

static bool counts(const struct ms_stacks *stacks, uint32_t id, uint32_t thread_id)
{
    return (thread_id == 0 || id == thread_id) && ms_chosen_has_thread(&stacks->chosen, id);
}

static uint64_t of_usage(const struct ms_usage *usage, enum ms_weight weight,
                         const struct ms_peak *peak)
{
    switch (weight) {
    case MS_WEIGHT_PEAK:
        return peak != NULL ? ms_usage_at_peak_bytes(usage, peak) : 0;
    case MS_WEIGHT_LIVE:
        return ms_usage_current_bytes(usage);
    case MS_WEIGHT_TOTAL:
        return usage->bytes_allocated;
    default:
        return usage->allocations;
    }
}

static uint64_t cpu_of(const struct ms_stacks *stacks, const struct ms_model *model,
                       const struct ms_site *site, uint32_t thread_id)
{
    uint64_t sum = 0;
    const struct ms_activity *activity = NULL;
    while (site->work != NULL &&
           (activity = ms_model_site_activity(model, site->id, activity)) != NULL) {
        sum += counts(stacks, activity->thread_id, thread_id) ? activity->work.cpu_ns : 0;
    }
    return sum;
}

uint64_t ms_stacks_weight(const struct ms_stacks *stacks, const struct ms_model *model,
                          const struct ms_site *site, enum ms_weight weight, uint32_t thread_id)
{
    if ((site->flags & MS_SITE_NOT_SAMPLED) != 0) {
        return 0;
    }
    if (weight == MS_WEIGHT_CPU) {
        return cpu_of(stacks, model, site, thread_id);
    }
    const struct ms_process *process = ms_model_process_by_id(model, site->process_id);
    uint64_t sum = 0;
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
        if (counts(stacks, usage->thread_id, thread_id)) {
            sum += of_usage(usage, weight, process != NULL ? &process->peak : NULL);
        }
    }
    return sum;
}

uint64_t ms_stacks_weight_sum(const struct ms_stacks *stacks, const struct ms_model *model,
                              enum ms_weight weight, uint32_t thread_id)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        sum += ms_stacks_weight(stacks, model, ms_model_site(model, i), weight, thread_id);
    }
    return sum;
}

static int add(struct ms_stacks *stacks, uint32_t function)
{
    if (stacks->count == stacks->capacity) {
        const size_t capacity = stacks->capacity == 0 ? 256 : stacks->capacity * 2;
        uint32_t *grown = realloc(stacks->functions_of, capacity * sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        stacks->functions_of = grown;
        stacks->capacity = capacity;
    }
    stacks->functions_of[stacks->count++] = function;
    return 0;
}

int ms_stacks_of_site(struct ms_stacks *stacks, const struct ms_site *site)
{
    const struct ms_call_path path = {.site = site, .from_callees = true};
    struct ms_call_position at = ms_call_path_start(&path);
    stacks->count = 0;
    while (!at.end) {
        const uint32_t function = ms_call_path_take(&stacks->functions, &path, &at);
        if (function == 0 || add(stacks, function) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static char *safe(char out[MS_STACK_NAME_MAX], const char *name)
{
    ms_format_safe(out, MS_STACK_NAME_MAX, name, strlen(name), true);
    return out;
}

char *ms_stacks_name(const struct ms_stacks *stacks, uint32_t function, char out[MS_STACK_NAME_MAX])
{
    return safe(out, ms_call_function_name(ms_call_function_at(&stacks->functions, function)));
}

char *ms_stacks_process(const struct ms_model *model, uint32_t process_id,
                        char out[MS_STACK_NAME_MAX])
{
    char name[MS_PROCESS_NAME_MAX];
    char pid[24];
    const struct ms_process *process = ms_model_process_by_id(model, process_id);
    if (process == NULL) {
        return safe(out, "?");
    }
    safe(out, ms_process_name(process, name, sizeof name));
    if (process->pid != 0) {
        const size_t bytes = (size_t)snprintf(pid, sizeof pid, " %d", (int)process->pid);
        memcpy(out + strlen(out), pid, bytes + 1);
    }
    return out;
}

bool ms_stacks_go_on(const struct ms_export_options *options, uint64_t done, uint64_t all)
{
    return options->progress == NULL || done % TOLD_EVERY != 0 ||
           options->progress(options->context, done, all);
}
