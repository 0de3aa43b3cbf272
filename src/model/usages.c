/*
 * Usages: what a thread did at a site. Chained by thread and by site, found by the pair, summed
 * per site by difference: the old value leaves the sum when a usage is handed out for writing, the
 * new one enters it at the end of the tick.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "model/internal.h"

static struct ms_usage_record *record_at(const struct ms_model *model, uint32_t position)
{
    return ms_chunks_at(&model->usages.records, position);
}

static struct ms_site_record *site_of(const struct ms_model *model, uint32_t site_id)
{
    return ms_sites_find(model, site_id);
}

uint32_t ms_usages_find(const struct ms_model *model, uint32_t thread_id, uint32_t site_id,
                        uint8_t rate)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&model->usages.by_pair, ms_hash_pair(thread_id, site_id), &cursor,
                         &position)) {
        const struct ms_usage *usage = &record_at(model, position)->usage;
        if (usage->thread_id == thread_id && usage->site_id == site_id && usage->rate == rate) {
            return position;
        }
    }
    return MS_NO_USAGE;
}

void ms_usage_add_to_heap(const struct ms_usage *usage, struct ms_heap *sum)
{
    sum->allocations += usage->allocations;
    sum->deallocations += usage->deallocations;
    sum->bytes_allocated += usage->bytes_allocated;
    sum->bytes_freed += usage->bytes_freed;
    sum->peak_bytes += usage->peak_bytes;
    sum->waste_bytes += usage->waste_bytes;
    sum->temporary += usage->temporary;
    if (usage->detail != NULL) {
        sum->reallocations += usage->detail->reallocations;
        sum->failed_calls += usage->detail->failed_calls;
    }
}

void ms_usage_take_from_heap(const struct ms_usage *usage, struct ms_heap *sum)
{
    sum->allocations -= usage->allocations;
    sum->deallocations -= usage->deallocations;
    sum->bytes_allocated -= usage->bytes_allocated;
    sum->bytes_freed -= usage->bytes_freed;
    sum->peak_bytes -= usage->peak_bytes;
    sum->waste_bytes -= usage->waste_bytes;
    sum->temporary -= usage->temporary;
    if (usage->detail != NULL) {
        sum->reallocations -= usage->detail->reallocations;
        sum->failed_calls -= usage->detail->failed_calls;
    }
}

static int make_room_to_touch(struct ms_usages *usages)
{
    if (usages->touched_count == usages->touched_capacity) {
        const size_t capacity = usages->touched_capacity != 0 ? usages->touched_capacity * 2 : 256;
        struct ms_touched *touched = reallocarray(usages->touched, capacity, sizeof(*touched));
        if (touched == NULL) {
            return -ENOMEM;
        }
        usages->touched = touched;
        usages->touched_capacity = capacity;
    }
    return ms_changes_reserve(&usages->changes, usages->records.count + 1);
}

static void chain_to_thread(struct ms_model *model, struct ms_thread_record *thread,
                            uint32_t position)
{
    struct ms_usage_record *record = record_at(model, position);
    record->previous_of_thread = MS_NO_USAGE;
    record->next_of_thread = thread->first_usage;
    if (thread->first_usage != MS_NO_USAGE) {
        record_at(model, thread->first_usage)->previous_of_thread = position;
    }
    thread->first_usage = position;
    thread->usage_count++;
}

static void chain_to_site(struct ms_model *model, struct ms_site_record *site, uint32_t position)
{
    struct ms_usage_record *record = record_at(model, position);
    record->previous_of_site = MS_NO_USAGE;
    record->next_of_site = site->first_usage;
    if (site->first_usage != MS_NO_USAGE) {
        record_at(model, site->first_usage)->previous_of_site = position;
    }
    site->first_usage = position;
}

uint32_t ms_usages_add(struct ms_model *model, struct ms_thread_record *thread, uint32_t site_id,
                       uint8_t rate)
{
    struct ms_usages *usages = &model->usages;
    const uint32_t position = (uint32_t)usages->records.count;
    struct ms_usage_record *record =
        ms_changes_reserve(&usages->changes, usages->records.count + 1) != 0
            ? NULL
            : ms_chunks_add(&usages->records);
    if (record == NULL) {
        return MS_NO_USAGE;
    }
    usages->changes.of[position] = 0;
    record->usage.thread_id = thread->thread.id;
    record->usage.site_id = site_id;
    record->usage.rate = rate;
    if (ms_index_add(&usages->by_pair, ms_hash_pair(thread->thread.id, site_id), position) != 0) {
        ms_chunks_drop_last(&usages->records);
        return MS_NO_USAGE;
    }
    chain_to_thread(model, thread, position);
    chain_to_site(model, site_of(model, site_id), position);
    return position;
}

struct ms_usage *ms_model_usage_mutable(struct ms_model *model, uint32_t thread_id,
                                        uint32_t site_id)
{
    return ms_model_sampled_usage_mutable(model, thread_id, site_id, 0);
}

struct ms_usage *ms_model_sampled_usage_mutable(struct ms_model *model, uint32_t thread_id,
                                                uint32_t site_id, uint8_t rate)
{
    struct ms_usages *usages = &model->usages;
    uint32_t position = ms_usages_find(model, thread_id, site_id, rate);
    if (position == MS_NO_USAGE) {
        struct ms_thread_record *thread = ms_threads_find(&model->threads, thread_id);
        if (thread == NULL || ms_sites_find(model, site_id) == NULL ||
            make_room_to_touch(usages) != 0) {
            return NULL;
        }
        position = ms_usages_add(model, thread, site_id, rate);
        if (position == MS_NO_USAGE) {
            return NULL;
        }
    } else if (make_room_to_touch(usages) != 0) {
        return NULL;
    }
    struct ms_usage *usage = &record_at(model, position)->usage;
    if (usages->changes.of[position] != model->stamp) {
        ms_changes_mark(&usages->changes, position, model->stamp);
        usages->touched[usages->touched_count++] =
            (struct ms_touched){position, usage->allocations, usage->bytes_allocated};
        ms_usage_take_from_heap(usage, &site_of(model, site_id)->site.heap);
    }
    return usage;
}

/* Seconds between the two last readings of a site; 0: there was but one. */
static double reading_s(const struct ms_model *model, const struct ms_site *site, uint64_t *read_ns)
{
    const struct ms_process_record *record = ms_process_record_of(model, site->process_id);
    if (record == NULL || record->process.sites_before_ns == 0 ||
        record->process.sites_read_ns <= record->process.sites_before_ns) {
        *read_ns = 0;
        return 0;
    }
    *read_ns = record->process.sites_read_ns;
    return (double)(record->process.sites_read_ns - record->process.sites_before_ns) /
           (double)MS_SECOND_NS;
}

