/*
 * Where the wall time of a thread, or of all threads of a process, went over the last MS_WINDOW_NS
 * (the life of what has ended): what efficiency and bottlenecks are judged by. Pure; the formulas
 * are in TIME of memscope-top(7). For src/analysis and tests.
 *
 * Times are in seconds for each second of wall time: of a thread 0 to 1, of a process up to the
 * number of its threads. NaN: not known.
 */
#ifndef MS_ANALYSIS_TIME_USE_H
#define MS_ANALYSIS_TIME_USE_H

#include "model/model.h"

struct ms_time_use {
    uint64_t span_ns;         /* that it is over; 0: nothing is known yet */
    uint32_t threads;         /* that it is over: ended ones, too */
    double presence;          /* of them, at a time, on average */
    double cpu, user, system; /* on a core */
    double run_queue;         /* runnable without a core */
    double files, sockets;    /* in calls, on a core or not, the one it is in now included */
    double poll;
    /* At least so much of the calls was off a core: what their length exceeds kernel time by. */
    double files_blocked, sockets_blocked;
    double computing; /* at least: CPU time without all kernel time that calls can explain */
    /* A second. */
    double allocations, temporary, minor_faults, major_faults;
    double io_calls, io_bytes, socket_bytes, switches;
};

struct ms_time_use ms_time_use_of_thread(const struct ms_model *model,
                                         const struct ms_thread *thread);
/* Times add up over its threads, each figure over those that have it, by how long each lived in
 * that time; counts, and the CPU time of one that has ended, are the process's own. */
struct ms_time_use ms_time_use_of_process(const struct ms_model *model,
                                          const struct ms_process *process);

#endif
