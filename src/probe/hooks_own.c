/*
 * Functions that allocators export under names of their own. With a tag a block is larger than the
 * program says, so a sized deallocation that goes past us would believe the program and damage the
 * heap; and what is allocated or freed past us is missing in the figures.
 *
 * Those that equal a function of the malloc family lead to our hook of it. jemalloc's have hooks
 * here. The others are passed on: the first call is noted, and a block of ours that goes in is
 * taken out of the books first, tag and all, since some of them promise zeroes behind the block.
 */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "probe/allocate.h"
#include "probe/process.h"
#include "probe/redirect.h"
#include "probe/unseen.h"

static void *(*next_mallocx)(size_t, int);
static void *(*next_rallocx)(void *, size_t, int);
static size_t (*next_xallocx)(void *, size_t, size_t, int);
static size_t (*next_sallocx)(const void *, int);
static void (*next_dallocx)(void *, int);
static size_t (*next_nallocx)(size_t, int);
static void *(*next_rezalloc)(void *, size_t);

void *_Znwm(size_t bytes);
void *_ZnwmRKSt9nothrow_t(size_t bytes, const void *nothrow);
void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment, const void *nothrow);

/* Blocks of the bootstrap arena and calls before the start are nothing that is counted here. */
static bool counts(const void *block)
{
    return ms_gate() == MS_GATE_COUNT && !ms_arena_holds(block);
}

static void *hook_mallocx(size_t bytes, int flags)
{
    const struct ms_caller caller = MS_CALLER();
    struct ms_thread_state *state = ms_gate() == MS_GATE_COUNT ? ms_current_thread() : NULL;
    if (state == NULL || !state->tracked) {
        if (ms_ready == MS_READY_COUNTING) {
            ms_pass_untracked(state);
        }
        return next_mallocx(bytes, flags);
    }
    /* The program may ask nallocx how much it gets and use all of that. */
    size_t whole = next_nallocx(bytes, flags);
    size_t request = whole != 0 ? ms_size_with_tag(whole) : bytes;
    void *block = next_mallocx(request, flags);
    if (block == NULL && request != bytes) {
        block = next_mallocx(bytes, flags);
    }
    if (block == NULL) {
        ms_count_failed(state, &caller);
    } else {
        ms_block_allocated(state, &caller, block, bytes, MS_BLOCK_MALLOC);
    }
    return block;
}

/* Takes a block out of the books before its size changes. No trace of a tag stays. */
static void claim(struct ms_thread_state *state, void *block, struct ms_block_claim *claimed,
                  const struct ms_caller *caller)
{
    const struct ms_release release = {caller, MS_RELEASER_ANY};
    ms_block_claim(state, block, claimed, &release);
    if (claimed->tagged) {
        memset(ms_tag_at(block, claimed->usable), 0, MS_TAG_BYTES);
    }
}

static void enter_again(struct ms_thread_state *state, const struct ms_caller *caller, void *block,
                        size_t bytes)
{
    if (state != NULL && state->tracked) {
        ms_block_allocated(state, caller, block, bytes, MS_BLOCK_REALLOC);
    } else {
        ms_pass_untracked(state);
    }
}

/* Into the books again as `moved`; NULL: the call failed, the block is what it was. */
static void *resized(struct ms_thread_state *state, const struct ms_caller *caller, void *block,
                     const struct ms_block_claim *claimed, void *moved, size_t bytes)
{
    if (moved == NULL) {
        ms_block_restore(block, claimed);
        ms_count_failed(state, caller);
        return NULL;
    }
    ms_block_settle(state, block, claimed);
    enter_again(state, caller, moved, bytes);
    return moved;
}

