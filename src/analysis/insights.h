/*
 * What a person should know, as sentences: bottlenecks, limits, anomalies, leaks, waste, misuse,
 * losses, each with what, where and at most how many bytes or how much time it is about, and one
 * concrete advice. Pure; made when somebody looks.
 */
#ifndef MS_ANALYSIS_INSIGHTS_H
#define MS_ANALYSIS_INSIGHTS_H

#include "analysis/anomaly.h"
#include "analysis/findings.h"
#include "model/scope.h"

enum ms_insight_kind {
    MS_INSIGHT_BOTTLENECK,
    MS_INSIGHT_LIMIT,
    MS_INSIGHT_LEAK,
    MS_INSIGHT_ANOMALY,
    MS_INSIGHT_CHURN, /* temporary allocations */
    MS_INSIGHT_WASTE, /* rounding, fragmentation */
    MS_INSIGHT_MISUSE,
    MS_INSIGHT_EFFICIENCY,
    MS_INSIGHT_LOSS /* something was not counted */
};
const char *ms_insight_kind_name(enum ms_insight_kind kind); /* JSON */

enum ms_severity { MS_SEVERITY_NOTE, MS_SEVERITY_WARNING, MS_SEVERITY_SERIOUS };
const char *ms_severity_name(enum ms_severity severity); /* JSON */

struct ms_insight {
    uint64_t key; /* the same in every update, while it is about the same thing */
    enum ms_insight_kind kind;
    enum ms_severity severity;
    uint32_t process_id, thread_id, site_id; /* 0: none */
    double bytes, ns_per_s;                  /* at most this is about; NaN: not of that kind */
    char what[320];                          /* the finding, with its figures; not neutralised */
    char advice[200];                        /* one sentence: what to do */
};

#define MS_INSIGHTS_MAX 200u

struct ms_insights {
    size_t count;
    struct ms_insight *rows; /* the most serious first */
};

/* At most MS_INSIGHTS_MAX. `anomalies` may be NULL. Returns 0 or -ENOMEM; freed by
 * ms_insights_free. */
int ms_insights_of(const struct ms_model *model, const struct ms_findings *findings,
                   const struct ms_anomalies *anomalies, const struct ms_scope *scope,
                   struct ms_insights *out);
void ms_insights_free(struct ms_insights *insights);

#endif
