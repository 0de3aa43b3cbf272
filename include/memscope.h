/*
 * memscope.h: what a program can tell memscope-top. Nothing to link: without memscope-top each call
 * is a load, a test and a branch that is not taken; with it the probe, which is preloaded, is found
 * by the dynamic linker when it loads the program or the library that calls.
 *
 * Everything may be called from any thread, from signal handlers, before main and after fork.
 * It never allocates, never waits, and leaves errno alone. C99 and C++11 or later.
 */
#ifndef MEMSCOPE_H
#define MEMSCOPE_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where the probe's function is, NULL without it. The reference goes through the global offset
 * table by hand: a compiler that makes code for a fixed address would refer to the function
 * directly, and the linker would settle that for good as "not there". So it works in any kind of
 * executable. Weak: who does not find it need not. A statically linked program never does.
 */
typedef void memscope_mark_function(const char *text);

static inline memscope_mark_function *memscope_mark_found(void)
{
    memscope_mark_function *found;
#if defined(__linux__) && defined(__x86_64__) && defined(__LP64__)
    __asm__(".weak memscope_probe_mark\n\t"
            "movq memscope_probe_mark@GOTPCREL(%%rip), %0"
            : "=r"(found));
#elif defined(__linux__) && defined(__aarch64__)
    __asm__(".weak memscope_probe_mark\n\t"
            "adrp %0, :got:memscope_probe_mark\n\t"
            "ldr %0, [%0, :got_lo12:memscope_probe_mark]"
            : "=r"(found));
#else
    found = 0;
#endif
    return found;
}

/*
 * Names this moment: the text stands on every time axis of memscope-top, in recordings and reports.
 * It is copied, up to 167 bytes of it, and should be UTF-8; NULL is as "". Under 1 us.
 */
#if defined(__clang__)
__attribute__((no_sanitize("cfi-icall"))) /* the probe is no part of the checked program */
#endif
static inline void
memscope_mark(const char *text)
{
    memscope_mark_function *const mark = memscope_mark_found();
    if (__builtin_expect(!!mark, 0)) {
        mark(text);
    }
}

#ifdef __cplusplus
}
#endif

#endif
