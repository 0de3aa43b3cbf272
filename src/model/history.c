#include "model/history.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* 10 Hz for 10 minutes, 1 Hz for an hour, 0.1 Hz for a day; of a longer interval as many points. */
static const uint32_t ring_limits[MS_RESOLUTION_COUNT] = {6000, 3600, 8640};

#define BLOCK_POINTS 64u

/*
 * Points are floats: a plot cannot show more. Most threads of a large program idle, so points of
 * equal value in a row take a block descriptor instead of memory for each.
 */
struct block {
    float *points; /* BLOCK_POINTS of them, or NULL: all are `value` */
    float value;
};

struct ring {
    struct block *blocks; /* of position p: p / BLOCK_POINTS % block_capacity */
    uint32_t block_capacity;
    uint32_t spread;     /* blocks that have points of their own */
    uint64_t first, end; /* positions held: [first, end) */
    uint64_t step;       /* ticks a point covers */
    double sum;          /* of the point being formed at `forming` */
    uint32_t summed;
    uint64_t forming;
    uint64_t forming_end; /* first tick behind it */
};

struct ms_history {
    struct ring rings[MS_RESOLUTION_COUNT];
    uint64_t next_tick;
    int started;
    size_t bytes, *sum; /* what it adds to the sum of its model; NULL: it is in none */
};

uint64_t ms_history_step(uint64_t interval_ns, enum ms_resolution resolution)
{
    static const uint64_t spans_ns[MS_RESOLUTION_COUNT] = {0, UINT64_C(1000000000),
                                                           UINT64_C(10000000000)};
    if (interval_ns == 0 || spans_ns[resolution] <= interval_ns) {
        return 1;
    }
    return (spans_ns[resolution] + interval_ns / 2) / interval_ns;
}

struct ms_history *ms_history_new(uint64_t interval_ns)
{
    struct ms_history *history = calloc(1, sizeof(*history));
    if (history == NULL) {
        return NULL;
    }
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        history->rings[i].step = ms_history_step(interval_ns, (enum ms_resolution)i);
    }
    return history;
}

static struct block *block_of(const struct ring *ring, uint64_t position)
{
    return &ring->blocks[position / BLOCK_POINTS % ring->block_capacity];
}

static void block_drop_points(struct ring *ring, struct block *block)
{
    if (block->points != NULL) {
        free(block->points);
        block->points = NULL;
        ring->spread--;
    }
}

static void ring_clear(struct ring *ring)
{
    for (uint32_t i = 0; i < ring->block_capacity; i++) {
        block_drop_points(ring, &ring->blocks[i]);
    }
}

static void add_to_sum(struct ms_history *history)
{
    if (history->sum == NULL) {
        return;
    }
    size_t bytes = sizeof(*history);
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        const struct ring *ring = &history->rings[i];
        bytes += ring->block_capacity * sizeof(*ring->blocks) +
                 ring->spread * BLOCK_POINTS * sizeof(*ring->blocks->points);
    }
    *history->sum += bytes - history->bytes;
    history->bytes = bytes;
}

void ms_history_sum_bytes(struct ms_history *history, size_t *sum)
{
    history->sum = sum;
    add_to_sum(history);
}

void ms_history_free(struct ms_history *history)
{
    if (history == NULL) {
        return;
    }
    if (history->sum != NULL) {
        *history->sum -= history->bytes;
    }
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        ring_clear(&history->rings[i]);
        free(history->rings[i].blocks);
    }
    free(history);
}

/* Blocks that `limit` points may touch, however they lie. */
static uint32_t blocks_for(uint32_t limit)
{
    return limit / BLOCK_POINTS + 2;
}

static int ring_grow(struct ring *ring, uint32_t limit)
{
    struct ring grown = *ring;
    grown.block_capacity = ring->block_capacity != 0 ? ring->block_capacity * 2 : 2;
    if (grown.block_capacity > blocks_for(limit)) {
        grown.block_capacity = blocks_for(limit);
    }
    grown.blocks = calloc(grown.block_capacity, sizeof(*grown.blocks));
    if (grown.blocks == NULL) {
        return -ENOMEM;
    }
    if (ring->end > ring->first) {
        for (uint64_t b = ring->first / BLOCK_POINTS; b <= (ring->end - 1) / BLOCK_POINTS; b++) {
            *block_of(&grown, b * BLOCK_POINTS) = *block_of(ring, b * BLOCK_POINTS);
        }
    }
    free(ring->blocks);
    *ring = grown;
    return 0;
}

