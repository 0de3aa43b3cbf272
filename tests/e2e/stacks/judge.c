/*
 * The judge of call stacks: in a build of the probe it stands behind every counted allocation
 * (judged_event.h), however the probe came by its stack. It asks the block whom it belongs to,
 * reads the stack of that context back from the region, unwinds the same call with libunwind,
 * and compares: every return address, where the stack ends and why, the module of every frame, and
 * what the program itself knows (frames.h).
 *
 * The verdicts are counted in a file that $JUDGE_REPORT names (made by the test, REPORT_BYTES
 * long) and that all processes of the program share; the first differences follow as text. The file
 * is mapped, so counts survive whatever end the program takes.
 *
 * libunwind works on a stack of ours, and the thread is marked busy all the while, so that what it
 * allocates is counted without a stack.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "probe/account.h"
#include "probe/map.h"
#include "probe/stack.h"
#include "probe/system_call.h"
#include "probe/thread.h"

#include "frames.h"
#include "judge_unwind.h"
#include "judged_event.h"
#include "known.h"

#define REPORT_BYTES    (1u << 20)
#define DESKS           64u
#define DESK_BYTES      (256u << 10)
#define DIFFERENCES_MAX 8u
#define SIGNAL_SET      8u /* bytes of the kernel's sigset_t */
#define TRAP_FLAG       0x100u

/* test_stacks.py reads the numbers in this order. */
struct report {
    _Atomic uint64_t processes; /* that loaded libunwind */
    _Atomic uint64_t stacks;
    _Atomic uint64_t frames;
    _Atomic uint64_t different;
    _Atomic uint64_t walked;       /* the others were found in a read-set cache */
    _Atomic uint64_t unattributed; /* allocations whose context has no stack */
    _Atomic uint64_t coarsened;    /* compared as far as they go */
    _Atomic uint64_t undecided;    /* libunwind could not: compared as far as it came */
    _Atomic uint64_t without_cfi;
    _Atomic uint64_t depth_limited;
    _Atomic uint64_t interrupted; /* led through a signal frame */
    _Atomic uint64_t wrong_modules;
    _Atomic uint64_t own_allocations; /* of loading libunwind; on the program's books */
    _Atomic uint64_t unavailable;     /* libunwind could not be loaded */
    _Atomic uint64_t known;           /* stacks of which the program said what they are */
    _Atomic uint64_t not_as_known;
    _Atomic uint64_t log_bytes;
    char log[];
};

/* What one comparison needs; too much for the stack of a signal handler. */
struct desk {
    _Atomic uint32_t taken;
    const struct ms_caller *caller;
    uint32_t depth;
    uint32_t stack; /* the probe's */
    unw_context_t context;
    struct judged_stack judged;
};

uint32_t __real_ms_stack_capture(struct ms_stack_state *state, const struct ms_caller *caller,
                                 uint32_t depth) MS_HIDDEN;
uint32_t __wrap_ms_stack_capture(struct ms_stack_state *state, const struct ms_caller *caller,
                                 uint32_t depth) MS_HIDDEN;
MS_HIDDEN void ms_arch_call_on_stack(void *top, void (*function)(void *), void *argument);

/* Of the program, where it has it. */
extern const struct expectation *expected_stack(void) __attribute__((weak));

enum { START_NOT, START_RUNNING, START_DONE, START_OFF };
static _Atomic uint32_t started;
static struct report *report;
static struct desk *_Atomic desks[DESKS];
static struct known modules_right; /* pc ids that name the module that is there */

