/*
 * When the kernel was asked about threads. Many have the same time in every tick, so those in a row
 * are told at once. Written form of a run: how many; position of the first as an i64 difference to
 * that of the run before; which times; the time, likewise. 0 ends them.
 */
#ifndef MS_RECORD_THREAD_TIMES_H
#define MS_RECORD_THREAD_TIMES_H

#include "model/model.h"
#include "record/pack.h"

struct ms_times_run { /* all 0: none yet */
    size_t first, count, last_first;
    unsigned which;
    uint64_t time_ns, last_time_ns;
};
/* Tells the times of the thread at a position that are not those of its shadow, and takes them over
 * into that. Positions ascend. */
void ms_thread_times_tell(struct ms_pack *pack, struct ms_times_run *run, size_t position,
                          struct ms_thread *shadow, const struct ms_thread *thread);
void ms_thread_times_end(struct ms_pack *pack, struct ms_times_run *run); /* the last run */

int ms_thread_times_read(struct ms_model *model, struct ms_unpack *unpack); /* 0 or -EBADMSG */

#endif
