#include "cli/moment.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/at.h"
#include "cli/moment_internal.h"
#include "wire/clock.h"

/* What judgements look at: roles 10 s and what they held before, likely leaks 35 s at least, and
 * better more of it: as much as a seek goes through in SEEK_NS. */
#define WARM_NS       (60 * MS_NS_PER_S)
#define WARM_MOST_NS  (3600 * MS_NS_PER_S)
#define SEEK_NS       (MS_NS_PER_S / 20)
#define FORWARD_TICKS 100u /* as far as stepping is sooner there than finding */
#define FRAME_NS      (MS_NS_PER_S / 15)
#define GO_LIMIT_NS   (MS_NS_PER_S / 10) /* what playing may take at once: else it is slower */

const double ms_moment_speeds[MS_MOMENT_SPEEDS] = {0.25, 0.5, 1, 2, 5, 10, 30, 60};

struct ms_moment *ms_moment_new(const struct ms_moment_options *options)
{
    struct ms_moment *moment = calloc(1, sizeof *moment);
    if (moment != NULL) {
        moment->options = *options;
        moment->speed = MS_MOMENT_SPEED_USUAL;
        moment->serial = 1;
    }
    return moment;
}

static void leave_past(struct ms_moment *moment)
{
    ms_replay_free(moment->replay);
    moment->replay = NULL;
    ms_findings_free(moment->findings);
    moment->findings = NULL;
    moment->away = false;
    moment->playing = false;
}

void ms_moment_free(struct ms_moment *moment)
{
    if (moment != NULL) {
        leave_past(moment);
        ms_moment_leave_whole(&moment->whole);
        free(moment);
    }
}

const struct ms_model *ms_moment_model(const struct ms_moment *moment)
{
    return moment->away ? ms_replay_model(moment->replay) : moment->options.live;
}

const struct ms_findings *ms_moment_findings(const struct ms_moment *moment)
{
    return moment->away ? moment->findings : moment->options.live_findings;
}

struct ms_recording *ms_moment_recording(const struct ms_moment *moment)
{
    return moment->options.recording;
}

uint64_t ms_moment_serial(const struct ms_moment *moment)
{
    return moment->serial;
}

bool ms_moment_away(const struct ms_moment *moment)
{
    return moment->away;
}

void ms_moment_set_thresholds(struct ms_moment *moment, const struct ms_thresholds *thresholds)
{
    moment->options.thresholds = *thresholds;
    if (moment->findings != NULL) {
        ms_findings_set_thresholds(moment->findings, thresholds);
    }
    if (moment->whole.findings != NULL) {
        ms_findings_set_thresholds(moment->whole.findings, thresholds);
    }
}

uint64_t ms_moment_tick_at(const struct ms_moment *moment, uint64_t at_ns)
{
    const struct ms_recording_about about = ms_recording_about(moment->options.recording);
    return ms_at_tick_number(&about, at_ns);
}

/* --- going there --- */

void ms_moment_ticked(void *context, const struct ms_model *model, bool anew)
{
    struct ms_moment *moment = context;
    if (anew) {
        ms_findings_free(moment->findings);
        moment->findings =
            ms_findings_new(&moment->options.thresholds, moment->options.suppressions);
        moment->serial++;
        moment->judged_from_ns = ms_model_now_ns(model);
        moment->warmed = 0;
    }
    moment->warmed++;
    if (moment->findings == NULL || ms_findings_update(moment->findings, model) != 0) {
        moment->no_memory = true;
    }
}

/* Step by step when that is sooner there. Returns 1 when the moment is another one. */
static int step_to(struct ms_moment *moment, uint64_t tick, uint64_t limit_ns)
{
    int moved = 0;
    const uint64_t until_ns = ms_monotonic_ns() + limit_ns;
    while (ms_replay_tick(moment->replay) < tick) {
        const int result = ms_replay_step(moment->replay);
        if (result <= 0) {
            return result < 0 ? result : moved;
        }
        moved = 1;
        if (limit_ns != UINT64_MAX && ms_monotonic_ns() > until_ns) {
            break;
        }
    }
    return moved;
}

/* As much before the next moment as takes SEEK_NS, by what this one took. */
static void choose_warm(struct ms_moment *moment, uint64_t took_ns)
{
    const struct ms_recording_about about = ms_recording_about(moment->options.recording);
    const double per_tick_ns = (double)took_ns / (double)(moment->warmed > 0 ? moment->warmed : 1);
    const double warm_ns = (double)SEEK_NS / (per_tick_ns + 1) * (double)about.interval_ns;
    ms_replay_set_warm(moment->replay, warm_ns < (double)WARM_NS        ? WARM_NS
                                       : warm_ns < (double)WARM_MOST_NS ? (uint64_t)warm_ns
                                                                        : WARM_MOST_NS);
}

static int seek(struct ms_moment *moment, uint64_t tick)
{
    const uint64_t begun_ns = ms_monotonic_ns();
    const struct ms_replay_options options = {
        .ticked = ms_moment_ticked, .context = moment, .warm_ns = WARM_NS};
    const bool first = moment->replay == NULL;
    if (first) {
        moment->replay = ms_replay_new(moment->options.recording, &options);
    }
    const int result = moment->replay != NULL ? ms_replay_seek(moment->replay, tick) : -ENOMEM;
    if (result != 0) {
        if (first) {
            leave_past(moment);
        }
        return result;
    }
    if (moment->findings == NULL) {
        leave_past(moment);
        return -ENOMEM;
    }
    moment->away = true;
    choose_warm(moment, ms_monotonic_ns() - begun_ns);
    if (moment->options.live == NULL && moment->peak_count == 0) {
        ms_moment_remember_peaks(moment, ms_replay_model(moment->replay));
    }
    return 1;
}

