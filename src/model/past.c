#include "model/past.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "model/model.h"

/* Ticks jitter: a sample that is a little short of a second old is the one a second ago. */
#define WINDOW_NS  (MS_SECOND_NS * 19 / 20)
#define SPACING_NS (MS_SECOND_NS / (MS_PAST_SAMPLES - 4u))

/* By what is read when. */
static const uint8_t readings[MS_COUNTER_TOTAL] = {
    [MS_COUNTER_RUN_NS] = MS_READ_OFTEN,
    [MS_COUNTER_USER_NS] = MS_READ_OFTEN,
    [MS_COUNTER_SYSTEM_NS] = MS_READ_OFTEN,
    [MS_COUNTER_RUN_QUEUE_NS] = MS_READ_OFTEN,
    [MS_COUNTER_MINOR_FAULTS] = MS_READ_OFTEN,
    [MS_COUNTER_MAJOR_FAULTS] = MS_READ_OFTEN,
    [MS_COUNTER_SWITCHES] = MS_READ_SLOWLY,
    [MS_COUNTER_IO_CALLS] = MS_READ_SLOWLY,
    [MS_COUNTER_READ_BYTES] = MS_READ_SLOWLY,
    [MS_COUNTER_WRITE_BYTES] = MS_READ_SLOWLY,
    [MS_COUNTER_MIGRATIONS] = MS_READ_SLOWLY,
    [MS_COUNTER_CYCLES] = MS_READ_PROCESSOR,
    [MS_COUNTER_INSTRUCTIONS] = MS_READ_PROCESSOR,
    [MS_COUNTER_CACHE_REFERENCES] = MS_READ_PROCESSOR,
    [MS_COUNTER_CACHE_MISSES] = MS_READ_PROCESSOR,
    [MS_COUNTER_BRANCHES] = MS_READ_PROCESSOR,
    [MS_COUNTER_BRANCH_MISSES] = MS_READ_PROCESSOR,
};

static uint64_t read_ns(const struct ms_sample *sample, unsigned reading)
{
    const uint64_t time_ns = sample->read_ns[reading];
    return time_ns != 0 ? time_ns : sample->time_ns;
}

static const struct ms_sample *sample_before(const struct ms_past *past, uint32_t back)
{
    return &past->samples[(past->newest + MS_PAST_SAMPLES - back) % MS_PAST_SAMPLES];
}

/* All counters of a reading have the same base, mostly: it is looked for once. */
static void find_bases(struct ms_past *past, const struct ms_sample *now)
{
    past->bases_of_ns = now->time_ns;
    for (unsigned reading = 0; reading < MS_READ_TOTAL; reading++) {
        const uint64_t now_ns = read_ns(now, reading);
        past->bases[reading] = MS_PAST_SAMPLES;
        for (uint32_t back = 0; back < past->count; back++) {
            const struct ms_sample *sample = sample_before(past, back);
            if (now_ns >= read_ns(sample, reading) + WINDOW_NS) {
                past->bases[reading] = (uint8_t)(sample - past->samples);
                break;
            }
        }
    }
}

/* The newest sample that has the counter and is a second old, else the oldest one; NULL: none. */
static const struct ms_sample *base_of(const struct ms_past *past, const struct ms_sample *now,
                                       enum ms_counter counter)
{
    const unsigned reading = readings[counter];
    const uint8_t known = past->bases[reading];
    if (known < MS_PAST_SAMPLES && (past->samples[known].have & MS_COUNTER_BIT(counter)) != 0) {
        return &past->samples[known];
    }
    const uint64_t now_ns = read_ns(now, reading);
    const struct ms_sample *base = NULL;
    for (uint32_t back = 0; back < past->count; back++) {
        const struct ms_sample *sample = sample_before(past, back);
        if ((sample->have & MS_COUNTER_BIT(counter)) == 0 || read_ns(sample, reading) >= now_ns) {
            continue;
        }
        base = sample;
        if (now_ns - read_ns(sample, reading) >= WINDOW_NS) {
            break;
        }
    }
    return base;
}

double ms_past_rate(struct ms_past *past, const struct ms_sample *now, enum ms_counter counter)
{
    if ((now->have & MS_COUNTER_BIT(counter)) == 0) {
        return NAN;
    }
    const unsigned reading = readings[counter];
    const uint64_t now_ns = read_ns(now, reading);
    const struct ms_sample *newest = &past->samples[past->newest];
    if (past->count > 0 && now_ns >= past->flat_since_ns + WINDOW_NS &&
        (newest->have & MS_COUNTER_BIT(counter)) != 0 &&
        newest->counters[counter] == now->counters[counter]) {
        return 0; /* most threads of a large program sleep */
    }
    if (past->bases_of_ns != now->time_ns) {
        find_bases(past, now);
    }
    const struct ms_sample *base = base_of(past, now, counter);
    if (base == NULL) {
        return NAN;
    }
    const double change = (double)(int64_t)(now->counters[counter] - base->counters[counter]);
    return change * (double)MS_SECOND_NS / (double)(now_ns - read_ns(base, reading));
}

static bool equal(const struct ms_sample *a, const struct ms_sample *b)
{
    return a->have == b->have && memcmp(a->counters, b->counters, sizeof(a->counters)) == 0;
}

void ms_past_add(struct ms_past *past, const struct ms_sample *now)
{
    const struct ms_sample *newest = &past->samples[past->newest];
    if (past->count == 0 || !equal(newest, now)) {
        past->flat_since_ns = now->time_ns;
    }
    if (past->count > 0) {
        if (now->time_ns < newest->time_ns + SPACING_NS) {
            return;
        }
        past->newest = (past->newest + 1) % MS_PAST_SAMPLES;
    }
    past->samples[past->newest] = *now;
    past->bases_of_ns = 0;
    if (past->count < MS_PAST_SAMPLES) {
        past->count++;
    }
}
