/*
 * A second opinion: an LD_PRELOAD library that counts the calls of the malloc family that reach
 * it, and knows nothing else. Behind the probe it sees what the probe passes on in the same
 * process; alone it sees the program as it is.
 *
 * The counts lie in a shared mapping of the file $COUNT_SHIM.PID, three numbers of 8 bytes:
 * allocations, deallocations, bytes asked for. So they are complete however the process ends. A
 * child that is forked and executes nothing counts into its parent's file.
 *
 * A call that gives a block is an allocation, free of a block a deallocation, realloc of a block
 * both, unless it gives nothing: then it failed, or, for size 0, freed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct counts {
    _Atomic uint64_t allocations, deallocations, bytes;
};

static struct counts nowhere;
static struct counts *counts = &nowhere;
static bool beginning;

static struct {
    void *(*malloc)(size_t);
    void (*free)(void *);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*memalign)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*malloc_usable_size)(void *);
} next;

/* From /proc: a program may allocate before libc has an environment. Static: on a small stack. */
static bool find_path(char *path, size_t size)
{
    static const char name[] = "COUNT_SHIM=";
    static char environment[65536];
    int file = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    ssize_t bytes = file < 0 ? -1 : read(file, environment, sizeof environment - 1);
    close(file);
    for (ssize_t at = 0; at < bytes; at += (ssize_t)strlen(environment + at) + 1) {
        if (strncmp(environment + at, name, sizeof name - 1) == 0) {
            return snprintf(path, size, "%s.%d", environment + at + sizeof name - 1,
                            (int)getpid()) < (int)size;
        }
    }
    return false;
}

static struct counts *map_counts(void)
{
    static char path[PATH_MAX];
    if (!find_path(path, sizeof path)) {
        return &nowhere;
    }
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return &nowhere;
    }
    void *page = MAP_FAILED;
    if (ftruncate(file, sizeof(struct counts)) == 0) {
        page = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    close(file);
    return page == MAP_FAILED ? &nowhere : page;
}

/* At the first call, which the main thread makes: starting a thread allocates. */
static void begin(void)
{
    int before = errno;
    beginning = true;
    *(void **)&next.free = dlsym(RTLD_NEXT, "free");
    *(void **)&next.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&next.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&next.memalign = dlsym(RTLD_NEXT, "memalign");
    *(void **)&next.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    *(void **)&next.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    *(void **)&next.valloc = dlsym(RTLD_NEXT, "valloc");
    *(void **)&next.pvalloc = dlsym(RTLD_NEXT, "pvalloc");
    *(void **)&next.malloc_usable_size = dlsym(RTLD_NEXT, "malloc_usable_size");
    counts = map_counts();
    *(void **)&next.malloc = dlsym(RTLD_NEXT, "malloc");
    beginning = false;
    errno = before;
}

static inline void begin_once(void)
{
    if (__builtin_expect(next.malloc == NULL, 0)) {
        begin();
    }
}

static void deallocated(void)
{
    atomic_fetch_add_explicit(&counts->deallocations, 1, memory_order_relaxed);
}

static void *allocated(void *block, size_t bytes)
{
    if (block != NULL) {
        atomic_fetch_add_explicit(&counts->allocations, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&counts->bytes, bytes, memory_order_relaxed);
    }
    return block;
}

void *malloc(size_t bytes)
{
    begin_once();
    return allocated(next.malloc(bytes), bytes);
}

void free(void *block)
{
    begin_once();
    if (block != NULL) {
        deallocated();
        next.free(block);
    }
}

void *calloc(size_t count, size_t each)
{
    if (beginning) {
        return NULL; /* dlsym of an old libc, which can do without */
    }
    begin_once();
    return allocated(next.calloc(count, each), count * each);
}

void *realloc(void *block, size_t bytes)
{
    begin_once();
    void *moved = next.realloc(block, bytes);
    if (block != NULL && (moved != NULL || bytes == 0)) {
        deallocated();
    }
    return allocated(moved, bytes);
}

/* Not the next one: libc's calls realloc, and that is ours again. */
void *reallocarray(void *block, size_t count, size_t each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    begin_once();
    return allocated(next.memalign(alignment, bytes), bytes);
}

int posix_memalign(void **to, size_t alignment, size_t bytes)
{
    begin_once();
    int error = next.posix_memalign(to, alignment, bytes);
    (void)allocated(error == 0 ? *to : NULL, bytes);
    return error;
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    begin_once();
    return allocated(next.aligned_alloc(alignment, bytes), bytes);
}

void *valloc(size_t bytes)
{
    begin_once();
    return allocated(next.valloc(bytes), bytes);
}

void *pvalloc(size_t bytes)
{
    begin_once();
    return allocated(next.pvalloc(bytes), bytes);
}

/* Without it this library is an allocator whose blocks have no known size. */
#ifndef NO_USABLE_SIZE
size_t malloc_usable_size(void *block)
{
    begin_once();
    return next.malloc_usable_size(block);
}
#endif
