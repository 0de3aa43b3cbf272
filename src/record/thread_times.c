#include "record/thread_times.h"

#include <errno.h>

#include "model/restore.h"

static const size_t times[] = {
    offsetof(struct ms_thread, kernel.often_read_ns),
    offsetof(struct ms_thread, kernel.stat_read_ns),
    offsetof(struct ms_thread, kernel.slowly_read_ns),
    offsetof(struct ms_thread, kernel.counters_read_ns),
};
#define TIMES     (sizeof times / sizeof times[0])
#define ALL_TIMES ((1u << TIMES) - 1)

static uint64_t *time_of(struct ms_thread *thread, size_t which)
{
    return (uint64_t *)(void *)((char *)thread + times[which]);
}

static uint64_t time_at(const struct ms_thread *thread, size_t which)
{
    return *(const uint64_t *)(const void *)((const char *)thread + times[which]);
}

void ms_thread_times_end(struct ms_pack *pack, struct ms_times_run *run)
{
    if (run->count > 0) {
        ms_pack_u64(pack, run->count);
        ms_pack_i64(pack, (int64_t)run->first - (int64_t)run->last_first);
        ms_pack_u64(pack, run->which);
        ms_pack_i64(pack, (int64_t)(run->time_ns - run->last_time_ns));
        run->last_first = run->first;
        run->last_time_ns = run->time_ns;
        run->count = 0;
    }
}

void ms_thread_times_tell(struct ms_pack *pack, struct ms_times_run *run, size_t position,
                          struct ms_thread *shadow, const struct ms_thread *thread)
{
    unsigned left = 0;
    for (size_t t = 0; t < TIMES; t++) {
        left |= time_at(thread, t) != time_at(shadow, t) ? 1u << t : 0;
    }
    while (left != 0) {
        const uint64_t time_ns = time_at(thread, (size_t)__builtin_ctz(left));
        unsigned which = 0;
        for (size_t t = 0; t < TIMES; t++) {
            if ((left & 1u << t) != 0 && time_at(thread, t) == time_ns) {
                which |= 1u << t;
                *time_of(shadow, t) = time_ns;
            }
        }
        left &= ~which;
        if (run->count == 0 || run->first + run->count != position || run->which != which ||
            run->time_ns != time_ns) {
            ms_thread_times_end(pack, run);
            run->first = position;
            run->which = which;
            run->time_ns = time_ns;
        }
        run->count++;
    }
}

int ms_thread_times_read(struct ms_model *model, struct ms_unpack *unpack)
{
    const size_t alive = ms_model_alive_count(model);
    uint64_t first = 0;
    uint64_t time_ns = 0;
    for (;;) {
        const uint64_t count = ms_unpack_upto(unpack, alive);
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (count == 0) {
            return 0;
        }
        first += (uint64_t)ms_unpack_i64(unpack);
        const uint64_t which = ms_unpack_upto(unpack, ALL_TIMES);
        time_ns += (uint64_t)ms_unpack_i64(unpack);
        if (unpack->failed || first > alive || count > alive - first) {
            return -EBADMSG;
        }
        for (uint64_t i = first; i < first + count; i++) {
            struct ms_thread *thread =
                ms_model_restored_thread(model, ms_model_thread(model, i)->id);
            for (size_t t = 0; t < TIMES; t++) {
                if ((which & 1u << t) != 0) {
                    *time_of(thread, t) = time_ns;
                }
            }
        }
    }
}
