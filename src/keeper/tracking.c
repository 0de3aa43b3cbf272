/*
 * A header that a probe reads meanwhile is mapped and written with atomic stores: a write() may
 * come apart into bytes, and the count of changes must not.
 */
#include "keeper/tracking.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "wire/layout.h"
#include "wire/tracking.h"

static void write_tracking(struct ms_probe_config *config, const struct ms_probe_config *wanted)
{
    uint32_t changes = atomic_load_explicit(&wanted->changes, memory_order_relaxed);
    atomic_store_explicit(&config->changes, changes - 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    config->tracking = wanted->tracking;
    atomic_store_explicit(&config->changes, changes, memory_order_release);
}

/* False: no memory. */
static bool write_header(const struct ms_region_file *file, uint32_t slot,
                         const struct ms_probe_config *wanted)
{
    struct ms_region_header *header = mmap(NULL, MS_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                                           file->fd, (off_t)ms_region_slot_offset(slot));
    if (header == MAP_FAILED) {
        return false;
    }
    write_tracking(&header->config, wanted);
    munmap(header, MS_PAGE_BYTES);
    return true;
}

/* Slots are looked for after the main header was written: who is not ready yet reads that again. */
static bool write_file(const struct ms_region_file *file, const struct ms_probe_config *wanted)
{
    struct ms_region_header *header =
        mmap(NULL, MS_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (header == MAP_FAILED) {
        return false;
    }
    write_tracking(&header->config, wanted);
    atomic_thread_fence(memory_order_seq_cst);
    bool written = true;
    for (uint32_t word = 0; word < MS_REGION_SLOTS / 64; word++) {
        uint64_t ready = atomic_load_explicit(&header->slots_ready[word], memory_order_acquire);
        for (uint64_t left = ready; left != 0; left &= left - 1) {
            uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(left) + 1;
            uint32_t state =
                slot < file->watch_count ? file->watches[slot].state : (uint32_t)MS_WATCH_NONE;
            if (state != MS_WATCH_ENDED && state != MS_WATCH_REPLACED) {
                written &= write_header(file, slot, wanted);
            }
        }
    }
    munmap(header, MS_PAGE_BYTES);
    return written;
}

const char *ms_tracking_set(struct ms_keeper *keeper, const struct ms_message_tracking *wanted)
{
    struct ms_tracking tracking = keeper->config.tracking;
    ms_tracking_merge(&tracking, &wanted->tracking, wanted->parts);
    const char *refusal = ms_tracking_refusal(&tracking, keeper->config.trace_allowed != 0);
    if (!keeper->probed) {
        return "the program was started without the probe";
    }
    if (wanted->parts == 0 || wanted->parts > MS_TRACKING_PARTS) {
        return "nothing that could be changed";
    }
    if (refusal != NULL) {
        return refusal;
    }
    keeper->config.tracking = tracking;
    uint32_t changes = atomic_load_explicit(&keeper->config.changes, memory_order_relaxed);
    atomic_store_explicit(&keeper->config.changes, changes + 2, memory_order_relaxed);
    bool written = true;
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        written &= write_file(keeper->regions[at], &keeper->config);
    }
    return written ? NULL : "the keeper has no memory: changed for some processes only";
}
