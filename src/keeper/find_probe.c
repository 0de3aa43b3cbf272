/* Where the preload library lies, under a name that LD_PRELOAD can carry. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "keeper/launch.h"

#define PROBE_NAME      "libmemscope-probe.so"
#define PROBE_VARIABLE  "MEMSCOPE_TOP_PROBE"
#define LOADER_SPECIALS " :$" /* separators, and what the loader would expand */

static void note(char *tried, size_t size, const char *place)
{
    size_t length = strlen(tried);
    if (length < size) {
        snprintf(tried + length, size - length, "%s%s", length > 0 ? ", " : "", place);
    }
}

/* Full name of `place` if it can be read; else notes it as tried. */
static bool exists(const char *place, char *full, char *tried, size_t tried_size)
{
    if (realpath(place, full) != NULL && access(full, R_OK) == 0) {
        return true;
    }
    note(tried, tried_size, place);
    return false;
}

static bool find(char *full, char *tried, size_t tried_size)
{
    const char *named = getenv(PROBE_VARIABLE);
    if (named != NULL && named[0] != '\0') {
        return exists(named, full, tried, tried_size);
    }
    static const char *const places[] = {"/" PROBE_NAME, "/../lib/memscope-top/" PROBE_NAME};
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    if (length <= 0) {
        note(tried, tried_size, "/proc/self/exe");
        return false;
    }
    folder[length] = '\0';
    *strrchr(folder, '/') = '\0';
    /* Beside the program, then where it was built to be installed: a tree that was moved as a whole
     * works, and so does a library folder that is named for the architecture. */
    for (size_t at = 0; at < sizeof(places) / sizeof(places[0]); at++) {
        char place[PATH_MAX + 64];
        snprintf(place, sizeof(place), "%s%s", folder, places[at]);
        if (exists(place, full, tried, tried_size)) {
            return true;
        }
    }
    return exists(MS_PROBE_FOLDER "/" PROBE_NAME, full, tried, tried_size);
}

/* FNV-1a: one link per place, whoever makes it first. */
static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++) {
        value = (value ^ (unsigned char)*text) * UINT64_C(1099511628211);
    }
    return value;
}

/* A link to `target` in our own folder, replaced at once and not changed under a reader. */
static int link_to(const char *target, char *path, size_t size)
{
    char directory[MS_SOCKET_PATH_MAX];
    int error = ms_keeper_directory(directory, sizeof(directory));
    if (error != 0) {
        return error;
    }
    char fresh[MS_SOCKET_PATH_MAX + 64];
    snprintf(fresh, sizeof(fresh), "%s/probe-%016" PRIx64 ".%d", directory, hash(target),
             (int)getpid());
    int length = snprintf(path, size, "%s/probe-%016" PRIx64 ".so", directory, hash(target));
    if (length < 0 || (size_t)length >= size || strpbrk(path, LOADER_SPECIALS) != NULL) {
        return -ENAMETOOLONG;
    }
    unlink(fresh);
    if (symlink(target, fresh) != 0 || rename(fresh, path) != 0) {
        error = -errno;
        unlink(fresh);
        return error;
    }
    return 0;
}

int ms_launch_find_probe(char *path, size_t size, char *tried, size_t tried_size)
{
    char full[PATH_MAX];
    tried[0] = '\0';
    if (!find(full, tried, tried_size)) {
        return -ENOENT;
    }
    if (strpbrk(full, LOADER_SPECIALS) != NULL) {
        if (link_to(full, path, size) == 0) {
            return 0;
        }
        note(tried, tried_size, full);
        return -ENOENT;
    }
    int length = snprintf(path, size, "%s", full);
    return (size_t)length < size ? 0 : -ENOENT;
}
