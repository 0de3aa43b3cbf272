/* See channel.h. */
#include "collect/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/clock.h"
#include "wire/descriptor.h"

#define HELLO_WITHIN_NS (2 * MS_NS_PER_S)

/* The least a message of this type must have; 0: not one that a viewer gets. */
static size_t least_bytes(uint32_t type)
{
    switch (type) {
    case MS_MSG_REGION:
        return sizeof(struct ms_message_region);
    case MS_MSG_SESSION:
        return sizeof(struct ms_message_session);
    case MS_MSG_OUTPUT:
        return sizeof(struct ms_message_output);
    case MS_MSG_PROCESS_END:
        return sizeof(struct ms_message_process_end);
    case MS_MSG_TRACE:
        return sizeof(struct ms_message_trace);
    case MS_MSG_TRACKING:
        return sizeof(struct ms_message_tracking);
    case MS_MSG_TREE_END:
    case MS_MSG_REFUSED:
        return sizeof(struct ms_message_header);
    default:
        return 0;
    }
}

int ms_channel_receive(int socket, union ms_packet *packet, int *descriptor, bool *ignored)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec part = {packet, sizeof *packet};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    *descriptor = -1;
    *ignored = false;
    ssize_t bytes = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (bytes < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    *descriptor = ms_descriptor_take(&message);
    if (bytes == 0) {
        return -ECONNRESET;
    }
    const struct ms_message_header *header = &packet->header;
    size_t least = (size_t)bytes < sizeof *header ? 0 : least_bytes(header->type);
    if ((message.msg_flags & MSG_TRUNC) != 0 || least == 0 || (size_t)bytes < least ||
        header->bytes != (uint32_t)bytes || header->version != MS_WIRE_VERSION) {
        if (*descriptor >= 0) {
            close(*descriptor);
            *descriptor = -1;
        }
        if ((size_t)bytes >= sizeof *header && header->version != MS_WIRE_VERSION) {
            return -EPROTONOSUPPORT;
        }
        *ignored = true;
        return 0;
    }
    return 1;
}

int ms_channel_send(int socket, struct ms_message_header *message, size_t bytes)
{
    message->version = MS_WIRE_VERSION;
    message->bytes = (uint32_t)bytes;
    ssize_t sent;
    do {
        sent = send(socket, message, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static int wait_for_session(int socket, struct ms_message_session *session)
{
    static union ms_packet packet;
    uint64_t until_ns = ms_monotonic_ns() + HELLO_WITHIN_NS;
    for (;;) {
        uint64_t now_ns = ms_monotonic_ns();
        if (now_ns >= until_ns) {
            return -ETIMEDOUT;
        }
        struct pollfd wanted = {.fd = socket, .events = POLLIN};
        (void)poll(&wanted, 1, (int)((until_ns - now_ns) / MS_NS_PER_MS) + 1);
        int descriptor;
        bool ignored;
        int result = ms_channel_receive(socket, &packet, &descriptor, &ignored);
        if (result < 0) {
            return result;
        }
        if (descriptor >= 0) {
            close(descriptor);
        }
        if (result == 1 && packet.header.type == MS_MSG_REFUSED) {
            return -EPROTONOSUPPORT;
        }
        if (result == 1 && packet.header.type == MS_MSG_SESSION) {
            *session = packet.session;
            return 0;
        }
    }
}

static int connect_to(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(socket_path);
    if (length >= sizeof address.sun_path) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, socket_path, length + 1);
    int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connection < 0) {
        return -errno;
    }
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (connect(connection, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        int error = errno;
        close(connection);
        return -error;
    }
    if (peer.uid != geteuid()) {
        close(connection);
        return -EACCES;
    }
    return connection;
}

int ms_channel_connect(const char *socket_path, bool ask_only, bool trace,
                       struct ms_message_session *session)
{
    int connection = connect_to(socket_path);
    if (connection < 0) {
        return connection;
    }
    struct ms_message_viewer_hello hello = {
        .header = {.type = MS_MSG_VIEWER_HELLO},
        .role = ask_only ? MS_VIEWER_ASK_ONLY : MS_VIEWER_FULL,
        .wants_trace = trace && !ask_only,
    };
    int result = ms_channel_send(connection, &hello.header, sizeof hello);
    if (result == 0) {
        result = wait_for_session(connection, session);
    }
    if (result != 0) {
        close(connection);
        return result;
    }
    return connection;
}
