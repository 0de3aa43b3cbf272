/*
 * The region in the address space of the program: inaccessible until a piece is needed, opened in
 * steps that grow, populated by the kernel before we touch it, so that lack of memory is an error
 * code here and not a SIGBUS in the program.
 */
#include "probe/map_parts.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/now.h"
#include "probe/system_call.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define STEP_MIN_BYTES   UINT64_C(65536)
#define SLOT_STEP_BYTES  UINT64_C(4096) /* most forked children do little, and there are many */
#define STEP_MAX_BYTES   (UINT64_C(1) << 20)
#define STRING_MAX_BYTES 4095u

struct ms_region_header *ms_region;

struct ms_map_state ms_map;

bool ms_map_open_pages(char *at, uint64_t bytes)
{
    if (ms_system_call(SYS_mprotect, (long)at, (long)bytes, PROT_READ | PROT_WRITE, 0, 0, 0) != 0) {
        return false;
    }
    long result;
    do {
        result = ms_system_call(SYS_madvise, (long)at, (long)bytes, MADV_POPULATE_WRITE, 0, 0, 0);
    } while (result == -EINTR || result == -EAGAIN);
    if (result == 0) {
        atomic_store_explicit(&ms_map.populates, true, memory_order_relaxed);
        return true;
    }
    /* Linux before 5.14 cannot populate on request: touching is the only way there. Where it can,
     * the pages are inaccessible: a handler forked before the call, and its child covered them. */
    if (result == -EINVAL && !atomic_load_explicit(&ms_map.populates, memory_order_relaxed)) {
        for (uint64_t offset = 0; offset < bytes; offset += MS_PAGE_BYTES) {
            __atomic_fetch_or((uint8_t *)at + offset, 0, __ATOMIC_RELAXED);
        }
        return true;
    }
    return false;
}

static void publish(struct ms_region_area *area, uint64_t opened)
{
    uint64_t elements = opened / area->element_bytes;
    uint32_t mark = elements < area->capacity ? (uint32_t)elements : area->capacity;
    uint32_t now = atomic_load_explicit(&area->published, memory_order_relaxed);
    while (now < mark && !atomic_compare_exchange_weak(&area->published, &now, mark)) {
    }
}

uint64_t ms_map_area_bytes(const struct ms_region_header *region, const struct ms_region_area *area)
{
    uint64_t whole = ms_page_round((uint64_t)area->capacity * area->element_bytes);
    if (region->slot != 0) {
        return whole;
    }
    if (atomic_load_explicit(&ms_map.given_back, memory_order_acquire)) {
        return ms_map.kept_bytes[area - region->areas];
    }
    if (area->offset_bytes >= ms_map.main_mapped_bytes) {
        return 0;
    }
    uint64_t there = ms_map.main_mapped_bytes - area->offset_bytes;
    return there < whole ? there : whole;
}

static bool open_more(struct ms_region_header *region, enum ms_area_id id, uint64_t need)
{
    struct ms_region_area *area = &region->areas[id];
    uint64_t opened = atomic_load_explicit(&ms_map.opened_bytes[id], memory_order_acquire);
    while (opened < need) {
        uint64_t limit = ms_map_area_bytes(region, area);
        if (need > limit || atomic_load_explicit(&ms_map.quiet, memory_order_relaxed) == 1) {
            return false;
        }
        uint64_t least = region->slot == 0 ? STEP_MIN_BYTES : SLOT_STEP_BYTES;
        uint64_t step = opened < least ? least : opened;
        uint64_t end = opened + (step < STEP_MAX_BYTES ? step : STEP_MAX_BYTES);
        if (end < need) {
            end = ms_page_round(need);
        }
        if (end > limit) {
            end = limit;
        }
        /* Two threads may open the same pages at once: the second time changes nothing. */
        if (!ms_map_open_pages((char *)region + area->offset_bytes + opened, end - opened)) {
            return false;
        }
        if (atomic_compare_exchange_strong(&ms_map.opened_bytes[id], &opened, end)) {
            __atomic_fetch_add(&region->page_bytes_opened_kib, (uint32_t)((end - opened) >> 10),
                               __ATOMIC_RELAXED);
            opened = end;
        }
    }
    publish(area, opened);
    return true;
}

bool ms_map_open_area(struct ms_region_header *region, enum ms_area_id id, uint64_t need)
{
    atomic_fetch_add(&ms_map.openers, 1);
    bool opened = !atomic_load(&ms_map.giving_back) && open_more(region, id, need);
    atomic_fetch_sub(&ms_map.openers, 1);
    return opened;
}

uint32_t ms_area_take(enum ms_area_id id, uint32_t count)
{
    struct ms_region_header *region = ms_region;
    if (region == NULL) {
        return 0;
    }
    struct ms_region_area *area = &region->areas[id];
    uint32_t first = atomic_load_explicit(&area->taken, memory_order_relaxed);
    uint32_t from;
    do {
        from = first == 0 ? 1 : first; /* element 0 means "none" */
        if (count > area->capacity || from > area->capacity - count) {
            return 0;
        }
        uint64_t need = (uint64_t)(from + count) * area->element_bytes;
        if (need > atomic_load_explicit(&ms_map.opened_bytes[id], memory_order_acquire) &&
            !ms_map_open_area(region, id, need)) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak_explicit(&area->taken, &first, from + count,
                                                    memory_order_acq_rel, memory_order_relaxed));
    return from;
}

