/*
 * What the files of threads share: a thread as the probe's record and /proc are joined in it.
 * threads.c has its life, threads_records.c and threads_proc.c what fills it from either side,
 * threads_exec.c what a program inherits from the one before. For src/collect/threads*.c only.
 */
#ifndef MS_COLLECT_THREADS_WATCHED_H
#define MS_COLLECT_THREADS_WATCHED_H

#include "collect/id_map.h"
#include "collect/proc_thread.h"
#include "collect/threads.h"

/*
 * What of an entry of a flow table is in the model under the owner's name. It stays there when the
 * owner is merged with others of its name: only what comes later is of no known owner.
 */
struct ms_credited_flow {
    uint32_t serial;
    uint64_t blocks, bytes;
};

struct ms_watched_thread {
    uint32_t model_id;
    uint32_t record; /* 0: only /proc knows it */
    uint32_t serial;
    pid_t tid;
    bool ended;
    bool present; /* listed in `present` */
    bool flows_changed;
    bool flow_of_unknown; /* some of its flows were of owners that were not known at the time */
    struct ms_credited_flow *credited; /* MS_FLOW_ENTRIES + 1; NULL: it has freed for nobody yet */
    uint32_t name_version;
    uint64_t change; /* of the record, when it was read */
    struct ms_heap heap;
    struct ms_proc_thread files;
    uint64_t start_ticks;
    uint64_t gone_ns;     /* when /proc had it no longer, and no record had told of it; 0: it has */
    uint64_t read_ns;     /* last read of /proc; 0: never */
    uint32_t quiet_reads; /* in a row that showed that it had not run */
};

struct ms_watched_threads {
    uint32_t process_id;
    struct ms_watched_thread **by_record; /* index: record */
    uint32_t record_count;
    struct ms_watched_thread *
        *present; /* alive, or ended a moment ago and maybe still in /proc; by tid */
    size_t present_count, present_capacity;
    size_t sorted_count;        /* of `present`: those behind are new */
    struct ms_id_map by_serial; /* serial of a record -> thread of the model */
    pid_t *tids;
    size_t tid_capacity;
    uint32_t listed; /* how many the process had when they were listed */
    uint64_t ended_voluntary, ended_involuntary;
    uint64_t ever;
    struct ms_thread_sources *sources; /* of all processes, or these: */
    struct ms_thread_sources alone;
    uint64_t run_ns;      /* of the process at the last tick */
    uint32_t still_ticks; /* in a row in which that stood still */
    /* How often each thread is read: ticks since then, when `turns` of them read all. */
    uint64_t rate_since_ns;
    uint32_t rate_ticks, turns;
    /* The name of the thread that /proc names after the program that it executed, until then. */
    struct {
        uint32_t model_id; /* 0: there was none */
        char name[MS_NAME_MAX];
    } before_exec;
    pid_t inherited_tid; /* of the first thread, when the program was executed by another; 0: not */
    struct ms_kernel_thread inherited;
};

/* A time that was told, as far as it can be: 0 or the future is now. */
static inline uint64_t ms_not_after(uint64_t time_ns, uint64_t now_ns)
{
    return time_ns == 0 || time_ns > now_ns ? now_ns : time_ns;
}

/* A new thread of the model; `tid` 0: not known, else it is listed in `present`. NULL: no memory.
 */
struct ms_watched_thread *ms_watched_thread_new(struct ms_watched_threads *threads,
                                                struct ms_model *model, pid_t tid,
                                                uint64_t start_ns);
/* Of those listed in order, NULL: none. */
struct ms_watched_thread *ms_watched_thread_find(const struct ms_watched_threads *threads,
                                                 pid_t tid);
/* `usage` NULL: the thread could not say; what was read last stays, with its age. */
void ms_watched_thread_end(struct ms_watched_threads *threads, struct ms_model *model,
                           struct ms_descriptor_budget *budget, struct ms_watched_thread *watched,
                           uint64_t end_ns, const struct ms_final_usage *usage);
/* Frees it when it is neither listed nor of a record any more. */
void ms_watched_thread_free_unused(const struct ms_watched_threads *threads,
                                   struct ms_watched_thread *watched);
/* `size` of the array `name`, smaller than that of the model. */
void ms_watched_thread_name(struct ms_thread *thread, const char *name, size_t size);

/* What is shown and what /proc says differ by what was inherited: from one to the other and back.
 */
void ms_watched_to_raw(const struct ms_watched_threads *threads, pid_t tid,
                       struct ms_kernel_thread *kernel);
void ms_watched_to_own(const struct ms_watched_threads *threads, pid_t tid,
                       struct ms_kernel_thread *kernel);
/* Takes the name that /proc shows. `exec`: the process has called it, and may go on as another one
 * that we shall hear of. */
void ms_watched_take_name(struct ms_watched_threads *threads, struct ms_thread *thread,
                          const char *name, size_t size, bool exec);

#endif
