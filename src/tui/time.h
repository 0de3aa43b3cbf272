/* What screens know of time: which moment they show, what else there is, and what they may wish. */
#ifndef MS_TUI_TIME_H
#define MS_TUI_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ms_time_what {
    MS_TIME_STEP,    /* `by` ticks */
    MS_TIME_MOVE,    /* `by_ns` */
    MS_TIME_AT,      /* `by` ticks from `at_ns` */
    MS_TIME_SHARE,   /* to `share` of what there is, 0..1 */
    MS_TIME_FIRST,   /* to the first moment there is */
    MS_TIME_LAST,    /* to the last one of a file; to the present of a live program */
    MS_TIME_PEAK,    /* when process `process_id` (0: the largest) held the most */
    MS_TIME_MARK,    /* to the next mark (`by` 1) or the one before (-1) */
    MS_TIME_ANOMALY, /* the same of what does not fit its past */
    MS_TIME_PLAY,    /* or stop */
    MS_TIME_SPEED    /* of playing: `by` steps faster */
};

struct ms_time_wish {
    enum ms_time_what what;
    int by;
    int64_t by_ns;
    uint64_t at_ns;
    double share;
    uint32_t process_id;
};

struct ms_time_event {
    uint64_t at_ns;
    bool anomaly;     /* else a mark */
    const char *text; /* of a mark; hostile; "" none */
};

struct ms_tui_time {
    bool away;       /* the picture is not of the present */
    bool file;       /* a recording is shown: there is no present */
    bool runs;       /* while away: the program lives in the present */
    const char *why; /* there is nothing to look back at; NULL: there is */
    bool playing;
    double speed;
    uint64_t start_ns, start_unix_ns; /* of the session */
    uint64_t at_ns;                   /* that is shown */
    uint64_t first_ns, last_ns;       /* that there is; the last is the present of a live one */
    uint64_t anomalies_until_ns;      /* of a file: later ones are not known yet */
    uint64_t judged_from_ns;          /* while away: what findings were made from begins there */
    uint64_t coarse_until_ns;         /* moments before it are further apart; 0: none */
    uint64_t peak_ns;                 /* the most was live; 0: not known */
    const struct ms_time_event *events;
    size_t event_count;
    /* Of the file that is being written. */
    const char *recording;         /* path, NULL: none */
    const char *recording_problem; /* why nothing is written any more, NULL: it is */
    uint64_t recording_bytes;
    bool recording_ends;              /* it was stopped; the disk is still taking it */
    uint64_t recording_waiting_bytes; /* of it that no disk has yet */
};

#endif
