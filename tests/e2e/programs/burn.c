/*
 * Burns known amounts of CPU time, by CLOCK_THREAD_CPUTIME_ID, in functions that are known, when its
 * standard input has ended.
 *
 *   burn shares MS       60/30/10 % of MS in hot, warm, cool, by main and by a thread "burner"
 *   burn deep MS         at the bottom of 5,000 calls of descend
 *   burn jit MS          in code that no unwind rules describe, called by calls_jit
 *   burn kernel MS       in read() of /dev/zero, called by reads
 *   burn children MS     MS each: forked, executed (two threads), a thread of a forked one; born
 * late burn untouched MS    MS in hot, while main sleeps; writes what it sees of signals and timers
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OWN __attribute__((noinline, noclone))

static volatile unsigned long sink;

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

#define BURNS(name)                                                                                \
    OWN static void name(double ms)                                                                \
    {                                                                                              \
        const double end = cpu_ms() + ms;                                                          \
        while (cpu_ms() < end) {                                                                   \
            for (int i = 0; i < 20000; i++) {                                                      \
                sink += (unsigned long)i;                                                          \
            }                                                                                      \
        }                                                                                          \
        sink++;                                                                                    \
    }
BURNS(hot)
BURNS(warm)
BURNS(cool)

OWN static void outer(double ms)
{
    hot(0.6 * ms);
    warm(0.3 * ms);
    cool(0.1 * ms);
    sink++;
}

static void *run_outer(void *ms)
{
    for (int i = 0; i < 10; i++) { /* by turns, so that any part of the run has these shares */
        outer(*(double *)ms / 10);
    }
    return NULL;
}

OWN static void descend(int left, double ms)
{
    volatile char room[64];
    room[0] = (char)left;
    if (left == 0) {
        hot(ms);
    } else {
        descend(left - 1, ms);
    }
    sink += (unsigned long)room[0];
}

/* Counts down from its argument and calls nothing: 8 bytes that nobody knows how to unwind. */
OWN static void calls_jit(double ms)
{
#if defined(__x86_64__)
    static const unsigned char code[] = {0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3}; /* dec, jnz, ret */
#else
    static const unsigned char code[] = {0x00, 0x04, 0x00, 0xf1, 0xe1, 0xff,
                                         0xff, 0x54, 0xc0, 0x03, 0x5f, 0xd6}; /* subs, b.ne, ret */
#endif
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, code, sizeof code);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    void (*count_down)(unsigned long);
    memcpy(&count_down, &page, sizeof page);
    const double end = cpu_ms() + ms;
    while (cpu_ms() < end) {
        count_down(1000000);
    }
    sink++;
}

OWN static void reads(double ms)
{
    static char buffer[1 << 20];
    const int zero = open("/dev/zero", O_RDONLY);
    const double end = cpu_ms() + ms;
    while (cpu_ms() < end) {
        sink += (unsigned long)read(zero, buffer, sizeof buffer);
    }
    close(zero);
}

static void children(char *self, char *ms)
{
    double value = atof(ms);
    usleep(300000);
    if (fork() == 0) {
        free(malloc(1)); /* one that never does is not heard of */
        warm(value);
        _exit(0);
    }
    if (fork() == 0) {
        execl(self, self, "shares", ms, NULL);
        _exit(1);
    }
    if (fork() == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, run_outer, &value);
        pthread_join(thread, NULL);
        _exit(0);
    }
    while (wait(NULL) > 0) {
    }
}

static void *run_hot(void *ms)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* so that any signal would be for the sleeper */
    hot(*(double *)ms);
    return NULL;
}

static void put_file(const char *path, const char *only)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, only, strlen(only)) == 0) {
            fputs(line, stdout);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void untouched(double ms)
{
    pthread_t thread;
    int interrupted = 0;
    const int poller = epoll_create1(0);
    pthread_create(&thread, NULL, run_hot, &ms);
    for (int i = 0; i < (int)ms / 10; i++) {
        struct epoll_event event;
        const struct timespec pause = {0, 5000000};
        interrupted += epoll_wait(poller, &event, 1, 5) < 0;
        interrupted += nanosleep(&pause, NULL) < 0;
    }
    pthread_join(thread, NULL);
    printf("interrupted %d, next descriptor %d\n", interrupted, dup(0));
    for (int kind = ITIMER_REAL; kind <= ITIMER_PROF; kind++) {
        struct itimerval timer;
        getitimer(kind, &timer);
        printf("timer %ld %ld\n", (long)timer.it_interval.tv_usec, (long)timer.it_value.tv_usec);
    }
    put_file("/proc/self/timers", "ID");
    put_file("/proc/self/status", "SigBlk");
    put_file("/proc/self/status", "SigIgn");
    put_file("/proc/self/status", "SigCgt");
    put_file("/proc/self/status", "TracerPid");
}

int main(int count, char **arguments)
{
    while (getchar() != EOF) { /* not before somebody looks, who then ends the input */
    }
    double ms = count > 2 ? atof(arguments[2]) : 0;
    const char *mode = count > 2 ? arguments[1] : "";
    if (strcmp(mode, "shares") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, run_outer, &ms);
        pthread_setname_np(thread, "burner");
        run_outer(&ms);
        pthread_join(thread, NULL);
    } else if (strcmp(mode, "deep") == 0) {
        descend(5000, ms);
    } else if (strcmp(mode, "jit") == 0) {
        calls_jit(ms);
    } else if (strcmp(mode, "kernel") == 0) {
        reads(ms);
    } else if (strcmp(mode, "children") == 0) {
        children(arguments[0], arguments[2]);
    } else if (strcmp(mode, "untouched") == 0) {
        untouched(ms);
    } else {
        return 2;
    }
    return 0;
}
