/* Open files, limits and sockets: parsers on made-up and damaged input, and a real exchange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "collect/network.h"
#include "collect/open_files.h"
#include "collect/resource_limits.h"
#include "collect/sockets.h"
#include "wire/clock.h"

#define LIMITS                                                                                     \
    "Limit                     Soft Limit           Hard Limit           Units     \n"             \
    "Max cpu time              unlimited            unlimited            seconds   \n"             \
    "Max file size             unlimited            unlimited            bytes     \n"             \
    "Max data size             1000                 unlimited            bytes     \n"             \
    "Max stack size            8388608              unlimited            bytes     \n"             \
    "Max core file size        0                    unlimited            bytes     \n"             \
    "Max resident set          unlimited            unlimited            bytes     \n"             \
    "Max processes             96365                96365                processes \n"             \
    "Max open files            1024                 20000                files     \n"             \
    "Max locked memory         65536                65536                bytes     \n"             \
    "Max address space         99999999999999999999999 unlimited         bytes     \n"             \
    "Max file locks            unlimited            unlimited            locks     \n"

static void test_limits(void **state)
{
    (void)state;
    struct ms_resource_limits limits = {0};
    const char *text = LIMITS;
    assert_true(ms_resource_limits_parse(text, strlen(text), &limits));
    assert_true(limits.have);
    assert_true(limits.file_bytes == MS_NO_LIMIT && limits.resident_bytes == MS_NO_LIMIT);
    assert_int_equal(limits.data_bytes, 1000);
    assert_int_equal(limits.stack_bytes, 8388608);
    assert_int_equal(limits.core_bytes, 0);
    assert_int_equal(limits.files, 1024);
    assert_int_equal(limits.processes, 96365);
    assert_int_equal(limits.locked_bytes, 65536);
    const size_t needed = (size_t)(strstr(text, "Max file locks") - text);
    for (size_t bytes = 0; bytes < strlen(text); bytes++) {
        char *exact = malloc(bytes + 1); /* so that a sanitizer sees a step too far */
        struct ms_resource_limits cut = {.files = 77};
        assert_non_null(exact);
        memcpy(exact, text, bytes);
        assert_int_equal(ms_resource_limits_parse(exact, bytes, &cut), bytes >= needed);
        assert_int_equal(cut.files, bytes >= needed ? 1024 : 77);
        free(exact);
    }
}

static int own_folder(void)
{
    const int folder = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);
    return folder;
}

static void test_own_limits(void **state)
{
    (void)state;
    struct ms_resource_limits limits;
    struct rlimit files;
    const int folder = own_folder();
    assert_int_equal(ms_resource_limits_read(folder, &limits), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    assert_int_equal(limits.files, files.rlim_cur);
    close(folder);
}

static void test_kinds_of_files(void **state)
{
    (void)state;
    uint64_t inode = 0;
    assert_int_equal(ms_open_file_kind("/var/log/x", &inode), MS_OPEN_FILE);
    assert_int_equal(ms_open_file_kind("/dev/null", &inode), MS_OPEN_FILE);
    assert_int_equal(ms_open_file_kind("/socket:[1]", &inode), MS_OPEN_FILE);
    assert_int_equal(ms_open_file_kind("socket:[123]", &inode), MS_OPEN_SOCKET);
    assert_int_equal(inode, 123);
    assert_int_equal(ms_open_file_kind("pipe:[5]", &inode), MS_OPEN_PIPE);
    assert_int_equal(ms_open_file_kind("anon_inode:[eventpoll]", &inode), MS_OPEN_OTHER);
    assert_int_equal(ms_open_file_kind("/memfd:x (deleted)", &inode), MS_OPEN_OTHER);
    assert_int_equal(ms_open_file_kind("socket:[]", &inode), MS_OPEN_OTHER);
    assert_int_equal(ms_open_file_kind("socket:[1", &inode), MS_OPEN_OTHER);
    assert_int_equal(ms_open_file_kind("", &inode), MS_OPEN_OTHER);
}

static void test_own_files(void **state)
{
    (void)state;
    const int folder = own_folder();
    struct ms_open_sockets sockets = {0};
    struct ms_open_files before;
    struct ms_open_files after;
    int pipes[2];
    int pair[2];
    assert_int_equal(ms_open_files_read(folder, &sockets, &before), 0);
    const size_t sockets_before = sockets.count;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const int again = dup(pair[0]); /* the same socket */
    const int event = eventfd(0, 0);
    const int file = open("/dev/null", O_RDONLY);
    assert_int_equal(ms_open_files_read(folder, &sockets, &after), 0);
    assert_int_equal(after.all - before.all, 7);
    assert_int_equal(after.pipes - before.pipes, 2);
    assert_int_equal(after.sockets - before.sockets, 3);
    assert_int_equal(after.others - before.others, 1);
    assert_int_equal(after.files - before.files, 1);
    assert_int_equal(sockets.count - sockets_before, 2);
    const int all[] = {pipes[0], pipes[1], pair[0], pair[1], again, event, file, folder};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        close(all[i]);
    }
    ms_open_sockets_free(&sockets);
}

