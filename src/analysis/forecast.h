/*
 * When a limit will be reached if things go on: Theil-Sen slope of the used bytes over the last
 * minutes, and how sure that is. Pure; formula in FORECAST of memscope-top(7).
 */
#ifndef MS_ANALYSIS_FORECAST_H
#define MS_ANALYSIS_FORECAST_H

#include "model/model.h"

#define MS_FORECAST_WINDOW  180u /* seconds that are looked back over */
#define MS_FORECAST_LEAST_S 20.0 /* of them there must be */

/* X(id, json_name, word, what is used of it) */
/* clang-format off */
#define MS_LIMITS(X)                                                                               \
    X(CGROUP_MEMORY,  "cgroup_memory",  "memory limit of the control group", "memory of all of the group") \
    X(ADDRESS_SPACE,  "address_space",  "address space (RLIMIT_AS)",  "mapped bytes")              \
    X(DATA,           "data",           "data (RLIMIT_DATA)",         "heap, anonymous mappings and stacks, as mapped") \
    X(MACHINE_MEMORY, "machine_memory", "memory of the machine",      "what is not available without swapping") \
    X(FILES,          "files",          "open files (RLIMIT_NOFILE)", "open file descriptors")     \
    X(THREADS,        "threads",        "processes of the control group (pids.max)", "processes and threads of the group") \
    X(GPU_MEMORY,     "gpu_memory",     "memory of the GPU",          "of all its users")
/* clang-format on */

enum ms_limit_kind {
#define MS_LIMIT_ID(id, name, word, what) MS_LIMIT_##id,
    MS_LIMITS(MS_LIMIT_ID)
#undef MS_LIMIT_ID
        MS_LIMIT_TOTAL
};
const char *ms_limit_name(enum ms_limit_kind kind); /* JSON */
const char *ms_limit_word(enum ms_limit_kind kind);

struct ms_forecast {
    enum ms_limit_kind kind;
    double used, limit;   /* bytes or counts */
    double slope_per_s;   /* NaN: too few points */
    double seconds_left;  /* INFINITY: it does not grow; NaN: not known */
    double low_s, high_s; /* 95 % interval of seconds_left by the slopes' order statistics */
    double confidence;    /* 0..1: r^2 of the fit times coverage of the window */
    char sentence[160];   /* "memory.max of 512 MB in about 3 min (2..5), 84 % used" */
};

/* Slope and its 95 % interval of y over x (both without NaN); false with fewer than 5 points. */
bool ms_theil_sen(const double *x, const double *y, size_t count, double *slope, double *low,
                  double *high);

/* The limits that there are for a process, the nearest first; returns how many were written. */
size_t ms_forecast_of(const struct ms_model *model, const struct ms_process *process,
                      struct ms_forecast out[MS_LIMIT_TOTAL]);

#endif
