/* Snapshots of all flows, one a second, from which rates follow. */
#include "analysis/flow_past.h"

#include <math.h>
#include <stdlib.h>

enum { SNAPSHOTS = 12, FLOWS_MAX = 50000 };

struct entry {
    uint32_t process_id, from, to;
    uint64_t blocks, bytes;
};

struct snapshot {
    uint64_t time_ns;
    bool cut; /* there were more flows than fit */
    size_t count, capacity;
    struct entry *entries; /* sorted */
};

struct ms_flow_past {
    struct snapshot snapshots[SNAPSHOTS];
    size_t count, newest;
};

struct ms_flow_past *ms_flow_past_new(void)
{
    return calloc(1, sizeof(struct ms_flow_past));
}

void ms_flow_past_free(struct ms_flow_past *past)
{
    for (size_t i = 0; past != NULL && i < SNAPSHOTS; i++) {
        free(past->snapshots[i].entries);
    }
    free(past);
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (a->process_id != b->process_id) {
        return a->process_id < b->process_id ? -1 : 1;
    }
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return a->to < b->to ? -1 : a->to > b->to;
}

static bool make_room(struct snapshot *snapshot, size_t count)
{
    if (count > snapshot->capacity) {
        struct entry *grown = reallocarray(snapshot->entries, count, sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        snapshot->entries = grown;
        snapshot->capacity = count;
    }
    return true;
}

/* What a thread freed of its own is kept like a flow to a thread that cannot be. */
static void take(struct snapshot *snapshot, const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_alive_count(model) && snapshot->count < FLOWS_MAX; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (thread->own_deallocations != 0) {
            snapshot->entries[snapshot->count++] =
                (struct entry){.process_id = thread->process_id,
                               .from = thread->id,
                               .to = UINT32_MAX,
                               .blocks = thread->own_deallocations,
                               .bytes = thread->own_bytes_freed};
        }
    }
    for (size_t i = 0; i < ms_model_flow_count(model) && snapshot->count < FLOWS_MAX; i++) {
        const struct ms_flow *flow = ms_model_flow(model, i);
        snapshot->entries[snapshot->count++] = (struct entry){.process_id = flow->process_id,
                                                              .from = flow->from_thread,
                                                              .to = flow->to_thread,
                                                              .blocks = flow->blocks,
                                                              .bytes = flow->bytes};
    }
}

void ms_flow_past_update(struct ms_flow_past *past, const struct ms_model *model)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    if (past->count > 0 &&
        now_ns < past->snapshots[past->newest].time_ns + MS_SECOND_NS - MS_SECOND_NS / 50) {
        return;
    }
    const size_t next = past->count > 0 ? (past->newest + 1) % SNAPSHOTS : 0;
    struct snapshot *snapshot = &past->snapshots[next];
    const size_t all = ms_model_alive_count(model) + ms_model_flow_count(model);
    const size_t wanted = all < FLOWS_MAX ? all : FLOWS_MAX;
    if (!make_room(snapshot, wanted)) {
        return;
    }
    snapshot->time_ns = now_ns;
    snapshot->cut = wanted < all;
    snapshot->count = 0;
    take(snapshot, model);
    if (snapshot->count > 0) {
        qsort(snapshot->entries, snapshot->count, sizeof *snapshot->entries, compare_entries);
    }
    past->newest = next;
    past->count += past->count < SNAPSHOTS ? 1 : 0;
}

/* The newest snapshot that is as old as the span, or the oldest there is. */
static const struct snapshot *base_of(const struct ms_flow_past *past, uint64_t now_ns)
{
    const struct snapshot *base = NULL;
    for (size_t back = 0; back < past->count; back++) {
        base = &past->snapshots[(past->newest + SNAPSHOTS - back) % SNAPSHOTS];
        if (now_ns >= base->time_ns + MS_FLOW_SPAN_NS) {
            break;
        }
    }
    return base;
}

static double per_second(uint64_t now, uint64_t before, uint64_t span_ns)
{
    return now > before ? (double)(now - before) * (double)MS_SECOND_NS / (double)span_ns : 0;
}

static void rate(const struct ms_flow_past *past, uint64_t now_ns, const struct entry *now,
                 struct ms_flow_sum *sum)
{
    sum->blocks_per_s = sum->bytes_per_s = NAN;
    const struct snapshot *base = past != NULL ? base_of(past, now_ns) : NULL;
    if (base == NULL || now_ns < base->time_ns + MS_SECOND_NS * 9 / 10) {
        return;
    }
    const struct entry *before =
        base->count == 0 ? NULL
                         : bsearch(now, base->entries, base->count, sizeof *now, compare_entries);
    if (before == NULL && base->cut) {
        return;
    }
    const uint64_t span_ns = now_ns - base->time_ns;
    sum->blocks_per_s = per_second(now->blocks, before != NULL ? before->blocks : 0, span_ns);
    sum->bytes_per_s = per_second(now->bytes, before != NULL ? before->bytes : 0, span_ns);
}

void ms_flow_past_rate_flow(const struct ms_flow_past *past, const struct ms_model *model,
                            const struct ms_flow *flow, struct ms_flow_sum *sum)
{
    const struct entry now = {.process_id = flow->process_id,
                              .from = flow->from_thread,
                              .to = flow->to_thread,
                              .blocks = flow->blocks,
                              .bytes = flow->bytes};
    rate(past, ms_model_now_ns(model), &now, sum);
}

void ms_flow_past_rate_own(const struct ms_flow_past *past, const struct ms_model *model,
                           const struct ms_thread *thread, struct ms_flow_sum *sum)
{
    const struct entry now = {.process_id = thread->process_id,
                              .from = thread->id,
                              .to = UINT32_MAX,
                              .blocks = thread->own_deallocations,
                              .bytes = thread->own_bytes_freed};
    rate(past, ms_model_now_ns(model), &now, sum);
}
