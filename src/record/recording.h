/*
 * A recording that is read: of a file, or of a session that still goes on. A replay is a model at
 * one moment of it, filled as a live one is, so that screens and reports need not know.
 *
 * Everything in a file is hostile: every count is bounded by what is there, nothing is mapped, and
 * damage costs the segments that it is in, which is said. What compresses well could still ask for
 * any amount of memory: so names, and each model, take at most 1 GiB and 512 times the bytes of
 * the file, at most 32 GiB; more is refused (-ENOMEM, see ms_recording_refused).
 */
#ifndef MS_RECORD_RECORDING_H
#define MS_RECORD_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/marks.h"
#include "model/model.h"

struct ms_recording; /* opaque */

/* `why` in words, without the path, when it is not 0: see ms_blocks_open; -ENODATA: no moment in it
 * is whole. */
int ms_recording_open(const char *path, struct ms_recording **out, char *why, size_t why_bytes);
void ms_recording_close(struct ms_recording *recording); /* accepts NULL; not a recorder's own */

/* Why something failed by -ENOMEM though there is memory: in words, that it asks for more than a
 * file of its size may; NULL: that is not why. */
const char *ms_recording_refused(const struct ms_recording *recording);

struct ms_recording_about {
    const char *recorded_by; /* version of memscope-top */
    const char *program;     /* name, see ms_process_name; hostile */
    uint64_t interval_ns;
    uint64_t start_ns, start_unix_ns; /* of the session */
    uint64_t first_tick, last_tick;   /* that can be seen, now */
    uint64_t first_ns, last_ns;
    uint64_t coarse_until_ns; /* moments before it are further apart; 0: none */
    uint64_t bytes;           /* of the file, 0: none */
    bool going_on;            /* it belongs to a recorder */
    const char *condition;    /* "whole", or what is wrong with it, in words */
};
/* Valid until the next call. */
struct ms_recording_about ms_recording_about(struct ms_recording *recording);

/* All that are in it; a model of it has those of its moment and before. */
size_t ms_recording_mark_count(const struct ms_recording *recording);
struct ms_mark ms_recording_mark(const struct ms_recording *recording, size_t index); /* by time */

/*
 * Reads everything and says what is wrong: checksums, references, times that go backwards, sums
 * that do not fit. Calls `told` for each finding in words; returns how many, or -errno.
 * `progress` may be NULL; that it returns false ends the check (-ECANCELED).
 */
typedef bool ms_progress(void *context, uint64_t done, uint64_t all);
int ms_recording_verify(struct ms_recording *recording,
                        void (*told)(void *context, const char *finding), ms_progress *progress,
                        void *context);

/*
 * The trace as it came, block by block (a second, or some hundred thousand events), within each by
 * time; those of one thread are in their order. `each` returns false to end. `lost`: events of the
 * session that found no room on their way into the recording. 0 or -errno: of what is damaged, the
 * rest was handed on.
 */
struct ms_trace_record;
int ms_recording_trace(struct ms_recording *recording, uint64_t first_ns, uint64_t last_ns,
                       uint64_t *lost,
                       bool (*each)(void *context, const struct ms_trace_record *event),
                       void *context);

/* --- a model at a moment --- */
struct ms_replay; /* opaque */

struct ms_replay_options {
    /* Called after every tick that is gone through, in order: to judge it. `anew`: the model is
     * another one than before, begin anew. May be NULL. */
    void (*ticked)(void *context, const struct ms_model *model, bool anew);
    void *context;
    uint64_t warm_ns; /* a seek goes through so much before the moment, as far as it is there */
    /* Models have neither histories nor output, which take most of the time of a seek. */
    bool counters_only;
};

/* NULL: no memory. The recording must live longer. */
struct ms_replay *ms_replay_new(struct ms_recording *recording,
                                const struct ms_replay_options *options);
void ms_replay_free(struct ms_replay *replay); /* accepts NULL */

/* Of later seeks. */
void ms_replay_set_warm(struct ms_replay *replay, uint64_t warm_ns);
/* Who judges ticks from now on; the next one goes on with the same model. */
void ms_replay_take_over(struct ms_replay *replay,
                         void (*ticked)(void *context, const struct ms_model *model, bool anew),
                         void *context);

/* To the last recorded tick that is not after `tick`, else to the first; the model is another one
 * after it, with all histories up to there. 0, -ENOMEM, -EBADMSG when nothing near it can be read.
 * Then the model is as before. */
int ms_replay_seek(struct ms_replay *replay, uint64_t tick);
/* The first part of a seek: only to the state from which it goes on, for who goes on in slices, by
 * ms_replay_step_within. Errors as of a seek. */
int ms_replay_begin(struct ms_replay *replay, uint64_t tick);
/* As ms_replay_step, but 0 where the next tick is after `most`. */
int ms_replay_step_within(struct ms_replay *replay, uint64_t most);
/* The last tick of a whole moment (a state) that is not after `tick`; UINT64_MAX: none. Going there
 * goes through nothing else. */
uint64_t ms_replay_whole_before(const struct ms_replay *replay, uint64_t tick);
/* To the next recorded tick, of the same model. 1; 0: there is none; or -errno. Over a gap or where
 * it is coarse the model is another one, see `ticked`. */
int ms_replay_step(struct ms_replay *replay);
/* The last tick before `tick`, the first one after it; UINT64_MAX: there is none. */
uint64_t ms_replay_before(const struct ms_replay *replay, uint64_t tick);

const struct ms_model *ms_replay_model(const struct ms_replay *replay); /* NULL before a seek */
uint64_t ms_replay_tick(const struct ms_replay *replay);

#endif
