/* I/O of threads as the probe saw it, for the JSON report. */
#include <math.h>

#include "export/json_parts.h"

static void write_kind(struct ms_json_writer *writer, enum ms_io_kind kind,
                       const struct ms_io_figures *figures)
{
    const bool transfers =
        kind != MS_IO_KIND_SYNC && kind != MS_IO_KIND_OPEN && kind != MS_IO_KIND_POLL;
    const bool network = kind == MS_IO_KIND_RECEIVE || kind == MS_IO_KIND_SEND;
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "calls", figures->calls);
    if (transfers) {
        ms_json_member_u64(writer, "bytes", figures->bytes);
    }
    if (network) {
        ms_json_member_u64(writer, "messages", figures->messages);
    }
    ms_json_member_u64(writer, "errors", figures->errors);
    ms_json_member_u64(writer, "would_block", figures->would_block);
    ms_json_member_u64(writer, "timed_calls", figures->timed_calls);
    ms_json_member_u64(writer, "timed_ns", figures->timed_ns);
    ms_json_key(writer, "wait_ns");
    ms_json_fixed(writer, figures->wait_ns, 0);
    ms_json_key(writer, "latency_ns");
    ms_json_fixed(writer, figures->calls > 0 ? figures->wait_ns / (double)figures->calls : NAN, 0);
    ms_json_object_end(writer);
}

void ms_json_thread_io(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_thread *thread)
{
    const struct ms_thread_io *io = &thread->io;
    if (!io->have) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    for (int kind = 0; kind < MS_IO_KIND_TOTAL; kind++) {
        if (io->of[kind].calls > 0) {
            ms_json_key(writer, ms_io_kind_name((enum ms_io_kind)kind));
            write_kind(writer, (enum ms_io_kind)kind, &io->of[kind]);
        }
    }
    const uint64_t now_ns = ms_model_now_ns(model);
    const bool in_flight = io->in_flight && thread->end_ns == 0;
    ms_json_member_text_or_null(writer, "in_flight",
                                in_flight ? ms_io_kind_name(io->in_flight_kind) : "");
    ms_json_member_u64_or_null(writer, "in_flight_ns", in_flight,
                               now_ns > io->in_flight_since_ns ? now_ns - io->in_flight_since_ns
                                                               : 0);
    ms_json_object_end(writer);
}
