/* The region at the start of the program: the file is checked and mapped as far as limits allow. */
#include "probe/map_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/direct.h"
#include "probe/system_call.h"
#include "wire/layout.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif

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
    if (ms_map_open_pages((char *)header, MS_PAGE_BYTES)) {
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
        bytes = ms_page_round(wanted[i]);
        if (bytes <= room) {
            base = ms_system_map(NULL, bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
        }
    }
    if (base == NULL) {
        say_no_memory(descriptor);
        return -ENOMEM;
    }
    (void)ms_system_call(SYS_madvise, (long)base, (long)bytes, MADV_DONTDUMP, 0, 0, 0);
    if (!ms_map_open_pages(base, MS_PAGE_BYTES)) {
        (void)ms_system_call(SYS_munmap, (long)base, (long)bytes, 0, 0, 0, 0);
        return -ENOMEM;
    }
    /* Without it forked children go uncounted, and nobody can be told. */
    const long pages = 2 * MS_PAGE_BYTES;
    char *again = ms_system_map(NULL, (uint64_t)pages, PROT_NONE, MAP_SHARED, descriptor, 0);
    if (again != NULL && ms_map_open_pages(again, MS_PAGE_BYTES)) {
        (void)ms_system_call(SYS_madvise, (long)again, pages, MADV_DONTDUMP, 0, 0, 0);
        ms_map.file_header = (struct ms_region_header *)again;
    }
    ms_map.main_mapped_bytes = bytes;
    struct ms_region_header *region = (struct ms_region_header *)base;
    for (int id = 0; id < MS_AREA_COUNT; id++) {
        struct ms_region_area *area = &region->areas[id];
        if (ms_map_area_bytes(region, area) == 0) {
            continue; /* no room for it: what needs it degrades */
        }
        if (!ms_map_open_area(region, (enum ms_area_id)id, MS_PAGE_BYTES)) {
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
