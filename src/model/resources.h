/*
 * What a process uses besides its heap, as the kernel tells: the parts of its memory, limits, its
 * control group, open files and connections. Filled by src/collect; NaN and `have` say what is
 * missing, and ms_model_source why.
 */
#ifndef MS_MODEL_RESOURCES_H
#define MS_MODEL_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_NO_LIMIT UINT64_MAX

/*
 * The parts of the memory map; each mapping is in exactly one.
 * X(id, json_name, heading, meaning)
 */
/* clang-format off */
#define MS_MEMORY_PARTS(X)                                                                         \
    X(HEAP,      "heap",      "heap",      "[heap] and what malloc mapped for its arenas") \
    X(ANONYMOUS, "anonymous", "mmap",      "anonymous: no arena, no stack, not ours")  \
    X(STACKS,    "stacks",    "stacks",    "stacks of threads")                                    \
    X(FILES,     "files",     "files",     "mapped files: programs, libraries, data")   \
    X(SHARED,    "shared",    "shared",    "shared memory: /dev/shm, memfd, System V")             \
    X(PROBE,     "probe",     "memscope",  "the probe: its region, its own mappings") \
    X(KERNEL,    "kernel",    "kernel",    "mapped by the kernel: vdso, vvar and the like")        \
    X(DEVICES,   "devices",   "devices",   "mapped devices, those of GPUs among them")
/* clang-format on */

enum ms_memory_part {
#define MS_MEMORY_PART_ID(id, name, heading, meaning) MS_MEMORY_PART_##id,
    MS_MEMORY_PARTS(MS_MEMORY_PART_ID)
#undef MS_MEMORY_PART_ID
        MS_MEMORY_PART_TOTAL
};
const char *ms_memory_part_name(enum ms_memory_part part); /* JSON */
const char *ms_memory_part_heading(enum ms_memory_part part);
const char *ms_memory_part_meaning(enum ms_memory_part part);

struct ms_memory_figures {
    uint64_t mapped_bytes, resident_bytes, proportional_bytes, private_bytes, swapped_bytes;
    uint32_t mappings;
};

struct ms_memory_map {
    bool have;
    uint64_t read_ns; /* by CLOCK_MONOTONIC */
    struct ms_memory_figures parts[MS_MEMORY_PART_TOTAL];
    struct ms_memory_figures all; /* the sum of the parts */
    /* What the probe knew of the heap at that time. */
    uint64_t live_bytes, live_blocks, rounding_bytes;
};

/*
 * The resident heap explained, in bytes; derived. resident = live + rounding + tags + free, each of
 * them as far as it is known; what the sum does not explain is `unexplained`, which may be negative
 * (figures are read one after the other; live blocks need not be resident).
 */
struct ms_heap_parts {
    bool have;
    uint64_t resident_bytes; /* of the part HEAP, and of blocks mapped one by one */
    uint64_t live_bytes;     /* requested and not freed */
    uint64_t rounding_bytes; /* waste of live blocks */
    uint64_t tags_bytes;     /* of ours, on live blocks; an upper bound */
    int64_t unexplained_bytes;
    double fragmentation; /* 1 - live / resident, at least 0 */
    const char *because;  /* why not, when it is not there: a literal */
};

struct ms_process;
/*
 * Of the time at which the map was read. Not of other allocators than glibc's, whose memory the
 * map does not tell from other anonymous memory, nor while only some of the threads are tracked.
 */
struct ms_heap_parts ms_heap_parts_of(const struct ms_process *process);
/* By the path of the object that malloc comes from. */
bool ms_path_is_of_glibc(const char *path);

struct ms_resource_limits { /* soft limits by setrlimit; MS_NO_LIMIT: none */
    bool have;
    uint64_t address_space_bytes, data_bytes, stack_bytes, resident_bytes, locked_bytes, file_bytes,
        core_bytes;
    uint64_t files, processes;
};

/* Pressure stall information: share of time in which some or all tasks stalled. NaN: not told. */
struct ms_stall {
    double some_avg10_pct, some_avg60_pct, full_avg10_pct, full_avg60_pct;
    uint64_t some_us, full_us; /* total since boot */
};
struct ms_pressure {
    bool have;
    struct ms_stall cpu, memory, io;
};

/*
 * Limits are the smallest of the group and those above it, MS_NO_LIMIT: none; what is used is of
 * the group that the limit stands at, which other processes may be in, too.
 */
struct ms_cgroup {
    bool have; /* any of these: */
    bool have_memory, have_swap, have_kills, have_cpu, have_throttling, have_processes;
    uint32_t version; /* 1 or 2: of the hierarchy that the memory limit is from */
    char path[256];   /* within the hierarchy; hostile */
    uint64_t memory_bytes, memory_max_bytes, memory_high_bytes, swap_bytes, swap_max_bytes;
    uint64_t out_of_memory_kills;
    double cpus; /* quota / period, NaN: no limit */
    uint64_t throttled_periods, periods, throttled_ns;
    uint64_t processes, processes_max;
    struct ms_pressure pressure;
};

struct ms_open_files {
    bool have;
    uint32_t all, files, sockets, pipes, others;
};

enum ms_connection_kind { MS_CONNECTION_TCP, MS_CONNECTION_UDP, MS_CONNECTION_UNIX };

/* One socket; texts are hostile. */
struct ms_connection {
    enum ms_connection_kind kind;
    uint32_t descriptor;
    char state[16]; /* "established", "listening", ... */
    char local[64], remote[64];
    uint64_t sent_bytes, received_bytes;       /* acknowledged, received in order; of TCP only */
    uint64_t sent_messages, received_messages; /* segments with data; of TCP only */
    uint64_t retransmitted;
    uint64_t send_queue_bytes, receive_queue_bytes;
    double round_trip_us, round_trip_min_us; /* NaN: not told */
};

#define MS_CONNECTIONS_KEPT 64u
struct ms_network {
    bool have;
    uint32_t established, listening, other_tcp, udp, unix_sockets;
    /* Of TCP connections seen, closed ones too; a short connection between two looks is missed. */
    uint64_t sent_bytes, received_bytes, retransmitted; /* one that processes share: at each */
    uint64_t connections_seen;
    double round_trip_us, round_trip_max_us; /* mean and highest of the open ones; NaN */
    uint64_t read_ns;                        /* rates are between two of these */
    size_t kept;                             /* of `connections`, those with the most bytes first */
    struct ms_connection *connections;       /* at most MS_CONNECTIONS_KEPT; NULL: none yet */
};

struct ms_resources {
    struct ms_memory_map map;
    struct ms_resource_limits limits;
    struct ms_cgroup cgroup;
    struct ms_open_files files;
    struct ms_network network;
};

#endif
