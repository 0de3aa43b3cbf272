/* What the messages of sock_diag say of a socket, and how it is written for people. */
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "collect/sockets.h"

_Static_assert(sizeof(struct inet_diag_sockid) == MS_SOCKET_ID_BYTES, "as the kernel has it");

const char *ms_tcp_state_name(uint8_t state)
{
    static const char *const names[] = {
        [MS_TCP_ESTABLISHED] = "established", [MS_TCP_SYN_SENT] = "connecting",
        [MS_TCP_SYN_RECEIVED] = "accepting",  [MS_TCP_FIN_WAIT_1] = "fin-wait-1",
        [MS_TCP_FIN_WAIT_2] = "fin-wait-2",   [MS_TCP_TIME_WAIT] = "time-wait",
        [MS_TCP_CLOSED] = "closed",           [MS_TCP_CLOSE_WAIT] = "close-wait",
        [MS_TCP_LAST_ACK] = "last-ack",       [MS_TCP_LISTENING] = "listening",
        [MS_TCP_CLOSING] = "closing"};
    return state < sizeof names / sizeof names[0] && names[state] != NULL ? names[state] : "other";
}

static bool fin_received(uint8_t state)
{
    return state == MS_TCP_CLOSE_WAIT || state == MS_TCP_LAST_ACK || state == MS_TCP_CLOSING ||
           state == MS_TCP_TIME_WAIT;
}

/* Kernels send as much of the structure as they have. */
static void take_info(const void *data, size_t bytes, struct ms_socket *out)
{
    struct tcp_info info = {.tcpi_min_rtt = UINT32_MAX};
    memcpy(&info, data, bytes < sizeof info ? bytes : sizeof info);
    out->have_info = bytes >= offsetof(struct tcp_info, tcpi_segs_out);
    if (!out->have_info || out->state == MS_TCP_LISTENING) {
        return;
    }
    out->sent_bytes = info.tcpi_bytes_acked;
    if (bytes >= offsetof(struct tcp_info, tcpi_dsack_dups) &&
        info.tcpi_bytes_sent - info.tcpi_bytes_retrans < out->sent_bytes) {
        out->sent_bytes = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
    }
    out->received_bytes = info.tcpi_bytes_received;
    if (fin_received(out->state) && out->received_bytes > 0) {
        out->received_bytes--;
    }
    out->sent_messages = info.tcpi_data_segs_out;
    out->received_messages = info.tcpi_data_segs_in;
    out->retransmitted = info.tcpi_total_retrans;
    if (info.tcpi_rtt != 0) {
        out->round_trip_us = (double)info.tcpi_rtt;
    }
    if (info.tcpi_min_rtt != UINT32_MAX) {
        out->round_trip_min_us = (double)info.tcpi_min_rtt;
    }
}

typedef void take_attribute(unsigned type, const void *data, size_t bytes, struct ms_socket *out);

static void walk_attributes(const char *at, size_t bytes, take_attribute *take,
                            struct ms_socket *out)
{
    struct nlattr attribute;
    while (bytes >= sizeof attribute) {
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.nla_len < sizeof attribute || attribute.nla_len > bytes) {
            return;
        }
        take(attribute.nla_type & (unsigned)NLA_TYPE_MASK, at + sizeof attribute,
             attribute.nla_len - sizeof attribute, out);
        const size_t step =
            ((size_t)attribute.nla_len + NLA_ALIGNTO - 1) & ~(size_t)(NLA_ALIGNTO - 1);
        if (step >= bytes) {
            return;
        }
        at += step;
        bytes -= step;
    }
}

static void take_inet(unsigned type, const void *data, size_t bytes, struct ms_socket *out)
{
    if (type == INET_DIAG_INFO && out->kind == MS_CONNECTION_TCP) {
        take_info(data, bytes, out);
    }
}

