/*
 * GPUs with a driver of the kernel's own (amdgpu, i915, xe, nouveau, msm, panfrost...): what /sys
 * tells of the whole, and /proc/PID/fdinfo of the processes that are watched. Sysfs files of a GPU
 * may block while it wakes up: for a thread of its own (gpu.h).
 */
#ifndef MS_COLLECT_DRM_H
#define MS_COLLECT_DRM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/machine.h"

#define MS_DRM_PROCESSES_MAX 256u

/* Whom to look for. */
struct ms_drm_input {
    size_t count;
    struct {
        pid_t pid;
        uint32_t process_id;
    } processes[MS_DRM_PROCESSES_MAX];
};

struct ms_drm_result {
    size_t count;                    /* GPUs that tell something, or that somebody watched uses */
    size_t silent;                   /* others */
    char names[80];                  /* of the silent ones, with their drivers */
    bool refused;                    /* the descriptors of some process may not be looked at */
    struct ms_gpu gpus[MS_GPUS_MAX]; /* without histories; users have their process_id */
};

struct ms_drm; /* opaque */

/* Is there any device? False: `because` is why. */
bool ms_drm_any(const char *sys, char *because, size_t size);

/* `proc` and `sys`: /proc and /sys but for tests; not copied. NULL: no memory. */
struct ms_drm *ms_drm_new(const char *proc, const char *sys);
void ms_drm_free(struct ms_drm *drm);

/* Time on engines is a share since the call before. */
void ms_drm_read(struct ms_drm *drm, const struct ms_drm_input *input, struct ms_drm_result *result,
                 uint64_t now_ns);

/* One client of a GPU, as fdinfo tells it: Documentation/gpu/drm-usage-stats of the kernel. */
#define MS_DRM_ENGINES_MAX 8u
struct ms_drm_engine {
    char name[24];
    bool by_cycles;
    uint64_t busy;     /* nanoseconds, or cycles */
    uint64_t all;      /* cycles that passed, of an engine that counts in cycles */
    uint32_t capacity; /* engines of this kind, at least 1 */
};
struct ms_drm_client {
    bool have_id;
    uint64_t id; /* descriptors with the same one are the same client */
    char driver[24], device[32];
    size_t engine_count;
    struct ms_drm_engine engines[MS_DRM_ENGINES_MAX];
    bool have_bytes;
    uint64_t bytes; /* in the memory of the GPU; of one that has none, in the machine's */
};
/* False: the text is of no client. */
bool ms_drm_parse(const char *text, size_t bytes, struct ms_drm_client *out);

#endif
