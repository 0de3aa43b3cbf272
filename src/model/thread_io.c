/* What the probe counts of I/O: names, and sums over threads. */
#include <math.h>

#include "model/model.h"

static const char *const names[MS_IO_KIND_TOTAL] = {
#define MS_IO_KIND_ROW(id, name, what) [MS_IO_KIND_##id] = name,
    MS_IO_KINDS(MS_IO_KIND_ROW)
#undef MS_IO_KIND_ROW
};

const char *ms_io_kind_name(enum ms_io_kind kind)
{
    return names[kind];
}

void ms_thread_io_add(struct ms_thread_io *sum, const struct ms_thread_io *io)
{
    sum->have = sum->have && io->have;
    sum->in_flight = false;
    for (int kind = 0; kind < MS_IO_KIND_TOTAL; kind++) {
        struct ms_io_figures *to = &sum->of[kind];
        const struct ms_io_figures *from = &io->of[kind];
        to->calls += from->calls;
        to->bytes += from->bytes;
        to->errors += from->errors;
        to->would_block += from->would_block;
        to->messages += from->messages;
        to->timed_calls += from->timed_calls;
        to->timed_ns += from->timed_ns;
        to->wait_ns += from->wait_ns;
    }
}
