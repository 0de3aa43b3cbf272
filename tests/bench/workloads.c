/*
 * The workloads of `make bench`; prints the seconds that the work itself took.
 *
 * workloads pairs THREADS MILLIONS: malloc and free of 16..512 bytes, 1000 live, 64 stacks of a
 * dozen frames.
 * workloads queue MILLIONS: one thread allocates, another frees, a queue between them.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Six levels with two call places each: 64 ways down, a dozen frames with those around them. */
#define LEVEL(name, below)                                                                         \
    __attribute__((noinline)) static void *name(size_t bytes, unsigned way)                        \
    {                                                                                              \
        void *block;                                                                               \
        if (way & 1u) {                                                                            \
            block = below(bytes, way >> 1);                                                        \
            __asm__ volatile("" : "+r"(block) : : "memory");                                       \
        } else {                                                                                   \
            block = below(bytes, way >> 1);                                                        \
            __asm__ volatile("nop" : "+r"(block) : : "memory");                                    \
        }                                                                                          \
        return block;                                                                              \
    }

__attribute__((noinline)) static void *leaf(size_t bytes, unsigned way)
{
    void *block = malloc(bytes);
    __asm__ volatile("" : "+r"(block) : "r"(way) : "memory");
    return block;
}
LEVEL(level_6, leaf)
LEVEL(level_5, level_6)
LEVEL(level_4, level_5)
LEVEL(level_3, level_4)
LEVEL(level_2, level_3)
LEVEL(level_1, level_2)

static uint64_t pairs;

static void *allocate_in_pairs(void *argument)
{
    enum { live = 1000 };
    static __thread void *held[live];
    uint64_t state = (uint64_t)(uintptr_t)argument * 0x9e3779b97f4a7c15u + 1;
    for (uint64_t i = 0; i < pairs; i++) {
        uint64_t dice = next_random(&state);
        void **slot = &held[dice % live];
        free(*slot);
        *slot = level_1(16 + (dice >> 16) % 497, (unsigned)(dice >> 40) & 63u);
    }
    for (int i = 0; i < live; i++) {
        free(held[i]);
    }
    return NULL;
}

enum { queue_slots = 1024 };
static void *queue[queue_slots];
static unsigned queue_first, queue_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void *produce(void *argument)
{
    uint64_t state = 7;
    for (uint64_t i = 0; i < pairs; i++) {
        uint64_t dice = next_random(&state);
        void *block = level_1(16 + dice % 497, (unsigned)(dice >> 40) & 63u);
        pthread_mutex_lock(&lock);
        while (queue_count == queue_slots) {
            pthread_cond_wait(&changed, &lock);
        }
        queue[(queue_first + queue_count++) % queue_slots] = block;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    return argument;
}

static void *consume(void *argument)
{
    for (uint64_t i = 0; i < pairs; i++) {
        pthread_mutex_lock(&lock);
        while (queue_count == 0) {
            pthread_cond_wait(&changed, &lock);
        }
        void *block = queue[queue_first];
        queue_first = (queue_first + 1) % queue_slots;
        queue_count--;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
        free(block);
    }
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t threads[16];
    unsigned count = 2;
    if (argc == 4 && strcmp(argv[1], "pairs") == 0) {
        count = (unsigned)strtoul(argv[2], NULL, 10);
        pairs = (uint64_t)(strtod(argv[3], NULL) * 1e6);
    } else if (argc == 3 && strcmp(argv[1], "queue") == 0) {
        pairs = (uint64_t)(strtod(argv[2], NULL) * 1e6);
    } else {
        return 2;
    }
    if (count < 1 || count > 16) {
        return 2;
    }
    double start = seconds_now();
    for (unsigned i = 0; i < count; i++) {
        void *(*routine)(void *) = argc == 4 ? allocate_in_pairs : i ? consume : produce;
        if (pthread_create(&threads[i], NULL, routine, (void *)(uintptr_t)(i + 1)) != 0) {
            return 1;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%.6f\n", seconds_now() - start);
    return 0;
}
