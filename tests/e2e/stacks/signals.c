/* Signals that allocate: at every instruction, on small stacks, out of faults; and that never
 * return. */
#include "signals.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include "scripts.h"

#define NOINLINE        __attribute__((noinline))
#define TRAP_FLAG       0x100
#define ALTERNATE_BYTES 8192u
#define STRIDE          7u
#define FAULT_ADDRESS   ((void *)16)

static volatile sig_atomic_t inside; /* the interrupted code may be in the allocator */
static volatile unsigned handled;
static void *volatile latest;

static NOINLINE void allocate(size_t bytes)
{
    inside = 1;
    latest = malloc(bytes);
    free(latest);
    inside = 0;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigfillset(&action.sa_mask); /* one signal frame is all that a small stack has room for */
    if (sigaction(number, &action, NULL) != 0) {
        abort();
    }
}

/* --- a signal at every instruction --- */

static void *libc_base;
static void *probe_base;       /* of whatever malloc the program was given first */
static unsigned abandon_after; /* instructions of the probe; 0: never */
static sigjmp_buf abandoned;

static void *base_of(uintptr_t address)
{
    struct dl_find_object found;
    return _dl_find_object((void *)address, &found) == 0 ? found.dlfo_map_start : NULL;
}

static void step_on(void)
{
    __asm__ volatile("pushfq; orq %0, (%%rsp); popfq" : : "i"(TRAP_FLAG) : "cc", "memory");
}

static void step_off(void)
{
    __asm__ volatile("pushfq; andq %0, (%%rsp); popfq" : : "i"(~TRAP_FLAG) : "cc", "memory");
}

/* Not inside libc, whose allocator may be what was interrupted. */
static void on_step(int number, siginfo_t *info, void *context)
{
    const ucontext_t *interrupted = context;
    void *base = base_of((uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP]);
    (void)number;
    (void)info;
    if (base == NULL || base == libc_base) {
        return;
    }
    if (abandon_after != 0) {
        if (base == probe_base && --abandon_after == 0) {
            siglongjmp(abandoned, 1);
        }
        return;
    }
    handled++;
    latest = malloc(40);
    free(latest);
}

static void find_bases(void)
{
    libc_base = base_of((uintptr_t)dlsym(RTLD_NEXT, "printf"));
    probe_base = base_of((uintptr_t)dlsym(RTLD_DEFAULT, "malloc"));
}

/* Half the time on an alternate stack that lies further out on the stack that is interrupted. */
unsigned signals_at_every_instruction(unsigned rounds)
{
    char outside[64 << 10];
    stack_t stack = {.ss_sp = outside, .ss_size = sizeof outside};
    sigaltstack(&stack, NULL);
    find_bases();
    unsigned known = 0;
    for (unsigned i = 0; i < rounds; i++) {
        handle(SIGTRAP, on_step, i % 2 ? SA_ONSTACK : 0);
        step_on();
        scripts_run(i, 2, i / 2 % 2 ? MIDDLE_INSIDE : MIDDLE_NONE);
        step_off();
        known += 2;
    }
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    return known;
}

static NOINLINE void deeper(unsigned depth)
{
    if (depth > 0) {
        deeper(depth - 1);
        __asm__ volatile("");
    } else {
        latest = malloc(48);
    }
}

/* A handler that jumps out of the hook at its n-th instruction: in STRIDE rounds for every n. */
unsigned signals_that_abandon(unsigned rounds)
{
    find_bases();
    handle(SIGTRAP, on_step, 0);
    unsigned known = 0;
    static unsigned round;
    static unsigned instruction;
    for (round = 0; round < rounds && probe_base != libc_base; round++) {
        for (instruction = 1 + round % STRIDE; instruction < 2000; instruction += STRIDE) {
            abandon_after = instruction;
            if (sigsetjmp(abandoned, 1) == 0) {
                step_on();
                deeper((round * 7 + instruction) % 40 + 1);
                step_off();
            }
            /* From further out than the jump came: only so can the hook know that it was left. */
            latest = malloc(8);
            deeper((round * 5 + instruction) % 30);
            deeper(3);
            if (abandon_after != 0) {
                break; /* the hook has no more */
            }
        }
        abandon_after = 0;
        scripts_run(round, 50, MIDDLE_INSIDE);
        known += 50;
    }
    return known;
}

/* --- on 8 KiB, for timers, out of faults --- */

static sigjmp_buf after_fault;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (number == SIGSEGV && info->si_addr != FAULT_ADDRESS) {
        abort();
    }
    if (inside) {
        return;
    }
    handled++;
    latest = malloc(56);
    free(latest);
    if (number == SIGSEGV) {
        siglongjmp(after_fault, 1);
    }
}

static NOINLINE void fault(unsigned depth)
{
    if (depth > 0) {
        fault(depth - 1);
        __asm__ volatile("");
    } else {
        *(volatile int *)FAULT_ADDRESS = 1;
    }
}

static NOINLINE void wait_a_little(unsigned count)
{
    for (volatile unsigned i = 0; i < count; i++) {
    }
}

static NOINLINE void work(unsigned depth)
{
    wait_a_little(300);
    allocate(depth + 1);
    if (depth > 0) {
        work(depth - 1);
    }
    wait_a_little(300);
}

unsigned signals_on_small_stacks(unsigned rounds)
{
    size_t bytes = ALTERNATE_BYTES;
    if (getauxval(AT_MINSIGSTKSZ) + 4096 > bytes) {
        bytes = getauxval(AT_MINSIGSTKSZ) + 4096;
    }
    char *low = mmap(NULL, bytes + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bytes &= ~(size_t)4095;
    stack_t stack = {.ss_sp = low + 4096, .ss_size = bytes};
    struct itimerval interval = {{0, 700}, {0, 700}};
    if (low == MAP_FAILED || mprotect(low + 4096, bytes, PROT_READ | PROT_WRITE) != 0 ||
        sigaltstack(&stack, NULL) != 0) {
        return 0;
    }
    handle(SIGALRM, on_signal, SA_ONSTACK);
    handle(SIGUSR1, on_signal, SA_ONSTACK);
    handle(SIGUSR2, on_signal, 0);
    handle(SIGSEGV, on_signal, SA_ONSTACK);
    setitimer(ITIMER_REAL, &interval, NULL);
    static unsigned i;
    for (i = 0; i < rounds; i++) {
        work(i % 30);
        raise(SIGUSR1);
        raise(SIGUSR2);
        if (sigsetjmp(after_fault, 1) == 0) {
            fault(i % 25);
        }
    }
    memset(&interval, 0, sizeof interval);
    setitimer(ITIMER_REAL, &interval, NULL);
    fprintf(stderr, "%u handled\n", handled);
    return 0;
}
