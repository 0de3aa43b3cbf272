/*
 * system and popen. Inside libc they start the shell with `environ` and by no function that could
 * be hooked, so that the child would miss our entries, which the program may not see there.
 */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/environment.h"
#include "probe/map.h"
#include "probe/process.h"
#include "probe/target.h"

#define SHELL_PATH "/bin/sh"

/* Bytes for the environment that `environ` points to during popen. */
#define POPEN_BYTES ((size_t)64 << 10)

static struct {
    int (*posix_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    int (*sigaction)(int, const struct sigaction *, struct sigaction *);
    pid_t (*waitpid)(pid_t, int *, int);
    int (*system)(const char *);
    FILE *(*popen)(const char *, const char *);
} next;

/* From glibc 2.38 on the command follows "--", so that it may begin with a dash. */
static bool dashes;

void ms_shell_hooks_init(void)
{
    next.posix_spawn = ms_real_symbol("posix_spawn");
    next.sigaction = ms_real_symbol("sigaction");
    next.waitpid = ms_real_symbol("waitpid");
    next.system = ms_real_symbol("system");
    next.popen = ms_real_symbol("popen");
    dashes = strverscmp(gnu_get_libc_version(), "2.38") >= 0;
}

static void resolve(void)
{
    if (MS_UNLIKELY(next.system == NULL)) {
        int before = errno;
        ms_process_hooks_init();
        errno = before;
    }
}

/*
 * Users of something that the first one in sets up and the last one out undoes. Not a mutex: should
 * a fork have copied the state while another thread was changing it, waiting would never end.
 */
#define GUARD_CHANGING UINT32_MAX
#define GUARD_TRIES    100000

enum guard_entry { GUARD_FIRST, GUARD_JOINED, GUARD_REFUSED };

/* After GUARD_FIRST the caller sets up and stores the number of users, 1 or 0. */
static enum guard_entry guard_enter(_Atomic uint32_t *users)
{
    for (int tries = 0; tries < GUARD_TRIES; tries++) {
        uint32_t seen = atomic_load_explicit(users, memory_order_acquire);
        if (seen == GUARD_CHANGING) {
            (void)sched_yield();
        } else if (atomic_compare_exchange_weak(users, &seen,
                                                seen == 0 ? GUARD_CHANGING : seen + 1)) {
            return seen == 0 ? GUARD_FIRST : GUARD_JOINED;
        }
    }
    return GUARD_REFUSED;
}

/* True: the caller was the last, undoes and then stores 0. */
static bool guard_leave(_Atomic uint32_t *users)
{
    uint32_t seen = atomic_load_explicit(users, memory_order_acquire);
    while (!atomic_compare_exchange_weak(users, &seen, seen == 1 ? GUARD_CHANGING : seen - 1)) {
    }
    return seen == 1;
}

/* Keyboard signals are the shell's alone while any thread is in system. */
static _Atomic uint32_t system_users;
static struct sigaction interrupt_before, quit_before;

struct running_shell {
    pid_t pid;
    bool guarded;
    sigset_t mask_before;
};

static void signals_ignore(struct running_shell *shell)
{
    enum guard_entry entry = guard_enter(&system_users);
    shell->guarded = entry != GUARD_REFUSED;
    if (entry == GUARD_FIRST) {
        struct sigaction ignore = {.sa_handler = SIG_IGN};
        (void)next.sigaction(SIGINT, &ignore, &interrupt_before);
        (void)next.sigaction(SIGQUIT, &ignore, &quit_before);
        atomic_store_explicit(&system_users, 1, memory_order_release);
    }
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)pthread_sigmask(SIG_BLOCK, &child, &shell->mask_before);
}

static void signals_restore(const struct running_shell *shell)
{
    if (shell->guarded && guard_leave(&system_users)) {
        (void)next.sigaction(SIGINT, &interrupt_before, NULL);
        (void)next.sigaction(SIGQUIT, &quit_before, NULL);
        atomic_store_explicit(&system_users, 0, memory_order_release);
    }
    (void)pthread_sigmask(SIG_SETMASK, &shell->mask_before, NULL);
}

/* Starts the shell with the signals that the program had. 0 or an error number. */
static int shell_start(struct running_shell *shell, const char *command, char *const environment[])
{
    char *const with_dashes[] = {(char *)"sh", (char *)"-c", (char *)"--",
                                 (char *)(uintptr_t)command, NULL};
    char *const plain[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL};
    posix_spawnattr_t attributes;
    sigset_t to_default;
    sigemptyset(&to_default);
    if (shell->guarded && interrupt_before.sa_handler != SIG_IGN) {
        sigaddset(&to_default, SIGINT);
    }
    if (shell->guarded && quit_before.sa_handler != SIG_IGN) {
        sigaddset(&to_default, SIGQUIT);
    }
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &shell->mask_before);
    posix_spawnattr_setsigdefault(&attributes, &to_default);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int error = next.posix_spawn(&shell->pid, SHELL_PATH, NULL, &attributes,
                                 dashes ? with_dashes : plain, environment);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* The thread is cancelled while it waits: the shell goes too, as in libc. */
