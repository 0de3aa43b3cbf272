/* I/O in a region: counters of threads and of call sites. */
#include "collect/region_words.h"

static void read_kinds(uint64_t to[MS_REGION_IO_KINDS], const uint64_t from[MS_REGION_IO_KINDS])
{
    for (int kind = 0; kind < MS_REGION_IO_KINDS; kind++) {
        to[kind] = LOAD(&from[kind]);
    }
}

bool ms_region_view_thread_io(const struct ms_region_view *view, uint32_t index,
                              struct ms_region_thread_io_copy *copy)
{
    const struct ms_region_thread_io *io = element(view, MS_AREA_THREAD_IO, index, sizeof *io);
    const uint64_t serial = io == NULL ? 0 : acquired_u64(LOAD(&io->serial));
    if (serial == 0 || serial > UINT32_MAX) {
        return false;
    }
    *copy = (struct ms_region_thread_io_copy){.serial = (uint32_t)serial};
    const uint64_t in_call = LOAD(&io->in_call);
    copy->in_call = in_call != 0 && MS_IN_CALL_KIND(in_call) < MS_REGION_IO_KINDS;
    if (copy->in_call) {
        copy->in_call_kind = MS_IN_CALL_KIND(in_call);
        copy->in_call_begin_ns = MS_IN_CALL_BEGIN_NS(in_call);
    }
    read_kinds(copy->weighed_ns, io->weighed_ns);
    read_kinds(copy->weighed_calls, io->weighed_calls);
    read_kinds(copy->timed_ns, io->timed_ns);
    read_kinds(copy->timed_calls, io->timed_calls);
    read_kinds(copy->errors, io->errors);
    read_kinds(copy->would_block, io->would_block);
    copy->more_received = LOAD(&io->more_received);
    copy->more_sent = LOAD(&io->more_sent);
    read_kinds(copy->bytes, io->bytes);
    atomic_thread_fence(memory_order_acquire);
    read_kinds(copy->calls, io->calls);
    atomic_thread_fence(memory_order_acquire);
    return LOAD(&io->serial) == serial;
}

bool ms_region_view_thread_io_peek(const struct ms_region_view *view, uint32_t index,
                                   uint32_t *serial, uint64_t *change)
{
    const struct ms_region_thread_io *io = element(view, MS_AREA_THREAD_IO, index, sizeof *io);
    if (io == NULL) {
        return false;
    }
    *serial = (uint32_t)acquired_u64(LOAD(&io->serial));
    *change = LOAD(&io->in_call);
    for (int kind = 0; kind < MS_REGION_IO_KINDS; kind++) {
        *change += LOAD(&io->calls[kind]);
    }
    return *serial != 0;
}

bool ms_region_view_io_site(const struct ms_region_view *view, uint32_t index,
                            struct ms_region_io_site_copy *copy)
{
    const struct ms_region_io_site *site = element(view, MS_AREA_IO_SITES, index, sizeof *site);
    const uint64_t identity = site == NULL ? 0 : acquired_u64(LOAD(&site->identity));
    if (identity == 0 || MS_IO_SITE_KIND(identity) >= MS_REGION_IO_KINDS) {
        return false;
    }
    *copy = (struct ms_region_io_site_copy){
        .serial = MS_IO_SITE_SERIAL(identity),
        .stack = MS_IO_SITE_STACK(identity),
        .kind = MS_IO_SITE_KIND(identity),
        .samples = acquired_u64(LOAD(&site->samples)),
    };
    copy->wait_ns = LOAD(&site->wait_ns);
    copy->bytes = LOAD(&site->bytes);
    copy->calls = LOAD(&site->calls);
    return copy->samples != 0;
}
