/* I/O where there is little room, or none for anything else; see test_io.py. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "line %d: %s, errno %d\n", __LINE__, #what, errno);                    \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static int ends[2], sockets[2];

static void open_ends(void)
{
    CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
}

/* 4 calls a turn; nothing that allocates, and system calls of these four names only. */
static void turns(int count)
{
    char bytes[8];
    for (int i = 0; i < count; i++) {
        CHECK(write(ends[1], "12345678", 8) == 8);
        CHECK(read(ends[0], bytes, 8) == 8);
        CHECK(write(sockets[1], "123", 3) == 3);
        CHECK(read(sockets[0], bytes, 8) == 3);
    }
}

/* The kernel leaves read, write, exit and the return from handlers. */
static int strict(void)
{
    open_ends();
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
    turns(10000);
    syscall(SYS_exit, 7);
    return 1;
}

/* From here on a look at the processor's counter is a SIGSEGV. */
static int no_counter(void)
{
    open_ends();
    CHECK(prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0);
    for (int i = 0; i < 2000; i++) {
        free(malloc((size_t)i));
    }
    turns(1000);
    return 0;
}

static void kill_on(const int *numbers, size_t count)
{
    struct sock_filter filter[64] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short length = 1;
    for (size_t i = 0; i < count; i++) {
        filter[length++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {length, filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void *thread_turns(void *data)
{
    turns(*(int *)data);
    return NULL;
}

/* What hooks may want to ask kills; in a thread that begins behind the filter, too. */
static int filter(void)
{
    static const int deadly[] = {SYS_getsockopt, SYS_fstat,         SYS_newfstatat, SYS_gettid,
                                 SYS_readlink,   SYS_clock_gettime, SYS_fcntl,      SYS_openat,
                                 SYS_getrusage,  SYS_sigaltstack,   SYS_tgkill,     SYS_prctl};
    int count = 1000;
    pthread_t thread;
    open_ends();
    turns(10);
    kill_on(deadly, sizeof deadly / sizeof *deadly);
    turns(1000);
    CHECK(pthread_create(&thread, NULL, thread_turns, &count) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

/* Runs `command` without a vDSO: every look at the clock is a system call. */
static int no_vdso(char **command)
{
    pid_t child = fork();
    if (child == 0) {
        CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
        execv(command[0], command);
        _exit(127);
    }
    int status;
    struct user_regs_struct registers;
    CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    CHECK(ptrace(PTRACE_GETREGS, child, 0, &registers) == 0);
    uint64_t at = registers.rsp;
    const uint64_t arguments = (uint64_t)ptrace(PTRACE_PEEKDATA, child, at, 0);
    for (at += 8 * (arguments + 2); ptrace(PTRACE_PEEKDATA, child, at, 0) != 0; at += 8) {
    }
    at += 8;
    for (long tag = 1; tag != AT_NULL && tag != AT_SYSINFO_EHDR; at += 16) {
        tag = ptrace(PTRACE_PEEKDATA, child, at, 0);
        if (tag == AT_SYSINFO_EHDR) {
            CHECK(ptrace(PTRACE_POKEDATA, child, at, AT_IGNORE) == 0);
        }
    }
    CHECK(ptrace(PTRACE_DETACH, child, 0, 0) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void *reads_for_ever(void *data)
{
    char byte;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;) {
        if (read(*(int *)data, &byte, 1) != 1) {
            return NULL;
        }
    }
}

/* Cancelled at any instruction, also of ours. */
static int cancelled_anywhere(void)
{
    enum { THREADS = 300 };
    int zero = STDIN_FILENO, cancelled = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, reads_for_ever, &zero) == 0);
        usleep((useconds_t)(i % 40) * 5);
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
        cancelled += result == PTHREAD_CANCELED;
    }
    open_ends();
    turns(100);
    printf("%d cancelled\n", cancelled);
    return 0;
}

static sigjmp_buf back;
static volatile sig_atomic_t armed;

static void jump(int signal)
{
    (void)signal;
    if (armed) {
        armed = 0;
        siglongjmp(back, 1);
    }
}

static __attribute__((noinline)) void reads_after(int zero, int count)
{
    char byte;
    for (int i = 0; i < count; i++) {
        CHECK(read(zero, &byte, 1) == 1);
    }
    __asm__ volatile("" ::: "memory");
}

/* A handler jumps out of reads again and again, wherever they are; then come ordinary ones. */
static int jumps_anywhere(void)
{
    const struct itimerval often = {{0, 70}, {0, 70}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = jump};
    char byte;
    sigaction(SIGALRM, &action, NULL);
    for (volatile int jumps = 0; jumps < 3000; jumps++) {
        if (sigsetjmp(back, 1) == 0) {
            armed = 1;
            setitimer(ITIMER_REAL, &often, NULL);
            for (;;) {
                CHECK(read(STDIN_FILENO, &byte, 1) == 1);
            }
        }
    }
    setitimer(ITIMER_REAL, &never, NULL);
    reads_after(STDIN_FILENO, 5000);
    return 0;
}

static ucontext_t outside, inside;
static char *low_end;

/* How deep the stack was used: what is still as it was filled. */
static size_t used_of(const char *stack, size_t bytes)
{
    size_t untouched = 0;
    while (untouched < bytes && stack[untouched] == 'U') {
        untouched++;
    }
    return bytes - untouched;
}

static void coroutine(void)
{
    turns(200);
    CHECK(swapcontext(&inside, &outside) == 0);
}

static void handler_writes(int signal)
{
    char byte;
    (void)signal;
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(read(ends[0], &byte, 1) == 1);
}

/* Prints the bytes that the calls needed of a coroutine's stack of 4 KiB. */
static int small_stacks(void)
{
    int count = 100;
    size_t bytes = 4096;
    pthread_attr_t attributes;
    pthread_t thread;
    open_ends();
    CHECK(pthread_attr_init(&attributes) == 0 &&
          pthread_attr_setstacksize(&attributes, (size_t)sysconf(_SC_THREAD_STACK_MIN)) == 0);
    CHECK(pthread_create(&thread, &attributes, thread_turns, &count) == 0);
    CHECK(pthread_join(thread, NULL) == 0);

    char *room = mmap(NULL, 3 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(room != MAP_FAILED && mprotect(room + bytes, bytes, PROT_READ | PROT_WRITE) == 0);
    low_end = room + bytes;
    memset(low_end, 'U', bytes);
    CHECK(getcontext(&inside) == 0);
    inside.uc_stack.ss_sp = low_end;
    inside.uc_stack.ss_size = bytes;
    makecontext(&inside, coroutine, 0);
    CHECK(swapcontext(&outside, &inside) == 0);
    const size_t used = used_of(low_end, bytes);

    /* What the kernel needs for its frame, and one KiB. */
    const size_t least = getauxval(AT_MINSIGSTKSZ) + 1024;
    stack_t alternate = {.ss_sp = (char *)mmap(NULL, 65536, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                         .ss_size = least};
    struct sigaction action = {.sa_handler = handler_writes, .sa_flags = SA_ONSTACK};
    CHECK(sigaltstack(&alternate, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < 200; i++) {
        CHECK(raise(SIGUSR1) == 0);
    }
    printf("%zu\n", used);
    return 0;
}

int main(int count, char **words)
{
    const char *what = count > 1 ? words[1] : "";
    return strcmp(what, "strict") == 0       ? strict()
           : strcmp(what, "no-counter") == 0 ? no_counter()
           : strcmp(what, "filter") == 0     ? filter()
           : strcmp(what, "no-vdso") == 0    ? no_vdso(words + 2)
           : strcmp(what, "cancelled") == 0  ? cancelled_anywhere()
           : strcmp(what, "jumps") == 0      ? jumps_anywhere()
           : strcmp(what, "small") == 0      ? small_stacks()
                                             : 2;
}
