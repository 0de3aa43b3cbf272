// A library whose blocks are for others to free.
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" {

void *library_malloc(size_t bytes)
{
    void *block = malloc(bytes);
    __asm__ volatile("" ::"r"(block) : "memory");
    return block;
}

void library_free(void *block)
{
    free(block);
    __asm__ volatile("" ::: "memory");
}

// What the C library allocates is its callers' to free, whoever these are.
char *library_strdup(const char *text)
{
    return strdup(text);
}

}
