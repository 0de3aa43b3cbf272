/* What the files of a moment share: the moment itself, wishes, peaks, all of a file. For
 * src/cli/moment*.c only. */
#ifndef MS_CLI_MOMENT_INTERNAL_H
#define MS_CLI_MOMENT_INTERNAL_H

#include "cli/moment.h"

#define MS_MOMENT_EVENTS_MAX 2000u
#define MS_MOMENT_PEAKS_MAX  64u

/* Of playing. */
enum { MS_MOMENT_SPEEDS = 8, MS_MOMENT_SPEED_USUAL = 2 };
extern const double ms_moment_speeds[MS_MOMENT_SPEEDS];

struct ms_moment_peak {
    uint32_t process_id;
    uint64_t at_ns;
};

struct ms_moment_whole {
    struct ms_replay *replay; /* NULL: not begun, or over */
    struct ms_findings *findings;
    uint64_t next_ns;  /* when to go on; UINT64_MAX: it is over */
    uint64_t until_ns; /* so far it came */
    uint64_t from_ns;  /* its findings begin there */
    unsigned slices;
    bool failed;                          /* it came to no end */
    uint64_t known[MS_MOMENT_EVENTS_MAX]; /* when anomalies were, of models before this one */
    size_t known_count;
};

struct ms_moment {
    struct ms_moment_options options;
    struct ms_replay *replay; /* while away */
    struct ms_findings *findings;
    bool no_memory;          /* for the findings of a tick that was gone through */
    uint64_t judged_from_ns; /* these findings begin there */
    uint64_t warmed;         /* ticks that they have judged */
    struct ms_moment_whole whole;
    uint64_t serial;
    bool away;
    bool wished, wished_present;
    uint64_t wished_tick;
    bool playing;
    size_t speed;
    double played_at_ns;                              /* of the recording */
    uint64_t played_ns;                               /* when playing was there */
    struct ms_moment_peak peaks[MS_MOMENT_PEAKS_MAX]; /* of a file, as its end knows them */
    size_t peak_count;
    struct ms_time_event events[MS_MOMENT_EVENTS_MAX];
    struct ms_tui_time time;
};

/* Tick n ends n + 1 intervals after the start. */
uint64_t ms_moment_tick_at(const struct ms_moment *moment, uint64_t at_ns);
/* Judges a tick that was gone through; `context` is the moment. */
void ms_moment_ticked(void *context, const struct ms_model *model, bool anew);

/* --- moment_peak.c --- */
/* What the model of a file's end knows; process 0 stands for the largest. */
void ms_moment_remember_peaks(struct ms_moment *moment, const struct ms_model *model);
uint64_t ms_moment_peak_known_ns(const struct ms_moment *moment, uint32_t process_id); /* 0: not */

/* --- moment_whole.c: a file is gone through in slices, so that its anomalies are known --- */
void ms_moment_leave_whole(struct ms_moment_whole *whole);
/* When to go on; UINT64_MAX: not now, or it is over. */
uint64_t ms_moment_whole_next_ns(const struct ms_moment *moment);
/* A slice. 1: something that is seen has changed; 0. */
int ms_moment_go_through_whole(struct ms_moment *moment);

#endif
