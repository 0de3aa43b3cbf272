/*
 * Walks against libunwind, frame by frame, from as many kinds of frames as one program can have.
 * libunwind is the judge: opened here, never part of the probe.
 */
#define UNW_LOCAL_ONLY
#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <libunwind.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/map.h"
#include "probe/modules.h"
#include "probe/stack.h"
#include "probe_region.h"

#define JUDGED_MAX 300

static int (*judge_getcontext)(unw_context_t *);
static int (*judge_init)(unw_cursor_t *, unw_context_t *);
static int (*judge_step)(unw_cursor_t *);
static int (*judge_register)(unw_cursor_t *, unw_regnum_t, unw_word_t *);
static int (*judge_signal_frame)(unw_cursor_t *);

struct judged {
    unsigned count;
    uintptr_t addresses[JUDGED_MAX]; /* by the rule of the region: address - 1 is inside */
};

static struct ms_stack_state state;
static unsigned compared;
static unsigned long compared_frames;
static uint32_t last_stack;
static uint32_t test_depth = 64;
static uint32_t end_flags; /* how whole stacks end here */

static bool load_judge(void)
{
#if defined(__x86_64__)
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return false;
    }
    *(void **)&judge_getcontext = dlsym(library, "_Ux86_64_getcontext");
    *(void **)&judge_init = dlsym(library, "_ULx86_64_init_local");
    *(void **)&judge_step = dlsym(library, "_ULx86_64_step");
    *(void **)&judge_register = dlsym(library, "_ULx86_64_get_reg");
    *(void **)&judge_signal_frame = dlsym(library, "_ULx86_64_is_signal_frame");
    return judge_getcontext != NULL && judge_init != NULL && judge_step != NULL &&
           judge_register != NULL && judge_signal_frame != NULL;
#else
    return false;
#endif
}

static uint32_t stack_depth(uint32_t stack)
{
    const uint32_t *words = ms_area_at(MS_AREA_STACKS, stack);
    return MS_STACK_DEPTH(words[0]);
}

static uint32_t stack_flags(uint32_t stack)
{
    const uint32_t *words = ms_area_at(MS_AREA_STACKS, stack);
    return words[0] & ~0xffu;
}

static const struct ms_region_pc *frame_of(uint32_t stack, uint32_t frame)
{
    const uint32_t *words = ms_area_at(MS_AREA_STACKS, stack);
    return ms_area_at(MS_AREA_PCS, words[1 + frame]);
}

static void fail_with_both(uint32_t stack, const struct judged *judged)
{
    uint32_t depth = stack_depth(stack);
    for (uint32_t i = 0; i < depth || i < judged->count; i++) {
        uintptr_t ours = i < depth ? frame_of(stack, i)->address : 0;
        uintptr_t theirs = i < judged->count ? judged->addresses[i] : 0;
        Dl_info info = {0};
        dladdr((void *)(theirs != 0 ? theirs : ours), &info);
        print_message("%2u %#lx %#lx %s (%s)\n", i, (unsigned long)ours, (unsigned long)theirs,
                      info.dli_sname != NULL ? info.dli_sname : "?",
                      info.dli_fname != NULL ? info.dli_fname : "?");
    }
    print_message("flags %#x\n", stack_flags(stack));
    fail_msg("stacks differ");
}

static void compare(uint32_t stack, const struct judged *judged)
{
    uint32_t depth = stack_depth(stack);
    uint32_t expected = judged->count < test_depth ? judged->count : test_depth;
    bool equal = depth == expected;
    for (uint32_t i = 0; equal && i < depth; i++) {
        equal = frame_of(stack, i)->address == judged->addresses[i];
    }
    equal = equal &&
            stack_flags(stack) == (judged->count > test_depth ? MS_STACK_CUT_DEPTH : end_flags);
    if (!equal) {
        fail_with_both(stack, judged);
    }
    compared++;
    compared_frames += depth;
}

/* Stands where a hook stands: captures its caller, and asks the judge. */
static __attribute__((noinline)) uint32_t hook(void)
{
    struct ms_caller caller = MS_CALLER();
    errno = 4711;
    uint32_t stack = ms_stack_capture(&state, &caller, test_depth);
    assert_int_equal(errno, 4711);
    assert_int_not_equal(stack, 0);
    struct judged judged = {0};
    unw_context_t context;
    unw_cursor_t cursor;
    assert_int_equal(judge_getcontext(&context), 0);
    assert_int_equal(judge_init(&cursor, &context), 0);
    while (judged.count < JUDGED_MAX) {
        unw_word_t pc;
        if (judge_step(&cursor) <= 0) {
            break;
        }
        judge_register(&cursor, UNW_REG_IP, &pc);
        if (pc == 0) {
            break;
        }
        bool interrupted = judge_signal_frame(&cursor) > 0;
        judged.addresses[judged.count++] = (uintptr_t)pc + interrupted;
    }
    compare(stack, &judged);
    last_stack = stack;
    return stack;
}

