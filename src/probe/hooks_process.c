/*
 * The exec family: a child gets our entries back into the environment it was meant to have, unless
 * its file would not bear the probe. All of it may run in a vfork child, in a signal handler, or on
 * a small stack: memory is the caller's stack, there is no lock, and nothing static is written.
 */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <unistd.h>

#include "probe/direct.h"
#include "probe/environment.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/process.h"
#include "probe/system_call.h"
#include "probe/target.h"
#include "probe/thread.h"
#include "probe/trace.h"

static struct {
    int (*execve)(const char *, char *const[], char *const[]);
    int (*execvpe)(const char *, char *const[], char *const[]);
    int (*fexecve)(int, char *const[], char *const[]);
    int (*execveat)(int, const char *, char *const[], char *const[], int);
    int (*posix_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    int (*posix_spawnp)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                        const posix_spawnattr_t *, char *const[], char *const[]);
    void (*exit)(int);
    void (*_exit)(int);
} next;

void ms_process_hooks_init(void)
{
    next.execve = ms_real_symbol("execve");
    next.execvpe = ms_real_symbol("execvpe");
    next.fexecve = ms_real_symbol("fexecve");
    next.execveat = ms_real_symbol("execveat");
    next.posix_spawn = ms_real_symbol("posix_spawn");
    next.posix_spawnp = ms_real_symbol("posix_spawnp");
    next.exit = ms_real_symbol("exit");
    next._exit = ms_real_symbol("_exit");
    ms_shell_hooks_init();
    ms_fork_hooks_init();
}

/* A library's constructor may run, and exec, before ours. */
static void resolve(void)
{
    if (MS_UNLIKELY(next.execve == NULL)) {
        int before = errno;
        ms_process_hooks_init();
        errno = before;
    }
}

bool ms_children_wanted(void)
{
    /*
     * Behind a seccomp filter neither our look at the file nor the handshake of the child is sure
     * to be allowed. In a chroot the probe may be out of reach: the loader would complain.
     */
    return ms_follow_children && !ms_map_quiet() && ms_environment_carried.probe[0] != '\0' &&
           faccessat(AT_FDCWD, ms_environment_carried.probe, R_OK, 0) == 0;
}

/*
 * The environment for a child: on our stack with our entries, or the caller's array as it is.
 * A macro, because the storage must live as long as the hook's own frame.
 */
#define CHILD_ENVIRONMENT(given, suitable)                                                         \
    ({                                                                                             \
        char *const *given_ = (given);                                                             \
        int errno_before_ = errno;                                                                 \
        size_t bytes_ = ms_children_wanted() && (suitable)                                         \
                            ? ms_environment_join_bytes(&ms_environment_carried, given_)           \
                            : 0;                                                                   \
        errno = errno_before_;                                                                     \
        bytes_ == 0 ? given_                                                                       \
                    : ms_environment_join(&ms_environment_carried, given_, alloca(bytes_));        \
    })

/*
 * Says in the region that this process becomes another program. A vfork child (another pid) or a
 * forked one that has no region of its own yet (wiped thread state) says nothing: the region is
 * its parent's.
 */
static bool mark_exec(void)
{
    struct ms_region_header *region = ms_region;
    const struct ms_thread_state *state = ms_thread_state;
    if (region == NULL || ms_map_quiet() || (state != NULL && state->key == 0) ||
        region->pid != (uint32_t)getpid()) {
        return false;
    }
    uint32_t active = MS_REGION_ACTIVE;
    ms_trace_flush_all(false);
    region->exec_ns = ms_now_ns();
    return atomic_compare_exchange_strong(&region->state, &active, MS_REGION_EXEC);
}

/* exec came back: it failed, and this program goes on. Returns `result`, errno kept. */
static int exec_failed(bool marked, int result)
{
    if (marked) {
        ms_region->exec_ns = 0;
        atomic_store_explicit(&ms_region->state, MS_REGION_ACTIVE, memory_order_release);
    }
    return result;
}

static int exec_path(const char *path, char *const argv[], char *const given[])
{
    resolve();
    char *const *environment =
        CHILD_ENVIRONMENT(given, ms_target_suitable(AT_FDCWD, path, 0, MS_TARGET_UNKNOWN_FAILS));
    bool marked = mark_exec();
    if (next.execve == NULL) {
        return exec_failed(
            marked, (int)ms_direct(SYS_execve, (long)path, (long)argv, (long)environment, 0, 0, 0));
    }
    return exec_failed(marked, next.execve(path, argv, environment));
}

/* The search in PATH, and /bin/sh for a file without header, stay libc's. */
static int exec_search(const char *file, char *const argv[], char *const given[])
{
    resolve();
    if (next.execvpe == NULL) {
        errno = ENOSYS;
        return -1;
    }
    char *const *environment =
        CHILD_ENVIRONMENT(given, ms_target_suitable_in_path(file, MS_TARGET_UNKNOWN_SHELL));
    bool marked = mark_exec();
    return exec_failed(marked, next.execvpe(file, argv, environment));
}

MS_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    return exec_path(path, argv, envp);
}

MS_EXPORT int execv(const char *path, char *const argv[])
{
    return exec_path(path, argv, environ);
}

MS_EXPORT int execvp(const char *file, char *const argv[])
{
    return exec_search(file, argv, environ);
}

MS_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    return exec_search(file, argv, envp);
}

