/* See probe_source.h. */
#include "collect/probe_source.h"

#include <stdio.h>

void ms_probe_source_tell(struct ms_model *model)
{
    size_t all = 0;
    size_t counts = 0;
    const struct ms_process *lacking = NULL; /* the program itself, or the newest */
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->replaced_by_exec) {
            continue;
        }
        all++;
        counts += process->seen != MS_SEEN_NONE;
        if (process->seen != MS_SEEN_FULL && lacking != ms_model_program(model)) {
            lacking = process;
        }
    }
    if (all == 0) {
        return;
    }
    if (lacking == NULL) {
        ms_model_source_set(model, MS_SOURCE_PROBE, MS_SOURCE_AVAILABLE, NULL);
        return;
    }
    const enum ms_source_condition condition =
        counts > 0 ? MS_SOURCE_PARTIAL : MS_SOURCE_UNAVAILABLE;
    char because[200];
    if (all == 1) {
        (void)snprintf(because, sizeof because, "%.190s", lacking->seen_because);
    } else {
        (void)snprintf(because, sizeof because, "%s (pid %d): %.160s",
                       counts > 0 ? "not wholly of every process" : "of no process",
                       (int)lacking->pid, lacking->seen_because);
    }
    ms_model_source_set(model, MS_SOURCE_PROBE, condition, because);
}
