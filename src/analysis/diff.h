/*
 * What changed between two moments: of one session (a mark and now) or of two recordings, by call
 * site and by thread. Pure; both models must live, unchanged, as long as the result.
 *
 * Things are the same when they are called the same, whatever their ids and addresses: call sites
 * by the process's name and the functions of their frames (a frame without a name: its module and
 * offset), so a line that moved changes nothing; threads by the names of process and thread. Things
 * of one side that are called the same are summed up.
 *
 * Change or noise: a figure changed when it differs by more than
 *
 *     max(3 x noise, 1 % of the larger side, the least that is told: 1000 bytes, 10 blocks, 10 ms)
 *
 * noise^2 = noise_before^2 + noise_after^2, where it is
 *
 * - of live bytes the standard deviation of the thing's live bytes around a straight line through
 *   the looks that ms_diff_noise took before the moment, without the first one that saw it
 *   (residual standard error of a linear regression: a start and steady growth are no noise), or
 *   of a swing over minutes (ms_diff_swing) where that is larger: 1.4826 x the median distance (of
 *   a Gaussian its standard deviation) from their median or from a line through the medians of the
 *   first and the last third of the looks, whichever is less (so a start is no swing, and growth is
 *   none). Below 4 looks, 8 of a swing, it is not known; one side that is known stands alone,
 *   without either it is not known and taken for 0.
 * - of peak bytes not known: a highest value is had once. Taken for 0.
 * - of allocations and bytes allocated that of n events, sqrt(n), times the mean block for bytes:
 *   as if they came independently of one another.
 * - of CPU time by samples sqrt(samples) times the time that one stands for; by the clock 1 %.
 *
 * What is only on one side is new or gone, by the same rule against 0.
 *
 * When both moments are of one session, what has been counted since its start is part of both: of
 * allocations, bytes allocated and CPU time the noise is that of what came in between, and the 1 %
 * are not asked for.
 *
 * Totals are those of the threads; their peak is that of the processes, which is exact for one
 * process and an upper bound for several.
 */
#ifndef MS_ANALYSIS_DIFF_H
#define MS_ANALYSIS_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/* X(id, json_name, heading, unit (of metric.h), what) */
/* clang-format off */
#define MS_DIFF_MEASURES(X)                                                                        \
    X(LIVE,      "current_bytes",   "live",      BYTES, "live bytes")                              \
    X(PEAK,      "peak_bytes",      "peak",      BYTES, "highest live bytes so far") \
    X(ALLOCATED, "bytes_allocated", "allocated", BYTES, "bytes allocated since the start")         \
    X(COUNT,     "allocations",     "blocks",    COUNT, "allocations since the start")             \
    X(CPU,       "cpu_ms",          "CPU",       MS,    "CPU time since the start")
/* clang-format on */

enum ms_diff_measure {
#define MS_DIFF_MEASURE_ID(id, name, heading, unit, what) MS_DIFF_##id,
    MS_DIFF_MEASURES(MS_DIFF_MEASURE_ID)
#undef MS_DIFF_MEASURE_ID
        MS_DIFF_MEASURE_TOTAL
};
const char *ms_diff_measure_name(enum ms_diff_measure measure); /* JSON */
const char *ms_diff_measure_heading(enum ms_diff_measure measure);
const char *ms_diff_measure_what(enum ms_diff_measure measure);

/* X(id, json_name, word) */
#define MS_DIFF_VERDICTS(X)                                                                        \
    X(SAME, "same", "same") /* what differs is noise */                                            \
    X(GREW, "grew", "grew")                                                                        \
    X(SHRANK, "shrank", "shrank")                                                                  \
    X(NEW, "new", "new")                                                                           \
    X(GONE, "gone", "gone")

