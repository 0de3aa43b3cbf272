/*
 * Events of the trace in ids of the model. A thread, a process or a call site may be traced before
 * it was read: batches wait for the next reading, and those of a process that has ended are handed
 * on before what is known of it is let go.
 *
 * One thread at a time.
 */
#ifndef MS_COLLECT_TRACE_RECORDS_H
#define MS_COLLECT_TRACE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/process_tree.h"
#include "model/trace.h"
#include "wire/trace.h"

struct ms_trace_records; /* opaque */

typedef void ms_trace_records_taker(void *context, const struct ms_trace_record *events,
                                    size_t count);
/* NULL: no memory. */
struct ms_trace_records *ms_trace_records_new(ms_trace_records_taker *taker, void *context);
void ms_trace_records_free(struct ms_trace_records *records); /* accepts NULL */

/* What ids are found in. */
struct ms_trace_room {
    struct ms_model *model;
    struct ms_symbols *symbols; /* NULL: none */
};

/* Keeps a batch. Without memory -ENOMEM: nothing of it is kept. */
int ms_trace_records_add(struct ms_trace_records *records, const struct ms_trace_batch *batch,
                         const struct ms_trace_event *events);
/* So much waits that all is to be read now. */
bool ms_trace_records_full(const struct ms_trace_records *records);

/* Hands on what waits, all of it. `tree` was read just now. */
void ms_trace_records_give(struct ms_trace_records *records, const struct ms_trace_room *room,
                           const struct ms_process_tree *tree);
/* Only what is of one process. */
void ms_trace_records_give_of(struct ms_trace_records *records, const struct ms_trace_room *room,
                              const struct ms_target *target);

#endif
