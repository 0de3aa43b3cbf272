/*
 * Clients. A probe asks for a region and is gone; a viewer has four places to go on from (session,
 * regions, ends, output) and is sent what is new at each of them as long as its queue takes it.
 */
#include "keeper/viewers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/processes.h"
#include "keeper/pty.h"
#include "keeper/regions.h"
#include "keeper/send.h"
#include "keeper/tracking.h"
#include "wire/clock.h"

#define HELLO_WITHIN_NS   (2 * MS_NS_PER_S)
#define MESSAGES_A_CALL   64
#define OUTPUT_PART_BYTES (MS_MESSAGE_MAX_BYTES - sizeof(struct ms_message_output))

static void close_client(struct ms_keeper *keeper, uint32_t index)
{
    struct ms_client *client = keeper->clients[index];
    keeper->clients[index] = NULL;
    close(client->socket);
    free(client);
}

uint32_t ms_clients_viewers(const struct ms_keeper *keeper)
{
    uint32_t count = 0;
    for (uint32_t index = 0; index < MS_KEEPER_CLIENTS_MAX; index++) {
        const struct ms_client *client = keeper->clients[index];
        count += client != NULL && client->role == MS_CLIENT_VIEWER && !client->ask_only;
    }
    return count;
}

/* A free place; if need be that of whoever has been in a handshake for longest. */
static int find_place(struct ms_keeper *keeper)
{
    int oldest = -ENOSPC;
    for (uint32_t index = 0; index < MS_KEEPER_CLIENTS_MAX; index++) {
        const struct ms_client *client = keeper->clients[index];
        if (client == NULL) {
            return (int)index;
        }
        if (client->role != MS_CLIENT_VIEWER &&
            (oldest < 0 || client->since_ns < keeper->clients[oldest]->since_ns)) {
            oldest = (int)index;
        }
    }
    if (oldest >= 0) {
        close_client(keeper, (uint32_t)oldest);
    }
    return oldest;
}

int ms_clients_add(struct ms_keeper *keeper, int socket, enum ms_client_role role, pid_t pid)
{
    int place = find_place(keeper);
    struct ms_client *client = place >= 0 ? calloc(1, sizeof(*client)) : NULL;
    if (client == NULL) {
        close(socket);
        return place < 0 ? place : -ENOMEM;
    }
    *client = (struct ms_client){
        .socket = socket, .role = role, .pid = pid, .since_ns = ms_monotonic_ns()};
    keeper->clients[place] = client;
    int error =
        ms_session_watch_fd(keeper, socket, EPOLLIN, MS_EVENT(MS_EVENT_CLIENT, (uint32_t)place));
    if (error != 0) {
        close_client(keeper, (uint32_t)place);
        return error;
    }
    return place;
}

static void pause_listener(struct ms_keeper *keeper, bool pause)
{
    struct epoll_event wanted = {.events = pause ? 0 : EPOLLIN,
                                 .data.u64 = MS_EVENT(MS_EVENT_LISTENER, 0)};
    epoll_ctl(keeper->epoll, EPOLL_CTL_MOD, keeper->listener, &wanted);
    keeper->listener_paused = pause;
}

void ms_clients_accept(struct ms_keeper *keeper)
{
    for (int count = 0; count < MESSAGES_A_CALL; count++) {
        int socket = accept4(keeper->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (socket < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                pause_listener(keeper, true);
            }
            return;
        }
        struct ucred peer;
        socklen_t size = sizeof(peer);
        if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
            peer.uid != geteuid()) {
            close(socket);
            continue;
        }
        ms_clients_add(keeper, socket, MS_CLIENT_UNKNOWN, peer.pid);
    }
}

static int refuse(const struct ms_client *client, const char *why)
{
    struct ms_message_refused message = {
        .header = {.type = MS_MSG_REFUSED, .version = MS_WIRE_VERSION, .bytes = sizeof(message)}};
    snprintf(message.why, sizeof(message.why), "%s", why);
    const struct iovec part = {&message, sizeof(message)};
    return ms_send(client->socket, &part, 1, -1);
}

