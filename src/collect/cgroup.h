/*
 * The control group of a process: limits, use, throttling, kills and pressure. Both versions, and
 * hosts that have both: each controller is looked for where it is mounted.
 *
 * A limit counts for all groups below it: the effective one is the smallest from the group up to
 * the root of the mount, and what is used of it is told of the group at which it stands (of the
 * process's own group when there is none). Above the mount nothing is seen.
 */
#ifndef MS_COLLECT_CGROUP_H
#define MS_COLLECT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/pressure.h"
#include "model/resources.h"

#define MS_CGROUP_PATH_MAX 1024u

/* One controller of a process: a folder of the mount, down to the group. */
struct ms_cgroup_place {
    uint32_t version;   /* 0: not there */
    size_t mount_bytes; /* of `folder`: the mount, below which groups are */
    char folder[MS_CGROUP_PATH_MAX];
};

struct ms_cgroup_places {
    struct ms_cgroup_place memory, cpu, processes;
    struct ms_cgroup_place unified; /* of version 2: pressure, and the path shown */
    char path[256];                 /* that of the memory controller, else of any */
};

/*
 * Where the groups of /proc/PID/cgroup (`groups`) are, by the viewer's /proc/self/mountinfo
 * (`mounts`); `root` is put before mount points ("" but in tests). Returns 0; -ENOENT: no control
 * group at all; -EXDEV: they are outside of what is mounted here (another cgroup namespace).
 */
int ms_cgroup_find(const char *groups, const char *mounts, const char *root,
                   struct ms_cgroup_places *out);

/*
 * Reads what is there; `pressure` keeps descriptors and must be closed when `places` change. What
 * is missing leaves its have_... false. Returns 0, or -errno of the first file when no controller
 * told anything. `pressure_result` gets the result of ms_pressure_read.
 */
int ms_cgroup_read(const struct ms_cgroup_places *places, struct ms_pressure_files *pressure,
                   struct ms_descriptor_budget *budget, struct ms_cgroup *out,
                   int *pressure_result);

/* What -errno of the above means: text for ms_model_source_set. */
const char *ms_cgroup_because(int error);

#endif
