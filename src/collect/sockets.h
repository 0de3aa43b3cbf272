/*
 * Sockets as the kernel's sock_diag tells of them, over netlink: TCP and UDP with INET_DIAG_INFO,
 * and unix sockets. Only those of the network namespace of who asks.
 */
#ifndef MS_COLLECT_SOCKETS_H
#define MS_COLLECT_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/resources.h"

#define MS_SOCKET_ID_BYTES 48u /* struct inet_diag_sockid of linux/inet_diag.h */

struct ms_socket {
    uint64_t inode; /* 0: no descriptor has it any more */
    enum ms_connection_kind kind;
    uint8_t family, state; /* AF_...; a number of enum ms_tcp_state, of all kinds */
    uint8_t id[MS_SOCKET_ID_BYTES];
    char name[64]; /* of a unix socket: path, or "@" and an abstract name; hostile */
    uint32_t peer; /* of a unix socket: inode, 0 none */
    bool have_info;
    uint64_t sent_bytes, received_bytes, sent_messages, received_messages, retransmitted;
    uint64_t send_queue_bytes, receive_queue_bytes;
    double round_trip_us, round_trip_min_us; /* NaN */
};

enum ms_tcp_state {
    MS_TCP_ESTABLISHED = 1,
    MS_TCP_SYN_SENT,
    MS_TCP_SYN_RECEIVED,
    MS_TCP_FIN_WAIT_1,
    MS_TCP_FIN_WAIT_2,
    MS_TCP_TIME_WAIT,
    MS_TCP_CLOSED,
    MS_TCP_CLOSE_WAIT,
    MS_TCP_LAST_ACK,
    MS_TCP_LISTENING,
    MS_TCP_CLOSING
};
const char *ms_tcp_state_name(uint8_t state);

/*
 * What follows the header of a netlink message: a struct inet_diag_msg or unix_diag_msg with its
 * attributes. False when it is too short; attributes that are damaged or unknown are passed over.
 *
 * Bytes count as payload: the kernel's count of acknowledged and received bytes has the SYN or FIN
 * in it.
 */
bool ms_socket_parse_inet(const void *message, size_t bytes, enum ms_connection_kind kind,
                          struct ms_socket *out);
bool ms_socket_parse_unix(const void *message, size_t bytes, struct ms_socket *out);

/* "127.0.0.1:80", "[::1]:80", "*:80"; of a unix socket its name, and the inode of its peer. */
void ms_socket_local(const struct ms_socket *socket, char *out, size_t size);
void ms_socket_remote(const struct ms_socket *socket, char *out, size_t size);

struct ms_socket_monitor; /* opaque */

struct ms_socket_monitor *ms_socket_monitor_new(void); /* NULL: no memory. Opens nothing yet */
void ms_socket_monitor_free(struct ms_socket_monitor *monitor); /* accepts NULL */

enum ms_socket_list { MS_SOCKETS_TCP, MS_SOCKETS_UDP, MS_SOCKETS_UNIX, MS_SOCKET_LISTS };

/*
 * Has the kernel list all sockets of a kind unless that was done at or after `since_ns`. The kernel
 * walks its whole table for it, so it waits until its share of time is below 0.5 %. Returns 0;
 * -EAGAIN: not yet; else -errno: the kernel cannot, or may not be asked.
 */
int ms_socket_monitor_list(struct ms_socket_monitor *monitor, enum ms_socket_list list,
                           uint64_t since_ns, uint64_t now_ns);
/* In the newest list; NULL: not there. Valid until the next one. */
const struct ms_socket *ms_socket_monitor_find(const struct ms_socket_monitor *monitor,
                                               enum ms_socket_list list, uint64_t inode);
/* Asks for one TCP socket that was listed before: cheap. 0, -ENOENT (it is no more), or -errno. */
int ms_socket_monitor_ask(struct ms_socket_monitor *monitor, const struct ms_socket *known,
                          struct ms_socket *out);

/* Whether the process of `folder` (/proc/PID) has the network namespace of this one. 0, -EXDEV: it
 * has not; -errno. */
int ms_socket_monitor_sees(struct ms_socket_monitor *monitor, int folder);

/* What -errno of the above means: text for ms_model_source_set. */
const char *ms_sockets_because(int error);

#endif
