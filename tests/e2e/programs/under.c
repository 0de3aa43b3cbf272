/*
 * Runs a program under limits: they hold from its first instruction on.
 *   under [as=BYTES] [data=BYTES] [fsize=BYTES] [nofile=N] [memlock=BYTES] [nolock] [cgroup=FOLDER]
 *         -- PROGRAM [ARGUMENT...]
 * nolock gives up the privilege to lock more than memlock allows.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
    const char *name;
    int what;
} limits[] = {{"as=", RLIMIT_AS},         {"data=", RLIMIT_DATA},       {"fsize=", RLIMIT_FSIZE},
              {"nofile=", RLIMIT_NOFILE}, {"memlock=", RLIMIT_MEMLOCK}, {"stack=", RLIMIT_STACK}};

static int fail(const char *what)
{
    fprintf(stderr, "under: %s: %s\n", what, strerror(errno));
    return 125;
}

static int enter_cgroup(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/cgroup.procs", folder);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && dprintf(fd, "%d\n", (int)getpid()) > 0 && close(fd) == 0 ? 0 : -1;
}

static int apply(const char *option)
{
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        size_t length = strlen(limits[i].name);
        if (strncmp(option, limits[i].name, length) == 0) {
            rlim_t value = strtoull(option + length, NULL, 10);
            struct rlimit both = {value, value};
            return setrlimit(limits[i].what, &both);
        }
    }
    if (strcmp(option, "nolock") == 0) {
        return geteuid() == 0 ? prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK) : 0;
    }
    if (strncmp(option, "cgroup=", 7) == 0) {
        return enter_cgroup(option + 7);
    }
    errno = EINVAL;
    return -1;
}

int main(int argc, char **argv)
{
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (apply(argv[i]) != 0) {
            return fail(argv[i]);
        }
    }
    if (i + 1 >= argc) {
        return 2;
    }
    execv(argv[i + 1], argv + i + 1);
    return fail(argv[i + 1]);
}
