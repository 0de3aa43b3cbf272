#include "model/metric.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "model/heap.h"

#define LINE_BYTES 64 /* of a cache, as that of all processors that we know */

static const struct ms_metric_info metrics[MS_METRIC_TOTAL] = {
#define MS_METRIC_ROW(id, name_, heading_, unit_, provenance_, source_, meaning_)                  \
    [MS_METRIC_##id] = {.name = name_,                                                             \
                        .heading = heading_,                                                       \
                        .unit = MS_UNIT_##unit_,                                                   \
                        .provenance = MS_##provenance_,                                            \
                        .source = MS_SOURCE_##source_,                                             \
                        .meaning = meaning_},
    MS_THREAD_METRICS(MS_METRIC_ROW)
#undef MS_METRIC_ROW
};

const struct ms_metric_info *ms_metric_info(enum ms_metric metric)
{
    return &metrics[metric];
}

enum ms_source ms_metric_source(enum ms_metric metric)
{
    return metrics[metric].source;
}

const char *ms_unit_name(enum ms_unit unit)
{
    static const char *const names[] = {
        [MS_UNIT_PERCENT] = "percent",
        [MS_UNIT_BYTES] = "bytes",
        [MS_UNIT_COUNT] = "count",
        [MS_UNIT_RATE] = "per_second",
        [MS_UNIT_BYTES_PER_S] = "bytes_per_second",
        [MS_UNIT_RATIO] = "ratio",
        [MS_UNIT_MS] = "milliseconds",
        [MS_UNIT_US] = "microseconds",
        [MS_UNIT_INDEX] = "index",
    };
    return names[unit];
}

static struct ms_value value_if(bool available, double number)
{
    return available && isfinite(number) ? ms_value_of(number) : ms_value_none();
}

uint64_t ms_thread_life_ns(const struct ms_thread *thread, uint64_t now_ns)
{
    if (thread->merged > 0) {
        return thread->merged_life_ns;
    }
    const uint64_t end_ns = thread->end_ns != 0 ? thread->end_ns : now_ns;
    const uint64_t life_ns = end_ns > thread->start_ns ? end_ns - thread->start_ns : 0;
    const bool queue = (thread->kernel.have & MS_HAVE_RUN_QUEUE) != 0;
    const uint64_t ran_ns =
        queue ? thread->kernel.run_ns : thread->kernel.user_ns + thread->kernel.system_ns;
    /* Of a very short life the start is seen late: it was no shorter than what it ran. */
    return thread->end_ns != 0 && life_ns != 0 && ran_ns > life_ns ? ran_ns : life_ns;
}

/* Where figures lie that are one member of a structure of the thread. `offset` 0 is never one. */
#define AT(member) offsetof(struct ms_thread, member)

static const uint16_t heap_figures[MS_METRIC_TOTAL] = {
    [MS_METRIC_PEAK_BYTES] = AT(heap.peak_bytes),
    [MS_METRIC_ALLOCATIONS] = AT(heap.allocations),
    [MS_METRIC_DEALLOCATIONS] = AT(heap.deallocations),
    [MS_METRIC_BYTES_ALLOCATED] = AT(heap.bytes_allocated),
    [MS_METRIC_BYTES_FREED] = AT(heap.bytes_freed),
    [MS_METRIC_TEMPORARY] = AT(heap.temporary),
    [MS_METRIC_REALLOCATIONS] = AT(heap.reallocations),
    [MS_METRIC_FAILED_CALLS] = AT(heap.failed_calls),
    [MS_METRIC_WASTE_BYTES] = AT(heap.waste_bytes),
    [MS_METRIC_MMAP_BYTES] = AT(heap.mmap_bytes),
};

