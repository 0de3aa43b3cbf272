/*
 * Marks that the program sets (include/memscope.h), in the ring of MS_AREA_MARKS. Lock-free,
 * async-signal-safe, errno is left alone; system calls only to open pages of the area.
 */
#ifndef MS_PROBE_MARK_H
#define MS_PROBE_MARK_H

#include "probe/real.h"
#include "probe/thread.h"

/* `state` NULL: nobody knows of which thread. `text` NULL is "". */
MS_HIDDEN void ms_mark_set(const struct ms_thread_state *state, const char *text);

/* One was set when there was no region yet: it is among those that are told as lost. */
MS_HIDDEN void ms_mark_missed(void);

/* What include/memscope.h finds and calls. */
MS_EXPORT void memscope_probe_mark(const char *text);

#endif
