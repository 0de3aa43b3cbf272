/*
 * Libraries that come and go:
 *   modules swap          two libraries in turn at the same addresses; each allocates
 *   modules namespace     a library in a namespace of its own, with a C library of its own
 *   modules runpath       a library that is found by the RUNPATH of this program alone
 *   modules deepbind      a library that allocates past the probe; its blocks are freed and grown
 * here modules gone          ends with a library closed whose blocks live on
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *allocate(size_t);

static allocate *open_one(const char *library, const char *function, void **handle, Lmid_t where)
{
    *handle = dlmopen(where, library, RTLD_NOW | RTLD_LOCAL);
    if (*handle == NULL) {
        puts(dlerror());
        return NULL;
    }
    return (allocate *)dlsym(*handle, function);
}

static void *use(const char *library, const char *function, unsigned calls, uintptr_t *where)
{
    void *handle, *block = NULL;
    allocate *run = open_one(library, function, &handle, LM_ID_BASE);
    *where = (uintptr_t)run;
    for (unsigned i = 0; run != NULL && i < calls; i++) {
        free(block);
        block = run(10 + i);
    }
    if (handle != NULL) {
        dlclose(handle);
    }
    return block;
}

static int swap(void)
{
    unsigned same = 0;
    for (int i = 0; i < 20; i++) {
        uintptr_t alpha, beta;
        free(use("named_alpha.so", "alpha", 30, &alpha));
        free(use("named_beta.so", "beta", 7, &beta));
        same += alpha == beta;
    }
    puts(same > 10 ? "at one address" : "at several addresses");
    return 0;
}

static int apart(void)
{
    void *handle;
    allocate *run = open_one("named_alpha.so", "alpha", &handle, LM_ID_NEWLM);
    if (run == NULL) {
        return 1;
    }
    void *kept = NULL;
    for (unsigned i = 0; i < 1000; i++) {
        kept = run(i); /* of the other C library: nobody here may free it */
    }
    puts(kept != NULL ? "allocated apart" : "nothing");
    return 0;
}

static int deepbind(void)
{
    void *handle = dlopen("named_alpha.so", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    allocate *run = handle == NULL ? NULL : (allocate *)dlsym(handle, "alpha");
    for (unsigned i = 0; run != NULL && i < 500; i++) {
        char *block = run(i + 1);
        memset(block, 'a', i + 1);
        char *grown = realloc(run(20), 3000);
        free(block);
        free(grown);
    }
    puts(run != NULL ? "freed" : "not found");
    return 0;
}

static int gone(void)
{
    uintptr_t where;
    void *block = use("named_beta.so", "beta", 5, &where);
    puts(block != NULL ? "lives on" : "nothing");
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uintptr_t where;
    if (strcmp(what, "runpath") == 0) {
        free(use("named_alpha.so", "alpha", 3, &where));
        return where == 0;
    }
    return strcmp(what, "swap") == 0        ? swap()
           : strcmp(what, "namespace") == 0 ? apart()
           : strcmp(what, "deepbind") == 0  ? deepbind()
           : strcmp(what, "gone") == 0      ? gone()
                                            : 2;
}
