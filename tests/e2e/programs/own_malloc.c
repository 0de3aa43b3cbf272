/*
 * A program with an allocator of its own: pages in a row, nothing is ever given back. Compiled
 * twice: exported, as an allocator that is linked in statically does, and hidden.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned char *next_byte, *last_byte;

#ifdef HIDDEN
#define VISIBLE __attribute__((visibility("hidden")))
#else
#define VISIBLE __attribute__((visibility("default")))
#endif

VISIBLE void *malloc(size_t bytes)
{
    size_t room = (bytes + 31) & ~(size_t)15;
    if ((size_t)(last_byte - next_byte) < room) {
        size_t whole = room + (1 << 20);
        next_byte = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        last_byte = next_byte + whole;
    }
    size_t *block = (size_t *)(void *)next_byte;
    next_byte += room;
    block[0] = bytes;
    return block + 2;
}

VISIBLE void free(void *block)
{
    (void)block;
}

VISIBLE void *calloc(size_t count, size_t each)
{
    return malloc(count * each);
}

VISIBLE void *realloc(void *block, size_t bytes)
{
    unsigned char *moved = malloc(bytes);
    if (block != NULL) {
        size_t before = ((size_t *)block)[-2];
        memcpy(moved, block, before < bytes ? before : bytes);
    }
    return moved;
}

int main(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < 10000; i++) {
        unsigned char *block = malloc(100);
        block[99] = (unsigned char)i;
        block = realloc(block, 300);
        sum += block[99];
        free(block);
    }
    char line[32];
    int length = snprintf(line, sizeof line, "%lu\n", (unsigned long)sum);
    return write(1, line, (size_t)length) == length ? 0 : 1;
}
