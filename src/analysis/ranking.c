#include "analysis/ranking.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/efficiency.h"

const char *ms_rank_name(int by)
{
    return by == MS_RANK_EFFICIENCY ? "efficiency_score" : ms_metric_info((enum ms_metric)by)->name;
}

const char *ms_rank_heading(int by)
{
    return by == MS_RANK_EFFICIENCY ? "EFFIC" : ms_metric_info((enum ms_metric)by)->heading;
}

const char *ms_rank_meaning(int by)
{
    return by == MS_RANK_EFFICIENCY ? "how well it uses what it takes, 0 to 100"
                                    : ms_metric_info((enum ms_metric)by)->meaning;
}

enum ms_unit ms_rank_unit(int by)
{
    return by == MS_RANK_EFFICIENCY ? MS_UNIT_PERCENT : ms_metric_info((enum ms_metric)by)->unit;
}

struct ms_value ms_rank_value(const struct ms_model *model, const struct ms_thread *thread, int by)
{
    if (by != MS_RANK_EFFICIENCY) {
        return ms_metric_of_thread(thread, (enum ms_metric)by, ms_model_now_ns(model));
    }
    const double score = ms_efficiency_of_thread(model, thread).score;
    return isnan(score) ? ms_value_none() : ms_value_of(score);
}

static int compare_ids(const struct ms_ranked *a, const struct ms_ranked *b)
{
    return a->thread_id < b->thread_id ? -1 : a->thread_id > b->thread_id;
}

static int compare(const void *a, const void *b)
{
    const struct ms_ranked *left = a;
    const struct ms_ranked *right = b;
    if (left->value.available != right->value.available) {
        return left->value.available ? -1 : 1;
    }
    if (left->value.available && left->value.number != right->value.number) {
        return left->value.number > right->value.number ? -1 : 1;
    }
    return compare_ids(left, right);
}

/* Rows are in order: equal figures share the rank of the first of them. */
static void set_ranks(struct ms_ranking *ranking)
{
    uint32_t before[MS_ROLE_TOTAL] = {0};
    const struct ms_ranked *last[MS_ROLE_TOTAL] = {NULL};
    for (size_t i = 0; i < ranking->known; i++) {
        struct ms_ranked *row = &ranking->rows[i];
        const struct ms_ranked *above = i > 0 ? row - 1 : NULL;
        const struct ms_ranked *in_role = last[row->role];
        row->rank = above != NULL && above->value.number == row->value.number ? above->rank
                                                                              : (uint32_t)i + 1;
        before[row->role]++;
        row->rank_in_role = in_role != NULL && in_role->value.number == row->value.number
                                ? in_role->rank_in_role
                                : before[row->role];
        last[row->role] = row;
    }
}

static bool adds_up(enum ms_unit unit)
{
    return unit == MS_UNIT_BYTES || unit == MS_UNIT_COUNT || unit == MS_UNIT_MS;
}

static void set_means(struct ms_ranking *ranking)
{
    double role_sum[MS_ROLE_TOTAL] = {0};
    uint32_t role_known[MS_ROLE_TOTAL] = {0};
    for (size_t i = 0; i < ranking->count; i++) {
        ranking->role_count[ranking->rows[i].role]++;
    }
    for (size_t i = 0; i < ranking->known; i++) {
        const struct ms_ranked *row = &ranking->rows[i];
        ranking->sum += row->value.number;
        role_sum[row->role] += row->value.number;
        role_known[row->role] += ms_rank_unit(ranking->by) != MS_UNIT_INDEX ? 1 : 0;
    }
    for (int role = 0; role < MS_ROLE_TOTAL; role++) {
        ranking->role_mean[role] =
            role_known[role] > 0 ? role_sum[role] / role_known[role] : (double)NAN;
    }
    ranking->mean = ranking->median = (double)NAN;
    const size_t known = ranking->known;
    if (known > 0 && ms_rank_unit(ranking->by) != MS_UNIT_INDEX) {
        ranking->mean = ranking->sum / (double)known;
        ranking->median =
            (ranking->rows[(known - 1) / 2].value.number + ranking->rows[known / 2].value.number) /
            2;
    }
    ranking->sum = adds_up(ms_rank_unit(ranking->by)) ? ranking->sum : (double)NAN;
    const bool shares = adds_up(ms_rank_unit(ranking->by)) && ranking->sum > 0;
    for (size_t i = 0; i < ranking->count; i++) {
        struct ms_ranked *row = &ranking->rows[i];
        row->ratio = row->value.available && ranking->mean != 0 ? row->value.number / ranking->mean
                                                                : (double)NAN;
        row->share =
            row->value.available && shares ? row->value.number / ranking->sum : (double)NAN;
    }
}

int ms_ranking_of(const struct ms_model *model, const struct ms_findings *findings,
                  const struct ms_scope *scope, int by, bool alive, struct ms_ranking *out)
{
    const size_t count = alive ? ms_model_alive_count(model) : ms_model_thread_count(model);
    *out = (struct ms_ranking){.by = by};
    out->rows = calloc(count > 0 ? count : 1, sizeof(*out->rows));
    if (out->rows == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (!ms_scope_has_thread(scope, model, thread)) {
            continue;
        }
        const struct ms_value value = ms_rank_value(model, thread, by);
        out->rows[out->count++] = (struct ms_ranked){
            .thread_id = thread->id,
            .role = ms_findings_of(findings, thread->id)->role,
            .value = value,
        };
        out->known += value.available ? 1 : 0;
    }
    qsort(out->rows, out->count, sizeof(*out->rows), compare);
    set_ranks(out);
    set_means(out);
    return 0;
}

void ms_ranking_free(struct ms_ranking *ranking)
{
    free(ranking->rows);
    *ranking = (struct ms_ranking){0};
}
