/*
 * Watching the tree. Only the program is our child: its status and figures are complete. The others
 * are watched by pidfd, their status belongs to their parents.
 */
#include "keeper/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/regions.h"
#include "wire/clock.h"

/* Start times of processes are known to a clock tick; a little is added for safety. */
#define BIRTH_SLACK_NS (30 * MS_NS_PER_MS)

static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t count = read(fd, text, size - 1);
    int error = errno;
    close(fd);
    if (count < 0) {
        return -error;
    }
    text[count] = '\0';
    return count;
}

int ms_process_stat(pid_t pid, struct ms_stat_figures *figures)
{
    char text[1024];
    ssize_t count = read_proc(pid, "stat", text, sizeof(text));
    if (count < 0) {
        return (int)count;
    }
    *figures = (struct ms_stat_figures){0};
    /* The name may hold anything, parentheses too: the fields begin after the last one. */
    const char *fields = strrchr(text, ')');
    int found =
        fields == NULL
            ? 0
            : sscanf(fields,
                     ") %c %*d %*d %*d %*d %*d %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %" SCNu64
                     " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %" SCNu64 " %" SCNu64
                     " %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %*d %*u"
                     " %*u %*u %*u %*d %*u %*u %*u %*u %*u %*u %" SCNu64 " %" SCNd64,
                     &figures->state, &figures->minor_faults, &figures->waited_minor_faults,
                     &figures->major_faults, &figures->user_ticks, &figures->system_ticks,
                     &figures->waited_user_ticks, &figures->waited_system_ticks,
                     &figures->birth_ticks, &figures->virtual_bytes, &figures->environment_end,
                     &figures->exit_code);
    return found == 12 ? 0 : -EPROTO;
}

static uint64_t timeval_ns(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * MS_NS_PER_S + (uint64_t)time->tv_usec * 1000;
}

