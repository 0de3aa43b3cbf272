/*
 * The start, in the order that leaves nothing behind: viewer -> keeper -> program, and with a
 * terminal a leader of its session in front of the keeper. The region is in the program's socket
 * and the keeper listens before the program runs its first instruction.
 */
#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/descriptor.h"
#include "keeper/directory.h"
#include "keeper/leader.h"
#include "keeper/program.h"
#include "keeper/pty.h"
#include "keeper/regions.h"
#include "keeper/session.h"
#include "wire/clock.h"

#define BACKLOG 4096 /* programs that a full machine starts at once; the kernel may allow less */

/* What the keeper tells the viewer that started it. */
struct outcome {
    int error; /* -errno, 0 the program runs */
    bool own_failure;
    struct ms_keeper_started started;
};

/* The keeper while it starts the program. */
struct start {
    const struct ms_keeper_options *options;
    char directory[MS_SOCKET_PATH_MAX];
    struct outcome outcome;
    int report; /* write end, to the viewer */
    int go[2], failed[2];
    int probe_sockets[2]; /* ours, the program's */
    int trace[2];         /* reading end, writing end; -1: no trace is allowed */
    int region, listener, terminal, terminal_slave;
    struct rlimit files, file_size;
    uint64_t start_ns, start_unix_ns;
    int64_t asleep_ns;
};

static int raise_fd(int *fd)
{
    *fd = ms_fd_above_standard(*fd);
    return *fd < 0 ? *fd : 0;
}

static int raise_pair(int pair[2])
{
    int error = raise_fd(&pair[0]);
    return error != 0 ? error : raise_fd(&pair[1]);
}

static int open_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) != 0 ? -errno : raise_pair(ends);
}

/* The limits of the program are no reason to run short ourselves. */
static void raise_limits(struct start *start)
{
    getrlimit(RLIMIT_NOFILE, &start->files);
    getrlimit(RLIMIT_FSIZE, &start->file_size);
    struct rlimit raised = start->files;
    raised.rlim_cur = raised.rlim_max;
    setrlimit(RLIMIT_NOFILE, &raised);
    raised = start->file_size;
    raised.rlim_cur = raised.rlim_max;
    setrlimit(RLIMIT_FSIZE, &raised);
}

/* One socket for the traces of all processes; as much as the kernel lets it hold. */
static int open_trace(struct start *start)
{
    const int wanted_bytes = 8 << 20;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, start->trace) != 0) {
        return -errno;
    }
    setsockopt(start->trace[1], SOL_SOCKET, SO_SNDBUF, &wanted_bytes, sizeof(wanted_bytes));
    return raise_pair(start->trace);
}

static int prepare_probe(struct start *start)
{
    int trace_error = start->options->config.trace_allowed != 0 ? open_trace(start) : 0;
    if (trace_error != 0) {
        return trace_error;
    }
    start->region = ms_region_create(&start->options->config);
    if (start->region < 0) {
        return start->region;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, start->probe_sockets) != 0) {
        return -errno;
    }
    int error = raise_pair(start->probe_sockets);
    if (error != 0) {
        return error;
    }
    struct ms_message_region message = ms_region_message(1, 0, true);
    return ms_region_send_probe(start->probe_sockets[0], &message, start->region, start->trace[1]);
}

static int prepare(struct start *start)
{
    int error = open_pipe(start->go);
    if (error == 0) {
        error = open_pipe(start->failed);
    }
    if (error == 0 && start->options->probe != NULL) {
        error = prepare_probe(start);
    }
    if (error == 0 && start->options->pty) {
        setsid();
        error = ms_pty_open(start->options->rows, start->options->columns, &start->terminal,
                            &start->terminal_slave);
        if (error == 0) {
            ms_leader_stay_behind(start->terminal);
        }
    }
    return error;
}

/* Listens under a name nobody looks for, then takes the real one: whoever finds it can connect. */
static int listen_at(const char *directory, pid_t program, const char *path, int *listener)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length =
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/%d.new", directory, (int)program);
    if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    *listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*listener < 0) {
        return -errno;
    }
    unlink(address.sun_path);
    umask(077);
    if (bind(*listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(*listener, BACKLOG) != 0 || rename(address.sun_path, path) != 0) {
        int error = errno;
        unlink(address.sun_path);
        return -error;
    }
    return raise_fd(listener);
}

