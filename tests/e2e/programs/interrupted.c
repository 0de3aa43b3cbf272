/*
 * Signals in the middle of allocating:
 *   interrupted forks     a timer forks in its handler, wherever the program is; the child returns
 *                         from the handler and goes on
 *   interrupted jumps     handlers on a small stack of their own that allocate and siglongjmp away
 *   interrupted timers    four threads that allocate under a fast timer
 * The last two allocate the same in every run.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t forked, in_child, ticks;
static void *volatile sink;
static sigjmp_buf back;

__attribute__((noinline)) static void churn(unsigned rounds)
{
    void *held[32] = {0};
    for (unsigned i = 0; i < rounds; i++) {
        free(held[i % 32]);
        held[i % 32] = i % 7 ? malloc(i % 900) : realloc(malloc(i % 90), i % 2 ? 70000 : 3000);
        sink = held[i % 32];
    }
    for (unsigned i = 0; i < 32; i++) {
        free(held[i]);
    }
}

static void every(long microseconds)
{
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

static void fork_here(int number)
{
    (void)number;
    int before = errno;
    pid_t child = in_child || forked >= 300 ? -1 : fork();
    if (child == 0) {
        in_child = 1;
    } else if (child > 0) {
        forked++;
    }
    errno = before;
}

static int forks(void)
{
    handle(SIGALRM, fork_here, SA_RESTART);
    every(300);
    while (forked < 300 && !in_child) {
        churn(200);
    }
    every(0);
    if (in_child) {
        churn(1000);
        _exit(9);
    }
    int good = 0, status;
    for (int i = 0; i < 300; i++) {
        while (wait(&status) < 0 && errno == EINTR) {
        }
        good += WIFEXITED(status) && WEXITSTATUS(status) == 9;
    }
    printf("%d children went on and ended\n", good);
    return 0;
}

static void allocate_and_jump(int number)
{
    void *block = malloc(100u + (unsigned)number);
    free(malloc(70000));
    sink = block;
    siglongjmp(back, 1);
}

static int jumps(void)
{
    static _Alignas(16) char room[8192];
    stack_t alternate = {.ss_sp = room, .ss_size = sizeof room};
    volatile unsigned jumped = 0;
    sigaltstack(&alternate, NULL);
    handle(SIGUSR1, allocate_and_jump, SA_ONSTACK);
    handle(SIGSEGV, allocate_and_jump, SA_ONSTACK);
    for (volatile unsigned i = 0; i < 2000; i++) {
        if (sigsetjmp(back, 1) == 0) {
            if (i % 2) {
                *(volatile int *)(uintptr_t)8 = 1;
            }
            raise(SIGUSR1);
        }
        jumped++;
        free((void *)sink);
        churn(40);
    }
    printf("%u jumps\n", jumped);
    return 0;
}

static void tick(int number)
{
    (void)number;
    ticks = ticks + 1;
}

static void *churner(void *argument)
{
    for (unsigned i = 0; i < 200; i++) {
        churn(500);
    }
    return argument;
}

static int timers(void)
{
    pthread_t threads[4];
    handle(SIGALRM, tick, 0);
    every(100);
    for (unsigned i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, churner, NULL);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    every(0);
    puts(ticks > 10 ? "many ticks" : "hardly a tick");
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    return strcmp(what, "forks") == 0    ? forks()
           : strcmp(what, "jumps") == 0  ? jumps()
           : strcmp(what, "timers") == 0 ? timers()
                                         : 2;
}
