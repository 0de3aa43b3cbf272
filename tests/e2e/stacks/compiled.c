/*
 * Frames as the compiler makes them; built at every level of optimisation, with and without frame
 * pointers. compiled ROUNDS. Prints "FUNCTION ALLOCATIONS" for every function of which it is
 * known how many allocations were made below it.
 */
#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

static volatile unsigned long sink;
static uintptr_t at_call;

/* The one place that allocates; `at_call` is the stack pointer of its caller. */
static NOINLINE void allocate(unsigned bytes)
{
    at_call = (uintptr_t)__builtin_dwarf_cfa();
    void *block = malloc(bytes);
    sink += (uintptr_t)block;
    free(block);
}

/* --- one function that calls alloca, two callers, one stack pointer --- */

static NOINLINE void with_alloca(size_t bytes)
{
    char *space = alloca(bytes);
    __asm__ volatile("" : : "r"(space) : "memory"); /* nothing is written: old words stay */
    allocate(24);
    sink++;
}

static NOINLINE void with_array(size_t bytes)
{
    char space[bytes];
    __asm__ volatile("" : : "r"(space) : "memory");
    allocate(25);
    sink++;
}

static NOINLINE void alloca_left(size_t bytes)
{
    volatile char space[64];
    space[0] = 1;
    with_alloca(bytes);
    with_array(bytes);
    sink += (unsigned char)space[0];
}

static NOINLINE void alloca_right(size_t bytes)
{
    volatile char space[1600];
    space[0] = 1;
    with_alloca(bytes);
    with_array(bytes);
    sink += (unsigned char)space[0];
}

static NOINLINE uintptr_t place(void (*function)(size_t), size_t bytes)
{
    function(bytes);
    return at_call;
}

static void check(int right, const char *what)
{
    if (!right) {
        fprintf(stderr, "compiled: %s\n", what);
        abort();
    }
}

static unsigned two_callers(unsigned rounds)
{
    const size_t left_bytes = 4096;
    uintptr_t left = place(alloca_left, left_bytes);
    unsigned tries = 1;
    size_t right_bytes = left_bytes;
    while (place(alloca_right, right_bytes) != left) {
        tries++;
        right_bytes -= 16;
        check(right_bytes > 0 && right_bytes < left_bytes, "no equal stack pointer");
    }
    for (unsigned i = 0; i < rounds; i++) {
        check(place(alloca_left, left_bytes) == left, "stack pointer on the left");
        check(place(alloca_right, right_bytes) == left, "stack pointer on the right");
    }
    printf("alloca_left %u\n", 2 * (rounds + 1));
    printf("alloca_right %u\n", 2 * (rounds + tries));
    return 0;
}

/* --- recursion --- */

static NOINLINE unsigned recurse(unsigned depth)
{
    volatile unsigned own = depth;
    if (depth > 0) {
        own += recurse(depth - 1);
    }
    allocate(depth % 100 + 1);
    return own;
}

static unsigned other(unsigned depth);

static NOINLINE unsigned one(unsigned depth)
{
    volatile char space[40];
    space[depth % 40] = 1;
    allocate(30);
    unsigned result = depth == 0 ? 0 : other(depth - 1);
    allocate(31);
    return result + (unsigned)space[depth % 40];
}

static NOINLINE unsigned other(unsigned depth)
{
    char *space = alloca(depth % 7 * 32 + 16);
    space[0] = 1;
    allocate(32);
    unsigned result = depth == 0 ? 0 : one(depth - 1);
    allocate(33);
    return result + (unsigned)space[0];
}

/* --- siblings, callbacks, jumps --- */

static NOINLINE void last_of_three(unsigned depth)
{
    allocate(depth + 1);
    sink++;
}
static NOINLINE void second_of_three(unsigned depth)
{
    last_of_three(depth + 1);
}
static NOINLINE void first_of_three(unsigned depth)
{
    second_of_three(depth + 1);
}

static int by_value(const void *left, const void *right)
{
    allocate(40);
    return *(const int *)left - *(const int *)right;
}

static NOINLINE void sort(void)
{
    int values[30];
    for (int i = 0; i < 30; i++) {
        values[i] = i * 7919 % 31;
    }
    qsort(values, 30, sizeof values[0], by_value);
    sink += (unsigned)values[2];
}

static jmp_buf back;

static volatile unsigned jump_at;

static NOINLINE void jump(unsigned depth)
{
    volatile char space[100];
    space[depth % 100] = 1;
    allocate(50);
    if (depth == jump_at) {
        longjmp(back, 1);
    }
    if (depth > 0) {
        jump(depth - 1);
    }
    sink += (unsigned)space[depth % 100];
}

static NOINLINE void jumps(unsigned depth)
{
    if (setjmp(back) == 0) {
        jump(depth);
    } else {
        allocate(51);
    }
}

static NOINLINE __attribute__((aligned(64))) double realigned(unsigned depth)
{
    volatile double space[16] __attribute__((aligned(64)));
    char *more = alloca(depth * 48 + 16);
    more[0] = 1;
    space[depth % 16] = depth;
    allocate(60);
    return space[depth % 16] + more[0];
}

static NOINLINE long many(long a, long b, long c, long d, long e, long f, long g, long h, long i)
{
    allocate(70);
    recurse((unsigned)(a & 3));
    return a + b * c + d * e + f * g + h * i;
}

/* --- coroutines on stacks that are freed and made again --- */

static ucontext_t home;
static ucontext_t away;
static unsigned fiber_depth;

static void fiber_left(void)
{
    recurse(fiber_depth);
    swapcontext(&away, &home);
    recurse(fiber_depth / 2);
}

static void fiber_right(void)
{
    volatile char space[400];
    space[7] = 1;
    with_alloca(512);
    swapcontext(&away, &home);
    one(fiber_depth);
    sink += (unsigned)space[7];
}

static void fibers(unsigned rounds)
{
    const size_t bytes = 64 << 10;
    static unsigned i;
    for (i = 0; i < rounds; i++) {
        char *stack = i % 3 == 0 ? mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                 : malloc(bytes);
        fiber_depth = i % 9;
        getcontext(&away);
        away.uc_stack.ss_sp = stack;
        away.uc_stack.ss_size = bytes;
        away.uc_link = &home;
        makecontext(&away, i & 1 ? fiber_left : fiber_right, 0);
        swapcontext(&home, &away);
        allocate(80);
        swapcontext(&home, &away);
        if (i % 3 == 0) {
            munmap(stack, bytes);
        } else {
            free(stack);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    two_callers(1000);
    for (unsigned round = 0; round < rounds; round++) {
        recurse(200);
        one(round % 90);
        other(round % 60);
        first_of_three(round);
        sort();
        jumps(round % 30);
        sink += (unsigned long)realigned(round % 20);
        sink += (unsigned long)many(round, 2, 3, 4, 5, 6, 7, 8, 9);
        fibers(12);
    }
    return 0;
}
