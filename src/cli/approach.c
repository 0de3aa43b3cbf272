#include "cli/approach.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/at.h"
#include "wire/clock.h"

#define NEAR_NS (30 * MS_NS_PER_S)
#define LOOK_NS MS_NS_PER_S
#define FAR_NS  (1200 * MS_NS_PER_S)

/* Of the way, in parts of 1000: what one far look and the near part are taken for. */
enum { ALL = 1000, NEAR_PART = 400 };

static void look(void *context, const struct ms_model *model, bool anew)
{
    struct ms_approach *approach = context;
    const uint64_t now_ns = ms_model_now_ns(model);
    (void)anew; /* what was looked at is kept by name, not by model */
    if (!approach->near) {
        (void)ms_diff_swing_look(approach->swing, model); /* without memory: not known */
    } else if (approach->looked_ns == 0 || now_ns >= approach->looked_ns + LOOK_NS) {
        approach->begun_ns = approach->looked_ns == 0 ? now_ns : approach->begun_ns;
        approach->looked_ns = now_ns;
        (void)ms_diff_noise_look(approach->noise, model);
    }
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int ms_approach_begin(struct ms_approach *approach, struct ms_recording *recording, uint64_t at_ns)
{
    const struct ms_recording_about about = ms_recording_about(recording);
    const uint64_t interval_ns = about.interval_ns > 0 ? about.interval_ns : 1;
    const struct ms_replay_options options = {
        .ticked = look, .context = approach, .warm_ns = NEAR_NS, .counters_only = true};
    *approach = (struct ms_approach){.tick = ms_at_tick(&about, at_ns),
                                     .far_count = MS_DIFF_SWING_LOOKS_MOST};
    const uint64_t far_ticks =
        lower(FAR_NS / interval_ns,
              approach->tick > about.first_tick ? approach->tick - about.first_tick : 0);
    approach->from_tick = approach->tick - far_ticks;
    approach->replay = ms_replay_new(recording, &options);
    approach->noise = ms_diff_noise_new();
    approach->swing = ms_diff_swing_new();
    return approach->replay != NULL && approach->noise != NULL && approach->swing != NULL ? 0
                                                                                          : -ENOMEM;
}

/* The next of so many looks over the way; two of them may be the same whole moment, which is looked
 * at once. */
static void look_far(struct ms_approach *approach)
{
    const uint64_t way = approach->tick - approach->from_tick;
    const uint64_t wanted =
        approach->from_tick + (uint64_t)((double)way * approach->far / approach->far_count);
    const uint64_t whole = ms_replay_whole_before(approach->replay, wanted);
    const bool seen =
        ms_replay_model(approach->replay) != NULL && ms_replay_tick(approach->replay) == whole;
    approach->far++;
    if (whole != UINT64_MAX && whole >= approach->from_tick && !seen) {
        ms_replay_set_warm(approach->replay, 0);
        (void)ms_replay_begin(approach->replay, whole); /* one that is damaged is one look less */
    }
}

/* 1, 0 or -errno. */
static int go_near(struct ms_approach *approach)
{
    if (approach->near) {
        return ms_replay_step_within(approach->replay, approach->tick);
    }
    approach->near = true;
    ms_replay_set_warm(approach->replay, NEAR_NS);
    const int result = ms_replay_begin(approach->replay, approach->tick);
    approach->from_tick = result == 0 ? ms_replay_tick(approach->replay) : 0;
    return result == 0 ? 1 : result;
}

int ms_approach_go(struct ms_approach *approach, uint64_t slice_ns)
{
    const uint64_t begun_ns = ms_monotonic_ns();
    int result = approach->there ? 0 : 1;
    while (result == 1) {
        if (approach->far < approach->far_count) {
            look_far(approach);
        } else {
            result = go_near(approach);
        }
        if (ms_monotonic_ns() - begun_ns >= slice_ns) {
            break;
        }
    }
    approach->there = result == 0;
    return result;
}

unsigned ms_approach_done(const struct ms_approach *approach)
{
    if (approach->there) {
        return ALL;
    }
    if (!approach->near) {
        return approach->far * (ALL - NEAR_PART) / approach->far_count;
    }
    const uint64_t way = approach->tick - approach->from_tick;
    const uint64_t gone = ms_replay_tick(approach->replay) - approach->from_tick;
    return ALL - NEAR_PART + (way > 0 ? (unsigned)(NEAR_PART * lower(gone, way) / way) : 0);
}

void ms_approach_drop(struct ms_approach *approach)
{
    ms_replay_free(approach->replay);
    ms_diff_noise_free(approach->noise);
    ms_diff_swing_free(approach->swing);
    *approach = (struct ms_approach){.replay = NULL};
}
