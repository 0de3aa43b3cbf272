/* See proc_thread.h. */
#include "collect/proc_thread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collect/proc_text.h"

void ms_proc_thread_init(struct ms_proc_thread *files)
{
    *files = (struct ms_proc_thread){.schedstat = -1, .stat = -1, .status = -1, .io = -1};
}

void ms_proc_thread_close(struct ms_proc_thread *files, struct ms_descriptor_budget *budget)
{
    ms_proc_close(budget, &files->schedstat);
    ms_proc_close(budget, &files->stat);
    ms_proc_close(budget, &files->status);
    ms_proc_close(budget, &files->io);
}

struct source {
    struct ms_descriptor_budget *budget;
    int tasks;
    pid_t tid;
};

static ssize_t read_one(const struct source *source, int *kept, const char *file, char *text,
                        size_t size)
{
    char path[48];
    path[0] = '\0';
    if (*kept < 0) {
        (void)snprintf(path, sizeof path, "%d/%s", (int)source->tid, file);
    }
    return ms_proc_read(source->budget, kept, source->tasks, path, text, size);
}

static bool is_gone(ssize_t result)
{
    return result == -ESRCH || result == -ENOENT;
}

/* The thread is gone only when stat says so: schedstat may be missing from a kernel. */
static int read_stat(struct ms_proc_thread *files, const struct source *source,
                     struct ms_kernel_thread *kernel, char *name, uint64_t *start_ticks)
{
    char text[1024];
    struct ms_proc_stat stat;
    ssize_t bytes = read_one(source, &files->stat, "stat", text, sizeof text);
    if (is_gone(bytes)) {
        return -ESRCH;
    }
    if (bytes <= 0 || !ms_proc_parse_stat(text, (size_t)bytes, &stat)) {
        return 0;
    }
    kernel->have |= MS_HAVE_CPU;
    kernel->state = stat.state;
    kernel->last_core = stat.last_core;
    kernel->user_ns = stat.user_ns;
    kernel->system_ns = stat.system_ns;
    kernel->minor_faults = stat.minor_faults;
    kernel->major_faults = stat.major_faults;
    memcpy(name, stat.name, sizeof stat.name);
    *start_ticks = stat.start_ticks;
    return 0;
}

static void read_switches_and_io(struct ms_proc_thread *files, const struct source *source,
                                 struct ms_kernel_thread *kernel)
{
    char text[4096];
    ssize_t bytes = read_one(source, &files->status, "status", text, sizeof text);
    if (bytes > 0 && ms_proc_parse_switches(text, (size_t)bytes, &kernel->voluntary_switches,
                                            &kernel->involuntary_switches)) {
        kernel->have |= MS_HAVE_SWITCHES;
    }
    struct ms_proc_io io;
    bytes = read_one(source, &files->io, "io", text, sizeof text);
    if (bytes > 0 && ms_proc_parse_io(text, (size_t)bytes, &io)) {
        kernel->have |= MS_HAVE_IO;
        kernel->read_calls = io.read_calls;
        kernel->write_calls = io.write_calls;
        kernel->read_chars_bytes = io.read_chars_bytes;
        kernel->write_chars_bytes = io.write_chars_bytes;
        kernel->read_storage_bytes = io.read_storage_bytes;
        kernel->write_storage_bytes = io.write_storage_bytes;
    }
}

int ms_proc_thread_read(struct ms_proc_thread *files, struct ms_descriptor_budget *budget,
                        int tasks, pid_t tid, bool full, struct ms_kernel_thread *kernel,
                        char *name, uint64_t *start_ticks)
{
    const struct source source = {.budget = budget, .tasks = tasks, .tid = tid};
    char text[128];
    bool moved = true;
    uint64_t run_ns;
    uint64_t wait_ns;
    ssize_t bytes = read_one(&source, &files->schedstat, "schedstat", text, sizeof text);
    if (bytes == -ESRCH) {
        return -ESRCH;
    }
    if (bytes > 0 && ms_proc_parse_schedstat(text, (size_t)bytes, &run_ns, &wait_ns)) {
        moved = (kernel->have & MS_HAVE_RUN_QUEUE) == 0 || run_ns != kernel->run_ns ||
                wait_ns != kernel->run_queue_wait_ns;
        kernel->have |= MS_HAVE_RUN_QUEUE;
        kernel->run_ns = run_ns;
        kernel->run_queue_wait_ns = wait_ns;
    }
    if (moved || full) {
        int result = read_stat(files, &source, kernel, name, start_ticks);
        if (result != 0) {
            return result;
        }
    }
    /* Who has not run since has not changed them. */
    files->moved = files->moved || moved;
    if (full && files->moved) {
        files->moved = false;
        read_switches_and_io(files, &source, kernel);
    }
    return 0;
}
