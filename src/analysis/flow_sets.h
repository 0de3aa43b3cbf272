/* What the files about patterns of flows share. For src/analysis only; see flow_patterns.h. */
#ifndef MS_ANALYSIS_FLOW_SETS_H
#define MS_ANALYSIS_FLOW_SETS_H

#include "analysis/flow_patterns.h"

struct ms_flow_found {
    struct ms_flow_pattern patterns[MS_FLOW_PATTERNS_MAX]; /* the surest first */
    size_t count;
};

/* Keeps it if it is sure enough and among the surest. */
void ms_flow_found_add(struct ms_flow_found *found, const struct ms_flow_pattern *pattern);
double ms_flow_confidence(double strength, uint64_t blocks, double most);
/* Half of the blocks lived for this or longer, a bound of classes; UINT64_MAX: not known. */
uint64_t ms_flow_median_life_ns(const struct ms_histogram *lifetimes);

/* Shared caches, exchange and work stealing. */
void ms_flow_sets(const struct ms_flow_matrix *matrix, const struct ms_model *model,
                  struct ms_flow_found *found);

#endif
