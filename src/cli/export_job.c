#include "cli/export_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "export/file.h"
#include "wire/clock.h"

#define TELL_NS (MS_NS_PER_S / 10)
#define END_MS  1000
#define LOOK_MS 10
#define NICE    10

/* What the child tells; less than PIPE_BUF, so it comes whole. */
struct told {
    uint64_t done, all;
    int32_t result;
    uint32_t over;
};

struct child {
    int pipe;
    uint64_t told_ns;
};

/* A viewer that went or cancelled has closed its end: then nothing is to be written any more. */
static bool tell(void *context, uint64_t done, uint64_t all)
{
    struct child *child = context;
    const uint64_t now_ns = ms_monotonic_ns();
    struct pollfd other = {.fd = child->pipe};
    if (poll(&other, 1, 0) == 1 && (other.revents & (POLLERR | POLLHUP)) != 0) {
        return false;
    }
    if (now_ns - child->told_ns >= TELL_NS) {
        const struct told told = {.done = done, .all = all};
        child->told_ns = now_ns;
        (void)!write(child->pipe, &told, sizeof told); /* full: the next one tells */
    }
    return true;
}

/* Away from the viewer's terminal, descriptors, process group and signals. */
static void leave_viewer(int pipe)
{
    sigset_t all;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)setpgid(0, 0);
    /* Who waits for the reader of a pipe does not see that the viewer is gone. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= STDERR_FILENO && null >= 0; fd++) {
        (void)dup2(null, fd);
    }
    (void)close_range(STDERR_FILENO + 1, (unsigned)pipe - 1, 0);
    (void)close_range((unsigned)pipe + 1, ~0u, 0);
}

int ms_export_job_start(struct ms_export_job *job, enum ms_export format, const char *path,
                        bool overwrite, const struct ms_model *model,
                        const struct ms_export_options *options)
{
    int ends[2];
    if (ms_export_job_runs(job)) {
        return -EBUSY;
    }
    if (!overwrite && ms_file_replaces(path)) {
        return -EEXIST;
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -errno;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        struct child child = {.pipe = ends[1]};
        struct ms_export_options with_progress = *options;
        with_progress.progress = tell;
        with_progress.context = &child;
        leave_viewer(child.pipe);
        struct told told = {.over = 1};
        told.result = ms_export_write_file(path, overwrite, format, model, &with_progress);
        (void)!write(child.pipe, &told, sizeof told);
        _exit(told.result == 0 ? 0 : 1); /* nothing of the viewer is to be flushed or undone */
    }
    const int error = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return error;
    }
    *job = (struct ms_export_job){.pid = pid, .progress = ends[0], .begun_ns = ms_monotonic_ns()};
    (void)snprintf(job->path, sizeof job->path, "%s", path);
    return 0;
}

static void close_pipe(struct ms_export_job *job)
{
    if (job->progress >= 0) {
        close(job->progress);
        job->progress = -1;
    }
}

/* It waits for a disk or for the reader of a pipe, and so does not see that it is cancelled. */
static void end_if_it_hangs(const struct ms_export_job *job)
{
    if (job->cancelled && ms_monotonic_ns() - job->cancelled_ns >= END_MS * MS_NS_PER_MS) {
        (void)kill(job->pid, SIGKILL);
    }
}

/* Of one that did not tell its result. */
static int result_of(const struct ms_export_job *job, bool waited, int status)
{
    if (waited && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0; /* what was cancelled too late is there */
    }
    return job->cancelled ? -ECANCELED : waited && WIFSIGNALED(status) ? -EOWNERDEAD : -EIO;
}

bool ms_export_job_look(struct ms_export_job *job, int *result)
{
    struct told told;
    bool over = false;
    if (!ms_export_job_runs(job)) {
        return false;
    }
    end_if_it_hangs(job);
    while (job->progress >= 0 && !over &&
           read(job->progress, &told, sizeof told) == (ssize_t)sizeof told) {
        job->done = told.done;
        job->all = told.all;
        over = told.over != 0;
    }
    int status = 0;
    const pid_t pid = waitpid(job->pid, &status, over ? 0 : WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) {
        return false;
    }
    /* It may have told its result between the read and the wait. */
    while (job->progress >= 0 && !over &&
           read(job->progress, &told, sizeof told) == (ssize_t)sizeof told) {
        over = told.over != 0;
    }
    *result = over ? told.result : result_of(job, pid > 0, status);
    close_pipe(job);
    job->pid = 0;
    return true;
}

void ms_export_job_cancel(struct ms_export_job *job)
{
    if (ms_export_job_runs(job) && !job->cancelled) {
        job->cancelled = true;
        job->cancelled_ns = ms_monotonic_ns();
        close_pipe(job);
    }
}

int ms_export_job_end(struct ms_export_job *job)
{
    int result = 0;
    ms_export_job_cancel(job);
    while (ms_export_job_runs(job) && !ms_export_job_look(job, &result)) {
        (void)poll(NULL, 0, LOOK_MS);
    }
    return result;
}
