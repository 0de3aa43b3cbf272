/*
 * CLOCK_MONOTONIC as the kernel's vDSO has it. Not by libc's clock_gettime: a program, or a library
 * that fakes the time, may define one of its own, which is not to be called by us. Where the vDSO
 * is missing or asks the kernel itself, time stands still once no system call may be made.
 * Async-signal-safe; errno is left alone.
 */
#ifndef MS_PROBE_NOW_H
#define MS_PROBE_NOW_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"

/* Finds the function; before, and where there is none, the kernel is asked. Constructor. */
MS_HIDDEN void ms_now_init(void);

/* From now on no system call may be made. For ms_map_enter_quiet, before it is. */
MS_HIDDEN void ms_now_enter_quiet(void);

/*
 * The processor's counter of time is about to be denied to the program (PR_SET_TSC, strict mode of
 * seccomp), and reading it, as the vDSO does, to become a SIGSEGV.
 */
MS_HIDDEN void ms_now_avoid_counter(void);

MS_HIDDEN uint64_t ms_now_ns(void);

/* Does time stand still? Then nothing can be timed. */
extern MS_HIDDEN bool ms_now_stands;

#endif