static void rate_site(struct ms_model *model, struct ms_site *site, const struct ms_usage *usage,
                      const struct ms_touched *old)
{
    uint64_t read_ns;
    ms_changes_mark(&model->sites.changes, ms_model_site_position(model, site->id), model->stamp);
    const double seconds = reading_s(model, site, &read_ns);
    if (site->changed_ns != read_ns) {
        site->changed_ns = read_ns;
        site->allocations_per_s = site->bytes_allocated_per_s = 0;
    }
    if (seconds > 0) {
        site->allocations_per_s +=
            (float)((double)(usage->allocations - old->allocations) / seconds);
        site->bytes_allocated_per_s +=
            (float)((double)(usage->bytes_allocated - old->bytes_allocated) / seconds);
    }
}

void ms_usages_note_not_sampled(struct ms_model *model, const struct ms_usage *usage)
{
    struct ms_thread_record *thread = ms_threads_find(&model->threads, usage->thread_id);
    site_of(model, usage->site_id)->site.flags |= MS_SITE_NOT_SAMPLED;
    if (thread != NULL) {
        thread->has_not_sampled = true;
    }
}

void ms_usages_settle(struct ms_model *model)
{
    struct ms_usages *usages = &model->usages;
    for (size_t i = 0; i < usages->touched_count; i++) {
        const struct ms_touched *touched = &usages->touched[i];
        const struct ms_usage *usage = &record_at(model, touched->position)->usage;
        struct ms_site *site = &site_of(model, usage->site_id)->site;
        ms_usage_add_to_heap(usage, &site->heap);
        rate_site(model, site, usage, touched);
        if (usage->not_sampled) {
            ms_usages_note_not_sampled(model, usage);
        }
    }
    usages->touched_count = 0;
}

static void unchain_from_thread(struct ms_model *model, struct ms_thread_record *thread,
                                uint32_t position)
{
    const struct ms_usage_record *record = record_at(model, position);
    if (record->previous_of_thread != MS_NO_USAGE) {
        record_at(model, record->previous_of_thread)->next_of_thread = record->next_of_thread;
    } else {
        thread->first_usage = record->next_of_thread;
    }
    if (record->next_of_thread != MS_NO_USAGE) {
        record_at(model, record->next_of_thread)->previous_of_thread = record->previous_of_thread;
    }
    thread->usage_count--;
}

