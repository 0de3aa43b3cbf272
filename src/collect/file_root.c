/* See file_root.h. */
#include "collect/file_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct identity {
    uint64_t device, inode, mounts;
};

static bool identify(const char *process, struct identity *identity)
{
    char path[64];
    struct stat root;
    struct stat mounts;
    (void)snprintf(path, sizeof path, "/proc/%s/root/", process);
    if (stat(path, &root) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "/proc/%s/ns/mnt", process);
    *identity = (struct identity){root.st_dev, root.st_ino, 0};
    if (stat(path, &mounts) == 0) {
        identity->mounts = mounts.st_ino;
    }
    return true;
}

static bool is_root(const struct ms_file_root *root, const struct identity *identity)
{
    return root->device == identity->device && root->inode == identity->inode &&
           root->mounts == identity->mounts;
}

static void add_pid(struct ms_file_root *root, uint32_t pid)
{
    memmove(root->pids + 1, root->pids, sizeof root->pids - sizeof root->pids[0]);
    root->pids[0] = pid;
}

static bool has_pid(const struct ms_file_root *root, uint32_t pid)
{
    for (size_t i = 0; i < sizeof root->pids / sizeof root->pids[0]; i++) {
        if (root->pids[i] == pid) {
            return true;
        }
    }
    return false;
}

static void unpin(struct ms_file_root *root)
{
    if (root->pinned) {
        close(root->descriptor);
        if (root->name_space >= 0) {
            close(root->name_space);
        }
    }
    *root = (struct ms_file_root){0};
}

static bool pin(struct ms_file_root *root, uint32_t pid, const struct identity *identity)
{
    char path[64];
    unpin(root);
    (void)snprintf(path, sizeof path, "/proc/%u/root", pid);
    root->descriptor = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root->descriptor < 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "/proc/%u/ns/mnt", pid);
    root->name_space = open(path, O_RDONLY | O_CLOEXEC);
    root->pinned = 1;
    root->device = identity->device;
    root->inode = identity->inode;
    root->mounts = identity->mounts;
    return true;
}

const struct ms_file_root *ms_file_roots_of(struct ms_file_roots *roots, uint32_t pid)
{
    char process[16];
    struct identity own;
    struct identity its;
    if (pid == 0) {
        return &roots->own;
    }
    for (size_t i = 0; i < MS_FILE_ROOTS_MAX; i++) {
        if (roots->others[i].pinned && has_pid(&roots->others[i], pid)) {
            return &roots->others[i];
        }
    }
    (void)snprintf(process, sizeof process, "%u", pid);
    if (!identify("self", &own) || !identify(process, &its) ||
        (own.device == its.device && own.inode == its.inode && own.mounts == its.mounts)) {
        return &roots->own;
    }
    for (size_t i = 0; i < MS_FILE_ROOTS_MAX; i++) {
        if (roots->others[i].pinned && is_root(&roots->others[i], &its)) {
            add_pid(&roots->others[i], pid);
            return &roots->others[i];
        }
    }
    struct ms_file_root *root = &roots->others[roots->next++ % MS_FILE_ROOTS_MAX];
    if (!pin(root, pid, &its)) {
        return &roots->own;
    }
    add_pid(root, pid);
    return root;
}

void ms_file_roots_close(struct ms_file_roots *roots)
{
    for (size_t i = 0; i < MS_FILE_ROOTS_MAX; i++) {
        unpin(&roots->others[i]);
    }
}

static int open_path_in(const struct ms_file_root *root, const char *path)
{
    if (!root->pinned) {
        return open(path, O_PATH | O_CLOEXEC);
    }
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    return (int)syscall(SYS_openat2, root->descriptor, path, &how, sizeof how);
}

/* O_PATH opens nothing: the kind of file is known before a device or FIFO could act on it. */
int ms_file_root_open(const struct ms_file_root *root, const char *path)
{
    struct stat status;
    int place = open_path_in(root, path);
    int descriptor = -1;
    if (place < 0) {
        return -1;
    }
    if (fstat(place, &status) == 0 && S_ISREG(status.st_mode)) {
        char link[40];
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", place);
        descriptor = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    }
    close(place);
    return descriptor;
}

static bool read_name(int descriptor, char *name, size_t size)
{
    char link[40];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t bytes = readlink(link, name, size - 1);
    name[bytes < 0 ? 0 : bytes] = '\0';
    return name[0] == '/';
}

void ms_file_root_name(const struct ms_file_root *root, int descriptor, char *name, size_t size)
{
    char prefix[4096];
    if (!read_name(descriptor, name, size)) {
        name[0] = '\0';
        return;
    }
    /* The kernel tells it from our root on, unless it lies in mounts of its own. */
    if (root->pinned && read_name(root->descriptor, prefix, sizeof prefix)) {
        size_t bytes = strlen(prefix);
        if (strncmp(name, prefix, bytes) == 0 && name[bytes] == '/') {
            memmove(name, name + bytes, strlen(name + bytes) + 1);
        }
    }
}
