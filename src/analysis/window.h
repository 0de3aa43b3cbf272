/* A thread's counters over the last seconds, from which its live figures follow. For src/analysis.
 */
#ifndef MS_ANALYSIS_WINDOW_H
#define MS_ANALYSIS_WINDOW_H

#include "analysis/judge.h"

#define MS_WINDOW_SAMPLES 16u

struct ms_window_sample {
    uint64_t time_ns;
    uint64_t run_ns;
    uint64_t io_operations;
    uint64_t allocations;
    uint64_t peak_bytes;
    uint64_t highest_bytes; /* of current bytes seen from this sample on, until the next */
    bool have_cpu, have_io, have_heap;
};

struct ms_window {
    uint32_t count, newest;
    struct ms_window_sample samples[MS_WINDOW_SAMPLES];
};

/* Takes the counters of this tick in and fills *figures over the last `span_ns`; what is younger
 * than that is seen over its life so far. */
void ms_window_update(struct ms_window *window, const struct ms_thread *thread, uint64_t now_ns,
                      uint64_t span_ns, struct ms_judged_figures *figures);

#endif
