/* See trace_reader.h. */
#include "collect/trace_reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_BYTES_MAX                                                                           \
    (sizeof(struct ms_trace_batch) + MS_TRACE_EVENTS_MAX * sizeof(struct ms_trace_event))
#define TABLE_START 256u

struct ms_trace_reader {
    int descriptor;
    struct ms_trace_counts counts;
    struct ms_trace_thread *threads; /* hashed, open addressing */
    uint32_t capacity;               /* power of two */
    ms_trace_taker *taker;           /* NULL: nobody wants the events */
    void *taker_context;
    _Alignas(8) unsigned char packet[PACKET_BYTES_MAX];
};

struct ms_trace_reader *ms_trace_reader_new(void)
{
    struct ms_trace_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return NULL;
    }
    reader->descriptor = -1;
    reader->capacity = TABLE_START;
    reader->threads = calloc(reader->capacity, sizeof *reader->threads);
    if (reader->threads == NULL) {
        free(reader);
        return NULL;
    }
    return reader;
}

void ms_trace_reader_open(struct ms_trace_reader *reader, int descriptor)
{
    if (reader->descriptor >= 0) {
        close(reader->descriptor);
    }
    reader->descriptor = descriptor;
}

void ms_trace_reader_free(struct ms_trace_reader *reader)
{
    if (reader != NULL) {
        ms_trace_reader_open(reader, -1);
        free(reader->threads);
        free(reader);
    }
}

void ms_trace_reader_hand_on(struct ms_trace_reader *reader, ms_trace_taker *taker, void *context)
{
    reader->taker = taker;
    reader->taker_context = context;
}

int ms_trace_reader_descriptor(const struct ms_trace_reader *reader)
{
    return reader->descriptor;
}

const struct ms_trace_counts *ms_trace_reader_counts(const struct ms_trace_reader *reader)
{
    return &reader->counts;
}

/* The place of a thread, or the free one where it belongs. The table is never full. */
static struct ms_trace_thread *find(struct ms_trace_thread *threads, uint32_t capacity,
                                    const struct ms_trace_thread *key)
{
    uint64_t hash = (uint64_t)key->region << 32 | key->slot;
    hash = (hash * UINT64_C(0x9e3779b97f4a7c15)) ^ ((uint64_t)key->serial << 32 | key->thread);
    hash *= UINT64_C(0xbf58476d1ce4e5b9);
    for (uint32_t at = (uint32_t)(hash >> 32);; at++) {
        struct ms_trace_thread *place = &threads[at & (capacity - 1)];
        if (place->serial == 0 || (place->serial == key->serial && place->thread == key->thread &&
                                   place->slot == key->slot && place->region == key->region)) {
            return place;
        }
    }
}

const struct ms_trace_thread *ms_trace_reader_thread(const struct ms_trace_reader *reader,
                                                     uint32_t region, uint32_t slot,
                                                     uint32_t thread, uint32_t serial)
{
    const struct ms_trace_thread key = {
        .region = region, .slot = slot, .thread = thread, .serial = serial};
    const struct ms_trace_thread *place = find(reader->threads, reader->capacity, &key);
    return serial == 0 || place->serial == 0 ? NULL : place;
}

static bool grow(struct ms_trace_reader *reader)
{
    uint32_t capacity = reader->capacity * 2;
    struct ms_trace_thread *threads = calloc(capacity, sizeof *threads);
    if (threads == NULL) {
        return false;
    }
    for (uint32_t at = 0; at < reader->capacity; at++) {
        if (reader->threads[at].serial != 0) {
            *find(threads, capacity, &reader->threads[at]) = reader->threads[at];
        }
    }
    free(reader->threads);
    reader->threads = threads;
    reader->capacity = capacity;
    return true;
}

/* What is known of the thread of a batch; NULL: it is not told apart from others. */
static struct ms_trace_thread *thread_of(struct ms_trace_reader *reader,
                                         const struct ms_trace_batch *batch)
{
    const struct ms_trace_thread key = {.region = batch->region,
                                        .slot = batch->slot,
                                        .thread = batch->thread,
                                        .serial = batch->serial,
                                        .next_event = batch->first_event};
    if (batch->serial == 0) {
        return NULL;
    }
    struct ms_trace_thread *place = find(reader->threads, reader->capacity, &key);
    if (place->serial != 0) {
        return place;
    }
    if (reader->counts.threads == MS_TRACE_THREADS_MAX ||
        (reader->counts.threads >= reader->capacity / 2 && !grow(reader))) {
        return NULL;
    }
    reader->counts.threads++;
    place = find(reader->threads, reader->capacity, &key);
    *place = key; /* what came before its first batch here went to another reader, or the probe
                     counted it */
    return place;
}

void ms_trace_reader_take(struct ms_trace_reader *reader, const void *packet, size_t bytes)
{
    struct ms_trace_counts *counts = &reader->counts;
    const struct ms_trace_batch *batch = packet;
    if (!ms_trace_batch_check(packet, bytes) ||
        batch->first_event > UINT64_MAX - MS_TRACE_EVENTS_MAX) {
        counts->refused++;
        return;
    }
    struct ms_trace_thread *thread = thread_of(reader, batch);
    struct ms_trace_thread none = {.next_event = batch->first_event};
    if (thread == NULL) {
        thread = &none;
    }
    if (batch->first_event < thread->next_event) {
        counts->refused++;
        return;
    }
    uint64_t of_kind[4] = {batch->first_event - thread->next_event};
    const struct ms_trace_event *events = (const struct ms_trace_event *)(batch + 1);
    for (uint32_t at = 0; at < batch->event_count; at++) {
        of_kind[ms_trace_event_kind(&events[at])]++;
    }
    thread->next_event = batch->first_event + batch->event_count;
    thread->allocations += of_kind[MS_TRACE_ALLOCATION];
    thread->frees += of_kind[MS_TRACE_FREE];
    thread->lost += of_kind[MS_TRACE_MISSING] + of_kind[3];
    counts->batches++;
    counts->packet_bytes += bytes;
    counts->allocations += of_kind[MS_TRACE_ALLOCATION];
    counts->frees += of_kind[MS_TRACE_FREE];
    counts->lost += of_kind[MS_TRACE_MISSING] + of_kind[3];
    if (reader->taker != NULL) {
        reader->taker(reader->taker_context, batch, events);
    }
}

int ms_trace_reader_read(struct ms_trace_reader *reader, size_t limit_bytes)
{
    size_t done = 0;
    while (reader->descriptor >= 0 && done < limit_bytes) {
        ssize_t got = recv(reader->descriptor, reader->packet, sizeof reader->packet,
                           MSG_DONTWAIT | MSG_TRUNC);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
        if (got <= 0) {
            int error = got == 0 ? ECONNRESET : errno;
            ms_trace_reader_open(reader, -1);
            return -error;
        }
        if ((size_t)got > sizeof reader->packet) {
            reader->counts.refused++;
        } else {
            ms_trace_reader_take(reader, reader->packet, (size_t)got);
        }
        done += (size_t)got;
    }
    return 0;
}
