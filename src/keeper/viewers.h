/* Clients of the socket: probes that fetch a region, viewers that come and go. */
#ifndef MS_KEEPER_VIEWERS_H
#define MS_KEEPER_VIEWERS_H

#include "keeper/session.h"

/* Takes over `socket`; the client waits for its hello. Returns its index or -errno. */
int ms_clients_add(struct ms_keeper *keeper, int socket, enum ms_client_role role, pid_t pid);

/* Somebody knocked. */
void ms_clients_accept(struct ms_keeper *keeper);

/* Events (EPOLLIN, EPOLLOUT, EPOLLHUP) of client `index`. */
void ms_clients_handle(struct ms_keeper *keeper, uint32_t index, uint32_t events);

/* Sends every viewer what is new, as far as its queue takes it. */
void ms_clients_pump(struct ms_keeper *keeper);

/* Closes those that never said who they are. */
void ms_clients_expire(struct ms_keeper *keeper, uint64_t now_ns);

/* Viewers connected that stay (ASK_ONLY ones do not count). */
uint32_t ms_clients_viewers(const struct ms_keeper *keeper);

/* Closes every connection (end of the keeper). */
void ms_clients_close(struct ms_keeper *keeper);

#endif
