/*
 * The threads of one process: the probe's records joined with /proc/PID/task by thread id. A thread
 * that only one of the two knows is a thread as well.
 */
#ifndef MS_COLLECT_THREADS_H
#define MS_COLLECT_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/proc_process.h"
#include "collect/region_reader.h"
#include "collect/thread_sources.h"
#include "model/model.h"

struct ms_watched_threads; /* opaque */

struct ms_watched_threads *ms_watched_threads_new(uint32_t process_id); /* NULL: no memory */
void ms_watched_threads_free(struct ms_watched_threads *threads,
                             struct ms_descriptor_budget *budget); /* accepts NULL */
/* Before anything is read: what it shares with other processes, and outlives it. Without it nobody
 * is told what sources give, and the processor counts nothing. */
void ms_watched_threads_share(struct ms_watched_threads *threads,
                              struct ms_thread_sources *sources);

/*
 * Reads the records that changed: those of living threads, with `all` those of ended ones too,
 * whose blocks others go on freeing. Returns 0 or -ENOMEM.
 */
int ms_watched_threads_records(struct ms_watched_threads *threads, struct ms_model *model,
                               struct ms_descriptor_budget *budget,
                               const struct ms_region_view *view, uint64_t now_ns, bool all);

/*
 * Lists and reads the threads in /proc; `tick` counts the calls. `view` of the process may be NULL:
 * with it no thread is taken over from the moment on that the process has called exec, when what
 * /proc lists is the next program's; unless it `executed` so long ago that it goes on as that.
 * Returns 0 or -ENOMEM.
 */
int ms_watched_threads_proc(struct ms_watched_threads *threads, struct ms_model *model,
                            struct ms_descriptor_budget *budget,
                            const struct ms_proc_process *process,
                            const struct ms_region_view *view, bool executed, uint64_t now_ns,
                            uint64_t tick);

/*
 * The first thread, `pid`, goes on as that of another program: what the kernel counted of it in
 * `older` is taken off from now on.
 */
void ms_watched_threads_inherit(struct ms_watched_threads *threads,
                                const struct ms_watched_threads *older,
                                const struct ms_model *model, pid_t pid);

/* What /proc showed since the process called exec was of another one: names are as before. */
void ms_watched_threads_executed(struct ms_watched_threads *threads, struct ms_model *model);

/* Who freed whose blocks, from the records. */
void ms_watched_threads_flows(struct ms_watched_threads *threads, struct ms_model *model,
                              const struct ms_region_view *view);

/*
 * The process ended: so do all threads that have not. Files in /proc are closed. `usage` of the
 * whole process (NULL unknown) is that of its thread, when it never had another.
 */
void ms_watched_threads_end(struct ms_watched_threads *threads, struct ms_model *model,
                            struct ms_descriptor_budget *budget, uint64_t end_ns,
                            const struct ms_final_usage *usage);

struct ms_threads_sum {
    struct ms_heap heap; /* of the records there are; peak_bytes: the highest of one thread */
    uint32_t alive;
    uint64_t ever;                                     /* threads there have been */
    uint64_t voluntary_switches, involuntary_switches; /* of threads read so far */
};
void ms_watched_threads_sum(const struct ms_watched_threads *threads, const struct ms_model *model,
                            struct ms_threads_sum *sum);

/* Thread of the model that uses this record now, 0: none. */
uint32_t ms_watched_threads_of_record(const struct ms_watched_threads *threads, uint32_t record);
/* Thread of the model whose record has, or had, this serial, 0: none yet. It may be merged. */
uint32_t ms_watched_threads_of_serial(const struct ms_watched_threads *threads, uint32_t serial);

#endif
