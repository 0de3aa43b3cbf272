/* The malloc family as the program calls it. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "probe/allocate.h"

static __attribute__((noinline)) void *malloc_for(const struct ms_caller *caller, size_t bytes)
{
    void *block = ms_allocate(caller, bytes, MS_BLOCK_MALLOC);
    if (MS_UNLIKELY(block == NULL)) {
        ms_allocation_failed(caller);
    }
    return block;
}

/* Everything but the most frequent ways of malloc. Its caller is malloc's: it is jumped to. */
static __attribute__((noinline)) void *malloc_otherwise(size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    return malloc_for(&caller, bytes);
}

/* The way by headers, of a tracked thread; jumped to as well. */
static __attribute__((noinline)) void *malloc_tracked(size_t bytes)
{
    size_t request = bytes <= MS_TAG_USABLE_MAX - MS_TAG_BYTES ? bytes + MS_TAG_BYTES : bytes;
    void *block = ms_real.malloc(request);
    const struct ms_caller caller = MS_CALLER(); /* now, or it would have to be kept meanwhile */
    if (MS_LIKELY(block != NULL)) {
        ms_event_allocated(ms_thread_state, caller, block, bytes, MS_BLOCK_MALLOC, true);
        return block;
    }
    return malloc_for(&caller, bytes);
}

/* No more than the choice of the way, so that a thread that is not tracked pays for nothing else.
 */
MS_EXPORT void *malloc(size_t bytes)
{
    struct ms_thread_state *state;
    if (MS_LIKELY(ms_ready == MS_READY_COUNTING && (state = ms_thread_state) != NULL &&
                  state->key != 0)) {
        if (MS_LIKELY(state->tracked && ms_way == MS_WAY_HEADERS)) {
            return malloc_tracked(bytes);
        }
        if (!state->tracked && --state->tracking.events_until_look > 0) {
            return ms_real.malloc(bytes);
        }
    }
    return malloc_otherwise(bytes);
}

MS_EXPORT void free(void *block)
{
    ms_release(block);
}

static void *calloc_early(enum ms_gate gate, size_t count, size_t each)
{
    if (gate == MS_GATE_REAL) {
        return ms_real.calloc(count, each);
    }
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        return NULL;
    }
    void *block = ms_arena_take(bytes, 16, ms_initialising()); /* the arena is zero */
    return block == NULL && ms_real.calloc != NULL ? ms_real.calloc(count, each) : block;
}

MS_EXPORT void *calloc(size_t count, size_t each)
{
    const struct ms_caller caller = MS_CALLER();
    enum ms_gate gate = ms_gate();
    if (MS_UNLIKELY(gate != MS_GATE_COUNT)) {
        return calloc_early(gate, count, each);
    }
    struct ms_thread_state *state = ms_current_thread();
    if (MS_UNLIKELY(state == NULL || !state->tracked)) {
        ms_pass_untracked(state);
        return ms_real.calloc(count, each);
    }
    size_t bytes;
    void *block = NULL;
    if (!__builtin_mul_overflow(count, each, &bytes)) {
        size_t request = ms_size_with_tag(bytes);
        block = request != bytes ? ms_real.calloc(1, request) : NULL;
    }
    if (MS_UNLIKELY(block == NULL)) {
        block = ms_real.calloc(count, each);
        if (block == NULL) {
            ms_count_failed(state, &caller);
            return NULL;
        }
    }
    ms_block_allocated(state, &caller, block, bytes, MS_BLOCK_MALLOC);
    return block;
}

/* An arena block cannot grow: it moves to the real allocator. */
static void *realloc_arena(const struct ms_caller *caller, void *block, size_t bytes)
{
    if (bytes == 0) {
        ms_free_arena(block);
        return NULL;
    }
    void *moved = ms_allocate(caller, bytes, MS_BLOCK_MALLOC);
    if (moved != NULL) {
        size_t old = (size_t)ms_arena_header(block)->bytes;
        /* By hand and volatile: before relocation there is no memcpy to call. */
        const volatile unsigned char *from = block;
        volatile unsigned char *to = moved;
        for (size_t i = 0; i < old && i < bytes; i++) {
            to[i] = from[i];
        }
        ms_free_arena(block);
    }
    return moved;
}

/* A live block of the real allocator that gets a new size. */
static void *realloc_block(const struct ms_caller *caller, void *block, size_t bytes)
{
    struct ms_block_claim claim;
    struct ms_thread_state *state = ms_current_thread();
    bool tracked = state != NULL && state->tracked;
    size_t request = tracked && bytes != 0 ? ms_size_with_tag(bytes) : bytes;
    const struct ms_release release = {caller, MS_RELEASER_REALLOC};
    ms_block_claim(state, block, &claim, &release);
    void *moved = ms_real.realloc(block, request);
    if (moved == NULL && request != bytes) {
        moved = ms_real.realloc(block, bytes);
    }
    if (moved == NULL && bytes != 0) {
        ms_block_restore(block, &claim);
        ms_count_failed(state, caller);
        return NULL;
    }
    ms_block_settle(state, block, &claim);
    if (moved == NULL) {
        return NULL; /* size 0: freed */
    }
    if (tracked) {
        ms_block_allocated(state, caller, moved, bytes, MS_BLOCK_REALLOC);
    } else {
        if (moved == block) {
            ms_block_forget(block, &claim);
        }
        ms_pass_untracked(state);
    }
    return moved;
}

