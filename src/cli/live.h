/* The live screen: one poll loop over keys, the keeper, signals and two timers. */
#ifndef MS_CLI_LIVE_H
#define MS_CLI_LIVE_H

#include "cli/options.h"

/* Is there a terminal that can carry the live screen? */
bool ms_live_possible(void);

/* Returns the exit status. */
int ms_live(const struct ms_options *options);

#endif
