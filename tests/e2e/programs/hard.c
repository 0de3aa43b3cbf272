/*
 * What programs do that makes life hard for a library inside them, one case per argument:
 *   hard CASE [ARG]          hard list
 * Every case prints the same natively and watched, and ends with the same status; the test
 * compares both. A case writes what it saw with plain write(2) and printf.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;
static void *volatile sink;

/* Allocates from many places of a small call tree; half of it moves, nothing stays. */
__attribute__((noinline)) static void churn(unsigned rounds)
{
    void *held[64] = {0};
    for (unsigned i = 0; i < rounds; i++) {
        unsigned slot = (i * 7u) % 64u;
        free(held[slot]);
        held[slot] = malloc(i % 2000u);
        if (i % 5u == 0) {
            held[slot] = realloc(held[slot], i % 3000u + 1);
        }
        sink = held[slot];
    }
    for (unsigned i = 0; i < 64; i++) {
        free(held[i]);
    }
}

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- processes --- */

static int case_fork(const char *argument)
{
    (void)argument;
    char *before = malloc(100);
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0) {
            churn(5000);
            free(before); /* inherited */
            sink = malloc(1000);
            pid_t grandchild = fork();
            if (grandchild == 0) {
                churn(5000);
                _exit(i + 1);
            }
            exit(wait_for(grandchild) + 10);
        }
        printf("child %d gave %d\n", i, wait_for(child));
    }
    free(before);
    return 0;
}

static int case_clone(const char *argument)
{
    (void)argument;
    long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        churn(5000);
        _exit(7);
    }
    printf("raw clone gave %d\n", wait_for((pid_t)child));
    churn(1000);
    return 0;
}

static int case_vfork(const char *argument)
{
    (void)argument;
    churn(100);
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
        _exit(126);
    }
    printf("vfork and exec gave %d\n", wait_for(child));
    child = vfork();
    if (child == 0) {
        _exit(6);
    }
    printf("vfork gave %d\n", wait_for(child));
    churn(1000);
    return 0;
}

static int case_exec(const char *argument)
{
    int left = argument ? atoi(argument) : 5;
    churn(1000);
    printf("%d to go\n", left);
    fflush(stdout);
    if (left == 0) {
        return 9;
    }
    char number[16];
    snprintf(number, sizeof number, "%d", left - 1);
    execl("/nonexistent", "nonexistent", (char *)NULL); /* fails: we stay who we are */
    churn(100);
    execl("/proc/self/exe", "hard", "exec", number, (char *)NULL);
    return 125;
}

static int case_popen(const char *argument)
{
    (void)argument;
    char line[100] = "";
    FILE *pipe = popen("echo from a shell; exit 4", "r");
    if (!pipe || !fgets(line, sizeof line, pipe)) {
        return 1;
    }
    int status = pclose(pipe);
    printf("popen: %s  status %d\n", line, WEXITSTATUS(status));
    status = system("exit 3");
    printf("system: %d\n", WEXITSTATUS(status));
    char *arguments[] = {(char *)"sh", (char *)"-c", (char *)"exit 8", NULL};
    pid_t child;
    if (posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ) != 0) {
        return 1;
    }
    printf("posix_spawn: %d\n", wait_for(child));
    fflush(stdout);
    return system("env | sort");
}

static int case_cleared(const char *argument)
{
    /* A program that gives its child an environment of its own. */
    (void)argument;
    char *const arguments[] = {(char *)"env", NULL};
    char *const environment[] = {(char *)"ONLY=this", NULL};
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execve("/usr/bin/env", arguments, environment);
        _exit(126);
    }
    return wait_for(child);
}

static int case_daemon(const char *argument)
{
    pid_t child = fork();
    if (child == 0) {
        setsid();
        for (int fd = 0; fd < 1024; fd++) {
            close(fd);
        }
        churn(5000);
        int fd = open(argument ? argument : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644);
        churn(5000);
        dprintf(fd, "daemon on descriptor %d\n", fd);
        _exit(0);
    }
    printf("daemon gave %d\n", wait_for(child));
    return 0;
}

