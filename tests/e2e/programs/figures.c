/*
 * A program whose call sites are known in every figure: sizes, lifetimes, temporary blocks, waste,
 * resized blocks, failed calls, what was live at the peak. It prints what is true as JSON; nothing
 * of that is allocated.
 *
 *   figures sites           each function site_NAME is one call site; one worker, one helper
 *   figures peak THREADS    blocks that are live at the peak of the process, and others
 *   figures sample SEED     many call sites that allocate blocks of one size each
 *   figures short           2,000 threads that allocate a little each
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SITE __attribute__((noinline, noclone))

/* So that no allocation is the last thing of its function, nor left out. */
static void *volatile sink;

static void *keep(void *block)
{
    sink = block;
    __asm__ volatile("" ::: "memory");
    return block;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- sites --- */

enum { BLOCKS = 200 };

static const size_t sizes[] = {0,     1,     16,     17,     32,      33,      64,       65,
                               128,   129,   256,    257,    512,     513,     1024,     1025,
                               2048,  2049,  4096,   4097,   8192,    8193,    16384,    16385,
                               65536, 65537, 262144, 262145, 1048576, 1048577, 16777216, 16777217};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* i + 1 blocks of size i, all freed. */
SITE static void site_sizes(void)
{
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t n = 0; n <= i; n++) {
            free(keep(malloc(sizes[i])));
        }
    }
}

SITE static void *site_one_size(void)
{
    return keep(malloc(48));
}

SITE static void *site_temporary(size_t bytes)
{
    return keep(malloc(bytes));
}

SITE static void *site_not_temporary(size_t bytes)
{
    return keep(malloc(bytes));
}

SITE static void *site_waste(size_t bytes)
{
    return keep(malloc(bytes));
}

SITE static void *site_resized(void *block, size_t bytes)
{
    return keep(realloc(block, bytes));
}

SITE static void site_failing(size_t bytes)
{
    keep(malloc(bytes));
}

SITE static void *site_lifetimes(void)
{
    return keep(malloc(100));
}

SITE static void *site_freed_by_other(void)
{
    return keep(malloc(200));
}

/* What the probe sees of time is as old as 64 events. */
SITE static void pass_events(void)
{
    for (int i = 0; i < 200; i++) {
        free(keep(malloc(8)));
    }
}

static const unsigned sleeps_ms[] = {0, 2, 8, 35, 140, 550};
enum { SLEEPS = sizeof sleeps_ms / sizeof *sleeps_ms, EACH = 7 };

struct aged {
    void *blocks[SLEEPS][EACH];
    uint64_t born_ns, freed_ns[SLEEPS];
};

static struct aged own, given;

static void sleep_ms(unsigned ms)
{
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static void free_aged(struct aged *aged, size_t i)
{
    for (size_t n = 0; n < EACH; n++) {
        free(aged->blocks[i][n]);
    }
    aged->freed_ns[i] = now_ns();
}

static void *help(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < SLEEPS; i++) {
        sleep_ms(i > 0 ? sleeps_ms[i] - sleeps_ms[i - 1] : 0);
        pass_events();
        free_aged(&given, i);
    }
    return NULL;
}

/*
 * All blocks are born at about one time and freed one sleep after the other. The clock of the probe
 * is not older than the time at which events began to pass.
 */
static void live_for_a_while(void)
{
    pthread_t helper;
    own.born_ns = given.born_ns = now_ns();
    pass_events();
    for (size_t i = 0; i < SLEEPS; i++) {
        for (size_t n = 0; n < EACH; n++) {
            own.blocks[i][n] = site_lifetimes();
            given.blocks[i][n] = site_freed_by_other();
        }
    }
    pthread_create(&helper, NULL, help, NULL);
    for (size_t i = 0; i < SLEEPS; i++) {
        sleep_ms(i > 0 ? sleeps_ms[i] - sleeps_ms[i - 1] : 0);
        pass_events();
        free_aged(&own, i);
    }
    pthread_join(helper, NULL);
}

static uint64_t waste_bytes, waste_blocks;

static void waste(void)
{
    for (size_t bytes = 1; bytes < 3000; bytes += 37) {
        void *block = site_waste(bytes);
        void *freed = site_waste(bytes);
        waste_bytes += malloc_usable_size(block) - bytes;
        waste_blocks += 2;
        free(freed);
    }
}

