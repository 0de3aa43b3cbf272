#include "analysis/flow_index.h"

#include <stdlib.h>

struct by_process {
    uint32_t process_id, position;
};

struct ms_flow_index {
    struct by_process *threads, *flows;
    size_t thread_count, flow_count;
};

static int compare_by_process(const void *left, const void *right)
{
    const struct by_process *a = left;
    const struct by_process *b = right;
    if (a->process_id != b->process_id) {
        return a->process_id < b->process_id ? -1 : 1;
    }
    return (a->position > b->position) - (a->position < b->position);
}

struct ms_flow_index *ms_flow_index_new(const struct ms_model *model)
{
    struct ms_flow_index *index = calloc(1, sizeof *index);
    if (index == NULL) {
        return NULL;
    }
    const size_t threads = ms_model_thread_count(model);
    const size_t flows = ms_model_flow_count(model);
    index->threads = reallocarray(NULL, threads + 1, sizeof *index->threads);
    index->flows = reallocarray(NULL, flows + 1, sizeof *index->flows);
    if (index->threads == NULL || index->flows == NULL) {
        ms_flow_index_free(index);
        return NULL;
    }
    for (; index->thread_count < threads; index->thread_count++) {
        const uint32_t position = (uint32_t)index->thread_count;
        index->threads[position] =
            (struct by_process){ms_model_thread(model, position)->process_id, position};
    }
    for (; index->flow_count < flows; index->flow_count++) {
        const uint32_t position = (uint32_t)index->flow_count;
        index->flows[position] =
            (struct by_process){ms_model_flow(model, position)->process_id, position};
    }
    qsort(index->threads, threads, sizeof *index->threads, compare_by_process);
    qsort(index->flows, flows, sizeof *index->flows, compare_by_process);
    return index;
}

void ms_flow_index_free(struct ms_flow_index *index)
{
    if (index != NULL) {
        free(index->threads);
        free(index->flows);
        free(index);
    }
}

/* The first of this process or a later one. */
static size_t first_of(const struct by_process *list, size_t count, uint32_t process_id)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (list[middle].process_id < process_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t end_of(const struct by_process *list, size_t count, uint32_t process_id)
{
    return process_id == UINT32_MAX ? count : first_of(list, count, process_id + 1);
}

struct ms_flow_range ms_flow_range_of(const struct ms_flow_index *index,
                                      const struct ms_model *model, uint32_t process_id)
{
    if (index == NULL || process_id == 0) {
        return (struct ms_flow_range){.end_thread = ms_model_thread_count(model),
                                      .end_flow = ms_model_flow_count(model)};
    }
    return (struct ms_flow_range){
        .index = index,
        .first_thread = first_of(index->threads, index->thread_count, process_id),
        .end_thread = end_of(index->threads, index->thread_count, process_id),
        .first_flow = first_of(index->flows, index->flow_count, process_id),
        .end_flow = end_of(index->flows, index->flow_count, process_id),
    };
}

const struct ms_thread *ms_flow_range_thread(const struct ms_flow_range *range,
                                             const struct ms_model *model, size_t at)
{
    return ms_model_thread(model, range->index != NULL ? range->index->threads[at].position : at);
}

const struct ms_flow *ms_flow_range_flow(const struct ms_flow_range *range,
                                         const struct ms_model *model, size_t at)
{
    return ms_model_flow(model, range->index != NULL ? range->index->flows[at].position : at);
}