static size_t add_attribute(char *at, unsigned type, const void *data, size_t bytes)
{
    const struct nlattr header = {.nla_len = (uint16_t)(sizeof header + bytes),
                                  .nla_type = (uint16_t)type};
    memcpy(at, &header, sizeof header);
    memcpy(at + sizeof header, data, bytes);
    return (sizeof header + bytes + 3) & ~(size_t)3;
}

static size_t make_tcp(char *message, uint8_t tcp_state, size_t info_bytes)
{
    struct inet_diag_msg head = {.idiag_family = AF_INET,
                                 .idiag_state = tcp_state,
                                 .idiag_inode = 4711,
                                 .idiag_rqueue = 5,
                                 .idiag_wqueue = 6};
    struct tcp_info info = {.tcpi_bytes_acked = 1001,
                            .tcpi_bytes_sent = 1100,
                            .tcpi_bytes_retrans = 100,
                            .tcpi_bytes_received = 501,
                            .tcpi_total_retrans = 2,
                            .tcpi_data_segs_in = 3,
                            .tcpi_data_segs_out = 4,
                            .tcpi_rtt = 250,
                            .tcpi_min_rtt = 200};
    head.id.idiag_sport = htons(80);
    head.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
    memcpy(message, &head, sizeof head);
    size_t bytes = sizeof head;
    bytes += add_attribute(message + bytes, INET_DIAG_MEMINFO, "0123456789abcdef", 16);
    bytes += add_attribute(message + bytes, INET_DIAG_INFO, &info, info_bytes);
    return bytes;
}

/* Acknowledged bytes have the SYN in them, received ones the FIN once it came. */
static void test_tcp_message(void **state)
{
    (void)state;
    char message[1024];
    struct ms_socket socket;
    size_t bytes = make_tcp(message, MS_TCP_ESTABLISHED, sizeof(struct tcp_info));
    assert_true(ms_socket_parse_inet(message, bytes, MS_CONNECTION_TCP, &socket));
    assert_int_equal(socket.inode, 4711);
    assert_true(socket.have_info);
    assert_int_equal(socket.sent_bytes, 1000);
    assert_int_equal(socket.received_bytes, 501);
    assert_int_equal(socket.sent_messages, 4);
    assert_int_equal(socket.received_messages, 3);
    assert_int_equal(socket.retransmitted, 2);
    assert_int_equal(socket.receive_queue_bytes, 5);
    assert_float_equal(socket.round_trip_us, 250, 1e-9);
    assert_float_equal(socket.round_trip_min_us, 200, 1e-9);
    char text[64];
    ms_socket_local(&socket, text, sizeof text);
    assert_string_equal(text, "127.0.0.1:80");
    ms_socket_remote(&socket, text, sizeof text);
    assert_string_equal(text, "");

    bytes = make_tcp(message, MS_TCP_CLOSE_WAIT, sizeof(struct tcp_info));
    assert_true(ms_socket_parse_inet(message, bytes, MS_CONNECTION_TCP, &socket));
    assert_int_equal(socket.received_bytes, 500);

    /* older kernels send less */
    bytes = make_tcp(message, MS_TCP_ESTABLISHED, offsetof(struct tcp_info, tcpi_min_rtt));
    assert_true(ms_socket_parse_inet(message, bytes, MS_CONNECTION_TCP, &socket));
    assert_int_equal(socket.sent_bytes, 1001);
    assert_true(isnan(socket.round_trip_min_us));

    bytes = make_tcp(message, MS_TCP_LISTENING, sizeof(struct tcp_info));
    assert_true(ms_socket_parse_inet(message, bytes, MS_CONNECTION_TCP, &socket));
    assert_int_equal(socket.receive_queue_bytes, 0); /* a backlog, no bytes */
    assert_int_equal(socket.sent_bytes, 0);
}

