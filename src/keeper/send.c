/* Packets over the keeper's sockets. */
#include "keeper/send.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int ms_send_pair(int socket, const struct iovec *parts, size_t part_count, const int descriptors[2])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = part_count};
    int there[2];
    size_t count = 0;
    for (size_t at = 0; at < 2; at++) {
        if (descriptors[at] >= 0) {
            there[count++] = descriptors[at];
        }
    }
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(rights), there, count * sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == ENOBUFS || errno == ENOMEM)) {
        return -EAGAIN;
    }
    return sent < 0 ? -errno : 0;
}

int ms_send(int socket, const struct iovec *parts, size_t part_count, int descriptor)
{
    return ms_send_pair(socket, parts, part_count, (const int[2]){descriptor, -1});
}
