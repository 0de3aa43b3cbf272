/* Call sites and what hangs on them, from a recording: see restore.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "model/internal.h"

void ms_model_lend_names(struct ms_model *model, const struct ms_lent_names *names)
{
    model->lent = names;
}

const struct ms_lent_names *ms_model_lent_names(const struct ms_model *model)
{
    return model->lent;
}

void ms_model_put_site(struct ms_model *model, size_t position, const struct ms_site *site)
{
    struct ms_site *known =
        &((struct ms_site_record *)ms_chunks_at(&model->sites.records, position))->site;
    model->sites.activity -= (known->flags & MS_SITE_ACTIVITY) != 0;
    model->sites.activity += (site->flags & MS_SITE_ACTIVITY) != 0;
    known->process_id = site->process_id;
    known->flags = site->flags;
    known->changed_ns = site->changed_ns;
    known->allocations_per_s = site->allocations_per_s;
    known->bytes_allocated_per_s = site->bytes_allocated_per_s;
    ms_changes_mark(&model->sites.changes, position, model->stamp);
}

static struct ms_usage *usage_at(const struct ms_model *model, uint32_t position)
{
    return &((struct ms_usage_record *)ms_chunks_at(&model->usages.records, position))->usage;
}

static struct ms_activity *activity_at(const struct ms_model *model, uint32_t position)
{
    return &((struct ms_activity_record *)ms_chunks_at(&model->activities.records, position))
                ->activity;
}

static struct ms_thread_record *owner(const struct ms_model *model, uint32_t thread_id)
{
    return ms_threads_find(&model->threads, thread_id);
}

static void detach_usage(struct ms_model *model, uint32_t position)
{
    const struct ms_usage *usage = usage_at(model, position);
    ms_usage_take_from_heap(usage, &ms_sites_find(model, usage->site_id)->site.heap);
    model->room.usage_details -= usage->detail != NULL;
    ms_usages_detach(model, owner(model, usage->thread_id), position);
}

static void take_from_site(struct ms_site *site, const struct ms_work *work)
{
    if (site->work != NULL) {
        site->work->cpu_samples -= work->cpu_samples;
        site->work->cpu_ns -= work->cpu_ns;
        site->work->io_calls -= work->io_calls;
        site->work->io_bytes -= work->io_bytes;
        site->work->io_wait_ns -= work->io_wait_ns;
        site->work->io_samples -= work->io_samples;
    }
}

static void detach_activity(struct ms_model *model, uint32_t position)
{
    const struct ms_activity *activity = activity_at(model, position);
    take_from_site(&ms_sites_find(model, activity->site_id)->site, &activity->work);
    ms_activities_detach(model, position);
}

void ms_thread_detach(struct ms_model *model, struct ms_thread_record *thread)
{
    while (thread->first_usage != MS_NO_USAGE) {
        detach_usage(model, thread->first_usage);
    }
    while (thread->first_activity != MS_NO_ACTIVITY) {
        detach_activity(model, thread->first_activity);
    }
}

void ms_model_forget_site(struct ms_model *model, uint32_t id)
{
    struct ms_site_record *site = ms_sites_find(model, id);
    if (site == NULL) {
        return;
    }
    while (site->first_usage != MS_NO_USAGE) {
        detach_usage(model, site->first_usage);
    }
    while (site->first_activity != MS_NO_ACTIVITY) {
        detach_activity(model, site->first_activity);
    }
    site->merged_into = id;
}

void ms_model_sites_forgotten(struct ms_model *model)
{
    ms_sites_drop_merged(model);
    model->names_version++;
}

bool ms_model_is_whole(const struct ms_model *model)
{
    return model->usages.detached == 0 && model->activities.detached == 0;
}

/* There are so many of some things that looking at every one would take longer than the rest. */
static bool has_room(struct ms_model *model, size_t count)
{
    return count % MS_CHUNK_ELEMENTS != 0 || ms_model_has_room(model);
}

/* --- usages --- */

static int restore_nobodys_usage(struct ms_model *model)
{
    struct ms_usages *usages = &model->usages;
    if (ms_changes_reserve(&usages->changes, usages->records.count + 1) != 0 ||
        ms_chunks_add(&usages->records) == NULL) {
        return -ENOMEM;
    }
    usages->changes.of[usages->records.count - 1] = 0;
    usages->detached++;
    return 0;
}

int ms_model_restore_usage(struct ms_model *model, uint32_t thread_id, uint32_t site_id,
                           uint8_t rate)
{
    if (model->usages.records.count >= MS_NO_USAGE) {
        return -EBADMSG;
    }
    if (!has_room(model, model->usages.records.count)) {
        return -ENOMEM;
    }
    if (thread_id == 0) {
        return restore_nobodys_usage(model);
    }
    struct ms_thread_record *thread = owner(model, thread_id);
    if (thread == NULL || ms_sites_find(model, site_id) == NULL ||
        ms_usages_find(model, thread_id, site_id, rate) != MS_NO_USAGE) {
        return -EBADMSG;
    }
    const uint32_t position = ms_usages_add(model, thread, site_id, rate);
    if (position == MS_NO_USAGE) {
        return -ENOMEM;
    }
    ms_changes_mark(&model->usages.changes, position, model->stamp);
    return 0;
}