static void test_messages_cut_anywhere(void **state)
{
    (void)state;
    char message[1024];
    struct ms_socket socket;
    const size_t whole = make_tcp(message, MS_TCP_ESTABLISHED, sizeof(struct tcp_info));
    for (size_t bytes = 0; bytes <= whole; bytes++) {
        char *exact = malloc(bytes + 1);
        assert_non_null(exact);
        memcpy(exact, message, bytes);
        const bool taken = ms_socket_parse_inet(exact, bytes, MS_CONNECTION_TCP, &socket);
        assert_int_equal(taken, bytes >= sizeof(struct inet_diag_msg));
        assert_int_equal(taken && socket.have_info, bytes == whole);
        (void)ms_socket_parse_unix(exact, bytes, &socket);
        free(exact);
    }
    for (unsigned seed = 1; seed < 20000; seed++) { /* lengths that lie */
        srand(seed);
        memcpy(message + 512, message, whole);
        for (int change = 0; change < 4; change++) {
            message[512 + (size_t)rand() % whole] = (char)rand();
        }
        char *exact = malloc(whole);
        assert_non_null(exact);
        memcpy(exact, message + 512, whole);
        (void)ms_socket_parse_inet(exact, whole, MS_CONNECTION_TCP, &socket);
        (void)ms_socket_parse_unix(exact, whole, &socket);
        free(exact);
    }
}

static void test_unix_message(void **state)
{
    (void)state;
    char message[256];
    struct ms_socket socket;
    const struct unix_diag_msg head = {.udiag_ino = 12, .udiag_state = MS_TCP_LISTENING};
    const uint32_t peer = 13;
    memcpy(message, &head, sizeof head);
    size_t bytes = sizeof head;
    bytes += add_attribute(message + bytes, UNIX_DIAG_NAME, "\0abc\0d", 6);
    bytes += add_attribute(message + bytes, UNIX_DIAG_PEER, &peer, sizeof peer);
    assert_true(ms_socket_parse_unix(message, bytes, &socket));
    assert_int_equal(socket.inode, 12);
    assert_string_equal(socket.name, "@abc@d");
    char text[64];
    ms_socket_remote(&socket, text, sizeof text);
    assert_string_equal(text, "inode 13");
}

struct exchange {
    struct ms_watched_network *network;
    struct ms_socket_monitor *monitor;
    struct ms_open_sockets open;
    struct ms_network figures;
    int folder;
    uint64_t now_ns;
};

/* A look, as if a second had passed since the last. */
static int look(struct exchange *exchange)
{
    struct ms_open_files files;
    exchange->now_ns += 11 * MS_NS_PER_S;
    assert_int_equal(ms_open_files_read(exchange->folder, &exchange->open, &files), 0);
    return ms_watched_network_read(exchange->network, exchange->monitor, exchange->folder,
                                   &exchange->open, exchange->now_ns, &exchange->figures);
}

static const struct ms_connection *of_descriptor(const struct exchange *exchange, int descriptor)
{
    for (size_t i = 0; i < exchange->figures.kept; i++) {
        if (exchange->figures.connections[i].descriptor == (uint32_t)descriptor) {
            return &exchange->figures.connections[i];
        }
    }
    fail_msg("no connection of descriptor %d", descriptor);
    return NULL;
}

static void move_bytes(int from, int to, size_t bytes)
{
    char buffer[65536] = {0};
    size_t sent = 0;
    size_t got = 0;
    while (got < bytes) {
        if (sent < bytes) {
            const size_t left = bytes - sent;
            const ssize_t part =
                send(from, buffer, left < sizeof buffer ? left : sizeof buffer, MSG_DONTWAIT);
            sent += part > 0 ? (size_t)part : 0;
        }
        const ssize_t part = recv(to, buffer, sizeof buffer, MSG_DONTWAIT);
        got += part > 0 ? (size_t)part : 0;
    }
}

enum { THERE = 3000000, BACK = 70001 };