MS_EXPORT int fexecve(int descriptor, char *const argv[], char *const envp[])
{
    resolve();
    if (next.fexecve == NULL) {
        errno = ENOSYS;
        return -1;
    }
    char *const *environment = CHILD_ENVIRONMENT(envp, ms_target_suitable_descriptor(descriptor));
    bool marked = mark_exec();
    return exec_failed(marked, next.fexecve(descriptor, argv, environment));
}

static bool suitable_at(int directory, const char *path, int flags)
{
    if ((flags & AT_EMPTY_PATH) != 0 && path != NULL && *path == '\0') {
        return ms_target_suitable_descriptor(directory);
    }
    return ms_target_suitable(directory, path, flags, MS_TARGET_UNKNOWN_FAILS);
}

MS_EXPORT int execveat(int directory, const char *path, char *const argv[], char *const envp[],
                       int flags)
{
    resolve();
    char *const *environment = CHILD_ENVIRONMENT(envp, suitable_at(directory, path, flags));
    bool marked = mark_exec();
    if (next.execveat == NULL) {
        return exec_failed(marked, (int)ms_direct(SYS_execveat, directory, (long)path, (long)argv,
                                                  (long)environment, flags, 0));
    }
    return exec_failed(marked, next.execveat(directory, path, argv, environment, flags));
}

/* Arguments from `first` to the NULL behind the last, that one not counted. */
static size_t count_arguments(const char *first, va_list list)
{
    size_t count = 0;
    for (const char *argument = first; argument != NULL; argument = va_arg(list, const char *)) {
        count++;
    }
    return count;
}

static void copy_arguments(char **argv, size_t count, const char *first, va_list list)
{
    const char *argument = first;
    for (size_t i = 0; i < count; i++) {
        argv[i] = (char *)(uintptr_t)argument;
        argument = va_arg(list, const char *);
    }
    argv[count] = NULL;
}

/* argv of an execl call, on the stack of the hook; `list` is left open behind the final NULL. */
#define ARGUMENTS(first, list)                                                                     \
    ({                                                                                             \
        va_list count_list_;                                                                       \
        va_copy(count_list_, list);                                                                \
        size_t count_ = count_arguments(first, count_list_);                                       \
        va_end(count_list_);                                                                       \
        char **argv_ = alloca((count_ + 1) * sizeof(char *));                                      \
        copy_arguments(argv_, count_, first, list);                                                \
        argv_;                                                                                     \
    })

MS_EXPORT int execl(const char *path, const char *argument, ...)
{
    va_list list;
    va_start(list, argument);
    char **argv = ARGUMENTS(argument, list);
    va_end(list);
    return exec_path(path, argv, environ);
}

MS_EXPORT int execlp(const char *file, const char *argument, ...)
{
    va_list list;
    va_start(list, argument);
    char **argv = ARGUMENTS(argument, list);
    va_end(list);
    return exec_search(file, argv, environ);
}

MS_EXPORT int execle(const char *path, const char *argument, ...)
{
    va_list list;
    va_start(list, argument);
    char **argv = ARGUMENTS(argument, list);
    char *const *environment = va_arg(list, char *const *);
    va_end(list);
    return exec_path(path, argv, environment);
}

/*
 * A relative path is looked at from this directory, although a file action may change it first:
 * a wrong guess costs the child's tracking or, at worst, names the probe to a foreign loader.
 */
MS_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attributes, char *const argv[],
                          char *const envp[])
{
    resolve();
    if (next.posix_spawn == NULL) {
        return ENOSYS;
    }
    char *const *environment =
        CHILD_ENVIRONMENT(envp, ms_target_suitable(AT_FDCWD, path, 0, MS_TARGET_UNKNOWN_FAILS));
    return next.posix_spawn(pid, path, actions, attributes, argv, environment);
}

MS_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                           const posix_spawnattr_t *attributes, char *const argv[],
                           char *const envp[])
{
    resolve();
    if (next.posix_spawnp == NULL) {
        return ENOSYS;
    }
    char *const *environment =
        CHILD_ENVIRONMENT(envp, ms_target_suitable_in_path(file, MS_TARGET_UNKNOWN_FAILS));
    return next.posix_spawnp(pid, file, actions, attributes, argv, environment);
}

/*
 * A forked child may be reaped before the keeper knows of it: what it says here is then all there
 * is. A vfork child has its parent's memory, and does not end it.
 */
static void note_exit(int status)
{
    if (ms_ready == MS_READY_COUNTING && ms_region != NULL && !ms_map_quiet() &&
        (uint32_t)ms_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0) == ms_region->pid) {
        ms_region->exit_ns = ms_now_ns();
        atomic_store_explicit(&ms_region->exit_note, MS_EXIT_NOTED | ((uint32_t)status & 0xff),
                              memory_order_release);
    }
}

/* The end that runs no destructors, ours neither: what the threads traced is sent before it. */
static noreturn void leave(int status)
{
    note_exit(status);
    if (ms_ready == MS_READY_COUNTING) {
        ms_trace_flush_all(true);
    }
    if (next._exit != NULL) {
        next._exit(status);
    }
    for (;;) {
        (void)ms_system_call(SYS_exit_group, status, 0, 0, 0, 0, 0);
    }
}

MS_EXPORT noreturn void _exit(int status)
{
    leave(status);
}

MS_EXPORT noreturn void _Exit(int status)
{
    leave(status);
}

/* The note only; what exit runs is left to it. */
MS_EXPORT noreturn void exit(int status)
{
    resolve();
    note_exit(status);
    if (next.exit != NULL) {
        next.exit(status);
    }
    leave(status);
}
