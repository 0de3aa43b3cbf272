/*
 * Included before everything else where the probe compiles the short way of an event into its
 * hooks: the judge comes after each.
 */
#ifndef STACKS_JUDGED_EVENT_H
#define STACKS_JUDGED_EVENT_H

#include "probe/event.h"

MS_HIDDEN void ms_judge(struct ms_thread_state *state, struct ms_caller caller, void *block);

#define ms_event_allocated(state, caller, block, ...)                                              \
    do {                                                                                           \
        ms_event_allocated(state, caller, block, __VA_ARGS__);                                     \
        ms_judge(state, caller, block);                                                            \
    } while (0)

#endif
