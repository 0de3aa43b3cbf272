/* Blocks that were live when their process ended, see leaks.h. */
#include "analysis/leaks.h"
#include "model/figures.h"

#include <stdlib.h>

static bool comes_before(const struct ms_not_freed *a, const struct ms_not_freed *b)
{
    if (a->suppressed != b->suppressed) {
        return b->suppressed;
    }
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes;
    }
    return a->blocks != b->blocks ? a->blocks > b->blocks : a->site_id < b->site_id;
}

static int order(const void *left, const void *right)
{
    return comes_before(left, right) ? -1 : 1; /* site ids differ: no two are equal */
}

/* A heap with the last in order at the top, so that the best `capacity` of many are kept. */
static void sink(struct ms_not_freed *heap, size_t count)
{
    size_t at = 0;
    for (;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (comes_before(&heap[last], &heap[child])) {
                last = child;
            }
        }
        if (last == at) {
            return;
        }
        const struct ms_not_freed moved = heap[at];
        heap[at] = heap[last];
        heap[last] = moved;
        at = last;
    }
}

static void rise(struct ms_not_freed *heap, size_t at)
{
    while (at > 0 && comes_before(&heap[(at - 1) / 2], &heap[at])) {
        const struct ms_not_freed moved = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = moved;
        at = (at - 1) / 2;
    }
}

static void estimate(const struct ms_scope *scope, const struct ms_model *model,
                     const struct ms_site *site, struct ms_not_freed *out)
{
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
        if (usage->rate != 0 && ms_scope_has_usage(scope, model, usage)) {
            out->estimated = true;
            out->variance += ms_usage_live_variance(usage);
        }
    }
}

/* Neighbours in the list of sites are mostly of one process. */
struct last_process {
    uint32_t id;
    bool left_memory; /* ended, and its memory was not replaced by exec */
};

static bool left_memory(const struct ms_model *model, uint32_t id, struct last_process *last)
{
    if (last->id != id) {
        const struct ms_process *process = ms_model_process_by_id(model, id);
        *last = (struct last_process){.id = id,
                                      .left_memory = process != NULL && process->end_ns != 0 &&
                                                     !process->replaced_by_exec};
    }
    return last->left_memory;
}

/* Goes through the sites that have not freed all, from *index on; false: there is none more. */
static bool next_not_freed(const struct ms_model *model, const struct ms_scope *scope,
                           const struct ms_suppressions *suppressions, size_t *index,
                           struct last_process *last, struct ms_not_freed *out)
{
    while (*index < ms_model_site_count(model)) {
        const struct ms_site *site = ms_model_site(model, (*index)++);
        if ((site->flags & MS_SITE_NOT_SAMPLED) != 0 ||
            site->heap.allocations <= site->heap.deallocations ||
            !left_memory(model, site->process_id, last) || !ms_scope_has_site(scope, model, site)) {
            continue;
        }
        struct ms_heap heap;
        ms_scope_site_heap(scope, model, site, &heap);
        if (heap.allocations > heap.deallocations) {
            *out = (struct ms_not_freed){
                .site_id = site->id,
                .bytes = ms_heap_current_bytes(&heap),
                .blocks = heap.allocations - heap.deallocations,
                .suppressed = ms_suppressions_match(suppressions, site),
            };
            estimate(scope, model, site, out);
            return true;
        }
    }
    return false;
}

size_t ms_not_freed_sites(const struct ms_model *model, const struct ms_scope *scope,
                          const struct ms_suppressions *suppressions, struct ms_not_freed *out,
                          size_t capacity)
{
    size_t found = 0;
    size_t index = 0;
    struct last_process last = {0};
    struct ms_not_freed one;
    while (next_not_freed(model, scope, suppressions, &index, &last, &one)) {
        found++;
        if (found <= capacity) {
            out[found - 1] = one;
            rise(out, found - 1);
        } else if (capacity > 0 && comes_before(&one, &out[0])) {
            out[0] = one;
            sink(out, capacity);
        }
    }
    const size_t kept = found < capacity ? found : capacity;
    if (kept > 1) {
        qsort(out, kept, sizeof(*out), order);
    }
    return found;
}

struct ms_not_freed_sum ms_not_freed_sum(const struct ms_model *model, const struct ms_scope *scope,
                                         const struct ms_suppressions *suppressions)
{
    struct ms_not_freed_sum sum = {0};
    size_t index = 0;
    struct last_process last = {0};
    struct ms_not_freed one;
    while (next_not_freed(model, scope, suppressions, &index, &last, &one)) {
        sum.sites++;
        sum.bytes += one.bytes;
        sum.blocks += one.blocks;
        sum.suppressed_sites += one.suppressed;
        sum.suppressed_bytes += one.suppressed ? one.bytes : 0;
        sum.suppressed_blocks += one.suppressed ? one.blocks : 0;
        sum.estimated = sum.estimated || one.estimated;
        sum.variance += one.variance;
    }
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->end_ns != 0 && !process->replaced_by_exec && process->seen != MS_SEEN_NONE &&
            ms_scope_has_process(scope, model, process)) {
            sum.known = true;
            sum.exact_bytes += ms_heap_current_bytes(&process->totals);
        }
    }
    return sum;
}
