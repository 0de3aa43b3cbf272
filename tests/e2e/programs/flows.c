/*
 * Threads that free each other's memory in known ways, and keep their own books of it.
 *
 *   flows BOOKS queue|pipeline|cache|steal|pool|release|collect|own|few|owners
 *
 * BOOKS gets one line for each pair: name of who allocated, name of who freed, blocks, bytes.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 48, ROOM = 256 };

struct block {
    uint32_t owner, bytes;
    struct block *next;
};

struct worker {
    pthread_t thread;
    char name[16];
    uint32_t number;
    uint32_t seed;
    uint64_t blocks[THREADS_MAX], bytes[THREADS_MAX]; /* freed, by owner */
};

static struct worker workers[THREADS_MAX];
static uint32_t worker_count;
static _Thread_local struct worker *self;

static struct block *take(void)
{
    self->seed = self->seed * 1664525 + 1013904223;
    uint32_t bytes = (uint32_t)sizeof(struct block) + (self->seed >> 20) % 300;
    struct block *block = malloc(bytes);
    *block = (struct block){.owner = self->number, .bytes = bytes};
    return block;
}

static void drop(struct block *block)
{
    self->blocks[block->owner]++;
    self->bytes[block->owner] += block->bytes;
    free(block);
}

static void rest_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* A bounded queue; NULL is the end. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct block *blocks[ROOM];
    size_t first, count;
};
static struct queue queues[THREADS_MAX];

static void put(struct queue *queue, struct block *block)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count == ROOM) {
        pthread_cond_wait(&queue->changed, &queue->lock);
    }
    queue->blocks[(queue->first + queue->count++) % ROOM] = block;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

static struct block *get(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0) {
        pthread_cond_wait(&queue->changed, &queue->lock);
    }
    struct block *block = queue->blocks[queue->first];
    queue->first = (queue->first + 1) % ROOM;
    queue->count--;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return block;
}

struct start {
    struct worker *worker;
    void (*work)(void);
};

static void *begin(void *argument)
{
    struct start *start = argument;
    self = start->worker;
    pthread_setname_np(pthread_self(), self->name);
    start->work();
    return NULL;
}

static struct start starts[THREADS_MAX];
static pthread_barrier_t all_there;

static void start(const char *name, void (*work)(void))
{
    struct worker *worker = &workers[worker_count];
    worker->number = worker_count;
    worker->seed = worker_count * 7919 + 1;
    snprintf(worker->name, sizeof worker->name, "%s", name);
    starts[worker_count] = (struct start){.worker = worker, .work = work};
    pthread_create(&worker->thread, NULL, begin, &starts[worker_count]);
    worker_count++;
}

/* Frees a block of its own after the next one was allocated, so that it is not temporary. */
static void keep_a_while(struct block *block)
{
    static _Thread_local struct block *kept;
    if (kept != NULL) {
        drop(kept);
    }
    kept = block;
}

/* --- queue: a fifth of the blocks stays with the producer --- */
static void produce(void)
{
    for (int i = 0; i < 20000; i++) {
        struct block *block = take();
        if (i % 5 == 0) {
            keep_a_while(block);
        } else {
            put(&queues[0], block);
        }
    }
    keep_a_while(NULL);
    put(&queues[0], NULL);
}

static void consume(void)
{
    struct block *block;
    while ((block = get(&queues[0])) != NULL) {
        drop(block);
    }
}

/* --- pipeline: each stage makes a new block of each that it gets --- */
static void source(void)
{
    for (int i = 0; i < 5000; i++) {
        put(&queues[self->number], take());
    }
    put(&queues[self->number], NULL);
}

static void stage(void)
{
    struct block *block;
    while ((block = get(&queues[self->number - 1])) != NULL) {
        put(&queues[self->number], take());
        drop(block);
    }
    put(&queues[self->number], NULL);
}

static void sink(void)
{
    struct block *block;
    while ((block = get(&queues[self->number - 1])) != NULL) {
        drop(block);
    }
}

/* --- cache: whoever finds a slot taken frees what is there --- */
enum { SLOTS = 12288 };
static struct block *slots[SLOTS];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

static void use_cache(void)
{
    for (int i = 0; i < 6000; i++) {
        struct block *block = take();
        pthread_mutex_lock(&slots_lock);
        size_t slot = (self->seed >> 8) % SLOTS;
        struct block *old = slots[slot];
        slots[slot] = block;
        pthread_mutex_unlock(&slots_lock);
        if (old != NULL) {
            drop(old);
        }
        if (i % 20 == 0) {
            rest_ms(3);
        }
    }
}

/* --- work stealing: the first worker has most of the tasks --- */
enum { STEALERS = 4 };
static struct {
    pthread_mutex_t lock;
    struct block *tasks;
    size_t count;
} deques[STEALERS];

static struct block *pop(uint32_t from)
{
    pthread_mutex_lock(&deques[from].lock);
    struct block *task = deques[from].tasks;
    if (task != NULL) {
        deques[from].tasks = task->next;
        deques[from].count--;
    }
    pthread_mutex_unlock(&deques[from].lock);
    return task;
}

