/* How far live bytes swing over minutes, by what things are called. See diff.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff_things.h"
#include "model/chunks.h"
#include "model/index.h"
#include "analysis/median.h"

enum { MOST = MS_DIFF_SWING_LOOKS_MOST };

#define GAUSSIAN 1.4826 /* standard deviation over median distance, of a Gaussian */

struct values {
    uint64_t key;
    float of[MOST]; /* a swing needs no more digits */
};

struct ms_diff_swing {
    struct ms_chunks list[2]; /* struct values; enum ms_diff_kind */
    struct ms_index by_key[2];
    uint32_t looks;
};

struct ms_diff_swing *ms_diff_swing_new(void)
{
    struct ms_diff_swing *swing = calloc(1, sizeof *swing);
    for (int kind = 0; swing != NULL && kind < 2; kind++) {
        swing->list[kind].element_bytes = sizeof(struct values);
    }
    return swing;
}

void ms_diff_swing_free(struct ms_diff_swing *swing)
{
    for (int kind = 0; swing != NULL && kind < 2; kind++) {
        ms_chunks_free(&swing->list[kind]);
        ms_index_free(&swing->by_key[kind]);
    }
    free(swing);
}

static struct values *find(const struct ms_diff_swing *swing, int kind, uint64_t key)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&swing->by_key[kind], (uint32_t)key, &cursor, &position)) {
        struct values *values = ms_chunks_at(&swing->list[kind], position);
        if (values->key == key) {
            return values;
        }
    }
    return NULL;
}

/* What was not there before held nothing. */
static struct values *find_or_add(struct ms_diff_swing *swing, int kind, uint64_t key)
{
    struct ms_chunks *list = &swing->list[kind];
    struct values *values = find(swing, kind, key);
    if (values != NULL) {
        return values;
    }
    values = ms_chunks_add(list);
    if (values != NULL &&
        ms_index_add(&swing->by_key[kind], (uint32_t)key, (uint32_t)(list->count - 1)) != 0) {
        ms_chunks_drop_last(list);
        values = NULL;
    }
    if (values != NULL) {
        values->key = key;
    }
    return values;
}

int ms_diff_swing_look(struct ms_diff_swing *swing, const struct ms_model *model)
{
    struct ms_diff_names names;
    if (swing->looks == MOST) {
        return -ENOSPC;
    }
    int result = 0;
    ms_diff_names_open(&names, model);
    for (int kind = 0; result == 0 && kind < 2; kind++) {
        const size_t count = ms_diff_thing_count(model, (enum ms_diff_kind)kind);
        for (size_t i = 0; result == 0 && i < count; i++) {
            struct ms_diff_thing thing;
            if (ms_diff_thing_at(&names, (enum ms_diff_kind)kind, i, &thing)) {
                struct values *values = find_or_add(swing, kind, thing.key);
                result = values != NULL ? 0 : -ENOMEM;
                if (values != NULL) {
                    values->of[swing->looks] += (float)thing.figures[MS_DIFF_LIVE];
                }
            }
        }
    }
    ms_diff_names_close(&names);
    swing->looks += result == 0;
    return result;
}

static double median_of(const float *values, uint32_t count)
{
    double copy[MOST];
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = (double)values[i];
    }
    return ms_median(copy, count);
}

/* Median distance from a line of this slope. */
static double distance(const struct values *values, uint32_t looks, double slope)
{
    double off[MOST];
    for (uint32_t i = 0; i < looks; i++) {
        off[i] = (double)values->of[i] - slope * i;
    }
    const double middle = ms_median(off, looks);
    for (uint32_t i = 0; i < looks; i++) {
        off[i] = fabs((double)values->of[i] - slope * i - middle);
    }
    return ms_median(off, looks);
}

/* A level, or a trend: what explains the looks better. A start at the beginning of them bends a
 * trend, a leak has no level. */
double ms_diff_swing_of(const struct ms_diff_swing *swing, enum ms_diff_kind kind, uint64_t key)
{
    const struct values *values = swing != NULL ? find(swing, (int)kind, key) : NULL;
    if (values == NULL || swing->looks < MS_DIFF_SWING_LOOKS_LEAST) {
        return NAN;
    }
    const uint32_t looks = swing->looks;
    const uint32_t third = looks / 3;
    const double first = median_of(values->of, third);
    const double last = median_of(values->of + looks - third, third);
    const double slope = (last - first) / (looks - third);
    return GAUSSIAN * fmin(distance(values, looks, 0), distance(values, looks, slope));
}
