#include "analysis/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/diff_things.h"
#include "model/chunks.h"
#include "model/index.h"

#define NOISE_TIMES 3.0
#define SHARE_LEAST 0.01

struct row {
    struct ms_diff_row row;
    uint64_t key;
    double samples[2];
    double most[2]; /* live bytes of the one that stands for the others */
};

struct rows {
    struct ms_chunks list; /* struct row */
    struct ms_index by_key;
    const struct row **sorted;
    size_t changed;
};

struct ms_diff {
    struct ms_diff_side sides[2]; /* before, after */
    struct rows of[2];            /* enum ms_diff_kind */
    struct ms_diff_row totals;
    enum ms_diff_measure measure;
};

static struct row *row_of(struct rows *rows, uint64_t key)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&rows->by_key, (uint32_t)key, &cursor, &position)) {
        struct row *row = ms_chunks_at(&rows->list, position);
        if (row->key == key) {
            return row;
        }
    }
    struct row *row = ms_chunks_add(&rows->list);
    if (row != NULL &&
        ms_index_add(&rows->by_key, (uint32_t)key, (uint32_t)(rows->list.count - 1)) != 0) {
        ms_chunks_drop_last(&rows->list);
        row = NULL;
    }
    if (row != NULL) {
        row->key = key;
    }
    return row;
}

static void add_thing(struct row *row, int side, const struct ms_diff_thing *thing)
{
    uint32_t *id = side == 0 ? &row->row.before_id : &row->row.after_id;
    uint32_t *count = side == 0 ? &row->row.before_count : &row->row.after_count;
    double *figures = side == 0 ? row->row.before : row->row.after;
    if (*count == 0 || thing->figures[MS_DIFF_LIVE] > row->most[side]) {
        *id = thing->id;
        row->most[side] = thing->figures[MS_DIFF_LIVE];
    }
    (*count)++;
    row->samples[side] += thing->cpu_samples;
    for (int measure = 0; measure < MS_DIFF_MEASURE_TOTAL; measure++) {
        figures[measure] += thing->figures[measure];
    }
}

static int add_side(struct ms_diff *diff, int side)
{
    struct ms_diff_names names;
    int result = 0;
    ms_diff_names_open(&names, diff->sides[side].model);
    for (int kind = 0; kind < 2; kind++) {
        const size_t count = ms_diff_thing_count(names.model, (enum ms_diff_kind)kind);
        for (size_t i = 0; result == 0 && i < count; i++) {
            struct ms_diff_thing thing;
            if (!ms_diff_thing_at(&names, (enum ms_diff_kind)kind, i, &thing)) {
                continue;
            }
            struct row *row = row_of(&diff->of[kind], thing.key);
            if (row == NULL) {
                result = -ENOMEM;
            } else {
                add_thing(row, side, &thing);
            }
        }
    }
    ms_diff_names_close(&names);
    return result;
}

/* Of n events that come independently of one another. */
static double spread_of_events(double figure, double events)
{
    return events > 0 ? figure / sqrt(events) : 0;
}

/* Counted since the start, so that of one session the later side contains the earlier one. */
static bool is_running_sum(enum ms_diff_measure measure)
{
    return measure == MS_DIFF_ALLOCATED || measure == MS_DIFF_COUNT || measure == MS_DIFF_CPU;
}

static double noise_of_events(enum ms_diff_measure measure, double figure, double allocations,
                              double samples)
{
    if (measure == MS_DIFF_CPU) {
        return samples > 0 ? spread_of_events(figure, samples) : SHARE_LEAST * figure;
    }
    return spread_of_events(figure, allocations);
}

static double side_noise(const struct ms_diff *diff, enum ms_diff_kind kind, const struct row *row,
                         int side, enum ms_diff_measure measure)
{
    const double *figures = side == 0 ? row->row.before : row->row.after;
    const uint32_t count = side == 0 ? row->row.before_count : row->row.after_count;
    if (is_running_sum(measure)) {
        return noise_of_events(measure, figures[measure], figures[MS_DIFF_COUNT],
                               row->samples[side]);
    }
    if (measure == MS_DIFF_PEAK) {
        return NAN;
    }
    return count == 0 ? 0
                      : fmax(ms_diff_noise_of(diff->sides[side].noise, kind,
                                              row->key), /* or the known one */
                             ms_diff_swing_of(diff->sides[side].swing, kind, row->key));
}

