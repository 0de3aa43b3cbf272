/*
 * GPUs and what the watched processes use of them. NVIDIA's by NVML, others by DRM; each on a
 * thread of its own, which there is only where there is something to ask, and whose answers are
 * joined with the model here. A driver that hangs makes figures old, never the viewer wait.
 */
#ifndef MS_COLLECT_GPU_H
#define MS_COLLECT_GPU_H

#include <stdint.h>

#include "model/model.h"

struct ms_gpu_reader; /* opaque */

struct ms_gpu_options {
    const char *nvml;       /* library, MS_NVML_LIBRARY but for tests */
    const char *proc, *sys; /* /proc and /sys but for tests */
    uint64_t period_ns;     /* of NVML; DRM takes twice that. 0: a second */
};

/* What `options` points to is not copied. NULL: no memory. */
struct ms_gpu_reader *ms_gpu_reader_new(const struct ms_gpu_options *options);
/* Does not wait for a driver that hangs. Accepts NULL. */
void ms_gpu_reader_free(struct ms_gpu_reader *reader);

/*
 * To be called once a tick; the first call starts the threads. Never blocks. Sets the GPUs of the
 * system, gpu_pct, gpu_bytes and have_gpu of processes, and the sources NVIDIA_GPU and DRM_GPU.
 *
 * Processes are matched by the pid that the driver tells: it may be that of our pid namespace or
 * that within the process's own, so both of NSpid in /proc/PID/status are tried, the former first.
 */
void ms_gpu_read(struct ms_gpu_reader *reader, struct ms_model *model, uint64_t now_ns);

#endif
