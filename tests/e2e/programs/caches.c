/*
 * Memory that grows and is no leak, one way a mode; 2,000 operations a second until it is killed.
 *
 *   lru       a cache of 20,000 entries, full after about 10 s, then the oldest goes for each new
 *   intern    every word of 10,000 is kept once; equally likely ones: new ones get rare
 *   zipf      the same with word k of 200,000 as likely as 1 / k: new ones for ever, ever rarer
 *   pool      objects that are taken in bursts of up to 5,000 and kept for the next burst
 *   expire    entries that live for 8 s
 *   batches   a table that is filled for 12 s and then written out and freed
 *   buffers   one buffer for each of 200 connections, as large as its largest message so far
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PER_S  2000u
#define TICK_S 50u

static uint32_t chance(uint32_t bound)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % bound;
}

static char *entry_new(void)
{
    const size_t bytes = 64 + chance(256);
    char *entry = malloc(bytes);
    memset(entry, 1, bytes);
    return entry;
}

static void lru(void)
{
    static char *ring[20000];
    static uint32_t at;
    free(ring[at]);
    ring[at] = entry_new();
    at = (at + 1) % 20000;
}

static char *words[200000];

static void keep(uint32_t word)
{
    if (words[word] == NULL) {
        words[word] = entry_new();
    }
    free(entry_new()); /* what the request itself needs */
}

static void intern(void)
{
    keep(chance(10000));
}

static void zipf(void)
{
    keep((uint32_t)pow(200000.0, chance(1000000) / 1e6) - 1);
}

char *objects[5000];

static void pool(void)
{
    static uint32_t count;
    if (chance(PER_S / TICK_S) == 0) {
        const uint32_t needed = 1 + chance(5000);
        while (count < needed) {
            objects[count++] = entry_new();
        }
    }
    free(entry_new());
}

static void expire(void)
{
    static char *ring[8 * PER_S];
    static uint32_t at;
    free(ring[at]);
    ring[at] = entry_new();
    at = (at + 1) % (8 * PER_S);
}

static void batches(void)
{
    static char *table[12 * PER_S];
    static uint32_t count;
    table[count++] = entry_new();
    if (count == 12 * PER_S) {
        while (count > 0) {
            free(table[--count]);
        }
    }
}

static void buffers(void)
{
    static struct {
        char *bytes;
        size_t size;
    } connections[200];
    const uint32_t at = chance(200);
    const size_t message = 1 + chance(1u + chance(65536));
    if (message > connections[at].size) {
        connections[at].bytes = realloc(connections[at].bytes, message);
        connections[at].size = message;
    }
    free(entry_new());
}

static const struct {
    const char *name;
    void (*operation)(void);
} modes[] = {{"lru", lru},       {"intern", intern},   {"zipf", zipf},      {"pool", pool},
             {"expire", expire}, {"batches", batches}, {"buffers", buffers}};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof modes / sizeof modes[0]; i++) {
        while (strcmp(modes[i].name, argv[1]) == 0) {
            for (uint32_t n = 0; n < PER_S / TICK_S; n++) {
                modes[i].operation();
            }
            usleep(1000000 / TICK_S);
        }
    }
    fprintf(stderr, "usage: caches MODE\n");
    return 2;
}
