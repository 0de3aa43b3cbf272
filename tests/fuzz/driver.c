/*
 * Drives one fuzzer without a fuzzing engine: random and mutated inputs from a seeded generator,
 * for FUZZ_SECONDS (5), or FUZZ_INPUTS of them. With file arguments it runs those instead. The
 * sanitizers judge; the input that they end us for is left in the folder FUZZ_FOUND (/tmp).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __asan_set_death_callback(void (*callback)(void)) __attribute__((weak));
const char *__asan_default_options(void); /* NOLINT: the sanitizer asks for it by this name */

/* Inputs allocate and free by the thousand: what is freed may wait through several of them, not
 * through all the memory there is, and call stacks of it are for who looks at a finding. */
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=32:malloc_context_size=3";
}

enum { bytes_max = 65536 };

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

/* Numbers at the edges go wrong more often than any others. */
static void mutate(uint8_t *data, size_t size)
{
    static const uint64_t edges[] = {0, 1, 0x7f, 0xff, 0x7fffffff, 0xffffffff, UINT64_MAX, 4096};
    for (uint64_t i = draw() % 8 + 1; i > 0 && size >= 8; i--) {
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

static void keep_last(void)
{
    const int fd = open(last.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0 && write(fd, last.bytes, last.count) == (ssize_t)last.count) {
        (void)!write(STDERR_FILENO, last.path, strlen(last.path));
        (void)!write(STDERR_FILENO, "\n", 1);
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
    unsigned long long inputs = 0;
    size_t size = 0;
    while (inputs < inputs_most && seconds_now() < end) {
        if (inputs % 64 == 0) {
            size = draw() % (draw() % 4 == 0 ? bytes_max : 1024);
            for (size_t i = 0; i < size; i++) {
                data[i] = (uint8_t)(draw() >> 11);
            }
        }
        mutate(data, size);
        /* A copy of its own on the heap, so that one byte too far is seen. */
        uint8_t *input = malloc(size ? size : 1);
        if (input == NULL) {
            return 1;
        }
        memcpy(input, data, size);
        last.bytes = input;
        last.count = size;
        LLVMFuzzerTestOneInput(input, size);
        free(input);
        inputs++;
    }
    printf("%llu inputs\n", inputs);
    return 0;
}
