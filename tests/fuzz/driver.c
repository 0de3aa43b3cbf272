/*
 * Drives one fuzzer without a fuzzing engine: random and mutated inputs from a seeded generator,
 * for FUZZ_SECONDS (5), or FUZZ_INPUTS of them. With file arguments it runs those instead. The
 * sanitizers judge; an input that takes more than 20 s of CPU time, 256 MB at once or 2 GB in all
 * is a failure as well. What they end us for is left in the folder FUZZ_FOUND (/tmp).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

void __asan_set_death_callback(void (*callback)(void)) __attribute__((weak));
const char *__asan_default_options(void); /* NOLINT: the sanitizer asks for it by this name */

/* Inputs allocate and free by the thousand: what is freed waits through one or two of them (a few
 * hundred kB each), call stacks of it are for who looks at a finding (ASAN_OPTIONS), and memory
 * goes back to the system, and comes from there, no more often than it must. */
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=2:thread_local_quarantine_size_kb=256:malloc_context_size=1:"
           "max_malloc_fill_size=0:allocator_release_to_os_interval_ms=-1:"
           "max_allocation_size_mb=256:hard_rss_limit_mb=2048";
}

enum { bytes_max = 65536, lives = 32, hang_s = 5, hangs_max = 4 };

static uint64_t state;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Half of them are short: of few changes each is seen. */
static size_t begin(uint8_t *data)
{
    size_t most = &fuzz_bytes_max != NULL ? fuzz_bytes_max : 4096;
    most = most < bytes_max ? most : bytes_max;
    const size_t size = 1 + draw() % (draw() % 2 == 0 ? most / 8 + 8 : most);
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(draw() >> 11);
    }
    return size < most ? size : most;
}

/* Numbers at the edges go wrong more often than any others. */
static void mutate(uint8_t *data, size_t size)
{
    static const uint64_t edges[] = {0, 1, 0x7f, 0xff, 0x7fffffff, 0xffffffff, UINT64_MAX, 4096};
    for (uint64_t i = draw() % 4 + 1; i > 0 && size >= 8; i--) {
        size_t place = draw() % (size - 7);
        switch (draw() % 3) {
        case 0:
            data[place] ^= (uint8_t)(1u << draw() % 8);
            break;
        case 1:
            data[place] = (uint8_t)draw();
            break;
        default:
            memcpy(data + place, &edges[draw() % 8], (size_t)1 << draw() % 4);
            break;
        }
    }
}

static struct {
    uint8_t *bytes;
    size_t count;
    char path[256];
} last;

static unsigned long long inputs;

static void keep_last(void)
{
    const int fd = open(last.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0 && write(fd, last.bytes, last.count) == (ssize_t)last.count) {
        (void)!write(STDERR_FILENO, last.path, strlen(last.path));
        (void)!write(STDERR_FILENO, "\n", 1);
    }
}

/* Comes after each hang_s of CPU time. */
static void ticked(int number)
{
    static unsigned long long seen;
    static int times;
    (void)number;
    times = inputs == seen ? times + 1 : 0;
    seen = inputs;
    if (times >= hangs_max) {
        abort();
    }
}

static void aborted(int number)
{
    keep_last();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static int run_file(const char *path)
{
    static uint8_t data[bytes_max];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        int status = 0;
        for (int i = 1; i < argc; i++) {
            status |= run_file(argv[i]);
        }
        return status;
    }
    const char *seconds = getenv("FUZZ_SECONDS");
    const char *seed = getenv("FUZZ_SEED");
    uint64_t chosen = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
    state = chosen * 2654435761u + 1;
    printf("FUZZ_SEED=%llu\n", (unsigned long long)chosen);
    const char *found = getenv("FUZZ_FOUND");
    (void)snprintf(last.path, sizeof last.path, "%s/memscope-fuzz-%llu",
                   found != NULL ? found : "/tmp", (unsigned long long)chosen);
    (void)signal(SIGABRT, aborted);
    static const struct itimerval every = {{hang_s, 0}, {hang_s, 0}};
    (void)signal(SIGPROF, ticked);
    (void)setitimer(ITIMER_PROF, &every, NULL);
    if (__asan_set_death_callback != NULL) {
        __asan_set_death_callback(keep_last);
    }
    fflush(stdout);
    const char *most = getenv("FUZZ_INPUTS");
    const unsigned long long inputs_most = most != NULL ? strtoull(most, NULL, 0) : UINT64_MAX;
    double end = most != NULL      ? 1e18
                 : seconds != NULL ? seconds_now() + strtod(seconds, NULL)
                                   : seconds_now() + 5;
    static uint8_t data[bytes_max];
    size_t size = 0;
    while (inputs < inputs_most && seconds_now() < end) {
        if (inputs % lives == 0) {
            size = begin(data);
        } else {
            mutate(data, size);
        }
        /* A copy of its own on the heap, so that one byte too far is seen. */
        uint8_t *input = malloc(size ? size : 1);
        if (input == NULL) {
            return 1;
        }
        memcpy(input, data, size);
        last.bytes = input;
        last.count = size;
        LLVMFuzzerTestOneInput(input, size);
        last.count = 0;
        free(input);
        inputs++;
    }
    printf("%llu inputs\n", inputs);
    return 0;
}
