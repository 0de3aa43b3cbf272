#include "model/past.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "model/model.h"

/* Ticks jitter: a sample that is a little short of a second old is the one a second ago. */
#define WINDOW_NS  (MS_SECOND_NS * 19 / 20)
#define SPACING_NS (MS_SECOND_NS / (MS_PAST_SAMPLES - 4u))

double ms_past_rate(const struct ms_past *past, const struct ms_sample *now,
                    enum ms_counter counter)
{
    if ((now->have & MS_COUNTER_BIT(counter)) == 0) {
        return NAN;
    }
    const struct ms_sample *newest = &past->samples[past->newest];
    if (past->count > 0 && now->time_ns >= past->flat_since_ns + WINDOW_NS &&
        (newest->have & MS_COUNTER_BIT(counter)) != 0 &&
        newest->counters[counter] == now->counters[counter]) {
        return 0; /* most threads of a large program sleep */
    }
    const struct ms_sample *base = NULL;
    for (uint32_t back = 0; back < past->count; back++) {
        const struct ms_sample *sample =
            &past->samples[(past->newest + MS_PAST_SAMPLES - back) % MS_PAST_SAMPLES];
        if ((sample->have & MS_COUNTER_BIT(counter)) == 0 || sample->time_ns >= now->time_ns) {
            continue;
        }
        base = sample;
        if (now->time_ns - sample->time_ns >= WINDOW_NS) {
            break;
        }
    }
    if (base == NULL) {
        return NAN;
    }
    const double change = (double)(int64_t)(now->counters[counter] - base->counters[counter]);
    return change * (double)MS_SECOND_NS / (double)(now->time_ns - base->time_ns);
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
    if (past->count < MS_PAST_SAMPLES) {
        past->count++;
    }
}
