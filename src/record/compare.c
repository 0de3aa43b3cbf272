/* Two models field by field: every part, then all histories. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/histories.h"
#include "record/layout.h"

struct comparison {
    const struct ms_model *other;
    void (*differs)(void *context, const char *what);
    void *context;
    size_t different;
};

static const char *const of_words[MS_HISTORY_OF_TOTAL] = {
    [MS_HISTORY_OF_SUM] = "sum",         [MS_HISTORY_OF_SYSTEM] = "system",
    [MS_HISTORY_OF_CORE] = "core",       [MS_HISTORY_OF_GPU] = "gpu",
    [MS_HISTORY_OF_PROCESS] = "process", [MS_HISTORY_OF_THREAD] = "thread",
};

/* The last points, of the finest resolution: those that both have. */
static bool same_points(const struct ms_history *one, const struct ms_history *other)
{
    enum { POINTS = 64 };
    uint64_t first[2];
    uint64_t end[2];
    double points[2][POINTS];
    ms_history_range(one, &first[0], &end[0]);
    ms_history_range(other, &first[1], &end[1]);
    if (end[0] != end[1]) {
        return false;
    }
    uint64_t from = first[0] > first[1] ? first[0] : first[1];
    from = end[0] > POINTS && from < end[0] - POINTS ? end[0] - POINTS : from;
    const size_t count = (size_t)(end[0] - from);
    (void)ms_history_read_at(one, MS_RESOLUTION_FINE, from, count, points[0]);
    (void)ms_history_read_at(other, MS_RESOLUTION_FINE, from, count, points[1]);
    for (size_t i = 0; i < count; i++) {
        if (points[0][i] != points[1][i] && !(isnan(points[0][i]) && isnan(points[1][i]))) {
            return false;
        }
    }
    return true;
}

static int compare_history(void *context, const struct ms_history_name *name,
                           const struct ms_history *history)
{
    struct comparison *comparison = context;
    const struct ms_history *other =
        ms_model_history((struct ms_model *)(uintptr_t)comparison->other, name);
    if (other != NULL && !same_points(history, other)) {
        char words[96];
        (void)snprintf(words, sizeof words, "history of %s %" PRIu32 ": series %" PRIu32,
                       of_words[name->of], name->id, name->series);
        comparison->differs(comparison->context, words);
        comparison->different++;
    }
    return 0;
}

size_t ms_models_compare(const struct ms_model *one, const struct ms_model *other,
                         void (*differs)(void *context, const char *what), void *context)
{
    struct comparison comparison = {other, differs, context, 0};
    for (int part = 0; part < MS_PART_TOTAL; part++) {
        if (ms_parts[part] != NULL) {
            comparison.different += ms_parts[part]->compare(one, other, differs, context);
        }
    }
    (void)ms_model_each_history(one, compare_history, &comparison);
    return comparison.different;
}
