/*
 * The region in the address space of the program: inaccessible until a piece is needed, opened in
 * steps that grow, populated by the kernel before we touch it, so that lack of memory is an error
 * code here and not a SIGBUS in the program.
 */
#include "probe/map.h"
#include "probe/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/now.h"
#include "probe/system_call.h"
#include "wire/layout.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif

#define STEP_MIN_BYTES   UINT64_C(65536)
#define SLOT_STEP_BYTES  UINT64_C(4096) /* most forked children do little, and there are many */
#define STEP_MAX_BYTES   (UINT64_C(1) << 20)
#define WINDOW_MAX_BYTES (UINT64_C(8) << 30)
#define WINDOW_MIN_BYTES (UINT64_C(16) << 20)
#define STRING_MAX_BYTES 4095u

struct ms_region_header *ms_region;

static uint64_t main_mapped_bytes; /* how much of the main region is mapped; it ends the rest */
/*
 * The main header once more: a forked child needs it to claim its slot when the region it inherited
 * is no longer to be touched. The file itself is closed by then, so the slot is mapped from the
 * page behind it, which is inaccessible, as the slot then is: nothing populates that, mlockall
 * neither.
 */
static struct ms_region_header *file_header;
static _Atomic uint64_t opened_bytes[MS_AREA_COUNT];
static _Atomic int quiet;
static _Atomic bool populates; /* the kernel does so on request */

/* Of the main region, once the rest of its address space was given back: bytes of each area. */
static uint64_t kept_bytes[MS_AREA_COUNT];
static _Atomic bool given_back;
static _Atomic bool giving_back;
static _Atomic uint32_t openers; /* threads in open_area */

static uint64_t page_round(uint64_t bytes)
{
    return (bytes + MS_PAGE_BYTES - 1) & ~(uint64_t)(MS_PAGE_BYTES - 1);
}

