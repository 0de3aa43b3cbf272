/*
 * C++ operator new and delete under their mangled names. New is the real malloc; when it has no
 * memory the next operator new takes over with its new_handler and its exception. Every delete,
 * sized and aligned or not, ends in the real free: the size is the program's, not the block's.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

#include "probe/allocate.h"

typedef size_t align_type; /* std::align_val_t */

/*
 * The operator new behind ours. A library opened RTLD_LOCAL brings a C++ runtime that the global
 * order does not show: then the caller's own search order is asked.
 */
static void *next_operator(const char *name, uintptr_t caller)
{
    /* Names are literals of this file, so their addresses tell them apart. */
    static struct {
        const char *_Atomic name;
        void *_Atomic function;
    } known[32];
    for (unsigned i = 0; i < 32 && known[i].name != NULL; i++) {
        if (known[i].name == name && known[i].function != NULL) {
            return known[i].function;
        }
    }
    void *found = ms_real_symbol(name);
    for (unsigned i = 0; found != NULL && i < 32; i++) {
        const char *unused = NULL;
        if (atomic_compare_exchange_strong(&known[i].name, &unused, name)) {
            known[i].function = found;
            break;
        }
    }
    Dl_info info;
    if (found == NULL && dladdr((void *)caller, &info) != 0 && info.dli_fname != NULL) {
        void *handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
        found = handle == NULL ? NULL : dlsym(handle, name);
    }
    return found;
}

/* For a new that got no memory: the next one, whose failure is counted here or by our malloc. */
static void *next_new(const char *name, const struct ms_caller *caller)
{
    void *found = next_operator(name, caller->return_address);
    if (!ms_allocator.foreign_new && (found == NULL || ms_allocator_defines(found))) {
        ms_allocation_failed(caller);
    }
    return found;
}

/*
 * What the next operator new returns after all: it has asked our malloc, but the block is one of
 * new. Where new is not the runtime's, neither is delete, and both end in malloc and free.
 */
static void *as_kind(void *block, enum ms_block_kind kind)
{
    if (!ms_allocator.foreign_new) {
        ms_block_set_kind(block, kind);
    }
    return block;
}

/* NULL also when a form of new belongs to some other object than a C++ runtime: that one decides.
 */
static inline void *allocate_plain(const struct ms_caller *caller, size_t bytes,
                                   enum ms_block_kind kind)
{
    void *block = MS_UNLIKELY(ms_allocator.foreign_new) ? NULL : ms_allocate(caller, bytes, kind);
    return block;
}

static void *allocate_aligned(const struct ms_caller *caller, size_t bytes, size_t alignment,
                              enum ms_block_kind kind)
{
    void *block = NULL;
    if (ms_allocator.foreign_new || alignment < sizeof(void *) ||
        ms_allocate_aligned(caller, &block, alignment, bytes, kind) != 0) {
        return NULL;
    }
    return block;
}

MS_EXPORT void *_Znwm(size_t bytes);
void *_Znwm(size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = allocate_plain(&caller, bytes, MS_BLOCK_NEW);
    if (MS_UNLIKELY(block == NULL)) {
        void *(*next)(size_t);
        *(void **)&next = next_new("_Znwm", &caller);
        return next == NULL ? NULL : as_kind(next(bytes), MS_BLOCK_NEW);
    }
    return block;
}

MS_EXPORT void *_Znam(size_t bytes);
void *_Znam(size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = allocate_plain(&caller, bytes, MS_BLOCK_NEW_ARRAY);
    if (MS_UNLIKELY(block == NULL)) {
        void *(*next)(size_t);
        *(void **)&next = next_new("_Znam", &caller);
        return next == NULL ? NULL : as_kind(next(bytes), MS_BLOCK_NEW_ARRAY);
    }
    return block;
}

MS_EXPORT void *_ZnwmRKSt9nothrow_t(size_t bytes, const void *nothrow);
void *_ZnwmRKSt9nothrow_t(size_t bytes, const void *nothrow)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = allocate_plain(&caller, bytes, MS_BLOCK_NEW);
    if (MS_UNLIKELY(block == NULL)) {
        void *(*next)(size_t, const void *);
        *(void **)&next = next_new("_ZnwmRKSt9nothrow_t", &caller);
        return next == NULL ? NULL : as_kind(next(bytes, nothrow), MS_BLOCK_NEW);
    }
    return block;
}

MS_EXPORT void *_ZnamRKSt9nothrow_t(size_t bytes, const void *nothrow);
void *_ZnamRKSt9nothrow_t(size_t bytes, const void *nothrow)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = allocate_plain(&caller, bytes, MS_BLOCK_NEW_ARRAY);
    if (MS_UNLIKELY(block == NULL)) {
        void *(*next)(size_t, const void *);
        *(void **)&next = next_new("_ZnamRKSt9nothrow_t", &caller);
        return next == NULL ? NULL : as_kind(next(bytes, nothrow), MS_BLOCK_NEW_ARRAY);
    }
    return block;
}

MS_EXPORT void *_ZnwmSt11align_val_t(size_t bytes, align_type alignment);
void *_ZnwmSt11align_val_t(size_t bytes, align_type alignment)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = allocate_aligned(&caller, bytes, alignment, MS_BLOCK_NEW);
    if (MS_UNLIKELY(block == NULL)) {
        void *(*next)(size_t, align_type);
        *(void **)&next = next_new("_ZnwmSt11align_val_t", &caller);
        return next == NULL ? NULL : as_kind(next(bytes, alignment), MS_BLOCK_NEW);
    }
    return block;
}

