/* What perf_event_open(2) allows here; for hardware counters and for samples of CPU time. */
#ifndef MS_COLLECT_PERF_EVENT_H
#define MS_COLLECT_PERF_EVENT_H

#include <stddef.h>

/* kernel.perf_event_paranoid; INT_MIN: not known. */
int ms_perf_paranoid(void);

/* Why it fails and what would help, from its -errno and kernel.perf_event_paranoid. */
void ms_perf_because(int error, int paranoid, char *out, size_t size);

/* Whether the software clock that CPU time is sampled by can be had of programs of one's own: opens
 * one of the caller, in user mode. 0 or -errno. */
int ms_perf_try_clock(void);

#endif
