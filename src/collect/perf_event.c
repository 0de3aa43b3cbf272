/* See perf_event.h. */
#include "collect/perf_event.h"

#include <errno.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collect/proc_file.h"

int ms_perf_paranoid(void)
{
    char text[16];
    const ssize_t bytes =
        ms_proc_read_in("/proc/sys/kernel", "perf_event_paranoid", text, sizeof text);
    return bytes > 0 ? (int)strtol(text, NULL, 10) : INT_MIN;
}

void ms_perf_because(int error, int paranoid, char *out, size_t size)
{
    const bool forbidden = (error == -EACCES || error == -EPERM) && paranoid > 2;
    if (forbidden) {
        (void)snprintf(
            out, size,
            "kernel.perf_event_paranoid=%d forbids it: sysctl "
            "kernel.perf_event_paranoid=2 allows it for programs of one's own, CAP_PERFMON for all",
            paranoid);
        return;
    }
    const char *text = strerror(-error);
    switch (-error) {
    case ENOENT:
    case EOPNOTSUPP:
    case ENODEV:
    case ENXIO:
        text = "the processor shows no performance counters: usual in virtual machines";
        break;
    case EACCES:
        text = "not permitted: the process runs as another user, or a security module forbids it; "
               "root or "
               "CAP_PERFMON may";
        break;
    case EPERM:
        text =
            "not permitted, as by the seccomp filter of a container: CAP_PERFMON or another filter "
            "allows it";
        break;
    case ENOSYS:
        text = "perf_event_open is missing: the kernel has none, or a seccomp filter hides it";
        break;
    case EBUSY:
        text = "somebody else has the counters of the processor: another profiler, or the NMI "
               "watchdog";
        break;
    case EMFILE:
    case ENFILE:
        text = "memscope-top may open no more files (ulimit -n)";
        break;
    default:
        break;
    }
    (void)snprintf(out, size, "%s", text);
}

int ms_perf_try_clock(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
                                         .size = sizeof attributes,
                                         .config = PERF_COUNT_SW_CPU_CLOCK,
                                         .sample_period = 1000000000,
                                         .sample_type = PERF_SAMPLE_IP,
                                         .disabled = 1,
                                         .exclude_hv = 1,
                                         .exclude_kernel = 1};
    const long descriptor =
        syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (descriptor < 0) {
        return -errno;
    }
    close((int)descriptor);
    return 0;
}
