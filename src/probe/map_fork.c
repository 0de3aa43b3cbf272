/* The region of a forked child: private memory over that of its parent, and a slot of the file. */
#include "probe/map_parts.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/system_call.h"
#include "wire/layout.h"

#define WINDOW_MAX_BYTES (UINT64_C(8) << 30)
#define WINDOW_MIN_BYTES (UINT64_C(16) << 20)

/* Opens the first pages of a region whose header is open. */
static int open_first(struct ms_region_header *region)
{
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        if (!ms_map_open_area(region, (enum ms_area_id)id, MS_PAGE_BYTES)) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* Where the areas lie; nothing is in them. */
struct shape {
    struct {
        uint64_t offset_bytes;
        uint32_t capacity;
        uint32_t element_bytes;
    } areas[MS_AREA_COUNT];
};

static struct shape shape_of(const struct ms_region_header *region)
{
    struct shape shape;
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        const struct ms_region_area *area = &region->areas[id];
        shape.areas[id].offset_bytes = area->offset_bytes;
        shape.areas[id].capacity = area->capacity;
        shape.areas[id].element_bytes = area->element_bytes;
    }
    return shape;
}

/* Who still holds the region and an index into it is to find the element where it was. */
static void give_shape(struct ms_region_header *region, const struct shape *shape)
{
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        struct ms_region_area *area = &region->areas[id];
        area->offset_bytes = shape->areas[id].offset_bytes;
        area->capacity = shape->areas[id].capacity;
        area->element_bytes = shape->areas[id].element_bytes;
    }
}

/* Only what was kept: the rest of that address space may be the program's by now. */
static bool cover_kept(struct ms_region_header *region)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    const struct shape shape = shape_of(region);
    if (ms_system_map(region, MS_PAGE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) == NULL) {
        return false;
    }
    give_shape(region, &shape);
    bool done = true;
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        if (ms_map.kept_bytes[id] != 0) {
            done &=
                ms_system_map((char *)region + shape.areas[id].offset_bytes, ms_map.kept_bytes[id],
                              PROT_READ | PROT_WRITE, flags, -1, 0) != NULL;
        }
    }
    return done;
}

/*
 * Private zeroes over the parent's region: a hot path that fork interrupted may still hold
 * pointers into it, so what was accessible stays accessible.
 */
static bool cover_region(struct ms_region_header *region)
{
    if (region->slot == 0 && atomic_load(&ms_map.given_back)) {
        return cover_kept(region);
    }
    const struct shape shape = shape_of(region);
    uint64_t bytes = region->region_bytes;
    if (region->slot == 0 && bytes > ms_map.main_mapped_bytes) {
        bytes = ms_map.main_mapped_bytes;
    }
    if (ms_system_map(region, bytes, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == NULL) {
        return false;
    }
    if (ms_system_call(SYS_mprotect, (long)region, MS_PAGE_BYTES, PROT_READ | PROT_WRITE, 0, 0,
                       0) != 0) {
        return false;
    }
    give_shape(region, &shape);
    bool done = true;
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        uint64_t opened = atomic_load(&ms_map.opened_bytes[id]);
        if (opened != 0) {
            done &=
                ms_system_call(SYS_mprotect, (long)((char *)region + shape.areas[id].offset_bytes),
                               (long)opened, PROT_READ | PROT_WRITE, 0, 0, 0) == 0;
        }
    }
    return done;
}

/* The next slot number, 0: all are taken. */
static uint32_t take_slot_number(void)
{
    uint32_t taken = atomic_load(&ms_map.file_header->slots_taken);
    do {
        if (taken >= MS_REGION_SLOTS) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(&ms_map.file_header->slots_taken, &taken, taken + 1));
    return taken + 1;
}

static void *map_again(const void *at, uint64_t bytes)
{
    long result = ms_system_call(SYS_mremap, (long)at, 0, (long)bytes, MREMAP_MAYMOVE, 0, 0);
    return result < 0 && result > -4096 ? NULL : (void *)result;
}

/*
 * Maps one slot. There is no descriptor any more, but mremap with old size 0 makes a second mapping
 * of the same file from a given page on. NULL when windows of that size find no room.
 */
