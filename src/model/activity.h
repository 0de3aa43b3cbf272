/*
 * What threads did at call stacks besides allocating: CPU time, by samples, and I/O. Kept like
 * usages, but apart from them, since most call sites have no such thing.
 *
 * The call stacks are sites with MS_SITE_ACTIVITY: their heap is 0 for ever, unless memory was
 * allocated at the very same stack. Stacks of CPU samples end at the instruction that ran.
 */
#ifndef MS_MODEL_ACTIVITY_H
#define MS_MODEL_ACTIVITY_H

#include <stdint.h>

struct ms_model;

/*
 * CPU: `cpu_ns` = samples x period; the sampling error of a share is 1.96 / sqrt(samples).
 * I/O: calls and bytes are exact when every call was looked at, else scaled from those that were
 * (io_samples < io_calls): see probe_io in the list of sources.
 */
struct ms_work {
    uint64_t cpu_samples, cpu_ns;
    uint64_t io_calls, io_bytes, io_wait_ns, io_samples;
};

struct ms_activity {
    uint32_t thread_id;
    uint32_t site_id;
    struct ms_work work;
};

#endif