static void exchange_bytes(struct exchange *exchange, int family)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct sockaddr *address =
        family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
    socklen_t size = family == AF_INET ? sizeof four : sizeof six;
    const int listener = socket(family, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, address, size) != 0) {
        assert_int_equal(family, AF_INET6); /* may be switched off */
        close(listener);
        return;
    }
    const uint64_t sent_before = exchange->figures.sent_bytes;
    const uint64_t seen_before = exchange->figures.connections_seen;
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, address, &size), 0);
    const int client = socket(family, SOCK_STREAM, 0);
    assert_int_equal(connect(client, address, size), 0);
    const int server = accept(listener, NULL, NULL);
    assert_true(server >= 0);

    assert_int_equal(look(exchange), 0);
    assert_int_equal(exchange->figures.established, 2);
    assert_int_equal(exchange->figures.listening, 1);
    assert_int_equal(exchange->figures.connections_seen - seen_before, 2);
    assert_string_equal(of_descriptor(exchange, listener)->state, "listening");

    move_bytes(client, server, THERE);
    move_bytes(server, client, BACK);
    assert_int_equal(look(exchange), 0); /* asked one by one this time */
    const struct ms_connection *one = of_descriptor(exchange, client);
    assert_string_equal(one->state, "established");
    assert_int_equal(one->sent_bytes, THERE);
    assert_int_equal(one->received_bytes, BACK);
    assert_true(one->sent_messages > 0 && one->received_messages > 0);
    assert_true(one->round_trip_us > 0 && one->round_trip_us < 1e6);
    assert_true(one->round_trip_min_us <= one->round_trip_us);
    one = of_descriptor(exchange, server);
    assert_int_equal(one->sent_bytes, BACK);
    assert_int_equal(one->received_bytes, THERE);
    assert_true(strstr(one->local, family == AF_INET ? "127.0.0.1:" : "[::1]:") == one->local);
    assert_int_equal(exchange->figures.sent_bytes - sent_before, THERE + BACK);

    /* what closed connections had stays, to the byte: also what was sent after the last look */
    move_bytes(server, client, 1000);
    close(server);
    assert_int_equal(look(exchange), 0);
    assert_int_equal(exchange->figures.established, 0);
    close(client);
    close(listener);
    assert_int_equal(look(exchange), 0);
    assert_int_equal(exchange->figures.sent_bytes - sent_before, THERE + BACK + 1000);
    assert_int_equal(exchange->figures.connections_seen - seen_before, 2);
    assert_int_equal(exchange->figures.listening, 0);
}

static void test_exact_exchange(void **state)
{
    (void)state;
    struct exchange exchange = {.network = ms_watched_network_new(),
                                .monitor = ms_socket_monitor_new(),
                                .folder = own_folder(),
                                .now_ns = ms_monotonic_ns()};
    const int result = look(&exchange);
    if (result == 0) {
        assert_true(exchange.figures.have);
        exchange_bytes(&exchange, AF_INET);
        exchange_bytes(&exchange, AF_INET6);
    } else { /* not in every container */
        assert_true(strlen(ms_sockets_because(result)) > 10);
    }
    free(exchange.figures.connections);
    ms_open_sockets_free(&exchange.open);
    ms_watched_network_free(exchange.network);
    ms_socket_monitor_free(exchange.monitor);
    close(exchange.folder);
}

static void test_datagrams_and_unix(void **state)
{
    (void)state;
    struct exchange exchange = {.network = ms_watched_network_new(),
                                .monitor = ms_socket_monitor_new(),
                                .folder = own_folder(),
                                .now_ns = ms_monotonic_ns()};
    if (look(&exchange) == 0) {
        const struct ms_network before = exchange.figures;
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        (void)snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "memscope-test-%d",
                       (int)getpid());
        const int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
        const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
        const int netlink = socket(AF_NETLINK, SOCK_RAW, 0);
        const int fresh = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(look(&exchange), 0);
        assert_int_equal(exchange.figures.udp - before.udp, 1);
        assert_int_equal(exchange.figures.unix_sockets - before.unix_sockets, 1);
        assert_int_equal(exchange.figures.other_tcp - before.other_tcp, 1);
        assert_string_equal(of_descriptor(&exchange, fresh)->state, "unconnected");
        const struct ms_connection *one = of_descriptor(&exchange, listener);
        assert_string_equal(one->state, "listening");
        assert_true(strncmp(one->local, "@memscope-test-", 15) == 0);
        close(datagrams);
        close(listener);
        close(netlink);
        close(fresh);
    }
    free(exchange.figures.connections);
    ms_open_sockets_free(&exchange.open);
    ms_watched_network_free(exchange.network);
    ms_socket_monitor_free(exchange.monitor);
    close(exchange.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_own_limits),
        cmocka_unit_test(test_kinds_of_files),
        cmocka_unit_test(test_own_files),
        cmocka_unit_test(test_tcp_message),
        cmocka_unit_test(test_messages_cut_anywhere),
        cmocka_unit_test(test_unix_message),
        cmocka_unit_test(test_exact_exchange),
        cmocka_unit_test(test_datagrams_and_unix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