static uint64_t ticks_ns(uint64_t ticks)
{
    return ticks * (MS_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

static bool read_io(pid_t pid, struct ms_process_final *final)
{
    char text[512];
    return read_proc(pid, "io", text, sizeof(text)) > 0 &&
           sscanf(text,
                  "rchar: %" SCNu64 " wchar: %" SCNu64 " syscr: %" SCNu64 " syscw: %" SCNu64
                  " read_bytes: %" SCNu64 " write_bytes: %" SCNu64,
                  &final->read_chars_bytes, &final->write_chars_bytes, &final->read_calls,
                  &final->write_calls, &final->read_storage_bytes,
                  &final->write_storage_bytes) == 6;
}

/*
 * Final figures of a process that ended and is not reaped: from `stat` (NULL:
 * unknown), /proc/PID/io, and `usage` (NULL: none). A part that cannot be read is left out of
 * final->have.
 */
static void process_final_figures(pid_t pid, const struct ms_stat_figures *stat,
                                  const struct rusage *usage, struct ms_process_final *final)
{
    if (usage != NULL) {
        final->have |= MS_FINAL_RUSAGE;
        final->user_ns = timeval_ns(&usage->ru_utime);
        final->system_ns = timeval_ns(&usage->ru_stime);
        final->peak_rss_bytes = (uint64_t)usage->ru_maxrss * 1024;
        final->minor_faults = (uint64_t)usage->ru_minflt;
        final->major_faults = (uint64_t)usage->ru_majflt;
        final->voluntary_switches = (uint64_t)usage->ru_nvcsw;
        final->involuntary_switches = (uint64_t)usage->ru_nivcsw;
    }
    /* The kernel adds waited-for children to what it tells a parent; no child is without a fault.
     * Its own part is then known from stat, though only to the tick. */
    if (usage != NULL && (stat == NULL || stat->waited_minor_faults > 0)) {
        final->have |= MS_FINAL_WAITED;
    }
    if (usage != NULL && stat != NULL && stat->waited_minor_faults > 0) {
        final->user_ns = ticks_ns(stat->user_ticks);
        final->system_ns = ticks_ns(stat->system_ticks);
        final->minor_faults = stat->minor_faults;
        final->major_faults = stat->major_faults;
    }
    if (read_io(pid, final)) {
        final->have |= MS_FINAL_IO;
    }
}

static struct ms_message_process_end *next_end(struct ms_keeper *keeper, uint32_t process_id,
                                               pid_t pid)
{
    struct ms_message_process_end *end = &keeper->ends[keeper->end_count++ % MS_KEEPER_ENDS_MAX];
    *end = (struct ms_message_process_end){
        .header = {.type = MS_MSG_PROCESS_END,
                   .version = MS_WIRE_VERSION,
                   .bytes = sizeof(*end),
                   .process_id = process_id},
        .pid = (uint32_t)pid,
        .exit_status = -2,
        .end_ns = ms_monotonic_ns(),
    };
    return end;
}

/* Takes a live watch out of the count. */
static void stop_watch(struct ms_region_file *file, struct ms_watch *watch,
                       enum ms_watch_state state)
{
    if (watch->pidfd >= 0) {
        close(watch->pidfd);
    }
    watch->pidfd = -1;
    watch->state = state;
    file->alive--;
}

/* Linux 6.15: how a process ended, after it was reaped. The numbers of linux/pidfd.h, which may be
 * older than the kernel. */
struct pidfd_info {
    uint64_t mask, cgroup_id;
    uint32_t ids[11];
    int32_t exit_code;
};
#define PIDFD_WANTS_EXIT UINT64_C(8)
#define PIDFD_ASK        _IOWR(0xff, 11, struct pidfd_info)
_Static_assert(sizeof(struct pidfd_info) == 64, "the first version of it");

static bool ask_reaped(int pidfd, int64_t *exit_code)
{
    struct pidfd_info info = {.mask = PIDFD_WANTS_EXIT};
    if (pidfd < 0 || ioctl(pidfd, PIDFD_ASK, &info) != 0 || (info.mask & PIDFD_WANTS_EXIT) == 0) {
        return false;
    }
    *exit_code = info.exit_code;
    return true;
}

static void take_status(struct ms_message_process_end *end, int status)
{
    if (WIFSIGNALED(status)) {
        end->exit_status = -1;
        end->signal = (uint32_t)WTERMSIG(status);
        end->core_dumped = WCOREDUMP(status) ? 1 : 0;
    } else {
        end->exit_status = WEXITSTATUS(status);
    }
}

/* A process that is not our child has ended; its parent may or may not have reaped it. */
static void end_watch(struct ms_keeper *keeper, struct ms_region_file *file, uint32_t slot)
{
    struct ms_watch *watch = &file->watches[slot];
    struct ms_message_process_end *end =
        next_end(keeper, MS_PROCESS_ID(file->number, slot), watch->pid);
    struct ms_stat_figures stat;
    int64_t status;
    if (watch->birth_ticks != 0 && ms_process_stat(watch->pid, &stat) == 0 &&
        stat.birth_ticks == watch->birth_ticks && stat.state == 'Z') {
        process_final_figures(watch->pid, &stat, NULL, &end->final);
        /* Who may read the one may read the other; else the status would be 0 for all. */
        if ((end->final.have & MS_FINAL_IO) != 0) {
            take_status(end, (int)stat.exit_code);
        }
    }
    if (end->exit_status == -2 && ask_reaped(watch->pidfd, &status)) {
        take_status(end, (int)status);
    }
    stop_watch(file, watch, MS_WATCH_ENDED);
}

/* The same process, counting somewhere else now. Returns its latest process id, 0 if none. */
static uint32_t replace_watches_of(struct ms_keeper *keeper, pid_t pid,
                                   const struct ms_region_file *except, enum ms_watch_state state)
{
    uint32_t latest = 0;
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        struct ms_region_file *file = keeper->regions[at];
        for (uint32_t slot = 0; file != except && slot < file->watch_count; slot++) {
            struct ms_watch *watch = &file->watches[slot];
            if (watch->state == MS_WATCH_ALIVE && watch->pid == pid) {
                stop_watch(file, watch, state);
                latest = MS_PROCESS_ID(file->number, slot);
            }
        }
    }
    return latest;
}

enum identity { IDENTITY_SAME, IDENTITY_GONE, IDENTITY_OTHER };

/*
 * Is the process `pid` the one that said "I am pid" at `claimed_ns`? One born later took over the
 * number of a process that is gone; one born before the session has nothing to do with it: the pid
 * was one of another namespace.
 */
static enum identity identify(const struct ms_keeper *keeper, pid_t pid, uint64_t claimed_ns,
                              uint64_t *birth_ticks)
{
    struct ms_stat_figures stat;
    if (ms_process_stat(pid, &stat) != 0) {
        return IDENTITY_GONE;
    }
    *birth_ticks = stat.birth_ticks;
    /* It may have slept since: so the latest birth is by what it slept up to now, the earliest by
     * what it had slept at the start of the session. */
    uint64_t birth_ns = ticks_ns(stat.birth_ticks);
    if (claimed_ns != 0 && birth_ns > claimed_ns + (uint64_t)ms_asleep_ns() + BIRTH_SLACK_NS) {
        return IDENTITY_GONE;
    }
    bool older = birth_ns + BIRTH_SLACK_NS < keeper->session.start_ns + (uint64_t)keeper->asleep_ns;
    return older ? IDENTITY_OTHER : IDENTITY_SAME;
}

void ms_processes_watch(struct ms_keeper *keeper, struct ms_region_file *file, uint32_t slot,
                        pid_t pid, uint64_t claimed_ns)
{
    struct ms_watch *watch = &file->watches[slot];
    *watch = (struct ms_watch){.pid = pid, .pidfd = -1, .state = MS_WATCH_BLIND};
    if (pid <= 0) {
        return;
    }
    if (slot == 0) {
        replace_watches_of(keeper, pid, file, MS_WATCH_REPLACED);
    }
    if (pid == keeper->program && keeper->program_alive) {
        watch->state = MS_WATCH_ALIVE;
        file->alive++;
        return;
    }
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool gone = pidfd < 0 && errno == ESRCH;
    enum identity identity =
        gone ? IDENTITY_GONE : identify(keeper, pid, claimed_ns, &watch->birth_ticks);
    if (identity == IDENTITY_OTHER) {
        close(pidfd);
        return;
    }
    watch->state = MS_WATCH_ALIVE;
    watch->pidfd = pidfd;
    file->alive++;
    uint32_t id = MS_PROCESS_ID(file->number, slot);
    if (identity == IDENTITY_GONE) {
        if (watch->birth_ticks != 0 && pidfd >= 0) { /* somebody else's by now */
            close(pidfd);
            watch->pidfd = -1;
        }
        watch->birth_ticks = 0;
        end_watch(keeper, file, slot);
    } else if (pidfd >= 0 &&
               ms_session_watch_fd(keeper, pidfd, EPOLLIN, MS_EVENT(MS_EVENT_PROCESS, id)) != 0) {
        close(pidfd);
        watch->pidfd = -1;
    }
}

static bool has_ended(const struct ms_watch *watch)
{
    if (watch->pidfd >= 0) {
        struct pollfd ask = {.fd = watch->pidfd, .events = POLLIN};
        return poll(&ask, 1, 0) == 1;
    }
    struct ms_stat_figures stat;
    return ms_process_stat(watch->pid, &stat) != 0 || stat.state == 'Z' ||
           (watch->birth_ticks != 0 && stat.birth_ticks != watch->birth_ticks);
}

void ms_processes_check(struct ms_keeper *keeper, uint32_t process_id)
{
    struct ms_region_file *file = ms_regions_find(keeper, MS_PROCESS_REGION(process_id));
    uint32_t slot = MS_PROCESS_SLOT(process_id);
    if (file == NULL || slot >= file->watch_count) {
        return;
    }
    const struct ms_watch *watch = &file->watches[slot];
    bool ours = watch->pid == keeper->program && keeper->program_alive;
    if (watch->state == MS_WATCH_ALIVE && !ours && has_ended(watch)) {
        end_watch(keeper, file, slot);
    }
}

void ms_processes_check_all(struct ms_keeper *keeper)
{
    for (uint32_t at = 0; at < keeper->region_count; at++) {
        const struct ms_region_file *file = keeper->regions[at];
        for (uint32_t slot = 0; file->alive > 0 && slot < file->watch_count; slot++) {
            if (file->watches[slot].state == MS_WATCH_ALIVE && file->watches[slot].pidfd < 0) {
                ms_processes_check(keeper, MS_PROCESS_ID(file->number, slot));
            }
        }
    }
}

void ms_processes_reap(struct ms_keeper *keeper)
{
    siginfo_t info = {0};
    struct rusage usage;
    /* The system call, not the function: it tells the usage of a child it leaves unreaped. */
    if (!keeper->program_alive ||
        syscall(SYS_waitid, P_PID, keeper->program, &info, WEXITED | WNOHANG | WNOWAIT, &usage) !=
            0 ||
        info.si_pid == 0) {
        return;
    }
    struct ms_stat_figures stat = {0};
    struct ms_process_final final = {0};
    bool known = ms_process_stat(keeper->program, &stat) == 0;
    process_final_figures(keeper->program, known ? &stat : NULL, &usage, &final);
    ms_regions_scan(keeper, true);

    int status = 0;
    while (waitpid(keeper->program, &status, 0) < 0 && errno == EINTR) {
    }
    keeper->program_alive = false;
    uint32_t id = replace_watches_of(keeper, keeper->program, NULL, MS_WATCH_ENDED);
    struct ms_message_process_end *end =
        next_end(keeper, id != 0 ? id : MS_PROCESS_ID(1, 0), keeper->program);
    end->final = final;
    take_status(end, status);
}

static int signal_program(const struct ms_keeper *keeper, int signal)
{
    /* Once it is reaped its number may be somebody else's. */
    if (!keeper->program_alive) {
        return -ESRCH;
    }
    pid_t to = keeper->terminal >= 0 ? -keeper->program : keeper->program;
    return kill(to, signal) != 0 ? -errno : 0;
}

int ms_processes_signal(struct ms_keeper *keeper, uint32_t process_id, int signal)
{
    if (process_id == 0) {
        return signal_program(keeper, signal);
    }
    const struct ms_region_file *file = ms_regions_find(keeper, MS_PROCESS_REGION(process_id));
    uint32_t slot = MS_PROCESS_SLOT(process_id);
    bool unprobed_program = file == NULL && process_id == MS_PROCESS_ID(1, 0) && !keeper->probed;
    const struct ms_watch *watch =
        file != NULL && slot < file->watch_count ? &file->watches[slot] : NULL;
    if (unprobed_program ||
        (watch != NULL && watch->state == MS_WATCH_ALIVE && watch->pid == keeper->program)) {
        return !keeper->program_alive ? -ESRCH : kill(keeper->program, signal) != 0 ? -errno : 0;
    }
    if (watch == NULL || watch->state != MS_WATCH_ALIVE || watch->pidfd < 0) {
        return -ESRCH;
    }
    return syscall(SYS_pidfd_send_signal, watch->pidfd, signal, NULL, 0) != 0 ? -errno : 0;
}
