/* See io.h. */
#include "collect/io.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)MS_REGION_IO_KINDS == (int)MS_IO_KIND_TOTAL &&
                   (int)MS_REGION_IO_READ == (int)MS_IO_KIND_READ &&
                   (int)MS_REGION_IO_WRITE == (int)MS_IO_KIND_WRITE &&
                   (int)MS_REGION_IO_RECEIVE == (int)MS_IO_KIND_RECEIVE &&
                   (int)MS_REGION_IO_SEND == (int)MS_IO_KIND_SEND &&
                   (int)MS_REGION_IO_SYNC == (int)MS_IO_KIND_SYNC &&
                   (int)MS_REGION_IO_OPEN == (int)MS_IO_KIND_OPEN &&
                   (int)MS_REGION_IO_POLL == (int)MS_IO_KIND_POLL,
               "the model has the kinds of the region");

/* The lines of a record as they were read last. */
struct seen_lines {
    uint32_t serial; /* of the thread they were of, with or without lines */
    uint64_t change;
    uint64_t in_call_ns; /* when the call that the thread is in was seen first; 0: in none */
    uint64_t calls;      /* before that call */
};

/* What of a call site is in the model already. */
struct seen_site {
    uint64_t calls, bytes, wait_ns, samples;
    uint32_t thread, site; /* of the model; 0: not known yet */
};

struct ms_watched_io {
    struct seen_lines *lines;
    uint32_t line_count;
    struct seen_site *sites;
    uint32_t site_count;
};

struct ms_watched_io *ms_watched_io_new(void)
{
    return calloc(1, sizeof(struct ms_watched_io));
}

void ms_watched_io_free(struct ms_watched_io *io)
{
    if (io != NULL) {
        free(io->lines);
        free(io->sites);
        free(io);
    }
}

/* Grows an array to `count` zeroed elements, with room for more. Returns 0 or -ENOMEM. */
static int grow(void **array, uint32_t *held, uint32_t count, size_t element_bytes)
{
    if (count <= *held) {
        return 0;
    }
    const size_t room = (size_t)count + count / 2 + 16;
    char *grown = realloc(*array, room * element_bytes);
    if (grown == NULL) {
        return -ENOMEM;
    }
    memset(grown + (size_t)*held * element_bytes, 0, (room - *held) * element_bytes);
    *array = grown;
    *held = (uint32_t)room;
    return 0;
}

/* Time of all calls, if the others lasted as long in the mean as what was weighed. */
static double estimate_ns(uint64_t calls, uint64_t weighed_calls, uint64_t weighed_ns)
{
    if (calls == 0) {
        return 0;
    }
    return weighed_calls == 0 ? (double)NAN
                              : (double)weighed_ns * ((double)calls / (double)weighed_calls);
}

/* Calls that brought a message each, and what some of them brought more. */
static uint64_t messages_of(const struct ms_io_figures *figures, uint64_t more)
{
    const uint64_t in_vain = figures->errors + figures->would_block;
    return (figures->calls > in_vain ? figures->calls - in_vain : 0) + more;
}

/*
 * Estimates of the time in all calls. Together they are no more than the life of the thread: a rare
 * long call among many fast ones stands for those that were not timed. And rates are made of them,
 * so none goes back: what there is to share is the life that is not spoken for yet.
 */
static void take_waits(struct ms_thread_io *io, const struct ms_region_thread_io_copy *copy,
                       uint64_t life_ns)
{
    double growth_ns[MS_IO_KIND_TOTAL];
    double growth_sum_ns = 0;
    double left_ns = (double)life_ns;
    for (int kind = 0; kind < MS_IO_KIND_TOTAL; kind++) {
        const double before_ns = isnan(io->of[kind].wait_ns) ? 0 : io->of[kind].wait_ns;
        const double wait_ns =
            estimate_ns(copy->calls[kind], copy->weighed_calls[kind], copy->weighed_ns[kind]);
        io->of[kind].wait_ns = isnan(wait_ns) ? wait_ns : before_ns;
        growth_ns[kind] = wait_ns > before_ns ? wait_ns - before_ns : 0;
        growth_sum_ns += growth_ns[kind];
        left_ns -= before_ns;
    }
    left_ns = left_ns > 0 ? left_ns : 0;
    const double shrink = growth_sum_ns > left_ns ? left_ns / growth_sum_ns : 1;
    for (int kind = 0; kind < MS_IO_KIND_TOTAL; kind++) {
        io->of[kind].wait_ns += growth_ns[kind] * shrink;
    }
}

