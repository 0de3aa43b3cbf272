/*
 * Writes the model down tick by tick: what changed, in blocks (record/blocks.h). Costs follow what
 * changes. One thread uses a recorder; the model is only read.
 *
 * Segments: a MS_BLOCK_STATE begins one when what changed since the last one is as much as a state
 * takes, after 10 s at the earliest and 60 s at the latest; so a file is at most twice as large as
 * its changes, and a moment is found by reading one state and at most 60 s of ticks. MS_BLOCK_TICKS
 * are written every second: that is what a kill can cost. Call sites are written with the ticks in
 * which the collector read them, so every tick can be shown as it was.
 *
 * A segment ends with a MS_BLOCK_HISTORY: the points of its ticks. Every 5 minutes, and at the end,
 * come coarser points, and MS_BLOCK_ABOUT again, so that losing one costs nothing.
 *
 * Memory, besides `memory_bytes` of blocks: what it knows of what was written last, which is one
 * struct for each process and thread alive (14 and 1.5 KB), 32 bytes for each ended one, 112 for
 * each usage that changed since the last state and 4 for every one; and what waits for its block:
 * what changes in a second, and while a state is written that state.
 */
#ifndef MS_RECORD_RECORDER_H
#define MS_RECORD_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"
#include "model/trace.h"
#include "record/blocks.h"
#include "record/recording.h"

struct ms_recorder_options {
    const char *program_version; /* of memscope-top */
    uint64_t memory_bytes;       /* for looking back; 0: nothing is kept but in the file */
    bool hide_arguments;         /* --no-args: they are not in the recording */
    bool output;                 /* what the program wrote is, too */
};

struct ms_recorder; /* opaque */

struct ms_recorder *
ms_recorder_new(const struct ms_recorder_options *options); /* NULL: no memory */
void ms_recorder_free(
    struct ms_recorder *recorder); /* accepts NULL; without finish: as if killed */

/* As ms_blocks_keep: from now on also in a file, with what is still held of before. */
int ms_recorder_keep(struct ms_recorder *recorder, const char *path, bool overwrite,
                     uint64_t max_bytes);

/* After every ms_model_tick_end. 0 or -ENOMEM: then the recording has a gap. */
int ms_recorder_tick(struct ms_recorder *recorder, const struct ms_model *model);

/* A batch of the trace as it came, see struct ms_collect_options. */
int ms_recorder_trace(struct ms_recorder *recorder, const struct ms_trace_record *events,
                      size_t count);

/* Marks that the model has since the last tick, at once instead of with the next tick: there may be
 * none any more. 0 or -ENOMEM. */
int ms_recorder_marks(struct ms_recorder *recorder, const struct ms_model *model);

/* Waits at most so long until the file has room for what comes last: while it is written anew, on a
 * slow disk, that may be refused. False: not yet. */
bool ms_recorder_settle(struct ms_recorder *recorder, uint64_t wait_ns);

/* The model as it is at last (names that came late, final figures) goes into the file, which is
 * closed by a thread; nobody waits. What is kept in memory goes on. */
void ms_recorder_finish_begin(struct ms_recorder *recorder, const struct ms_model *model);
/* Waits at most so long; false: it is not finished yet. */
bool ms_recorder_finish_wait(struct ms_recorder *recorder, uint64_t wait_ns);
/* Begins that unless it has begun, and waits for it: the file is whole then. 0 or -errno of what
 * failed first. What is kept in memory may go on after it, and there may be another file. */
int ms_recorder_finish(struct ms_recorder *recorder, const struct ms_model *model);

struct ms_blocks_state ms_recorder_state(const struct ms_recorder *recorder);

/* What is recorded so far, to look back; belongs to the recorder, grows with it. Replays of it see
 * what was recorded when they seek. */
struct ms_recording *ms_recorder_recording(struct ms_recorder *recorder);

#endif
