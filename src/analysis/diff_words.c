/* How measures, verdicts, rows and figures of a diff are called. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/diff.h"
#include "model/format.h"
#include "model/metric.h"

static const struct {
    const char *name, *heading;
    enum ms_unit unit;
    const char *what;
} measures[MS_DIFF_MEASURE_TOTAL] = {
#define MEASURE(id, name, heading, unit, what) {name, heading, MS_UNIT_##unit, what},
    MS_DIFF_MEASURES(MEASURE)
#undef MEASURE
};

static const struct {
    const char *name, *word;
} verdicts[MS_DIFF_VERDICT_TOTAL] = {
#define VERDICT(id, name, word) {name, word},
    MS_DIFF_VERDICTS(VERDICT)
#undef VERDICT
};

const char *ms_diff_measure_name(enum ms_diff_measure measure)
{
    return measures[measure].name;
}

const char *ms_diff_measure_heading(enum ms_diff_measure measure)
{
    return measures[measure].heading;
}

const char *ms_diff_measure_what(enum ms_diff_measure measure)
{
    return measures[measure].what;
}

const char *ms_diff_verdict_name(enum ms_diff_verdict verdict)
{
    return verdicts[verdict].name;
}

const char *ms_diff_verdict_word(enum ms_diff_verdict verdict)
{
    return verdicts[verdict].word;
}

char *ms_diff_figure(char *out, size_t size, enum ms_diff_measure measure, double figure)
{
    if (isnan(figure)) {
        snprintf(out, size, "n/a");
        return out;
    }
    switch (measures[measure].unit) {
    case MS_UNIT_COUNT:
        return ms_format_count(out, size, figure);
    case MS_UNIT_MS:
        snprintf(out, size, figure < 10000 ? "%.0fms" : "%.1fs",
                 figure < 10000 ? figure : figure / 1000);
        return out;
    default:
        return ms_format_bytes(out, size, figure);
    }
}

char *ms_diff_change(char *out, size_t size, enum ms_diff_measure measure, double before,
                     double after)
{
    char figure[MS_FORMAT_MAX - 1];
    const double change = after - before;
    ms_diff_figure(figure, sizeof figure, measure, fabs(change));
    snprintf(out, size, "%s%s", isnan(change) ? "" : change < 0 ? "-" : "+", figure);
    return out;
}

static void label_site(const struct ms_model *model, uint32_t id, char *out, size_t size)
{
    char name[512];
    const struct ms_site *site = ms_model_site_by_id(model, id);
    if (site == NULL || site->depth == 0) {
        snprintf(out, size, "%s", "(no call stack)");
        return;
    }
    const size_t culprit = ms_site_culprit(site);
    const struct ms_frame *frame = ms_site_culprit_frame(site);
    snprintf(out, size, "%s", ms_format_frame(name, sizeof name, frame));
    const struct ms_frame *caller = frame->inlined_by;
    if (caller == NULL && culprit + 1 < site->depth) {
        caller = ms_site_frame(site, culprit + 1);
    }
    const size_t used = strlen(out);
    if (caller != NULL && used + 4 < size) {
        snprintf(out + used, size - used, " < %s", ms_format_frame(name, sizeof name, caller));
    }
}

static void label_thread(const struct ms_model *model, uint32_t id, char *out, size_t size)
{
    char name[MS_PROCESS_NAME_MAX] = "?";
    const struct ms_thread *thread = ms_model_thread_by_id(model, id);
    const struct ms_process *process =
        thread == NULL ? NULL : ms_model_process_by_id(model, thread->process_id);
    if (process != NULL) {
        ms_process_name(process, name, sizeof name);
    }
    snprintf(out, size, "%s/%s", name, thread != NULL ? thread->name : "?");
}

char *ms_diff_label(const struct ms_diff *diff, enum ms_diff_kind kind,
                    const struct ms_diff_row *row, char *out, size_t size)
{
    const int side = row->after_count != 0 ? 1 : 0;
    const struct ms_model *model = side == 1 ? ms_diff_after(diff) : ms_diff_before(diff);
    const uint32_t id = side == 1 ? row->after_id : row->before_id;
    if (kind == MS_DIFF_SITES) {
        label_site(model, id, out, size);
    } else {
        label_thread(model, id, out, size);
    }
    return out;
}
