#include "model/scope.h"

#include <string.h>

#include "model/figures.h"

bool ms_scope_is_all(const struct ms_scope *scope)
{
    return scope->process_id == 0 && scope->thread_id == 0 && scope->site_id == 0;
}

/* A process is in the scope of a thread or site when it is theirs. */
bool ms_scope_has_process(const struct ms_scope *scope, const struct ms_model *model,
                          const struct ms_process *process)
{
    if (scope->process_id != 0 && scope->process_id != process->id) {
        return false;
    }
    if (scope->thread_id != 0) {
        const struct ms_thread *thread = ms_model_thread_by_id(model, scope->thread_id);
        if (thread == NULL || thread->process_id != process->id) {
            return false;
        }
    }
    if (scope->site_id != 0) {
        const struct ms_site *site = ms_model_site_by_id(model, scope->site_id);
        return site != NULL && site->process_id == process->id;
    }
    return true;
}

bool ms_scope_has_thread(const struct ms_scope *scope, const struct ms_model *model,
                         const struct ms_thread *thread)
{
    if ((scope->process_id != 0 && scope->process_id != thread->process_id) ||
        (scope->thread_id != 0 && scope->thread_id != thread->id)) {
        return false;
    }
    if (scope->site_id == 0) {
        return true;
    }
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(model, scope->site_id, usage)) != NULL) {
        if (usage->thread_id == thread->id) {
            return true;
        }
    }
    return false;
}

bool ms_scope_has_site(const struct ms_scope *scope, const struct ms_model *model,
                       const struct ms_site *site)
{
    if ((scope->process_id != 0 && scope->process_id != site->process_id) ||
        (scope->site_id != 0 && scope->site_id != site->id)) {
        return false;
    }
    if (scope->thread_id == 0) {
        return true;
    }
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
        if (usage->thread_id == scope->thread_id) {
            return true;
        }
    }
    return false;
}

bool ms_scope_has_usage(const struct ms_scope *scope, const struct ms_model *model,
                        const struct ms_usage *usage)
{
    if ((scope->thread_id != 0 && scope->thread_id != usage->thread_id) ||
        (scope->site_id != 0 && scope->site_id != usage->site_id)) {
        return false;
    }
    if (scope->process_id == 0) {
        return true;
    }
    const struct ms_site *site = ms_model_site_by_id(model, usage->site_id);
    return site != NULL && site->process_id == scope->process_id;
}

bool ms_scope_has_flow(const struct ms_scope *scope, const struct ms_flow *flow)
{
    return scope->site_id == 0 &&
           (scope->process_id == 0 || scope->process_id == flow->process_id) &&
           (scope->thread_id == 0 || scope->thread_id == flow->from_thread ||
            scope->thread_id == flow->to_thread);
}

void ms_scope_site_heap(const struct ms_scope *scope, const struct ms_model *model,
                        const struct ms_site *site, struct ms_heap *heap)
{
    if (scope->thread_id == 0) {
        *heap = site->heap;
        return;
    }
    memset(heap, 0, sizeof *heap);
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
        if (usage->thread_id == scope->thread_id) {
            ms_usage_add_to_heap(usage, heap);
        }
    }
}
