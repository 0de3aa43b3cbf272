/* Known amounts of I/O, by every way that may go wrong for a library in between. */
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "line %d: %s, errno %d\n", __LINE__, #what, errno);                    \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static char buffer[65536];

static double now_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void nap_us(long us)
{
    timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, nullptr);
}

/* 1000 messages of 100 bytes each way by send and recv, then each of the others. */
static int sockets()
{
    int pair[2], packets[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, packets) == 0);
    for (int i = 0; i < 1000; i++) {
        CHECK(send(pair[0], buffer, 100, 0) == 100);
        CHECK(recv(pair[1], buffer, 100, MSG_WAITALL) == 100);
    }
    for (int i = 0; i < 100; i++) { /* by read and write they are sockets all the same */
        CHECK(write(pair[0], buffer, 50) == 50);
        CHECK(read(pair[1], buffer, 50) == 50);
        iovec parts[2] = {{buffer, 10}, {buffer + 10, 20}};
        CHECK(writev(pair[0], parts, 2) == 30);
        CHECK(readv(pair[1], parts, 2) == 30);
    }
    for (int i = 0; i < 10; i++) { /* 8 messages of 20 bytes by one call */
        mmsghdr messages[8] = {};
        iovec parts[8];
        for (int k = 0; k < 8; k++) {
            parts[k] = {buffer + 100 * k, 20};
            messages[k].msg_hdr.msg_iov = &parts[k];
            messages[k].msg_hdr.msg_iovlen = 1;
        }
        CHECK(sendmmsg(packets[0], messages, 8, 0) == 8);
        CHECK(recvmmsg(packets[1], messages, 8, 0, nullptr) == 8);
    }
    for (int i = 0; i < 7; i++) {
        errno = 0;
        CHECK(recv(pair[1], buffer, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    }
    close(pair[1]);
    for (int i = 0; i < 5; i++) {
        errno = 0;
        CHECK(send(pair[0], buffer, 10, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    }
    return 0;
}

/* Over TCP, with the ways to a connection. */
static int tcp()
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_storage where = {};
    socklen_t size = sizeof where;
    where.ss_family = AF_INET;
    CHECK(bind(listener, (sockaddr *)&where, sizeof(sockaddr_in)) == 0 && listen(listener, 5) == 0);
    CHECK(getsockname(listener, (sockaddr *)&where, &size) == 0);
    for (int i = 0; i < 3; i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(client, (sockaddr *)&where, size) == 0);
        int server = accept(listener, nullptr, nullptr);
        CHECK(server >= 0);
        for (int k = 0; k < 200; k++) {
            CHECK(send(client, buffer, 1000, 0) == 1000);
            CHECK(recv(server, buffer, 1000, MSG_WAITALL) == 1000);
        }
        linger reset = {1, 0};
        CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
        close(client);
        errno = 0;
        CHECK(recv(server, buffer, 10, 0) == -1 && errno == ECONNRESET);
        close(server);
    }
    return 0;
}

static int files(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0);
    iovec parts[2] = {{buffer, 100}, {buffer, 200}};
    for (int i = 0; i < 500; i++) {
        CHECK(write(file, buffer, 64) == 64);
        CHECK(pwrite(file, buffer, 36, i * 64) == 36);
    }
    for (int i = 0; i < 50; i++) {
        CHECK(pwritev(file, parts, 2, 0) == 300);
        CHECK(preadv(file, parts, 2, 0) == 300);
        CHECK(pread(file, buffer, 700, 0) == 700);
    }
    double synced_ns = 0;
    for (int i = 0; i < 5; i++) {
        CHECK(write(file, buffer, 4096) == 4096);
        const double start_ns = now_ns();
        CHECK((i % 2 == 0 ? fsync(file) : fdatasync(file)) == 0);
        synced_ns += now_ns() - start_ns;
    }
    printf("%.0f\n", synced_ns);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(read(file, buffer, 1000) == 1000);
    int sink = open("/dev/null", O_WRONLY);
    CHECK(sendfile(sink, file, nullptr, 2000) == 2000);
    errno = 0;
    CHECK(read(-1, buffer, 1) == -1 && errno == EBADF);
    return 0;
}

struct writer {
    int fd, count;
    long us;
};

static void *write_slowly(void *argument)
{
    const writer *how = (const writer *)argument;
    for (int i = 0; i < how->count; i++) {
        nap_us(how->us);
        CHECK(write(how->fd, "x", 1) == 1);
    }
    return nullptr;
}

