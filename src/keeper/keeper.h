/*
 * The keeper: a small process that starts the program, holds its pty and every region descriptor,
 * waits for it, and serves viewers that come and go. It ends when nothing of the program lives and
 * no viewer is connected (or none came back for MS_KEEPER_LINGER_NS after the end).
 */
#ifndef MS_KEEPER_KEEPER_H
#define MS_KEEPER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "wire/region.h"

#define MS_SOCKET_PATH_MAX  108u
#define MS_KEEPER_LINGER_NS UINT64_C(10000000000)

struct ms_keeper_options {
    const char *program;      /* path to execute, resolved */
    char *const *arguments;   /* argv of the program, NULL-terminated */
    const char *probe;        /* absolute path of the preload library; NULL: run without it */
    bool pty;                 /* own terminal; else the three descriptors are inherited */
    bool stdin_from_terminal; /* pty: stdin is the pty too; else /dev/null unless redirected */
    unsigned rows, columns;   /* of the pty */
    int tee;                  /* descriptor that gets a copy of the program's output, or -1 */
    struct ms_probe_config config;
};

struct ms_keeper_started {
    char socket_path[MS_SOCKET_PATH_MAX];
    pid_t keeper;
    pid_t program;
};

/*
 * Forks the keeper, which starts the program. Waits until the program was executed or failed to
 * be. Returns 0 and fills *started; or -errno of the exec (-ENOENT, -EACCES, -ENOEXEC...) or of our
 * own failure, with *own_failure telling which. The caller reads everything else from the socket.
 * In the calling process nothing is left behind but a child (the keeper), which it may ignore.
 */
int ms_keeper_start(const struct ms_keeper_options *options, struct ms_keeper_started *started,
                    bool *own_failure);

/*
 * The folder of this user's sockets ($XDG_RUNTIME_DIR/memscope-top or /tmp/memscope-top-UID), made
 * 0700 if it does not exist. Returns 0, or -EPERM when it belongs to someone else or is open to
 * others, or -errno.
 */
int ms_keeper_directory(char *path, size_t size);

/* Path of the socket of the keeper whose program is `pid` (PID.sock). Returns 0 or -ENOENT. */
int ms_keeper_find(pid_t pid, char *path, size_t size);

/* Calls `each` for every socket in the folder whose keeper may be alive; dead ones are removed. */
int ms_keeper_each(int (*each)(const char *socket_path, pid_t program, void *context),
                   void *context);

#endif
