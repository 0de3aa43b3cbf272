#include "model/past.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "model/model.h"

/* Ticks jitter: a sample that is a little short of a second old is the one a second ago. */
#define WINDOW_NS  (MS_SECOND_NS * 19 / 20)
#define SPACING_NS (MS_SECOND_NS / (MS_PAST_SAMPLES - 4u))
#define SPARSE_NS  (MS_WINDOW_NS * 19 / 100)

/* By what is read when. */
static const uint8_t readings[MS_COUNTER_TOTAL] = {
    [MS_COUNTER_RUN_NS] = MS_READ_OFTEN,
    [MS_COUNTER_USER_NS] = MS_READ_STAT,
    [MS_COUNTER_SYSTEM_NS] = MS_READ_STAT,
    [MS_COUNTER_RUN_QUEUE_NS] = MS_READ_OFTEN,
    [MS_COUNTER_MINOR_FAULTS] = MS_READ_STAT,
    [MS_COUNTER_MAJOR_FAULTS] = MS_READ_STAT,
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

static uint64_t reading_ns(const struct ms_sample *sample, enum ms_reading reading)
{
    const uint64_t time_ns = sample->read_ns[reading];
    return time_ns != 0 ? time_ns : sample->time_ns;
}

static uint64_t read_ns(const struct ms_sample *sample, enum ms_counter counter)
{
    return reading_ns(sample, (enum ms_reading)readings[counter]);
}

/* `back` 0: the newest. */
static const struct ms_sample *sample_at(const struct ms_past *past, uint32_t back)
{
    return &past->samples[(past->newest + MS_PAST_SAMPLES - back) % MS_PAST_SAMPLES];
}

static bool equal(const struct ms_sample *a, const struct ms_sample *b)
{
    return a->have == b->have && memcmp(a->counters, b->counters, sizeof(a->counters)) == 0;
}

static bool is_flat(const struct ms_past *past, const struct ms_sample *now)
{
    for (int r = 0; r < MS_READ_TOTAL; r++) {
        if (reading_ns(now, (enum ms_reading)r) < past->flat_since_ns + WINDOW_NS) {
            return false;
        }
    }
    return past->count > 0 && equal(sample_at(past, 0), now);
}

bool ms_past_find_bases(struct ms_past *past, const struct ms_sample *now)
{
    if (is_flat(past, now)) {
        return true;
    }
    for (int r = 0; r < MS_READ_TOTAL; r++) {
        const uint64_t now_ns = reading_ns(now, (enum ms_reading)r);
        uint32_t back = 0;
        while (back < past->count &&
               reading_ns(sample_at(past, back), (enum ms_reading)r) + WINDOW_NS > now_ns) {
            back++;
        }
        past->base[r] = back < past->count ? sample_at(past, back) : NULL;
    }
    return false;
}

/* NAN when `base` is NULL, or when the counter was not read again since. */
static double change_per_s(const struct ms_sample *now, const struct ms_sample *base,
                           enum ms_counter counter)
{
    if (base == NULL || read_ns(base, counter) >= read_ns(now, counter)) {
        return NAN;
    }
    const double change = (double)(int64_t)(now->counters[counter] - base->counters[counter]);
    return change * (double)MS_SECOND_NS / (double)(read_ns(now, counter) - read_ns(base, counter));
}

double ms_past_rate(const struct ms_past *past, const struct ms_sample *now,
                    enum ms_counter counter)
{
    if ((now->have & MS_COUNTER_BIT(counter)) == 0) {
        return NAN;
    }
    const uint64_t now_ns = read_ns(now, counter);
    const struct ms_sample *newest = &past->samples[past->newest];
    if (past->count > 0 && now_ns >= past->flat_since_ns + WINDOW_NS &&
        (newest->have & MS_COUNTER_BIT(counter)) != 0 &&
        newest->counters[counter] == now->counters[counter]) {
        return 0; /* most threads of a large program sleep */
    }
    const struct ms_sample *base = past->base[readings[counter]];
    if (base != NULL && (base->have & MS_COUNTER_BIT(counter)) != 0) {
        return change_per_s(now, base, counter);
    }
    base = NULL;
    for (uint32_t back = 0; back < past->count; back++) {
        const struct ms_sample *sample = sample_at(past, back);
        if ((sample->have & MS_COUNTER_BIT(counter)) == 0 || read_ns(sample, counter) >= now_ns) {
            continue;
        }
        base = sample;
        if (now_ns - read_ns(sample, counter) >= WINDOW_NS) {
            break;
        }
    }
    return change_per_s(now, base, counter);
}

/* Of those that have all of `have`; NULL: none. */
static const struct ms_sample *window_base(const struct ms_past *past, uint64_t now_ns,
                                           uint32_t have)
{
    const struct ms_sample *base = NULL;
    for (uint32_t back = 0; back < past->sparse_count; back++) {
        const struct ms_sample *sample =
            &past->sparse[(past->sparse_newest + MS_PAST_SPARSE - back) % MS_PAST_SPARSE];
        if ((sample->have & have) != have || sample->time_ns >= now_ns) {
            continue;
        }
        base = sample;
        if (now_ns - sample->time_ns >= MS_WINDOW_NS * 19 / 20) {
            break;
        }
    }
    return base;
}

double ms_past_window_rate(const struct ms_past *past, const struct ms_sample *now,
                           enum ms_counter counter)
{
    const uint32_t bit = MS_COUNTER_BIT(counter);
    return (now->have & bit) != 0 ? change_per_s(now, window_base(past, now->time_ns, bit), counter)
                                  : (double)NAN;
}

uint64_t ms_past_window_ns(const struct ms_past *past, uint64_t now_ns)
{
    const uint32_t have = past->sparse_count > 0 ? past->sparse[past->sparse_newest].have : 0;
    const struct ms_sample *base = window_base(past, now_ns, have);
    return base != NULL ? now_ns - base->time_ns : 0;
}

/* Has counters that no sample had: its first reading, which the next rates begin with. */
static bool first_of_some(const struct ms_past *past, const struct ms_sample *now)
{
    uint32_t known = past->sparse[past->sparse_newest].have;
    if ((now->have & ~known) == 0) {
        return false;
    }
    for (uint32_t i = 0; i < past->sparse_count; i++) {
        known |= past->sparse[i].have;
    }
    return (now->have & ~known) != 0;
}

static void add_sparse(struct ms_past *past, const struct ms_sample *now)
{
    if (past->sparse_count > 0) {
        if (now->time_ns < past->sparse[past->sparse_newest].time_ns + SPARSE_NS &&
            !first_of_some(past, now)) {
            return;
        }
        past->sparse_newest = (past->sparse_newest + 1) % MS_PAST_SPARSE;
    }
    past->sparse[past->sparse_newest] = *now;
    if (past->sparse_count < MS_PAST_SPARSE) {
        past->sparse_count++;
    }
}

void ms_past_add(struct ms_past *past, const struct ms_sample *now)
{
    const struct ms_sample *newest = &past->samples[past->newest];
    memset(past->base, 0, sizeof(past->base));
    add_sparse(past, now);
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
    if (past->count < MS_PAST_SAMPLES) {
        past->count++;
    }
}
