/* Rates and histories of processes, from what their counters were before. */
#include <errno.h>
#include <math.h>

#include "model/internal.h"

void ms_process_rates_none(struct ms_process *process)
{
    process->cpu_pct = process->allocated_per_s = process->allocations_per_s = NAN;
    process->growth_per_s = process->io_calls_per_s = NAN;
    process->read_per_s = process->written_per_s = NAN;
    process->received_per_s = process->sent_per_s = NAN;
    process->run_queue_pct = process->major_faults_per_s = process->minor_faults_per_s = NAN;
    process->gpu_pct = NAN;
}

static void sample_process(const struct ms_process *process, uint64_t now_ns,
                           struct ms_sample *sample)
{
    const struct ms_process_kernel *kernel = &process->kernel;
    *sample = (struct ms_sample){.time_ns = now_ns};
    sample->counters[MS_COUNTER_RUN_NS] = kernel->user_ns + kernel->system_ns;
    if (kernel->have_memory || sample->counters[MS_COUNTER_RUN_NS] > 0) {
        sample->counters[MS_COUNTER_USER_NS] = kernel->user_ns;
        sample->counters[MS_COUNTER_SYSTEM_NS] = kernel->system_ns;
        sample->have |= MS_COUNTER_BIT(MS_COUNTER_RUN_NS) | MS_COUNTER_BIT(MS_COUNTER_USER_NS) |
                        MS_COUNTER_BIT(MS_COUNTER_SYSTEM_NS);
    }
    if (kernel->have_memory) {
        sample->counters[MS_COUNTER_MINOR_FAULTS] = kernel->minor_faults;
        sample->counters[MS_COUNTER_MAJOR_FAULTS] = kernel->major_faults;
        sample->have |=
            MS_COUNTER_BIT(MS_COUNTER_MINOR_FAULTS) | MS_COUNTER_BIT(MS_COUNTER_MAJOR_FAULTS);
    }
    if (kernel->have_io) {
        sample->counters[MS_COUNTER_IO_CALLS] = kernel->read_calls + kernel->write_calls;
        sample->counters[MS_COUNTER_READ_BYTES] = kernel->read_chars_bytes;
        sample->counters[MS_COUNTER_WRITE_BYTES] = kernel->write_chars_bytes;
        sample->have |= MS_COUNTER_BIT(MS_COUNTER_IO_CALLS) |
                        MS_COUNTER_BIT(MS_COUNTER_READ_BYTES) |
                        MS_COUNTER_BIT(MS_COUNTER_WRITE_BYTES);
    }
    if (process->seen != MS_SEEN_NONE) {
        sample->counters[MS_COUNTER_ALLOCATIONS] = process->totals.allocations;
        sample->counters[MS_COUNTER_BYTES_ALLOCATED] = process->totals.bytes_allocated;
        sample->counters[MS_COUNTER_CURRENT_BYTES] = ms_heap_current_bytes(&process->totals);
        sample->counters[MS_COUNTER_TEMPORARY] = process->totals.temporary;
        sample->have |=
            MS_COUNTER_BIT(MS_COUNTER_ALLOCATIONS) | MS_COUNTER_BIT(MS_COUNTER_BYTES_ALLOCATED) |
            MS_COUNTER_BIT(MS_COUNTER_CURRENT_BYTES) | MS_COUNTER_BIT(MS_COUNTER_TEMPORARY);
    }
    if (process->resources.cgroup.have) {
        sample->counters[MS_COUNTER_THROTTLED_NS] = process->resources.cgroup.throttled_ns;
        sample->have |= MS_COUNTER_BIT(MS_COUNTER_THROTTLED_NS);
    }
}

struct ms_thread_rates ms_model_process_window(const struct ms_model *model,
                                               const struct ms_process *process, uint64_t *span_ns)
{
    const struct ms_process_record *record = ms_process_record_of(model, process->id);
    const struct ms_past *past = &record->past;
    struct ms_past life = {.count = 1};
    struct ms_sample now;
    uint64_t span = ms_past_window_ns(past, model->now_ns);
    sample_process(process, model->now_ns, &now);
    if (process->end_ns != 0) {
        span = process->merged > 0                   ? process->merged_life_ns
               : process->end_ns > process->start_ns ? process->end_ns - process->start_ns
                                                     : 0;
        now.time_ns = span;
        /* What the control group was throttled by before the process began is not known. */
        now.have = span > 0 ? now.have & ~MS_COUNTER_BIT(MS_COUNTER_THROTTLED_NS) : 0;
        life.samples[0].have = now.have;
        past = &life;
    }
    if (span_ns != NULL) {
        *span_ns = span;
    }
    return ms_rates_of(past, &now, process->end_ns != 0 ? ms_past_rate : ms_past_window_rate);
}

/*
 * Connections are looked at about once a second, out of step with the window of the other rates:
 * theirs is between two looks, and holds until the next.
 */
static void rate_network(struct ms_process_record *record)
{
    struct ms_process *process = &record->process;
    const struct ms_network *network = &process->resources.network;
    if (!network->have) {
        process->received_per_s = process->sent_per_s = NAN;
        return;
    }
    if (network->read_ns <= record->network_ns) {
        return;
    }
    if (record->network_ns != 0) {
        const double s = (double)(network->read_ns - record->network_ns) / (double)MS_SECOND_NS;
        const uint64_t received = network->received_bytes - record->network_received_bytes;
        const uint64_t sent = network->sent_bytes - record->network_sent_bytes;
        process->received_per_s = (double)(int64_t)received / s;
        process->sent_per_s = (double)(int64_t)sent / s;
    }
    record->network_ns = network->read_ns;
    record->network_received_bytes = network->received_bytes;
    record->network_sent_bytes = network->sent_bytes;
}