/* Waits for the exec. 0, or -errno with which it failed. */
static int await_exec(struct start *start)
{
    int error = 0;
    ssize_t got;
    do {
        got = read(start->failed[0], &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(error) ? -error : 0;
}

static void close_pair(int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* Forks and executes; on failure nothing of the program is left. */
static int run_program(struct start *start)
{
    start->start_ns = ms_monotonic_ns();
    start->asleep_ns = ms_asleep_ns();
    start->start_unix_ns = ms_unix_ns();
    pid_t keeper = getpid();
    pid_t program = fork();
    if (program < 0) {
        return -errno;
    }
    if (program == 0) {
        close(start->go[1]);
        ms_program_become(&(struct ms_program_start){
            .options = start->options,
            .directory = start->directory,
            .go = start->go[0],
            .failed = start->failed[1],
            .probe_socket = start->probe_sockets[1],
            .terminal_slave = start->terminal_slave,
            .files = start->files,
            .file_size = start->file_size,
        });
    }
    struct ms_keeper_started *started = &start->outcome.started;
    started->keeper = keeper;
    started->program = program;
    close(start->failed[1]);
    int error = ms_socket_path(start->directory, program, started->socket_path);
    if (error == 0) {
        error = listen_at(start->directory, program, started->socket_path, &start->listener);
    }
    if (error == 0 && write(start->go[1], "", 1) != 1) {
        error = -errno;
    }
    close_pair(start->go);
    if (error == 0) {
        error = await_exec(start);
        start->outcome.own_failure = error == 0;
    }
    close(start->failed[0]);
    if (error != 0) {
        unlink(started->socket_path);
        waitpid(program, NULL, 0);
    }
    return error;
}

/* Nothing of the viewer's surroundings stays in use: descriptors, session, folder. */
static void settle(const struct start *start)
{
    const int kept[] = {
        start->report,   start->probe_sockets[0], start->trace[0],
        start->trace[1], start->region,           start->listener,
        start->terminal, start->terminal_slave,   start->options->pty ? start->options->tee : -1};
    ms_fds_close_others(kept, sizeof(kept) / sizeof(kept[0]));
    ms_standard_fds_to_nothing(start->options->pty ? start->options->tee : -1);
    if (!start->options->pty) {
        setsid();
    }
    prctl(PR_SET_NAME, "memscope-keeper");
}

static void report(struct start *start)
{
    ssize_t written;
    do {
        written = write(start->report, &start->outcome, sizeof(start->outcome));
    } while (written < 0 && errno == EINTR);
    close(start->report);
}

static _Noreturn void fail(struct start *start, int error)
{
    start->outcome.error = error;
    report(start);
    _exit(0);
}

/* The keeper's life. */
static _Noreturn void become_keeper(struct start *start)
{
    start->outcome.own_failure = true;
    ms_signals_ignore();
    raise_limits(start);
    int error = raise_fd(&start->report);
    if (error == 0) {
        error = prepare(start);
    }
    if (error == 0) {
        error = run_program(start);
    }
    if (error != 0) {
        /* own_failure was cleared only when the exec itself failed */
        fail(start, error);
    }
    settle(start);
    const struct ms_session_parts parts = {
        .options = start->options,
        .program = start->outcome.started.program,
        .start_ns = start->start_ns,
        .asleep_ns = start->asleep_ns,
        .start_unix_ns = start->start_unix_ns,
        .listener = start->listener,
        .socket_path = start->outcome.started.socket_path,
        .terminal = start->terminal,
        .terminal_slave = start->terminal_slave,
        .region = start->region,
        .probe_socket = start->probe_sockets[0],
        .trace = {start->trace[0], start->trace[1]},
    };
    struct ms_keeper *keeper = ms_session_begin(&parts);
    if (keeper == NULL) {
        error = -errno;
        kill(start->outcome.started.program, SIGKILL);
        unlink(start->outcome.started.socket_path);
        fail(start, error);
    }
    report(start);
    ms_keeper_loop(keeper);
    ms_session_end(keeper);
    _exit(0);
}

/* What the keeper said; -EPIPE when it died before it could. */
static int read_outcome(int from, struct outcome *outcome)
{
    size_t got = 0;
    while (got < sizeof(*outcome)) {
        ssize_t count = read(from, (char *)outcome + got, sizeof(*outcome) - got);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            *outcome = (struct outcome){.own_failure = true};
            return -EPIPE;
        }
        got += (size_t)count;
    }
    return outcome->error;
}

int ms_keeper_start(const struct ms_keeper_options *options, struct ms_keeper_started *started,
                    bool *own_failure)
{
    struct start start = {.options = options,
                          .probe_sockets = {-1, -1},
                          .trace = {-1, -1},
                          .region = -1,
                          .listener = -1,
                          .terminal = -1,
                          .terminal_slave = -1};
    *own_failure = true;
    int error = ms_keeper_directory(start.directory, sizeof(start.directory));
    int ends[2];
    if (error != 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return error != 0 ? error : -errno;
    }
    /* A handler of the viewer must not run in the keeper. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t keeper = fork();
    error = -errno;
    if (keeper == 0) {
        close(ends[0]);
        start.report = ends[1];
        become_keeper(&start);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (keeper > 0) {
        struct outcome outcome = {0};
        error = read_outcome(ends[0], &outcome);
        *own_failure = error != 0 && outcome.own_failure;
        *started = outcome.started;
        if (error != 0) {
            while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR) {
            }
        }
    }
    close(ends[0]);
    return error;
}
