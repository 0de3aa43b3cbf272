/*
 * Included before everything else where the probe compiles the short way of an event into its
 * hooks: the judge comes after each.
 */
#ifndef STACKS_JUDGED_EVENT_H
#define STACKS_JUDGED_EVENT_H

#include "probe/event.h"

MS_HIDDEN void ms_judge(struct ms_thread_state *state, const struct ms_caller *caller, void *block);

MS_INLINE void ms_judged_event(struct ms_thread_state *state, const struct ms_caller *caller,
                               void *block, size_t bytes, enum ms_block_kind kind)
{
    ms_event_allocated(state, caller, block, bytes, kind);
    ms_judge(state, caller, block);
}
#define ms_event_allocated ms_judged_event

#endif
