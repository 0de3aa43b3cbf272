/*
 * Which threads and flows are of which process: for who asks for one process after the other. Holds
 * until the model changes.
 */
#ifndef MS_ANALYSIS_FLOW_INDEX_H
#define MS_ANALYSIS_FLOW_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

struct ms_flow_index; /* opaque */

struct ms_flow_index *ms_flow_index_new(const struct ms_model *model); /* NULL: no memory */
void ms_flow_index_free(struct ms_flow_index *index);                  /* accepts NULL */

/* Positions in the index, or in the model when `index` is NULL; the ends are exclusive. */
struct ms_flow_range {
    const struct ms_flow_index *index;
    size_t first_thread, end_thread;
    size_t first_flow, end_flow;
};

/* All of the model when `index` is NULL or `process_id` 0. */
struct ms_flow_range ms_flow_range_of(const struct ms_flow_index *index,
                                      const struct ms_model *model, uint32_t process_id);
const struct ms_thread *ms_flow_range_thread(const struct ms_flow_range *range,
                                             const struct ms_model *model, size_t at);
const struct ms_flow *ms_flow_range_flow(const struct ms_flow_range *range,
                                         const struct ms_model *model, size_t at);

#endif