/* A side that is not known counts as 0, but the other one must have been there to be known. */
static double noise_of_both(const struct ms_diff *diff, enum ms_diff_kind kind,
                            const struct row *row, enum ms_diff_measure measure)
{
    const double before = side_noise(diff, kind, row, 0, measure);
    const double after = side_noise(diff, kind, row, 1, measure);
    if (isnan(before)) {
        return row->row.after_count != 0 ? after : NAN;
    }
    if (isnan(after)) {
        return row->row.before_count != 0 ? before : NAN;
    }
    return hypot(before, after);
}

static double noise_between(const struct row *row, enum ms_diff_measure measure)
{
    const struct ms_diff_row *figures = &row->row;
    return noise_of_events(measure, fabs(figures->after[measure] - figures->before[measure]),
                           fabs(figures->after[MS_DIFF_COUNT] - figures->before[MS_DIFF_COUNT]),
                           fabs(row->samples[1] - row->samples[0]));
}

static double least_told(enum ms_diff_measure measure)
{
    return measure == MS_DIFF_COUNT || measure == MS_DIFF_CPU ? 10 : 1000;
}

static enum ms_diff_verdict judge(const struct ms_diff *diff, const struct ms_diff_row *row,
                                  enum ms_diff_measure measure)
{
    const double before = row->before[measure];
    const double after = row->after[measure];
    const double noise = isnan(row->noise[measure]) ? 0 : row->noise[measure];
    const bool nested = diff->sides[1].same_session && is_running_sum(measure);
    const double by_share = nested ? 0 : SHARE_LEAST * fmax(before, after);
    const double limit = fmax(fmax(NOISE_TIMES * noise, by_share), least_told(measure));
    if (!(fabs(after - before) > limit)) {
        return MS_DIFF_SAME;
    }
    if (row->before_count == 0) {
        return MS_DIFF_NEW;
    }
    if (row->after_count == 0) {
        return MS_DIFF_GONE;
    }
    return after > before ? MS_DIFF_GREW : MS_DIFF_SHRANK;
}

static void judge_row(const struct ms_diff *diff, enum ms_diff_kind kind, struct row *row)
{
    for (int i = 0; i < MS_DIFF_MEASURE_TOTAL; i++) {
        const enum ms_diff_measure measure = (enum ms_diff_measure)i;
        if (diff->sides[1].same_session && is_running_sum(measure)) {
            row->row.noise[i] = noise_between(row, measure);
        } else {
            row->row.noise[i] = noise_of_both(diff, kind, row, measure);
        }
        row->row.verdict[i] = judge(diff, &row->row, measure);
    }
}

/* Of threads that peaked at different times the sum of their peaks never was. */
static double peak_of(const struct ms_model *model)
{
    double peak = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        peak += process->merged == 0 ? (double)process->totals.peak_bytes : 0;
    }
    return peak;
}

/* Threads hold what call sites hold, and CPU time that no stack was seen of: they are the sum. */
static void sum_up(struct ms_diff *diff)
{
    const struct rows *threads = &diff->of[MS_DIFF_THREADS];
    struct ms_diff_row *totals = &diff->totals;
    for (size_t i = 0; i < threads->list.count; i++) {
        const struct ms_diff_row *row = &((const struct row *)ms_chunks_at(&threads->list, i))->row;
        totals->before_count += row->before_count;
        totals->after_count += row->after_count;
        for (int measure = 0; measure < MS_DIFF_MEASURE_TOTAL; measure++) {
            totals->before[measure] += row->before[measure];
            totals->after[measure] += row->after[measure];
            const double noise = isnan(row->noise[measure]) ? 0 : row->noise[measure];
            totals->noise[measure] = hypot(totals->noise[measure], noise);
        }
    }
    totals->noise[MS_DIFF_PEAK] = NAN;
    totals->before[MS_DIFF_PEAK] = peak_of(diff->sides[0].model);
    totals->after[MS_DIFF_PEAK] = peak_of(diff->sides[1].model);
    for (int measure = 0; measure < MS_DIFF_MEASURE_TOTAL; measure++) {
        totals->verdict[measure] = judge(diff, totals, (enum ms_diff_measure)measure);
    }
}

