/* What the kernel tells of one thread: /proc/PID/task/TID, and counters of the processor. */
#ifndef MS_COLLECT_PROC_THREAD_H
#define MS_COLLECT_PROC_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/hardware_counters.h"
#include "collect/proc_file.h"
#include "collect/thread_sources.h"
#include "model/model.h"

/* Beyond schedstat; each only when the thread ran since it was read, but for the last. */
enum ms_thread_depth {
    MS_THREAD_QUICK = 0,
    MS_THREAD_STAT = 1,    /* where there is no schedstat, in any case */
    MS_THREAD_FULL = 2,    /* sched and io: switches, migrations */
    MS_THREAD_STATUS = 4,  /* affinity; and switches, where there is no sched, then with FULL */
    MS_THREAD_COUNTED = 8, /* counters of the processor */
    MS_THREAD_ANYWAY = 16  /* stat: others name it, and who waits for a core has not run */
};

struct ms_proc_thread { /* kept descriptors, -1: none */
    int schedstat, stat, status, io, sched;
    unsigned due; /* of enum ms_thread_depth: it ran since that was read */
    struct ms_thread_counting counting;
};

/* Where and for whom it is read. */
struct ms_proc_thread_place {
    struct ms_descriptor_budget *budget;
    struct ms_thread_sources *sources;
    const struct ms_system *system; /* nodes of cores; NULL: not known */
    int tasks;                      /* descriptor of /proc/PID/task */
    pid_t tid;
    uint64_t now_ns;
};

/* Nothing is opened yet. */
void ms_proc_thread_init(struct ms_proc_thread *files);
void ms_proc_thread_close(struct ms_proc_thread *files, struct ms_descriptor_budget *budget,
                          struct ms_thread_sources *sources);

/*
 * `depth` joins enum ms_thread_depth. `name` (64 bytes) and *start_ticks are set when stat was
 * read. Returns 0, or -ESRCH when the thread is gone.
 */
int ms_proc_thread_read(struct ms_proc_thread *files, const struct ms_proc_thread_place *place,
                        unsigned depth, struct ms_kernel_thread *kernel, char *name,
                        uint64_t *start_ticks);

#endif