/* A late process belongs to a tree that seemed to have ended: take that back. */
static void revive_tree(struct ms_keeper *keeper)
{
    keeper->tree_ended = false;
    for (uint32_t index = 0; index < MS_KEEPER_CLIENTS_MAX; index++) {
        if (keeper->clients[index] != NULL) {
            keeper->clients[index]->tree_end_sent = false;
        }
    }
}

/* 0: go on with this client; else it is to be closed. */
static int welcome_probe(struct ms_keeper *keeper, struct ms_client *client,
                         const struct ms_message_probe_hello *hello, size_t bytes)
{
    if (bytes < sizeof(*hello) || hello->region_version != MS_REGION_VERSION) {
        refuse(client, "the keeper is of another version");
        return -EPROTONOSUPPORT;
    }
    struct ms_region_file *file;
    int fd = keeper->probed ? ms_region_create(&keeper->config) : -EPERM;
    int error = fd < 0 ? fd : ms_regions_add(keeper, fd, client->pid, &file);
    if (error != 0) {
        refuse(client, error == -ENOSPC ? "too many processes at a time" : strerror(-error));
        return error;
    }
    if (keeper->tree_ended) {
        revive_tree(keeper);
    }
    client->role = MS_CLIENT_PROBE;
    struct ms_message_region message = ms_region_message(file->number, 0, false);
    return ms_region_send_probe(client->socket, &message, file->fd, keeper->trace[1]);
}

static int welcome_viewer(struct ms_keeper *keeper, struct ms_client *client,
                          const struct ms_message_viewer_hello *hello, size_t bytes)
{
    if (bytes < sizeof(*hello)) {
        return -EPROTO;
    }
    client->ask_only = hello->role == MS_VIEWER_ASK_ONLY;
    if (!client->ask_only && ms_clients_viewers(keeper) >= MS_KEEPER_VIEWERS_MAX) {
        refuse(client, "too many viewers");
        return -EUSERS;
    }
    client->role = MS_CLIENT_VIEWER;
    client->trace_asked = hello->wants_trace != 0;
    client->output_next =
        hello->output_from < keeper->output.end ? hello->output_from : keeper->output.end;
    keeper->viewer_came |= !client->ask_only;
    return 0;
}

static int command(struct ms_keeper *keeper, struct ms_client *client,
                   const struct ms_message_header *header, size_t bytes)
{
    if (header->type == MS_MSG_SIGNAL && bytes >= sizeof(struct ms_message_signal)) {
        const struct ms_message_signal *message = (const void *)header;
        ms_processes_signal(keeper, header->process_id, message->signal);
    } else if (header->type == MS_MSG_WINDOW_SIZE &&
               bytes >= sizeof(struct ms_message_window_size)) {
        const struct ms_message_window_size *message = (const void *)header;
        ms_pty_window_size(keeper, message->rows, message->columns);
    } else if (header->type == MS_MSG_INPUT) {
        ms_pty_input(keeper, (const char *)(header + 1), bytes - sizeof(*header));
    } else if (header->type == MS_MSG_TRACE) {
        client->trace_asked = true;
    } else if (header->type == MS_MSG_SET_TRACKING) {
        client->tracking_asked = true;
        client->tracking_refusal = bytes >= sizeof(struct ms_message_tracking)
                                       ? ms_tracking_set(keeper, (const void *)header)
                                       : "the message is cut short";
    }
    return header->type == MS_MSG_DETACH ? -ESHUTDOWN : 0;
}

static int handle_message(struct ms_keeper *keeper, struct ms_client *client,
                          const struct ms_message_header *header, size_t bytes)
{
    if (bytes < sizeof(*header) || header->bytes != bytes) {
        return -EPROTO;
    }
    if (header->version != MS_WIRE_VERSION) {
        refuse(client, "the keeper is of another version");
        return -EPROTONOSUPPORT;
    }
    if (client->role == MS_CLIENT_VIEWER) {
        return command(keeper, client, header, bytes);
    }
    if (client->role == MS_CLIENT_PROBE) {
        return header->type == MS_MSG_PROBE_READY ? -ESHUTDOWN : 0;
    }
    if (header->type == MS_MSG_PROBE_HELLO) {
        return welcome_probe(keeper, client, (const void *)header, bytes);
    }
    return header->type == MS_MSG_VIEWER_HELLO
               ? welcome_viewer(keeper, client, (const void *)header, bytes)
               : -EPROTO;
}

