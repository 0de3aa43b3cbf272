/*
 * What threads did at call stacks besides allocating: chained by thread and by site and found by
 * the pair, like usages; sums of sites are kept as it is added.
 */
#include "model/activity.h"

#include <errno.h>
#include <stdlib.h>

#include "model/internal.h"

static struct ms_activity_record *record_at(const struct ms_model *model, uint32_t position)
{
    return ms_chunks_at(&model->activities.records, position);
}

uint32_t ms_activities_find(const struct ms_model *model, uint32_t thread_id, uint32_t site_id)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&model->activities.by_pair, ms_hash_pair(thread_id, site_id), &cursor,
                         &position)) {
        const struct ms_activity *activity = &record_at(model, position)->activity;
        if (activity->thread_id == thread_id && activity->site_id == site_id) {
            return position;
        }
    }
    return MS_NO_ACTIVITY;
}

static void chain_to_site(struct ms_model *model, struct ms_site_record *site, uint32_t position)
{
    struct ms_activity_record *record = record_at(model, position);
    record->previous_of_site = MS_NO_ACTIVITY;
    record->next_of_site = site->first_activity;
    if (site->first_activity != MS_NO_ACTIVITY) {
        record_at(model, site->first_activity)->previous_of_site = position;
    }
    site->first_activity = position;
}

static void chain_to_thread(struct ms_model *model, struct ms_thread_record *thread,
                            uint32_t position)
{
    struct ms_activity_record *record = record_at(model, position);
    record->previous_of_thread = MS_NO_ACTIVITY;
    record->next_of_thread = thread->first_activity;
    if (thread->first_activity != MS_NO_ACTIVITY) {
        record_at(model, thread->first_activity)->previous_of_thread = position;
    }
    thread->first_activity = position;
}

static void unchain_from_thread(struct ms_model *model, uint32_t position)
{
    const struct ms_activity_record *record = record_at(model, position);
    if (record->previous_of_thread != MS_NO_ACTIVITY) {
        record_at(model, record->previous_of_thread)->next_of_thread = record->next_of_thread;
    } else {
        ms_threads_find(&model->threads, record->activity.thread_id)->first_activity =
            record->next_of_thread;
    }
    if (record->next_of_thread != MS_NO_ACTIVITY) {
        record_at(model, record->next_of_thread)->previous_of_thread = record->previous_of_thread;
    }
}

static void unchain_from_site(struct ms_model *model, uint32_t position)
{
    const struct ms_activity_record *record = record_at(model, position);
    if (record->previous_of_site != MS_NO_ACTIVITY) {
        record_at(model, record->previous_of_site)->next_of_site = record->next_of_site;
    } else {
        ms_sites_find(model, record->activity.site_id)->first_activity = record->next_of_site;
    }
    if (record->next_of_site != MS_NO_ACTIVITY) {
        record_at(model, record->next_of_site)->previous_of_site = record->previous_of_site;
    }
}

/* Everything that refers to the record at `from` now refers to `to`, where its copy lies. */
static void repoint(struct ms_model *model, uint32_t from, uint32_t to)
{
    const struct ms_activity_record *record = record_at(model, to);
    if (record->previous_of_thread != MS_NO_ACTIVITY) {
        record_at(model, record->previous_of_thread)->next_of_thread = to;
    } else {
        ms_threads_find(&model->threads, record->activity.thread_id)->first_activity = to;
    }
    if (record->next_of_thread != MS_NO_ACTIVITY) {
        record_at(model, record->next_of_thread)->previous_of_thread = to;
    }
    if (record->previous_of_site != MS_NO_ACTIVITY) {
        record_at(model, record->previous_of_site)->next_of_site = to;
    } else {
        ms_sites_find(model, record->activity.site_id)->first_activity = to;
    }
    if (record->next_of_site != MS_NO_ACTIVITY) {
        record_at(model, record->next_of_site)->previous_of_site = to;
    }
    ms_index_move(&model->activities.by_pair,
                  ms_hash_pair(record->activity.thread_id, record->activity.site_id), from, to);
}

void ms_activities_detach(struct ms_model *model, uint32_t position)
{
    struct ms_activity *activity = &record_at(model, position)->activity;
    ms_index_remove(&model->activities.by_pair,
                    ms_hash_pair(activity->thread_id, activity->site_id), position);
    unchain_from_thread(model, position);
    unchain_from_site(model, position);
    *activity = (struct ms_activity){0};
    model->activities.detached++;
}

/* The last record takes the place of a removed one, so that there are no holes. */
void ms_activities_drop(struct ms_model *model, uint32_t position)
{
    struct ms_activities *activities = &model->activities;
    if (record_at(model, position)->activity.thread_id != 0) {
        ms_activities_detach(model, position);
    }
    activities->detached--;
    ms_changes_removed(&activities->changes, (uint32_t)activities->records.count, position);
    const uint32_t last = (uint32_t)activities->records.count - 1;
    if (position != last) {
        *record_at(model, position) = *record_at(model, last);
        ms_changes_move(&activities->changes, last, position);
        if (record_at(model, position)->activity.thread_id != 0) {
            repoint(model, last, position);
        }
    }
    ms_chunks_drop_last(&activities->records);
}