static void *hook_rallocx(void *block, size_t bytes, int flags)
{
    const struct ms_caller caller = MS_CALLER();
    if (!counts(block)) {
        return ms_arena_holds(block) ? realloc(block, bytes) : next_rallocx(block, bytes, flags);
    }
    struct ms_block_claim claimed;
    struct ms_thread_state *state = ms_current_thread();
    size_t whole = next_nallocx(bytes, flags);
    size_t request =
        state != NULL && state->tracked && whole != 0 ? ms_size_with_tag(whole) : bytes;
    claim(state, block, &claimed, &caller);
    void *moved = next_rallocx(block, request, flags);
    if (moved == NULL && request != bytes) {
        moved = next_rallocx(block, bytes, flags);
    }
    return resized(state, &caller, block, &claimed, moved, bytes);
}

/* In place: what it did is told by the size that it returns. */
static size_t hook_xallocx(void *block, size_t bytes, size_t extra, int flags)
{
    const struct ms_caller caller = MS_CALLER();
    if (!counts(block)) {
        return ms_arena_holds(block) ? malloc_usable_size(block)
                                     : next_xallocx(block, bytes, extra, flags);
    }
    struct ms_block_claim claimed;
    struct ms_thread_state *state = ms_current_thread();
    size_t before = next_sallocx(block, flags);
    claim(state, block, &claimed, &caller);
    size_t after = next_xallocx(block, bytes, extra, flags);
    if (after == before) {
        ms_block_restore(block, &claimed);
        return ms_block_usable(state, block);
    }
    size_t larger = bytes > SIZE_MAX - extra ? SIZE_MAX : bytes + extra;
    size_t kept = after < bytes ? after : after < larger ? after : larger;
    ms_block_settle(state, block, &claimed);
    enter_again(state, &caller, block, kept);
    return ms_block_usable(state, block);
}

static size_t hook_sallocx(void *block, int flags)
{
    (void)flags;
    return malloc_usable_size(block);
}

static void hook_dallocx(void *block, int flags)
{
    const struct ms_caller caller = MS_CALLER();
    const struct ms_release release = {&caller, MS_RELEASER_ANY};
    if (ms_arena_holds(block)) {
        ms_free_arena(block);
        return;
    }
    if (block != NULL && ms_gate() == MS_GATE_COUNT) {
        ms_block_freed(ms_current_thread(), block, &release);
    }
    next_dallocx(block, flags);
}

static void hook_sdallocx(void *block, size_t bytes, int flags)
{
    (void)bytes;
    hook_dallocx(block, flags);
}

static void *hook_zalloc(size_t bytes)
{
    return calloc(1, bytes);
}

static void *hook_mallocn(size_t count, size_t each)
{
    return reallocarray(NULL, count, each);
}

/*
 * mimalloc has one free for all its functions: what its new returns is no other block than one of
 * its malloc. Without memory the operator that belongs to it has its handler and its exception.
 */
static void *mi_block(const struct ms_caller *caller, size_t bytes, size_t alignment)
{
    void *block = NULL;
    if (alignment == 0) {
        block = ms_allocate(caller, bytes, MS_BLOCK_MALLOC);
    } else if (alignment >= sizeof(void *)) {
        (void)ms_allocate_aligned(caller, &block, alignment, bytes, MS_BLOCK_MALLOC);
    }
    return block;
}

static void *mi_block_after_all(void *block)
{
    ms_block_set_kind(block, MS_BLOCK_MALLOC);
    return block;
}

static void *hook_mi_new(size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = mi_block(&caller, bytes, 0);
    return block != NULL ? block : mi_block_after_all(_Znwm(bytes));
}

static void *hook_mi_new_nothrow(size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = mi_block(&caller, bytes, 0);
    return block != NULL ? block : mi_block_after_all(_ZnwmRKSt9nothrow_t(bytes, NULL));
}

static void *hook_mi_new_aligned(size_t bytes, size_t alignment)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = mi_block(&caller, bytes, alignment);
    return block != NULL ? block : mi_block_after_all(_ZnwmSt11align_val_t(bytes, alignment));
}

static void *hook_mi_new_aligned_nothrow(size_t bytes, size_t alignment)
{
    const struct ms_caller caller = MS_CALLER();
    void *block = mi_block(&caller, bytes, alignment);
    return block != NULL
               ? block
               : mi_block_after_all(_ZnwmSt11align_val_tRKSt9nothrow_t(bytes, alignment, NULL));
}

