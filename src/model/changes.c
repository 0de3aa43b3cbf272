#include "model/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

/* Past it the older half is forgotten: who is so far behind begins anew. */
#define REMOVALS_MAX (1u << 18)

int ms_changes_reserve(struct ms_changes *changes, size_t count)
{
    if (count <= changes->capacity) {
        return 0;
    }
    size_t capacity = changes->capacity != 0 ? changes->capacity : MS_CHUNK_ELEMENTS;
    while (capacity < count) {
        capacity *= 2;
    }
    const size_t chunks = capacity / MS_CHUNK_ELEMENTS;
    const size_t chunks_before = changes->capacity / MS_CHUNK_ELEMENTS;
    uint32_t *of_chunk = reallocarray(changes->of_chunk, chunks, sizeof(*of_chunk));
    if (of_chunk == NULL) {
        return -ENOMEM;
    }
    memset(of_chunk + chunks_before, 0, (chunks - chunks_before) * sizeof(*of_chunk));
    changes->of_chunk = of_chunk;
    uint32_t *of = reallocarray(changes->of, capacity, sizeof(*of));
    if (of == NULL) {
        return -ENOMEM;
    }
    memset(of + changes->capacity, 0, (capacity - changes->capacity) * sizeof(*of));
    changes->of = of;
    changes->capacity = capacity;
    return 0;
}

void ms_changes_mark(struct ms_changes *changes, size_t position, uint32_t stamp)
{
    changes->of[position] = stamp;
    if (changes->of_chunk[position / MS_CHUNK_ELEMENTS] < stamp) {
        changes->of_chunk[position / MS_CHUNK_ELEMENTS] = stamp;
    }
    if (changes->newest < stamp) {
        changes->newest = stamp;
    }
}

void ms_changes_move(struct ms_changes *changes, size_t from, size_t to)
{
    ms_changes_mark(changes, to, changes->of[from]);
}

static void forget_removals(struct ms_changes *changes, size_t count)
{
    changes->removals_before += count;
    changes->removal_count -= count;
    memmove(changes->removals, changes->removals + count,
            changes->removal_count * sizeof(*changes->removals));
}

void ms_changes_removed(struct ms_changes *changes, uint32_t round, size_t position)
{
    if (changes->removal_count == REMOVALS_MAX) {
        forget_removals(changes, REMOVALS_MAX / 2);
    }
    if (changes->removal_count == changes->removal_capacity) {
        const size_t capacity = changes->removal_capacity != 0 ? 2 * changes->removal_capacity : 64;
        struct ms_removal *removals = reallocarray(changes->removals, capacity, sizeof(*removals));
        if (removals == NULL) {
            changes->removals_before += changes->removal_count + 1;
            changes->removal_count = 0;
            return;
        }
        changes->removals = removals;
        changes->removal_capacity = capacity;
    }
    changes->removals[changes->removal_count++] =
        (struct ms_removal){.round = round, .position = (uint32_t)position};
}

void ms_changes_free(struct ms_changes *changes)
{
    free(changes->of);
    free(changes->of_chunk);
    free(changes->removals);
}

static const struct ms_changes *changes_of(const struct ms_model *model, enum ms_changing kind,
                                           size_t *count)
{
    switch (kind) {
    case MS_CHANGING_SITES:
        *count = model->sites.records.count;
        return &model->sites.changes;
    case MS_CHANGING_USAGES:
        *count = model->usages.records.count;
        return &model->usages.changes;
    case MS_CHANGING_ACTIVITIES:
        *count = model->activities.records.count;
        return &model->activities.changes;
    case MS_CHANGING_FLOWS:
        *count = model->flows.records.count;
        return &model->flows.changes;
    case MS_CHANGING_MISUSES:
        break;
    }
    *count = model->misuses.records.count;
    return &model->misuses.changes;
}

uint32_t ms_model_stamp(const struct ms_model *model)
{
    return model->stamp;
}

size_t ms_model_changed(const struct ms_model *model, enum ms_changing kind, size_t from,
                        uint32_t since)
{
    size_t count;
    const struct ms_changes *changes = changes_of(model, kind, &count);
    size_t at = changes->newest < since ? count : from;
    while (at < count) {
        if (changes->of_chunk[at / MS_CHUNK_ELEMENTS] < since) {
            at = (at / MS_CHUNK_ELEMENTS + 1) * MS_CHUNK_ELEMENTS;
        } else if (changes->of[at] < since) {
            at++;
        } else {
            return at;
        }
    }
    return SIZE_MAX;
}

uint64_t ms_model_removal_count(const struct ms_model *model, enum ms_changing kind)
{
    size_t count;
    const struct ms_changes *changes = changes_of(model, kind, &count);
    return changes->removals_before + changes->removal_count;
}

bool ms_model_removals(const struct ms_model *model, enum ms_changing kind, uint64_t since,
                       const struct ms_removal **out, size_t *count)
{
    size_t things;
    const struct ms_changes *changes = changes_of(model, kind, &things);
    const uint64_t all = changes->removals_before + changes->removal_count;
    if (since < changes->removals_before || since > all) {
        return false;
    }
    *count = (size_t)(all - since);
    *out = *count > 0 ? changes->removals + (since - changes->removals_before) : NULL;
    return true;
}

static size_t position_or_none(uint32_t position)
{
    return position != MS_NO_USAGE ? position : SIZE_MAX;
}

_Static_assert(MS_NO_USAGE == MS_NO_ACTIVITY, "one word for none");

size_t ms_model_chain_first(const struct ms_model *model, enum ms_changing kind, bool of_thread,
                            uint32_t id)
{
    const bool usages = kind == MS_CHANGING_USAGES;
    if (of_thread) {
        const struct ms_thread_record *thread = ms_threads_find(&model->threads, id);
        return thread == NULL
                   ? SIZE_MAX
                   : position_or_none(usages ? thread->first_usage : thread->first_activity);
    }
    const struct ms_site_record *site = ms_sites_find(model, id);
    return site == NULL ? SIZE_MAX
                        : position_or_none(usages ? site->first_usage : site->first_activity);
}

size_t ms_model_chain_next(const struct ms_model *model, enum ms_changing kind, bool of_thread,
                           size_t position)
{
    if (kind == MS_CHANGING_USAGES) {
        const struct ms_usage_record *usage = ms_chunks_at(&model->usages.records, position);
        return position_or_none(of_thread ? usage->next_of_thread : usage->next_of_site);
    }
    const struct ms_activity_record *activity = ms_chunks_at(&model->activities.records, position);
    return position_or_none(of_thread ? activity->next_of_thread : activity->next_of_site);
}
