/* How much of a process is seen, and in words why not all: `seen` and `seen_because`. */
#ifndef MS_COLLECT_SEEN_H
#define MS_COLLECT_SEEN_H

#include "collect/target.h"
#include "wire/clock.h"

/* A probe that has not begun by then is not there. */
#define MS_PROBE_START_NS MS_NS_PER_S

void ms_say_seen(struct ms_process *process, enum ms_seen seen, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Judges by what the header of its region says now. May open the executable, once. */
void ms_judge_seen(struct ms_target *target, struct ms_process *process,
                   const struct ms_region_facts *facts, uint64_t now_ns);

#endif
