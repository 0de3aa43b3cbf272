/* What is asked of a moment: where to go next, and to play. See moment.h. */
#include <errno.h>

#include "cli/at.h"
#include "cli/moment_internal.h"

/* Where wishes start from: what was wished last, else what is shown. */
static uint64_t from_tick(const struct ms_moment *moment)
{
    if (moment->wished) {
        return moment->wished_tick;
    }
    if (moment->away) {
        return ms_replay_tick(moment->replay);
    }
    const uint64_t ticks = moment->options.live != NULL ? ms_model_ticks(moment->options.live) : 0;
    return ticks > 0 ? ticks - 1 : 0;
}

/* The nearest event beyond a tick; false: there is none. */
static bool next_event(struct ms_moment *moment, bool anomaly, int by, uint64_t from,
                       uint64_t *found)
{
    const struct ms_tui_time *time = ms_moment_time(moment);
    bool any = false;
    for (size_t i = 0; i < time->event_count; i++) {
        const uint64_t tick = ms_moment_tick_at(moment, time->events[i].at_ns);
        if (time->events[i].anomaly == anomaly && (by > 0 ? tick > from : tick < from) &&
            (!any || (by > 0 ? tick < *found : tick > *found))) {
            *found = tick;
            any = true;
        }
    }
    return any;
}

static void wish(struct ms_moment *moment, uint64_t tick)
{
    moment->wished = true;
    moment->wished_present = false;
    moment->wished_tick = tick;
}

static void wish_present(struct ms_moment *moment)
{
    moment->wished = false;
    moment->wished_present = moment->away;
    moment->playing = false;
}

/* To a tick that may lie beyond what there is: later than all is the present. */
static int wish_within(struct ms_moment *moment, const struct ms_recording_about *about,
                       uint64_t tick)
{
    const uint64_t from = from_tick(moment);
    if (tick > about->last_tick && tick > from) {
        if (moment->options.live != NULL && !moment->away) {
            return -ENOENT;
        }
        if (moment->options.live != NULL) {
            wish_present(moment);
            return 0;
        }
        tick = about->last_tick;
    }
    if (tick < about->first_tick) {
        tick = about->first_tick;
    }
    if (tick == from && moment->away) {
        return -ENOENT;
    }
    wish(moment, tick);
    return 0;
}

static uint64_t added(uint64_t tick, int64_t by)
{
    const uint64_t back = by < 0 ? (uint64_t)-by : 0;
    return by >= 0 ? tick + (uint64_t)by : tick > back ? tick - back : 0;
}

static int play_or_stop(struct ms_moment *moment, const struct ms_recording_about *about,
                        uint64_t now_ns)
{
    if (!moment->playing && !moment->away) {
        return -ENOENT; /* it plays already: that is the present */
    }
    moment->playing = !moment->playing;
    moment->played_ns = now_ns;
    uint64_t tick = from_tick(moment);
    if (moment->playing && moment->options.live == NULL && tick >= about->last_tick) {
        tick = about->first_tick; /* at its end: from the beginning, as players do */
        wish(moment, tick);
    }
    moment->played_at_ns =
        (double)(about->start_ns + (tick + 1) * (about->interval_ns > 0 ? about->interval_ns : 1));
    return 0;
}

int ms_moment_ask(struct ms_moment *moment, const struct ms_time_wish *asked, uint64_t now_ns)
{
    if (moment->options.recording == NULL) {
        return -ENODATA;
    }
    const struct ms_recording_about about = ms_recording_about(moment->options.recording);
    if (about.last_ns == 0) {
        return -ENODATA;
    }
    const uint64_t from = from_tick(moment);
    const uint64_t interval_ns = about.interval_ns > 0 ? about.interval_ns : 1;
    uint64_t tick = 0;
    if (asked->what != MS_TIME_PLAY && asked->what != MS_TIME_SPEED) {
        moment->playing = false;
    }
    switch (asked->what) {
    case MS_TIME_STEP:
        return wish_within(moment, &about, added(from, asked->by));
    case MS_TIME_MOVE:
        return wish_within(moment, &about, added(from, asked->by_ns / (int64_t)interval_ns));
    case MS_TIME_AT:
        return wish_within(moment, &about,
                           added(ms_moment_tick_at(moment, asked->at_ns), asked->by));
    case MS_TIME_SHARE:
        return wish_within(
            moment, &about,
            about.first_tick +
                (uint64_t)((double)(about.last_tick - about.first_tick) * asked->share));
    case MS_TIME_FIRST:
        return wish_within(moment, &about, about.first_tick);
    case MS_TIME_LAST:
        if (moment->options.live != NULL) {
            wish_present(moment);
            return 0;
        }
        return wish_within(moment, &about, about.last_tick);
    case MS_TIME_PEAK: {
        const uint64_t at_ns = ms_moment_peak_known_ns(moment, asked->process_id);
        return at_ns == 0 ? -ENOENT
                          : wish_within(moment, &about, ms_moment_tick_at(moment, at_ns) + 1);
    }
    case MS_TIME_MARK:
    case MS_TIME_ANOMALY:
        return next_event(moment, asked->what == MS_TIME_ANOMALY, asked->by, from, &tick)
                   ? wish_within(moment, &about, tick)
                   : -ENOENT;
    case MS_TIME_PLAY:
        return play_or_stop(moment, &about, now_ns);
    case MS_TIME_SPEED:
        if (asked->by < 0 ? moment->speed == 0 : moment->speed + 1 == MS_MOMENT_SPEEDS) {
            return -ENOENT;
        }
        moment->speed = (size_t)((int)moment->speed + (asked->by < 0 ? -1 : 1));
        return 0;
    }
    return -EINVAL;
}

void ms_moment_ask_at_ns(struct ms_moment *moment, uint64_t at_ns)
{
    const struct ms_recording_about about = ms_recording_about(moment->options.recording);
    wish(moment, ms_at_tick(&about, at_ns));
}
