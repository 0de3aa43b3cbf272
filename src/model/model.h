/*
 * The session as everybody right of the collector sees it: processes, threads, call sites and
 * their history. Filled by src/collect, read by analysis, screens and exports, which get it const.
 * No I/O, no clock: times are passed in. One thread uses a model.
 *
 * Strings live in the model and are arbitrary bytes from hostile sources: neutralise on output.
 * Pointers returned by lookups stay valid until the next call that adds a thing of that kind, or
 * ms_model_tick_end.
 */
#ifndef MS_MODEL_MODEL_H
#define MS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/activity.h"
#include "model/heap.h"
#include "model/histogram.h"
#include "model/history.h"
#include "model/machine.h"
#include "model/misuse.h"
#include "model/output.h"
#include "model/resources.h"
#include "model/series.h"
#include "model/source.h"
#include "model/tracking.h"
#include "model/value.h"

#define MS_ENDED_THREADS_MAX 10000u   /* kept one by one; older ones are merged by name */
#define MS_USAGES_MAX        1000000u /* past it ended threads are merged earlier */
#define MS_MERGED_NAMES_MAX                                                                        \
    1000u /* past it names are merged into the empty one of their process                          \
           */
/* Ended processes are kept one by one up to so many, with so many call sites of theirs together;
 * older ones are merged by executable, of which there are at most so many with a name. */
#define MS_ENDED_PROCESSES_MAX 1000u
#define MS_ENDED_SITES_MAX     200000u
#define MS_MERGED_PROGRAMS_MAX 200u
/* Of all merged processes together; past it stacks that are new are added to their root sites. */
#define MS_MERGED_SITES_MAX 50000u
#define MS_NAME_MAX         256u
#define MS_SECOND_NS        UINT64_C(1000000000)
#define MS_WINDOW_NS        (10 * MS_SECOND_NS) /* that judgements look back over */

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

/* One frame of a call stack, named as well as it can be at the moment. */
struct ms_frame {
    uint64_t address; /* return address in the process (in the first of several that share it) */
    uint64_t file_offset; /* address - 1 - load bias: what addr2line wants, plus nothing */
    const char *module;   /* path, "" = none (JIT) */
    const char *crate;    /* Rust: the crate of the function; "" = none or unknown */
    const char *function; /* demangled; "" until known: then show module+0xoffset */
    const char *file;     /* "" = unknown */
    uint32_t line;        /* 0 = unknown */
    uint32_t number;      /* of our own: ms_model_add_frame sets it, for the model only */
    uint32_t module_id;   /* of module.h, 0: none */
    const struct ms_frame *inlined_by; /* next outer frame at the same address, or NULL */
};

struct ms_chunks;

/*
 * A call site: one interned call stack of one process, or of all merged ones of an executable.
 * Frames are shared by all processes that run the same code: equal frame numbers are equal stacks,
 * whatever the process.
 */
struct ms_site {
    uint32_t id; /* of our own, from 1, never reused; may exceed the count of sites */
    uint32_t process_id;
    uint32_t depth;
    uint32_t flags;                 /* enum ms_site_flag */
    const uint32_t *frame_numbers;  /* innermost first; read them by ms_site_frame */
    const struct ms_chunks *frames; /* of the model */
    struct ms_heap heap; /* sum over threads; peak is an upper bound (sum of exact peaks) */
    /* Between the two last times that sites were read, if that is when it changed. */
    uint64_t changed_ns;
    float allocations_per_s, bytes_allocated_per_s;
    struct ms_work *work; /* sum over threads; NULL: nothing but memory */
};

enum ms_site_flag {
    MS_SITE_CUT_DEPTH = 1,
    MS_SITE_CUT_NO_CFI = 2,
    MS_SITE_COARSENED = 4,
    MS_SITE_ROOT = 8,         /* events counted without a stack: signal handler, tables full */
    MS_SITE_NOT_SAMPLED = 16, /* a root that holds what was left out of a sample: no call site */
    MS_SITE_RELEASE = 32,     /* blocks were released here, see misuse.h: all its figures are 0 */
    MS_SITE_ACTIVITY = 64     /* see activity.h */
};

/*
 * What one thread did at one site; exact, or of a sampled usage (`rate` is not 0) estimated from
 * the sample that `detail` knows. A thread has one for each rate that it was sampled at.
 */
