#include "record/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/histories.h"
#include "model/restore.h"
#include "record/histories.h"
#include "record/moment.h"
#include "record/recording_internal.h"
#include "record/trace_coder.h"

/* The most that any recording of ours needs is 265 MB of its 1.1 GB: 5,000 threads and 50,000 call
 * sites, made up, in 160 kB. Of real ones it is a hundredth. */
#define ROOM_BYTES_ANY  (UINT64_C(1) << 30)
#define ROOM_PER_BYTE   512u
#define ROOM_BYTES_MOST (UINT64_C(32) << 30)

/* What is recorded here was in memory already. */
static uint64_t room_bytes(const struct ms_recording *recording)
{
    const uint64_t file_bytes = ms_blocks_state(recording->blocks).file_bytes;
    const uint64_t most = (ROOM_BYTES_MOST - ROOM_BYTES_ANY) / ROOM_PER_BYTE;
    return recording->recorder != NULL ? 0
           : file_bytes < most         ? ROOM_BYTES_ANY + ROOM_PER_BYTE * file_bytes
                                       : ROOM_BYTES_MOST;
}

const char *ms_recording_refused(const struct ms_recording *recording)
{
    return recording->refused ? "it asks for more memory than a recording of its size can need"
                              : NULL;
}

int ms_recording_error_of(struct ms_recording *recording, const struct ms_model *model, int error)
{
    if (error < 0 && ms_model_is_refused(model)) {
        recording->refused = true;
        return -ENOMEM;
    }
    return error;
}

void ms_recording_forget(struct ms_recording *recording)
{
    for (size_t i = 0; i < recording->mark_count; i++) {
        free((char *)(uintptr_t)recording->marks[i].text);
    }
    free(recording->marks);
    ms_names_free(recording->names);
    ms_about_free(&recording->about);
}

void ms_recording_close(struct ms_recording *recording)
{
    if (recording != NULL && recording->recorder == NULL) {
        ms_recording_forget(recording);
        ms_blocks_free(recording->blocks);
        free(recording);
    }
}