static void *work(void *unused)
{
    (void)unused;
    void *blocks[BLOCKS];
    site_sizes();
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = site_one_size();
    }
    for (size_t i = 0; i < 150; i++) {
        free(blocks[i]);
    }
    for (size_t i = 0; i < 31; i++) {
        free(site_temporary(i * 10));
    }
    for (size_t i = 0; i < 17; i++) {
        void *first = site_not_temporary(64);
        void *second = site_not_temporary(64);
        free(first);
        free(second); /* the last block: temporary although another was freed before */
    }
    waste();
    void *resized = site_resized(NULL, 10); /* an allocation, no resizing */
    for (size_t i = 1; i <= 23; i++) {
        resized = site_resized(resized, i * 100);
    }
    for (size_t i = 0; i < 5; i++) {
        if (realloc(resized, PTRDIFF_MAX) != NULL) {
            abort();
        }
    }
    for (size_t i = 0; i < 13; i++) {
        site_failing(PTRDIFF_MAX);
    }
    live_for_a_while();
    return NULL;
}

static void print_aged(const char *name, const struct aged *aged)
{
    printf("\"%s\":[", name);
    for (size_t i = 0; i < SLEEPS; i++) {
        printf("%s{\"blocks\":%d,\"at_most_ns\":%llu,\"slept_ns\":%u}", i > 0 ? "," : "", EACH,
               (unsigned long long)(aged->freed_ns[i] - aged->born_ns), sleeps_ms[i] * 1000000);
    }
    printf("]");
}

static void run_sites(void)
{
    pthread_t worker;
    pthread_create(&worker, NULL, work, NULL);
    pthread_join(worker, NULL);
    printf("{\"sizes\":[");
    for (size_t i = 0; i < SIZES; i++) {
        printf("%s[%zu,%zu]", i > 0 ? "," : "", sizes[i], i + 1);
    }
    printf("],\"waste_bytes\":%llu,\"waste_blocks\":%llu,", (unsigned long long)waste_bytes,
           (unsigned long long)waste_blocks);
    print_aged("lifetimes", &own);
    printf(",");
    print_aged("freed_by_other", &given);
    printf("}\n");
}

/* --- peak --- */

enum { PEAK_BLOCKS = 400, PEAK_THREADS = 64 };
static pthread_barrier_t barrier;

struct peak_thread {
    pthread_t thread;
    unsigned number;
    void *before[PEAK_BLOCKS], *at[PEAK_BLOCKS], *after[PEAK_BLOCKS];
};
static struct peak_thread peak_threads[PEAK_THREADS];
static unsigned peak_count;

SITE static void *site_before_peak(size_t bytes)
{
    return keep(malloc(bytes));
}

SITE static void *site_at_peak(size_t bytes)
{
    return keep(malloc(bytes));
}

SITE static void *site_after_peak(size_t bytes)
{
    return keep(malloc(bytes));
}

/*
 * `before` grows, half of it is freed by a neighbour, `at` grows to twice as much: the peak. Then
 * `at` is freed by a neighbour, `before` by its owner, and `after` grows to less than the peak. A
 * barrier after each, so that at any time near the peak the sites hold what they hold at it.
 */
