/* What may be asked of a probe: checked wherever it comes from somebody else. Pure. */
#ifndef MS_WIRE_TRACKING_H
#define MS_WIRE_TRACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/region.h"

/* Puts the `parts` (enum ms_tracking_part) of `from` into `to`. */
void ms_tracking_merge(struct ms_tracking *to, const struct ms_tracking *from, uint32_t parts);

/*
 * Why `tracking` cannot be followed, in words; NULL when it can. `trace_allowed`: there is a socket
 * for the trace.
 */
const char *ms_tracking_refusal(const struct ms_tracking *tracking, bool trace_allowed);

#endif
