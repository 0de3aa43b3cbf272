/* Contexts of a region: counters of a thread at a call stack, with what lies in details. */
#include "collect/region_words.h"

_Static_assert(MS_SIZE_CLASSES == MS_HISTOGRAM_SIZES, "the model knows these classes");
_Static_assert(MS_LIFETIME_CLASSES == MS_HISTOGRAM_LIFETIMES, "the model knows these classes");
_Static_assert(MS_TICK_SHIFT == 20, "the model knows this tick");

/*
 * Adds the events of one histogram: those of other classes than `home` (class + 1) are in the
 * detail, the rest of `total` is of home. Adds nothing when that is not known.
 */
static void add_histogram(const struct ms_region_view *view, uint32_t home, uint32_t index,
                          uint64_t total, uint32_t classes, struct ms_histogram *sum)
{
    if (home == 0 || home > classes || index == MS_DETAIL_NONE_LEFT) {
        return;
    }
    uint64_t others = 0;
    if (index != 0) {
        const union ms_region_detail *detail =
            element(view, MS_AREA_DETAILS, index, sizeof *detail);
        if (detail == NULL) {
            return;
        }
        for (uint32_t i = 0; i < classes; i++) {
            uint64_t events = i + 1 == home ? 0 : LOAD(&detail->histogram.events[i]);
            events = events > total - others ? total - others : events;
            sum->events[i] += events;
            others += events;
        }
    }
    sum->events[home - 1] += total - others;
}

static void read_estimate(const struct ms_region_view *view, uint32_t index,
                          struct ms_region_estimate_copy *copy)
{
    const union ms_region_detail *detail = element(view, MS_AREA_DETAILS, index, sizeof *detail);
    if (detail == NULL) {
        return;
    }
    const struct ms_region_estimate *estimate = &detail->estimate;
    uint64_t deallocations = LOAD(&estimate->remote_deallocations);
    copy->bytes_freed = LOAD(&estimate->remote_bytes_freed);
    deallocations = add_saturating(deallocations, LOAD(&estimate->deallocations));
    copy->bytes_freed = add_saturating(copy->bytes_freed, LOAD(&estimate->bytes_freed));
    atomic_thread_fence(memory_order_acquire);
    const double unit = 1.0 / (double)(1u << MS_ESTIMATE_SHIFT);
    copy->deallocations = (double)deallocations * unit;
    copy->allocations = (double)LOAD(&estimate->allocations) * unit;
    copy->bytes_allocated = LOAD(&estimate->bytes_allocated);
}

/* What was live when the epoch began: each part as it is now, unless it was kept. */
static void read_at_peak(const struct ms_region_context *context, uint32_t epoch,
                         uint64_t live_own_bytes, uint64_t freed_by_others_bytes,
                         struct ms_region_context_copy *copy)
{
    bool others_fixed = acquired_u32(LOAD(&context->remote.peak_epoch)) == epoch;
    uint64_t freed = others_fixed ? LOAD(&context->freed_at_peak_bytes) : freed_by_others_bytes;
    bool own_fixed = acquired_u32(LOAD(&context->peak_epoch)) == epoch;
    uint64_t live = own_fixed ? LOAD(&context->live_at_peak_bytes) : live_own_bytes;
    copy->at_peak_bytes = subtract_floor(live, freed);
    copy->at_peak_fixed = own_fixed || others_fixed;
}

bool ms_region_view_context(const struct ms_region_view *view, uint32_t index, uint32_t epoch,
                            struct ms_region_context_copy *copy)
{
    const struct ms_region_context *context =
        element(view, MS_AREA_CONTEXTS, index, sizeof *context);
    if (context == NULL) {
        return false;
    }
    *copy = (struct ms_region_context_copy){0};
    copy->thread = acquired_u32(LOAD(&context->thread));
    copy->generation = LOAD(&context->generation);
    copy->stack = LOAD(&context->stack);
    copy->rate = LOAD(&context->rate);
    if (copy->rate != 0) {
        read_estimate(view, LOAD(&context->estimate), &copy->estimate);
    }
    struct ms_region_remote_copy remote = ms_region_read_remote(&context->remote);
    uint64_t deallocations = LOAD(&context->deallocations);
    uint64_t bytes_freed = LOAD(&context->bytes_freed);
    uint64_t waste_freed =
        add_saturating(LOAD(&context->waste_freed_bytes), remote.waste_freed_bytes);
    copy->temporary = LOAD(&context->temporary);
    atomic_thread_fence(memory_order_acquire);
    copy->allocations = LOAD(&context->allocations);
    copy->bytes_allocated = LOAD(&context->bytes_allocated);
    copy->waste_bytes = subtract_floor(LOAD(&context->waste_allocated_bytes), waste_freed);
    copy->peak_bytes = LOAD(&context->peak_bytes);
    copy->reallocations = LOAD(&context->reallocations);
    copy->failed_calls = LOAD(&context->failed_calls);
    read_at_peak(context, epoch, subtract_floor(copy->bytes_allocated, bytes_freed),
                 remote.bytes_freed, copy);
    add_histogram(view, LOAD(&context->size_home), LOAD(&context->sizes), copy->allocations,
                  MS_SIZE_CLASSES, &copy->sizes);
    add_histogram(view, LOAD(&context->lifetime_home), LOAD(&context->lifetimes), deallocations,
                  MS_LIFETIME_CLASSES, &copy->lifetimes);
    uint32_t of_others = LOAD(&context->remote_lifetimes);
    uint32_t index_of_others = of_others & MS_REMOTE_DETAIL_NONE_LEFT;
    add_histogram(view, of_others >> MS_REMOTE_DETAIL_BITS,
                  index_of_others == MS_REMOTE_DETAIL_NONE_LEFT ? MS_DETAIL_NONE_LEFT
                                                                : index_of_others,
                  remote.deallocations, MS_LIFETIME_CLASSES, &copy->lifetimes);
    copy->deallocations = add_saturating(deallocations, remote.deallocations);
    copy->bytes_freed = add_saturating(bytes_freed, remote.bytes_freed);
    return copy->thread != 0;
}

bool ms_region_view_context_peek(const struct ms_region_view *view, uint32_t index,
                                 uint32_t *thread, uint32_t *generation, uint64_t *change)
{
    const struct ms_region_context *context =
        element(view, MS_AREA_CONTEXTS, index, sizeof *context);
    if (context == NULL) {
        return false;
    }
    *thread = acquired_u32(LOAD(&context->thread));
    *generation = LOAD(&context->generation);
    *change = LOAD(&context->allocations) + LOAD(&context->deallocations) +
              LOAD(&context->remote.deallocations) + LOAD(&context->remote.sole_deallocations) +
              LOAD(&context->failed_calls);
    return *thread != 0;
}