static void add(_Atomic uint64_t *counter, uint64_t count)
{
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
    char line[512];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    size_t bytes = length < 0 ? 0 : (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    uint64_t at = atomic_fetch_add(&report->log_bytes, bytes);
    if (at + bytes <= REPORT_BYTES - sizeof *report) {
        memcpy(report->log + at, line, bytes);
    }
}

/* NULL: no memory. Not by the mmap of the probe, which would count it for the program. */
static void *map(size_t bytes, int flags, long file)
{
    long mapped = ms_system_call(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, flags, file, 0);
    return mapped < 0 && mapped > -4096 ? NULL : (void *)mapped;
}

static struct report *open_report(void)
{
    const char *path = getenv("JUDGE_REPORT");
    long file = path == NULL
                    ? -1
                    : ms_system_call(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0);
    if (file < 0) {
        return NULL;
    }
    struct report *mapped = map(REPORT_BYTES, MAP_SHARED, file);
    ms_system_call(SYS_close, file, 0, 0, 0, 0, 0);
    return mapped;
}

/* At the first stack, which may be before our constructor could have run. */
static bool start(void)
{
    uint32_t seen = START_NOT;
    if (!atomic_compare_exchange_strong(&started, &seen, START_RUNNING)) {
        while (seen == START_RUNNING) {
            sched_yield();
            seen = atomic_load(&started);
        }
        return seen == START_DONE;
    }
    report = open_report();
    if (report == NULL) {
        atomic_store(&started, START_OFF);
        return false;
    }
    uint64_t busy = atomic_load(&ms_region->losses.busy_events);
    bool loaded = judge_unwind_load();
    add(&report->own_allocations, atomic_load(&ms_region->losses.busy_events) - busy);
    atomic_store(&started, loaded ? START_DONE : START_OFF);
    add(loaded ? &report->processes : &report->unavailable, 1);
    return loaded;
}

static const struct ms_region_pc *pc_at(const uint32_t *words, uint32_t frame)
{
    return ms_area_at(MS_AREA_PCS, words[1 + frame]);
}

static bool equal(const struct judged_stack *judged, const uint32_t *words)
{
    uint32_t depth = MS_STACK_DEPTH(words[0]);
    uint32_t flags = words[0] & ~0xffu;
    bool whole = !judged->undecided && (flags & MS_STACK_COARSENED) == 0;
    if (whole && (depth != judged->count || flags != judged->flags)) {
        return false;
    }
    for (uint32_t i = 0; i < judged->count && i < depth; i++) {
        if (pc_at(words, i)->address != judged->frames[i]) {
            return false;
        }
    }
    return true;
}

/* Is the code that lies there now of the module that the region says? */
static bool module_right(const struct ms_region_pc *pc)
{
    struct dl_find_object found;
    bool in_module = _dl_find_object((void *)(pc->address - 1), &found) == 0;
    const struct ms_region_module *module = ms_area_at(MS_AREA_MODULES, pc->module);
    const char *path = ms_area_at(MS_AREA_STRINGS, pc->module != 0 ? module->path : 0);
    if (!in_module) {
        return pc->module == 0 || strcmp(path, "[vdso]") == 0;
    }
    const char *name = found.dlfo_link_map->l_name;
    if (strncmp(name, "linux-vdso", strlen("linux-vdso")) == 0) {
        name = "[vdso]";
    }
    /* Of a program with gaps between its segments the linker tells the one segment. */
    uintptr_t start = (uintptr_t)found.dlfo_map_start;
    bool same = module->base == start || (name[0] == '\0' && module->base < start &&
                                          module->end >= (uintptr_t)found.dlfo_map_end);
    return pc->module != 0 && same && module->load_bias == found.dlfo_link_map->l_addr &&
           (name[0] == '\0' || strcmp(path, name) == 0);
}

static uint32_t wrong_module(const uint32_t *words)
{
    for (uint32_t i = 0; i < MS_STACK_DEPTH(words[0]); i++) {
        const struct ms_region_pc *pc = pc_at(words, i);
        uint64_t value = pc->address ^ (uint64_t)pc->module << 48;
        if (is_known(&modules_right, value)) {
            continue;
        }
        if (!module_right(pc)) {
            return i + 1;
        }
        make_known(&modules_right, value);
    }
    return 0;
}

static void say_frame(const char *who, uint32_t frame, uintptr_t address)
{
    Dl_info info = {0};
    dladdr((void *)(address - 1), &info);
    say("  %s %3u %#lx %s+%#lx (%s)\n", who, frame, (unsigned long)address,
        info.dli_sname != NULL ? info.dli_sname : "?",
        (unsigned long)(address -
                        (uintptr_t)(info.dli_saddr != NULL ? info.dli_saddr : info.dli_fbase)),
        info.dli_fname != NULL ? info.dli_fname : "no module");
}

static void say_both(const struct desk *desk, const uint32_t *words)
{
    uint32_t depth = MS_STACK_DEPTH(words[0]);
    say("thread %u, stack pointer %#lx, probe: %u frames, flags %#x; libunwind: %u, %#x%s\n",
        (uint32_t)ms_system_call(SYS_gettid, 0, 0, 0, 0, 0, 0),
        (unsigned long)desk->caller->stack_pointer, depth, words[0] & ~0xffu, desk->judged.count,
        desk->judged.flags, desk->judged.undecided ? ", failed" : "");
    for (uint32_t i = 0; i < depth || i < desk->judged.count; i++) {
        uintptr_t ours = i < depth ? pc_at(words, i)->address : 0;
        uintptr_t theirs = i < desk->judged.count ? desk->judged.frames[i] : 0;
        if (ours == theirs) {
            say_frame("both     ", i, ours);
            continue;
        }
        if (ours != 0) {
            say_frame("probe    ", i, ours);
        }
        if (theirs != 0) {
            say_frame("libunwind", i, theirs);
        }
    }
}

static bool as_known(const struct expectation *expected, uint32_t depth, const uint32_t *words)
{
    uint32_t found = MS_STACK_DEPTH(words[0]);
    uint32_t compared = expected->count < depth ? expected->count : depth;
    if (found < compared || (expected->whole && found != compared)) {
        return false;
    }
    for (uint32_t i = 0; i < compared; i++) {
        if (pc_at(words, i)->address != expected->frames[i]) {
            return false;
        }
    }
    return true;
}

/* Against the program's own knowledge, where it has any of this call. */
static void compare_with_known(const struct desk *desk, const uint32_t *words)
{
    const struct expectation *expected = expected_stack != NULL ? expected_stack() : NULL;
    if (expected == NULL || expected->count == 0 ||
        expected->frames[0] != desk->caller->return_address) {
        return;
    }
    add(&report->known, 1);
    if (!as_known(expected, desk->depth, words) &&
        atomic_fetch_add(&report->not_as_known, 1) < DIFFERENCES_MAX) {
        say("not as the program knows it:\n");
        say_both(desk, words);
        for (uint32_t i = 0; i < expected->count; i++) {
            say_frame("program  ", i, expected->frames[i]);
        }
    }
}

static void judge(void *argument)
{
    struct desk *desk = argument;
    if (judge_follow_loads()) {
        memset(&modules_right, 0, sizeof modules_right);
    }
    judge_unwind(&desk->context, desk->caller, desk->depth, &desk->judged);
    add(&report->stacks, 1);
    add(&report->frames, desk->judged.count);
    add(&report->undecided, desk->judged.undecided);
    add(&report->without_cfi, (desk->judged.flags & MS_STACK_CUT_NO_CFI) != 0);
    add(&report->depth_limited, (desk->judged.flags & MS_STACK_CUT_DEPTH) != 0);
    add(&report->interrupted, desk->judged.interrupted);
    const uint32_t *words = ms_area_at(MS_AREA_STACKS, desk->stack);
    add(&report->coarsened, (words[0] & MS_STACK_COARSENED) != 0);
    compare_with_known(desk, words);
    if (!equal(&desk->judged, words)) {
        if (atomic_fetch_add(&report->different, 1) < DIFFERENCES_MAX) {
            say_both(desk, words);
        }
        return;
    }
    uint32_t wrong = wrong_module(words);
    if (wrong != 0 && atomic_fetch_add(&report->wrong_modules, 1) < DIFFERENCES_MAX) {
        say("frame %u is said to lie in %s\n", wrong - 1,
            (const char *)ms_area_at(MS_AREA_STRINGS,
                                     ((const struct ms_region_module *)ms_area_at(
                                          MS_AREA_MODULES, pc_at(words, wrong - 1)->module))
                                         ->path));
        say_both(desk, words);
    }
}

static struct desk *take_desk(void)
{
    for (unsigned i = 0;; i = (i + 1) % DESKS) {
        struct desk *desk = atomic_load(&desks[i]);
        uint32_t no = 0;
        if (desk == NULL) {
            desk = map(DESK_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
            struct desk *expected = NULL;
            if (!atomic_compare_exchange_strong(&desks[i], &expected, desk)) {
                ms_system_call(SYS_munmap, (long)desk, DESK_BYTES, 0, 0, 0, 0);
                desk = expected;
            }
        }
        if (atomic_compare_exchange_strong(&desk->taken, &no, 1)) {
            return desk;
        }
    }
}

/* Stack id of the context that the block is counted on; 0: it has none. */
static uint32_t stack_of(struct ms_thread_state *state, void *block)
{
    struct ms_block_claim claim;
    ms_block_claim(state, block, &claim, NULL);
    if (!claim.known) {
        return 0;
    }
    ms_block_restore(block, &claim);
    return ((const struct ms_region_context *)ms_area_at(MS_AREA_CONTEXTS, claim.owner.context))
        ->stack;
}

static void judge_block(struct ms_thread_state *state, const struct ms_caller *caller, void *block)
{
    uint32_t stack = stack_of(state, block);
    if (stack == 0) {
        add(&report->unattributed, 1);
        return;
    }
    judge_enter();
    struct desk *desk = take_desk();
    desk->caller = caller;
    desk->depth = ms_region->config.tracking.stack_depth;
    desk->stack = stack;
    judge_getcontext(&desk->context);
    ms_arch_call_on_stack((char *)desk + DESK_BYTES, judge, desk);
    atomic_store(&desk->taken, 0);
    judge_leave();
}

/* A program that is run step by step gets no steps of ours: their signal is blocked here. */
static uint64_t stop_stepping(void)
{
    uint64_t flags = __builtin_ia32_readeflags_u64();
    __builtin_ia32_writeeflags_u64(flags & ~(uint64_t)TRAP_FLAG);
    return flags;
}

void ms_judge(struct ms_thread_state *state, struct ms_caller caller, void *block)
{
    uint64_t all = UINT64_MAX;
    uint64_t before;
    if (state->busy_stack_pointer != 0) {
        return; /* in a handler that interrupted us, or of libunwind */
    }
    uint64_t flags = stop_stepping();
    int error = errno;
    ms_system_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before, SIGNAL_SET, 0, 0);
    state->busy_stack_pointer = (uintptr_t)__builtin_frame_address(0);
    if (start()) {
        judge_block(state, &caller, block);
    }
    state->busy_stack_pointer = 0;
    ms_system_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, SIGNAL_SET, 0, 0);
    errno = error;
    __builtin_ia32_writeeflags_u64(flags);
}

uint32_t __wrap_ms_stack_capture(struct ms_stack_state *state, const struct ms_caller *caller,
                                 uint32_t depth)
{
    if (report != NULL) {
        add(&report->walked, 1);
    }
    return __real_ms_stack_capture(state, caller, depth);
}