static void take_figures(struct ms_thread_io *io, const struct ms_region_thread_io_copy *copy,
                         uint64_t life_ns)
{
    take_waits(io, copy, life_ns);
    for (int kind = 0; kind < MS_IO_KIND_TOTAL; kind++) {
        struct ms_io_figures *figures = &io->of[kind];
        figures->calls = copy->calls[kind];
        figures->bytes = copy->bytes[kind];
        figures->errors = copy->errors[kind];
        figures->would_block = copy->would_block[kind];
        figures->timed_calls = copy->timed_calls[kind];
        figures->timed_ns = copy->timed_ns[kind];
    }
    struct ms_io_figures *received = &io->of[MS_IO_KIND_RECEIVE];
    struct ms_io_figures *sent = &io->of[MS_IO_KIND_SEND];
    received->messages = messages_of(received, copy->more_received);
    sent->messages = messages_of(sent, copy->more_sent);
}

static uint64_t sum_of(const uint64_t calls[MS_REGION_IO_KINDS])
{
    uint64_t sum = 0;
    for (int kind = 0; kind < MS_REGION_IO_KINDS; kind++) {
        sum += calls[kind];
    }
    return sum;
}

/* A call that is not timed has no beginning: it is as old as what we have seen of it. */
static void take_flight(struct ms_thread_io *io, struct seen_lines *seen,
                        const struct ms_region_thread_io_copy *copy, bool alive, uint64_t now_ns)
{
    const uint64_t calls = sum_of(copy->calls);
    io->in_flight = copy->in_call && alive;
    if (!io->in_flight) {
        seen->in_call_ns = 0;
        return;
    }
    if (seen->in_call_ns == 0 || seen->calls != calls) {
        seen->in_call_ns = now_ns;
        seen->calls = calls;
    }
    const uint64_t begin_ns = copy->in_call_begin_ns;
    io->in_flight_kind = (enum ms_io_kind)copy->in_call_kind;
    io->in_flight_since_ns =
        begin_ns != 0 && begin_ns < seen->in_call_ns ? begin_ns : seen->in_call_ns;
}

/* A tracked thread without lines has not done any I/O, unless there was no memory for lines. */
static void take_none(struct seen_lines *seen, struct ms_model *model,
                      const struct ms_region_view *view, const struct ms_watched_threads *threads,
                      uint32_t record)
{
    uint32_t serial;
    uint64_t change;
    if (!ms_region_view_thread_peek(view, record, &serial, &change) || serial == seen->serial) {
        return;
    }
    struct ms_thread *thread =
        ms_model_thread_mutable(model, ms_watched_threads_of_serial(threads, serial));
    if (thread != NULL && thread->tracked) {
        *seen = (struct seen_lines){.serial = serial};
        thread->io = (struct ms_thread_io){.have = true};
    }
}

static void take_lines(struct seen_lines *seen, struct ms_model *model,
                       const struct ms_region_view *view, const struct ms_watched_threads *threads,
                       uint32_t record, uint64_t now_ns)
{
    struct ms_region_thread_io_copy copy;
    uint32_t serial;
    uint64_t change;
    if (!ms_region_view_thread_io_peek(view, record, &serial, &change) ||
        (serial == seen->serial && change == seen->change) ||
        !ms_region_view_thread_io(view, record, &copy)) {
        return;
    }
    struct ms_thread *thread =
        ms_model_thread_mutable(model, ms_watched_threads_of_serial(threads, copy.serial));
    if (thread == NULL) {
        return; /* too new, or merged */
    }
    if (seen->serial != copy.serial) {
        *seen = (struct seen_lines){.serial = copy.serial};
    }
    seen->change = change;
    thread->io.have = true;
    const uint64_t end_ns = thread->end_ns != 0 ? thread->end_ns : now_ns;
    take_figures(&thread->io, &copy, end_ns > thread->start_ns ? end_ns - thread->start_ns : 0);
    take_flight(&thread->io, seen, &copy, thread->end_ns == 0, now_ns);
}

