/*
 * A program for which lack of memory is no reason to die: threads that allocate by many ways and
 * from thousands of call stacks, check what they got, and keep books.
 *   enduring threads [COUNT]     enduring forks [COUNT]
 * stdout is the same however much failed; stderr has the books, a line for each thread:
 *   NAME ALLOCATIONS DEALLOCATIONS BYTES FAILED
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 1500, SLOTS = 64, THREADS_MAX = 64 };

struct books {
    char name[16];
    uint64_t allocations, deallocations, bytes, failed;
    uint64_t random;
    bool started, damaged;
    pthread_t thread;
};

struct slot {
    unsigned char *block;
    size_t bytes;
    unsigned char mark;
};

static struct books team[THREADS_MAX];
static unsigned char *volatile touched; /* so that no call is in the place of a return */

static uint64_t next_random(struct books *own)
{
    own->random = own->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return own->random >> 33;
}

/* Two functions that call each other in an order of their own give 2^n stacks of n frames. */
static unsigned char *left(unsigned way, unsigned frames, size_t bytes, unsigned kind);
static unsigned char *right(unsigned way, unsigned frames, size_t bytes, unsigned kind);

static unsigned char *take(size_t bytes, unsigned kind)
{
    void *block = NULL;
    switch (kind % 4) {
    case 0:
        return malloc(bytes);
    case 1:
        return calloc(1, bytes);
    case 2:
        return posix_memalign(&block, 64, bytes) == 0 ? block : NULL;
    default:
        return realloc(NULL, bytes);
    }
}

__attribute__((noinline)) static unsigned char *left(unsigned way, unsigned frames, size_t bytes,
                                                     unsigned kind)
{
    unsigned char *block = frames == 0
                               ? take(bytes, kind)
                               : (way & 1 ? left : right)(way >> 1, frames - 1, bytes, kind);
    touched = block;
    return block;
}

__attribute__((noinline)) static unsigned char *right(unsigned way, unsigned frames, size_t bytes,
                                                      unsigned kind)
{
    unsigned char *block = frames == 0
                               ? take(bytes, kind)
                               : (way & 1 ? left : right)(way >> 1, frames - 1, bytes, kind + 1);
    touched = block;
    return block;
}

static bool intact(const struct slot *slot, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 61) {
        if (slot->block[i] != slot->mark) {
            return false;
        }
    }
    return true;
}

static void let_go(struct books *own, struct slot *slot)
{
    if (slot->block != NULL) {
        own->damaged |= !intact(slot, slot->bytes);
        free(slot->block);
        own->deallocations++;
    }
    slot->block = NULL;
}

static void note(struct books *own, struct slot *slot, size_t bytes)
{
    if (slot->block == NULL) {
        own->failed++;
        return;
    }
    own->allocations++;
    own->bytes += bytes;
    slot->bytes = bytes;
    slot->mark = (unsigned char)(next_random(own) | 1);
    memset(slot->block, slot->mark, bytes);
}

static void grow(struct books *own, struct slot *slot)
{
    size_t bytes = slot->bytes + next_random(own) % 3000 + 1;
    size_t kept = slot->bytes;
    unsigned char *moved = realloc(slot->block, bytes);
    if (moved == NULL) {
        own->failed++;
        own->damaged |= !intact(slot, slot->bytes);
        return;
    }
    slot->block = moved;
    own->damaged |= !intact(slot, kept);
    own->deallocations++;
    note(own, slot, bytes);
}

static void work(struct books *own)
{
    static __thread struct slot slots[SLOTS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct slot *slot = &slots[next_random(own) % SLOTS];
        if (slot->block != NULL && next_random(own) % 3 == 0) {
            grow(own, slot);
            continue;
        }
        let_go(own, slot);
        size_t bytes = round % 50 == 0 ? 300000 : next_random(own) % 4000 + 1;
        unsigned way = (unsigned)next_random(own);
        slot->block = (way & 1 ? left : right)(way, way % 12, bytes, way >> 20);
        note(own, slot, bytes);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        let_go(own, &slots[i]);
    }
}

static void *worker(void *argument)
{
    struct books *own = argument;
    prctl(PR_SET_NAME, own->name);
    work(own);
    return NULL;
}

static void report(int fd, const struct books *own)
{
    char line[160];
    int length = snprintf(line, sizeof line, "%s %lu %lu %lu %lu\n", own->name, own->allocations,
                          own->deallocations, own->bytes, own->failed);
    (void)!write(fd, line, (size_t)length);
}

static void say(const char *text)
{
    (void)!write(1, text, strlen(text));
}

static void prepare(struct books *own, unsigned number)
{
    snprintf(own->name, sizeof own->name, "enduring-%u", number);
    own->random = number * 7919u + 1;
}

static bool threads(unsigned count)
{
    bool damaged = false;
    for (unsigned i = 0; i < count; i++) {
        prepare(&team[i], i);
        team[i].started = pthread_create(&team[i].thread, NULL, worker, &team[i]) == 0;
    }
    for (unsigned i = 0; i < count; i++) {
        if (team[i].started) {
            pthread_join(team[i].thread, NULL);
            damaged |= team[i].damaged;
            report(2, &team[i]);
        }
    }
    return !damaged;
}

static bool forks(unsigned count)
{
    bool good = true;
    for (unsigned i = 0; i < count; i++) {
        prepare(&team[i], i);
        pid_t child = fork();
        if (child == 0) {
            worker(&team[i]);
            report(2, &team[i]);
            _exit(team[i].damaged);
        }
        int status = 0;
        good = good && (child < 0 || (waitpid(child, &status, 0) == child && status == 0));
    }
    return good;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 8;
    if (argc < 2 || count > THREADS_MAX) {
        return 2;
    }
    bool good = strcmp(argv[1], "forks") == 0 ? forks(count) : threads(count);
    say(good ? "endured\n" : "damaged\n");
    return good ? 0 : 1;
}
