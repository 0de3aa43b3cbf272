/*
 * Where figures come from besides the probe's counters of memory, and why one gives nothing. One
 * table: the screen of the system, doctor, JSON and the manual page name sources from it. A figure
 * whose source is missing is "unavailable" with the reason that stands here, never 0.
 *
 * X(id, json_name, what)
 */
#ifndef MS_MODEL_SOURCE_H
#define MS_MODEL_SOURCE_H

#include <stdbool.h>

/* clang-format off */
#define MS_SOURCES(X)                                                                              \
    X(PROBE,            "probe",            "memory of threads and call sites")                    \
    X(THREAD_STAT,      "thread_stat",      "user and kernel time, page faults, core of threads")  \
    X(SCHEDSTAT,        "schedstat",        "CPU time and run-queue wait of threads")              \
    X(THREAD_STATUS,    "thread_status",    "context switches and affinity of threads")            \
    X(THREAD_SCHED,     "thread_sched",     "migrations of threads")                               \
    X(THREAD_IO,        "thread_io",        "bytes and operations of I/O of threads")              \
    X(NUMA,             "numa",             "NUMA nodes")                                          \
    X(HARDWARE_COUNTERS, "hardware_counters", "cycles, instructions, cache and branch misses")     \
    X(PROBE_IO,         "probe_io",         "network, latency and call sites of I/O by thread")    \
    X(CPU_SAMPLES,      "cpu_samples",      "CPU time by call stack")                              \
    X(MEMORY_MAP,       "memory_map",       "what the memory of a process consists of")            \
    X(OPEN_FILES,       "open_files",       "open files and sockets of a process")                 \
    X(SOCKETS,          "sockets",          "connections, their bytes and round-trip times")       \
    X(RESOURCE_LIMITS,  "resource_limits",  "limits set by setrlimit")                             \
    X(CGROUP,           "cgroup",           "limits and figures of the control group")             \
    X(PRESSURE,         "pressure",         "pressure stall information of the machine")           \
    X(CGROUP_PRESSURE,  "cgroup_pressure",  "pressure stall information of the control group")     \
    X(CORES,            "cores",            "load of each core")                                   \
    X(FREQUENCY,        "frequency",        "frequency of each core")                              \
    X(CPU_IDENTITY,     "cpu_identity",     "model and caches of the processor")                   \
    X(DISKS,            "disks",            "traffic of disks")                                    \
    X(INTERFACES,       "interfaces",       "traffic of network interfaces")                       \
    X(SENSORS,          "sensors",          "temperatures, fans and power")                        \
    X(NVIDIA_GPU,       "nvidia_gpu",       "GPUs with NVIDIA's driver (NVML)")                    \
    X(DRM_GPU,          "drm_gpu",          "GPUs with a kernel driver (DRM)")
/* clang-format on */

enum ms_source {
#define MS_SOURCE_ID(id, name, what) MS_SOURCE_##id,
    MS_SOURCES(MS_SOURCE_ID)
#undef MS_SOURCE_ID
        MS_SOURCE_TOTAL
};

enum ms_source_condition {
    MS_SOURCE_NOT_ASKED,   /* not read yet */
    MS_SOURCE_AVAILABLE,   /* it gave something at least once */
    MS_SOURCE_UNAVAILABLE, /* `because` says why */
    MS_SOURCE_PARTIAL      /* it gives something, and `because` says what it does not */
};

struct ms_source_state {
    enum ms_source_condition condition;
    char because[200]; /* what is missing and what would help, without "unavailable:" */
};

const char *ms_source_name(enum ms_source source); /* JSON */
const char *ms_source_what(enum ms_source source);

#endif
