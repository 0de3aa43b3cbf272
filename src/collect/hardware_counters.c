/* See hardware_counters.h. */
#include "collect/hardware_counters.h"

#include <errno.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collect/perf_event.h"

enum { CYCLES, INSTRUCTIONS, CACHE_REFERENCES, CACHE_MISSES, BRANCHES, BRANCH_MISSES };
#define ALL_EVENTS   ((1u << MS_COUNTER_EVENTS) - 1)
#define CACHE_PAIR   (1u << CACHE_REFERENCES | 1u << CACHE_MISSES)
#define BRANCH_PAIR  (1u << BRANCHES | 1u << BRANCH_MISSES)
#define SHARE_OF     4               /* of the descriptors that may be kept open, one part */
#define IDLE_GROUP   (100 * 1000000) /* ns that a group may be enabled and not once count */
#define HEADER_WORDS 3u

#define LAST_LEVEL(result)                                                                         \
    (PERF_COUNT_HW_CACHE_LL | PERF_COUNT_HW_CACHE_OP_READ << 8 | (result) << 16)

/* clang-format off */
#define EVENTS(references, misses) {                                                               \
    [CYCLES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},                                     \
    [INSTRUCTIONS] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},                             \
    [CACHE_REFERENCES] = references,                                                               \
    [CACHE_MISSES] = misses,                                                                       \
    [BRANCHES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},                          \
    [BRANCH_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},                           \
}
#define EVENT(type, config) {type, config}

#if defined(__x86_64__)
static const struct ms_counter_event events_of_intel[MS_COUNTER_EVENTS] =
    EVENTS(EVENT(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES),
           EVENT(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES));
#endif
static const struct ms_counter_event events_of_others[MS_COUNTER_EVENTS] =
    EVENTS(EVENT(PERF_TYPE_HW_CACHE, LAST_LEVEL(PERF_COUNT_HW_CACHE_RESULT_ACCESS)),
           EVENT(PERF_TYPE_HW_CACHE, LAST_LEVEL(PERF_COUNT_HW_CACHE_RESULT_MISS)));
/* clang-format on */

/* "Cache misses" are those of the last level, prefetches among them, with Intel; elsewhere of an
 * inner one, and then it is better to have none than what would pass for traffic with memory. */
static const struct ms_counter_event *events_here(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_is("intel")) {
        return events_of_intel;
    }
#endif
    return events_of_others;
}

static int open_event(struct perf_event_attr *attributes, pid_t tid, int group)
{
    const long descriptor =
        syscall(SYS_perf_event_open, attributes, tid, -1, group, PERF_FLAG_FD_CLOEXEC);
    return descriptor >= 0 ? (int)descriptor : -errno;
}

void ms_counting_init(struct ms_counting *counting)
{
    *counting =
        (struct ms_counting){.open = open_event, .events = events_here(), .wanted = ALL_EVENTS};
}

void ms_thread_counting_init(struct ms_thread_counting *thread)
{
    *thread = (struct ms_thread_counting){.count = 0};
}

static void close_group(struct ms_counting *counting, struct ms_thread_counting *thread,
                        struct ms_descriptor_budget *budget)
{
    for (unsigned i = 0; i < thread->count; i++) {
        close(thread->files[i]);
        budget->open--;
    }
    counting->counted -= thread->count > 0 ? 1 : 0;
    thread->count = 0;
}

static void set_waiting(struct ms_counting *counting, struct ms_thread_counting *thread,
                        bool waiting)
{
    if (thread->waiting != waiting) {
        thread->waiting = waiting;
        counting->waiting = waiting ? counting->waiting + 1 : counting->waiting - 1;
    }
}

void ms_thread_counting_close(struct ms_counting *counting, struct ms_thread_counting *thread,
                              struct ms_descriptor_budget *budget)
{
    close_group(counting, thread, budget);
    set_waiting(counting, thread, false);
}

static uint64_t *member(struct ms_hardware_counters *counters, unsigned event)
{
    uint64_t *const members[MS_COUNTER_EVENTS] = {
        [CYCLES] = &counters->cycles,
        [INSTRUCTIONS] = &counters->instructions,
        [CACHE_REFERENCES] = &counters->cache_references,
        [CACHE_MISSES] = &counters->cache_misses,
        [BRANCHES] = &counters->branches,
        [BRANCH_MISSES] = &counters->branch_misses,
    };
    return members[event];
}

static uint64_t scaled(uint64_t value, uint64_t enabled_ns, uint64_t running_ns)
{
    if (running_ns == 0 || running_ns >= enabled_ns) {
        return value;
    }
    const unsigned __int128 whole = (unsigned __int128)value * enabled_ns / running_ns;
    return whole < MS_NO_COUNTER ? (uint64_t)whole : MS_NO_COUNTER - 1;
}

static uint64_t added(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) || sum == MS_NO_COUNTER ? MS_NO_COUNTER - 1 : sum;
}

