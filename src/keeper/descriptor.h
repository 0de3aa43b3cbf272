/* Our own descriptors keep off 0 to 2: one of those that was closed at the start stays closed. */
#ifndef MS_KEEPER_DESCRIPTOR_H
#define MS_KEEPER_DESCRIPTOR_H

#include <stddef.h>

#define MS_LOWEST_OWN_FD 3

/*
 * Takes what a call returned that makes a descriptor. Returns it, or a close-on-exec copy with a
 * higher number in its place; -errno when the call had failed (errno) or there is no number left.
 */
int ms_fd_above_standard(int fd);

/* Closes every descriptor of this process but `kept` (-1 entries are none). */
void ms_fds_close_others(const int *kept, size_t count);

/* Makes 0 to 2 /dev/null, but for `kept` (-1: none). 0 is taken to be closed or of no use. */
void ms_standard_fds_to_nothing(int kept);

#endif
