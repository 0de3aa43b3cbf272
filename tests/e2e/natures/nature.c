/*
 * Programs of one nature each, where no program of the distribution has it pure.
 *
 *   nature allocator SECONDS    allocates and frees small blocks, beside 24 MB that stay
 *   nature faults SECONDS       touches fresh pages and gives them back
 *   nature echo SECONDS BYTES   "server" sends back what "client" sends it over the loopback
 *   nature spinners SECONDS     two threads compute on one core
 *   nature convoy SECONDS       four threads want one mutex, whose owner sleeps
 *   nature reader SECONDS       reads a pipe that nothing comes through
 *   nature leak MB_PER_S MORE   keeps all that it allocates until RLIMIT_AS refuses, MORE MB later
 *   nature changes SECONDS      so long the same, then 4 s of computing, 10 s later 4 s of
 *                               allocating
 *   nature refused CALL PROGRAM [ARGUMENT...]   executes it where seccomp refuses a system call
 *
 * What happens at a moment of its own is written with that moment: seconds since 1970.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MB 1000000

static volatile unsigned long sink;
static double seconds;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_s(double time)
{
    const struct timespec span = {(time_t)time, (long)((time - (double)(time_t)time) * 1e9)};
    nanosleep(&span, NULL);
}

static void compute(void)
{
    for (unsigned long i = 0; i < 20000; i++) {
        sink += i;
    }
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *filled(size_t bytes)
{
    char *block = malloc(bytes);
    if (block != NULL) {
        memset(block, 1, bytes);
    }
    return block;
}

static void allocator(void)
{
    void *kept[24];
    void *ring[64] = {NULL};
    for (size_t i = 0; i < 24; i++) {
        kept[i] = filled(MB);
    }
    for (const double end = now_s() + seconds; now_s() < end;) {
        for (unsigned i = 0; i < 10000; i++) {
            free(ring[i % 64]);
            ring[i % 64] = malloc(16 + i % 200);
        }
    }
    for (size_t i = 0; i < 64; i++) {
        free(ring[i]);
    }
    for (size_t i = 0; i < 24; i++) {
        free(kept[i]);
    }
}

static void faults(void)
{
    const size_t bytes = 4 << 20;
    for (const double end = now_s() + seconds; now_s() < end;) {
        char *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(pages, bytes, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < bytes; i += 4096) {
            pages[i] = 1;
        }
        munmap(pages, bytes);
    }
}

static void say(const char *what)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%s %.3f\n", what, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
    fflush(stdout);
}

static size_t payload;

/* All of it, one way: by recv when `in`, else by send. False: the other end has gone. */
static int transfer(int socket, char *buffer, int in)
{
    for (size_t done = 0; done < payload;) {
        ssize_t moved = in ? recv(socket, buffer + done, payload - done, 0)
                           : send(socket, buffer + done, payload - done, MSG_NOSIGNAL);
        if (moved <= 0) {
            return 0;
        }
        done += (size_t)moved;
    }
    return 1;
}

static void *serve(void *listener)
{
    char *buffer = filled(payload);
    int connection = accept(*(int *)listener, NULL, NULL);
    prctl(PR_SET_NAME, "server");
    while (transfer(connection, buffer, 1) && transfer(connection, buffer, 0)) {
    }
    close(connection);
    free(buffer);
    return NULL;
}

static void echo(const char *bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t server;
    payload = (size_t)atol(bytes);
    char *buffer = filled(payload);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        die("listen");
    }
    pthread_create(&server, NULL, serve, &listener);
    prctl(PR_SET_NAME, "client");
    if (connect(client, (struct sockaddr *)&address, size) != 0) {
        die("connect");
    }
    for (const double end = now_s() + seconds; now_s() < end;) {
        transfer(client, buffer, 0);
        transfer(client, buffer, 1);
    }
    close(client);
    pthread_join(server, NULL);
    free(buffer);
}

static void *spin(void *name)
{
    prctl(PR_SET_NAME, name);
    for (const double end = now_s() + seconds; now_s() < end;) {
        compute();
    }
    return NULL;
}

