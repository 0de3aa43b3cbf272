/* Monotonic time in one word; the unit is in the name. */
#ifndef MS_WIRE_CLOCK_H
#define MS_WIRE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define MS_NS_PER_S  UINT64_C(1000000000)
#define MS_NS_PER_MS UINT64_C(1000000)

/* CLOCK_MONOTONIC, nanoseconds. vDSO: no system call where the kernel allows. */
static inline uint64_t ms_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* So long the machine has slept since boot: /proc counts it (CLOCK_BOOTTIME), we do not. Negative
 * where a time namespace moved our clock further than that one. */
static inline int64_t ms_asleep_ns(void)
{
    uint64_t boot_ns;
    uint64_t before_ns;
    int tries = 8; /* to read both clocks without being held up in between */
    do {
        struct timespec boot;
        before_ns = ms_monotonic_ns();
        clock_gettime(CLOCK_BOOTTIME, &boot);
        boot_ns = (uint64_t)boot.tv_sec * MS_NS_PER_S + (uint64_t)boot.tv_nsec;
    } while (--tries > 0 && ms_monotonic_ns() - before_ns > MS_NS_PER_MS);
    return (int64_t)(boot_ns - before_ns);
}

/* CLOCK_REALTIME, nanoseconds since 1970. */
static inline uint64_t ms_unix_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* CPU time of the calling thread: what something costs, however busy the machine is. */
static inline uint64_t ms_thread_cpu_ns(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0
               ? 0
               : (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
}

#endif
