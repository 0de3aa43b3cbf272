/*
 * A module that frees blocks which others allocated, by size, with whatever the allocator of the
 * process has for that, and allocates some. Opened late: nothing in the program names these.
 */
#include <stdlib.h>

extern void sdallocx(void *, size_t, int) __attribute__((weak));
extern void tc_free_sized(void *, size_t) __attribute__((weak));
extern void mi_free_size(void *, size_t) __attribute__((weak));

void consume(void *block, size_t bytes)
{
    if (sdallocx != NULL) {
        sdallocx(block, bytes, 0);
    } else if (tc_free_sized != NULL) {
        tc_free_sized(block, bytes);
    } else if (mi_free_size != NULL) {
        mi_free_size(block, bytes);
    } else {
        free(block);
    }
}

void *produce(size_t bytes)
{
    return malloc(bytes);
}

void *grow(void *block, size_t bytes)
{
    return realloc(block, bytes);
}
