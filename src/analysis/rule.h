/*
 * Rules over figures, as `--fail-on` and filters of exports have them: METRIC OP VALUE, without or
 * with blanks. OP: < <= > >= == !=. VALUE: a number, with k M G T (powers of 1000), Ki Mi Gi Ti, %
 * or s ms us ns; it is taken in the unit of the metric, and a suffix of another kind is an error. B
 * may follow bytes and /s rates. `likely_leak_bytes>1M`, `cpu_percent >= 50%`.
 *
 * Metrics of threads are those of metric.h by their JSON names, efficiency_score among them;
 * metrics of a session are the table below. Pure.
 */
#ifndef MS_ANALYSIS_RULE_H
#define MS_ANALYSIS_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/findings.h"
#include "model/metric.h"
#include "model/model.h"

/* X(id, name, unit (of metric.h), what) */
/* clang-format off */
#define MS_SESSION_METRICS(X)                                                                      \
    X(PEAK_BYTES,          "peak_bytes",          BYTES,   "sum of the peaks of live bytes of all processes") \
    X(CURRENT_BYTES,       "current_bytes",       BYTES,   "live bytes at the end")                \
    X(ALLOCATIONS,         "allocations",         COUNT,   "allocations of all processes")         \
    X(BYTES_ALLOCATED,     "bytes_allocated",     BYTES,   "bytes allocated by all processes")     \
    X(TEMPORARY_PCT,       "temporary_percent",   PERCENT, "allocations freed before the thread allocated again") \
    X(PEAK_RSS_BYTES,      "peak_rss_bytes",      BYTES,   "highest resident memory of a process") \
    X(LIKELY_LEAKS,        "likely_leaks",        COUNT,   "call sites that likely leak, suppressed ones left out") \
    X(LIKELY_LEAK_BYTES,   "likely_leak_bytes",   BYTES,   "bytes that they grew by")              \
    X(NOT_FREED_BYTES,     "not_freed_bytes",     BYTES,   "not freed at exit, suppressed ones left out") \
    X(NOT_FREED_BLOCKS,    "not_freed_blocks",    COUNT,   "blocks of them")                       \
    X(MISUSES,             "misuses",             COUNT,   "double frees, mismatches and overruns") \
    X(THREADS,             "threads",             COUNT,   "threads that there were")              \
    X(PROCESSES,           "processes",           COUNT,   "processes that there were")            \
    X(CPU_MS,              "cpu_ms",              MS, "CPU time of all processes")        \
    X(LOST,                "lost_events",         COUNT,   "events that nothing counted")          \
    X(HIGH_ALERTS,         "high_alerts",         COUNT,   "threads with a high alert")            \
    X(DURATION_MS,         "duration_ms",         MS, "of the session")
/* clang-format on */

enum ms_session_metric {
#define MS_SESSION_METRIC_ID(id, name, unit, what) MS_SESSION_METRIC_##id,
    MS_SESSION_METRICS(MS_SESSION_METRIC_ID)
#undef MS_SESSION_METRIC_ID
        MS_SESSION_METRIC_TOTAL
};

enum ms_comparison { MS_LESS, MS_AT_MOST, MS_MORE, MS_AT_LEAST, MS_EQUAL, MS_UNEQUAL };

struct ms_rule {
    int metric; /* enum ms_session_metric, or of a thread what it is ranked by (ranking.h) */
    enum ms_comparison comparison;
    double value;   /* in the unit of the metric */
    char text[128]; /* as it was given, neutralised */
};

enum ms_rule_of { MS_RULE_OF_SESSION, MS_RULE_OF_THREAD };

/* 0, or -EINVAL with `error` in words: what is wrong and, of a name that is not known, the nearest
 * one that is. */
int ms_rule_parse(const char *text, enum ms_rule_of of, struct ms_rule *rule, char *error,
                  size_t error_bytes);

const char *ms_session_metric_name(enum ms_session_metric metric);
enum ms_unit ms_session_metric_unit(enum ms_session_metric metric);
const char *ms_session_metric_what(enum ms_session_metric metric);

/* What it is now; NaN: not known, then `because` (may be NULL) says why. Of a known one it says
 * what is left out, NULL: nothing. It lives as long as the model. Hostile. */
double ms_session_metric(enum ms_session_metric metric, const struct ms_model *model,
                         const struct ms_findings *findings, const char **because);

enum ms_rule_result { MS_RULE_HOLDS, MS_RULE_HOLDS_NOT, MS_RULE_UNKNOWN };
/* A figure that is not known makes no rule hold. `value` and `because` may be NULL. */
enum ms_rule_result ms_rule_session(const struct ms_rule *rule, const struct ms_model *model,
                                    const struct ms_findings *findings, double *value,
                                    const char **because);
/* Whether all of them hold. `findings` may be NULL. */
bool ms_rules_thread(const struct ms_rule *rules, size_t count, const struct ms_model *model,
                     const struct ms_findings *findings, const struct ms_thread *thread);

#endif
