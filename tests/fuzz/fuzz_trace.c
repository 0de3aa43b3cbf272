/*
 * Hostile batches: the input is cut into packets, the first two bytes of each say how long it is.
 * Heads are made sound half of the time (bit 0 of the next byte), so that events are reached too.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collect/trace_reader.h"
#include "fuzz.h"

static void take_one(struct ms_trace_reader *reader, const uint8_t *data, size_t bytes, bool mend)
{
    /* A copy of its exact size: the sanitizer sees every byte behind it. */
    void *packet = malloc(bytes + 1);
    if (packet == NULL) {
        return;
    }
    memcpy(packet, data, bytes);
    struct ms_trace_batch *batch = packet;
    if (mend && bytes >= sizeof *batch) {
        batch->magic = MS_TRACE_MAGIC;
        batch->version = MS_TRACE_VERSION;
        batch->event_count = (uint32_t)((bytes - sizeof *batch) / sizeof(struct ms_trace_event));
        bytes = sizeof *batch + batch->event_count * sizeof(struct ms_trace_event);
    }
    ms_trace_reader_take(reader, packet, bytes);
    free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ms_trace_reader *reader = ms_trace_reader_new();
    if (reader == NULL) {
        return 0;
    }
    uint64_t packets = 0;
    while (size > 3) {
        size_t wanted = (size_t)data[0] | (size_t)(data[1] & 0x0f) << 8;
        size_t bytes = wanted < size - 3 ? wanted : size - 3;
        take_one(reader, data + 3, bytes, (data[2] & 1) != 0);
        data += 3 + bytes;
        size -= 3 + bytes;
        packets++;
    }
    const struct ms_trace_counts *counts = ms_trace_reader_counts(reader);
    if (counts->batches + counts->refused != packets || counts->threads > packets ||
        (counts->allocations + counts->frees) * sizeof(struct ms_trace_event) >
            counts->packet_bytes) {
        abort();
    }
    ms_trace_reader_free(reader);
    return 0;
}
