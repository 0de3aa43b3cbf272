#include "cli/moment.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "wire/clock.h"

/* What judgements look at: roles 10 s and what they held before, likely leaks 35 s at least, and
 * better more of it: as much as a seek goes through in SEEK_NS. */
#define WARM_NS      (60 * MS_NS_PER_S)
#define WARM_MOST_NS (3600 * MS_NS_PER_S)
#define SEEK_NS      (MS_NS_PER_S / 20)
/* What is unusual in a file is known once all of it was gone through: in slices, between keys. */
#define SLICE_NS      (MS_NS_PER_S / 100)
#define BETWEEN_NS    (MS_NS_PER_S / 100)
#define SLICES_A_DRAW 25u
#define FORWARD_TICKS 100u /* as far as stepping is sooner there than finding */
#define FRAME_NS      (MS_NS_PER_S / 15)
#define GO_LIMIT_NS   (MS_NS_PER_S / 10) /* what playing may take at once: else it is slower */
#define EVENTS_MAX    2000u
#define PEAKS_MAX     64u
#define READ_AT_ONCE  256u

static const double speeds[] = {0.25, 0.5, 1, 2, 5, 10, 30, 60};
enum { SPEEDS = sizeof speeds / sizeof speeds[0], SPEED_USUAL = 2 };

struct peak {
    uint32_t process_id;
    uint64_t at_ns;
};

struct whole {
    struct ms_replay *replay; /* NULL: not begun, or over */
    struct ms_findings *findings;
    uint64_t next_ns;  /* when to go on; UINT64_MAX: it is over */
    uint64_t until_ns; /* so far it came */
    uint64_t from_ns;  /* its findings begin there */
    unsigned slices;
    bool failed;                /* it came to no end */
    uint64_t known[EVENTS_MAX]; /* when anomalies were, of models before this one */
    size_t known_count;
};

struct ms_moment {
    struct ms_moment_options options;
    struct ms_replay *replay; /* while away */
    struct ms_findings *findings;
    bool no_memory;          /* for the findings of a tick that was gone through */
    uint64_t judged_from_ns; /* these findings begin there */
    uint64_t warmed;         /* ticks that they have judged */
    struct whole whole;
    uint64_t serial;
    bool away;
    bool wished, wished_present;
    uint64_t wished_tick;
    bool playing;
    size_t speed;
    double played_at_ns;          /* of the recording */
    uint64_t played_ns;           /* when playing was there */
    struct peak peaks[PEAKS_MAX]; /* of a file, as its end knows them */
    size_t peak_count;
    struct ms_time_event events[EVENTS_MAX];
    struct ms_tui_time time;
};

struct ms_moment *ms_moment_new(const struct ms_moment_options *options)
{
    struct ms_moment *moment = calloc(1, sizeof *moment);
    if (moment != NULL) {
        moment->options = *options;
        moment->speed = SPEED_USUAL;
        moment->serial = 1;
    }
    return moment;
}

static void leave_whole(struct whole *whole)
{
    ms_replay_free(whole->replay);
    whole->replay = NULL;
    ms_findings_free(whole->findings);
    whole->findings = NULL;
    whole->next_ns = UINT64_MAX;
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
        leave_whole(&moment->whole);
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

/* --- where things are --- */

/* Tick n ends n + 1 intervals after the start. */
static uint64_t tick_at(const struct ms_moment *moment, uint64_t at_ns)
{
    const struct ms_recording_about about = ms_recording_about(moment->options.recording);
    const uint64_t interval_ns = about.interval_ns > 0 ? about.interval_ns : 1;
    const uint64_t ticks = at_ns > about.start_ns ? (at_ns - about.start_ns) / interval_ns : 0;
    return ticks > 0 ? ticks - 1 : 0;
}

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

/* When a series was highest; 0: it has no points. */
static uint64_t highest_ns(const struct ms_model *model, const struct ms_history *history)
{
    const uint64_t interval_ns = ms_model_interval_ns(model);
    const uint64_t step = ms_history_step(interval_ns, MS_RESOLUTION_SECOND);
    const uint64_t count = ms_model_ticks(model) / step + 1;
    double points[READ_AT_ONCE];
    double highest = -INFINITY;
    uint64_t found_ns = 0;
    for (uint64_t first = 0; history != NULL && first < count; first += READ_AT_ONCE) {
        ms_history_read_at(history, MS_RESOLUTION_SECOND, first, READ_AT_ONCE, points);
        for (uint64_t i = 0; i < READ_AT_ONCE; i++) {
            if (points[i] > highest) {
                highest = points[i];
                found_ns = ms_model_start_ns(model) + (first + i + 1) * step * interval_ns;
            }
        }
    }
    const uint64_t now_ns = ms_model_now_ns(model);
    return found_ns < now_ns ? found_ns : now_ns;
}

uint64_t ms_moment_peak_ns(const struct ms_model *model, uint32_t process_id)
{
    const struct ms_process *most = NULL;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process_id != 0
                ? process->id == process_id
                : process->merged == 0 &&
                      (most == NULL || process->totals.peak_bytes > most->totals.peak_bytes)) {
            most = process;
        }
    }
    if (most == NULL) {
        return 0;
    }
    return most->peak.epoch != 0
               ? most->peak.at_ns
               : highest_ns(model, most->history[MS_PROCESS_SERIES_CURRENT_BYTES]);
}

