/*
 * Judgements over a model: a role, an alert and their reasons for every thread.
 * Pure: no clock, no I/O. A role needs memory of the past for its hysteresis; that memory is the
 * findings themselves, updated once a tick.
 *
 * Live roles look at a window of 10 s, the role in a report at the whole life of the thread. First
 * match in the order W M C I B L; a live role changes only after 3 s beyond its threshold by 10 %.
 * Of CPU an alert is given only when the share is one of a second of time or more.
 */
#ifndef MS_ANALYSIS_FINDINGS_H
#define MS_ANALYSIS_FINDINGS_H

#include "analysis/anomaly.h"
#include "analysis/leaks.h"
#include "model/model.h"

/* X(id, letter, json_name, word) in the order in which they are tried */
#define MS_ROLES(X)                                                                                \
    X(WAITING, 'W', "waiting", "waiting")                                                          \
    X(MEMORY, 'M', "memory_intensive", "memory")                                                   \
    X(CPU, 'C', "cpu_intensive", "cpu")                                                            \
    X(IO, 'I', "io_intensive", "io")                                                               \
    X(BALANCED, 'B', "balanced", "balanced")                                                       \
    X(LIGHTWEIGHT, 'L', "lightweight", "light")

enum ms_role {
#define MS_ROLE_ID(id, letter, name, word) MS_ROLE_##id,
    MS_ROLES(MS_ROLE_ID)
#undef MS_ROLE_ID
        MS_ROLE_TOTAL
};

char ms_role_letter(enum ms_role role);
const char *ms_role_name(enum ms_role role); /* JSON */
const char *ms_role_word(enum ms_role role); /* screen */

enum ms_alert { MS_ALERT_NORMAL, MS_ALERT_MEDIUM, MS_ALERT_HIGH };
const char *ms_alert_name(enum ms_alert alert); /* "normal" "medium" "high" */

/* MB = 10^6 bytes. */
struct ms_thresholds {
    /* `auto`: an alert also needs twice the mean of the other threads (a lone thread does not);
     * false (`seed`): the limits alone. */
    bool relative;
    double waiting_pct;
    uint64_t memory_peak_bytes;
    uint64_t memory_allocations;
    double cpu_pct;
    uint64_t io_operations;
    uint64_t balanced_allocations;
    uint64_t alert_high_bytes, alert_medium_bytes;
    double alert_high_cpu_pct, alert_medium_cpu_pct;
    uint64_t role_window_ns; /* 10 s */
    uint64_t role_hold_ns;   /* 3 s */
    double role_margin;      /* 0.10 */
};
struct ms_thresholds ms_thresholds_default(void);

#define MS_REASON_MAX 120u
struct ms_judgement {
    uint32_t thread_id;
    enum ms_role role;
    enum ms_alert alert;
    char role_reason[MS_REASON_MAX];  /* "peak 24.1 MB > 18 MB and 51k allocations > 1200" */
    char alert_reason[MS_REASON_MAX]; /* "" when normal */
};

/*
 * WAITING needs lock figures. Until a source of them exists no thread is judged waiting and this
 * returns the reason in words; NULL when it is available.
 */
const char *ms_findings_waiting_unavailable(void);

struct ms_findings; /* opaque; keyed by thread id */

/* `suppressions` of leaks may be NULL and must live as long as the result. NULL: no memory. */
struct ms_findings *ms_findings_new(const struct ms_thresholds *thresholds,
                                    const struct ms_suppressions *suppressions);
void ms_findings_free(struct ms_findings *findings); /* accepts NULL */
/* From the next update on; roles change as they do when a thread changes. */
void ms_findings_set_thresholds(struct ms_findings *findings,
                                const struct ms_thresholds *thresholds);
const struct ms_thresholds *ms_findings_thresholds(const struct ms_findings *findings);

/* After every ms_model_tick_end. Returns 0 or -ENOMEM. */
int ms_findings_update(struct ms_findings *findings, const struct ms_model *model);

/*
 * Judgement of a thread: live while it lives (a new thread starts as lightweight), over its whole
 * life once it has ended. For a thread never judged: lightweight, normal. Never NULL; valid until
 * the next update.
 */
const struct ms_judgement *ms_findings_of(const struct ms_findings *findings, uint32_t thread_id);

/* Likely leaks, as of the last update, and the rules they were matched against (may be NULL). */
const struct ms_leaks *ms_findings_leaks(const struct ms_findings *findings);
const struct ms_suppressions *ms_findings_suppressions(const struct ms_findings *findings);
/* Points that do not fit their past, as of the last update. */
const struct ms_anomalies *ms_findings_anomalies(const struct ms_findings *findings);

/* What the threads of a model do on average over their lives; merged ones are left out. */
struct ms_baseline {
    uint64_t now_ns;
    double peak_bytes_sum, cpu_pct_sum;
    size_t peak_bytes_count, cpu_pct_count;
};
struct ms_baseline ms_baseline_of(const struct ms_model *model);

/*
 * Judgement over the whole life of a thread, for reports: no hysteresis. One that stands for many
 * merged threads is judged by their mean (and the highest peak). The second form is for judging
 * many threads of one model.
 */
struct ms_judgement ms_judge_whole_life(const struct ms_thresholds *thresholds,
                                        const struct ms_model *model,
                                        const struct ms_thread *thread);
struct ms_judgement ms_judge_against(const struct ms_thresholds *thresholds,
                                     const struct ms_baseline *baseline,
                                     const struct ms_thread *thread);

#endif
