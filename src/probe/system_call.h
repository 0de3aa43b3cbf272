/*
 * System calls without libc in between: its wrappers of mmap and the like are hooked by ourselves,
 * and they write errno, which belongs to the program. Returns the result or -errno.
 */
#ifndef MS_PROBE_SYSTEM_CALL_H
#define MS_PROBE_SYSTEM_CALL_H

#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long ms_system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline long ms_system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "no system calls for this architecture yet"
#endif

/* mmap; NULL when it cannot be had. */
static inline void *ms_system_map(void *at, unsigned long bytes, int protection, int flags,
                                  int descriptor, unsigned long offset)
{
    long result = ms_system_call(SYS_mmap, (long)at, (long)bytes, protection, flags, descriptor,
                                 (long)offset);
    return result < 0 && result > -4096 ? (void *)0 : (void *)result;
}

#endif
