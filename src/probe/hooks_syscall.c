/*
 * prctl and syscall: the ways to a seccomp filter, before which all memory must be at hand, and to
 * a thread's new name.
 *
 * Both are variadic, and nobody knows with how many arguments they are called. prctl's lie in
 * registers. The last of syscall lies on the stack on x86-64, where a caller that passed fewer
 * arguments may have a variable, perhaps the very futex word that another thread changes now: the
 * compiler would write that slot back. So there the hook is assembly that touches no memory.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "probe/direct.h"
#include "probe/init.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/process.h"
#include "probe/system_call.h"
#include "probe/thread.h"
#include "probe/trace.h"

typedef int prctl_function(long, long, long, long, long);
typedef long syscall_function(long, long, long, long, long, long, long);

MS_HIDDEN prctl_function *ms_next_prctl;
MS_HIDDEN syscall_function *ms_next_syscall;

int ms_hook_prctl(long option, long a, long b, long c, long d) __asm__("prctl");
MS_HIDDEN long ms_syscall_of_interest(long number, long a, long b, long c, long d, long e);
MS_HIDDEN long ms_syscall_error(long result);

void ms_syscall_hooks_init(void)
{
    ms_next_prctl = (prctl_function *)ms_real_symbol("prctl");
    ms_next_syscall = (syscall_function *)ms_real_symbol("syscall");
}

/* The calling thread named itself by the system call: 15 bytes count, a NUL may be missing. */
static void renamed_by_kernel(const char *name)
{
    char kept[MS_THREAD_NAME] = "";
    int before = errno;
    for (unsigned i = 0; i < MS_THREAD_NAME - 1 && name[i] != '\0'; i++) {
        kept[i] = name[i];
    }
    ms_thread_renamed(0, kept);
    errno = before;
}

enum { STRICT = 1, FILTER = 2 }; /* SECCOMP_MODE_... */

/* Without a filter program the call only asks whether filters are known, and fails. */
static bool installs_filter(long mode, long program)
{
    return mode == STRICT || (mode == FILTER && program != 0);
}

/* To be jumped to. */
long ms_syscall_error(long result)
{
    return ms_libc_result(result);
}

static int raw_prctl(long option, long a, long b, long c, long d)
{
    return (int)ms_direct(SYS_prctl, (int)option, a, b, c, d, 0);
}

/* All that needs system calls must be done: also the beginning, when a constructor is in a hurry.
 */
static void prepare_for_filter(bool strict)
{
    if (!ms_ready) {
        (void)ms_gate_slow();
    }
    if (strict) {
        ms_now_avoid_counter();
    }
    if (ms_ready) {
        ms_trace_flush_all(false);
        ms_map_enter_quiet();
    }
}

MS_EXPORT int ms_hook_prctl(long option, long a, long b, long c, long d)
{
    if (MS_UNLIKELY((int)option == PR_SET_SECCOMP) && installs_filter(a, b)) {
        prepare_for_filter(a == STRICT);
    }
    if ((int)option == PR_SET_TSC && (int)a == PR_TSC_SIGSEGV) {
        ms_now_avoid_counter();
    }
    prctl_function *real = ms_next_prctl != NULL ? ms_next_prctl : raw_prctl;
    int result = real(option, a, b, c, d);
    if (ms_ready && result == 0 && (int)option == PR_SET_NAME) {
        renamed_by_kernel((const char *)a);
    }
    return result;
}

/* seccomp(2) or prctl(2) by number; neither has a seventh argument. */
long ms_syscall_of_interest(long number, long a, long b, long c, long d, long e)
{
    /* seccomp(SECCOMP_SET_MODE_STRICT = 0 or _FILTER = 1, flags, program) */
    bool filter = number == SYS_seccomp ? (a == 0 || (a == 1 && c != 0))
                                        : (int)a == PR_SET_SECCOMP && installs_filter(b, c);
    if (filter) {
        prepare_for_filter(number == SYS_seccomp ? a == 0 : b == STRICT);
    }
    if (number == SYS_prctl && (int)a == PR_SET_TSC && (int)b == PR_TSC_SIGSEGV) {
        ms_now_avoid_counter();
    }
    long result = ms_next_syscall != NULL ? ms_next_syscall(number, a, b, c, d, e, 0)
                                          : ms_direct(number, a, b, c, d, e, 0);
    if (ms_ready && result == 0 && number == SYS_prctl && (int)a == PR_SET_NAME) {
        renamed_by_kernel((const char *)b);
    }
    return result;
}

#if defined(__x86_64__)
_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157, "the numbers below");
__asm__(".text\n"
        ".p2align 4\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "endbr64\n"
        "cmpq $317, %rdi\n"
        "je 1f\n"
        "cmpq $157, %rdi\n"
        "je 1f\n"
        "movq ms_next_syscall(%rip), %rax\n"
        "testq %rax, %rax\n"
        "je 2f\n"
        "jmp *%rax\n"
        "1: jmp ms_syscall_of_interest\n"
        "2: movq %rdi, %rax\n" /* before our initialisation */
        "movq %rsi, %rdi\n"
        "movq %rdx, %rsi\n"
        "movq %rcx, %rdx\n"
        "movq %r8, %r10\n"
        "movq %r9, %r8\n"
        "movq 8(%rsp), %r9\n"
        "syscall\n"
        "cmpq $-4095, %rax\n"
        "jae 3f\n"
        "ret\n"
        "3: movq %rax, %rdi\n"
        "jmp ms_syscall_error\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n");
#else
long ms_hook_syscall(long number, long a, long b, long c, long d, long e,
                     long f) __asm__("syscall");

MS_EXPORT long ms_hook_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (number == SYS_seccomp || number == SYS_prctl) {
        return ms_syscall_of_interest(number, a, b, c, d, e);
    }
    if (ms_next_syscall == NULL) {
        return ms_direct(number, a, b, c, d, e, f);
    }
    return ms_next_syscall(number, a, b, c, d, e, f);
}
#endif
