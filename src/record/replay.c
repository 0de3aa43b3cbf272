/* A model at a moment of a recording. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/moment.h"
#include "record/output.h"
#include "record/recording_internal.h"

/* Of a block: what is read stays only until somebody reads again. */
struct copy {
    uint8_t *bytes;
    size_t capacity;
};

/* Where a model stands in the recording. */
struct position {
    struct ms_model *model;
    uint64_t tick, now_ns;
    uint64_t number; /* of the block that the rows are of, or of the state */
    struct copy rows_copy, output_copy;
    struct ms_tick_rows rows;
    bool have_rows;
    struct ms_unpack output; /* what of a block of output is not in the model yet */
    uint64_t output_next;    /* number of the first block that may have more */
    uint64_t marks_from;     /* the model has those of ticks before it */
    bool anew;               /* nothing was told of this model yet */
};

struct ms_replay {
    struct ms_recording *recording;
    struct ms_replay_options options;
    struct position at;
};

struct ms_replay *ms_replay_new(struct ms_recording *recording,
                                const struct ms_replay_options *options)
{
    struct ms_replay *replay = calloc(1, sizeof *replay);
    if (replay != NULL) {
        replay->recording = recording;
        replay->options = *options;
    }
    return replay;
}

static void leave(struct position *at)
{
    ms_model_free(at->model);
    free(at->rows_copy.bytes);
    free(at->output_copy.bytes);
    *at = (struct position){0};
}

void ms_replay_free(struct ms_replay *replay)
{
    if (replay != NULL) {
        leave(&replay->at);
        free(replay);
    }
}

static int look_again(struct ms_recording *recording)
{
    int error = recording->recorder != NULL ? ms_recorder_flush(recording->recorder) : 0;
    error = error == 0 ? ms_recording_refresh(recording) : error;
    return error == 0 && !recording->have_about ? -EBADMSG : error;
}

/* Those that were known by now; without memory the rest is missing here. */
static void take_marks(const struct ms_recording *recording, struct position *at)
{
    (void)ms_recording_give_marks(recording, at->model, at->marks_from, at->tick);
    at->marks_from = at->tick + 1;
}

static void tell(struct ms_replay *replay, struct position *at)
{
    take_marks(replay->recording, at);
    const bool anew = at->anew;
    at->anew = false;
    if (replay->options.ticked != NULL) {
        replay->options.ticked(replay->options.context, at->model, anew);
    }
}

static int copy_of(struct copy *copy, const uint8_t *raw, size_t bytes)
{
    if (bytes > copy->capacity) {
        free(copy->bytes);
        copy->bytes = malloc(bytes);
        copy->capacity = copy->bytes != NULL ? bytes : 0;
        if (copy->bytes == NULL) {
            return -ENOMEM;
        }
    }
    if (bytes > 0) {
        memcpy(copy->bytes, raw, bytes);
    }
    return 0;
}

/* The first block of those before this one that hold as much output as a model does. */
static uint64_t output_begins(struct ms_recording *recording, size_t index)
{
    uint64_t bytes = 0;
    while (index > 0 && bytes <= 2u * MS_OUTPUT_BYTES_MAX) {
        const struct ms_block_info *info = ms_blocks_info(recording->blocks, --index);
        bytes += info->type == MS_BLOCK_OUTPUT ? info->raw_bytes : 0;
    }
    return index > 0 ? ms_blocks_info(recording->blocks, index)->number : 0;
}

/* The next block of output that begins by the time of the model; the count: none. */
static size_t next_output(const struct ms_recording *recording, struct position *at)
{
    const struct ms_blocks *blocks = recording->blocks;
    const size_t count = ms_blocks_count(blocks);
    for (size_t i = ms_recording_block(recording, at->output_next); i < count; i++) {
        const struct ms_block_info *info = ms_blocks_info(blocks, i);
        const bool later = info->first_ns > at->now_ns;
        if (info->type == MS_BLOCK_OUTPUT) {
            return later ? count : i;
        }
        /* What was written by then lies before the ticks of then. */
        if (later && (info->type == MS_BLOCK_TICKS || info->type == MS_BLOCK_STATE)) {
            return count;
        }
        at->output_next = info->number + 1;
    }
    return count;
}

