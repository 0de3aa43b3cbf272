/* Bounded output ring: offsets never wrap, only the place in memory does. */
#include "keeper/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ms_ring_init(struct ms_ring *ring, size_t capacity_bytes)
{
    *ring = (struct ms_ring){.bytes = malloc(capacity_bytes), .capacity_bytes = capacity_bytes};
    return ring->bytes == NULL ? -ENOMEM : 0;
}

void ms_ring_fini(struct ms_ring *ring)
{
    free(ring->bytes);
    *ring = (struct ms_ring){0};
}

uint64_t ms_ring_oldest(const struct ms_ring *ring)
{
    return ring->end > ring->capacity_bytes ? ring->end - ring->capacity_bytes : 0;
}

void ms_ring_put(struct ms_ring *ring, const void *bytes, size_t count)
{
    const char *from = bytes;
    if (count > ring->capacity_bytes) {
        size_t lost = count - ring->capacity_bytes;
        from += lost;
        ring->end += lost;
        count = ring->capacity_bytes;
    }
    size_t at = (size_t)(ring->end % ring->capacity_bytes);
    size_t head = ring->capacity_bytes - at < count ? ring->capacity_bytes - at : count;
    memcpy(ring->bytes + at, from, head);
    memcpy(ring->bytes, from + head, count - head);
    ring->end += count;
}

size_t ms_ring_peek(const struct ms_ring *ring, uint64_t from, size_t limit, struct iovec parts[2])
{
    parts[0] = parts[1] = (struct iovec){0};
    if (from < ms_ring_oldest(ring) || from >= ring->end) {
        return 0;
    }
    size_t count = ring->end - from < limit ? (size_t)(ring->end - from) : limit;
    size_t at = (size_t)(from % ring->capacity_bytes);
    size_t head = ring->capacity_bytes - at < count ? ring->capacity_bytes - at : count;
    parts[0] = (struct iovec){ring->bytes + at, head};
    parts[1] = (struct iovec){ring->bytes, count - head};
    return count;
}
