/*
 * Fills a model from a live session: the keeper's socket, the regions, /proc, the system and the
 * symbolizer. Non-blocking; driven by the caller's poll loop. Knows no screen.
 */
#ifndef MS_COLLECT_COLLECT_H
#define MS_COLLECT_COLLECT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"
#include "model/trace.h"
#include "wire/message.h"

struct ms_collector; /* opaque */

struct ms_collect_options {
    uint64_t interval_ns;     /* of a tick, 100 ms by default */
    bool children;            /* follow forked and exec'ed processes */
    bool sites;               /* read call sites: nobody needs them without a screen or report */
    bool symbols;             /* start the symbolizer */
    const char *symbol_cache; /* folder of names from earlier sessions; NULL or "": none */
    bool debuginfod;          /* ask servers for debug information that is not on this machine */
    bool ask_only;            /* MS_VIEWER_ASK_ONLY */
    bool trace;               /* read the trace, when there is one and nobody else does */
    uint32_t cpu_samples_hz;  /* CPU time by call stack; 0: not */
    /* Events of the trace as they come, from within ms_collector_handle; NULL: nobody wants them.
     * Those of one thread are in order. */
    void (*trace_events)(void *context, const struct ms_trace_record *events, size_t count);
    void *trace_context;
};

/*
 * Connects to the keeper listening at `socket_path`, waits up to 2 s for MS_MSG_SESSION. On
 * success *out is the collector and its model is filled with the program's identity. Returns 0;
 * -ECONNREFUSED/-ENOENT (no keeper), -EACCES (other user), -EPROTONOSUPPORT (other version),
 * -ETIMEDOUT, -ENOMEM.
 */
int ms_collector_connect(const char *socket_path, const struct ms_collect_options *options,
                         struct ms_collector **out);
void ms_collector_free(struct ms_collector *collector); /* accepts NULL; frees the model */

const struct ms_model *ms_collector_model(const struct ms_collector *collector);

/* Descriptors to poll (keeper socket, symbolizer, trace); fills at most `capacity`, returns how
 * many. */
size_t ms_collector_poll_fds(const struct ms_collector *collector, struct pollfd *fds,
                             size_t capacity);

/* Handles what is readable now, at most about 1 MiB of output a call. Returns 0, or -errno when
 * the keeper is gone (the model keeps the last state). */
int ms_collector_handle(struct ms_collector *collector);

/* Reads regions and /proc, ends the model's tick. Call every interval_ns. Returns 0 or -ENOMEM. */
int ms_collector_tick(struct ms_collector *collector, uint64_t now_ns);

enum ms_session_state {
    MS_STATE_RUNNING,
    MS_STATE_ENDED,      /* the program has ended, children may live */
    MS_STATE_TREE_ENDED, /* nothing of it lives */
    MS_STATE_KEEPER_LOST /* the program may live: its end_ns in the model says */
};
enum ms_session_state ms_collector_state(const struct ms_collector *collector);

/* The program's own end, valid from MS_STATE_ENDED on: exit status, or 128+N on signal N. */
int ms_collector_exit_status(const struct ms_collector *collector);
const struct ms_message_session *ms_collector_session(const struct ms_collector *collector);

/* Waits until final figures are in and symbols asked for have come, at most `timeout_ns`. For the
 * export at the end. */
void ms_collector_settle(struct ms_collector *collector, uint64_t timeout_ns);

/* Commands to the keeper. Return 0 or -errno. Once it is lost signals are sent by ourselves. */
int ms_collector_signal(struct ms_collector *collector, uint32_t process_id, int signal);
int ms_collector_window_size(struct ms_collector *collector, unsigned rows, unsigned columns);
int ms_collector_input(struct ms_collector *collector, const void *bytes, size_t count);
/* `parts`: enum ms_tracking_part, what of `wanted` is to change. The answer comes later. */
int ms_collector_set_tracking(struct ms_collector *collector, uint32_t parts,
                              const struct ms_tracking_settings *wanted);
int ms_collector_detach(struct ms_collector *collector);

/* What the keeper said to ms_collector_set_tracking. */
struct ms_tracking_answer {
    bool refused;
    char why[128];                   /* when refused */
    struct ms_tracking_settings now; /* else what it tells every probe from now on */
};
/* Takes the answer that came last; false: none since. */
bool ms_collector_tracking_answer(struct ms_collector *collector,
                                  struct ms_tracking_answer *answer);

/* The user names a moment, at the latest the last tick. 0 or -ENOMEM. */
int ms_collector_mark(struct ms_collector *collector, uint64_t at_ns, const char *text);

/* Own cost of the viewer, for the header line: CPU seconds of this process and its symbolizer. */
double ms_collector_own_cpu_pct(const struct ms_collector *collector);

#endif
