/* See network.h. */
#include "collect/network.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "wire/clock.h"

#define ASKED_ONE_BY_ONE 128u /* beyond it a list of all is cheaper */
#define QUIET_LIST_NS    (10 * MS_NS_PER_S)
#define LOOK_NS          MS_NS_PER_S

enum protocol { OTHER_PROTOCOL, TCP, UDP, UNIX, NOT_TOLD };

struct watched_socket {
    uint64_t inode;
    uint32_t descriptor;
    enum protocol protocol;
    bool found;     /* the kernel's list had it: `socket` is filled */
    bool connected; /* counted in connections_seen */
    struct ms_socket socket;
};

struct ms_watched_network {
    struct watched_socket *all, *before; /* by inode; the latter is scratch */
    size_t count, capacity, before_capacity;
    /* Of connections that are closed, or were and began anew in the same socket. */
    uint64_t sent_bytes, received_bytes, retransmitted, connections_seen;
    uint64_t listed_ns[MS_SOCKET_LISTS]; /* as asked for; 0 never */
    uint64_t
        patience_ns[MS_SOCKET_LISTS]; /* until a list is asked for again in which one was not */
};

struct ms_watched_network *ms_watched_network_new(void)
{
    return calloc(1, sizeof(struct ms_watched_network));
}

void ms_watched_network_free(struct ms_watched_network *network)
{
    if (network != NULL) {
        free(network->all);
        free(network->before);
        free(network);
    }
}

