/* See debuginfod.h. Its header is not needed to build: the four functions are declared here. */
#include "collect/debuginfod.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>

#include "wire/clock.h"

struct debuginfod_client;

struct library {
    struct debuginfod_client *(*begin)(void);
    int (*find_debuginfo)(struct debuginfod_client *client, const unsigned char *build_id,
                          int build_id_bytes, char **path);
    void (*set_progress)(struct debuginfod_client *client,
                         int (*progress)(struct debuginfod_client *client, long done, long all));
    struct debuginfod_client *client;
};

static struct library library;
static uint64_t give_up_ns;

/* Called a few times a second while it waits. */
static int progress(struct debuginfod_client *client, long done, long all)
{
    (void)client, (void)done, (void)all;
    return ms_monotonic_ns() > give_up_ns;
}

static void *function_of(void *handle, const char *name)
{
    return handle == NULL ? NULL : dlsym(handle, name);
}

static bool load(void)
{
    static bool tried;
    if (tried) {
        return library.client != NULL;
    }
    tried = true;
    void *handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    *(void **)&library.begin = function_of(handle, "debuginfod_begin");
    *(void **)&library.find_debuginfo = function_of(handle, "debuginfod_find_debuginfo");
    *(void **)&library.set_progress = function_of(handle, "debuginfod_set_progressfn");
    if (library.begin != NULL && library.find_debuginfo != NULL && library.set_progress != NULL) {
        library.client = library.begin();
    }
    if (library.client != NULL) {
        library.set_progress(library.client, progress);
    }
    return library.client != NULL;
}

const char *ms_debuginfod_missing(void)
{
    const char *servers = getenv("DEBUGINFOD_URLS");
    if (servers == NULL || servers[0] == '\0') {
        return "DEBUGINFOD_URLS names no server";
    }
    void *handle = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (handle == NULL) {
        return "libdebuginfod.so.1 is not installed";
    }
    dlclose(handle);
    return NULL;
}

int ms_debuginfod_fetch(const uint8_t *build_id, size_t build_id_bytes)
{
    if (!load()) {
        return -1;
    }
    give_up_ns = ms_monotonic_ns() + MS_DEBUGINFOD_LIMIT_S * MS_NS_PER_S;
    return library.find_debuginfo(library.client, build_id, (int)build_id_bytes, NULL);
}
