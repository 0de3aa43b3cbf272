#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

const char *ms_model_string(struct ms_model *model, const char *text)
{
    const size_t bytes = strlen(text);
    const uint32_t hash = ms_hash_bytes(text, bytes, 0);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&model->strings_by_text, hash, &cursor, &position)) {
        const char *known = *(char **)ms_chunks_at(&model->strings, position);
        if (strcmp(known, text) == 0) {
            return known;
        }
    }
    char *copy = malloc(bytes + 1);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, text, bytes + 1);
    char **slot = ms_chunks_add(&model->strings);
    if (slot == NULL) {
        free(copy);
        return NULL;
    }
    *slot = copy;
    if (ms_index_add(&model->strings_by_text, hash, (uint32_t)(model->strings.count - 1)) != 0) {
        free(copy);
        ms_chunks_drop_last(&model->strings);
        return NULL;
    }
    return copy;
}

struct ms_frame *ms_model_add_frame(struct ms_model *model)
{
    struct ms_frame *frame = ms_chunks_add(&model->frames);
    if (frame != NULL) {
        frame->module = frame->function = frame->file = "";
    }
    return frame;
}

struct ms_site *ms_model_add_site(struct ms_model *model, uint32_t process_id,
                                  const struct ms_frame *const *frames, uint32_t depth,
                                  uint32_t flags)
{
    const struct ms_frame **copy = NULL;
    if (depth > 0) {
        copy = reallocarray(NULL, depth, sizeof(*copy));
        if (copy == NULL) {
            return NULL;
        }
        memcpy(copy, frames, depth * sizeof(*copy));
    }
    struct ms_site_record *record = ms_chunks_add(&model->sites);
    if (record == NULL) {
        free(copy);
        return NULL;
    }
    record->first_usage = MS_NO_USAGE;
    record->site = (struct ms_site){
        .id = (uint32_t)model->sites.count,
        .process_id = process_id,
        .depth = depth,
        .flags = flags,
        .frames = copy,
    };
    return &record->site;
}

size_t ms_model_site_count(const struct ms_model *model)
{
    return model->sites.count;
}

const struct ms_site *ms_model_site(const struct ms_model *model, size_t index)
{
    const struct ms_site_record *record = ms_chunks_at(&model->sites, index);
    return &record->site;
}

const struct ms_site *ms_model_site_by_id(const struct ms_model *model, uint32_t id)
{
    return id == 0 || id > model->sites.count ? NULL : ms_model_site(model, id - 1);
}

void ms_sites_free(struct ms_model *model)
{
    for (size_t i = 0; i < model->sites.count; i++) {
        const struct ms_site_record *record = ms_chunks_at(&model->sites, i);
        free((void *)(uintptr_t)record->site.frames);
    }
    for (size_t i = 0; i < model->strings.count; i++) {
        free(*(char **)ms_chunks_at(&model->strings, i));
    }
    ms_chunks_free(&model->sites);
    ms_chunks_free(&model->frames);
    ms_chunks_free(&model->strings);
    ms_index_free(&model->strings_by_text);
}
