/* From figures to a role, an alert and their reasons. For src/analysis only. */
#ifndef MS_ANALYSIS_JUDGE_H
#define MS_ANALYSIS_JUDGE_H

#include "analysis/findings.h"

/* What a judgement looks at, over the window or the life; NaN: unavailable. */
struct ms_judged_figures {
    double peak_bytes;
    double allocations;
    double cpu_pct;
    uint64_t cpu_span_ns; /* of time that cpu_pct is a share of */
    double io_operations;
};

/* Mean of the other threads, for alerts; NaN when there is no other. */
struct ms_others {
    double peak_bytes;
    double cpu_pct;
};
double ms_mean_of_others(double sum, size_t count, double own);

/* First role that holds when that of `current` is tried `margin` below its limits and the others
 * that much above theirs. */
enum ms_role ms_role_of(const struct ms_judged_figures *figures,
                        const struct ms_thresholds *thresholds, enum ms_role current,
                        double margin);
/* `span`: " in 10 s" or "". */
void ms_role_reason(char *out, size_t size, enum ms_role role,
                    const struct ms_judged_figures *figures, const struct ms_thresholds *thresholds,
                    const char *span);

/* A share of CPU of less time than this gives no alert: a thread that works for 2 ms and ends had
 * all of a core, and means nothing. */
#define MS_ALERT_CPU_SPAN_NS MS_SECOND_NS

/* The reason is left empty when normal. */
enum ms_alert ms_alert_of(const struct ms_judged_figures *figures, const struct ms_others *others,
                          const struct ms_thresholds *thresholds, char *reason, size_t size);

#endif
