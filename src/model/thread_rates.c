/* What threads do a second: over the last one, over a window, over their life. */
#include <math.h>
#include <string.h>

#include "model/internal.h"

#define WAIT_NS_MAX 1e18 /* thirty years: what all kinds of calls add up to fits 64 bits */

/* All members of it are double. */
void ms_rates_none(struct ms_thread_rates *rates)
{
    double *const members = (double *)rates;
    for (size_t i = 0; i < sizeof(*rates) / sizeof(*members); i++) {
        members[i] = NAN;
    }
}

static void put(struct ms_sample *sample, enum ms_counter counter, bool have, uint64_t value)
{
    if (have) {
        sample->counters[counter] = value;
        sample->have |= MS_COUNTER_BIT(counter);
    }
}

static void sample_kernel(const struct ms_kernel_thread *kernel, struct ms_sample *sample)
{
    const bool cpu = (kernel->have & MS_HAVE_CPU) != 0;
    const bool queue = (kernel->have & MS_HAVE_RUN_QUEUE) != 0;
    const bool io = (kernel->have & MS_HAVE_IO) != 0;
    put(sample, MS_COUNTER_RUN_NS, cpu || queue,
        queue ? kernel->run_ns : kernel->user_ns + kernel->system_ns);
    put(sample, MS_COUNTER_USER_NS, cpu, kernel->user_ns);
    put(sample, MS_COUNTER_SYSTEM_NS, cpu, kernel->system_ns);
    put(sample, MS_COUNTER_MINOR_FAULTS, cpu, kernel->minor_faults);
    put(sample, MS_COUNTER_MAJOR_FAULTS, cpu, kernel->major_faults);
    put(sample, MS_COUNTER_RUN_QUEUE_NS, queue, kernel->run_queue_wait_ns);
    put(sample, MS_COUNTER_SWITCHES, (kernel->have & MS_HAVE_SWITCHES) != 0,
        kernel->voluntary_switches + kernel->involuntary_switches);
    put(sample, MS_COUNTER_MIGRATIONS, (kernel->have & MS_HAVE_MIGRATIONS) != 0,
        kernel->migrations);
    put(sample, MS_COUNTER_IO_CALLS, io, kernel->read_calls + kernel->write_calls);
    put(sample, MS_COUNTER_READ_BYTES, io, kernel->read_chars_bytes);
    put(sample, MS_COUNTER_WRITE_BYTES, io, kernel->write_chars_bytes);
}

static void sample_counters(const struct ms_kernel_thread *kernel, struct ms_sample *sample)
{
    const struct ms_hardware_counters *counters = &kernel->counters;
    const bool have = (kernel->have & MS_HAVE_COUNTERS) != 0;
    put(sample, MS_COUNTER_CYCLES, have && counters->cycles != MS_NO_COUNTER, counters->cycles);
    put(sample, MS_COUNTER_INSTRUCTIONS, have && counters->instructions != MS_NO_COUNTER,
        counters->instructions);
    put(sample, MS_COUNTER_CACHE_REFERENCES, have && counters->cache_references != MS_NO_COUNTER,
        counters->cache_references);
    put(sample, MS_COUNTER_BRANCHES, have && counters->branches != MS_NO_COUNTER,
        counters->branches);
    put(sample, MS_COUNTER_CACHE_MISSES, have && counters->cache_misses != MS_NO_COUNTER,
        counters->cache_misses);
    put(sample, MS_COUNTER_BRANCH_MISSES, have && counters->branch_misses != MS_NO_COUNTER,
        counters->branch_misses);
}

/* Time in calls is known when some of each kind that was called were timed; a damaged recording can
 * say anything. */
static bool have_wait(const struct ms_io_figures *figures)
{
    const bool is_time = figures->wait_ns >= 0 && figures->wait_ns < WAIT_NS_MAX;
    return figures->calls == 0 || (figures->timed_calls > 0 && is_time);
}

