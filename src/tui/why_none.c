#include "tui/why_none.h"

#include <stdio.h>

static bool asked_for(const struct ms_process *process, enum ms_tracking_mode mode)
{
    return process != NULL && process->tracking.known && process->tracking.asked.mode == mode;
}

/* Past what is kept one by one, ended things are merged with others of their name. */
static bool is_gone(const struct ms_scope *scope, const struct ms_model *model)
{
    return (scope->process_id != 0 && ms_model_process_by_id(model, scope->process_id) == NULL) ||
           (scope->thread_id != 0 && ms_model_thread_by_id(model, scope->thread_id) == NULL) ||
           (scope->site_id != 0 && ms_model_site_by_id(model, scope->site_id) == NULL);
}

bool ms_why_no_stacks(const struct ms_tui *tui, const struct ms_model *model, char *out,
                      size_t size)
{
    const struct ms_process *process = ms_model_process_by_id(model, tui->scope.process_id);
    process = process != NULL ? process : ms_model_program(model);
    if (is_gone(&tui->scope, model)) {
        snprintf(out, size,
                 "What was in focus ended long ago and was merged with others of its name. Esc "
                 "leaves the focus.");
    } else if (process == NULL) {
        snprintf(out, size, "No process has been seen yet.");
    } else if (process->seen == MS_SEEN_NONE) {
        snprintf(out, size, "No call sites: %s", process->seen_because);
    } else if (asked_for(process, MS_TRACK_OFF)) {
        snprintf(out, size, "Tracking is off: M switches it on.");
    } else if (asked_for(process, MS_TRACK_COUNTERS)) {
        snprintf(out, size,
                 "No call stacks: only counters are kept (--count-only); M switches them on.");
    } else {
        return false;
    }
    return true;
}

void ms_why_no_work(const struct ms_tui *tui, const struct ms_model *model,
                    enum ms_site_figure_kind kind, char *out, size_t size)
{
    const bool cpu = kind == MS_FIGURES_CPU;
    const struct ms_source_state *source =
        ms_model_source(model, cpu ? MS_SOURCE_CPU_SAMPLES : MS_SOURCE_PROBE_IO);
    const char *what = cpu ? "CPU time by call stack" : "I/O by call stack";
    if (is_gone(&tui->scope, model)) {
        snprintf(out, size,
                 "What was in focus ended long ago and was merged with others of its name. Esc "
                 "leaves the focus.");
    } else if (source->condition == MS_SOURCE_UNAVAILABLE) {
        snprintf(out, size, "No %s: %s. < or > chooses another order.", what, source->because);
    } else if (source->condition == MS_SOURCE_NOT_ASKED) {
        snprintf(out, size, "No %s yet.", what);
    } else if (cpu) {
        snprintf(out, size,
                 "No CPU samples %s: what runs for less than a few hundredths of a second "
                 "is not seen. < or > chooses another order.",
                 tui->scope.thread_id != 0 ? "in this thread" : "yet");
    } else {
        snprintf(out, size, "No I/O function was called %s. < or > chooses another order.",
                 tui->scope.thread_id != 0 ? "by this thread" : "yet");
    }
}

const char *ms_why_no_stack(const struct ms_model *model, const struct ms_site *site)
{
    if (site == NULL) {
        return "it is gone";
    }
    if ((site->flags & MS_SITE_ACTIVITY) != 0) {
        return (site->flags & MS_SITE_COARSENED) != 0
                   ? "stacks with few samples, merged"
                   : "no stack: a thread that was ending, or 32-bit code";
    }
    if ((site->flags & MS_SITE_NOT_SAMPLED) != 0) {
        return "not sampled: counted, but without call stacks";
    }
    if (asked_for(ms_model_process_by_id(model, site->process_id), MS_TRACK_COUNTERS)) {
        return "no stack: counters only; M switches call stacks on";
    }
    return "no stack: allocated in a signal handler, or tables were full";
}
