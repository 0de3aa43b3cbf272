/*
 * System calls with the parameters and results of libc's functions of those names, errno included,
 * past all that a program or a library may have put in place of these: what the probe does for
 * itself is nobody's business. For the start and for exec, and for hooks that are called before the
 * real function is known; no point of cancellation.
 */
#ifndef MS_PROBE_DIRECT_H
#define MS_PROBE_DIRECT_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "probe/system_call.h"

/* What the kernel returned, as libc returns it. */
static inline long ms_libc_result(long result)
{
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static inline long ms_direct(long number, long a, long b, long c, long d, long e, long f)
{
    return ms_libc_result(ms_system_call(number, a, b, c, d, e, f));
}

static inline int ms_direct_close(int fd)
{
    return (int)ms_direct(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline int ms_direct_openat(int folder, const char *path, int flags)
{
    return (int)ms_direct(SYS_openat, folder, (long)path, flags, 0, 0, 0);
}

static inline ssize_t ms_direct_read(int fd, void *to, size_t bytes)
{
    return ms_direct(SYS_read, fd, (long)to, (long)bytes, 0, 0, 0);
}

static inline ssize_t ms_direct_pread(int fd, void *to, size_t bytes, off_t at)
{
    return ms_direct(SYS_pread64, fd, (long)to, (long)bytes, at, 0, 0);
}

static inline ssize_t ms_direct_readlink(const char *path, char *to, size_t bytes)
{
    return ms_direct(SYS_readlinkat, AT_FDCWD, (long)path, (long)to, (long)bytes, 0, 0);
}

static inline int ms_direct_stat(const char *path, struct stat *status)
{
    return (int)ms_direct(SYS_newfstatat, AT_FDCWD, (long)path, (long)status, 0, 0, 0);
}

static inline int ms_direct_fstat(int fd, struct stat *status)
{
    return (int)ms_direct(SYS_fstat, fd, (long)status, 0, 0, 0, 0);
}

static inline int ms_direct_fcntl(int fd, int command, long argument)
{
    return (int)ms_direct(SYS_fcntl, fd, command, argument, 0, 0, 0);
}

static inline int ms_direct_socket(int domain, int type, int protocol)
{
    return (int)ms_direct(SYS_socket, domain, type, protocol, 0, 0, 0);
}

static inline int ms_direct_connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
    return (int)ms_direct(SYS_connect, fd, (long)address, bytes, 0, 0, 0);
}

static inline int ms_direct_getsockopt(int fd, int level, int name, void *value, socklen_t *bytes)
{
    return (int)ms_direct(SYS_getsockopt, fd, level, name, (long)value, (long)bytes, 0);
}

static inline ssize_t ms_direct_recvmsg(int fd, struct msghdr *message, int flags)
{
    return ms_direct(SYS_recvmsg, fd, (long)message, flags, 0, 0, 0);
}

static inline ssize_t ms_direct_send(int fd, const void *from, size_t bytes, int flags)
{
    return ms_direct(SYS_sendto, fd, (long)from, (long)bytes, flags, 0, 0);
}

static inline int ms_direct_poll(struct pollfd *descriptors, size_t count, int timeout_ms)
{
    const struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    return (int)ms_direct(SYS_ppoll, (long)descriptors, (long)count, (long)&timeout, 0, 0, 0);
}

#endif
