/* Loading libunwind, and unwinding with it from a hook of the probe outwards. */
#include "judge_unwind.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#include "known.h"
#include "probe/system_call.h"

#define PROBE_FRAMES 32
#define FIRST_CODE   4096u

static struct {
    int (*init)(unw_cursor_t *, unw_context_t *);
    int (*step)(unw_cursor_t *);
    int (*get_register)(unw_cursor_t *, unw_regnum_t, unw_word_t *);
    int (*is_signal_frame)(unw_cursor_t *);
    int (*proc_info)(unw_cursor_t *, unw_proc_info_t *);
    void (*flush)(unw_addr_space_t, unw_word_t, unw_word_t);
    unw_addr_space_t *space;
} unwind;

int (*judge_getcontext)(unw_context_t *);

static struct known described; /* program counters that have unwind information */
static _Atomic uint64_t loads_seen;
static _Atomic uint32_t judging;
static _Atomic uint32_t forking; /* tid of the thread that forks */

static uint32_t own_tid(void)
{
    return (uint32_t)ms_system_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* Otherwise the child would find libunwind's lock taken. */
static void fork_begins(void)
{
    uint32_t nobody = 0;
    while (!atomic_compare_exchange_weak(&forking, &nobody, own_tid())) {
        nobody = 0;
        sched_yield();
    }
    while (atomic_load(&judging) != 0) {
        sched_yield();
    }
}

static void fork_over(void)
{
    atomic_store(&forking, 0);
}

void judge_enter(void)
{
    for (;;) {
        atomic_fetch_add(&judging, 1);
        uint32_t who = atomic_load(&forking);
        if (who == 0 || who == own_tid()) {
            return;
        }
        atomic_fetch_sub(&judging, 1);
        sched_yield();
    }
}

void judge_leave(void)
{
    atomic_fetch_sub(&judging, 1);
}

bool judge_unwind_load(void)
{
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return false;
    }
    *(void **)&judge_getcontext = dlsym(library, "_Ux86_64_getcontext");
    *(void **)&unwind.init = dlsym(library, "_ULx86_64_init_local");
    *(void **)&unwind.step = dlsym(library, "_ULx86_64_step");
    *(void **)&unwind.get_register = dlsym(library, "_ULx86_64_get_reg");
    *(void **)&unwind.is_signal_frame = dlsym(library, "_ULx86_64_is_signal_frame");
    *(void **)&unwind.proc_info = dlsym(library, "_ULx86_64_get_proc_info");
    *(void **)&unwind.flush = dlsym(library, "_Ux86_64_flush_cache");
    *(void **)&unwind.space = dlsym(library, "_ULx86_64_local_addr_space");
    pthread_atfork(fork_begins, fork_over, fork_over);
    return judge_getcontext != NULL && unwind.init != NULL && unwind.step != NULL &&
           unwind.get_register != NULL && unwind.is_signal_frame != NULL &&
           unwind.proc_info != NULL && unwind.flush != NULL && unwind.space != NULL;
}

static int count_loads(struct dl_phdr_info *info, size_t bytes, void *to)
{
    (void)bytes;
    *(uint64_t *)to = info->dlpi_adds + info->dlpi_subs;
    return 1;
}

/* libunwind does not notice by itself that a module is gone. */
bool judge_follow_loads(void)
{
    uint64_t loads = 0;
    dl_iterate_phdr(count_loads, &loads);
    if (atomic_exchange(&loads_seen, loads) == loads) {
        return false;
    }
    unwind.flush(*unwind.space, 0, 0);
    memset(&described, 0, sizeof described);
    return true;
}

static uintptr_t register_of(unw_cursor_t *cursor, unw_regnum_t number)
{
    unw_word_t value = 0;
    unwind.get_register(cursor, number, &value);
    return (uintptr_t)value;
}

/* libunwind would guess on; then the stack must end instead. */
static bool is_described(const unw_cursor_t *cursor, uintptr_t stored)
{
    if (is_known(&described, stored)) {
        return true;
    }
    unw_cursor_t copy = *cursor;
    unw_proc_info_t information;
    /* Where there is no information it makes a function of one byte up. */
    if (unwind.proc_info(&copy, &information) < 0 ||
        information.end_ip <= information.start_ip + 1) {
        return false;
    }
    make_known(&described, stored);
    return true;
}

/* Outwards from our own frames to the caller of the hook. */
static bool reach_caller(unw_cursor_t *cursor, const struct ms_caller *caller)
{
    for (int i = 0; i < PROBE_FRAMES && unwind.step(cursor) > 0; i++) {
        if (register_of(cursor, UNW_REG_SP) == caller->stack_pointer) {
            return register_of(cursor, UNW_REG_IP) == caller->return_address;
        }
    }
    return false;
}

void judge_unwind(unw_context_t *context, const struct ms_caller *caller, uint32_t depth,
                  struct judged_stack *stack)
{
    unw_cursor_t cursor;
    stack->count = 0;
    stack->flags = 0;
    stack->interrupted = false;
    stack->undecided = unwind.init(&cursor, context) < 0 || !reach_caller(&cursor, caller);
    while (!stack->undecided) {
        uintptr_t pc = register_of(&cursor, UNW_REG_IP);
        if (pc < FIRST_CODE) {
            stack->flags = pc == 0 ? 0 : MS_STACK_CUT_NO_CFI;
            return;
        }
        if (stack->count == depth) {
            stack->flags = MS_STACK_CUT_DEPTH;
            return;
        }
        bool interrupted = unwind.is_signal_frame(&cursor) > 0;
        stack->interrupted |= interrupted;
        stack->frames[stack->count++] = pc + interrupted;
        if (!is_described(&cursor, pc + interrupted)) {
            stack->flags = MS_STACK_CUT_NO_CFI;
            return;
        }
        int result = unwind.step(&cursor);
        if (result == 0) {
            return;
        }
        stack->undecided = result < 0;
    }
}
