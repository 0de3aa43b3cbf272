/*
 * One step outwards by any row of unwind information: all registers, all rules, expressions. Used
 * for the few frames that have no rule word: signal frames, realigned stacks, hand-written code.
 *
 * This stands where others call libunwind. libunwind takes a lock of its own and the loader's in an
 * order that a program inside dlopen can turn into a deadlock, blocks signals by system calls, and
 * probes memory through a pipe; none of that may happen inside a hook.
 */
#ifndef MS_PROBE_CFI_STEP_H
#define MS_PROBE_CFI_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/arch.h"
#include "probe/eh_frame.h"

struct ms_registers {
    uintptr_t pc;
    uintptr_t value[MS_ARCH_REGISTERS]; /* by DWARF number */
    uint64_t known;                     /* bit n: value[n] is right */
    bool exact; /* pc is where the frame was interrupted, not a return address */
};

/*
 * Words a step may read: live frames of one stack, so nothing below the stack pointer (less the
 * red zone) and nothing at or above `high`.
 */
struct ms_stack_span {
    uintptr_t low;
    uintptr_t high;
};

enum ms_step_result {
    MS_STEP_DONE,
    MS_STEP_OUTERMOST,        /* the row says there is no caller */
    MS_STEP_UNKNOWN_REGISTER, /* needs a register that is not `known` */
    MS_STEP_REFUSED           /* a word outside `span`, or an expression that makes no sense */
};

/*
 * Replaces `registers` by those of the caller; left as they were unless MS_STEP_DONE. Registers
 * that the ABI does not preserve become unknown. Pure but for the stack words it reads.
 */
MS_HIDDEN enum ms_step_result ms_cfi_step(const struct ms_cfi_row *row,
                                          const struct ms_stack_span *span,
                                          struct ms_registers *registers);

#endif
