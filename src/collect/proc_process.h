/* What /proc/PID tells of one process. */
#ifndef MS_COLLECT_PROC_PROCESS_H
#define MS_COLLECT_PROC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/proc_file.h"
#include "model/model.h"

/* Descriptors of folders name the process itself, not its number: a reused pid is not it. */
struct ms_proc_process {
    pid_t pid;
    int folder; /* /proc/PID, -1: not reachable */
    int tasks;  /* /proc/PID/task */
    int stat, statm, status, io, smaps_rollup;
    uint64_t start_ticks; /* of the process, since boot; 0 unknown */
    uint64_t run_ns;      /* CPU time of all its threads ever, to the nanosecond; 0 unknown */
    uint32_t threads;     /* alive; 0 unknown */
    bool zombie;
};

/* Returns 0, or -errno: then the process is not there, or not ours to look at. */
int ms_proc_process_open(struct ms_proc_process *files, pid_t pid);
void ms_proc_process_close(struct ms_proc_process *files, struct ms_descriptor_budget *budget);

/* CPU time of all its threads ever, to the nanosecond; 0: unknown. */
uint64_t ms_proc_process_run_ns(const struct ms_proc_process *files);

/* The parent of a process now; 0: it is not there. */
pid_t ms_proc_parent(pid_t pid);

enum ms_proc_depth {
    MS_PROC_QUICK,  /* CPU, RSS, faults, I/O */
    MS_PROC_STATUS, /* and the peak of RSS */
    MS_PROC_MAPS    /* and PSS, which takes the target's mmap lock: once a second at most */
};

/* Returns 0, or -ESRCH when the process is gone. What cannot be read leaves its figure as it was.
 */
int ms_proc_process_read(struct ms_proc_process *files, struct ms_descriptor_budget *budget,
                         enum ms_proc_depth depth, struct ms_process_kernel *kernel);

/*
 * Other than before when the process has run or its memory has another size: while it is the same
 * the mappings, which are dear to read, hardly changed (by other processes at most).
 */
uint64_t ms_proc_memory_mark(const struct ms_process_kernel *kernel);

/* Path of the executable ("" unknown) and argv joined by NUL bytes; returns its bytes. */
void ms_proc_process_exe(const struct ms_proc_process *files, char *exe, size_t size);
size_t ms_proc_process_arguments(const struct ms_proc_process *files, char *text, size_t size);

/*
 * Thread ids of the process, ascending, into *tids (grown by realloc, *capacity elements). Returns
 * how many, or -errno.
 */
ssize_t ms_proc_process_tids(const struct ms_proc_process *files, pid_t **tids, size_t *capacity);

#endif