static void *hook_malloc_aligned(size_t bytes, size_t alignment)
{
    void *block = NULL;
    int error =
        posix_memalign(&block, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes);
    return error == 0 ? block : NULL;
}

/* mimalloc's never changes anything: it says whether the block has that room. */
static void *hook_expand(void *block, size_t bytes)
{
    bool room = block != NULL && malloc_usable_size(block) >= bytes;
    return room ? block : NULL;
}

static void *hook_rezalloc(void *block, size_t bytes)
{
    const struct ms_caller caller = MS_CALLER();
    if (block == NULL) {
        return hook_zalloc(bytes);
    }
    if (!counts(block)) {
        return next_rezalloc(block, bytes);
    }
    struct ms_block_claim claimed;
    struct ms_thread_state *state = ms_current_thread();
    claim(state, block, &claimed, &caller);
    void *moved = next_rezalloc(block, bytes);
    return resized(state, &caller, block, &claimed, moved, bytes);
}

static void *hook_recalloc(void *block, size_t count, size_t each)
{
    size_t bytes;
    return __builtin_mul_overflow(count, each, &bytes) ? NULL : hook_rezalloc(block, bytes);
}

/* A block of ours leaves the books. */
static void forget(void *block)
{
    struct ms_block_claim claimed;
    if (block != NULL && counts(block)) {
        struct ms_thread_state *state = ms_current_thread();
        claim(state, block, &claimed, NULL);
        ms_block_settle(state, block, &claimed);
    }
}

/*
 * All arguments of these functions are integers and pointers, six at most: what is passed on
 * without need is ignored. `block` is the argument that may be a block, 1 or 2; 0: none.
 */
#define PASSED(X)                                                                                  \
    X(mi_heap_malloc, 0)                                                                           \
    X(mi_heap_malloc_small, 0)                                                                     \
    X(mi_heap_malloc_aligned, 0)                                                                   \
    X(mi_heap_malloc_aligned_at, 0)                                                                \
    X(mi_heap_zalloc, 0)                                                                           \
    X(mi_heap_zalloc_aligned, 0)                                                                   \
    X(mi_heap_zalloc_aligned_at, 0)                                                                \
    X(mi_heap_calloc, 0)                                                                           \
    X(mi_heap_calloc_aligned, 0)                                                                   \
    X(mi_heap_calloc_aligned_at, 0)                                                                \
    X(mi_heap_mallocn, 0)                                                                          \
    X(mi_heap_strdup, 0)                                                                           \
    X(mi_heap_strndup, 0)                                                                          \
    X(mi_heap_realpath, 0)                                                                         \
    X(mi_heap_alloc_new, 0)                                                                        \
    X(mi_heap_alloc_new_n, 0)                                                                      \
    X(mi_heap_realloc, 2)                                                                          \
    X(mi_heap_reallocf, 2)                                                                         \
    X(mi_heap_reallocn, 2)                                                                         \
    X(mi_heap_realloc_aligned, 2)                                                                  \
    X(mi_heap_realloc_aligned_at, 2)                                                               \
    X(mi_heap_rezalloc, 2)                                                                         \
    X(mi_heap_rezalloc_aligned, 2)                                                                 \
    X(mi_heap_rezalloc_aligned_at, 2)                                                              \
    X(mi_heap_recalloc, 2)                                                                         \
    X(mi_heap_recalloc_aligned, 2)                                                                 \
    X(mi_heap_recalloc_aligned_at, 2)                                                              \
    X(mi_malloc_aligned_at, 0)                                                                     \
    X(mi_zalloc_aligned, 0)                                                                        \
    X(mi_zalloc_aligned_at, 0)                                                                     \
    X(mi_calloc_aligned, 0)                                                                        \
    X(mi_calloc_aligned_at, 0)                                                                     \
    X(mi_realloc_aligned, 1)                                                                       \
    X(mi_realloc_aligned_at, 1)                                                                    \
    X(mi_rezalloc_aligned, 1)                                                                      \
    X(mi_rezalloc_aligned_at, 1)                                                                   \
    X(mi_recalloc_aligned, 1)                                                                      \
    X(mi_recalloc_aligned_at, 1)                                                                   \
    X(mi_aligned_recalloc, 1)                                                                      \
    X(mi_aligned_offset_recalloc, 1)                                                               \
    X(mi_reallocarr, 0)                                                                            \
    X(mi_reallocf, 1)                                                                              \
    X(mi_strdup, 0)                                                                                \
    X(mi_strndup, 0)                                                                               \
    X(mi_realpath, 0)                                                                              \
    X(mi_mbsdup, 0)                                                                                \
    X(mi_wcsdup, 0)                                                                                \
    X(mi_new_n, 0)                                                                                 \
    X(mi_new_realloc, 1)                                                                           \
    X(mi_new_reallocn, 1)                                                                          \
    X(reallocf, 1)                                                                                 \
    X(reallocarr, 0)                                                                               \
    X(_aligned_malloc, 0)

