/*
 * Every event in order, for `--trace`: kept in a buffer of the thread and sent in batches over the
 * trace socket. What cannot be sent is counted (`trace_lost` of the region), never waited for
 * longer than the launcher allowed. Counting goes on whatever happens here.
 *
 * Called by accounting for the calling thread only, at most once per event, after the counters
 * have changed; in signal handlers too. No malloc, no lock; system calls only to send a full batch,
 * and none when ms_map_quiet(). Keeps errno.
 */
#ifndef MS_PROBE_TRACE_H
#define MS_PROBE_TRACE_H

#include <stdint.h>

#include "probe/real.h"

struct ms_thread_state;

/* A block of `bytes` (requested) was allocated by the calling thread on `context`. */
MS_HIDDEN void ms_trace_allocated(struct ms_thread_state *state, const void *block, uint64_t bytes,
                                  uint32_t context);

/* A block is about to go to the real free; `context` owned it, 0: not known to us. */
MS_HIDDEN void ms_trace_freed(struct ms_thread_state *state, const void *block, uint64_t bytes,
                              uint32_t context);

/* The thread ends, or tracing was switched off: sends what its buffer holds. */
MS_HIDDEN void ms_trace_flush(struct ms_thread_state *state);

#endif
