/* The way into a file, and that of every format. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/export.h"
#include "export/file.h"

/* Takes over the descriptor. */
static int write_to(int fd, ms_file_writer *write, const void *context)
{
    FILE *out = fdopen(fd, "w");
    if (out == NULL) {
        const int error = -errno;
        close(fd);
        return error;
    }
    int error = write(out, context);
    if (fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    return error;
}

/* As open() with O_CREAT would have made it, which mkostemp does not. */
static mode_t wanted_mode(const struct stat *existing)
{
    if (existing != NULL) {
        return existing->st_mode & 0777;
    }
    const mode_t mask = umask(077);
    umask(mask);
    return 0666 & ~mask;
}

static int move_into_place(const char *from, const char *to, bool overwrite)
{
    if (overwrite) {
        return rename(from, to) == 0 ? 0 : -errno;
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    /* A file system without that flag: a moment remains in which another may write the file. */
    if (access(to, F_OK) == 0) {
        return -EEXIST;
    }
    return rename(from, to) == 0 ? 0 : -errno;
}

/* PATH.part-XXXXXX, to be made unique. NULL: no memory. */
static char *name_beside(const char *path)
{
    static const char suffix[] = ".part-XXXXXX";
    const size_t bytes = strlen(path);
    char *name = malloc(bytes + sizeof(suffix));
    if (name != NULL) {
        memcpy(name, path, bytes);
        memcpy(name + bytes, suffix, sizeof(suffix));
    }
    return name;
}

/* A file without a name in the folder of `path`: whoever writes it may be killed and leaves nothing
 * behind. -errno where the file system has no such thing. */
static int open_nameless(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    if (folder == NULL) {
        return -ENOMEM;
    }
    const int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    const int error = -errno;
    free(folder);
    return fd >= 0 ? fd : error;
}

/* Gives it its name; what is there already can only be replaced by way of another name. */
static int name_it(int fd, const char *path, bool overwrite)
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0) {
        return 0;
    }
    if (errno != EEXIST || !overwrite) {
        return -errno;
    }
    char *temporary = name_beside(path);
    if (temporary == NULL) {
        return -ENOMEM;
    }
    const int reserved = mkostemp(temporary, O_CLOEXEC);
    int error = reserved < 0 ? -errno : 0;
    if (error == 0) {
        close(reserved);
        (void)unlink(temporary);
        error = linkat(AT_FDCWD, link, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
    }
    if (error == 0 && rename(temporary, path) != 0) {
        error = -errno;
        (void)unlink(temporary);
    }
    free(temporary);
    return error;
}

/* -EOPNOTSUPP: this file system or a missing /proc does not let it be done so, nothing is written.
 */
static int write_nameless(const char *path, const struct stat *existing, bool overwrite,
                          ms_file_writer *write, const void *context)
{
    const int fd = access("/proc/self/fd", X_OK) == 0 ? open_nameless(path) : -EOPNOTSUPP;
    if (fd < 0) {
        return fd == -EISDIR || fd == -EINVAL ? -EOPNOTSUPP : fd;
    }
    const int stream_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int error = stream_fd >= 0 ? 0 : -errno;
    (void)fchmod(fd, wanted_mode(existing));
    error = error == 0 ? write_to(stream_fd, write, context) : error;
    error = error == 0 ? name_it(fd, path, overwrite) : error;
    close(fd);
    return error;
}

static int write_beside(const char *path, const struct stat *existing, bool overwrite,
                        ms_file_writer *write, const void *context)
{
    const int nameless = write_nameless(path, existing, overwrite, write, context);
    if (nameless != -EOPNOTSUPP) {
        return nameless;
    }
    char *temporary = name_beside(path);
    if (temporary == NULL) {
        return -ENOMEM;
    }
    const int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        const int error = -errno;
        free(temporary);
        return error;
    }
    (void)fchmod(fd, wanted_mode(existing));
    int error = write_to(fd, write, context);
    if (error == 0) {
        error = move_into_place(temporary, path, overwrite);
    }
    if (error != 0) {
        (void)unlink(temporary);
    }
    free(temporary);
    return error;
}

/* A copy: closing it must not close the stream of others. */
static int write_to_stdout(ms_file_writer *write, const void *context)
{
    (void)fflush(stdout);
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
        return -EBADF;
    }
    const int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return fd >= 0 ? write_to(fd, write, context) : -errno;
}

bool ms_file_replaces(const char *path)
{
    struct stat existing;
    return strcmp(path, "-") != 0 && stat(path, &existing) == 0 && S_ISREG(existing.st_mode);
}

int ms_file_write(const char *path, bool overwrite, ms_file_writer *write, const void *context)
{
    struct stat existing;
    if (strcmp(path, "-") == 0) {
        return write_to_stdout(write, context);
    }
    if (stat(path, &existing) != 0) {
        return errno == ENOENT ? write_beside(path, NULL, overwrite, write, context) : -errno;
    }
    if (S_ISDIR(existing.st_mode)) {
        return -EISDIR;
    }
    if (!S_ISREG(existing.st_mode)) { /* a pipe, a terminal, /dev/stdout: nothing to replace */
        const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return fd >= 0 ? write_to(fd, write, context) : -errno;
    }
    if (!overwrite) {
        return -EEXIST;
    }
    char *real = realpath(path, NULL); /* a link stays a link */
    if (real == NULL) {
        return -errno;
    }
    const int error = write_beside(real, &existing, true, write, context);
    free(real);
    return error;
}

struct report {
    enum ms_export format;
    const struct ms_model *model;
    const struct ms_export_options *options;
};

static int write_report(FILE *out, const void *context)
{
    const struct report *report = context;
    const struct ms_export_options *options = report->options;
    const int error = ms_export_write(out, report->format, report->model, options);
    /* A format that told nothing on the way is cancelled here at the latest. */
    return error == 0 && options->progress != NULL && !options->progress(options->context, 1, 1)
               ? -ECANCELED
               : error;
}

int ms_export_write_file(const char *path, bool overwrite, enum ms_export format,
                         const struct ms_model *model, const struct ms_export_options *options)
{
    const struct report report = {.format = format, .model = model, .options = options};
    return ms_file_write(path, overwrite, write_report, &report);
}