static int go_to(struct ms_moment *moment, uint64_t tick)
{
    if (moment->away) {
        const uint64_t at = ms_replay_tick(moment->replay);
        if (tick >= at && tick - at <= FORWARD_TICKS) {
            const int result = step_to(moment, tick, UINT64_MAX);
            if (result != 0 || tick == at) {
                return result;
            }
        }
    }
    return seek(moment, tick);
}

static int play(struct ms_moment *moment, uint64_t now_ns)
{
    const struct ms_recording_about about = ms_recording_about(moment->options.recording);
    moment->played_at_ns += (double)(now_ns - moment->played_ns) * ms_moment_speeds[moment->speed];
    moment->played_ns = now_ns;
    const uint64_t tick = ms_moment_tick_at(moment, (uint64_t)moment->played_at_ns);
    const uint64_t at = ms_replay_tick(moment->replay);
    if (tick <= at) {
        return 0;
    }
    const uint64_t to = tick < about.last_tick ? tick : about.last_tick;
    int result = step_to(moment, to, GO_LIMIT_NS);
    if (result == 0 && at < to) {
        result = seek(moment, to); /* recorded since the last one */
    }
    const uint64_t reached = ms_replay_tick(moment->replay);
    if (result < 0 || (reached >= about.last_tick && tick > about.last_tick) ||
        (result == 0 && at >= about.last_tick)) {
        moment->playing = false;
        if (moment->options.live != NULL && result >= 0) {
            leave_past(moment);
            moment->serial++;
            return 1;
        }
    } else if (reached < to) { /* slower than asked for, rather than by leaps */
        moment->played_at_ns = (double)(about.start_ns + (reached + 1) * about.interval_ns);
    }
    return result;
}

int ms_moment_go(struct ms_moment *moment, uint64_t now_ns)
{
    int result = 0;
    if (moment->wished_present) {
        moment->wished_present = false;
        leave_past(moment);
        moment->serial++;
        return 1;
    }
    if (moment->wished) {
        moment->wished = false;
        result = go_to(moment, moment->wished_tick);
    } else if (moment->playing && moment->away) {
        result = play(moment, now_ns);
    }
    if (moment->no_memory) {
        moment->no_memory = false;
        return -ENOMEM;
    }
    if (result == 0 && !moment->playing && now_ns >= ms_moment_whole_next_ns(moment)) {
        return ms_moment_go_through_whole(moment);
    }
    return result;
}

uint64_t ms_moment_next_ns(const struct ms_moment *moment)
{
    if (moment->wished || moment->wished_present) {
        return 0;
    }
    return moment->playing ? moment->played_ns + FRAME_NS : ms_moment_whole_next_ns(moment);
}

/* --- telling --- */

static size_t add_event(struct ms_moment *moment, size_t count, struct ms_time_event event)
{
    if (count < MS_MOMENT_EVENTS_MAX) {
        moment->events[count++] = event;
    }
    return count;
}

/* Those after `after_ns` of what was judged. */
static size_t add_anomalies(struct ms_moment *moment, size_t count,
                            const struct ms_findings *findings, uint64_t after_ns)
{
    const struct ms_anomalies *anomalies =
        findings != NULL ? ms_findings_anomalies(findings) : NULL;
    for (size_t i = 0; anomalies != NULL && i < ms_anomalies_count(anomalies); i++) {
        const uint64_t at_ns = ms_anomalies_at(anomalies, i)->at_ns;
        if (at_ns > after_ns) {
            count = add_event(moment, count,
                              (struct ms_time_event){.at_ns = at_ns, .anomaly = true, .text = ""});
        }
    }
    return count;
}

const struct ms_tui_time *ms_moment_time(struct ms_moment *moment)
{
    struct ms_tui_time *time = &moment->time;
    const struct ms_model *live = moment->options.live;
    struct ms_recording *recording = moment->options.recording;
    *time = (struct ms_tui_time){.away = moment->away,
                                 .file = live == NULL,
                                 .playing = moment->playing,
                                 .speed = ms_moment_speeds[moment->speed],
                                 .events = moment->events};
    if (recording == NULL) {
        time->why = "no history is kept: out of memory";
        return time;
    }
    const struct ms_recording_about about = ms_recording_about(recording);
    time->why = about.last_ns == 0 ? "no history yet" : NULL;
    time->start_ns = about.start_ns;
    time->start_unix_ns = about.start_unix_ns;
    time->first_ns = about.first_ns;
    time->last_ns = live != NULL ? ms_model_now_ns(live) : about.last_ns;
    time->coarse_until_ns = about.coarse_until_ns;
    const struct ms_model *model = ms_moment_model(moment);
    time->at_ns = model != NULL ? ms_model_now_ns(model) : about.last_ns;
    time->peak_ns = ms_moment_peak_known_ns(moment, 0);
    size_t count = 0;
    for (size_t i = 0; i < ms_recording_mark_count(recording); i++) {
        const struct ms_mark mark = ms_recording_mark(recording, i);
        count = add_event(moment, count,
                          (struct ms_time_event){.at_ns = mark.at_ns, .text = mark.text});
    }
    const struct ms_moment_whole *whole = &moment->whole;
    for (size_t i = 0; i < whole->known_count; i++) {
        count = add_event(
            moment, count,
            (struct ms_time_event){.at_ns = whole->known[i], .anomaly = true, .text = ""});
    }
    if (live == NULL) {
        time->anomalies_until_ns = whole->until_ns;
        count = add_anomalies(moment, count, whole->findings, 0);
    }
    count = add_anomalies(moment, count,
                          live != NULL ? moment->options.live_findings : moment->findings,
                          whole->until_ns);
    time->event_count = count;
    time->judged_from_ns = moment->away ? moment->judged_from_ns : 0;
    return time;
}
