/*
 * A library to preload into memscope-top: of the allocations of that process, those from number FIRST on fail, so
 * many: $STARVED is "FIRST COUNT". Whatever it starts or forks has all the memory there is.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

static unsigned long first, behind;
static pid_t starved;
static atomic_ulong allocations;

__attribute__((constructor)) static void begin(void)
{
    const char *wish = getenv("STARVED");
    unsigned long count = 0;
    if (wish != NULL && sscanf(wish, "%lu %lu", &first, &count) == 2) {
        behind = first + count;
        starved = getpid();
    }
    unsetenv("LD_PRELOAD");
}

static int fails(void)
{
    const unsigned long number = atomic_fetch_add(&allocations, 1);
    if (number < first || number >= behind || getpid() != starved) {
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t bytes)
{
    return fails() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    return fails() ? NULL : __libc_realloc(block, bytes);
}

void *reallocarray(void *block, size_t count, size_t bytes)
{
    size_t all;
    if (__builtin_mul_overflow(count, bytes, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, all);
}
