#include "analysis/insights.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/insight_list.h"
#include "model/index.h"

/* An anomaly that is over is news for so long. */
#define NEWS_NS       (60 * MS_SECOND_NS)
#define ANOMALIES_MAX 5u
/* Of all events: calls whose stack is not or not wholly known. */
#define COARSENED_LEAST 0.01

const char *ms_insight_kind_name(enum ms_insight_kind kind)
{
    static const char *const names[] = {
        [MS_INSIGHT_BOTTLENECK] = "bottleneck",
        [MS_INSIGHT_LIMIT] = "limit",
        [MS_INSIGHT_LEAK] = "leak",
        [MS_INSIGHT_ANOMALY] = "anomaly",
        [MS_INSIGHT_CHURN] = "churn",
        [MS_INSIGHT_WASTE] = "waste",
        [MS_INSIGHT_MISUSE] = "misuse",
        [MS_INSIGHT_EFFICIENCY] = "efficiency",
        [MS_INSIGHT_LOSS] = "loss",
    };
    return names[kind];
}

const char *ms_severity_name(enum ms_severity severity)
{
    static const char *const names[] = {
        [MS_SEVERITY_NOTE] = "note",
        [MS_SEVERITY_WARNING] = "warning",
        [MS_SEVERITY_SERIOUS] = "serious",
    };
    return names[severity];
}

struct ms_insight *ms_insight_add(struct ms_insight_list *list, enum ms_insight_kind kind,
                                  enum ms_severity severity, unsigned sub, uint32_t id)
{
    const uint64_t key = (uint64_t)kind << 56 | (uint64_t)(sub & 0xff) << 48 | id;
    for (size_t i = 0; i < list->count; i++) {
        if (list->rows[i].key == key) {
            return NULL;
        }
    }
    if (list->count == MS_INSIGHTS_MAX) {
        return NULL;
    }
    struct ms_insight *insight = &list->rows[list->count++];
    *insight = (struct ms_insight){
        .key = key,
        .kind = kind,
        .severity = severity,
        .bytes = (double)NAN,
        .ns_per_s = (double)NAN,
    };
    return insight;
}

char *ms_insight_site_name(const struct ms_model *model, uint32_t site_id, char *out, size_t size)
{
    const struct ms_site *site = ms_model_site_by_id(model, site_id);
    const struct ms_frame *frame = site != NULL ? ms_site_culprit_frame(site) : NULL;
    if (frame == NULL) {
        (void)snprintf(out, size, "an unknown place");
        return out;
    }
    char name[64];
    ms_format_frame(name, sizeof(name), frame);
    const char *slash = strrchr(frame->file, '/');
    if (frame->file[0] != '\0') {
        (void)snprintf(out, size, "%s (%.24s:%u)", name, slash != NULL ? slash + 1 : frame->file,
                       frame->line);
    } else {
        (void)snprintf(out, size, "%s", name);
    }
    return out;
}

char *ms_insight_thread_name(const struct ms_thread *thread, char *out, size_t size)
{
    if (thread->name[0] != '\0') {
        (void)snprintf(out, size, "%.48s", thread->name);
    } else {
        (void)snprintf(out, size, "thread %d", (int)thread->tid);
    }
    return out;
}

char *ms_insight_process_name(const struct ms_process *process, char *out, size_t size)
{
    char name[MS_PROCESS_NAME_MAX];
    (void)snprintf(out, size, "%.48s (pid %d)", ms_process_name(process, name, sizeof(name)),
                   (int)process->pid);
    return out;
}

static bool anomaly_in_scope(const struct ms_insight_list *list, const struct ms_anomaly *anomaly)
{
    const struct ms_scope *scope = list->scope;
    if (ms_scope_is_all(scope)) {
        return true;
    }
    const struct ms_thread *thread =
        anomaly->thread_id != 0 ? ms_model_thread_by_id(list->model, anomaly->thread_id) : NULL;
    const struct ms_process *process = ms_model_process_by_id(list->model, anomaly->process_id);
    if (thread != NULL) {
        return ms_scope_has_thread(scope, list->model, thread);
    }
    return process != NULL && scope->thread_id == 0 &&
           ms_scope_has_process(scope, list->model, process);
}

static void add_anomalies(struct ms_insight_list *list)
{
    const uint64_t now_ns = ms_model_now_ns(list->model);
    size_t added = 0;
    for (size_t i = 0; list->anomalies != NULL && i < ms_anomalies_count(list->anomalies); i++) {
        const struct ms_anomaly *anomaly = ms_anomalies_at(list->anomalies, i);
        const bool news = anomaly->end_ns == 0 || now_ns - anomaly->end_ns < NEWS_NS;
        if (added == ANOMALIES_MAX) {
            return;
        }
        if (!news || !anomaly_in_scope(list, anomaly)) {
            continue;
        }
        const uint32_t id = ms_hash_pair((uint32_t)(anomaly->at_ns / MS_SECOND_NS),
                                         ms_hash_pair(anomaly->process_id, anomaly->thread_id));
        struct ms_insight *insight = ms_insight_add(
            list, MS_INSIGHT_ANOMALY, anomaly->end_ns == 0 ? MS_SEVERITY_WARNING : MS_SEVERITY_NOTE,
            (unsigned)anomaly->of * 64 + (unsigned)anomaly->series, id);
        if (insight == NULL) {
            continue;
        }
        added++;
        insight->process_id = anomaly->process_id;
        insight->thread_id = anomaly->thread_id;
        ms_anomaly_text(anomaly, list->model, insight->what, sizeof(insight->what));
        (void)snprintf(insight->advice, sizeof(insight->advice),
                       "look at what else changed at that time: the timelines mark it");
    }
}

