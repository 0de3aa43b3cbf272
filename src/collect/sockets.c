/* See sockets.h. */
#include "collect/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "wire/clock.h"

#define ALL_STATES       UINT32_MAX
#define LISTS_APART_NS   (250 * MS_NS_PER_MS)
#define LISTS_SHARE      200u /* of time: one in so many */
#define ANSWER_WAIT_US   200000
#define MESSAGES_AT_MOST 200000u
#define SOCKETS_AT_MOST  (1u << 20)

struct listing {
    struct ms_socket *all; /* by inode */
    size_t count, capacity;
    uint64_t done_ns, took_ns; /* done 0: never */
};

struct ms_socket_monitor {
    int netlink; /* -1: not open */
    uint32_t sequence;
    dev_t own_device;
    ino_t own_namespace; /* 0: not looked at yet */
    struct listing lists[MS_SOCKET_LISTS];
    _Alignas(struct nlmsghdr) char answer[32 << 10];
};

struct ms_socket_monitor *ms_socket_monitor_new(void)
{
    struct ms_socket_monitor *monitor = calloc(1, sizeof *monitor);
    if (monitor != NULL) {
        monitor->netlink = -1;
    }
    return monitor;
}

void ms_socket_monitor_free(struct ms_socket_monitor *monitor)
{
    if (monitor == NULL) {
        return;
    }
    for (int i = 0; i < MS_SOCKET_LISTS; i++) {
        free(monitor->lists[i].all);
    }
    if (monitor->netlink >= 0) {
        close(monitor->netlink);
    }
    free(monitor);
}

static int open_netlink(struct ms_socket_monitor *monitor)
{
    if (monitor->netlink >= 0) {
        return 0;
    }
    const int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (descriptor < 0) {
        return -errno;
    }
    const struct timeval wait = {.tv_usec = ANSWER_WAIT_US};
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0) {
        const int error = errno;
        close(descriptor);
        return -error;
    }
    monitor->netlink = descriptor;
    return 0;
}

static void close_netlink(struct ms_socket_monitor *monitor)
{
    close(monitor->netlink);
    monitor->netlink = -1;
}

static int send_request(struct ms_socket_monitor *monitor, uint16_t type, uint16_t flags,
                        const void *request, size_t bytes)
{
    struct {
        struct nlmsghdr header;
        char body[128];
    } message = {.header = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(bytes),
                            .nlmsg_type = type,
                            .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
                            .nlmsg_seq = ++monitor->sequence}};
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (bytes > sizeof message.body) {
        return -EINVAL;
    }
    memcpy(message.body, request, bytes);
    return sendto(monitor->netlink, &message, message.header.nlmsg_len, 0,
                  (const struct sockaddr *)&kernel, sizeof kernel) < 0
               ? -errno
               : 0;
}

/* The kernel's error in a message of that type. */
static int error_of(const struct nlmsghdr *header)
{
    struct nlmsgerr error;
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof error)) {
        return -EPROTO;
    }
    memcpy(&error, NLMSG_DATA(header), sizeof error);
    return error.error <= 0 ? error.error : -EPROTO;
}

