/* See open_files.h. */
#include "collect/open_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/proc_text.h"

#define SOCKETS_AT_MOST (1u << 20)

static bool bracketed(const char *link, const char *prefix, uint64_t *inode)
{
    const size_t bytes = strlen(prefix);
    const char *at = link + bytes;
    return strncmp(link, prefix, bytes) == 0 && ms_proc_number(&at, at + strlen(at), inode) &&
           strcmp(at, "]") == 0;
}

enum ms_open_file_kind ms_open_file_kind(const char *link, uint64_t *inode)
{
    if (bracketed(link, "socket:[", inode)) {
        return MS_OPEN_SOCKET;
    }
    if (bracketed(link, "pipe:[", inode)) {
        return MS_OPEN_PIPE;
    }
    return link[0] == '/' && strncmp(link, "/memfd:", strlen("/memfd:")) != 0 ? MS_OPEN_FILE
                                                                              : MS_OPEN_OTHER;
}

static int add_socket(struct ms_open_sockets *sockets, uint64_t inode, uint32_t descriptor)
{
    if (sockets->count == sockets->capacity) {
        const size_t capacity = sockets->capacity == 0 ? 32 : 2 * sockets->capacity;
        struct ms_open_socket *grown =
            capacity > SOCKETS_AT_MOST ? NULL : reallocarray(sockets->all, capacity, sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        sockets->all = grown;
        sockets->capacity = capacity;
    }
    sockets->all[sockets->count++] = (struct ms_open_socket){inode, descriptor};
    return 0;
}

static int compare_sockets(const void *left, const void *right)
{
    const struct ms_open_socket *a = left;
    const struct ms_open_socket *b = right;
    if (a->inode != b->inode) {
        return a->inode < b->inode ? -1 : 1;
    }
    return (a->descriptor > b->descriptor) - (a->descriptor < b->descriptor);
}

static void sort_sockets(struct ms_open_sockets *sockets)
{
    size_t kept = 0;
    if (sockets->count > 1) {
        qsort(sockets->all, sockets->count, sizeof *sockets->all, compare_sockets);
    }
    for (size_t i = 0; i < sockets->count; i++) {
        if (kept == 0 || sockets->all[kept - 1].inode != sockets->all[i].inode) {
            sockets->all[kept++] = sockets->all[i];
        }
    }
    sockets->count = kept;
}

static int count_one(int folder, const char *name, struct ms_open_sockets *sockets,
                     struct ms_open_files *sum)
{
    char link[64]; /* paths may be cut: how they begin decides */
    const char *at = name;
    uint64_t descriptor;
    uint64_t inode;
    if (!ms_proc_number(&at, name + strlen(name), &descriptor)) {
        return 0; /* "." and ".." */
    }
    const ssize_t bytes = readlinkat(folder, name, link, sizeof link - 1);
    if (bytes < 0) {
        return 0; /* closed meanwhile */
    }
    link[bytes] = '\0';
    sum->all++;
    switch (ms_open_file_kind(link, &inode)) {
    case MS_OPEN_FILE:
        sum->files++;
        return 0;
    case MS_OPEN_SOCKET:
        sum->sockets++;
        return add_socket(sockets, inode, (uint32_t)descriptor);
    case MS_OPEN_PIPE:
        sum->pipes++;
        return 0;
    default:
        sum->others++;
        return 0;
    }
}

int ms_open_files_read(int folder, struct ms_open_sockets *sockets, struct ms_open_files *out)
{
    const int descriptors = openat(folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = descriptors < 0 ? NULL : fdopendir(descriptors);
    if (list == NULL) {
        const int error = errno;
        if (descriptors >= 0) {
            close(descriptors);
        }
        return -error;
    }
    struct ms_open_files sum = {.have = true};
    int result = 0;
    sockets->count = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(list);
        if (entry == NULL) {
            result = -errno;
            break;
        }
        result = count_one(dirfd(list), entry->d_name, sockets, &sum);
        if (result != 0) {
            break;
        }
    }
    closedir(list);
    /* A process that is over, or whose first thread is, shows none and has no executable. */
    char exe;
    if (result == 0 && sum.all == 0 && readlinkat(folder, "exe", &exe, sizeof exe) < 0) {
        result = -ESRCH;
    }
    if (result != 0) {
        sockets->count = 0;
        return result;
    }
    sort_sockets(sockets);
    *out = sum;
    return 0;
}

void ms_open_sockets_free(struct ms_open_sockets *sockets)
{
    free(sockets->all);
    *sockets = (struct ms_open_sockets){0};
}