static bool same(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* From one value for all of its points to a value for each. */
static int block_spread(struct ring *ring, struct block *block)
{
    block->points = malloc(BLOCK_POINTS * sizeof(*block->points));
    if (block->points == NULL) {
        return -ENOMEM;
    }
    ring->spread++;
    for (uint32_t i = 0; i < BLOCK_POINTS; i++) {
        block->points[i] = block->value;
    }
    return 0;
}

static int block_set(struct ring *ring, struct block *block, uint32_t at, float value)
{
    if (block->points == NULL) {
        if (same(block->value, value)) {
            return 0;
        }
        if (block_spread(ring, block) != 0) {
            return -ENOMEM;
        }
    }
    block->points[at] = value;
    return 0;
}

/* As a point is kept: to 1/1024, by adding a number whose last bit is that, and to 24 bits. */
static float kept(double value)
{
    static const double last_bit = 0x1.8p42;
    return (float)(fabs(value) < MS_HISTORY_STEPS_BELOW ? value + last_bit - last_bit : value);
}

static int ring_push(struct ring *ring, uint32_t limit, double value)
{
    const uint32_t at = (uint32_t)(ring->end % BLOCK_POINTS);
    if (at == 0 || ring->end == ring->first) {
        const uint64_t held = ring->end > ring->first
                                  ? (ring->end - 1) / BLOCK_POINTS - ring->first / BLOCK_POINTS + 1
                                  : 0;
        if (held >= ring->block_capacity && ring->block_capacity < blocks_for(limit) &&
            ring_grow(ring, limit) != 0) {
            return -ENOMEM;
        }
        struct block *block = block_of(ring, ring->end);
        block_drop_points(ring, block);
        block->value = kept(value);
    } else if (block_set(ring, block_of(ring, ring->end), at, kept(value)) != 0) {
        return -ENOMEM;
    }
    ring->end++;
    if (ring->end - ring->first > limit) {
        ring->first = ring->end - limit;
    }
    return 0;
}

/* Makes `position` the next one to be pushed; what lies between is missing. */
static int ring_skip_to(struct ring *ring, uint32_t limit, uint64_t position)
{
    if (position - ring->end >= limit) {
        ring_clear(ring);
        ring->first = position;
        ring->end = position;
        return 0;
    }
    while (ring->end < position) {
        if (ring_push(ring, limit, NAN) != 0) {
            ring_clear(ring);
            ring->first = position;
            ring->end = position;
            return -ENOMEM;
        }
    }
    return 0;
}

/* As it will be kept, also while it is being formed. */
static double ring_mean(const struct ring *ring)
{
    return ring->summed > 0 ? (double)kept(ring->sum / ring->summed) : NAN;
}

static int ring_append(struct ring *ring, uint32_t limit, uint64_t tick, double value)
{
    int error = 0;
    if (tick >= ring->forming_end) { /* ticks only grow */
        const uint64_t position = tick / ring->step;
        error = ring_skip_to(ring, limit, ring->forming);
        if (ring_push(ring, limit, ring_mean(ring)) != 0) {
            error = -ENOMEM;
        }
        ring->sum = 0;
        ring->summed = 0;
        ring->forming = position;
        ring->forming_end = (position + 1) * ring->step;
    }
    if (!isnan(value)) {
        ring->sum += value;
        ring->summed++;
    }
    return error;
}

int ms_history_append(struct ms_history *history, uint64_t tick, double value)
{
    /* So that coarser points follow from the finer ones that are kept, to the last bit. */
    value = (double)kept(value);
    if (!history->started) {
        for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
            struct ring *ring = &history->rings[i];
            ring->forming = ring->first = ring->end = tick / ring->step;
            ring->forming_end = (ring->forming + 1) * ring->step;
        }
        history->started = 1;
    } else if (tick < history->next_tick) {
        return 0;
    }
    history->next_tick = tick + 1;
    int error = 0;
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        if (ring_append(&history->rings[i], ring_limits[i], tick, value) != 0) {
            error = -ENOMEM;
        }
    }
    add_to_sum(history);
    return error;
}

static double ring_at(const struct ring *ring, uint64_t position)
{
    if (position == ring->forming) {
        return ring_mean(ring);
    }
    if (position < ring->first || position >= ring->end) {
        return NAN;
    }
    const struct block *block = block_of(ring, position);
    return (double)(block->points != NULL ? block->points[position % BLOCK_POINTS] : block->value);
}