void ms_activities_put_first(struct ms_model *model, uint32_t position, bool of_thread)
{
    const struct ms_activity *activity = &record_at(model, position)->activity;
    if (of_thread) {
        unchain_from_thread(model, position);
        chain_to_thread(model, ms_threads_find(&model->threads, activity->thread_id), position);
    } else {
        unchain_from_site(model, position);
        chain_to_site(model, ms_sites_find(model, activity->site_id), position);
    }
}

uint32_t ms_activities_add(struct ms_model *model, struct ms_thread_record *thread,
                           struct ms_site_record *site)
{
    struct ms_activities *activities = &model->activities;
    const uint32_t position = (uint32_t)activities->records.count;
    struct ms_activity_record *record =
        ms_changes_reserve(&activities->changes, activities->records.count + 1) != 0
            ? NULL
            : ms_chunks_add(&activities->records);
    if (record == NULL) {
        return MS_NO_ACTIVITY;
    }
    activities->changes.of[position] = 0;
    record->activity.thread_id = thread->thread.id;
    record->activity.site_id = site->site.id;
    if (ms_index_add(&activities->by_pair, ms_hash_pair(thread->thread.id, site->site.id),
                     position) != 0) {
        ms_chunks_drop_last(&activities->records);
        return MS_NO_ACTIVITY;
    }
    chain_to_thread(model, thread, position);
    chain_to_site(model, site, position);
    return position;
}

/* What is to be added to, of a pair; made when there is none. NULL without memory. */
static struct ms_activity *changing(struct ms_model *model, struct ms_thread_record *thread,
                                    struct ms_site_record *site)
{
    uint32_t position = ms_activities_find(model, thread->thread.id, site->site.id);
    if (position == MS_NO_ACTIVITY) {
        position = ms_activities_add(model, thread, site);
    }
    if (position == MS_NO_ACTIVITY) {
        return NULL;
    }
    ms_changes_mark(&model->activities.changes, position, model->stamp);
    return &record_at(model, position)->activity;
}

int ms_site_add_work(struct ms_model *model, struct ms_site *site, const struct ms_work *work)
{
    if (site->work == NULL) {
        site->work = calloc(1, sizeof(*site->work));
        if (site->work == NULL) {
            return -ENOMEM;
        }
    }
    for (int i = 0; i < MS_WORK_KINDS; i++) {
        const enum ms_work_kind kind = (enum ms_work_kind)i;
        if (ms_work_has(work, kind) && !ms_work_has(site->work, kind)) {
            model->activities.sites_version[kind]++;
        }
    }
    ms_work_add(site->work, work);
    return 0;
}

int ms_model_add_work(struct ms_model *model, uint32_t thread_id, uint32_t site_id,
                      const struct ms_work *work)
{
    struct ms_thread_record *thread = ms_threads_find(&model->threads, thread_id);
    struct ms_site_record *site = ms_sites_find(model, site_id);
    if (thread == NULL || site == NULL) {
        return -ESRCH;
    }
    if (site->merged_into != 0) { /* there was no memory to merge the rest of them */
        site = ms_sites_find(model, site->merged_into);
    }
    struct ms_activity *activity = changing(model, thread, site);
    if (activity == NULL || ms_site_add_work(model, &site->site, work) != 0) {
        return -ENOMEM;
    }
    ms_work_add(&activity->work, work);
    return 0;
}

int ms_activities_merge(struct ms_model *model, struct ms_thread_record *from,
                        struct ms_thread_record *into)
{
    while (from->first_activity != MS_NO_ACTIVITY) {
        const uint32_t position = from->first_activity;
        const struct ms_activity *activity = &record_at(model, position)->activity;
        struct ms_site_record *site = ms_sites_find(model, activity->site_id);
        if (site->merged_into != 0) {
            site = ms_sites_find(model, site->merged_into);
        }
        struct ms_activity *sum = changing(model, into, site);
        if (sum == NULL) {
            return -ENOMEM;
        }
        ms_work_add(&sum->work, &activity->work);
        ms_activities_drop(model, position);
    }
    return 0;
}

/* --- keeping it bounded --- */

/* Stacks that come again and again in what counts I/O exactly keep their ids. */
static bool may_be_merged(const struct ms_site_record *record)
{
    const struct ms_site *site = &record->site;
    return (site->flags & MS_SITE_ACTIVITY) != 0 && (site->flags & MS_SITE_ROOT) == 0 &&
           record->first_usage == MS_NO_USAGE && (site->work == NULL || site->work->io_calls == 0);
}

/* At most twice the samples that half of those that may be merged have no more of. */
static uint64_t few_samples(const struct ms_model *model)
{
    enum { WIDTHS = 64 };
    size_t of_width[WIDTHS + 1] = {0};
    size_t all = 0;
    for (size_t i = 0; i < model->sites.records.count; i++) {
        const struct ms_site_record *record = ms_chunks_at(&model->sites.records, i);
        if (may_be_merged(record)) {
            const uint64_t samples = record->site.work != NULL ? record->site.work->cpu_samples : 0;
            of_width[samples != 0 ? WIDTHS - __builtin_clzll(samples) : 0]++;
            all++;
        }
    }
    unsigned width = 0;
    for (size_t sum = of_width[0]; width < WIDTHS - 1 && 2 * sum < all; sum += of_width[width]) {
        width++;
    }
    return (UINT64_C(1) << width) - 1;
}

