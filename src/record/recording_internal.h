/* What recorder, recording, replay and verification share. For these only. */
#ifndef MS_RECORD_RECORDING_INTERNAL_H
#define MS_RECORD_RECORDING_INTERNAL_H

#include "record/about.h"
#include "record/blocks.h"
#include "record/layout.h"
#include "record/recording.h"

struct ms_recorder;

#define MS_MARKS_MAX 100000u /* of a file */

/* Flags of a mark in MS_BLOCK_MARKS. */
#define MS_MARK_BY_PROGRAM 1u
#define MS_MARK_HAS_THREAD 2u /* process id and thread id follow */

struct ms_recording {
    struct ms_blocks *blocks;
    struct ms_recorder *recorder; /* that it belongs to; NULL: a file */
    struct ms_names *names;
    struct ms_about about;
    bool have_about;
    uint64_t looked_at;    /* numbers of blocks before it were looked at */
    uint64_t names_lost;   /* MS_BLOCK_NAMES that cannot be read */
    struct ms_mark *marks; /* by time; their texts are allocated */
    size_t mark_count, mark_capacity;
    uint64_t mark_tick; /* of the last one that was read */
    bool refused;       /* it asked for more memory than a file of its size may */
    char condition[240];
};

/* Takes over what came since the last time: names, marks, what it is about. 0 or -ENOMEM. */
int ms_recording_refresh(struct ms_recording *recording);

/* Of a recorder: what is not in a block yet is put into one. 0 or -ENOMEM. */
int ms_recorder_flush(struct ms_recorder *recorder);

/* The index of the block with this number, else of the first behind it; the count: none. */
size_t ms_recording_block(const struct ms_recording *recording, uint64_t number);

/* A model from the state in a block, with its time, without histories. 0, -ENOMEM, -EBADMSG or what
 * reading says. */
int ms_recording_read_state(struct ms_recording *recording, size_t index, struct ms_model **out);
/* An error of what was read into a model: -ENOMEM when that took more than it may. */
int ms_recording_error_of(struct ms_recording *recording, const struct ms_model *model, int error);
/* Gives it all histories up to its tick, as far as they are there. 0 or -ENOMEM. */
int ms_recording_read_histories(struct ms_recording *recording, struct ms_model *model);

/* Gives a model the marks that were known at ticks from `from` to `to`. 0 or -ENOMEM. */
int ms_recording_give_marks(const struct ms_recording *recording, struct ms_model *model,
                            uint64_t from, uint64_t to);

/* As ms_recording_open, of blocks that it owns from then on, when it succeeds. */
int ms_recording_of_blocks(struct ms_blocks *blocks, struct ms_recording **out, char *why,
                           size_t why_bytes);
void ms_recording_forget(struct ms_recording *recording); /* frees what it holds but the blocks */

#endif