int ms_model_forget_usage(struct ms_model *model, size_t position)
{
    if (position >= model->usages.records.count) {
        return -EBADMSG;
    }
    if (usage_at(model, (uint32_t)position)->thread_id != 0) {
        detach_usage(model, (uint32_t)position);
    }
    ms_usages_drop(model, NULL, (uint32_t)position);
    return 0;
}

static int put_extra(struct ms_usage *usage, const struct ms_usage_extra *extra)
{
    if (extra == NULL) {
        ms_usage_detail_free(usage->detail);
        usage->detail = NULL;
        return 0;
    }
    struct ms_usage_detail *detail = ms_usage_detail_put(usage, extra);
    if (detail == NULL ||
        ms_usage_keep_histogram(&detail->sizes, usage->size_home, &extra->sizes) != 0) {
        return -ENOMEM;
    }
    return ms_usage_keep_histogram(&detail->lifetimes, usage->lifetime_home, &extra->lifetimes);
}

int ms_model_put_usage(struct ms_model *model, size_t position, const struct ms_usage *figures,
                       const struct ms_usage_extra *extra)
{
    struct ms_usage *usage =
        position < model->usages.records.count ? usage_at(model, (uint32_t)position) : NULL;
    if (usage == NULL || usage->thread_id == 0 || figures->size_home > MS_HISTOGRAM_CLASSES ||
        figures->lifetime_home > MS_HISTOGRAM_CLASSES) {
        return -EBADMSG;
    }
    struct ms_heap *heap = &ms_sites_find(model, usage->site_id)->site.heap;
    const struct ms_usage before = *usage;
    ms_usage_take_from_heap(usage, heap);
    *usage = *figures;
    usage->thread_id = before.thread_id;
    usage->site_id = before.site_id;
    usage->rate = before.rate;
    usage->detail = before.detail;
    const int error = put_extra(usage, extra);
    model->room.usage_details += usage->detail != NULL;
    model->room.usage_details -= before.detail != NULL;
    ms_usage_add_to_heap(usage, heap);
    if (usage->not_sampled) {
        ms_usages_note_not_sampled(model, usage);
    }
    ms_changes_mark(&model->usages.changes, position, model->stamp);
    return error == 0 && !has_room(model, position) ? -ENOMEM : error;
}

int ms_model_put_usage_first(struct ms_model *model, size_t position, bool of_thread)
{
    if (position >= model->usages.records.count ||
        usage_at(model, (uint32_t)position)->thread_id == 0) {
        return -EBADMSG;
    }
    ms_usages_put_first(
        model, of_thread ? owner(model, usage_at(model, (uint32_t)position)->thread_id) : NULL,
        (uint32_t)position);
    return 0;
}

/* --- activities --- */

static int restore_nobodys_activity(struct ms_model *model)
{
    struct ms_activities *activities = &model->activities;
    if (ms_changes_reserve(&activities->changes, activities->records.count + 1) != 0 ||
        ms_chunks_add(&activities->records) == NULL) {
        return -ENOMEM;
    }
    activities->changes.of[activities->records.count - 1] = 0;
    activities->detached++;
    return 0;
}

int ms_model_restore_activity(struct ms_model *model, uint32_t thread_id, uint32_t site_id)
{
    if (model->activities.records.count >= MS_NO_ACTIVITY) {
        return -EBADMSG;
    }
    if (!has_room(model, model->activities.records.count)) {
        return -ENOMEM;
    }
    if (thread_id == 0) {
        return restore_nobodys_activity(model);
    }
    struct ms_thread_record *thread = owner(model, thread_id);
    struct ms_site_record *site = ms_sites_find(model, site_id);
    if (thread == NULL || site == NULL ||
        ms_activities_find(model, thread_id, site_id) != MS_NO_ACTIVITY) {
        return -EBADMSG;
    }
    const uint32_t position = ms_activities_add(model, thread, site);
    if (position == MS_NO_ACTIVITY) {
        return -ENOMEM;
    }
    ms_changes_mark(&model->activities.changes, position, model->stamp);
    return 0;
}

int ms_model_forget_activity(struct ms_model *model, size_t position)
{
    if (position >= model->activities.records.count) {
        return -EBADMSG;
    }
    if (activity_at(model, (uint32_t)position)->thread_id != 0) {
        detach_activity(model, (uint32_t)position);
    }
    ms_activities_drop(model, (uint32_t)position);
    return 0;
}