static bool all_same(const float *points, size_t count, float value)
{
    for (size_t i = 0; i < count; i++) {
        if (!same(points[i], value)) {
            return false;
        }
    }
    return true;
}

/* `count` points behind those in a block, the first of which is at `at`. */
static int block_put(struct ring *ring, struct block *block, uint32_t at, const float *points,
                     size_t count)
{
    if (block->points == NULL) {
        if (all_same(points, count, block->value)) {
            return 0;
        }
        if (block_spread(ring, block) != 0) {
            return -ENOMEM;
        }
    }
    memcpy(&block->points[at], points, count * sizeof(*points));
    return 0;
}

/* As ring_push for each of them. */
static int ring_push_run(struct ring *ring, uint32_t limit, const float *points, size_t count)
{
    while (count > 0) {
        if (ring_push(ring, limit, (double)*points) != 0) {
            return -ENOMEM;
        }
        points++;
        count--;
        const uint32_t at = (uint32_t)(ring->end % BLOCK_POINTS);
        const size_t room = at != 0 ? BLOCK_POINTS - at : 0;
        const size_t more = count < room ? count : room;
        if (more > 0 && block_put(ring, block_of(ring, ring->end), at, points, more) != 0) {
            return -ENOMEM;
        }
        points += more;
        count -= more;
        ring->end += more;
        if (ring->end - ring->first > limit) {
            ring->first = ring->end - limit;
        }
    }
    return 0;
}

static void ring_form(struct ring *ring, uint64_t position, double sum, uint32_t summed)
{
    ring->forming = position;
    ring->forming_end = (position + 1) * ring->step;
    ring->sum = sum;
    ring->summed = summed;
}

/* The newest point of a ring is always the one being formed. */
static int ring_fill(struct ring *ring, uint32_t limit, uint64_t first, const float *points,
                     size_t count)
{
    if (ring->forming_end == 0) {
        ring->first = ring->end = first;
    } else if (first <= ring->forming) {
        const uint64_t known = ring->forming - first + 1;
        if (known >= count) {
            return 0;
        }
        first += known;
        points += known;
        count -= known;
    }
    if (count == 0) {
        return 0;
    }
    int error = 0;
    if (ring->forming_end != 0) {
        error = ring_skip_to(ring, limit, ring->forming);
        error = ring_push(ring, limit, ring_mean(ring)) != 0 ? -ENOMEM : error;
    }
    error = ring_skip_to(ring, limit, first) != 0 ? -ENOMEM : error;
    error = ring_push_run(ring, limit, points, count - 1) != 0 ? -ENOMEM : error;
    const float last = points[count - 1];
    ring_form(ring, first + count - 1, isnan(last) ? 0 : (double)last, isnan(last) ? 0u : 1u);
    return error;
}

int ms_history_fill(struct ms_history *history, enum ms_resolution resolution, uint64_t first,
                    const float *points, size_t count)
{
    const int error =
        ring_fill(&history->rings[resolution], ring_limits[resolution], first, points, count);
    add_to_sum(history);
    return error;
}

bool ms_history_is_empty(const struct ms_history *history)
{
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        if (history->rings[i].forming_end != 0) {
            return false;
        }
    }
    return true;
}

static double ring_at(const struct ring *ring, uint64_t position);

/* Coarser points behind the filled ones, from the fine ones up to the last. */
static int ring_derive(struct ring *ring, uint32_t limit, const struct ring *fine)
{
    const uint64_t last = fine->forming / ring->step;
    uint64_t position = ring->forming_end != 0 ? ring->forming + 1 : fine->first / ring->step;
    int error = 0;
    if (position > last + 1) {
        return 0; /* more is known than there was: nothing to add */
    }
    /* The one that was filled last may have been a mean so far. */
    position = ring->forming_end != 0 && position == last + 1 ? last : position;
    position = position < fine->first / ring->step ? fine->first / ring->step : position;
    for (; position <= last; position++) {
        double sum = 0;
        uint32_t summed = 0;
        for (uint64_t tick = position * ring->step; tick < (position + 1) * ring->step; tick++) {
            const double value = tick <= fine->forming ? ring_at(fine, tick) : (double)NAN;
            sum += isnan(value) ? 0 : value;
            summed += isnan(value) ? 0u : 1u;
        }
        if (ring->forming_end == 0) {
            ring->first = ring->end = position;
        } else if (position > ring->forming) {
            error = ring_skip_to(ring, limit, ring->forming) != 0 ? -ENOMEM : error;
            error = ring_push(ring, limit, ring_mean(ring)) != 0 ? -ENOMEM : error;
        }
        ring_form(ring, position, sum, summed);
    }
    return error;
}