/* Process 0 stands for the largest. */
static void remember_peaks(struct ms_moment *moment, const struct ms_model *model)
{
    moment->peaks[moment->peak_count++] =
        (struct peak){.process_id = 0, .at_ns = ms_moment_peak_ns(model, 0)};
    for (size_t i = 0; i < ms_model_process_count(model) && moment->peak_count < PEAKS_MAX; i++) {
        const uint32_t id = ms_model_process(model, i)->id;
        moment->peaks[moment->peak_count++] =
            (struct peak){.process_id = id, .at_ns = ms_moment_peak_ns(model, id)};
    }
}

static uint64_t peak_ns(const struct ms_moment *moment, uint32_t process_id)
{
    if (moment->options.live != NULL) {
        return ms_moment_peak_ns(moment->options.live, process_id);
    }
    for (size_t i = 0; i < moment->peak_count; i++) {
        if (moment->peaks[i].process_id == process_id) {
            return moment->peaks[i].at_ns;
        }
    }
    return 0;
}

/* The nearest event beyond a tick; false: there is none. */
static bool next_event(struct ms_moment *moment, bool anomaly, int by, uint64_t from,
                       uint64_t *found)
{
    const struct ms_tui_time *time = ms_moment_time(moment);
    bool any = false;
    for (size_t i = 0; i < time->event_count; i++) {
        const uint64_t tick = tick_at(moment, time->events[i].at_ns);
        if (time->events[i].anomaly == anomaly && (by > 0 ? tick > from : tick < from) &&
            (!any || (by > 0 ? tick < *found : tick > *found))) {
            *found = tick;
            any = true;
        }
    }
    return any;
}

/* --- wishes --- */

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
        return wish_within(moment, &about, added(tick_at(moment, asked->at_ns), asked->by));
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
        const uint64_t at_ns = peak_ns(moment, asked->process_id);
        return at_ns == 0 ? -ENOENT : wish_within(moment, &about, tick_at(moment, at_ns) + 1);
    }
    case MS_TIME_MARK:
    case MS_TIME_ANOMALY:
        return next_event(moment, asked->what == MS_TIME_ANOMALY, asked->by, from, &tick)
                   ? wish_within(moment, &about, tick)
                   : -ENOENT;
    case MS_TIME_PLAY:
        return play_or_stop(moment, &about, now_ns);
    case MS_TIME_SPEED:
        if (asked->by < 0 ? moment->speed == 0 : moment->speed + 1 == SPEEDS) {
            return -ENOENT;
        }
        moment->speed = (size_t)((int)moment->speed + (asked->by < 0 ? -1 : 1));
        return 0;
    }
    return -EINVAL;
}

void ms_moment_ask_at_ns(struct ms_moment *moment, uint64_t at_ns)
{
    /* Ticks that came late lie behind where their number says. */
    const struct ms_recording_about about = ms_recording_about(moment->options.recording);
    wish(moment, at_ns >= about.last_ns ? about.last_tick : tick_at(moment, at_ns));
}

/* --- going there --- */

static void ticked(void *context, const struct ms_model *model, bool anew)
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
        .ticked = ticked, .context = moment, .warm_ns = WARM_NS};
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
        remember_peaks(moment, ms_replay_model(moment->replay));
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
    moment->played_at_ns += (double)(now_ns - moment->played_ns) * speeds[moment->speed];
    moment->played_ns = now_ns;
    const uint64_t tick = tick_at(moment, (uint64_t)moment->played_at_ns);
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

/* --- all of a file --- */

/* Not before there is something to look at; the session itself has judged all of a live one. */
static uint64_t whole_next_ns(const struct ms_moment *moment)
{
    return moment->options.live == NULL && moment->away ? moment->whole.next_ns : UINT64_MAX;
}