static int choose_sites(struct ms_model *model, uint64_t most_samples)
{
    const size_t count = model->sites.records.count;
    for (size_t i = 0; i < count; i++) {
        struct ms_site_record *record = ms_chunks_at(&model->sites.records, i);
        struct ms_process_record *process = ms_process_record_of(model, record->site.process_id);
        if (record->merged_into != 0 || process == NULL || !may_be_merged(record) ||
            (record->site.work != NULL && record->site.work->cpu_samples > most_samples)) {
            continue;
        }
        struct ms_site_record *root = ms_site_activity_root(model, process);
        if (root == NULL || ms_site_merge(root, record) != 0) {
            return -ENOMEM;
        }
        process->site_count--;
    }
    return 0;
}

/* A record that goes to a root that its thread has not used yet is appended, and seen again. */
static int move_records(struct ms_model *model)
{
    for (uint32_t i = 0; i < model->activities.records.count;) {
        const struct ms_activity *activity = &record_at(model, i)->activity;
        const struct ms_site_record *site = ms_sites_find(model, activity->site_id);
        if (site->merged_into == 0) {
            i++;
            continue;
        }
        struct ms_activity *sum =
            changing(model, ms_threads_find(&model->threads, activity->thread_id),
                     ms_sites_find(model, site->merged_into));
        if (sum == NULL) {
            return -ENOMEM;
        }
        ms_work_add(&sum->work, &activity->work);
        ms_activities_drop(model, i);
    }
    return 0;
}

static size_t limit(size_t most, size_t count)
{
    const size_t later = count + count / 4;
    return later > most ? later : most;
}

static void raise_limits(struct ms_model *model)
{
    struct ms_activities *activities = &model->activities;
    activities->most_records = limit(MS_ACTIVITIES_MAX, activities->records.count);
    activities->most_sites = limit(MS_ACTIVITY_SITES_MAX, model->sites.activity);
}

void ms_activities_init(struct ms_model *model)
{
    model->activities.records.element_bytes = sizeof(struct ms_activity_record);
    raise_limits(model);
}

int ms_activities_merge_old(struct ms_model *model)
{
    struct ms_activities *activities = &model->activities;
    if (model->merging || (activities->records.count <= activities->most_records &&
                           model->sites.activity <= activities->most_sites)) {
        return 0;
    }
    if (choose_sites(model, few_samples(model)) != 0 || move_records(model) != 0) {
        return -ENOMEM; /* what is chosen stays so, and is moved when it is tried again */
    }
    ms_sites_drop_merged(model);
    model->names_version++;
    /* Should little have gone, it is not tried in every tick. */
    raise_limits(model);
    return 0;
}

void ms_activities_free(struct ms_activities *activities)
{
    ms_chunks_free(&activities->records);
    ms_index_free(&activities->by_pair);
    ms_changes_free(&activities->changes);
}

/* --- reading --- */

uint64_t ms_model_work_version(const struct ms_model *model, enum ms_work_kind kind)
{
    return model->activities.sites_version[kind];
}

size_t ms_model_activity_site_count(const struct ms_model *model)
{
    return model->sites.activity;
}

const struct ms_cpu_sampling *ms_model_cpu_sampling(const struct ms_model *model)
{
    return &model->cpu_sampling;
}

struct ms_cpu_sampling *ms_model_cpu_sampling_mutable(struct ms_model *model)
{
    return &model->cpu_sampling;
}

size_t ms_model_activity_count(const struct ms_model *model)
{
    return model->activities.records.count;
}

const struct ms_activity *ms_model_activity(const struct ms_model *model, size_t index)
{
    return &record_at(model, (uint32_t)index)->activity;
}

static const struct ms_activity *activity_at(const struct ms_model *model, uint32_t position)
{
    return position != MS_NO_ACTIVITY ? &record_at(model, position)->activity : NULL;
}

const struct ms_activity *ms_model_thread_activity(const struct ms_model *model, uint32_t thread_id,
                                                   const struct ms_activity *previous)
{
    if (previous != NULL) {
        return activity_at(
            model, ((const struct ms_activity_record *)(const void *)previous)->next_of_thread);
    }
    const struct ms_thread_record *thread = ms_threads_find(&model->threads, thread_id);
    return thread != NULL ? activity_at(model, thread->first_activity) : NULL;
}

const struct ms_activity *ms_model_site_activity(const struct ms_model *model, uint32_t site_id,
                                                 const struct ms_activity *previous)
{
    if (previous != NULL) {
        return activity_at(
            model, ((const struct ms_activity_record *)(const void *)previous)->next_of_site);
    }
    const struct ms_site_record *site = ms_sites_find(model, site_id);
    return site != NULL ? activity_at(model, site->first_activity) : NULL;
}