static volatile int sink;

static __attribute__((noinline)) int plain(int depth)
{
    int result = depth > 0 ? plain(depth - 1) : (int)hook();
    sink += depth;
    return result + 1;
}

static __attribute__((noinline)) int with_alloca(int bytes)
{
    char *block = alloca((size_t)bytes);
    memset(block, bytes, (size_t)bytes);
    int result = (int)hook() + block[bytes / 2];
    sink += result;
    return result;
}

static __attribute__((noinline)) int big_frame(int value)
{
    volatile char block[300000];
    block[value] = 1;
    int result = plain(2) + block[value];
    sink += block[value + 1] != 0;
    return result;
}

static __attribute__((noinline)) int realigned(int bytes)
{
    volatile char block[128] __attribute__((aligned(64)));
    char *extra = alloca((size_t)bytes);
    extra[0] = 1;
    block[bytes & 63] = extra[0];
    int result = plain(1) + block[1];
    sink += extra[bytes - 1] != 0;
    return result;
}

static __attribute__((noinline)) int many_arguments(int a, int b, int c, int d, int e, int f, int g,
                                                    int h, int i, ...)
{
    va_list list;
    va_start(list, i);
    int last = va_arg(list, int);
    va_end(list);
    int result = (int)hook();
    sink += a + b + c + d + e + f + g + h + i + last;
    return result;
}

static int by_value(const void *left, const void *right)
{
    hook();
    return *(const int *)left - *(const int *)right;
}

static __attribute__((noinline)) void through_qsort(void)
{
    int values[40];
    for (int i = 0; i < 40; i++) {
        values[i] = i * 7919 % 41;
    }
    qsort(values, 40, sizeof values[0], by_value);
    sink += values[3];
}

#if defined(__x86_64__)
/*
 * Its CFA is in rbx, as in the dynamic linker's lazy binding: only a walk that starts with all
 * registers gets past it.
 */
int cfa_in_rbx(int (*function)(int), int argument);
__asm__(".text\n.type cfa_in_rbx, @function\ncfa_in_rbx:\n.cfi_startproc\nendbr64\n"
        "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_offset %rbx, -16\n"
        "mov %rsp, %rbx\n.cfi_def_cfa_register %rbx\n"
        "sub $200, %rsp\nand $-64, %rsp\n"
        "mov %rdi, %rax\nmov %esi, %edi\ncall *%rax\n"
        "mov %rbx, %rsp\n.cfi_def_cfa %rsp, 16\npop %rbx\n.cfi_adjust_cfa_offset -8\nret\n"
        ".cfi_endproc\n.size cfa_in_rbx, . - cfa_in_rbx\n");

/* Code that says nothing about itself. */
int without_cfi(int (*function)(int), int argument);
__asm__(".text\n.type without_cfi, @function\nwithout_cfi:\nendbr64\n"
        "sub $8, %rsp\nmov %rdi, %rax\nmov %esi, %edi\ncall *%rax\nadd $8, %rsp\nret\n"
        ".size without_cfi, . - without_cfi\n");
#endif

