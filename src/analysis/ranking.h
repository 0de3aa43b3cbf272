/*
 * Threads in the order of a metric, overall or within each role, and how far each is from the
 * average of all. Pure. Threads without the figure come last and have no rank.
 */
#ifndef MS_ANALYSIS_RANKING_H
#define MS_ANALYSIS_RANKING_H

#include "analysis/findings.h"
#include "model/metric.h"
#include "model/scope.h"

/* What threads are ranked by: the metrics of metric.h, then these. */
enum {
    MS_RANK_EFFICIENCY = MS_METRIC_TOTAL, /* efficiency_score */
    MS_RANK_TOTAL
};
const char *ms_rank_name(int by);    /* JSON, --sort */
const char *ms_rank_heading(int by); /* at most 8 cells */
const char *ms_rank_meaning(int by);
enum ms_unit ms_rank_unit(int by);
struct ms_value ms_rank_value(const struct ms_model *model, const struct ms_thread *thread, int by);

struct ms_ranked {
    uint32_t thread_id;
    enum ms_role role;
    struct ms_value value;
    uint32_t rank;         /* from 1 overall; equal figures share one; 0: none */
    uint32_t rank_in_role; /* the same among threads of its role */
    double ratio;          /* value / mean of all that have one; NaN: none, or the mean is 0 */
    double share;          /* of the sum; NaN: of rates and ratios there is none */
};

struct ms_ranking {
    int by;
    size_t count, known;             /* threads, and those with a figure */
    double mean, median;             /* NaN: nobody has one, or it only tells one of several */
    double sum;                      /* NaN: of rates and ratios there is none */
    double role_mean[MS_ROLE_TOTAL]; /* NaN: no thread of that role */
    uint32_t role_count[MS_ROLE_TOTAL];
    struct ms_ranked *rows; /* highest first */
};

/* Into *out, to be freed by ms_ranking_free. Returns 0 or -ENOMEM. `alive` leaves ended ones out.
 */
int ms_ranking_of(const struct ms_model *model, const struct ms_findings *findings,
                  const struct ms_scope *scope, int by, bool alive, struct ms_ranking *out);
void ms_ranking_free(struct ms_ranking *ranking);

#endif
