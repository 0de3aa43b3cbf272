/* Numbers of descriptors. */
#include "keeper/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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
