/* MS_SOURCE_PROBE: whether the probe counts, of how many processes, and why not of the others. */
#ifndef MS_COLLECT_PROBE_SOURCE_H
#define MS_COLLECT_PROBE_SOURCE_H

#include "model/model.h"

/* Follows `seen` of the processes; looks at each of them, so once a second is enough. */
void ms_probe_source_tell(struct ms_model *model);

#endif
