/* A thread as the model has it: heap, the kernel's figures, I/O, rates and histories. */
#ifndef MS_MODEL_THREAD_H
#define MS_MODEL_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/heap.h"
#include "model/history.h"
#include "model/series.h"

#define MS_NAME_MAX 256u

/* What the kernel tells of a thread; cumulative since its start. `have` says what was read. */
enum ms_thread_have {
    MS_HAVE_CPU = 1,       /* user_ns, system_ns, state, last_core, faults */
    MS_HAVE_RUN_QUEUE = 2, /* run_queue_wait_ns, and a finer cpu time in run_ns */
    MS_HAVE_SWITCHES = 4,
    MS_HAVE_IO = 8,
    MS_HAVE_MIGRATIONS = 16,
    MS_HAVE_NODE = 32,
    MS_HAVE_AFFINITY = 64,
    MS_HAVE_COUNTERS = 128 /* of the processor: cycles and instructions at least */
};

/* Counters of the processor in user mode, since counting began; one that it does not have is
 * MS_NO_COUNTER. Scaled by enabled_ns / running_ns when the processor had to share them out. */
#define MS_NO_COUNTER UINT64_MAX
struct ms_hardware_counters {
    uint64_t cycles, instructions;
    uint64_t cache_references, cache_misses; /* of the last level */
    uint64_t branches, branch_misses;
    uint64_t enabled_ns, running_ns;
};

struct ms_kernel_thread {
    uint32_t have;
    uint32_t refused; /* of enum ms_thread_have: the kernel does not let us see them (EACCES) */
    /* When it was read, by CLOCK_MONOTONIC; 0: not, or by who reads everything in every tick. */
    uint64_t often_read_ns;  /* CPU time and run queue */
    uint64_t stat_read_ns;   /* user and system time, faults, state, core */
    uint64_t slowly_read_ns; /* switches, migrations, I/O */
    uint64_t counters_read_ns;
    char state;             /* R S D T Z ..., 0 unknown */
    int32_t last_core;      /* -1 unknown */
    int32_t node;           /* NUMA node of that core, -1 unknown */
    uint32_t cores_allowed; /* by affinity */
    char affinity[32];      /* them as the kernel lists them, "0-3,8", cut at a comma if longer */
    uint64_t migrations;    /* from one core to another */
    struct ms_hardware_counters counters;
    uint64_t run_ns;
    uint64_t run_queue_wait_ns;
    uint64_t user_ns, system_ns;
    uint64_t minor_faults, major_faults;
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t read_calls, write_calls;
    uint64_t read_chars_bytes, write_chars_bytes;     /* by read(), write() and kin */
    uint64_t read_storage_bytes, write_storage_bytes; /* that reached a disk */
};

/* What adds up over threads and over processes: members of this and of struct ms_process_kernel. */
#define MS_KERNEL_SUMS(X)                                                                          \
    X(user_ns)                                                                                     \
    X(system_ns)                                                                                   \
    X(minor_faults)                                                                                \
    X(major_faults)                                                                                \
    X(voluntary_switches)                                                                          \
    X(involuntary_switches)                                                                        \
    X(read_calls)                                                                                  \
    X(write_calls)                                                                                 \
    X(read_chars_bytes)                                                                            \
    X(write_chars_bytes)                                                                           \
    X(read_storage_bytes)                                                                          \
    X(write_storage_bytes)

/*
 * What the probe counts of a thread's calls of I/O functions, by what they do.
 * X(id, json_name, what)
 */
/* clang-format off */
#define MS_IO_KINDS(X)                                                                             \
    X(READ,    "read",    "read and kin, of anything but sockets")                                 \
    X(WRITE,   "write",   "write and kin, to anything but sockets")                                \
    X(RECEIVE, "receive", "recv, read and kin, of sockets")                                        \
    X(SEND,    "send",    "send, write and kin, to sockets")                                       \
    X(SYNC,    "sync",    "fsync, fdatasync, msync and kin")                                       \
    X(OPEN,    "open",    "connect and accept")                                                    \
    X(POLL,    "poll",    "poll, select and epoll_wait: waiting for others, no I/O of its own")
