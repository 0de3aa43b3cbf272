#include "analysis/time_use.h"

#include <math.h>

static double known(double value)
{
    return isnan(value) ? 0 : value;
}

/* How much of the last `span_ns` the call took so far that the thread is in now. */
static double in_flight(const struct ms_model *model, const struct ms_thread *thread,
                        uint64_t span_ns, enum ms_io_kind first, enum ms_io_kind last)
{
    const struct ms_thread_io *io = &thread->io;
    const uint64_t now_ns = ms_model_now_ns(model);
    if (!io->have || !io->in_flight || thread->end_ns != 0 || span_ns == 0 ||
        io->in_flight_kind < first || io->in_flight_kind > last ||
        io->in_flight_since_ns >= now_ns) {
        return 0;
    }
    const uint64_t taken_ns = now_ns - io->in_flight_since_ns;
    return taken_ns < span_ns ? (double)taken_ns / (double)span_ns : 1;
}

static double at_most(double value, double limit)
{
    return value > limit ? limit : value;
}

/* Calls cannot take more than what is left when neither computing nor waiting for a core. */
static void split_calls(struct ms_time_use *use)
{
    const double calls = use->files + use->sockets;
    const double kernel = at_most(use->system, calls);
    if (isnan(calls) || isnan(use->system)) {
        use->files_blocked = use->sockets_blocked = use->computing = NAN;
        return;
    }
    const double blocked = calls - kernel;
    use->files_blocked = calls > 0 ? blocked * (use->files / calls) : 0;
    use->sockets_blocked = calls > 0 ? blocked * (use->sockets / calls) : 0;
    use->computing = use->cpu > kernel ? use->cpu - kernel : 0;
}

static void set_times(struct ms_time_use *use, const struct ms_thread_rates *rates)
{
    use->cpu = rates->cpu_pct / 100;
    const double both = rates->user_pct + rates->system_pct;
    /* schedstat's CPU time is the finer one; stat's only tells how it is split. */
    use->system = both > 0 ? use->cpu * (rates->system_pct / both) : both;
    use->user = use->cpu - use->system;
    use->run_queue = rates->run_queue_wait_pct / 100;
    use->sockets = rates->network_wait_pct / 100;
    use->files = (rates->io_wait_pct - rates->network_wait_pct) / 100;
    use->poll = rates->poll_wait_pct / 100;
}

static void set_counts(struct ms_time_use *use, const struct ms_thread_rates *rates)
{
    use->allocations = rates->allocations_per_s;
    use->temporary = rates->temporary_per_s;
    use->minor_faults = rates->minor_faults_per_s;
    use->major_faults = rates->major_faults_per_s;
    use->io_calls = rates->io_calls_per_s;
    use->io_bytes = rates->io_bytes_per_s;
    use->socket_bytes = rates->received_bytes_per_s + rates->sent_bytes_per_s;
    use->switches = rates->switches_per_s;
}

struct ms_time_use ms_time_use_of_thread(const struct ms_model *model,
                                         const struct ms_thread *thread)
{
    struct ms_time_use use = {.threads = thread->merged > 0 ? thread->merged : 1, .presence = 1};
    const struct ms_thread_rates rates = ms_model_thread_window(model, thread, &use.span_ns);
    set_times(&use, &rates);
    set_counts(&use, &rates);
    use.files = at_most(
        use.files + in_flight(model, thread, use.span_ns, MS_IO_KIND_READ, MS_IO_KIND_WRITE) +
            in_flight(model, thread, use.span_ns, MS_IO_KIND_SYNC, MS_IO_KIND_SYNC),
        1);
    use.sockets = at_most(
        use.sockets + in_flight(model, thread, use.span_ns, MS_IO_KIND_RECEIVE, MS_IO_KIND_SEND) +
            in_flight(model, thread, use.span_ns, MS_IO_KIND_OPEN, MS_IO_KIND_OPEN),
        1);
    use.poll = at_most(
        use.poll + in_flight(model, thread, use.span_ns, MS_IO_KIND_POLL, MS_IO_KIND_POLL), 1);
    split_calls(&use);
    return use;
}

static void add(double *sum, double value)
{
    *sum = isnan(*sum) ? value : *sum + known(value);
}

