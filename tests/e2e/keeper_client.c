/*
 * The smallest viewer, for test_keeper.py: starts a program under a keeper or joins one, and tells
 * on descriptor 9 (else stderr) what the keeper says, a line a message.
 *
 *   keeper_client start [-p] [-t] [-P PROBE] [-T TEE] [-l] -- PROGRAM [ARG...]
 *   keeper_client join SOCKET [-a] [-s SIGNAL] [-q]
 *   keeper_client probe STEPS
 *
 * -p pty, -t stdin from it, -l leave after the start, -a ask only, -s send a signal to the program,
 * -q leave after the first quiet half second. stdin of `join` is sent as input. `probe` stands in
 * for a program with a probe: fetches its region, then goes through STEPS: s sleep 0.3 s, f fork a
 * child that claims a slot and sleeps, F fork a child that claims it only after 1.2 s, x execute
 * itself with the rest of the steps, c fork a child that does, e end with status 3.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "wire/clock.h"
#include "wire/layout.h"
#include "wire/message.h"

#define QUIET_MS 500

static FILE *told;
static uint64_t output_bytes;
static uint64_t output_sum; /* of byte values: enough to compare two runs */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fprintf(told, "connect-failed %d\n", errno);
        exit(1);
    }
    return fd;
}

static void send_hello(int fd, uint32_t role)
{
    struct ms_message_viewer_hello hello = {
        .header = {.type = MS_MSG_VIEWER_HELLO, .version = MS_WIRE_VERSION, .bytes = sizeof(hello)},
        .role = role};
    send(fd, &hello, sizeof(hello), 0);
}

static void send_signal(int fd, int number)
{
    struct ms_message_signal message = {
        .header = {.type = MS_MSG_SIGNAL, .version = MS_WIRE_VERSION, .bytes = sizeof(message)},
        .signal = number};
    send(fd, &message, sizeof(message), 0);
}

static void tell_region(const struct ms_message_region *message, int memfd)
{
    struct ms_region_header header = {0};
    struct stat status = {0};
    fstat(memfd, &status);
    int check = -1;
    if (pread(memfd, &header, sizeof(header), 0) == (ssize_t)sizeof(header)) {
        check = ms_region_check(&header, (uint64_t)status.st_size);
    }
    bool writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0) != MAP_FAILED;
    mmap(NULL, 4096, PROT_READ, MAP_SHARED, memfd, 0); /* stays, as in a real viewer */
    fprintf(told, "region id=%u pid=%u first=%u check=%d seals=%d writable=%d state=%u\n",
            message->header.process_id, message->pid, message->first, check,
            fcntl(memfd, F_GET_SEALS), writable, header.state);
    close(memfd);
}

static void tell_end(const struct ms_message_process_end *end)
{
    const struct ms_process_final *final = &end->final;
    fprintf(told,
            "end id=%u pid=%u status=%d signal=%u have=%u user_ms=%" PRIu64 " rss=%" PRIu64
            " read_calls=%" PRIu64 " write_calls=%" PRIu64 " faults=%" PRIu64 "\n",
            end->header.process_id, end->pid, end->exit_status, end->signal, final->have,
            final->user_ns / 1000000, final->peak_rss_bytes, final->read_calls, final->write_calls,
            final->minor_faults);
}

static void tell_session(const struct ms_message_session *session)
{
    fprintf(told, "session pid=%u flags=%u viewers=%u argc=%u exe=%s arguments=", session->pid,
            session->flags, session->viewers, session->argc, session->text);
    for (uint32_t at = session->exe_bytes; at < session->text_bytes; at++) {
        fputc(session->text[at] != '\0' ? session->text[at] : '|', told);
    }
    fputc('\n', told);
}