MS_EXPORT void *_ZnamSt11align_val_t(size_t bytes, align_type alignment);
void *_ZnamSt11align_val_t(size_t bytes, align_type alignment)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = allocate_aligned(&caller, bytes, alignment, MS_BLOCK_NEW_ARRAY);
    if (MS_UNLIKELY(block == NULL)) {
        void *(*next)(size_t, align_type);
        *(void **)&next = next_new("_ZnamSt11align_val_t", &caller);
        return next == NULL ? NULL : as_kind(next(bytes, alignment), MS_BLOCK_NEW_ARRAY);
    }
    return block;
}

MS_EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, align_type alignment,
                                                   const void *nothrow);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, align_type alignment, const void *nothrow)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = allocate_aligned(&caller, bytes, alignment, MS_BLOCK_NEW);
    if (MS_UNLIKELY(block == NULL)) {
        void *(*next)(size_t, align_type, const void *);
        *(void **)&next = next_new("_ZnwmSt11align_val_tRKSt9nothrow_t", &caller);
        return next == NULL ? NULL : as_kind(next(bytes, alignment, nothrow), MS_BLOCK_NEW);
    }
    return block;
}

MS_EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, align_type alignment,
                                                   const void *nothrow);
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, align_type alignment, const void *nothrow)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = allocate_aligned(&caller, bytes, alignment, MS_BLOCK_NEW_ARRAY);
    if (MS_UNLIKELY(block == NULL)) {
        void *(*next)(size_t, align_type, const void *);
        *(void **)&next = next_new("_ZnamSt11align_val_tRKSt9nothrow_t", &caller);
        return next == NULL ? NULL : as_kind(next(bytes, alignment, nothrow), MS_BLOCK_NEW_ARRAY);
    }
    return block;
}

/*
 * The delete that belongs to a foreign operator new, to which its blocks go back; NULL: ours is
 * asked.
 */
static inline void *foreign_delete(const char *name, uintptr_t caller)
{
    return MS_UNLIKELY(ms_allocator.foreign_new) ? next_operator(name, caller) : NULL;
}

static inline void release(void *block, uintptr_t caller)
{
    void (*next)(void *);
    *(void **)&next = foreign_delete("_ZdlPv", caller);
    if (MS_UNLIKELY(next != NULL)) {
        next(block);
        return;
    }
    ms_release_new(block);
}

static inline void release_array(void *block, uintptr_t caller)
{
    void (*next)(void *);
    *(void **)&next = foreign_delete("_ZdaPv", caller);
    if (MS_UNLIKELY(next != NULL)) {
        next(block);
        return;
    }
    ms_release_new_array(block);
}

static inline void release_aligned(void *block, size_t alignment, uintptr_t caller)
{
    void (*next)(void *, align_type);
    *(void **)&next = foreign_delete("_ZdlPvSt11align_val_t", caller);
    if (MS_UNLIKELY(next != NULL)) {
        next(block, alignment);
        return;
    }
    ms_release_new(block);
}

static inline void release_array_aligned(void *block, size_t alignment, uintptr_t caller)
{
    void (*next)(void *, align_type);
    *(void **)&next = foreign_delete("_ZdaPvSt11align_val_t", caller);
    if (MS_UNLIKELY(next != NULL)) {
        next(block, alignment);
        return;
    }
    ms_release_new_array(block);
}

MS_EXPORT void _ZdlPv(void *block);
void _ZdlPv(void *block)
{
    release(block, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdlPvm(void *block, size_t bytes);
void _ZdlPvm(void *block, size_t bytes)
{
    (void)bytes;
    release(block, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdlPvRKSt9nothrow_t(void *block, const void *nothrow);
void _ZdlPvRKSt9nothrow_t(void *block, const void *nothrow)
{
    (void)nothrow;
    release(block, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdlPvSt11align_val_t(void *block, align_type alignment);
void _ZdlPvSt11align_val_t(void *block, align_type alignment)
{
    release_aligned(block, alignment, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdlPvmSt11align_val_t(void *block, size_t bytes, align_type alignment);
void _ZdlPvmSt11align_val_t(void *block, size_t bytes, align_type alignment)
{
    (void)bytes;
    release_aligned(block, alignment, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *block, align_type alignment,
                                                   const void *nothrow);
void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *block, align_type alignment, const void *nothrow)
{
    (void)nothrow;
    release_aligned(block, alignment, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdaPv(void *block);
void _ZdaPv(void *block)
{
    release_array(block, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdaPvm(void *block, size_t bytes);
void _ZdaPvm(void *block, size_t bytes)
{
    (void)bytes;
    release_array(block, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdaPvRKSt9nothrow_t(void *block, const void *nothrow);
void _ZdaPvRKSt9nothrow_t(void *block, const void *nothrow)
{
    (void)nothrow;
    release_array(block, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdaPvSt11align_val_t(void *block, align_type alignment);
void _ZdaPvSt11align_val_t(void *block, align_type alignment)
{
    release_array_aligned(block, alignment, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdaPvmSt11align_val_t(void *block, size_t bytes, align_type alignment);
void _ZdaPvmSt11align_val_t(void *block, size_t bytes, align_type alignment)
{
    (void)bytes;
    release_array_aligned(block, alignment, (uintptr_t)__builtin_return_address(0));
}

MS_EXPORT void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *block, align_type alignment,
                                                   const void *nothrow);
void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *block, align_type alignment, const void *nothrow)
{
    (void)nothrow;
    release_array_aligned(block, alignment, (uintptr_t)__builtin_return_address(0));
}