size_t ms_recording_block(const struct ms_recording *recording, uint64_t number)
{
    size_t low = 0;
    size_t high = ms_blocks_count(recording->blocks);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ms_blocks_info(recording->blocks, middle)->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first one tells how to read all others; later ones know the program better. */
static int take_about(struct ms_recording *recording, const uint8_t *raw, size_t bytes)
{
    struct ms_about about;
    struct ms_unpack unpack = ms_unpack_of(raw, bytes);
    const int error = ms_about_read(&about, &unpack);
    if (error != 0) {
        return error == -ENOMEM ? error : 0;
    }
    if (recording->have_about) {
        memcpy(recording->about.program, about.program, sizeof about.program);
        memcpy(recording->about.host, about.host, sizeof about.host);
        ms_about_free(&about);
        return 0;
    }
    recording->about = about;
    recording->have_about = true;
    return 0;
}

static int take_names(struct ms_recording *recording, const uint8_t *raw, size_t bytes)
{
    struct ms_unpack unpack = ms_unpack_of(raw, bytes);
    ms_names_limit_bytes(recording->names, room_bytes(recording));
    const int error = ms_names_read(recording->names, &unpack);
    recording->refused = recording->refused || ms_names_is_refused(recording->names);
    return error;
}

static int take_mark(struct ms_recording *recording, const struct ms_mark *mark)
{
    if (recording->mark_count == recording->mark_capacity) {
        const size_t capacity = recording->mark_capacity * 2 + 16;
        struct ms_mark *marks = reallocarray(recording->marks, capacity, sizeof *marks);
        if (marks == NULL) {
            return -ENOMEM;
        }
        recording->marks = marks;
        recording->mark_capacity = capacity;
    }
    size_t at = recording->mark_count++;
    for (; at > 0 && recording->marks[at - 1].at_ns > mark->at_ns; at--) {
        recording->marks[at] = recording->marks[at - 1];
    }
    recording->marks[at] = *mark;
    recording->mark_tick = mark->tick > recording->mark_tick ? mark->tick : recording->mark_tick;
    return 0;
}

static int take_marks(struct ms_recording *recording, const uint8_t *raw, size_t bytes)
{
    struct ms_unpack unpack = ms_unpack_of(raw, bytes);
    while (!ms_unpack_done(&unpack) && recording->mark_count < MS_MARKS_MAX) {
        size_t text_bytes = 0;
        struct ms_mark mark = {.tick = ms_unpack_u64(&unpack), .at_ns = ms_unpack_u64(&unpack)};
        const uint64_t flags = ms_unpack_u64(&unpack);
        mark.by_program = (flags & MS_MARK_BY_PROGRAM) != 0;
        if ((flags & MS_MARK_HAS_THREAD) != 0) {
            mark.process_id = (uint32_t)ms_unpack_upto(&unpack, UINT32_MAX);
            mark.thread_id = (uint32_t)ms_unpack_upto(&unpack, UINT32_MAX);
        }
        const char *text = ms_unpack_text(&unpack, &text_bytes);
        if (unpack.failed) {
            return -EBADMSG;
        }
        char *copy = strndup(text, text_bytes < MS_MARK_TEXT_MAX ? text_bytes : MS_MARK_TEXT_MAX);
        mark.text = copy;
        if (copy == NULL || take_mark(recording, &mark) != 0) {
            free(copy);
            return -ENOMEM;
        }
    }
    return 0;
}

static int take_block(struct ms_recording *recording, size_t index)
{
    const enum ms_block_type type = ms_blocks_info(recording->blocks, index)->type;
    if (type != MS_BLOCK_ABOUT && type != MS_BLOCK_NAMES && type != MS_BLOCK_MARKS) {
        return 0;
    }
    const uint8_t *raw;
    size_t bytes;
    int error = ms_blocks_read(recording->blocks, index, &raw, &bytes);
    if (error == 0) {
        error = type == MS_BLOCK_ABOUT   ? take_about(recording, raw, bytes)
                : type == MS_BLOCK_NAMES ? take_names(recording, raw, bytes)
                                         : take_marks(recording, raw, bytes);
    }
    if (error != 0 && error != -ENOMEM) {
        recording->names_lost += type == MS_BLOCK_NAMES ? 1 : 0;
        error = 0; /* damage costs what it is in */
    }
    return error;
}

int ms_recording_refresh(struct ms_recording *recording)
{
    const size_t count = ms_blocks_count(recording->blocks);
    int error = 0;
    for (size_t i = ms_recording_block(recording, recording->looked_at); i < count && error == 0;
         i++) {
        const uint64_t number = ms_blocks_info(recording->blocks, i)->number;
        error = take_block(recording, i);
        recording->looked_at = error == 0 ? number + 1 : recording->looked_at;
    }
    return error;
}

/* Any moment that can be read; -ENODATA: none. */
static int find_moment(struct ms_recording *recording)
{
    const uint8_t *raw;
    size_t bytes;
    for (size_t i = 0; i < ms_blocks_count(recording->blocks); i++) {
        if (ms_blocks_info(recording->blocks, i)->type == MS_BLOCK_STATE) {
            const int error = ms_blocks_read(recording->blocks, i, &raw, &bytes);
            if (error == 0 || error == -ENOMEM) {
                return error;
            }
        }
    }
    return -ENODATA;
}

static int take_over(struct ms_recording *recording, char *why, size_t why_bytes)
{
    recording->names = ms_names_new();
    int error = recording->names != NULL ? ms_recording_refresh(recording) : -ENOMEM;
    if (error == 0 && !recording->have_about) {
        snprintf(why, why_bytes,
                 "what it is about is damaged or cut off; nothing of it can be read");
        return -ENODATA;
    }
    error = error == 0 ? find_moment(recording) : error;
    if (error != 0) {
        snprintf(why, why_bytes, "%s",
                 error == -ENODATA    ? "no moment of it is whole"
                 : recording->refused ? ms_recording_refused(recording)
                                      : strerror(-error));
    }
    return error;
}

int ms_recording_of_blocks(struct ms_blocks *blocks, struct ms_recording **out, char *why,
                           size_t why_bytes)
{
    struct ms_recording *recording = calloc(1, sizeof *recording);
    if (recording == NULL) {
        snprintf(why, why_bytes, "%s", strerror(ENOMEM));
        return -ENOMEM;
    }
    recording->blocks = blocks;
    const int error = take_over(recording, why, why_bytes);
    if (error != 0) {
        ms_recording_forget(recording);
        free(recording);
        return error;
    }
    *out = recording;
    return 0;
}

int ms_recording_open(const char *path, struct ms_recording **out, char *why, size_t why_bytes)
{
    struct ms_blocks *blocks;
    int error = ms_blocks_open(path, &blocks, why, why_bytes);
    if (error == 0) {
        error = ms_recording_of_blocks(blocks, out, why, why_bytes);
        if (error != 0) {
            ms_blocks_free(blocks);
        }
    }
    return error;
}

static bool is_moment(enum ms_block_type type)
{
    return type == MS_BLOCK_STATE || type == MS_BLOCK_TICKS;
}

/* From its first to its last moment, as the headers say. */
static void find_span(const struct ms_recording *recording, struct ms_recording_about *about)
{
    const size_t count = ms_blocks_count(recording->blocks);
    size_t first = 0;
    while (first < count && ms_blocks_info(recording->blocks, first)->type != MS_BLOCK_STATE) {
        first++;
    }
    size_t last = count;
    while (last > first && !is_moment(ms_blocks_info(recording->blocks, last - 1)->type)) {
        last--;
    }
    if (last > first) {
        about->first_tick = ms_blocks_info(recording->blocks, first)->first_tick;
        about->first_ns = ms_blocks_info(recording->blocks, first)->first_ns;
        about->last_tick = ms_blocks_info(recording->blocks, last - 1)->last_tick;
        about->last_ns = ms_blocks_info(recording->blocks, last - 1)->last_ns;
    }
}

struct ms_recording_about ms_recording_about(struct ms_recording *recording)
{
    const struct ms_blocks_state state = ms_blocks_state(recording->blocks);
    if (recording->recorder != NULL) {
        (void)ms_recorder_flush(recording->recorder);
        (void)ms_recording_refresh(recording);
    }
    const struct ms_blocks_condition condition = ms_blocks_condition(recording->blocks);
    const int used =
        snprintf(recording->condition, sizeof recording->condition, "%s", condition.words);
    if (recording->names_lost > 0 && (size_t)used < sizeof recording->condition) {
        snprintf(recording->condition + used, sizeof recording->condition - (size_t)used,
                 "; %llu blocks of names are damaged", (unsigned long long)recording->names_lost);
    }
    struct ms_recording_about about = {
        .recorded_by = recording->about.recorded_by,
        .program = recording->about.program,
        .interval_ns = recording->about.interval_ns,
        .start_ns = recording->about.start_ns,
        .start_unix_ns = recording->about.start_unix_ns,
        .coarse_until_ns = state.coarse_until_ns,
        .bytes = state.file_bytes,
        .going_on = recording->recorder != NULL,
        .condition = recording->condition,
    };
    find_span(recording, &about);
    return about;
}

size_t ms_recording_mark_count(const struct ms_recording *recording)
{
    return recording->mark_count;
}

struct ms_mark ms_recording_mark(const struct ms_recording *recording, size_t index)
{
    return recording->marks[index];
}

int ms_recording_give_marks(const struct ms_recording *recording, struct ms_model *model,
                            uint64_t from, uint64_t to)
{
    int error = 0;
    for (size_t i = 0;
         i < recording->mark_count && recording->mark_tick >= from && from <= to && error == 0;
         i++) {
        const struct ms_mark *mark = &recording->marks[i];
        if (mark->tick >= from && mark->tick <= to) {
            error = ms_model_add_mark(model, mark);
        }
    }
    return error;
}

int ms_recording_read_state(struct ms_recording *recording, size_t index, struct ms_model **out)
{
    const struct ms_about *about = &recording->about;
    const uint8_t *raw;
    size_t bytes;
    int error = ms_blocks_read(recording->blocks, index, &raw, &bytes);
    if (error != 0) {
        return error;
    }
    struct ms_unpack unpack = ms_unpack_of(raw, bytes);
    const uint64_t tick = ms_unpack_upto(&unpack, MS_TICK_MAX);
    const uint64_t now_ns = ms_unpack_u64(&unpack);
    if (unpack.failed) {
        return -EBADMSG;
    }
    struct ms_model *model =
        ms_model_new(about->interval_ns, about->start_ns, about->start_unix_ns);
    if (model == NULL) {
        return -ENOMEM;
    }
    ms_model_limit_bytes(model, room_bytes(recording));
    error = ms_names_lend(recording->names, model);
    error = error == 0 ? ms_moment_read(model, true, &unpack, about) : error;
    error = ms_recording_error_of(recording, model, error);
    if (error == 0 && (ms_model_ticks(model) != tick + 1 || ms_model_now_ns(model) != now_ns ||
                       ms_model_first_tick(model) > tick)) {
        error = -EBADMSG;
    }
    if (error != 0) {
        ms_model_free(model);
        return error;
    }
    *out = model;
    return 0;
}

/* Blocks of one resolution that reach into the last `points` of it before the tick. */
static int read_histories(struct ms_recording *recording, struct ms_model *model,
                          enum ms_block_type type, enum ms_resolution resolution)
{
    static const uint64_t points[MS_RESOLUTION_COUNT] = {6001, 3601, 8641};
    const uint64_t step = ms_history_step(recording->about.interval_ns, resolution);
    const uint64_t ticks = ms_model_ticks(model);
    const uint64_t back = points[resolution] * step;
    const size_t count = ms_blocks_count(recording->blocks);
    for (size_t i = 0; i < count; i++) {
        const struct ms_block_info *info = ms_blocks_info(recording->blocks, i);
        if (info->type != type || info->first_tick >= ticks || info->last_tick + back < ticks) {
            continue;
        }
        const uint8_t *raw;
        size_t bytes;
        int error = ms_blocks_read(recording->blocks, i, &raw, &bytes);
        if (error == 0) {
            struct ms_unpack unpack = ms_unpack_of(raw, bytes);
            error = ms_histories_read(&unpack, model, resolution, ticks / step);
        }
        if (error == -ENOMEM) {
            return error;
        }
    }
    return 0;
}

int ms_recording_read_histories(struct ms_recording *recording, struct ms_model *model)
{
    int error = ms_model_begin_histories(model);
    error = error == 0
                ? read_histories(recording, model, MS_BLOCK_COARSE, MS_RESOLUTION_TEN_SECONDS)
                : error;
    error = error == 0 ? read_histories(recording, model, MS_BLOCK_SECONDS, MS_RESOLUTION_SECOND)
                       : error;
    error =
        error == 0 ? read_histories(recording, model, MS_BLOCK_HISTORY, MS_RESOLUTION_FINE) : error;
    const int ended = ms_model_end_histories(model);
    return ms_recording_error_of(recording, model, error != 0 ? error : ended);
}

struct tracing {
    uint64_t first_ns, last_ns;
    bool (*each)(void *context, const struct ms_trace_record *event);
    void *context;
    bool ended;
};

static bool trace_event(void *context, const struct ms_trace_record *event)
{
    struct tracing *tracing = context;
    if (event->time_ns >= tracing->first_ns && event->time_ns <= tracing->last_ns) {
        tracing->ended = !tracing->each(tracing->context, event);
    }
    return !tracing->ended;
}

int ms_recording_trace(struct ms_recording *recording, uint64_t first_ns, uint64_t last_ns,
                       uint64_t *lost,
                       bool (*each)(void *context, const struct ms_trace_record *event),
                       void *context)
{
    struct tracing tracing = {first_ns, last_ns, each, context, false};
    *lost = 0;
    int error = recording->recorder != NULL ? ms_recorder_flush(recording->recorder) : 0;
    for (size_t i = 0; i < ms_blocks_count(recording->blocks) && error != -ENOMEM && !tracing.ended;
         i++) {
        const struct ms_block_info *info = ms_blocks_info(recording->blocks, i);
        if (info->type != MS_BLOCK_TRACE || info->last_ns < first_ns || info->first_ns > last_ns) {
            continue;
        }
        const uint8_t *raw;
        size_t bytes;
        int result = ms_blocks_read(recording->blocks, i, &raw, &bytes);
        if (result == 0) {
            struct ms_unpack unpack = ms_unpack_of(raw, bytes);
            uint64_t lost_before;
            result = ms_trace_block_read(&unpack, &lost_before, trace_event, &tracing);
            *lost = result == 0 && lost_before > *lost ? lost_before : *lost;
        }
        error = result != 0 ? result : error; /* what is damaged costs itself */
    }
    return error;
}
