/* See proc_file.h. */
#include "collect/proc_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { KEPT_AT_MOST = 65536 };

void ms_descriptor_budget_init(struct ms_descriptor_budget *budget)
{
    struct rlimit limit;
    *budget = (struct ms_descriptor_budget){.limit = 200};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            limit = raised;
        }
    }
    rlim_t share = limit.rlim_cur / 5 * 4;
    budget->limit = share > KEPT_AT_MOST ? KEPT_AT_MOST : (unsigned)share;
}

static ssize_t read_at(int descriptor, char *text, size_t size, off_t offset)
{
    ssize_t bytes;
    do {
        bytes = pread(descriptor, text, size, offset);
    } while (bytes < 0 && errno == EINTR);
    return bytes < 0 ? -errno : bytes;
}

static ssize_t read_from_start(int descriptor, char *text, size_t size, bool list)
{
    ssize_t bytes = read_at(descriptor, text, size - 1, 0);
    ssize_t more = bytes;
    while (list && more > 0 && (size_t)bytes < size - 1) {
        more = read_at(descriptor, text + bytes, size - 1 - (size_t)bytes, bytes);
        bytes = more < 0 ? more : bytes + more;
    }
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes;
}

static ssize_t read_kept(struct ms_descriptor_budget *budget, int *kept, int folder,
                         const char *path, char *text, size_t size, bool list)
{
    if (*kept >= 0) {
        return read_from_start(*kept, text, size, list);
    }
    int descriptor = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        text[0] = '\0';
        return -errno;
    }
    ssize_t bytes = read_from_start(descriptor, text, size, list);
    if (bytes >= 0 && budget->open < budget->limit) {
        *kept = descriptor;
        budget->open++;
    } else {
        close(descriptor);
    }
    return bytes;
}

ssize_t ms_proc_read(struct ms_descriptor_budget *budget, int *kept, int folder, const char *path,
                     char *text, size_t size)
{
    return read_kept(budget, kept, folder, path, text, size, false);
}

ssize_t ms_proc_read_list(struct ms_descriptor_budget *budget, int *kept, int folder,
                          const char *path, char *text, size_t size)
{
    return read_kept(budget, kept, folder, path, text, size, true);
}

ssize_t ms_proc_read_once(int folder, const char *path, char *text, size_t size)
{
    struct ms_descriptor_budget none = {0};
    int kept = -1;
    return ms_proc_read(&none, &kept, folder, path, text, size);
}

ssize_t ms_proc_read_in(const char *folder, const char *name, char *text, size_t size)
{
    char path[PATH_MAX];
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        text[0] = '\0';
        return -ENAMETOOLONG;
    }
    return ms_proc_read_once(AT_FDCWD, path, text, size);
}

void ms_proc_close(struct ms_descriptor_budget *budget, int *kept)
{
    if (*kept >= 0) {
        close(*kept);
        *kept = -1;
        budget->open--;
    }
}

bool ms_proc_has_entries(const char *path)
{
    DIR *folder = opendir(path);
    bool any = false;
    if (folder == NULL) {
        return false;
    }
    for (const struct dirent *entry; !any && (entry = readdir(folder)) != NULL;) {
        any = entry->d_name[0] != '.';
    }
    closedir(folder);
    return any;
}