static void say_source(struct ms_model *model, const struct ms_region_facts *facts)
{
    if (ms_model_source(model, MS_SOURCE_PROBE_IO)->condition == MS_SOURCE_PARTIAL) {
        return;
    }
    if (facts->io_counting == MS_IO_OFF) {
        ms_model_source_set(model, MS_SOURCE_PROBE_IO, MS_SOURCE_UNAVAILABLE,
                            "switched off by --io=off");
    } else if (facts->io_counting == MS_IO_COUNT) {
        ms_model_source_set(model, MS_SOURCE_PROBE_IO, MS_SOURCE_PARTIAL,
                            "--io=count: no times and no callers; what libc does by itself "
                            "(stdio, name service) and direct system calls are not seen");
    } else {
        ms_model_source_set(model, MS_SOURCE_PROBE_IO, MS_SOURCE_PARTIAL,
                            "what libc does by itself (stdio, name service) and direct system "
                            "calls are not seen; of fast calls a sample is timed");
    }
}

int ms_watched_io_threads(struct ms_watched_io *io, struct ms_model *model,
                          const struct ms_region_view *view,
                          const struct ms_watched_threads *threads,
                          const struct ms_region_facts *facts, uint64_t now_ns, bool all)
{
    say_source(model, facts);
    if (facts->io_counting == MS_IO_OFF) {
        return 0;
    }
    const uint32_t records = ms_region_view_published(view, MS_AREA_THREADS);
    const int result = grow((void **)&io->lines, &io->line_count, records, sizeof *io->lines);
    for (uint32_t record = 1; result == 0 && record < records; record++) {
        if (all && facts->io_threads_missing == 0) {
            take_none(&io->lines[record], model, view, threads, record);
        }
        take_lines(&io->lines[record], model, view, threads, record, now_ns);
    }
    return result;
}

static uint64_t growth(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

int ms_watched_io_sites(struct ms_watched_io *io, struct ms_model *model,
                        const struct ms_region_view *view, const struct ms_watched_threads *threads,
                        struct ms_watched_sites *sites, struct ms_symbols *symbols, bool last)
{
    const uint32_t count = ms_region_view_published(view, MS_AREA_IO_SITES);
    int result = grow((void **)&io->sites, &io->site_count, count, sizeof *io->sites);
    for (uint32_t i = 1; result == 0 && i < count; i++) {
        struct seen_site *seen = &io->sites[i];
        struct ms_region_io_site_copy copy;
        if (!ms_region_view_io_site(view, i, &copy) || copy.samples == seen->samples) {
            continue;
        }
        if (seen->site == 0) {
            seen->thread = ms_watched_threads_of_serial(threads, copy.serial);
            seen->site = ms_watched_sites_of_activity(sites, model, view, symbols, copy.stack);
            if (seen->site == 0 && last) {
                seen->site = ms_watched_sites_of_activity(sites, model, view, symbols, 0);
            }
        }
        if (seen->site == 0 || seen->thread == 0) {
            seen->site = 0; /* at the next reading */
            continue;
        }
        const struct ms_work work = {
            .io_calls = growth(copy.calls, seen->calls),
            .io_bytes = growth(copy.bytes, seen->bytes),
            .io_wait_ns = growth(copy.wait_ns, seen->wait_ns),
            .io_samples = growth(copy.samples, seen->samples),
        };
        const int error = ms_model_add_work(model, seen->thread, seen->site, &work);
        result = error == -ENOMEM ? error : 0;
        seen->calls = copy.calls;
        seen->bytes = copy.bytes;
        seen->wait_ns = copy.wait_ns;
        seen->samples = copy.samples;
    }
    return result;
}