static void spinners(void)
{
    cpu_set_t one;
    pthread_t other;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    pthread_create(&other, NULL, spin, "spinner-b");
    spin("spinner-a");
    pthread_join(other, NULL);
}

static pthread_mutex_t wanted = PTHREAD_MUTEX_INITIALIZER;

static void *want(void *name)
{
    prctl(PR_SET_NAME, name);
    for (const double end = now_s() + seconds; now_s() < end;) {
        pthread_mutex_lock(&wanted);
        sleep_s(0.0005);
        pthread_mutex_unlock(&wanted);
        sched_yield();
    }
    return NULL;
}

static void convoy(void)
{
    static char names[3][16] = {"waiter-1", "waiter-2", "waiter-3"};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, want, names[i]);
    }
    want("waiter-0");
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void *write_late(void *end)
{
    sleep_s(seconds);
    close(*(int *)end);
    return NULL;
}

static void reader(void)
{
    int ends[2];
    char byte;
    pthread_t writer;
    if (pipe(ends) != 0) {
        die("pipe");
    }
    pthread_create(&writer, NULL, write_late, &ends[1]);
    while (read(ends[0], &byte, 1) > 0) {
    }
    pthread_join(writer, NULL);
}

static size_t mapped_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu", &pages) != 1) {
        die("/proc/self/statm");
    }
    fclose(file);
    return pages * 4096;
}

/* Steps of a tenth of a second, in time whatever a step took. */
static void leak(double mb_per_s, double more_mb)
{
    const size_t limit = mapped_bytes() + (size_t)(more_mb * MB);
    const struct rlimit as = {limit, limit};
    if (setrlimit(RLIMIT_AS, &as) != 0) {
        die("setrlimit");
    }
    say("begun");
    double next = now_s();
    while ((sink = (unsigned long)filled((size_t)(mb_per_s * MB / 10))) != 0) {
        next += 0.1;
        sleep_s(next > now_s() ? next - now_s() : 0);
    }
    say("refused");
    sleep_s(1);
}

static void changes(void)
{
    void *blocks[4] = {NULL};
    for (const double end = now_s() + seconds; now_s() < end;) {
        compute();
        free(filled(1000));
        sleep_s(0.01);
    }
    say("computes");
    for (const double end = now_s() + 4; now_s() < end;) {
        compute();
    }
    say("rests");
    sleep_s(10);
    say("allocates");
    for (int i = 0; i < 40; i++) {
        free(blocks[i % 4]);
        blocks[i % 4] = filled(20 * MB);
        sleep_s(0.1);
    }
    say("rests");
    for (int i = 0; i < 4; i++) {
        free(blocks[i]);
    }
    sleep_s(4);
}

static const struct {
    const char *name;
    int number;
} calls[] = {
    {"perf_event_open", SYS_perf_event_open},
    {"socket", SYS_socket},
};

static void refuse(const char *name)
{
    int number = -1;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        number = strcmp(calls[i].name, name) == 0 ? calls[i].number : number;
    }
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    if (number < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        die("seccomp");
    }
}

int main(int count, char **arguments)
{
    if (count < 3) {
        return 2;
    }
    const char *name = arguments[1];
    seconds = atof(arguments[2]);
    if (strcmp(name, "allocator") == 0) {
        allocator();
    } else if (strcmp(name, "faults") == 0) {
        faults();
    } else if (strcmp(name, "echo") == 0 && count == 4) {
        echo(arguments[3]);
    } else if (strcmp(name, "spinners") == 0) {
        spinners();
    } else if (strcmp(name, "convoy") == 0) {
        convoy();
    } else if (strcmp(name, "reader") == 0) {
        reader();
    } else if (strcmp(name, "leak") == 0 && count == 4) {
        leak(atof(arguments[2]), atof(arguments[3]));
    } else if (strcmp(name, "changes") == 0) {
        changes();
    } else if (strcmp(name, "refused") == 0 && count > 3) {
        refuse(arguments[2]);
        execvp(arguments[3], &arguments[3]);
        die(arguments[3]);
    } else {
        return 2;
    }
    return 0;
}
