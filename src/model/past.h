/*
 * Counters of a thread or process at earlier ticks, from which rates over the last second follow:
 * a short ring, apart from the histories that are drawn. For src/model only.
 */
#ifndef MS_MODEL_PAST_H
#define MS_MODEL_PAST_H

#include <stdbool.h>
#include <stdint.h>

enum ms_counter {
    MS_COUNTER_RUN_NS,
    MS_COUNTER_USER_NS,
    MS_COUNTER_SYSTEM_NS,
    MS_COUNTER_RUN_QUEUE_NS,
    MS_COUNTER_SWITCHES,
    MS_COUNTER_MIGRATIONS,
    MS_COUNTER_MINOR_FAULTS,
    MS_COUNTER_MAJOR_FAULTS,
    MS_COUNTER_IO_CALLS,
    MS_COUNTER_READ_BYTES,
    MS_COUNTER_WRITE_BYTES,
    MS_COUNTER_IO_WAIT_NS,
    MS_COUNTER_POLL_WAIT_NS,
    MS_COUNTER_NETWORK_WAIT_NS,
    MS_COUNTER_RECEIVED_BYTES,
    MS_COUNTER_SENT_BYTES,
    MS_COUNTER_CYCLES,
    MS_COUNTER_INSTRUCTIONS,
    MS_COUNTER_CACHE_REFERENCES,
    MS_COUNTER_CACHE_MISSES,
    MS_COUNTER_BRANCHES,
    MS_COUNTER_BRANCH_MISSES,
    MS_COUNTER_ALLOCATIONS,
    MS_COUNTER_BYTES_ALLOCATED,
    MS_COUNTER_CURRENT_BYTES,
    MS_COUNTER_TEMPORARY,
    MS_COUNTER_THROTTLED_NS,
    MS_COUNTER_TOTAL
};
#define MS_COUNTER_BIT(counter) (1u << (counter))

/* Who is read by turns is not read in every tick, so counters carry the time they are of. */
enum ms_reading {
    MS_READ_AT_TICK,
    MS_READ_OFTEN, /* schedstat */
    MS_READ_STAT,
    MS_READ_SLOWLY,    /* sched and io */
    MS_READ_PROCESSOR, /* hardware counters */
    MS_READ_TOTAL
};

struct ms_sample {
    uint64_t time_ns;
    uint64_t read_ns[MS_READ_TOTAL]; /* 0: at time_ns */
    uint32_t have;                   /* MS_COUNTER_BIT of what was read */
    uint64_t counters[MS_COUNTER_TOTAL];
};

#define MS_PAST_SAMPLES 16u
#define MS_PAST_SPARSE  7u /* two seconds apart: they reach back MS_WINDOW_NS */

struct ms_past {
    uint32_t count;
    uint32_t newest;
    /* By reading, what most rates of this tick are since; NULL: not looked for, or too young. */
    const struct ms_sample *base[MS_READ_TOTAL];
    uint64_t flat_since_ns; /* time of the oldest sample that all later ones are equal to */
    struct ms_sample samples[MS_PAST_SAMPLES];
    uint32_t sparse_count, sparse_newest;
    struct ms_sample sparse[MS_PAST_SPARSE];
};

/*
 * To be called before all rates of `now` are asked for: they are found faster. True: nothing moved
 * for so long that each is 0, or NaN where it is not counted.
 */
bool ms_past_find_bases(struct ms_past *past, const struct ms_sample *now);

/*
 * Change of a counter per second up to `now`, which was not yet added: since the newest sample that
 * is a second older, else since the oldest one. NaN when no earlier sample has the counter, or when
 * it was not read again since any of them.
 */
double ms_past_rate(const struct ms_past *past, const struct ms_sample *now,
                    enum ms_counter counter);

/*
 * The same since the newest sample that is MS_WINDOW_NS old: over 10 to 12 seconds, or the life so
 * far of what is younger.
 */
double ms_past_window_rate(const struct ms_past *past, const struct ms_sample *now,
                           enum ms_counter counter);
/* How far back that looks, 0: not at all yet. */
uint64_t ms_past_window_ns(const struct ms_past *past, uint64_t now_ns);

/* Keeps `now` unless the newest sample is so young that the ring would not reach back a second. */
void ms_past_add(struct ms_past *past, const struct ms_sample *now);

#endif