/* `weight`: seconds of the thread for each second of the process. */
static void add_times(struct ms_time_use *sum, const struct ms_time_use *use, double weight)
{
    add(&sum->cpu, weight * use->cpu);
    add(&sum->user, weight * use->user);
    add(&sum->system, weight * use->system);
    add(&sum->run_queue, weight * use->run_queue);
    add(&sum->files, weight * use->files);
    add(&sum->sockets, weight * use->sockets);
    add(&sum->poll, weight * use->poll);
    add(&sum->files_blocked, weight * use->files_blocked);
    add(&sum->sockets_blocked, weight * use->sockets_blocked);
    add(&sum->computing, weight * use->computing);
    add(&sum->socket_bytes, weight * use->socket_bytes);
    add(&sum->switches, weight * use->switches);
    add(&sum->io_calls, weight * use->io_calls);
    add(&sum->io_bytes, weight * use->io_bytes);
    sum->threads += use->threads;
    sum->presence += weight;
}

/* Which time a process is judged over. */
struct span {
    uint64_t begin_ns, ns;
    bool whole; /* of its life */
};

/* How long an ended thread lived in the span, in all when it stands for several. */
static uint64_t lived_ns(const struct ms_thread *thread, const struct span *span)
{
    const uint64_t begin_ns = thread->start_ns > span->begin_ns ? thread->start_ns : span->begin_ns;
    if (thread->merged > 0) {
        return thread->merged_life_ns;
    }
    return thread->start_ns != 0 && thread->end_ns > begin_ns ? thread->end_ns - begin_ns : 0;
}

/* What has ended did as much in each second of the span as in each of its life. */
static void add_ended(struct ms_time_use *sum, const struct ms_model *model,
                      const struct ms_process *process, const struct span *span)
{
    const size_t alive = ms_model_alive_count(model);
    for (size_t i = ms_model_thread_count(model); i > alive; i--) {
        const struct ms_thread *thread = ms_model_thread(model, i - 1);
        if (!span->whole && (thread->merged > 0 || thread->end_ns <= span->begin_ns)) {
            return; /* they lie in order of their ends */
        }
        const uint64_t lived = thread->process_id == process->id ? lived_ns(thread, span) : 0;
        if (lived > 0) {
            const struct ms_time_use use = ms_time_use_of_thread(model, thread);
            add_times(sum, &use, (double)lived / (double)span->ns);
        }
    }
}

static void add_living(struct ms_time_use *sum, const struct ms_model *model,
                       const struct ms_process *process)
{
    for (size_t i = 0; i < ms_model_alive_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (thread->process_id == process->id) {
            const struct ms_time_use use = ms_time_use_of_thread(model, thread);
            add_times(sum, &use,
                      use.span_ns < sum->span_ns ? (double)use.span_ns / (double)sum->span_ns : 1);
        }
    }
}

struct ms_time_use ms_time_use_of_process(const struct ms_model *model,
                                          const struct ms_process *process)
{
    const double none = (double)NAN;
    struct ms_time_use own = {0};
    const struct ms_thread_rates rates = ms_model_process_window(model, process, &own.span_ns);
    set_times(&own, &rates);
    set_counts(&own, &rates);
    struct ms_time_use sum = own;
    sum.cpu = sum.user = sum.system = sum.run_queue = none;
    sum.files = sum.sockets = sum.poll = none;
    sum.files_blocked = sum.sockets_blocked = sum.computing = none;
    sum.socket_bytes = sum.switches = sum.io_calls = sum.io_bytes = none;
    const uint64_t now_ns = ms_model_now_ns(model);
    const bool ended = process->end_ns != 0;
    const struct span span = {
        .begin_ns = ended || now_ns < own.span_ns ? 0 : now_ns - own.span_ns,
        .ns = own.span_ns,
        .whole = ended,
    };
    add_living(&sum, model, process);
    if (span.ns > 0) {
        add_ended(&sum, model, process, &span);
    }
    if (isnan(sum.cpu) || (ended && !isnan(own.cpu))) {
        const double in_calls = sum.cpu - sum.computing;
        sum.cpu = own.cpu;
        sum.user = own.user;
        sum.system = own.system;
        sum.computing = isnan(in_calls) ? none : fmax(0, own.cpu - in_calls);
    }
    /* The process's own counters have what nobody saw of its threads, too. */
    sum.io_calls = isnan(own.io_calls) ? sum.io_calls : own.io_calls;
    sum.io_bytes = isnan(own.io_bytes) ? sum.io_bytes : own.io_bytes;
    sum.socket_bytes =
        isnan(sum.socket_bytes) ? process->received_per_s + process->sent_per_s : sum.socket_bytes;
    return sum;
}