/* Waits that are known: prints the mean latency of read, as measured around it. */
static int slow(int count, long us, int fast_between)
{
    int ends[2], zero = open("/dev/zero", O_RDONLY);
    CHECK(pipe(ends) == 0);
    writer how = {ends[1], count, us};
    pthread_t thread;
    double waited_ns = 0;
    CHECK(pthread_create(&thread, nullptr, write_slowly, &how) == 0);
    for (int i = 0; i < count; i++) {
        const double start_ns = now_ns();
        CHECK(read(ends[0], buffer, 1) == 1);
        for (int k = 0; k < fast_between; k++) {
            CHECK(read(zero, buffer, 1) == 1);
        }
        waited_ns += now_ns() - start_ns;
    }
    pthread_join(thread, nullptr);
    printf("%d %.0f\n", count * (1 + fast_between), waited_ns);
    return 0;
}

/* One number, a file and a socket in turn, by all ways to make it something else. */
static int reuse()
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    const int sink = open("/dev/null", O_WRONLY), number = 40;
    for (int i = 0; i < 100; i++) {
        CHECK((i % 2 == 0 ? dup2(sink, number) : dup3(sink, number, O_CLOEXEC)) == number);
        CHECK(write(number, buffer, 10) == 10);
        if (i % 3 == 0) {
            close(number);
        } else if (i % 3 == 1) {
            CHECK(close_range(number, number + 5, 0) == 0);
        } else {
            closefrom(number);
        }
        CHECK(dup2(pair[0], number) == number);
        CHECK(write(number, buffer, 20) == 20);
        CHECK(recv(pair[1], buffer, 20, MSG_WAITALL) == 20);
    }
    return 0;
}

static int destroyed;
struct guarded {
    ~guarded()
    {
        __atomic_fetch_add(&destroyed, 1, __ATOMIC_SEQ_CST);
    }
};

static int never[2], silent[2];
static __attribute__((noinline)) void block_in(int way)
{
    guarded object;
    pollfd one = {never[0], POLLIN, 0};
    switch (way) {
    case 0:
        (void)!read(never[0], buffer, 1);
        break;
    case 1:
        (void)recv(silent[0], buffer, 1, 0);
        break;
    case 2:
        (void)poll(&one, 1, -1);
        break;
    case 3: {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(never[0], &set);
        (void)select(never[0] + 1, &set, nullptr, nullptr, nullptr);
        break;
    }
    default: {
        int set = epoll_create1(0);
        epoll_event event = {};
        (void)epoll_wait(set, &event, 1, -1);
        break;
    }
    }
}

static void *be_cancelled(void *argument)
{
    guarded object;
    free(malloc(10));
    for (;;) {
        block_in((int)(long)argument);
    }
    return nullptr;
}

/* A handler of clean-up does I/O itself; later calls of everybody are counted as ever. */
static int cancel()
{
    enum { THREADS = 50 };
    pthread_t threads[THREADS];
    CHECK(pipe(never) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, silent) == 0);
    for (long i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], nullptr, be_cancelled, (void *)(i % 5)) == 0);
    }
    nap_us(50000);
    int cancelled = 0;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        CHECK(pthread_cancel(threads[i]) == 0 && pthread_join(threads[i], &result) == 0);
        cancelled += result == PTHREAD_CANCELED;
    }
    printf("%d cancelled, %d destroyed\n", cancelled, destroyed);
    const int zero = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < 1000; i++) {
        CHECK(read(zero, buffer, 3) == 3);
    }
    return 0;
}

static volatile sig_atomic_t handled;
static int handler_sink;

static void handle(int)
{
    const int before = errno;
    errno = 77;
    if (write(handler_sink, "12345", 5) == 5 && errno == 77) {
        handled = handled + 1;
    }
    errno = before;
}

/* A handler that writes interrupts reads at any instruction, and waits of a pipe. */
static int signals()
{
    struct sigaction action = {};
    action.sa_handler = handle;
    handler_sink = open("/dev/null", O_WRONLY);
    const int zero = open("/dev/zero", O_RDONLY);
    CHECK(pipe(never) == 0 && sigaction(SIGALRM, &action, nullptr) == 0);
    itimerval often = {{0, 100}, {0, 100}}, off = {};
    CHECK(setitimer(ITIMER_REAL, &often, nullptr) == 0);
    long reads = 0, interrupted = 0;
    for (int i = 0; i < 300000; i++, reads++) {
        errno = 99;
        CHECK(read(zero, buffer, 2) == 2 && errno == 99);
    }
    for (int i = 0; i < 200; i++) {
        errno = 0;
        CHECK(read(never[0], buffer, 1) == -1 && errno == EINTR);
        interrupted++;
    }
    CHECK(setitimer(ITIMER_REAL, &off, nullptr) == 0);
    printf("%ld %ld %d\n", reads, interrupted, (int)handled);
    return 0;
}