static void *climb(void *argument)
{
    struct peak_thread *self = argument;
    struct peak_thread *next = &peak_threads[(self->number + 1) % peak_count];
    const size_t bytes = 1000 + 100 * self->number;
    for (size_t i = 0; i < PEAK_BLOCKS; i++) {
        self->before[i] = site_before_peak(bytes);
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < PEAK_BLOCKS / 2; i++) {
        free(next->before[i]);
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < PEAK_BLOCKS; i++) {
        self->at[i] = site_at_peak(2 * bytes);
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < PEAK_BLOCKS; i++) {
        free(next->at[i]);
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = PEAK_BLOCKS / 2; i < PEAK_BLOCKS; i++) {
        free(self->before[i]);
    }
    for (size_t i = 0; i < PEAK_BLOCKS; i++) {
        self->after[i] = site_after_peak(bytes);
    }
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void run_peak(unsigned threads)
{
    uint64_t unit = 0;
    peak_count = threads < PEAK_THREADS ? threads : PEAK_THREADS;
    pthread_barrier_init(&barrier, NULL, peak_count);
    for (unsigned i = 0; i < peak_count; i++) {
        peak_threads[i].number = i;
        unit += 1000 + 100 * i;
        pthread_create(&peak_threads[i].thread, NULL, climb, &peak_threads[i]);
    }
    for (unsigned i = 0; i < peak_count; i++) {
        pthread_join(peak_threads[i].thread, NULL);
    }
    unit *= PEAK_BLOCKS;
    printf("{\"before\":%llu,\"at\":%llu,\"after\":0,\"threads\":%u}\n",
           (unsigned long long)unit / 2, (unsigned long long)unit * 2, peak_count);
}

/* --- sample --- */

enum { SAMPLED_SITES = 64, DRAWS = 2000000 };

struct sampled_site {
    size_t bytes;
    uint64_t allocations, deallocations;
    void *ring[64]; /* the last blocks live on; every eighth for good */
};
static struct sampled_site sampled[SAMPLED_SITES];

/* clang-format off */
#define EIGHT(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7)
#define ALL(X) EIGHT(X, 0) EIGHT(X, 1) EIGHT(X, 2) EIGHT(X, 3) EIGHT(X, 4) EIGHT(X, 5) EIGHT(X, 6) EIGHT(X, 7)
/* clang-format on */
#define SAMPLED_SITE(n)                                                                            \
    SITE static void *sampled_##n(size_t bytes)                                                    \
    {                                                                                              \
        return keep(malloc(bytes));                                                                \
    }
ALL(SAMPLED_SITE)
#define NAME_OF(n) sampled_##n,
static void *(*const sampled_functions[])(size_t) = {ALL(NAME_OF)};
#define TEXT_OF(n) "sampled_" #n,
static const char *const sampled_names[] = {ALL(TEXT_OF)};

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

/* Sites take turns at random; the larger their blocks the rarer, so that bytes are about equal. */
static void *allocate_sampled(void *unused)
{
    (void)unused;
    for (int n = 0; n < DRAWS; n++) {
        const uint64_t i = draw(SAMPLED_SITES);
        struct sampled_site *site = &sampled[i];
        if (draw(1 + site->bytes / 64) != 0) {
            continue;
        }
        void *block = sampled_functions[i](site->bytes);
        void **place = &site->ring[site->allocations++ % 64];
        if (*place != NULL && draw(8) != 0) {
            free(*place);
            site->deallocations++;
        }
        *place = block;
    }
    return NULL;
}

static void run_sample(uint64_t number)
{
    static const size_t of_sites[] = {24, 40, 100, 250, 600, 1500, 4000, 20000};
    pthread_t worker;
    seed = number * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (size_t i = 0; i < SAMPLED_SITES; i++) {
        sampled[i].bytes = of_sites[i % 8] + i / 8;
    }
    pthread_create(&worker, NULL, allocate_sampled, NULL);
    pthread_join(worker, NULL);
    printf("{");
    for (size_t i = 0; i < SAMPLED_SITES; i++) {
        printf("%s\"%s\":{\"bytes\":%zu,\"allocations\":%llu,\"deallocations\":%llu}",
               i > 0 ? "," : "", sampled_names[i], sampled[i].bytes,
               (unsigned long long)sampled[i].allocations,
               (unsigned long long)sampled[i].deallocations);
    }
    printf("}\n");
}

/* --- short --- */

enum { SHORT_THREADS = 2000, SHORT_BLOCKS = 40, SHORT_BYTES = 100 };

SITE static void *site_of_short(void)
{
    return keep(malloc(SHORT_BYTES));
}

static void *live_shortly(void *unused)
{
    (void)unused;
    for (int i = 0; i < SHORT_BLOCKS; i++) {
        free(site_of_short());
    }
    return NULL;
}

static void run_short(void)
{
    for (int i = 0; i < SHORT_THREADS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, live_shortly, NULL);
        pthread_join(thread, NULL);
    }
    printf("{\"bytes\":%d,\"allocations\":%d}\n", SHORT_BYTES, SHORT_THREADS * SHORT_BLOCKS);
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    const char *what = argc > 1 ? argv[1] : "";
    const unsigned long number = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    if (strcmp(what, "sites") == 0) {
        run_sites();
    } else if (strcmp(what, "peak") == 0) {
        run_peak((unsigned)number);
    } else if (strcmp(what, "sample") == 0) {
        run_sample(number);
    } else if (strcmp(what, "short") == 0) {
        run_short();
    } else {
        return 2;
    }
    return 0;
}