static int index_rows(struct rows *rows)
{
    rows->sorted = calloc(rows->list.count + 1, sizeof(*rows->sorted));
    if (rows->sorted == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < rows->list.count; i++) {
        rows->sorted[i] = ms_chunks_at(&rows->list, i);
    }
    return 0;
}

struct ms_diff *ms_diff_new(const struct ms_diff_side *before, const struct ms_diff_side *after)
{
    struct ms_diff *diff = calloc(1, sizeof *diff);
    if (diff == NULL) {
        return NULL;
    }
    diff->sides[0] = *before;
    diff->sides[1] = *after;
    diff->of[0].list.element_bytes = diff->of[1].list.element_bytes = sizeof(struct row);
    int result = add_side(diff, 0);
    result = result == 0 ? add_side(diff, 1) : result;
    for (int kind = 0; result == 0 && kind < 2; kind++) {
        for (size_t i = 0; i < diff->of[kind].list.count; i++) {
            judge_row(diff, (enum ms_diff_kind)kind, ms_chunks_at(&diff->of[kind].list, i));
        }
        result = index_rows(&diff->of[kind]);
    }
    if (result != 0) {
        ms_diff_free(diff);
        return NULL;
    }
    sum_up(diff);
    ms_diff_sort(diff, MS_DIFF_LIVE);
    return diff;
}

void ms_diff_free(struct ms_diff *diff)
{
    for (int kind = 0; diff != NULL && kind < 2; kind++) {
        ms_chunks_free(&diff->of[kind].list);
        ms_index_free(&diff->of[kind].by_key);
        free(diff->of[kind].sorted);
    }
    free(diff);
}

const struct ms_model *ms_diff_before(const struct ms_diff *diff)
{
    return diff->sides[0].model;
}

const struct ms_model *ms_diff_after(const struct ms_diff *diff)
{
    return diff->sides[1].model;
}

static int by_change(const void *a, const void *b, void *context)
{
    const enum ms_diff_measure measure = *(const enum ms_diff_measure *)context;
    const struct row *one = *(const struct row *const *)a;
    const struct row *other = *(const struct row *const *)b;
    const bool one_same = one->row.verdict[measure] == MS_DIFF_SAME;
    const bool other_same = other->row.verdict[measure] == MS_DIFF_SAME;
    if (one_same != other_same) {
        return one_same ? 1 : -1;
    }
    const double one_change = fabs(one->row.after[measure] - one->row.before[measure]);
    const double other_change = fabs(other->row.after[measure] - other->row.before[measure]);
    if (one_change > other_change || one_change < other_change) {
        return one_change > other_change ? -1 : 1;
    }
    return one->key < other->key ? -1 : one->key > other->key;
}

void ms_diff_sort(struct ms_diff *diff, enum ms_diff_measure measure)
{
    diff->measure = measure;
    for (int kind = 0; kind < 2; kind++) {
        struct rows *rows = &diff->of[kind];
        qsort_r(rows->sorted, rows->list.count, sizeof(*rows->sorted), by_change, &measure);
        rows->changed = 0;
        while (rows->changed < rows->list.count &&
               rows->sorted[rows->changed]->row.verdict[measure] != MS_DIFF_SAME) {
            rows->changed++;
        }
    }
}

size_t ms_diff_count(const struct ms_diff *diff, enum ms_diff_kind kind)
{
    return diff->of[kind].list.count;
}

size_t ms_diff_changed(const struct ms_diff *diff, enum ms_diff_kind kind)
{
    return diff->of[kind].changed;
}

const struct ms_diff_row *ms_diff_row(const struct ms_diff *diff, enum ms_diff_kind kind,
                                      size_t index)
{
    return &diff->of[kind].sorted[index]->row;
}

const struct ms_diff_row *ms_diff_totals(const struct ms_diff *diff)
{
    return &diff->totals;
}
