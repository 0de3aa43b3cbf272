/* Is a recording whole, and does it contradict itself? */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "record/histories.h"
#include "record/moment.h"
#include "record/output.h"
#include "record/recording_internal.h"
#include "record/trace_coder.h"

#define FINDINGS_MAX 1000 /* that are told; the others are counted */

struct verifying {
    struct ms_recording *recording;
    void (*told)(void *context, const char *finding);
    void *context;
    int findings;
    const struct ms_block_info *info; /* of the block that is looked at */
    size_t index;
    struct ms_output *output;
    uint64_t trace_lost;    /* as the last block of the trace says */
    struct ms_model *model; /* as ticks made it; NULL: a state is awaited */
    uint64_t tick, now_ns;
};

__attribute__((format(printf, 2, 3))) static void tell(struct verifying *verifying,
                                                       const char *format, ...)
{
    char words[300];
    char finding[400];
    if (verifying->findings++ >= FINDINGS_MAX) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    const struct ms_block_info *info = verifying->info;
    if (info == NULL) {
        verifying->told(verifying->context, words);
        return;
    }
    const uint64_t start_ns = verifying->recording->about.start_ns;
    const uint64_t at_ns = info->first_ns > start_ns ? info->first_ns - start_ns : 0;
    snprintf(finding, sizeof finding, "%.3f s, block %" PRIu64 " (%s): %s", (double)at_ns / 1e9,
             info->number, ms_block_type_name(info->type), words);
    verifying->told(verifying->context, finding);
}

static void verify_heap(struct verifying *verifying, const char *what, uint32_t id,
                        const struct ms_heap *heap)
{
    if (heap->deallocations > heap->allocations || heap->bytes_freed > heap->bytes_allocated) {
        tell(verifying,
             "%s %" PRIu32 " freed more than it allocated: %" PRIu64 " of %" PRIu64
             " blocks, %" PRIu64 " of %" PRIu64 " bytes",
             what, id, heap->deallocations, heap->allocations, heap->bytes_freed,
             heap->bytes_allocated);
    }
}

static void verify_things(struct verifying *verifying, const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        verify_heap(verifying, "process", process->id, &process->totals);
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        verify_heap(verifying, "thread", thread->id, &thread->heap);
        if (ms_model_process_by_id(model, thread->process_id) == NULL) {
            tell(verifying, "thread %" PRIu32 " is of process %" PRIu32 ", which does not exist",
                 thread->id, thread->process_id);
        }
    }
}

/* What refers to what; and that the usages of a site add up to it. */
static void verify_references(struct verifying *verifying, const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        uint64_t allocations = 0;
        if (ms_model_process_by_id(model, site->process_id) == NULL) {
            tell(verifying, "call site %" PRIu32 " is of process %" PRIu32 ", which does not exist",
                 site->id, site->process_id);
        }
        const struct ms_usage *usage = NULL;
        while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
            allocations += usage->allocations;
        }
        if (allocations != site->heap.allocations) {
            tell(verifying,
                 "call site %" PRIu32 " has %" PRIu64 " allocations, its threads %" PRIu64,
                 site->id, site->heap.allocations, allocations);
        }
    }
    for (size_t i = 0; i < ms_model_usage_count(model); i++) {
        const struct ms_usage *usage = ms_model_usage(model, i);
        if (ms_model_thread_by_id(model, usage->thread_id) == NULL ||
            ms_model_site_by_id(model, usage->site_id) == NULL) {
            tell(verifying,
                 "thread %" PRIu32 " allocated at call site %" PRIu32
                 "; one of them does not exist",
                 usage->thread_id, usage->site_id);
        }
    }
    for (size_t i = 0; i < ms_model_flow_count(model); i++) {
        const struct ms_flow *flow = ms_model_flow(model, i);
        if (ms_model_process_by_id(model, flow->process_id) == NULL) {
            tell(verifying, "a flow is of process %" PRIu32 ", which does not exist",
                 flow->process_id);
        }
    }
}

