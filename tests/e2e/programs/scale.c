/*
 * Much of one thing. Says "ready" when it is there, waits for a line on standard input, and ends.
 *
 *   scale alive N        N threads alive, 4 blocks each
 *   scale over N         N threads one after the other, 16 at a time, 3 blocks each, all freed
 *   scale live N         thread "worker" has N live blocks of 16 to 215 bytes
 *   scale stacks N       thread "worker" has a block of 48 bytes from each of N call stacks
 *   scale active T C     T threads, each with C call stacks that it uses 20 times a second
 *   scale idle T C       the same, used once
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { AT_ONCE = 16, OWN_BLOCKS = 4, PASSING_BLOCKS = 3, STACK_BYTES = 65536 };

static unsigned long count, stacks_a_thread;
static pthread_barrier_t all_there, all_released;
static void **blocks;
static volatile int used_once, over;

static void start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(thread, &attributes, body, argument) != 0) {
        abort();
    }
    pthread_attr_destroy(&attributes);
}

static void say_ready(void)
{
    char byte;
    if (write(STDOUT_FILENO, "ready\n", 6) != 6 || read(STDIN_FILENO, &byte, 1) < 0) {
        abort();
    }
}

static void *stay(void *argument)
{
    char name[16];
    void *own[OWN_BLOCKS];
    snprintf(name, sizeof name, "w%lu", (unsigned long)(uintptr_t)argument);
    prctl(PR_SET_NAME, name);
    for (int i = 0; i < OWN_BLOCKS; i++) {
        own[i] = malloc(100 + (size_t)i);
    }
    pthread_barrier_wait(&all_there);
    pthread_barrier_wait(&all_released);
    free(own[0]);
    return NULL;
}

static void run_alive(void)
{
    pthread_t *threads = calloc(count, sizeof *threads);
    pthread_barrier_init(&all_there, NULL, (unsigned)count + 1);
    pthread_barrier_init(&all_released, NULL, (unsigned)count + 1);
    for (unsigned long i = 0; i < count; i++) {
        start(&threads[i], stay, (void *)(uintptr_t)i);
    }
    pthread_barrier_wait(&all_there);
    say_ready();
    pthread_barrier_wait(&all_released);
    for (unsigned long i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void *pass_by(void *argument)
{
    void *own[PASSING_BLOCKS];
    (void)argument;
    prctl(PR_SET_NAME, "passing");
    for (int i = 0; i < PASSING_BLOCKS; i++) {
        own[i] = malloc(100);
    }
    for (int i = 0; i < PASSING_BLOCKS; i++) {
        free(own[i]);
    }
    return NULL;
}

static void run_over(void)
{
    pthread_t threads[AT_ONCE];
    for (unsigned long made = 0; made < count; made += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            start(&threads[i], pass_by, NULL);
        }
        for (int i = 0; i < AT_ONCE; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    say_ready();
}

static void *hold_blocks(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "worker");
    for (unsigned long i = 0; i < count; i++) {
        size_t bytes = 16 + i * 7919 % 200;
        blocks[i] = malloc(bytes);
        memset(blocks[i], 1, bytes);
    }
    say_ready();
    return NULL;
}

/* Each bit of `path` is a choice between two calls; the value keeps them from being tail calls. */
static __attribute__((noinline)) uintptr_t descend(unsigned depth, unsigned long path, int keep)
{
    if (depth == 0) {
        void *block = malloc(48);
        if (!keep) {
            free(block);
            return 1;
        }
        return (uintptr_t)block;
    }
    volatile uintptr_t result;
    if ((path & 1) != 0) {
        result = descend(depth - 1, path >> 1, keep);
    } else {
        result = descend(depth - 1, path >> 1, keep);
    }
    return result;
}

static unsigned depth_for(unsigned long paths)
{
    unsigned depth = 0;
    while (1ul << depth < paths) {
        depth++;
    }
    return depth;
}

static void *hold_stacks(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "worker");
    unsigned depth = depth_for(count);
    for (unsigned long i = 0; i < count; i++) {
        blocks[i] = (void *)descend(depth, i, 1);
    }
    say_ready();
    return NULL;
}

static void run_worker(void *(*body)(void *))
{
    pthread_t thread;
    blocks = calloc(count, sizeof *blocks);
    memset(blocks, 1, count * sizeof *blocks);
    if (pthread_create(&thread, NULL, body, NULL) != 0) {
        abort();
    }
    pthread_join(thread, NULL);
}

static void *use_stacks(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "active");
    unsigned depth = depth_for(stacks_a_thread);
    int first = 1;
    while (!over) {
        for (unsigned long i = 0; i < stacks_a_thread; i++) {
            (void)descend(depth, i, 0);
        }
        if (first) {
            pthread_barrier_wait(&all_there);
            first = 0;
        }
        if (used_once) {
            pthread_barrier_wait(&all_released);
            break;
        }
        usleep(50000);
    }
    return NULL;
}

static void run_active(void)
{
    pthread_t *threads = calloc(count, sizeof *threads);
    pthread_barrier_init(&all_there, NULL, (unsigned)count + 1);
    pthread_barrier_init(&all_released, NULL, (unsigned)count + 1);
    for (unsigned long i = 0; i < count; i++) {
        start(&threads[i], use_stacks, NULL);
    }
    pthread_barrier_wait(&all_there);
    say_ready();
    over = 1;
    if (used_once) {
        pthread_barrier_wait(&all_released);
    }
    for (unsigned long i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    count = strtoul(argv[2], NULL, 10);
    stacks_a_thread = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    used_once = strcmp(argv[1], "idle") == 0;
    if (strcmp(argv[1], "alive") == 0) {
        run_alive();
    } else if (strcmp(argv[1], "over") == 0) {
        run_over();
    } else if (strcmp(argv[1], "live") == 0) {
        run_worker(hold_blocks);
    } else if (strcmp(argv[1], "stacks") == 0) {
        run_worker(hold_stacks);
    } else {
        run_active();
    }
    return 0;
}
