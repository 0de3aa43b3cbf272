#include "record/trace_events.h"

#include <errno.h>

enum { IS_FREE = 1, SAME_PLACE = 2, BY_ITSELF = 4, FLAGS = 7 };

static bool same_place(const struct ms_trace_record *one, const struct ms_trace_record *other)
{
    return one->process_id == other->process_id && one->thread_id == other->thread_id &&
           one->site_id == other->site_id;
}

void ms_trace_event_write(struct ms_pack *pack, const struct ms_trace_record *before,
                          const struct ms_trace_record *event)
{
    const uint64_t flags = (event->is_free ? IS_FREE : 0u) |
                           (same_place(before, event) ? SAME_PLACE : 0u) |
                           (event->by_thread_id == event->thread_id ? BY_ITSELF : 0u);
    ms_pack_u64(pack, flags + 1);
    ms_pack_i64(pack, (int64_t)(event->time_ns - before->time_ns));
    ms_pack_i64(pack, (int64_t)(event->address - before->address));
    ms_pack_u64(pack, event->bytes);
    if ((flags & SAME_PLACE) == 0) {
        ms_pack_u64(pack, event->process_id);
        ms_pack_u64(pack, event->thread_id);
        ms_pack_u64(pack, event->site_id);
    }
    if ((flags & BY_ITSELF) == 0) {
        ms_pack_u64(pack, event->by_thread_id);
    }
}

int ms_trace_event_read(struct ms_unpack *unpack, struct ms_trace_record *event)
{
    if (ms_unpack_done(unpack)) {
        return unpack->failed ? -EBADMSG : 0;
    }
    const uint64_t flags = ms_unpack_upto(unpack, FLAGS + 1) - 1;
    event->is_free = (flags & IS_FREE) != 0;
    event->time_ns += (uint64_t)ms_unpack_i64(unpack);
    event->address += (uint64_t)ms_unpack_i64(unpack);
    event->bytes = ms_unpack_u64(unpack);
    if ((flags & SAME_PLACE) == 0) {
        event->process_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
        event->thread_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
        event->site_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    }
    event->by_thread_id =
        (flags & BY_ITSELF) != 0 ? event->thread_id : (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    return unpack->failed || flags > FLAGS ? -EBADMSG : 1;
}