static void sample_io(const struct ms_thread_io *io, struct ms_sample *sample)
{
    double wait_ns = 0;
    double network_ns = 0;
    double poll_ns = 0;
    bool have = io->have;
    for (int kind = 0; have && kind < MS_IO_KIND_TOTAL; kind++) {
        const struct ms_io_figures *figures = &io->of[kind];
        const bool network =
            kind == MS_IO_KIND_RECEIVE || kind == MS_IO_KIND_SEND || kind == MS_IO_KIND_OPEN;
        have = have_wait(figures);
        const double of_kind = have && figures->calls > 0 ? figures->wait_ns : 0;
        wait_ns += kind != MS_IO_KIND_POLL ? of_kind : 0;
        network_ns += network ? of_kind : 0;
        poll_ns += kind == MS_IO_KIND_POLL ? of_kind : 0;
    }
    put(sample, MS_COUNTER_IO_WAIT_NS, have, (uint64_t)wait_ns);
    put(sample, MS_COUNTER_NETWORK_WAIT_NS, have, (uint64_t)network_ns);
    put(sample, MS_COUNTER_POLL_WAIT_NS, have, (uint64_t)poll_ns);
    put(sample, MS_COUNTER_RECEIVED_BYTES, io->have, io->of[MS_IO_KIND_RECEIVE].bytes);
    put(sample, MS_COUNTER_SENT_BYTES, io->have, io->of[MS_IO_KIND_SEND].bytes);
}

static void sample_thread(const struct ms_thread *thread, uint64_t now_ns, struct ms_sample *sample)
{
    const bool heap = thread->probed && thread->tracked;
    const struct ms_kernel_thread *kernel = &thread->kernel;
    *sample = (struct ms_sample){.time_ns = now_ns,
                                 .read_ns = {[MS_READ_OFTEN] = kernel->often_read_ns,
                                             [MS_READ_STAT] = kernel->stat_read_ns,
                                             [MS_READ_SLOWLY] = kernel->slowly_read_ns,
                                             [MS_READ_PROCESSOR] = kernel->counters_read_ns}};
    sample_kernel(kernel, sample);
    sample_counters(kernel, sample);
    sample_io(&thread->io, sample);
    put(sample, MS_COUNTER_ALLOCATIONS, heap, thread->heap.allocations);
    put(sample, MS_COUNTER_BYTES_ALLOCATED, heap, thread->heap.bytes_allocated);
    put(sample, MS_COUNTER_CURRENT_BYTES, heap, ms_heap_current_bytes(&thread->heap));
    put(sample, MS_COUNTER_TEMPORARY, heap, thread->heap.temporary);
}

/*
 * The heap counters of a thread begin at 0 when it does, so its first second is measured from its
 * start. The kernel's do not begin when the probe first sees the thread: they wait for two ticks.
 */
static void add_birth(struct ms_past *past, const struct ms_thread *thread, uint64_t now_ns)
{
    if (thread->probed && thread->start_ns != 0 && thread->start_ns < now_ns &&
        now_ns - thread->start_ns < MS_SECOND_NS) {
        const struct ms_sample birth = {
            .time_ns = thread->start_ns,
            .have = MS_COUNTER_BIT(MS_COUNTER_ALLOCATIONS) |
                    MS_COUNTER_BIT(MS_COUNTER_BYTES_ALLOCATED) |
                    MS_COUNTER_BIT(MS_COUNTER_CURRENT_BYTES),
        };
        ms_past_add(past, &birth);
    }
}

/* What nobody has read again has the rate that it had. */
static double rate_or_before(ms_rate_function *rate, const struct ms_past *past,
                             const struct ms_sample *now, enum ms_counter counter, double before)
{
    const double found = rate(past, now, counter);
    return isnan(found) && (now->have & MS_COUNTER_BIT(counter)) != 0 ? before : found;
}

