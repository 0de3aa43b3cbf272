/*
 * The call stack of a call that is no allocation: a release that went wrong, a call of an I/O
 * function. Taken under the busy mark of the thread, as every walk is.
 */
#ifndef MS_PROBE_CALLER_STACK_H
#define MS_PROBE_CALLER_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"
#include "probe/thread.h"

/*
 * Is the busy mark one that siglongjmp left? `here`: where the stack ends now. The frame that set
 * the mark is gone when the stack is shorter. Makes a system call.
 */
MS_HIDDEN bool ms_busy_is_stale(const struct ms_thread_state *state, uintptr_t here);

/* Are stacks wanted, and is the walker of this thread free? */
MS_HIDDEN bool ms_caller_may_walk(const struct ms_thread_state *state,
                                  const struct ms_caller *caller);

/* Id in MS_AREA_STACKS; 0: not to be had, or ms_caller_may_walk says no. */
MS_HIDDEN uint32_t ms_caller_stack(struct ms_thread_state *state, const struct ms_caller *caller);

/* Id in MS_AREA_PCS of the call alone; 0: not to be had. Only after ms_caller_may_walk. */
MS_HIDDEN uint32_t ms_caller_pc(struct ms_thread_state *state, const struct ms_caller *caller);

#endif