static void *reallocate(const struct ms_caller *caller, void *block, size_t bytes)
{
    if (block == NULL) {
        void *fresh = ms_allocate(caller, bytes, MS_BLOCK_MALLOC);
        if (fresh == NULL) {
            ms_allocation_failed(caller);
        }
        return fresh;
    }
    if (MS_UNLIKELY(ms_arena_holds(block))) {
        return realloc_arena(caller, block, bytes);
    }
    enum ms_gate gate = ms_gate();
    if (MS_UNLIKELY(gate != MS_GATE_COUNT)) {
        return gate == MS_GATE_REAL ? ms_real.realloc(block, bytes) : NULL;
    }
    return realloc_block(caller, block, bytes);
}

MS_EXPORT void *realloc(void *block, size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    return reallocate(&caller, block, bytes);
}

MS_EXPORT void *reallocarray(void *block, size_t count, size_t each)
{
    const struct ms_caller caller = MS_CALLER();
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        errno = ENOMEM;
        ms_allocation_failed(&caller);
        return NULL;
    }
    return reallocate(&caller, block, bytes);
}

MS_EXPORT int posix_memalign(void **to, size_t alignment, size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    int error = ms_allocate_aligned(&caller, to, alignment, bytes, MS_BLOCK_MALLOC);
    if (MS_UNLIKELY(error != 0)) {
        ms_allocation_failed(&caller);
    }
    return error;
}

typedef void *aligned_function(size_t, size_t);

/* memalign and aligned_alloc: their own rules for alignment and size stay the real function's. */
static void *allocate_by(aligned_function *real, const struct ms_caller *caller, size_t alignment,
                         size_t bytes, bool may_grow)
{
    enum ms_gate gate = ms_gate();
    if (MS_UNLIKELY(gate == MS_GATE_ARENA)) {
        return ms_arena_take(bytes, alignment, ms_initialising());
    }
    if (real == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    struct ms_thread_state *state = gate == MS_GATE_COUNT ? ms_current_thread() : NULL;
    if (state == NULL || !state->tracked) {
        if (gate == MS_GATE_COUNT) {
            ms_pass_untracked(state);
        }
        return real(alignment, bytes);
    }
    size_t request = may_grow && ms_allocator.glibc_headers ? ms_size_with_tag(bytes) : bytes;
    void *block = real(alignment, request);
    if (block == NULL && request != bytes) {
        block = real(alignment, bytes);
    }
    if (block == NULL) {
        ms_count_failed(state, caller);
        return NULL;
    }
    ms_block_allocated(state, caller, block, bytes, MS_BLOCK_MALLOC);
    return block;
}

MS_EXPORT void *memalign(size_t alignment, size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    return allocate_by(ms_real.memalign, &caller, alignment, bytes, true);
}

MS_EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    return allocate_by(ms_real.aligned_alloc, &caller, alignment, bytes,
                       ms_allocator.aligned_alloc_any_size);
}

/* valloc and pvalloc take no alignment; the shared path passes one that they ignore. */
static void *real_valloc(size_t alignment, size_t bytes)
{
    (void)alignment;
    return ms_real.valloc(bytes);
}

static void *real_pvalloc(size_t alignment, size_t bytes)
{
    (void)alignment;
    return ms_real.pvalloc(bytes);
}

MS_EXPORT void *valloc(size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    return allocate_by(ms_real.valloc == NULL ? NULL : real_valloc, &caller, 4096, bytes, false);
}

MS_EXPORT void *pvalloc(size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    return allocate_by(ms_real.pvalloc == NULL ? NULL : real_pvalloc, &caller, 4096, bytes, false);
}

MS_EXPORT size_t malloc_usable_size(void *block)
{
    if (block == NULL) {
        return 0;
    }
    if (MS_UNLIKELY(ms_arena_holds(block))) {
        return (size_t)ms_arena_header(block)->bytes;
    }
    if (MS_UNLIKELY(ms_gate() != MS_GATE_COUNT)) {
        return ms_real.malloc_usable_size == NULL ? 0 : ms_real.malloc_usable_size(block);
    }
    return ms_block_usable(ms_current_thread(), block);
}

/* C23. The sizes are the program's word for it; the block is larger by the tag. */
MS_EXPORT void free_sized(void *block, size_t bytes);
MS_EXPORT void free_aligned_sized(void *block, size_t alignment, size_t bytes);

void free_sized(void *block, size_t bytes)
{
    (void)bytes;
    ms_release(block);
}

void free_aligned_sized(void *block, size_t alignment, size_t bytes)
{
    (void)alignment;
    (void)bytes;
    ms_release(block);
}
