/* The processes of the session: who lives, how it ended, what it used up to then. */
#ifndef MS_KEEPER_PROCESSES_H
#define MS_KEEPER_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "keeper/session.h"

/* Own figures of one process out of /proc/PID/stat. */
struct ms_stat_figures {
    char state;
    uint64_t user_ticks, system_ticks, waited_user_ticks, waited_system_ticks;
    uint64_t minor_faults, major_faults, waited_minor_faults;
    uint64_t birth_ticks; /* since boot */
    uint64_t virtual_bytes;
    uint64_t environment_end; /* address; 0 within execve, too when we may not know */
    int64_t exit_code;        /* of a zombie, as waitpid tells it; 0 too when we may not know */
};

/* Reads /proc/PID/stat. Returns 0 or -errno. */
int ms_process_stat(pid_t pid, struct ms_stat_figures *figures);

/*
 * Starts to watch the process `pid` in `slot` of `file`; `claimed_ns` is when it says it began (0
 * unknown). An older watch of the same pid is replaced: it has executed something.
 */
void ms_processes_watch(struct ms_keeper *keeper, struct ms_region_file *file, uint32_t slot,
                        pid_t pid, uint64_t claimed_ns);

/* A pidfd became readable, or the timer asks: has the process ended? */
void ms_processes_check(struct ms_keeper *keeper, uint32_t process_id);

/* The timer: processes that are watched without a descriptor. */
void ms_processes_check_all(struct ms_keeper *keeper);

/* The program ended (SIGCHLD): reads its figures, reaps it, records its end. */
void ms_processes_reap(struct ms_keeper *keeper);

/*
 * Looks for processes of the tree that count nowhere yet: forked a moment ago (they map a region
 * file of ours) or about to be given one (the session is in their environment). Those found are
 * watched as strays. Reads /proc of all processes younger than the session. Returns how many, with
 * those that are within execve and may turn out to be of the tree: they are to be looked at again.
 */
uint32_t ms_processes_find_strays(struct ms_keeper *keeper);
void ms_processes_stray_ended(struct ms_keeper *keeper, uint32_t index);
uint32_t ms_processes_strays(const struct ms_keeper *keeper);

/* Sends `signal` to a process, id 0: see MS_MSG_SIGNAL. Returns 0 or -errno. */
int ms_processes_signal(struct ms_keeper *keeper, uint32_t process_id, int signal);

#endif
