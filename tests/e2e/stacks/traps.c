/* Programs of known stacks: traps CASE ROUNDS. Each prints how many stacks it knew. */
#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frames.h"
#include "modules.h"
#include "scripts.h"
#include "signals.h"

static void fail(const char *what)
{
    fprintf(stderr, "traps: %s: %s\n", what, strerror(errno));
    exit(1);
}

static unsigned case_scripts(unsigned rounds)
{
    scripts_run(1, rounds, MIDDLE_NONE);
    return rounds;
}

static unsigned case_fibers(unsigned rounds)
{
    scripts_run(2, rounds, MIDDLE_FIBER);
    return rounds;
}

static unsigned case_inside(unsigned rounds)
{
    scripts_run(4, rounds, MIDDLE_INSIDE);
    return rounds;
}

static unsigned case_guarded(unsigned rounds)
{
    scripts_run(5, rounds, MIDDLE_GUARDED);
    return rounds;
}

static unsigned case_signals(unsigned rounds)
{
    scripts_run(3, rounds, MIDDLE_SIGNAL);
    return rounds;
}

/* --- threads one after the other and side by side, on stacks that are always the same --- */

#define THREADS   4u
#define CUT_BYTES (256u << 10)
struct task {
    uint64_t seed;
    unsigned rounds;
    enum middle middle;
    size_t further_in_bytes;
};

/* Now and then a stack ends before its end: then the others begin as much further in. */
static __attribute__((noinline)) void run_task(const struct task *task)
{
    char *space = alloca(task->further_in_bytes + 16);
    __asm__ volatile("" : : "r"(space) : "memory");
    scripts_run(task->seed, task->rounds, task->middle);
}

/* Two start routines of one size: the outermost frames of equal stacks differ. */
static __attribute__((noinline)) void *start_left(void *argument)
{
    run_task(argument);
    return argument;
}

static __attribute__((noinline)) void *start_right(void *argument)
{
    run_task(argument);
    return (char *)argument + 1;
}

static unsigned run_threads(unsigned rounds, unsigned at_once, char *const *stacks)
{
    unsigned known = 0;
    scripts_beside_others(at_once > 1);
    for (unsigned round = 0; round < rounds; round++) {
        pthread_t threads[THREADS];
        struct task tasks[THREADS];
        for (unsigned i = 0; i < at_once; i++) {
            pthread_attr_t attributes;
            bool cut = round % 5 >= 3;
            size_t bytes = 2 * SCRIPTS_STACK_BYTES - (cut ? CUT_BYTES : 0);
            pthread_attr_init(&attributes);
            if (mprotect(stacks[i] + 2 * SCRIPTS_STACK_BYTES - CUT_BYTES, CUT_BYTES,
                         cut ? PROT_NONE : PROT_READ | PROT_WRITE) != 0 ||
                pthread_attr_setstack(&attributes, stacks[i], bytes) != 0) {
                fail("pthread_attr_setstack");
            }
            /* The same chains in every third thread. */
            tasks[i] = (struct task){round % 3 + 10, 60, round / 2 % 3, cut ? 0 : CUT_BYTES};
            known += tasks[i].rounds;
            if (pthread_create(&threads[i], &attributes, round & 1 ? start_left : start_right,
                               &tasks[i]) != 0) {
                fail("pthread_create");
            }
            pthread_attr_destroy(&attributes);
        }
        for (unsigned i = 0; i < at_once; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    return known;
}

static unsigned case_threads(unsigned rounds)
{
    char *stacks[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        stacks[i] = mmap(NULL, 2 * SCRIPTS_STACK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    return run_threads(rounds / 240, 1, stacks) + run_threads(rounds / 600, THREADS, stacks);
}

/* --- children that go on where their parent was, from anywhere --- */

static unsigned wait_for(pid_t child)
{
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        fail("child");
    }
    return 0;
}

static unsigned fork_in_handler;

static void on_user_signal(int number)
{
    (void)number;
    pid_t child = fork();
    if (child == 0) {
        fork_in_handler = 1;
        scripts_run(20, 150, MIDDLE_NONE);
    } else {
        wait_for(child);
        scripts_run(20, 150, MIDDLE_NONE);
    }
}

static void *run_beside(void *unused)
{
    (void)unused;
    scripts_run(21, 2000, MIDDLE_NONE);
    return NULL;
}

static unsigned case_forks(unsigned rounds)
{
    unsigned known = 0;
    unsigned forks = rounds / 1000;
    struct sigaction action = {.sa_handler = on_user_signal};
    sigaction(SIGUSR1, &action, NULL);
    for (unsigned i = 0; i < forks; i++) {
        scripts_run(22, 150, MIDDLE_NONE);
        pid_t child = fork();
        scripts_run(22, 150, i % 2 ? MIDDLE_NONE : MIDDLE_FIBER);
        if (child == 0) {
            exit(0);
        }
        wait_for(child);
        raise(SIGUSR1);
        scripts_run(22, 100, MIDDLE_NONE);
        if (fork_in_handler) {
            exit(0);
        }
        known += 3 * 150 + 2 * 150 + 2 * 100;
    }
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, run_beside, NULL) != 0) {
            fail("pthread_create");
        }
    }
    for (unsigned i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            scripts_run(23, 100, MIDDLE_NONE);
            _exit(0);
        }
        wait_for(child);
        known += 100;
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        known += 2000;
    }
    return known;
}

static unsigned case_instructions(unsigned rounds)
{
    return signals_at_every_instruction(rounds / 1000);
}

static unsigned case_abandoned(unsigned rounds)
{
    return signals_that_abandon(rounds / 2000);
}

static unsigned case_small_stacks(unsigned rounds)
{
    return signals_on_small_stacks(rounds / 20);
}

/* The plugins lie beside the program. */
static unsigned case_plugins(unsigned rounds)
{
    char self[4000];
    char first[4096];
    char second[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    snprintf(first, sizeof first, "%s-200.so", self);
    snprintf(second, sizeof second, "%s-1000.so", self);
    const char *const paths[2] = {first, second};
    return modules_come_and_go(rounds / 100, paths);
}

static unsigned case_code(unsigned rounds)
{
    return modules_made_at_run_time(rounds / 100);
}

static const struct {
    const char *name;
    unsigned (*run)(unsigned rounds);
} cases[] = {
    {"scripts", case_scripts},     {"fibers", case_fibers},
    {"signals", case_signals},     {"inside", case_inside},
    {"guarded", case_guarded},     {"threads", case_threads},
    {"forks", case_forks},         {"instructions", case_instructions},
    {"abandoned", case_abandoned}, {"small-stacks", case_small_stacks},
    {"plugins", case_plugins},     {"code", case_code},
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc == 3 && i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            printf("%u\n", cases[i].run((unsigned)atoi(argv[2])));
            return 0;
        }
    }
    return 2;
}
