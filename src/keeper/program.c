/* From the keeper's child to the program. */
#include "keeper/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keeper/directory.h"
#include "wire/message.h"

/* Out of the way of a program that counts on the next free number, and below the 64 that every
 * descriptor table has room for. */
#define INHERITED_FD_WANTED 60
#define LAST_SIGNAL         64
#define EXIT_NOT_EXECUTED   127

extern char **environ;

/* What this process was started with, before anybody changed it. */
static struct {
    bool ignored[LAST_SIGNAL + 1];
    sigset_t mask;
} at_start;

/* Runs before main: afterwards nobody can tell our own SIG_IGN from an inherited one. */
__attribute__((constructor)) static void remember_signals(void)
{
    for (int signal = 1; signal <= LAST_SIGNAL; signal++) {
        struct sigaction action;
        at_start.ignored[signal] =
            sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    }
    sigprocmask(SIG_SETMASK, NULL, &at_start.mask);
}

static void restore_signals(void)
{
    for (int signal = 1; signal <= LAST_SIGNAL; signal++) {
        struct sigaction action = {.sa_handler = at_start.ignored[signal] ? SIG_IGN : SIG_DFL};
        sigaction(signal, &action, NULL);
    }
    sigprocmask(SIG_SETMASK, &at_start.mask, NULL);
}

void ms_signals_ignore(void)
{
    static const int kept[] = {SIGCHLD, SIGCONT, SIGSEGV, SIGBUS, SIGILL,
                               SIGFPE,  SIGABRT, SIGTRAP, SIGSYS};
    for (int signal = 1; signal <= LAST_SIGNAL; signal++) {
        struct sigaction action = {.sa_handler = SIG_IGN};
        for (size_t at = 0; at < sizeof(kept) / sizeof(kept[0]); at++) {
            if (kept[at] == signal) {
                action.sa_handler = SIG_DFL;
            }
        }
        sigaction(signal, &action, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Place of the last entry with the name of `variable`, `count` when there is none. Of several the
 * loader believes the last. */
static size_t find_variable(char *const *variables, size_t count, const char *variable)
{
    size_t name = strcspn(variable, "=") + 1;
    for (size_t at = count; at-- > 0;) {
        if (strncmp(variables[at], variable, name) == 0) {
            return at;
        }
    }
    return count;
}

/* Puts "NAME=value" at the place of an older NAME or at the end; `count` entries so far. */
static size_t put_variable(char **variables, size_t count, char *variable)
{
    size_t at = find_variable(variables, count, variable);
    variables[at] = variable;
    return at == count ? count + 1 : count;
}

/* The environment with our variables in it, NULL without memory. Lives until exec. */
static char **make_environment(const char *probe, const char *session, int inherited)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    char **variables = calloc(count + 4, sizeof(*variables));
    char *strings[3] = {NULL, NULL, NULL};
    size_t preload = find_variable(environ, count, "LD_PRELOAD=");
    /* An empty one is kept too: the program shall find its variables as the user set them. */
    const char *before = preload < count ? environ[preload] + strlen("LD_PRELOAD=") : NULL;
    if (variables == NULL ||
        asprintf(&strings[0], "LD_PRELOAD=%s%s%s", probe, before != NULL ? ":" : "",
                 before != NULL ? before : "") < 0 ||
        asprintf(&strings[1], MS_ENV_SESSION "=%s", session) < 0 ||
        asprintf(&strings[2], MS_ENV_SOCKET "=%d", inherited) < 0) {
        return NULL;
    }
    for (size_t at = 0; at < count; at++) {
        variables[at] = environ[at];
    }
    for (size_t at = 0; at < 3; at++) {
        count = put_variable(variables, count, strings[at]);
    }
    return variables;
}

/* A number for the inherited socket that the program does not come across. */
static int inherit(int socket)
{
    struct rlimit files;
    int from = INHERITED_FD_WANTED;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur <= (rlim_t)from) {
        from = (int)files.rlim_cur - 1;
    }
    int number = -1;
    while (number < 0 && from > 2) {
        number = fcntl(socket, F_DUPFD, from);
        from--;
    }
    return number;
}

static void set_up_terminal(const struct ms_program_start *start)
{
    int slave = start->terminal_slave;
    setpgid(0, 0);
    tcsetpgrp(slave, getpid());
    if (start->options->stdin_from_terminal) {
        dup2(slave, STDIN_FILENO);
    } else if (isatty(STDIN_FILENO)) {
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(nothing, STDIN_FILENO);
    }
    dup2(slave, STDOUT_FILENO);
    dup2(slave, STDERR_FILENO);
}

static noreturn void fail(const struct ms_program_start *start, int error)
{
    ssize_t written;
    do {
        written = write(start->failed, &error, sizeof(error));
    } while (written < 0 && errno == EINTR);
    _exit(EXIT_NOT_EXECUTED);
}

noreturn void ms_program_become(const struct ms_program_start *start)
{
    const struct ms_keeper_options *options = start->options;
    if (start->terminal_slave >= 0) {
        set_up_terminal(start);
    }
    char go;
    ssize_t got;
    do {
        got = read(start->go, &go, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) {
        _exit(EXIT_NOT_EXECUTED);
    }
    setrlimit(RLIMIT_NOFILE, &start->files);
    setrlimit(RLIMIT_FSIZE, &start->file_size);
    char **variables = environ;
    if (options->probe != NULL) {
        char session[MS_SOCKET_PATH_MAX];
        ms_socket_path(start->directory, getpid(), session);
        int inherited = inherit(start->probe_socket);
        variables = make_environment(options->probe, session, inherited);
    }
    if (variables == NULL) {
        fail(start, ENOMEM);
    }
    restore_signals();
    execve(options->program, options->arguments, variables);
    fail(start, errno);
}
