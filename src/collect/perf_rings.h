/*
 * Events of the kernel's software clock on threads, and the rings, one a core, that their samples
 * come in, read in the order of time. Threads and processes that are born of an attached one are
 * sampled by themselves, without being attached to.
 */
#ifndef MS_COLLECT_PERF_RINGS_H
#define MS_COLLECT_PERF_RINGS_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MS_PERF_STACK_BYTES 16384u /* of each stack that are copied */

struct ms_perf_rings; /* opaque */

/* `registers`: mask of PERF_SAMPLE_REGS_USER. NULL: no memory. */
struct ms_perf_rings *ms_perf_rings_new(uint32_t frequency_hz, uint64_t registers);
void ms_perf_rings_free(struct ms_perf_rings *rings);

/*
 * Samples all threads that a process has. Returns 0, or -errno of the first that could not be
 * (-EMFILE: some are); without a right to look at the kernel its time is left out.
 */
int ms_perf_rings_attach(struct ms_perf_rings *rings, pid_t pid);
bool ms_perf_rings_with_kernel(const struct ms_perf_rings *rings);

/* Of any record but PERF_RECORD_LOST: what identifies who it is of. */
struct ms_perf_record {
    const struct perf_event_header *header; /* whole, not split */
    uint64_t time_ns;                       /* CLOCK_MONOTONIC */
};

/* The next one of a time up to `until_ns`, over all rings; false: none. Valid until the next call.
 */
bool ms_perf_rings_next(struct ms_perf_rings *rings, uint64_t until_ns,
                        struct ms_perf_record *record);

#endif
