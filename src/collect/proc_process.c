/* See proc_process.h. */
#include "collect/proc_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/proc_text.h"

enum { TIDS_AT_MOST = 1 << 20 };

int ms_proc_process_open(struct ms_proc_process *files, pid_t pid)
{
    *files = (struct ms_proc_process){.pid = pid,
                                      .folder = -1,
                                      .tasks = -1,
                                      .stat = -1,
                                      .statm = -1,
                                      .status = -1,
                                      .io = -1,
                                      .smaps_rollup = -1};
    if (pid <= 0) {
        return -ESRCH;
    }
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/%d", (int)pid);
    files->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->folder < 0) {
        return -errno;
    }
    files->tasks = openat(files->folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return 0;
}

pid_t ms_proc_parent(pid_t pid)
{
    char path[32];
    char text[1024];
    struct ms_proc_stat stat;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int descriptor = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor < 0) {
        return 0;
    }
    ssize_t bytes = read(descriptor, text, sizeof text);
    close(descriptor);
    return bytes > 0 && ms_proc_parse_stat(text, (size_t)bytes, &stat) ? (pid_t)stat.parent_pid : 0;
}

void ms_proc_process_close(struct ms_proc_process *files, struct ms_descriptor_budget *budget)
{
    ms_proc_close(budget, &files->stat);
    ms_proc_close(budget, &files->statm);
    ms_proc_close(budget, &files->status);
    ms_proc_close(budget, &files->io);
    ms_proc_close(budget, &files->smaps_rollup);
    if (files->tasks >= 0) {
        close(files->tasks);
    }
    if (files->folder >= 0) {
        close(files->folder);
    }
    files->tasks = -1;
    files->folder = -1;
}

