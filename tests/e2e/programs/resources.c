/*
 * Uses a known amount of everything that a process can use, tells in JSON what, and stays for a
 * while so that it can be looked at.
 *
 *     resources [MILLISECONDS]
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BLOCKS = 40000, /* small ones of two threads each; every second one is freed again */
    BLOCK_BYTES = 1000,
    LARGE = 3, /* above the threshold of malloc: mapped one by one */
    LARGE_BYTES = 6 << 20,
    MAPPED_BYTES = 16 << 20,
    MAPPED_TOUCHED_BYTES = 12 << 20,
    SHARED_BYTES = 8 << 20,
    SHARED_TOUCHED_BYTES = 5 << 20,
    STACK_BYTES = 3 << 20,
    THERE = 5000000,
    BACK = 123457,
    EVENTS = 7,
    PIPES = 3,
    FILES = 5,
    CORE_BYTES = 4096000,
    OPEN_FILES = 777
};

static char *blocks[2][BLOCKS];
static pthread_barrier_t done, leave;

static void allocate(char **into)
{
    for (int i = 0; i < BLOCKS; i++) {
        into[i] = malloc(BLOCK_BYTES);
        if (into[i] == NULL) {
            abort();
        }
        memset(into[i], 1, BLOCK_BYTES);
    }
    for (int i = 0; i < BLOCKS; i += 2) {
        free(into[i]);
        into[i] = NULL;
    }
}

static void *work(void *argument)
{
    volatile char stack[STACK_BYTES];
    memset((char *)stack, 1, sizeof stack);
    allocate(argument);
    pthread_barrier_wait(&done);
    pthread_barrier_wait(&leave);
    (void)stack[0];
    return argument;
}

static void transfer(int from, int to, size_t bytes)
{
    static char buffer[65536];
    size_t sent = 0;
    size_t got = 0;
    while (got < bytes) {
        const size_t left = bytes - sent;
        const ssize_t out =
            left == 0
                ? 0
                : send(from, buffer, left < sizeof buffer ? left : sizeof buffer, MSG_DONTWAIT);
        sent += out > 0 ? (size_t)out : 0;
        const ssize_t in = recv(to, buffer, sizeof buffer, MSG_DONTWAIT);
        got += in > 0 ? (size_t)in : 0;
    }
}

static void connect_both(int *client, int *server, int *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    *listener = socket(AF_INET, SOCK_STREAM, 0);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(*listener, (struct sockaddr *)&address, size) != 0 || listen(*listener, 1) != 0 ||
        getsockname(*listener, (struct sockaddr *)&address, &size) != 0 ||
        connect(*client, (struct sockaddr *)&address, size) != 0) {
        abort();
    }
    *server = accept(*listener, NULL, NULL);
}

static void open_things(void)
{
    int pair[2];
    for (int i = 0; i < EVENTS; i++) {
        (void)!eventfd(0, 0);
    }
    for (int i = 0; i < PIPES; i++) {
        (void)!pipe(pair);
    }
    for (int i = 0; i < FILES; i++) {
        (void)!open("/proc/self/exe", O_RDONLY);
    }
    (void)!socket(AF_INET, SOCK_DGRAM, 0);
    (void)!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
}

static char *touched(size_t bytes, size_t touch, int flags)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    memset(memory, 1, touch);
    return memory;
}

static void limit(int what, rlim_t soft)
{
    struct rlimit limits;
    if (getrlimit(what, &limits) == 0 &&
        (limits.rlim_max == RLIM_INFINITY || limits.rlim_max >= soft)) {
        limits.rlim_cur = soft;
        (void)setrlimit(what, &limits);
    }
}

int main(void)
{
    pthread_t thread;
    int client, server, listener;
    setvbuf(stdout, NULL, _IONBF, 0);
    limit(RLIMIT_CORE, CORE_BYTES);
    limit(RLIMIT_NOFILE, OPEN_FILES);
    pthread_barrier_init(&done, NULL, 2);
    pthread_barrier_init(&leave, NULL, 2);
    if (pthread_create(&thread, NULL, work, blocks[1]) != 0) {
        return 1;
    }
    pthread_barrier_wait(&done); /* so that each has an arena of its own */
    allocate(blocks[0]);
    for (int i = 0; i < LARGE; i++) {
        char *block = malloc(LARGE_BYTES);
        memset(block, 1, LARGE_BYTES);
        blocks[0][2 * i] = block;
    }
    char *mapped = touched(MAPPED_BYTES, MAPPED_TOUCHED_BYTES, MAP_PRIVATE);
    char *shared = touched(SHARED_BYTES, SHARED_TOUCHED_BYTES, MAP_SHARED);
    open_things();
    connect_both(&client, &server, &listener);
    transfer(client, server, THERE);
    transfer(server, client, BACK);
    const struct mallinfo2 info = mallinfo2();
    printf("{\"arena\": %zu, \"mapped\": %zu, \"used\": %zu, \"free\": %zu, \"live\": %zu,\n",
           info.arena, info.hblkhd, info.uordblks, info.fordblks,
           (size_t)BLOCKS * BLOCK_BYTES + (size_t)LARGE * LARGE_BYTES);
    printf("\"anonymous\": %d, \"shared\": %d, \"stack\": %d, \"there\": %d, \"back\": %d,\n",
           MAPPED_TOUCHED_BYTES, SHARED_TOUCHED_BYTES, STACK_BYTES, THERE, BACK);
    printf("\"events\": %d, \"pipes\": %d, \"files\": %d, \"core\": %d, \"open_files\": %d}\n",
           EVENTS, 2 * PIPES, FILES, CORE_BYTES, OPEN_FILES);
    while (getchar() != EOF) {
    }
    pthread_barrier_wait(&leave);
    pthread_join(thread, NULL);
    munmap(mapped, MAPPED_BYTES);
    munmap(shared, SHARED_BYTES);
    return 0;
}