static void unchain_from_site(struct ms_model *model, uint32_t position)
{
    const struct ms_usage_record *record = record_at(model, position);
    if (record->previous_of_site != MS_NO_USAGE) {
        record_at(model, record->previous_of_site)->next_of_site = record->next_of_site;
    } else {
        site_of(model, record->usage.site_id)->first_usage = record->next_of_site;
    }
    if (record->next_of_site != MS_NO_USAGE) {
        record_at(model, record->next_of_site)->previous_of_site = record->previous_of_site;
    }
}

/* Everything that refers to the usage at `from` now refers to `to`, where its copy lies. */
static void repoint(struct ms_model *model, uint32_t from, uint32_t to)
{
    const struct ms_usage_record *record = record_at(model, to);
    if (record->previous_of_thread != MS_NO_USAGE) {
        record_at(model, record->previous_of_thread)->next_of_thread = to;
    } else {
        ms_threads_find(&model->threads, record->usage.thread_id)->first_usage = to;
    }
    if (record->next_of_thread != MS_NO_USAGE) {
        record_at(model, record->next_of_thread)->previous_of_thread = to;
    }
    if (record->previous_of_site != MS_NO_USAGE) {
        record_at(model, record->previous_of_site)->next_of_site = to;
    } else {
        site_of(model, record->usage.site_id)->first_usage = to;
    }
    if (record->next_of_site != MS_NO_USAGE) {
        record_at(model, record->next_of_site)->previous_of_site = to;
    }
    ms_index_move(&model->usages.by_pair,
                  ms_hash_pair(record->usage.thread_id, record->usage.site_id), from, to);
}

void ms_usages_detach(struct ms_model *model, struct ms_thread_record *thread, uint32_t position)
{
    struct ms_usage *usage = &record_at(model, position)->usage;
    ms_index_remove(&model->usages.by_pair, ms_hash_pair(usage->thread_id, usage->site_id),
                    position);
    unchain_from_thread(model, thread, position);
    unchain_from_site(model, position);
    ms_usage_detail_free(usage->detail);
    *usage = (struct ms_usage){0};
    model->usages.detached++;
}

/* The last usage takes the place of a removed one, so that there are no holes. */
void ms_usages_drop(struct ms_model *model, struct ms_thread_record *thread, uint32_t position)
{
    struct ms_usages *usages = &model->usages;
    if (thread != NULL) {
        ms_usages_detach(model, thread, position);
    }
    usages->detached--;
    ms_changes_removed(&usages->changes, (uint32_t)usages->records.count, position);
    const uint32_t last = (uint32_t)usages->records.count - 1;
    if (position != last) {
        *record_at(model, position) = *record_at(model, last);
        ms_changes_move(&usages->changes, last, position);
        if (record_at(model, position)->usage.thread_id != 0) {
            repoint(model, last, position);
        }
    }
    ms_chunks_drop_last(&usages->records);
}

void ms_usages_put_first(struct ms_model *model, struct ms_thread_record *thread, uint32_t position)
{
    if (thread != NULL) {
        unchain_from_thread(model, thread, position);
        chain_to_thread(model, thread, position);
    } else {
        unchain_from_site(model, position);
        chain_to_site(model, site_of(model, record_at(model, position)->usage.site_id), position);
    }
}

/*
 * The sum keeps what was live at the peak, unless nothing has changed in either since then. The sum
 * may be of another process: then `peak` is that of the one, `peak_of_sum` of the other.
 */
static void merge_at_peak(struct ms_usage *sum, const struct ms_peak *peak_of_sum,
                          const struct ms_usage *usage, const struct ms_peak *peak)
{
    const bool fixed =
        peak != peak_of_sum || sum->peak_epoch == peak->epoch || usage->peak_epoch == peak->epoch;
    sum->at_peak_bytes =
        ms_usage_at_peak_bytes(sum, peak_of_sum) + ms_usage_at_peak_bytes(usage, peak);
    sum->peak_epoch = fixed ? peak_of_sum->epoch : 0;
}

