#include "record/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/histories.h"
#include "record/moment.h"
#include "record/output.h"
#include "record/recording_internal.h"
#include "record/trace_coder.h"

#define FLUSH_NS         MS_SECOND_NS
#define SEGMENT_LEAST_NS (10 * MS_SECOND_NS)
#define SEGMENT_MOST_NS  (60 * MS_SECOND_NS)
#define SEGMENT_TICKS_MAX                                                                          \
    5000u /* the finest histories hold more: none of their points is missed                        \
           */
#define COARSE_NS      (300 * MS_SECOND_NS)
#define TRACE_BYTES    (256u << 10) /* of a block: more of them wait for the next */
#define RETRY_NS       MS_SECOND_NS /* of what was dropped */
#define FINISH_WAIT_NS (60 * MS_SECOND_NS)

/* What follows a state. */
struct segment {
    bool begun; /* else the next thing is to be a state */
    uint64_t first_ns, first_tick;
    uint64_t state_bytes, change_bytes;
    uint64_t refused_ns; /* a state was dropped then */
};

struct pending {
    struct ms_pack pack;
    uint64_t first_tick, first_ns, last_tick, last_ns;
};

struct ms_recorder {
    struct ms_recorder_options options;
    char *program_version;
    struct ms_blocks *blocks;
    struct ms_moment_writer moments;
    struct ms_names_writer *names_writer;
    struct ms_output_writer output_writer;
    struct ms_trace_coder *trace_coder; /* NULL: nothing was traced yet */
    struct pending ticks, names, output, trace;
    uint64_t trace_pending, trace_lost; /* events in `trace`; in blocks that found no room */
    struct ms_pack scratch;
    struct segment segment;
    bool have_tick;
    uint64_t tick, now_ns; /* of the last recorded one */
    uint64_t flushed_ns, coarse_ns;
    bool about_due;
    uint64_t marks;                             /* so many of the model were written */
    uint64_t history_next[MS_RESOLUTION_COUNT]; /* first point that is in no block */
    bool have_history;
    bool finishing;
    int finish_error; /* of what went into the file at last */
    struct ms_recording recording;
};

struct ms_recorder *ms_recorder_new(const struct ms_recorder_options *options)
{
    struct ms_recorder *recorder = calloc(1, sizeof *recorder);
    if (recorder == NULL) {
        return NULL;
    }
    recorder->options = *options;
    recorder->about_due = true;
    recorder->program_version =
        strdup(options->program_version != NULL ? options->program_version : "");
    recorder->blocks = ms_blocks_new(options->memory_bytes);
    recorder->names_writer = ms_names_writer_new();
    recorder->recording.blocks = recorder->blocks;
    recorder->recording.recorder = recorder;
    recorder->recording.names = ms_names_new();
    if (recorder->program_version == NULL || recorder->blocks == NULL ||
        recorder->names_writer == NULL || recorder->recording.names == NULL ||
        ms_moment_writer_init(&recorder->moments, options->hide_arguments) != 0) {
        ms_recorder_free(recorder);
        return NULL;
    }
    return recorder;
}

void ms_recorder_free(struct ms_recorder *recorder)
{
    if (recorder == NULL) {
        return;
    }
    ms_recording_forget(&recorder->recording);
    ms_moment_writer_free(&recorder->moments);
    ms_names_writer_free(recorder->names_writer);
    ms_blocks_free(recorder->blocks);
    ms_pack_free(&recorder->ticks.pack);
    ms_pack_free(&recorder->names.pack);
    ms_pack_free(&recorder->output.pack);
    ms_output_writer_free(&recorder->output_writer);
    ms_trace_coder_free(recorder->trace_coder);
    ms_pack_free(&recorder->trace.pack);
    ms_pack_free(&recorder->scratch);
    free(recorder->program_version);
    free(recorder);
}

int ms_recorder_keep(struct ms_recorder *recorder, const char *path, bool overwrite,
                     uint64_t max_bytes)
{
    const int error = ms_recorder_flush(recorder);
    const int kept = ms_blocks_keep(recorder->blocks, path, overwrite, max_bytes);
    return kept != 0 ? kept : error;
}

