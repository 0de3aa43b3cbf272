/*
 * What goes over the trace socket (SOCK_SEQPACKET, one batch per packet): a header, then
 * `event_count` events of one thread in the order of that thread.
 *
 * One socket serves all processes of a session: a header says who speaks. The events of a thread
 * are numbered from 0; a batch says the number of its first, so every gap is an exact number of
 * lost events. Between threads the times give the order: a free is stamped before the block goes
 * to the real free, an allocation after the real malloc gave it, so of two events with one address
 * the earlier is the first. A realloc is a free and an allocation.
 *
 * The reader trusts nothing: ms_trace_batch_check, then each event for itself.
 */
#ifndef MS_WIRE_TRACE_H
#define MS_WIRE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_TRACE_MAGIC   UINT32_C(0x4352544d) /* "MTRC" */
#define MS_TRACE_VERSION 1u

#define MS_TRACE_BUFFER_BYTES_MIN     4096u
#define MS_TRACE_BUFFER_BYTES_DEFAULT 65536u
#define MS_TRACE_BUFFER_BYTES_MAX     131072u /* a packet must fit the queue of a socket */

enum ms_trace_kind {
    MS_TRACE_MISSING, /* its place is kept, the event is lost */
    MS_TRACE_ALLOCATION,
    MS_TRACE_FREE
};

struct ms_trace_batch {
    uint32_t magic;
    uint32_t version;
    uint32_t pid;    /* as the process sees itself */
    uint32_t region; /* number of the region file, see MS_PROCESS_ID */
    uint32_t slot;
    uint32_t thread; /* index of the record in MS_AREA_THREADS */
    uint32_t serial; /* of the thread in its process */
    uint32_t event_count;
    uint64_t first_event; /* number of the first event here; the thread's first is 0 */
    uint64_t lost_events; /* of the process so far */
    uint64_t base_ns;     /* CLOCK_MONOTONIC of about the last event here */
};

/* Requested bytes in the low 56 bits, the kind in the top two; six bits between are the probe's. */
#define MS_TRACE_BYTES_BITS 56u
#define MS_TRACE_KIND_SHIFT 62u

struct ms_trace_event {
    uint64_t address;
    uint64_t bytes_and_kind;
    uint32_t context; /* index in MS_AREA_CONTEXTS; of a free: who owned the block, 0 unknown */
    uint32_t time_ns; /* low bits of CLOCK_MONOTONIC: within 2^31 ns of base_ns */
};

_Static_assert(sizeof(struct ms_trace_batch) == 56, "no padding");
_Static_assert(sizeof(struct ms_trace_event) == 24, "no padding");

#define MS_TRACE_EVENTS_MAX (MS_TRACE_BUFFER_BYTES_MAX / sizeof(struct ms_trace_event))

static inline uint64_t ms_trace_event_bytes(const struct ms_trace_event *event)
{
    return event->bytes_and_kind & ((UINT64_C(1) << MS_TRACE_BYTES_BITS) - 1);
}

/* A value of enum ms_trace_kind, or 3: not known to this version. */
static inline uint32_t ms_trace_event_kind(const struct ms_trace_event *event)
{
    return (uint32_t)(event->bytes_and_kind >> MS_TRACE_KIND_SHIFT);
}

static inline uint64_t ms_trace_event_time_ns(const struct ms_trace_batch *batch,
                                              const struct ms_trace_event *event)
{
    return batch->base_ns + (uint64_t)(int64_t)(int32_t)(event->time_ns - (uint32_t)batch->base_ns);
}

/* Is a packet of `bytes` bytes a batch of this version with as many events as it says? */
static inline bool ms_trace_batch_check(const void *packet, size_t bytes)
{
    const struct ms_trace_batch *batch = packet;
    return bytes >= sizeof *batch && batch->magic == MS_TRACE_MAGIC &&
           batch->version == MS_TRACE_VERSION && batch->event_count <= MS_TRACE_EVENTS_MAX &&
           bytes == sizeof *batch + batch->event_count * sizeof(struct ms_trace_event);
}

#endif