static void rates_update(struct ms_thread_rates *rates, const struct ms_past *past,
                         const struct ms_sample *now, ms_rate_function *rate)
{
    const double ns_to_pct = 100.0 / (double)MS_SECOND_NS;
#define RATE(member, counter)                                                                      \
    rates->member = rate_or_before(rate, past, now, MS_COUNTER_##counter, rates->member);
#define PCT(member, counter)                                                                       \
    rates->member =                                                                                \
        rate_or_before(rate, past, now, MS_COUNTER_##counter, rates->member / ns_to_pct) *         \
        ns_to_pct;
    PCT(cpu_pct, RUN_NS)
    PCT(user_pct, USER_NS)
    PCT(system_pct, SYSTEM_NS)
    PCT(run_queue_wait_pct, RUN_QUEUE_NS)
    PCT(io_wait_pct, IO_WAIT_NS)
    PCT(network_wait_pct, NETWORK_WAIT_NS)
    PCT(poll_wait_pct, POLL_WAIT_NS)
    PCT(throttled_pct, THROTTLED_NS)
    RATE(allocations_per_s, ALLOCATIONS)
    RATE(bytes_allocated_per_s, BYTES_ALLOCATED)
    RATE(growth_bytes_per_s, CURRENT_BYTES)
    RATE(temporary_per_s, TEMPORARY)
    RATE(io_calls_per_s, IO_CALLS)
    RATE(read_bytes_per_s, READ_BYTES)
    RATE(write_bytes_per_s, WRITE_BYTES)
    RATE(received_bytes_per_s, RECEIVED_BYTES)
    RATE(sent_bytes_per_s, SENT_BYTES)
    RATE(switches_per_s, SWITCHES)
    RATE(migrations_per_s, MIGRATIONS)
    RATE(minor_faults_per_s, MINOR_FAULTS)
    RATE(major_faults_per_s, MAJOR_FAULTS)
    RATE(cycles_per_s, CYCLES)
    RATE(instructions_per_s, INSTRUCTIONS)
    RATE(cache_references_per_s, CACHE_REFERENCES)
    RATE(cache_misses_per_s, CACHE_MISSES)
    RATE(branches_per_s, BRANCHES)
    RATE(branch_misses_per_s, BRANCH_MISSES)
#undef RATE
#undef PCT
    rates->io_bytes_per_s = rates->read_bytes_per_s + rates->write_bytes_per_s;
}

struct ms_thread_rates ms_rates_of(const struct ms_past *past, const struct ms_sample *now,
                                   ms_rate_function *rate)
{
    struct ms_thread_rates rates;
    ms_rates_none(&rates);
    rates_update(&rates, past, now, rate);
    return rates;
}

void ms_thread_rate(struct ms_thread_record *record, uint64_t now_ns)
{
    struct ms_thread *thread = &record->thread;
    struct ms_past *past = record->past;
    struct ms_sample now;
    sample_thread(thread, now_ns, &now);
    if (past->count == 0) {
        add_birth(past, thread, now_ns);
        ms_rates_none(&thread->rates);
    } else {
        const bool flat = ms_past_find_bases(past, &now);
        if (!flat || !record->flat) {
            rates_update(&thread->rates, past, &now, ms_past_rate);
        }
        record->flat = flat;
    }
    ms_past_add(past, &now);
}

static struct ms_thread_rates rates_of_life(const struct ms_thread *thread, uint64_t *span_ns)
{
    struct ms_thread_rates rates;
    const bool known = thread->merged > 0 || thread->start_ns != 0;
    const uint64_t life_ns = known ? ms_thread_life_ns(thread, thread->start_ns) : 0;
    *span_ns = life_ns;
    if (life_ns == 0) {
        ms_rates_none(&rates);
        return rates;
    }
    struct ms_sample end;
    sample_thread(thread, life_ns, &end);
    memset(end.read_ns, 0, sizeof(end.read_ns)); /* all of it is of the whole life */
    struct ms_past past; /* of its some kilobytes only what the rates look at */
    past.count = 1;
    past.newest = 0;
    past.flat_since_ns = 0;
    memset(past.base, 0, sizeof(past.base));
    past.samples[0] = (struct ms_sample){.have = end.have};
    return ms_rates_of(&past, &end, ms_past_rate);
}

struct ms_thread_rates ms_model_thread_window(const struct ms_model *model,
                                              const struct ms_thread *thread, uint64_t *span_ns)
{
    uint64_t span;
    span_ns = span_ns != NULL ? span_ns : &span;
    const struct ms_thread_record *record = ms_threads_find(&model->threads, thread->id);
    if (record == NULL || record->past == NULL) {
        return rates_of_life(thread, span_ns);
    }
    struct ms_sample now;
    sample_thread(thread, model->now_ns, &now);
    *span_ns = ms_past_window_ns(record->past, model->now_ns);
    return ms_rates_of(record->past, &now, ms_past_window_rate);
}