/* Sums of up to two members, of which `needed` must have been read. */
static const struct {
    uint16_t needed, first, second;
} kernel_figures[MS_METRIC_TOTAL] = {
    [MS_METRIC_SWITCHES] = {MS_HAVE_SWITCHES, AT(kernel.voluntary_switches),
                            AT(kernel.involuntary_switches)},
    [MS_METRIC_VOLUNTARY] = {MS_HAVE_SWITCHES, AT(kernel.voluntary_switches), 0},
    [MS_METRIC_INVOLUNTARY] = {MS_HAVE_SWITCHES, AT(kernel.involuntary_switches), 0},
    [MS_METRIC_MIGRATIONS] = {MS_HAVE_MIGRATIONS, AT(kernel.migrations), 0},
    [MS_METRIC_IO_OPERATIONS] = {MS_HAVE_IO, AT(kernel.read_calls), AT(kernel.write_calls)},
    [MS_METRIC_READ_OPERATIONS] = {MS_HAVE_IO, AT(kernel.read_calls), 0},
    [MS_METRIC_WRITE_OPERATIONS] = {MS_HAVE_IO, AT(kernel.write_calls), 0},
    [MS_METRIC_READ_BYTES] = {MS_HAVE_IO, AT(kernel.read_chars_bytes), 0},
    [MS_METRIC_WRITE_BYTES] = {MS_HAVE_IO, AT(kernel.write_chars_bytes), 0},
    [MS_METRIC_READ_STORAGE] = {MS_HAVE_IO, AT(kernel.read_storage_bytes), 0},
    [MS_METRIC_WRITE_STORAGE] = {MS_HAVE_IO, AT(kernel.write_storage_bytes), 0},
    [MS_METRIC_MINOR_FAULTS] = {MS_HAVE_CPU, AT(kernel.minor_faults), 0},
    [MS_METRIC_MAJOR_FAULTS] = {MS_HAVE_CPU, AT(kernel.major_faults), 0},
    [MS_METRIC_CYCLES] = {MS_HAVE_COUNTERS, AT(kernel.counters.cycles), 0},
    [MS_METRIC_INSTRUCTIONS] = {MS_HAVE_COUNTERS, AT(kernel.counters.instructions), 0},
    [MS_METRIC_CACHE_MISSES] = {MS_HAVE_COUNTERS, AT(kernel.counters.cache_misses), 0},
    [MS_METRIC_BRANCH_MISSES] = {MS_HAVE_COUNTERS, AT(kernel.counters.branch_misses), 0},
};

/* What the probe counts of I/O. */
static const uint16_t io_figures[MS_METRIC_TOTAL] = {
    [MS_METRIC_RECEIVED_BYTES] = AT(io.of[MS_IO_KIND_RECEIVE].bytes),
    [MS_METRIC_SENT_BYTES] = AT(io.of[MS_IO_KIND_SEND].bytes),
    [MS_METRIC_RECEIVED_MESSAGES] = AT(io.of[MS_IO_KIND_RECEIVE].messages),
    [MS_METRIC_SENT_MESSAGES] = AT(io.of[MS_IO_KIND_SEND].messages),
};

/* Rates of a thread that lives; of one that has ended, `total` by its life. */
static const struct {
    uint16_t live;
    uint16_t total; /* enum ms_metric; MS_METRIC_TOTAL: there is none */
    double factor;
} rate_figures[MS_METRIC_TOTAL] = {
    [MS_METRIC_USER_PCT] = {AT(rates.user_pct), MS_METRIC_USER_MS, 0.1},
    [MS_METRIC_SYSTEM_PCT] = {AT(rates.system_pct), MS_METRIC_SYSTEM_MS, 0.1},
    [MS_METRIC_RUN_QUEUE_PCT] = {AT(rates.run_queue_wait_pct), MS_METRIC_RUN_QUEUE_MS, 0.1},
    [MS_METRIC_ALLOCATION_RATE] = {AT(rates.allocations_per_s), MS_METRIC_ALLOCATIONS, 1},
    [MS_METRIC_ALLOCATED_RATE] = {AT(rates.bytes_allocated_per_s), MS_METRIC_BYTES_ALLOCATED, 1},
    [MS_METRIC_GROWTH] = {AT(rates.growth_bytes_per_s), MS_METRIC_TOTAL, 1},
    [MS_METRIC_SWITCH_RATE] = {AT(rates.switches_per_s), MS_METRIC_SWITCHES, 1},
    [MS_METRIC_MIGRATION_RATE] = {AT(rates.migrations_per_s), MS_METRIC_MIGRATIONS, 1},
    [MS_METRIC_IO_RATE] = {AT(rates.io_calls_per_s), MS_METRIC_IO_OPERATIONS, 1},
    [MS_METRIC_READ_RATE] = {AT(rates.read_bytes_per_s), MS_METRIC_READ_BYTES, 1},
    [MS_METRIC_WRITE_RATE] = {AT(rates.write_bytes_per_s), MS_METRIC_WRITE_BYTES, 1},
    [MS_METRIC_RECEIVED_RATE] = {AT(rates.received_bytes_per_s), MS_METRIC_RECEIVED_BYTES, 1},
    [MS_METRIC_SENT_RATE] = {AT(rates.sent_bytes_per_s), MS_METRIC_SENT_BYTES, 1},
    [MS_METRIC_MINOR_FAULT_RATE] = {AT(rates.minor_faults_per_s), MS_METRIC_MINOR_FAULTS, 1},
    [MS_METRIC_MAJOR_FAULT_RATE] = {AT(rates.major_faults_per_s), MS_METRIC_MAJOR_FAULTS, 1},
};

