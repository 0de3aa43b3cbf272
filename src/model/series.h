/*
 * What there is a history of: one table each for threads, processes and the machine, from which the
 * timelines, the axes of correlations, JSON and the manual page come.
 *
 * X(id, json_name, heading, unit, what)
 */
#ifndef MS_MODEL_SERIES_H
#define MS_MODEL_SERIES_H

/* clang-format off */
#define MS_THREAD_SERIES(X)                                                                        \
    X(CPU_PCT,         "cpu_percent",             "CPU",       PERCENT,     "CPU time, of one core") \
    X(CURRENT_BYTES,   "current_bytes",           "live",      BYTES,       "live bytes")          \
    X(ALLOCATED_PER_S, "bytes_allocated_per_s",   "allocated", BYTES_PER_S, "bytes allocated")     \
    X(IO_CALLS_PER_S,  "io_operations_per_s",     "I/O calls", RATE,        "read and write system calls") \
    X(IO_BYTES_PER_S,  "io_bytes_per_s",          "I/O",       BYTES_PER_S, "bytes read and written") \
    X(RUN_QUEUE_PCT,   "run_queue_wait_percent",  "run queue", PERCENT,     "time runnable without a core") \
    X(NETWORK_PER_S,   "network_bytes_per_s",     "network",   BYTES_PER_S, "bytes sent and received on sockets")

#define MS_PROCESS_SERIES(X)                                                                       \
    X(CPU_PCT,         "cpu_percent",             "CPU",       PERCENT,     "CPU time, of one core") \
    X(CURRENT_BYTES,   "current_bytes",           "live",      BYTES,       "live bytes")          \
    X(RSS_BYTES,       "rss_bytes",               "RSS",       BYTES,       "resident memory")     \
    X(ALLOCATED_PER_S, "bytes_allocated_per_s",   "allocated", BYTES_PER_S, "bytes allocated")     \
    X(IO_CALLS_PER_S,  "io_operations_per_s",     "I/O calls", RATE,        "read and write system calls") \
    X(READ_PER_S,      "read_bytes_per_s",        "read",      BYTES_PER_S, "bytes read, from caches too") \
    X(WRITTEN_PER_S,   "write_bytes_per_s",       "written",   BYTES_PER_S, "bytes written")       \
    X(RECEIVED_PER_S,  "network_received_bytes_per_s", "received", BYTES_PER_S, "bytes received on connections") \
    X(SENT_PER_S,      "network_sent_bytes_per_s", "sent",     BYTES_PER_S, "bytes sent on connections") \
    X(RUN_QUEUE_PCT,   "run_queue_wait_percent",  "run queue", PERCENT,     "time of threads runnable without a core, of one core") \
    X(FAULTS_PER_S,    "major_faults_per_s",      "faults",    RATE,        "page faults that waited for I/O") \
    X(VIRTUAL_BYTES,   "virtual_bytes",           "virtual",   BYTES,       "address space that is mapped") \
    X(CGROUP_BYTES,    "cgroup_memory_bytes",     "cgroup",    BYTES,       "memory of all of its control group") \
    X(CGROUP_TASKS,    "cgroup_processes",        "tasks",     COUNT,       "processes and threads of its control group") \
    X(OPEN_FILES,      "open_files",              "files",     COUNT,       "open file descriptors") \
    X(GPU_PCT,         "gpu_percent",             "GPU",       PERCENT,     "time that kernels of it ran on a GPU") \
    X(GPU_BYTES,       "gpu_memory_bytes",        "GPU mem",   BYTES,       "memory of it on GPUs")

#define MS_SYSTEM_SERIES(X)                                                                        \
    X(CPU_PCT,         "system_cpu_percent",      "CPU",       PERCENT,     "mean over all cores") \
    X(AVAILABLE_BYTES, "system_available_bytes",  "available", BYTES,       "memory that could be had without swapping") \
    X(LOAD_1,          "system_load_1",           "load",      RATIO,       "tasks runnable or in I/O, mean over a minute") \
    X(STALL_CPU_PCT,   "system_stall_cpu_percent",    "PSI cpu", PERCENT,   "time in which some task waited for a core") \
    X(STALL_MEMORY_PCT, "system_stall_memory_percent", "PSI mem", PERCENT,  "time in which some task waited for memory") \
    X(STALL_IO_PCT,    "system_stall_io_percent", "PSI io",    PERCENT,     "time in which some task waited for I/O") \
    X(IO_WAIT_PCT,     "system_io_wait_percent",  "I/O wait",  PERCENT,     "cores idle with I/O outstanding") \
    X(DISK_PER_S,      "system_disk_bytes_per_s", "disks",     BYTES_PER_S, "bytes read from and written to disks") \
    X(INTERFACES_PER_S, "system_network_bytes_per_s", "interfaces", BYTES_PER_S, "bytes in and out of network interfaces, loopback left out")
/* clang-format on */

enum ms_series {
#define MS_SERIES_ID(id, name, heading, unit, what) MS_SERIES_##id,
    MS_THREAD_SERIES(MS_SERIES_ID)
#undef MS_SERIES_ID
        MS_SERIES_COUNT
};

enum ms_process_series {
#define MS_SERIES_ID(id, name, heading, unit, what) MS_PROCESS_SERIES_##id,
    MS_PROCESS_SERIES(MS_SERIES_ID)
#undef MS_SERIES_ID
        MS_PROCESS_SERIES_COUNT
};

enum ms_system_series {
#define MS_SERIES_ID(id, name, heading, unit, what) MS_SYSTEM_SERIES_##id,
    MS_SYSTEM_SERIES(MS_SERIES_ID)
#undef MS_SERIES_ID
        MS_SYSTEM_SERIES_COUNT
};

enum ms_series_of { MS_SERIES_OF_THREAD, MS_SERIES_OF_PROCESS, MS_SERIES_OF_SYSTEM };

struct ms_series_info {
    const char *name;    /* JSON, axes on the command line */
    const char *heading; /* at most 11 cells */
    int unit;            /* enum ms_unit of metric.h */
    const char *what;
};

/* Row `series` (an enum of the above) of a table, and how many rows it has. */
const struct ms_series_info *ms_series_info(enum ms_series_of of, int series);
int ms_series_count(enum ms_series_of of);

#endif
