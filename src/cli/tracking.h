/* Changing what is tracked of a running program. */
#ifndef MS_CLI_TRACKING_H
#define MS_CLI_TRACKING_H

#include "cli/options.h"
#include "collect/collect.h"

/*
 * Asks for what options->tracking_parts says and waits for the keeper's answer, 2 s at most. `now`
 * (may be NULL) is what is tracked from now on. Returns 0, or the exit status to leave with after
 * one line on stderr.
 */
int ms_tracking_change(struct ms_collector *collector, const struct ms_options *options,
                       struct ms_tracking_settings *now);

/* `memscope-top set -p PID ...`: changes, says what holds now (not with --quiet), leaves. */
int ms_tracking_set_and_leave(const struct ms_options *options);

#endif
