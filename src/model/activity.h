/*
 * What threads did at call stacks besides allocating: CPU time, by samples, and I/O. Kept like
 * usages, but apart from them, since most call sites have no such thing.
 *
 * The call stacks are sites with MS_SITE_ACTIVITY: their heap is 0 for ever, unless memory was
 * allocated at the very same stack. Stacks of CPU samples end at the instruction that ran.
 */
#ifndef MS_MODEL_ACTIVITY_H
#define MS_MODEL_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CPU: `cpu_ns` = samples x period; the sampling error of a share is 1.96 / sqrt(samples).
 * I/O: calls and bytes are exact when every call was looked at, else scaled from those that were
 * (io_samples < io_calls): see probe_io in the list of sources.
 */
struct ms_work {
    uint64_t cpu_samples, cpu_ns;
    uint64_t io_calls, io_bytes, io_wait_ns, io_samples;
};

enum ms_work_kind { MS_WORK_CPU, MS_WORK_IO, MS_WORK_KINDS };

struct ms_activity {
    uint32_t thread_id;
    uint32_t site_id;
    struct ms_work work;
};

/*
 * Past either of them, the next ms_model_tick_end merges the stacks of CPU samples with the least
 * of them (half of all) into one without a stack for each process. Their ids are gone then.
 */
#define MS_ACTIVITIES_MAX     200000u
#define MS_ACTIVITY_SITES_MAX 100000u
/* Of all merged processes together, see MS_MERGED_SITES_MAX. */
#define MS_MERGED_ACTIVITY_SITES_MAX 25000u

/* How CPU time is sampled; all 0: it is not. MS_SOURCE_CPU_SAMPLES says why, and what is missing.
 */
struct ms_cpu_sampling {
    uint32_t frequency_hz; /* of each thread while it runs */
    uint32_t keep_one_in;  /* of the samples, so that it stays cheap; each stands for so many */
    bool kernel;           /* time in the kernel counts, for the function that called it */
    uint64_t samples;      /* with a thread and a site */
    uint64_t lost;         /* in the kernel or on the way, or of threads that nobody knew */
    uint64_t throttled;    /* times that the kernel held samples back */
};

static inline void ms_work_add(struct ms_work *sum, const struct ms_work *work)
{
    sum->cpu_samples += work->cpu_samples;
    sum->cpu_ns += work->cpu_ns;
    sum->io_calls += work->io_calls;
    sum->io_bytes += work->io_bytes;
    sum->io_wait_ns += work->io_wait_ns;
    sum->io_samples += work->io_samples;
}

static inline bool ms_work_has(const struct ms_work *work, enum ms_work_kind kind)
{
    return work != NULL && (kind == MS_WORK_CPU ? work->cpu_samples : work->io_calls) != 0;
}

#endif