/* One message; false when the keeper is gone. */
static bool receive(int fd)
{
    _Alignas(8) char bytes[MS_MESSAGE_MAX_BYTES];
    _Alignas(8) char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got <= 0) {
        return false;
    }
    const struct ms_message_header *header = (const void *)bytes;
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (header->type == MS_MSG_SESSION) {
        tell_session((const void *)bytes);
    } else if (header->type == MS_MSG_REGION && rights != NULL) {
        int memfd;
        memcpy(&memfd, CMSG_DATA(rights), sizeof(memfd));
        tell_region((const void *)bytes, memfd);
    } else if (header->type == MS_MSG_PROCESS_END) {
        tell_end((const void *)bytes);
    } else if (header->type == MS_MSG_OUTPUT) {
        const struct ms_message_output *output = (const void *)bytes;
        output_bytes = output->offset + output->bytes;
        for (uint32_t at = 0; at < output->bytes; at++) {
            output_sum += (unsigned char)output->data[at];
        }
        if (output_bytes < 4096) {
            fprintf(told, "output offset=%" PRIu64 " dropped=%" PRIu64 " text=", output->offset,
                    output->dropped);
            for (uint32_t at = 0; at < output->bytes; at++) {
                fprintf(told, output->data[at] >= ' ' && output->data[at] < 127 ? "%c" : "<%02x>",
                        (unsigned char)output->data[at]);
            }
            fputc('\n', told);
        }
    } else if (header->type == MS_MSG_TREE_END) {
        fprintf(told, "tree-end output=%" PRIu64 " sum=%" PRIu64 "\n", output_bytes, output_sum);
        fflush(told);
        return false;
    } else if (header->type == MS_MSG_REFUSED) {
        fprintf(told, "refused %s\n", ((const struct ms_message_refused *)(void *)bytes)->why);
    }
    fflush(told);
    return true;
}

static void watch(int fd, bool quiet)
{
    struct pollfd ask = {.fd = fd, .events = POLLIN};
    while (poll(&ask, 1, quiet ? QUIET_MS : -1) == 1 && receive(fd)) {
    }
}

static int start(int argc, char **argv)
{
    struct ms_keeper_options options = {
        .tee = -1,
        .rows = 24,
        .columns = 80,
        .config = {.tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32}, .follow_children = 1}};
    bool leave = false;
    int option;
    while ((option = getopt(argc, argv, "+ptlP:T:")) != -1) {
        options.pty |= option == 'p';
        options.stdin_from_terminal |= option == 't';
        leave |= option == 'l';
        options.probe = option == 'P' ? optarg : options.probe;
        if (option == 'T') {
            options.tee = open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        }
    }
    options.program = argv[optind];
    options.arguments = argv + optind;
    struct ms_keeper_started started;
    bool own_failure = false;
    int error = ms_keeper_start(&options, &started, &own_failure);
    if (error != 0) {
        fprintf(told, "failed %d own=%d\n", error, own_failure);
        return 125;
    }
    fprintf(told, "started keeper=%d program=%d socket=%s\n", started.keeper, started.program,
            started.socket_path);
    fflush(told);
    if (!leave) {
        int fd = connect_to(started.socket_path);
        send_hello(fd, MS_VIEWER_FULL);
        watch(fd, false);
    }
    return 0;
}

static int join(int argc, char **argv)
{
    uint32_t role = MS_VIEWER_FULL;
    int number = 0;
    bool quiet = false;
    const char *path = argv[1];
    optind = 2;
    int option;
    while ((option = getopt(argc, argv, "+as:q")) != -1) {
        role = option == 'a' ? MS_VIEWER_ASK_ONLY : role;
        number = option == 's' ? (int)strtol(optarg, NULL, 10) : number;
        quiet |= option == 'q';
    }
    int fd = connect_to(path);
    send_hello(fd, role);
    if (number != 0) {
        send_signal(fd, number);
    }
    _Alignas(8) char bytes[sizeof(struct ms_message_header) + 256];
    ssize_t typed = isatty(0) ? 0 : read(0, bytes + sizeof(struct ms_message_header), 256);
    if (typed > 0) {
        struct ms_message_header *header = (void *)bytes;
        *header = (struct ms_message_header){.type = MS_MSG_INPUT,
                                             .version = MS_WIRE_VERSION,
                                             .bytes = (uint32_t)(sizeof(*header) + (size_t)typed)};
        send(fd, bytes, header->bytes, 0);
    }
    watch(fd, quiet || role == MS_VIEWER_ASK_ONLY);
    return 0;
}