struct ms_usage {
    uint32_t thread_id;
    uint32_t site_id;
    uint64_t allocations, deallocations;
    uint64_t bytes_allocated, bytes_freed;
    uint64_t peak_bytes;
    uint64_t waste_bytes;
    uint64_t temporary;
    uint64_t at_peak_bytes; /* live at the peak; read it by ms_usage_at_peak_bytes */
    uint32_t peak_epoch;    /* of what peak that is; of a later one it is what is live now */
    uint8_t rate;
    uint8_t size_home, lifetime_home; /* class + 1 of all events; 0: in the detail, or none */
    bool not_sampled; /* blocks that were left out of the sample: exact, but no call site's */
    struct ms_usage_detail *detail; /* NULL: nothing in it; see figures.h */
};

/* Blocks of from_thread freed by to_thread. */
struct ms_flow {
    uint32_t process_id;
    uint32_t from_thread; /* model ids; 0: a thread no longer told apart */
    uint32_t to_thread;
    uint64_t blocks, bytes;
};

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

/* The trace as this viewer read it. */
struct ms_trace {
    bool asked; /* this viewer reads it, or tries to */
    bool reading;
    char because[128]; /* why it is not read, "" when it is */
    uint64_t events, batches, packet_bytes;
    uint64_t missing; /* numbers of events that never came */
    uint64_t refused; /* packets that were no batch */
};

