#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

#define NUMBERS_A_BLOCK 16384u

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
        frame->module = frame->crate = frame->function = frame->file = "";
        frame->number = (uint32_t)(model->frames.count - 1);
        ms_model_names_changed(model);
    }
    return frame;
}

uint64_t ms_model_names_version(const struct ms_model *model)
{
    return model->names_version;
}

void ms_model_names_changed(struct ms_model *model)
{
    model->names_version++;
}

/* Room for `depth` numbers; NULL without memory. */
static uint32_t *room_for_numbers(struct ms_model *model, uint32_t depth)
{
    struct ms_frame_numbers *block = model->frame_numbers;
    if (block == NULL || block->capacity - block->used < depth) {
        const size_t capacity = depth > NUMBERS_A_BLOCK ? depth : NUMBERS_A_BLOCK;
        block = malloc(sizeof(*block) + capacity * sizeof(block->numbers[0]));
        if (block == NULL) {
            return NULL;
        }
        *block = (struct ms_frame_numbers){.next = model->frame_numbers, .capacity = capacity};
        model->frame_numbers = block;
    }
    uint32_t *numbers = block->numbers + block->used;
    block->used += depth;
    return numbers;
}

struct ms_site *ms_model_add_site(struct ms_model *model, uint32_t process_id,
                                  const struct ms_frame *const *frames, uint32_t depth,
                                  uint32_t flags)
{
    uint32_t *numbers = room_for_numbers(model, depth);
    struct ms_site_record *record = numbers == NULL ? NULL : ms_chunks_add(&model->sites);
    if (record == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < depth; i++) {
        numbers[i] = frames[i]->number;
    }
    record->first_usage = MS_NO_USAGE;
    record->site = (struct ms_site){
        .id = (uint32_t)model->sites.count,
        .process_id = process_id,
        .depth = depth,
        .flags = flags,
        .frame_numbers = numbers,
        .frames = &model->frames,
    };
    return &record->site;
}

const struct ms_frame *ms_site_frame(const struct ms_site *site, size_t index)
{
    return ms_chunks_at(site->frames, site->frame_numbers[index]);
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
    while (model->frame_numbers != NULL) {
        struct ms_frame_numbers *next = model->frame_numbers->next;
        free(model->frame_numbers);
        model->frame_numbers = next;
    }
    for (size_t i = 0; i < model->strings.count; i++) {
        free(*(char **)ms_chunks_at(&model->strings, i));
    }
    ms_chunks_free(&model->sites);
    ms_chunks_free(&model->frames);
    ms_chunks_free(&model->strings);
    ms_index_free(&model->strings_by_text);
}
