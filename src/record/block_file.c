/* See block_file.h. */
#include "record/block_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BUFFER_BYTES = 256 * 1024, CALL_BYTES_MAX = 16 << 20 };

/* To be freed; NULL: no memory. */
static char *folder_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    if (slash == NULL) {
        return strdup(".");
    }
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* "/proc/self/fd/7", by which a file without a name gets one. */
static const char *link_of(int fd, char *out, size_t size)
{
    (void)snprintf(out, size, "/proc/self/fd/%d", fd);
    return out;
}

/* In the folder of `path`; -1: there can be none, or it could get no name later. */
static int open_nameless(const char *path)
{
    char link[64];
    char *const folder = folder_of(path);
    const int fd = folder != NULL ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
    free(folder);
    if (fd >= 0 && access(link_of(fd, link, sizeof link), F_OK) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Gives it the name that it would have had. */
static int name_it(struct ms_block_file *file)
{
    char link[64];
    uint32_t random;
    for (int tries = 0; tries < 100; tries++) {
        char *name = NULL;
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
            random = (uint32_t)getpid() * 100 + (uint32_t)tries;
        }
        if (asprintf(&name, "%s.new-%06x", file->path, random & 0xffffffu) < 0) {
            return -ENOMEM;
        }
        if (linkat(AT_FDCWD, link_of(file->fd, link, sizeof link), AT_FDCWD, name,
                   AT_SYMLINK_FOLLOW) == 0) {
            file->temporary = name;
            return 0;
        }
        const int error = -errno;
        free(name);
        if (error != -EEXIST) {
            return error;
        }
    }
    return -EEXIST;
}

/* `path` is taken over. */
static int make_beside(char *path, struct ms_block_file *out)
{
    char *temporary = NULL;
    const int nameless = path != NULL ? open_nameless(path) : -1;
    if (nameless >= 0) {
        *out = (struct ms_block_file){.fd = nameless, .path = path};
        return 0;
    }
    if (path == NULL || asprintf(&temporary, "%s.new-XXXXXX", path) < 0) {
        free(path);
        return -ENOMEM;
    }
    const int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        const int error = -errno;
        free(path);
        free(temporary);
        return error;
    }
    *out = (struct ms_block_file){.fd = fd, .path = path, .temporary = temporary};
    return 0;
}

int ms_block_file_make(const char *path, bool overwrite, struct ms_block_file *out)
{
    *out = (struct ms_block_file){.fd = -1};
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd >= 0) {
        *out = (struct ms_block_file){.fd = fd, .path = strdup(path), .in_place = true};
        if (out->path == NULL) {
            close(fd);
            unlink(path);
            out->fd = -1;
            return -ENOMEM;
        }
        return 0;
    }
    if (errno != EEXIST) {
        return -errno;
    }
    struct stat there;
    if (stat(path, &there) != 0) {
        return -EEXIST; /* a link that leads nowhere */
    }
    if (!S_ISREG(there.st_mode)) {
        return S_ISDIR(there.st_mode) ? -EISDIR : -ENOTSUP;
    }
    if (!overwrite) {
        return -EEXIST;
    }
    /* What a link leads to is replaced, not the link. */
    char *const real = realpath(path, NULL);
    return real != NULL ? make_beside(real, out) : -errno;
}

int ms_block_file_beside(const struct ms_block_file *file, struct ms_block_file *out)
{
    *out = (struct ms_block_file){.fd = -1};
    return make_beside(strdup(file->path), out);
}

static void sync_folder_of(const char *path)
{
    char *const folder = folder_of(path);
    const int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

static bool is_at(const char *path, int fd)
{
    struct stat there;
    struct stat ours;
    return stat(path, &there) != 0 ||
           (fstat(fd, &ours) == 0 && there.st_dev == ours.st_dev && there.st_ino == ours.st_ino);
}

int ms_block_file_take_place(struct ms_block_file *file, const struct ms_block_file *successor_of)
{
    if (file->in_place) {
        return 0;
    }
    if (fsync(file->fd) != 0 && errno != EINVAL) {
        return -errno;
    }
    if (successor_of != NULL && !is_at(file->path, successor_of->fd)) {
        return -ESTALE;
    }
    const int named = file->temporary == NULL ? name_it(file) : 0;
    if (named != 0 || rename(file->temporary, file->path) != 0) {
        return named != 0 ? named : -errno;
    }
    sync_folder_of(file->path);
    free(file->temporary);
    file->temporary = NULL;
    file->in_place = true;
    return 0;
}

void ms_block_file_give_up(struct ms_block_file *file)
{
    if (file->temporary != NULL) {
        unlink(file->temporary);
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    free(file->temporary);
    free(file->path);
    *file = (struct ms_block_file){.fd = -1};
}

void ms_block_file_remove(struct ms_block_file *file)
{
    if (file->in_place) {
        unlink(file->path);
    }
}

int ms_block_file_write(const struct ms_block_file *file, uint64_t at, const uint8_t *bytes,
                        uint64_t count)
{
    while (count > 0) {
        const size_t part = count < CALL_BYTES_MAX ? (size_t)count : CALL_BYTES_MAX;
        const ssize_t wrote = pwrite(file->fd, bytes, part, (off_t)at);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return wrote < 0 ? -errno : -ENOSPC;
        }
        bytes += wrote;
        at += (uint64_t)wrote;
        count -= (uint64_t)wrote;
    }
    return 0;
}

int ms_block_file_read(int fd, uint64_t at, void *bytes, uint64_t count)
{
    for (uint8_t *to = bytes; count > 0;) {
        const size_t part = count < CALL_BYTES_MAX ? (size_t)count : CALL_BYTES_MAX;
        const ssize_t got = pread(fd, to, part, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -errno : -ENODATA;
        }
        to += got;
        at += (uint64_t)got;
        count -= (uint64_t)got;
    }
    return 0;
}

static int copy_by_hand(const struct ms_block_file *file, uint64_t at, int source, uint64_t from,
                        uint64_t count)
{
    uint8_t *const buffer = malloc(COPY_BUFFER_BYTES);
    int error = buffer != NULL ? 0 : -ENOMEM;
    while (error == 0 && count > 0) {
        const uint64_t part = count < COPY_BUFFER_BYTES ? count : COPY_BUFFER_BYTES;
        error = ms_block_file_read(source, from, buffer, part);
        if (error == 0) {
            error = ms_block_file_write(file, at, buffer, part);
        }
        at += part;
        from += part;
        count -= part;
    }
    free(buffer);
    return error;
}

int ms_block_file_copy(const struct ms_block_file *file, uint64_t at, int source, uint64_t from,
                       uint64_t count)
{
    off_t read_at = (off_t)from;
    off_t write_at = (off_t)at;
    while (count > 0) {
        const size_t part = count < CALL_BYTES_MAX ? (size_t)count : CALL_BYTES_MAX;
        const ssize_t copied = copy_file_range(source, &read_at, file->fd, &write_at, part, 0);
        if (copied < 0 && errno == EINTR) {
            continue;
        }
        if (copied <= 0) {
            /* Not between these file systems, or by this kernel; a real failure shows again. */
            return copy_by_hand(file, (uint64_t)write_at, source, (uint64_t)read_at, count);
        }
        count -= (uint64_t)copied;
    }
    return 0;
}
