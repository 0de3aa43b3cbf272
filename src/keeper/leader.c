/* See leader.h. */
#include "keeper/leader.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdnoreturn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper/descriptor.h"
#include "wire/clock.h"

#define READ_BYTES   4096
#define LOOK_EACH_NS (MS_NS_PER_S / 2)

/* Did it end by itself, having let go of the terminal? */
static bool ended_in_order(pid_t keeper)
{
    int status = 0;
    pid_t got;
    do {
        got = waitpid(keeper, &status, 0);
    } while (got < 0 && errno == EINTR);
    return got != keeper || WIFEXITED(status);
}

static bool foreground_lives(int master)
{
    const pid_t group = tcgetpgrp(master);
    return group > 0 && (kill(-group, 0) == 0 || errno == EPERM);
}

/* What the program writes is nobody's any more, but it must not wait for a reader. */
static void drain(int master)
{
    char bytes[READ_BYTES];
    for (;;) {
        struct pollfd ready = {.fd = master, .events = POLLIN};
        (void)poll(&ready, 1, -1);
        const ssize_t count = read(master, bytes, sizeof(bytes));
        if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) {
            continue;
        }
        /* Nobody has it open now; somebody who lives may open /dev/tty again. */
        if (!foreground_lives(master)) {
            return;
        }
        const struct timespec pause = {.tv_nsec = (long)LOOK_EACH_NS};
        (void)nanosleep(&pause, NULL);
    }
}

static noreturn void lead(int master, pid_t keeper)
{
    ms_fds_close_others(&master, 1);
    ms_standard_fds_to_nothing(-1);
    (void)prctl(PR_SET_NAME, "memscope-leader");
    const bool folder_left = chdir("/") == 0; /* the program's folder should not stay in use */
    (void)folder_left;
    if (!ended_in_order(keeper)) {
        drain(master);
    }
    /* Our end hangs up the foreground group: that is to be our own, where it is ignored. */
    (void)tcsetpgrp(master, getpgrp());
    _exit(0);
}

void ms_leader_stay_behind(int master)
{
    const pid_t keeper = fork();
    if (keeper > 0) {
        lead(master, keeper);
    }
}
