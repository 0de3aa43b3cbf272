/* What the rows of screen 2 are: threads in the order of a figure, overall or within roles. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tui/rankings.h"

/* Ranked anew after this long, and the longer the more threads there are. */
#define RANK_EVERY_NS  UINT64_C(500000000)
#define RANK_THREAD_NS UINT64_C(100000)

static const char *order_name(size_t order)
{
    return ms_rank_name((int)order);
}

static const char *order_meaning(size_t order)
{
    return ms_rank_meaning((int)order);
}

const struct ms_orders ms_rankings_orders = {
    .count = MS_RANK_TOTAL, .name = order_name, .meaning = order_meaning};

void ms_rankings_view_open(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    if (tui->rankings == NULL) {
        tui->rankings = calloc(1, sizeof *tui->rankings);
        if (tui->rankings == NULL) {
            return;
        }
        ms_listing_init(&tui->rankings->listing, MS_METRIC_PEAK_BYTES);
        ms_rows_init(&tui->rankings->ordered);
    }
    tui->rankings->stale = true;
    if (tui->scope.thread_id != 0) {
        tui->rankings->listing.rows.selected = tui->scope.thread_id;
        tui->rankings->listing.rows.chosen = true;
    }
}

void ms_rankings_view_free(struct ms_rankings_view *rankings)
{
    if (rankings != NULL) {
        ms_listing_fini(&rankings->listing);
        ms_rows_fini(&rankings->ordered);
        ms_ranking_free(&rankings->ranking);
        free(rankings->places);
        free(rankings);
    }
}

static int compare_places(const void *left, const void *right)
{
    const struct ms_rankings_place *a = left;
    const struct ms_rankings_place *b = right;
    return a->thread_id < b->thread_id ? -1 : a->thread_id > b->thread_id;
}

const struct ms_ranked *ms_rankings_view_row(const struct ms_rankings_view *rankings, uint64_t id)
{
    const struct ms_rankings_place wanted = {.thread_id = (uint32_t)id};
    if (id >= MS_RANKINGS_ROLE_ROW || rankings->ranking.count == 0) {
        return NULL;
    }
    const struct ms_rankings_place *place =
        bsearch(&wanted, rankings->places, rankings->ranking.count, sizeof *place, compare_places);
    return place != NULL ? &rankings->ranking.rows[place->index] : NULL;
}

/* Ranks stay those among all threads while one of them is in focus. */
static struct ms_scope scope_of(const struct ms_tui *tui)
{
    const struct ms_scope all = {.process_id = 0};
    return tui->scope.thread_id != 0 ? all : tui->scope;
}

/* False: no memory, and the ranking of before stays. */
static bool rank(struct ms_rankings_view *rankings, const struct ms_view *view,
                 const struct ms_scope *scope)
{
    struct ms_ranking ranking;
    if (ms_ranking_of(view->model, view->findings, scope, (int)rankings->listing.order,
                      rankings->alive, &ranking) != 0) {
        return false;
    }
    if (ranking.count > rankings->place_capacity) {
        struct ms_rankings_place *places =
            realloc(rankings->places, ranking.count * sizeof *places);
        if (places == NULL) {
            ms_ranking_free(&ranking);
            return false;
        }
        rankings->places = places;
        rankings->place_capacity = ranking.count;
    }
    ms_ranking_free(&rankings->ranking);
    rankings->ranking = ranking;
    rankings->shares = false;
    rankings->highest = NAN;
    for (size_t i = 0; i < ranking.count; i++) {
        const struct ms_ranked *row = &ranking.rows[i];
        rankings->places[i] =
            (struct ms_rankings_place){.thread_id = row->thread_id, .index = (uint32_t)i};
        rankings->shares = rankings->shares || !isnan(row->share);
        if (row->value.available && !(row->value.number <= rankings->highest)) {
            rankings->highest = row->value.number;
        }
    }
    if (ranking.count > 0) {
        qsort(rankings->places, ranking.count, sizeof *rankings->places, compare_places);
    }
    return true;
}

