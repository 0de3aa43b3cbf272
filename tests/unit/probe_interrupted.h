/*
 * What happens when something comes in between: a signal handler, or another thread while this one
 * is stopped. The processor traps after every instruction, so there is no place that is not tried.
 */
#ifndef MS_TESTS_PROBE_INTERRUPTED_H
#define MS_TESTS_PROBE_INTERRUPTED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

static __thread struct {
    void (*intruder)(void);
    bool (*counts)(void); /* NULL: every instruction does */
    uint32_t instructions_left;
} interruption;

/*
 * In a sanitized build there are many times as many instructions, which are not those of the
 * product: there, and on other processors, the intruder comes afterwards only.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INTERRUPTION_SANITIZED
#endif
#endif
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&      \
    !defined(INTERRUPTION_SANITIZED)
#define TRAP_FLAG 0x100

static void interruption_step(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    if (interruption.counts != NULL && !interruption.counts()) {
        return;
    }
    if (--interruption.instructions_left == 0) {
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
        interruption.intruder();
    }
}

/* Past the 128 bytes below the stack pointer, which a leaf function may use. */
static inline void interruption_steps(bool on)
{
    if (on) {
        __asm__ volatile("leaq -128(%%rsp), %%rsp; pushfq; orq %0, (%%rsp); popfq; "
                         "leaq 128(%%rsp), %%rsp" ::"i"(TRAP_FLAG)
                         : "cc", "memory");
    } else {
        __asm__ volatile("leaq -128(%%rsp), %%rsp; pushfq; andq %0, (%%rsp); popfq; "
                         "leaq 128(%%rsp), %%rsp" ::"i"(~TRAP_FLAG)
                         : "cc", "memory");
    }
}
#else
static inline void interruption_steps(bool on)
{
    (void)on;
}
#endif

/*
 * Calls `operation`, and `intruder` in between: after `instructions` of those instructions of this
 * thread at which `counts` said yes (NULL: of all). False: there were no more so many; then the
 * intruder was called afterwards.
 */
static inline bool interrupted_after(uint32_t instructions, void (*operation)(void),
                                     void (*intruder)(void), bool (*counts)(void))
{
    interruption.intruder = intruder;
    interruption.counts = counts;
    interruption.instructions_left = instructions;
#if defined(TRAP_FLAG)
    /* Not blocked meanwhile: a thread that the intruder begins would inherit that. */
    struct sigaction step = {.sa_sigaction = interruption_step,
                             .sa_flags = SA_SIGINFO | SA_NODEFER};
    (void)sigaction(SIGTRAP, &step, NULL);
#endif
    interruption_steps(true);
    operation();
    interruption_steps(false);
    if (interruption.instructions_left != 0) {
        intruder();
        return false;
    }
    return true;
}

#endif
