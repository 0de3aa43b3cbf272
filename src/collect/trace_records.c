#include "collect/trace_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FULL_BYTES (8u << 20)
#define KEPT_BYTES (1u << 20) /* of room, when nothing waits */

enum { AT_ONCE = 256 };

/* Before each batch that waits. */
struct waiting {
    uint32_t bytes; /* of batch and events */
    uint32_t process_id;
    bool given;
};

struct ms_trace_records {
    ms_trace_records_taker *taker;
    void *context;
    uint8_t *bytes;
    size_t used, capacity;
};

struct ms_trace_records *ms_trace_records_new(ms_trace_records_taker *taker, void *context)
{
    struct ms_trace_records *records = calloc(1, sizeof *records);
    if (records != NULL) {
        records->taker = taker;
        records->context = context;
    }
    return records;
}

void ms_trace_records_free(struct ms_trace_records *records)
{
    if (records != NULL) {
        free(records->bytes);
        free(records);
    }
}

int ms_trace_records_add(struct ms_trace_records *records, const struct ms_trace_batch *batch,
                         const struct ms_trace_event *events)
{
    const size_t event_bytes = batch->event_count * sizeof *events;
    const struct waiting waiting = {.bytes = (uint32_t)(sizeof *batch + event_bytes),
                                    .process_id = MS_PROCESS_ID(batch->region, batch->slot)};
    const size_t needed = records->used + sizeof waiting + waiting.bytes;
    if (needed > records->capacity) {
        const size_t capacity = needed + needed / 2 + KEPT_BYTES / 2;
        uint8_t *bytes = realloc(records->bytes, capacity);
        if (bytes == NULL) {
            return -ENOMEM;
        }
        records->bytes = bytes;
        records->capacity = capacity;
    }
    uint8_t *at = records->bytes + records->used;
    memcpy(at, &waiting, sizeof waiting);
    memcpy(at + sizeof waiting, batch, sizeof *batch);
    memcpy(at + sizeof waiting + sizeof *batch, events, event_bytes);
    records->used = needed;
    return 0;
}

bool ms_trace_records_full(const struct ms_trace_records *records)
{
    return records->used >= FULL_BYTES;
}

/* What is not known of a thread or a site is 0. */
static void give_batch(const struct ms_trace_records *records, const struct ms_trace_room *room,
                       const struct ms_target *target, const uint8_t *bytes)
{
    struct ms_trace_record out[AT_ONCE];
    struct ms_trace_batch batch;
    memcpy(&batch, bytes, sizeof batch);
    const bool known = target != NULL && target->has_view && target->sites != NULL &&
                       target->threads != NULL && !target->finished;
    const uint32_t by_thread_id =
        known ? ms_watched_threads_of_serial(target->threads, batch.serial) : 0;
    uint32_t last_context = 0;
    uint32_t thread_id = 0;
    uint32_t site_id = 0;
    size_t count = 0;
    for (uint32_t i = 0; i < batch.event_count; i++) {
        struct ms_trace_event event;
        memcpy(&event, bytes + sizeof batch + i * sizeof event, sizeof event);
        const uint32_t kind = ms_trace_event_kind(&event);
        if (kind != MS_TRACE_ALLOCATION && kind != MS_TRACE_FREE) {
            continue;
        }
        if (known && event.context != last_context) {
            last_context = event.context;
            ms_watched_sites_of_context(target->sites, room->model, &target->view, target->threads,
                                        room->symbols, last_context, &thread_id, &site_id);
        }
        out[count++] =
            (struct ms_trace_record){.time_ns = ms_trace_event_time_ns(&batch, &event),
                                     .address = event.address,
                                     .bytes = ms_trace_event_bytes(&event),
                                     .process_id = MS_PROCESS_ID(batch.region, batch.slot),
                                     .thread_id = last_context != 0 ? thread_id : 0,
                                     .site_id = last_context != 0 ? site_id : 0,
                                     .by_thread_id = by_thread_id,
                                     .is_free = kind == MS_TRACE_FREE};
        if (count == AT_ONCE) {
            records->taker(records->context, out, count);
            count = 0;
        }
    }
    if (count > 0) {
        records->taker(records->context, out, count);
    }
}

/* `tree` or `of`: all, or of this one. */
static void give(struct ms_trace_records *records, const struct ms_trace_room *room,
                 const struct ms_process_tree *tree, const struct ms_target *of)
{
    for (size_t at = 0; at < records->used;) {
        struct waiting waiting;
        memcpy(&waiting, records->bytes + at, sizeof waiting);
        if (!waiting.given && (of == NULL || of->process_id == waiting.process_id)) {
            const struct ms_target *target =
                of != NULL ? of : ms_process_tree_target(tree, waiting.process_id);
            give_batch(records, room, target, records->bytes + at + sizeof waiting);
            waiting.given = true;
            memcpy(records->bytes + at, &waiting, sizeof waiting);
        }
        at += sizeof waiting + waiting.bytes;
    }
}

void ms_trace_records_give(struct ms_trace_records *records, const struct ms_trace_room *room,
                           const struct ms_process_tree *tree)
{
    give(records, room, tree, NULL);
    records->used = 0;
    if (records->capacity > KEPT_BYTES) {
        free(records->bytes);
        records->bytes = NULL;
        records->capacity = 0;
    }
}

void ms_trace_records_give_of(struct ms_trace_records *records, const struct ms_trace_room *room,
                              const struct ms_target *target)
{
    give(records, room, NULL, target);
}
