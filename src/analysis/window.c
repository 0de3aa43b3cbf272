#include "analysis/window.h"

#include <math.h>

static struct ms_window_sample sample_of(const struct ms_thread *thread, uint64_t now_ns)
{
    const struct ms_kernel_thread *kernel = &thread->kernel;
    return (struct ms_window_sample){
        .time_ns = now_ns,
        .run_ns = (kernel->have & MS_HAVE_RUN_QUEUE) != 0 ? kernel->run_ns
                                                          : kernel->user_ns + kernel->system_ns,
        .io_operations = kernel->read_calls + kernel->write_calls,
        .allocations = thread->heap.allocations,
        .peak_bytes = thread->heap.peak_bytes,
        .highest_bytes = ms_heap_current_bytes(&thread->heap),
        .have_cpu = (kernel->have & (MS_HAVE_CPU | MS_HAVE_RUN_QUEUE)) != 0,
        .have_io = (kernel->have & MS_HAVE_IO) != 0,
        .have_heap = thread->probed && thread->tracked,
    };
}

static const struct ms_window_sample *sample_back(const struct ms_window *window, uint32_t back)
{
    return &window->samples[(window->newest + MS_WINDOW_SAMPLES - back) % MS_WINDOW_SAMPLES];
}

static void keep(struct ms_window *window, const struct ms_window_sample *now, uint64_t span_ns)
{
    if (window->count > 0) {
        struct ms_window_sample *newest = &window->samples[window->newest];
        if (now->time_ns < newest->time_ns + span_ns / (MS_WINDOW_SAMPLES - 4)) {
            if (now->highest_bytes > newest->highest_bytes) {
                newest->highest_bytes = now->highest_bytes;
            }
            return;
        }
        window->newest = (window->newest + 1) % MS_WINDOW_SAMPLES;
    }
    window->samples[window->newest] = *now;
    if (window->count < MS_WINDOW_SAMPLES) {
        window->count++;
    }
}

static uint64_t since(uint64_t now, uint64_t base)
{
    return now > base ? now - base : 0;
}

/* A peak that was set within the window is exact; else the highest of what the ticks saw. */
static double peak_within(const struct ms_window *window, uint32_t samples,
                          const struct ms_window_sample *now, uint64_t peak_before)
{
    uint64_t highest = now->highest_bytes;
    for (uint32_t back = 0; back < samples; back++) {
        const struct ms_window_sample *sample = sample_back(window, back);
        highest = sample->highest_bytes > highest ? sample->highest_bytes : highest;
    }
    return (double)(now->peak_bytes > peak_before ? now->peak_bytes : highest);
}

void ms_window_update(struct ms_window *window, const struct ms_thread *thread, uint64_t now_ns,
                      uint64_t span_ns, struct ms_judged_figures *figures)
{
    const struct ms_window_sample now = sample_of(thread, now_ns);
    keep(window, &now, span_ns);
    uint32_t back = 0;
    while (back + 1 < window->count && now_ns - sample_back(window, back)->time_ns < span_ns) {
        back++;
    }
    struct ms_window_sample base = *sample_back(window, back);
    *figures = (struct ms_judged_figures){
        .peak_bytes = NAN, .allocations = NAN, .cpu_pct = NAN, .io_operations = NAN};
    if (now.have_cpu && base.have_cpu && now_ns > base.time_ns) {
        figures->cpu_span_ns = now_ns - base.time_ns;
        figures->cpu_pct =
            100.0 * (double)since(now.run_ns, base.run_ns) / (double)(now_ns - base.time_ns);
    }
    if (thread->start_ns != 0 && since(now_ns, thread->start_ns) < span_ns) {
        /* Born within the window: its counters began at 0. */
        base = (struct ms_window_sample){.have_io = true, .have_heap = true};
    }
    if (now.have_io && base.have_io) {
        figures->io_operations = (double)since(now.io_operations, base.io_operations);
    }
    if (now.have_heap && base.have_heap) {
        figures->allocations = (double)since(now.allocations, base.allocations);
        figures->peak_bytes = peak_within(window, back + 1, &now, base.peak_bytes);
    }
}