static int case_closerange(const char *argument)
{
    (void)argument;
    closefrom(3);
    churn(5000);
    int fd = open("/dev/null", O_RDONLY);
    printf("next descriptor %d\n", fd);
    pid_t child = fork();
    if (child == 0) {
        churn(5000);
        _exit(2);
    }
    printf("child gave %d\n", wait_for(child));
    return 0;
}

static int case_exit(const char *argument)
{
    churn(100);
    return argument ? atoi(argument) : 42;
}

static int case_signal(const char *argument)
{
    churn(100);
    fflush(NULL);
    raise(argument ? atoi(argument) : SIGTERM);
    return 0;
}

/* --- what the program sees of itself --- */

static int case_env(const char *argument)
{
    (void)argument;
    for (char **entry = environ; *entry; entry++) {
        puts(*entry);
    }
    puts(getenv("LD_PRELOAD") ? "LD_PRELOAD is set" : "LD_PRELOAD is not set");
    return 0;
}

static int case_self(const char *argument)
{
    (void)argument;
    churn(1000);
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        printf("descriptor %s\n", entry->d_name);
    }
    closedir(folder);
    int tasks = 0;
    folder = opendir("/proc/self/task");
    while (folder && (entry = readdir(folder))) {
        tasks += entry->d_name[0] != '.';
    }
    closedir(folder);
    printf("threads %d\n", tasks);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
            printf("signal %d has a handler\n", number);
        }
    }
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int number = 1; number < NSIG; number++) {
        if (sigismember(&blocked, number) == 1) {
            printf("signal %d is blocked\n", number);
        }
    }
    stack_t alternate;
    sigaltstack(NULL, &alternate);
    printf("alternate stack: %s\n", alternate.ss_flags & SS_DISABLE ? "none" : "one");
    printf("dumpable %d, umask %03o, nice %d, own group %d\n", prctl(PR_GET_DUMPABLE), umask(022),
           getpriority(PRIO_PROCESS, 0), getpgrp() == getpid());
    return 0;
}

static int case_errno(const char *argument)
{
    (void)argument;
    for (int i = 1; i < 100; i++) {
        errno = i;
        void *p = malloc((size_t)i * 100);
        if (errno != i) {
            printf("malloc changed errno %d to %d\n", i, errno);
        }
        errno = i;
        free(p);
        if (errno != i) {
            printf("free changed errno %d to %d\n", i, errno);
        }
    }
    volatile size_t too_much = SIZE_MAX / 2;
    errno = 0;
    sink = malloc(too_much);
    printf("malloc: %d\n", errno == ENOMEM);
    errno = 0;
    sink = calloc(too_much, 4);
    printf("calloc: %d\n", errno == ENOMEM);
    void *p = &p;
    printf("posix_memalign: %d\n", posix_memalign(&p, 3, 8) == EINVAL && p == &p);
    errno = 0;
    volatile size_t no_power_of_two = 3;
    sink = aligned_alloc(no_power_of_two, 8);
    printf("aligned_alloc(3): %d %d\n", sink == NULL, errno);
    return 0;
}

/* --- mistakes: the C library must still find them --- */

static int case_doublefree(const char *argument)
{
    (void)argument;
    void *p = malloc(50);
    sink = p;
    free(p);
    free((void *)sink);
    puts("not noticed");
    return 0;
}

static int case_badfree(const char *argument)
{
    int which = argument ? atoi(argument) : 0;
    static char in_data[64];
    char on_stack[64];
    char *p = malloc(500);
    memset(p, 0, 500);
    memset(on_stack, 0, sizeof on_stack);
    char *wrong[] = {p + 16, p + 8, on_stack, in_data + 16, p + 1};
    sink = wrong[which % 5];
    free((void *)sink);
    puts("not noticed");
    return 0;
}

