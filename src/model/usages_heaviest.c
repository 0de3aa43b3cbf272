/* The usages of one thread, the heaviest first. */
#include "model/figures.h"
#include "model/internal.h"

static uint64_t key_of(const struct ms_usage *usage, enum ms_usage_key key)
{
    switch (key) {
    case MS_USAGE_CURRENT:
        return ms_usage_current_bytes(usage);
    case MS_USAGE_PEAK:
        return usage->peak_bytes;
    case MS_USAGE_ALLOCATED:
        return usage->bytes_allocated;
    case MS_USAGE_COUNT:
        break;
    }
    return usage->allocations;
}

/* Strict order, also between equal keys, so that rows hold still. */
static bool ranks_before(const struct ms_usage *a, const struct ms_usage *b, enum ms_usage_key key)
{
    const uint64_t of_a = key_of(a, key);
    const uint64_t of_b = key_of(b, key);
    return of_a != of_b ? of_a > of_b : a->site_id < b->site_id;
}

/* Heap with the lowest rank on top: out[0 .. count). */
static void sift_down(const struct ms_usage **out, size_t at, size_t count, enum ms_usage_key key)
{
    for (;;) {
        size_t lowest = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (ranks_before(out[lowest], out[child], key)) {
                lowest = child;
            }
        }
        if (lowest == at) {
            return;
        }
        const struct ms_usage *moved = out[at];
        out[at] = out[lowest];
        out[lowest] = moved;
        at = lowest;
    }
}

size_t ms_model_thread_usages(const struct ms_model *model, uint32_t thread_id,
                              enum ms_usage_key key, const struct ms_usage **out, size_t capacity)
{
    const struct ms_thread_record *thread = ms_threads_find(&model->threads, thread_id);
    if (thread == NULL) {
        return 0;
    }
    size_t held = 0;
    for (const struct ms_usage *usage = NULL;
         capacity > 0 && (usage = ms_model_thread_usage(model, thread_id, usage)) != NULL;) {
        if (usage->not_sampled) {
            continue;
        }
        if (held < capacity) {
            out[held++] = usage;
            if (held == capacity) {
                for (size_t i = capacity / 2 + 1; i-- > 0;) {
                    sift_down(out, i, capacity, key);
                }
            }
        } else if (ranks_before(usage, out[0], key)) {
            out[0] = usage;
            sift_down(out, 0, capacity, key);
        }
    }
    if (held < capacity) {
        for (size_t i = held / 2 + 1; i-- > 0;) {
            sift_down(out, i, held, key);
        }
    }
    for (size_t left = held; left > 1; left--) {
        const struct ms_usage *lowest = out[0];
        out[0] = out[left - 1];
        out[left - 1] = lowest;
        sift_down(out, 0, left - 1, key);
    }
    return thread->usage_count - thread->has_not_sampled;
}
