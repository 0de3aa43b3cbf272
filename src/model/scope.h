/*
 * What part of a session is looked at: all of it, or one process, one thread, one call site. Every
 * screen and analysis that can be filtered takes one. Sums over a scope are exact: the figures of a
 * site in the scope of a thread are that thread's usages of it.
 */
#ifndef MS_MODEL_SCOPE_H
#define MS_MODEL_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

/* Ids of the model, 0: any. A thing is in the scope when it fits all that are not 0. */
struct ms_scope {
    uint32_t process_id, thread_id, site_id;
};

bool ms_scope_is_all(const struct ms_scope *scope);
bool ms_scope_has_process(const struct ms_scope *scope, const struct ms_model *model,
                          const struct ms_process *process);
/* Whether the thread is of the process and used the site; costs the usages of the site. */
bool ms_scope_has_thread(const struct ms_scope *scope, const struct ms_model *model,
                         const struct ms_thread *thread);
/* Whether the site is of the process and was used by the thread; costs its usages. */
bool ms_scope_has_site(const struct ms_scope *scope, const struct ms_model *model,
                       const struct ms_site *site);
bool ms_scope_has_usage(const struct ms_scope *scope, const struct ms_model *model,
                        const struct ms_usage *usage);
/* One of the two threads is in it; no flow is in the scope of a site. */
bool ms_scope_has_flow(const struct ms_scope *scope, const struct ms_flow *flow);

/* What the site did within the scope. `peak_bytes` is the sum of its threads' peaks. */
void ms_scope_site_heap(const struct ms_scope *scope, const struct ms_model *model,
                        const struct ms_site *site, struct ms_heap *heap);

#endif
