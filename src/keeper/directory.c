/*
 * Where the sockets of this user's keepers lie, and which of them still have somebody behind. The
 * same folder is found again from another login, so both places are looked at.
 */
#include "keeper/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DIRECTORY_NAME  "memscope-top"
#define DIRECTORY_COUNT 2
/* "/" pid ".sock" and NUL, or the shorter name that a socket has before it listens */
#define SOCKET_NAME_MAX 18u

/* Candidate `index`: 0 the runtime folder of the login, 1 /tmp. Returns 0 or -ENOENT. */
static int candidate(int index, char *path, size_t size)
{
    int length;
    if (index == 1) {
        length = snprintf(path, size, "/tmp/" DIRECTORY_NAME "-%u", (unsigned)geteuid());
    } else {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        struct stat status;
        if (runtime == NULL || runtime[0] != '/' || stat(runtime, &status) != 0 ||
            !S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
            return -ENOENT;
        }
        length = snprintf(path, size, "%s/" DIRECTORY_NAME, runtime);
    }
    bool fits = length > 0 && (size_t)length < size &&
                (size_t)length + SOCKET_NAME_MAX < MS_SOCKET_PATH_MAX;
    return fits ? 0 : -ENOENT;
}

/* Ours and closed to others? A symbolic link somebody left in /tmp is not. */
static int check(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        return -errno;
    }
    bool ours =
        S_ISDIR(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 077) == 0;
    return ours ? 0 : -EPERM;
}

int ms_keeper_directory(char *path, size_t size)
{
    int index = candidate(0, path, size) == 0 ? 0 : 1;
    int error = candidate(index, path, size);
    if (error != 0) {
        return -ENAMETOOLONG;
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return -errno;
    }
    return check(path);
}

/* Is anybody listening? An answer that is not a plain no counts as a yes. */
static bool may_be_alive(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(socket_path);
    if (length >= sizeof(address.sun_path)) {
        return false;
    }
    memcpy(address.sun_path, socket_path, length + 1);
    int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return true;
    }
    bool refused = connect(probe, (struct sockaddr *)&address, sizeof(address)) != 0 &&
                   (errno == ECONNREFUSED || errno == ENOENT);
    close(probe);
    return !refused;
}

int ms_socket_path(const char *directory, pid_t program, char path[MS_SOCKET_PATH_MAX])
{
    int length = snprintf(path, MS_SOCKET_PATH_MAX, "%s/%d.sock", directory, (int)program);
    return length > 0 && length < (int)MS_SOCKET_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int ms_keeper_find(pid_t pid, char *path, size_t size)
{
    char directory[MS_SOCKET_PATH_MAX];
    for (int index = 0; index < DIRECTORY_COUNT; index++) {
        if (candidate(index, directory, sizeof(directory)) != 0 || check(directory) != 0) {
            continue;
        }
        char found[MS_SOCKET_PATH_MAX];
        if (ms_socket_path(directory, pid, found) == 0 && access(found, F_OK) == 0 &&
            may_be_alive(found)) {
            int length = snprintf(path, size, "%s", found);
            return (size_t)length < size ? 0 : -ENAMETOOLONG;
        }
    }
    return -ENOENT;
}

/* The pid in "PID.sock", 0 for any other name. */
static pid_t socket_name_pid(const char *name)
{
    char *end;
    errno = 0;
    long pid = strtol(name, &end, 10);
    bool fits = errno == 0 && end != name && pid > 0 && pid <= 0x7fffffff && name[0] != '+';
    return fits && strcmp(end, ".sock") == 0 ? (pid_t)pid : 0;
}

static int each_in(const char *directory, int (*each)(const char *, pid_t, void *), void *context)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return errno == ENOENT ? 0 : -errno;
    }
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(entries)) != NULL) {
        char path[MS_SOCKET_PATH_MAX];
        pid_t pid = socket_name_pid(entry->d_name);
        if (pid == 0 || ms_socket_path(directory, pid, path) != 0) {
            continue;
        }
        if (may_be_alive(path)) {
            result = each(path, pid, context);
        } else {
            unlink(path);
        }
    }
    closedir(entries);
    return result;
}

int ms_keeper_each(int (*each)(const char *socket_path, pid_t program, void *context),
                   void *context)
{
    char directory[MS_SOCKET_PATH_MAX];
    int result = 0;
    for (int index = 0; result == 0 && index < DIRECTORY_COUNT; index++) {
        if (candidate(index, directory, sizeof(directory)) == 0 && check(directory) == 0) {
            result = each_in(directory, each, context);
        }
    }
    return result;
}