bool ms_counters_parse(const uint64_t *words, size_t word_count, const uint8_t *events,
                       unsigned event_count, const struct ms_hardware_counters *before,
                       struct ms_hardware_counters *counters)
{
    if (word_count < HEADER_WORDS + event_count || words[0] != event_count) {
        return false;
    }
    const uint64_t enabled_ns = words[1];
    const uint64_t running_ns = words[2];
    counters->enabled_ns = added(before->enabled_ns, enabled_ns);
    counters->running_ns = added(before->running_ns, running_ns);
    if (running_ns == 0 && enabled_ns != 0) {
        return false;
    }
    unsigned seen = 0;
    for (unsigned i = 0; i < event_count; i++) {
        if (events[i] >= MS_COUNTER_EVENTS) {
            continue;
        }
        uint64_t *counter = member(counters, events[i]);
        struct ms_hardware_counters earlier = *before;
        const uint64_t base = *member(&earlier, events[i]);
        const uint64_t now = added(base == MS_NO_COUNTER ? 0 : base,
                                   scaled(words[HEADER_WORDS + i], enabled_ns, running_ns));
        /* As the scale changes a sum may seem to shrink. */
        *counter = *counter == MS_NO_COUNTER || now > *counter ? now : *counter;
        seen |= 1u << events[i];
    }
    for (unsigned event = 0; event < MS_COUNTER_EVENTS; event++) {
        if ((seen & 1u << event) == 0) {
            *member(counters, event) = MS_NO_COUNTER;
        }
    }
    return true;
}

static int open_one(const struct ms_counting *counting, unsigned event, pid_t tid, int group)
{
    struct perf_event_attr attributes = {
        .size = sizeof attributes,
        .type = counting->events[event].type,
        .config = counting->events[event].config,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .read_format =
            PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
    };
    return counting->open(&attributes, tid, group);
}

static bool is_absent(int error)
{
    return error == -ENOENT || error == -EOPNOTSUPP || error == -ENODEV || error == -ENXIO ||
           error == -ENOSYS;
}

/* Cycles and instructions at least, or nothing. */
static void open_group(struct ms_counting *counting, struct ms_thread_counting *thread,
                       struct ms_descriptor_budget *budget, pid_t tid)
{
    const bool room = counting->counted < MS_COUNTED_THREADS_MAX &&
                      budget->open + MS_COUNTER_EVENTS <= budget->limit &&
                      (counting->counted + 1) * MS_COUNTER_EVENTS <= budget->limit / SHARE_OF;
    set_waiting(counting, thread, !room);
    int error = 0;
    for (unsigned event = 0; room && event < MS_COUNTER_EVENTS; event++) {
        if ((counting->wanted & 1u << event) == 0) {
            continue;
        }
        const int file = open_one(counting, event, tid, event == 0 ? -1 : thread->files[0]);
        if (file >= 0) {
            counting->counted += thread->count == 0 ? 1 : 0;
            budget->open++;
            thread->events[thread->count] = (uint8_t)event;
            thread->files[thread->count++] = file;
        } else if (event <= INSTRUCTIONS) {
            error = file;
            break;
        }
    }
    if (error != 0) {
        close_group(counting, thread, budget);
        counting->error = error == -ESRCH ? counting->error : error;
        counting->none = counting->none || (is_absent(error) && !counting->gave);
    }
    thread->wanted = counting->wanted;
}

/* The group never gets onto the processor: it has fewer free counters than it said. */
static void want_less(struct ms_counting *counting)
{
    if ((counting->wanted & BRANCH_PAIR) != 0) {
        counting->wanted &= ~BRANCH_PAIR;
    } else if ((counting->wanted & CACHE_PAIR) != 0) {
        counting->wanted &= ~CACHE_PAIR;
    } else {
        counting->error = -EBUSY;
        counting->none = !counting->gave;
    }
}

bool ms_thread_counting_read(struct ms_counting *counting, struct ms_thread_counting *thread,
                             struct ms_descriptor_budget *budget, pid_t tid,
                             struct ms_hardware_counters *counters)
{
    if (thread->count > 0 && thread->wanted != counting->wanted) {
        close_group(counting, thread, budget);
        thread->before = *counters;
    }
    if (thread->count == 0) {
        if (!counting->none) {
            open_group(counting, thread, budget, tid);
        }
        if (thread->count == 0) {
            return false;
        }
    }
    uint64_t words[HEADER_WORDS + MS_COUNTER_EVENTS];
    const ssize_t bytes = read(thread->files[0], words, sizeof words);
    if (bytes < 0 || !ms_counters_parse(words, (size_t)bytes / sizeof words[0], thread->events,
                                        thread->count, &thread->before, counters)) {
        if (bytes >= (ssize_t)(HEADER_WORDS * sizeof words[0]) && words[2] == 0 &&
            words[1] > IDLE_GROUP && thread->wanted == counting->wanted) {
            want_less(counting);
        }
        return false;
    }
    counting->gave = true;
    return true;
}

void ms_counting_tell(const struct ms_counting *counting, struct ms_model *model)
{
    char because[200];
    if (!counting->gave) {
        if (counting->error != 0) {
            ms_perf_because(counting->error, ms_perf_paranoid(), because, sizeof because);
            ms_model_source_set(model, MS_SOURCE_HARDWARE_COUNTERS, MS_SOURCE_UNAVAILABLE, because);
        }
        return;
    }
    if (counting->waiting > 0) {
        (void)snprintf(because, sizeof because,
                       "counted for %u threads, as many as descriptors and cost allow; %u wait",
                       counting->counted, counting->waiting);
    } else if ((counting->wanted & CACHE_PAIR) == 0) {
        (void)snprintf(because, sizeof because,
                       "the processor has counters free for cycles and instructions only");
    } else if ((counting->wanted & BRANCH_PAIR) == 0) {
        (void)snprintf(because, sizeof because, "the processor has no counters free for branches");
    } else {
        ms_model_source_set(model, MS_SOURCE_HARDWARE_COUNTERS, MS_SOURCE_AVAILABLE, NULL);
        return;
    }
    ms_model_source_set(model, MS_SOURCE_HARDWARE_COUNTERS, MS_SOURCE_PARTIAL, because);
}