static void nap(unsigned milliseconds)
{
    poll(NULL, 0, (int)milliseconds);
}

/* The handshake of a probe; returns the mapped region file. */
static void *fetch_region(void)
{
    const char *inherited = getenv(MS_ENV_SOCKET);
    int fd;
    struct ms_message_probe_hello hello = {
        .header = {.type = MS_MSG_PROBE_HELLO, .version = MS_WIRE_VERSION, .bytes = sizeof(hello)},
        .pid = (uint32_t)getpid(),
        .region_version = MS_REGION_VERSION};
    if (inherited != NULL) {
        fd = (int)strtol(inherited, NULL, 10);
    } else {
        fd = connect_to(getenv(MS_ENV_SESSION));
        send(fd, &hello, sizeof(hello), 0);
    }
    unsetenv(MS_ENV_SOCKET);
    struct ms_message_region region;
    _Alignas(8) char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&region, sizeof(region)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    if (recvmsg(fd, &message, 0) != (ssize_t)sizeof(region)) {
        exit(99);
    }
    int memfd;
    memcpy(&memfd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(memfd));
    void *file = mmap(NULL, ms_region_file_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    close(memfd);
    hello.header.type = MS_MSG_PROBE_READY;
    send(fd, &hello, sizeof(hello), MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
    return file == MAP_FAILED ? NULL : file;
}

static void claim(void *file, uint32_t slot)
{
    struct ms_region_header *first = file;
    struct ms_region_header *header = (void *)((char *)file + ms_region_slot_offset(slot));
    if (slot != 0) {
        ms_region_format(header, slot, &first->config);
    }
    header->pid = (uint32_t)getpid();
    header->start_ns = ms_monotonic_ns();
    header->state = MS_REGION_ACTIVE;
    if (slot != 0) {
        first->slots_ready[(slot - 1) / 64] |= UINT64_C(1) << (slot - 1) % 64;
    }
}

static void execute(const char *steps)
{
    execl("/proc/self/exe", "keeper_client", "probe", steps, (char *)NULL);
    _exit(98);
}

static int probe(const char *steps)
{
    void *file = fetch_region();
    claim(file, 0);
    uint32_t slot = 0;
    for (; *steps != '\0'; steps++) {
        if (*steps == 's') {
            nap(300);
        } else if (*steps == 'w') {
            pause(); /* until it is killed */
        } else if (*steps == 'e') {
            return 3;
        } else if (*steps == 'x') {
            execute(steps + 1);
        } else {
            slot++;
            if (fork() == 0) {
                if (*steps == 'c') {
                    execute(steps + 1);
                }
                nap(*steps == 'F' ? 1200 : 0);
                claim(file, slot);
                nap(700);
                _exit(0);
            }
            if (*steps == 'c') {
                return 0;
            }
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    told = stderr;
    if (fcntl(9, F_GETFD) >= 0) {
        told = fdopen(9, "w");
        fcntl(9, F_SETFD, FD_CLOEXEC);
    }
    if (argc > 2 && strcmp(argv[1], "start") == 0) {
        return start(argc - 1, argv + 1);
    }
    if (argc > 2 && strcmp(argv[1], "join") == 0) {
        return join(argc - 1, argv + 1);
    }
    if (argc > 2 && strcmp(argv[1], "probe") == 0) {
        return probe(argv[2]);
    }
    return 2;
}