static void keep_anomalies(struct whole *whole)
{
    const struct ms_anomalies *anomalies =
        whole->findings != NULL ? ms_findings_anomalies(whole->findings) : NULL;
    const size_t count = anomalies != NULL ? ms_anomalies_count(anomalies) : 0;
    for (size_t i = 0; i < count && whole->known_count < EVENTS_MAX; i++) {
        whole->known[whole->known_count++] = ms_anomalies_at(anomalies, i)->at_ns;
    }
}

static void ticked_whole(void *context, const struct ms_model *model, bool anew)
{
    struct ms_moment *moment = context;
    struct whole *whole = &moment->whole;
    if (anew) {
        keep_anomalies(whole);
        ms_findings_free(whole->findings);
        whole->findings =
            ms_findings_new(&moment->options.thresholds, moment->options.suppressions);
        whole->from_ns = ms_model_now_ns(model);
    }
    whole->failed = whole->findings == NULL || ms_findings_update(whole->findings, model) != 0;
    whole->until_ns = ms_model_now_ns(model);
}

/* Who looks at the end gets what was judged from the begin on. */
static void finish_whole(struct ms_moment *moment)
{
    struct whole *whole = &moment->whole;
    keep_anomalies(whole);
    if (!moment->playing && !moment->wished && moment->away && !whole->failed &&
        ms_replay_tick(moment->replay) == ms_replay_tick(whole->replay)) {
        ms_replay_free(moment->replay);
        ms_findings_free(moment->findings);
        moment->replay = whole->replay;
        moment->findings = whole->findings;
        moment->judged_from_ns = whole->from_ns;
        ms_replay_take_over(moment->replay, ticked, moment);
        whole->replay = NULL;
        whole->findings = NULL;
        moment->serial++;
    }
    leave_whole(whole);
}

static int go_through_whole(struct ms_moment *moment)
{
    struct whole *whole = &moment->whole;
    const uint64_t until_ns = ms_monotonic_ns() + SLICE_NS;
    int result = 1;
    if (whole->replay == NULL) {
        const struct ms_replay_options options = {.ticked = ticked_whole, .context = moment};
        whole->replay = ms_replay_new(moment->options.recording, &options);
        if (whole->replay == NULL ||
            ms_replay_seek(whole->replay,
                           ms_recording_about(moment->options.recording).first_tick) != 0) {
            leave_whole(whole); /* what is looked at is judged all the same */
            return 0;
        }
    }
    while (result == 1 && !whole->failed && ms_monotonic_ns() < until_ns) {
        result = ms_replay_step(whole->replay);
    }
    if (result != 1 || whole->failed) {
        whole->failed = whole->failed || result != 0;
        if (!whole->failed) {
            whole->until_ns = ms_recording_about(moment->options.recording).last_ns;
        }
        finish_whole(moment);
        return 1;
    }
    whole->next_ns = ms_monotonic_ns() + BETWEEN_NS;
    return ++whole->slices % SLICES_A_DRAW == 0;
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
    if (result == 0 && !moment->playing && now_ns >= whole_next_ns(moment)) {
        return go_through_whole(moment);
    }
    return result;
}

uint64_t ms_moment_next_ns(const struct ms_moment *moment)
{
    if (moment->wished || moment->wished_present) {
        return 0;
    }
    return moment->playing ? moment->played_ns + FRAME_NS : whole_next_ns(moment);
}

/* --- telling --- */

static size_t add_event(struct ms_moment *moment, size_t count, struct ms_time_event event)
{
    if (count < EVENTS_MAX) {
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
                                 .speed = speeds[moment->speed],
                                 .events = moment->events};
    if (recording == NULL) {
        time->why = "nothing is kept to look back at: there was no memory for it";
        return time;
    }
    const struct ms_recording_about about = ms_recording_about(recording);
    time->why = about.last_ns == 0 ? "there is nothing to look back at yet" : NULL;
    time->start_ns = about.start_ns;
    time->start_unix_ns = about.start_unix_ns;
    time->first_ns = about.first_ns;
    time->last_ns = live != NULL ? ms_model_now_ns(live) : about.last_ns;
    time->coarse_until_ns = about.coarse_until_ns;
    const struct ms_model *model = ms_moment_model(moment);
    time->at_ns = model != NULL ? ms_model_now_ns(model) : about.last_ns;
    time->peak_ns = peak_ns(moment, 0);
    size_t count = 0;
    for (size_t i = 0; i < ms_recording_mark_count(recording); i++) {
        const struct ms_mark mark = ms_recording_mark(recording, i);
        count = add_event(moment, count,
                          (struct ms_time_event){.at_ns = mark.at_ns, .text = mark.text});
    }
    const struct whole *whole = &moment->whole;
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
