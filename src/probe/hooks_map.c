/*
 * Mappings that the program makes itself, counted in whole pages apart from the heap, the calls
 * after which code may lie elsewhere (dlclose, munmap, mprotect and mremap of executable ranges),
 * and mlockall, in whose way our mappings would be.
 * What libc maps for itself does not pass here. __deregister_frame is left alone: walks use the
 * tables of loaded objects, never those of libgcc's registry, and a hook here would send the call
 * of a privately loaded unwinder to another one.
 *
 * libc and other libraries may call these before we are relocated: until ms_ready is set there is
 * no use of pointers or thread-local data, only the system call.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "probe/account.h"
#include "probe/direct.h"
#include "probe/map.h"
#include "probe/process.h"
#include "probe/stack.h"
#include "probe/system_call.h"
#include "probe/thread.h"

static struct {
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    int (*munmap)(void *, size_t);
    void *(*mremap)(void *, size_t, size_t, int, ...);
    int (*mprotect)(void *, size_t, int);
    int (*mlockall)(int);
    int (*dlclose)(void *);
} next;

static uint64_t page_mask;

void ms_map_hooks_init(void)
{
    page_mask = getauxval(AT_PAGESZ) - 1;
    next.mmap = ms_real_symbol("mmap");
    next.munmap = ms_real_symbol("munmap");
    next.mremap = ms_real_symbol("mremap");
    next.mprotect = ms_real_symbol("mprotect");
    next.mlockall = ms_real_symbol("mlockall");
    next.dlclose = ms_real_symbol("dlclose");
}

/*
 * Ranges that the program made executable through us. An entry with end 0 is free. When all are
 * taken the last one grows to cover the rest: then some data counts as code, which costs a look-up
 * afresh and is never wrong.
 */
#define CODE_RANGES 64u
static struct {
    _Atomic uintptr_t start;
    _Atomic uintptr_t end;
} code_ranges[CODE_RANGES];

static void code_range_grow(uintptr_t start, uintptr_t end)
{
    _Atomic uintptr_t *low = &code_ranges[CODE_RANGES - 1].start;
    _Atomic uintptr_t *high = &code_ranges[CODE_RANGES - 1].end;
    uintptr_t seen = atomic_load(low);
    while (start < seen && !atomic_compare_exchange_weak(low, &seen, start)) {
    }
    seen = atomic_load(high);
    while (end > seen && !atomic_compare_exchange_weak(high, &seen, end)) {
    }
}

static void code_range_note(uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < CODE_RANGES; i++) {
        if (start >= atomic_load_explicit(&code_ranges[i].start, memory_order_relaxed) &&
            end <= atomic_load_explicit(&code_ranges[i].end, memory_order_relaxed)) {
            return;
        }
    }
    for (unsigned i = 0; i < CODE_RANGES; i++) {
        uintptr_t unused = 0;
        /* Until start is stored the entry says too much (from 0 or an old start), not too little.
         */
        if (atomic_load_explicit(&code_ranges[i].end, memory_order_relaxed) == 0) {
            if (atomic_compare_exchange_strong(&code_ranges[i].end, &unused, end)) {
                atomic_store(&code_ranges[i].start, start);
                return;
            }
        }
    }
    code_range_grow(start, end);
}

/* Did code lie in this range? Entries that vanish wholly are forgotten when `gone`. */
static bool code_range_touched(uintptr_t start, uintptr_t end, bool gone)
{
    bool touched = false;
    for (unsigned i = 0; i < CODE_RANGES; i++) {
        uintptr_t range_end = atomic_load_explicit(&code_ranges[i].end, memory_order_relaxed);
        uintptr_t range_start = atomic_load_explicit(&code_ranges[i].start, memory_order_relaxed);
        if (range_end == 0 || end <= range_start || start >= range_end) {
            continue;
        }
        touched = true;
        if (gone && start <= range_start && range_end <= end) {
            atomic_store(&code_ranges[i].start, 0);
            (void)atomic_compare_exchange_strong(&code_ranges[i].end, &range_end, 0);
        }
    }
    return touched;
}

/*
 * Pages that are no longer what they were. Where they lie on the calling thread's stack (a fiber
 * may have its own there, and pages without access around it), its bounds promise too much.
 */
static void stack_touched(uintptr_t start, uintptr_t end)
{
    struct ms_thread_state *state = ms_thread_state;
    if (state == NULL || end <= state->stack.stack_low || start >= state->stack.stack_high) {
        return;
    }
    if (end <= (uintptr_t)__builtin_frame_address(0)) {
        state->stack.stack_low = end; /* guard pages at its far end */
    } else {
        state->stack.stack_low = 0;
        state->stack.stack_high = 0;
    }
}

static uint64_t whole_pages(size_t bytes)
{
    return ((uint64_t)bytes + page_mask) & ~page_mask;
}

/* Adds to the calling thread's record. errno stays. */
static void count(uint64_t mapped_bytes, uint64_t unmapped_bytes)
{
    int before = errno;
    struct ms_thread_state *state = ms_thread_enter();
    if (state != NULL && state->tracked && state->record != NULL) {
        if (mapped_bytes != 0) {
            ms_own_add(&state->record->own.mmap_bytes, mapped_bytes);
        }
        if (unmapped_bytes != 0) {
            ms_own_add(&state->record->own.munmap_bytes, unmapped_bytes);
        }
    }
    errno = before;
}