/* clang-format on */
enum ms_io_kind {
#define MS_IO_KIND_ID(id, name, what) MS_IO_KIND_##id,
    MS_IO_KINDS(MS_IO_KIND_ID)
#undef MS_IO_KIND_ID
        MS_IO_KIND_TOTAL
};
const char *ms_io_kind_name(enum ms_io_kind kind); /* JSON */

struct ms_io_figures {
    uint64_t calls, bytes, errors;  /* exact; EAGAIN is an error of its own: not among them */
    uint64_t would_block;           /* calls that returned EAGAIN or EINPROGRESS */
    uint64_t messages;              /* received and sent: several by one recvmmsg or sendmmsg */
    uint64_t timed_calls, timed_ns; /* those whose time was taken; mean = timed_ns / timed_calls */
    double wait_ns; /* of all calls: estimated from the timed ones; NaN: none was timed */
};

struct ms_thread_io {
    bool have; /* else why: MS_SOURCE_PROBE_IO */
    bool in_flight;
    enum ms_io_kind in_flight_kind; /* the call that the thread, if alive, is in */
    uint64_t in_flight_since_ns;    /* when it began, or was seen first */
    struct ms_io_figures of[MS_IO_KIND_TOTAL];
};

/* Figures of several threads as of one, that is in no call. */
void ms_thread_io_add(struct ms_thread_io *sum, const struct ms_thread_io *io);

/* Per second, over the last second or so; NaN where the source is missing. */
struct ms_thread_rates {
    double cpu_pct; /* of one core */
    double user_pct, system_pct;
    double run_queue_wait_pct;
    double allocations_per_s;
    double bytes_allocated_per_s;
    double growth_bytes_per_s; /* change of current bytes */
    double io_calls_per_s;
    double io_bytes_per_s;
    double read_bytes_per_s, write_bytes_per_s;
    double io_wait_pct;      /* of wall time, in calls of I/O functions but poll and kin */
    double poll_wait_pct;    /* in poll and kin */
    double network_wait_pct; /* of io_wait_pct: in calls on sockets */
    double received_bytes_per_s, sent_bytes_per_s;
    double switches_per_s;
    double migrations_per_s;
    double minor_faults_per_s, major_faults_per_s;
    double cycles_per_s, instructions_per_s, cache_misses_per_s, branch_misses_per_s;
    double cache_references_per_s, branches_per_s;
    double temporary_per_s; /* allocations freed before the next one */
    double throttled_pct;   /* of a process: time that its control group was kept off all cores */
};

struct ms_thread {
    uint32_t id; /* of our own, from 1, never reused */
    uint32_t process_id;
    pid_t tid;
    char name[MS_NAME_MAX]; /* bytes as the program set them; may be empty */
    bool tracked;
    bool probed;                      /* the probe has a record of it; else only /proc knows it */
    uint64_t start_ns;                /* CLOCK_MONOTONIC */
    uint64_t end_ns;                  /* 0: alive */
    uint64_t last_seen_before_end_ns; /* how old the kernel figures are at the end; 0: final */
    struct ms_heap heap;
    uint64_t own_deallocations; /* of heap.deallocations: by itself. The rest others freed */
    uint64_t own_bytes_freed;
    uint64_t at_peak_bytes; /* derived: live of it at the peak of the process, see ms_peak */
    bool at_peak_known;
    struct ms_kernel_thread kernel;
    struct ms_thread_io io;
    struct ms_thread_rates rates;
    /* Appended once a tick by ms_model_tick_end. */
    struct ms_history *history[MS_SERIES_COUNT]; /* NULL entries: none yet, or dropped at the end */
    /* > 0: this stands for so many ended threads of this name: sums, the highest peak of one. */
    uint32_t merged;
    uint64_t merged_life_ns; /* sum of their lives; start_ns .. end_ns spans all of them */
};

/* From start to end (of merged ones: the sum), or until now; 0: not known. */
uint64_t ms_thread_life_ns(const struct ms_thread *thread, uint64_t now_ns);

#endif
