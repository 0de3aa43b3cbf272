/* The trace, when the session has one: asked of the keeper, read, and handed on. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "collect/channel.h"
#include "collect/collector_parts.h"
#include "wire/clock.h"

#define TRACE_BYTES_AT_END (64u << 20) /* more than a socket holds */

void ms_collector_ask_for_trace(struct ms_collector *collector, uint64_t now_ns)
{
    struct ms_message_trace message = {.header = {.type = MS_MSG_TRACE}, .answer = MS_TRACE_ASKED};
    collector->trace_asked_ns = now_ns;
    if (collector->socket >= 0) {
        (void)ms_channel_send(collector->socket, &message.header, sizeof message);
    }
}

static struct ms_trace_room trace_room(const struct ms_collector *collector)
{
    return (struct ms_trace_room){.model = collector->model, .symbols = collector->symbols};
}

void ms_collector_give_trace(struct ms_collector *collector)
{
    const struct ms_trace_room room = trace_room(collector);
    if (collector->trace_records != NULL) {
        ms_trace_records_give(collector->trace_records, &room, collector->tree);
    }
}

static void keep_trace(void *context, const struct ms_trace_batch *batch,
                       const struct ms_trace_event *events)
{
    struct ms_collector *collector = context;
    if (ms_trace_records_add(collector->trace_records, batch, events) != 0) {
        ms_collector_give_trace(collector);
        collector->trace_dropped +=
            ms_trace_records_add(collector->trace_records, batch, events) != 0 ? batch->event_count
                                                                               : 0;
    }
}

void ms_collector_read_trace(struct ms_collector *collector, size_t limit_bytes)
{
    if (collector->trace == NULL) {
        return;
    }
    struct ms_trace *trace = ms_model_trace_mutable(collector->model);
    if (ms_trace_reader_read(collector->trace, limit_bytes) != 0) {
        (void)snprintf(trace->because, sizeof trace->because, "its socket is closed");
    }
    const struct ms_trace_counts *counts = ms_trace_reader_counts(collector->trace);
    trace->events = counts->allocations + counts->frees;
    trace->batches = counts->batches;
    trace->packet_bytes = counts->packet_bytes;
    trace->missing = counts->lost + collector->trace_dropped;
    trace->refused = counts->refused;
}

void ms_collector_process_leaves(void *context, const struct ms_target *target)
{
    struct ms_collector *collector = context;
    const struct ms_trace_room room = trace_room(collector);
    if (collector->trace_records != NULL) {
        ms_collector_read_trace(collector, TRACE_BYTES_AT_END);
        ms_trace_records_give_of(collector->trace_records, &room, target);
    }
}

int ms_collector_begin_trace(struct ms_collector *collector)
{
    if (!collector->options.trace || collector->options.ask_only) {
        return 0;
    }
    collector->trace = ms_trace_reader_new();
    if (collector->trace == NULL) {
        return -ENOMEM;
    }
    if (collector->options.trace_events != NULL) {
        collector->trace_records =
            ms_trace_records_new(collector->options.trace_events, collector->options.trace_context);
        if (collector->trace_records == NULL) {
            return -ENOMEM;
        }
        ms_trace_reader_hand_on(collector->trace, keep_trace, collector);
    }
    struct ms_trace *trace = ms_model_trace_mutable(collector->model);
    trace->asked = true;
    (void)snprintf(trace->because, sizeof trace->because, "the keeper has not answered yet");
    return 0;
}

void ms_collector_take_trace(struct ms_collector *collector, const struct ms_message_trace *message,
                             int descriptor)
{
    if (collector->trace == NULL) {
        if (descriptor >= 0) {
            close(descriptor);
        }
        return;
    }
    struct ms_trace *trace = ms_model_trace_mutable(collector->model);
    const char *because = "";
    if (descriptor < 0) {
        bool taken = message->answer == MS_TRACE_TAKEN;
        because =
            taken ? "another viewer reads the trace" : "the program was started without --trace";
        collector->trace_asked_ns = taken ? ms_monotonic_ns() : 0;
    } else {
        ms_trace_reader_open(collector->trace, descriptor);
        trace->reading = true;
        collector->trace_asked_ns = 0;
    }
    (void)snprintf(trace->because, sizeof trace->because, "%s", because);
}
