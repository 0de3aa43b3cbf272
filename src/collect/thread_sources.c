/* See thread_sources.h. */
#include "collect/thread_sources.h"

#include <errno.h>
#include <string.h>

static const enum ms_source files[] = {MS_SOURCE_THREAD_STAT, MS_SOURCE_SCHEDSTAT,
                                       MS_SOURCE_THREAD_STATUS, MS_SOURCE_THREAD_SCHED,
                                       MS_SOURCE_THREAD_IO};
enum { FILES = sizeof files / sizeof files[0] };

void ms_thread_sources_init(struct ms_thread_sources *sources)
{
    *sources = (struct ms_thread_sources){.threads = 0};
    ms_counting_init(&sources->counting);
}

void ms_thread_sources_note(struct ms_thread_sources *sources, enum ms_source source, int result)
{
    if (result == 0) {
        sources->of[source].gave = true;
    } else if (result != -ESRCH) {
        sources->of[source].error = result;
    }
}

bool ms_thread_sources_absent(const struct ms_thread_sources *sources, enum ms_source source)
{
    return !sources->of[source].gave && sources->of[source].error == -ENOENT;
}

/* Of a file that is there for no thread, or lacks its figures. */
static const char *absent_because(enum ms_source source)
{
    switch (source) {
    case MS_SOURCE_SCHEDSTAT:
        return "this kernel does not count it (CONFIG_SCHED_INFO)";
    case MS_SOURCE_THREAD_SCHED:
        return "this kernel has no /proc/PID/task/TID/sched (CONFIG_SCHED_DEBUG)";
    case MS_SOURCE_THREAD_IO:
        return "this kernel does not count I/O of threads (CONFIG_TASK_IO_ACCOUNTING)";
    default:
        return "/proc shows none of it: is it mounted, and without hidepid?";
    }
}

static void tell_file(const struct ms_thread_sources *sources, struct ms_model *model,
                      enum ms_source source)
{
    const int error = sources->of[source].error;
    const bool refused = error == -EACCES || error == -EPERM;
    if (sources->of[source].gave) {
        ms_model_source_set(model, source, refused ? MS_SOURCE_PARTIAL : MS_SOURCE_AVAILABLE,
                            refused ? "not of processes of other users, nor of those that are not "
                                      "dumpable: that takes root"
                                    : NULL);
    } else if (refused) {
        ms_model_source_set(model, source, MS_SOURCE_UNAVAILABLE,
                            "the kernel shows it to root and the owner only: the process runs as "
                            "another user, or is not dumpable");
    } else if (error == -ENOENT || error == -ENODATA) {
        ms_model_source_set(model, source, MS_SOURCE_UNAVAILABLE, absent_because(source));
    } else if (error != 0) {
        ms_model_source_set(model, source, MS_SOURCE_UNAVAILABLE, strerror(-error));
    }
}

static uint64_t digest(const struct ms_thread_sources *sources, const struct ms_model *model)
{
    const struct ms_counting *counting = &sources->counting;
    uint64_t sum = ms_model_system(model)->nodes + 1;
    for (size_t i = 0; i < FILES; i++) {
        sum = sum * 31 + (uint64_t)sources->of[files[i]].gave;
        sum = sum * 31 + (uint64_t)-sources->of[files[i]].error;
    }
    sum = sum * 31 + counting->wanted;
    sum = sum * 31 + counting->counted;
    sum = sum * 31 + counting->waiting;
    sum = sum * 31 + (uint64_t)counting->gave;
    return sum * 31 + (uint64_t)-counting->error;
}

void ms_thread_sources_tell(struct ms_thread_sources *sources, struct ms_model *model)
{
    sources->threads_before = sources->threads;
    sources->threads = 0;
    const uint64_t news = digest(sources, model);
    if (news == sources->told) {
        return;
    }
    sources->told = news;
    for (size_t i = 0; i < FILES; i++) {
        tell_file(sources, model, files[i]);
    }
    const bool nodes = ms_model_system(model)->nodes > 0;
    ms_model_source_set(model, MS_SOURCE_NUMA, nodes ? MS_SOURCE_AVAILABLE : MS_SOURCE_UNAVAILABLE,
                        nodes ? NULL
                              : "this kernel tells no NUMA nodes (/sys/devices/system/node)");
    ms_counting_tell(&sources->counting, model);
}
