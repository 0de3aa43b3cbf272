/* A library to be preloaded: once the file $SLEPT is there the machine has slept for 8 hours, by
 * the clocks. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLEPT_S (8 * 3600)

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const char *slept = getenv("SLEPT");
    const int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_BOOTTIME && slept != NULL && access(slept, F_OK) == 0) {
        now->tv_sec += SLEPT_S;
    }
    return result;
}