static void *map(void *at, size_t bytes, int protection, int flags, int descriptor, off_t offset)
{
    if (MS_UNLIKELY(!ms_ready || next.mmap == NULL)) {
        return (void *)ms_direct(SYS_mmap, (long)at, (long)bytes, protection, flags, descriptor,
                                 (long)offset);
    }
    void *mapped = next.mmap(at, bytes, protection, flags, descriptor, offset);
    if (mapped != MAP_FAILED) {
        uintptr_t start = (uintptr_t)mapped;
        count(whole_pages(bytes), 0);
        stack_touched(start, start + whole_pages(bytes));
        if ((flags & MAP_FIXED) != 0 && code_range_touched(start, start + bytes, true)) {
            ms_stack_modules_changed();
        }
        if ((protection & PROT_EXEC) != 0) {
            code_range_note(start, start + whole_pages(bytes));
            ms_stack_modules_changed();
        }
    }
    return mapped;
}

MS_EXPORT void *mmap(void *at, size_t bytes, int protection, int flags, int descriptor,
                     off_t offset)
{
    return map(at, bytes, protection, flags, descriptor, offset);
}

MS_EXPORT void *mmap64(void *at, size_t bytes, int protection, int flags, int descriptor,
                       off64_t offset)
{
    return map(at, bytes, protection, flags, descriptor, offset);
}

MS_EXPORT int munmap(void *at, size_t bytes)
{
    if (MS_UNLIKELY(!ms_ready || next.munmap == NULL)) {
        return (int)ms_direct(SYS_munmap, (long)at, (long)bytes, 0, 0, 0, 0);
    }
    /* Before the call: afterwards another thread may have code at that address already. */
    uintptr_t start = (uintptr_t)at;
    bool code = code_range_touched(start, start + bytes, true);
    stack_touched(start, start + whole_pages(bytes));
    int result = next.munmap(at, bytes);
    if (result == 0) {
        count(0, whole_pages(bytes));
    }
    if (code) {
        ms_stack_modules_changed();
    }
    return result;
}

MS_EXPORT void *mremap(void *old, size_t old_bytes, size_t new_bytes, int flags, ...)
{
    /* As libc: the fifth argument is passed on whether it was given or not. */
    va_list list;
    va_start(list, flags);
    void *wanted = va_arg(list, void *);
    va_end(list);
    if (MS_UNLIKELY(!ms_ready || next.mremap == NULL)) {
        return (void *)ms_direct(SYS_mremap, (long)old, (long)old_bytes, (long)new_bytes, flags,
                                 (long)wanted, 0);
    }
    uintptr_t start = (uintptr_t)old;
    bool code = code_range_touched(start, start + old_bytes, false);
    void *mapped = next.mremap(old, old_bytes, new_bytes, flags, wanted);
    if (mapped != MAP_FAILED) {
        /* With old_bytes 0 (a second view) or MREMAP_DONTUNMAP the old pages stay. */
        bool old_stays = old_bytes == 0 || (flags & 4) != 0;
        uint64_t before = old_stays ? 0 : whole_pages(old_bytes);
        uint64_t after = whole_pages(new_bytes);
        count(after > before ? after - before : 0, before > after ? before - after : 0);
        if (code) {
            code_range_note((uintptr_t)mapped, (uintptr_t)mapped + whole_pages(new_bytes));
            ms_stack_modules_changed();
        }
    }
    return mapped;
}

MS_EXPORT int mprotect(void *at, size_t bytes, int protection)
{
    if (MS_UNLIKELY(!ms_ready || next.mprotect == NULL)) {
        return (int)ms_direct(SYS_mprotect, (long)at, (long)bytes, protection, 0, 0, 0);
    }
    if ((protection & PROT_READ) == 0) {
        stack_touched((uintptr_t)at, (uintptr_t)at + whole_pages(bytes));
    }
    int result = next.mprotect(at, bytes, protection);
    if (result == 0 && (protection & PROT_EXEC) != 0) {
        code_range_note((uintptr_t)at, (uintptr_t)at + whole_pages(bytes));
        ms_stack_modules_changed();
    }
    return result;
}

/*
 * RLIMIT_MEMLOCK counts address space, ours too although it is inaccessible. So under a limit that
 * may hold (for the privileged it does not) most of ours goes before, and all if that is too
 * little.
 */
MS_EXPORT int mlockall(int flags)
{
    if (MS_UNLIKELY(!ms_ready || next.mlockall == NULL)) {
        return (int)ms_direct(SYS_mlockall, flags, 0, 0, 0, 0, 0);
    }
    int before = errno;
    struct rlimit limit;
    uint64_t spare = ms_map_spare_bytes();
    if (spare != 0 && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur >= spare) {
        (void)ms_map_give_back(false);
    }
    errno = before;
    int result = next.mlockall(flags);
    for (int all = 0; all < 2 && result != 0 && errno == ENOMEM; all++) {
        if (ms_map_give_back(all != 0)) {
            errno = before;
            result = next.mlockall(flags);
        }
    }
    return result;
}

MS_EXPORT int dlclose(void *handle)
{
    if (MS_UNLIKELY(next.dlclose == NULL)) {
        next.dlclose = ms_real_symbol("dlclose");
        if (next.dlclose == NULL) {
            return -1;
        }
    }
    int result = next.dlclose(handle);
    if (ms_ready) {
        ms_stack_modules_changed();
    }
    return result;
}
