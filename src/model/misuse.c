#include "model/misuse.h"

#include <errno.h>

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

static uint32_t hash_of(const struct ms_misuse *misuse)
{
    return ms_hash_pair(ms_hash_pair(misuse->process_id, (uint32_t)misuse->kind),
                        ms_hash_pair(misuse->allocated_site, misuse->released_site));
}

/* Position of the one of the same process, kind and sites; SIZE_MAX: there is none. */
static size_t find(const struct ms_misuses *misuses, const struct ms_misuse *like)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&misuses->by_pair, hash_of(like), &cursor, &position)) {
        const struct ms_misuse *known = ms_chunks_at(&misuses->records, position);
        if (known->process_id == like->process_id && known->kind == like->kind &&
            known->allocated_site == like->allocated_site &&
            known->released_site == like->released_site) {
            return position;
        }
    }
    return SIZE_MAX;
}

struct ms_misuse *ms_model_misuse_mutable(struct ms_model *model, uint32_t process_id,
                                          enum ms_misuse_kind kind, uint32_t allocated_site,
                                          uint32_t released_site)
{
    struct ms_misuses *misuses = &model->misuses;
    const struct ms_misuse wanted = {.process_id = process_id,
                                     .kind = kind,
                                     .allocated_site = allocated_site,
                                     .released_site = released_site,
                                     .how = ""};
    const size_t same = find(misuses, &wanted);
    if (same != SIZE_MAX) {
        ms_changes_mark(&misuses->changes, same, model->stamp);
        return ms_chunks_at(&misuses->records, same);
    }
    struct ms_misuse *misuse =
        ms_changes_reserve(&misuses->changes, misuses->records.count + 1) != 0
            ? NULL
            : ms_chunks_add(&misuses->records);
    if (misuse == NULL) {
        return NULL;
    }
    if (ms_index_add(&misuses->by_pair, hash_of(&wanted), (uint32_t)(misuses->records.count - 1)) !=
        0) {
        ms_chunks_drop_last(&misuses->records);
        return NULL;
    }
    ms_changes_mark(&misuses->changes, misuses->records.count - 1, model->stamp);
    *misuse = wanted;
    return misuse;
}

int ms_misuses_enter(struct ms_misuses *misuses, uint32_t position)
{
    const struct ms_misuse *misuse = ms_chunks_at(&misuses->records, position);
    return find(misuses, misuse) != SIZE_MAX
               ? -EBADMSG
               : ms_index_add(&misuses->by_pair, hash_of(misuse), position);
}

int ms_misuses_put(struct ms_misuses *misuses, uint32_t position, const struct ms_misuse *misuse)
{
    struct ms_misuse *known = ms_chunks_at(&misuses->records, position);
    const uint32_t hash_before = hash_of(known);
    const uint32_t hash = hash_of(misuse);
    const size_t same = find(misuses, misuse);
    if (same != SIZE_MAX && same != position) {
        return -EBADMSG;
    }
    *known = *misuse;
    ms_index_remove(&misuses->by_pair, hash_before, position);
    return ms_index_add(&misuses->by_pair, hash, position);
}

static uint32_t merged_site(const struct ms_model *model, uint32_t id)
{
    const struct ms_site_record *site = ms_sites_find(model, id);
    return site != NULL && site->merged_into != 0 ? site->merged_into : id;
}

static void add_to(struct ms_misuse *sum, const struct ms_misuse *misuse)
{
    sum->count += misuse->count;
    sum->bytes += misuse->bytes;
    sum->samples += misuse->samples;
    if (misuse->provenance != MS_MEASURED) {
        sum->provenance = misuse->provenance;
    }
    if (misuse->first_seen_ns < sum->first_seen_ns) {
        sum->first_seen_ns = misuse->first_seen_ns;
        sum->thread_id = misuse->thread_id;
    }
    if (misuse->last_seen_ns > sum->last_seen_ns) {
        sum->last_seen_ns = misuse->last_seen_ns;
    }
}

static bool changed_ids(const struct ms_misuse *misuse, const struct ms_misuse *before)
{
    return misuse->process_id != before->process_id ||
           misuse->allocated_site != before->allocated_site ||
           misuse->released_site != before->released_site || misuse->thread_id != before->thread_id;
}

int ms_misuses_merge(struct ms_model *model, const struct ms_merge *merges, size_t count)
{
    struct ms_misuses *misuses = &model->misuses;
    ms_index_clear(&misuses->by_pair);
    misuses->rounds++;
    size_t kept = 0;
    int error = 0;
    for (size_t i = 0; i < misuses->records.count; i++) {
        struct ms_misuse misuse = *(const struct ms_misuse *)ms_chunks_at(&misuses->records, i);
        const struct ms_misuse before = misuse;
        const struct ms_process_record *process = ms_process_record_of(model, misuse.process_id);
        if (process != NULL && process->merged_into != NULL) {
            misuse.process_id = process->merged_into->process.id;
        }
        misuse.allocated_site = merged_site(model, misuse.allocated_site);
        misuse.released_site = merged_site(model, misuse.released_site);
        misuse.thread_id = ms_merged_id(merges, count, misuse.thread_id);
        const size_t same = find(misuses, &misuse);
        if (same != SIZE_MAX) {
            add_to(ms_chunks_at(&misuses->records, same), &misuse);
            ms_changes_mark(&misuses->changes, same, model->stamp);
            ms_changes_removed(&misuses->changes, misuses->rounds, i);
            continue;
        }
        *(struct ms_misuse *)ms_chunks_at(&misuses->records, kept) = misuse;
        ms_changes_move(&misuses->changes, i, kept);
        if (changed_ids(&misuse, &before)) {
            ms_changes_mark(&misuses->changes, kept, model->stamp);
        }
        if (ms_index_add(&misuses->by_pair, hash_of(&misuse), (uint32_t)kept) != 0) {
            error = -ENOMEM;
        }
        kept++;
    }
    while (misuses->records.count > kept) {
        ms_chunks_drop_last(&misuses->records);
    }
    return error;
}

void ms_misuses_free(struct ms_misuses *misuses)
{
    ms_chunks_free(&misuses->records);
    ms_index_free(&misuses->by_pair);
    ms_changes_free(&misuses->changes);
}
