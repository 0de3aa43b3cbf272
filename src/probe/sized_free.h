/* Deallocation functions that take the size of the block and that we do not interpose. */
#ifndef MS_PROBE_SIZED_FREE_H
#define MS_PROBE_SIZED_FREE_H

#include <stdbool.h>

#include "probe/real.h"

/*
 * Does any object loaded now call one (sdallocx and its like)? With a tag the block is larger than
 * the program says, and such a function would believe the program. The object at `allocator_base`
 * is left out: it defines them. Takes the loader's lock for a moment; allocates nothing.
 */
MS_HIDDEN bool ms_sized_free_in_use(const void *allocator_base);

#endif
