/*
 * Contexts of a thread: (thread, call stack, rate) records in the region, found in a map in private
 * memory. Written by the owning thread under its busy mark; the free list is shared.
 */
#ifndef MS_PROBE_CONTEXT_H
#define MS_PROBE_CONTEXT_H

#include <stdint.h>

#include "probe/thread.h"

/* A context without a stack for a new thread; 0 when the area is full. */
MS_HIDDEN uint32_t ms_context_make_root(struct ms_thread_state *state);

/*
 * The thread's context of `stack` at sampling rate `rate` (0: not sampled), made if it has none;
 * 0 when there is no room for it.
 */
MS_HIDDEN uint32_t ms_context_of(struct ms_thread_state *state, uint32_t stack, uint8_t rate);

/* Empties the map for the next user of the state; contexts in reserve stay in reserve. */
MS_HIDDEN void ms_context_map_clear(struct ms_context_map *map);

/* Gives the contexts of an ended thread back, a list by `next`: their generation goes up. */
MS_HIDDEN void ms_context_release(uint32_t first);

#endif