static void test_ordinary_frames(void **unused)
{
    (void)unused;
    for (int depth = 0; depth < 80; depth++) {
        plain(depth);
    }
    for (int bytes = 1; bytes < 5000; bytes += 611) {
        with_alloca(bytes);
        realigned(bytes);
    }
    big_frame(77);
    many_arguments(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    through_qsort();
}

static void test_register_cfa(void **unused)
{
    (void)unused;
#if defined(__x86_64__)
    sink += cfa_in_rbx(plain, 3);
    sink += cfa_in_rbx(realigned, 99);
#endif
}

static uintptr_t hook_frame;

static __attribute__((noinline)) int hook_alone(int value)
{
    struct ms_caller caller = MS_CALLER();
    hook_frame = (uintptr_t)__builtin_frame_address(0);
    last_stack = ms_stack_capture(&state, &caller, 64);
    return value;
}

static __attribute__((noinline)) int calls_hook_alone(int value)
{
    return hook_alone(value) + 1;
}

static void test_no_cfi_is_not_guessed(void **unused)
{
    (void)unused;
#if defined(__x86_64__)
    sink += without_cfi(calls_hook_alone, 1);
    assert_int_not_equal(last_stack, 0);
    assert_int_equal(stack_flags(last_stack), MS_STACK_CUT_NO_CFI);
    assert_int_equal(stack_depth(last_stack), 2);
    uintptr_t outermost = frame_of(last_stack, 1)->address;
    assert_true(outermost > (uintptr_t)without_cfi && outermost < (uintptr_t)without_cfi + 32);
#endif
}

static void test_depth_limit(void **unused)
{
    (void)unused;
    for (test_depth = 1; test_depth <= MS_STACK_DEPTH_MAX; test_depth += 9) {
        plain(150);
        plain(3);
    }
    test_depth = 64;
}

static volatile sig_atomic_t handled;

static void handler(int number)
{
    (void)number;
    handled++;
    plain(2);
}

static void test_signal_frames(void **unused)
{
    (void)unused;
    struct sigaction action = {.sa_handler = handler};
    handled = 0;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);

    size_t bytes = 65536; /* the judge needs them, not the walk: see the next test */
    stack_t stack = {.ss_sp = malloc(bytes), .ss_size = bytes};
    char *memory = stack.ss_sp;
    assert_int_equal(sigaltstack(&stack, NULL), 0);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    assert_int_equal(handled, 2);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    free(memory);
}

static void quiet_handler(int number)
{
    (void)number;
    handled++;
    calls_hook_alone(1);
}

static void test_small_alternate_stack(void **unused)
{
    (void)unused;
    static char alternate[8192] __attribute__((aligned(64)));
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = quiet_handler, .sa_flags = SA_ONSTACK};
    memset(alternate, 0x5a, sizeof alternate);
    assert_int_equal(sigaltstack(&stack, NULL), 0);
    sigaction(SIGUSR1, &action, NULL);
    ms_stack_modules_changed(); /* so that everything is looked up afresh, the slow way */
    handled = 0;
    raise(SIGUSR1);
    assert_int_equal(handled, 1);
    assert_int_not_equal(last_stack, 0);
    assert_int_equal(stack_flags(last_stack), 0);
    size_t untouched = 0;
    while (untouched < sizeof alternate && alternate[untouched] == 0x5a) {
        untouched++;
    }
    size_t used = hook_frame - (uintptr_t)alternate - untouched;
    print_message("slow path used %zu bytes of an alternate stack\n", used);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(used <= 768); /* the capture and everything below it, and the hook's own frame */
#endif
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
}

static ucontext_t fiber;
static ucontext_t home;

static void fiber_main(void)
{
    plain(5);
    realigned(500);
    swapcontext(&fiber, &home);
}

static void test_fiber(void **unused)
{
    (void)unused;
    size_t bytes = 262144;
    char *stack = malloc(bytes);
    getcontext(&fiber);
    fiber.uc_stack.ss_sp = stack;
    fiber.uc_stack.ss_size = bytes;
    makecontext(&fiber, fiber_main, 0);
    unsigned before = compared;
    /* The return address of a fiber is the first byte of __start_context, and what lies before
     * that byte belongs to nobody. */
    end_flags = MS_STACK_CUT_NO_CFI;
    swapcontext(&home, &fiber);
    end_flags = 0;
    assert_true(compared >= before + 2);
    free(stack);
}

static void test_known_bounds(void **unused)
{
    (void)unused;
    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    assert_int_equal(pthread_getattr_np(pthread_self(), &attributes), 0);
    pthread_attr_getstack(&attributes, &low, &bytes);
    pthread_attr_destroy(&attributes);
    state.stack_low = (uintptr_t)low;
    state.stack_high = (uintptr_t)low + bytes;
    ms_stack_modules_changed();
    test_ordinary_frames(NULL);
    test_register_cfa(NULL);
    test_signal_frames(NULL);
    test_fiber(NULL);
    state.stack_low = 0;
    state.stack_high = 0;
}

