/*
 * Hostile packets over the keeper's socket, both ways. The input is a list of packets: the first
 * byte says to whom, then type and flags of each, its length and its content. What a keeper could
 * send goes into a collector that is connected as a viewer is, what a client could send into the
 * clients of a keeper without a program (so that no signal finds anybody).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "collect/collect.h"
#include "fuzz.h"
#include "keeper/ring.h"
#include "keeper/session.h"
#include "keeper/viewers.h"
#include "wire/clock.h"
#include "wire/layout.h"
#include "wire/message.h"

enum { PACKETS_MAX = 24, PREFIX_BYTES = 6, TYPES = MS_MSG_TRACKING + 3 };

/* What is not as it should be. */
enum { WRONG_VERSION = 1, WRONG_BYTES = 2, SHORT = 4, WITH_REGION = 8, WITH_OTHER = 16 };

static void need(bool good)
{
    if (!good) {
        perror("fuzz_messages");
        abort();
    }
}

/* A region as a keeper makes one, in which nothing was counted. */
static int region_descriptor(void)
{
    static int descriptor = -1;
    if (descriptor < 0) {
        const struct ms_probe_config config = {
            .tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32}};
        static struct ms_region_header header;
        ms_region_format(&header, 0, &config);
        header.state = MS_REGION_ACTIVE;
        descriptor = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        need(descriptor >= 0 && ftruncate(descriptor, (off_t)ms_region_file_bytes()) == 0 &&
             pwrite(descriptor, &header, sizeof header, 0) == (ssize_t)sizeof header &&
             fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
    }
    return descriptor;
}

static void send_packet(int socket, const void *bytes, size_t count, unsigned flags)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec part = {(void *)(uintptr_t)bytes, count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if ((flags & (WITH_REGION | WITH_OTHER)) != 0) {
        const int descriptor = (flags & WITH_REGION) != 0 ? region_descriptor() : STDERR_FILENO;
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *part_of = CMSG_FIRSTHDR(&message);
        part_of->cmsg_level = SOL_SOCKET;
        part_of->cmsg_type = SCM_RIGHTS;
        part_of->cmsg_len = CMSG_LEN(sizeof descriptor);
        memcpy(CMSG_DATA(part_of), &descriptor, sizeof descriptor);
    }
    (void)sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* All packets of an input; those that lack bytes have zeroes there, as a sound one would. */
static void send_all(int socket, const uint8_t *data, size_t size)
{
    for (int i = 0; i < PACKETS_MAX && size >= PREFIX_BYTES; i++) {
        _Alignas(8) uint8_t packet[MS_MESSAGE_MAX_BYTES] = {0};
        uint16_t length;
        memcpy(&length, data + 2, sizeof length);
        const unsigned flags = data[1];
        size_t content = length % (sizeof packet - sizeof(struct ms_message_header));
        content = content < 512 && (flags & SHORT) == 0 ? 512 : content; /* what most need */
        const size_t there = size - PREFIX_BYTES < content ? size - PREFIX_BYTES : content;
        size_t bytes = sizeof(struct ms_message_header) + content;
        if (data[0] % TYPES == MS_MSG_SESSION && (flags & SHORT) == 0) {
            bytes = sizeof(struct ms_message_session);
        }
        memcpy(packet + sizeof(struct ms_message_header), data + PREFIX_BYTES, there);
        const struct ms_message_header header = {
            .type = data[0] % TYPES,
            .version = (flags & WRONG_VERSION) != 0 ? data[4] : MS_WIRE_VERSION,
            .bytes = (flags & WRONG_BYTES) != 0 ? data[5] * 77u : (uint32_t)bytes,
            .process_id = MS_PROCESS_ID(data[4] % 4u, data[5] % 4u)};
        memcpy(packet, &header, sizeof header);
        if ((flags & (SHORT | WRONG_BYTES)) == (SHORT | WRONG_BYTES)) {
            bytes = 1 + length % sizeof header;
        }
        send_packet(socket, packet, bytes, flags);
        data += PREFIX_BYTES + there;
        size -= PREFIX_BYTES + there;
    }
}

/* --- to the viewer --- */

struct server {
    int listener;
    char path[64];
    const uint8_t *data;
    size_t size;
};

static void *serve(void *context)
{
    const struct server *server = context;
    const int socket = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0) {
        return NULL;
    }
    /* Mostly it is a session at first: without one nobody listens. */
    struct ms_message_session session = {
        .header = {.type = MS_MSG_SESSION, .version = MS_WIRE_VERSION, .bytes = sizeof session},
        .pid = (uint32_t)getpid(),
        .flags = MS_SESSION_PTY | MS_SESSION_PROBED,
        .start_ns = ms_monotonic_ns(),
        .argc = 1,
        .exe_bytes = 4,
        .text_bytes = 8,
        .text = "exe\0arg"};
    if (server->size > 16 && server->data[0] >= 0xc0) {
        memcpy((char *)&session + sizeof session.header, server->data + 1, 16);
        memcpy(&session.exe_bytes, server->data + 1, 8);
    }
    send_packet(socket, &session, sizeof session, 0);
    send_all(socket, server->data + 1, server->size - 1);
    close(socket);
    return NULL;
}

