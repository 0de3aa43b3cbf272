/* A library whose one function has the name that it is compiled with; one library for each name. */
#include <stdlib.h>

void *NAME(size_t bytes);

__attribute__((noinline)) void *NAME(size_t bytes)
{
    void *block = malloc(bytes);
    __asm__ volatile("" : "+r"(block)); /* not the place of a jump to malloc */
    return block;
}
