#include "tui/thread_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *name(size_t order)
{
    return ms_metric_info((enum ms_metric)order)->name;
}

static const char *meaning(size_t order)
{
    return ms_metric_info((enum ms_metric)order)->meaning;
}

const struct ms_orders ms_thread_orders = {
    .count = MS_METRIC_TOTAL, .name = name, .meaning = meaning};

bool ms_thread_fits(const struct ms_thread *thread, const struct ms_judgement *judgement,
                    const char *filter)
{
    char tid[16];
    snprintf(tid, sizeof tid, "%d", (int)thread->tid);
    return filter[0] == '\0' || strcasestr(thread->name, filter) != NULL ||
           strstr(tid, filter) != NULL || strcasestr(ms_role_word(judgement->role), filter) != NULL;
}

void ms_thread_list_update(struct ms_listing *listing, const struct ms_model *model,
                           const struct ms_findings *findings, const struct ms_scope *scope)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    const size_t threads = ms_model_thread_count(model);
    const bool all = ms_scope_is_all(scope);
    struct ms_row_key *keys = malloc((threads + 1) * sizeof *keys);
    if (keys == NULL) {
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < threads; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (listing->filter.length > 0 &&
            !ms_thread_fits(thread, ms_findings_of(findings, thread->id), listing->filter.text)) {
            continue;
        }
        const struct ms_value value =
            ms_metric_of_thread(thread, (enum ms_metric)listing->order, now_ns);
        keys[count++] = (struct ms_row_key){
            .id = thread->id,
            .figure = value.number,
            .known = value.available,
            .last = thread->end_ns != 0 || (!all && !ms_scope_has_thread(scope, model, thread)),
        };
    }
    ms_rows_sort(&listing->rows, keys, count, listing->ascending, now_ns);
    free(keys);
}
