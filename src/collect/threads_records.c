/* Threads of a process as its probe records them, and who freed whose blocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect/threads_watched.h"

/* A record that nobody used when we looked last, or that has gone to the next thread. */
static struct ms_watched_thread *take_record(struct ms_watched_threads *threads,
                                             struct ms_model *model, uint32_t record,
                                             const struct ms_region_thread_copy *copy,
                                             uint64_t now_ns)
{
    struct ms_watched_thread *watched =
        copy->tid == 0 ? NULL : ms_watched_thread_find(threads, (pid_t)copy->tid);
    if (watched == NULL || watched->record != 0 || watched->ended) {
        pid_t tid = copy->tid <= INT32_MAX ? (pid_t)copy->tid : 0;
        watched = ms_watched_thread_new(threads, model, tid, ms_not_after(copy->start_ns, now_ns));
    }
    if (watched != NULL) {
        watched->record = record;
        watched->serial = copy->serial;
        threads->by_record[record] = watched;
        (void)ms_id_map_set(&threads->by_serial, copy->serial, watched->model_id);
    }
    return watched;
}

static void apply_record(struct ms_watched_threads *threads, struct ms_model *model,
                         struct ms_descriptor_budget *budget, struct ms_watched_thread *watched,
                         const struct ms_region_thread_copy *copy, uint64_t now_ns)
{
    watched->flows_changed =
        watched->flows_changed || copy->heap.frees_for_others != watched->heap.frees_for_others;
    watched->heap = copy->heap;
    struct ms_thread *thread = ms_model_thread_mutable(model, watched->model_id);
    if (thread != NULL) {
        thread->heap = copy->heap;
        thread->own_deallocations = copy->own_deallocations;
        thread->own_bytes_freed = copy->own_bytes_freed;
        thread->tracked = copy->tracked;
        thread->probed = true;
        if (copy->name_valid && copy->name[0] != '\0' &&
            (copy->name_version != watched->name_version || thread->name[0] == '\0')) {
            watched->name_version = copy->name_version;
            ms_watched_thread_name(thread, copy->name, sizeof copy->name);
        }
    }
    bool over =
        copy->state == MS_THREAD_EXITING || copy->state == MS_THREAD_GONE || copy->end_ns != 0;
    if (over && !watched->ended) {
        ms_watched_thread_end(threads, model, budget, watched, ms_not_after(copy->end_ns, now_ns),
                              copy->end_ns != 0 ? &copy->final_usage : NULL);
    }
}

static void drop_record(struct ms_watched_threads *threads, struct ms_model *model,
                        struct ms_descriptor_budget *budget, uint32_t record, uint64_t now_ns)
{
    struct ms_watched_thread *watched = threads->by_record[record];
    threads->by_record[record] = NULL;
    if (!watched->ended) {
        ms_watched_thread_end(threads, model, budget, watched, now_ns, NULL);
    }
    ms_watched_thread_free_unused(threads, watched);
}

static int grow_records(struct ms_watched_threads *threads, uint32_t count)
{
    if (count <= threads->record_count) {
        return 0;
    }
    struct ms_watched_thread **grown = realloc(threads->by_record, count * sizeof(*grown));
    if (grown == NULL) {
        return -ENOMEM;
    }
    memset(grown + threads->record_count, 0, (count - threads->record_count) * sizeof(*grown));
    threads->by_record = grown;
    threads->record_count = count;
    return 0;
}

static struct ms_flow *flow_from(struct ms_watched_threads *threads, struct ms_model *model,
                                 const struct ms_watched_thread *watched,
                                 const struct ms_region_flow *entry)
{
    uint32_t from =
        entry->owner_thread == 0 ? 0 : ms_id_map_find(&threads->by_serial, entry->owner_serial);
    return from == 0 || ms_model_thread_by_id(model, from) == NULL
               ? NULL
               : ms_model_flow_mutable(model, threads->process_id, from, watched->model_id);
}

static uint64_t beyond(uint64_t value, uint64_t part)
{
    return value > part ? value - part : 0;
}

