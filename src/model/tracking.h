/*
 * What is tracked of a process: what was asked for, the steps down that its probe made by itself,
 * and in words and figures what holds now.
 */
#ifndef MS_MODEL_TRACKING_H
#define MS_MODEL_TRACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_DEPTH_MAX            128u
#define MS_DEPTH_DEFAULT        32u
#define MS_THREADS_LIST_MAX     256u
#define MS_STEP_DOWNS_MAX       8u /* kept one by one */
#define MS_SAMPLE_INTERVAL_MAX  (UINT64_C(1) << 40)
#define MS_SAMPLE_BYTES_DEFAULT (UINT64_C(512) << 10)
#define MS_TRACKING_TEXT_MAX    160u

enum ms_tracking_mode {
    MS_TRACK_OFF,
    MS_TRACK_COUNTERS, /* threads exactly, no call stacks */
    MS_TRACK_EXACT,
    MS_TRACK_AUTO, /* exact, and steps down by itself */
    MS_TRACK_SAMPLED,
    MS_TRACK_TRACE, /* exact, and every event in order */
    MS_TRACK_MODES
};

/* One sample in so many bytes, or in so many allocations. */
struct ms_sample_rate {
    uint64_t interval; /* 1..MS_SAMPLE_INTERVAL_MAX */
    bool of_allocations;
};

struct ms_tracking_settings {
    enum ms_tracking_mode mode;
    uint32_t depth; /* 1..MS_DEPTH_MAX */
    struct ms_sample_rate rate;
    char threads[MS_THREADS_LIST_MAX]; /* as --threads, "" = all */
};

struct ms_step_down {
    uint64_t at_ns; /* CLOCK_MONOTONIC */
    bool sampled;   /* from then on; else still exact */
    uint32_t depth;
    struct ms_sample_rate rate;
    const char *because; /* literal */
    bool in_force;       /* false: another tracking was asked for since */
};

struct ms_process_tracking {
    bool known; /* false: no probe, or it has not been read yet */
    bool trace_allowed;
    uint32_t changes; /* how often another tracking was asked for */
    struct ms_tracking_settings asked;
    uint32_t steps;                              /* ever */
    struct ms_step_down step[MS_STEP_DOWNS_MAX]; /* the last ones, oldest first */
    uint32_t steps_kept;
};

/* For one choice out of all: a word ("exact"), and what it means in a line. */
const char *ms_tracking_word(enum ms_tracking_mode mode);
const char *ms_tracking_meaning(enum ms_tracking_mode mode);

/* The step down that holds instead of what was asked for, or NULL. */
const struct ms_step_down *ms_tracking_step(const struct ms_process_tracking *tracking);

/* "sampled 512K, depth 8 (auto: the table of call stacks fills up)" */
char *ms_step_down_text(char *out, size_t size, const struct ms_step_down *step);

/* "512K" or "10%". Reads the same, with K, M, G of 1024; false when it is no rate. */
char *ms_sample_rate_text(char *out, size_t size, const struct ms_sample_rate *rate);
bool ms_sample_rate_read(const char *text, struct ms_sample_rate *rate);

/* "sampled 512K, depth 16": all that differs from exact tracking of all threads at depth 32.
 * `full`: says so too when nothing does. */
char *ms_tracking_settings_text(char *out, size_t size, const struct ms_tracking_settings *settings,
                                bool full);

/*
 * What holds in a process, as "depth 8 (auto: the table of call stacks fills up)"; "" when it is
 * exact tracking of all threads at depth 32, or not known. The bytes of the list of threads are the
 * user's. `out` of MS_TRACKING_TEXT_MAX always has room for the reason.
 */
char *ms_tracking_text(char *out, size_t size, const struct ms_process_tracking *tracking);

#endif