/* What the program had written by the time of the model. 0 or -ENOMEM: damage costs its lines. */
static int read_output(struct ms_replay *replay, struct position *at)
{
    struct ms_recording *recording = replay->recording;
    if (replay->options.counters_only) {
        return 0;
    }
    struct ms_output *output = ms_model_output_mutable(at->model);
    for (;;) {
        int error =
            ms_unpack_done(&at->output) ? 0 : ms_output_read(output, &at->output, at->now_ns);
        if (error == -ENOMEM || (error == 0 && !ms_unpack_done(&at->output))) {
            return error;
        }
        const size_t index = next_output(recording, at);
        if (index == ms_blocks_count(recording->blocks)) {
            return 0;
        }
        const uint8_t *raw;
        size_t bytes;
        at->output_next = ms_blocks_info(recording->blocks, index)->number + 1;
        error = ms_blocks_read(recording->blocks, index, &raw, &bytes);
        error = error == 0 ? copy_of(&at->output_copy, raw, bytes) : error;
        at->output = ms_unpack_of(at->output_copy.bytes, error == 0 ? bytes : 0);
        if (error == -ENOMEM) {
            return error;
        }
    }
}

/* `at` is empty before; it stays so when it fails. */
static int begin_at_state(struct ms_replay *replay, size_t index, struct position *at)
{
    struct ms_recording *recording = replay->recording;
    const uint64_t number = ms_blocks_info(recording->blocks, index)->number;
    struct ms_model *model;
    int error = ms_recording_read_state(recording, index, &model);
    if (error != 0) {
        return error;
    }
    error = replay->options.counters_only ? 0 : ms_recording_read_histories(recording, model);
    if (error != 0) {
        ms_model_free(model);
        return error;
    }
    *at = (struct position){.model = model,
                            .tick = ms_model_ticks(model) - 1,
                            .now_ns = ms_model_now_ns(model),
                            .number = number,
                            .output_next = output_begins(recording, index),
                            .anew = true};
    error = read_output(replay, at);
    if (error != 0) {
        leave(at);
    }
    return error;
}

/* 1: they go on from where the model is; 0: they do not, or cannot be read; -ENOMEM. */
static int take_rows(struct ms_recording *recording, size_t index, struct position *at)
{
    const uint8_t *raw;
    size_t bytes;
    const int error = ms_blocks_read(recording->blocks, index, &raw, &bytes);
    struct ms_tick_rows rows;
    if (error != 0 || ms_tick_rows_begin(&rows, raw, bytes) != 0 || rows.tick != at->tick ||
        rows.now_ns != at->now_ns) {
        return error == -ENOMEM ? error : 0;
    }
    if (copy_of(&at->rows_copy, raw, bytes) != 0) {
        return -ENOMEM;
    }
    at->number = ms_blocks_info(recording->blocks, index)->number;
    at->have_rows = true;
    return ms_tick_rows_begin(&at->rows, at->rows_copy.bytes, bytes) == 0;
}

/* To the next state, of a tick up to `most`. 1, 0, or -errno. */
static int step_to_state(struct ms_replay *replay, struct position *at, uint64_t most)
{
    struct ms_blocks *blocks = replay->recording->blocks;
    int error = 0;
    for (size_t i = ms_recording_block(replay->recording, at->number + 1);
         i < ms_blocks_count(blocks); i++) {
        const struct ms_block_info *info = ms_blocks_info(blocks, i);
        if (info->type != MS_BLOCK_STATE || info->first_tick <= at->tick) {
            continue;
        }
        if (info->first_tick > most) {
            return 0;
        }
        struct position there;
        error = begin_at_state(replay, i, &there);
        if (error == 0) {
            leave(at);
            *at = there;
            tell(replay, at);
            return 1;
        }
        if (error == -ENOMEM) {
            return error;
        }
    }
    return 0;
}

/* The next block with rows that go on from here; what comes behind a gap follows a state. */
static int find_rows(struct ms_replay *replay, struct position *at)
{
    struct ms_blocks *blocks = replay->recording->blocks;
    at->have_rows = false;
    for (size_t i = ms_recording_block(replay->recording, at->number + 1);
         i < ms_blocks_count(blocks); i++) {
        const struct ms_block_info *info = ms_blocks_info(blocks, i);
        if (info->type == MS_BLOCK_STATE && info->first_tick > at->tick) {
            return 0;
        }
        if (info->type == MS_BLOCK_TICKS && info->last_tick > at->tick) {
            return take_rows(replay->recording, i, at);
        }
    }
    return 0;
}

