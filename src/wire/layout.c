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
    [MS_AREA_CONTEXTS] = {sizeof(struct ms_region_context), 1u << 20, 1u << 14},
    [MS_AREA_PCS] = {sizeof(struct ms_region_pc), 1u << 19, 1u << 15},
    [MS_AREA_STACKS] = {sizeof(uint32_t), 20u << 20, 1u << 19},
    [MS_AREA_MODULES] = {sizeof(struct ms_region_module), 4096, 1024},
    [MS_AREA_STRINGS] = {1, 2u << 20, 256u << 10},
};

static uint64_t page_round(uint64_t bytes)
{
    return (bytes + MS_PAGE_BYTES - 1) & ~(uint64_t)(MS_PAGE_BYTES - 1);
}

static uint32_t capacity_of(enum ms_area_id area, uint32_t slot)
{
    return slot == 0 ? capacities[area].main_capacity : capacities[area].slot_capacity;
}

static uint64_t region_bytes(uint32_t slot)
{
    uint64_t bytes = MS_PAGE_BYTES;
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        bytes += page_round((uint64_t)capacity_of((enum ms_area_id)area, slot) *
                            capacities[area].element_bytes);
    }
    return bytes;
}

uint64_t ms_region_file_bytes(void)
{
    return region_bytes(0) + MS_REGION_SLOTS * region_bytes(1);
}

static void format_one(void *base, uint32_t slot, const struct ms_probe_config *config)
{
    struct ms_region_header *header = base;
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
    header->region_bytes = region_bytes(slot);
    header->file_bytes = ms_region_file_bytes();
    header->slots_offset_bytes = region_bytes(0);
    header->slot_stride_bytes = region_bytes(1);
    header->config = *config;
    header->magic = MS_REGION_MAGIC;
}

void ms_region_format(void *file, const struct ms_probe_config *config)
{
    for (uint32_t slot = 0; slot <= MS_REGION_SLOTS; slot++) {
        uint64_t offset = slot == 0 ? 0 : region_bytes(0) + (slot - 1) * region_bytes(1);
        format_one((char *)file + offset, slot, config);
    }
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
        header->file_bytes != file_bytes || header->region_bytes != region_bytes(header->slot) ||
        header->slots_offset_bytes != region_bytes(0) ||
        header->slot_stride_bytes != region_bytes(1)) {
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

uint64_t ms_region_slot_offset(const struct ms_region_header *header, uint32_t slot)
{
    return slot == 0 ? 0
                     : header->slots_offset_bytes + (slot - 1) * header->slot_stride_bytes;
}
