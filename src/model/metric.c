#include "model/metric.h"

#include <math.h>
#include <stddef.h>

static const struct ms_metric_info metrics[MS_METRIC_TOTAL] = {
#define MS_METRIC_ROW(id, name_, heading_, unit_, provenance_, source_, meaning_)                  \
    [MS_METRIC_##id] = {.name = name_,                                                             \
                        .heading = heading_,                                                       \
                        .unit = MS_UNIT_##unit_,                                                   \
                        .provenance = MS_##provenance_,                                            \
                        .source = source_,                                                         \
                        .meaning = meaning_},
    MS_THREAD_METRICS(MS_METRIC_ROW)
#undef MS_METRIC_ROW
};

const struct ms_metric_info *ms_metric_info(enum ms_metric metric)
{
    return &metrics[metric];
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
    };
    return names[unit];
}

static struct ms_value of_finite(double number)
{
    return isfinite(number) ? ms_value_of(number) : ms_value_none();
}

static struct ms_value of_ms(bool available, uint64_t ns)
{
    return available ? ms_value_of((double)ns / 1e6) : ms_value_none();
}

static uint64_t life_ns(const struct ms_thread *thread, uint64_t now_ns)
{
    if (thread->merged > 0) {
        return thread->merged_life_ns;
    }
    const uint64_t end_ns = thread->end_ns != 0 ? thread->end_ns : now_ns;
    return end_ns > thread->start_ns ? end_ns - thread->start_ns : 0;
}

/* A rate: live, or of an ended thread its mean over life. */
static struct ms_value of_rate(const struct ms_thread *thread, double live, bool available,
                               double total)
{
    if (thread->end_ns == 0) {
        return of_finite(live);
    }
    const uint64_t life = life_ns(thread, 0);
    if (!available || life == 0 || thread->start_ns == 0) {
        return ms_value_none();
    }
    return ms_value_of(total * (double)MS_SECOND_NS / (double)life);
}

static bool heap_integer(const struct ms_heap *heap, enum ms_metric metric, uint64_t *integer)
{
    switch (metric) {
    case MS_METRIC_CURRENT_BYTES:
        *integer = ms_heap_current_bytes(heap);
        return true;
    case MS_METRIC_PEAK_BYTES:
        *integer = heap->peak_bytes;
        return true;
    case MS_METRIC_ALLOCATIONS:
        *integer = heap->allocations;
        return true;
    case MS_METRIC_DEALLOCATIONS:
        *integer = heap->deallocations;
        return true;
    case MS_METRIC_BYTES_ALLOCATED:
        *integer = heap->bytes_allocated;
        return true;
    case MS_METRIC_BYTES_FREED:
        *integer = heap->bytes_freed;
        return true;
    case MS_METRIC_TEMPORARY:
        *integer = heap->temporary;
        return true;
    case MS_METRIC_REALLOCATIONS:
        *integer = heap->reallocations;
        return true;
    case MS_METRIC_FAILED_CALLS:
        *integer = heap->failed_calls;
        return true;
    case MS_METRIC_WASTE_BYTES:
        *integer = heap->waste_bytes;
        return true;
    case MS_METRIC_MMAP_BYTES:
        *integer = heap->mmap_bytes;
        return true;
    default:
        return false;
    }
}

static bool kernel_integer(const struct ms_kernel_thread *kernel, enum ms_metric metric,
                           uint64_t *integer)
{
    enum ms_thread_have needed = MS_HAVE_IO;
    switch (metric) {
    case MS_METRIC_SWITCHES:
        needed = MS_HAVE_SWITCHES;
        *integer = kernel->voluntary_switches + kernel->involuntary_switches;
        break;
    case MS_METRIC_INVOLUNTARY:
        needed = MS_HAVE_SWITCHES;
        *integer = kernel->involuntary_switches;
        break;
    case MS_METRIC_IO_OPERATIONS:
        *integer = kernel->read_calls + kernel->write_calls;
        break;
    case MS_METRIC_READ_BYTES:
        *integer = kernel->read_chars_bytes;
        break;
    case MS_METRIC_WRITE_BYTES:
        *integer = kernel->write_chars_bytes;
        break;
    case MS_METRIC_MINOR_FAULTS:
        needed = MS_HAVE_CPU;
        *integer = kernel->minor_faults;
        break;
    case MS_METRIC_MAJOR_FAULTS:
        needed = MS_HAVE_CPU;
        *integer = kernel->major_faults;
        break;
    default:
        return false;
    }
    return (kernel->have & (uint32_t)needed) != 0;
}

