/* What /proc/PID/task/TID tells of one thread. */
#ifndef MS_COLLECT_PROC_THREAD_H
#define MS_COLLECT_PROC_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/proc_file.h"
#include "model/model.h"

struct ms_proc_thread { /* kept descriptors, -1: none */
    int schedstat, stat, status, io;
    bool moved; /* the thread ran since status and io were read */
};

/* Nothing is opened yet. */
void ms_proc_thread_init(struct ms_proc_thread *files);
void ms_proc_thread_close(struct ms_proc_thread *files, struct ms_descriptor_budget *budget);

/*
 * Reads schedstat, then stat when the thread ran since `kernel` was filled, or always with `full`,
 * which adds switches and I/O if it ran. `tasks` is a descriptor of /proc/PID/task. `name` (64
 * bytes) and *start_ticks are set when stat was read. Returns 0, or -ESRCH when the thread is gone.
 */
int ms_proc_thread_read(struct ms_proc_thread *files, struct ms_descriptor_budget *budget,
                        int tasks, pid_t tid, bool full, struct ms_kernel_thread *kernel,
                        char *name, uint64_t *start_ticks);

#endif