static struct server server = {.listener = -1};

static void remove_socket(void)
{
    unlink(server.path);
}

static void listen_at(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(server.path, sizeof server.path, "/tmp/memscope-fuzz-%d.sock", (int)getpid());
    memcpy(address.sun_path, server.path, strlen(server.path) + 1);
    server.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    need(server.listener >= 0 &&
         bind(server.listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
         listen(server.listener, 4) == 0 && atexit(remove_socket) == 0);
}

static void to_viewer(const uint8_t *data, size_t size)
{
    enum { HANDLED_AT_MOST = 64 };
    static const struct ms_collect_options options = {
        .interval_ns = 100000000, .children = true, .sites = true, .trace = true};
    if (server.listener < 0) {
        listen_at();
    }
    server.data = data;
    server.size = size;
    pthread_t thread;
    struct ms_collector *collector = NULL;
    need(pthread_create(&thread, NULL, serve, &server) == 0);
    if (ms_collector_connect(server.path, &options, &collector) == 0) {
        int error = 0;
        for (int i = 0; i < HANDLED_AT_MOST && error == 0; i++) {
            error = ms_collector_handle(collector);
            if (i == 0 || error != 0) {
                (void)ms_collector_tick(collector, ms_monotonic_ns());
            }
            if (ms_collector_state(collector) == MS_STATE_TREE_ENDED && i > 4) {
                break;
            }
        }
        (void)ms_collector_exit_status(collector);
        ms_collector_free(collector);
    }
    pthread_join(thread, NULL);
}

/* --- to the keeper --- */

static void to_keeper(const uint8_t *data, size_t size)
{
    struct ms_keeper *keeper = calloc(1, sizeof *keeper);
    int pair[2];
    need(keeper != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    need(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    keeper->epoll = epoll_create1(EPOLL_CLOEXEC);
    keeper->terminal = open("/dev/null", O_RDWR | O_CLOEXEC);
    keeper->listener = keeper->signals = keeper->terminal_slave = keeper->tee = -1;
    keeper->trace[0] = keeper->trace[1] = -1;
    keeper->program = 0x3fffffff; /* nobody, should it be taken for one */
    keeper->config.tracking = (struct ms_tracking){.mode = MS_MODE_EXACT, .stack_depth = 32};
    keeper->session.header = (struct ms_message_header){
        .type = MS_MSG_SESSION, .version = MS_WIRE_VERSION, .bytes = sizeof keeper->session};
    need(ms_ring_init(&keeper->output, 65536) == 0);
    const int index = ms_clients_add(keeper, pair[0], MS_CLIENT_UNKNOWN, getpid());
    need(index >= 0);
    if ((data[0] & 1) == 0) {
        const struct ms_message_viewer_hello hello = {.header = {.type = MS_MSG_VIEWER_HELLO,
                                                                 .version = MS_WIRE_VERSION,
                                                                 .bytes = sizeof hello}};
        send_packet(pair[1], &hello, sizeof hello, 0);
    }
    send_all(pair[1], data + 1, size - 1);
    for (int i = 0; i < 4; i++) {
        ms_clients_handle(keeper, (uint32_t)index, EPOLLIN);
        ms_clients_pump(keeper);
    }
    close(pair[1]);
    ms_clients_handle(keeper, (uint32_t)index, EPOLLIN | EPOLLHUP);
    ms_clients_close(keeper);
    close(keeper->epoll);
    close(keeper->terminal);
    ms_ring_fini(&keeper->output);
    free(keeper);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 2) {
        /* A viewer costs a hundred times as much: it reads the machine. */
        if (data[0] % 16 == 3) {
            to_viewer(data, size);
        } else {
            to_keeper(data, size);
        }
    }
    return 0;
}