bool ms_area_open(enum ms_area_id id, uint32_t end)
{
    struct ms_region_header *region = ms_region;
    if (region == NULL || end > region->areas[id].capacity) {
        return false;
    }
    struct ms_region_area *area = &region->areas[id];
    uint64_t need = (uint64_t)end * area->element_bytes;
    if (need > atomic_load_explicit(&ms_map.opened_bytes[id], memory_order_acquire) &&
        !ms_map_open_area(region, id, need)) {
        return false;
    }
    uint32_t taken = atomic_load_explicit(&area->taken, memory_order_relaxed);
    while (taken < end && !atomic_compare_exchange_weak(&area->taken, &taken, end)) {
    }
    return true;
}

uint32_t ms_string_store(const char *text)
{
    uint32_t bytes = 0;
    while (bytes < STRING_MAX_BYTES && text[bytes] != '\0') {
        bytes++;
    }
    uint32_t offset = ms_area_take(MS_AREA_STRINGS, bytes + 1);
    if (offset != 0) {
        char *to = ms_area_at(MS_AREA_STRINGS, offset);
        for (uint32_t i = 0; i < bytes; i++) {
            to[i] = text[i];
        }
        to[bytes] = '\0';
    }
    return offset;
}

/* A few hundred threads and thousands of sites: what is kept ready, or not given back. */
static const uint32_t reserve[MS_AREA_COUNT] = {
    [MS_AREA_THREADS] = 256,      [MS_AREA_CONTEXTS] = 8192, [MS_AREA_PCS] = 16384,
    [MS_AREA_STACKS] = 256 << 10, [MS_AREA_MODULES] = 256,   [MS_AREA_STRINGS] = 65536,
    [MS_AREA_OWNERS] = 8192,      [MS_AREA_DETAILS] = 4096,  [MS_AREA_MISUSES] = 512,
    [MS_AREA_THREAD_IO] = 256,    [MS_AREA_IO_SITES] = 2048, [MS_AREA_MARKS] = 256,
};

/* Room that stays usable without system calls. */
void ms_map_enter_quiet(void)
{
    int expected = 0;
    if (!atomic_compare_exchange_strong(&ms_map.quiet, &expected, 2)) {
        return;
    }
    struct ms_region_header *region = ms_region;
    for (int id = 0; region != NULL && id < MS_AREA_COUNT; id++) {
        const struct ms_region_area *area = &region->areas[id];
        uint64_t need = (uint64_t)atomic_load(&area->taken) + reserve[id];
        uint64_t limit = ms_map_area_bytes(region, area);
        need *= area->element_bytes;
        (void)ms_map_open_area(region, (enum ms_area_id)id, need < limit ? need : limit);
    }
    ms_private_reserve();
    ms_now_enter_quiet();
    atomic_store(&ms_map.quiet, 1);
}

bool ms_map_quiet(void)
{
    return atomic_load_explicit(&ms_map.quiet, memory_order_relaxed) == 1;
}

/*
 * Waits until nobody opens pages any more. False: somebody may be below us, in a signal handler, or
 * is giving back already. Two at a time would unmap the same range twice, and the second time the
 * program may have something there.
 */
static bool stop_openers(void)
{
    enum { TRIES = 100000 };
    if (atomic_exchange(&ms_map.giving_back, true)) {
        return false;
    }
    for (uint32_t i = 0; i < TRIES; i++) {
        if (atomic_load(&ms_map.openers) == 0) {
            return true;
        }
    }
    atomic_store(&ms_map.giving_back, false);
    return false;
}

bool ms_map_give_back(bool all)
{
    struct ms_region_header *region = ms_region;
    if (region == NULL || region->slot != 0 || ms_map_quiet() || !stop_openers()) {
        return false;
    }
    uint64_t there[MS_AREA_COUNT];
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        const struct ms_region_area *area = &region->areas[id];
        there[id] = ms_map_area_bytes(region, area);
        uint64_t kept = atomic_load(&ms_map.opened_bytes[id]);
        if (!all) {
            kept += ms_page_round((uint64_t)reserve[id] * area->element_bytes);
        }
        ms_map.kept_bytes[id] = kept < there[id] ? kept : there[id];
    }
    /* Told before it is done: a child forked meanwhile covers what is kept and nothing else. */
    atomic_store_explicit(&ms_map.given_back, true, memory_order_release);
    bool given = false;
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        const uint64_t kept = ms_map.kept_bytes[id];
        if (kept < there[id]) {
            char *area = (char *)region + region->areas[id].offset_bytes;
            (void)ms_system_call(SYS_munmap, (long)(area + kept), (long)(there[id] - kept), 0, 0, 0,
                                 0);
            given = true;
        }
    }
    atomic_store(&ms_map.giving_back, false);
    return given;
}

uint64_t ms_map_spare_bytes(void)
{
    return ms_region != NULL && !atomic_load(&ms_map.given_back) ? ms_map.main_mapped_bytes : 0;
}