/* Makes populated, writable pages of an inaccessible range. */
static bool open_pages(char *at, uint64_t bytes)
{
    if (ms_system_call(SYS_mprotect, (long)at, (long)bytes, PROT_READ | PROT_WRITE, 0, 0, 0) != 0) {
        return false;
    }
    long result;
    do {
        result = ms_system_call(SYS_madvise, (long)at, (long)bytes, MADV_POPULATE_WRITE, 0, 0, 0);
    } while (result == -EINTR || result == -EAGAIN);
    if (result == 0) {
        atomic_store_explicit(&populates, true, memory_order_relaxed);
        return true;
    }
    /* Linux before 5.14 cannot populate on request: touching is the only way there. Where it can,
     * the pages are inaccessible: a handler forked before the call, and its child covered them. */
    if (result == -EINVAL && !atomic_load_explicit(&populates, memory_order_relaxed)) {
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

/* How much of an area the mapping holds: all, unless a limit left too little room. */
static uint64_t area_mapped_bytes(const struct ms_region_header *region,
                                  const struct ms_region_area *area)
{
    uint64_t whole = page_round((uint64_t)area->capacity * area->element_bytes);
    if (region->slot != 0) {
        return whole;
    }
    if (atomic_load_explicit(&given_back, memory_order_acquire)) {
        return kept_bytes[area - region->areas];
    }
    if (area->offset_bytes >= main_mapped_bytes) {
        return 0;
    }
    uint64_t there = main_mapped_bytes - area->offset_bytes;
    return there < whole ? there : whole;
}

static bool open_more(struct ms_region_header *region, enum ms_area_id id, uint64_t need)
{
    struct ms_region_area *area = &region->areas[id];
    uint64_t opened = atomic_load_explicit(&opened_bytes[id], memory_order_acquire);
    while (opened < need) {
        uint64_t limit = area_mapped_bytes(region, area);
        if (need > limit || atomic_load_explicit(&quiet, memory_order_relaxed) == 1) {
            return false;
        }
        uint64_t least = region->slot == 0 ? STEP_MIN_BYTES : SLOT_STEP_BYTES;
        uint64_t step = opened < least ? least : opened;
        uint64_t end = opened + (step < STEP_MAX_BYTES ? step : STEP_MAX_BYTES);
        if (end < need) {
            end = page_round(need);
        }
        if (end > limit) {
            end = limit;
        }
        /* Two threads may open the same pages at once: the second time changes nothing. */
        if (!open_pages((char *)region + area->offset_bytes + opened, end - opened)) {
            return false;
        }
        if (atomic_compare_exchange_strong(&opened_bytes[id], &opened, end)) {
            __atomic_fetch_add(&region->page_bytes_opened_kib, (uint32_t)((end - opened) >> 10),
                               __ATOMIC_RELAXED);
            opened = end;
        }
    }
    publish(area, opened);
    return true;
}

static bool open_area(struct ms_region_header *region, enum ms_area_id id, uint64_t need)
{
    atomic_fetch_add(&openers, 1);
    bool opened = !atomic_load(&giving_back) && open_more(region, id, need);
    atomic_fetch_sub(&openers, 1);
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
        if (need > atomic_load_explicit(&opened_bytes[id], memory_order_acquire) &&
            !open_area(region, id, need)) {
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
    if (need > atomic_load_explicit(&opened_bytes[id], memory_order_acquire) &&
        !open_area(region, id, need)) {
        return false;
    }
    uint32_t taken = atomic_load_explicit(&area->taken, memory_order_relaxed);
    while (taken < end && !atomic_compare_exchange_weak(&area->taken, &taken, end)) {
    }
    return true;
}

/* Opens the first pages of a region whose header is open. */
static int open_first(struct ms_region_header *region)
{
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        if (!open_area(region, (enum ms_area_id)id, MS_PAGE_BYTES)) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* Bytes of address space that RLIMIT_AS leaves, minus what the program should keep. */
static uint64_t address_space_left(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return UINT64_MAX;
    }
    char text[64];
    int descriptor = ms_direct_openat(AT_FDCWD, "/proc/self/statm", O_RDONLY | O_CLOEXEC);
    uint64_t pages = 0;
    if (descriptor >= 0) {
        long got = ms_direct_read(descriptor, text, sizeof text - 1);
        for (long i = 0; i < got && text[i] >= '0' && text[i] <= '9'; i++) {
            pages = pages * 10 + (uint64_t)(text[i] - '0');
        }
        (void)ms_system_call(SYS_close, descriptor, 0, 0, 0, 0, 0);
    }
    uint64_t used = pages * MS_PAGE_BYTES;
    return limit.rlim_cur > used ? (limit.rlim_cur - used) / 4 : 0;
}

static int check_file(int descriptor, struct ms_region_header *header)
{
    struct stat status;
    int seals = ms_direct_fcntl(descriptor, F_GET_SEALS, 0);
    if (ms_direct_fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || seals < 0 ||
        (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW)) {
        return -EPROTO;
    }
    if (ms_direct_pread(descriptor, header, sizeof *header, 0) != (ssize_t)sizeof *header) {
        return -EPROTO;
    }
    return ms_region_check(header, (uint64_t)status.st_size);
}

/* One page for a moment: the viewer is told why nothing is counted. */
static void say_no_memory(int descriptor)
{
    struct ms_region_header *header =
        ms_system_map(NULL, MS_PAGE_BYTES, PROT_NONE, MAP_SHARED, descriptor, 0);
    if (header == NULL) {
        return;
    }
    if (open_pages((char *)header, MS_PAGE_BYTES)) {
        header->off_reason = MS_OFF_NO_MEMORY;
        atomic_store(&header->state, MS_REGION_OFF);
    }
    (void)ms_system_call(SYS_munmap, (long)header, MS_PAGE_BYTES, 0, 0, 0, 0);
}

int ms_map_region(int descriptor)
{
    struct ms_region_header header;
    int error = check_file(descriptor, &header);
    if (error != 0) {
        return error;
    }
    /* Threads and contexts come first in the file: less room costs stacks, then call sites. */
    uint64_t room = address_space_left();
    uint64_t wanted[] = {header.region_bytes,
                         header.areas[MS_AREA_CONTEXTS].offset_bytes + (UINT64_C(16) << 20),
                         header.areas[MS_AREA_CONTEXTS].offset_bytes + (UINT64_C(1) << 20)};
    char *base = NULL;
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && base == NULL; i++) {
        bytes = page_round(wanted[i]);
        if (bytes <= room) {
            base = ms_system_map(NULL, bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
        }
    }
    if (base == NULL) {
        say_no_memory(descriptor);
        return -ENOMEM;
    }
    (void)ms_system_call(SYS_madvise, (long)base, (long)bytes, MADV_DONTDUMP, 0, 0, 0);
    if (!open_pages(base, MS_PAGE_BYTES)) {
        (void)ms_system_call(SYS_munmap, (long)base, (long)bytes, 0, 0, 0, 0);
        return -ENOMEM;
    }
    /* Without it forked children go uncounted, and nobody can be told. */
    const long pages = 2 * MS_PAGE_BYTES;
    char *again = ms_system_map(NULL, (uint64_t)pages, PROT_NONE, MAP_SHARED, descriptor, 0);
    if (again != NULL && open_pages(again, MS_PAGE_BYTES)) {
        (void)ms_system_call(SYS_madvise, (long)again, pages, MADV_DONTDUMP, 0, 0, 0);
        file_header = (struct ms_region_header *)again;
    }
    main_mapped_bytes = bytes;
    struct ms_region_header *region = (struct ms_region_header *)base;
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        struct ms_region_area *area = &region->areas[id];
        if (area_mapped_bytes(region, area) == 0) {
            continue; /* no room for it: what needs it degrades */
        }
        if (!open_area(region, (enum ms_area_id)id, MS_PAGE_BYTES)) {
            region->off_reason = MS_OFF_NO_MEMORY;
            atomic_store(&region->state, MS_REGION_OFF);
            (void)ms_system_call(SYS_munmap, (long)base, (long)bytes, 0, 0, 0, 0);
            return -ENOMEM;
        }
    }
    atomic_store(&region->state, MS_REGION_CLAIMED);
    ms_region = region;
    return 0;
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
    if (!atomic_compare_exchange_strong(&quiet, &expected, 2)) {
        return;
    }
    struct ms_region_header *region = ms_region;
    for (int id = 0; region != NULL && id < MS_AREA_COUNT; id++) {
        const struct ms_region_area *area = &region->areas[id];
        uint64_t need = (uint64_t)atomic_load(&area->taken) + reserve[id];
        uint64_t limit = area_mapped_bytes(region, area);
        need *= area->element_bytes;
        (void)open_area(region, (enum ms_area_id)id, need < limit ? need : limit);
    }
    ms_private_reserve();
    ms_now_enter_quiet();
    atomic_store(&quiet, 1);
}

bool ms_map_quiet(void)
{
    return atomic_load_explicit(&quiet, memory_order_relaxed) == 1;
}

/* Waits until nobody opens pages any more. False: somebody may be below us, in a signal handler. */
static bool stop_openers(void)
{
    enum { TRIES = 100000 };
    atomic_store(&giving_back, true);
    for (uint32_t i = 0; i < TRIES; i++) {
        if (atomic_load(&openers) == 0) {
            return true;
        }
    }
    atomic_store(&giving_back, false);
    return false;
}

bool ms_map_give_back(bool all)
{
    struct ms_region_header *region = ms_region;
    if (region == NULL || region->slot != 0 || ms_map_quiet() || !stop_openers()) {
        return false;
    }
    bool given = false;
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        const struct ms_region_area *area = &region->areas[id];
        uint64_t opened = atomic_load(&opened_bytes[id]);
        uint64_t there = area_mapped_bytes(region, area);
        uint64_t kept = opened;
        if (!all) {
            kept += page_round((uint64_t)reserve[id] * area->element_bytes);
        }
        kept = kept < there ? kept : there;
        if (kept < there) {
            (void)ms_system_call(SYS_munmap, (long)((char *)region + area->offset_bytes + kept),
                                 (long)(there - kept), 0, 0, 0, 0);
            given = true;
        }
        kept_bytes[id] = kept;
    }
    atomic_store_explicit(&given_back, true, memory_order_release);
    atomic_store(&giving_back, false);
    return given;
}

uint64_t ms_map_spare_bytes(void)
{
    return ms_region != NULL && !atomic_load(&given_back) ? main_mapped_bytes : 0;
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
        if (kept_bytes[id] != 0) {
            done &= ms_system_map((char *)region + shape.areas[id].offset_bytes, kept_bytes[id],
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
    if (region->slot == 0 && atomic_load(&given_back)) {
        return cover_kept(region);
    }
    const struct shape shape = shape_of(region);
    uint64_t bytes = region->region_bytes;
    if (region->slot == 0 && bytes > main_mapped_bytes) {
        bytes = main_mapped_bytes;
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
        uint64_t opened = atomic_load(&opened_bytes[id]);
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
    uint32_t taken = atomic_load(&file_header->slots_taken);
    do {
        if (taken >= MS_REGION_SLOTS) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(&file_header->slots_taken, &taken, taken + 1));
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
    char *const start = (char *)file_header + MS_PAGE_BYTES;
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

/* What viewers asked for while this child came to be: the keeper did not know of its slot yet. */
static void follow_file_header(struct ms_probe_config *own)
{
    const struct ms_probe_config *file = &file_header->config;
    uint32_t before = atomic_load(&file->changes);
    for (int attempt = 0; attempt < 64 && before != atomic_load(&own->changes); attempt++) {
        atomic_store(&own->changes, before | 1);
        own->tracking = file->tracking;
        atomic_thread_fence(memory_order_acquire);
        uint32_t after = atomic_load(&file->changes);
        if (before == after && before % 2 == 0) {
            atomic_store(&own->changes, before);
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
    if (!open_pages((char *)header, MS_PAGE_BYTES)) {
        (void)ms_system_call(SYS_munmap, (long)header, (long)ms_region_bytes(slot), 0, 0, 0, 0);
        return NULL;
    }
    ms_region_format(header, slot, &file_header->config);
    atomic_store(&header->config.steps, 0); /* those of the ancestor are not in this header */
    header->pid = (uint32_t)ms_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
    if (open_first(header) != 0) {
        header->off_reason = MS_OFF_NO_MEMORY;
        atomic_store(&header->state, MS_REGION_OFF);
    } else {
        atomic_store(&header->state, MS_REGION_CLAIMED);
    }
    atomic_fetch_or(&file_header->slots_ready[(slot - 1) / 64], UINT64_C(1) << (slot - 1) % 64);
    follow_file_header(&header->config);
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
        atomic_store(&opened_bytes[id], 0);
    }
    atomic_store(&openers, 0);
    atomic_store(&giving_back, false);
    if (covered && file_header != NULL) {
        slot = claim_slot();
    }
    if (slot == NULL && file_header != NULL) {
        atomic_fetch_add(&file_header->losses.untracked_children, 1);
    }
    ms_region = slot != NULL && atomic_load(&slot->state) == MS_REGION_CLAIMED ? slot : NULL;
}
