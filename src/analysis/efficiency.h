/*
 * How well a thread, or a process, uses what it takes: a score from 0 to 100, its parts, and the
 * sentence that says what it lacks. Pure; the formula is in EFFICIENCY of memscope-top(7), too.
 *
 *   score = 100 x (product of the parts that are known, each to the power of its weight)
 *
 * Each part is 1 when nothing is wasted and 0 at worst, so a part that is left out can only make
 * the score too good. freed_ratio is no part: a cache is not inefficient. Neither is being idle:
 * what did next to nothing in the window has no score.
 */
#ifndef MS_ANALYSIS_EFFICIENCY_H
#define MS_ANALYSIS_EFFICIENCY_H

#include "analysis/time_use.h"
#include "model/model.h"

/* The yardstick of CHURN: what a temporary allocation and its release are taken to cost. */
#define MS_EFFICIENCY_TEMPORARY_NS 100.0
/* Less time than this on a core, waiting for one or blocked in calls on files is no work. */
#define MS_EFFICIENCY_LEAST_NS (MS_SECOND_NS / 100)

/* X(id, json_name, word, weight, formula) */
/* clang-format off */
#define MS_EFFICIENCY_PARTS(X)                                                                     \
    X(CPU,     "cpu",     "CPU use",          0.5, "1 - kernel time / CPU time; kernel time that calls of I/O functions can explain is left out where their length is known") \
    X(WAITING, "waiting", "waiting",          1.0, "CPU time / (CPU time + run-queue wait)")       \
    X(IO,      "io",      "I/O",              0.5, "CPU time / (CPU time + time blocked in calls on files)") \
    X(CHURN,   "churn",   "allocation churn", 1.0, "1 / (1 + temporary allocations per second of CPU time x 100 ns)")
/* clang-format on */

enum ms_efficiency_part {
#define MS_EFFICIENCY_ID(id, name, word, weight, formula) MS_EFFICIENCY_##id,
    MS_EFFICIENCY_PARTS(MS_EFFICIENCY_ID)
#undef MS_EFFICIENCY_ID
        MS_EFFICIENCY_TOTAL
};

struct ms_efficiency_part_info {
    const char *name, *word, *formula;
    double weight;
};
const struct ms_efficiency_part_info *ms_efficiency_part_info(enum ms_efficiency_part part);

struct ms_efficiency {
    double score;                      /* 0..100; NaN: nothing to judge */
    double parts[MS_EFFICIENCY_TOTAL]; /* 0..1; NaN: its source is missing */
    char sentence[160];                /* what costs the most, with figures; or why no score */
};

/* Over the last MS_WINDOW_NS while it lives, over its life when it has ended. */
struct ms_efficiency ms_efficiency_of_thread(const struct ms_model *model,
                                             const struct ms_thread *thread);
struct ms_efficiency ms_efficiency_of_process(const struct ms_model *model,
                                              const struct ms_process *process);
/* What both are. */
struct ms_efficiency ms_efficiency_of_use(const struct ms_time_use *use);

#endif
