/* Numbers of descriptors. */
#include "keeper/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436 /* on every architecture */
#endif
#define FDS_BY_HAND 65536u /* closed one by one where a sandbox forbids close_range */

int ms_fd_above_standard(int fd)
{
    if (fd < 0 || fd >= MS_LOWEST_OWN_FD) {
        return fd < 0 ? -errno : fd;
    }
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, MS_LOWEST_OWN_FD);
    int error = errno;
    close(fd);
    return higher < 0 ? -error : higher;
}

static void close_between(unsigned first, unsigned last)
{
    if (syscall(SYS_close_range, first, last, 0) == 0) {
        return;
    }
    for (unsigned fd = first; fd <= last && fd < FDS_BY_HAND; fd++) {
        close((int)fd);
    }
}

void ms_fds_close_others(const int *kept, size_t count)
{
    unsigned from = 0;
    for (;;) {
        unsigned next = UINT_MAX;
        for (size_t at = 0; at < count; at++) {
            if (kept[at] >= 0 && (unsigned)kept[at] >= from && (unsigned)kept[at] < next) {
                next = (unsigned)kept[at];
            }
        }
        if (next > from) {
            close_between(from, next == UINT_MAX ? next : next - 1);
        }
        if (next == UINT_MAX) {
            return;
        }
        from = next + 1;
    }
}

void ms_standard_fds_to_nothing(int kept)
{
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; nothing >= 0 && fd < MS_LOWEST_OWN_FD; fd++) {
        if (fd != nothing && fd != kept) {
            dup2(nothing, fd);
        }
    }
}
