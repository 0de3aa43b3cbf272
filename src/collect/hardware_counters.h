/*
 * Counters of the processor for single threads, by perf_event_open: one group for each thread, so
 * that its figures are of the same time, in user mode only, which needs no privilege for programs
 * of one's own. Where the processor cannot count all of it at once it counts less, and what is
 * missing is MS_NO_COUNTER. Not thread-safe.
 */
#ifndef MS_COLLECT_HARDWARE_COUNTERS_H
#define MS_COLLECT_HARDWARE_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/proc_file.h"
#include "model/model.h"

/* Each takes six descriptors, and a microsecond or so of every context switch of the thread. */
#define MS_COUNTED_THREADS_MAX 256u

/* In the order of the members of struct ms_hardware_counters; the first leads the group. */
enum { MS_COUNTER_EVENTS = 6 };

struct perf_event_attr;

struct ms_counter_event {
    uint32_t type;
    uint64_t config;
};

/* What is shared by all threads that are counted. */
struct ms_counting {
    /* perf_event_open(2) and the events, but for tests. */
    int (*open)(struct perf_event_attr *attributes, pid_t tid, int group);
    const struct ms_counter_event *events;
    unsigned
        wanted; /* a bit for each event; fewer when they do not fit in the processor together */
    unsigned counted, waiting; /* threads; those that found no room */
    bool gave;
    bool none; /* not tried again */
    int error; /* 0, or -errno of the last thread that could not be counted */
};

void ms_counting_init(struct ms_counting *counting);

/* One thread. Nothing is open after ms_thread_counting_init. */
struct ms_thread_counting {
    int files[MS_COUNTER_EVENTS];
    uint8_t events[MS_COUNTER_EVENTS]; /* which one each of `files` is */
    unsigned count, wanted;
    bool waiting;
    struct ms_hardware_counters before; /* of an earlier group of the thread */
};

void ms_thread_counting_init(struct ms_thread_counting *thread);
void ms_thread_counting_close(struct ms_counting *counting, struct ms_thread_counting *thread,
                              struct ms_descriptor_budget *budget);

/*
 * Reads, or begins to count when there is room. Returns true when `counters` were filled, which
 * hold what they held before, all zero at first. False: see `error` of *counting.
 */
bool ms_thread_counting_read(struct ms_counting *counting, struct ms_thread_counting *thread,
                             struct ms_descriptor_budget *budget, pid_t tid,
                             struct ms_hardware_counters *counters);

/*
 * What read() of a group gave: number of events, time enabled, time running, a value for each of
 * `events`. Scaled by the two times; never less than in *counters. False, and nothing is changed:
 * it makes no sense, or nothing was counted though the thread ran (*counters gets the times).
 */
bool ms_counters_parse(const uint64_t *words, size_t word_count, const uint8_t *events,
                       unsigned event_count, const struct ms_hardware_counters *before,
                       struct ms_hardware_counters *counters);

/* Tells the model what became of it; nothing when nothing was tried yet. */
void ms_counting_tell(const struct ms_counting *counting, struct ms_model *model);

#endif
