/* Descriptors that came with a message. */
#ifndef MS_WIRE_DESCRIPTOR_H
#define MS_WIRE_DESCRIPTOR_H

#include <stddef.h>
#include <sys/socket.h>

/*
 * The first `capacity` descriptors of a received message, which the caller owns; any others are
 * closed. Returns how many there are in `taken`. Async-signal-safe.
 */
size_t ms_descriptors_take(struct msghdr *message, int *taken, size_t capacity);

/* The first one alone; -1 when there is none. */
static inline int ms_descriptor_take(struct msghdr *message)
{
    int taken;
    return ms_descriptors_take(message, &taken, 1) == 1 ? taken : -1;
}

#endif
