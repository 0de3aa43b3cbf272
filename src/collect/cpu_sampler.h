/*
 * The process that samples the CPU time of others: the kernel's software clock per thread
 * (perf_event_open), rings that it writes registers and stacks into, and the unwinding of those.
 * The programs see nothing of it: no signal, no ptrace, nothing in their memory. What is here runs
 * apart from the viewer, since hostile files and stacks may crash or hang it.
 */
#ifndef MS_COLLECT_CPU_SAMPLER_H
#define MS_COLLECT_CPU_SAMPLER_H

#include <stdint.h>

struct ms_cpu_sampler_options {
    uint32_t frequency_hz; /* of each thread that runs, 1 to 999 */
};

/* Speaks cpu_sample_message.h on `socket` until the other end closes; then returns. */
void ms_cpu_sampler_serve(int socket, const struct ms_cpu_sampler_options *options);

#endif
