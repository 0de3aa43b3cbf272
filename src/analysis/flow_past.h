/* What the files about flows share: rates of a flow and of own frees. For src/analysis only. */
#ifndef MS_ANALYSIS_FLOW_PAST_H
#define MS_ANALYSIS_FLOW_PAST_H

#include "analysis/flows.h"

/* Fill the rates of *sum, over the last MS_FLOW_SPAN_NS or as long as there are snapshots; NaN when
 * that is less than a second, or `past` is NULL. Only for flows between threads that are not
 * merged: those of merged ones change when threads are merged, and by nothing else. */
void ms_flow_past_rate_flow(const struct ms_flow_past *past, const struct ms_model *model,
                            const struct ms_flow *flow, struct ms_flow_sum *sum);
void ms_flow_past_rate_own(const struct ms_flow_past *past, const struct ms_model *model,
                           const struct ms_thread *thread, struct ms_flow_sum *sum);

#endif