static void shell_cancelled(void *context)
{
    struct running_shell *shell = context;
    int state;
    (void)kill(shell->pid, SIGKILL);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    while (next.waitpid(shell->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    (void)pthread_setcancelstate(state, NULL);
    signals_restore(shell);
}

static int shell_wait(struct running_shell *shell)
{
    int status = -1;
    pid_t ended;
    pthread_cleanup_push(shell_cancelled, shell);
    do {
        ended = next.waitpid(shell->pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    pthread_cleanup_pop(0);
    return ended == shell->pid ? status : -1;
}

static int shell_run(const char *command, char *const environment[])
{
    struct running_shell shell = {.pid = -1};
    signals_ignore(&shell);
    int error = shell_start(&shell, command, environment);
    /* A shell that cannot be started counts as one that ended with exit(127). */
    int status = error == 0 ? shell_wait(&shell) : 127 << 8;
    signals_restore(&shell);
    if (error != 0) {
        errno = error;
    }
    return status;
}

/* Bytes for the environment of a shell, 0: leave the system call to libc and the child alone. */
static size_t shell_environment_bytes(void)
{
    int before = errno;
    size_t bytes = 0;
    if (ms_children_wanted() &&
        ms_target_suitable(AT_FDCWD, SHELL_PATH, 0, MS_TARGET_UNKNOWN_FAILS)) {
        bytes = ms_environment_join_bytes(&ms_environment_carried, environ);
    }
    errno = before;
    return bytes;
}

MS_EXPORT int system(const char *command)
{
    resolve();
    size_t bytes = shell_environment_bytes();
    if (bytes == 0 || next.posix_spawn == NULL || next.sigaction == NULL || next.waitpid == NULL) {
        if (next.system == NULL) {
            errno = ENOSYS;
            return -1;
        }
        return next.system(command);
    }
    char **environment = ms_environment_join(&ms_environment_carried, environ, alloca(bytes));
    return command == NULL ? shell_run("exit 0", environment) == 0
                           : shell_run(command, environment);
}

/*
 * popen's stream knows its child, and pclose and fclose wait for it: that can only be libc's own.
 * So `environ` points to an array of ours while the real popen starts the shell. For that moment
 * another thread that reads the environment sees our entries; one that changes it then does so in
 * its own copy of our array (setenv copies an array that is not its own), from which they are
 * taken out again. The array is permanent: it may be read at any time.
 */
static _Atomic uint32_t popen_users;
static void *popen_storage;
static char **environ_theirs, **environ_ours;
static char *preload_ours, *preload_theirs; /* the entry in either array; theirs may be NULL */

static bool environ_swap(void)
{
    size_t bytes = ms_environment_join_bytes(&ms_environment_carried, environ);
    if (bytes == 0 || bytes > POPEN_BYTES) {
        return false;
    }
    if (popen_storage == NULL) {
        popen_storage = ms_private_pages(POPEN_BYTES, false);
        if (popen_storage == NULL) {
            return false;
        }
    }
    environ_theirs = environ;
    environ_ours = ms_environment_join(&ms_environment_carried, environ_theirs, popen_storage);
    preload_ours = ms_environment_carried.preload_entry;
    preload_theirs = NULL;
    for (size_t i = 0; environ_theirs != NULL && environ_theirs[i] != NULL; i++) {
        if (environ_ours[i] != environ_theirs[i]) {
            preload_ours = environ_ours[i];
            preload_theirs = environ_theirs[i];
        }
    }
    environ = environ_ours;
    return true;
}

static void environ_restore(void)
{
    if (environ == environ_ours) {
        environ = environ_theirs;
        return;
    }
    char **to = environ;
    for (char **from = environ; from != NULL && *from != NULL; from++) {
        if (*from == preload_ours && preload_theirs != NULL) {
            *to++ = preload_theirs;
        } else if (*from != preload_ours && *from != ms_environment_carried.session_entry) {
            *to++ = *from;
        }
    }
    if (to != NULL) {
        *to = NULL;
    }
}

/* True: `environ` is ours until popen_leave. */
static bool popen_enter(void)
{
    if (shell_environment_bytes() == 0 && atomic_load(&popen_users) == 0) {
        return false;
    }
    switch (guard_enter(&popen_users)) {
    case GUARD_JOINED:
        return true;
    case GUARD_FIRST: {
        bool swapped = environ_swap();
        atomic_store_explicit(&popen_users, swapped, memory_order_release);
        return swapped;
    }
    default:
        return false;
    }
}

static void popen_leave(void)
{
    if (guard_leave(&popen_users)) {
        environ_restore();
        atomic_store_explicit(&popen_users, 0, memory_order_release);
    }
}

MS_EXPORT FILE *popen(const char *command, const char *mode)
{
    resolve();
    if (next.popen == NULL) {
        errno = ENOSYS;
        return NULL;
    }
    if (!popen_enter()) {
        return next.popen(command, mode);
    }
    FILE *stream = next.popen(command, mode);
    int before = errno;
    popen_leave();
    errno = before;
    return stream;
}
