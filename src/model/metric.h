/*
 * The one table of thread metrics: from it come the columns of tables, sort keys, JSON names, units
 * and the man page. A metric is read through ms_metric_of_thread, which says "none" when its source
 * is missing; it is never 0 instead. "Over the last second" is, for a thread that has ended, over
 * its life.
 *
 * X(id, json_name, heading, unit, provenance, source, meaning)
 */
#ifndef MS_MODEL_METRIC_H
#define MS_MODEL_METRIC_H

#include "model/model.h"

/* clang-format off */
#define MS_THREAD_METRICS(X)                                                                        \
    X(CPU_PCT,           "cpu_percent",                  "CPU%",     PERCENT,     MEASURED, SCHEDSTAT,         "CPU time, in percent of one core, over the last second") \
    X(USER_PCT,          "user_percent",                 "USER%",    PERCENT,     MEASURED, THREAD_STAT,       "CPU time in user mode, in percent of one core, over the last second") \
    X(SYSTEM_PCT,        "system_percent",               "SYS%",     PERCENT,     MEASURED, THREAD_STAT,       "CPU time in the kernel, in percent of one core, over the last second") \
    X(RUN_QUEUE_PCT,     "run_queue_wait_percent",       "RUNQ%",    PERCENT,     MEASURED, SCHEDSTAT,         "time runnable but without a core, in percent of wall time, over the last second") \
    X(CURRENT_BYTES,     "current_bytes",                "LIVE",     BYTES,       MEASURED, PROBE,             "requested bytes of live blocks that the thread allocated") \
    X(PEAK_BYTES,        "peak_bytes",                   "PEAK",     BYTES,       MEASURED, PROBE,             "highest current_bytes so far") \
    X(ALLOCATIONS,       "allocations",                  "ALLOCS",   COUNT,       MEASURED, PROBE,             "blocks allocated") \
    X(DEALLOCATIONS,     "deallocations",                "FREES",    COUNT,       MEASURED, PROBE,             "blocks of this thread freed, by any thread") \
    X(BYTES_ALLOCATED,   "bytes_allocated",              "TOTAL",    BYTES,       MEASURED, PROBE,             "requested bytes allocated") \
    X(BYTES_FREED,       "bytes_freed",                  "FREED",    BYTES,       MEASURED, PROBE,             "requested bytes of this thread's blocks freed") \
    X(ALLOCATION_RATE,   "allocations_per_s",            "ALLOC/S",  RATE,        DERIVED,  PROBE,             "blocks allocated per second, over the last second") \
    X(ALLOCATED_RATE,    "bytes_allocated_per_s",        "MB/S",     BYTES_PER_S, DERIVED,  PROBE,             "requested bytes allocated per second, over the last second") \
    X(GROWTH,            "growth_bytes_per_s",           "GROWTH",   BYTES_PER_S, DERIVED,  PROBE,             "change of current_bytes per second, over the last second") \
    X(TEMPORARY,         "temporary",                    "TEMP",     COUNT,       MEASURED, PROBE,             "blocks freed before the thread allocated again") \
    X(REALLOCATIONS,     "reallocations",                "REALLOC",  COUNT,       MEASURED, PROBE,             "blocks resized") \
    X(FAILED_CALLS,      "failed_calls",                 "FAILED",   COUNT,       MEASURED, PROBE,             "allocation calls that returned no memory") \
    X(FREES_FOR_OTHERS,  "frees_for_others",             "XFREE",    COUNT,       MEASURED, PROBE,             "blocks of other threads that this thread freed") \
    X(BYTES_FOR_OTHERS,  "bytes_freed_for_others",       "XFREED",   BYTES,       MEASURED, PROBE,             "bytes of other threads' blocks that this thread freed") \
    X(FREED_RATIO,       "freed_ratio",                  "RATIO",    RATIO,       DERIVED,  PROBE,             "bytes_freed / bytes_allocated, 0 to 1") \
    X(WASTE_BYTES,       "waste_bytes",                  "WASTE",    BYTES,       MEASURED, PROBE,             "bytes that the allocator rounded live blocks up by") \
    X(AT_PEAK_BYTES,     "at_peak_bytes",                "AT-PEAK",  BYTES,       DERIVED,  PROBE,             "current_bytes at the last peak of the process that was 1 % above the one before") \
    X(MMAP_BYTES,        "mmap_bytes",                   "MMAP",     BYTES,       MEASURED, PROBE,             "bytes mapped by mmap calls of the program") \
    X(USER_MS,           "user_ms",                      "USER",     MS,          MEASURED, THREAD_STAT,       "CPU time in user mode") \
    X(SYSTEM_MS,         "system_ms",                    "SYS",      MS,          MEASURED, THREAD_STAT,       "CPU time in the kernel") \
    X(RUN_QUEUE_MS,      "run_queue_wait_ms",            "RUNQ",     MS,          MEASURED, SCHEDSTAT,         "time runnable but without a core") \
    X(SWITCHES,          "context_switches",             "CSW",      COUNT,       MEASURED, THREAD_STATUS,     "context switches, voluntary and not") \
    X(VOLUNTARY,         "voluntary_switches",           "VCSW",     COUNT,       MEASURED, THREAD_STATUS,     "context switches to wait for something") \
    X(INVOLUNTARY,       "involuntary_switches",         "ICSW",     COUNT,       MEASURED, THREAD_STATUS,     "context switches forced by the scheduler") \
    X(SWITCH_RATE,       "context_switches_per_s",       "CSW/S",    RATE,        DERIVED,  THREAD_STATUS,     "context switches per second, over the last second") \
    X(MIGRATIONS,        "migrations",                   "MIGR",     COUNT,       MEASURED, THREAD_SCHED,      "moves from one core to another") \
    X(MIGRATION_RATE,    "migrations_per_s",             "MIGR/S",   RATE,        DERIVED,  THREAD_SCHED,      "moves from one core to another per second, over the last second") \
    X(CORE,              "core",                         "CORE",     INDEX,       MEASURED, THREAD_STAT,       "number of the core that it ran on last") \
    X(NODE,              "numa_node",                    "NODE",     INDEX,       MEASURED, NUMA,              "number of the NUMA node of that core") \
    X(CORES_ALLOWED,     "cores_allowed",                "CORES",    COUNT,       MEASURED, THREAD_STATUS,     "cores that its affinity allows") \
    X(IO_OPERATIONS,     "io_operations",                "IO",       COUNT,       MEASURED, THREAD_IO,         "read and write system calls") \
    X(READ_OPERATIONS,   "read_operations",              "READS",    COUNT,       MEASURED, THREAD_IO,         "read system calls, of anything") \
    X(WRITE_OPERATIONS,  "write_operations",             "WRITES",   COUNT,       MEASURED, THREAD_IO,         "write system calls, to anything") \
    X(IO_RATE,           "io_operations_per_s",          "IO/S",     RATE,        DERIVED,  THREAD_IO,         "read and write system calls per second, over the last second") \
    X(READ_BYTES,        "read_bytes",                   "READ",     BYTES,       MEASURED, THREAD_IO,         "bytes returned by read system calls") \
    X(WRITE_BYTES,       "write_bytes",                  "WRITE",    BYTES,       MEASURED, THREAD_IO,         "bytes passed to write system calls") \
    X(READ_RATE,         "read_bytes_per_s",             "READ/S",   BYTES_PER_S, DERIVED,  THREAD_IO,         "read_bytes per second, over the last second") \
    X(WRITE_RATE,        "write_bytes_per_s",            "WRITE/S",  BYTES_PER_S, DERIVED,  THREAD_IO,         "write_bytes per second, over the last second") \
    X(READ_STORAGE,      "read_storage_bytes",           "DISKRD",   BYTES,       MEASURED, THREAD_IO,         "bytes that reading it had fetched from storage") \
    X(WRITE_STORAGE,     "write_storage_bytes",          "DISKWR",   BYTES,       MEASURED, THREAD_IO,         "bytes that it had written to storage") \
    X(IO_WAIT_PCT,       "io_wait_percent",              "IOWAIT%",  PERCENT,     SAMPLED,  PROBE_IO,          "time in calls that read, write, send, receive, sync, connect or accept, in percent of wall time, over the last second") \
    X(POLL_WAIT_PCT,     "poll_wait_percent",            "POLL%",    PERCENT,     SAMPLED,  PROBE_IO,          "time in poll, select and epoll_wait, in percent of wall time, over the last second") \
    X(READ_LATENCY,      "read_mean_us",                 "RD-LAT",   US,          SAMPLED,  PROBE_IO,          "mean time of a call that reads from anything but a socket") \
    X(WRITE_LATENCY,     "write_mean_us",                "WR-LAT",   US,          SAMPLED,  PROBE_IO,          "mean time of a call that writes to anything but a socket") \
    X(SYNC_LATENCY,      "sync_mean_us",                 "SY-LAT",   US,          SAMPLED,  PROBE_IO,          "mean time of a call of fsync, msync or kin") \
    X(IN_FLIGHT,         "io_in_flight",                 "INFLIGHT", COUNT,       MEASURED, PROBE_IO,          "1 while it is in a call of an I/O function whose time is taken") \
    X(IN_FLIGHT_MS,      "io_in_flight_ms",              "INFL-MS",  MS,          MEASURED, PROBE_IO,          "how long it has been in that call") \
    X(IO_ERRORS,         "io_errors",                    "IO-ERR",   COUNT,       MEASURED, PROBE_IO,          "calls of I/O functions but of sockets that failed; EAGAIN is no failure") \
    X(RECEIVED_BYTES,    "network_received_bytes",       "RECV",     BYTES,       MEASURED, PROBE_IO,          "bytes received on sockets") \
    X(SENT_BYTES,        "network_sent_bytes",           "SENT",     BYTES,       MEASURED, PROBE_IO,          "bytes sent on sockets") \
    X(RECEIVED_MESSAGES, "network_received_messages",    "RECVS",    COUNT,       MEASURED, PROBE_IO,          "calls that received on sockets") \
    X(SENT_MESSAGES,     "network_sent_messages",        "SENDS",    COUNT,       MEASURED, PROBE_IO,          "calls that sent on sockets") \
    X(RECEIVED_RATE,     "network_received_bytes_per_s", "RECV/S",   BYTES_PER_S, DERIVED,  PROBE_IO,          "network_received_bytes per second, over the last second") \
    X(SENT_RATE,         "network_sent_bytes_per_s",     "SENT/S",   BYTES_PER_S, DERIVED,  PROBE_IO,          "network_sent_bytes per second, over the last second") \
    X(NETWORK_ERRORS,    "network_errors",               "NET-ERR",  COUNT,       MEASURED, PROBE_IO,          "calls that send, receive, connect or accept and failed; EAGAIN is no failure") \
    X(MINOR_FAULTS,      "minor_faults",                 "MINFLT",   COUNT,       MEASURED, THREAD_STAT,       "page faults served without I/O") \
    X(MAJOR_FAULTS,      "major_faults",                 "MAJFLT",   COUNT,       MEASURED, THREAD_STAT,       "page faults that waited for I/O") \
    X(MINOR_FAULT_RATE,  "minor_faults_per_s",           "MINFLT/S", RATE,        DERIVED,  THREAD_STAT,       "page faults served without I/O per second, over the last second") \
    X(MAJOR_FAULT_RATE,  "major_faults_per_s",           "MAJFLT/S", RATE,        DERIVED,  THREAD_STAT,       "page faults that waited for I/O per second, over the last second") \
    X(CYCLES,            "cycles",                       "CYCLES",   COUNT,       MEASURED, HARDWARE_COUNTERS, "cycles of the processor in user mode since counting began") \
    X(INSTRUCTIONS,      "instructions",                 "INSTR",    COUNT,       MEASURED, HARDWARE_COUNTERS, "instructions in user mode since counting began") \
    X(IPC,               "instructions_per_cycle",       "IPC",      RATIO,       DERIVED,  HARDWARE_COUNTERS, "instructions / cycles, between the last two readings") \
    X(CACHE_MISSES,      "cache_misses",                 "LLCMISS",  COUNT,       MEASURED, HARDWARE_COUNTERS, "misses of the last level of cache in user mode since counting began") \
    X(CACHE_MISS_PCT,    "cache_miss_percent",           "LLCMISS%", PERCENT,     DERIVED,  HARDWARE_COUNTERS, "share of references to the last level of cache that missed, between the last two readings") \
    X(BRANCH_MISSES,     "branch_misses",                "BRMISS",   COUNT,       MEASURED, HARDWARE_COUNTERS, "branches in user mode that were predicted wrongly since counting began") \
    X(BRANCH_MISS_PCT,   "branch_miss_percent",          "BRMISS%",  PERCENT,     DERIVED,  HARDWARE_COUNTERS, "share of branches that were predicted wrongly, between the last two readings") \
    X(MEMORY_TRAFFIC,    "memory_bytes_per_s",           "MEM/S",    BYTES_PER_S, DERIVED,  HARDWARE_COUNTERS, "cache_misses per second x 64 bytes: an estimate of the traffic with memory, without what was prefetched or written back") \
    X(RUN_TIME,          "run_time_ms",                  "AGE",      MS,          MEASURED, PROBE,             "time since the thread began, until its end")
