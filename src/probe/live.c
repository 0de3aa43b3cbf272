/* Publishing live bytes, the peak and its epochs. */
#include "probe/live.h"

#include <stdatomic.h>

#include "probe/account.h"
#include "probe/map.h"
#include "probe/now.h"

#define STEP_MIN_BYTES  INT64_C(4096)
#define EPOCH_MIN_BYTES INT64_C(65536)

void ms_live_begin(void)
{
    atomic_store(&ms_wiped->publish_step_bytes, STEP_MIN_BYTES);
    atomic_store(&ms_region->publish_step_bytes, (uint64_t)STEP_MIN_BYTES);
    atomic_store(&ms_wiped->peak_epoch, 1);
    atomic_store(&ms_region->peak_epoch, 1);
}

/*
 * Without a lock: a thread that is interrupted in the middle, for a while or for good, must not
 * keep the others from attributing what comes after.
 */
static void begin_epoch(struct ms_region_header *region, int64_t live)
{
    int64_t before = atomic_load_explicit(&region->epoch_bytes, memory_order_relaxed);
    do {
        if (live <= before + before / 100 || live < EPOCH_MIN_BYTES) {
            return;
        }
    } while (!atomic_compare_exchange_weak_explicit(&region->epoch_bytes, &before, live,
                                                    memory_order_relaxed, memory_order_relaxed));
    atomic_store_explicit(&region->epoch_ns, ms_now_ns(), memory_order_relaxed);
    uint32_t epoch = atomic_fetch_add_explicit(&region->peak_epoch, 1, memory_order_acq_rel) + 1;
    uint32_t seen = atomic_load_explicit(&ms_wiped->peak_epoch, memory_order_relaxed);
    while ((int32_t)(epoch - seen) > 0 &&
           !atomic_compare_exchange_weak_explicit(&ms_wiped->peak_epoch, &seen, epoch,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

static void follow_step(struct ms_region_header *region, int64_t peak)
{
    uint32_t threads = atomic_load_explicit(&ms_wiped->threads_alive, memory_order_relaxed);
    int64_t step = peak / 1000 / (threads == 0 ? 1 : (int64_t)threads);
    step = step > STEP_MIN_BYTES ? step : STEP_MIN_BYTES;
    /* Every thread reads the step at every event: written only when it matters. */
    int64_t before = atomic_load_explicit(&ms_wiped->publish_step_bytes, memory_order_relaxed);
    if (step < before || step > before + before / 8) {
        atomic_store_explicit(&ms_wiped->publish_step_bytes, step, memory_order_relaxed);
        atomic_store_explicit(&region->publish_step_bytes, (uint64_t)step, memory_order_relaxed);
    }
}

static void raise_peak(struct ms_region_header *region, int64_t live)
{
    int64_t peak = atomic_load_explicit(&region->peak_bytes, memory_order_relaxed);
    while (live > peak) {
        if (atomic_compare_exchange_weak_explicit(&region->peak_bytes, &peak, live,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            follow_step(region, live);
            begin_epoch(region, live);
            return;
        }
    }
}

void ms_live_publish(int64_t bytes)
{
    struct ms_region_header *region = ms_region;
    if (region != NULL) {
        int64_t before =
            atomic_fetch_add_explicit(&region->live_bytes, bytes, memory_order_relaxed);
        raise_peak(region, before + bytes);
    }
}

void ms_live_publish_thread(struct ms_thread_state *state)
{
    int64_t bytes = state->unpublished_bytes;
    ms_own_add((uint64_t *)&state->unpublished_bytes, (uint64_t)-bytes);
    ms_live_publish(bytes);
    state->publish_step_bytes =
        atomic_load_explicit(&ms_wiped->publish_step_bytes, memory_order_relaxed);
}