enum ms_diff_verdict {
#define MS_DIFF_VERDICT_ID(id, name, word) MS_DIFF_##id,
    MS_DIFF_VERDICTS(MS_DIFF_VERDICT_ID)
#undef MS_DIFF_VERDICT_ID
        MS_DIFF_VERDICT_TOTAL
};
const char *ms_diff_verdict_name(enum ms_diff_verdict verdict);
const char *ms_diff_verdict_word(enum ms_diff_verdict verdict);

/* How much the live bytes of call sites and threads go up and down by themselves. */
#define MS_DIFF_LOOKS_LEAST 4u
struct ms_diff_noise;                                 /* opaque */
struct ms_diff_noise *ms_diff_noise_new(void);        /* NULL: no memory */
void ms_diff_noise_free(struct ms_diff_noise *noise); /* accepts NULL */
/* A look at a model of the session; to be called at a second apart or more. 0 or -ENOMEM. */
int ms_diff_noise_look(struct ms_diff_noise *noise, const struct ms_model *model);

/* How far they swing over minutes: looks at moments that lie far apart, in order of time. */
#define MS_DIFF_SWING_LOOKS_LEAST 8u
#define MS_DIFF_SWING_LOOKS_MOST  64u
struct ms_diff_swing;                                 /* opaque */
struct ms_diff_swing *ms_diff_swing_new(void);        /* NULL: no memory */
void ms_diff_swing_free(struct ms_diff_swing *swing); /* accepts NULL */
/* 0, -ENOMEM, -ENOSPC after the most looks. */
int ms_diff_swing_look(struct ms_diff_swing *swing, const struct ms_model *model);

struct ms_diff_side {
    const struct ms_model *model;
    const struct ms_diff_noise *noise; /* NULL: not known */
    const struct ms_diff_swing *swing; /* NULL: not known */
    bool same_session;                 /* of the later side: as the earlier one */
};

enum ms_diff_kind { MS_DIFF_SITES, MS_DIFF_THREADS };

struct ms_diff_row {
    /* The one with the most live bytes of those that are called so; 0: there is none. */
    uint32_t before_id, after_id;
    uint32_t before_count, after_count; /* how many are called so */
    double before[MS_DIFF_MEASURE_TOTAL], after[MS_DIFF_MEASURE_TOTAL];
    double noise[MS_DIFF_MEASURE_TOTAL]; /* NaN: not known */
    enum ms_diff_verdict verdict[MS_DIFF_MEASURE_TOTAL];
};

struct ms_diff; /* opaque */

/* NULL: no memory. */
struct ms_diff *ms_diff_new(const struct ms_diff_side *before, const struct ms_diff_side *after);
void ms_diff_free(struct ms_diff *diff); /* accepts NULL */

const struct ms_model *ms_diff_before(const struct ms_diff *diff);
const struct ms_model *ms_diff_after(const struct ms_diff *diff);

/* By a measure: what changed first, the largest change first, then what is the same. */
void ms_diff_sort(struct ms_diff *diff, enum ms_diff_measure measure);
size_t ms_diff_count(const struct ms_diff *diff, enum ms_diff_kind kind);
/* Of these, so many changed by the measure that it was sorted by (LIVE at first). */
size_t ms_diff_changed(const struct ms_diff *diff, enum ms_diff_kind kind);
const struct ms_diff_row *ms_diff_row(const struct ms_diff *diff, enum ms_diff_kind kind,
                                      size_t index);

/* Everything together, judged by the same rule. */
const struct ms_diff_row *ms_diff_totals(const struct ms_diff *diff);

/* A figure with its unit, "n/a" of NaN; the difference of two with a sign: "+1.2MB". */
char *ms_diff_figure(char *out, size_t size, enum ms_diff_measure measure, double figure);
char *ms_diff_change(char *out, size_t size, enum ms_diff_measure measure, double before,
                     double after);

/* What a row is called: "culprit function < caller" of a site, "process/thread" of a thread. Not
 * neutralised. Returns `out`. */
char *ms_diff_label(const struct ms_diff *diff, enum ms_diff_kind kind,
                    const struct ms_diff_row *row, char *out, size_t size);

#endif
