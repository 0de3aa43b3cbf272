/*
 * Every event in order, for `--trace`: kept in a buffer of the thread and sent in batches over the
 * trace socket (wire/trace.h). What cannot be sent is counted (`trace_lost` of the region), never
 * waited for longer than the launcher allowed. Counting goes on whatever happens here.
 *
 * Called by accounting for the calling thread only, at most once per event, after the counters
 * have changed; in signal handlers too. No malloc, no lock; system calls only to send a full batch,
 * and none when ms_map_quiet(). Keeps errno.
 */
#ifndef MS_PROBE_TRACE_H
#define MS_PROBE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/real.h"

struct ms_thread_state;

/* A block of `bytes` (requested) was allocated by the calling thread on `context`. */
MS_HIDDEN void ms_trace_allocated(struct ms_thread_state *state, const void *block, uint64_t bytes,
                                  uint32_t context);

/*
 * A block is about to go to the real free, or went into a realloc at `at_ns` (ms_now_ns taken
 * before it; 0: now). `context` owned it, 0: not known to us. `state` NULL: a thread without a
 * record, the event counts as lost.
 */
MS_HIDDEN void ms_trace_freed(struct ms_thread_state *state, const void *block, uint64_t bytes,
                              uint32_t context, uint64_t at_ns);

/* The thread ends, or tracing was switched off: sends what its buffer holds. */
MS_HIDDEN void ms_trace_flush(struct ms_thread_state *state);

/*
 * Sends what the buffers of all threads hold: before the end of the process, an exec, or a seccomp
 * filter. Other threads may go on tracing meanwhile. `closing`: the process ends, from now on every
 * event is sent at once.
 */
MS_HIDDEN void ms_trace_flush_all(bool closing);

/*
 * The writing end of the trace socket came from the keeper (-1: none did): takes it over, with a
 * high number. Region file `region_number` is where this process counts (wire/message.h).
 * `ms_trace_end` gives the socket up again: nothing will be counted in this process.
 */
MS_HIDDEN void ms_trace_begin(int descriptor, uint32_t region_number);
MS_HIDDEN void ms_trace_end(void);

#endif