static void rate_process(struct ms_process_record *record, uint64_t now_ns)
{
    struct ms_process *process = &record->process;
    struct ms_past *past = &record->past;
    struct ms_sample now;
    sample_process(process, now_ns, &now);
    (void)ms_past_find_bases(past, &now);
    process->cpu_pct = ms_past_rate(past, &now, MS_COUNTER_RUN_NS) * (100.0 / (double)MS_SECOND_NS);
    process->allocations_per_s = ms_past_rate(past, &now, MS_COUNTER_ALLOCATIONS);
    process->allocated_per_s = ms_past_rate(past, &now, MS_COUNTER_BYTES_ALLOCATED);
    process->growth_per_s = ms_past_rate(past, &now, MS_COUNTER_CURRENT_BYTES);
    process->io_calls_per_s = ms_past_rate(past, &now, MS_COUNTER_IO_CALLS);
    process->read_per_s = ms_past_rate(past, &now, MS_COUNTER_READ_BYTES);
    process->written_per_s = ms_past_rate(past, &now, MS_COUNTER_WRITE_BYTES);
    rate_network(record);
    process->minor_faults_per_s = ms_past_rate(past, &now, MS_COUNTER_MINOR_FAULTS);
    process->major_faults_per_s = ms_past_rate(past, &now, MS_COUNTER_MAJOR_FAULTS);
    process->run_queue_pct = record->run_queue_pct;
    ms_past_add(past, &now);
}

/* `sums` gets the value of each series added. */
static int append_process(struct ms_model *model, struct ms_process *process, uint64_t tick,
                          uint64_t repeat, double sums[MS_PROCESS_SERIES_COUNT])
{
    const struct ms_cgroup *cgroup = &process->resources.cgroup;
    const double values[MS_PROCESS_SERIES_COUNT] = {
        [MS_PROCESS_SERIES_CPU_PCT] = process->cpu_pct,
        [MS_PROCESS_SERIES_CURRENT_BYTES] =
            process->seen != MS_SEEN_NONE ? (double)ms_heap_current_bytes(&process->totals) : NAN,
        [MS_PROCESS_SERIES_RSS_BYTES] =
            process->kernel.have_memory ? (double)process->kernel.rss_bytes : NAN,
        [MS_PROCESS_SERIES_ALLOCATED_PER_S] = process->allocated_per_s,
        [MS_PROCESS_SERIES_IO_CALLS_PER_S] = process->io_calls_per_s,
        [MS_PROCESS_SERIES_READ_PER_S] = process->read_per_s,
        [MS_PROCESS_SERIES_WRITTEN_PER_S] = process->written_per_s,
        [MS_PROCESS_SERIES_RECEIVED_PER_S] = process->received_per_s,
        [MS_PROCESS_SERIES_SENT_PER_S] = process->sent_per_s,
        [MS_PROCESS_SERIES_RUN_QUEUE_PCT] = process->run_queue_pct,
        [MS_PROCESS_SERIES_FAULTS_PER_S] = process->major_faults_per_s,
        [MS_PROCESS_SERIES_VIRTUAL_BYTES] =
            process->kernel.have_memory ? (double)process->kernel.virtual_bytes : NAN,
        [MS_PROCESS_SERIES_CGROUP_BYTES] =
            cgroup->have && cgroup->memory_bytes > 0 ? (double)cgroup->memory_bytes : NAN,
        [MS_PROCESS_SERIES_CGROUP_TASKS] =
            cgroup->have && cgroup->processes > 0 ? (double)cgroup->processes : NAN,
        [MS_PROCESS_SERIES_OPEN_FILES] =
            process->resources.files.have ? (double)process->resources.files.all : NAN,
        [MS_PROCESS_SERIES_GPU_PCT] = process->gpu_pct,
        [MS_PROCESS_SERIES_GPU_BYTES] = process->have_gpu ? (double)process->gpu_bytes : NAN,
    };
    int error = 0;
    for (int i = 0; i < MS_PROCESS_SERIES_COUNT; i++) {
        if (ms_model_append(model, &process->history[i], tick, repeat, values[i]) != 0) {
            error = -ENOMEM;
        }
        const bool of_group =
            i == MS_PROCESS_SERIES_CGROUP_BYTES || i == MS_PROCESS_SERIES_CGROUP_TASKS;
        if (isnan(sums[i]) || (of_group && values[i] > sums[i])) {
            sums[i] = values[i]; /* processes share a group: of several groups the largest */
        } else if (!isnan(values[i]) && !of_group) {
            sums[i] += values[i];
        }
    }
    return error;
}

int ms_processes_tick(struct ms_model *model, uint64_t tick, uint64_t repeat)
{
    double sums[MS_PROCESS_SERIES_COUNT];
    int error = 0;
    for (int i = 0; i < MS_PROCESS_SERIES_COUNT; i++) {
        sums[i] = NAN;
    }
    for (size_t i = 0; i < model->process_count; i++) {
        struct ms_process_record *record = model->processes[i];
        if (record->process.end_ns != 0) {
            ms_process_rates_none(&record->process);
            continue;
        }
        rate_process(record, model->now_ns);
        if (append_process(model, &record->process, tick, repeat, sums) != 0) {
            error = -ENOMEM;
        }
    }
    for (int i = 0; i < MS_PROCESS_SERIES_COUNT; i++) {
        if (ms_model_append(model, &model->sum_history[i], tick, repeat, sums[i]) != 0) {
            error = -ENOMEM;
        }
    }
    return error;
}
