/*
 * Allocates and frees at full speed in threads, short threads, forked children and after exec, and
 * keeps its own count in a shared file: before and after each call. Whenever and however it is
 * killed, what happened is known to one event a thread.
 *
 *   ledger FILE SEED [fork] [exec] [abort=MS]
 *
 * The file is read by tests/e2e/test_kill.py, which knows its layout.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 16384, STEADY = 6, PLACES = 64, KEPT = 32, SHORT_EVENTS = 200, AT_ONCE = 4 };
enum { SHORT_MAX = 4000, SHORT_MAX_AN_IMAGE = 100, CHILDREN_MAX = 200, IMAGES_MAX = 40 };

struct sums {
    _Atomic uint64_t events, bytes;
};
struct entry {
    char name[16];
    _Atomic uint32_t named; /* by that name from now on */
    _Atomic uint32_t pid;
    struct sums allocated_begun, allocated_done;
    struct sums freed_begun, freed_done;               /* blocks of this thread, by anyone */
    struct sums freed_others_begun, freed_others_done; /* blocks of others, by this thread */
    uint32_t image, steady;                            /* steady: its number + 1, else 0 */
    struct sums flow_begun[STEADY], flow_done[STEADY]; /* blocks of steady threads, by this one */
};
struct ledger {
    _Atomic uint32_t pid, entries, image, ready;
    struct entry entry[ENTRIES];
};

/* What a block begins with. */
struct block {
    uint32_t owner; /* entry */
    uint32_t bytes;
};

static struct ledger *ledger;
static _Atomic(struct block *) steady_places[PLACES], short_places[PLACES];
static uint32_t first_steady; /* entry of steady thread 0 of this image */
static uint64_t seed;
static uint32_t image; /* how many times the program has executed itself */

struct worker {
    uint32_t self; /* entry */
    uint64_t random;
    struct block *kept[KEPT];
};

static uint32_t draw(struct worker *worker, uint32_t below)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return (uint32_t)(worker->random >> 33) % below;
}

static void add(struct sums *sums, uint64_t bytes)
{
    atomic_fetch_add(&sums->bytes, bytes);
    atomic_fetch_add(&sums->events, 1);
}

static struct entry *new_entry(const char *kind, uint32_t number)
{
    uint32_t index = atomic_fetch_add(&ledger->entries, 1);
    if (index >= ENTRIES) {
        pause(); /* the file is full: wait for the end without events */
        _exit(3);
    }
    struct entry *entry = &ledger->entry[index];
    entry->image = image;
    snprintf(entry->name, sizeof entry->name, "%s%u.%u", kind, image, number);
    return entry;
}

static void begin(struct entry *entry)
{
    prctl(PR_SET_NAME, entry->name);
    atomic_store(&entry->pid, (uint32_t)getpid());
    atomic_store(&entry->named, 1);
}

static uint32_t some_size(struct worker *worker)
{
    uint32_t kind = draw(worker, 200);
    if (kind == 0) {
        return 70000 + draw(worker, 200000);
    }
    return 16 + draw(worker, kind < 20 ? 5000 : 300);
}

static struct block *fill(struct block *block, uint32_t self, uint32_t bytes)
{
    if (block == NULL) {
        abort();
    }
    *block = (struct block){self, bytes};
    add(&ledger->entry[self].allocated_done, bytes);
    return block;
}

static struct block *take(struct worker *worker)
{
    uint32_t bytes = some_size(worker);
    add(&ledger->entry[worker->self].allocated_begun, bytes);
    void *block = draw(worker, 4) == 0 ? calloc(1, bytes) : malloc(bytes);
    return fill(block, worker->self, bytes);
}

/* Steady threads follow each other in the ledger; UINT32_MAX: the owner is not one of this image */
static uint32_t steady_number(uint32_t owner)
{
    return owner >= first_steady && owner < first_steady + STEADY ? owner - first_steady
                                                                  : UINT32_MAX;
}

static void count_free(uint32_t self, struct block header, int done)
{
    struct entry *owner = &ledger->entry[header.owner];
    struct entry *own = &ledger->entry[self];
    add(done ? &owner->freed_done : &owner->freed_begun, header.bytes);
    if (header.owner != self) {
        add(done ? &own->freed_others_done : &own->freed_others_begun, header.bytes);
        uint32_t number = steady_number(header.owner);
        if (number != UINT32_MAX) {
            add(done ? &own->flow_done[number] : &own->flow_begun[number], header.bytes);
        }
    }
}

static void drop(struct worker *worker, struct block *block)
{
    struct block header = *block;
    count_free(worker->self, header, 0);
    free(block);
    count_free(worker->self, header, 1);
}

static struct block *change(struct worker *worker, struct block *block)
{
    struct block header = *block;
    uint32_t bytes = some_size(worker);
    count_free(worker->self, header, 0);
    add(&ledger->entry[worker->self].allocated_begun, bytes);
    block = realloc(block, bytes);
    count_free(worker->self, header, 1);
    return fill(block, worker->self, bytes);
}

static void work_once(struct worker *worker, _Atomic(struct block *) *give_to,
                      _Atomic(struct block *) *take_from)
{
    struct block **kept = &worker->kept[draw(worker, KEPT)];
    switch (draw(worker, 4)) {
    case 0: { /* to another thread, through a shared place */
        struct block *given = *kept != NULL ? *kept : take(worker);
        *kept = atomic_exchange(&give_to[draw(worker, PLACES)], given);
        break;
    }
    case 1: {
        struct block *found = atomic_exchange(&take_from[draw(worker, PLACES)], NULL);
        if (found != NULL) {
            drop(worker, found);
        }
        break;
    }
    case 2:
        *kept = *kept != NULL ? change(worker, *kept) : take(worker);
        break;
    default:
        if (*kept != NULL) {
            drop(worker, *kept);
        }
        *kept = take(worker);
    }
}

