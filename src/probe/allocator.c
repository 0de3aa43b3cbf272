/* Examining the allocator behind us. */
#include "probe/allocator.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

#include "probe/map.h"
#include "probe/redirect.h"

struct ms_allocator ms_allocator;

#define TRIED_MAX 512u

static const char *object_of(void *function, void **base)
{
    Dl_info info;
    if (function == NULL || dladdr(function, &info) == 0) {
        return NULL;
    }
    *base = info.dli_fbase;
    return info.dli_fname;
}

const char *ms_allocator_path(void)
{
    void *base;
    return object_of((void *)ms_real.malloc, &base);
}

bool ms_allocator_defines(void *function)
{
    void *first;
    void *base;
    return object_of((void *)ms_real.malloc, &first) != NULL &&
           object_of(function, &base) != NULL && base == first;
}

static bool from_one_object(void)
{
    void *const functions[] = {(void *)ms_real.free, (void *)ms_real.calloc,
                               (void *)ms_real.realloc, (void *)ms_real.posix_memalign,
                               (void *)ms_real.malloc_usable_size};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (!ms_allocator_defines(functions[i])) {
            return false;
        }
    }
    return true;
}

static const char *file_name(const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool starts_with(const char *text, const char *start)
{
    return text != NULL && strncmp(text, start, strlen(start)) == 0;
}

bool ms_allocator_is_glibc(void)
{
    const char *name = file_name(ms_allocator_path());
    return starts_with(name, "libc.so") || starts_with(name, "libc-2");
}

static bool header_agrees(const void *block)
{
    uint64_t size = ((const ms_tag_word *)block)[-1];
    return ((uintptr_t)block & 15) == 0 && (size & 10) == 0 &&
           (size & ~UINT64_C(15)) - 8 == ms_real.malloc_usable_size((void *)block);
}

/*
 * Nothing here is counted yet: what the allocator takes for itself at its first call, such as
 * tcmalloc's malloc_usable_size, which calls operator new, cannot lead back to itself.
 *
 * Two blocks of each size: all usable bytes of the first may be written without touching the
 * second, the size stays what it was, and a moving realloc keeps the contents.
 */
static bool works_at(size_t bytes, bool *headers)
{
    unsigned char *block = ms_real.malloc(bytes);
    unsigned char *other = ms_real.malloc(bytes);
    bool good = block != NULL && other != NULL;
    size_t usable = good ? ms_real.malloc_usable_size(block) : 0;
    if (good) {
        size_t other_usable = ms_real.malloc_usable_size(other);
        good = usable >= bytes && other_usable >= bytes;
        memset(other, 0x5a, other_usable);
        memset(block, 0xa5, usable);
        for (size_t i = 0; good && i < other_usable; i++) {
            good = other[i] == 0x5a;
        }
        good = good && ms_real.malloc_usable_size(block) == usable;
        *headers = *headers && header_agrees(block) && header_agrees(other);
    }
    if (good) {
        unsigned char *moved = ms_real.realloc(block, bytes + 100);
        good = moved != NULL;
        block = moved != NULL ? moved : block;
        for (size_t i = 0; good && i < usable && i < bytes + 100; i++) {
            good = block[i] == 0xa5;
        }
    }
    ms_real.free(block);
    ms_real.free(other);
    return good;
}

static bool aligned_works(bool *headers)
{
    void *block = NULL;
    if (ms_real.posix_memalign(&block, 64, 80) != 0) {
        return false;
    }
    bool good = ((uintptr_t)block & 63) == 0 && ms_real.malloc_usable_size(block) >= 80;
    *headers = *headers && header_agrees(block);
    ms_real.free(block);
    return good;
}

static bool self_test(bool *headers)
{
    for (size_t bytes = 16; bytes <= TRIED_MAX; bytes += bytes / 2 + 7) {
        if (!works_at(bytes, headers)) {
            return false;
        }
    }
    return aligned_works(headers);
}

/*
 * Does any form of new or delete come from elsewhere than the C++ runtime or the allocator? The
 * runtime's forms call each other: a program that replaces one of them expects that the others end
 * there, so then ours must not stand in for them.
 */
static bool new_is_replaced(void)
{
    static const char *const forms[] = {
        "_Znwm",  "_Znam",  "_ZnwmSt11align_val_t",  "_ZnamSt11align_val_t",
        "_ZdlPv", "_ZdaPv", "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        void *base;
        void *next = ms_real_symbol(forms[i]);
        const char *name = file_name(object_of(next, &base));
        if (ms_program_defines(forms[i]) ||
            (name != NULL && !ms_allocator_defines(next) && !starts_with(name, "libstdc++") &&
             !starts_with(name, "libc++"))) {
            return true;
        }
    }
    return false;
}

void ms_allocator_examine(void)
{
    bool glibc = ms_allocator_is_glibc();
    bool headers = glibc;
    ms_allocator.foreign_new = new_is_replaced();
    ms_allocator.aligned_alloc_any_size = glibc;
    for (unsigned arena = 0; arena < 2; arena++) {
        ms_allocator.low[arena] = UINTPTR_MAX;
    }
    if (ms_real.malloc_usable_size == NULL) {
        ms_allocator.reason = MS_UNTAGGED_NO_USABLE_SIZE;
    } else if (!from_one_object()) {
        ms_allocator.reason = MS_UNTAGGED_MIXED_OBJECTS;
    } else if (!self_test(&headers)) {
        ms_allocator.reason = MS_UNTAGGED_SELF_TEST;
    } else if (ms_allocator.sized_free_past_us) {
        ms_allocator.reason = MS_UNTAGGED_SIZED_FREE;
        ms_allocator.usable_size = true;
    } else if (!glibc && !ms_allocator.known) {
        ms_allocator.reason = MS_UNTAGGED_UNKNOWN;
        ms_allocator.usable_size = true;
    } else {
        ms_allocator.reason = MS_TAGGED;
        ms_allocator.usable_size = true;
        ms_allocator.glibc_headers = headers;
        ms_allocator.tags = true;
    }
}

void ms_allocator_widen(unsigned arena, uintptr_t start, uintptr_t end)
{
    uintptr_t low = __atomic_load_n(&ms_allocator.low[arena], __ATOMIC_RELAXED);
    uintptr_t high = __atomic_load_n(&ms_allocator.high[arena], __ATOMIC_RELAXED);
    /* To the ends of the pages: these are mapped for certain, and the bounds move rarely. */
    start &= ~(uintptr_t)(MS_PAGE_BYTES - 1);
    end = (end + MS_PAGE_BYTES - 1) & ~(uintptr_t)(MS_PAGE_BYTES - 1);
    while (start < low && !__atomic_compare_exchange_n(&ms_allocator.low[arena], &low, start, true,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    while (end > high && !__atomic_compare_exchange_n(&ms_allocator.high[arena], &high, end, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}
