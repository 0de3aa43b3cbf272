/* Region layout: one table of capacities, from which offsets follow. */
#include "wire/layout.h"

#include <errno.h>
#include <string.h>

struct capacity {
    uint32_t element_bytes;
    uint32_t main_capacity;
    uint32_t slot_capacity;
};

/* The main region stays below 256 MiB, a slot below 8 MiB; neither costs memory until touched. */
static const struct capacity capacities[MS_AREA_COUNT] = {
    [MS_AREA_THREADS] = {sizeof(struct ms_region_thread), 16384, 512},
    [MS_AREA_MARKS] = {sizeof(struct ms_region_mark), 4096, 256},
    [MS_AREA_OWNERS] = {sizeof(struct ms_region_owner), MS_CONTEXTS_MAX, 1u << 14},
    [MS_AREA_CONTEXTS] = {sizeof(struct ms_region_context), MS_CONTEXTS_MAX, 1u << 14},
    [MS_AREA_PCS] = {sizeof(struct ms_region_pc), 1u << 19, 1u << 15},
    [MS_AREA_STACKS] = {sizeof(uint32_t), 17u << 20, 1u << 19},
    [MS_AREA_MODULES] = {sizeof(struct ms_region_module), 4096, 1024},
    [MS_AREA_STRINGS] = {1, 2u << 20, 256u << 10},
    [MS_AREA_DETAILS] = {sizeof(union ms_region_detail), 160u << 10, 1u << 13},
    [MS_AREA_MISUSES] = {sizeof(struct ms_region_misuse), 512, 128},
    [MS_AREA_THREAD_IO] = {sizeof(struct ms_region_thread_io), 16384, 512},
    [MS_AREA_IO_SITES] = {sizeof(struct ms_region_io_site), 1u << 16, 1u << 11},
};

static uint64_t page_round(uint64_t bytes)
{
    return (bytes + MS_PAGE_BYTES - 1) & ~(uint64_t)(MS_PAGE_BYTES - 1);
}

static uint32_t capacity_of(enum ms_area_id area, uint32_t slot)
{
    return slot == 0 ? capacities[area].main_capacity : capacities[area].slot_capacity;
}

uint64_t ms_region_bytes(uint32_t slot)
{
    uint64_t bytes = MS_PAGE_BYTES;
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        bytes += page_round((uint64_t)capacity_of((enum ms_area_id)area, slot) *
                            capacities[area].element_bytes);
    }
    return bytes;
}

uint64_t ms_region_slot_offset(uint32_t slot)
{
    return slot == 0 ? 0 : ms_region_bytes(0) + (slot - 1) * ms_region_bytes(1);
}

uint64_t ms_region_file_bytes(void)
{
    return ms_region_slot_offset(MS_REGION_SLOTS + 1);
}

bool ms_region_window_next(struct ms_region_window *window, uint32_t slot, uint64_t max_bytes)
{
    const uint64_t first = ms_region_slot_offset(slot);
    const uint64_t end = first + ms_region_bytes(slot);
    if (window->from <= first && end <= window->from + window->bytes) {
        return false;
    }
    uint64_t from = window->from + window->bytes - MS_PAGE_BYTES;
    from = from < first ? from : first;
    window->bytes = end - from < max_bytes ? end - from : max_bytes;
    window->from = from;
    return true;
}

void ms_region_format(struct ms_region_header *header, uint32_t slot,
                      const struct ms_probe_config *config)
{
    uint64_t offset = MS_PAGE_BYTES;
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        struct ms_region_area *to = &header->areas[area];
        to->offset_bytes = offset;
        to->capacity = capacity_of((enum ms_area_id)area, slot);
        to->element_bytes = capacities[area].element_bytes;
        offset += page_round((uint64_t)to->capacity * to->element_bytes);
    }
    header->version = MS_REGION_VERSION;
    header->slot = slot;
    header->region_bytes = ms_region_bytes(slot);
    header->file_bytes = ms_region_file_bytes();
    header->slots_offset_bytes = ms_region_slot_offset(1);
    header->slot_stride_bytes = ms_region_bytes(1);
    header->config = *config;
    header->magic = MS_REGION_MAGIC;
}

int ms_region_check(const struct ms_region_header *header, uint64_t file_bytes)
{
    if (header->magic != MS_REGION_MAGIC) {
        return -EPROTO;
    }
    if (header->version != MS_REGION_VERSION) {
        return -EPROTONOSUPPORT;
    }
    if (header->slot > MS_REGION_SLOTS || file_bytes != ms_region_file_bytes() ||
        header->file_bytes != file_bytes || header->region_bytes != ms_region_bytes(header->slot) ||
        header->slots_offset_bytes != ms_region_slot_offset(1) ||
        header->slot_stride_bytes != ms_region_bytes(1)) {
        return -EPROTO;
    }
    uint64_t offset = MS_PAGE_BYTES;
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        const struct ms_region_area *from = &header->areas[area];
        if (from->offset_bytes != offset ||
            from->capacity != capacity_of((enum ms_area_id)area, header->slot) ||
            from->element_bytes != capacities[area].element_bytes) {
            return -EPROTO;
        }
        offset += page_round((uint64_t)from->capacity * from->element_bytes);
    }
    return 0;
}
