/* From a name on the command line to a verdict in words; nothing is run. */
#include "keeper/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/elf.h"
#include "wire/elf_allocator.h"

/* As the kernel: one more and exec fails with ELOOP. */
#define SCRIPTS_MAX  5
#define DEFAULT_PATH "/bin:/usr/bin"
/* Replaced by the sanitizers' runtimes; no allocator has a reason to. Linked statically by gcc they
 * do not export the name of their start. */
#define INTERCEPTED "process_vm_readv"

const char *ms_verdict_word(enum ms_verdict verdict)
{
    static const char *const words[] = {
        [MS_VERDICT_FULL] = "full", [MS_VERDICT_PARTIAL] = "partial", [MS_VERDICT_NONE] = "none"};
    return words[verdict];
}

/* 0 for a regular file that may be executed. */
static int executable(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode)) {
        return -EACCES;
    }
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

/* Goes through PATH as execvp: a file that may not be executed is passed over, but remembered. */
static int search_path(const char *program, char *path)
{
    const char *folders = getenv("PATH");
    if (folders == NULL) {
        folders = DEFAULT_PATH;
    }
    int result = -ENOENT;
    for (const char *next = folders; next != NULL;) {
        size_t length = strcspn(next, ":");
        const char *slash = length > 0 ? "/" : "";
        int written = snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, next, slash, program);
        if (written > 0 && written < PATH_MAX) {
            int error = executable(path);
            if (error == 0) {
                return 0;
            }
            result = error == -EACCES ? -EACCES : result;
        }
        next = next[length] == ':' ? next + length + 1 : NULL;
    }
    return result;
}

static int resolve(const char *program, char *path)
{
    if (program[0] == '\0') {
        return -ENOENT;
    }
    if (strchr(program, '/') == NULL) {
        return search_path(program, path);
    }
    int written = snprintf(path, PATH_MAX, "%s", program);
    if (written >= PATH_MAX) {
        return -ENAMETOOLONG;
    }
    int error = executable(path);
    return error == -ENOTDIR ? -ENOENT : error;
}

static void conclude(struct ms_launch *launch, enum ms_verdict verdict, bool preload,
                     const char *because, const char *mend)
{
    launch->verdict = verdict;
    launch->preload = preload;
    snprintf(launch->because, sizeof(launch->because), "%s", because);
    snprintf(launch->mend, sizeof(launch->mend), "%s", mend);
}

static void none(struct ms_launch *launch, const char *because, const char *mend)
{
    conclude(launch, MS_VERDICT_NONE, false, because, mend);
}

/* Opens a regular file without waiting for anybody; -errno. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        return -EACCES;
    }
    return fd >= 0 ? fd : -errno;
}

static bool defines(int fd, const char *name)
{
    return ms_executable_defines(fd, name) == 1;
}

/* Cases in which the loader would not read LD_PRELOAD, or the program would not survive it. */
static bool judge_loading(struct ms_launch *launch, int fd, const struct ms_executable *file)
{
    if (!file->native) {
        bool narrow = file->class_bits == 32;
        none(launch,
             narrow ? "it is a 32-bit program, the probe is a 64-bit one"
                    : "it was built for another kind of processor",
             narrow ? "build it for 64 bits" : "");
    } else if (!file->has_interpreter) {
        none(launch, "it is statically linked: there is no loader that could load the probe",
             "link it dynamically (gcc: without -static; Rust: a gnu target; Go has no malloc)");
    } else if (file->musl) {
        none(launch, "it is linked against musl, the probe needs glibc", "build it for glibc");
    } else if (ms_executable_is_privileged(fd, false) == 1) {
        none(launch,
             "it gains privileges when it starts (set-uid, set-gid or file capabilities): the "
             "loader then ignores probes",
             "run it as root, or a copy of it without these privileges");
    } else {
        return false;
    }
    return true;
}

static bool judge_sanitizers(struct ms_launch *launch, int fd, const struct ms_executable *file)
{
    if (file->needs_asan || defines(fd, "__asan_init")) {
        none(launch,
             "it is built with AddressSanitizer, which must come first and takes over malloc",
             "build it without -fsanitize=address");
    } else if (file->needs_tsan || defines(fd, "__tsan_init")) {
        none(launch, "it is built with ThreadSanitizer, which takes over malloc",
             "build it without -fsanitize=thread");
    } else if (defines(fd, "malloc") && defines(fd, INTERCEPTED)) {
        none(launch, "it contains the runtime of a sanitizer, which takes over malloc",
             "build it without -fsanitize");
    } else {
        return false;
    }
    return true;
}