static int case_overrun(const char *argument)
{
    /* Into the slack that every allocator has; natively nothing happens. */
    volatile size_t bytes = 24;
    (void)argument;
    for (int i = 0; i < 100; i++) {
        char *p = malloc(20);
        memset(p, 0x5a, bytes);
        free(p);
    }
    puts("survived");
    return 0;
}

/* --- signals, stacks, contexts --- */

static volatile sig_atomic_t handled;

static void allocate_in_handler(int number)
{
    (void)number;
    int saved = errno;
    void *p = malloc(100);
    void *q = malloc(70000);
    free(p);
    free(q);
    handled++;
    errno = saved;
}

static int case_sigaltstack(const char *argument)
{
    (void)argument;
    static _Alignas(16) char room[8192];
    stack_t alternate = {.ss_sp = room, .ss_size = sizeof room};
    struct sigaction action = {.sa_handler = allocate_in_handler, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&alternate, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < 1000; i++) {
        raise(SIGUSR1);
    }
    printf("handled %d\n", (int)handled);
    return 0;
}

static void fiber(int number)
{
    churn(500u + (unsigned)number);
}

static int case_fibers(const char *argument)
{
    (void)argument;
    enum { fibers = 20, stack_bytes = 65536 };
    static ucontext_t home, contexts[fibers];
    for (int i = 0; i < fibers; i++) {
        getcontext(&contexts[i]);
        contexts[i].uc_stack.ss_sp = malloc(stack_bytes);
        contexts[i].uc_stack.ss_size = stack_bytes;
        contexts[i].uc_link = &home;
        makecontext(&contexts[i], (void (*)(void))(void *)fiber, 1, i);
        swapcontext(&home, &contexts[i]);
    }
    for (int i = 0; i < fibers; i++) {
        free(contexts[i].uc_stack.ss_sp);
    }
    puts("fibers ended");
    return 0;
}

__attribute__((noinline)) static unsigned descend(unsigned depth)
{
    void *p = malloc(depth % 300u);
    unsigned below = depth ? descend(depth - 1) : 0;
    free(p);
    return below + 1;
}

static int case_recursion(const char *argument)
{
    (void)argument;
    printf("depth %u\n", descend(20000));
    return 0;
}

/* 16 KiB a frame. */
__attribute__((noinline)) static unsigned descend_far(unsigned depth)
{
    volatile char frame[16384];
    frame[0] = 1;
    void *p = malloc(depth % 300u);
    unsigned below = depth ? descend_far(depth - 1) : 0;
    free(p);
    return below + (unsigned)frame[0];
}

static int case_growth(const char *argument)
{
    /* The main stack grows beyond what its limit was when the program began. */
    (void)argument;
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) != 0) {
        return 1;
    }
    churn(100);
    stack.rlim_cur = (rlim_t)64 << 20;
    if (setrlimit(RLIMIT_STACK, &stack) != 0) {
        puts("the limit stays");
        return 0;
    }
    printf("depth %u\n", descend_far(2500));
    return 0;
}

/* --- threads --- */

static void *rename_often(void *argument)
{
    (void)argument;
    char name[16];
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "name-%d", i);
        if (i % 2) {
            prctl(PR_SET_NAME, name);
        } else {
            pthread_setname_np(pthread_self(), name);
        }
        sink = malloc(10);
        free((void *)sink);
    }
    return NULL;
}

