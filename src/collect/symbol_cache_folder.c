/* The folder of the cache: where it is, and that it stays small. See symbol_cache.h. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/symbol_cache.h"

enum { BUILD_ID_AT_MOST = 20, FILES_AT_MOST = 65536 };

struct cached_file {
    char name[2 * BUILD_ID_AT_MOST + 16];
    uint64_t bytes;
    struct timespec used;
};

static int compare_age(const void *left, const void *right)
{
    const struct cached_file *a = left;
    const struct cached_file *b = right;
    if (a->used.tv_sec != b->used.tv_sec) {
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    }
    return (a->used.tv_nsec > b->used.tv_nsec) - (a->used.tv_nsec < b->used.tv_nsec);
}

/* A build id in hexadecimal, perhaps with the end of a temporary name: nobody else's files. */
static bool is_ours(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    return digits >= 16 && digits <= 2 * BUILD_ID_AT_MOST &&
           (name[digits] == '\0' || (name[digits] == '.' && strlen(name + digits) == 7));
}

bool ms_symbol_cache_is_private(int descriptor, mode_t kind, struct stat *status)
{
    return fstat(descriptor, status) == 0 && (status->st_mode & S_IFMT) == kind &&
           status->st_uid == geteuid() && (status->st_mode & 022) == 0;
}

/*
 * The folder is ours alone, and nobody else can put another one or a link in its place: not in the
 * one above it either, unless that keeps everybody to his own (/tmp).
 */
bool ms_symbol_cache_prepare(const char *folder)
{
    char parent[PATH_MAX];
    struct stat status;
    (void)snprintf(parent, sizeof parent, "%s", folder);
    char *slash = strrchr(parent, '/');
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        (void)mkdir(parent, 0700);
    }
    if (stat(slash == parent ? "/" : parent, &status) != 0 ||
        (status.st_uid != geteuid() && status.st_uid != 0) ||
        ((status.st_mode & 002) != 0 && (status.st_mode & S_ISVTX) == 0)) {
        return false;
    }
    (void)mkdir(folder, 0700);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    bool usable = descriptor >= 0 && ms_symbol_cache_is_private(descriptor, S_IFDIR, &status);
    if (descriptor >= 0) {
        close(descriptor);
    }
    return usable;
}

void ms_symbol_cache_prune(const char *folder, uint64_t bytes)
{
    DIR *open_folder = folder == NULL || folder[0] == '\0' ? NULL : opendir(folder);
    struct stat ours;
    struct cached_file *files = NULL;
    size_t count = 0;
    size_t capacity = 0;
    uint64_t total = 0;
    if (open_folder == NULL) {
        return;
    }
    if (!ms_symbol_cache_is_private(dirfd(open_folder), S_IFDIR, &ours)) {
        closedir(open_folder);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
        struct stat status;
        const size_t name_bytes = strlen(entry->d_name) + 1;
        if (!is_ours(entry->d_name) || name_bytes > sizeof files->name || count == FILES_AT_MOST ||
            fstatat(dirfd(open_folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (count == capacity) {
            capacity = capacity * 2 + 64;
            struct cached_file *grown = realloc(files, capacity * sizeof *files);
            if (grown == NULL) {
                break;
            }
            files = grown;
        }
        files[count] =
            (struct cached_file){.bytes = (uint64_t)status.st_blocks * 512, .used = status.st_mtim};
        memcpy(files[count].name, entry->d_name, name_bytes);
        total += files[count++].bytes;
    }
    if (count > 0) {
        qsort(files, count, sizeof *files, compare_age);
    }
    for (size_t i = 0; i < count && total > bytes; i++) {
        (void)unlinkat(dirfd(open_folder), files[i].name, 0);
        total -= files[i].bytes;
    }
    free(files);
    closedir(open_folder);
}

/* `base`/`below`/memscope-top/symbols, when `base` is an absolute path that is there and ours:
 * under sudo the home may be another user's, who could not use folders of root in it. */
static bool folder_below(const char *base, const char *below, char *out, size_t size)
{
    struct stat status;
    char cache[PATH_MAX];
    if (base == NULL || base[0] != '/' || stat(base, &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != geteuid()) {
        return false;
    }
    int bytes = snprintf(cache, sizeof cache, "%s%s", base, below);
    if (bytes < 0 || (size_t)bytes >= sizeof cache) {
        return false;
    }
    (void)mkdir(cache, 0700);
    bytes = snprintf(out, size, "%s/memscope-top/symbols", cache);
    return bytes > 0 && (size_t)bytes < size;
}

void ms_symbol_cache_folder(const char *wanted, char *out, size_t size)
{
    if (wanted != NULL && wanted[0] == '/' && strlen(wanted) < size) {
        (void)snprintf(out, size, "%s", wanted);
        return;
    }
    if ((wanted != NULL && strcmp(wanted, "no") == 0) ||
        (!folder_below(getenv("XDG_CACHE_HOME"), "", out, size) &&
         !folder_below(getenv("HOME"), "/.cache", out, size))) {
        out[0] = '\0';
    }
}