/* clang-format on */

enum ms_metric {
#define MS_METRIC_ID(id, name, heading, unit, provenance, source, meaning) MS_METRIC_##id,
    MS_THREAD_METRICS(MS_METRIC_ID)
#undef MS_METRIC_ID
        MS_METRIC_TOTAL
};

enum ms_unit {
    MS_UNIT_PERCENT,
    MS_UNIT_BYTES,
    MS_UNIT_COUNT,
    MS_UNIT_RATE, /* per second */
    MS_UNIT_BYTES_PER_S,
    MS_UNIT_RATIO, /* 0..1, but of instructions per cycle */
    MS_UNIT_MS,
    MS_UNIT_US,
    MS_UNIT_INDEX /* which one of several: neither a sum nor a mean of it means anything */
};

struct ms_metric_info {
    const char *name;    /* JSON, config, --sort */
    const char *heading; /* of a column, at most 8 cells */
    enum ms_unit unit;
    enum ms_provenance provenance;
    enum ms_source source;
    const char *meaning;
};

/* Row of the table; `metric` < MS_METRIC_TOTAL. */
const struct ms_metric_info *ms_metric_info(enum ms_metric metric);
enum ms_source ms_metric_source(enum ms_metric metric);

/* Value for one thread; `now_ns` is the model's time. Probe metrics are none for a thread that has
 * no record; kernel metrics are none when their file could not be read. */
struct ms_value ms_metric_of_thread(const struct ms_thread *thread, enum ms_metric metric,
                                    uint64_t now_ns);

/* The exact figure of a metric in bytes, counts or an index; false when it has none or is no
 * integer. */
bool ms_metric_integer_of_thread(const struct ms_thread *thread, enum ms_metric metric,
                                 uint64_t *integer);

/*
 * Why a metric has no value for this thread, or with `thread` NULL for any thread, in words without
 * "unavailable:"; "" when it has one. Returns `out`, cut to `size`.
 */
const char *ms_metric_unavailable_because(const struct ms_model *model,
                                          const struct ms_thread *thread, enum ms_metric metric,
                                          char *out, size_t size);

/*
 * The same of everything that a source tells of a thread; "" when it gives something. Sources of
 * threads only, see ms_source_is_of_threads.
 */
const char *ms_source_unavailable_because(const struct ms_model *model,
                                          const struct ms_thread *thread, enum ms_source source,
                                          char *out, size_t size);
/* Whether some thread metric comes from it. */
bool ms_source_is_of_threads(enum ms_source source);

/* Short name of a unit as JSON and man page give it ("bytes", "percent", ...). */
const char *ms_unit_name(enum ms_unit unit);

#endif
