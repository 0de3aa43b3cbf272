#include "record/trace_coder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 1024, BLOCKS = 16384, CLASSES = 256, FREED = 8 };
enum { IS_FREE = 1, KNOWN = 2, BY_ITSELF = 4, SAME_BYTES = 8, EXPECTED = 16, FLAGS = 31 };

struct place {
    uint32_t process_id, thread_id, site_id;
    uint64_t bytes; /* of the last block */
};

struct block {
    uint64_t address, bytes;
    uint32_t process_id, thread_id, site_id;
};

/* Addresses that were freed last, of one class of sizes. */
struct freed {
    uint64_t addresses[FREED];
    uint32_t count;
};

struct ms_trace_coder {
    uint64_t time_ns, address;
    struct place places[PLACES];
    struct block blocks[BLOCKS];
    struct freed freed[CLASSES];
};

struct ms_trace_coder *ms_trace_coder_new(void)
{
    return calloc(1, sizeof(struct ms_trace_coder));
}

void ms_trace_coder_free(struct ms_trace_coder *coder)
{
    free(coder);
}

void ms_trace_coder_begin(struct ms_trace_coder *coder)
{
    memset(coder, 0, sizeof *coder);
}

static uint64_t mix(uint64_t x)
{
    x *= UINT64_C(0x9fb21c651e98df25);
    return x ^ x >> 35;
}

static uint32_t place_slot(const struct ms_trace_record *event)
{
    const uint64_t key =
        ((uint64_t)event->thread_id << 32 | event->site_id) + ((uint64_t)event->process_id << 17);
    return (uint32_t)(mix(key) >> 11) % PLACES;
}

static uint32_t block_slot(uint64_t address)
{
    return (uint32_t)(mix(address) >> 13) % BLOCKS;
}

static struct freed *freed_of(struct ms_trace_coder *coder, uint64_t bytes)
{
    return &coder->freed[((bytes + 7) >> 4) % CLASSES];
}

static uint64_t expected_address(struct ms_trace_coder *coder, uint64_t bytes)
{
    const struct freed *freed = freed_of(coder, bytes);
    return freed->count > 0 ? freed->addresses[(freed->count - 1) % FREED] : 0;
}

/* Both sides, after each event. */
static void remember(struct ms_trace_coder *coder, const struct ms_trace_record *event)
{
    struct block *block = &coder->blocks[block_slot(event->address)];
    struct freed *freed = freed_of(coder, event->bytes);
    struct place *place = &coder->places[place_slot(event)];
    coder->time_ns = event->time_ns;
    coder->address = event->address;
    *place = (struct place){event->process_id, event->thread_id, event->site_id, event->bytes};
    if (event->is_free) {
        freed->addresses[freed->count++ % FREED] = event->address;
        if (block->address == event->address) {
            *block = (struct block){0};
        }
        return;
    }
    if (freed->count > 0 && freed->addresses[(freed->count - 1) % FREED] == event->address) {
        freed->count--;
    }
    *block = (struct block){event->address, event->bytes, event->process_id, event->thread_id,
                            event->site_id};
}

static bool is_block(const struct block *block, const struct ms_trace_record *event)
{
    return block->address == event->address && block->bytes == event->bytes &&
           block->process_id == event->process_id && block->thread_id == event->thread_id &&
           block->site_id == event->site_id && event->address != 0;
}

void ms_trace_coder_write(struct ms_trace_coder *coder, struct ms_pack *pack,
                          const struct ms_trace_record *event)
{
    const uint32_t block = block_slot(event->address);
    const uint32_t slot = place_slot(event);
    const struct place *place = &coder->places[slot];
    const bool of_block = event->is_free && is_block(&coder->blocks[block], event);
    const bool known_place = place->process_id == event->process_id &&
                             place->thread_id == event->thread_id &&
                             place->site_id == event->site_id && place->process_id != 0;
    unsigned flags = event->is_free ? IS_FREE : 0;
    flags |= of_block || (known_place && !event->is_free) ? KNOWN : 0;
    flags |= event->by_thread_id == event->thread_id ? BY_ITSELF : 0;
    flags |= !of_block && known_place && place->bytes == event->bytes ? SAME_BYTES : 0;
    flags |=
        !event->is_free && expected_address(coder, event->bytes) == event->address ? EXPECTED : 0;
    if (event->is_free && !of_block) {
        flags &= ~(unsigned)SAME_BYTES;
    }
    ms_pack_u64(pack, flags + 1);
    ms_pack_i64(pack, (int64_t)(event->time_ns - coder->time_ns));
    if (of_block) {
        ms_pack_u64(pack, block);
    } else {
        if ((flags & KNOWN) != 0) {
            ms_pack_u64(pack, slot);
        } else {
            ms_pack_u64(pack, event->process_id);
            ms_pack_u64(pack, event->thread_id);
            ms_pack_u64(pack, event->site_id);
        }
        if ((flags & SAME_BYTES) == 0) {
            ms_pack_u64(pack, event->bytes);
        }
        if ((flags & EXPECTED) == 0) {
            ms_pack_i64(pack, (int64_t)(event->address - coder->address));
        }
    }
    if ((flags & BY_ITSELF) == 0) {
        ms_pack_u64(pack, event->by_thread_id);
    }
    remember(coder, event);
}

