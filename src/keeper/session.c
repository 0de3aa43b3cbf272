/* The keeper's state from start to end. */
#include "keeper/session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/processes.h"
#include "keeper/pty.h"
#include "keeper/regions.h"
#include "keeper/viewers.h"
#include "wire/clock.h"

int ms_session_watch_fd(struct ms_keeper *keeper, int fd, uint32_t events, uint64_t event)
{
    struct epoll_event wanted = {.events = events, .data.u64 = event};
    return epoll_ctl(keeper->epoll, EPOLL_CTL_ADD, fd, &wanted) != 0 ? -errno : 0;
}

/* Appends `text` and its NUL, or what fits of it. */
static void add_text(struct ms_message_session *session, const char *text)
{
    size_t room = MS_SESSION_TEXT_MAX - session->text_bytes;
    size_t count = strlen(text) + 1;
    if (room == 0) {
        return;
    }
    if (count > room) {
        count = room;
    }
    memcpy(session->text + session->text_bytes, text, count);
    session->text_bytes += (uint32_t)count;
    session->text[session->text_bytes - 1] = '\0';
}

static void describe(struct ms_keeper *keeper, const struct ms_session_parts *parts)
{
    struct ms_message_session *session = &keeper->session;
    *session = (struct ms_message_session){
        .header = {.type = MS_MSG_SESSION,
                   .version = MS_WIRE_VERSION,
                   .bytes = sizeof(*session),
                   .process_id = MS_PROCESS_ID(1, 0)},
        .pid = (uint32_t)parts->program,
        .flags = (parts->terminal >= 0 ? (uint32_t)MS_SESSION_PTY : 0u) |
                 (parts->region >= 0 ? (uint32_t)MS_SESSION_PROBED : 0u),
        .start_ns = parts->start_ns,
        .start_unix_ns = parts->start_unix_ns,
    };
    char *full = realpath(parts->options->program, NULL);
    add_text(session, full != NULL ? full : parts->options->program);
    free(full);
    session->exe_bytes = session->text_bytes;
    for (char *const *argument = parts->options->arguments; *argument != NULL; argument++) {
        add_text(session, *argument);
        session->argc++;
    }
}

static int add_program_region(struct ms_keeper *keeper, const struct ms_session_parts *parts)
{
    struct ms_region_file *file;
    int error = ms_regions_add(keeper, parts->region, parts->program, &file);
    if (error == 0 && parts->probe_socket >= 0) {
        int added = ms_clients_add(keeper, parts->probe_socket, MS_CLIENT_PROBE, parts->program);
        error = added < 0 ? added : 0;
    }
    return error;
}

static int watch_all(struct ms_keeper *keeper)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    keeper->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (keeper->signals < 0) {
        return -errno;
    }
    int error = ms_session_watch_fd(keeper, keeper->signals, EPOLLIN, MS_EVENT(MS_EVENT_CHILD, 0));
    if (error == 0) {
        error =
            ms_session_watch_fd(keeper, keeper->listener, EPOLLIN, MS_EVENT(MS_EVENT_LISTENER, 0));
    }
    if (error == 0 && keeper->terminal >= 0) {
        error =
            ms_session_watch_fd(keeper, keeper->terminal, EPOLLIN, MS_EVENT(MS_EVENT_TERMINAL, 0));
        keeper->terminal_watched = true;
    }
    return error;
}

struct ms_keeper *ms_session_begin(const struct ms_session_parts *parts)
{
    struct ms_keeper *keeper = calloc(1, sizeof(*keeper));
    if (keeper == NULL) {
        return NULL;
    }
    keeper->asleep_ns = parts->asleep_ns;
    keeper->program = parts->program;
    keeper->program_alive = true;
    keeper->probed = parts->region >= 0;
    keeper->config = parts->options->config;
    keeper->trace[0] = parts->trace[0];
    keeper->trace[1] = parts->trace[1];
    keeper->listener = parts->listener;
    keeper->terminal = parts->terminal;
    keeper->terminal_slave = parts->terminal_slave;
    keeper->tee = parts->options->tee;
    memset(keeper->strays, 0xff, sizeof(keeper->strays));
    memcpy(keeper->socket_path, parts->socket_path, sizeof(keeper->socket_path));
    struct stat status;
    if (stat(keeper->socket_path, &status) == 0) {
        keeper->socket_device = status.st_dev;
        keeper->socket_inode = status.st_ino;
    }
    describe(keeper, parts);
    if (chdir("/") != 0) { /* the program's folder should not stay in use */
        return NULL;
    }
    keeper->ends = calloc(MS_KEEPER_ENDS_MAX, sizeof(*keeper->ends));
    keeper->epoll = epoll_create1(EPOLL_CLOEXEC);
    int error = keeper->ends == NULL ? -ENOMEM : keeper->epoll < 0 ? -errno : 0;
    if (error == 0 && keeper->terminal >= 0) {
        error = ms_ring_init(&keeper->output, MS_KEEPER_RING_BYTES);
    }
    if (error == 0) {
        error = watch_all(keeper);
    }
    if (error == 0 && keeper->probed) {
        error = add_program_region(keeper, parts);
    }
    if (error != 0) {
        errno = -error;
        return NULL; /* the process ends: the kernel frees the rest */
    }
    return keeper;
}

static bool any_region_in_use(const struct ms_keeper *keeper)
{
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        if (keeper->regions[at]->alive > 0) {
            return true;
        }
    }
    return false;
}

/*
 * The terminal is in use while somebody has it open, or lives in the group that the program led.
 * That is all there is to know about children that run without a probe.
 */
static bool terminal_in_use(struct ms_keeper *keeper)
{
    if (keeper->terminal < 0) {
        return false;
    }
    ms_pty_drain(keeper);
    if (keeper->terminal_slave >= 0) {
        close(keeper->terminal_slave);
        keeper->terminal_slave = -1;
        ms_pty_drain(keeper);
    }
    return !keeper->terminal_ended || kill(-keeper->program, 0) == 0;
}

void ms_session_check_tree(struct ms_keeper *keeper)
{
    if (keeper->tree_ended || keeper->program_alive || terminal_in_use(keeper) ||
        ms_processes_strays(keeper) > 0 || any_region_in_use(keeper)) {
        return;
    }
    ms_regions_scan(keeper, true);
    if (any_region_in_use(keeper) || ms_processes_find_strays(keeper) > 0) {
        return;
    }
    keeper->tree_ended = true;
    keeper->tree_ended_ns = ms_monotonic_ns();
}

void ms_session_end(struct ms_keeper *keeper)
{
    struct stat status;
    if (stat(keeper->socket_path, &status) == 0 && status.st_dev == keeper->socket_device &&
        status.st_ino == keeper->socket_inode) {
        unlink(keeper->socket_path);
    }
    close(keeper->listener);
    ms_clients_close(keeper);
    ms_pty_release(keeper);
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        ms_region_file_free(keeper->regions[at]);
    }
    ms_ring_fini(&keeper->output);
    free(keeper->ends);
    close(keeper->signals);
    close(keeper->epoll);
    free(keeper);
}
