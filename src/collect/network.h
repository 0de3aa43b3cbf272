/*
 * The connections of one process: its open sockets (open_files.h) joined with what the kernel says
 * of them (sockets.h). What a closed connection had stays in the sums, as last seen: it is asked
 * for once more when its descriptor is gone; a connection that came and went between two looks is
 * missed. One that several processes share counts at each.
 */
#ifndef MS_COLLECT_NETWORK_H
#define MS_COLLECT_NETWORK_H

#include "collect/open_files.h"
#include "collect/sockets.h"
#include "model/resources.h"

struct ms_watched_network; /* opaque */

struct ms_watched_network *ms_watched_network_new(void);          /* NULL: no memory */
void ms_watched_network_free(struct ms_watched_network *network); /* accepts NULL */

/*
 * One look; `folder` is /proc/PID. Costs nothing worth mention while the process has no sockets,
 * one short question for each TCP socket while they are few. Returns 0, or -errno when the sockets
 * could not be told: *out keeps what it had. -EAGAIN: the kernel is not asked so often.
 */
int ms_watched_network_read(struct ms_watched_network *network, struct ms_socket_monitor *monitor,
                            int folder, const struct ms_open_sockets *open, uint64_t now_ns,
                            struct ms_network *out);

#endif