/* What is in `pending` covers this tick, too. */
static void cover(struct pending *pending, uint64_t tick, uint64_t now_ns)
{
    if (pending->last_tick == 0 && pending->last_ns == 0) {
        pending->first_tick = tick;
        pending->first_ns = now_ns;
    }
    pending->last_tick = tick;
    pending->last_ns = now_ns > pending->last_ns ? now_ns : pending->last_ns;
}

static void forget(struct pending *pending)
{
    struct ms_pack pack = pending->pack;
    ms_pack_clear(&pack);
    *pending = (struct pending){.pack = pack};
}

/* 0; -EAGAIN: it waits on; or -ENOMEM. */
static int append(struct ms_recorder *recorder, enum ms_block_type type,
                  const struct pending *pending)
{
    if (pending->pack.failed) {
        return -ENOMEM;
    }
    if (pending->pack.used == 0) {
        return 0;
    }
    const struct ms_block_info info = {.type = type,
                                       .first_tick = pending->first_tick,
                                       .last_tick = pending->last_tick,
                                       .first_ns = pending->first_ns,
                                       .last_ns = pending->last_ns};
    return ms_blocks_append(recorder->blocks, &info, pending->pack.bytes, pending->pack.used);
}

/* A block of this moment from `scratch`. */
static int append_now(struct ms_recorder *recorder, enum ms_block_type type, uint64_t first_tick,
                      uint64_t first_ns)
{
    const struct pending now = {.pack = recorder->scratch,
                                .first_tick = first_tick,
                                .first_ns = first_ns,
                                .last_tick = recorder->tick,
                                .last_ns = recorder->now_ns};
    return append(recorder, type, &now);
}

/* What finds no room is lost, and counted as dropped. */
static int append_or_lose(struct ms_recorder *recorder, enum ms_block_type type,
                          struct pending *pending)
{
    const int error = append(recorder, type, pending);
    forget(pending);
    return error;
}

/* A block begins with how many events were lost before it. */
static int append_trace(struct ms_recorder *recorder)
{
    const int error = append_or_lose(recorder, MS_BLOCK_TRACE, &recorder->trace);
    recorder->trace_lost += error != 0 ? recorder->trace_pending : 0;
    recorder->trace_pending = 0;
    return error;
}

/* Names wait on when they find no room; ticks do not: a new segment begins. */
int ms_recorder_flush(struct ms_recorder *recorder)
{
    int error = append(recorder, MS_BLOCK_NAMES, &recorder->names);
    if (error == 0) {
        forget(&recorder->names);
    }
    const int output_error = append_or_lose(recorder, MS_BLOCK_OUTPUT, &recorder->output);
    const int trace_error = append_trace(recorder);
    error = error == 0 ? output_error : error;
    error = error == 0 ? trace_error : error;
    if (recorder->ticks.pack.used > 0 || recorder->ticks.pack.failed) {
        ms_pack_u64(&recorder->ticks.pack, 0);
        const int ticks_error = append(recorder, MS_BLOCK_TICKS, &recorder->ticks);
        if (ticks_error != 0) {
            recorder->segment.begun = false;
        }
        forget(&recorder->ticks);
        error = error == 0 ? ticks_error : error;
    }
    recorder->flushed_ns = recorder->now_ns;
    return error == -EAGAIN ? 0 : error;
}

static int write_names(struct ms_recorder *recorder, const struct ms_model *model)
{
    struct ms_pack *pack = &recorder->names.pack;
    const size_t used = pack->used;
    const int error = ms_names_write(recorder->names_writer, model, pack);
    if (pack->used > used) {
        cover(&recorder->names, recorder->tick, recorder->now_ns);
    }
    return error;
}

static int write_output(struct ms_recorder *recorder, const struct ms_model *model)
{
    struct ms_pack *pack = &recorder->output.pack;
    const size_t used = pack->used;
    if (!recorder->options.output) {
        return 0;
    }
    const int error =
        ms_output_write(&recorder->output_writer, ms_model_output(model), recorder->now_ns, pack);
    if (pack->used > used) {
        cover(&recorder->output, recorder->tick, recorder->now_ns);
    }
    return error;
}