static void differs(void *context, const char *what)
{
    struct verifying *verifying = context;
    tell(verifying, "the ticks before lead to something else: %.200s", what);
}

static void leave_model(struct verifying *verifying)
{
    ms_model_free(verifying->model);
    verifying->model = NULL;
}

static int verify_state(struct verifying *verifying)
{
    struct ms_model *model;
    const int error = ms_recording_read_state(verifying->recording, verifying->index, &model);
    if (error != 0) {
        tell(verifying, "it makes no sense");
        leave_model(verifying);
        return error == -ENOMEM ? error : 0;
    }
    if (ms_model_ticks(model) - 1 != verifying->info->first_tick ||
        ms_model_now_ns(model) != verifying->info->first_ns) {
        tell(verifying, "its header tells another moment");
    }
    verify_things(verifying, model);
    verify_references(verifying, model);
    if (verifying->model != NULL && verifying->tick == ms_model_ticks(model) - 1) {
        for (uint32_t part = 0; part < MS_PART_TOTAL; part++) {
            (void)ms_parts[part]->compare(verifying->model, model, differs, verifying);
        }
    }
    leave_model(verifying);
    verifying->model = model;
    verifying->tick = ms_model_ticks(model) - 1;
    verifying->now_ns = ms_model_now_ns(model);
    return 0;
}

static int verify_ticks(struct verifying *verifying, const uint8_t *raw, size_t bytes)
{
    struct ms_tick_rows rows;
    if (ms_tick_rows_begin(&rows, raw, bytes) != 0) {
        tell(verifying, "it makes no sense");
        leave_model(verifying);
        return 0;
    }
    if (verifying->model == NULL) {
        return 0; /* what they follow is missing, which was told */
    }
    if (rows.tick != verifying->tick || rows.now_ns != verifying->now_ns) {
        tell(verifying, "it follows tick %" PRIu64 ", but tick %" PRIu64 " is before it", rows.tick,
             verifying->tick);
        leave_model(verifying);
        return 0;
    }
    int result;
    do {
        result = ms_tick_rows_next(&rows, verifying->model, &verifying->recording->about);
    } while (result == 1);
    result = ms_recording_error_of(verifying->recording, verifying->model, result);
    if (result == -ENOMEM) {
        return result;
    }
    if (result != 0) {
        tell(verifying, "what follows tick %" PRIu64 " makes no sense", rows.tick);
        leave_model(verifying);
        return 0;
    }
    verifying->tick = rows.tick;
    verifying->now_ns = rows.now_ns;
    if (rows.tick != verifying->info->last_tick || rows.now_ns != verifying->info->last_ns) {
        tell(verifying, "its header tells another last moment");
    }
    verify_things(verifying, verifying->model);
    return 0;
}

static int verify_history(struct verifying *verifying, const uint8_t *raw, size_t bytes,
                          enum ms_resolution resolution)
{
    struct ms_model *nothing = ms_model_new(MS_SECOND_NS / 10, 0, 0);
    if (nothing == NULL) {
        return -ENOMEM;
    }
    struct ms_unpack unpack = ms_unpack_of(raw, bytes);
    if (ms_histories_read(&unpack, nothing, resolution, UINT64_MAX) != 0) {
        tell(verifying, "it makes no sense");
    }
    ms_model_free(nothing);
    return 0;
}

struct event_times {
    const struct ms_block_info *info;
    bool outside;
};

static bool look_at_event(void *context, const struct ms_trace_record *event)
{
    struct event_times *times = context;
    times->outside |=
        event->time_ns < times->info->first_ns || event->time_ns > times->info->last_ns;
    return true;
}

static int verify_trace(struct verifying *verifying, const uint8_t *raw, size_t bytes)
{
    struct ms_unpack unpack = ms_unpack_of(raw, bytes);
    struct event_times times = {.info = verifying->info};
    uint64_t lost = 0;
    const int error = ms_trace_block_read(&unpack, &lost, look_at_event, &times);
    if (error != 0) {
        return error;
    }
    if (times.outside) {
        tell(verifying, "its header tells another time");
    }
    if (lost > verifying->trace_lost) {
        tell(verifying, "%" PRIu64 " events were lost before it: there was no room for them",
             lost - verifying->trace_lost);
        verifying->trace_lost = lost;
    }
    return 0;
}