static uint64_t integer_at(const struct ms_thread *thread, uint16_t offset)
{
    uint64_t integer;
    memcpy(&integer, (const char *)thread + offset, sizeof integer);
    return integer;
}

static double double_at(const struct ms_thread *thread, uint16_t offset)
{
    double number;
    memcpy(&number, (const char *)thread + offset, sizeof number);
    return number;
}

static bool is_tracked(const struct ms_thread *thread)
{
    return thread->probed && thread->tracked;
}

/* An untracked thread still has a record of what it freed for others. */
static bool probe_integer(const struct ms_thread *thread, enum ms_metric metric, uint64_t *integer)
{
    switch (metric) {
    case MS_METRIC_CURRENT_BYTES:
        *integer = ms_heap_current_bytes(&thread->heap);
        return is_tracked(thread);
    case MS_METRIC_FREES_FOR_OTHERS:
        *integer = thread->heap.frees_for_others;
        return thread->probed;
    case MS_METRIC_BYTES_FOR_OTHERS:
        *integer = thread->heap.bytes_freed_for_others;
        return thread->probed;
    case MS_METRIC_AT_PEAK_BYTES:
        *integer = thread->at_peak_bytes;
        return is_tracked(thread) && thread->at_peak_known;
    default:
        return false;
    }
}

static uint64_t errors_of(const struct ms_thread_io *io, bool sockets)
{
    uint64_t errors = 0;
    for (int kind = 0; kind < MS_IO_KIND_TOTAL; kind++) {
        const bool of_sockets =
            kind == MS_IO_KIND_RECEIVE || kind == MS_IO_KIND_SEND || kind == MS_IO_KIND_OPEN;
        errors += of_sockets == sockets && kind != MS_IO_KIND_POLL ? io->of[kind].errors : 0;
    }
    return errors;
}

static bool io_integer(const struct ms_thread *thread, enum ms_metric metric, uint64_t *integer)
{
    const struct ms_thread_io *io = &thread->io;
    switch (metric) {
    case MS_METRIC_IO_ERRORS:
    case MS_METRIC_NETWORK_ERRORS:
        *integer = errors_of(io, metric == MS_METRIC_NETWORK_ERRORS);
        return io->have;
    case MS_METRIC_IN_FLIGHT:
        *integer = io->in_flight ? 1 : 0;
        return io->have && thread->end_ns == 0;
    default:
        return false;
    }
}

static bool momentary_integer(const struct ms_kernel_thread *kernel, enum ms_metric metric,
                              uint64_t *integer)
{
    switch (metric) {
    case MS_METRIC_CORE:
        *integer = (uint64_t)kernel->last_core;
        return (kernel->have & MS_HAVE_CPU) != 0 && kernel->last_core >= 0;
    case MS_METRIC_NODE:
        *integer = (uint64_t)kernel->node;
        return (kernel->have & MS_HAVE_NODE) != 0 && kernel->node >= 0;
    case MS_METRIC_CORES_ALLOWED:
        *integer = kernel->cores_allowed;
        return (kernel->have & MS_HAVE_AFFINITY) != 0;
    default:
        return false;
    }
}

