/*
 * Call stacks: walk, intern, name by a stack id. The hot path of the product.
 *
 * A walk follows the rule cache (one rule per return address, parsed once from .eh_frame and shared
 * by all threads); a frame whose rule is not of the form "stack or frame pointer + constant"
 * (signal frames, realigned stacks, hand-written code) is stepped over by interpreting its row;
 * where there is no unwind information at all the stack ends and says so. Every return address is
 * interned as a pc id (MS_AREA_PCS), with the module it lies in at that moment; a stack is the list
 * of its pc ids (MS_AREA_STACKS), interned by content.
 *
 * Return addresses are stored as found; readers subtract one before they look up a symbol. The pc
 * at which a signal handler interrupted is stored plus one, so that this holds for it too.
 * Nothing here allocates by malloc, takes a lock or changes errno. A walk with known rules takes at
 * most 512 bytes of the caller's stack, storing something new under 1 KiB; what needs more
 * (parsing, interpreting) runs on the scratch stack of the thread, or where the stack is known to
 * have room.
 */
#ifndef MS_PROBE_STACK_H
#define MS_PROBE_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "probe/arch.h"
#include "probe/modules.h"
#include "probe/read_set.h"
#include "probe/real.h"
#include "wire/region.h"

/*
 * Where a walk starts: the call of a hook as its caller sees it. Made by MS_CALLER() inside the
 * exported function itself, which is compiled with frame pointers.
 */
struct ms_caller {
    uintptr_t return_address;
    uintptr_t stack_pointer; /* the caller's, after the hook has returned */
    uintptr_t frame_pointer; /* the caller's rbp */
};

#if defined(__x86_64__)
#define MS_CALLER()                                                                                \
    ({                                                                                             \
        const uintptr_t *frame_ = __builtin_frame_address(0);                                      \
        (struct ms_caller){frame_[1], (uintptr_t)(frame_ + 2), frame_[0]};                         \
    })
#elif defined(__aarch64__)
#define MS_CALLER()                                                                                \
    ({                                                                                             \
        const uintptr_t *frame_ = __builtin_frame_address(0);                                      \
        (struct ms_caller){frame_[1], (uintptr_t)__builtin_dwarf_cfa(), frame_[0]};                \
    })
#else
#error "no stack walk for this architecture yet"
#endif

/*
 * Per-thread state of the walker; lies in the thread state, in memory that is wiped on fork.
 * Zero is a valid initial state. stack_low/high are the bounds of the thread's own stack, or both
 * 0 when unknown. Elsewhere (fibers, alternate stacks) walks believe frames of up to 16 MiB, and
 * nothing is found without a walk.
 */
struct ms_stack_state {
    uintptr_t stack_low;
    uintptr_t stack_high;
    void *scratch; /* lower end of the scratch stack, NULL until the first slow path */
    /* Walks not yet added to the region's counters, and those that were. */
    uint32_t walks_pending;
    uint32_t interpreted_pending;
    uint32_t cut_pending;
    uint64_t walks_published;
    uint64_t found_published;
    uint32_t found_until_check; /* stacks that may be found without a walk; 0: none was yet */
    uint32_t found_from;        /* its value when it was published last */
    uint32_t checks_made;       /* up to MS_STACK_CHECK_INTERVAL */
    struct ms_read_sets sets;
    uint32_t sets_depth;
    struct ms_read_set_draft draft;         /* what the last walk read */
    uint32_t words[MS_STACK_DEPTH_MAX + 2]; /* the stack in the making: header word, pc ids */
};

/*
 * Sets the tables up, `random` different in each process; called once from the constructor, may
 * allocate through the bootstrap arena. Returns 0 or -ENOMEM (then every capture returns 0).
 */
MS_HIDDEN int ms_stack_init(uint64_t random);

/*
 * Stack id of the call described by `caller`, at most `depth` frames (1..MS_STACK_DEPTH_MAX), or 0
 * when it cannot be stored (tables full: the caller counts on its root context). Outer frames are
 * dropped, and MS_STACK_COARSENED set, before a stack is refused.
 * The caller holds the thread's busy mark.
 */
MS_HIDDEN uint32_t ms_stack_capture(struct ms_stack_state *state, const struct ms_caller *caller,
                                    uint32_t depth);

/* Id in MS_AREA_PCS of the call alone; 0: not to be had. Under the busy mark, too. */
MS_HIDDEN uint32_t ms_stack_caller_pc(struct ms_stack_state *state, const struct ms_caller *caller);

#define MS_STACK_CHECK_INTERVAL 1024u

/* Of ms_stack_find: the found set, or NULL when a walk says otherwise. */
MS_HIDDEN struct ms_read_set *ms_stack_check(struct ms_stack_state *state,
                                             const struct ms_caller *caller, uint32_t depth,
                                             struct ms_read_set *found);

/* Of ms_stack_find: the other guesses, and a cache that is not up to date. Cold. */
MS_HIDDEN struct ms_read_set *ms_stack_find_otherwise(struct ms_stack_state *state,
                                                      const struct ms_caller *caller,
                                                      uint32_t depth);

/*
 * The stack of `caller` if the thread has proven it before, else NULL. Under the busy mark, as all
 * that follow. One in MS_STACK_CHECK_INTERVAL found (more at first) is walked all the same, the
 * outcome counted in the region; when it differs, the walk's is believed.
 */
static inline __attribute__((always_inline)) struct ms_read_set *
ms_stack_find(struct ms_stack_state *state, struct ms_caller caller, uint32_t depth)
{
    const struct ms_read_sets *sets = &state->sets;
    struct ms_read_set *found = NULL;
    uintptr_t memory = __atomic_load_n(&sets->memory, __ATOMIC_RELAXED);
    if (MS_LIKELY(sets->generation ==
                      atomic_load_explicit(&ms_module_generation, memory_order_acquire) &&
                  memory != 0)) {
        uintptr_t pc = ms_arch_strip(caller.return_address);
        found = ms_read_set_try(memory, sets->salt,
                                *ms_read_set_guesses(memory, pc, caller.stack_pointer), pc,
                                caller.stack_pointer, caller.frame_pointer, state->stack_low,
                                state->stack_high - state->stack_low);
    }
    if (MS_UNLIKELY(found == NULL)) {
        const struct ms_caller copy = caller;
        found = ms_stack_find_otherwise(state, &copy, depth);
    }
    if (MS_LIKELY(found != NULL) && MS_UNLIKELY(--state->found_until_check == 0)) {
        const struct ms_caller copy = caller;
        return ms_stack_check(state, &copy, depth, found);
    }
    return found;
}

/* After ms_stack_capture of the same caller: what to find the next time. */
MS_HIDDEN void ms_stack_remember(struct ms_stack_state *state, const struct ms_caller *caller,
                                 uint32_t depth, const struct ms_read_set *found);

/* Stacks are to be of another depth from now on. */
MS_HIDDEN void ms_stack_depth_changed(struct ms_stack_state *state);

/* Adds what is pending to the counters of the region. */
MS_HIDDEN void ms_stack_publish(struct ms_stack_state *state);

/*
 * Executable mappings may have changed (dlclose, munmap or mprotect of code): rules and pc ids are
 * looked up afresh from now on. Any thread, lock-free.
 */
MS_HIDDEN void ms_stack_modules_changed(void);

/* In a forked child after ms_map_after_fork: the region is empty, so interned ids start anew;
 * the rules stay. */
MS_HIDDEN void ms_stack_after_fork(void);

#endif
