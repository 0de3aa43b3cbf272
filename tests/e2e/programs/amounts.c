/*
 * Threads that make known amounts of what the kernel counts. Each writes what it made, a line of
 * "name key=value ..." as counted by itself, and then sleeps until the program is over, which ends
 * with its standard input; so what a viewer has of it was read while it was alive. Argument: a file
 * to write to.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    SLEEPS = 1000,
    PAGES = 5000,
    WRITES = 300,
    WRITE_BYTES = 1000,
    READS = 200,
    READ_BYTES = 700,
    MOVES = 200,
    CPU_MS = 400,
    SHARED_MS = 1200
};

static const char *file_name;
static pthread_barrier_t done, together;
static cpu_set_t allowed;

static void say(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    const int bytes = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* Not by write(), which would count: stdout is flushed by main. */
    fwrite(line, 1, (size_t)bytes, stdout);
}

static long clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pin(int core)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
}

/* The `number`th core that we may use, from the first one again after the last. */
static int core_at(int number)
{
    number %= CPU_COUNT(&allowed);
    for (int core = 0;; core++) {
        if (CPU_ISSET(core, &allowed) && number-- == 0) {
            return core;
        }
    }
}

static struct rusage usage_of_thread(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage;
}

static void say_usage(const char *name)
{
    const struct rusage usage = usage_of_thread();
    say("%s user_us=%ld system_us=%ld voluntary=%ld involuntary=%ld minor=%ld\n", name,
        usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec,
        usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec, usage.ru_nvcsw, usage.ru_nivcsw,
        usage.ru_minflt);
}

static void begin(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

static void rest(void)
{
    pthread_barrier_wait(&done);
    for (;;) {
        pause();
    }
}

/* Each sleep is a switch of its own will. */
static void *sleeper(void *unused)
{
    begin("sleeper");
    for (int i = 0; i < SLEEPS; i++) {
        const struct timespec moment = {.tv_nsec = 100000};
        nanosleep(&moment, NULL);
    }
    say_usage("sleeper");
    rest();
    return unused;
}

static void *toucher(void *unused)
{
    begin("toucher");
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    volatile char *memory =
        mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise((void *)memory, PAGES * page, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < PAGES; i++) {
        memory[i * page] = 1;
    }
    say_usage("toucher");
    rest();
    return unused;
}

static void *writer(void *unused)
{
    begin("writer");
    static char bytes[WRITE_BYTES];
    const int file = open(file_name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int zero = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < WRITES; i++) {
        if (write(file, bytes, WRITE_BYTES) != WRITE_BYTES) {
            abort();
        }
    }
    for (int i = 0; i < READS; i++) {
        if (read(zero, bytes, READ_BYTES) != READ_BYTES) {
            abort();
        }
    }
    fsync(file);
    char text[1024] = "";
    const int own = open("/proc/thread-self/io", O_RDONLY);
    const ssize_t length = read(own, text, sizeof text - 1); /* one more, after what it tells */
    const char *storage = strstr(text, "\nwrite_bytes: ");
    say("writer io_bytes=%zd storage=%ld\n", length,
        storage == NULL ? 0 : strtol(storage + 14, NULL, 10));
    rest();
    return unused;
}

static void *spinner(void *unused)
{
    begin("spinner");
    while (clock_ms(CLOCK_THREAD_CPUTIME_ID) < CPU_MS) {
        for (volatile int i = 0; i < 1000000; i++) {
        }
    }
    say_usage("spinner");
    rest();
    return unused;
}

static void *caller(void *unused)
{
    begin("caller");
    while (clock_ms(CLOCK_THREAD_CPUTIME_ID) < CPU_MS) {
        for (int i = 0; i < 1000; i++) {
            syscall(SYS_getppid);
        }
    }
    say_usage("caller");
    rest();
    return unused;
}

/* From core to core, and in the end on the last one. */
static void *mover(void *unused)
{
    begin("mover");
    pin(core_at(0));
    for (int i = 1; i <= MOVES; i++) {
        pin(core_at(i));
    }
    pin(core_at(CPU_COUNT(&allowed) - 1));
    say("mover cores=%d core=%d\n", CPU_COUNT(&allowed), core_at(CPU_COUNT(&allowed) - 1));
    rest();
    return unused;
}

/* Two of them share a core. */
static void *sharer(void *name)
{
    begin(name);
    pin(core_at(0));
    pthread_barrier_wait(&together);
    const long until_ms = clock_ms(CLOCK_MONOTONIC) + SHARED_MS;
    while (clock_ms(CLOCK_MONOTONIC) < until_ms) {
    }
    char text[128] = "";
    const int own = open("/proc/thread-self/schedstat", O_RDONLY);
    if (own >= 0 && read(own, text, sizeof text - 1) > 0) {
        unsigned long long run;
        unsigned long long wait;
        if (sscanf(text, "%llu %llu", &run, &wait) == 2) {
            say("%s run_ns=%llu wait_ns=%llu\n", (char *)name, run, wait);
        }
    }
    rest();
    return name;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        return 2;
    }
    static char buffer[65536];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    file_name = arguments[1];
    sched_getaffinity(0, sizeof allowed, &allowed);
    void *(*const first[])(void *) = {sleeper, toucher, writer, spinner, caller, mover};
    enum { FIRST = sizeof first / sizeof first[0] };
    pthread_t thread;
    pthread_barrier_init(&done, NULL, FIRST + 1);
    for (int i = 0; i < FIRST; i++) {
        pthread_create(&thread, NULL, first[i], NULL);
    }
    pthread_barrier_wait(&done);
    pthread_barrier_destroy(&done);
    pthread_barrier_init(&done, NULL, 3);
    pthread_barrier_init(&together, NULL, 2);
    pthread_create(&thread, NULL, sharer, "sharer-a");
    pthread_create(&thread, NULL, sharer, "sharer-b");
    pthread_barrier_wait(&done);
    say("all\n");
    const int result = fflush(stdout);
    while (getchar() != EOF) {
    }
    return result; /* they are in the middle of it: nobody says goodbye */
}