bool ms_socket_parse_inet(const void *message, size_t bytes, enum ms_connection_kind kind,
                          struct ms_socket *out)
{
    struct inet_diag_msg head;
    if (bytes < sizeof head) {
        return false;
    }
    memcpy(&head, message, sizeof head);
    *out = (struct ms_socket){.inode = head.idiag_inode,
                              .kind = kind,
                              .family = head.idiag_family,
                              .state = head.idiag_state,
                              .round_trip_us = NAN,
                              .round_trip_min_us = NAN};
    memcpy(out->id, &head.id, sizeof out->id);
    if (out->state != MS_TCP_LISTENING) { /* there it is the backlog */
        out->send_queue_bytes = head.idiag_wqueue;
        out->receive_queue_bytes = head.idiag_rqueue;
    }
    const size_t passed = NLMSG_ALIGN(sizeof head);
    if (bytes > passed) {
        walk_attributes((const char *)message + passed, bytes - passed, take_inet, out);
    }
    return true;
}

static void take_unix(unsigned type, const void *data, size_t bytes, struct ms_socket *out)
{
    if (type == UNIX_DIAG_NAME && bytes > 0) {
        const size_t kept = bytes < sizeof out->name - 1 ? bytes : sizeof out->name - 1;
        memcpy(out->name, data, kept);
        out->name[kept] = '\0';
        for (size_t i = 0; i < kept && ((const char *)data)[0] == '\0'; i++) {
            out->name[i] = out->name[i] == '\0' ? '@' : out->name[i];
        }
    } else if (type == UNIX_DIAG_PEER && bytes >= sizeof out->peer) {
        memcpy(&out->peer, data, sizeof out->peer);
    } else if (type == UNIX_DIAG_RQLEN && bytes >= sizeof(struct unix_diag_rqlen) &&
               out->state != MS_TCP_LISTENING) {
        struct unix_diag_rqlen queues;
        memcpy(&queues, data, sizeof queues);
        out->receive_queue_bytes = queues.udiag_rqueue;
        out->send_queue_bytes = queues.udiag_wqueue;
    }
}

bool ms_socket_parse_unix(const void *message, size_t bytes, struct ms_socket *out)
{
    struct unix_diag_msg head;
    if (bytes < sizeof head) {
        return false;
    }
    memcpy(&head, message, sizeof head);
    *out = (struct ms_socket){.inode = head.udiag_ino,
                              .kind = MS_CONNECTION_UNIX,
                              .family = AF_UNIX,
                              .state = head.udiag_state,
                              .round_trip_us = NAN,
                              .round_trip_min_us = NAN};
    const size_t passed = NLMSG_ALIGN(sizeof head);
    if (bytes > passed) {
        walk_attributes((const char *)message + passed, bytes - passed, take_unix, out);
    }
    return true;
}

static void write_address(const struct ms_socket *socket, bool local, char *out, size_t size)
{
    struct inet_diag_sockid id;
    char address[INET6_ADDRSTRLEN];
    memcpy(&id, socket->id, sizeof id);
    const void *from = local ? id.idiag_src : id.idiag_dst;
    const unsigned port = ntohs(local ? id.idiag_sport : id.idiag_dport);
    static const uint32_t any[4];
    const bool six = socket->family == AF_INET6;
    if (memcmp(from, any, six ? sizeof any : sizeof any[0]) == 0) {
        if (port == 0) {
            out[0] = '\0';
        } else {
            (void)snprintf(out, size, "*:%u", port);
        }
    } else if (inet_ntop(six ? AF_INET6 : AF_INET, from, address, sizeof address) == NULL) {
        out[0] = '\0';
    } else {
        (void)snprintf(out, size, six ? "[%s]:%u" : "%s:%u", address, port);
    }
}

void ms_socket_local(const struct ms_socket *socket, char *out, size_t size)
{
    if (socket->kind == MS_CONNECTION_UNIX) {
        (void)snprintf(out, size, "%s", socket->name);
    } else {
        write_address(socket, true, out, size);
    }
}

void ms_socket_remote(const struct ms_socket *socket, char *out, size_t size)
{
    if (socket->kind != MS_CONNECTION_UNIX) {
        write_address(socket, false, out, size);
    } else if (socket->peer != 0) {
        (void)snprintf(out, size, "inode %u", socket->peer);
    } else {
        out[0] = '\0';
    }
}