uint64_t ms_proc_process_run_ns(const struct ms_proc_process *files)
{
    clockid_t clock;
    struct timespec now;
    return clock_getcpuclockid(files->pid, &clock) == 0 && clock_gettime(clock, &now) == 0
               ? (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec
               : 0;
}

/* stat counts in ticks of 10 ms; the process clock gives the sum to the nanosecond. */
static void refine_cpu(struct ms_proc_process *files, struct ms_process_kernel *kernel)
{
    const uint64_t total_ns = ms_proc_process_run_ns(files);
    files->run_ns = total_ns;
    uint64_t coarse_ns = kernel->user_ns + kernel->system_ns;
    if (total_ns >= coarse_ns && total_ns - coarse_ns < 1000000000u) {
        kernel->user_ns = total_ns - kernel->system_ns;
    }
}

static int read_stat(struct ms_proc_process *files, struct ms_descriptor_budget *budget,
                     struct ms_process_kernel *kernel)
{
    char text[1024];
    struct ms_proc_stat stat;
    ssize_t bytes = ms_proc_read(budget, &files->stat, files->folder, "stat", text, sizeof text);
    if (bytes == -ESRCH || bytes == -ENOENT) {
        return -ESRCH;
    }
    if (bytes <= 0 || !ms_proc_parse_stat(text, (size_t)bytes, &stat)) {
        return 0;
    }
    uint64_t before_ns = kernel->user_ns + kernel->system_ns;
    struct ms_process_kernel fresh = *kernel;
    fresh.user_ns = stat.user_ns;
    fresh.system_ns = stat.system_ns;
    /* The first thread may end before the others; a process that is over has no more than that. */
    files->zombie = (stat.state == 'Z' || stat.state == 'X') && stat.threads <= 1;
    files->start_ticks = stat.start_ticks;
    files->threads = stat.threads;
    if (!files->zombie) {
        refine_cpu(files, &fresh);
    }
    if (fresh.user_ns + fresh.system_ns >= before_ns) {
        kernel->user_ns = fresh.user_ns;
        kernel->system_ns = fresh.system_ns;
    }
    kernel->minor_faults = stat.minor_faults;
    kernel->major_faults = stat.major_faults;
    return 0;
}

static void read_statm(struct ms_proc_process *files, struct ms_descriptor_budget *budget,
                       struct ms_process_kernel *kernel)
{
    char text[256];
    ssize_t bytes = ms_proc_read(budget, &files->statm, files->folder, "statm", text, sizeof text);
    const char *at = text;
    uint64_t virtual_pages;
    uint64_t resident_pages;
    /* A zombie has no memory any more: its last figures stay. */
    if (bytes <= 0 || !ms_proc_number(&at, text + bytes, &virtual_pages) ||
        !ms_proc_number(&at, text + bytes, &resident_pages) || virtual_pages == 0) {
        return;
    }
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    kernel->have_memory = true;
    kernel->virtual_bytes = virtual_pages * page_bytes;
    kernel->rss_bytes = resident_pages * page_bytes;
    if (kernel->rss_bytes > kernel->peak_rss_bytes) {
        kernel->peak_rss_bytes = kernel->rss_bytes;
    }
}

static void read_io(struct ms_proc_process *files, struct ms_descriptor_budget *budget,
                    struct ms_process_kernel *kernel)
{
    char text[512];
    struct ms_proc_io io;
    ssize_t bytes = ms_proc_read(budget, &files->io, files->folder, "io", text, sizeof text);
    if (bytes <= 0 || !ms_proc_parse_io(text, (size_t)bytes, &io)) {
        return;
    }
    kernel->have_io = true;
    kernel->read_calls = io.read_calls;
    kernel->write_calls = io.write_calls;
    kernel->read_chars_bytes = io.read_chars_bytes;
    kernel->write_chars_bytes = io.write_chars_bytes;
    kernel->read_storage_bytes = io.read_storage_bytes;
    kernel->write_storage_bytes = io.write_storage_bytes;
}

static void read_kib(int *kept, struct ms_descriptor_budget *budget, int folder, const char *file,
                     const char *key, uint64_t *out_bytes, bool *have)
{
    char text[4096];
    uint64_t kib;
    ssize_t bytes = ms_proc_read(budget, kept, folder, file, text, sizeof text);
    if (bytes > 0 && ms_proc_parse_key(text, (size_t)bytes, key, &kib) && kib < UINT64_MAX >> 10) {
        *out_bytes = kib << 10;
        *have = true;
    }
}

int ms_proc_process_read(struct ms_proc_process *files, struct ms_descriptor_budget *budget,
                         enum ms_proc_depth depth, struct ms_process_kernel *kernel)
{
    if (files->folder < 0) {
        return -ESRCH;
    }
    int result = read_stat(files, budget, kernel);
    if (result != 0) {
        return result;
    }
    read_io(files, budget, kernel);
    if (files->zombie) {
        return 0;
    }
    read_statm(files, budget, kernel);
    bool have_peak = false;
    if (depth >= MS_PROC_STATUS) {
        read_kib(&files->status, budget, files->folder, "status", "VmHWM:", &kernel->peak_rss_bytes,
                 &have_peak);
    }
    if (depth >= MS_PROC_MAPS) {
        read_kib(&files->smaps_rollup, budget, files->folder, "smaps_rollup",
                 "Pss:", &kernel->pss_bytes, &kernel->have_pss);
    }
    return 0;
}

uint64_t ms_proc_memory_mark(const struct ms_process_kernel *kernel)
{
    const uint64_t prime = UINT64_C(1000003);
    return ((kernel->user_ns + kernel->system_ns) * prime + kernel->rss_bytes) * prime +
           kernel->virtual_bytes;
}

void ms_proc_process_exe(const struct ms_proc_process *files, char *exe, size_t size)
{
    ssize_t bytes = files->folder < 0 ? -1 : readlinkat(files->folder, "exe", exe, size - 1);
    exe[bytes > 0 ? bytes : 0] = '\0';
}

size_t ms_proc_process_arguments(const struct ms_proc_process *files, char *text, size_t size)
{
    ssize_t bytes =
        files->folder < 0 ? -1 : ms_proc_read_once(files->folder, "cmdline", text, size);
    return bytes > 0 ? (size_t)bytes : 0;
}

static int compare_tids(const void *left, const void *right)
{
    pid_t a = *(const pid_t *)left;
    pid_t b = *(const pid_t *)right;
    return (a > b) - (a < b);
}

ssize_t ms_proc_process_tids(const struct ms_proc_process *files, pid_t **tids, size_t *capacity)
{
    if (files->tasks < 0) {
        return -ESRCH;
    }
    /* A description of its own: fdopendir takes the descriptor over and closes it. */
    int folder = openat(files->tasks, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *tasks = folder < 0 ? NULL : fdopendir(folder);
    if (tasks == NULL) {
        int error = errno;
        if (folder >= 0) {
            close(folder);
        }
        return -error;
    }
    size_t count = 0;
    bool sorted = true;
    for (const struct dirent *entry; count < TIDS_AT_MOST && (entry = readdir(tasks)) != NULL;) {
        const char *at = entry->d_name;
        uint64_t number;
        if (!ms_proc_number(&at, at + strlen(at), &number) || number > INT32_MAX) {
            continue;
        }
        if (count == *capacity) {
            size_t larger = *capacity == 0 ? 64 : *capacity * 2;
            pid_t *grown = realloc(*tids, larger * sizeof **tids);
            if (grown == NULL) {
                closedir(tasks);
                return -ENOMEM;
            }
            *tids = grown;
            *capacity = larger;
        }
        sorted = sorted && (count == 0 || (*tids)[count - 1] < (pid_t)number);
        (*tids)[count++] = (pid_t)number;
    }
    closedir(tasks);
    if (!sorted) {
        qsort(*tids, count, sizeof **tids, compare_tids);
    }
    return (ssize_t)count;
}