bool ms_metric_integer_of_thread(const struct ms_thread *thread, enum ms_metric metric,
                                 uint64_t *integer)
{
    /* An untracked thread still has a record of what it freed for others. */
    if (metric == MS_METRIC_FREES_FOR_OTHERS || metric == MS_METRIC_BYTES_FOR_OTHERS) {
        *integer = metric == MS_METRIC_FREES_FOR_OTHERS ? thread->heap.frees_for_others
                                                        : thread->heap.bytes_freed_for_others;
        return thread->probed;
    }
    if (metric == MS_METRIC_AT_PEAK_BYTES) {
        *integer = thread->at_peak_bytes;
        return thread->probed && thread->tracked && thread->at_peak_known;
    }
    return (thread->probed && thread->tracked && heap_integer(&thread->heap, metric, integer)) ||
           kernel_integer(&thread->kernel, metric, integer);
}

static struct ms_value freed_ratio(const struct ms_thread *thread)
{
    const struct ms_heap *heap = &thread->heap;
    return thread->probed && thread->tracked && heap->bytes_allocated > 0
               ? ms_value_of((double)heap->bytes_freed / (double)heap->bytes_allocated)
               : ms_value_none();
}

struct ms_value ms_metric_of_thread(const struct ms_thread *thread, enum ms_metric metric,
                                    uint64_t now_ns)
{
    const struct ms_kernel_thread *kernel = &thread->kernel;
    const struct ms_heap *heap = &thread->heap;
    const bool have_heap = thread->probed && thread->tracked;
    const bool have_cpu = (kernel->have & MS_HAVE_CPU) != 0;
    const bool have_queue = (kernel->have & MS_HAVE_RUN_QUEUE) != 0;
    uint64_t integer;
    switch (metric) {
    case MS_METRIC_CPU_PCT:
        integer = have_queue ? kernel->run_ns : kernel->user_ns + kernel->system_ns;
        return of_rate(thread, thread->rates.cpu_pct, have_cpu || have_queue,
                       (double)integer * (100.0 / (double)MS_SECOND_NS));
    case MS_METRIC_ALLOCATION_RATE:
        return of_rate(thread, thread->rates.allocations_per_s, have_heap,
                       (double)heap->allocations);
    case MS_METRIC_ALLOCATED_RATE:
        return of_rate(thread, thread->rates.bytes_allocated_per_s, have_heap,
                       (double)heap->bytes_allocated);
    case MS_METRIC_GROWTH:
        return of_finite(thread->rates.growth_bytes_per_s);
    case MS_METRIC_IO_RATE:
        return of_rate(thread, thread->rates.io_calls_per_s, (kernel->have & MS_HAVE_IO) != 0,
                       (double)(kernel->read_calls + kernel->write_calls));
    case MS_METRIC_FREED_RATIO:
        return freed_ratio(thread);
    case MS_METRIC_USER_MS:
        return of_ms(have_cpu, kernel->user_ns);
    case MS_METRIC_SYSTEM_MS:
        return of_ms(have_cpu, kernel->system_ns);
    case MS_METRIC_RUN_QUEUE_MS:
        return of_ms(have_queue, kernel->run_queue_wait_ns);
    case MS_METRIC_RUN_TIME:
        return of_ms(thread->start_ns != 0 || thread->merged > 0, life_ns(thread, now_ns));
    default:
        return ms_metric_integer_of_thread(thread, metric, &integer) ? ms_value_of((double)integer)
                                                                     : ms_value_none();
    }
}
