/* The process that a symbolizer runs in: starting, ending and what it used. */
#ifndef MS_COLLECT_SYMBOL_WORKER_H
#define MS_COLLECT_SYMBOL_WORKER_H

#include <stdint.h>
#include <sys/types.h>

#include "collect/symbolizer.h"

#define MS_SYMBOL_WORKER_SPACE_BYTES (UINT64_C(3) << 30) /* of address space that it may take */
#define MS_SYMBOL_WORKERS_MAX        64u /* that may be started one after the other */

struct ms_symbol_worker {
    pid_t pid;             /* -1: none */
    int socket;            /* non-blocking, -1: none */
    uint64_t ended_cpu_ns; /* of those that are gone */
    /* Killed, but not seen to end: a read from a dead network or FUSE mount cannot be broken off.
     */
    pid_t dying[MS_SYMBOL_WORKERS_MAX];
    unsigned dying_count;
};

/*
 * Another worker of the kind: a process that reads what may be hostile, runs `serve` on a
 * SOCK_SEQPACKET socket and may die or hang without harm to the session. Returns 0 or -errno; then
 * there is none.
 */
int ms_worker_start(struct ms_symbol_worker *worker, const char *name,
                    void (*serve)(int socket, const void *options), const void *options);
/* Returns 0 or -errno; then there is none. */
int ms_symbol_worker_start(struct ms_symbol_worker *worker,
                           const struct ms_symbolizer_options *options);
/* Kills it and never waits for its end; does nothing when there is none. */
void ms_symbol_worker_kill(struct ms_symbol_worker *worker);
/* Collects those that were killed, waiting for `timeout_ms` at most. */
void ms_symbol_worker_reap(struct ms_symbol_worker *worker, int timeout_ms);
/* Lets it write its cache first, for `timeout_ms` at most. */
void ms_symbol_worker_end(struct ms_symbol_worker *worker, int timeout_ms);
uint64_t ms_symbol_worker_cpu_ns(const struct ms_symbol_worker *worker); /* ended ones included */

#endif
