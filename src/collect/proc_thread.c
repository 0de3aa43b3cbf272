/* See proc_thread.h. */
#include "collect/proc_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collect/proc_text.h"

#define ALL ((unsigned)(MS_THREAD_STAT | MS_THREAD_FULL | MS_THREAD_STATUS | MS_THREAD_COUNTED))

void ms_proc_thread_init(struct ms_proc_thread *files)
{
    *files = (struct ms_proc_thread){
        .schedstat = -1, .stat = -1, .status = -1, .io = -1, .sched = -1, .due = ALL};
    ms_thread_counting_init(&files->counting);
}

void ms_proc_thread_close(struct ms_proc_thread *files, struct ms_descriptor_budget *budget,
                          struct ms_thread_sources *sources)
{
    ms_proc_close(budget, &files->schedstat);
    ms_proc_close(budget, &files->stat);
    ms_proc_close(budget, &files->status);
    ms_proc_close(budget, &files->io);
    ms_proc_close(budget, &files->sched);
    ms_thread_counting_close(&sources->counting, &files->counting, budget);
}

static ssize_t read_one(const struct ms_proc_thread_place *place, int *kept, const char *file,
                        char *text, size_t size)
{
    char path[48];
    path[0] = '\0';
    if (*kept < 0) {
        (void)snprintf(path, sizeof path, "%d/%s", (int)place->tid, file);
    }
    return ms_proc_read(place->budget, kept, place->tasks, path, text, size);
}

/* A file that is missing says something of the kernel when the thread is still there. */
static void note(const struct ms_proc_thread_place *place, struct ms_kernel_thread *kernel,
                 enum ms_source source, enum ms_thread_have have, ssize_t bytes, bool parsed)
{
    if (parsed) {
        kernel->have |= (uint32_t)have;
        ms_thread_sources_note(place->sources, source, 0);
        return;
    }
    int error = bytes < 0 ? (int)bytes : -ENODATA;
    if (error == -ENOENT) {
        char path[16];
        (void)snprintf(path, sizeof path, "%d", (int)place->tid);
        error = faccessat(place->tasks, path, F_OK, 0) == 0 ? -ENOENT : -ESRCH;
    }
    if (error == -EACCES || error == -EPERM) {
        kernel->refused |= (uint32_t)have;
    }
    ms_thread_sources_note(place->sources, source, error);
}

static void take_node(const struct ms_proc_thread_place *place, struct ms_kernel_thread *kernel)
{
    const int32_t core = kernel->last_core;
    kernel->node = place->system != NULL && core >= 0 && (uint32_t)core < MS_CORES_MAX
                       ? place->system->core[core].node
                       : -1;
    kernel->have =
        kernel->node >= 0 ? kernel->have | MS_HAVE_NODE : kernel->have & ~(uint32_t)MS_HAVE_NODE;
}

/* The thread is gone only when stat says so: schedstat may be missing from a kernel. */
static int read_stat(struct ms_proc_thread *files, const struct ms_proc_thread_place *place,
                     struct ms_kernel_thread *kernel, char *name, uint64_t *start_ticks)
{
    char text[1024];
    struct ms_proc_stat stat;
    const ssize_t bytes = read_one(place, &files->stat, "stat", text, sizeof text);
    if (bytes == -ESRCH || bytes == -ENOENT) {
        return -ESRCH;
    }
    const bool parsed = bytes > 0 && ms_proc_parse_stat(text, (size_t)bytes, &stat);
    note(place, kernel, MS_SOURCE_THREAD_STAT, MS_HAVE_CPU, bytes, parsed);
    if (!parsed) {
        return 0;
    }
    kernel->state = stat.state;
    kernel->last_core = stat.last_core;
    kernel->user_ns = stat.user_ns;
    kernel->system_ns = stat.system_ns;
    kernel->minor_faults = stat.minor_faults;
    kernel->major_faults = stat.major_faults;
    take_node(place, kernel);
    memcpy(name, stat.name, sizeof stat.name);
    *start_ticks = stat.start_ticks;
    files->due &= ~(unsigned)MS_THREAD_STAT;
    return 0;
}

static void read_status(struct ms_proc_thread *files, const struct ms_proc_thread_place *place,
                        struct ms_kernel_thread *kernel)
{
    char text[4096];
    const ssize_t bytes = read_one(place, &files->status, "status", text, sizeof text);
    const bool parsed =
        bytes > 0 && ms_proc_parse_switches(text, (size_t)bytes, &kernel->voluntary_switches,
                                            &kernel->involuntary_switches);
    note(place, kernel, MS_SOURCE_THREAD_STATUS, MS_HAVE_SWITCHES, bytes, parsed);
    if (bytes > 0 && ms_proc_parse_affinity(text, (size_t)bytes, &kernel->cores_allowed,
                                            kernel->affinity, sizeof kernel->affinity)) {
        kernel->have |= MS_HAVE_AFFINITY;
    }
}