/* To the next tick up to `most`. 1; 0: there is none; -ENOMEM; -EBADMSG: the model is no good. */
static int step(struct ms_replay *replay, struct position *at, uint64_t most)
{
    if (!at->have_rows || ms_tick_rows_peek(&at->rows) == UINT64_MAX) {
        /* Names come in blocks before the rows that need them. */
        const int known = ms_recording_refresh(replay->recording);
        const int found = known == 0 ? find_rows(replay, at) : known;
        if (found != 1) {
            return found == 0 ? step_to_state(replay, at, most) : found;
        }
    }
    if (ms_tick_rows_peek(&at->rows) > most) {
        return 0;
    }
    const int stepped =
        ms_recording_error_of(replay->recording, at->model,
                              ms_tick_rows_next(&at->rows, at->model, &replay->recording->about));
    if (stepped == 1) {
        at->tick = at->rows.tick;
        at->now_ns = at->rows.now_ns;
        if (read_output(replay, at) != 0) {
            return -ENOMEM;
        }
        tell(replay, at);
    }
    return stepped;
}

/* Goes on to `tick`, over what cannot be read. 0, -ENOMEM or -EBADMSG. */
static int go_on_to(struct ms_replay *replay, struct position *at, uint64_t tick)
{
    tell(replay, at);
    int stepped;
    do {
        stepped = step(replay, at, tick);
    } while (stepped == 1);
    return stepped;
}

/* The last state from which `warm_ns` before the tick can be gone through; the count: none. */
static size_t state_before(const struct ms_replay *replay, uint64_t tick)
{
    const struct ms_blocks *blocks = replay->recording->blocks;
    const uint64_t interval_ns = replay->recording->about.interval_ns;
    const uint64_t warm_ticks = replay->options.warm_ns / interval_ns;
    const size_t count = ms_blocks_count(blocks);
    size_t first = count;
    size_t last = count;
    for (size_t i = 0; i < count; i++) {
        const struct ms_block_info *info = ms_blocks_info(blocks, i);
        if (info->type != MS_BLOCK_STATE) {
            continue;
        }
        first = first == count ? i : first;
        if (info->first_tick <= tick && (last == count || info->first_tick + warm_ticks <= tick)) {
            last = i;
        }
    }
    return last != count ? last : first;
}

/* Another state, when that one cannot be read or leads nowhere: the one before it, in the end the
 * first behind it. */
static size_t other_state(const struct ms_replay *replay, size_t index, size_t begun_at)
{
    const struct ms_blocks *blocks = replay->recording->blocks;
    const size_t count = ms_blocks_count(blocks);
    size_t i = index;
    while (index <= begun_at && i > 0) {
        if (ms_blocks_info(blocks, --i)->type == MS_BLOCK_STATE) {
            return i;
        }
    }
    for (i = index <= begun_at ? begun_at + 1 : index + 1; i < count; i++) {
        if (ms_blocks_info(blocks, i)->type == MS_BLOCK_STATE) {
            return i;
        }
    }
    return count;
}

/* The first state behind `tick` and up to `most`; the count: none. */
static size_t state_between(const struct ms_replay *replay, uint64_t tick, uint64_t most)
{
    const struct ms_blocks *blocks = replay->recording->blocks;
    const size_t count = ms_blocks_count(blocks);
    for (size_t i = 0; i < count; i++) {
        const struct ms_block_info *info = ms_blocks_info(blocks, i);
        if (info->type == MS_BLOCK_STATE && info->first_tick > tick && info->first_tick <= most) {
            return i;
        }
    }
    return count;
}

/*
 * From a state to `tick`, or to the last tick before it that can be read. 0; -EBADMSG: the state
 * cannot be read; or -ENOMEM. What goes wrong on the way is avoided: by a later state, or by
 * stopping before it.
 */
static int arrive(struct ms_replay *replay, size_t index, uint64_t tick, struct position *at)
{
    for (;;) {
        int error = begin_at_state(replay, index, at);
        if (error != 0) {
            return error;
        }
        error = go_on_to(replay, at, at->tick > tick ? at->tick : tick);
        if (error == 0) {
            return 0;
        }
        const uint64_t good_tick = at->tick;
        leave(at);
        if (error == -ENOMEM) {
            return error;
        }
        const size_t later = state_between(replay, good_tick, tick);
        index = later < ms_blocks_count(replay->recording->blocks) ? later : index;
        tick = later == index ? tick : good_tick;
    }
}

