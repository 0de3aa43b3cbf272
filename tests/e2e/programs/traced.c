/*
 * Does known things with memory and keeps a log of them, for test_trace.py.
 *
 *   traced threads LOG    4 threads allocate, free, resize, and free each other's blocks; LOG says
 *                         what each did in its order
 *   traced handler        allocates while a signal handler does
 *   traced fork           a child does 1,000 known pairs and leaves by _exit
 *   traced pairs N        N pairs; says how long they took, in milliseconds
 *   traced close          1,000 pairs, then closes all descriptors, opens files, 200,000 pairs
 *   traced reuse          puts a pipe under every number, 200,000 pairs; says what came through it
 *   traced seccomp        1,000 pairs, a filter that allows only read, write and exit, 1,000 pairs
 *   traced tick           says its pid, then one pair every 10 ms until it is killed
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS  20000
#define BLOCKS  64

struct entry {
    uint64_t address, bytes, kind; /* 1 allocation, 2 free; as in the trace */
};

static struct log {
    uint64_t tid, count;
    struct entry entries[ROUNDS * 3 + BLOCKS * 4];
} * logs;

static void *_Atomic mailbox[BLOCKS];

static void note(struct log *log, uint64_t kind, const void *block, uint64_t bytes)
{
    log->entries[log->count++] = (struct entry){(uintptr_t)block, bytes, kind};
}

/* The size stands in the block, so that whoever frees it can log it. */
static void *make(struct log *log, uint64_t bytes)
{
    uint64_t *block = malloc(bytes);
    *block = bytes;
    note(log, 1, block, bytes);
    return block;
}

static void drop(struct log *log, void *block)
{
    if (block != NULL) {
        note(log, 2, block, *(uint64_t *)block);
        free(block);
    }
}

static void *resize(struct log *log, void *block, uint64_t bytes)
{
    note(log, 2, block, *(uint64_t *)block);
    uint64_t *moved = realloc(block, bytes);
    *moved = bytes;
    note(log, 1, moved, bytes);
    return moved;
}

static void *work(void *argument)
{
    struct log *log = argument;
    uint64_t random = (uintptr_t)&random;
    void *own[BLOCKS] = {NULL};
    log->tid = (uint64_t)syscall(SYS_gettid);
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t at = (uint32_t)(random >> 40) % BLOCKS;
        uint64_t bytes = 8 + (random >> 50) % (round % 64 == 0 ? 100000 : 500);
        if (own[at] == NULL) {
            own[at] = make(log, bytes);
        } else if (round % 3 == 0) {
            own[at] = resize(log, own[at], bytes);
        } else {
            void *others = atomic_exchange(&mailbox[at], own[at]);
            own[at] = NULL;
            drop(log, others);
        }
    }
    for (int at = 0; at < BLOCKS; at++) {
        drop(log, own[at]);
    }
    return NULL;
}

static void run_threads(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, &logs[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void pairs(long count)
{
    for (long i = 0; i < count; i++) {
        void *volatile block = malloc(100);
        free(block);
    }
}

static void on_signal(int number)
{
    (void)number;
    static void *volatile kept;
    void *block = malloc(40);
    free(__atomic_exchange_n(&kept, block, __ATOMIC_SEQ_CST));
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int log_threads(const char *path)
{
    logs = mmap(NULL, THREADS * sizeof *logs, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    run_threads();
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < THREADS; i++) {
        size_t bytes = sizeof(uint64_t) * 2 + logs[i].count * sizeof(struct entry);
        if (write(file, &logs[i], bytes) != (ssize_t)bytes) {
            return 1;
        }
    }
    return 0;
}

/* Between the calls: malloc itself is not to be interrupted by one that allocates. */
static int handled(void)
{
    signal(SIGUSR1, on_signal);
    for (int i = 0; i < 20000; i++) {
        void *volatile block = malloc(64 + (size_t)i % 64);
        raise(SIGUSR1);
        free(block);
    }
    return 0;
}

static int forked(void)
{
    pairs(1000);
    pid_t child = fork();
    if (child == 0) {
        pairs(1000);
        _exit(7);
    }
    int status;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 7 ? 0 : 1;
}

static int closed(void)
{
    pairs(1000);
    for (int fd = 3; fd < 4096; fd++) {
        close(fd);
    }
    pairs(200000);
    return 0;
}

static int reused(void)
{
    int ends[2];
    pairs(1000);
    if (pipe(ends) != 0) {
        return 1;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    for (int fd = 3; fd < 1024; fd++) {
        if (fd != ends[0] && fd != ends[1]) {
            dup2(ends[1], fd);
        }
    }
    pairs(200000);
    char byte;
    printf("through the pipe: %zd\n", read(ends[0], &byte, 1));
    return 0;
}

static int filtered(void)
{
    pairs(1000);
    static struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const struct sock_fprog filter = {sizeof program / sizeof *program, program};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        return 1;
    }
    pairs(1000);
    _exit(0);
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    if (strcmp(what, "threads") == 0 && count > 2) {
        return log_threads(arguments[2]);
    }
    if (strcmp(what, "handler") == 0) {
        return handled();
    }
    if (strcmp(what, "fork") == 0) {
        return forked();
    }
    if (strcmp(what, "pairs") == 0 && count > 2) {
        uint64_t start_ms = now_ms();
        pairs(atol(arguments[2]));
        printf("%llu\n", (unsigned long long)(now_ms() - start_ms));
        return 0;
    }
    if (strcmp(what, "close") == 0) {
        return closed();
    }
    if (strcmp(what, "reuse") == 0) {
        return reused();
    }
    if (strcmp(what, "seccomp") == 0) {
        return filtered();
    }
    if (strcmp(what, "tick") == 0) {
        printf("%d\n", (int)getpid());
        fflush(stdout);
        for (;;) {
            pairs(1);
            usleep(10000);
        }
    }
    return 2;
}