/* A row: ticks since the one before, time since then, what changed. The block begins with the tick
 * and the time before its first row. */
static int write_row(struct ms_recorder *recorder, const struct ms_model *model,
                     uint64_t tick_before, uint64_t ns_before)
{
    struct pending *ticks = &recorder->ticks;
    if (ticks->pack.used == 0) {
        ms_pack_u64(&ticks->pack, tick_before);
        ms_pack_u64(&ticks->pack, ns_before);
    }
    const size_t used = ticks->pack.used;
    ms_pack_u64(&ticks->pack, recorder->tick - tick_before);
    ms_pack_i64(&ticks->pack, (int64_t)(recorder->now_ns - ns_before));
    const int error = ms_moment_write(&recorder->moments, model, false, &ticks->pack);
    cover(ticks, recorder->tick, recorder->now_ns);
    if (error != 0 || ticks->pack.failed) {
        recorder->segment.begun = false;
        forget(ticks);
        return -ENOMEM;
    }
    recorder->segment.change_bytes += ticks->pack.used - used;
    return 0;
}

static int append_about(struct ms_recorder *recorder, const struct ms_model *model)
{
    ms_pack_clear(&recorder->scratch);
    ms_about_write(&recorder->scratch, model, recorder->program_version,
                   recorder->options.hide_arguments);
    const int error = append_now(recorder, MS_BLOCK_ABOUT, recorder->tick, recorder->now_ns);
    recorder->about_due = error != 0;
    return error;
}

static enum ms_block_type history_block(enum ms_resolution resolution)
{
    return resolution == MS_RESOLUTION_FINE     ? MS_BLOCK_HISTORY
           : resolution == MS_RESOLUTION_SECOND ? MS_BLOCK_SECONDS
                                                : MS_BLOCK_COARSE;
}

/* The points of one resolution that are complete and in no block yet. */
static int append_histories(struct ms_recorder *recorder, const struct ms_model *model,
                            enum ms_resolution resolution)
{
    const uint64_t interval_ns = ms_model_interval_ns(model);
    const uint64_t step = ms_history_step(interval_ns, resolution);
    const uint64_t first = recorder->history_next[resolution];
    const uint64_t end = (recorder->tick + 1) / step;
    if (first >= end) {
        return 0;
    }
    ms_pack_clear(&recorder->scratch);
    int error = ms_histories_write(&recorder->scratch, model, resolution, first, end);
    if (error == 0) {
        const uint64_t back_ns = (recorder->tick - first * step) * interval_ns;
        error = append_now(recorder, history_block(resolution), first * step,
                           back_ns < recorder->now_ns ? recorder->now_ns - back_ns : 0);
    }
    if (error == 0) {
        recorder->history_next[resolution] = end;
    }
    return error;
}

/* Where the first points are that a model can hold. */
static void begin_histories(struct ms_recorder *recorder, const struct ms_model *model)
{
    for (int r = 0; r < MS_RESOLUTION_COUNT && !recorder->have_history; r++) {
        const uint64_t step = ms_history_step(ms_model_interval_ns(model), (enum ms_resolution)r);
        const uint64_t end = (recorder->tick + 1) / step;
        const uint64_t first = ms_model_first_tick(model) / step;
        recorder->history_next[r] =
            end - first > MS_HISTORIES_POSITIONS_MAX ? end - MS_HISTORIES_POSITIONS_MAX : first;
    }
    recorder->have_history = true;
}

static int append_all_histories(struct ms_recorder *recorder, const struct ms_model *model,
                                bool coarse_too)
{
    begin_histories(recorder, model);
    int error = append_histories(recorder, model, MS_RESOLUTION_FINE);
    if (coarse_too || recorder->now_ns >= recorder->coarse_ns + COARSE_NS) {
        recorder->coarse_ns = recorder->now_ns;
        const int seconds = append_histories(recorder, model, MS_RESOLUTION_SECOND);
        const int tens = append_histories(recorder, model, MS_RESOLUTION_TEN_SECONDS);
        const int about = append_about(recorder, model);
        error = error == 0 ? seconds : error;
        error = error == 0 ? tens : error;
        error = error == 0 ? about : error;
    }
    return error;
}