static void read_flows_of(struct ms_watched_threads *threads, struct ms_model *model,
                          const struct ms_region_view *view, struct ms_watched_thread *watched)
{
    struct ms_region_flow flows[MS_FLOW_ENTRIES + 1];
    uint32_t count = ms_region_view_flows(view, watched->record, flows);
    uint64_t other_blocks = 0;
    uint64_t other_bytes = 0;
    if (watched->credited == NULL) {
        watched->credited = calloc(MS_FLOW_ENTRIES + 1, sizeof *watched->credited);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct ms_credited_flow *credited =
            watched->credited != NULL ? &watched->credited[i] : NULL;
        struct ms_flow *flow = credited != NULL && flows[i].blocks != 0
                                   ? flow_from(threads, model, watched, &flows[i])
                                   : NULL;
        if (flow != NULL) {
            flow->blocks = flows[i].blocks;
            flow->bytes = flows[i].bytes;
            *credited = (struct ms_credited_flow){
                .serial = flows[i].owner_serial, .blocks = flow->blocks, .bytes = flow->bytes};
        } else if (credited != NULL && credited->serial == flows[i].owner_serial) {
            other_blocks += beyond(flows[i].blocks, credited->blocks);
            other_bytes += beyond(flows[i].bytes, credited->bytes);
        } else {
            other_blocks += flows[i].blocks;
            other_bytes += flows[i].bytes;
        }
    }
    /* Also when there are none any more: the owner was too new to be known when they were read. */
    if (other_blocks != 0 || watched->flow_of_unknown) {
        watched->flow_of_unknown = true;
        struct ms_flow *flow =
            ms_model_flow_mutable(model, threads->process_id, 0, watched->model_id);
        if (flow != NULL) {
            flow->blocks = other_blocks;
            flow->bytes = other_bytes;
        }
    }
}

int ms_watched_threads_records(struct ms_watched_threads *threads, struct ms_model *model,
                               struct ms_descriptor_budget *budget,
                               const struct ms_region_view *view, uint64_t now_ns, bool all)
{
    uint32_t count = ms_region_view_published(view, MS_AREA_THREADS);
    int result = grow_records(threads, count);
    for (uint32_t record = 1; result == 0 && record < count; record++) {
        struct ms_watched_thread *watched = threads->by_record[record];
        uint32_t serial;
        uint64_t change;
        struct ms_region_thread_copy copy;
        bool used = ms_region_view_thread_peek(view, record, &serial, &change);
        if (watched != NULL && (!used || watched->serial != serial)) {
            drop_record(threads, model, budget, record, now_ns);
            watched = NULL;
        }
        if (!used || (watched != NULL && (watched->change == change || (watched->ended && !all)))) {
            continue;
        }
        if (!ms_region_view_thread(view, record, &copy) || copy.serial != serial) {
            continue; /* between two threads: next tick */
        }
        if (watched == NULL) {
            watched = take_record(threads, model, record, &copy, now_ns);
        }
        if (watched == NULL) {
            result = -ENOMEM;
            break;
        }
        watched->change = change;
        watched->quiet_reads = 0;
        apply_record(threads, model, budget, watched, &copy, now_ns);
        if (watched->ended && watched->flows_changed &&
            ms_model_thread_by_id(model, watched->model_id) != NULL) {
            /* It may be merged at the end of this tick. Owners that are new are not known yet:
             * the flows stay marked as changed, and are read again with the others. */
            read_flows_of(threads, model, view, watched);
        }
    }
    return result;
}

void ms_watched_threads_flows(struct ms_watched_threads *threads, struct ms_model *model,
                              const struct ms_region_view *view)
{
    for (uint32_t i = 1; i < threads->record_count; i++) {
        struct ms_watched_thread *watched = threads->by_record[i];
        if (watched != NULL && watched->flows_changed &&
            ms_model_thread_by_id(model, watched->model_id) != NULL) {
            watched->flows_changed = false;
            read_flows_of(threads, model, view, watched);
        }
    }
}
