#include "collect/tracking.h"

#include <stdio.h>
#include <string.h>

_Static_assert(MS_DEPTH_MAX == MS_STACK_DEPTH_MAX, "one bound");
_Static_assert(MS_THREADS_LIST_MAX == MS_SELECTION_MAX, "one bound");
_Static_assert(MS_SAMPLE_INTERVAL_MAX == MS_RATE_INTERVAL_BYTES_MAX, "one bound");
_Static_assert(MS_SAMPLE_BYTES_DEFAULT == MS_RATE_DEFAULT_BYTES, "one default");
_Static_assert(MS_STEP_DOWNS_MAX == MS_STEPS_KEPT, "one bound");

static struct ms_sample_rate rate_of(uint64_t wire)
{
    uint64_t interval = MS_RATE_INTERVAL(wire);
    interval = interval < 1 ? 1 : interval;
    return (struct ms_sample_rate){
        .interval = interval < MS_SAMPLE_INTERVAL_MAX ? interval : MS_SAMPLE_INTERVAL_MAX,
        .of_allocations = (wire & MS_RATE_ALLOCATIONS) != 0};
}

static uint32_t depth_of(uint32_t wire)
{
    return wire < 1 ? 1 : wire > MS_DEPTH_MAX ? MS_DEPTH_MAX : wire;
}

static enum ms_tracking_mode mode_of(const struct ms_tracking *tracking)
{
    switch (tracking->mode) {
    case MS_MODE_COUNT_ONLY:
        return MS_TRACK_COUNTERS;
    case MS_MODE_EXACT:
        return tracking->automatic != 0 ? MS_TRACK_AUTO
               : tracking->trace != 0   ? MS_TRACK_TRACE
                                        : MS_TRACK_EXACT;
    case MS_MODE_SAMPLED:
        return MS_TRACK_SAMPLED;
    default:
        return MS_TRACK_OFF;
    }
}

void ms_settings_of_tracking(struct ms_tracking_settings *settings,
                             const struct ms_tracking *tracking)
{
    *settings = (struct ms_tracking_settings){.mode = mode_of(tracking),
                                              .depth = depth_of(tracking->stack_depth),
                                              .rate = rate_of(tracking->sample_rate)};
    (void)snprintf(settings->threads, sizeof settings->threads, "%.*s",
                   (int)sizeof tracking->selection - 1, tracking->selection);
}

void ms_tracking_of_settings(struct ms_tracking *tracking,
                             const struct ms_tracking_settings *settings)
{
    static const uint32_t modes[MS_TRACK_MODES] = {
        [MS_TRACK_OFF] = MS_MODE_OFF,         [MS_TRACK_COUNTERS] = MS_MODE_COUNT_ONLY,
        [MS_TRACK_EXACT] = MS_MODE_EXACT,     [MS_TRACK_AUTO] = MS_MODE_EXACT,
        [MS_TRACK_SAMPLED] = MS_MODE_SAMPLED, [MS_TRACK_TRACE] = MS_MODE_EXACT,
    };
    *tracking = (struct ms_tracking){.mode = modes[settings->mode],
                                     .stack_depth = settings->depth,
                                     .automatic = settings->mode == MS_TRACK_AUTO,
                                     .trace = settings->mode == MS_TRACK_TRACE,
                                     .sample_rate =
                                         settings->rate.interval |
                                         (settings->rate.of_allocations ? MS_RATE_ALLOCATIONS : 0)};
    memcpy(tracking->selection, settings->threads, sizeof tracking->selection);
}

static const char *reason_words(uint32_t reason)
{
    switch (reason) {
    case MS_STEPPED_STACKS_FULL:
        return "the table of call stacks fills up";
    case MS_STEPPED_CONTEXTS_FULL:
        return "the table of contexts fills up";
    case MS_STEPPED_SLOW_WALKS:
        return "most call stacks are new";
    default:
        return "unknown reason";
    }
}

bool ms_watched_tracking(const struct ms_region_tracking_copy *copy,
                         struct ms_process_tracking *tracking)
{
    if (copy->valid) {
        tracking->known = true;
        tracking->trace_allowed = copy->trace_allowed;
        tracking->changes = copy->changes / 2;
        ms_settings_of_tracking(&tracking->asked, &copy->tracking);
    }
    tracking->steps = copy->steps;
    tracking->steps_kept = copy->steps_kept;
    for (uint32_t at = 0; at < copy->steps_kept; at++) {
        const struct ms_region_step *step = &copy->step[at];
        tracking->step[at] = (struct ms_step_down){
            .at_ns = step->at_ns,
            .sampled = step->mode == MS_MODE_SAMPLED,
            .depth = depth_of(step->stack_depth),
            .rate = rate_of(step->sample_rate),
            .because = reason_words(step->reason),
            .in_force = copy->valid && step->of_changes == copy->changes,
        };
    }
    return copy->valid;
}