static void read_place(struct ms_trace_coder *coder, struct ms_unpack *unpack, uint64_t flags,
                       struct ms_trace_record *event)
{
    if ((flags & KNOWN) != 0) {
        const struct place *place = &coder->places[ms_unpack_upto(unpack, PLACES - 1)];
        event->process_id = place->process_id;
        event->thread_id = place->thread_id;
        event->site_id = place->site_id;
        event->bytes = place->bytes;
    } else {
        event->process_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
        event->thread_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
        event->site_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    }
    if ((flags & SAME_BYTES) == 0) {
        event->bytes = ms_unpack_u64(unpack);
    }
    event->address = (flags & EXPECTED) != 0 ? expected_address(coder, event->bytes)
                                             : coder->address + (uint64_t)ms_unpack_i64(unpack);
}

/* The next one. 1; 0: there is none; -EBADMSG. */
static int read_next(struct ms_trace_coder *coder, struct ms_unpack *unpack,
                     struct ms_trace_record *event)
{
    if (ms_unpack_done(unpack)) {
        return unpack->failed ? -EBADMSG : 0;
    }
    const uint64_t coded = ms_unpack_upto(unpack, FLAGS + 1);
    if (unpack->failed || coded == 0) {
        return -EBADMSG;
    }
    const uint64_t flags = coded - 1;
    *event = (struct ms_trace_record){.is_free = (flags & IS_FREE) != 0};
    event->time_ns = coder->time_ns + (uint64_t)ms_unpack_i64(unpack);
    if (event->is_free && (flags & KNOWN) != 0) {
        const struct block *block = &coder->blocks[ms_unpack_upto(unpack, BLOCKS - 1)];
        event->address = block->address;
        event->bytes = block->bytes;
        event->process_id = block->process_id;
        event->thread_id = block->thread_id;
        event->site_id = block->site_id;
    } else {
        read_place(coder, unpack, flags, event);
    }
    event->by_thread_id =
        (flags & BY_ITSELF) != 0 ? event->thread_id : (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    if (unpack->failed) {
        return -EBADMSG;
    }
    remember(coder, event);
    return 1;
}

struct events {
    struct ms_trace_record *rows;
    size_t count, capacity;
};

static int add_event(struct events *events, const struct ms_trace_record *event)
{
    if (events->count == MS_TRACE_BLOCK_EVENTS_MAX) {
        return -EBADMSG;
    }
    if (events->count == events->capacity) {
        const size_t capacity = events->capacity * 2 + 1024;
        struct ms_trace_record *rows = reallocarray(events->rows, capacity, sizeof *rows);
        if (rows == NULL) {
            return -ENOMEM;
        }
        events->rows = rows;
        events->capacity = capacity;
    }
    events->rows[events->count++] = *event;
    return 0;
}

/* Batches of threads follow one another, so there are few runs: they are merged two by two. */
static int sort_by_time(struct events *events)
{
    struct ms_trace_record *from = events->rows;
    struct ms_trace_record *to = reallocarray(NULL, events->count + 1, sizeof *to);
    if (to == NULL) {
        return -ENOMEM;
    }
    for (bool sorted = false; !sorted;) {
        size_t at = 0;
        size_t runs = 0;
        while (at < events->count) {
            size_t ends[2];
            size_t end = at;
            for (int i = 0; i < 2; i++) {
                end += end < events->count ? 1 : 0;
                while (end < events->count && from[end].time_ns >= from[end - 1].time_ns) {
                    end++;
                }
                ends[i] = end;
            }
            size_t one = at;
            size_t two = ends[0];
            for (; at < ends[1]; at++) {
                const bool first =
                    two == ends[1] || (one < ends[0] && from[one].time_ns <= from[two].time_ns);
                to[at] = first ? from[one++] : from[two++];
            }
            runs++;
        }
        struct ms_trace_record *const swap = from;
        from = to;
        to = swap;
        sorted = runs <= 1;
    }
    free(to);
    events->rows = from;
    return 0;
}

int ms_trace_block_read(struct ms_unpack *unpack, uint64_t *lost,
                        bool (*each)(void *context, const struct ms_trace_record *event),
                        void *context)
{
    struct ms_trace_coder *coder = ms_trace_coder_new();
    struct events events = {0};
    struct ms_trace_record event;
    int result = coder != NULL ? 1 : -ENOMEM;
    int error = 0;
    *lost = ms_unpack_u64(unpack);
    while (result > 0 && error == 0) {
        result = read_next(coder, unpack, &event);
        error = result > 0 ? add_event(&events, &event) : 0;
    }
    if (error == 0 && events.count > 0) {
        error = sort_by_time(&events);
    }
    for (size_t i = 0; i < events.count && error == 0 && each(context, &events.rows[i]); i++) {
    }
    free(events.rows);
    ms_trace_coder_free(coder);
    return error != 0 ? error : result < 0 ? result : 0;
}