static void drop_kept(struct worker *worker)
{
    for (int i = 0; i < KEPT; i++) {
        if (worker->kept[i] != NULL) {
            drop(worker, worker->kept[i]);
            worker->kept[i] = NULL;
        }
    }
}

/* A function for each steady thread: so a call site belongs to one thread. */
#define STEADY_ENTRY(number)                                                                       \
    static __attribute__((noinline)) void *steady_##number(void *argument)                         \
    {                                                                                              \
        struct worker *worker = argument;                                                          \
        begin(&ledger->entry[worker->self]);                                                       \
        for (;;) {                                                                                 \
            work_once(worker, steady_places, steady_places);                                       \
        }                                                                                          \
        return NULL;                                                                               \
    }
STEADY_ENTRY(0)
STEADY_ENTRY(1)
STEADY_ENTRY(2)
STEADY_ENTRY(3)
STEADY_ENTRY(4)
STEADY_ENTRY(5)

/* May free what steady threads own, but gives them nothing. */
static void *short_life(void *argument)
{
    struct worker worker = {.self = (uint32_t)(uintptr_t)argument};
    worker.random = (seed + worker.self) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    begin(&ledger->entry[worker.self]);
    for (int i = 0; i < SHORT_EVENTS; i++) {
        work_once(&worker, short_places, i % 8 == 0 ? steady_places : short_places);
    }
    drop_kept(&worker);
    return NULL;
}

static void *start_short_threads(void *most)
{
    pthread_t threads[AT_ONCE];
    for (uint32_t made = 0; made < *(const uint32_t *)most; made += AT_ONCE) {
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            struct entry *entry = new_entry("s", made + i);
            if (pthread_create(&threads[i], NULL, short_life,
                               (void *)(uintptr_t)(entry - ledger->entry)) != 0) {
                pause(); /* the program is being replaced by exec */
            }
        }
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    return NULL;
}

/* Never frees what it inherits: in the child those blocks belong to nobody. */
static void child(struct entry *entry)
{
    struct worker worker = {.self = (uint32_t)(entry - ledger->entry)};
    worker.random = (seed + worker.self) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    static _Atomic(struct block *) own_places[PLACES];
    begin(entry);
    uint32_t events = draw(&worker, 20000);
    for (uint32_t i = 0; i < events; i++) {
        work_once(&worker, own_places, own_places);
    }
    _exit(0);
}

static void *start_children(void *unused)
{
    (void)unused;
    struct worker chance = {.random = seed * 77 + 1};
    pid_t parent = getpid();
    for (uint32_t made = 0; made < CHILDREN_MAX; made++) {
        struct entry *entry = new_entry("c", made);
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) {
                _exit(0);
            }
            child(entry);
        }
        if (pid > 0) {
            usleep(draw(&chance, 5000));
            if (draw(&chance, 2) == 0) {
                kill(pid, SIGKILL);
            }
            waitpid(pid, NULL, 0);
        }
    }
    return NULL;
}

static struct ledger *open_ledger(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *ledger) != 0) {
        perror(path);
        exit(2);
    }
    void *memory = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        perror(path);
        exit(2);
    }
    close(file);
    return memory;
}

int main(int argc, char **argv)
{
    static void *(*const entries[STEADY])(void *) = {steady_0, steady_1, steady_2,
                                                     steady_3, steady_4, steady_5};
    static struct worker workers[STEADY];
    int forks = 0, execs = 0, abort_ms = 0;
    if (argc < 3) {
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        forks |= strcmp(argv[i], "fork") == 0;
        execs |= strcmp(argv[i], "exec") == 0;
        (void)sscanf(argv[i], "abort=%d", &abort_ms);
    }
    ledger = open_ledger(argv[1]);
    atomic_store(&ledger->pid, (uint32_t)getpid());
    image = atomic_load(&ledger->image);
    seed = strtoull(argv[2], NULL, 10) * 1000 + image;
    first_steady = atomic_fetch_add(&ledger->entries, STEADY);
    if (first_steady + STEADY > ENTRIES) {
        return 3;
    }
    pthread_t thread;
    for (uint32_t i = 0; i < STEADY; i++) {
        struct entry *entry = &ledger->entry[first_steady + i];
        entry->image = image;
        entry->steady = i + 1;
        snprintf(entry->name, sizeof entry->name, "t%u.%u", image, i);
        workers[i].self = first_steady + i;
        workers[i].random = (seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        pthread_create(&thread, NULL, entries[i], &workers[i]);
    }
    static uint32_t short_threads;
    short_threads = execs ? SHORT_MAX_AN_IMAGE : SHORT_MAX;
    pthread_create(&thread, NULL, start_short_threads, &short_threads);
    if (forks) {
        pthread_create(&thread, NULL, start_children, NULL);
    }
    atomic_store(&ledger->ready, 1);
    if (execs && image < IMAGES_MAX) {
        usleep(2000 + (useconds_t)(seed * 7919 % 20000));
        atomic_store(&ledger->image, image + 1);
        execv("/proc/self/exe", argv);
    }
    if (abort_ms > 0) {
        for (uint32_t i = 0; i < STEADY; i++) {
            while (!atomic_load(&ledger->entry[first_steady + i].named)) {
                usleep(100);
            }
        }
        usleep((useconds_t)abort_ms * 1000);
        abort();
    }
    sleep(300); /* nobody needs it longer, however slow the machine is */
    return 0;
}
