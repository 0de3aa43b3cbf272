/*
 * Opens a module in a way by which its allocations go past everybody: "deep" with RTLD_DEEPBIND,
 * "space" by dlmopen into a namespace of its own. Blocks are handed to it and back.
 *
 *   spaces MODULE deep|space
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    void *handle = strcmp(argv[2], "deep") == 0 ? dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND)
                                                : dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW);
    void *(*produce)(size_t) = handle == NULL ? NULL : (void *(*)(size_t))dlsym(handle, "produce");
    void *(*grow)(void *, size_t) =
        handle == NULL ? NULL : (void *(*)(void *, size_t))dlsym(handle, "grow");
    void (*consume)(void *, size_t) =
        handle == NULL ? NULL : (void (*)(void *, size_t))dlsym(handle, "consume");
    if (produce == NULL || grow == NULL || consume == NULL) {
        fputs(dlerror(), stderr);
        return 1;
    }
    for (size_t i = 1; i < 2000; i++) {
        void *block = produce(i);
        memset(block, 1, i);
        if (strcmp(argv[2], "deep") == 0) {
            free(block); /* the same heap, by another way */
            block = grow(malloc(i), 2 * i);
            memset(block, 2, 2 * i);
            block = realloc(block, 3 * i);
            memset(block, 3, 3 * i);
        }
        consume(block, i);
    }
    puts("done");
    return 0;
}
