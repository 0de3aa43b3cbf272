/* Histograms and estimates of contexts. */
#include "probe/detail.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "probe/account.h"
#include "probe/map.h"

/* Counted once for each that is missing, not for each event: that would be a line for all threads.
 */
static void count_missing(uint32_t taken)
{
    if (taken == 0) {
        atomic_fetch_add_explicit(&ms_region->losses.details_missing, 1, memory_order_relaxed);
    }
}

/* The detail behind `*index`, taken if there is none yet; NULL: no room. */
static union ms_region_detail *detail_of(uint32_t *index)
{
    uint32_t number = __atomic_load_n(index, __ATOMIC_ACQUIRE);
    if (number == 0) {
        uint32_t taken = ms_area_take(MS_AREA_DETAILS, 1);
        uint32_t wanted = taken != 0 ? taken : MS_DETAIL_NONE_LEFT;
        /* Whoever comes second leaves its own unused. */
        if (__atomic_compare_exchange_n(index, &number, wanted, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            number = wanted;
            count_missing(taken);
        }
    }
    return number == MS_DETAIL_NONE_LEFT ? NULL : ms_area_at(MS_AREA_DETAILS, number);
}

/* The class of the first event becomes home. A signal in between may have made it so already. */
static bool is_home(uint8_t *home, unsigned class)
{
    uint8_t none = 0;
    uint8_t wanted = (uint8_t)(class + 1);
    return __atomic_compare_exchange_n(home, &none, wanted, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED) ||
           none == wanted;
}

static void count_elsewhere(uint32_t *index, uint8_t *home, unsigned class)
{
    if (is_home(home, class)) {
        return;
    }
    union ms_region_detail *detail = detail_of(index);
    if (detail != NULL) {
        ms_own_add((uint64_t *)&detail->histogram.events[class], 1);
    }
}

void ms_size_elsewhere(struct ms_region_context *context, unsigned class)
{
    count_elsewhere(&context->sizes, &context->size_home, class);
}

void ms_lifetime_elsewhere(struct ms_region_context *context, unsigned class)
{
    count_elsewhere((uint32_t *)&context->lifetimes, &context->lifetime_home, class);
}

/* Home class and detail of remote frees share a word: one after the other is set, never changed. */
static uint32_t set_remote(struct ms_region_context *context, uint32_t word, uint32_t bits)
{
    return atomic_compare_exchange_strong(&context->remote_lifetimes, &word, word | bits)
               ? word | bits
               : word;
}

void ms_lifetime_remote(struct ms_region_context *context, unsigned class)
{
    uint32_t word = atomic_load_explicit(&context->remote_lifetimes, memory_order_acquire);
    if (word >> MS_REMOTE_DETAIL_BITS == 0) {
        word = set_remote(context, word, (class + 1) << MS_REMOTE_DETAIL_BITS);
    }
    if (word >> MS_REMOTE_DETAIL_BITS == class + 1) {
        return;
    }
    if ((word & MS_REMOTE_DETAIL_NONE_LEFT) == 0) {
        uint32_t taken = ms_area_take(MS_AREA_DETAILS, 1);
        word = set_remote(context, word, taken != 0 ? taken : MS_REMOTE_DETAIL_NONE_LEFT);
        count_missing(taken);
    }
    uint32_t number = word & MS_REMOTE_DETAIL_NONE_LEFT;
    if (number == MS_REMOTE_DETAIL_NONE_LEFT) {
        return;
    }
    union ms_region_detail *detail = ms_area_at(MS_AREA_DETAILS, number);
    atomic_fetch_add_explicit(&detail->histogram.events[class], 1, memory_order_relaxed);
}

/* What a sampled block stands for: the reciprocal of the probability with which it was taken. */
struct weight {
    uint64_t blocks; /* << MS_ESTIMATE_SHIFT */
    uint64_t bytes;
};

static struct weight weight_of(const struct ms_region_context *context, uint64_t bytes)
{
    uint64_t rate =
        atomic_load_explicit(&ms_region->rates[context->rate % MS_RATES_MAX], memory_order_relaxed);
    uint64_t interval = MS_RATE_INTERVAL(rate);
    if ((rate & MS_RATE_ALLOCATIONS) != 0) {
        return (struct weight){interval << MS_ESTIMATE_SHIFT, interval * bytes};
    }
    uint64_t counted = bytes != 0 ? bytes : 1;
    if (counted >= interval / 2) {
        return (struct weight){UINT64_C(1) << MS_ESTIMATE_SHIFT, bytes};
    }
    return (struct weight){((interval << MS_ESTIMATE_SHIFT) + counted / 2) / counted,
                           bytes != 0 ? interval : 0};
}

static struct ms_region_estimate *estimate_of(struct ms_region_context *context)
{
    union ms_region_detail *detail = detail_of(&context->estimate);
    return detail == NULL ? NULL : &detail->estimate;
}

void ms_estimate_allocated(struct ms_region_context *context, uint64_t bytes)
{
    struct ms_region_estimate *estimate = estimate_of(context);
    if (estimate != NULL) {
        struct weight weight = weight_of(context, bytes);
        ms_own_add(&estimate->bytes_allocated, weight.bytes);
        ms_own_add(&estimate->allocations, weight.blocks);
    }
}

void ms_estimate_freed(struct ms_region_context *context, uint64_t bytes)
{
    struct ms_region_estimate *estimate = estimate_of(context);
    if (estimate != NULL) {
        struct weight weight = weight_of(context, bytes);
        ms_own_add(&estimate->bytes_freed, weight.bytes);
        ms_own_add(&estimate->deallocations, weight.blocks);
    }
}

void ms_estimate_freed_remotely(struct ms_region_context *context, uint64_t bytes)
{
    struct ms_region_estimate *estimate = estimate_of(context);
    if (estimate != NULL) {
        struct weight weight = weight_of(context, bytes);
        atomic_fetch_add_explicit(&estimate->remote_bytes_freed, weight.bytes,
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&estimate->remote_deallocations, weight.blocks,
                                  memory_order_relaxed);
    }
}
