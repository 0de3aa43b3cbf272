/*
 * Allocates for as long as it is asked to, from two places and under a stack that is 40 calls deep.
 * SIGUSR1: forks a child that does the same. SIGUSR2: becomes itself anew by exec.
 *
 *   modes steady          frees what it allocates
 *   modes stacks          more different call stacks than a thread remembers, one after the other
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t fork_wanted, exec_wanted;

static void on_signal(int number)
{
    if (number == SIGUSR1) {
        fork_wanted = 1;
    } else {
        exec_wanted = 1;
    }
}

__attribute__((noinline)) static void *deep(unsigned left)
{
    void *block = left == 0 ? malloc(100) : deep(left - 1);
    __asm__ volatile("" : "+r"(block));
    return block;
}

__attribute__((noinline)) static void *odd(unsigned left, unsigned bits);

/* The bits of a number decide which of the two calls next: each number is a stack of its own. */
__attribute__((noinline)) static void *even(unsigned left, unsigned bits)
{
    void *block = left == 0         ? malloc(50)
                  : (bits & 1) != 0 ? odd(left - 1, bits >> 1)
                                    : even(left - 1, bits >> 1);
    __asm__ volatile("" : "+r"(block));
    return block;
}

__attribute__((noinline)) static void *odd(unsigned left, unsigned bits)
{
    void *block = left == 0         ? malloc(50)
                  : (bits & 1) != 0 ? odd(left - 1, bits >> 1)
                                    : even(left - 1, bits >> 1);
    __asm__ volatile("" : "+r"(block));
    return block;
}

static void fork_when_wanted(void)
{
    if (fork_wanted) {
        fork_wanted = 0;
        (void)fork();
    }
}

static void steady(char **argv)
{
    for (;;) {
        for (int i = 0; i < 50; i++) {
            free(deep(40));
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        fork_when_wanted();
        if (exec_wanted) {
            execv(argv[0], argv);
        }
    }
}

int main(int argc, char **argv)
{
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGUSR2);
    sigprocmask(SIG_UNBLOCK, &both, NULL); /* exec in a handler's shadow would keep them blocked */
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, on_signal);
    alarm(600);
    if (argc > 1 && strcmp(argv[1], "stacks") == 0) {
        for (unsigned number = 0;; number++) {
            free(even(24, number % 32768));
            fork_when_wanted();
            if (number % 65536 == 65535) {
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            }
        }
    }
    steady(argv);
    return 0;
}
