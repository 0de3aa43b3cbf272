/*
 * Fetching the region from the keeper. Any failure leaves the program untracked, never late by more
 * than MS_PROBE_WAIT_MS, on a machine that is full MS_PROBE_WAIT_BUSY_MS, and never with a
 * descriptor of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe/direct.h"
#include "probe/environment.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/process.h"
#include "probe/trace.h"
#include "wire/clock.h"
#include "wire/descriptor.h"
#include "wire/message.h"

/* The program expects the lowest numbers to be free, the kernel's first table has 64. */
#define DESCRIPTOR_LOW 48
#define SLICE_MS       10
#define RETRY_MS       2

/* The socket between begin and finish, -1 otherwise. */
static int keeper_socket = -1;
static uint32_t process_id;

/*
 * How long is waited. Slices are counted, not time: a machine that stood still took the keeper's
 * time as well as ours.
 */
struct patience {
    uint64_t deadline_ns; /* for a keeper that is busy */
    int left_ms;          /* for any other */
};

bool ms_follow_children;

static bool peer_of(int descriptor, struct ucred *peer)
{
    socklen_t size = sizeof(*peer);
    return ms_direct_getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0;
}

/* Is it a socket of ours: Unix, packets, the other end opened by our user or by root? */
static bool is_keepers(int descriptor)
{
    int value = 0;
    socklen_t size = sizeof(value);
    if (ms_direct_getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &value, &size) != 0 ||
        value != AF_UNIX) {
        return false;
    }
    size = sizeof(value);
    if (ms_direct_getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &value, &size) != 0 ||
        value != SOCK_SEQPACKET) {
        return false;
    }
    struct ucred peer;
    return peer_of(descriptor, &peer) && (peer.uid == geteuid() || peer.uid == 0);
}

/*
 * Would the keeper run if it could: by its state in /proc it waits for a core or for a device? One
 * that is stopped or gone will not, of one that cannot be seen from here nobody knows.
 */
static bool keeper_is_busy(void)
{
    struct ucred peer;
    if (!peer_of(keeper_socket, &peer) || peer.pid <= 0) {
        return false;
    }
    char path[32] = "/proc/";
    size_t length = strlen(path);
    for (pid_t scale = 1000000000; scale > 0; scale /= 10) {
        if (peer.pid >= scale) {
            path[length++] = (char)('0' + peer.pid / scale % 10);
        }
    }
    memcpy(path + length, "/stat", sizeof("/stat"));
    int file = ms_direct_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    char text[64] = {0}; /* pid (name of 15 bytes at most) state */
    ssize_t got = ms_direct_read(file, text, sizeof(text) - 2);
    ms_direct_close(file);
    while (got > 0 && text[got - 1] != ')') {
        got--;
    }
    return got > 0 && (text[got + 1] == 'R' || text[got + 1] == 'D');
}

/* Is there time for another wait of so many milliseconds? */
static bool waits_on(struct patience *patience, int slice_ms)
{
    patience->left_ms -= slice_ms;
    return patience->left_ms > 0 || (ms_now_ns() < patience->deadline_ns && keeper_is_busy());
}

static ssize_t receive_retry(int descriptor, struct msghdr *message, int flags)
{
    ssize_t got;
    do {
        got = ms_direct_recvmsg(descriptor, message, flags);
    } while (got < 0 && errno == EINTR);
    return got;
}

/*
 * Receives MS_MSG_REGION without waiting. It is looked at before it is taken: should the number
 * belong to the program after all, its packets stay where they are.
 */
static int receive_region(int socket_descriptor)
{
    struct ms_message_region region;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec part = {&region, sizeof(region)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got = receive_retry(socket_descriptor, &message, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0) {
        return -errno;
    }
    if (got < (ssize_t)sizeof(region.header)) {
        return got == 0 ? -ECONNRESET : -EPROTO;
    }
    if (region.header.version != MS_WIRE_VERSION) {
        return -EPROTONOSUPPORT;
    }
    if (region.header.type == MS_MSG_REFUSED) {
        return -ECONNREFUSED;
    }
    if (region.header.type != MS_MSG_REGION || got < (ssize_t)sizeof(region)) {
        return -EPROTO;
    }
    message = (struct msghdr){.msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control)};
    got = receive_retry(socket_descriptor, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0) {
        return -errno;
    }
    int descriptors[2] = {-1, -1}; /* the region, the trace socket if there is one */
    if (ms_descriptors_take(&message, descriptors, 2) == 0) {
        /* Cut control data: no number was free in our table. */
        return (message.msg_flags & MSG_CTRUNC) != 0 ? -EMFILE : -EPROTO;
    }
    process_id = region.header.process_id;
    ms_trace_begin(descriptors[1], MS_PROCESS_REGION(process_id));
    return descriptors[0];
}

