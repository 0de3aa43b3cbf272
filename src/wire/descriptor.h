/* A descriptor that came with a message. */
#ifndef MS_WIRE_DESCRIPTOR_H
#define MS_WIRE_DESCRIPTOR_H

#include <sys/socket.h>

/* The first descriptor of a received message, which the caller owns; any others are closed. -1 when
 * there is none. Async-signal-safe. */
int ms_descriptor_take(struct msghdr *message);

#endif