void ms_clients_handle(struct ms_keeper *keeper, uint32_t index, uint32_t events)
{
    struct ms_client *client = index < MS_KEEPER_CLIENTS_MAX ? keeper->clients[index] : NULL;
    if (client == NULL) {
        return;
    }
    if ((events & EPOLLOUT) != 0) {
        client->waits_for_room = false;
    }
    _Alignas(8) char bytes[MS_MESSAGE_MAX_BYTES];
    for (int count = 0; count < MESSAGES_A_CALL; count++) {
        ssize_t got = recv(client->socket, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (got <= 0 || handle_message(keeper, client, (const void *)bytes, (size_t)got) != 0) {
            close_client(keeper, index);
            return;
        }
    }
}

static int send_session(const struct ms_keeper *keeper, struct ms_client *client)
{
    struct ms_message_session message = keeper->session;
    message.flags |= keeper->program_alive ? 0u : (uint32_t)MS_SESSION_ENDED;
    message.viewers = ms_clients_viewers(keeper) - (client->ask_only ? 0 : 1);
    const struct iovec part = {&message, sizeof(message)};
    int error = ms_send(client->socket, &part, 1, -1);
    client->session_sent = error == 0;
    return error;
}

static int send_regions(const struct ms_keeper *keeper, struct ms_client *client)
{
    const struct ms_region_file *file;
    while ((file = ms_regions_from(keeper, client->region_next)) != NULL) {
        pid_t pid = file->watches[0].pid;
        struct ms_message_region message =
            ms_region_message(file->number, pid, pid == keeper->program);
        int error = ms_region_send_viewer(client->socket, &message, file->fd);
        if (error != 0) {
            return error;
        }
        client->region_next = file->number + 1;
    }
    return 0;
}

static int send_ends(const struct ms_keeper *keeper, struct ms_client *client)
{
    if (keeper->end_count > client->end_next + MS_KEEPER_ENDS_MAX) {
        client->end_next = keeper->end_count - MS_KEEPER_ENDS_MAX;
    }
    while (client->end_next < keeper->end_count) {
        struct ms_message_process_end *end = &keeper->ends[client->end_next % MS_KEEPER_ENDS_MAX];
        const struct iovec part = {end, sizeof(*end)};
        int error = ms_send(client->socket, &part, 1, -1);
        if (error != 0) {
            return error;
        }
        client->end_next++;
    }
    return 0;
}

static int send_output(const struct ms_keeper *keeper, struct ms_client *client)
{
    while (keeper->terminal >= 0 && client->output_next < keeper->output.end) {
        uint64_t oldest = ms_ring_oldest(&keeper->output);
        if (client->output_next < oldest) {
            client->output_dropped += oldest - client->output_next;
            client->output_next = oldest;
        }
        struct ms_message_output message = {.offset = client->output_next,
                                            .dropped = client->output_dropped};
        struct iovec parts[3] = {{&message, sizeof(message)}};
        size_t bytes =
            ms_ring_peek(&keeper->output, client->output_next, OUTPUT_PART_BYTES, parts + 1);
        message.bytes = (uint32_t)bytes;
        message.header = (struct ms_message_header){
            .type = MS_MSG_OUTPUT,
            .version = MS_WIRE_VERSION,
            .bytes = (uint32_t)(sizeof(message) + bytes),
            .process_id = MS_PROCESS_ID(1, 0),
        };
        int error = ms_send(client->socket, parts, 3, -1);
        if (error != 0) {
            return error;
        }
        client->output_next += bytes;
    }
    return 0;
}

static int answer_tracking(const struct ms_keeper *keeper, struct ms_client *client)
{
    if (!client->tracking_asked) {
        return 0;
    }
    int error;
    if (client->tracking_refusal != NULL) {
        error = refuse(client, client->tracking_refusal);
    } else {
        struct ms_message_tracking message = {.header = {.type = MS_MSG_TRACKING,
                                                         .version = MS_WIRE_VERSION,
                                                         .bytes = sizeof(message)},
                                              .parts = MS_TRACKING_PARTS,
                                              .tracking = keeper->config.tracking};
        const struct iovec part = {&message, sizeof(message)};
        error = ms_send(client->socket, &part, 1, -1);
    }
    client->tracking_asked = error != 0;
    return error;
}

/* Two readers of one queue would each see half of it. */
static int send_trace(const struct ms_keeper *keeper, struct ms_client *client)
{
    if (!client->trace_asked) {
        return 0;
    }
    struct ms_message_trace message = {
        .header = {.type = MS_MSG_TRACE, .version = MS_WIRE_VERSION, .bytes = sizeof(message)},
        .answer = keeper->trace[0] >= 0 ? MS_TRACE_GIVEN : MS_TRACE_NOT_ASKED_FOR};
    for (uint32_t index = 0; index < MS_KEEPER_CLIENTS_MAX; index++) {
        const struct ms_client *other = keeper->clients[index];
        if (other != NULL && other != client && other->trace_reader) {
            message.answer = MS_TRACE_TAKEN;
        }
    }
    bool given = message.answer == MS_TRACE_GIVEN;
    const struct iovec part = {&message, sizeof(message)};
    int error = ms_send(client->socket, &part, 1, given ? keeper->trace[0] : -1);
    if (error == 0) {
        client->trace_asked = false;
        client->trace_reader = given;
    }
    return error;
}

static int send_tree_end(const struct ms_keeper *keeper, struct ms_client *client)
{
    if (!keeper->tree_ended || client->tree_end_sent) {
        return 0;
    }
    struct ms_message_header message = {
        .type = MS_MSG_TREE_END, .version = MS_WIRE_VERSION, .bytes = sizeof(message)};
    const struct iovec part = {&message, sizeof(message)};
    int error = ms_send(client->socket, &part, 1, -1);
    client->tree_end_sent = error == 0;
    return error;
}

/* What is new, in this order: an end refers to a region, nothing comes after the tree's end. */
static int send_news(const struct ms_keeper *keeper, struct ms_client *client)
{
    int error = client->session_sent ? 0 : send_session(keeper, client);
    if (error == 0) {
        error = answer_tracking(keeper, client);
    }
    if (error != 0 || client->ask_only) {
        return error;
    }
    error = send_trace(keeper, client);
    if (error == 0) {
        error = send_regions(keeper, client);
    }
    if (error == 0) {
        error = send_ends(keeper, client);
    }
    if (error == 0) {
        error = send_output(keeper, client);
    }
    return error != 0 ? error : send_tree_end(keeper, client);
}

static void wait_for_room(const struct ms_keeper *keeper, uint32_t index, bool wait)
{
    struct ms_client *client = keeper->clients[index];
    if (client->room_event == wait) {
        return;
    }
    struct epoll_event wanted = {.events = EPOLLIN | (wait ? (uint32_t)EPOLLOUT : 0u),
                                 .data.u64 = MS_EVENT(MS_EVENT_CLIENT, index)};
    epoll_ctl(keeper->epoll, EPOLL_CTL_MOD, client->socket, &wanted);
    client->room_event = wait;
}

void ms_clients_pump(struct ms_keeper *keeper)
{
    for (uint32_t index = 0; index < MS_KEEPER_CLIENTS_MAX; index++) {
        struct ms_client *client = keeper->clients[index];
        if (client == NULL || client->role != MS_CLIENT_VIEWER || client->waits_for_room) {
            continue;
        }
        int error = send_news(keeper, client);
        if (error != 0 && error != -EAGAIN) {
            close_client(keeper, index);
            continue;
        }
        client->waits_for_room = error == -EAGAIN;
        wait_for_room(keeper, index, client->waits_for_room);
    }
}

void ms_clients_expire(struct ms_keeper *keeper, uint64_t now_ns)
{
    if (keeper->listener_paused) {
        pause_listener(keeper, false);
    }
    for (uint32_t index = 0; index < MS_KEEPER_CLIENTS_MAX; index++) {
        const struct ms_client *client = keeper->clients[index];
        if (client != NULL && client->role == MS_CLIENT_UNKNOWN &&
            client->since_ns + HELLO_WITHIN_NS < now_ns) {
            close_client(keeper, index);
        }
    }
}

void ms_clients_close(struct ms_keeper *keeper)
{
    for (uint32_t index = 0; index < MS_KEEPER_CLIENTS_MAX; index++) {
        if (keeper->clients[index] != NULL) {
            close_client(keeper, index);
        }
    }
}