static void add_losses_of(struct ms_insight_list *list, const struct ms_process *process)
{
    const struct ms_losses *losses = &process->losses;
    const double coarsened = (double)losses->coarsened;
    char name[MS_INSIGHT_NAME_MAX];
    char count[MS_FORMAT_MAX];
    ms_insight_process_name(process, name, sizeof(name));
    struct ms_insight *insight;
    if (losses->lost > 0 && (insight = ms_insight_add(list, MS_INSIGHT_LOSS, MS_SEVERITY_WARNING, 0,
                                                      process->id)) != NULL) {
        insight->process_id = process->id;
        (void)snprintf(insight->what, sizeof(insight->what),
                       "%s calls of %s were not counted: its totals are too low by that many",
                       ms_format_count(count, sizeof(count), (double)losses->lost), name);
        (void)snprintf(insight->advice, sizeof(insight->advice),
                       "track fewer threads (--threads) or sample (--sample)");
    }
    if (coarsened >= COARSENED_LEAST * (double)losses->recorded && coarsened >= 1000 &&
        (insight = ms_insight_add(list, MS_INSIGHT_LOSS, MS_SEVERITY_NOTE, 1, process->id)) !=
            NULL) {
        insight->process_id = process->id;
        (void)snprintf(insight->what, sizeof(insight->what),
                       "%s calls of %s, %.0f %% of all, are counted with incomplete call stacks",
                       ms_format_count(count, sizeof(count), coarsened), name,
                       100 * coarsened / (double)losses->recorded);
        (void)snprintf(insight->advice, sizeof(insight->advice),
                       "a lower --depth, or --sample, needs less room for call stacks");
    }
    if (process->trace.lost > 0 &&
        (insight = ms_insight_add(list, MS_INSIGHT_LOSS, MS_SEVERITY_WARNING, 2, process->id)) !=
            NULL) {
        insight->process_id = process->id;
        (void)snprintf(insight->what, sizeof(insight->what),
                       "%s events of %s are missing in the trace; counters have them",
                       ms_format_count(count, sizeof(count), (double)process->trace.lost), name);
        (void)snprintf(insight->advice, sizeof(insight->advice),
                       "a larger --trace-buffer, or fewer threads (--threads)");
    }
}

static void add_losses(struct ms_insight_list *list)
{
    for (size_t i = 0; i < ms_model_process_count(list->model); i++) {
        const struct ms_process *process = ms_model_process(list->model, i);
        if (ms_scope_has_process(list->scope, list->model, process)) {
            add_losses_of(list, process);
        }
    }
}

static double size_of(const struct ms_insight *insight)
{
    return isnan(insight->bytes) ? 0 : insight->bytes;
}

static double time_of(const struct ms_insight *insight)
{
    return isnan(insight->ns_per_s) ? 0 : insight->ns_per_s;
}

static int compare(const void *a, const void *b)
{
    const struct ms_insight *left = a;
    const struct ms_insight *right = b;
    if (left->severity != right->severity) {
        return left->severity > right->severity ? -1 : 1;
    }
    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    if (size_of(left) != size_of(right)) {
        return size_of(left) > size_of(right) ? -1 : 1;
    }
    if (time_of(left) != time_of(right)) {
        return time_of(left) > time_of(right) ? -1 : 1;
    }
    return left->key < right->key ? -1 : left->key > right->key;
}

int ms_insights_of(const struct ms_model *model, const struct ms_findings *findings,
                   const struct ms_anomalies *anomalies, const struct ms_scope *scope,
                   struct ms_insights *out)
{
    *out = (struct ms_insights){0};
    struct ms_insight_list list = {
        .model = model,
        .findings = findings,
        .anomalies = anomalies,
        .scope = scope,
        .rows = calloc(MS_INSIGHTS_MAX, sizeof(*list.rows)),
    };
    if (list.rows == NULL) {
        return -ENOMEM;
    }
    ms_insights_of_time(&list);
    ms_insights_of_memory(&list);
    add_losses(&list);
    add_anomalies(&list);
    qsort(list.rows, list.count, sizeof(*list.rows), compare);
    out->rows = list.rows;
    out->count = list.count;
    return 0;
}

void ms_insights_free(struct ms_insights *insights)
{
    free(insights->rows);
    *insights = (struct ms_insights){0};
}