static int send_probe_message(uint32_t type)
{
    struct ms_message_probe_hello hello = {
        .header = {.type = type,
                   .version = MS_WIRE_VERSION,
                   .bytes = sizeof(hello),
                   .process_id = process_id},
        .pid = (uint32_t)getpid(),
        .region_version = MS_REGION_VERSION,
    };
    ssize_t sent;
    do {
        sent = ms_direct_send(keeper_socket, &hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static void close_socket(void)
{
    if (keeper_socket >= 0) {
        ms_direct_close(keeper_socket);
        keeper_socket = -1;
    }
}

/* Connects keeper_socket to `path`. A full queue is asked again as long as there is patience. */
static int connect_keeper(const char *path, struct patience *patience)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(address.sun_path)) {
        return -ENOENT;
    }
    memcpy(address.sun_path, path, length + 1);
    int made = ms_direct_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return -errno;
    }
    int high = ms_direct_fcntl(made, F_DUPFD_CLOEXEC, DESCRIPTOR_LOW);
    keeper_socket = made;
    if (high >= 0) {
        ms_direct_close(made);
        keeper_socket = high;
    }
    while (ms_direct_connect(keeper_socket, (const struct sockaddr *)&address, sizeof(address)) !=
           0) {
        if (errno == EISCONN) {
            break;
        }
        int error = errno;
        if ((error != EAGAIN && error != EINTR) || !waits_on(patience, RETRY_MS)) {
            return -error;
        }
        (void)ms_direct_poll(NULL, 0, RETRY_MS);
    }
    return is_keepers(keeper_socket) ? 0 : -EACCES;
}

static int ask_keeper(const char *path)
{
    struct patience patience = {
        .deadline_ns = ms_now_ns() + MS_PROBE_WAIT_BUSY_MS * MS_NS_PER_MS,
        .left_ms = MS_PROBE_WAIT_MS,
    };
    int error = connect_keeper(path, &patience);
    if (error == 0) {
        error = send_probe_message(MS_MSG_PROBE_HELLO);
    }
    while (error == 0) {
        struct pollfd wait = {.fd = keeper_socket, .events = POLLIN};
        int ready = ms_direct_poll(&wait, 1, SLICE_MS);
        if (ready > 0) {
            return receive_region(keeper_socket);
        }
        if (ready < 0 && errno != EINTR) {
            return -errno;
        }
        if (!waits_on(&patience, SLICE_MS)) {
            return -ETIMEDOUT;
        }
    }
    return error;
}

int ms_handshake_begin(void)
{
    int errno_before = errno;
    int result = -ENOENT;
    int inherited = ms_environment_carried.socket;
    if (inherited >= 0 && is_keepers(inherited)) {
        result = receive_region(inherited);
        if (result >= 0 || result == -EPROTONOSUPPORT || result == -EMFILE) {
            keeper_socket = inherited;
        }
    }
    if (keeper_socket < 0 && ms_environment_carried.session[0] != '\0') {
        result = ask_keeper(ms_environment_carried.session);
    }
    if (result < 0) {
        close_socket();
    }
    errno = errno_before;
    return result;
}

void ms_handshake_finish(void)
{
    int errno_before = errno;
    if (ms_region == NULL) {
        ms_trace_end();
    }
    ms_follow_children = ms_region != NULL && ms_region->config.follow_children != 0;
    if (keeper_socket >= 0) {
        /* A keeper that does not read learns from the region's state instead. */
        (void)send_probe_message(MS_MSG_PROBE_READY);
        close_socket();
    }
    errno = errno_before;
}
