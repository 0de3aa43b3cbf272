/*
 * Ways by which allocations go past us, noted when they are found: the region then says that the
 * process is seen in part, and why.
 */
#ifndef MS_PROBE_UNSEEN_H
#define MS_PROBE_UNSEEN_H

#include <stdbool.h>

#include "probe/real.h"
#include "wire/region.h"

/*
 * Notes a way, with the name of the function or module that goes it; of each kind the first is
 * kept. Any thread; keeps errno. Does nothing before the process counts.
 */
MS_HIDDEN void ms_unseen_note(enum ms_unseen way, const char *name);

/*
 * Was every block that this process was given since it counts entered somewhere? Not so when it was
 * given by such a way, or to a thread that is not tracked.
 */
MS_HIDDEN bool ms_sees_all_blocks(const struct ms_region_header *region);

/* Writes what was noted so far into the region of this process: at its start, and of a child's. */
MS_HIDDEN void ms_unseen_publish(void);

#endif
