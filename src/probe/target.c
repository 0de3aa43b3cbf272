/* A look at the file that is about to be executed. */
#include "probe/target.h"
#include "probe/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/elf.h"

/* The kernel follows a chain of #! lines no further. */
#define SCRIPT_DEPTH_MAX 5
#define CANDIDATE_MAX    1024

enum look { LOOK_NO, LOOK_YES, LOOK_SCRIPT, LOOK_UNKNOWN };

/* Is it glibc's loader? Any other may stop at symbols that it lacks, and the program with it. */
static bool glibc_loader(const char *interpreter)
{
    static const char *const names[] = {"ld-linux", "ld.so", "ld-2."};
    const char *slash = strrchr(interpreter, '/');
    const char *base = slash != NULL ? slash + 1 : interpreter;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(base, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* One file; for a script *found names its interpreter. */
static enum look look_at(int descriptor, struct ms_executable *found)
{
    if (ms_executable_read(descriptor, found) != 0) {
        return LOOK_NO;
    }
    switch (found->kind) {
    case MS_EXECUTABLE_SCRIPT:
        /* The kernel ignores set-user-ID of a script; that of its interpreter counts. */
        return found->interpreter[0] != '\0' ? LOOK_SCRIPT : LOOK_NO;
    case MS_EXECUTABLE_ELF:
        break;
    default:
        return LOOK_UNKNOWN;
    }
    return found->native && found->has_interpreter && !found->musl && !found->needs_asan &&
                   glibc_loader(found->interpreter) &&
                   ms_executable_is_privileged(descriptor, false) == 0
               ? LOOK_YES
               : LOOK_NO;
}

/* Opening a device or a FIFO could do something; opening a file does not. */
static int open_regular(int directory, const char *path, int flags)
{
    struct stat status;
    if (fstatat(directory, path, &status, flags & AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    if (!S_ISREG(status.st_mode)) {
        errno = EACCES;
        return -1;
    }
    int nofollow = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0;
    return ms_direct_openat(directory, path,
                            O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | nofollow);
}

/* Follows #! lines from `descriptor`, which it closes when `owned`. */
static bool follow(int descriptor, bool owned, enum ms_target_unknown unknown)
{
    struct ms_executable found;
    enum look look = LOOK_NO;
    for (int depth = 0; descriptor >= 0 && depth <= SCRIPT_DEPTH_MAX; depth++) {
        look = look_at(descriptor, &found);
        if (owned) {
            ms_direct_close(descriptor);
        }
        if (look == LOOK_UNKNOWN && depth == 0 && unknown == MS_TARGET_UNKNOWN_SHELL) {
            memcpy(found.interpreter, "/bin/sh", sizeof("/bin/sh"));
            look = LOOK_SCRIPT;
        }
        if (look != LOOK_SCRIPT) {
            return look == LOOK_YES;
        }
        descriptor = open_regular(AT_FDCWD, found.interpreter, 0);
        owned = true;
    }
    if (owned && descriptor >= 0) {
        ms_direct_close(descriptor);
    }
    return false;
}

/* With differing ids every exec is in secure mode: the loader would ignore us. */
static bool secure_mode(void)
{
    return getuid() != geteuid() || getgid() != getegid();
}

bool ms_target_suitable(int directory, const char *path, int flags, enum ms_target_unknown unknown)
{
    return path != NULL && !secure_mode() &&
           follow(open_regular(directory, path, flags), true, unknown);
}

bool ms_target_suitable_in_path(const char *file, enum ms_target_unknown unknown)
{
    if (file == NULL || *file == '\0') {
        return false;
    }
    if (strchr(file, '/') != NULL) {
        return ms_target_suitable(AT_FDCWD, file, 0, unknown);
    }
    const char *path = getenv("PATH");
    if (path == NULL) {
        path = "/bin:/usr/bin";
    }
    size_t file_bytes = strlen(file) + 1;
    for (;;) {
        char candidate[CANDIDATE_MAX];
        const char *end = strchrnul(path, ':');
        size_t length = (size_t)(end - path);
        if (length + 1 + file_bytes > sizeof(candidate)) {
            return false;
        }
        memcpy(candidate, path, length);
        if (length > 0) {
            candidate[length++] = '/';
        }
        memcpy(candidate + length, file, file_bytes);
        struct stat status;
        if (ms_direct_stat(candidate, &status) == 0 && S_ISREG(status.st_mode) &&
            faccessat(AT_FDCWD, candidate, X_OK, AT_EACCESS) == 0) {
            return ms_target_suitable(AT_FDCWD, candidate, 0, unknown);
        }
        if (*end == '\0') {
            return false;
        }
        path = end + 1;
    }
}

bool ms_target_suitable_descriptor(int descriptor)
{
    static const char prefix[] = "/proc/self/fd/";
    if (descriptor < 0 || secure_mode()) {
        return false;
    }
    int flags = ms_direct_fcntl(descriptor, F_GETFL, 0);
    if (flags < 0) {
        return false;
    }
    if ((flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY) {
        return follow(descriptor, false, MS_TARGET_UNKNOWN_FAILS);
    }
    char path[sizeof(prefix) + 12];
    char digits[12];
    size_t count = 0, length = sizeof(prefix) - 1;
    do {
        digits[count++] = (char)('0' + descriptor % 10);
        descriptor /= 10;
    } while (descriptor > 0);
    memcpy(path, prefix, length);
    while (count > 0) {
        path[length++] = digits[--count];
    }
    path[length] = '\0';
    return ms_target_suitable(AT_FDCWD, path, 0, MS_TARGET_UNKNOWN_FAILS);
}
