/*
 * The last bytes of the program's output. Every byte ever put has an offset; the oldest are
 * overwritten, and a reader finds out from the offsets how many it missed. Not thread-safe.
 */
#ifndef MS_KEEPER_RING_H
#define MS_KEEPER_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ms_ring {
    char *bytes;
    size_t capacity_bytes;
    uint64_t end; /* offset one past the newest byte = bytes ever put */
};

/* Returns 0 or -ENOMEM. `capacity_bytes` > 0. */
int ms_ring_init(struct ms_ring *ring, size_t capacity_bytes);
void ms_ring_fini(struct ms_ring *ring);

void ms_ring_put(struct ms_ring *ring, const void *bytes, size_t count);

/* Offset of the oldest byte still held; equals `end` when nothing is. */
uint64_t ms_ring_oldest(const struct ms_ring *ring);

/*
 * The bytes from offset `from` on, at most `limit`, as one or two parts that point into the ring
 * (valid until the next put). Returns how many bytes that is; 0 when `from` is not held.
 */
size_t ms_ring_peek(const struct ms_ring *ring, uint64_t from, size_t limit, struct iovec parts[2]);

#endif
