#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

int ms_signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++) {
        sigaddset(&set, caught[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -errno;
    }
    signal(SIGPIPE, SIG_IGN);
    int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return descriptor >= 0 ? descriptor : -errno;
}

int ms_signals_next(int descriptor, bool *by_terminal)
{
    struct signalfd_siginfo info;
    if (read(descriptor, &info, sizeof info) != (ssize_t)sizeof info) {
        return 0;
    }
    *by_terminal = info.ssi_code == SI_KERNEL;
    return (int)info.ssi_signo;
}