static int begin_segment(struct ms_recorder *recorder, const struct ms_model *model, bool last)
{
    struct segment *segment = &recorder->segment;
    int error = ms_recorder_flush(recorder);
    const int history_error = append_all_histories(recorder, model, last);
    ms_pack_clear(&recorder->scratch);
    ms_pack_u64(&recorder->scratch, recorder->tick);
    ms_pack_u64(&recorder->scratch, recorder->now_ns);
    *segment = (struct segment){.first_ns = recorder->now_ns, .first_tick = recorder->tick};
    int state_error = ms_moment_write(&recorder->moments, model, true, &recorder->scratch);
    if (state_error == 0) {
        segment->state_bytes = recorder->scratch.used;
        state_error = append_now(recorder, MS_BLOCK_STATE, recorder->tick, recorder->now_ns);
    }
    segment->begun = state_error == 0;
    segment->refused_ns = segment->begun ? 0 : recorder->now_ns;
    error = error == 0 ? state_error : error;
    return error == 0 ? history_error : error;
}

static bool segment_is_over(const struct ms_recorder *recorder)
{
    const struct segment *segment = &recorder->segment;
    if (!segment->begun) {
        return segment->refused_ns == 0 || recorder->now_ns >= segment->refused_ns + RETRY_NS;
    }
    const uint64_t age_ns = recorder->now_ns - segment->first_ns;
    return age_ns >= SEGMENT_MOST_NS || recorder->tick - segment->first_tick >= SEGMENT_TICKS_MAX ||
           (age_ns >= SEGMENT_LEAST_NS && segment->change_bytes >= segment->state_bytes);
}

static void pack_mark(struct ms_pack *pack, uint64_t tick, const struct ms_mark *mark)
{
    ms_pack_u64(pack, tick);
    ms_pack_u64(pack, mark->at_ns);
    ms_pack_u64(pack, (mark->by_program ? MS_MARK_BY_PROGRAM : 0) |
                          (mark->process_id != 0 ? MS_MARK_HAS_THREAD : 0));
    if (mark->process_id != 0) {
        ms_pack_u64(pack, mark->process_id);
        ms_pack_u64(pack, mark->thread_id);
    }
    ms_pack_text(pack, mark->text, strlen(mark->text));
}

int ms_recorder_marks(struct ms_recorder *recorder, const struct ms_model *model)
{
    const uint64_t added = ms_model_marks_added(model);
    if (added == recorder->marks || !recorder->have_tick) {
        return 0;
    }
    ms_pack_clear(&recorder->scratch);
    for (size_t i = 0; i < ms_model_mark_count(model); i++) {
        const struct ms_mark *mark = ms_model_mark(model, i);
        if (mark->number >= recorder->marks) {
            pack_mark(&recorder->scratch, recorder->tick, mark);
        }
    }
    const int error = append_now(recorder, MS_BLOCK_MARKS, recorder->tick, recorder->now_ns);
    if (error == 0) {
        recorder->marks = added;
    }
    return error == -EAGAIN ? 0 : error; /* they wait on */
}

int ms_recorder_tick(struct ms_recorder *recorder, const struct ms_model *model)
{
    const uint64_t ticks = ms_model_ticks(model);
    if (ticks == 0 || (recorder->have_tick && ticks - 1 <= recorder->tick)) {
        return 0;
    }
    const uint64_t tick_before = recorder->tick;
    const uint64_t ns_before = recorder->now_ns;
    recorder->tick = ticks - 1;
    recorder->now_ns = ms_model_now_ns(model);
    recorder->have_tick = true;
    int error = recorder->about_due ? append_about(recorder, model) : 0;
    const int names_error = write_names(recorder, model);
    const int output_error = write_output(recorder, model);
    const int marks_error = ms_recorder_marks(recorder, model);
    error = error == 0 ? names_error : error;
    error = error == 0 ? marks_error : error;
    error = error == 0 ? output_error : error;
    if (recorder->segment.begun) {
        const int row_error = write_row(recorder, model, tick_before, ns_before);
        error = error == 0 ? row_error : error;
    }
    int last_error = 0;
    if (segment_is_over(recorder)) {
        last_error = begin_segment(recorder, model, false);
    } else if (recorder->now_ns >= recorder->flushed_ns + FLUSH_NS) {
        last_error = ms_recorder_flush(recorder);
    }
    error = error == 0 ? last_error : error;
    return error == -ENOMEM ? error : 0;
}