static int case_names(const char *argument)
{
    (void)argument;
    pthread_t thread;
    pthread_create(&thread, NULL, rename_often, NULL);
    for (int i = 0; i < 1000; i++) {
        pthread_setname_np(thread, i % 2 ? "from-outside" : "other");
    }
    pthread_join(thread, NULL);
    /* Everything that a terminal could take for an order. */
    static const char *const hostile[] = {"\033[2J\033[31mred",
                                          "\033]0;title\007",
                                          "\xff\xfe\x80\xc3",
                                          "a\nb\tc\rd",
                                          "\23331mcsi",
                                          "\xe2\x80\xaertl",
                                          "",
                                          "<b>&'\"\\"};
    for (unsigned i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        char name[16] = "";
        memcpy(name, hostile[i], strnlen(hostile[i], 15));
        prctl(PR_SET_NAME, name);
        churn(300);
        usleep(argument ? (useconds_t)atoi(argument) * 1000 : 1000);
    }
    puts("renamed");
    return 0;
}

static void *hold_a_name(void *argument)
{
    prctl(PR_SET_NAME, argument);
    void *p = malloc(1234567);
    sleep(600);
    free(p);
    return NULL;
}

static int case_hostile(const char *argument)
{
    /* Stays for ten minutes with threads whose names are orders to a terminal. */
    (void)argument;
    static const char *const names[] = {"\033[2Jgone", "\033]0;owned\007", "\xff\xfe\x80",
                                        "\2335mX", "nl\nnl\rcr"};
    pthread_t threads[5];
    for (unsigned i = 0; i < 5; i++) {
        pthread_create(&threads[i], NULL, hold_a_name, (void *)(uintptr_t)names[i]);
    }
    printf("\033]0;printed\007 output \033[31m of the program\n");
    fflush(stdout);
    for (unsigned i = 0; i < 5; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}

static pthread_key_t late_key;

static void free_late(void *block)
{
    static __thread int again = 3;
    free(block);
    if (again-- > 0) {
        pthread_setspecific(late_key, malloc(77));
    }
}

static void *use_key(void *argument)
{
    pthread_setspecific(late_key, malloc(100));
    churn(50);
    return argument;
}

static int case_tls(const char *argument)
{
    (void)argument;
    pthread_key_create(&late_key, free_late);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, use_key, NULL);
        pthread_join(thread, NULL);
    }
    puts("destructors ran");
    return 0;
}

static sem_t ready;

static void *wait_to_be_cancelled(void *argument)
{
    void *p = malloc(3000);
    pthread_cleanup_push(free, p);
    sem_post(&ready);
    for (;;) {
        churn(100);
        pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return argument;
}

static int case_cancel(const char *argument)
{
    (void)argument;
    sem_init(&ready, 0, 0);
    int cancelled = 0;
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        void *result;
        pthread_create(&thread, NULL, wait_to_be_cancelled, NULL);
        sem_wait(&ready);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        cancelled += result == PTHREAD_CANCELED;
    }
    printf("cancelled %d\n", cancelled);
    return 0;
}

static void *short_life(void *argument)
{
    churn((unsigned)(uintptr_t)argument);
    return NULL;
}

static int case_storm(const char *argument)
{
    int rounds = argument ? atoi(argument) : 30;
    for (int round = 0; round < rounds; round++) {
        pthread_t threads[100];
        for (uintptr_t i = 0; i < 100; i++) {
            if (pthread_create(&threads[i], NULL, short_life, (void *)(i + 1)) != 0) {
                return 1;
            }
        }
        for (int i = 0; i < 100; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    printf("%d threads\n", rounds * 100);
    return 0;
}

static int case_forkstorm(const char *argument)
{
    int rounds = argument ? atoi(argument) : 200;
    int sum = 0;
    for (int i = 0; i < rounds; i++) {
        pid_t child = fork();
        if (child == 0) {
            churn(200);
            _exit(1);
        }
        sum += wait_for(child);
    }
    printf("%d children\n", sum);
    return 0;
}

static int case_forkthreads(const char *argument)
{
    /* A fork while other threads are in the middle of malloc. */
    (void)argument;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, short_life, (void *)(uintptr_t)1000000);
    }
    int sum = 0;
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            churn(2000);
            _exit(1);
        }
        sum += wait_for(child);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%d children\n", sum);
    return 0;
}

