/* Records of threads in a region, with whose blocks they freed. */
#include "collect/region_words.h"

static void read_name(const struct ms_region_thread *record, struct ms_region_thread_copy *copy)
{
    for (int attempt = 0; attempt < 4 && !copy->name_valid; attempt++) {
        uint32_t version = acquired_u32(LOAD(&record->name_version));
        copy_words(copy->name, record->name, sizeof copy->name);
        atomic_thread_fence(memory_order_acquire);
        copy->name_version = version;
        copy->name_valid = (version & 1u) == 0 && LOAD(&record->name_version) == version;
    }
    copy->name[sizeof copy->name - 1] = '\0';
}

bool ms_region_view_thread(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_thread_copy *copy)
{
    const struct ms_region_thread *record = element(view, MS_AREA_THREADS, index, sizeof *record);
    if (record == NULL) {
        return false;
    }
    *copy = (struct ms_region_thread_copy){0};
    copy->state = acquired_u32(LOAD(&record->state));
    copy->tid = LOAD(&record->tid);
    copy->serial = LOAD(&record->serial);
    copy->root_context = LOAD(&record->root_context);
    copy->tracked = LOAD(&record->tracked) != 0;
    copy->start_ns = LOAD(&record->start_ns);
    copy->end_ns = LOAD(&record->end_ns);
    copy_words(&copy->final_usage, &record->final_usage, sizeof copy->final_usage);
    read_name(record, copy);

    struct ms_region_remote_copy remote = ms_region_read_remote(&record->remote);
    ms_region_read_own(&record->own, &copy->heap);
    struct ms_heap *heap = &copy->heap;
    copy->own_deallocations = heap->deallocations;
    copy->own_bytes_freed = heap->bytes_freed;
    heap->deallocations = add_saturating(heap->deallocations, remote.deallocations);
    heap->bytes_freed = add_saturating(heap->bytes_freed, remote.bytes_freed);
    heap->waste_bytes = subtract_floor(heap->waste_bytes, remote.waste_freed_bytes);
    return copy->state != MS_THREAD_FREE && copy->serial != 0;
}

bool ms_region_view_thread_peek(const struct ms_region_view *view, uint32_t index, uint32_t *serial,
                                uint64_t *change)
{
    const struct ms_region_thread *record = element(view, MS_AREA_THREADS, index, sizeof *record);
    if (record == NULL) {
        return false;
    }
    uint32_t state = acquired_u32(LOAD(&record->state));
    *serial = LOAD(&record->serial);
    *change = LOAD(&record->own.allocations) + LOAD(&record->own.deallocations) +
              LOAD(&record->own.frees_for_others) + LOAD(&record->own.foreign_frees) +
              LOAD(&record->own.failed_calls) + LOAD(&record->own.mmap_bytes) +
              LOAD(&record->own.munmap_bytes) + LOAD(&record->remote.deallocations) +
              LOAD(&record->remote.sole_deallocations) +
              ((uint64_t)LOAD(&record->name_version) << 32) + ((uint64_t)state << 56) +
              (LOAD(&record->end_ns) != 0);
    return state != MS_THREAD_FREE && *serial != 0;
}

uint32_t ms_region_view_flows(const struct ms_region_view *view, uint32_t index,
                              struct ms_region_flow *out)
{
    const struct ms_region_thread *record = element(view, MS_AREA_THREADS, index, sizeof *record);
    if (record == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i <= MS_FLOW_ENTRIES; i++) {
        const struct ms_region_flow *flow =
            i < MS_FLOW_ENTRIES ? &record->flows[i] : &record->flows_rest;
        copy_words(&out[i], flow, sizeof *flow);
    }
    return MS_FLOW_ENTRIES + 1;
}
