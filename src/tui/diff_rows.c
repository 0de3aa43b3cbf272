/* What the rows of screen D are, and their order. */
#include "tui/diff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ids of rows: that of the later side, or beyond it that of the earlier one, which alone has it. */
#define ONLY_BEFORE (UINT64_C(1) << 32)

static const char *order_name(size_t order)
{
    return ms_diff_measure_name((enum ms_diff_measure)order);
}

static const char *order_meaning(size_t order)
{
    return ms_diff_measure_what((enum ms_diff_measure)order);
}

const struct ms_orders ms_diff_orders = {
    .count = MS_DIFF_MEASURE_TOTAL, .name = order_name, .meaning = order_meaning};

void ms_diff_view_open(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    if (tui->diff == NULL) {
        tui->diff = calloc(1, sizeof *tui->diff);
        if (tui->diff == NULL) {
            return;
        }
        ms_listing_init(&tui->diff->listing, MS_DIFF_LIVE);
    }
}

void ms_diff_view_free(struct ms_diff_view *diff)
{
    if (diff != NULL) {
        ms_listing_fini(&diff->listing);
        free(diff);
    }
}

static uint64_t id_of(const struct ms_diff_row *row)
{
    return row->after_count != 0 ? row->after_id : ONLY_BEFORE | row->before_id;
}

const struct ms_diff_row *ms_diff_view_row(const struct ms_diff_view *diff,
                                           const struct ms_tui_changes *changes, uint64_t id)
{
    const size_t count = changes->diff != NULL ? ms_diff_count(changes->diff, diff->kind) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct ms_diff_row *row = ms_diff_row(changes->diff, diff->kind, i);
        if (id_of(row) == id) {
            return row;
        }
    }
    return NULL;
}

static bool in_scope(const struct ms_tui *tui, const struct ms_view *view,
                     const struct ms_diff_row *row)
{
    const struct ms_site *site = ms_model_site_by_id(view->model, row->after_id);
    const struct ms_thread *thread = ms_model_thread_by_id(view->model, row->after_id);
    if (ms_scope_is_all(&tui->scope)) {
        return true;
    }
    if (row->after_count == 0) {
        return false;
    }
    return tui->diff->kind == MS_DIFF_SITES
               ? site != NULL && ms_scope_has_site(&tui->scope, view->model, site)
               : thread != NULL && ms_scope_has_thread(&tui->scope, view->model, thread);
}

static bool fits(const struct ms_diff_view *diff, const struct ms_tui_changes *changes,
                 const struct ms_diff_row *row)
{
    char label[512];
    const char *filter = diff->listing.filter.text;
    return filter[0] == '\0' ||
           strcasestr(ms_diff_label(changes->diff, diff->kind, row, label, sizeof label), filter) !=
               NULL ||
           strcasestr(ms_diff_verdict_word(row->verdict[diff->listing.order]), filter) != NULL;
}

const struct ms_tui_changes *ms_diff_view_update(struct ms_tui *tui, const struct ms_view *view)
{
    static const struct ms_tui_changes none = {.why = "No history is kept.", .mark = ""};
    struct ms_diff_view *diff = tui->diff;
    const struct ms_tui_changes *changes =
        tui->changes != NULL ? tui->changes(tui->changes_context, diff->marks_back) : &none;
    const size_t all = changes->diff != NULL ? ms_diff_count(changes->diff, diff->kind) : 0;
    const size_t measure = diff->listing.order;
    struct ms_row_key *keys = malloc((all + 1) * sizeof *keys);
    size_t count = 0;
    diff->all = 0;
    for (size_t i = 0; keys != NULL && i < all; i++) {
        const struct ms_diff_row *row = ms_diff_row(changes->diff, diff->kind, i);
        if (!in_scope(tui, view, row)) {
            continue;
        }
        diff->all++;
        if (fits(diff, changes, row)) {
            const double change = fabs(row->after[measure] - row->before[measure]);
            keys[count++] = (struct ms_row_key){.id = id_of(row),
                                                .figure = isnan(change) ? 0 : change,
                                                .known = !isnan(change),
                                                .last = row->verdict[measure] == MS_DIFF_SAME};
        }
    }
    if (keys != NULL) {
        ms_rows_sort(&diff->listing.rows, keys, count, diff->listing.ascending,
                     ms_model_now_ns(view->model));
        free(keys);
    }
    return changes;
}
