/* One packet to a socket without ever waiting, with or without descriptors. */
#ifndef MS_KEEPER_SEND_H
#define MS_KEEPER_SEND_H

#include <stddef.h>
#include <sys/uio.h>

/*
 * Sends `parts` as one packet; `descriptor` >= 0 goes along (SCM_RIGHTS; the caller keeps its own).
 * Returns 0, -EAGAIN when the peer's queue is full, or -errno when the peer is of no use any more.
 */
int ms_send(int socket, const struct iovec *parts, size_t part_count, int descriptor);

/* The same with two descriptors, of which -1 are left out. */
int ms_send_pair(int socket, const struct iovec *parts, size_t part_count,
                 const int descriptors[2]);

#endif
