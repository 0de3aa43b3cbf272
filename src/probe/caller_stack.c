#include "probe/caller_stack.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "probe/map.h"
#include "probe/system_call.h"

/*
 * Whether the thread runs on its alternate signal stack, as a handler that interrupted us may. When
 * the kernel may not be asked: yes, which costs stacks and is never wrong.
 */
static bool on_alternate_stack(void)
{
    stack_t stack = {.ss_flags = 0};
    return ms_map_quiet() || ms_system_call(SYS_sigaltstack, 0, (long)&stack, 0, 0, 0, 0) != 0 ||
           (stack.ss_flags & SS_ONSTACK) != 0;
}

/*
 * An alternate stack may lie further out on the very stack that was interrupted, and is not shorter
 * then.
 */
bool ms_busy_is_stale(const struct ms_thread_state *state, uintptr_t here)
{
    return here >= state->busy_stack_pointer && here < state->stack.stack_high &&
           state->busy_stack_pointer >= state->stack.stack_low && !on_alternate_stack();
}

bool ms_caller_may_walk(const struct ms_thread_state *state, const struct ms_caller *caller)
{
    return state != NULL && caller != NULL &&
           (state->tracking.mode == MS_MODE_EXACT || state->tracking.mode == MS_MODE_SAMPLED) &&
           (state->busy_stack_pointer == 0 ||
            ms_busy_is_stale(state, (uintptr_t)__builtin_frame_address(0)));
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
