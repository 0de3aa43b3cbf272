/* Memory of our own, apart from the region: carved from chunks, never given back. */
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "probe/map.h"
#include "probe/system_call.h"

#define CHUNK_BYTES       (UINT64_C(1) << 18) /* aligned to its size */
#define QUIET_CHUNK_BYTES UINT64_C(0x200000)

/* [0] ordinary, [1] wiped on fork. */
static _Atomic uintptr_t chunk_next[2];
static _Atomic uintptr_t reserve_next[2];
static uintptr_t reserve_end[2];

static void *fresh_pages(uint64_t bytes, bool wipe_on_fork)
{
    void *pages =
        ms_system_map(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages != NULL && wipe_on_fork &&
        ms_system_call(SYS_madvise, (long)pages, (long)bytes, MADV_WIPEONFORK, 0, 0, 0) != 0) {
        (void)ms_system_call(SYS_munmap, (long)pages, (long)bytes, 0, 0, 0, 0);
        return NULL;
    }
    return pages;
}

/* A new chunk whose address is a multiple of its size: the end follows from any pointer in it. */
static uintptr_t fresh_chunk(bool wipe_on_fork)
{
    void *pages = fresh_pages(2 * CHUNK_BYTES, wipe_on_fork);
    if (pages == NULL) {
        return 0;
    }
    uintptr_t start = (uintptr_t)pages;
    uintptr_t chunk = (start + CHUNK_BYTES - 1) & ~(uintptr_t)(CHUNK_BYTES - 1);
    if (chunk > start) {
        (void)ms_system_call(SYS_munmap, (long)start, (long)(chunk - start), 0, 0, 0, 0);
    }
    uintptr_t end = chunk + CHUNK_BYTES;
    if (start + 2 * CHUNK_BYTES > end) {
        (void)ms_system_call(SYS_munmap, (long)end, (long)(start + 2 * CHUNK_BYTES - end), 0, 0, 0,
                             0);
    }
    return chunk;
}

static void *take_reserve(uint64_t bytes, bool wipe_on_fork)
{
    uintptr_t next = atomic_load(&reserve_next[wipe_on_fork]);
    do {
        if (next == 0 || bytes > reserve_end[wipe_on_fork] - next) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&reserve_next[wipe_on_fork], &next, next + bytes));
    return (void *)next;
}

void *ms_private_pages(size_t wanted, bool wipe_on_fork)
{
    uint64_t bytes = (wanted + MS_PAGE_BYTES - 1) & ~(uint64_t)(MS_PAGE_BYTES - 1);
    if (ms_map_quiet()) {
        return take_reserve(bytes, wipe_on_fork);
    }
    if (bytes > CHUNK_BYTES / 4) {
        return fresh_pages(bytes, wipe_on_fork);
    }
    uintptr_t next = atomic_load(&chunk_next[wipe_on_fork]);
    for (;;) {
        /* A chunk that is full to its end reads as offset 0. */
        uintptr_t offset = next & (CHUNK_BYTES - 1);
        if (offset != 0 && offset + bytes <= CHUNK_BYTES) {
            if (atomic_compare_exchange_weak(&chunk_next[wipe_on_fork], &next, next + bytes)) {
                return (void *)next;
            }
            continue;
        }
        uintptr_t chunk = fresh_chunk(wipe_on_fork);
        if (chunk == 0) {
            return NULL;
        }
        if (atomic_compare_exchange_strong(&chunk_next[wipe_on_fork], &next, chunk + bytes)) {
            return (void *)chunk;
        }
        (void)ms_system_call(SYS_munmap, (long)chunk, (long)CHUNK_BYTES, 0, 0, 0, 0);
    }
}

void ms_private_reserve(void)
{
    for (int wipe = 0; wipe < 2; wipe++) {
        void *pages = fresh_pages(QUIET_CHUNK_BYTES, wipe != 0);
        if (pages != NULL) {
            reserve_end[wipe] = (uintptr_t)pages + QUIET_CHUNK_BYTES;
            atomic_store(&reserve_next[wipe], (uintptr_t)pages);
        }
    }
}