static void steal(void)
{
    static const size_t spawned[STEALERS] = {6000, 2000, 1000, 1000};
    for (size_t i = 0; i < spawned[self->number]; i++) {
        struct block *task = take();
        pthread_mutex_lock(&deques[self->number].lock);
        task->next = deques[self->number].tasks;
        deques[self->number].tasks = task;
        deques[self->number].count++;
        pthread_mutex_unlock(&deques[self->number].lock);
    }
    pthread_barrier_wait(&all_there);
    for (uint32_t ran = 0;; ran++) {
        struct block *task = pop(self->number);
        for (uint32_t i = 1; task == NULL && i < STEALERS; i++) {
            task = pop((self->number + i) % STEALERS);
        }
        if (task == NULL) {
            return;
        }
        drop(task);
        if (ran % 20 == 0) {
            rest_ms(1);
        }
    }
}

/* --- pool: one thread allocates long before, others free --- */
static void refill(void)
{
    for (uint32_t i = 0; i < 4 * 200; i++) {
        put(&queues[1 + i % 4], take());
    }
    rest_ms(700);
    for (uint32_t i = 0; i < 4; i++) {
        put(&queues[1 + i], NULL);
    }
}

static void use_pool(void)
{
    struct block *block;
    rest_ms(500);
    while ((block = get(&queues[self->number])) != NULL) {
        drop(block);
    }
}

/* --- release: one thread frees for another, which frees most itself --- */
static void own_most(void)
{
    for (int i = 0; i < 40000; i++) {
        struct block *block = take();
        if (i % 20 == 0) {
            put(&queues[0], block);
        } else {
            keep_a_while(block);
        }
    }
    keep_a_while(NULL);
    put(&queues[0], NULL);
}

/* --- collect: five threads send a little to one --- */
static void send_some(void)
{
    for (int i = 0; i < 4000; i++) {
        struct block *block = take();
        if (i % 8 == 0) {
            put(&queues[0], block);
        } else {
            keep_a_while(block);
        }
    }
    keep_a_while(NULL);
    put(&queues[0], NULL);
}

static void collect(void)
{
    for (int ends = 0; ends < 5;) {
        struct block *block = get(&queues[0]);
        if (block == NULL) {
            ends++;
        } else {
            drop(block);
        }
    }
}

static void keep_own(void)
{
    for (int i = 0; i < 20000; i++) {
        drop(take());
    }
}

/* --- few, owners: 10 blocks of each of so many --- */
static void give_ten(void)
{
    for (int i = 0; i < 10; i++) {
        put(&queues[0], take());
    }
    keep_a_while(NULL);
    put(&queues[0], NULL);
}

static uint32_t givers;
static void free_tens(void)
{
    for (uint32_t ends = 0; ends < givers;) {
        struct block *block = get(&queues[0]);
        if (block == NULL) {
            ends++;
        } else {
            drop(block);
        }
    }
}

static void start_many(const char *name, uint32_t count, void (*work)(void))
{
    for (uint32_t i = 0; i < count; i++) {
        char numbered[16];
        snprintf(numbered, sizeof numbered, "%s-%u", name, i);
        start(numbered, work);
    }
}

static void run(const char *how)
{
    if (strcmp(how, "queue") == 0) {
        start("producer", produce);
        start("consumer", consume);
    } else if (strcmp(how, "pipeline") == 0) {
        start("read", source);
        start("parse", stage);
        start("sort", stage);
        start("write", sink);
    } else if (strcmp(how, "cache") == 0) {
        start_many("client", 6, use_cache);
    } else if (strcmp(how, "steal") == 0) {
        pthread_barrier_init(&all_there, NULL, STEALERS);
        start_many("worker", STEALERS, steal);
    } else if (strcmp(how, "pool") == 0) {
        start("refill", refill);
        start_many("user", 4, use_pool);
    } else if (strcmp(how, "release") == 0) {
        start("server", own_most);
        start("reaper", consume);
    } else if (strcmp(how, "collect") == 0) {
        start_many("net", 5, send_some);
        start("logger", collect);
    } else if (strcmp(how, "own") == 0) {
        start_many("worker", 4, keep_own);
    } else {
        givers = strcmp(how, "few") == 0 ? 5 : 40;
        start_many("giver", givers, give_ten);
        start("freer", free_tens);
    }
}

int main(int count, char **arguments)
{
    if (count < 3) {
        return 2;
    }
    for (int i = 0; i < THREADS_MAX; i++) {
        pthread_mutex_init(&queues[i].lock, NULL);
        pthread_cond_init(&queues[i].changed, NULL);
        if (i < STEALERS) {
            pthread_mutex_init(&deques[i].lock, NULL);
        }
    }
    run(arguments[2]);
    for (uint32_t i = 0; i < worker_count; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    FILE *books = fopen(arguments[1], "w");
    for (uint32_t to = 0; to < worker_count && books != NULL; to++) {
        for (uint32_t from = 0; from < worker_count; from++) {
            if (workers[to].blocks[from] != 0) {
                fprintf(books, "%s %s %lu %lu\n", workers[from].name, workers[to].name,
                        (unsigned long)workers[to].blocks[from],
                        (unsigned long)workers[to].bytes[from]);
            }
        }
    }
    return books == NULL || fclose(books) != 0;
}