static void test_garbage_registers(void **unused)
{
    (void)unused;
    struct ms_caller caller = MS_CALLER();
    uint32_t whole = ms_stack_capture(&state, &caller, 64);
    assert_int_not_equal(whole, 0);
    state.stack_low = caller.stack_pointer - 4096;
    state.stack_high = caller.stack_pointer + 64;
    uint32_t bounded = ms_stack_capture(&state, &caller, 64);
    state.stack_low = 0;
    state.stack_high = 0;
    assert_int_not_equal(bounded, 0);
    assert_true(stack_depth(bounded) < stack_depth(whole));
    assert_int_equal(stack_flags(bounded), MS_STACK_CUT_NO_CFI);
    struct ms_caller nowhere = {0x1234, caller.stack_pointer, 0};
    uint32_t one = ms_stack_capture(&state, &nowhere, 64);
    assert_int_equal(stack_depth(one), 1);
    assert_int_equal(stack_flags(one), MS_STACK_CUT_NO_CFI);
    assert_int_equal(frame_of(one, 0)->module, 0);
    caller.stack_pointer += 3;
    assert_int_equal(ms_stack_capture(&state, &caller, 64), 0);
}

static void test_same_stack_same_id(void **unused)
{
    (void)unused;
    uint32_t ids[3];
    static volatile int rounds = 3; /* not known when compiling: one call, not three in a row */
    for (int i = 0; i < rounds; i++) {
        sink += plain(4);
        ids[i] = last_stack;
        if (i == 1) {
            ms_stack_modules_changed();
        }
    }
    assert_int_equal(ids[0], ids[1]);
    assert_int_equal(ids[0], ids[2]);
    sink += plain(5);
    assert_int_not_equal(ids[0], last_stack);
}

static void test_module_of_frames(void **unused)
{
    (void)unused;
    through_qsort();
    bool libc_seen = false;
    for (uint32_t i = 0; i < stack_depth(last_stack); i++) {
        const struct ms_region_pc *pc = frame_of(last_stack, i);
        assert_int_not_equal(pc->module, 0);
        const struct ms_region_module *module = ms_area_at(MS_AREA_MODULES, pc->module);
        Dl_info info;
        assert_int_not_equal(dladdr((void *)pc->address, &info), 0);
        const char *path = ms_area_at(MS_AREA_STRINGS, module->path);
        assert_true(pc->address > module->base && pc->address <= module->end);
        assert_int_equal((uintptr_t)info.dli_fbase, module->base);
        assert_int_equal(path[0], '/');
        if (strstr(path, "libc.so") != NULL) {
            libc_seen = true;
            assert_string_equal(path, info.dli_fname);
            assert_int_equal(module->build_id_bytes, 20);
        }
    }
    assert_true(libc_seen);
}

static void test_child_after_fork(void **unused)
{
    (void)unused;
    sink += plain(6);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        ms_map_after_fork();
        ms_stack_after_fork();
        memset(&state, 0, sizeof state);
        if (ms_region == NULL || ms_region->slot == 0) {
            _exit(3);
        }
        sink += plain(6); /* fails by cmocka's exit when a frame differs */
        const struct ms_region_pc *pc = frame_of(last_stack, 0);
        _exit(pc->module == 1 && last_stack == 1 ? 0 : 4);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    sink += plain(6);
}

static void *thread_main(void *unused)
{
    struct ms_stack_state own = {0};
    uint32_t first = 0;
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        struct ms_caller caller = MS_CALLER();
        uint32_t stack = ms_stack_capture(&own, &caller, 64);
        if (first == 0) {
            first = stack;
        }
        if (stack != first || stack == 0) {
            return NULL;
        }
        if (i % 50 == 0) {
            ms_stack_modules_changed();
        }
    }
    return (void *)(uintptr_t)first;
}

static void test_threads_agree(void **unused)
{
    (void)unused;
    pthread_t threads[4];
    void *results[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, thread_main, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &results[i]);
        assert_non_null(results[i]);
        assert_ptr_equal(results[i], results[0]);
    }
}

static int set_up(void **unused)
{
    (void)unused;
    return probe_region_map(0, 0) == 0 && ms_stack_init(1) == 0 ? 0 : -1;
}

int main(void)
{
    if (!load_judge()) {
        printf("SKIP test_probe_stack: libunwind.so.8 is not there to judge by\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_frames),
        cmocka_unit_test(test_register_cfa),
        cmocka_unit_test(test_no_cfi_is_not_guessed),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_signal_frames),
        cmocka_unit_test(test_small_alternate_stack),
        cmocka_unit_test(test_fiber),
        cmocka_unit_test(test_known_bounds),
        cmocka_unit_test(test_garbage_registers),
        cmocka_unit_test(test_same_stack_same_id),
        cmocka_unit_test(test_module_of_frames),
        cmocka_unit_test(test_child_after_fork),
        cmocka_unit_test(test_threads_agree),
    };
    int failed = cmocka_run_group_tests(tests, set_up, NULL);
    printf("%u stacks, %lu frames equal to libunwind's\n", compared, compared_frames);
    return failed;
}
