/*
 * The list of threads that the overview and the focus walk through: filtered, sorted by a metric.
 * Threads that live come first, those out of focus last.
 */
#ifndef MS_TUI_THREAD_LIST_H
#define MS_TUI_THREAD_LIST_H

#include "analysis/findings.h"
#include "model/metric.h"
#include "model/scope.h"
#include "tui/rows.h"

/* Orders are those of enum ms_metric. */
extern const struct ms_orders ms_thread_orders;

/* Takes over what the model has now. Without memory the order of before stays. */
void ms_thread_list_update(struct ms_listing *listing, const struct ms_model *model,
                           const struct ms_findings *findings, const struct ms_scope *scope);

/* Whether a thread fits a filter: its name, tid or role holds the text, whatever the case. */
bool ms_thread_fits(const struct ms_thread *thread, const struct ms_judgement *judgement,
                    const char *filter);

#endif
