#include "probe/caller_stack.h"

#include <stdatomic.h>
#include <stddef.h>

bool ms_caller_may_walk(const struct ms_thread_state *state, const struct ms_caller *caller)
{
    return state != NULL && caller != NULL && state->busy_stack_pointer == 0 &&
           (state->tracking.mode == MS_MODE_EXACT || state->tracking.mode == MS_MODE_SAMPLED);
}

static void begin_walk(struct ms_thread_state *state)
{
    state->busy_stack_pointer = (uintptr_t)__builtin_frame_address(0);
    atomic_signal_fence(memory_order_seq_cst);
}

static void end_walk(struct ms_thread_state *state)
{
    atomic_signal_fence(memory_order_seq_cst);
    state->busy_stack_pointer = 0;
}

uint32_t ms_caller_stack(struct ms_thread_state *state, const struct ms_caller *caller)
{
    if (!ms_caller_may_walk(state, caller)) {
        return 0;
    }
    const uint32_t depth = state->tracking.stack_depth;
    begin_walk(state);
    const struct ms_read_set *found = ms_stack_find(&state->stack, *caller, depth);
    uint32_t stack = found != NULL ? found->stack : 0;
    if (found == NULL) {
        stack = ms_stack_capture(&state->stack, caller, depth);
        if (stack != 0) {
            /* No holder: no allocation is counted on it without a look at its stack. */
            const struct ms_read_set set = {.stack = stack};
            ms_stack_remember(&state->stack, caller, depth, &set);
        }
    }
    end_walk(state);
    return stack;
}

uint32_t ms_caller_pc(struct ms_thread_state *state, const struct ms_caller *caller)
{
    begin_walk(state);
    uint32_t pc_id = ms_stack_caller_pc(&state->stack, caller);
    end_walk(state);
    return pc_id;
}