static void judge(struct ms_launch *launch, int fd, const struct ms_executable *file)
{
    if (judge_loading(launch, fd, file) || judge_sanitizers(launch, fd, file)) {
        return;
    }
    if (defines(fd, "malloc")) {
        conclude(launch, MS_VERDICT_PARTIAL, true,
                 "it has an allocator of its own in the executable: its blocks are not seen; "
                 "mmap, threads and CPU are",
                 "link the allocator as a shared library");
        return;
    }
    const char *inside;
    if (ms_executable_allocator(fd, &inside) == 1) {
        char because[256];
        snprintf(because, sizeof(because),
                 "it has %s inside: blocks of that allocator are not seen; what goes through the "
                 "C library's malloc, mmap, threads and CPU are",
                 inside);
        conclude(launch, MS_VERDICT_PARTIAL, true, because,
                 "link the allocator as a shared library");
        return;
    }
    conclude(launch, MS_VERDICT_FULL, true, "", "");
}

/* One file of the chain. 0: judged; 1: a script, its interpreter is next; or -errno. */
static int look_at(struct ms_launch *launch)
{
    int fd = open_file(launch->interpreter);
    if (fd == -EACCES && executable(launch->interpreter) == 0) {
        none(launch, "its file may be executed but not read: what it is cannot be told",
             "make the file readable");
        return 0;
    }
    if (fd < 0) {
        return fd;
    }
    struct ms_executable file;
    int result = ms_executable_read(fd, &file);
    if (result == 0 && file.kind == MS_EXECUTABLE_OTHER) {
        result = -ENOEXEC;
    }
    if (result == 0 && file.kind == MS_EXECUTABLE_ELF) {
        judge(launch, fd, &file);
    }
    close(fd);
    if (result == 0 && file.kind == MS_EXECUTABLE_SCRIPT) {
        snprintf(launch->interpreter, sizeof(launch->interpreter), "%s", file.interpreter);
        int error = executable(launch->interpreter);
        result = error == 0 ? 1 : error;
    }
    return result;
}

/* Why a file cannot be executed, in words that follow "it " or the name of an interpreter. */
static const char *refusal(const char *path, int error)
{
    struct stat status;
    const bool known = stat(path, &status) == 0;
    switch (error) {
    case -ENOENT:
        return "was not found";
    case -EACCES:
        return !known                     ? "cannot be reached: permission denied"
               : S_ISDIR(status.st_mode)  ? "is a directory"
               : !S_ISREG(status.st_mode) ? "is not a regular file"
                                          : "is not executable: it lacks execute permission";
    case -ENOEXEC:
        return known && status.st_size == 0
                   ? "is an empty file"
                   : "is neither an ELF program nor a script that begins with #!";
    case -ELOOP:
        return "is a script whose interpreters are scripts themselves, too many in a row";
    case -EMFILE:
    case -ENFILE:
        return "cannot be opened: too many open files";
    default:
        return "cannot be opened or read";
    }
}

static int look_along_the_chain(struct ms_launch *launch)
{
    memcpy(launch->interpreter, launch->path, sizeof(launch->interpreter));
    for (int scripts = 0; scripts <= SCRIPTS_MAX; scripts++) {
        const int result = look_at(launch);
        if (result <= 0) {
            return result;
        }
    }
    return -ELOOP;
}

int ms_launch_look(const char *program, struct ms_launch *launch)
{
    *launch = (struct ms_launch){0};
    int result = resolve(program, launch->path);
    if (result != 0) {
        const bool searched = strchr(program, '/') == NULL;
        const char *why = program[0] == '\0'  ? "its name is empty"
                          : result == -ENOENT ? (searched ? "not found in PATH" : "not found")
                          : searched          ? "the file of this name in PATH is not executable"
                                              : NULL;
        snprintf(launch->because, sizeof launch->because, "%s%s", why != NULL ? "" : "it ",
                 why != NULL ? why : refusal(launch->path, result));
        return result;
    }
    result = look_along_the_chain(launch);
    if (result != 0) {
        const bool itself = strcmp(launch->path, launch->interpreter) == 0;
        const char *why = refusal(launch->interpreter, result);
        snprintf(launch->because, sizeof launch->because, "%s%.150s %s",
                 itself ? "it" : "its interpreter ", itself ? "" : launch->interpreter, why);
    }
    return result;
}
