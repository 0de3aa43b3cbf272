/* See source_files.h. A file is known again by device, inode, size and time. */
#include "collect/source_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct kept {
    struct ms_source_text text; /* of it only bytes and starts belong to this */
    char *bytes;
    uint32_t *starts;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct ms_source_files {
    struct kept kept[MS_SOURCE_FILES_MAX];
    size_t next;
    struct ms_source_text answer;
    char path[PATH_MAX + 64];
    char why[128];
};

struct ms_source_files *ms_source_files_new(void)
{
    return calloc(1, sizeof(struct ms_source_files));
}

static void forget(struct kept *kept)
{
    free(kept->bytes);
    free(kept->starts);
    *kept = (struct kept){.bytes = NULL};
}

void ms_source_files_free(struct ms_source_files *files)
{
    for (size_t i = 0; files != NULL && i < MS_SOURCE_FILES_MAX; i++) {
        forget(&files->kept[i]);
    }
    free(files);
}

/* An absolute name in `out`; false: there is none. */
static bool make_absolute(char *out, size_t size, pid_t pid, const char *file)
{
    char folder[PATH_MAX] = "";
    if (file[0] != '/') {
        char link[64];
        ssize_t length = -1;
        if (pid > 0) {
            (void)snprintf(link, sizeof link, "/proc/%d/cwd", (int)pid);
            length = readlink(link, folder, sizeof folder - 1);
        }
        if (length > 0) {
            folder[length] = '\0';
        } else if (getcwd(folder, sizeof folder) == NULL) {
            return false;
        }
    }
    const int length = snprintf(out, size, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", file);
    return length > 0 && (size_t)length < size && out[0] == '/';
}

static bool same_root(const char *root)
{
    struct stat its;
    struct stat own;
    return stat(root, &its) != 0 || stat("/", &own) != 0 ||
           (its.st_dev == own.st_dev && its.st_ino == own.st_ino);
}

/* O_PATH opens nothing, so the kind of a file is known before a device could act on it. Links stay
 * within the root of the process. */
static int find_in_root(const char *root, const char *path)
{
    const int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return -1;
    }
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    const int place = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    close(folder);
    return place;
}

/* The place of a file, and in files->path a name by which we, and an editor, can open it. */
static int find(struct ms_source_files *files, pid_t pid, const char *file)
{
    char path[PATH_MAX];
    char root[64];
    if (!make_absolute(path, sizeof path, pid, file)) {
        return -ENOENT;
    }
    (void)snprintf(root, sizeof root, "/proc/%d/root/", (int)pid);
    if (pid > 0 && !same_root(root)) {
        const int place = find_in_root(root, path);
        if (place >= 0) {
            (void)snprintf(files->path, sizeof files->path, "%s%s", root, path + 1);
            return place;
        }
    }
    (void)snprintf(files->path, sizeof files->path, "%s", path);
    const int place = open(path, O_PATH | O_CLOEXEC);
    return place >= 0 ? place : -errno;
}

static bool is_kept(const struct kept *kept, const struct stat *status)
{
    return kept->bytes != NULL && kept->device == status->st_dev && kept->inode == status->st_ino &&
           kept->size == status->st_size && kept->changed.tv_sec == status->st_mtim.tv_sec &&
           kept->changed.tv_nsec == status->st_mtim.tv_nsec;
}

static bool find_lines(struct kept *kept, size_t bytes)
{
    uint32_t lines = 0;
    for (size_t i = 0; i < bytes; i++) {
        lines += i == 0 || kept->bytes[i - 1] == '\n' ? 1 : 0;
    }
    kept->starts = malloc((lines + 1u) * sizeof *kept->starts);
    if (kept->starts == NULL) {
        return false;
    }
    kept->text.line_count = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (i == 0 || kept->bytes[i - 1] == '\n') {
            kept->starts[kept->text.line_count++] = (uint32_t)i;
        }
    }
    kept->text.bytes = kept->bytes;
    kept->text.byte_count = bytes;
    kept->text.starts = kept->starts;
    return true;
}

/* Returns 0 or -errno. */
static int read_whole(struct kept *kept, int place, const struct stat *status)
{
    char link[40];
    forget(kept);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", place);
    const int descriptor = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        return -errno;
    }
    const size_t size = (size_t)status->st_size;
    kept->bytes = malloc(size + 1);
    size_t bytes = 0;
    while (kept->bytes != NULL && bytes < size) {
        const ssize_t part = read(descriptor, kept->bytes + bytes, size - bytes);
        if (part <= 0) {
            break;
        }
        bytes += (size_t)part;
    }
    close(descriptor);
    if (kept->bytes == NULL || !find_lines(kept, bytes)) {
        forget(kept);
        return -ENOMEM;
    }
    kept->device = status->st_dev;
    kept->inode = status->st_ino;
    kept->size = status->st_size;
    kept->changed = status->st_mtim;
    return 0;
}

/* The text in files->answer, or the reason in files->why. */
static void look(struct ms_source_files *files, int place)
{
    struct stat status;
    if (fstat(place, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)snprintf(files->why, sizeof files->why, "is not a regular file");
        return;
    }
    if (status.st_size > MS_SOURCE_BYTES_MAX) {
        (void)snprintf(files->why, sizeof files->why, "is too long to be shown here");
        return;
    }
    size_t at = 0;
    while (at < MS_SOURCE_FILES_MAX && !is_kept(&files->kept[at], &status)) {
        at++;
    }
    if (at == MS_SOURCE_FILES_MAX) {
        at = files->next++ % MS_SOURCE_FILES_MAX;
        const int result = read_whole(&files->kept[at], place, &status);
        if (result != 0) {
            (void)snprintf(files->why, sizeof files->why, "cannot be read: %s", strerror(-result));
            return;
        }
    }
    files->answer = files->kept[at].text;
}

const struct ms_source_text *ms_source_files_get(struct ms_source_files *files, pid_t pid,
                                                 const char *file)
{
    files->answer = (struct ms_source_text){.bytes = ""};
    files->path[0] = files->why[0] = '\0';
    const int place = find(files, pid, file);
    if (place == -ENOENT || place == -ENOTDIR) {
        (void)snprintf(files->why, sizeof files->why, "is not on this machine");
    } else if (place < 0) {
        (void)snprintf(files->why, sizeof files->why, "cannot be read: %s", strerror(-place));
    } else {
        look(files, place);
        close(place);
    }
    files->answer.path = place >= 0 ? files->path : "";
    files->answer.why = files->why;
    return &files->answer;
}