int ms_model_put_activity(struct ms_model *model, size_t position, const struct ms_work *work)
{
    struct ms_activity *activity =
        position < model->activities.records.count ? activity_at(model, (uint32_t)position) : NULL;
    if (activity == NULL || activity->thread_id == 0) {
        return -EBADMSG;
    }
    struct ms_site *site = &ms_sites_find(model, activity->site_id)->site;
    take_from_site(site, &activity->work);
    activity->work = (struct ms_work){0};
    if (ms_site_add_work(model, site, work) != 0) {
        return -ENOMEM;
    }
    activity->work = *work;
    ms_changes_mark(&model->activities.changes, position, model->stamp);
    return 0;
}

int ms_model_put_activity_first(struct ms_model *model, size_t position, bool of_thread)
{
    if (position >= model->activities.records.count ||
        activity_at(model, (uint32_t)position)->thread_id == 0) {
        return -EBADMSG;
    }
    ms_activities_put_first(model, (uint32_t)position, of_thread);
    return 0;
}

/* --- flows and misuses --- */

/* Closes up over `positions`. */
static int forget(struct ms_chunks *records, struct ms_changes *changes, uint32_t round,
                  const uint32_t *positions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (positions[i] >= records->count || (i > 0 && positions[i] <= positions[i - 1])) {
            return -EBADMSG;
        }
    }
    size_t next = 0;
    size_t kept = 0;
    for (size_t i = 0; i < records->count; i++) {
        if (next < count && positions[next] == i) {
            ms_changes_removed(changes, round, i);
            next++;
            continue;
        }
        if (kept != i) {
            memcpy(ms_chunks_at(records, kept), ms_chunks_at(records, i), records->element_bytes);
            ms_changes_move(changes, i, kept);
        }
        kept++;
    }
    while (records->count > kept) {
        ms_chunks_drop_last(records);
    }
    return 0;
}

static int restore_at_end(struct ms_model *model, struct ms_chunks *records,
                          struct ms_changes *changes)
{
    if (records->count >= UINT32_MAX) {
        return -EBADMSG;
    }
    if (!has_room(model, records->count) || ms_changes_reserve(changes, records->count + 1) != 0 ||
        ms_chunks_add(records) == NULL) {
        return -ENOMEM;
    }
    ms_changes_mark(changes, records->count - 1, model->stamp);
    return 0;
}

int ms_model_restore_flow(struct ms_model *model)
{
    struct ms_flows *flows = &model->flows;
    const int error = restore_at_end(model, &flows->records, &flows->changes);
    return error != 0 ? error : ms_flows_enter(flows, (uint32_t)flows->records.count - 1);
}

int ms_model_put_flow(struct ms_model *model, size_t position, const struct ms_flow *flow)
{
    if (position >= model->flows.records.count) {
        return -EBADMSG;
    }
    ms_changes_mark(&model->flows.changes, position, model->stamp);
    return ms_flows_put(&model->flows, (uint32_t)position, flow);
}

int ms_model_forget_flows(struct ms_model *model, const uint32_t *positions, size_t count)
{
    struct ms_flows *flows = &model->flows;
    int error = forget(&flows->records, &flows->changes, ++flows->rounds, positions, count);
    ms_index_clear(&flows->by_pair);
    for (size_t i = 0; error == 0 && i < flows->records.count; i++) {
        error = ms_flows_enter(flows, (uint32_t)i);
    }
    return error;
}

int ms_model_restore_misuse(struct ms_model *model)
{
    struct ms_misuses *misuses = &model->misuses;
    const int error = restore_at_end(model, &misuses->records, &misuses->changes);
    if (error != 0) {
        return error;
    }
    ((struct ms_misuse *)ms_chunks_at(&misuses->records, misuses->records.count - 1))->how = "";
    return ms_misuses_enter(misuses, (uint32_t)misuses->records.count - 1);
}

int ms_model_put_misuse(struct ms_model *model, size_t position, const struct ms_misuse *misuse)
{
    if (position >= model->misuses.records.count) {
        return -EBADMSG;
    }
    struct ms_misuse kept = *misuse;
    kept.how = ms_model_string(model, misuse->how);
    if (kept.how == NULL) {
        return -ENOMEM;
    }
    ms_changes_mark(&model->misuses.changes, position, model->stamp);
    return ms_misuses_put(&model->misuses, (uint32_t)position, &kept);
}

int ms_model_forget_misuses(struct ms_model *model, const uint32_t *positions, size_t count)
{
    struct ms_misuses *misuses = &model->misuses;
    int error = forget(&misuses->records, &misuses->changes, ++misuses->rounds, positions, count);
    ms_index_clear(&misuses->by_pair);
    for (size_t i = 0; error == 0 && i < misuses->records.count; i++) {
        error = ms_misuses_enter(misuses, (uint32_t)i);
    }
    return error;
}
