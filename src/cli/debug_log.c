/* The one file-scope variable of the command line: where its own log goes. */
#include "cli/debug_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "wire/clock.h"

static int log_descriptor = -1;

int ms_debug_log_open(const char *path)
{
    log_descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return log_descriptor >= 0 ? 0 : -errno;
}

void ms_debug_log(const char *format, ...)
{
    if (log_descriptor < 0) {
        return;
    }
    char line[1024];
    uint64_t now = ms_monotonic_ns();
    int head =
        snprintf(line, sizeof line, "%llu.%06llu [%d] ", (unsigned long long)(now / MS_NS_PER_S),
                 (unsigned long long)(now % MS_NS_PER_S / 1000), (int)getpid());
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, arguments);
    va_end(arguments);
    size_t bytes = (size_t)head + (size_t)(body > 0 ? body : 0);
    if (bytes > sizeof line - 2) {
        bytes = sizeof line - 2;
    }
    line[bytes] = '\n';
    ssize_t ignored = write(log_descriptor, line, bytes + 1);
    (void)ignored;
}
