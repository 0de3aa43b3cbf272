#include "model/misuse.h"

#include "model/internal.h"

static const struct {
    const char *name, *word, *meaning;
} kinds[] = {
#define MS_MISUSE_ROW(id, name, word, meaning) {name, word, meaning},
    MS_MISUSES(MS_MISUSE_ROW)
#undef MS_MISUSE_ROW
};

const char *ms_misuse_name(enum ms_misuse_kind kind)
{
    return kinds[kind].name;
}

const char *ms_misuse_word(enum ms_misuse_kind kind)
{
    return kinds[kind].word;
}

const char *ms_misuse_meaning(enum ms_misuse_kind kind)
{
    return kinds[kind].meaning;
}

size_t ms_model_misuse_count(const struct ms_model *model)
{
    return model->misuses.records.count;
}

const struct ms_misuse *ms_model_misuse(const struct ms_model *model, size_t index)
{
    return ms_chunks_at(&model->misuses.records, index);
}

struct ms_misuse *ms_model_misuse_mutable(struct ms_model *model, uint32_t process_id,
                                          enum ms_misuse_kind kind, uint32_t allocated_site,
                                          uint32_t released_site)
{
    struct ms_misuses *misuses = &model->misuses;
    const uint32_t hash = ms_hash_pair(ms_hash_pair(process_id, (uint32_t)kind),
                                       ms_hash_pair(allocated_site, released_site));
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&misuses->by_pair, hash, &cursor, &position)) {
        struct ms_misuse *known = ms_chunks_at(&misuses->records, position);
        if (known->process_id == process_id && known->kind == kind &&
            known->allocated_site == allocated_site && known->released_site == released_site) {
            return known;
        }
    }
    struct ms_misuse *misuse = ms_chunks_add(&misuses->records);
    if (misuse == NULL) {
        return NULL;
    }
    if (ms_index_add(&misuses->by_pair, hash, (uint32_t)(misuses->records.count - 1)) != 0) {
        ms_chunks_drop_last(&misuses->records);
        return NULL;
    }
    misuse->process_id = process_id;
    misuse->kind = kind;
    misuse->allocated_site = allocated_site;
    misuse->released_site = released_site;
    misuse->how = "";
    return misuse;
}

void ms_misuses_free(struct ms_misuses *misuses)
{
    ms_chunks_free(&misuses->records);
    ms_index_free(&misuses->by_pair);
}