int ms_history_resume(struct ms_history *history)
{
    struct ring *fine = &history->rings[MS_RESOLUTION_FINE];
    int error = 0;
    for (int i = 1; i < MS_RESOLUTION_COUNT; i++) {
        struct ring *ring = &history->rings[i];
        if (fine->forming_end != 0) {
            error = ring_derive(ring, ring_limits[i], fine) != 0 ? -ENOMEM : error;
        }
        history->next_tick =
            ring->forming_end > history->next_tick ? ring->forming_end : history->next_tick;
    }
    if (fine->forming_end != 0) {
        history->next_tick = fine->forming + 1;
    }
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) { /* of what is not known at all */
        struct ring *ring = &history->rings[i];
        if (ring->forming_end == 0) {
            ring->first = ring->end = history->next_tick / ring->step;
            ring_form(ring, ring->first, 0, 0);
        }
    }
    history->started = 1;
    add_to_sum(history);
    return error;
}

/* Points in a row that are found together: in memory one after the other, or all the same. */
struct run {
    const float *points; /* NULL: all are `value` */
    double value;
    uint64_t count;
};

static struct run ring_run(const struct ring *ring, uint64_t position, uint64_t most)
{
    struct run run = {.value = NAN, .count = most};
    uint64_t end = position + most;
    if (position == ring->forming) {
        run.value = ring_mean(ring);
        run.count = 1;
        return run;
    }
    if (position < ring->forming && ring->forming < end) {
        end = ring->forming;
    }
    if (position < ring->first) {
        end = ring->first < end ? ring->first : end;
    } else if (position < ring->end) {
        const uint64_t block_end = (position / BLOCK_POINTS + 1) * BLOCK_POINTS;
        const struct block *block = block_of(ring, position);
        end = block_end < end ? block_end : end;
        end = ring->end < end ? ring->end : end;
        run.points = block->points != NULL ? &block->points[position % BLOCK_POINTS] : NULL;
        run.value = (double)block->value;
    }
    run.count = end - position;
    return run;
}

size_t ms_history_read_at(const struct ms_history *history, enum ms_resolution resolution,
                          uint64_t first, size_t count, double *out)
{
    const struct ring *ring = &history->rings[resolution];
    size_t present = 0;
    for (size_t at = 0; at < count;) {
        const struct run run = history->started ? ring_run(ring, first + at, count - at)
                                                : (struct run){.value = NAN, .count = count};
        for (uint64_t i = 0; i < run.count; i++) {
            out[at + i] = run.points != NULL ? (double)run.points[i] : run.value;
            present += isnan(out[at + i]) ? 0u : 1u;
        }
        at += run.count;
    }
    return present;
}

void ms_history_copy(const struct ms_history *history, enum ms_resolution resolution,
                     uint64_t first, size_t count, float *out)
{
    const struct ring *ring = &history->rings[resolution];
    for (size_t at = 0; at < count;) {
        const struct run run = history->started ? ring_run(ring, first + at, count - at)
                                                : (struct run){.value = NAN, .count = count};
        if (run.points != NULL) {
            memcpy(&out[at], run.points, run.count * sizeof(*out));
        }
        for (uint64_t i = 0; run.points == NULL && i < run.count; i++) {
            out[at + i] = (float)run.value;
        }
        at += run.count;
    }
}

size_t ms_history_read(const struct ms_history *history, enum ms_resolution resolution,
                       size_t count, double *out)
{
    const uint64_t end = history->rings[resolution].forming + 1;
    size_t missing = 0;
    while (missing < count && count - missing > end) {
        out[missing++] = NAN;
    }
    return ms_history_read_at(history, resolution, end - (count - missing), count - missing,
                              out + missing);
}

void ms_history_range(const struct ms_history *history, uint64_t *first, uint64_t *end)
{
    const struct ring *ring = &history->rings[MS_RESOLUTION_FINE];
    *first = ring->first;
    *end = history->started ? history->next_tick : ring->first;
}
