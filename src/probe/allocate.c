/* The colder half of allocating for the program. */
#include "probe/allocate.h"

#include <errno.h>

void *ms_allocate_uncounted(enum ms_gate gate, size_t bytes, size_t alignment)
{
    if (gate == MS_GATE_REAL) {
        return ms_real.malloc(bytes);
    }
    void *block = ms_arena_take(bytes, alignment, ms_initialising());
    if (block == NULL && ms_real.malloc != NULL) {
        block = ms_real.malloc(bytes);
    }
    return block;
}

void *ms_allocate(const struct ms_caller *caller, size_t bytes, enum ms_block_kind kind)
{
    return ms_allocate_inline(caller, bytes, kind);
}

/*
 * Any release: before we are ready, of NULL, of the arena, of blocks that are not ours. Like its
 * callers it is jumped to, so the frame that it returns to is the program's.
 */
static __attribute__((noinline)) void release_slowly(void *block, enum ms_releaser releaser)
{
    const struct ms_caller caller = MS_CALLER();
    const struct ms_release release = {&caller, releaser};
    enum ms_gate gate = ms_gate();
    if (block == NULL) {
        return;
    }
    if (ms_arena_holds(block)) {
        ms_free_arena(block);
        return;
    }
    if (gate == MS_GATE_ARENA) {
        return; /* too early: nothing but the arena has given blocks yet */
    }
    if (gate == MS_GATE_COUNT) {
        ms_block_freed(ms_current_thread(), block, &release);
    }
    ms_real.free(block);
}

/* A release by another way than that of headers, of NULL, of the arena. */
MS_INLINE void release_generally(void *block, enum ms_releaser releaser)
{
    bool real = ms_way == MS_WAY_GENERAL ? block != NULL && ms_event_freed(block, false, releaser)
                                         : ms_ready == MS_READY_COUNTING && !ms_arena_holds(block);
    if (MS_LIKELY(real)) {
        ms_real.free(block);
    } else {
        release_slowly(block, releaser);
    }
}

static __attribute__((noinline)) void free_generally(void *block)
{
    release_generally(block, MS_RELEASER_FREE);
}

static __attribute__((noinline)) void delete_generally(void *block)
{
    release_generally(block, MS_RELEASER_DELETE);
}

static __attribute__((noinline)) void delete_array_generally(void *block)
{
    release_generally(block, MS_RELEASER_DELETE_ARRAY);
}

/* Compiled for each releaser, so that the comparison of the kind costs nothing. */
MS_INLINE void release_by(void *block, enum ms_releaser releaser, void (*otherwise)(void *))
{
    if (MS_LIKELY(ms_way == MS_WAY_HEADERS && block != NULL)) {
        if (MS_LIKELY(ms_event_freed(block, true, releaser))) {
            ms_real.free(block);
        } else {
            release_slowly(block, releaser);
        }
    } else {
        otherwise(block);
    }
}

void ms_release(void *block)
{
    release_by(block, MS_RELEASER_FREE, free_generally);
}

void ms_release_new(void *block)
{
    release_by(block, MS_RELEASER_DELETE, delete_generally);
}

void ms_release_new_array(void *block)
{
    release_by(block, MS_RELEASER_DELETE_ARRAY, delete_array_generally);
}

void ms_free_arena(void *block)
{
    if (ms_ready == MS_READY_COUNTING) {
        ms_arena_block_freed(ms_current_thread(), block);
    } else {
        __atomic_store_n(&ms_arena_header(block)->live, 0, __ATOMIC_RELAXED);
    }
}

void ms_allocation_failed(const struct ms_caller *caller)
{
    if (ms_ready == MS_READY_COUNTING) {
        ms_count_failed(ms_current_thread(), caller);
    }
}

int ms_allocate_aligned(const struct ms_caller *caller, void **to, size_t alignment, size_t bytes,
                        enum ms_block_kind kind)
{
    enum ms_gate gate = ms_gate();
    if (MS_UNLIKELY(gate == MS_GATE_ARENA)) {
        *to = ms_arena_take(bytes, alignment, ms_initialising());
        return *to == NULL ? ENOMEM : 0;
    }
    struct ms_thread_state *state = gate == MS_GATE_COUNT ? ms_current_thread() : NULL;
    if (state == NULL || !state->tracked) {
        if (gate == MS_GATE_COUNT) {
            ms_pass_untracked(state);
        }
        return ms_real.posix_memalign(to, alignment, bytes);
    }
    /* Where classes are multiples of the alignment, 16 bytes more may cost a whole class. */
    size_t request =
        ms_allocator.glibc_headers || alignment <= 16 ? ms_size_with_tag(bytes) : bytes;
    void *block = NULL;
    int error = ms_real.posix_memalign(&block, alignment, request);
    if (error != 0 && request != bytes) {
        error = ms_real.posix_memalign(&block, alignment, bytes);
    }
    if (error != 0) {
        return error;
    }
    ms_block_allocated(state, caller, block, bytes, kind);
    *to = block;
    return 0;
}
