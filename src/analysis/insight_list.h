/* What the files that make insights share. For src/analysis. */
#ifndef MS_ANALYSIS_INSIGHT_LIST_H
#define MS_ANALYSIS_INSIGHT_LIST_H

#include "analysis/insights.h"
#include "model/format.h"

#define MS_INSIGHT_NAME_MAX 96u

struct ms_insight_list {
    const struct ms_model *model;
    const struct ms_findings *findings;
    const struct ms_anomalies *anomalies; /* may be NULL */
    const struct ms_scope *scope;
    struct ms_insight *rows; /* MS_INSIGHTS_MAX of them */
    size_t count;
};

/*
 * The next row, zeroed but for its key, kind, severity and bytes and time, which are NaN; NULL when
 * the list is full or the key is in it already. `sub` (< 256) tells apart what is of one kind and
 * one thing.
 */
struct ms_insight *ms_insight_add(struct ms_insight_list *list, enum ms_insight_kind kind,
                                  enum ms_severity severity, unsigned sub, uint32_t id);

/* "parse_row (csv.c:118)", "worker-3", "redis-server (pid 12)"; not neutralised. */
char *ms_insight_site_name(const struct ms_model *model, uint32_t site_id, char *out, size_t size);
char *ms_insight_thread_name(const struct ms_thread *thread, char *out, size_t size);
char *ms_insight_process_name(const struct ms_process *process, char *out, size_t size);

/* Each adds what it finds. */
void ms_insights_of_memory(struct ms_insight_list *list);
void ms_insights_of_time(struct ms_insight_list *list);

#endif