static void merge_usage(struct ms_usage *sum, const struct ms_peak *peak_of_sum,
                        const struct ms_usage *usage, const struct ms_peak *peak)
{
    struct ms_usage_extra extra;
    struct ms_usage_extra more;
    ms_usage_get_extra(sum, &extra);
    ms_usage_get_extra(usage, &more);
    merge_at_peak(sum, peak_of_sum, usage, peak);
    sum->allocations += usage->allocations;
    sum->deallocations += usage->deallocations;
    sum->bytes_allocated += usage->bytes_allocated;
    sum->bytes_freed += usage->bytes_freed;
    sum->peak_bytes += usage->peak_bytes;
    sum->waste_bytes += usage->waste_bytes;
    sum->temporary += usage->temporary;
    extra.reallocations += more.reallocations;
    extra.failed_calls += more.failed_calls;
    extra.samples += more.samples;
    extra.samples_freed += more.samples_freed;
    ms_histogram_add(&extra.sizes, &more.sizes);
    ms_histogram_add(&extra.lifetimes, &more.lifetimes);
    sum->not_sampled = sum->not_sampled || usage->not_sampled;
    (void)ms_usage_put_extra(sum, &extra);
}

static const struct ms_peak *peak_of(const struct ms_model *model,
                                     const struct ms_thread_record *thread)
{
    static const struct ms_peak none;
    const struct ms_process_record *process =
        ms_process_record_of(model, thread->thread.process_id);
    return process != NULL ? &process->process.peak : &none;
}

int ms_usages_merge(struct ms_model *model, struct ms_thread_record *from,
                    struct ms_thread_record *into)
{
    const struct ms_peak *peak = peak_of(model, from);
    const struct ms_peak *peak_of_sum = peak_of(model, into);
    while (from->first_usage != MS_NO_USAGE) {
        const struct ms_usage *usage = &record_at(model, from->first_usage)->usage;
        const struct ms_site_record *site = site_of(model, usage->site_id);
        const uint32_t site_id = site->merged_into != 0 ? site->merged_into : usage->site_id;
        uint32_t target = ms_usages_find(model, into->thread.id, site_id, usage->rate);
        if (target == MS_NO_USAGE) {
            target = ms_usages_add(model, into, site_id, usage->rate);
            if (target == MS_NO_USAGE) {
                return -ENOMEM;
            }
        }
        merge_usage(&record_at(model, target)->usage, peak_of_sum, usage, peak);
        ms_changes_mark(&model->usages.changes, target, model->stamp);
        ms_usages_drop(model, from, from->first_usage);
    }
    into->has_not_sampled = into->has_not_sampled || from->has_not_sampled;
    return 0;
}

void ms_usages_free(struct ms_usages *usages)
{
    for (size_t i = 0; i < usages->records.count; i++) {
        const struct ms_usage_record *record = ms_chunks_at(&usages->records, i);
        ms_usage_detail_free(record->usage.detail);
    }
    ms_chunks_free(&usages->records);
    ms_index_free(&usages->by_pair);
    ms_changes_free(&usages->changes);
    free(usages->touched);
}

size_t ms_model_usage_count(const struct ms_model *model)
{
    return model->usages.records.count;
}

const struct ms_usage *ms_model_usage(const struct ms_model *model, size_t index)
{
    return &record_at(model, (uint32_t)index)->usage;
}

const struct ms_usage *ms_model_site_usage(const struct ms_model *model, uint32_t site_id,
                                           const struct ms_usage *previous)
{
    uint32_t position;
    if (previous != NULL) {
        position = ((const struct ms_usage_record *)(const void *)previous)->next_of_site;
    } else {
        const struct ms_site_record *site = ms_sites_find(model, site_id);
        if (site == NULL) {
            return NULL;
        }
        position = site->first_usage;
    }
    return position == MS_NO_USAGE ? NULL : &record_at(model, position)->usage;
}

bool ms_usage_stands_for_pair(const struct ms_model *model, const struct ms_usage *usage)
{
    size_t cursor = 0;
    uint32_t position;
    /* Nothing is below a rate of 0, which most have. */
    while (usage->rate > 0 &&
           ms_index_next(&model->usages.by_pair, ms_hash_pair(usage->thread_id, usage->site_id),
                         &cursor, &position)) {
        const struct ms_usage *other = &record_at(model, position)->usage;
        if (other->thread_id == usage->thread_id && other->site_id == usage->site_id &&
            other->rate < usage->rate) {
            return false;
        }
    }
    return true;
}

const struct ms_usage *ms_model_thread_usage(const struct ms_model *model, uint32_t thread_id,
                                             const struct ms_usage *previous)
{
    uint32_t position;
    if (previous != NULL) {
        position = ((const struct ms_usage_record *)(const void *)previous)->next_of_thread;
    } else {
        const struct ms_thread_record *thread = ms_threads_find(&model->threads, thread_id);
        position = thread != NULL ? thread->first_usage : MS_NO_USAGE;
    }
    return position != MS_NO_USAGE ? &record_at(model, position)->usage : NULL;
}
