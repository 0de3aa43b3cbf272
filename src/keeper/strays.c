/*
 * Before the tree is said to have ended: is somebody left of it that no region knows of? A child
 * claims its slot only when it first counts something, and its parent may be gone by then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keeper/processes.h"
#include "keeper/regions.h"
#include "wire/clock.h"

#define BIRTH_SLACK_TICKS 3u

/*
 * Does a line of /proc/PID/maps name a region file of this keeper, mapped to write? Viewers map
 * them too, but were given descriptors for reading only.
 */
static bool is_our_region(const struct ms_keeper *keeper, const char *line)
{
    char access[5] = "";
    uint64_t inode = 0;
    if (strstr(line, "/memfd:memscope-region") == NULL ||
        sscanf(line, "%*s %4s %*s %*s %" SCNu64, access, &inode) != 2 || access[1] != 'w') {
        return false;
    }
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        struct stat status;
        if (fstat(keeper->regions[at]->fd, &status) == 0 && status.st_ino == inode) {
            return true;
        }
    }
    return false;
}

static bool maps_our_region(const struct ms_keeper *keeper, int process)
{
    int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
    FILE *maps = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (maps == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    char *line = NULL;
    size_t size = 0;
    bool found = false;
    while (!found && getline(&line, &size, maps) > 0) {
        found = is_our_region(keeper, line);
    }
    free(line);
    fclose(maps);
    return found;
}

/* Between exec and its first steps: the probe has not taken our variable away yet. */
static bool has_our_session(const struct ms_keeper *keeper, int process)
{
    int fd = openat(process, "environ", O_RDONLY | O_CLOEXEC);
    FILE *environment = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (environment == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    static const char name[] = MS_ENV_SESSION "=";
    char *text = NULL;
    size_t size = 0;
    bool found = false;
    while (!found && getdelim(&text, &size, '\0', environment) > 0) {
        found = strncmp(text, name, sizeof(name) - 1) == 0 &&
                strcmp(text + sizeof(name) - 1, keeper->socket_path) == 0;
    }
    free(text);
    fclose(environment);
    return found;
}

/* Within execve: its address space is new, without our region, and has no environment yet. */
static bool is_executing(pid_t pid, int process)
{
    struct ms_stat_figures stat;
    int fd = openat(process, "environ", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false; /* nor may we know the address of its environment */
    }
    close(fd);
    return ms_process_stat(pid, &stat) == 0 && stat.virtual_bytes > 0 && stat.environment_end == 0;
}

enum belonging { BELONGS_NOT, BELONGS, BELONGS_PERHAPS };

static enum belonging belongs(const struct ms_keeper *keeper, pid_t pid,
                              uint64_t oldest_birth_ticks)
{
    struct ms_stat_figures stat;
    char path[32];
    if (pid == getpid() || ms_process_stat(pid, &stat) != 0 || stat.state == 'Z' ||
        stat.birth_ticks < oldest_birth_ticks) {
        return BELONGS_NOT;
    }
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    int process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (process < 0) {
        return BELONGS_NOT;
    }
    enum belonging found = BELONGS_NOT;
    if (maps_our_region(keeper, process) || has_our_session(keeper, process)) {
        found = BELONGS;
    } else if (is_executing(pid, process)) {
        found = BELONGS_PERHAPS;
    } else if (has_our_session(keeper, process)) { /* it was executing just now */
        found = BELONGS;
    }
    close(process);
    return found;
}

static bool add_stray(struct ms_keeper *keeper, pid_t pid)
{
    for (uint32_t index = 0; index < MS_KEEPER_STRAYS_MAX; index++) {
        if (keeper->strays[index] >= 0) {
            continue;
        }
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0) {
            return false;
        }
        if (ms_session_watch_fd(keeper, pidfd, EPOLLIN, MS_EVENT(MS_EVENT_STRAY, index)) != 0) {
            close(pidfd);
            return false;
        }
        keeper->strays[index] = pidfd;
        return true;
    }
    return false;
}

/* Birth in ticks since boot of the oldest process that can belong to the session. */
static uint64_t oldest_birth(const struct ms_keeper *keeper)
{
    uint64_t start_ns = keeper->session.start_ns + (uint64_t)keeper->asleep_ns;
    uint64_t ticks = start_ns / (MS_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
    return ticks > BIRTH_SLACK_TICKS ? ticks - BIRTH_SLACK_TICKS : 0;
}

uint32_t ms_processes_find_strays(struct ms_keeper *keeper)
{
    if (!keeper->probed) {
        return 0;
    }
    DIR *processes = opendir("/proc");
    if (processes == NULL) {
        return 0;
    }
    uint64_t oldest_birth_ticks = oldest_birth(keeper);
    uint32_t found = 0;
    const struct dirent *entry;
    while ((entry = readdir(processes)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);
        const enum belonging it =
            pid > 0 ? belongs(keeper, (pid_t)pid, oldest_birth_ticks) : BELONGS_NOT;
        if (it == BELONGS_PERHAPS || (it == BELONGS && add_stray(keeper, (pid_t)pid))) {
            found++;
        }
    }
    closedir(processes);
    return found;
}

void ms_processes_stray_ended(struct ms_keeper *keeper, uint32_t index)
{
    if (index < MS_KEEPER_STRAYS_MAX && keeper->strays[index] >= 0) {
        close(keeper->strays[index]);
        keeper->strays[index] = -1;
    }
}

uint32_t ms_processes_strays(const struct ms_keeper *keeper)
{
    uint32_t count = 0;
    for (uint32_t index = 0; index < MS_KEEPER_STRAYS_MAX; index++) {
        count += keeper->strays[index] >= 0 ? 1 : 0;
    }
    return count;
}
