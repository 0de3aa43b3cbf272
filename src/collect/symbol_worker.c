/* See symbol_worker.h. */
#include "collect/symbol_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire/clock.h"

enum { WORKER_SOCKET = 3 };

static void close_from(unsigned first)
{
    if (syscall(SYS_close_range, first, ~0u, 0u) == 0) {
        return;
    }
    long limit = sysconf(_SC_OPEN_MAX);
    for (long i = first; i < (limit > 0 && limit < 65536 ? limit : 65536); i++) {
        close((int)i);
    }
}

/* Address space beyond what fork handed down; the DWARF of a browser is a gigabyte or two. */
static void limit_space(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm != NULL) {
        if (fscanf(statm, "%lu", &pages) != 1) {
            pages = 0;
        }
        fclose(statm);
    }
    rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MS_SYMBOL_WORKER_SPACE_BYTES;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && bytes < limit.rlim_max) {
        limit.rlim_cur = bytes;
        limit.rlim_max = bytes;
        (void)setrlimit(RLIMIT_AS, &limit);
    }
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

/* When memory runs out it is this process that goes: the names of hostile files can take much. */
static void die_first(void)
{
    int descriptor = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)!write(descriptor, "1000", 4);
        close(descriptor);
    }
}

/* In the child: a group of its own, so that Ctrl-C and Ctrl-Z at the terminal are not for it. */
static void become_worker(int socket, pid_t parent, const char *name,
                          void (*serve)(int socket, const void *options), const void *options)
    __attribute__((noreturn));
static void become_worker(int socket, pid_t parent, const char *name,
                          void (*serve)(int socket, const void *options), const void *options)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(0);
    }
    (void)prctl(PR_SET_NAME, name);
    (void)setpgid(0, 0);
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (socket != WORKER_SOCKET && dup2(socket, WORKER_SOCKET) < 0) {
        _exit(1);
    }
    (void)fcntl(WORKER_SOCKET, F_SETFD, FD_CLOEXEC);
    close_from(WORKER_SOCKET + 1);
    int nothing = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) {
        if (nothing < 0 || dup2(nothing, i) < 0) {
            close(i);
        }
    }
    if (nothing > WORKER_SOCKET) {
        close(nothing);
    }
    limit_space();
    die_first();
    serve(WORKER_SOCKET, options);
    _exit(0);
}

static void serve_symbols(int socket, const void *options)
{
    if (nice(5) == -1) {
        errno = 0; /* a plain priority will do */
    }
    ms_symbolizer_serve(socket, options);
}

int ms_symbol_worker_start(struct ms_symbol_worker *worker,
                           const struct ms_symbolizer_options *options)
{
    return ms_worker_start(worker, "memscope-symbol", serve_symbols, options);
}

int ms_worker_start(struct ms_symbol_worker *worker, const char *name,
                    void (*serve)(int socket, const void *options), const void *options)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return -errno;
    }
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        become_worker(pair[1], parent, name, serve, options);
    }
    int error = errno;
    close(pair[1]);
    if (child < 0) {
        close(pair[0]);
        return -error;
    }
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    worker->pid = child;
    worker->socket = pair[0];
    return 0;
}

static uint64_t running_cpu_ns(const struct ms_symbol_worker *worker)
{
    clockid_t clock;
    struct timespec now;
    if (worker->pid <= 0 || clock_getcpuclockid(worker->pid, &clock) != 0 ||
        clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t ms_symbol_worker_cpu_ns(const struct ms_symbol_worker *worker)
{
    return worker->ended_cpu_ns + running_cpu_ns(worker);
}

void ms_symbol_worker_kill(struct ms_symbol_worker *worker)
{
    if (worker->pid <= 0) {
        return;
    }
    worker->ended_cpu_ns += running_cpu_ns(worker);
    (void)kill(worker->pid, SIGKILL);
    if (worker->dying_count < MS_SYMBOL_WORKERS_MAX) {
        worker->dying[worker->dying_count++] = worker->pid;
    }
    if (worker->socket >= 0) {
        close(worker->socket);
    }
    worker->pid = -1;
    worker->socket = -1;
    ms_symbol_worker_reap(worker, 0);
}

void ms_symbol_worker_reap(struct ms_symbol_worker *worker, int timeout_ms)
{
    uint64_t until_ns = ms_monotonic_ns() + (uint64_t)timeout_ms * MS_NS_PER_MS;
    while (worker->dying_count > 0) {
        const unsigned last = worker->dying_count - 1;
        if (waitpid(worker->dying[last], NULL, WNOHANG) != 0) {
            worker->dying_count--;
        } else if (ms_monotonic_ns() >= until_ns) {
            return;
        } else {
            (void)poll(NULL, 0, 1);
        }
    }
}

void ms_symbol_worker_end(struct ms_symbol_worker *worker, int timeout_ms)
{
    if (worker->pid <= 0) {
        return;
    }
    (void)shutdown(worker->socket, SHUT_WR);
    /* Its end closes the other side; answers that nobody reads any more come before. */
    uint64_t until_ns = ms_monotonic_ns() + (uint64_t)timeout_ms * MS_NS_PER_MS;
    char ignored[64];
    for (;;) {
        ssize_t bytes = recv(worker->socket, ignored, sizeof ignored, MSG_DONTWAIT | MSG_TRUNC);
        uint64_t now_ns = ms_monotonic_ns();
        if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR) || now_ns >= until_ns) {
            break;
        }
        if (bytes < 0) {
            struct pollfd wanted = {.fd = worker->socket, .events = POLLIN};
            (void)poll(&wanted, 1, (int)((until_ns - now_ns) / MS_NS_PER_MS) + 1);
        }
    }
    ms_symbol_worker_kill(worker);
}