static int case_dlopen(const char *argument)
{
    double sum = 0;
    for (int i = 0; i < 50; i++) {
        void *plugin = dlopen(argument, RTLD_NOW | RTLD_LOCAL);
        if (!plugin) {
            puts(dlerror());
            return 1;
        }
        double (*run)(int) = (double (*)(int))dlsym(plugin, "plugin_run");
        sum += run(20);
        dlclose(plugin);
        churn(200);
    }
    printf("sum %.0f\n", sum);
    return 0;
}

/* --- limits and sandboxes --- */

static void limit(int what, rlim_t value)
{
    struct rlimit both = {value, value};
    setrlimit(what, &both);
}

static int case_as(const char *argument)
{
    /* The limit holds for what is started from here, so the probe starts under it. */
    if (!argument) {
        limit(RLIMIT_AS, (rlim_t)256 << 20);
        execl("/proc/self/exe", "hard", "as", "go", (char *)NULL);
        return 125;
    }
    churn(20000);
    size_t blocks = 0;
    while (blocks < 1000) {
        sink = malloc((size_t)4 << 20);
        if (!sink) {
            break;
        }
        blocks++;
    }
    churn(1000);
    /* How many fit differs by what the probe maps, that there is an end does not. */
    puts(blocks > 8 && blocks < 64 ? "stopped by the limit" : "not stopped");
    return 0;
}

static int case_nofile(const char *argument)
{
    if (!argument) {
        limit(RLIMIT_NOFILE, 4);
        execl("/proc/self/exe", "hard", "nofile", "go", (char *)NULL);
        return 125;
    }
    churn(20000);
    int fd = open("/dev/null", O_RDONLY);
    printf("got %d then %d\n", fd, open("/dev/null", O_RDONLY));
    pid_t child = fork();
    if (child == 0) {
        churn(1000);
        _exit(3);
    }
    printf("child gave %d\n", wait_for(child));
    return 0;
}

static int case_fsize(const char *argument)
{
    if (!argument) {
        limit(RLIMIT_FSIZE, 0);
        execl("/proc/self/exe", "hard", "fsize", "go", (char *)NULL);
        return 125;
    }
    churn(50000);
    descend(3000);
    case_storm("3");
    pid_t child = fork();
    if (child == 0) {
        churn(20000);
        _exit(3);
    }
    printf("child gave %d\n", wait_for(child));
    return 0;
}

static int case_smallstacks(const char *argument)
{
    (void)argument;
    churn(1000);
    limit(RLIMIT_STACK, 256 * 1024);
    churn(1000);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        pthread_create(&thread, &attributes, short_life, (void *)(uintptr_t)500);
        pthread_join(thread, NULL);
    }
    puts("small stacks did");
    return 0;
}

static int case_mlockall(const char *argument)
{
    (void)argument;
    churn(100);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        puts("mlockall refused");
        return 0;
    }
    churn(20000);
    case_storm("2");
    FILE *status = fopen("/proc/self/status", "r");
    char line[200];
    long rss_kib = 0;
    while (status && fgets(line, sizeof line, status)) {
        sscanf(line, "VmRSS: %ld", &rss_kib);
    }
    puts(rss_kib < 128 * 1024 ? "little is locked" : "much is locked");
    return 0;
}

