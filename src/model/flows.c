#include <errno.h>
#include <stdlib.h>

#include "model/internal.h"

static uint32_t hash_of(uint32_t process_id, uint32_t from_thread, uint32_t to_thread)
{
    return ms_hash_pair(ms_hash_pair(process_id, from_thread), to_thread);
}

/* Its position, SIZE_MAX: there is none. */
static size_t find(const struct ms_flows *flows, uint32_t process_id, uint32_t from_thread,
                   uint32_t to_thread)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&flows->by_pair, hash_of(process_id, from_thread, to_thread), &cursor,
                         &position)) {
        const struct ms_flow *flow = ms_chunks_at(&flows->records, position);
        if (flow->process_id == process_id && flow->from_thread == from_thread &&
            flow->to_thread == to_thread) {
            return position;
        }
    }
    return SIZE_MAX;
}

struct ms_flow *ms_model_flow_mutable(struct ms_model *model, uint32_t process_id,
                                      uint32_t from_thread, uint32_t to_thread)
{
    struct ms_flows *flows = &model->flows;
    const size_t known = find(flows, process_id, from_thread, to_thread);
    if (known != SIZE_MAX) {
        ms_changes_mark(&flows->changes, known, model->stamp);
        return ms_chunks_at(&flows->records, known);
    }
    if ((from_thread != 0 && ms_threads_find(&model->threads, from_thread) == NULL) ||
        (to_thread != 0 && ms_threads_find(&model->threads, to_thread) == NULL)) {
        return NULL;
    }
    struct ms_flow *flow = ms_changes_reserve(&flows->changes, flows->records.count + 1) != 0
                               ? NULL
                               : ms_chunks_add(&flows->records);
    if (flow == NULL) {
        return NULL;
    }
    if (ms_index_add(&flows->by_pair, hash_of(process_id, from_thread, to_thread),
                     (uint32_t)(flows->records.count - 1)) != 0) {
        ms_chunks_drop_last(&flows->records);
        return NULL;
    }
    ms_changes_mark(&flows->changes, flows->records.count - 1, model->stamp);
    flow->process_id = process_id;
    flow->from_thread = from_thread;
    flow->to_thread = to_thread;
    return flow;
}

int ms_flows_enter(struct ms_flows *flows, uint32_t position)
{
    const struct ms_flow *flow = ms_chunks_at(&flows->records, position);
    return find(flows, flow->process_id, flow->from_thread, flow->to_thread) != SIZE_MAX
               ? -EBADMSG
               : ms_index_add(&flows->by_pair,
                              hash_of(flow->process_id, flow->from_thread, flow->to_thread),
                              position);
}

int ms_flows_put(struct ms_flows *flows, uint32_t position, const struct ms_flow *flow)
{
    struct ms_flow *known = ms_chunks_at(&flows->records, position);
    const uint32_t hash_before = hash_of(known->process_id, known->from_thread, known->to_thread);
    const uint32_t hash = hash_of(flow->process_id, flow->from_thread, flow->to_thread);
    const size_t same = find(flows, flow->process_id, flow->from_thread, flow->to_thread);
    if (same != SIZE_MAX && same != position) {
        return -EBADMSG;
    }
    ms_index_remove(&flows->by_pair, hash_before, position);
    *known = *flow;
    return ms_index_add(&flows->by_pair, hash, position);
}

/* Rebuilds in place: a flow that has come to equal an earlier one is added to it. */
int ms_flows_merge(struct ms_model *model, const struct ms_merge *merges, size_t count)
{
    struct ms_flows *flows = &model->flows;
    ms_index_clear(&flows->by_pair);
    flows->rounds++;
    size_t kept = 0;
    int error = 0;
    for (size_t i = 0; i < flows->records.count; i++) {
        struct ms_flow flow = *(const struct ms_flow *)ms_chunks_at(&flows->records, i);
        const struct ms_flow before = flow;
        flow.from_thread = ms_merged_id(merges, count, flow.from_thread);
        flow.to_thread = ms_merged_id(merges, count, flow.to_thread);
        const struct ms_process_record *process = ms_process_record_of(model, flow.process_id);
        if (process != NULL && process->merged_into != NULL) {
            flow.process_id = process->merged_into->process.id;
        }
        const size_t same = find(flows, flow.process_id, flow.from_thread, flow.to_thread);
        if (same != SIZE_MAX) {
            struct ms_flow *known = ms_chunks_at(&flows->records, same);
            known->blocks += flow.blocks;
            known->bytes += flow.bytes;
            ms_changes_mark(&flows->changes, same, model->stamp);
            ms_changes_removed(&flows->changes, flows->rounds, i);
            continue;
        }
        *(struct ms_flow *)ms_chunks_at(&flows->records, kept) = flow;
        ms_changes_move(&flows->changes, i, kept);
        if (flow.from_thread != before.from_thread || flow.to_thread != before.to_thread ||
            flow.process_id != before.process_id) {
            ms_changes_mark(&flows->changes, kept, model->stamp);
        }
        if (ms_index_add(&flows->by_pair,
                         hash_of(flow.process_id, flow.from_thread, flow.to_thread),
                         (uint32_t)kept) != 0) {
            error = -ENOMEM;
        }
        kept++;
    }
    while (flows->records.count > kept) {
        ms_chunks_drop_last(&flows->records);
    }
    return error;
}

void ms_flows_free(struct ms_flows *flows)
{
    ms_chunks_free(&flows->records);
    ms_index_free(&flows->by_pair);
    ms_changes_free(&flows->changes);
}

size_t ms_model_flow_count(const struct ms_model *model)
{
    return model->flows.records.count;
}

const struct ms_flow *ms_model_flow(const struct ms_model *model, size_t index)
{
    return ms_chunks_at(&model->flows.records, index);
}