typedef long passed_function(long, long, long, long, long, long);

#define DEFINE_PASSED(name, block)                                                                 \
    static passed_function *next_##name;                                                           \
    static long pass_##name(long a, long b, long c, long d, long e, long f)                        \
    {                                                                                              \
        ms_unseen_note(MS_UNSEEN_OWN_CALL, #name);                                                 \
        forget((void *)(block == 1 ? a : block == 2 ? b : 0));                                     \
        return next_##name(a, b, c, d, e, f);                                                      \
    }
PASSED(DEFINE_PASSED)

/* clang-format off */
#define LED(name, hook)            {name, hook, NULL, NULL, NULL, 0}
#define OURS(name, function)       {name, NULL, (void *)(function), NULL, NULL, 0}
#define NEXT(name, function, next) {name, NULL, (void *)(function), (void (**)(void))&(next), NULL, 0}
#define PASS(name, block)          NEXT(#name, pass_##name, next_##name),

static struct ms_redirect calls[] = {
    /* C++ sized deallocation: past us only from a library that was opened with RTLD_DEEPBIND. */
    LED("_ZdlPvm", "_ZdlPvm"),
    LED("_ZdaPvm", "_ZdaPvm"),
    LED("_ZdlPvmSt11align_val_t", "_ZdlPvmSt11align_val_t"),
    LED("_ZdaPvmSt11align_val_t", "_ZdaPvmSt11align_val_t"),
    LED("free_sized", "free_sized"),
    LED("free_aligned_sized", "free_aligned_sized"),
    LED("cfree", "free"),
    LED("vfree", "free"),
    LED("malloc_size", "malloc_usable_size"),

    NEXT("mallocx", hook_mallocx, next_mallocx),
    NEXT("rallocx", hook_rallocx, next_rallocx),
    NEXT("xallocx", hook_xallocx, next_xallocx),
    NEXT("sallocx", hook_sallocx, next_sallocx),
    NEXT("dallocx", hook_dallocx, next_dallocx),
    OURS("sdallocx", hook_sdallocx),

    LED("tc_malloc", "malloc"),
    LED("tc_malloc_skip_new_handler", "malloc"),
    LED("tc_free", "free"),
    LED("tc_free_sized", "free_sized"),
    LED("tc_cfree", "free"),
    LED("tc_calloc", "calloc"),
    LED("tc_realloc", "realloc"),
    LED("tc_memalign", "memalign"),
    LED("tc_posix_memalign", "posix_memalign"),
    LED("tc_valloc", "valloc"),
    LED("tc_pvalloc", "pvalloc"),
    LED("tc_malloc_size", "malloc_usable_size"),
    LED("tc_new", "_Znwm"),
    LED("tc_new_nothrow", "_ZnwmRKSt9nothrow_t"),
    LED("tc_new_aligned", "_ZnwmSt11align_val_t"),
    LED("tc_new_aligned_nothrow", "_ZnwmSt11align_val_tRKSt9nothrow_t"),
    LED("tc_newarray", "_Znam"),
    LED("tc_newarray_nothrow", "_ZnamRKSt9nothrow_t"),
    LED("tc_newarray_aligned", "_ZnamSt11align_val_t"),
    LED("tc_newarray_aligned_nothrow", "_ZnamSt11align_val_tRKSt9nothrow_t"),
    LED("tc_delete", "_ZdlPv"),
    LED("tc_delete_nothrow", "_ZdlPvRKSt9nothrow_t"),
    LED("tc_delete_sized", "_ZdlPvm"),
    LED("tc_delete_aligned", "_ZdlPvSt11align_val_t"),
    LED("tc_delete_aligned_nothrow", "_ZdlPvSt11align_val_tRKSt9nothrow_t"),
    LED("tc_delete_sized_aligned", "_ZdlPvmSt11align_val_t"),
    LED("tc_deletearray", "_ZdaPv"),
    LED("tc_deletearray_nothrow", "_ZdaPvRKSt9nothrow_t"),
    LED("tc_deletearray_sized", "_ZdaPvm"),
    LED("tc_deletearray_aligned", "_ZdaPvSt11align_val_t"),
    LED("tc_deletearray_aligned_nothrow", "_ZdaPvSt11align_val_tRKSt9nothrow_t"),
    LED("tc_deletearray_sized_aligned", "_ZdaPvmSt11align_val_t"),
    LED("MallocExtension_GetAllocatedSize", "malloc_usable_size"),

    LED("mi_malloc", "malloc"),
    LED("mi_malloc_small", "malloc"),
    LED("mi_calloc", "calloc"),
    LED("mi_realloc", "realloc"),
    LED("mi_reallocn", "reallocarray"),
    LED("mi_reallocarray", "reallocarray"),
    LED("mi_free", "free"),
    LED("mi_cfree", "free"),
    LED("mi_free_size", "free"),
    LED("mi_free_aligned", "free"),
    LED("mi_free_size_aligned", "free"),
    LED("mi_memalign", "memalign"),
    LED("mi_aligned_alloc", "aligned_alloc"),
    LED("mi_posix_memalign", "posix_memalign"),
    LED("mi_valloc", "valloc"),
    LED("mi_pvalloc", "pvalloc"),
    LED("mi_usable_size", "malloc_usable_size"),
    LED("mi_malloc_size", "malloc_usable_size"),
    LED("mi_malloc_usable_size", "malloc_usable_size"),
    OURS("mi_new", hook_mi_new),
    OURS("mi_new_nothrow", hook_mi_new_nothrow),
    OURS("mi_new_aligned", hook_mi_new_aligned),
    OURS("mi_new_aligned_nothrow", hook_mi_new_aligned_nothrow),
    OURS("mi_zalloc", hook_zalloc),
    OURS("mi_zalloc_small", hook_zalloc),
    OURS("mi_mallocn", hook_mallocn),
    OURS("mi_malloc_aligned", hook_malloc_aligned),
    OURS("mi_expand", hook_expand),
    OURS("mi__expand", hook_expand),
    OURS("mi_recalloc", hook_recalloc),
    NEXT("mi_rezalloc", hook_rezalloc, next_rezalloc),
    PASSED(PASS)
};
/* clang-format on */

/* By what else it exports. */
static bool is_known(void)
{
    static const char *const names[] = {"mallocx", "tc_malloc", "mi_malloc"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        for (size_t name = 0; name < sizeof names / sizeof names[0]; name++) {
            if (calls[i].found != NULL && strcmp(calls[i].name, names[name]) == 0) {
                return true;
            }
        }
    }
    return false;
}

void ms_own_hooks_init(void)
{
    if (ms_program_defines("malloc")) {
        ms_unseen_note(MS_UNSEEN_OWN_MALLOC, "malloc");
    }
    *(void **)&next_nallocx = ms_real_symbol("nallocx");
    if (!ms_allocator_is_glibc()) {
        ms_allocator.sized_free_past_us = !ms_redirect(calls, sizeof calls / sizeof calls[0]);
        ms_allocator.known = is_known();
    }
}