static bool kernel_integer(const struct ms_thread *thread, enum ms_metric metric, uint64_t *integer)
{
    *integer = integer_at(thread, kernel_figures[metric].first);
    if (*integer == MS_NO_COUNTER) {
        return false;
    }
    if (kernel_figures[metric].second != 0) {
        *integer += integer_at(thread, kernel_figures[metric].second);
    }
    return (thread->kernel.have & kernel_figures[metric].needed) != 0;
}

bool ms_metric_integer_of_thread(const struct ms_thread *thread, enum ms_metric metric,
                                 uint64_t *integer)
{
    if (heap_figures[metric] != 0) {
        *integer = integer_at(thread, heap_figures[metric]);
        return is_tracked(thread);
    }
    if (kernel_figures[metric].needed != 0) {
        return kernel_integer(thread, metric, integer);
    }
    if (io_figures[metric] != 0) {
        *integer = integer_at(thread, io_figures[metric]);
        return thread->io.have;
    }
    return probe_integer(thread, metric, integer) || io_integer(thread, metric, integer) ||
           momentary_integer(&thread->kernel, metric, integer);
}

static struct ms_value by_life(const struct ms_thread *thread, struct ms_value total)
{
    const uint64_t life = ms_thread_life_ns(thread, 0);
    return value_if(total.available && life != 0 && thread->start_ns != 0,
                    total.number * (double)MS_SECOND_NS / (double)life);
}

static struct ms_value cpu_ms(const struct ms_kernel_thread *kernel)
{
    const bool have_queue = (kernel->have & MS_HAVE_RUN_QUEUE) != 0;
    const uint64_t ns = have_queue ? kernel->run_ns : kernel->user_ns + kernel->system_ns;
    return value_if(have_queue || (kernel->have & MS_HAVE_CPU) != 0, (double)ns / 1e6);
}

static struct ms_value rate(const struct ms_thread *thread, enum ms_metric metric, uint64_t now_ns)
{
    if (thread->end_ns == 0) {
        return value_if(true, double_at(thread, rate_figures[metric].live));
    }
    if (rate_figures[metric].total == MS_METRIC_TOTAL) {
        return ms_value_none();
    }
    const struct ms_value mean = by_life(
        thread, ms_metric_of_thread(thread, (enum ms_metric)rate_figures[metric].total, now_ns));
    return value_if(mean.available, mean.number * rate_figures[metric].factor);
}

/* Of two counters of the processor: live, or over the time that they were counted. */
static struct ms_value quotient(const struct ms_thread *thread, double live, double live_base,
                                uint64_t counter, uint64_t base)
{
    if (thread->end_ns == 0) {
        return value_if(live_base > 0, live / live_base);
    }
    const bool have = (thread->kernel.have & MS_HAVE_COUNTERS) != 0 && counter != MS_NO_COUNTER &&
                      base != MS_NO_COUNTER && base > 0;
    return value_if(have, (double)counter / (double)base);
}

static struct ms_value processor(const struct ms_thread *thread, enum ms_metric metric)
{
    const struct ms_thread_rates *rates = &thread->rates;
    const struct ms_hardware_counters *counters = &thread->kernel.counters;
    struct ms_value value;
    switch (metric) {
    case MS_METRIC_IPC:
        return quotient(thread, rates->instructions_per_s, rates->cycles_per_s,
                        counters->instructions, counters->cycles);
    case MS_METRIC_CACHE_MISS_PCT:
        value = quotient(thread, rates->cache_misses_per_s, rates->cache_references_per_s,
                         counters->cache_misses, counters->cache_references);
        return value_if(value.available, 100 * value.number);
    case MS_METRIC_BRANCH_MISS_PCT:
        value = quotient(thread, rates->branch_misses_per_s, rates->branches_per_s,
                         counters->branch_misses, counters->branches);
        return value_if(value.available, 100 * value.number);
    default: /* MS_METRIC_MEMORY_TRAFFIC */
        break;
    }
    if (thread->end_ns == 0) {
        return value_if(true, rates->cache_misses_per_s * LINE_BYTES);
    }
    value = by_life(thread, ms_metric_of_thread(thread, MS_METRIC_CACHE_MISSES, 0));
    return value_if(value.available, value.number * LINE_BYTES);
}