static int verify_block(struct verifying *verifying)
{
    const uint8_t *raw;
    size_t bytes;
    int error = ms_blocks_read(verifying->recording->blocks, verifying->index, &raw, &bytes);
    if (error == -ENOMEM) {
        return error;
    }
    if (error != 0) {
        tell(verifying, error == -EBADMSG ? "damaged" : "cannot be read: %s", strerror(-error));
        leave_model(verifying);
        return 0;
    }
    struct ms_about about;
    struct ms_unpack unpack = ms_unpack_of(raw, bytes);
    switch (verifying->info->type) {
    case MS_BLOCK_STATE:
        return verify_state(verifying);
    case MS_BLOCK_TICKS:
        return verify_ticks(verifying, raw, bytes);
    case MS_BLOCK_HISTORY:
        return verify_history(verifying, raw, bytes, MS_RESOLUTION_FINE);
    case MS_BLOCK_SECONDS:
        return verify_history(verifying, raw, bytes, MS_RESOLUTION_SECOND);
    case MS_BLOCK_COARSE:
        return verify_history(verifying, raw, bytes, MS_RESOLUTION_TEN_SECONDS);
    case MS_BLOCK_ABOUT:
        error = ms_about_read(&about, &unpack);
        if (error == 0) {
            ms_about_free(&about);
        }
        break;
    case MS_BLOCK_TRACE:
        error = verify_trace(verifying, raw, bytes);
        break;
    case MS_BLOCK_OUTPUT:
        error = ms_output_read(verifying->output, &unpack, UINT64_MAX);
        break;
    default:
        return 0;
    }
    if (error != 0 && error != -ENOMEM) {
        tell(verifying, "it makes no sense");
        error = 0;
    }
    return error;
}

/* Blocks of one type lie in the order of time; several types wait for each other. Of the trace each
 * thread has its own. */
static void verify_order(struct verifying *verifying, uint64_t last_ns[MS_BLOCK_TYPE_TOTAL])
{
    const struct ms_block_info *info = verifying->info;
    if (info->first_tick > info->last_tick || info->first_ns > info->last_ns ||
        (info->type != MS_BLOCK_TRACE && info->last_ns < last_ns[info->type])) {
        tell(verifying, "its time goes backwards");
    }
    last_ns[info->type] = info->last_ns;
}

int ms_recording_verify(struct ms_recording *recording,
                        void (*told)(void *context, const char *finding), ms_progress *progress,
                        void *context)
{
    struct verifying verifying = {.recording = recording, .told = told, .context = context};
    const struct ms_blocks_condition condition = ms_blocks_condition(recording->blocks);
    const size_t count = ms_blocks_count(recording->blocks);
    uint64_t last_ns[MS_BLOCK_TYPE_TOTAL] = {0};
    verifying.output = ms_output_new();
    int error = verifying.output != NULL ? 0 : -ENOMEM;
    if (recording->recorder == NULL && strcmp(condition.words, "whole") != 0) {
        tell(&verifying, "%s", condition.words);
    }
    if (recording->names_lost > 0) {
        tell(&verifying, "blocks of names that are damaged: %" PRIu64, recording->names_lost);
    }
    for (size_t i = 0; i < count && error == 0; i++) {
        verifying.index = i;
        verifying.info = ms_blocks_info(recording->blocks, i);
        verify_order(&verifying, last_ns);
        error = verify_block(&verifying);
        if (error == 0 && progress != NULL && !progress(context, i + 1, count)) {
            error = -ECANCELED;
        }
    }
    leave_model(&verifying);
    ms_output_free(verifying.output);
    return error != 0 ? error : verifying.findings;
}
