/*
 * The functions behind our hooks: the next definition after the probe in symbol order, whatever
 * allocator that is. Never __libc_malloc: redis keeps its jemalloc.
 *
 * `ms_ready` is the first test of every allocation hook: 0 until `ms_real` is filled and the
 * region is mapped (or the probe decided to stay off). Until then the bootstrap arena serves.
 */
#ifndef MS_PROBE_REAL_H
#define MS_PROBE_REAL_H

#include <stddef.h>

#define MS_HIDDEN      __attribute__((visibility("hidden")))
#define MS_EXPORT      __attribute__((visibility("default")))
#define MS_LIKELY(x)   __builtin_expect(!!(x), 1)
#define MS_UNLIKELY(x) __builtin_expect(!!(x), 0)

struct ms_real {
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
};

/* Values of ms_ready. Off: no region, every hook passes straight through for ever. */
enum ms_ready_state { MS_READY_NOT, MS_READY_COUNTING, MS_READY_OFF };

extern MS_HIDDEN struct ms_real ms_real;
extern MS_HIDDEN unsigned char ms_ready;

/* Set when the side table got a block small enough for a tag. */
extern MS_HIDDEN unsigned char ms_small_aside;

/*
 * Which way events take. Nothing until the first thread is tracked: until then no block can be
 * known. By headers: counting, tags on glibc's own blocks. In general: any other.
 */
enum ms_way { MS_WAY_NOTHING, MS_WAY_GENERAL, MS_WAY_HEADERS };
extern MS_HIDDEN unsigned char ms_way;

/*
 * Fills ms_real. Returns whether malloc, free, calloc and realloc were found; the others may be
 * NULL afterwards, except that the aligned forms fall back to each other.
 */
MS_HIDDEN int ms_real_resolve(void);

/*
 * Address of the next definition of `name`, or NULL. May allocate inside libc (served by the
 * bootstrap arena); only for initialisation, from one thread. Clears no dlerror of the program's.
 */
MS_HIDDEN void *ms_real_symbol(const char *name);

#endif
