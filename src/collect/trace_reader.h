/*
 * Reads the batches of the trace socket and counts them. The senders are processes that may be
 * damaged or hostile: a packet that is no batch counts as refused, nothing in one is believed
 * further than its own counts, and what is remembered of threads is bounded.
 *
 * One thread at a time. Never waits.
 */
#ifndef MS_COLLECT_TRACE_READER_H
#define MS_COLLECT_TRACE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "wire/trace.h"

#define MS_TRACE_THREADS_MAX 65536u /* told apart; the events of others are only counted */

struct ms_trace_reader; /* opaque; owns its descriptor */

/* What was read so far. */
struct ms_trace_counts {
    uint64_t batches;
    uint64_t packet_bytes;
    uint64_t allocations, frees;
    uint64_t lost;    /* gaps in the numbers of a thread's events, and places marked as missing */
    uint64_t refused; /* packets that were no batch, or went back in the numbers of their thread */
    uint32_t threads;
};

/* What was read of one thread, as its numbers tell. */
struct ms_trace_thread {
    uint32_t region, slot, thread, serial; /* as in the batch; serial 0: no thread yet */
    uint64_t next_event;                   /* number of the event that comes next */
    uint64_t allocations, frees, lost;
};

/* NULL: no memory. */
struct ms_trace_reader *ms_trace_reader_new(void);
void ms_trace_reader_free(struct ms_trace_reader *reader); /* accepts NULL */

/* Takes over the reading end, an older one is closed. */
void ms_trace_reader_open(struct ms_trace_reader *reader, int descriptor);
int ms_trace_reader_descriptor(const struct ms_trace_reader *reader); /* to poll; -1: none */

/* Batches that count are handed on, too, as they come: `events` are batch->event_count, of any
 * kind. NULL: not. */
typedef void ms_trace_taker(void *context, const struct ms_trace_batch *batch,
                            const struct ms_trace_event *events);
void ms_trace_reader_hand_on(struct ms_trace_reader *reader, ms_trace_taker *taker, void *context);

/* Reads what is there, at most about `limit_bytes`. Returns 0, or -errno when the socket is of no
 * use any more: it is closed then. */
int ms_trace_reader_read(struct ms_trace_reader *reader, size_t limit_bytes);

/* Counts one packet; `packet` is aligned for a batch. */
void ms_trace_reader_take(struct ms_trace_reader *reader, const void *packet, size_t bytes);

const struct ms_trace_counts *ms_trace_reader_counts(const struct ms_trace_reader *reader);
/* NULL: nothing was read of this thread, or too many are known. */
const struct ms_trace_thread *ms_trace_reader_thread(const struct ms_trace_reader *reader,
                                                     uint32_t region, uint32_t slot,
                                                     uint32_t thread, uint32_t serial);

#endif