static struct ms_region_header *map_slot(uint32_t slot, uint64_t window_max_bytes)
{
    struct ms_region_window window = {MS_PAGE_BYTES, MS_PAGE_BYTES};
    struct ms_region_window next = window;
    char *const start = (char *)ms_map.file_header + MS_PAGE_BYTES;
    char *base = start;
    while (ms_region_window_next(&next, slot, window_max_bytes)) {
        char *again = map_again(base + (next.from - window.from), next.bytes);
        if (base != start) {
            (void)ms_system_call(SYS_munmap, (long)base, (long)window.bytes, 0, 0, 0, 0);
        }
        if (again == NULL) {
            return NULL;
        }
        base = again;
        window = next;
    }
    uint64_t before = ms_region_slot_offset(slot) - window.from;
    if (before > 0) {
        (void)ms_system_call(SYS_munmap, (long)base, (long)before, 0, 0, 0, 0);
    }
    return (struct ms_region_header *)(base + before);
}

/*
 * The keeper may be writing to either at any time: first what it wants now into that of the file,
 * then into ours. So what is in ours afterwards is not for certain what we put there, and whether
 * there is something new is told by what we copied, not by what ours says.
 */
void ms_map_follow_config(struct ms_probe_config *own, const struct ms_probe_config *file)
{
    uint32_t copied = atomic_load(&own->changes);
    uint32_t before = atomic_load(&file->changes);
    for (int attempt = 0; attempt < 64 && before != copied; attempt++) {
        atomic_store(&own->changes, before | 1);
        own->tracking = file->tracking;
        atomic_thread_fence(memory_order_acquire);
        uint32_t after = atomic_load(&file->changes);
        if (before == after && before % 2 == 0) {
            atomic_store(&own->changes, before);
            copied = before;
        }
        before = atomic_load(&file->changes);
    }
}

static struct ms_region_header *claim_slot(void)
{
    uint32_t slot = take_slot_number();
    struct ms_region_header *header = NULL;
    /* At once where the address space is not limited, else in as many steps as it takes. */
    for (uint64_t max = WINDOW_MAX_BYTES; slot != 0 && header == NULL && max >= WINDOW_MIN_BYTES;
         max /= 8) {
        header = map_slot(slot, max);
    }
    if (header == NULL) {
        return NULL;
    }
    if (!ms_map_open_pages((char *)header, MS_PAGE_BYTES)) {
        (void)ms_system_call(SYS_munmap, (long)header, (long)ms_region_bytes(slot), 0, 0, 0, 0);
        return NULL;
    }
    ms_region_format(header, slot, &ms_map.file_header->config);
    atomic_store(&header->config.steps, 0); /* those of the ancestor are not in this header */
    header->pid = (uint32_t)ms_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
    if (open_first(header) != 0) {
        header->off_reason = MS_OFF_NO_MEMORY;
        atomic_store(&header->state, MS_REGION_OFF);
    } else {
        atomic_store(&header->state, MS_REGION_CLAIMED);
    }
    atomic_fetch_or(&ms_map.file_header->slots_ready[(slot - 1) / 64], UINT64_C(1)
                                                                           << (slot - 1) % 64);
    ms_map_follow_config(&header->config, &ms_map.file_header->config);
    return header;
}

void ms_map_after_fork(void)
{
    struct ms_region_header *parent = ms_region;
    if (parent == NULL) {
        return;
    }
    struct ms_region_header *slot = NULL;
    bool covered = !ms_map_quiet() && cover_region(parent);
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        atomic_store(&ms_map.opened_bytes[id], 0);
    }
    atomic_store(&ms_map.openers, 0);
    atomic_store(&ms_map.giving_back, false);
    if (covered && ms_map.file_header != NULL) {
        slot = claim_slot();
    }
    if (slot == NULL && ms_map.file_header != NULL) {
        atomic_fetch_add(&ms_map.file_header->losses.untracked_children, 1);
    }
    ms_region = slot != NULL && atomic_load(&slot->state) == MS_REGION_CLAIMED ? slot : NULL;
}
