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
    X(CPU_PCT,           "cpu_percent",            "CPU%",    PERCENT, MEASURED, "/proc/PID/task/TID/schedstat", "CPU time, in percent of one core, over the last second") \
    X(CURRENT_BYTES,     "current_bytes",          "LIVE",    BYTES,   MEASURED, "probe", "requested bytes of live blocks that the thread allocated") \
    X(PEAK_BYTES,        "peak_bytes",             "PEAK",    BYTES,   MEASURED, "probe", "highest current_bytes so far") \
    X(ALLOCATIONS,       "allocations",            "ALLOCS",  COUNT,   MEASURED, "probe", "blocks allocated") \
    X(DEALLOCATIONS,     "deallocations",          "FREES",   COUNT,   MEASURED, "probe", "blocks of this thread freed, by any thread") \
    X(BYTES_ALLOCATED,   "bytes_allocated",        "TOTAL",   BYTES,   MEASURED, "probe", "requested bytes allocated") \
    X(BYTES_FREED,       "bytes_freed",            "FREED",   BYTES,   MEASURED, "probe", "requested bytes of this thread's blocks freed") \
    X(ALLOCATION_RATE,   "allocations_per_s",      "ALLOC/S", RATE,    DERIVED,  "probe", "blocks allocated per second, over the last second") \
    X(ALLOCATED_RATE,    "bytes_allocated_per_s",  "MB/S",    BYTES_PER_S, DERIVED, "probe", "requested bytes allocated per second, over the last second") \
    X(GROWTH,            "growth_bytes_per_s",     "GROWTH",  BYTES_PER_S, DERIVED, "probe", "change of current_bytes per second, over the last second") \
    X(TEMPORARY,         "temporary",              "TEMP",    COUNT,   MEASURED, "probe", "blocks freed before the thread allocated again") \
    X(REALLOCATIONS,     "reallocations",          "REALLOC", COUNT,   MEASURED, "probe", "blocks resized") \
    X(FAILED_CALLS,      "failed_calls",           "FAILED",  COUNT,   MEASURED, "probe", "allocation calls that returned no memory") \
    X(FREES_FOR_OTHERS,  "frees_for_others",       "XFREE",   COUNT,   MEASURED, "probe", "blocks of other threads that this thread freed") \
    X(BYTES_FOR_OTHERS,  "bytes_freed_for_others", "XFREED",  BYTES,   MEASURED, "probe", "bytes of other threads' blocks that this thread freed") \
    X(FREED_RATIO,       "freed_ratio",            "RATIO",   RATIO,   DERIVED,  "probe", "bytes_freed / bytes_allocated, 0 to 1") \
    X(WASTE_BYTES,       "waste_bytes",            "WASTE",   BYTES,   MEASURED, "probe", "bytes that the allocator rounded live blocks up by") \
    X(AT_PEAK_BYTES,     "at_peak_bytes",          "AT-PEAK", BYTES,   DERIVED,  "probe", "current_bytes at the last peak of the process that was 1 % above the one before") \
    X(MMAP_BYTES,        "mmap_bytes",             "MMAP",    BYTES,   MEASURED, "probe", "bytes mapped by mmap calls of the program") \
    X(USER_MS,           "user_ms",                "USER",    MS,      MEASURED, "/proc/PID/task/TID/stat", "CPU time in user mode") \
    X(SYSTEM_MS,         "system_ms",              "SYS",     MS,      MEASURED, "/proc/PID/task/TID/stat", "CPU time in the kernel") \
    X(RUN_QUEUE_MS,      "run_queue_wait_ms",      "RUNQ",    MS,      MEASURED, "/proc/PID/task/TID/schedstat", "time runnable but without a core") \
    X(SWITCHES,          "context_switches",       "CSW",     COUNT,   MEASURED, "/proc/PID/task/TID/status", "context switches, voluntary and not") \
    X(INVOLUNTARY,       "involuntary_switches",   "ICSW",    COUNT,   MEASURED, "/proc/PID/task/TID/status", "context switches forced by the scheduler") \
    X(IO_OPERATIONS,     "io_operations",          "IO",      COUNT,   MEASURED, "/proc/PID/task/TID/io", "read and write system calls") \
    X(IO_RATE,           "io_operations_per_s",    "IO/S",    RATE,    DERIVED,  "/proc/PID/task/TID/io", "read and write system calls per second, over the last second") \
    X(READ_BYTES,        "read_bytes",             "READ",    BYTES,   MEASURED, "/proc/PID/task/TID/io", "bytes returned by read system calls") \
    X(WRITE_BYTES,       "write_bytes",            "WRITE",   BYTES,   MEASURED, "/proc/PID/task/TID/io", "bytes passed to write system calls") \
    X(MINOR_FAULTS,      "minor_faults",           "MINFLT",  COUNT,   MEASURED, "/proc/PID/task/TID/stat", "page faults served without I/O") \
    X(MAJOR_FAULTS,      "major_faults",           "MAJFLT",  COUNT,   MEASURED, "/proc/PID/task/TID/stat", "page faults that waited for I/O") \
    X(RUN_TIME,          "run_time_ms",            "AGE",     MS,      MEASURED, "probe", "time since the thread began, until its end")
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
    MS_UNIT_RATIO, /* 0..1 */
    MS_UNIT_MS
};

struct ms_metric_info {
    const char *name;    /* JSON, config, --sort */
    const char *heading; /* of a column, at most 8 cells */
    enum ms_unit unit;
    enum ms_provenance provenance;
    const char *source;
    const char *meaning;
};

/* Row of the table; `metric` < MS_METRIC_TOTAL. */
const struct ms_metric_info *ms_metric_info(enum ms_metric metric);

/* Value for one thread; `now_ns` is the model's time. Probe metrics are none for a thread that has
 * no record; kernel metrics are none when their file could not be read. */
struct ms_value ms_metric_of_thread(const struct ms_thread *thread, enum ms_metric metric,
                                    uint64_t now_ns);

/* The exact figure of a metric in bytes or counts; false when it has none or is no integer. */
bool ms_metric_integer_of_thread(const struct ms_thread *thread, enum ms_metric metric,
                                 uint64_t *integer);

/* Short name of a unit as JSON and man page give it ("bytes", "percent", ...). */
const char *ms_unit_name(enum ms_unit unit);

#endif
