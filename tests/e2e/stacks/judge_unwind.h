/*
 * libunwind at the judge's disposal: opened privately, so that it takes over no C++ exceptions,
 * unwinding by unwind information alone, and safe against forks.
 */
#ifndef STACKS_JUDGE_UNWIND_H
#define STACKS_JUDGE_UNWIND_H

#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <stdbool.h>
#include <stdint.h>

#include "probe/stack.h"

/* A stack as the region should have it. */
struct judged_stack {
    uint32_t count;
    uint32_t flags;                       /* MS_STACK_CUT_* */
    bool interrupted;                     /* led through a signal frame */
    bool undecided;                       /* libunwind failed after `count` frames */
    uintptr_t frames[MS_STACK_DEPTH_MAX]; /* address - 1 is inside */
};

/* False: libunwind is not there. Once, before everything else. */
bool judge_unwind_load(void);

/* libunwind's own: the registers of its caller, whose frame must live until judge_unwind. */
extern int (*judge_getcontext)(unw_context_t *);

/* The stack of `caller`, of whose hook `context` is a part. Several KiB of stack. */
void judge_unwind(unw_context_t *context, const struct ms_caller *caller, uint32_t depth,
                  struct judged_stack *stack);

/* Forgets what was found in modules that are gone. Returns whether any came or went. */
bool judge_follow_loads(void);

/* Around all of it: no thread is in libunwind while another one forks. */
void judge_enter(void);
void judge_leave(void);

#endif
