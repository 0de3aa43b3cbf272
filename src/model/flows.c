#include <errno.h>
#include <stdlib.h>

#include "model/internal.h"

static uint32_t hash_of(uint32_t process_id, uint32_t from_thread, uint32_t to_thread)
{
    return ms_hash_pair(ms_hash_pair(process_id, from_thread), to_thread);
}

static struct ms_flow *find(const struct ms_flows *flows, uint32_t process_id, uint32_t from_thread,
                            uint32_t to_thread)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&flows->by_pair, hash_of(process_id, from_thread, to_thread), &cursor,
                         &position)) {
        struct ms_flow *flow = ms_chunks_at(&flows->records, position);
        if (flow->process_id == process_id && flow->from_thread == from_thread &&
            flow->to_thread == to_thread) {
            return flow;
        }
    }
    return NULL;
}

struct ms_flow *ms_model_flow_mutable(struct ms_model *model, uint32_t process_id,
                                      uint32_t from_thread, uint32_t to_thread)
{
    struct ms_flows *flows = &model->flows;
    struct ms_flow *flow = find(flows, process_id, from_thread, to_thread);
    if (flow != NULL) {
        return flow;
    }
    if ((from_thread != 0 && ms_threads_find(&model->threads, from_thread) == NULL) ||
        (to_thread != 0 && ms_threads_find(&model->threads, to_thread) == NULL)) {
        return NULL;
    }
    flow = ms_chunks_add(&flows->records);
    if (flow == NULL) {
        return NULL;
    }
    if (ms_index_add(&flows->by_pair, hash_of(process_id, from_thread, to_thread),
                     (uint32_t)(flows->records.count - 1)) != 0) {
        ms_chunks_drop_last(&flows->records);
        return NULL;
    }
    flow->process_id = process_id;
    flow->from_thread = from_thread;
    flow->to_thread = to_thread;
    return flow;
}

/* Rebuilds in place: a flow that has come to equal an earlier one is added to it. */
int ms_flows_merge(struct ms_model *model, const struct ms_merge *merges, size_t count)
{
    struct ms_flows *flows = &model->flows;
    ms_index_clear(&flows->by_pair);
    size_t kept = 0;
    int error = 0;
    for (size_t i = 0; i < flows->records.count; i++) {
        struct ms_flow flow = *(const struct ms_flow *)ms_chunks_at(&flows->records, i);
        flow.from_thread = ms_merged_id(merges, count, flow.from_thread);
        flow.to_thread = ms_merged_id(merges, count, flow.to_thread);
        const struct ms_process_record *process = ms_process_record_of(model, flow.process_id);
        if (process != NULL && process->merged_into != NULL) {
            flow.process_id = process->merged_into->process.id;
        }
        struct ms_flow *known = find(flows, flow.process_id, flow.from_thread, flow.to_thread);
        if (known != NULL) {
            known->blocks += flow.blocks;
            known->bytes += flow.bytes;
            continue;
        }
        *(struct ms_flow *)ms_chunks_at(&flows->records, kept) = flow;
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
}

size_t ms_model_flow_count(const struct ms_model *model)
{
    return model->flows.records.count;
}

const struct ms_flow *ms_model_flow(const struct ms_model *model, size_t index)
{
    return ms_chunks_at(&model->flows.records, index);
}