static sigjmp_buf back;

static void jump(int)
{
    siglongjmp(back, 1);
}

static int jumps()
{
    struct sigaction action = {};
    action.sa_handler = jump;
    CHECK(pipe(never) == 0 && sigaction(SIGALRM, &action, nullptr) == 0);
    volatile int jumped = 0;
    while (jumped < 200) {
        if (sigsetjmp(back, 1) == 0) {
            itimerval once = {{0, 0}, {0, 200}};
            CHECK(setitimer(ITIMER_REAL, &once, nullptr) == 0);
            (void)!read(never[0], buffer, 1);
        } else {
            jumped = jumped + 1;
        }
    }
    const int zero = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < 1000; i++) {
        CHECK(read(zero, buffer, 4) == 4);
    }
    nap_us(300000); /* in no call: nanosleep is none */
    return 0;
}

/* Three processes by fork, one by vfork that writes and executes. */
static int forks()
{
    const int zero = open("/dev/zero", O_RDONLY), sink = open("/dev/null", O_WRONLY);
    for (int child = 1; child <= 3; child++) {
        pid_t pid = fork();
        if (pid == 0) {
            free(malloc(100));
            for (int i = 0; i < 100 * child; i++) {
                CHECK(read(zero, buffer, 7) == 7);
            }
            _exit(0);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    for (int i = 0; i < 20; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            (void)!write(sink, buffer, 11);
            execl("/bin/true", "true", (char *)nullptr);
            _exit(1);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    for (int i = 0; i < 50; i++) {
        CHECK(read(zero, buffer, 9) == 9);
    }
    return 0;
}

extern "C" __attribute__((noinline)) void writes_little(int fd)
{
    CHECK(write(fd, buffer, 10) == 10);
    __asm__ volatile("");
}

extern "C" __attribute__((noinline)) void writes_much(int fd)
{
    CHECK(write(fd, buffer, 5000) == 5000);
    __asm__ volatile("");
}

extern "C" __attribute__((noinline)) void receives(int in, int out)
{
    CHECK(send(out, buffer, 300, 0) == 300);
    CHECK(read(in, buffer, 300) == 300);
    __asm__ volatile("");
}

static void *call_them(void *count)
{
    int pair[2];
    const int sink = open("/dev/null", O_WRONLY);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pthread_setname_np(pthread_self(), "caller");
    free(malloc(10));
    for (long i = 0; i < (long)count; i++) {
        writes_little(sink);
        if (i % 2 == 0) {
            writes_much(sink);
        }
        if (i % 4 == 0) {
            receives(pair[0], pair[1]);
        }
    }
    close(pair[0]);
    close(pair[1]);
    return nullptr;
}

static int callers(long count)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, call_them, (void *)count) == 0);
    pthread_join(thread, nullptr);
    return 0;
}

/* In a read that lasts until the end. */
static int waits(int seconds)
{
    CHECK(pipe(never) == 0);
    alarm((unsigned)seconds);
    (void)!read(never[0], buffer, 1);
    return 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const int a = argc > 2 ? atoi(argv[2]) : 0, b = argc > 3 ? atoi(argv[3]) : 0;
    return strcmp(what, "sockets") == 0   ? sockets()
           : strcmp(what, "tcp") == 0     ? tcp()
           : strcmp(what, "files") == 0   ? files(argv[2])
           : strcmp(what, "slow") == 0    ? slow(a, b, argc > 4 ? atoi(argv[4]) : 0)
           : strcmp(what, "reuse") == 0   ? reuse()
           : strcmp(what, "cancel") == 0  ? cancel()
           : strcmp(what, "signals") == 0 ? signals()
           : strcmp(what, "jumps") == 0   ? jumps()
           : strcmp(what, "forks") == 0   ? forks()
           : strcmp(what, "callers") == 0 ? callers(a)
           : strcmp(what, "waits") == 0   ? waits(a)
                                          : 2;
}