/* Sum of what the probes sent and lost, and what came: what a line about the trace needs. */
struct ms_trace_totals {
    bool any;
    uint64_t events; /* read here when this viewer reads, else sent */
    uint64_t lost;
    uint64_t packet_bytes;
    const char *because; /* "" when it goes on */
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

/* What adds up over threads and over processes, of struct ms_kernel_thread and ms_process_kernel.
 */
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
 * What people call a process: the first word of argv[0] without its folders ("redis-server", though
 * its file may be another; "postgres"), else its file; "?" when neither is known. Merged ones:
 * their file. Returns `out`, at most MS_PROCESS_NAME_MAX bytes. Not neutralised.
 */
#define MS_PROCESS_NAME_MAX 64
char *ms_process_name(const struct ms_process *process, char *out, size_t size);

/* From start to end (of merged ones: the sum), or until now; 0: not known. */
uint64_t ms_thread_life_ns(const struct ms_thread *thread, uint64_t now_ns);

struct ms_model; /* opaque; the arrays inside are reached by the functions below */

struct ms_model *ms_model_new(uint64_t interval_ns, uint64_t start_ns, uint64_t start_unix_ns);
void ms_model_free(struct ms_model *model); /* accepts NULL */

/* --- reading --- */
uint64_t ms_model_now_ns(const struct ms_model *model); /* time of the last tick */
uint64_t ms_model_start_ns(const struct ms_model *model);
uint64_t ms_model_start_unix_ns(const struct ms_model *model);
uint64_t ms_model_interval_ns(const struct ms_model *model);
/* Ticks so far; when ticks came late the missed ones count, so that tick * interval is time. */
uint64_t ms_model_ticks(const struct ms_model *model);
/* Number of the first tick there was; not 0 when the session was joined late. */
uint64_t ms_model_first_tick(const struct ms_model *model);
const struct ms_system *ms_model_system(const struct ms_model *model);
const struct ms_output *ms_model_output(const struct ms_model *model);
const struct ms_source_state *ms_model_source(const struct ms_model *model, enum ms_source source);

size_t ms_model_process_count(const struct ms_model *model);
const struct ms_process *ms_model_process(const struct ms_model *model, size_t index);
const struct ms_process *ms_model_process_by_id(const struct ms_model *model, uint32_t id);
/* The program itself: the first process, or what it became by exec. NULL: no process yet. */
const struct ms_process *ms_model_program(const struct ms_model *model);

/* Sums over the processes that lived at the time, MS_PROCESS_SERIES_COUNT of them, each NULL until
 * the first tick. What is of a control group is that of the largest one. */
const struct ms_history *const *ms_model_sum_history(const struct ms_model *model);

/* All threads, alive first in order of creation, then ended ones in order of their end. */
size_t ms_model_thread_count(const struct ms_model *model);
size_t ms_model_alive_count(const struct ms_model *model);
const struct ms_thread *ms_model_thread(const struct ms_model *model, size_t index);
const struct ms_thread *ms_model_thread_by_id(const struct ms_model *model, uint32_t id);

/*
 * The same rates over the last MS_WINDOW_NS or so, which judgements look at; of what is younger,
 * and of what has ended, over its life. Of a process: CPU time, faults, I/O, network and
 * allocations, which its ended threads are in, too. `span_ns` (may be NULL): how long that was, 0:
 * nothing is known yet.
 */
struct ms_thread_rates ms_model_thread_window(const struct ms_model *model,
                                              const struct ms_thread *thread, uint64_t *span_ns);
struct ms_thread_rates ms_model_process_window(const struct ms_model *model,
                                               const struct ms_process *process, uint64_t *span_ns);

/* Frame `index` (< depth) of a site, innermost first. */
const struct ms_frame *ms_site_frame(const struct ms_site *site, size_t index);
size_t ms_model_site_count(const struct ms_model *model);
const struct ms_site *ms_model_site(const struct ms_model *model, size_t index);
const struct ms_site *ms_model_site_by_id(const struct ms_model *model, uint32_t id);
/*
 * Which of ms_model_site it is, SIZE_MAX: it is gone. Sites are only ever added, at the end, until
 * some are merged with the processes of theirs: then ms_model_sites_version grows, and positions
 * are others; ids are not.
 */
size_t ms_model_site_position(const struct ms_model *model, uint32_t id);
uint64_t ms_model_sites_version(const struct ms_model *model);
/*
 * For who keeps something by position: where the site went that was at `position` until the last
 * merging, in the same order as before. SIZE_MAX: it is gone. Known to who has seen the version
 * before the present one, when ms_model_site_moves_known() of that; else begin anew.
 */
size_t ms_model_site_moved(const struct ms_model *model, size_t position);
bool ms_model_site_moves_known(const struct ms_model *model, uint64_t version);

size_t ms_model_usage_count(const struct ms_model *model);
const struct ms_usage *ms_model_usage(const struct ms_model *model, size_t index);
/* The first usage of a site (`previous` NULL) or the one after `previous`; NULL at the end. */
const struct ms_usage *ms_model_site_usage(const struct ms_model *model, uint32_t site_id,
                                           const struct ms_usage *previous);
/* The same over the usages of a thread; what was not sampled is among them. */
const struct ms_usage *ms_model_thread_usage(const struct ms_model *model, uint32_t thread_id,
                                             const struct ms_usage *previous);

/* What threads did at call stacks besides allocating, in no order. */
size_t ms_model_activity_count(const struct ms_model *model);
const struct ms_activity *ms_model_activity(const struct ms_model *model, size_t index);
/* The first of a thread (`previous` NULL) or the one after `previous`; NULL at the end. */
const struct ms_activity *ms_model_thread_activity(const struct ms_model *model, uint32_t thread_id,
                                                   const struct ms_activity *previous);
/* The same over those of a site. */
const struct ms_activity *ms_model_site_activity(const struct ms_model *model, uint32_t site_id,
                                                 const struct ms_activity *previous);

/* Grows whenever a site has work of this kind for the first time; see ms_model_sites_version, too.
 */
uint64_t ms_model_work_version(const struct ms_model *model, enum ms_work_kind kind);

/* Sites with MS_SITE_ACTIVITY. */
size_t ms_model_activity_site_count(const struct ms_model *model);
const struct ms_cpu_sampling *ms_model_cpu_sampling(const struct ms_model *model);

size_t ms_model_flow_count(const struct ms_model *model);
const struct ms_flow *ms_model_flow(const struct ms_model *model, size_t index);

/* By process, kind and the two sites; see misuse.h. */
size_t ms_model_misuse_count(const struct ms_model *model);
const struct ms_misuse *ms_model_misuse(const struct ms_model *model, size_t index);

/*
 * Grows whenever a frame got a name (a new one too), and when sites were merged: who keeps
 * something made of names or sites makes it anew then.
 */
uint64_t ms_model_names_version(const struct ms_model *model);
/*
 * For who writes names down: all frames by number, and the numbers of those that got names or
 * inlined ones, in that order (again when it happens again). When ms_model_names_unlisted grows,
 * any may have.
 */
size_t ms_model_frame_count(const struct ms_model *model);
const struct ms_frame *ms_model_frame(const struct ms_model *model, size_t number);
size_t ms_model_named_count(const struct ms_model *model);
uint32_t ms_model_named(const struct ms_model *model, size_t index);
uint64_t ms_model_names_unlisted(const struct ms_model *model);

const struct ms_trace *ms_model_trace(const struct ms_model *model);
struct ms_trace_totals ms_model_trace_totals(const struct ms_model *model);

/*
 * ms_tracking_text of the program, or if it has none of the first process that has, with its pid;
 * while anything lives, of what lives. NULL: everything is tracked exactly.
 */
const struct ms_process *ms_model_tracking_text(const struct ms_model *model, char *out,
                                                size_t size);

/* Sum over processes. */
void ms_model_totals(const struct ms_model *model, struct ms_heap *totals,
                     struct ms_losses *losses);

/*
 * The usages of one thread with the most `key` first, at most `capacity` into `out` (pointers valid
 * until the model changes). Returns how many there are in all. What was not sampled is none.
 */
enum ms_usage_key { MS_USAGE_CURRENT, MS_USAGE_PEAK, MS_USAGE_ALLOCATED, MS_USAGE_COUNT };
size_t ms_model_thread_usages(const struct ms_model *model, uint32_t thread_id,
                              enum ms_usage_key key, const struct ms_usage **out, size_t capacity);

/* --- writing: src/collect and tests only --- */
/* All add functions return the new object, or NULL without memory. */
/*
 * One with an `end_ns` has ended for good: past MS_ENDED_PROCESSES_MAX or MS_ENDED_SITES_MAX the
 * next ms_model_tick_end merges the oldest of them (never the program) by executable, with their
 * threads, sites, flows and misuse. Their ids are gone from then on, lookups of them give NULL;
 * their children become children of their parents.
 */
struct ms_process *ms_model_add_process(struct ms_model *model, uint32_t id);
struct ms_process *ms_model_process_mutable(struct ms_model *model, uint32_t id);
struct ms_thread *ms_model_add_thread(struct ms_model *model, uint32_t process_id);
struct ms_thread *ms_model_thread_mutable(struct ms_model *model, uint32_t id);
/*
 * Moves the thread to the ended ones. Past MS_ENDED_THREADS_MAX the next ms_model_tick_end merges
 * the oldest by process and name: their ids are gone from then on, lookups of them give NULL.
 */
void ms_model_end_thread(struct ms_model *model, uint32_t id, uint64_t end_ns);
struct ms_system *ms_model_system_mutable(struct ms_model *model);
struct ms_output *ms_model_output_mutable(struct ms_model *model);
/* `because` may be NULL when it is available; cut when too long. */
void ms_model_source_set(struct ms_model *model, enum ms_source source,
                         enum ms_source_condition condition, const char *because);
struct ms_trace *ms_model_trace_mutable(struct ms_model *model);

/* Interned string, alive as long as the model. NULL without memory. */
const char *ms_model_string(struct ms_model *model, const char *text);
/* Memory of all interned strings and frames. */
size_t ms_model_name_bytes(const struct ms_model *model);
/* A new frame, zeroed, alive as long as the model; the collector fills and later names it. */
struct ms_frame *ms_model_add_frame(struct ms_model *model);
/* The frames are those of this model; the list of them is copied. */
struct ms_site *ms_model_add_site(struct ms_model *model, uint32_t process_id,
                                  const struct ms_frame *const *frames, uint32_t depth,
                                  uint32_t flags);
/*
 * The usage of (thread, site), made when there is none; to be written before the next
 * ms_model_tick_end, which adds what changed to the site's sums (cost follows the usages touched in
 * the tick). NULL without memory and when the thread or the site is not known (merged).
 */
struct ms_usage *ms_model_usage_mutable(struct ms_model *model, uint32_t thread_id,
                                        uint32_t site_id);
struct ms_usage *ms_model_sampled_usage_mutable(struct ms_model *model, uint32_t thread_id,
                                                uint32_t site_id, uint8_t rate);
struct ms_cpu_sampling *ms_model_cpu_sampling_mutable(struct ms_model *model);
/*
 * Adds to what a thread did at a site, and to the sums of the site. -ENOMEM; -ESRCH when the thread
 * or the site is not known (merged: a site is to be added anew then).
 */
int ms_model_add_work(struct ms_model *model, uint32_t thread_id, uint32_t site_id,
                      const struct ms_work *work);
/* Made when there is none. NULL without memory and when a thread other than 0 is not known. */
struct ms_flow *ms_model_flow_mutable(struct ms_model *model, uint32_t process_id,
                                      uint32_t from_thread, uint32_t to_thread);

/* Made when there is none. NULL without memory. */
struct ms_misuse *ms_model_misuse_mutable(struct ms_model *model, uint32_t process_id,
                                          enum ms_misuse_kind kind, uint32_t allocated_site,
                                          uint32_t released_site);
/* After frames were named or their inlined ones changed: of one frame, or of whichever. */
void ms_model_frame_named(struct ms_model *model, const struct ms_frame *frame);
void ms_model_names_changed(struct ms_model *model);

/*
 * Ends a tick: sets the time, derives all rates from the counters of this and earlier ticks (the
 * window is one second, or the life so far of what is younger), site sums from the usages written
 * in this tick, and appends the histories. Rates of what has ended are NaN. Returns 0 or -ENOMEM:
 * then histories have gaps, counters and sums are right.
 */
int ms_model_tick_end(struct ms_model *model, uint64_t now_ns);

#endif
