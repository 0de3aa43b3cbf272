/*
 * Events of a trace, each as it differs from the one before in its block: flags + 1, time, address,
 * bytes; unless they are the same process, thread and call site; unless it is the thread, who did
 * it. For src/record only.
 */
#ifndef MS_RECORD_TRACE_EVENTS_H
#define MS_RECORD_TRACE_EVENTS_H

#include "record/pack.h"
#include "record/recorder.h"

/* `before`: the event before, all 0 at the beginning of a block. */
void ms_trace_event_write(struct ms_pack *pack, const struct ms_trace_record *before,
                          const struct ms_trace_record *event);
/* Replaces *event, the one before, by the next. 1; 0: there is none; -EBADMSG. */
int ms_trace_event_read(struct ms_unpack *unpack, struct ms_trace_record *event);

#endif
