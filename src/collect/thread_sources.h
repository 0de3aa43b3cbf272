/*
 * What the sources of threads gave so far, over all processes, and what their readers share.
 */
#ifndef MS_COLLECT_THREAD_SOURCES_H
#define MS_COLLECT_THREAD_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/hardware_counters.h"
#include "model/model.h"

struct ms_thread_sources {
    struct {
        bool gave;
        int error; /* 0 or -errno: why it did not give something to somebody */
    } of[MS_SOURCE_TOTAL];
    struct ms_counting counting;
    uint32_t threads, threads_before; /* alive in all processes: in this tick so far, in the last */
    uint64_t told;                    /* a digest of what the model was told */
};

void ms_thread_sources_init(struct ms_thread_sources *sources);

/*
 * `result` of reading a source: 0 it gave its figures; -errno, of which -ESRCH says nothing of the
 * source, and -ENODATA that the file has no such figures.
 */
void ms_thread_sources_note(struct ms_thread_sources *sources, enum ms_source source, int result);

/* Whether the kernel has it at all, as far as is known. */
bool ms_thread_sources_absent(const struct ms_thread_sources *sources, enum ms_source source);

/* To be called once a tick, when all processes were read: tells the model when it is news. */
void ms_thread_sources_tell(struct ms_thread_sources *sources, struct ms_model *model);

#endif
