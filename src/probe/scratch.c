/* The scratch stack of a thread and the switch to it. */
#include "probe/scratch.h"

#include <stddef.h>

#include "probe/arch.h"
#include "probe/map.h"

MS_HIDDEN void ms_arch_call_on_stack(void *top, void (*function)(void *), void *argument);

/* Its frame is described like any other, so debuggers and handlers can unwind through it. */
__asm__(MS_ARCH_CALL_ON_STACK_ASM);

bool ms_scratch_call(struct ms_stack_state *state, void (*function)(void *), void *argument)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    bool room = here < state->stack_high && here > state->stack_low &&
                here - state->stack_low >= MS_SCRATCH_CALL_BYTES;
    bool there_already =
        state->scratch != NULL && here - (uintptr_t)state->scratch < MS_SCRATCH_BYTES;
    if (room || there_already) {
        function(argument);
        return true;
    }
    if (state->scratch == NULL) {
        /* Not wiped on fork: a handler that interrupts the call may fork, and the child returns
         * from it onto this very stack. */
        state->scratch = ms_private_pages(MS_SCRATCH_BYTES, false);
        if (state->scratch == NULL) {
            return false;
        }
    }
    ms_arch_call_on_stack((char *)state->scratch + MS_SCRATCH_BYTES, function, argument);
    return true;
}
