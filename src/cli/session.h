/*
 * One watching of one program: start or join it, tick, and close with the files and lines that
 * were asked for. The live screen and the plain mode differ only in what they do in between.
 */
#ifndef MS_CLI_SESSION_H
#define MS_CLI_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "analysis/findings.h"
#include "cli/options.h"
#include "cli/recorded.h"
#include "collect/collect.h"
#include "export/json_lines.h"
#include "record/recorder.h"
#include "tui/time.h"

enum ms_exit {                    /* our own exit statuses */
               MS_EXIT_FOUND = 1, /* of verify: something is wrong with the recording */
               MS_EXIT_USAGE = 2,
               MS_EXIT_RULE = 3, /* of --fail-on */
               MS_EXIT_FAILURE = 125,
               MS_EXIT_CANNOT_RUN = 126,
               MS_EXIT_NOT_FOUND = 127
};

struct ms_session {
    const struct ms_options *options;
    struct ms_collector *collector;
    struct ms_findings *findings;
    struct ms_suppressions *suppressions; /* of the findings; NULL: none */
    const struct ms_model *model;         /* of the collector */
    struct ms_json_lines *lines;          /* --json-lines; NULL: none, or it failed */
    char name[256];                       /* of the program, for titles and file names */
    bool live;                            /* with a screen: the program has a pty of its own */
    uint64_t next_tick_ns;
    uint64_t step_told_ns;        /* time of the last step down that was told, or of joining */
    uint64_t leaks_logged_ns;     /* time of the last tick whose new likely leaks were logged */
    uint64_t leave_ns;            /* --duration; UINT64_MAX: never */
    int status;                   /* a failure of ours while the program ran on; 0 */
    struct ms_recorder *recorder; /* NULL: nothing is kept */
    bool recording_is_new;        /* the file of --output was not there before */
    bool recording_trouble_told;
    bool recording_stops; /* with the next tick */
};

/*
 * Starts options->arguments[0] under a keeper, or joins options->pid. Returns 0, or the exit status
 * to leave with after one line on stderr.
 */
int ms_session_open(struct ms_session *session, const struct ms_options *options, bool live);

/* What people call the program of a session, as ms_process_name, neutralised. Returns `out`. */
const char *ms_session_program(const struct ms_message_session *about, char *out, size_t size);

/* Path of the keeper's socket of a program that runs. Returns 0, or the exit status to leave with
 * after one line on stderr. */
int ms_session_find(pid_t pid, char *socket_path, size_t size);

/* Descriptors to poll, after `used` entries of the caller's own. Returns the new count. */
size_t ms_session_poll_fds(const struct ms_session *session, struct pollfd *fds, size_t used,
                           size_t capacity);

/* Takes in what came and ticks when it is time. Returns 0 or -errno (no memory). */
int ms_session_step(struct ms_session *session, uint64_t now_ns);

/* The next step down of a probe that was not told yet, as a line; false: there is none. */
bool ms_session_new_step(struct ms_session *session, char *out, size_t size);

/* The program and all of its children are gone, or the keeper is. */
bool ms_session_over(const struct ms_session *session);

/* --- session_recording.c --- */
/* Before the program starts: opens the file that was asked for, so that nothing runs that is not
 * recorded. 0, or the exit status to leave with after one line on stderr. */
int ms_session_keep(struct ms_session *session);
/* The program could not be started: takes it back. */
void ms_session_keep_nothing(struct ms_session *session);
/* After the start: a file with a name of its own when none was given. As ms_session_keep. */
int ms_session_name_recording(struct ms_session *session);
void ms_session_keep_tick(struct ms_session *session);
/* Events of the trace; the context is the session. */
void ms_session_keep_trace(void *context, const struct ms_trace_record *events, size_t count);
/* As ms_recorder_keep. */
int ms_session_record(struct ms_session *session, const char *path, bool overwrite);
/* With the next tick: what has come since the last one is of no tick that the file has. A thread
 * then closes it, however slow its disk is; what is kept in memory goes on. */
void ms_session_stop_recording(struct ms_session *session);
struct ms_session_recorded {
    char path[300];
    char losses[MS_RECORDED_LOSSES_MAX]; /* ms_recorded_losses */
    int result;                          /* 0: closed as it should be; -errno */
};
/* True once, when that is done. */
bool ms_session_recording_stopped(struct ms_session *session, struct ms_session_recorded *recorded);
/* At a moment of the session. 0, -ENODATA, -ENOMEM. */
int ms_session_mark(struct ms_session *session, uint64_t at_ns, const char *text);
struct ms_recording *ms_session_recording(const struct ms_session *session); /* NULL: none */
void ms_session_tell_recording(const struct ms_session *session, struct ms_tui_time *time);
/* Closes the file and says on stderr what became of it; how far it is where that takes over a
 * second, and Ctrl-C leaves it as it is then. A failure changes a *status of 0. */
void ms_session_finish_recording(struct ms_session *session, int *status);

/*
 * Final figures, --json, the summary on stderr, and everything freed. `detached`: the program runs
 * on. Returns the exit status.
 */
int ms_session_close(struct ms_session *session, bool detached);

#endif
