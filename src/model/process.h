/* A process as the model has it: totals, how far they hold, the kernel's figures and histories. */
#ifndef MS_MODEL_PROCESS_H
#define MS_MODEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/heap.h"
#include "model/history.h"
#include "model/resources.h"
#include "model/series.h"
#include "model/tracking.h"

enum ms_seen { MS_SEEN_FULL, MS_SEEN_PARTIAL, MS_SEEN_NONE };

struct ms_losses {
    uint64_t recorded;      /* events counted */
    uint64_t lost;          /* events that nothing counted */
    uint64_t coarsened;     /* counted without (all of) their stack */
    uint64_t owner_unknown; /* frees that could not be debited: damaged, stale, table full */
    uint64_t threads_folded;
    uint64_t not_classified; /* histograms and estimates that there was no room for */
    uint64_t rates_refused;  /* changes of the sampling rate that found no room */
    uint64_t misuse_missing; /* misuses that there was no room for */
    uint64_t marks_missing;  /* marks of the program that were overwritten before they were read */
    uint64_t io_sites_missing; /* timed I/O calls whose call sites there was no room for */
};

/*
 * How call stacks were found: walked, or proven by the cache to be one that was walked before. Some
 * of the proven ones are walked all the same: when one of those differs, the figures are wrong.
 */
struct ms_stack_check {
    uint64_t walked;
    uint64_t proven;
    uint64_t rechecked;   /* of the proven ones */
    uint64_t differed;    /* of the rechecked ones */
    uint64_t interpreted; /* of the walked ones: some frame needed an unusual unwind rule */
    uint64_t cut_no_cfi;  /* cut at a frame without unwind information */
};

/*
 * The peak that sites and threads are attributed at: the last one that was 1 % above the peak
 * attributed before. Derived: what was live at sites and threads adds up to `bytes` within
 * `error_bytes`.
 */
struct ms_peak {
    uint32_t epoch; /* number of it, 0: none yet */
    uint64_t bytes;
    uint64_t error_bytes;
    uint64_t at_ns; /* CLOCK_MONOTONIC */
};

/* The trace of one process, as its probe tells. */
struct ms_process_trace {
    bool begun;
    uint64_t sent;       /* events given to the socket */
    uint64_t lost;       /* events counted, but not in the trace */
    const char *because; /* why it does not go on as asked for, a literal; "" while it does */
};

struct ms_process_kernel {
    bool have_memory, have_pss, have_io;
    uint64_t rss_bytes, pss_bytes, virtual_bytes;
    uint64_t peak_rss_bytes;
    uint64_t user_ns, system_ns;
    uint64_t minor_faults, major_faults;
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t read_calls, write_calls, read_chars_bytes, write_chars_bytes;
    uint64_t read_storage_bytes, write_storage_bytes;
};

struct ms_process {
    uint32_t id;        /* MS_PROCESS_ID of the keeper */
    uint32_t parent_id; /* 0: none or unknown */
    uint32_t exec_of;   /* the process that became this one by exec; 0: it did not begin so */
    pid_t pid;
    char exe[4096];
    char *arguments; /* argv joined by NUL bytes; NULL = hidden or unknown */
    size_t arguments_bytes;
    uint64_t start_ns, start_unix_ns, end_ns; /* end 0: alive */
    int32_t exit_status; /* valid when end_ns: >= 0; -1: by signal; -2: unknown */
    uint32_t exit_signal;
    bool core_dumped;
    bool replaced_by_exec; /* the same pid goes on as a later process */
    enum ms_seen seen;
    char seen_because[256]; /* "" when full */
    const char
        *threads_unread;   /* why /proc tells nothing of its threads, a literal; NULL: it does */
    double thread_read_hz; /* how often each thread is read; below the rate of ticks when there are
                              many, 0: never */
    char allocator[256];   /* path of the object malloc comes from, "" unknown */
    struct ms_heap totals; /* peak: see peak_error_bytes */
    uint64_t peak_error_bytes; /* totals.peak_bytes is within +- this */
    struct ms_peak peak;
    uint64_t sites_read_ns, sites_before_ns; /* the last two times; 0: never */
    struct ms_stack_check stacks;
    uint64_t probe_bytes; /* memory of ours inside the process */
    double cpu_pct, allocated_per_s, allocations_per_s, growth_per_s,
        io_calls_per_s;                                           /* NaN: none */
    double read_per_s, written_per_s, received_per_s, sent_per_s; /* bytes */
    double run_queue_pct, major_faults_per_s, minor_faults_per_s;
    double gpu_pct; /* over all GPUs; NaN */
    uint64_t gpu_bytes;
    bool have_gpu;
    struct ms_resources resources;
    struct ms_losses losses;
    struct ms_process_trace trace;
    struct ms_process_tracking tracking;
    struct ms_process_kernel kernel;
    struct ms_history *history[MS_PROCESS_SERIES_COUNT];
    /*
     * > 0: this stands for so many ended processes of this executable (pid 0, a child of the
     * program): sums, totals.peak_bytes the sum of their peaks too, so that all totals hold.
     */
    uint32_t merged;
    uint32_t merged_failed;     /* of them, that ended by a signal or with a status other than 0 */
    uint32_t merged_unknown;    /* of them, whose status is not known */
    uint64_t merged_life_ns;    /* sum of their lives */
    uint64_t merged_peak_bytes; /* the highest peak of one */
};

/*
 * What people call a program: the first word of argv[0] without its folders ("redis-server", though
 * its file may be another; "postgres"), else its file; "?" when neither is known. argv[0] counts
 * for nothing when it only says where the kernel has the file (/proc/self/exe, /dev/fd/3). Names
 * that threads have (prctl) are not asked: they are cut at 15 bytes and say what a thread does.
 * Returns `out`, at most MS_PROCESS_NAME_MAX bytes. Not neutralised.
 */
#define MS_PROCESS_NAME_MAX 64
char *ms_program_name(const char *exe, const char *argv0, char *out, size_t size);
/* Of a process; merged ones: their file. */
char *ms_process_name(const struct ms_process *process, char *out, size_t size);

#endif
