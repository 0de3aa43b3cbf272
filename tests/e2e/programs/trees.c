/*
 * Makes processes in all the ways there are. Each allocates a number of blocks that is its own; one
 * that only forks says
 *   NAME PID PARENT BLOCKS STATUS
 * on stdout, one that executes is told by its argument:
 *   trees work N     allocates N blocks, exits with N % 50
 *   trees chain N    executes itself N times under one pid, N + 1 times 118 blocks, then exits 4
 *   trees all        everything below; ends with status 7
 *   trees outlive    leaves a child behind that goes on for 300 ms
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *self;
static void *volatile sink;

/* Every third block stays. */
static void churn(int blocks)
{
    for (int i = 0; i < blocks; i++) {
        void *block = malloc((size_t)i % 700 + 1);
        sink = block;
        if (i % 3 != 0) {
            free((void *)sink);
        }
    }
}

static void say(const char *name, pid_t pid, pid_t parent, int blocks, int status)
{
    char line[128];
    int bytes = snprintf(line, sizeof line, "%s %d %d %d %d\n", name, (int)pid, (int)parent,
                         blocks, status);
    if (write(1, line, (size_t)bytes) != bytes) {
        _exit(99);
    }
}

static void wait_for(pid_t child)
{
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
}

static void forked(void)
{
    pid_t child = fork();
    if (child == 0) {
        churn(101);
        _exit(11);
    }
    say("fork", child, getpid(), 101, 11);
    wait_for(child);
    child = fork();
    if (child == 0) {
        churn(102);
        exit(12);
    }
    say("fork-exit", child, getpid(), 102, 12);
    wait_for(child);
    child = fork();
    if (child == 0) {
        churn(100);
        kill(getpid(), SIGKILL);
    }
    say("fork-killed", child, getpid(), 100, -9);
    wait_for(child);
}

static void executed(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execl(self, self, "work", "103", (char *)NULL);
        _exit(127);
    }
    wait_for(child);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_RESETIDS);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 5, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addclose(&actions, 0);
    char *const arguments[] = {(char *)self, "work", "104", NULL};
    char *const empty[] = {NULL};
    if (posix_spawn(&child, self, &actions, &attributes, arguments, empty) == 0) {
        wait_for(child);
    }
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    child = fork();
    if (child == 0) {
        execle(self, self, "work", "108", (char *)NULL, empty);
        _exit(127);
    }
    wait_for(child);
}

static void shells(void)
{
    char command[4300];
    snprintf(command, sizeof command, "%s work 105; exit 15", self);
    (void)!system(command);
    snprintf(command, sizeof command, "%s work 106", self);
    FILE *pipe = popen(command, "r");
    if (pipe != NULL) {
        pclose(pipe);
    }
    snprintf(command, sizeof command, "/usr/bin/env -i %s work 109", self);
    (void)!system(command);
    pid_t child = fork();
    if (child == 0) {
        clearenv();
        snprintf(command, sizeof command, "%s work 107", self);
        (void)!system(command);
        _exit(17);
    }
    wait_for(child);
}

static int work_in_our_memory(void *blocks)
{
    churn(*(int *)blocks);
    return 0;
}

static int execute_in_our_memory(void *unused)
{
    (void)unused;
    execl(self, self, "work", "112", (char *)NULL);
    return 127;
}

static void cloned(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, 0ul, 0ul, 0ul, 0ul);
    if (child == 0) {
        churn(110);
        _exit(10);
    }
    say("clone", child, getpid(), 110, 10);
    wait_for(child);
    static char stack[65536] __attribute__((aligned(16)));
    int blocks = 111;
    child = clone(work_in_our_memory, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &blocks);
    wait_for(child);
    child = clone(execute_in_our_memory, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    wait_for(child);
}

/* As servers do: from root to nobody, after the fork. */
static void unprivileged(void)
{
    pid_t child = fork();
    if (child == 0) {
        bool dropped = setgid(65534) == 0 && setuid(65534) == 0;
        churn(113);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            churn(114);
            _exit(14);
        }
        say("dropped-child", grandchild, getpid(), 114, 14);
        wait_for(grandchild);
        _exit(dropped ? 13 : 33);
    }
    say("dropped", child, getpid(), 113, geteuid() == 0 ? 13 : 33);
    wait_for(child);
}

static void daemons(void)
{
    int told[2];
    char byte;
    if (pipe2(told, O_CLOEXEC) != 0) {
        return;
    }
    pid_t middle = fork();
    if (middle == 0) {
        setsid();
        pid_t child = fork();
        if (child == 0) {
            say("daemon", getpid(), getppid(), 116, 16);
            if (write(told[1], "", 1) != 1 || chdir("/") != 0) {
                _exit(99);
            }
            (void)syscall(SYS_close_range, 0u, ~0u, 0u);
            churn(116);
            usleep(100000);
            _exit(16);
        }
        churn(115);
        usleep(20000);
        _exit(15);
    }
    say("daemon-starter", middle, getpid(), 115, 15);
    wait_for(middle);
    close(told[1]);
    (void)!read(told[0], &byte, 1);
    close(told[0]);
    usleep(150000); /* the daemon ends before us */
}

static void chain(int left)
{
    churn(118);
    if (left > 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", left - 1);
        execl(self, self, "chain", number, (char *)NULL);
    }
    exit(4);
}

static void all(void)
{
    forked();
    executed();
    shells();
    cloned();
    unprivileged();
    daemons();
    pid_t child = fork();
    if (child == 0) {
        chain(3);
    }
    say("chain", child, getpid(), 118, 4);
    wait_for(child);
}

static void outlive(void)
{
    pid_t child = fork();
    if (child == 0) {
        churn(119);
        usleep(300000);
        churn(200);
        _exit(19);
    }
    say("outlives", child, getpid(), 319, 19);
    usleep(100000);
}

int main(int argc, char **argv)
{
    char path[4096];
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 1);
    if (argc < 2 || bytes <= 0) {
        return 99;
    }
    path[bytes] = '\0';
    self = path;
    int number = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(argv[1], "work") == 0) {
        churn(number);
        return number % 50;
    }
    if (strcmp(argv[1], "chain") == 0) {
        chain(number);
    }
    if (strcmp(argv[1], "outlive") == 0) {
        outlive();
        return 7;
    }
    all();
    return 7;
}
