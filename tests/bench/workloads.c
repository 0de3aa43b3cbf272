/*
 * The workloads of `make bench`; prints the seconds that the work itself took.
 *
 * workloads pairs THREADS MILLIONS: malloc and free of 16..512 bytes, 1000 live, 64 stacks of a
 * dozen frames.
 * workloads queue MILLIONS: one thread allocates, another frees, a queue between them.
 * workloads rounds ROUNDS THREADS PAIRS: so many threads at once that each live for so many pairs.
 * workloads live ROUNDS BLOCKS: allocates all these blocks, then frees them in random order.
 * workloads beside MILLIONS: a thread named "beside" does pairs, and for every 16 of them frees a
 * block of a thread named "watched"; the time is that of "beside".
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
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

static int run_all(unsigned count, void *(*const routines[2])(void *), bool alternate)
{
    pthread_t *threads = calloc(count, sizeof(*threads));
    if (threads == NULL) {
        return 1;
    }
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, routines[alternate ? i % 2 : 0],
                           (void *)(uintptr_t)(i + 1)) != 0) {
            return 1;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
    return 0;
}

static int run_rounds(unsigned rounds, unsigned threads)
{
    void *(*const routines[2])(void *) = {allocate_in_pairs};
    for (unsigned i = 0; i < rounds; i++) {
        if (run_all(threads, routines, false) != 0) {
            return 1;
        }
    }
    return 0;
}

/* Neither drawing the order nor the kernel's first giving of the pages is measured: the first round
 * comes before the clock starts. */
static int fill_and_empty(unsigned rounds, uint32_t count, double *seconds)
{
    void **blocks = malloc(count * sizeof(*blocks));
    uint32_t *order = malloc(count * sizeof(*order));
    if (blocks == NULL || order == NULL || count == 0) {
        return 1;
    }
    uint64_t state = 11;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = (uint32_t)(next_random(&state) % (i + 1));
        order[i] = order[other];
        order[other] = i;
    }
    double start = 0;
    void *guard = NULL;
    for (unsigned round = 0; round <= rounds; round++) {
        start = round == 1 ? seconds_now() : start;
        for (uint32_t i = 0; i < count; i++) {
            uint64_t dice = next_random(&state);
            blocks[i] = level_1(16 + dice % 497, (unsigned)(dice >> 40) & 63u);
            *(volatile uint32_t *)blocks[i] = i;
        }
        /* Above all others: the allocator keeps their memory. */
        guard = guard != NULL ? guard : malloc(16);
        for (uint32_t i = 0; i < count; i++) {
            free(blocks[order[i]]);
        }
    }
    *seconds = seconds_now() - start;
    free(guard);
    free(order);
    free(blocks);
    return 0;
}

/* They take turns, so that both do the same work whoever is slower, and one core is enough. */
enum { handed_slots = 4096, pairs_per_block = 16 };
static void *handed[handed_slots];
static sem_t wanted, filled;
static bool enough;
static double beside_seconds;

static void *watched(void *argument)
{
    pthread_setname_np(pthread_self(), "watched");
    uint64_t state = 3;
    for (;;) {
        sem_wait(&wanted);
        if (enough) {
            return argument;
        }
        for (int i = 0; i < handed_slots; i++) {
            uint64_t dice = next_random(&state);
            free(handed[i]);
            handed[i] = level_1(16 + dice % 497, (unsigned)(dice >> 40) & 63u);
        }
        sem_post(&filled);
    }
}

static void *beside(void *argument)
{
    enum { live = 1000 };
    static void *held[live];
    pthread_setname_np(pthread_self(), "beside");
    uint64_t state = 5;
    for (uint64_t done = 0; done < pairs;) {
        sem_post(&wanted);
        sem_wait(&filled);
        double start = seconds_now();
        for (int i = 0; i < handed_slots * pairs_per_block && done < pairs; i++, done++) {
            uint64_t dice = next_random(&state);
            if (i % pairs_per_block == 0) {
                free(handed[i / pairs_per_block]);
                handed[i / pairs_per_block] = NULL;
            }
            void **slot = &held[dice % live];
            free(*slot);
            *slot = level_1(16 + (dice >> 16) % 497, (unsigned)(dice >> 40) & 63u);
        }
        beside_seconds += seconds_now() - start;
    }
    enough = true;
    sem_post(&wanted);
    return argument;
}

static uint64_t millions(const char *text)
{
    return (uint64_t)(strtod(text, NULL) * 1e6);
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static int run(int argc, char **argv, double *seconds)
{
    const char *what = argc > 1 ? argv[1] : "";
    int status = 2;
    double start = seconds_now();
    if (argc == 4 && strcmp(what, "pairs") == 0) {
        pairs = millions(argv[3]);
        status =
            run_all(number(argv[2]), (void *(*const[])(void *)){allocate_in_pairs, NULL}, false);
    } else if (argc == 3 && strcmp(what, "queue") == 0) {
        pairs = millions(argv[2]);
        status = run_all(2, (void *(*const[])(void *)){produce, consume}, true);
    } else if (argc == 5 && strcmp(what, "rounds") == 0) {
        pairs = strtoull(argv[4], NULL, 10);
        status = run_rounds(number(argv[2]), number(argv[3]));
    } else if (argc == 3 && strcmp(what, "beside") == 0) {
        pairs = millions(argv[2]);
        sem_init(&wanted, 0, 0);
        sem_init(&filled, 0, 0);
        status = run_all(2, (void *(*const[])(void *)){watched, beside}, true);
        *seconds = beside_seconds;
        return status;
    } else if (argc == 4 && strcmp(what, "live") == 0) {
        return fill_and_empty(number(argv[2]), number(argv[3]), seconds);
    }
    *seconds = seconds_now() - start;
    return status;
}

int main(int argc, char **argv)
{
    double seconds = 0;
    int status = run(argc, argv, &seconds);
    if (status == 0) {
        printf("%.6f\n", seconds);
    }
    return status;
}