int ms_recorder_trace(struct ms_recorder *recorder, const struct ms_trace_record *events,
                      size_t count)
{
    struct pending *trace = &recorder->trace;
    int error = 0;
    if (recorder->trace_coder == NULL) {
        recorder->trace_coder = ms_trace_coder_new();
    }
    if (recorder->trace_coder == NULL) {
        recorder->trace_lost += count;
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (trace->pack.used == 0) {
            ms_trace_coder_begin(recorder->trace_coder);
            ms_pack_u64(&trace->pack, recorder->trace_lost);
        }
        ms_trace_coder_write(recorder->trace_coder, &trace->pack, &events[i]);
        recorder->trace_pending++;
        cover(trace, recorder->tick, events[i].time_ns);
        trace->first_ns = events[i].time_ns < trace->first_ns ? events[i].time_ns : trace->first_ns;
        if (trace->pack.used >= TRACE_BYTES || trace->pack.failed) {
            const int flushed = append_trace(recorder);
            error = error == 0 && flushed != -EAGAIN ? flushed : error;
        }
    }
    return error;
}

/* The last state is that of the moment: one that a tick has just begun with need not be written
 * again, which is most of what recording a single moment costs. */
static int end_segment(struct ms_recorder *recorder, const struct ms_model *model, bool has_ticked)
{
    const struct segment *segment = &recorder->segment;
    if (!has_ticked || !segment->begun || segment->first_tick != recorder->tick) {
        return begin_segment(recorder, model, true);
    }
    const int error = ms_recorder_flush(recorder);
    const int history_error = append_all_histories(recorder, model, true);
    return error != 0 ? error : history_error;
}

bool ms_recorder_settle(struct ms_recorder *recorder, uint64_t wait_ns)
{
    return ms_blocks_settle(recorder->blocks, wait_ns);
}

void ms_recorder_finish_begin(struct ms_recorder *recorder, const struct ms_model *model)
{
    if (recorder->finishing) {
        return;
    }
    const bool had_tick = recorder->have_tick;
    const uint64_t tick_before = recorder->tick;
    int error = ms_recorder_tick(recorder, model);
    if (recorder->have_tick) {
        const bool has_ticked = !had_tick || recorder->tick != tick_before;
        const int names_error = write_names(recorder, model);
        const int marks_error = ms_recorder_marks(recorder, model);
        const int last_error = end_segment(recorder, model, has_ticked);
        error = error == 0 ? names_error : error;
        error = error == 0 ? marks_error : error;
        error = error == 0 ? last_error : error;
    }
    recorder->segment.begun = false; /* what is kept on in memory begins anew */
    recorder->finish_error = error == -EAGAIN ? 0 : error; /* as dropped as any, and counted */
    recorder->finishing = true;
    ms_blocks_finish_begin(recorder->blocks);
}

bool ms_recorder_finish_wait(struct ms_recorder *recorder, uint64_t wait_ns)
{
    return ms_blocks_finish_wait(recorder->blocks, wait_ns);
}

int ms_recorder_finish(struct ms_recorder *recorder, const struct ms_model *model)
{
    if (!recorder->finishing) {
        (void)ms_recorder_settle(recorder, FINISH_WAIT_NS);
    }
    ms_recorder_finish_begin(recorder, model);
    const int error = ms_blocks_finish(recorder->blocks);
    recorder->finishing = false;
    return error != 0 ? error : recorder->finish_error;
}

struct ms_blocks_state ms_recorder_state(const struct ms_recorder *recorder)
{
    return ms_blocks_state(recorder->blocks);
}

struct ms_recording *ms_recorder_recording(struct ms_recorder *recorder)
{
    return &recorder->recording;
}