static int add_socket(struct listing *listing, const struct ms_socket *socket)
{
    if (listing->count == listing->capacity) {
        const size_t capacity = listing->capacity == 0 ? 64 : 2 * listing->capacity;
        struct ms_socket *grown =
            capacity > SOCKETS_AT_MOST ? NULL : reallocarray(listing->all, capacity, sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        listing->all = grown;
        listing->capacity = capacity;
    }
    listing->all[listing->count++] = *socket;
    return 0;
}

static bool parse(const void *data, size_t bytes, enum ms_connection_kind kind,
                  struct ms_socket *out)
{
    return kind == MS_CONNECTION_UNIX ? ms_socket_parse_unix(data, bytes, out)
                                      : ms_socket_parse_inet(data, bytes, kind, out);
}

/*
 * Receives what answers the last request: all of a list into `listing`, or one socket into `one`.
 * Returns 0 or -errno.
 */
static int receive(struct ms_socket_monitor *monitor, enum ms_connection_kind kind,
                   struct listing *listing, struct ms_socket *one)
{
    for (unsigned messages = 0; messages < MESSAGES_AT_MOST; messages++) {
        const ssize_t got = recv(monitor->netlink, monitor->answer, sizeof monitor->answer, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -errno;
        }
        const struct nlmsghdr *header = (const struct nlmsghdr *)monitor->answer;
        for (size_t left = (size_t)got; left >= sizeof *header &&
                                        header->nlmsg_len >= sizeof *header &&
                                        header->nlmsg_len <= left;) {
            struct ms_socket socket;
            if (header->nlmsg_seq != monitor->sequence) {
                /* of a request whose answer was not waited for */
            } else if (header->nlmsg_type == NLMSG_DONE) {
                return 0;
            } else if (header->nlmsg_type == NLMSG_ERROR) {
                return error_of(header);
            } else if (parse(NLMSG_DATA(header), header->nlmsg_len - NLMSG_HDRLEN, kind, &socket)) {
                if (one != NULL) {
                    *one = socket;
                    return 0;
                }
                if (socket.inode != 0 && add_socket(listing, &socket) != 0) {
                    return -ENOMEM;
                }
            }
            const size_t step = NLMSG_ALIGN((size_t)header->nlmsg_len);
            if (step >= left) {
                break;
            }
            header = (const struct nlmsghdr *)((const char *)header + step);
            left -= step;
        }
    }
    return -EOVERFLOW;
}

static int list_inet(struct ms_socket_monitor *monitor, uint8_t family, uint8_t protocol,
                     struct listing *listing)
{
    const struct inet_diag_req_v2 request = {.sdiag_family = family,
                                             .sdiag_protocol = protocol,
                                             .idiag_ext = 1u << (INET_DIAG_INFO - 1),
                                             .idiag_states = ALL_STATES};
    const int result =
        send_request(monitor, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof request);
    return result != 0
               ? result
               : receive(monitor, protocol == IPPROTO_TCP ? MS_CONNECTION_TCP : MS_CONNECTION_UDP,
                         listing, NULL);
}

/* The older request lists both families of TCP in one walk of the kernel's table. */
static int list_tcp(struct ms_socket_monitor *monitor, struct listing *listing)
{
    const struct inet_diag_req request = {.idiag_family = AF_INET,
                                          .idiag_ext = 1u << (INET_DIAG_INFO - 1),
                                          .idiag_states = ALL_STATES};
    int result = send_request(monitor, TCPDIAG_GETSOCK, NLM_F_DUMP, &request, sizeof request);
    if (result == 0) {
        result = receive(monitor, MS_CONNECTION_TCP, listing, NULL);
    }
    if (result != 0 && result != -ENOMEM) {
        listing->count = 0;
        result = list_inet(monitor, AF_INET, IPPROTO_TCP, listing);
        if (result == 0) {
            (void)list_inet(monitor, AF_INET6, IPPROTO_TCP, listing);
        }
    }
    return result;
}

static int list_udp(struct ms_socket_monitor *monitor, struct listing *listing)
{
    const int result = list_inet(monitor, AF_INET, IPPROTO_UDP, listing);
    if (result == 0) {
        (void)list_inet(monitor, AF_INET6, IPPROTO_UDP, listing); /* a kernel without it has none */
    }
    return result;
}

static int list_unix(struct ms_socket_monitor *monitor, struct listing *listing)
{
    const struct unix_diag_req request = {.sdiag_family = AF_UNIX,
                                          .udiag_states = ALL_STATES,
                                          .udiag_show =
                                              UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN};
    const int result =
        send_request(monitor, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof request);
    return result != 0 ? result : receive(monitor, MS_CONNECTION_UNIX, listing, NULL);
}

static int compare_inodes(const void *left, const void *right)
{
    const struct ms_socket *a = left;
    const struct ms_socket *b = right;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

int ms_socket_monitor_list(struct ms_socket_monitor *monitor, enum ms_socket_list list,
                           uint64_t since_ns, uint64_t now_ns)
{
    struct listing *listing = &monitor->lists[list];
    if (listing->done_ns != 0 && listing->done_ns >= since_ns) {
        return 0;
    }
    const uint64_t rest_ns = listing->took_ns * LISTS_SHARE;
    if (listing->done_ns != 0 &&
        now_ns < listing->done_ns + (rest_ns > LISTS_APART_NS ? rest_ns : LISTS_APART_NS)) {
        return -EAGAIN;
    }
    int result = open_netlink(monitor);
    if (result != 0) {
        return result;
    }
    const uint64_t from_ns = ms_thread_cpu_ns();
    listing->count = 0;
    result = list == MS_SOCKETS_TCP   ? list_tcp(monitor, listing)
             : list == MS_SOCKETS_UDP ? list_udp(monitor, listing)
                                      : list_unix(monitor, listing);
    listing->took_ns = ms_thread_cpu_ns() - from_ns;
    listing->done_ns = now_ns;
    if (listing->count > 1) {
        qsort(listing->all, listing->count, sizeof *listing->all, compare_inodes);
    }
    if (result != 0) {
        close_netlink(monitor); /* what may still come is of no use */
        return result == -EAGAIN ? -ETIMEDOUT : result;
    }
    return 0;
}

const struct ms_socket *ms_socket_monitor_find(const struct ms_socket_monitor *monitor,
                                               enum ms_socket_list list, uint64_t inode)
{
    const struct listing *listing = &monitor->lists[list];
    const struct ms_socket key = {.inode = inode};
    return listing->count == 0
               ? NULL
               : bsearch(&key, listing->all, listing->count, sizeof key, compare_inodes);
}

int ms_socket_monitor_ask(struct ms_socket_monitor *monitor, const struct ms_socket *known,
                          struct ms_socket *out)
{
    struct inet_diag_req_v2 request = {.sdiag_family = known->family,
                                       .sdiag_protocol = IPPROTO_TCP,
                                       .idiag_ext = 1u << (INET_DIAG_INFO - 1),
                                       .idiag_states = ALL_STATES};
    memcpy(&request.id, known->id, sizeof known->id);
    int result = open_netlink(monitor);
    if (result == 0) {
        result = send_request(monitor, SOCK_DIAG_BY_FAMILY, 0, &request, sizeof request);
    }
    if (result == 0) {
        result = receive(monitor, MS_CONNECTION_TCP, NULL, out);
    }
    if (result == -EAGAIN) {
        close_netlink(monitor);
        result = -ETIMEDOUT;
    }
    return result;
}

int ms_socket_monitor_sees(struct ms_socket_monitor *monitor, int folder)
{
    struct stat status;
    if (monitor->own_namespace == 0) {
        if (stat("/proc/self/ns/net", &status) != 0) {
            return -errno;
        }
        monitor->own_device = status.st_dev;
        monitor->own_namespace = status.st_ino;
    }
    if (fstatat(folder, "ns/net", &status, 0) != 0) {
        return -errno;
    }
    return status.st_dev == monitor->own_device && status.st_ino == monitor->own_namespace ? 0
                                                                                           : -EXDEV;
}

const char *ms_sockets_because(int error)
{
    switch (error) {
    case -EXDEV:
        return "the process has another network namespace; run memscope-top inside of it (nsenter "
               "-n)";
    case -ENOENT:
    case -EPROTONOSUPPORT:
    case -EAFNOSUPPORT:
    case -EINVAL:
        return "the kernel has no sock_diag (CONFIG_INET_DIAG)";
    case -EACCES:
    case -EPERM:
        return "not allowed to ask for it";
    default:
        return "the kernel did not answer";
    }
}
