/*
 * Live bytes of the process, summed from what its threads publish: each keeps its change to itself
 * until it passes a step, so the sum and the peak are exact within threads * step. The step follows
 * the peak: 0.1 % of it divided by the threads, at least 4 KiB.
 *
 * Each time the peak has risen by 1 % a peak epoch begins; contexts then keep what they had live at
 * that moment when they change for the first time (account.c), which tells who held the peak.
 */
#ifndef MS_PROBE_LIVE_H
#define MS_PROBE_LIVE_H

#include <stdint.h>

#include "probe/real.h"
#include "probe/thread.h"
#include "probe/wiped.h"

/* First step and epoch of a process. */
MS_HIDDEN void ms_live_begin(void);

/* Adds a change to the process; for a thread without a state. */
MS_HIDDEN void ms_live_publish(int64_t bytes);

/* Adds what the thread has not yet told the process. */
MS_HIDDEN void ms_live_publish_thread(struct ms_thread_state *state);

#endif
