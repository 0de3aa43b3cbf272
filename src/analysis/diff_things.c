#include "analysis/diff_things.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/index.h"

void ms_diff_names_open(struct ms_diff_names *names, const struct ms_model *model)
{
    *names = (struct ms_diff_names){.model = model};
}

void ms_diff_names_close(struct ms_diff_names *names)
{
    free(names->of_frame);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    const size_t bytes = strlen(text);
    hash = mix(hash, ms_hash_bytes(text, bytes, 1));
    return mix(hash, ms_hash_bytes(text, bytes, 2));
}

static uint64_t process_key(const struct ms_model *model, uint32_t process_id)
{
    char name[MS_PROCESS_NAME_MAX];
    const struct ms_process *process = ms_model_process_by_id(model, process_id);
    return process == NULL ? 0 : hash_text(0, ms_process_name(process, name, sizeof name));
}

static uint64_t name_key(const struct ms_frame *frame)
{
    if (frame->function[0] != '\0') {
        return hash_text('f', frame->function);
    }
    if (frame->module[0] == '\0') {
        return mix('a', frame->address);
    }
    const char *slash = strrchr(frame->module, '/');
    return mix(hash_text('m', slash != NULL ? slash + 1 : frame->module), frame->file_offset);
}

static uint64_t function_key(struct ms_diff_names *names, const struct ms_frame *frame)
{
    if (frame->number >= names->frames) {
        const size_t room = 2 * (size_t)frame->number + 1024;
        uint64_t *grown = reallocarray(names->of_frame, room, sizeof *grown);
        if (grown == NULL) {
            return name_key(frame);
        }
        memset(grown + names->frames, 0, (room - names->frames) * sizeof *grown);
        names->of_frame = grown;
        names->frames = room;
    }
    uint64_t *key = &names->of_frame[frame->number];
    *key = *key != 0 ? *key : name_key(frame);
    return *key;
}

static uint64_t site_key(struct ms_diff_names *names, const struct ms_site *site)
{
    uint64_t key = mix(process_key(names->model, site->process_id), 's');
    if (site->depth == 0) {
        key = mix(key, site->flags & (MS_SITE_ROOT | MS_SITE_NOT_SAMPLED));
    }
    for (uint32_t i = 0; i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            key = mix(key, function_key(names, frame));
        }
    }
    return key;
}

static void figures_of_heap(const struct ms_heap *heap, double figures[MS_DIFF_MEASURE_TOTAL])
{
    figures[MS_DIFF_LIVE] = (double)ms_heap_current_bytes(heap);
    figures[MS_DIFF_PEAK] = (double)heap->peak_bytes;
    figures[MS_DIFF_ALLOCATED] = (double)heap->bytes_allocated;
    figures[MS_DIFF_COUNT] = (double)heap->allocations;
}

size_t ms_diff_thing_count(const struct ms_model *model, enum ms_diff_kind kind)
{
    return kind == MS_DIFF_SITES ? ms_model_site_count(model) : ms_model_thread_count(model);
}

static bool site_at(struct ms_diff_names *names, size_t index, struct ms_diff_thing *thing)
{
    const struct ms_site *site = ms_model_site(names->model, index);
    if ((site->flags & MS_SITE_RELEASE) != 0) {
        return false;
    }
    *thing = (struct ms_diff_thing){.key = site_key(names, site), .id = site->id};
    figures_of_heap(&site->heap, thing->figures);
    if (site->work != NULL) {
        thing->figures[MS_DIFF_CPU] = (double)site->work->cpu_ns / 1e6;
        thing->cpu_samples = (double)site->work->cpu_samples;
    }
    return true;
}

static bool thread_at(struct ms_diff_names *names, size_t index, struct ms_diff_thing *thing)
{
    const struct ms_thread *thread = ms_model_thread(names->model, index);
    const uint64_t key = mix(process_key(names->model, thread->process_id), 't');
    *thing = (struct ms_diff_thing){.key = hash_text(key, thread->name), .id = thread->id};
    figures_of_heap(&thread->heap, thing->figures);
    const struct ms_kernel_thread *kernel = &thread->kernel;
    if ((kernel->have & MS_HAVE_RUN_QUEUE) != 0) {
        thing->figures[MS_DIFF_CPU] = (double)kernel->run_ns / 1e6;
    } else if ((kernel->have & MS_HAVE_CPU) != 0) {
        thing->figures[MS_DIFF_CPU] = (double)(kernel->user_ns + kernel->system_ns) / 1e6;
    } else {
        thing->figures[MS_DIFF_CPU] = NAN;
    }
    return true;
}

bool ms_diff_thing_at(struct ms_diff_names *names, enum ms_diff_kind kind, size_t index,
                      struct ms_diff_thing *thing)
{
    return kind == MS_DIFF_SITES ? site_at(names, index, thing) : thread_at(names, index, thing);
}
