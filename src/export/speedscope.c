#include "export/speedscope.h"

#include <errno.h>
#include <string.h>

#include "export/json_parts.h"
#include "export/stacks.h"

struct speedscope {
    const struct ms_model *model;
    const struct ms_export_options *options;
    struct ms_stacks stacks;
    struct ms_json_writer json;
    size_t done, all; /* sites of all walks, for progress */
    int error;
};

static void fail(struct speedscope *file, int error)
{
    file->error = file->error != 0 ? file->error : error;
}

/* Frames have to be known before the profiles that name them by number. */
static void number_functions(struct speedscope *file)
{
    const size_t count = ms_model_site_count(file->model);
    for (size_t i = 0; i < count && file->error == 0; i++) {
        fail(file, ms_stacks_of_site(&file->stacks, ms_model_site(file->model, i)));
        fail(file, ms_stacks_go_on(file->options, file->done++, file->all) ? 0 : -ECANCELED);
    }
}

static void write_frame(struct speedscope *file, const char *name, const char *path)
{
    ms_json_line(&file->json);
    ms_json_object_begin(&file->json);
    ms_json_member_string(&file->json, "name", name);
    if (*path != '\0') {
        ms_json_member_string(&file->json, "file", path);
    }
    ms_json_object_end(&file->json);
}

/* Functions in the order of their numbers, then processes: see frame_of_process. */
static void write_frames(struct speedscope *file)
{
    char name[MS_STACK_NAME_MAX];
    const struct ms_call_functions *functions = &file->stacks.functions;
    ms_json_key(&file->json, "shared");
    ms_json_object_begin(&file->json);
    ms_json_key(&file->json, "frames");
    ms_json_array_begin(&file->json);
    for (uint32_t number = 1; number <= functions->list.count; number++) {
        const struct ms_call_function *function = ms_call_function_at(functions, number);
        write_frame(file, ms_stacks_name(&file->stacks, number, name),
                    function->frame != NULL ? function->frame->file : "");
    }
    for (size_t i = 0; i < ms_model_process_count(file->model) && file->stacks.several; i++) {
        const struct ms_process *process = ms_model_process(file->model, i);
        write_frame(file, ms_stacks_process(file->model, process->id, name), process->exe);
    }
    ms_json_array_end(&file->json);
    ms_json_object_end(&file->json);
}

static uint64_t frame_of_process(const struct speedscope *file, uint32_t process_id)
{
    size_t index = 0;
    while (index + 1 < ms_model_process_count(file->model) &&
           ms_model_process(file->model, index)->id != process_id) {
        index++;
    }
    return file->stacks.functions.list.count + index;
}

static void write_stack(struct speedscope *file, const struct ms_site *site)
{
    fail(file, ms_stacks_of_site(&file->stacks, site));
    ms_json_line(&file->json);
    ms_json_array_begin(&file->json);
    if (file->stacks.several) {
        ms_json_u64(&file->json, frame_of_process(file, site->process_id));
    }
    for (size_t i = 0; i < file->stacks.count; i++) {
        ms_json_u64(&file->json, file->stacks.functions_of[i] - 1);
    }
    ms_json_array_end(&file->json);
}

static void write_sites(struct speedscope *file, enum ms_weight weight, uint32_t thread_id,
                        bool stacks)
{
    const size_t count = ms_model_site_count(file->model);
    ms_json_array_begin(&file->json);
    for (size_t i = 0; i < count && file->error == 0; i++) {
        const struct ms_site *site = ms_model_site(file->model, i);
        const uint64_t here = ms_stacks_weight(&file->stacks, file->model, site, weight, thread_id);
        if (here > 0 && stacks) {
            write_stack(file, site);
        } else if (here > 0) {
            ms_json_u64(&file->json, here);
        }
        fail(file, ms_stacks_go_on(file->options, file->done++, file->all) ? 0 : -ECANCELED);
    }
    ms_json_array_end(&file->json);
}