#ifdef __x86_64__
static int case_seccomp(const char *argument)
{
    /* What a strict program leaves itself: what malloc needs, read, write and the way out. */
    (void)argument;
    static const int allowed[] = {SYS_read,   SYS_write,      SYS_brk,         SYS_mmap,
                                  SYS_munmap, SYS_mremap,     SYS_mprotect,    SYS_madvise,
                                  SYS_futex,  SYS_exit_group, SYS_rt_sigreturn};
    struct sock_filter filter[64];
    unsigned short n = 0;
    filter[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        filter[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {n, filter};
    churn(10); /* the first malloc of all asks the kernel for random bytes */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        puts("seccomp refused");
        return 0;
    }
    churn(100000);
    descend(2000);
    static const char done[] = "lives in its sandbox\n";
    (void)!write(1, done, sizeof done - 1);
    _exit(0);
}
#endif

static int case_privileges(const char *argument)
{
    (void)argument;
    churn(100);
    if (setgid(65534) != 0 || setuid(65534) != 0) {
        puts("not root: nothing to drop");
        return 0;
    }
    churn(5000);
    pid_t child = fork();
    if (child == 0) {
        churn(5000);
        _exit(4);
    }
    printf("child gave %d\n", wait_for(child));
    return 0;
}

/* --- for viewers that come and go --- */

static volatile sig_atomic_t told;

static void be_told(int number)
{
    (void)number;
    told = 1;
}

static int case_steps(const char *argument)
{
    /*
     * Allocates 1000 blocks of 1000 bytes a step until SIGTERM, forks a child on SIGUSR1's stead
     * every tenth step, and writes to a file how often it did what: for those who join late.
     */
    signal(SIGTERM, be_told);
    unsigned long steps = 0, children = 0;
    void **held = malloc(sizeof *held * 100000);
    while (!told && steps < 20000) {
        for (int i = 0; i < 1000; i++) {
            void *p = malloc(1000);
            if (i == 0) {
                held[steps % 100000] = p;
            } else {
                free(p);
            }
        }
        steps++;
        if (steps % 10 == 0) {
            pid_t child = fork();
            if (child == 0) {
                churn(500);
                _exit(0);
            }
            wait_for(child);
            children++;
        }
        usleep(20000);
    }
    FILE *file = fopen(argument, "w");
    if (!file) {
        return 1;
    }
    fprintf(file, "%lu %lu\n", steps, children);
    return fclose(file) ? 1 : 0;
}

static int case_sleep(const char *argument)
{
    void *p = malloc(4321);
    churn(1000);
    usleep((useconds_t)(argument ? atoi(argument) : 1000) * 1000);
    free(p);
    puts("slept");
    return 0;
}

static const struct {
    const char *name;
    int (*run)(const char *argument);
} cases[] = {
    {"fork", case_fork},
    {"clone", case_clone},
    {"vfork", case_vfork},
    {"exec", case_exec},
    {"popen", case_popen},
    {"cleared", case_cleared},
    {"daemon", case_daemon},
    {"closerange", case_closerange},
    {"exit", case_exit},
    {"signal", case_signal},
    {"env", case_env},
    {"self", case_self},
    {"errno", case_errno},
    {"doublefree", case_doublefree},
    {"badfree", case_badfree},
    {"overrun", case_overrun},
    {"sigaltstack", case_sigaltstack},
    {"fibers", case_fibers},
    {"recursion", case_recursion},
    {"growth", case_growth},
    {"names", case_names},
    {"hostile", case_hostile},
    {"tls", case_tls},
    {"cancel", case_cancel},
    {"storm", case_storm},
    {"forkstorm", case_forkstorm},
    {"forkthreads", case_forkthreads},
    {"dlopen", case_dlopen},
    {"as", case_as},
    {"nofile", case_nofile},
    {"fsize", case_fsize},
    {"smallstacks", case_smallstacks},
    {"mlockall", case_mlockall},
#ifdef __x86_64__
    {"seccomp", case_seccomp},
#endif
    {"privileges", case_privileges},
    {"steps", case_steps},
    {"sleep", case_sleep},
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(argv[1], "list") == 0) {
            puts(cases[i].name);
        } else if (strcmp(argv[1], cases[i].name) == 0) {
            return cases[i].run(argc > 2 ? argv[2] : NULL);
        }
    }
    return argc > 1 && strcmp(argv[1], "list") == 0 ? 0 : 2;
}
