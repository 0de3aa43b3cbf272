#include "wire/tracking.h"

#include <string.h>

#include "wire/message.h"
#include "wire/selection.h"

void ms_tracking_merge(struct ms_tracking *to, const struct ms_tracking *from, uint32_t parts)
{
    if ((parts & MS_TRACKING_MODE) != 0) {
        to->mode = from->mode;
        to->automatic = from->automatic;
        to->trace = from->trace;
    }
    if ((parts & MS_TRACKING_DEPTH) != 0) {
        to->stack_depth = from->stack_depth;
    }
    if ((parts & MS_TRACKING_RATE) != 0) {
        to->sample_rate = from->sample_rate;
    }
    if ((parts & MS_TRACKING_SELECTION) != 0) {
        memcpy(to->selection, from->selection, sizeof to->selection);
    }
}

const char *ms_tracking_refusal(const struct ms_tracking *tracking, bool trace_allowed)
{
    const uint64_t interval = MS_RATE_INTERVAL(tracking->sample_rate);
    if (tracking->mode > MS_MODE_SAMPLED || tracking->automatic > 1 || tracking->trace > 1) {
        return "no such mode";
    }
    if (tracking->stack_depth < 1 || tracking->stack_depth > MS_STACK_DEPTH_MAX) {
        return "call stacks have 1 to 128 frames";
    }
    if (interval < 1 || interval > MS_RATE_INTERVAL_BYTES_MAX) {
        return "no such sampling rate";
    }
    if (memchr(tracking->selection, '\0', sizeof tracking->selection) == NULL ||
        !ms_selection_valid(tracking->selection)) {
        return "the list of threads is not valid";
    }
    if (tracking->automatic != 0 && tracking->mode != MS_MODE_EXACT) {
        return "only exact tracking steps down by itself";
    }
    if (tracking->trace != 0 && (tracking->mode != MS_MODE_EXACT || tracking->automatic != 0)) {
        return "a trace goes with exact tracking only";
    }
    if (tracking->trace != 0 && !trace_allowed) {
        return "the program was started without --trace";
    }
    return NULL;
}
