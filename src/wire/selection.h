/* Which threads are tracked: the list of --threads. Pure; used by the probe and the command line.
 */
#ifndef MS_WIRE_SELECTION_H
#define MS_WIRE_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

/*
 * `list`: comma-separated items; "" selects all. An item is a glob of a thread name (* ? [a-z],
 * as fnmatch without flags), `tid:N`, `even` or `odd` (by `order`, the number of creation, main =
 * 0), `main`. Own matcher: no locale, no allocation, bounded time on any pattern.
 */
bool ms_selection_matches(const char *list, const char *name, uint32_t tid, uint32_t order);

/* Is `list` well formed and shorter than MS_SELECTION_MAX? (for the command line) */
bool ms_selection_valid(const char *list);

#endif