int ms_replay_seek(struct ms_replay *replay, uint64_t tick)
{
    struct ms_recording *recording = replay->recording;
    int error = look_again(recording);
    if (error != 0) {
        return error;
    }
    const size_t count = ms_blocks_count(recording->blocks);
    const size_t begun_at = state_before(replay, tick);
    error = -EBADMSG;
    for (size_t i = begun_at; i < count; i = other_state(replay, i, begun_at)) {
        struct position at = {0};
        error = arrive(replay, i, tick, &at);
        if (error == 0) {
            leave(&replay->at);
            replay->at = at;
            return 0;
        }
        if (error == -ENOMEM) {
            return error;
        }
    }
    return error;
}

int ms_replay_begin(struct ms_replay *replay, uint64_t tick)
{
    int error = look_again(replay->recording);
    if (error != 0) {
        return error;
    }
    const size_t count = ms_blocks_count(replay->recording->blocks);
    const size_t begun_at = state_before(replay, tick);
    error = -EBADMSG;
    for (size_t i = begun_at; i < count; i = other_state(replay, i, begun_at)) {
        struct position at = {0};
        error = begin_at_state(replay, i, &at);
        if (error == 0) {
            leave(&replay->at);
            replay->at = at;
            tell(replay, &replay->at);
            return 0;
        }
        if (error == -ENOMEM) {
            return error;
        }
    }
    return error;
}

uint64_t ms_replay_whole_before(const struct ms_replay *replay, uint64_t tick)
{
    const struct ms_blocks *blocks = replay->recording->blocks;
    for (size_t i = ms_blocks_count(blocks); i > 0; i--) {
        const struct ms_block_info *info = ms_blocks_info(blocks, i - 1);
        if (info->type == MS_BLOCK_STATE && info->first_tick <= tick && !info->damaged) {
            return info->first_tick;
        }
    }
    return UINT64_MAX;
}

int ms_replay_step(struct ms_replay *replay)
{
    return ms_replay_step_within(replay, MS_TICK_MAX);
}

int ms_replay_step_within(struct ms_replay *replay, uint64_t most)
{
    struct position *at = &replay->at;
    if (at->model == NULL) {
        return 0;
    }
    int stepped = step(replay, at, most);
    if (stepped == 0 && replay->recording->recorder != NULL && at->tick < most) {
        const int error = look_again(replay->recording);
        stepped = error != 0 ? error : step(replay, at, most);
    }
    if (stepped != -EBADMSG) {
        return stepped;
    }
    /* The row spoilt the model: on with the next state, else back to where it was. */
    const uint64_t tick = at->tick;
    stepped = step_to_state(replay, at, most);
    if (stepped == 0) {
        stepped = ms_replay_seek(replay, tick);
    }
    return stepped;
}

/* The last tick of the rows in a block that is before `tick`; UINT64_MAX: none. */
static uint64_t row_before(const struct ms_replay *replay, size_t index, uint64_t tick)
{
    const uint8_t *raw;
    size_t bytes;
    struct ms_tick_rows rows;
    uint64_t before = UINT64_MAX;
    if (ms_blocks_read(replay->recording->blocks, index, &raw, &bytes) != 0 ||
        ms_tick_rows_begin(&rows, raw, bytes) != 0) {
        return UINT64_MAX;
    }
    while (ms_tick_rows_skip(&rows) == 1 && rows.tick < tick) {
        before = rows.tick;
    }
    return before;
}

uint64_t ms_replay_before(const struct ms_replay *replay, uint64_t tick)
{
    if (look_again(replay->recording) != 0) {
        return UINT64_MAX;
    }
    const struct ms_blocks *blocks = replay->recording->blocks;
    for (size_t i = ms_blocks_count(blocks); i > 0; i--) {
        const struct ms_block_info *info = ms_blocks_info(blocks, i - 1);
        uint64_t before = UINT64_MAX;
        if (info->type == MS_BLOCK_STATE && info->first_tick < tick) {
            before = info->first_tick;
        } else if (info->type == MS_BLOCK_TICKS && info->first_tick < tick) {
            before = row_before(replay, i - 1, tick);
        }
        if (before != UINT64_MAX) {
            return before;
        }
    }
    return UINT64_MAX;
}

void ms_replay_set_warm(struct ms_replay *replay, uint64_t warm_ns)
{
    replay->options.warm_ns = warm_ns;
}

void ms_replay_take_over(struct ms_replay *replay,
                         void (*ticked)(void *context, const struct ms_model *model, bool anew),
                         void *context)
{
    replay->options.ticked = ticked;
    replay->options.context = context;
}

const struct ms_model *ms_replay_model(const struct ms_replay *replay)
{
    return replay->at.model;
}

uint64_t ms_replay_tick(const struct ms_replay *replay)
{
    return replay->at.tick;
}