static struct ms_value latency_us(const struct ms_thread_io *io, enum ms_io_kind kind)
{
    const struct ms_io_figures *figures = &io->of[kind];
    return value_if(io->have && figures->timed_calls > 0,
                    (double)figures->timed_ns / (double)figures->timed_calls / 1000);
}

static struct ms_value io_wait(const struct ms_thread *thread, bool poll)
{
    if (thread->end_ns == 0) {
        return value_if(true, poll ? thread->rates.poll_wait_pct : thread->rates.io_wait_pct);
    }
    double wait_ns = 0;
    for (int kind = 0; kind < MS_IO_KIND_TOTAL; kind++) {
        wait_ns += (kind == MS_IO_KIND_POLL) == poll ? thread->io.of[kind].wait_ns : 0;
    }
    return by_life(thread, value_if(thread->io.have, wait_ns * 100 / (double)MS_SECOND_NS));
}

static struct ms_value io_value(const struct ms_thread *thread, enum ms_metric metric,
                                uint64_t now_ns)
{
    const struct ms_thread_io *io = &thread->io;
    switch (metric) {
    case MS_METRIC_READ_LATENCY:
        return latency_us(io, MS_IO_KIND_READ);
    case MS_METRIC_WRITE_LATENCY:
        return latency_us(io, MS_IO_KIND_WRITE);
    case MS_METRIC_SYNC_LATENCY:
        return latency_us(io, MS_IO_KIND_SYNC);
    case MS_METRIC_IN_FLIGHT_MS:
        return value_if(io->have && io->in_flight && thread->end_ns == 0 &&
                            now_ns >= io->in_flight_since_ns,
                        (double)(now_ns - io->in_flight_since_ns) / 1e6);
    default:
        return io_wait(thread, metric == MS_METRIC_POLL_WAIT_PCT);
    }
}

struct ms_value ms_metric_of_thread(const struct ms_thread *thread, enum ms_metric metric,
                                    uint64_t now_ns)
{
    const struct ms_kernel_thread *kernel = &thread->kernel;
    const bool have_cpu = (kernel->have & MS_HAVE_CPU) != 0;
    struct ms_value value;
    if (rate_figures[metric].live != 0) {
        return rate(thread, metric, now_ns);
    }
    switch (metric) {
    case MS_METRIC_CPU_PCT:
        if (thread->end_ns == 0) {
            return value_if(true, thread->rates.cpu_pct);
        }
        value = by_life(thread, cpu_ms(kernel));
        return value_if(value.available, value.number / 10);
    case MS_METRIC_FREED_RATIO:
        return value_if(is_tracked(thread) && thread->heap.bytes_allocated > 0,
                        (double)thread->heap.bytes_freed / (double)thread->heap.bytes_allocated);
    case MS_METRIC_USER_MS:
        return value_if(have_cpu, (double)kernel->user_ns / 1e6);
    case MS_METRIC_SYSTEM_MS:
        return value_if(have_cpu, (double)kernel->system_ns / 1e6);
    case MS_METRIC_RUN_QUEUE_MS:
        return value_if((kernel->have & MS_HAVE_RUN_QUEUE) != 0,
                        (double)kernel->run_queue_wait_ns / 1e6);
    case MS_METRIC_RUN_TIME:
        return value_if(thread->start_ns != 0 || thread->merged > 0,
                        (double)ms_thread_life_ns(thread, now_ns) / 1e6);
    case MS_METRIC_IPC:
    case MS_METRIC_CACHE_MISS_PCT:
    case MS_METRIC_BRANCH_MISS_PCT:
    case MS_METRIC_MEMORY_TRAFFIC:
        return processor(thread, metric);
    case MS_METRIC_IO_WAIT_PCT:
    case MS_METRIC_POLL_WAIT_PCT:
    case MS_METRIC_READ_LATENCY:
    case MS_METRIC_WRITE_LATENCY:
    case MS_METRIC_SYNC_LATENCY:
    case MS_METRIC_IN_FLIGHT_MS:
        return io_value(thread, metric, now_ns);
    default:
        break;
    }
    uint64_t integer = 0;
    const bool have = ms_metric_integer_of_thread(thread, metric, &integer);
    return value_if(have, (double)integer);
}