static void write_profile(struct speedscope *file, const char *name, enum ms_weight weight,
                          uint32_t thread_id, uint64_t sum)
{
    ms_json_line(&file->json);
    ms_json_object_begin(&file->json);
    ms_json_member_string(&file->json, "type", "sampled");
    ms_json_member_string(&file->json, "name", name);
    ms_json_member_string(&file->json, "unit", ms_weight_unit(weight));
    ms_json_member_u64(&file->json, "startValue", 0);
    ms_json_member_u64(&file->json, "endValue", sum);
    ms_json_key(&file->json, "samples");
    write_sites(file, weight, thread_id, true);
    ms_json_key(&file->json, "weights");
    write_sites(file, weight, thread_id, false);
    ms_json_object_end(&file->json);
}

static void write_weight(struct speedscope *file, enum ms_weight weight, bool even_empty)
{
    char name[128];
    const uint64_t sum = ms_stacks_weight_sum(&file->stacks, file->model, weight, 0);
    if (sum > 0 || even_empty) {
        snprintf(name, sizeof name, "%s: %s", ms_weight_name(weight), ms_weight_what(weight));
        write_profile(file, name, weight, 0, sum);
    }
}

static void write_threads(struct speedscope *file, enum ms_weight weight)
{
    const size_t count = ms_model_thread_count(file->model);
    if (count < 2 || count > MS_SPEEDSCOPE_THREADS_MAX ||
        ms_model_site_count(file->model) > MS_SPEEDSCOPE_SITES_MAX) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_thread *thread = ms_model_thread(file->model, i);
        const uint64_t sum = ms_stacks_weight_sum(&file->stacks, file->model, weight, thread->id);
        if (sum > 0) {
            char name[MS_NAME_MAX + 64];
            snprintf(name, sizeof name, "%s of %.*s (%d)", ms_weight_name(weight),
                     (int)strnlen(thread->name, sizeof thread->name), thread->name,
                     (int)thread->tid);
            write_profile(file, name, weight, thread->id, sum);
        }
    }
}

static void write_all(struct speedscope *file)
{
    char exporter[64];
    char name[MS_STACK_NAME_MAX];
    const enum ms_weight first = file->options->weight;
    const struct ms_process *program = ms_model_program(file->model);
    snprintf(exporter, sizeof exporter, "memscope-top %s", file->options->program_version);
    ms_json_object_begin(&file->json);
    ms_json_member_string(&file->json, "$schema",
                          "https://www.speedscope.app/file-format-schema.json");
    ms_json_member_string(&file->json, "exporter", exporter);
    ms_json_member_string(&file->json, "name",
                          file->options->title != NULL ? file->options->title
                          : program != NULL ? ms_stacks_process(file->model, program->id, name)
                                            : "?");
    ms_json_member_u64(&file->json, "activeProfileIndex", 0);
    write_frames(file);
    ms_json_key(&file->json, "profiles");
    ms_json_array_begin(&file->json);
    write_weight(file, first, true);
    for (int weight = 0; weight < MS_WEIGHT_TOTAL_COUNT; weight++) {
        if (weight != (int)first) {
            write_weight(file, (enum ms_weight)weight, false);
        }
    }
    write_threads(file, first);
    ms_json_array_end(&file->json);
    ms_json_object_end(&file->json);
    ms_json_line(&file->json);
}

int ms_speedscope_write(FILE *out, const struct ms_model *model,
                        const struct ms_export_options *options)
{
    /* Twice for each weight, and once for the frames; threads come on top of it when few. */
    const size_t walks = 2 * MS_WEIGHT_TOTAL_COUNT + 1;
    struct speedscope file = {
        .model = model, .options = options, .all = walks * ms_model_site_count(model)};
    int error = ms_stacks_open(&file.stacks, model, options);
    if (error != 0) {
        return error;
    }
    error = ms_json_writer_open(&file.json, out);
    if (error == 0) {
        number_functions(&file);
        write_all(&file);
        error = ms_json_writer_close(&file.json);
    }
    ms_stacks_close(&file.stacks);
    return file.error != 0 ? file.error : error;
}
