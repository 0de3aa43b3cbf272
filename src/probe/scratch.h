/*
 * Calls that need more stack than a hook may take from the program: on the caller's stack when
 * there is certainly room, else on a small stack of the thread's own. A program may allocate in a
 * signal handler on an 8 KiB alternate stack, and does.
 */
#ifndef MS_PROBE_SCRATCH_H
#define MS_PROBE_SCRATCH_H

#include <stdbool.h>

#include "probe/real.h"
#include "probe/stack.h"

/* What a call may use; where the caller's own stack has as much left, no other is needed. */
#define MS_SCRATCH_CALL_BYTES 32768u

/* Much more than that: a signal handler of the program may come on top of it. Costs when touched.
 */
#define MS_SCRATCH_BYTES 131072u

/*
 * Calls `function(argument)`, which needs at most MS_SCRATCH_CALL_BYTES of stack. False: no
 * memory for a scratch stack, the function was not called. Not re-entered by one thread: the caller
 * holds its busy mark.
 */
MS_HIDDEN bool ms_scratch_call(struct ms_stack_state *state, void (*function)(void *),
                               void *argument);

#endif
