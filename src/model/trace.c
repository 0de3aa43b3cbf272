/* The trace of a session in figures. */
#include "model/internal.h"

const struct ms_trace *ms_model_trace(const struct ms_model *model)
{
    return &model->trace;
}

struct ms_trace *ms_model_trace_mutable(struct ms_model *model)
{
    return &model->trace;
}

struct ms_trace_totals ms_model_trace_totals(const struct ms_model *model)
{
    const struct ms_trace *trace = &model->trace;
    struct ms_trace_totals totals = {
        .any = trace->asked, .packet_bytes = trace->packet_bytes, .because = trace->because};
    uint64_t sent = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (!process->trace.begun) {
            continue;
        }
        totals.any = true;
        totals.lost += process->trace.lost;
        sent += process->trace.sent;
        if (totals.because[0] == '\0') {
            totals.because = process->trace.because;
        }
    }
    totals.events = trace->reading ? trace->events : sent;
    /* The probe counts what it could not send; what it sent and nobody got is missing here. */
    totals.lost = trace->missing > totals.lost ? trace->missing : totals.lost;
    return totals;
}