static void sort(struct ms_rankings_view *rankings, const struct ms_view *view)
{
    const struct ms_ranking *ranking = &rankings->ranking;
    struct ms_row_key *keys = malloc((ranking->count + 1) * sizeof *keys);
    size_t count = 0;
    for (size_t i = 0; keys != NULL && i < ranking->count; i++) {
        const struct ms_ranked *row = &ranking->rows[i];
        const struct ms_thread *thread = ms_model_thread_by_id(view->model, row->thread_id);
        if (thread != NULL && (rankings->listing.filter.length == 0 ||
                               ms_thread_fits(thread, ms_findings_of(view->findings, thread->id),
                                              rankings->listing.filter.text))) {
            keys[count++] = (struct ms_row_key){
                .id = row->thread_id, .figure = row->value.number, .known = row->value.available};
        }
    }
    if (keys != NULL) {
        rankings->filtered = count;
        rankings->ordered.hold_until_ns = rankings->listing.rows.hold_until_ns;
        ms_rows_sort(&rankings->ordered, keys, count, rankings->listing.ascending,
                     ms_model_now_ns(view->model));
        free(keys);
    }
}

/* Of `role`, or with MS_ROLE_TOTAL all; returns how many there are in `ids` then. */
static size_t take_threads(const struct ms_rankings_view *rankings, enum ms_role role,
                           uint64_t *ids, size_t count)
{
    for (size_t i = 0; i < rankings->ordered.count; i++) {
        const struct ms_ranked *row = ms_rankings_view_row(rankings, rankings->ordered.ids[i]);
        if (row != NULL && (role == MS_ROLE_TOTAL || row->role == role)) {
            ids[count++] = row->thread_id;
        }
    }
    return count;
}

static void take_rows(struct ms_rankings_view *rankings)
{
    uint64_t *ids = malloc((rankings->ordered.count + MS_ROLE_TOTAL) * sizeof *ids);
    size_t count = 0;
    if (ids == NULL) {
        return;
    }
    if (!rankings->by_role) {
        count = take_threads(rankings, MS_ROLE_TOTAL, ids, 0);
    }
    for (int role = 0; rankings->by_role && role < MS_ROLE_TOTAL; role++) {
        ids[count] = MS_RANKINGS_ROLE_ROW | (unsigned)role;
        const size_t behind = take_threads(rankings, (enum ms_role)role, ids, count + 1);
        const bool folded = (rankings->folded >> role & 1u) != 0;
        count = behind == count + 1 ? count : folded ? count + 1 : behind;
    }
    ms_rows_take(&rankings->listing.rows, ids, count);
    free(ids);
}

void ms_rankings_view_update(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_rankings_view *rankings = tui->rankings;
    const uint64_t now_ns = ms_model_now_ns(view->model);
    const struct ms_scope scope = scope_of(tui);
    const bool other = rankings->stale || rankings->made_order != rankings->listing.order ||
                       rankings->made_ascending != rankings->listing.ascending ||
                       memcmp(&rankings->made_scope, &scope, sizeof scope) != 0 ||
                       strcmp(rankings->made_filter, rankings->listing.filter.text) != 0;
    const uint64_t wait_ns = RANK_EVERY_NS + rankings->ranking.count * RANK_THREAD_NS;
    if (other || now_ns - rankings->made_ns >= wait_ns) {
        rankings->stale = !rank(rankings, view, &scope);
        rankings->made_ns = now_ns;
        rankings->made_order = rankings->listing.order;
        rankings->made_ascending = rankings->listing.ascending;
        rankings->made_scope = scope;
        memcpy(rankings->made_filter, rankings->listing.filter.text, MS_ENTRY_MAX);
        sort(rankings, view);
        take_rows(rankings);
    }
}
