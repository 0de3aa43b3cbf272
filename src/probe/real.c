/* Finding the functions behind our hooks. */
#include "probe/real.h"

#include <dlfcn.h>

struct ms_real ms_real;
unsigned char ms_ready;
unsigned char ms_way;
unsigned char ms_small_aside;

void *ms_real_symbol(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int ms_real_resolve(void)
{
    struct ms_real found;
    *(void **)&found.malloc = ms_real_symbol("malloc");
    *(void **)&found.free = ms_real_symbol("free");
    *(void **)&found.calloc = ms_real_symbol("calloc");
    *(void **)&found.realloc = ms_real_symbol("realloc");
    *(void **)&found.memalign = ms_real_symbol("memalign");
    *(void **)&found.posix_memalign = ms_real_symbol("posix_memalign");
    *(void **)&found.aligned_alloc = ms_real_symbol("aligned_alloc");
    *(void **)&found.valloc = ms_real_symbol("valloc");
    *(void **)&found.pvalloc = ms_real_symbol("pvalloc");
    *(void **)&found.malloc_usable_size = ms_real_symbol("malloc_usable_size");
    if (found.malloc == NULL || found.free == NULL || found.calloc == NULL ||
        found.realloc == NULL) {
        return 0;
    }
    ms_real = found;
    return 1;
}