static void read_io(struct ms_proc_thread *files, const struct ms_proc_thread_place *place,
                    struct ms_kernel_thread *kernel)
{
    char text[512];
    struct ms_proc_io io;
    const ssize_t bytes = read_one(place, &files->io, "io", text, sizeof text);
    const bool parsed = bytes > 0 && ms_proc_parse_io(text, (size_t)bytes, &io);
    note(place, kernel, MS_SOURCE_THREAD_IO, MS_HAVE_IO, bytes, parsed);
    if (parsed) {
        kernel->read_calls = io.read_calls;
        kernel->write_calls = io.write_calls;
        kernel->read_chars_bytes = io.read_chars_bytes;
        kernel->write_chars_bytes = io.write_chars_bytes;
        kernel->read_storage_bytes = io.read_storage_bytes;
        kernel->write_storage_bytes = io.write_storage_bytes;
    }
}

/* Switches, too: it is cheaper than status. */
static void read_sched(struct ms_proc_thread *files, const struct ms_proc_thread_place *place,
                       struct ms_kernel_thread *kernel)
{
    char text[4096];
    struct ms_proc_sched sched;
    const ssize_t bytes = read_one(place, &files->sched, "sched", text, sizeof text);
    const bool parsed = bytes > 0 && ms_proc_parse_sched(text, (size_t)bytes, &sched);
    note(place, kernel, MS_SOURCE_THREAD_SCHED, MS_HAVE_MIGRATIONS, bytes, parsed);
    if (parsed) {
        kernel->migrations = sched.migrations;
        kernel->voluntary_switches = sched.voluntary;
        kernel->involuntary_switches = sched.involuntary;
        kernel->have |= MS_HAVE_SWITCHES;
    }
}

static void read_counters(struct ms_proc_thread *files, const struct ms_proc_thread_place *place,
                          struct ms_kernel_thread *kernel)
{
    struct ms_counting *counting = &place->sources->counting;
    if (ms_thread_counting_read(counting, &files->counting, place->budget, place->tid,
                                &kernel->counters)) {
        kernel->have |= MS_HAVE_COUNTERS;
    } else if (files->counting.count == 0 && counting->error == -EACCES) {
        kernel->refused |= MS_HAVE_COUNTERS;
    }
}

/* What has not run since it was read is still what was read. */
static void read_due(struct ms_proc_thread *files, const struct ms_proc_thread_place *place,
                     unsigned depth, struct ms_kernel_thread *kernel)
{
    const unsigned due = depth & files->due;
    files->due &= ~(depth & ~(unsigned)MS_THREAD_STAT);
    if ((depth & MS_THREAD_FULL) != 0) {
        kernel->slowly_read_ns = place->now_ns;
        if ((due & MS_THREAD_FULL) != 0) {
            if (!ms_thread_sources_absent(place->sources, MS_SOURCE_THREAD_SCHED)) {
                read_sched(files, place, kernel);
            }
            if (!ms_thread_sources_absent(place->sources, MS_SOURCE_THREAD_IO)) {
                read_io(files, place, kernel);
            }
        }
    }
    const bool sched = (kernel->have & MS_HAVE_MIGRATIONS) != 0;
    if ((due & (sched ? MS_THREAD_STATUS : MS_THREAD_FULL)) != 0) {
        read_status(files, place, kernel);
    }
    if ((depth & MS_THREAD_COUNTED) != 0) {
        kernel->counters_read_ns = place->now_ns;
        if ((due & MS_THREAD_COUNTED) != 0) {
            read_counters(files, place, kernel);
        }
    }
}

int ms_proc_thread_read(struct ms_proc_thread *files, const struct ms_proc_thread_place *place,
                        unsigned depth, struct ms_kernel_thread *kernel, char *name,
                        uint64_t *start_ticks)
{
    char text[128];
    bool moved = true;
    uint64_t run_ns;
    uint64_t wait_ns;
    const ssize_t bytes = read_one(place, &files->schedstat, "schedstat", text, sizeof text);
    if (bytes == -ESRCH) {
        return -ESRCH;
    }
    const bool parsed =
        bytes > 0 && ms_proc_parse_schedstat(text, (size_t)bytes, &run_ns, &wait_ns);
    if (parsed) {
        moved = (kernel->have & MS_HAVE_RUN_QUEUE) == 0 || run_ns != kernel->run_ns ||
                wait_ns != kernel->run_queue_wait_ns;
        kernel->run_ns = run_ns;
        kernel->run_queue_wait_ns = wait_ns;
    }
    if (bytes != -ENOENT) { /* else stat tells which of the two is missing */
        note(place, kernel, MS_SOURCE_SCHEDSTAT, MS_HAVE_RUN_QUEUE, bytes, parsed);
    }
    files->due |= moved ? ALL : 0;
    if (!parsed || (kernel->have & MS_HAVE_CPU) == 0 ||
        (depth & files->due & MS_THREAD_STAT) != 0 || (depth & MS_THREAD_ANYWAY) != 0) {
        const int result = read_stat(files, place, kernel, name, start_ticks);
        if (result != 0) {
            return result;
        }
    }
    if (bytes == -ENOENT) {
        note(place, kernel, MS_SOURCE_SCHEDSTAT, MS_HAVE_RUN_QUEUE, bytes, false);
    }
    kernel->often_read_ns = place->now_ns;
    if ((files->due & MS_THREAD_STAT) == 0) {
        kernel->stat_read_ns = place->now_ns;
    }
    read_due(files, place, depth, kernel);
    return 0;
}