/* The kernel names the protocol of a socket in an attribute of its file. */
static enum protocol protocol_of(int folder, uint32_t descriptor)
{
    char path[64];
    char name[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/fd/%u", folder, descriptor);
    const ssize_t bytes = getxattr(path, "system.sockprotoname", name, sizeof name - 1);
    if (bytes <= 0) {
        return NOT_TOLD;
    }
    name[bytes] = '\0';
    if (strcmp(name, "TCP") == 0 || strcmp(name, "TCPv6") == 0) {
        return TCP;
    }
    if (strcmp(name, "UDP") == 0 || strcmp(name, "UDPv6") == 0) {
        return UDP;
    }
    return strncmp(name, "UNIX", 4) == 0 ? UNIX : OTHER_PROTOCOL;
}

static void add_to_closed(struct ms_watched_network *network, const struct ms_socket *socket)
{
    network->sent_bytes += socket->sent_bytes;
    network->received_bytes += socket->received_bytes;
    network->retransmitted += socket->retransmitted;
}

static void take_fresh(struct ms_watched_network *network, struct watched_socket *watched,
                       const struct ms_socket *fresh)
{
    const struct ms_socket *old = &watched->socket;
    if (watched->found &&
        (fresh->sent_bytes < old->sent_bytes || fresh->received_bytes < old->received_bytes)) {
        add_to_closed(network, old); /* closed and connected again: another connection */
        watched->connected = false;
    }
    watched->socket = *fresh;
    watched->found = true;
    if (watched->protocol == TCP && !watched->connected && fresh->state != MS_TCP_LISTENING &&
        fresh->state != MS_TCP_CLOSED) {
        watched->connected = true;
        network->connections_seen++;
    }
}

/* Its last bytes: the kernel keeps a closed socket until they are through. */
static void see_off(struct ms_watched_network *network, struct ms_socket_monitor *monitor,
                    struct watched_socket *gone)
{
    struct ms_socket last;
    if (gone->protocol != TCP || !gone->found) {
        return;
    }
    if (gone->socket.state != MS_TCP_LISTENING &&
        ms_socket_monitor_ask(monitor, &gone->socket, &last) == 0 && last.have_info) {
        take_fresh(network, gone, &last);
    }
    add_to_closed(network, &gone->socket);
}

/* Takes over what is open now; *fresh: which lists may have news. */
static int take_open(struct ms_watched_network *network, struct ms_socket_monitor *monitor,
                     int folder, const struct ms_open_sockets *open, bool *fresh)
{
    struct watched_socket *old = network->all;
    size_t left = network->count;
    if (network->before_capacity < open->count) {
        struct watched_socket *grown = reallocarray(network->before, open->count, sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        network->before = grown;
        network->before_capacity = open->count;
    }
    for (size_t i = 0; i < open->count; i++) {
        struct watched_socket *now = &network->before[i];
        for (; left > 0 && old->inode < open->all[i].inode; old++, left--) {
            see_off(network, monitor, old);
        }
        if (left > 0 && old->inode == open->all[i].inode) {
            *now = *old++;
            left--;
        } else {
            *now =
                (struct watched_socket){.inode = open->all[i].inode,
                                        .protocol = protocol_of(folder, open->all[i].descriptor)};
            fresh[MS_SOCKETS_TCP] |= now->protocol == TCP || now->protocol == NOT_TOLD;
            fresh[MS_SOCKETS_UDP] |= now->protocol == UDP;
            fresh[MS_SOCKETS_UNIX] |= now->protocol == UNIX;
        }
        now->descriptor = open->all[i].descriptor;
    }
    for (; left > 0; old++, left--) {
        see_off(network, monitor, old);
    }
    struct watched_socket *swapped = network->all;
    const size_t capacity = network->capacity;
    network->all = network->before;
    network->capacity = network->before_capacity;
    network->before = swapped;
    network->before_capacity = capacity;
    network->count = open->count;
    return 0;
}

static bool is_of(const struct watched_socket *watched, enum ms_socket_list list)
{
    return list == MS_SOCKETS_TCP   ? watched->protocol == TCP || watched->protocol == NOT_TOLD
           : list == MS_SOCKETS_UDP ? watched->protocol == UDP
                                    : watched->protocol == UNIX;
}

static size_t count_of(const struct ms_watched_network *network, enum ms_socket_list list,
                       size_t *missing)
{
    size_t count = 0;
    *missing = 0;
    for (size_t i = 0; i < network->count; i++) {
        if (is_of(&network->all[i], list)) {
            const struct watched_socket *watched = &network->all[i];
            count++;
            /* One that is closed may be connected again. */
            *missing += !watched->found ||
                        (list == MS_SOCKETS_TCP && watched->socket.state == MS_TCP_CLOSED);
        }
    }
    return count;
}

static void take_list(struct ms_watched_network *network, const struct ms_socket_monitor *monitor,
                      enum ms_socket_list list)
{
    for (size_t i = 0; i < network->count; i++) {
        struct watched_socket *watched = &network->all[i];
        const struct ms_socket *socket =
            is_of(watched, list) ? ms_socket_monitor_find(monitor, list, watched->inode) : NULL;
        if (socket != NULL) {
            watched->protocol = watched->protocol == NOT_TOLD ? TCP : watched->protocol;
            take_fresh(network, watched, socket);
        }
    }
}

static void ask_each(struct ms_watched_network *network, struct ms_socket_monitor *monitor)
{
    for (size_t i = 0; i < network->count; i++) {
        struct watched_socket *watched = &network->all[i];
        struct ms_socket fresh;
        if (watched->protocol != TCP || !watched->found) {
            continue;
        }
        const int result = ms_socket_monitor_ask(monitor, &watched->socket, &fresh);
        if (result == 0) {
            take_fresh(network, watched, &fresh);
        } else if (result == -ENOENT || result == -ESTALE) {
            watched->socket.state = MS_TCP_CLOSED; /* the descriptor is open, the connection not */
        }
    }
}

/*
 * Sockets that are not in the list (not bound yet, or of a kind that is not listed) have it made
 * again, more and more seldom.
 */
static int refresh(struct ms_watched_network *network, struct ms_socket_monitor *monitor,
                   enum ms_socket_list list, bool fresh, uint64_t now_ns)
{
    size_t missing;
    const size_t count = count_of(network, list, &missing);
    if (count == 0) {
        return 0;
    }
    uint64_t *patience_ns = &network->patience_ns[list];
    uint64_t every_ns = QUIET_LIST_NS;
    const bool one_by_one = list == MS_SOCKETS_TCP && count <= ASKED_ONE_BY_ONE;
    if (fresh) {
        *patience_ns = 0;
    }
    if (list == MS_SOCKETS_TCP && !one_by_one) {
        every_ns = 0;
    } else if (missing > 0) {
        every_ns = *patience_ns;
    } else if (one_by_one) {
        every_ns = UINT64_MAX;
    }
    if (network->listed_ns[list] == 0 || now_ns - network->listed_ns[list] >= every_ns) {
        /* One that another process had made since will do, but not for what is new here. */
        const uint64_t since_ns = fresh ? now_ns : now_ns - LOOK_NS / 2;
        const int result = ms_socket_monitor_list(monitor, list, since_ns, now_ns);
        if (result != 0) {
            return result;
        }
        network->listed_ns[list] = now_ns;
        take_list(network, monitor, list);
        *patience_ns = *patience_ns == 0               ? LOOK_NS
                       : *patience_ns >= QUIET_LIST_NS ? QUIET_LIST_NS
                                                       : 2 * *patience_ns;
    } else if (one_by_one) {
        ask_each(network, monitor);
    }
    return 0;
}

static const char *state_name(const struct watched_socket *watched)
{
    const uint8_t state = watched->socket.state;
    if (!watched->found) {
        return "unconnected";
    }
    if (watched->protocol != TCP && state != MS_TCP_ESTABLISHED && state != MS_TCP_LISTENING) {
        return "unconnected";
    }
    return ms_tcp_state_name(state);
}

static void describe(const struct watched_socket *watched, struct ms_connection *out)
{
    const struct ms_socket *socket = &watched->socket;
    *out = (struct ms_connection){
        .kind = watched->protocol == UNIX  ? MS_CONNECTION_UNIX
                : watched->protocol == UDP ? MS_CONNECTION_UDP
                                           : MS_CONNECTION_TCP,
        .descriptor = watched->descriptor,
        .round_trip_us = NAN,
        .round_trip_min_us = NAN,
    };
    (void)snprintf(out->state, sizeof out->state, "%s", state_name(watched));
    if (!watched->found) {
        return;
    }
    out->sent_bytes = socket->sent_bytes;
    out->received_bytes = socket->received_bytes;
    out->sent_messages = socket->sent_messages;
    out->received_messages = socket->received_messages;
    out->retransmitted = socket->retransmitted;
    out->send_queue_bytes = socket->send_queue_bytes;
    out->receive_queue_bytes = socket->receive_queue_bytes;
    out->round_trip_us = socket->round_trip_us;
    out->round_trip_min_us = socket->round_trip_min_us;
    ms_socket_local(socket, out->local, sizeof out->local);
    ms_socket_remote(socket, out->remote, sizeof out->remote);
}

/* More bytes first; connections before what only listens or waits. */
static int compare_rank(const void *left, const void *right)
{
    const struct watched_socket *a = *(const struct watched_socket *const *)left;
    const struct watched_socket *b = *(const struct watched_socket *const *)right;
    const uint64_t a_bytes = a->socket.sent_bytes + a->socket.received_bytes;
    const uint64_t b_bytes = b->socket.sent_bytes + b->socket.received_bytes;
    if (a_bytes != b_bytes) {
        return a_bytes > b_bytes ? -1 : 1;
    }
    if (a->connected != b->connected) {
        return a->connected ? -1 : 1;
    }
    return (a->descriptor > b->descriptor) - (a->descriptor < b->descriptor);
}

/* Ended processes keep theirs: no more room than is used. */
static bool resize(struct ms_network *out, size_t count)
{
    if (count == out->kept && out->connections != NULL) {
        return true;
    }
    struct ms_connection *resized = reallocarray(out->connections, count, sizeof *resized);
    if (resized == NULL) {
        return false;
    }
    out->connections = resized;
    return true;
}

static int keep_connections(const struct ms_watched_network *network, struct ms_network *out)
{
    size_t count = 0;
    const struct watched_socket **ranked =
        network->count == 0 ? NULL : calloc(network->count, sizeof *ranked);
    if (ranked == NULL) {
        out->kept = 0;
        return network->count == 0 ? 0 : -ENOMEM;
    }
    for (size_t i = 0; i < network->count; i++) {
        if (network->all[i].protocol != OTHER_PROTOCOL && network->all[i].protocol != NOT_TOLD) {
            ranked[count++] = &network->all[i];
        }
    }
    qsort(ranked, count, sizeof(*ranked), compare_rank);
    count = count < MS_CONNECTIONS_KEPT ? count : MS_CONNECTIONS_KEPT;
    const bool room = count == 0 || resize(out, count);
    out->kept = room ? count : 0;
    for (size_t i = 0; i < out->kept; i++) {
        describe(ranked[i], &out->connections[i]);
    }
    free(ranked);
    return room ? 0 : -ENOMEM;
}

static void count_tcp(const struct watched_socket *watched, struct ms_network *out)
{
    const struct ms_socket *socket = &watched->socket;
    const bool listening = watched->found && socket->state == MS_TCP_LISTENING;
    const bool established = watched->found && socket->state == MS_TCP_ESTABLISHED;
    out->listening += listening;
    out->established += established;
    out->other_tcp += !listening && !established;
    if (watched->found) {
        out->sent_bytes += socket->sent_bytes;
        out->received_bytes += socket->received_bytes;
        out->retransmitted += socket->retransmitted;
    }
}

static void sum_up(const struct ms_watched_network *network, struct ms_network *out)
{
    double sum_us = 0;
    unsigned timed = 0;
    *out = (struct ms_network){.have = true,
                               .sent_bytes = network->sent_bytes,
                               .received_bytes = network->received_bytes,
                               .retransmitted = network->retransmitted,
                               .connections_seen = network->connections_seen,
                               .round_trip_us = NAN,
                               .round_trip_max_us = NAN,
                               .kept = out->kept,
                               .connections = out->connections};
    for (size_t i = 0; i < network->count; i++) {
        const struct watched_socket *watched = &network->all[i];
        out->udp += watched->protocol == UDP;
        out->unix_sockets += watched->protocol == UNIX;
        if (watched->protocol != TCP) {
            continue;
        }
        count_tcp(watched, out);
        const double us = watched->socket.round_trip_us;
        if (watched->found && watched->socket.state == MS_TCP_ESTABLISHED && !isnan(us)) {
            sum_us += us;
            timed++;
            out->round_trip_max_us =
                timed == 1 || us > out->round_trip_max_us ? us : out->round_trip_max_us;
        }
    }
    if (timed > 0) {
        out->round_trip_us = sum_us / timed;
    }
}

int ms_watched_network_read(struct ms_watched_network *network, struct ms_socket_monitor *monitor,
                            int folder, const struct ms_open_sockets *open, uint64_t now_ns,
                            struct ms_network *out)
{
    bool fresh[MS_SOCKET_LISTS] = {false};
    int result = ms_socket_monitor_sees(monitor, folder);
    if (result == 0) {
        result = take_open(network, monitor, folder, open, fresh);
    }
    if (result == 0) {
        result = refresh(network, monitor, MS_SOCKETS_TCP, fresh[MS_SOCKETS_TCP], now_ns);
    }
    if (result != 0) {
        return result;
    }
    /* These have no figures worth waiting for: a kernel without their lists still has counts. */
    (void)refresh(network, monitor, MS_SOCKETS_UDP, fresh[MS_SOCKETS_UDP], now_ns);
    (void)refresh(network, monitor, MS_SOCKETS_UNIX, fresh[MS_SOCKETS_UNIX], now_ns);
    sum_up(network, out);
    out->read_ns = now_ns;
    return keep_connections(network, out);
}
